"""What a worker of a cluster does with its part of the samples. This file is sent to the workers as text.

In: a part (rows of a table, their weights, their noise), how to build features from it, generated code, parameters.
Out: the part's share of a sum. Nothing but NumPy and the files that this one imports is needed, and these are sent too:
srcdiff need not be installed on the workers.

What goes in and out are tuples of arrays, not classes of this file: the two sides know it under different names.

>>> described = Summary(*summary((np.array([[1.0], [3.0]]), None, None)))
>>> described.samples, described.means, described.squares
(2, array([2.]), array([2.]))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from srcdiff.mixture.blocks import Table
from srcdiff.mixture.features import Units, features_of
from srcdiff.mixture.noise import noise_matrices
from srcdiff.mixture.parameters import FloatArray
from srcdiff.mixture.together import Primals
from srcdiff.mixture.together import value_and_gradient as sum_of

Sums = tuple[FloatArray, ...]
Code = Mapping[str, Callable[..., Any]]


Part = tuple[Any, Any, Any]
"""Rows of the table as the cluster holds them (arrays or data frames), with weights and noise, or None."""

Features = tuple[str, Units, FloatArray | None, int | None]
"""How features are built from samples, the same for all parts: type of covariance, units, spread, chunk size."""


SUFFIXES = {"value_and_grad": "value_and_grad", "reverse": "vjp"}
"""What the names of generated functions end with, by mode."""

LARGE = 2**20
"""So many features make a large block (8 MB)."""


class Summary(NamedTuple):
    """Of the samples of a part: how many, of positive weight, the sum of weights; and for every column the weight of
    what was observed, its least and greatest value, its mean and the weighted squares about the mean."""

    samples: int
    positive: int
    total: float
    observed: FloatArray
    lows: FloatArray
    highs: FloatArray
    means: FloatArray
    squares: FloatArray


def arrays(part: Part) -> tuple[FloatArray, FloatArray]:
    """The samples (n, d) and their weights (n,).

    Raises
    ------
    ValueError
        where they are none that can be fitted.
    """
    rows, sample_weight, _ = part
    X = np.asarray(rows, dtype=np.float64)
    if X.ndim != 2:
        raise ValueError(f"a part of the data is a table with a row for every sample, not of shape {X.shape}")
    weights = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (len(X),):
        raise ValueError(f"a part of the data has {len(X)} samples and weights of shape {weights.shape}")
    if not np.isfinite(weights).all() or (weights < 0.0).any():
        raise ValueError("sample_weight holds a number for every sample, none negative")
    if not np.isfinite(np.sum(X)) and np.isinf(X).any():
        raise ValueError("the data hold infinite values")
    return X, weights


def table_of(part: Part, features: Features) -> Table:
    """The part in blocks."""
    covariance_type, units, spread, chunk_size = features
    X, weights = arrays(part)
    noise = None if part[2] is None else noise_matrices(part[2], X)
    return Table(X, covariance_type, weights, noise, chunk_size, units, spread)


def summary(part: Part) -> tuple[Any, ...]:
    """The fields of `Summary`: counts, means and squares of a part, so that those of the whole can be put together."""
    X, weights = arrays(part)
    d = X.shape[1]
    observed, means, squares = np.zeros(d), np.zeros(d), np.zeros(d)
    lows, highs = np.full(d, np.inf), np.full(d, -np.inf)
    for j in range(d):
        seen = ~np.isnan(X[:, j])
        column, W = X[seen, j], weights[seen]
        total = np.sum(W)
        if not total > 0.0:
            continue
        low, high = np.min(column), np.max(column)
        # About the middle of the range first, so that a large offset costs no digits.
        middle = low + 0.5 * (high - low)
        column -= middle
        offset = W @ column / total
        column -= offset
        observed[j], lows[j], highs[j] = total, low, high
        means[j], squares[j] = middle + offset, W @ (column * column)
    positive = int(np.count_nonzero(weights))
    return (len(X), positive, float(np.sum(weights)), observed, lows, highs, means, squares)


def drawn(part: Part, count: int | None, seed: int) -> tuple[FloatArray, FloatArray]:
    """So many samples of positive weight, in their order, with their weights; None: all of them."""
    X, weights = arrays(part)
    rows = np.flatnonzero(weights)
    if count is not None and count < len(rows):
        rows = np.sort(np.random.default_rng(seed).choice(rows, size=count, replace=False))
    return X[rows], weights[rows]


def value_and_gradient(code: Code, part: Part, features: Features, point: Primals) -> Sums:
    """The part's log-likelihood at a point (logits, means, covariances), and its derivatives."""

    def sent(function: Callable[..., Any], mode: str) -> Callable[..., Any]:
        return code[f"{function.__name__}_{SUFFIXES[mode]}"]

    value, gradient = sum_of(table_of(part, features).blocks(), point, sent)
    return np.asarray(value), *gradient


def in_large_blocks(part: Part, features: Features) -> Table:
    """The part, for generated code that computes the coefficients anew for each block."""
    covariance_type, units, spread, chunk_size = features
    if chunk_size is None:
        chunk_size = max(1, LARGE // features_of(covariance_type, len(units[0])))
    return table_of(part, (covariance_type, units, spread, chunk_size))


def products(code: Code, part: Part, features: Features, point: Primals, tangents: Sums) -> Sums:
    """The Hessian of the part's log-likelihood, times each of a stack of tangents."""
    sums: Sums = tuple(np.zeros(stack.shape) for stack in tangents)
    for block in in_large_blocks(part, features).blocks():
        compiled = code[f"{block.total.__name__}_hvp"]
        for row in range(len(tangents[0])):
            product = compiled(*point, *block.arguments, *(stack[row] for stack in tangents))
            for whole, piece in zip(sums, product, strict=True):
                whole[row] += piece
    return sums


def hard_value_and_gradient(code: Code, part: Part, features: Features, point: Primals) -> Sums:
    """The part's classification log-likelihood and its derivatives; of equal joint densities the first one's count."""
    sums: Sums = (np.zeros(()), *(np.zeros(array.shape) for array in point))
    table = in_large_blocks(part, features)
    for block in table.blocks():
        joint: FloatArray = block.joint(*point, *block.joint_arguments)
        weights = table.sample_weight[block.rows]
        labels: npt.NDArray[np.intp] = np.argmax(joint, axis=0)
        each = np.arange(joint.shape[1])
        seed = np.zeros(joint.shape)
        seed[labels, each] = weights
        _, gradient = code[f"{block.joint.__name__}_vjp"](*point, *block.joint_arguments, seed)
        sums = added([sums, (weights @ joint[labels, each], *gradient)])
    return sums


def log_joint(part: Part, features: Features, point: Primals) -> FloatArray:
    """Joint log-densities of sample and component (n, k)."""
    table = table_of(part, features)
    joint = np.empty((len(table.X), len(point[0])))
    for block in table.blocks():
        joint[block.rows] = block.joint(*point, *block.joint_arguments).T
    return joint


def added(parts: Sequence[Sums]) -> Sums:
    """Sums of arrays, term by term, in the order given."""
    return tuple(sum(terms[1:], start=np.asarray(terms[0], dtype=float)) for terms in zip(*parts, strict=True))
