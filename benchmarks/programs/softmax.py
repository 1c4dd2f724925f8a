"""Softmax regression: the cross-entropy of class labels."""

from __future__ import annotations

from typing import Any

import numpy as np

WRT = ("W", "b")
SIZES = {
    "100 x 5, 3 classes": (100, 5, 3),
    "5000 x 50, 10 classes": (5000, 50, 10),
    "20000 x 100, 100 classes": (20000, 100, 100),
}


def loss(W, b, X, labels):
    logits = X @ W + b
    logits = logits - np.max(logits, axis=1, keepdims=True)
    log_totals = np.log(np.sum(np.exp(logits), axis=1))
    return np.mean(log_totals - logits[np.arange(len(labels)), labels])


def arguments(n: int, d: int, classes: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    return (
        0.1 * rng.normal(size=(d, classes)),
        np.zeros(classes),
        rng.normal(size=(n, d)),
        rng.integers(classes, size=n),
    )
