"""A mixture of Gaussians with diagonal covariances: the negative log-likelihood."""

from __future__ import annotations

from typing import Any

import numpy as np

WRT = ("logits", "means", "log_scales")
SIZES = {
    "200 x 2, 3 components": (200, 2, 3),
    "5000 x 4, 5 components": (5000, 4, 5),
    "20000 x 10, 20 components": (20000, 10, 20),
}


def logsumexp(a, axis):
    highest = np.max(a, axis=axis, keepdims=True)
    return np.log(np.sum(np.exp(a - highest), axis=axis)) + np.squeeze(highest, axis=axis)


def loss(logits, means, log_scales, X):
    log_weights = logits - logsumexp(logits, 0)
    z = (X[:, None, :] - means) * np.exp(-log_scales)
    joint = log_weights - np.sum(log_scales, axis=1) - 0.5 * np.sum(z**2, axis=2)
    return -np.sum(logsumexp(joint, 1)) + 0.5 * X.size * np.log(2.0 * np.pi)


def arguments(n: int, d: int, k: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    means = 3.0 * rng.normal(size=(k, d))
    X = means[rng.integers(k, size=n)] + rng.normal(size=(n, d))
    return 0.3 * rng.normal(size=k), means + 0.3 * rng.normal(size=(k, d)), 0.1 * rng.normal(size=(k, d)), X
