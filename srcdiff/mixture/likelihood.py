"""The log-likelihood of a Gaussian mixture, written once, in plain NumPy: every derivative is compiled from it.

In: logits of the weights, means, covariances of one of four types, and what is known of the data. Out: one number, the
log-likelihood summed over samples with their weights.

A Gaussian's log-density is linear in quadratic features of the observation: ``log N(x) = c + b.x - x.P x / 2``. The
features ``[1, x, products of x]`` of the centred data are built once (see `srcdiff.mixture.blocks`), with samples as
columns; a component is a row of coefficients ``[c, b, -P/2]``; all joint log-densities are one matrix product. What
differs between the types of covariance is a small map from parameters to coefficients. The gradient of the sum is one
product too, of responsibilities and features, which is EM's E step.

Features are built of ``(x - centre) / scale``; of ``whitening @ (x - centre)`` where components have matrices, so that
columns that are nearly dependent cost no digits. The parameters are given in the units of the data.

The shapes in the annotations are text in the jaxtyping convention: jaxtyping need not be installed.

>>> features = np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 1.0]])  # 1, x, x * x
>>> one = np.ones(1)
>>> value = diag(np.zeros(1), np.zeros((1, 1)), np.ones((1, 1)), np.zeros(1), one, features, np.ones(2))
>>> bool(np.isclose(value, -np.log(2 * np.pi) - 0.5))
True
"""

# One-letter shapes in the annotations are text, not names.
# mypy: disable-error-code="name-defined"

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float, Int


def log_softmax(logits: Float[np.ndarray, "k"]) -> Float[np.ndarray, "k"]:
    """Logarithms of the weights, normalised."""
    top = np.max(logits)
    return logits - top - np.log(np.sum(np.exp(logits - top)))


def log_sum_exp(joint: Float[np.ndarray, "k n"]) -> Float[np.ndarray, "n"]:
    """Log-densities of the samples from the joint ones of component and sample."""
    highest = np.max(joint, axis=0)
    return highest + np.log(np.sum(np.exp(joint - highest), axis=0))


def mixture_sum(
    coefficients: Float[np.ndarray, "k p"], features: Float[np.ndarray, "p n"], sample_weight: Float[np.ndarray, "n"]
) -> float:
    """The weighted sum of the mixture's log-densities; each component's is linear in the features."""
    joint = coefficients @ features
    highest = np.max(joint, axis=0)
    log_densities = highest + np.log(np.sum(np.exp(joint - highest), axis=0))
    total: float = sample_weight @ log_densities
    return total


def coefficients_of_precisions(
    logits: Float[np.ndarray, "k"],
    locations: Float[np.ndarray, "k d"],
    precisions: Float[np.ndarray, "k d d"],
    log_dets: Float[np.ndarray, "k"],
    pairs: Int[np.ndarray, "2 q"],
) -> Float[np.ndarray, "k p"]:
    """Coefficients of ``[1, x, x_i x_j for the pairs i <= j]``; `log_dets` are those of the precisions."""
    d = locations.shape[1]
    rows, columns = pairs
    share = np.where(rows == columns, 0.25, 0.5)
    symmetric = precisions + np.swapaxes(precisions, 1, 2)
    linear = 0.5 * np.sum(symmetric * locations[:, np.newaxis, :], axis=2)
    norms = 0.5 * (log_dets - d * np.log(2.0 * np.pi))
    constants = log_softmax(logits) + norms - 0.5 * np.sum(linear * locations, axis=1)
    return np.concatenate((constants[:, np.newaxis], linear, -share * symmetric[:, rows, columns]), axis=1)


def full_coefficients(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    covariances: Float[np.ndarray, "k d d"],
    centre: Float[np.ndarray, "d"],
    whitening: Float[np.ndarray, "d d"],
    pairs: Int[np.ndarray, "2 q"],
) -> Float[np.ndarray, "k p"]:
    """Coefficients of ``[1, x, x_i x_j for the pairs i <= j]``."""
    whitened = whitening @ covariances @ whitening.T
    locations = (means - centre) @ whitening.T
    precisions = np.linalg.inv(whitened)
    log_dets = 2.0 * np.linalg.slogdet(whitening)[1] - np.linalg.slogdet(whitened)[1]
    return coefficients_of_precisions(logits, locations, precisions, log_dets, pairs)


