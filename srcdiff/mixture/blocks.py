"""The data in blocks of bounded size, each of samples that the likelihood takes in the same way.

In: a table of samples with weights, NaN where a value is missing, noise covariances where samples have them. Out:
`Block` after `Block`. They are kept where they are small, and built again in each pass over the data where they are
not: memory is bounded by the block.

>>> table = Table(np.array([[0.0], [2.0], [4.0]]), "diag", np.ones(3), chunk_size=2)
>>> [block.rows for block in table.blocks()]
[slice(0, 2, None), slice(2, 3, None)]
>>> table.units
(array([2.]), array([2.]))
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from srcdiff.mixture.features import Block, Rows, Units, each_block, feature_block, features_of
from srcdiff.mixture.parameters import FloatArray

KEPT = 2**24
"""Blocks are kept from pass to pass where they hold no more numbers than this (128 MB)."""

IN_A_BLOCK = 100_000
"""The most features in a block, unless the user says how many samples (0.8 MB): what is computed stays in the cache.

No power of two, for rows whose distance is one share a few places of the cache.
"""

FEW = 10
"""Samples that share their pattern of missing values with fewer others than this are worked on one by one."""

LEAST_SPREAD = 1e-10
"""The variance in any direction, of the largest, that whitening assumes at least."""


class Table:
    """Samples with their weights; `units` are the centre and scale of the columns in which features are built.

    `units` and `spread` (see `spread_of`) are those of these samples, unless they are part of more.
    """

    def __init__(
        self,
        X: FloatArray,
        covariance_type: str,
        sample_weight: FloatArray,
        noise: FloatArray | None = None,
        chunk_size: int | None = None,
        units: Units | None = None,
        spread: FloatArray | None = None,
    ) -> None:
        self.X = X
        self.covariance_type = covariance_type
        self.sample_weight = sample_weight
        self.noise = noise
        self.units = units_of(X, sample_weight, covariance_type) if units is None else units
        n, d = X.shape
        self._each = max(1, IN_A_BLOCK // (d * d))
        self._together = max(1, IN_A_BLOCK // max(16, features_of(covariance_type, d)))
        if chunk_size is not None:
            self._each = self._together = chunk_size
        self._patterns, self._single = patterns(X, noise is not None)
        numbers = n * features_of(covariance_type, d) + 3 * d * d * len(self._single)
        self._keeps = numbers <= KEPT
        self._kept: list[Block] | None = None
        self._whitenings: dict[bytes, FloatArray] = {}
        matrices = covariance_type in ("full", "tied") and len(self._single) < n
        self._spread = spread_of(X, sample_weight, self.units) if matrices and spread is None else spread

    def blocks(self) -> Iterator[Block]:
        """All blocks, in the same order each time."""
        if self._kept is not None:
            yield from self._kept
        elif self._keeps:
            self._kept = list(self._built())
            yield from self._kept
        else:
            yield from self._built()

    def kinds(self) -> list[Block]:
        """A block of one sample for every kind in the data; of complete samples two, where there are several blocks."""
        if not self._patterns and not len(self._single):
            return [self._feature_block(slice(0, 1), None)] * min(2, -(-len(self.X) // self._together))
        found = []
        for observed, members in self._patterns:
            complete = len(observed) == self.X.shape[1]
            several = complete and len(members) > self._together
            found += [self._feature_block(members[:1], None if complete else observed)] * (2 if several else 1)
        if len(self._single):
            rows = self._single[:1]
            noise = None if self.noise is None else self.noise[rows]
            found.append(
                each_block(self.covariance_type, rows, self.X[rows], self.sample_weight[rows], self.units, noise)
            )
        return found

    def _built(self) -> Iterator[Block]:
        n = len(self.X)
        if not self._patterns and not len(self._single):
            for start in range(0, n, self._together):
                yield self._feature_block(slice(start, min(start + self._together, n)), None)
        for observed, members in self._patterns:
            complete = len(observed) == self.X.shape[1]
            for start in range(0, len(members), self._together):
                yield self._feature_block(members[start : start + self._together], None if complete else observed)
        for start in range(0, len(self._single), self._each):
            rows = self._single[start : start + self._each]
            noise = None if self.noise is None else self.noise[rows]
            weights = self.sample_weight[rows]
            yield each_block(self.covariance_type, rows, self.X[rows], weights, self.units, noise)

    def _feature_block(self, rows: Rows, observed: npt.NDArray[np.intp] | None) -> Block:
        X, (centre, scale), spread = self.X[rows], self.units, self._spread
        if observed is not None:
            X, centre, scale = X[:, observed], centre[observed], scale[observed]
            spread = None if spread is None else spread[np.ix_(observed, observed)]
        if spread is not None:
            key = b"" if observed is None else observed.tobytes()
            if key not in self._whitenings:
                self._whitenings[key] = whitening_of(spread, scale)
            scale = self._whitenings[key]
        units = centre, scale
        return feature_block(self.covariance_type, rows, X, self.sample_weight[rows], units, observed)


Pattern = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]


def patterns(X: FloatArray, one_by_one: bool) -> tuple[list[Pattern], npt.NDArray[np.intp]]:
    """Which columns were observed in which rows, and the rows that are worked on one by one.

    No patterns and no such rows where nothing is missing.
    """
    if one_by_one:
        return [], np.arange(len(X))
    # A sum is NaN where any of its terms is: no table of flags is made for complete data.
    if not np.isnan(np.sum(X)):
        return [], np.arange(0)
    kinds, kind = np.unique(~np.isnan(X), axis=0, return_inverse=True)
    order = np.argsort(kind.ravel(), kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(kind.ravel()))[:-1])
    found: list[Pattern] = []
    single: list[npt.NDArray[np.intp]] = [np.arange(0)]
    for seen, rows in zip(kinds, groups, strict=True):
        if len(rows) < FEW or not seen.any():
            single.append(rows)
        else:
            found.append((np.flatnonzero(seen), rows))
    return found, np.sort(np.concatenate(single))


def units_of(X: FloatArray, sample_weight: FloatArray, covariance_type: str) -> Units:
    """The weighted mean of what was observed in every column, and the power of two nearest to its deviation.

    Dividing by a power of two rounds nothing. Spherical covariances know one unit for all columns.
    """
    d = X.shape[1]
    centre, variances = np.zeros(d), np.ones(d)
    for j in range(d):
        seen = ~np.isnan(X[:, j])
        column, weights = X[seen, j], sample_weight[seen]
        total = np.sum(weights)
        if total > 0.0:
            centre[j] = weights @ column / total
            column -= centre[j]
            variances[j] = weights @ (column * column) / total
    if covariance_type == "spherical":
        variances = np.full(d, np.mean(variances))
    # What is left of a constant column is rounding.
    variances = np.where(variances > 1e-28 * centre * centre, variances, 1.0)
    return centre, np.exp2(np.round(0.5 * np.log2(variances)))


def spread_of(X: FloatArray, sample_weight: FloatArray, units: Units) -> FloatArray:
    """The covariance of the columns in their units, from the samples in which both of two were observed."""
    n, d = X.shape
    centre, scale = units
    products, totals = np.zeros((d, d)), np.zeros((d, d))
    step = max(1, IN_A_BLOCK // d)
    for start in range(0, n, step):
        scaled = (X[start : start + step] - centre) / scale
        seen = ~np.isnan(scaled)
        scaled[~seen] = 0.0
        weights = sample_weight[start : start + step, np.newaxis]
        products += scaled.T @ (scaled * weights)
        totals += seen.T.astype(float) @ (seen * weights)
    return products / np.where(totals > 0.0, totals, 1.0)


def whitening_of(spread: FloatArray, scale: FloatArray) -> FloatArray:
    """The matrix that makes deviations uncorrelated and of size one; where there is no spread it only scales.

    It is a choice of coordinates, and need not be exact: estimated from gaps, `spread` may have negative eigenvalues.
    """
    values, vectors = np.linalg.eigh(spread)
    highest = float(values[-1])
    if highest <= 0.0:
        return np.diag(1.0 / scale)
    whitening: FloatArray = (vectors / np.sqrt(np.maximum(values, LEAST_SPREAD * highest))).T / scale
    return whitening
