"""The gradient of the mixture's log-likelihood as a careful person writes it in NumPy: the mark for the generated one.

In: what `srcdiff.mixture.log_likelihood` takes. Out: its value and its gradient with respect to logits, means and
factors. The formulation is the likelihood's own; buffers are reused where they are dead.

>>> rng = np.random.default_rng(0)
>>> X, factors = rng.normal(size=(5, 2)), np.tile(np.eye(2), (3, 1, 1))
>>> value, (blogits, bmeans, bfactors) = value_and_gradient(np.zeros(3), rng.normal(size=(3, 2)), factors, X)
>>> blogits.shape, bmeans.shape, bfactors.shape
((3,), (3, 2), (3, 2, 2))
"""

from __future__ import annotations

import numpy as np


def value_and_gradient(
    logits: np.ndarray, means: np.ndarray, factors: np.ndarray, X: np.ndarray
) -> tuple[float, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    n, d = X.shape
    exponentials = np.exp(logits - np.max(logits))
    weights = exponentials / np.sum(exponentials)
    diagonals = np.diagonal(factors, axis1=1, axis2=2)
    offsets = np.log(weights) + np.sum(np.log(np.abs(diagonals)), axis=1)
    maps = np.swapaxes(factors, 1, 2)
    centres = np.sum(maps * means[:, np.newaxis, :], axis=2)

    Z = maps @ X.T
    Z -= centres[:, :, np.newaxis]
    joint = np.sum(Z * Z, axis=1)
    joint *= -0.5
    joint += offsets[:, np.newaxis]
    highest = np.max(joint, axis=0)
    joint -= highest
    responsibilities = np.exp(joint, out=joint)
    totals = np.sum(responsibilities, axis=0)
    value = np.sum(highest) + np.sum(np.log(totals)) - 0.5 * n * d * np.log(2.0 * np.pi)

    responsibilities /= totals
    shares = np.sum(responsibilities, axis=1)
    Z *= responsibilities[:, np.newaxis, :]
    bcentres = np.sum(Z, axis=2)
    bmaps = bcentres[:, :, np.newaxis] * means[:, np.newaxis, :] - Z @ X
    bmeans = np.sum(bcentres[:, :, np.newaxis] * maps, axis=1)
    bfactors = np.swapaxes(bmaps, 1, 2)
    index = np.arange(d)
    bfactors[:, index, index] += shares[:, np.newaxis] / diagonals
    return value, (shares - n * weights, bmeans, bfactors)
