"""Coordinates without constraints: every vector is a mixture, and every mixture with positive weights is a vector.

In: parameters. Out: a vector `u`, and the derivatives of the way back. In this order it holds

- the logits of all components but the last, whose logit is 0;
- the means;
- the logarithms of the diagonals of the precisions' Cholesky factors (``precision = L @ L.T``, L lower triangular);
- row by row what stands below those diagonals.

Diagonal and spherical covariances have no last part. A tied covariance has one factor. The map from the factors to the
covariances is written in the subset, and its derivatives are generated; the rest of the map is linear. A
`Scaling` chooses the units that the vector is in: it describes the mixture of the standardised data.

>>> p = Parameters(np.log([0.25, 0.75]), means=np.array([[1.0], [2.0]]), covariances=np.array([[[0.25]], [[4.0]]]))
>>> there = Coordinates(2, 1, "full")
>>> u = there.to_vector(p)
>>> u.round(6)
array([-1.098612,  1.      ,  2.      ,  0.693147, -0.693147])
>>> there.from_vector(u).covariances.ravel()
array([0.25, 4.  ])
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from srcdiff import grad, hvp, jvp
from srcdiff.mixture.parameters import Parameters, covariances_shape
from srcdiff.mixture.scaling import Scaling

FloatArray = npt.NDArray[np.float64]


def covariances_of_factors(
    log_diagonals: Annotated[np.ndarray, "k d"],
    lower: Annotated[np.ndarray, "k l"],
    spread: Annotated[np.ndarray, "l dd"],
) -> Annotated[np.ndarray, "k d d"]:
    """Covariances of components whose precisions are ``L @ L.T``.

    `lower` holds what is below the diagonal of each L; `spread` is the 0/1 matrix that puts it there.
    """
    k, d = log_diagonals.shape
    factors = np.exp(log_diagonals)[:, :, np.newaxis] * np.eye(d) + np.reshape(lower @ spread, (k, d, d))
    inverses = np.linalg.inv(factors)
    covariances: np.ndarray = np.swapaxes(inverses, 1, 2) @ inverses
    return covariances


def paired_covariances(
    log_diagonals: Annotated[np.ndarray, "k d"],
    lower: Annotated[np.ndarray, "k l"],
    spread: Annotated[np.ndarray, "l dd"],
    adjoint: Annotated[np.ndarray, "k d d"],
) -> float:
    """The product of the covariances with an adjoint: its Hessian is the map's curvature, as the adjoint weighs it."""
    total: float = np.sum(adjoint * covariances_of_factors(log_diagonals, lower, spread))
    return total


def variances_of_factors(log_factors: Annotated[np.ndarray, "m"]) -> Annotated[np.ndarray, "m"]:
    """Variances whose inverses are the squares of the factors."""
    variances: np.ndarray = np.exp(-2.0 * log_factors)
    return variances


def paired_variances(log_factors: Annotated[np.ndarray, "m"], adjoint: Annotated[np.ndarray, "m"]) -> float:
    """The product of the variances with an adjoint."""
    total: float = np.sum(adjoint * variances_of_factors(log_factors))
    return total


covariances_pullback = grad(paired_covariances, wrt=("log_diagonals", "lower"))
covariances_curvature = hvp(paired_covariances, wrt=("log_diagonals", "lower"))
variances_pullback = grad(paired_variances)
variances_curvature = hvp(paired_variances)


