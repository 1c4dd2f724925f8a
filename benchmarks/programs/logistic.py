"""Logistic regression: the penalised negative log-likelihood of labels 0 and 1."""

from __future__ import annotations

from typing import Any

import numpy as np

WRT = ("w", "b")
SIZES = {"100 x 5": (100, 5), "10000 x 20": (10_000, 20), "100000 x 50": (100_000, 50)}


def loss(w, b, X, y, penalty):
    z = X @ w + b
    return np.mean(np.logaddexp(0.0, z) - y * z) + penalty * np.sum(w**2)


def arguments(n: int, d: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    y = (rng.uniform(size=n) < 0.5).astype(float)
    return 0.3 * rng.normal(size=d), 0.1, X, y, 0.01
