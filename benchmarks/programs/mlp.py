"""A multilayer perceptron: the squared error of a network with two hidden layers on a batch."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

WRT = ("layers",)
SIZES = {
    "32 x 8, 16 hidden": (32, 8, 16),
    "256 x 64, 128 hidden": (256, 64, 128),
    "1024 x 128, 512 hidden": (1024, 128, 512),
}


def loss(layers, X, Y):
    h = X
    for W, b in layers[:-1]:
        h = np.tanh(h @ W + b)
    W, b = layers[-1]
    error = h @ W + b - Y
    return np.sum(error**2) / len(X)


def arguments(n: int, d: int, hidden: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    widths = (d, hidden, hidden, 3)
    layers = [(rng.normal(size=(a, b)) / a**0.5, 0.1 * rng.normal(size=b)) for a, b in pairwise(widths)]
    return layers, rng.normal(size=(n, d)), rng.normal(size=(n, 3))