@dataclass(frozen=True)
class Coordinates:
    """The vectors that mixtures of one size and covariance type are."""

    components: int
    dimensions: int
    covariance_type: str
    scaling: Scaling | None = None
    """The units of the vector; None: those of the parameters."""

    @property
    def matrices(self) -> bool:
        """Whether the covariances are matrices, not variances."""
        return self.covariance_type in ("full", "tied")

    @property
    def factors(self) -> int:
        """How many factors there are: 1 where all components share theirs."""
        return 1 if self.covariance_type == "tied" else self.components

    @property
    def below(self) -> int:
        """How many entries each factor has below its diagonal."""
        return self.dimensions * (self.dimensions - 1) // 2 if self.matrices else 0

    @property
    def diagonal(self) -> int:
        """How many entries each factor has on its diagonal."""
        return 1 if self.covariance_type == "spherical" else self.dimensions

    @property
    def linear(self) -> int:
        """How many coordinates are logits and means."""
        return self.components - 1 + self.components * self.dimensions

    @property
    def size(self) -> int:
        """How many coordinates there are: the free parameters of the model."""
        return self.linear + self.factors * (self.diagonal + self.below)

    @property
    def covariance_shape(self) -> tuple[int, ...]:
        """The shape of `Parameters.covariances`."""
        return covariances_shape(self.covariance_type, self.components, self.dimensions)

    @cached_property
    def places(self) -> npt.NDArray[np.intp]:
        """Where the entries of each factor are in the vector: a row for each factor."""
        start = self.linear + self.factors * self.diagonal
        diagonals = np.arange(self.linear, start).reshape(self.factors, self.diagonal)
        return np.hstack([diagonals, np.arange(start, self.size).reshape(self.factors, self.below)])

    @cached_property
    def own(self) -> npt.NDArray[np.intp]:
        """Where the entries are that belong to one component each, logits apart: a row for each component."""
        k, d = self.components, self.dimensions
        means = np.arange(k - 1, self.linear).reshape(k, d)
        return means if self.covariance_type == "tied" else np.hstack([means, self.places])

    @cached_property
    def shared(self) -> npt.NDArray[np.intp]:
        """Where the entries are that belong to all components: those of a tied covariance."""
        return self.places.ravel() if self.covariance_type == "tied" else np.arange(0)

    @cached_property
    def spread(self) -> FloatArray:
        """The 0/1 matrix from the entries below a diagonal to all entries."""
        rows, columns = np.tril_indices(self.dimensions, -1)
        matrix = np.zeros((len(rows), self.dimensions**2))
        matrix[np.arange(len(rows)), rows * self.dimensions + columns] = 1.0
        return matrix

    @cached_property
    def _units(self) -> FloatArray:
        """What covariances in the vector's units are multiplied with, in their shape."""
        squares = np.ones(()) if self.scaling is None else self.scaling.squares(self.covariance_type)
        return np.broadcast_to(squares, self.covariance_shape)

    @cached_property
    def _scale(self) -> FloatArray:
        return np.ones(self.dimensions) if self.scaling is None else self.scaling.scale

    @cached_property
    def _centre(self) -> FloatArray:
        return np.zeros(self.dimensions) if self.scaling is None else self.scaling.centre

    def parts(self, u: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Logits, means, log-diagonals and lower parts in a vector, or in a stack of vectors."""
        k, d = self.components, self.dimensions
        lead = u.shape[:-1]
        b, c = self.linear, self.linear + self.factors * self.diagonal
        return (
            np.concatenate([u[..., : k - 1], np.zeros((*lead, 1))], axis=-1),
            u[..., k - 1 : b].reshape((*lead, k, d)),
            u[..., b:c].reshape((*lead, self.factors, self.diagonal)),
            u[..., c:].reshape((*lead, self.factors, self.below)),
        )

    def to_vector(self, p: Parameters) -> FloatArray:
        """The vector of a mixture.

        Raises
        ------
        numpy.linalg.LinAlgError
            where a covariance is not positive definite.
        """
        scaled = np.asarray(p.covariances, dtype=float) / self._units
        if self.matrices:
            precisions = np.linalg.inv(scaled).reshape(self.factors, self.dimensions, self.dimensions)
            lower = np.linalg.cholesky((precisions + np.swapaxes(precisions, 1, 2)) / 2)
            each = np.arange(self.dimensions)
            rows, columns = np.tril_indices(self.dimensions, -1)
            pieces = [np.log(lower[:, each, each]).ravel(), lower[:, rows, columns].ravel()]
        elif np.any(scaled <= 0):
            raise np.linalg.LinAlgError("a variance is not positive")
        else:
            pieces = [-0.5 * np.log(scaled).ravel()]
        means = (p.means - self._centre) / self._scale
        vector: FloatArray = np.concatenate([p.logits[:-1] - p.logits[-1], means.ravel(), *pieces])
        return vector

    def from_vector(self, u: FloatArray) -> Parameters:
        """The mixture of a vector."""
        logits, means, diagonals, lower = self.parts(u)
        if self.matrices:
            scaled = covariances_of_factors(diagonals, lower, self.spread)
        else:
            scaled = variances_of_factors(diagonals.ravel())
        means = means * self._scale + self._centre
        return Parameters(logits, means, scaled.reshape(self.covariance_shape) * self._units)

    def push_forward(self, u: FloatArray, vectors: FloatArray) -> Parameters:
        """The tangents of the parameters along a stack of vectors: each with one more, leading axis."""
        _, _, diagonals, lower = self.parts(u)
        dlogits, dmeans, ddiagonals, dlower = self.parts(vectors)
        tangent: Any
        if self.matrices:
            _, tangent = jvp(
                covariances_of_factors,
                (diagonals, lower, self.spread),
                (ddiagonals, dlower),
                wrt=("log_diagonals", "lower"),
            )
        else:
            _, tangent = jvp(variances_of_factors, (diagonals.ravel(),), (ddiagonals.reshape(len(vectors), -1),))
        shape = (len(vectors), *self.covariance_shape)
        return Parameters(dlogits, dmeans * self._scale, tangent.reshape(shape) * self._units)

    def pull_back(self, u: FloatArray, gradient: Parameters) -> FloatArray:
        """The gradient in the coordinates from that in the parameters."""
        _, _, diagonals, lower = self.parts(u)
        scaled = gradient.covariances * self._units
        if self.matrices:
            adjoint = scaled.reshape(self.factors, self.dimensions, self.dimensions)
            pieces = [piece.ravel() for piece in covariances_pullback(diagonals, lower, self.spread, adjoint)]
        else:
            pieces = [variances_pullback(diagonals.ravel(), scaled.ravel())]
        means = gradient.means * self._scale
        vector: FloatArray = np.concatenate([gradient.logits[:-1], means.ravel(), *pieces])
        return vector

    def curvature_along(self, u: FloatArray, gradient: Parameters, v: FloatArray) -> FloatArray:
        """The product of `curvature` with a vector, or with each of a stack of vectors, without the matrix."""
        _, _, diagonals, lower = self.parts(u)
        _, _, v_diagonals, v_lower = self.parts(v)
        lead = v.shape[:-1]
        adjoint = gradient.covariances * self._units
        if self.matrices:
            adjoint = adjoint.reshape(self.factors, self.dimensions, self.dimensions)
            pieces = covariances_curvature(diagonals, lower, self.spread, adjoint, v_diagonals, v_lower)
        else:
            pieces = (variances_curvature(diagonals.ravel(), adjoint.ravel(), v_diagonals.reshape((*lead, -1))),)
        products: FloatArray = np.concatenate(
            [np.zeros((*lead, self.linear)), *[piece.reshape((*lead, -1)) for piece in pieces]], axis=-1
        )
        return products

    def curvature(self, u: FloatArray, gradient: Parameters) -> FloatArray:
        """The second derivatives of the map, weighed by a gradient in the parameters.

        The Hessian of ``f(from_vector(u))`` is ``J.T @ H @ J`` with the map's Jacobian and f's Hessian, plus this. No
        two factors meet in it, so that one direction serves an entry of every factor; and no two variances meet.
        """
        matrix = np.zeros((self.size, self.size))
        places = self.places if self.matrices else self.places.reshape(-1, 1)
        entries = places.shape[1]
        vectors = np.zeros((entries, self.size))
        vectors[np.arange(entries)[:, np.newaxis], places.T] = 1.0
        products = self.curvature_along(u, gradient, vectors)
        # products[e, places[f, g]]: how entry g of factor f changes along entry e of the same factor.
        matrix[places[:, :, np.newaxis], places[:, np.newaxis, :]] = np.moveaxis(products[:, places], 0, -1)
        return matrix
