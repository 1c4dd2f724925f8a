"""EM from the gradient of the log-likelihood, and from nothing else.

In: parameters and the gradient there. Out: the parameters of the next step. With logits a, W the sum of the weights,
g_k and G_k the derivatives with respect to mean and covariance of component k (all entries independent):

    N_k = dl/da_k + W pi_k                     the component's share of the samples
    D_k = Sigma_k g_k / N_k                    the step of its mean
    Sigma_k + (2 / N_k) Sigma_k G_k Sigma_k - D_k D_k^T

Xu and Jordan (1996, section 3) state the step as a gradient times a positive definite matrix, with the covariance taken
about the old mean; the term D D^T moves it to the new one and makes it the usual M step. The same formulas hold with
missing values and with noise, where they are the M step of the complete, noiseless sample. With ``Sigma = L L^T`` and
``D = L h`` the new covariance is computed as ``L (I + (2 / N) L^T G L - h h^T) L^T``: the same, but what is rounded is
small in every direction of the component, however stretched it is.

>>> from srcdiff.mixture.objective import Objective
>>> start = Parameters(np.zeros(1), np.zeros((1, 1)), np.ones(1))
>>> p, value = em_step(Objective(np.array([[1.0], [2.0], [3.0]]), "spherical"), start)
>>> p.means, p.covariances.round(12)
(array([[2.]]), array([0.66666667]))
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from srcdiff.mixture.parameters import FloatArray, Parameters

SMALLEST_SHARE = 1e-14
"""A component with a smaller share of the samples keeps its mean and covariance: its share is rounding."""


class Differentiated(Protocol):
    """What EM needs of an objective."""

    covariance_type: str
    total_weight: float

    def value_and_gradient(self, p: Parameters) -> tuple[float, Parameters]:
        """The log-likelihood and its derivatives."""


def em_step(
    objective: Differentiated, p: Parameters, regularisation: float | FloatArray = 0.0
) -> tuple[Parameters, float]:
    """One step of EM, and the log-likelihood where it started.

    `regularisation` is added to the variances: one number, or one for every column.
    """
    value, gradient = objective.value_and_gradient(p)
    return em_update(p, gradient, objective.total_weight, objective.covariance_type, regularisation), value


def shares(p: Parameters, gradient: Parameters, total_weight: float) -> FloatArray:
    """N_k, the sums of responsibilities."""
    return np.maximum(gradient.logits + total_weight * p.weights, 0.0)


def em_update(
    p: Parameters,
    gradient: Parameters,
    total_weight: float,
    covariance_type: str,
    regularisation: float | FloatArray = 0.0,
) -> Parameters:
    """The parameters of the next step from those of this one and the gradient there."""
    d = p.means.shape[1]
    N = shares(p, gradient, total_weight)
    weights = N / np.sum(N)
    alive = SMALLEST_SHARE * total_weight < N
    inverse = np.where(alive, 1.0 / np.maximum(N, SMALLEST_SHARE * total_weight), 0.0)
    S, g, G = p.covariances, gradient.means * inverse[:, np.newaxis], gradient.covariances
    added = np.broadcast_to(np.asarray(regularisation, dtype=float), (d,))
    match covariance_type:
        case "full":
            L = np.linalg.cholesky(S)
            h = np.squeeze(np.swapaxes(L, 1, 2) @ g[:, :, np.newaxis], axis=2)
            D = np.squeeze(L @ h[:, :, np.newaxis], axis=2)
            change = 2.0 * inverse[:, np.newaxis, np.newaxis] * (np.swapaxes(L, 1, 2) @ G @ L)
            change -= h[:, :, np.newaxis] * h[:, np.newaxis, :]
            moved = symmetric(L @ (np.eye(d) + change) @ np.swapaxes(L, 1, 2)) + np.diag(added)
        case "tied":
            L = np.linalg.cholesky(S)
            h = g @ L
            D = h @ L.T
            change = 2.0 / total_weight * (L.T @ G @ L) - (h.T * weights) @ h
            moved = symmetric(L @ (np.eye(d) + change) @ L.T) + np.diag(added)
        case "diag":
            D = S * g
            moved = S + 2.0 * inverse[:, np.newaxis] * S * S * G - D * D + added
        case _:
            D = S[:, np.newaxis] * g
            moved = S + 2.0 / d * inverse * S * S * G - np.mean(D * D, axis=1) + np.mean(added)
    return Parameters.from_weights(weights, p.means + D, moved)


def symmetric(matrices: FloatArray) -> FloatArray:
    """What rounding has left unequal above and below the diagonal, made equal."""
    return 0.5 * (matrices + np.swapaxes(matrices, -1, -2))
