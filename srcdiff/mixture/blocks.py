"""The data as the likelihood takes them: blocks of samples with their quadratic features.

In: a table of samples with weights. Out: `Block` by `Block`, a function of the subset and what it takes after the
parameters. The features are kept where they are small, and built again in each pass over the data where they are not:
memory is bounded by the block.

>>> table = Table(np.array([[0.0], [2.0], [4.0]]), "diag")
>>> [block.arguments[2].shape for block in table.blocks()]
[(3, 3)]
>>> table.centre
array([2.])
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from srcdiff.mixture import likelihood
from srcdiff.mixture.parameters import FloatArray, covariances_shape

Rows = slice | npt.NDArray[np.intp]

KEPT = 2**24
"""Features are kept from pass to pass where they are no more numbers than this (128 MB)."""

IN_A_BLOCK = 2**21
"""The most features in a block, unless the user says how many samples (16 MB)."""


@dataclass(frozen=True, eq=False)
class Block:
    """Some samples, and their likelihood in the subset.

    ``total(logits, means, covariances, *arguments)`` is the weighted sum of their log-densities, and
    ``joint(logits, means, covariances, *joint_arguments)`` the joint log-densities, components as rows.
    """

    rows: Rows
    total: Callable[..., Any]
    arguments: tuple[Any, ...]
    joint: Callable[..., Any]
    joint_arguments: tuple[Any, ...]


class Table:
    """Samples with their weights; `centre` and `scale` are the units in which features are built.

    The scale is a power of two, so that dividing by it rounds nothing, and one for all columns where the covariances
    are spherical.
    """

    def __init__(
        self,
        X: FloatArray,
        covariance_type: str,
        sample_weight: FloatArray | None = None,
        chunk_size: int | None = None,
        units: tuple[FloatArray, FloatArray] | None = None,
    ) -> None:
        n, d = X.shape
        covariances_shape(covariance_type, 1, d)
        self.X = X
        self.covariance_type = covariance_type
        self.sample_weight = np.ones(n) if sample_weight is None else sample_weight
        self.centre, self.scale = units or units_of(X, self.sample_weight, covariance_type)
        self._features_each = {"full": 1 + d + d * (d + 1) // 2, "tied": 1 + d, "diag": 1 + 2 * d, "spherical": 2 + d}[
            covariance_type
        ]
        self.chunk_size = chunk_size or max(1024, IN_A_BLOCK // self._features_each)
        self._kept: list[Block] | None = None

    def blocks(self) -> Iterator[Block]:
        """All blocks, in the order of the samples."""
        if self._kept is not None:
            yield from self._kept
            return
        n = len(self.X)
        keep: list[Block] | None = [] if n * self._features_each <= KEPT else None
        for start in range(0, n, self.chunk_size):
            block = self._block(slice(start, min(start + self.chunk_size, n)))
            if keep is not None:
                keep.append(block)
            yield block
        self._kept = keep

    def _block(self, rows: Rows) -> Block:
        columns = np.ascontiguousarray(((self.X[rows] - self.centre) / self.scale).T)
        weights = self.sample_weight[rows]
        return plain_block(self.covariance_type, rows, columns, weights, self.centre, self.scale)


def plain_block(
    covariance_type: str, rows: Rows, columns: FloatArray, weights: FloatArray, centre: FloatArray, scale: FloatArray
) -> Block:
    """The block of samples that are the columns of a table (d, n), in units of centre and scale."""
    d, n = columns.shape
    units = (centre, scale)
    if covariance_type == "full":
        pairs = np.array(np.triu_indices(d))
        features = np.empty((1 + d + len(pairs[0]), n))
        features[0] = 1.0
        features[1 : 1 + d] = columns
        np.multiply(columns[pairs[0]], columns[pairs[1]], out=features[1 + d :])
        arguments: tuple[Any, ...] = (*units, pairs, features, weights)
        return Block(rows, likelihood.full, arguments, likelihood.full_joint, arguments[:-1])
    linear = np.concatenate((np.ones((1, n)), columns))
    if covariance_type == "tied":
        scatter = (columns * weights) @ columns.T
        arguments = (*units, scatter, linear, weights)
        return Block(rows, likelihood.tied, arguments, likelihood.tied_joint, (*units, linear))
    squares = columns * columns
    if covariance_type == "diag":
        arguments = (*units, np.concatenate((linear, squares)), weights)
        return Block(rows, likelihood.diag, arguments, likelihood.diag_joint, arguments[:-1])
    arguments = (*units, np.concatenate((linear, np.sum(squares, axis=0, keepdims=True))), weights)
    return Block(rows, likelihood.spherical, arguments, likelihood.spherical_joint, arguments[:-1])


def units_of(X: FloatArray, sample_weight: FloatArray, covariance_type: str) -> tuple[FloatArray, FloatArray]:
    """The weighted mean of every column, and the power of two nearest to its deviation."""
    total = np.sum(sample_weight)
    centre = sample_weight @ X / total
    deviations = np.sqrt(sample_weight @ (X - centre) ** 2 / total)
    if covariance_type == "spherical":
        deviations = np.full(X.shape[1], np.sqrt(np.mean(deviations**2)))
    deviations = np.where(deviations > 0.0, deviations, 1.0)
    scale = np.exp2(np.round(np.log2(deviations)))
    return centre, scale
