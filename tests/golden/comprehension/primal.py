import numpy as np


def softmax_entropy(scores: list[float], t: float) -> float:
    m = max(scores)
    weights = [np.exp((s - m) / t) for s in scores]
    total = sum(weights)
    return sum([-(w / total) * np.log(w / total) for w in weights])
