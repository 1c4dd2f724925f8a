"""What the second derivatives of the log-likelihood are made of: functions of the subset, and products with vectors.

In: joint log-densities, or coefficients with sums of features. Out: numbers whose derivatives are the two parts of the
Hessian that `srcdiff.mixture.louis` puts together. And, for samples that have no features in common, the generated
products of a block's Hessian with tangents, one by one.

>>> joint, weight = np.log(np.array([[0.25], [0.75]])), np.ones(1)
>>> responsibilities(joint, weight).ravel()
array([0.25, 0.75])
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from srcdiff import grad, hvp
from srcdiff.api import HessianVectorProduct
from srcdiff.mixture.features import Block, Rows
from srcdiff.mixture.likelihood import (
    diag_coefficients,
    full_coefficients,
    spherical_coefficients,
    tied_coefficients,
    tied_common,
)
from srcdiff.mixture.parameters import Parameters

FloatArray = npt.NDArray[np.float64]

IN_A_STACK = 2**21
"""The most joint log-densities, over all directions, that are worked on at a time (16 MB)."""


def total_of_joint(joint: Annotated[np.ndarray, "k n"], sample_weight: Annotated[np.ndarray, "n"]) -> float:
    """The weighted sum of log-densities from the joint ones of component and sample."""
    highest = np.max(joint, axis=0)
    log_densities = highest + np.log(np.sum(np.exp(joint - highest), axis=0))
    total: float = np.sum(sample_weight * log_densities)
    return total


def full_paired(
    logits: Annotated[np.ndarray, "k"],
    means: Annotated[np.ndarray, "k d"],
    covariances: Annotated[np.ndarray, "k d d"],
    centre: Annotated[np.ndarray, "d"],
    whitening: Annotated[np.ndarray, "d d"],
    pairs: Annotated[np.ndarray, "2 q"],
    sums: Annotated[np.ndarray, "k p"],
) -> float:
    """The joint log-densities summed with fixed responsibilities: `sums` holds the features, weighed by these."""
    total: float = np.sum(sums * full_coefficients(logits, means, covariances, centre, whitening, pairs))
    return total


def tied_paired(
    logits: Annotated[np.ndarray, "k"],
    means: Annotated[np.ndarray, "k d"],
    covariance: Annotated[np.ndarray, "d d"],
    centre: Annotated[np.ndarray, "d"],
    whitening: Annotated[np.ndarray, "d d"],
    scatter: Annotated[np.ndarray, "d d"],
    sums: Annotated[np.ndarray, "k p"],
) -> float:
    """As `full_paired`, with what the quadratic form of x adds to every component."""
    coefficients = tied_coefficients(logits, means, covariance, centre, whitening)
    total: float = np.sum(sums * coefficients) + tied_common(covariance, whitening, scatter)
    return total


def diag_paired(
    logits: Annotated[np.ndarray, "k"],
    means: Annotated[np.ndarray, "k d"],
    variances: Annotated[np.ndarray, "k d"],
    centre: Annotated[np.ndarray, "d"],
    scale: Annotated[np.ndarray, "d"],
    sums: Annotated[np.ndarray, "k p"],
) -> float:
    """As `full_paired`."""
    total: float = np.sum(sums * diag_coefficients(logits, means, variances, centre, scale))
    return total


def spherical_paired(
    logits: Annotated[np.ndarray, "k"],
    means: Annotated[np.ndarray, "k d"],
    variances: Annotated[np.ndarray, "k"],
    centre: Annotated[np.ndarray, "d"],
    scale: Annotated[np.ndarray, "d"],
    sums: Annotated[np.ndarray, "k p"],
) -> float:
    """As `full_paired`."""
    total: float = np.sum(sums * spherical_coefficients(logits, means, variances, centre, scale))
    return total


responsibilities = grad(total_of_joint)
curvatures = hvp(total_of_joint)


@dataclass(frozen=True)
class Family:
    """How joint log-densities of one covariance type come from coefficients.

    ``coefficients(logits, means, covariances, *arguments[:taken])`` with a block's arguments, and the same sum with
    fixed responsibilities, ``paired(logits, means, covariances, *all arguments but features and weights, sums)``.
    """

    coefficients: Callable[..., Any]
    paired: Callable[..., Any]
    taken: int


FAMILIES = {
    "full": Family(full_coefficients, full_paired, 3),
    "tied": Family(tied_coefficients, tied_paired, 2),
    "diag": Family(diag_coefficients, diag_paired, 2),
    "spherical": Family(spherical_coefficients, spherical_paired, 2),
}


@lru_cache(maxsize=64)
def products_of(total: Callable[..., Any]) -> HessianVectorProduct:
    """The compiled products of a likelihood's Hessian in logits, means and covariances with vectors."""
    return hvp(total, wrt=(0, 1, 2))


def block_hessian(block: Block, p: Parameters, tangents: Parameters) -> FloatArray:
    """The second derivatives of a block's log-likelihood along each pair of tangents, shape (m, m), one by one."""
    hessian: FloatArray = flat(tangents) @ flat(block_products(block, p, tangents)).T
    return hessian


def block_products(block: Block, p: Parameters, tangents: Parameters) -> Parameters:
    """The Hessian of a block's log-likelihood in the parameters, times each of a stack of tangents."""
    compiled = products_of(block.total)
    count = len(tangents.logits)
    step = max(1, IN_A_STACK // (p.components * count_of(block.rows)))
    pieces = [
        compiled(*arrays(p), *block.arguments, *arrays(part_of(tangents, slice(i, i + step))))
        for i in range(0, count, step)
    ]
    return Parameters(*(np.concatenate(parts) for parts in zip(*pieces, strict=True)))


def count_of(rows: Rows) -> int:
    """How many samples a block has."""
    return rows.stop - rows.start if isinstance(rows, slice) else len(rows)


def arrays(p: Parameters) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Logits, means and covariances."""
    return p.logits, p.means, p.covariances


def part_of(stack: Parameters, some: slice) -> Parameters:
    """Some of a stack of tangents."""
    return Parameters(stack.logits[some], stack.means[some], stack.covariances[some])


def flat(stack: Parameters) -> FloatArray:
    """A stack of tangents or gradients as a matrix: a row for each."""
    rows: FloatArray = np.concatenate([part.reshape(len(stack.logits), -1) for part in arrays(stack)], axis=1)
    return rows
