import numpy as np


def f(x: np.ndarray, w: float) -> float:
    s = 1.0
    for i in range(len(x)):
        t = np.tanh(x[i] * w)
        if t > 0:
            s = s + t * s
        else:
            s = s - t
    return s
