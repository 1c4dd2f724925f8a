"""The likelihood of samples that differ in what was observed of them, or in their noise: in the subset too.

In: as for `srcdiff.mixture.likelihood`, with the samples themselves in place of features. Out: the log-likelihood of
what was observed. Sample i has covariance ``Sigma_k + noise_i`` under component k, on its observed columns; on the
others it has the identity and no deviation, which changes neither the determinant nor the squared distance. All
components and samples are a batch of small matrices: slower than features, and the same likelihood.

>>> X, seen = np.array([[1.0, 0.0]]), np.array([[1.0, 0.0]])  # the second column is missing
>>> inside, outside = seen[:, :, np.newaxis] * seen[:, np.newaxis, :], np.diag([0.0, 1.0])[np.newaxis]
>>> norms = np.array([0.5 * np.log(2 * np.pi)])
>>> units, of_the_sample = (np.zeros(2), np.ones(2)), (X, seen, inside, outside, norms, np.ones(1))
>>> value = spherical_each(np.zeros(1), np.zeros((1, 2)), np.ones(1), *units, *of_the_sample)
>>> bool(np.isclose(value, -0.5 * np.log(2 * np.pi) - 0.5))
True
"""

# ruff: noqa: F722, F821, UP037  # shapes in the annotations are text, not names
# mypy: disable-error-code="name-defined"

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from srcdiff.mixture.likelihood import log_softmax, log_sum_exp

if TYPE_CHECKING:
    from jaxtyping import Float


def joint_of_matrices(
    logits: Float[np.ndarray, "k"],
    locations: Float[np.ndarray, "k d"],
    matrices: Float[np.ndarray, "k d d"],
    X: Float[np.ndarray, "n d"],
    seen: Float[np.ndarray, "n d"],
    inside: Float[np.ndarray, "n d d"],
    outside: Float[np.ndarray, "n d d"],
    norms: Float[np.ndarray, "n"],
) -> Float[np.ndarray, "k n"]:
    """Joint log-densities of component and sample.

    `seen` is 1 where a value was observed and `inside` 1 where two were; `outside` holds the noise there and the
    identity elsewhere; `norms` is what a sample's normalisation does not owe to the covariance.
    """
    covariances = matrices[:, np.newaxis] * inside + outside
    precisions = np.linalg.inv(covariances)
    log_dets = np.linalg.slogdet(covariances)[1]
    deviations = (X - locations[:, np.newaxis]) * seen
    distances = np.sum(deviations * np.sum(precisions * deviations[:, :, np.newaxis], axis=3), axis=2)
    return log_softmax(logits)[:, np.newaxis] - 0.5 * (log_dets + distances) - norms


def full_each_joint(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    covariances: Float[np.ndarray, "k d d"],
    centre: Float[np.ndarray, "d"],
    scale: Float[np.ndarray, "d"],
    X: Float[np.ndarray, "n d"],
    seen: Float[np.ndarray, "n d"],
    inside: Float[np.ndarray, "n d d"],
    outside: Float[np.ndarray, "n d d"],
    norms: Float[np.ndarray, "n"],
) -> Float[np.ndarray, "k n"]:
    """A covariance matrix for every component: joint log-densities of component and sample."""
    matrices = covariances / (scale[:, np.newaxis] * scale)
    return joint_of_matrices(logits, (means - centre) / scale, matrices, X, seen, inside, outside, norms)


def full_each(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    covariances: Float[np.ndarray, "k d d"],
    centre: Float[np.ndarray, "d"],
    scale: Float[np.ndarray, "d"],
    X: Float[np.ndarray, "n d"],
    seen: Float[np.ndarray, "n d"],
    inside: Float[np.ndarray, "n d d"],
    outside: Float[np.ndarray, "n d d"],
    norms: Float[np.ndarray, "n"],
    sample_weight: Float[np.ndarray, "n"],
) -> float:
    """A covariance matrix for every component: the weighted sum of the log-densities."""
    joint = full_each_joint(logits, means, covariances, centre, scale, X, seen, inside, outside, norms)
    total: float = sample_weight @ log_sum_exp(joint)
    return total


