"""Regularisation: no variance of a component falls below a floor.

In: parameters and the floor. Out: the parameters with the eigenvalues of their covariances raised to the floor where
they are below it. An ordinary optimum lies above the floor and is not moved by it at all, which a constant added to
every variance would do. Where an M step leads below the floor, raising the eigenvalues gives the likeliest covariance
above it (the M step's objective depends on the eigenvalues one by one), so that EM stays an ascent.

>>> raised, low = above(Parameters(np.zeros(1), np.zeros((1, 2)), np.array([[2.0, 0.0]])), "diag", 1e-6)
>>> raised.covariances, low
(array([[2.e+00, 1.e-06]]), True)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from srcdiff.mixture.parameters import Parameters

FloatArray = npt.NDArray[np.float64]


def above(parameters: Parameters, covariance_type: str, floor: float) -> tuple[Parameters, bool]:
    """The parameters with no variance below `floor` in any direction, and whether one was."""
    covariances = parameters.covariances
    if covariance_type in ("diag", "spherical"):
        low = bool((covariances < floor).any())
        raised = np.maximum(covariances, floor) if low else covariances
        return Parameters(parameters.logits, parameters.means, raised), low
    symmetric = 0.5 * (covariances + np.swapaxes(covariances, -1, -2))
    values, vectors = np.linalg.eigh(symmetric)
    low = bool((values < floor).any())
    if low:
        # Rounding of the product must not lead below the floor again: the least variance gets one digit more.
        raised_values = np.where(values < floor, floor * (1.0 + 1e-9), values)
        raised_values = np.maximum(raised_values, 4.0 * np.finfo(float).eps * values[..., -1:])
        symmetric = (vectors * raised_values[..., np.newaxis, :]) @ np.swapaxes(vectors, -1, -2)
        symmetric = 0.5 * (symmetric + np.swapaxes(symmetric, -1, -2))
    return Parameters(parameters.logits, parameters.means, symmetric), low


def touches(parameters: Parameters, covariance_type: str, floor: float) -> bool:
    """Whether a variance lies on the floor or below it, rounding apart."""
    covariances = parameters.covariances
    least = covariances if covariance_type in ("diag", "spherical") else np.linalg.eigvalsh(covariances)
    return bool((least <= floor * (1.0 + 1e-6)).any())
