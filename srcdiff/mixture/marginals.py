"""The likelihood where values are missing: in the subset too.

In: as for `srcdiff.mixture.likelihood`, and which columns were observed. Out: the log-likelihood of what was observed.
A Gaussian's marginal is the Gaussian of the rows and columns that are left, so samples in which the same columns are
missing go through the same sum as complete ones.

>>> features = np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 1.0]])  # of the second column alone
>>> means, variances, one = np.zeros((1, 2)), np.ones((1, 2)), np.ones(1)
>>> value = diag_observed(np.zeros(1), means, variances, np.array([1]), np.zeros(1), one, features, np.ones(2))
>>> bool(np.isclose(value, -np.log(2 * np.pi) - 0.5))
True
"""

# ruff: noqa: F722, F821, UP037  # shapes in the annotations are text, not names
# mypy: disable-error-code="name-defined"

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from srcdiff.mixture.likelihood import (
    diag,
    diag_joint,
    full,
    full_joint,
    spherical,
    spherical_joint,
    tied,
    tied_joint,
)

if TYPE_CHECKING:
    from jaxtyping import Float, Int


def full_observed(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    covariances: Float[np.ndarray, "k d d"],
    observed: Int[np.ndarray, "o"],
    centre: Float[np.ndarray, "o"],
    whitening: Float[np.ndarray, "o o"],
    pairs: Int[np.ndarray, "2 q"],
    features: Float[np.ndarray, "p n"],
    sample_weight: Float[np.ndarray, "n"],
) -> float:
    """A covariance matrix for every component; all but the first four as for `full`, of the observed columns."""
    return full(
        logits,
        means[:, observed],
        covariances[:, observed[:, np.newaxis], observed],
        centre,
        whitening,
        pairs,
        features,
        sample_weight,
    )


def full_observed_joint(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    covariances: Float[np.ndarray, "k d d"],
    observed: Int[np.ndarray, "o"],
    centre: Float[np.ndarray, "o"],
    whitening: Float[np.ndarray, "o o"],
    pairs: Int[np.ndarray, "2 q"],
    features: Float[np.ndarray, "p n"],
) -> Float[np.ndarray, "k n"]:
    """Joint log-densities of component and sample."""
    return full_joint(
        logits,
        means[:, observed],
        covariances[:, observed[:, np.newaxis], observed],
        centre,
        whitening,
        pairs,
        features,
    )


def tied_observed(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    covariance: Float[np.ndarray, "d d"],
    observed: Int[np.ndarray, "o"],
    centre: Float[np.ndarray, "o"],
    whitening: Float[np.ndarray, "o o"],
    scatter: Float[np.ndarray, "o o"],
    features: Float[np.ndarray, "p n"],
    sample_weight: Float[np.ndarray, "n"],
) -> float:
    """One covariance matrix for all components; all but the first four as for `tied`, of the observed columns."""
    return tied(
        logits,
        means[:, observed],
        covariance[observed[:, np.newaxis], observed],
        centre,
        whitening,
        scatter,
        features,
        sample_weight,
    )


def tied_observed_joint(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    covariance: Float[np.ndarray, "d d"],
    observed: Int[np.ndarray, "o"],
    centre: Float[np.ndarray, "o"],
    whitening: Float[np.ndarray, "o o"],
    features: Float[np.ndarray, "p n"],
) -> Float[np.ndarray, "k n"]:
    """Joint log-densities of component and sample."""
    return tied_joint(
        logits, means[:, observed], covariance[observed[:, np.newaxis], observed], centre, whitening, features
    )


def diag_observed(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    variances: Float[np.ndarray, "k d"],
    observed: Int[np.ndarray, "o"],
    centre: Float[np.ndarray, "o"],
    scale: Float[np.ndarray, "o"],
    features: Float[np.ndarray, "p n"],
    sample_weight: Float[np.ndarray, "n"],
) -> float:
    """Variances for every component; all but the first four as for `diag`, of the observed columns."""
    return diag(logits, means[:, observed], variances[:, observed], centre, scale, features, sample_weight)


def diag_observed_joint(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    variances: Float[np.ndarray, "k d"],
    observed: Int[np.ndarray, "o"],
    centre: Float[np.ndarray, "o"],
    scale: Float[np.ndarray, "o"],
    features: Float[np.ndarray, "p n"],
) -> Float[np.ndarray, "k n"]:
    """Joint log-densities of component and sample."""
    return diag_joint(logits, means[:, observed], variances[:, observed], centre, scale, features)


def spherical_observed(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    variances: Float[np.ndarray, "k"],
    observed: Int[np.ndarray, "o"],
    centre: Float[np.ndarray, "o"],
    scale: Float[np.ndarray, "o"],
    features: Float[np.ndarray, "p n"],
    sample_weight: Float[np.ndarray, "n"],
) -> float:
    """One variance for every component; all but the first four as for `spherical`, of the observed columns."""
    return spherical(logits, means[:, observed], variances, centre, scale, features, sample_weight)


def spherical_observed_joint(
    logits: Float[np.ndarray, "k"],
    means: Float[np.ndarray, "k d"],
    variances: Float[np.ndarray, "k"],
    observed: Int[np.ndarray, "o"],
    centre: Float[np.ndarray, "o"],
    scale: Float[np.ndarray, "o"],
    features: Float[np.ndarray, "p n"],
) -> Float[np.ndarray, "k n"]:
    """Joint log-densities of component and sample."""
    return spherical_joint(logits, means[:, observed], variances, centre, scale, features)
