import numpy as np


def network(params: dict[str, np.ndarray], layers: list[np.ndarray], x: np.ndarray) -> float:
    outputs = []
    h = x
    for W in layers:
        h = np.tanh(W @ h)
        outputs.append(np.sum(h))
    return params["scale"] * sum(outputs) + np.sum(params["bias"] * h)
