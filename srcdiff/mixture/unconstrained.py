"""The log-likelihood in coordinates without constraints, and all its derivatives.

In: an `Objective`, and a vector of `Coordinates`. Out: value, gradient, Hessian, products of the Hessian with vectors,
and the scores of the samples. All are generated derivatives, put together by the chain rule: first those of the
likelihood with respect to the parameters, then those of the map from coordinates to parameters.

from srcdiff.mixture.objective import Objective
>>> function = UnconstrainedObjective(Objective(np.array([[-1.0], [1.0], [2.0]]), "spherical"), components=1)
>>> u = np.array([0.5, 0.25])
>>> value, gradient = function.value_and_gradient(u)
>>> bool(np.allclose(function.scores(u).sum(axis=0), gradient))
True
>>> bool(np.allclose(function.hessian(u)[0], function.hvp(u, np.array([1.0, 0.0]))))
True
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from srcdiff import jvp
from srcdiff.mixture import louis
from srcdiff.mixture.coordinates import Coordinates
from srcdiff.mixture.features import Rows
from srcdiff.mixture.objective import Objective
from srcdiff.mixture.parameters import Parameters
from srcdiff.mixture.remote import RemoteObjective
from srcdiff.mixture.scaling import Scaling
from srcdiff.mixture.second import arrays, block_products, count_of, flat, responsibilities

FloatArray = npt.NDArray[np.float64]


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
        _, gradient = self.objective.value_and_gradient(p)
        tangents = there.push_forward(u, v[np.newaxis])
        product = there.curvature_along(u, gradient, v)
        for products in self._products(p, tangents):
            logits, means, covariances = arrays(products)
            product += there.pull_back(u, Parameters(logits[0], means[0], covariances[0]))
        return product

    def hessian(self, u: FloatArray) -> FloatArray:
        """The dense Hessian, shape (len(u), len(u))."""
        there, p = self.coordinates, self.from_vector(u)
        _, gradient = self.objective.value_and_gradient(p)
        if isinstance(self.objective, RemoteObjective):
            tangents = there.push_forward(u, np.eye(there.size))
            matrix = flat(tangents) @ flat(self.objective.products(p, tangents)).T
        else:
            matrix = louis.hessian(self.objective.blocks(), there, u)
        matrix = matrix + there.curvature(u, gradient)
        symmetric: FloatArray = 0.5 * (matrix + matrix.T)
        return symmetric

    def complete_information(self, u: FloatArray) -> FloatArray:
        """The information that the samples would hold if labels, and all values, were known.

        It is the metric of EM (Dempster, Laird and Rubin 1977): EM's linear rate at a maximum is the largest eigenvalue
        of ``1 - inverse(complete) @ observed``.
        """
        return louis.complete_information(self.coordinates, u, self.objective.total_weight)

    def _products(self, p: Parameters, tangents: Parameters) -> Iterable[Parameters]:
        """Terms of the products of the Hessian in the parameters with tangents."""
        if isinstance(self.objective, RemoteObjective):
            return [self.objective.products(p, tangents)]
        return (block_products(block, p, tangents) for block in self.objective.blocks())

    def scores(self, u: FloatArray) -> FloatArray:
        """The gradient of each sample's log-density, shape (n, len(u)), without the weights of the samples."""
        scores = np.empty((self.objective.n, self.coordinates.size))
        for rows, some in self._scores(u):
            scores[rows] = some.T
        return scores

    def score_products(self, u: FloatArray) -> FloatArray:
        """The sum of the products of each sample's score with itself, with the weights of the samples."""
        size = self.coordinates.size
        products = np.zeros((size, size))
        for rows, some in self._scores(u):
            products += (some * self.objective.sample_weight[rows]) @ some.T
        return products

    def _scores(self, u: FloatArray) -> Iterator[tuple[Rows, FloatArray]]:
        """The scores of each block, samples as columns."""
        there, p = self.coordinates, self.from_vector(u)
        k, t = there.components, there.own.shape[1]
        tangents = there.push_forward(u, louis.directions(there))
        common = np.concatenate([np.arange(k - 1), there.shared])
        for block in self.objective.blocks():
            columns = np.empty((there.size, count_of(block.rows)))
            joint, djoint = jvp(block.joint, (*arrays(p), *block.joint_arguments), arrays(tangents), wrt=(0, 1, 2))
            weights = responsibilities(joint, np.ones(joint.shape[1]))
            moving = np.concatenate([djoint[: k - 1], djoint[k - 1 + t :]])
            columns[common] = np.einsum("kn,mkn->mn", weights, moving)
            # One direction moved an entry of every component: each takes its own row.
            columns[there.own.T] = djoint[k - 1 : k - 1 + t] * weights
            yield block.rows, columns
