"""The log-likelihood in coordinates without constraints, and all its derivatives.

In: an `Objective`, and a vector of `Coordinates`. Out: value, gradient, Hessian, products of the Hessian with vectors,
and the scores of the samples. All are generated derivatives, put together by the chain rule: first those of the
likelihood with respect to the parameters, then those of the map from coordinates to parameters.

>>> from srcdiff.mixture.objective import Objective
>>> function = UnconstrainedObjective(Objective(np.array([[-1.0], [1.0], [2.0]]), "spherical"), components=1)
>>> u = np.array([0.5, 0.25])
>>> value, gradient = function.value_and_gradient(u)
>>> bool(np.allclose(function.scores(u).sum(axis=0), gradient))
True
>>> bool(np.allclose(function.hessian(u)[0], function.hvp(u, np.array([1.0, 0.0]))))
True
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from srcdiff import hvp, jvp
from srcdiff.api import HessianVectorProduct
from srcdiff.mixture.blocks import Rows
from srcdiff.mixture.coordinates import Coordinates
from srcdiff.mixture.likelihood import log_sum_exp
from srcdiff.mixture.objective import Objective
from srcdiff.mixture.parameters import Parameters
from srcdiff.mixture.scaling import Scaling

FloatArray = npt.NDArray[np.float64]

IN_A_STACK = 2**21
"""The most joint log-densities, over all directions, that are worked on at a time (16 MB)."""


@lru_cache(maxsize=64)
def products_of(total: Callable[..., Any]) -> HessianVectorProduct:
    """The compiled products of a likelihood's Hessian in logits, means and covariances with vectors."""
    return hvp(total, wrt=(0, 1, 2))


class UnconstrainedObjective:
    """The weighted log-likelihood of a sample as a function of a vector.

    Parameters
    ----------
    objective
        The log-likelihood as a function of the parameters.
    components
        How many components the mixture has.
    scaling
        The units of the vector; None: those of the data.
    """

    def __init__(self, objective: Objective, components: int, scaling: Scaling | None = None) -> None:
        self.objective = objective
        self.coordinates = Coordinates(components, objective.d, objective.covariance_type, scaling)

    def to_vector(self, p: Parameters) -> FloatArray:
        """The vector of a mixture."""
        return self.coordinates.to_vector(p)

    def from_vector(self, u: FloatArray) -> Parameters:
        """The mixture of a vector."""
        return self.coordinates.from_vector(u)

    def value(self, u: FloatArray) -> float:
        """The total weighted log-likelihood."""
        return self.objective.value(self.from_vector(u))

    def value_and_gradient(self, u: FloatArray) -> tuple[float, FloatArray]:
        """The total and its gradient."""
        value, gradient = self.objective.value_and_gradient(self.from_vector(u))
        return value, self.coordinates.pull_back(u, gradient)

    def hvp(self, u: FloatArray, v: FloatArray) -> FloatArray:
        """The product of the Hessian with a vector; the matrix is never formed."""
        there, p = self.coordinates, self.from_vector(u)
        tangents = there.push_forward(u, v[np.newaxis])
        product = self._products(p, tangents)
        along = Parameters(product.logits[0], product.means[0], product.covariances[0])
        _, gradient = self.objective.value_and_gradient(p)
        return there.pull_back(u, along) + there.curvature_along(u, gradient, v)

    def hessian(self, u: FloatArray) -> FloatArray:
        """The dense Hessian, shape (len(u), len(u))."""
        there, p = self.coordinates, self.from_vector(u)
        _, gradient = self.objective.value_and_gradient(p)
        tangents = there.push_forward(u, np.eye(there.size))
        products = self._products(p, tangents)
        matrix = flat(tangents) @ flat(products).T + there.curvature(u, gradient)
        return 0.5 * (matrix + matrix.T)

    def _products(self, p: Parameters, tangents: Parameters) -> Parameters:
        """The Hessian in the parameters times each of a stack of tangents."""
        sums = Parameters(*(np.zeros(part.shape) for part in (tangents.logits, tangents.means, tangents.covariances)))
        count = len(tangents.logits)
        for block in self.objective.blocks():
            compiled = products_of(block.total)
            step = max(1, IN_A_STACK // (p.components * count_of(block.rows)))
            for start in range(0, count, step):
                some = slice(start, start + step)
                vectors = (tangents.logits[some], tangents.means[some], tangents.covariances[some])
                parts = compiled(p.logits, p.means, p.covariances, *block.arguments, *vectors)
                for whole, piece in zip((sums.logits, sums.means, sums.covariances), parts, strict=True):
                    whole[some] += piece
        return sums

    def scores(self, u: FloatArray) -> FloatArray:
        """The gradient of each sample's log-density, shape (n, len(u)), without the weights of the samples."""
        there, p = self.coordinates, self.from_vector(u)
        tangents = there.push_forward(u, np.eye(there.size))
        scores = np.empty((self.objective.n, there.size))
        for block in self.objective.blocks():
            step = max(1, IN_A_STACK // (p.components * count_of(block.rows)))
            for start in range(0, there.size, step):
                some = slice(start, start + step)
                vectors = (tangents.logits[some], tangents.means[some], tangents.covariances[some])
                primals = (p.logits, p.means, p.covariances, *block.joint_arguments)
                joint, djoint = jvp(block.joint, primals, vectors, wrt=(0, 1, 2))
                scores[block.rows, some] = jvp(log_sum_exp, (joint,), (djoint,))[1].T
        return scores


def count_of(rows: Rows) -> int:
    """How many samples a block has."""
    return rows.stop - rows.start if isinstance(rows, slice) else len(rows)


def flat(stack: Parameters) -> FloatArray:
    """A stack of tangents or gradients as a matrix: a row for each."""
    rows: FloatArray = np.concatenate(
        [part.reshape(len(stack.logits), -1) for part in (stack.logits, stack.means, stack.covariances)], axis=1
    )
    return rows
