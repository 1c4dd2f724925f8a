"""The Hessian of the log-likelihood at the price of a few gradients: Louis' structure (1982, section 3).

In: blocks of samples, a vector of `Coordinates`. Out: the dense Hessian.

The joint log-densities are linear in a few coefficients of each component, so that the Hessian has two parts:

- the second derivatives of log-sum-exp, a small matrix of components by components for each sample, met by features on
  both sides. This is the information that is missing because the labels are;
- the second derivatives of the coefficients, which know of the data only sums of features, weighed by
  responsibilities. This is the information that there would be with the labels, negated.

The derivatives in both are generated. A component's coefficients depend on no other component's mean and covariance:
one direction serves an entry of every component.

>>> from srcdiff.mixture.objective import Objective
>>> there = Coordinates(1, 1, "spherical")
>>> hessian(Objective(np.array([[-1.0], [1.0]]), "spherical").blocks(), there, np.zeros(2))
array([[-2.,  0.],
       [ 0., -4.]])
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from srcdiff import jvp
from srcdiff.mixture.coordinates import Coordinates
from srcdiff.mixture.features import COMPLETE, OBSERVED, Block
from srcdiff.mixture.parameters import Parameters, full_covariances
from srcdiff.mixture.second import FAMILIES, arrays, block_hessian, curvatures, products_of, responsibilities

FloatArray = npt.NDArray[np.float64]

IN_A_PRODUCT = 2**20
"""The most numbers on either side of a product of matrices over samples (8 MB)."""


def hessian(blocks: Iterable[Block], there: Coordinates, u: FloatArray) -> FloatArray:
    """The second derivatives of the blocks' log-likelihood along each pair of coordinates.

    What the map from coordinates to parameters adds, `Coordinates.curvature`, is not in it.
    """
    kind, p = there.covariance_type, there.from_vector(u)
    matrix = np.zeros((there.size, there.size))
    groups: dict[bytes | None, Group] = {}
    tangents: Parameters | None = None
    for block in blocks:
        if block.total is COMPLETE[kind][0]:
            key, observed, arguments = None, None, block.arguments
        elif block.total is OBSERVED[kind][0]:
            observed, arguments = block.arguments[0], block.arguments[1:]
            key = observed.tobytes()
        else:
            if tangents is None:
                tangents = there.push_forward(u, np.eye(there.size))
            matrix += block_hessian(block, p, tangents)
            continue
        if key not in groups:
            groups[key] = Group(there, u, observed, arguments)
        groups[key].add(arguments)
    for group in groups.values():
        matrix += group.with_labels(group.sums, group.scatter) + group.without_labels()
    return matrix


def directions(there: Coordinates) -> FloatArray:
    """As few vectors as tell all entries apart: logits, entries of all components at once, shared entries."""
    k, t = there.components - 1, there.own.shape[1]
    vectors = np.zeros((k + t + len(there.shared), there.size))
    vectors[np.arange(k), np.arange(k)] = 1.0
    vectors[k + np.arange(t)[:, np.newaxis], there.own.T] = 1.0
    vectors[k + t + np.arange(len(there.shared)), there.shared] = 1.0
    return vectors


class Group:
    """The samples of which the same columns were observed, as sums that all their second derivatives are made of."""

    def __init__(
        self, there: Coordinates, u: FloatArray, observed: npt.NDArray[np.intp] | None, arguments: tuple[Any, ...]
    ) -> None:
        self.there = there
        self.family = FAMILIES[there.covariance_type]
        self.p = restricted(there.from_vector(u), there.covariance_type, observed)
        tangents = there.push_forward(u, directions(there))
        self.tangents = restricted(tangents, there.covariance_type, observed)
        self.units = arguments[: self.family.taken]
        primals = (*arrays(self.p), *self.units)
        self.coefficients, self.dcoefficients = jvp(
            self.family.coefficients, primals, arrays(self.tangents), wrt=(0, 1, 2)
        )
        k, p = self.coefficients.shape
        d = self.p.means.shape[1]
        self.monomials = monomials(there.covariance_type, d)
        self.sums = np.zeros((k, p))
        self.scatter = np.zeros((d, d))
        self._moments = np.zeros((k * (k + 1) // 2, self.monomials.count))

    def add(self, arguments: tuple[Any, ...]) -> None:
        """Take the samples of a block."""
        *_, features, weights = arguments
        if self.there.covariance_type == "tied":
            self.scatter += arguments[self.family.taken]
        k = len(self.coefficients)
        left, right = np.triu_indices(k)
        step = max(256, IN_A_PRODUCT // max(k * k, self.monomials.count))
        for start in range(0, features.shape[1], step):
            some = features[:, start : start + step]
            weight = weights[start : start + step]
            joint = self.coefficients @ some
            self.sums += responsibilities(joint, weight) @ some.T
            # One direction for each component, along it in all samples at once: samples do not meet.
            along = np.broadcast_to(np.eye(k)[:, :, np.newaxis], (k, *joint.shape))
            self._moments += curvatures(joint, weight, along)[left, right] @ self.monomials.of(some).T

    def without_labels(self) -> FloatArray:
        """The first part: the Hessian in the coefficients, met by their tangents on both sides."""
        there = self.there
        k, p = self.coefficients.shape
        left, right = np.triu_indices(k)
        middle = np.empty((k, k, p, p))
        middle[left, right] = self._moments[:, self.monomials.where]
        middle[right, left] = middle[left, right]
        # Rows of directions in which all components move, and the tangents of each component by its own entries.
        t = there.own.shape[1]
        common = np.concatenate([np.arange(k - 1), there.shared])
        moving = np.concatenate([self.dcoefficients[: k - 1], self.dcoefficients[k - 1 + t :]])
        alone = np.moveaxis(self.dcoefficients[k - 1 : k - 1 + t], 0, 1)
        # half[i, j]: the tangents of component j by its own entries, met by the middle from the right.
        half = middle @ np.swapaxes(alone, 1, 2)
        matrix = np.zeros((there.size, there.size))
        matrix[there.own[:, np.newaxis, :, np.newaxis], there.own[np.newaxis, :, np.newaxis, :]] = (
            alone[:, np.newaxis] @ half
        )
        columns = there.own.ravel()
        cross = np.einsum("mip,ijpe->mje", moving, half, optimize=True).reshape(len(common), len(columns))
        matrix[np.ix_(common, columns)] = cross
        matrix[np.ix_(columns, common)] = cross.T
        rows = moving.reshape(len(common), k * p)
        matrix[np.ix_(common, common)] = rows @ np.swapaxes(middle, 1, 2).reshape(k * p, k * p) @ rows.T
        return matrix

    def with_labels(self, sums: FloatArray, scatter: FloatArray) -> FloatArray:
        """The second part: the second derivatives of the sum with fixed responsibilities."""
        there = self.there
        tied = there.covariance_type == "tied"
        arguments = (*self.units, scatter) if tied else self.units
        products = Parameters(
            *products_of(self.family.paired)(*arrays(self.p), *arguments, sums, *arrays(self.tangents))
        )
        k, t = there.components, there.own.shape[1]
        logits, own, shared = slice(0, k - 1), slice(k - 1, k - 1 + t), slice(k - 1 + t, None)
        matrix = np.zeros((there.size, there.size))
        matrix[logits, logits] = self.tangents.logits[logits] @ products.logits[logits].T
        # The parts of each component: (component, entry, numbers).
        tangents = np.moveaxis(by_component(self.tangents, tied)[own], 0, 1)
        met = np.moveaxis(by_component(products, tied)[own], 0, 1)
        matrix[there.own[:, :, np.newaxis], there.own[:, np.newaxis, :]] = tangents @ np.swapaxes(met, 1, 2)
        if tied:
            cross = np.einsum("ken,skn->kes", tangents, by_component(products, tied)[shared])
            matrix[there.own[:, :, np.newaxis], there.shared] = cross
            matrix[there.shared[:, np.newaxis], there.own[:, np.newaxis, :]] = np.swapaxes(cross, 1, 2)
            rows = self.tangents.covariances[shared].reshape(len(there.shared), -1)
            columns = products.covariances[shared].reshape(len(there.shared), -1)
            matrix[np.ix_(there.shared, there.shared)] = rows @ columns.T
        return matrix


def complete_information(there: Coordinates, u: FloatArray, total_weight: float) -> FloatArray:
    """The information of a sample whose labels and values are all known: what is expected of it at the parameters."""
    kind, p = there.covariance_type, there.from_vector(u)
    k, d = p.means.shape
    counts = total_weight * p.weights
    covariances = full_covariances(p, kind)
    # Any units do; these keep all numbers of similar size.
    middle = np.einsum("k,kij->ij", p.weights, covariances)
    scale = np.sqrt(np.diagonal(middle))
    centre = p.weights @ p.means
    whitening = np.linalg.inv(np.linalg.cholesky(middle)) if there.matrices else np.diag(1.0 / scale)
    means = (p.means - centre) @ whitening.T
    second = whitening @ covariances @ whitening.T + means[:, :, np.newaxis] * means[:, np.newaxis, :]
    features = [np.ones((k, 1)), means]
    arguments: tuple[Any, ...] = (centre, whitening if there.matrices else scale)
    match kind:
        case "full":
            pairs = np.array(np.triu_indices(d))
            arguments = (*arguments, pairs)
            features.append(second[:, pairs[0], pairs[1]])
        case "diag":
            features.append(np.diagonal(second, axis1=1, axis2=2))
        case "spherical":
            features.append(np.trace(second, axis1=1, axis2=2)[:, np.newaxis])
    sums = counts[:, np.newaxis] * np.concatenate(features, axis=1)
    # With these sums the score is zero: the map's curvature adds nothing.
    information = -Group(there, u, None, arguments).with_labels(sums, np.einsum("k,kij->ij", counts, second))
    symmetric: FloatArray = 0.5 * (information + information.T)
    return symmetric


def by_component(stack: Parameters, tied: bool) -> FloatArray:
    """What each component has to itself, in a row: means, and covariances unless they are tied."""
    m, k, _ = stack.means.shape
    return stack.means if tied else np.concatenate([stack.means, stack.covariances.reshape(m, k, -1)], axis=2)


@dataclass(frozen=True)
class Monomials:
    """The distinct products of two features.

    `runs` makes them: feature `a` times the features from `b` on, to the monomials from `first` to `last`; `where` says
    which of them the product of each two features is, shape (p, p).
    """

    runs: tuple[tuple[int, int, int, int], ...]
    where: npt.NDArray[np.intp]

    @property
    def count(self) -> int:
        """How many there are."""
        return self.runs[-1][3]

    def of(self, features: FloatArray) -> FloatArray:
        """The monomials of samples, which are columns."""
        products = np.empty((self.count, features.shape[1]))
        for a, b, first, last in self.runs:
            np.multiply(features[a], features[b : b + last - first], out=products[first:last])
        return products


@lru_cache(maxsize=64)
def monomials(covariance_type: str, d: int) -> Monomials:
    """The distinct products of two features of `d` columns."""
    one = np.eye(d, dtype=int)
    powers = np.concatenate([np.zeros((1, d), dtype=int), one])
    if covariance_type == "full":
        rows, columns = np.triu_indices(d)
        powers = np.concatenate([powers, one[rows] + one[columns]])
    elif covariance_type == "diag":
        powers = np.concatenate([powers, 2 * one])
    elif covariance_type == "spherical":
        # The squared length is like a further column.
        powers = np.eye(d + 2, dtype=int)[:, 1:]
    p = len(powers)
    together = (powers[:, np.newaxis] + powers).reshape(p * p, -1)
    _, places, where = np.unique(together, axis=0, return_index=True, return_inverse=True)
    # In the order of the features that make them, so that runs are long.
    order = np.argsort(places)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    left, right = np.divmod(places[order], p)
    starts = np.flatnonzero(np.diff(left, prepend=-1) | (np.diff(right, prepend=-1) != 1))
    ends = np.append(starts[1:], len(left))
    runs = tuple((int(left[s]), int(right[s]), int(s), int(e)) for s, e in zip(starts, ends, strict=True))
    return Monomials(runs, rank[where.ravel()].reshape(p, p))


def restricted(p: Parameters, covariance_type: str, observed: npt.NDArray[np.intp] | None) -> Parameters:
    """The parameters of the observed columns, all for None; of a stack of tangents, those of each."""
    if observed is None:
        return p
    covariances = p.covariances
    if covariance_type in ("full", "tied"):
        covariances = covariances[..., observed[:, np.newaxis], observed]
    elif covariance_type == "diag":
        covariances = covariances[..., observed]
    return Parameters(p.logits, p.means[..., observed], covariances)
