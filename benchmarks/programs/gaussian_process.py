"""A Gaussian process: the negative log-likelihood of observations, by its hyperparameters."""

from __future__ import annotations

from typing import Any

import numpy as np

WRT = ("theta",)
SIZES = {"20 points": (20,), "200 points": (200,), "1000 points": (1000,)}


def loss(theta, X, y):
    amplitude, length, noise = np.exp(theta)
    squares = np.sum((X[:, None, :] - X[None, :, :]) ** 2, axis=2)
    K = amplitude * np.exp(-0.5 * squares / length**2) + noise * np.eye(len(y))
    L = np.linalg.cholesky(K)
    z = np.linalg.solve(L, y)
    return 0.5 * z @ z + np.sum(np.log(np.diag(L))) + 0.5 * len(y) * np.log(2.0 * np.pi)


def arguments(n: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    X = rng.uniform(-3.0, 3.0, size=(n, 2))
    y = np.sin(X[:, 0]) * X[:, 1] + 0.1 * rng.normal(size=n)
    return np.array([0.2, 0.1, -2.0]), X, y