def full_joint(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    covariances: Float[np.ndarray, "k d d"],
    centre: Float[np.ndarray, "d"],
    whitening: Float[np.ndarray, "d d"],
    pairs: Int[np.ndarray, "2 q"],
    features: Float[np.ndarray, "p n"],
) -> Float[np.ndarray, "k n"]:
    """Joint log-densities of component and sample; features as for `full`."""
    return full_coefficients(logits, means, covariances, centre, whitening, pairs) @ features


def full(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    covariances: Float[np.ndarray, "k d d"],
    centre: Float[np.ndarray, "d"],
    whitening: Float[np.ndarray, "d d"],
    pairs: Int[np.ndarray, "2 q"],
    features: Float[np.ndarray, "p n"],
    sample_weight: Float[np.ndarray, "n"],
) -> float:
    """A covariance matrix for every component; features ``[1, x, x_i x_j for the pairs i <= j]``."""
    return mixture_sum(full_coefficients(logits, means, covariances, centre, whitening, pairs), features, sample_weight)


def tied_coefficients(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    covariance: Float[np.ndarray, "d d"],
    centre: Float[np.ndarray, "d"],
    whitening: Float[np.ndarray, "d d"],
) -> Float[np.ndarray, "k p"]:
    """Coefficients of ``[1, x]``, of which the quadratic form that all components share is no part."""
    d = len(centre)
    whitened = whitening @ covariance @ whitening.T
    locations = (means - centre) @ whitening.T
    precision = np.linalg.inv(whitened)
    linear = 0.5 * locations @ (precision + precision.T)
    log_det = 2.0 * np.linalg.slogdet(whitening)[1] - np.linalg.slogdet(whitened)[1]
    norm = 0.5 * (log_det - d * np.log(2.0 * np.pi))
    constants = log_softmax(logits) + norm - 0.5 * np.sum(linear * locations, axis=1)
    return np.concatenate((constants[:, np.newaxis], linear), axis=1)


def tied_joint(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    covariance: Float[np.ndarray, "d d"],
    centre: Float[np.ndarray, "d"],
    whitening: Float[np.ndarray, "d d"],
    features: Float[np.ndarray, "p n"],
) -> Float[np.ndarray, "k n"]:
    """Joint log-densities of component and sample; features as for `tied`."""
    X = features[1:]
    precision = np.linalg.inv(whitening @ covariance @ whitening.T)
    quadratic = 0.5 * np.sum((precision @ X) * X, axis=0)
    return tied_coefficients(logits, means, covariance, centre, whitening) @ features - quadratic


def tied_common(
    covariance: Float[np.ndarray, "d d"], whitening: Float[np.ndarray, "d d"], scatter: Float[np.ndarray, "d d"]
) -> float:
    """The quadratic form that all components share, summed: it takes only `scatter`, the weighted sum of ``x x^T``."""
    total: float = -0.5 * np.sum(np.linalg.inv(whitening @ covariance @ whitening.T) * scatter)
    return total


def tied(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    covariance: Float[np.ndarray, "d d"],
    centre: Float[np.ndarray, "d"],
    whitening: Float[np.ndarray, "d d"],
    scatter: Float[np.ndarray, "d d"],
    features: Float[np.ndarray, "p n"],
    sample_weight: Float[np.ndarray, "n"],
) -> float:
    """One covariance matrix for all components; features ``[1, x]``, and `scatter` as for `tied_common`."""
    coefficients = tied_coefficients(logits, means, covariance, centre, whitening)
    return mixture_sum(coefficients, features, sample_weight) + tied_common(covariance, whitening, scatter)


