"""The simplest mixture: only the means are unknown. Where EM, Newton and k-means can be compared step by step.

In: means, observations, one variance for all. Out: steps of EM and of Newton on the log-likelihood, and Newton's step
for the error of k-means, all from generated derivatives of the two functions below. On half the sum of squared
distances Newton's step is Lloyd's (Bottou and Bengio 1994, section 2.2): the Hessian holds the sizes of the clusters.
EM's step approaches it as the variance shrinks.

>>> X = np.array([[-1.2], [-0.8], [0.9], [1.1]])
>>> newton_step_of_error(np.array([[-3.0], [2.0]]), X).ravel()
array([-1.,  1.])
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from srcdiff import grad, hessian

if TYPE_CHECKING:
    from typing import Annotated

FloatArray = npt.NDArray[np.float64]


def log_likelihood_of_means(
    logits: Annotated[np.ndarray, "k"],
    means: Annotated[np.ndarray, "k d"],
    X: Annotated[np.ndarray, "n d"],
    variance: float,
) -> float:
    """The log-likelihood of Gaussians of one known variance; the logits are those of their weights."""
    n, d = X.shape
    differences = X - means[:, np.newaxis, :]
    distances = np.sum(differences * differences, axis=2)
    top = np.max(logits)
    log_weights = logits - top - np.log(np.sum(np.exp(logits - top)))
    joint = log_weights[:, np.newaxis] - 0.5 * distances / variance
    highest = np.max(joint, axis=0)
    log_densities = highest + np.log(np.sum(np.exp(joint - highest), axis=0))
    total: float = np.sum(log_densities) - 0.5 * n * d * np.log(2.0 * np.pi * variance)
    return total


def quantisation_error(means: Annotated[np.ndarray, "k d"], X: Annotated[np.ndarray, "n d"]) -> float:
    """Half the sum of the squared distances of the observations to their nearest means: what k-means lowers."""
    differences = X - means[:, np.newaxis, :]
    total: float = 0.5 * np.sum(np.min(np.sum(differences * differences, axis=2), axis=0))
    return total


gradient = grad(log_likelihood_of_means, wrt=("logits", "means"))
curvature = hessian(log_likelihood_of_means, wrt="means")
error_gradient = grad(quantisation_error)
error_curvature = hessian(quantisation_error)


def em_step_of_means(logits: FloatArray, means: FloatArray, X: FloatArray, variance: float) -> FloatArray:
    """The next means of EM, from the gradient: a step of ``variance / N_k`` along it (`srcdiff.mixture.em`)."""
    by_logits, by_means = gradient(logits, means, X, variance)
    weights = np.exp(logits - logits.max())
    counts = by_logits + len(X) * weights / weights.sum()
    moved: FloatArray = means + variance * by_means / counts[:, np.newaxis]
    return moved


def newton_step_of_means(logits: FloatArray, means: FloatArray, X: FloatArray, variance: float) -> FloatArray:
    """The next means of Newton's method on the log-likelihood."""
    _, by_means = gradient(logits, means, X, variance)
    return _newton(means, by_means, curvature(logits, means, X, variance))


def newton_step_of_error(means: FloatArray, X: FloatArray) -> FloatArray:
    """The next means of Newton's method on the quantisation error."""
    return _newton(means, error_gradient(means, X), error_curvature(means, X))


def _newton(means: FloatArray, slope: FloatArray, matrix: FloatArray) -> FloatArray:
    step = np.linalg.solve(matrix.reshape(means.size, means.size), slope.ravel())
    moved: FloatArray = means - step.reshape(means.shape)
    return moved