def tied_each_joint(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    covariance: Float[np.ndarray, "d d"],
    centre: Float[np.ndarray, "d"],
    scale: Float[np.ndarray, "d"],
    X: Float[np.ndarray, "n d"],
    seen: Float[np.ndarray, "n d"],
    inside: Float[np.ndarray, "n d d"],
    outside: Float[np.ndarray, "n d d"],
    norms: Float[np.ndarray, "n"],
) -> Float[np.ndarray, "k n"]:
    """One covariance matrix for all components: joint log-densities of component and sample."""
    matrices = (covariance / (scale[:, np.newaxis] * scale))[np.newaxis] * np.ones((len(logits), 1, 1))
    return joint_of_matrices(logits, (means - centre) / scale, matrices, X, seen, inside, outside, norms)


def tied_each(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    covariance: Float[np.ndarray, "d d"],
    centre: Float[np.ndarray, "d"],
    scale: Float[np.ndarray, "d"],
    X: Float[np.ndarray, "n d"],
    seen: Float[np.ndarray, "n d"],
    inside: Float[np.ndarray, "n d d"],
    outside: Float[np.ndarray, "n d d"],
    norms: Float[np.ndarray, "n"],
    sample_weight: Float[np.ndarray, "n"],
) -> float:
    """One covariance matrix for all components: the weighted sum of the log-densities."""
    joint = tied_each_joint(logits, means, covariance, centre, scale, X, seen, inside, outside, norms)
    total: float = sample_weight @ log_sum_exp(joint)
    return total


def diag_each_joint(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    variances: Float[np.ndarray, "k d"],
    centre: Float[np.ndarray, "d"],
    scale: Float[np.ndarray, "d"],
    X: Float[np.ndarray, "n d"],
    seen: Float[np.ndarray, "n d"],
    inside: Float[np.ndarray, "n d d"],
    outside: Float[np.ndarray, "n d d"],
    norms: Float[np.ndarray, "n"],
) -> Float[np.ndarray, "k n"]:
    """Variances for every component: joint log-densities of component and sample."""
    matrices = (variances / (scale * scale))[:, :, np.newaxis] * np.eye(len(scale))
    return joint_of_matrices(logits, (means - centre) / scale, matrices, X, seen, inside, outside, norms)


def diag_each(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    variances: Float[np.ndarray, "k d"],
    centre: Float[np.ndarray, "d"],
    scale: Float[np.ndarray, "d"],
    X: Float[np.ndarray, "n d"],
    seen: Float[np.ndarray, "n d"],
    inside: Float[np.ndarray, "n d d"],
    outside: Float[np.ndarray, "n d d"],
    norms: Float[np.ndarray, "n"],
    sample_weight: Float[np.ndarray, "n"],
) -> float:
    """Variances for every component: the weighted sum of the log-densities."""
    joint = diag_each_joint(logits, means, variances, centre, scale, X, seen, inside, outside, norms)
    total: float = sample_weight @ log_sum_exp(joint)
    return total


def spherical_each_joint(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    variances: Float[np.ndarray, "k"],
    centre: Float[np.ndarray, "d"],
    scale: Float[np.ndarray, "d"],
    X: Float[np.ndarray, "n d"],
    seen: Float[np.ndarray, "n d"],
    inside: Float[np.ndarray, "n d d"],
    outside: Float[np.ndarray, "n d d"],
    norms: Float[np.ndarray, "n"],
) -> Float[np.ndarray, "k n"]:
    """One variance for every component: joint log-densities of component and sample."""
    matrices = (variances / (scale[0] * scale[0]))[:, np.newaxis, np.newaxis] * np.eye(len(scale))
    return joint_of_matrices(logits, (means - centre) / scale, matrices, X, seen, inside, outside, norms)


def spherical_each(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    variances: Float[np.ndarray, "k"],
    centre: Float[np.ndarray, "d"],
    scale: Float[np.ndarray, "d"],
    X: Float[np.ndarray, "n d"],
    seen: Float[np.ndarray, "n d"],
    inside: Float[np.ndarray, "n d d"],
    outside: Float[np.ndarray, "n d d"],
    norms: Float[np.ndarray, "n"],
    sample_weight: Float[np.ndarray, "n"],
) -> float:
    """One variance for every component: the weighted sum of the log-densities."""
    joint = spherical_each_joint(logits, means, variances, centre, scale, X, seen, inside, outside, norms)
    total: float = sample_weight @ log_sum_exp(joint)
    return total
