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
from srcdiff.mixture.features import Units
from srcdiff.mixture.parameters import FloatArray

Sums = tuple[FloatArray, ...]
Code = Mapping[str, Callable[..., Any]]


Part = tuple[Any, Any, Any]
"""Rows of the table as the cluster holds them (arrays or data frames), with weights and noise, or None."""

Features = tuple[str, Units, FloatArray | None, int | None]
"""How features are built from samples, the same for all parts: type of covariance, units, spread, chunk size."""


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


def noise_of(part: Part, X: FloatArray) -> FloatArray | None:
    """The noise covariance of every sample (n, d, d), or None.

    Raises
    ------
    ValueError
        where there is not one for every sample.
    """
    if part[2] is None:
        return None
    n, d = X.shape
    given = np.asarray(part[2], dtype=np.float64)
    if given.shape not in ((n, d), (n, d, d)):
        raise ValueError(f"noise holds {n} covariance matrices or {n} times {d} variances, not {given.shape}")
    matrices = given if given.ndim == 3 else given[:, :, np.newaxis] * np.eye(d)
    seen = ~np.isnan(X)
    matrices = np.where(seen[:, :, np.newaxis] & seen[:, np.newaxis, :], matrices, 0.0)
    if not np.isfinite(matrices).all() or not np.allclose(matrices, np.swapaxes(matrices, 1, 2)):
        raise ValueError("noise holds symmetric covariance matrices, or variances")
    values = np.linalg.eigvalsh(matrices)
    if (values[:, 0] < -1e-12 * np.maximum(values[:, -1], 0.0)).any():
        raise ValueError("a noise covariance has a negative eigenvalue")
    return matrices


def table_of(part: Part, features: Features) -> Table:
    """The part in blocks."""
    covariance_type, units, spread, chunk_size = features
    X, weights = arrays(part)
    return Table(X, covariance_type, weights, noise_of(part, X), chunk_size, units, spread)


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


def value_and_gradient(code: Code, part: Part, features: Features, point: Sums) -> Sums:
    """The part's log-likelihood at a point (logits, means, covariances), and its derivatives."""
    sums: Sums = (np.zeros(()), *(np.zeros(array.shape) for array in point))
    for block in table_of(part, features).blocks():
        value, gradient = code[f"{block.total.__name__}_value_and_grad"](*point, *block.arguments)
        sums = added([sums, (value, *gradient)])
    return sums


def products(code: Code, part: Part, features: Features, point: Sums, tangents: Sums) -> Sums:
    """The Hessian of the part's log-likelihood, times each of a stack of tangents."""
    sums: Sums = tuple(np.zeros(stack.shape) for stack in tangents)
    for block in table_of(part, features).blocks():
        compiled = code[f"{block.total.__name__}_hvp"]
        for row in range(len(tangents[0])):
            product = compiled(*point, *block.arguments, *(stack[row] for stack in tangents))
            for whole, piece in zip(sums, product, strict=True):
                whole[row] += piece
    return sums


def hard_value_and_gradient(code: Code, part: Part, features: Features, point: Sums) -> Sums:
    """The part's classification log-likelihood and its derivatives; of equal joint densities the first one's count."""
    sums: Sums = (np.zeros(()), *(np.zeros(array.shape) for array in point))
    table = table_of(part, features)
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


def log_joint(part: Part, features: Features, point: Sums) -> FloatArray:
    """Joint log-densities of sample and component (n, k)."""
    table = table_of(part, features)
    joint = np.empty((len(table.X), len(point[0])))
    for block in table.blocks():
        joint[block.rows] = block.joint(*point, *block.joint_arguments).T
    return joint


def added(parts: Sequence[Sums]) -> Sums:
    """Sums of arrays, term by term, in the order given."""
    return tuple(sum(terms[1:], start=np.asarray(terms[0], dtype=float)) for terms in zip(*parts, strict=True))
