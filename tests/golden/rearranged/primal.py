"""Parameters in one vector and features side by side: what models do with shapes."""

from typing import Annotated

import numpy as np


def loss(
    theta: Annotated[np.ndarray, "8"], x: Annotated[np.ndarray, "n"], y: Annotated[np.ndarray, "n"]
) -> float:
    kernel, weights, knots = np.split(theta, [3, 6])
    smooth = np.convolve(np.pad(x, 1, mode="edge"), kernel, mode="valid")
    features = np.stack([smooth, x, np.ones_like(x)], axis=1)
    bend = np.interp(x, [-2.0, 0.0, 2.0], np.concatenate([knots, [0.0]]))
    residual = features @ weights + bend - y
    system = np.block([[np.diag(weights), kernel[:, None]], [kernel, 1.0]])
    return np.sum(residual**2) + np.trace(system @ system)
