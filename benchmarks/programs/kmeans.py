"""The cost of k-means: squared distances of points from the nearest of the centres."""

from __future__ import annotations

from typing import Any

import numpy as np

WRT = ("centres",)
SIZES = {
    "200 x 2, 3 centres": (200, 2, 3),
    "5000 x 8, 10 centres": (5000, 8, 10),
    "20000 x 16, 20 centres": (20000, 16, 20),
}


def loss(centres, X):
    squares = np.sum((X[:, None, :] - centres[None, :, :]) ** 2, axis=2)
    return np.sum(np.min(squares, axis=1))


def arguments(n: int, d: int, k: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    return X[:k] + 0.1 * rng.normal(size=(k, d)), X
