"""The log-likelihood of a Gaussian mixture, in plain NumPy: the compiler's main customer.

In: logits of the weights, means, factors of the precisions, observations. Out: one number. A component's precision is
``P = L @ L.T`` with a triangular factor ``L``, so that its density needs no inverse: with ``z = L.T (x - mean)``

    log N(x | mean, P) = sum(log |diag L|) - z.z / 2 - d log(2 pi) / 2

All components' ``z`` come from one product of the factors with the data; the centring is a bias, so that no difference
is taken for every pair of observation and component. Components are rows and observations columns: every sum below runs
over long rows. The shapes in the annotations are text in the jaxtyping convention: jaxtyping need not be installed.

>>> X = np.array([[0.0], [1.0]])
>>> value = log_likelihood(np.zeros(1), np.zeros((1, 1)), np.ones((1, 1, 1)), X)
>>> bool(np.isclose(value, -np.log(2 * np.pi) - 0.5))
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float


def log_likelihood(
    logits: Float[np.ndarray, "k"],  # type: ignore[name-defined]  # a shape and not a name
    means: Float[np.ndarray, "k d"],
    factors: Float[np.ndarray, "k d d"],
    X: Float[np.ndarray, "n d"],
) -> float:
    """The log-likelihood of a mixture of `k` Gaussians, summed over the rows of `X`."""
    n, d = X.shape
    # Weights, normalised: log softmax.
    top = np.max(logits)
    log_weights = logits - top - np.log(np.sum(np.exp(logits - top)))
    # Squared distances of every observation to every component, in its metric.
    maps = np.swapaxes(factors, 1, 2)
    centres = np.sum(maps * means[:, np.newaxis, :], axis=2)
    Z = maps @ X.T - centres[:, :, np.newaxis]
    distances = np.sum(Z * Z, axis=1)
    # Joint log-densities of component and observation, and their log-sum-exp over components.
    each = np.arange(d)
    diagonals = factors[:, each, each]
    log_dets = np.sum(np.log(np.abs(diagonals)), axis=1)
    joint = (log_weights + log_dets)[:, np.newaxis] - 0.5 * distances
    highest = np.max(joint, axis=0)
    log_densities = highest + np.log(np.sum(np.exp(joint - highest), axis=0))
    total: float = np.sum(log_densities) - 0.5 * n * d * np.log(2.0 * np.pi)
    return total
