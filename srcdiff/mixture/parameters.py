"""The parameters of a Gaussian mixture, and everything that is shaped like them: gradients, steps.

In and out: logits of the weights, means, covariances in the shape of their type:

    full (K, d, d)    tied (d, d)    diag (K, d)    spherical (K,)

>>> p = Parameters.from_weights(np.array([0.25, 0.75]), np.zeros((2, 1)), np.ones(2))
>>> p.weights
array([0.25, 0.75])
>>> full_covariances(p, "spherical").shape
(2, 1, 1)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

COVARIANCE_TYPES = ("full", "tied", "diag", "spherical")

SMALLEST_WEIGHT = 1e-300
"""Stands for the weight of a component that has none: its logit stays finite."""


@dataclass(frozen=True, eq=False)
class Parameters:
    """Logits (K,), means (K, d) and covariances in the shape of their type; a gradient has the same form."""

    logits: FloatArray
    means: FloatArray
    covariances: FloatArray

    @classmethod
    def from_weights(cls, weights: FloatArray, means: FloatArray, covariances: FloatArray) -> Parameters:
        """With the logarithms of the weights for logits."""
        return cls(np.log(np.maximum(weights, SMALLEST_WEIGHT)), means, covariances)

    @property
    def weights(self) -> FloatArray:
        """The softmax of the logits."""
        powers = np.exp(self.logits - np.max(self.logits))
        weights: FloatArray = powers / np.sum(powers)
        return weights

    @property
    def components(self) -> int:
        """K."""
        return len(self.logits)

    def ordered(self, order: npt.NDArray[np.intp], covariance_type: str) -> Parameters:
        """The components in another order."""
        covariances = self.covariances if covariance_type == "tied" else self.covariances[order]
        return Parameters(self.logits[order], self.means[order], covariances)


def covariances_shape(covariance_type: str, components: int, dimensions: int) -> tuple[int, ...]:
    """The shape of the covariances of a type.

    Raises
    ------
    ValueError
        where there is no such type.
    """
    k, d = components, dimensions
    shapes = {"full": (k, d, d), "tied": (d, d), "diag": (k, d), "spherical": (k,)}
    if covariance_type not in shapes:
        raise ValueError(f"covariance_type is one of {', '.join(COVARIANCE_TYPES)}, not {covariance_type!r}")
    return shapes[covariance_type]


def full_covariances(p: Parameters, covariance_type: str) -> FloatArray:
    """The covariance matrix of every component, (K, d, d), whatever the type."""
    k, d = p.means.shape
    if covariance_type == "full":
        return p.covariances
    if covariance_type == "tied":
        return np.tile(p.covariances, (k, 1, 1))
    if covariance_type == "diag":
        return p.covariances[:, :, np.newaxis] * np.eye(d)
    return p.covariances[:, np.newaxis, np.newaxis] * np.eye(d)


def require_parameters(p: Parameters, covariance_type: str, dimensions: int) -> None:
    """Parameters at which the likelihood of data with so many columns is defined.

    Raises
    ------
    ValueError
        where a shape does not fit.
    numpy.linalg.LinAlgError
        a ValueError too, where a covariance is not positive definite.
    """
    k = len(p.logits)
    shape = covariances_shape(covariance_type, k, dimensions)
    if p.means.shape != (k, dimensions) or p.covariances.shape != shape:
        raise ValueError(
            f"means {p.means.shape} and covariances {p.covariances.shape} are not those of {k} components, "
            f"type {covariance_type}, in {dimensions} dimensions"
        )
    if covariance_type in ("full", "tied"):
        np.linalg.cholesky(p.covariances)
    elif not (p.covariances > 0.0).all():
        raise np.linalg.LinAlgError("a variance is not positive")
