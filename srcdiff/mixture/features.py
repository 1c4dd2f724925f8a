"""Samples made into what the likelihood takes: quadratic features, or masks and noise for samples of their own kind.

In: some samples with their weights. Out: a `Block`, the likelihood function of the subset with its arguments.

>>> units = np.zeros(2), np.eye(2)
>>> block = feature_block("full", slice(0, 1), np.array([[2.0, 3.0]]), np.ones(1), units)
>>> block.total.__name__, block.arguments[3].ravel()
('full', array([1., 2., 3., 4., 6., 9.]))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from srcdiff.mixture import individual, likelihood, marginals
from srcdiff.mixture.parameters import FloatArray

Rows = slice | npt.NDArray[np.intp]
Units = tuple[FloatArray, FloatArray]
Functions = dict[str, tuple[Callable[..., Any], Callable[..., Any]]]

COMPLETE: Functions = {
    "full": (likelihood.full, likelihood.full_joint),
    "tied": (likelihood.tied, likelihood.tied_joint),
    "diag": (likelihood.diag, likelihood.diag_joint),
    "spherical": (likelihood.spherical, likelihood.spherical_joint),
}
OBSERVED: Functions = {
    "full": (marginals.full_observed, marginals.full_observed_joint),
    "tied": (marginals.tied_observed, marginals.tied_observed_joint),
    "diag": (marginals.diag_observed, marginals.diag_observed_joint),
    "spherical": (marginals.spherical_observed, marginals.spherical_observed_joint),
}
EACH: Functions = {
    "full": (individual.full_each, individual.full_each_joint),
    "tied": (individual.tied_each, individual.tied_each_joint),
    "diag": (individual.diag_each, individual.diag_each_joint),
    "spherical": (individual.spherical_each, individual.spherical_each_joint),
}
COEFFICIENTS: dict[str, Callable[..., Any]] = {
    "full": likelihood.full_coefficients,
    "tied": likelihood.tied_coefficients,
    "diag": likelihood.diag_coefficients,
    "spherical": likelihood.spherical_coefficients,
}


@dataclass(frozen=True, eq=False)
class Linear:
    """The joint log-densities of complete samples are ``coefficients(logits, means, covariances, *units) @ features``.

    The coefficients are the same for all blocks of complete samples in a table. `scatter` is that of tied covariances.
    """

    coefficients: Callable[..., Any]
    units: tuple[Any, ...]
    features: FloatArray
    weights: FloatArray
    scatter: FloatArray | None


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
    linear: Linear | None = None


def features_of(covariance_type: str, d: int) -> int:
    """How many features a sample of so many columns has."""
    return {"full": 1 + d + d * (d + 1) // 2, "tied": 1 + d, "diag": 1 + 2 * d, "spherical": 2 + d}[covariance_type]


def feature_block(
    covariance_type: str,
    rows: Rows,
    X: FloatArray,
    weights: FloatArray,
    units: Units,
    observed: npt.NDArray[np.intp] | None = None,
) -> Block:
    """The block of complete samples X (n, d), or of those of which the same columns were observed: X holds these.

    The units of these columns: their centre, and their scale or the matrix that whitens them (full and tied).
    """
    centre, scale = units
    n, d = X.shape
    features = np.empty((features_of(covariance_type, d), n))
    features[0] = 1.0
    columns = features[1 : 1 + d]
    if scale.ndim == 2:
        np.matmul(scale, (X - centre).T, out=columns)
    else:
        np.divide((X - centre).T, scale[:, np.newaxis], out=columns)
    before: tuple[Any, ...] = units if observed is None else (observed, *units)
    scatter: tuple[Any, ...] = ()
    if covariance_type == "full":
        pairs = np.array(np.triu_indices(d))
        before = (*before, pairs)
        for row, (i, j) in zip(features[1 + d :], pairs.T, strict=True):
            np.multiply(columns[i], columns[j], out=row)
    elif covariance_type == "tied":
        scatter = ((columns * weights) @ columns.T,)
    elif covariance_type == "diag":
        np.multiply(columns, columns, out=features[1 + d :])
    else:
        np.einsum("dn,dn->n", columns, columns, out=features[1 + d])
    linear = None
    if observed is None:
        linear = Linear(COEFFICIENTS[covariance_type], before, features, weights, scatter[0] if scatter else None)
    total, joint = (COMPLETE if observed is None else OBSERVED)[covariance_type]
    return Block(rows, total, (*before, *scatter, features, weights), joint, (*before, features), linear)


def each_block(
    covariance_type: str, rows: Rows, X: FloatArray, weights: FloatArray, units: Units, noise: FloatArray | None
) -> Block:
    """The block of samples X (n, d) that have NaN where they like, and noise covariances (n, d, d) or none."""
    centre, scale = units
    is_seen = ~np.isnan(X)
    seen = is_seen.astype(float)
    scaled = np.where(is_seen, (X - centre) / scale, 0.0)
    together = is_seen[:, :, np.newaxis] & is_seen[:, np.newaxis, :]
    outside = np.eye(X.shape[1]) * (1.0 - seen)[:, :, np.newaxis]
    if noise is not None:
        outside = outside + np.where(together, noise / (scale[:, np.newaxis] * scale), 0.0)
    norms = seen @ (np.log(scale) + 0.5 * np.log(2.0 * np.pi))
    before = (centre, scale, scaled, seen, together.astype(float), outside, norms)
    total, joint = EACH[covariance_type]
    return Block(rows, total, (*before, weights), joint, before)