def diag_coefficients(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    variances: Float[np.ndarray, "k d"],
    centre: Float[np.ndarray, "d"],
    scale: Float[np.ndarray, "d"],
) -> Float[np.ndarray, "k p"]:
    """Coefficients of ``[1, x, x * x]``."""
    d = len(scale)
    locations = (means - centre) / scale
    precisions = scale * scale / variances
    linear = precisions * locations
    norms = -0.5 * (np.sum(np.log(variances), axis=1) + d * np.log(2.0 * np.pi))
    constants = log_softmax(logits) + norms - 0.5 * np.sum(linear * locations, axis=1)
    return np.concatenate((constants[:, np.newaxis], linear, -0.5 * precisions), axis=1)


def diag_joint(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    variances: Float[np.ndarray, "k d"],
    centre: Float[np.ndarray, "d"],
    scale: Float[np.ndarray, "d"],
    features: Float[np.ndarray, "p n"],
) -> Float[np.ndarray, "k n"]:
    """Joint log-densities of component and sample; features as for `diag`."""
    return diag_coefficients(logits, means, variances, centre, scale) @ features


def diag(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    variances: Float[np.ndarray, "k d"],
    centre: Float[np.ndarray, "d"],
    scale: Float[np.ndarray, "d"],
    features: Float[np.ndarray, "p n"],
    sample_weight: Float[np.ndarray, "n"],
) -> float:
    """Variances for every component; features ``[1, x, x * x]``."""
    return mixture_sum(diag_coefficients(logits, means, variances, centre, scale), features, sample_weight)


def spherical_coefficients(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    variances: Float[np.ndarray, "k"],
    centre: Float[np.ndarray, "d"],
    scale: Float[np.ndarray, "d"],
) -> Float[np.ndarray, "k p"]:
    """Coefficients of ``[1, x, x.x]``."""
    d = len(scale)
    locations = (means - centre) / scale
    precisions = scale[0] * scale[0] / variances
    linear = precisions[:, np.newaxis] * locations
    norms = -0.5 * d * np.log(2.0 * np.pi * variances)
    constants = log_softmax(logits) + norms - 0.5 * np.sum(linear * locations, axis=1)
    return np.concatenate((constants[:, np.newaxis], linear, -0.5 * precisions[:, np.newaxis]), axis=1)


def spherical_joint(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    variances: Float[np.ndarray, "k"],
    centre: Float[np.ndarray, "d"],
    scale: Float[np.ndarray, "d"],
    features: Float[np.ndarray, "p n"],
) -> Float[np.ndarray, "k n"]:
    """Joint log-densities of component and sample; features as for `spherical`."""
    return spherical_coefficients(logits, means, variances, centre, scale) @ features


def spherical(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    variances: Float[np.ndarray, "k"],
    centre: Float[np.ndarray, "d"],
    scale: Float[np.ndarray, "d"],
    features: Float[np.ndarray, "p n"],
    sample_weight: Float[np.ndarray, "n"],
) -> float:
    """One variance for every component; features ``[1, x, x.x]``, so the scale must be the same in all columns."""
    return mixture_sum(spherical_coefficients(logits, means, variances, centre, scale), features, sample_weight)


def log_likelihood(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    factors: Float[np.ndarray, "k d d"],
    X: Float[np.ndarray, "n d"],
) -> float:
    """The log-likelihood of a mixture of `k` Gaussians, summed over the rows of `X`."""
    n, d = X.shape
    # Weights, normalised: log softmax.
    top = np.max(logits)
    log_weights = logits - top - np.log(np.sum(np.exp(logits - top)))
    # Squared distances of every observation to every component, in its metric.
    maps = np.swapaxes(factors, 1, 2)
    centres = np.sum(maps * means[:, np.newaxis, :], axis=2)
    Z = maps @ X.T - centres[:, :, np.newaxis]
    distances = np.sum(Z * Z, axis=1)
    # Joint log-densities of component and observation, and their log-sum-exp over components.
    each = np.arange(d)
    diagonals = factors[:, each, each]
    log_dets = np.sum(np.log(np.abs(diagonals)), axis=1)
    joint = (log_weights + log_dets)[:, np.newaxis] - 0.5 * distances
    highest = np.max(joint, axis=0)
    log_densities = highest + np.log(np.sum(np.exp(joint - highest), axis=0))
    total: float = np.sum(log_densities) - 0.5 * n * d * np.log(2.0 * np.pi)
    return total
