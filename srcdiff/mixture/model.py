"""What a fitted mixture can do: predict, score, sample, and be compared.

In: weights, means and covariances of a fit, as attributes in scikit-learn's names. Out: `FittedMixture`, the part of
the estimator that needs nothing else.

>>> from srcdiff.mixture.estimator import GaussianMixture
>>> model = GaussianMixture(2, covariance_type="spherical")
>>> model._set(Parameters(np.zeros(2), np.array([[-1.0], [1.0]]), np.ones(2)))
>>> model.predict(np.array([[-2.0], [3.0]]))
array([0, 1])
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from srcdiff.mixture.fitting import precision_factors
from srcdiff.mixture.likelihood import log_sum_exp
from srcdiff.mixture.objective import Objective
from srcdiff.mixture.parameters import Parameters

FloatArray = npt.NDArray[np.float64]


class FittedMixture(DensityMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """The methods of a mixture that has its parameters."""

    n_components: int
    covariance_type: str
    random_state: int | np.random.RandomState | None
    chunk_size: int | None
    weights_: FloatArray
    means_: FloatArray
    covariances_: FloatArray
    precisions_: FloatArray
    precisions_cholesky_: FloatArray

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _set(self, p: Parameters) -> None:
        self.weights_ = p.weights
        self.means_ = p.means
        self.covariances_ = p.covariances
        self.precisions_, self.precisions_cholesky_ = precision_factors(p.covariances, self.covariance_type)

    def _parameters(self) -> Parameters:
        return Parameters.from_weights(self.weights_, self.means_, self.covariances_)

    def _joint(self, X: npt.ArrayLike, noise: npt.ArrayLike | None = None) -> FloatArray:
        """Joint log-densities of components and samples, shape (components, n)."""
        check_is_fitted(self)
        data = validate_data(self, X, reset=False, dtype=[np.float64, np.float32], ensure_all_finite="allow-nan")
        objective = Objective(data, self.covariance_type, noise=noise, chunk_size=self.chunk_size)
        joint: FloatArray = objective.log_joint(self._parameters()).T
        return joint

    def predict(self, X: npt.ArrayLike, noise: npt.ArrayLike | None = None) -> npt.NDArray[np.intp]:
        """The likeliest component of every sample, shape (n_samples,)."""
        labels: npt.NDArray[np.intp] = np.argmax(self._joint(X, noise), axis=0)
        return labels

    def predict_proba(self, X: npt.ArrayLike, noise: npt.ArrayLike | None = None) -> FloatArray:
        """The probability of every component for every sample, shape (n_samples, n_components)."""
        joint = self._joint(X, noise)
        probabilities: FloatArray = np.exp(joint - log_sum_exp(joint)).T
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        return probabilities

    def score_samples(self, X: npt.ArrayLike, noise: npt.ArrayLike | None = None) -> FloatArray:
        """The log-likelihood of every sample, shape (n_samples,): of what was observed of it."""
        densities: FloatArray = log_sum_exp(self._joint(X, noise))
        return densities

    def score(
        self,
        X: npt.ArrayLike,
        y: object = None,
        sample_weight: npt.ArrayLike | None = None,
        noise: npt.ArrayLike | None = None,
    ) -> float:
        """The mean log-likelihood of the samples, weighted if there are weights."""
        densities = self.score_samples(X, noise)
        return float(np.average(densities, weights=checked_weights(sample_weight, len(densities))))

    def sample(self, n_samples: int = 1) -> tuple[FloatArray, npt.NDArray[np.intp]]:
        """Draw samples, shape (n_samples, n_features), ordered by component, and their components.

        Raises
        ------
        ValueError
            where `n_samples` is not positive.
        """
        check_is_fitted(self)
        if n_samples < 1:
            raise ValueError(f"Invalid value for 'n_samples': {n_samples}. The sampling requires at least one sample.")
        rng = check_random_state(self.random_state)
        counts = rng.multinomial(n_samples, self.weights_ / self.weights_.sum())
        labels = np.repeat(np.arange(self.n_components), counts)
        normal = rng.standard_normal((n_samples, self.means_.shape[1]))
        match self.covariance_type:
            case "full" | "tied":
                factors = np.broadcast_to(
                    np.linalg.cholesky(self.covariances_), (self.n_components, *normal.shape[1:] * 2)
                )
                deviations = np.concatenate([normal[labels == k] @ factors[k].T for k in range(self.n_components)])
            case "diag":
                deviations = normal * np.sqrt(self.covariances_)[labels]
            case _:
                deviations = normal * np.sqrt(self.covariances_)[labels, np.newaxis]
        drawn: FloatArray = self.means_[labels] + deviations
        return drawn, labels

    def _n_parameters(self) -> int:
        """The number of free parameters."""
        K, d = int(self.means_.shape[0]), int(self.means_.shape[1])
        triangle = d * (d + 1) // 2
        of_covariances = {"full": K * triangle, "tied": triangle, "diag": K * d, "spherical": K}[self.covariance_type]
        return K - 1 + K * d + of_covariances

    def bic(self, X: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> float:
        """The Bayesian information criterion on `X`; the lower the better."""
        total = checked_weights(sample_weight, len(np.asarray(X))).sum()
        return float(-2.0 * self.score(X, sample_weight=sample_weight) * total + self._n_parameters() * np.log(total))

    def aic(self, X: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> float:
        """Akaike's information criterion on `X`; the lower the better."""
        total = checked_weights(sample_weight, len(np.asarray(X))).sum()
        return float(-2.0 * self.score(X, sample_weight=sample_weight) * total + 2.0 * self._n_parameters())


def checked_weights(sample_weight: npt.ArrayLike | None, n: int) -> FloatArray:
    """A weight for every sample.

    Raises
    ------
    ValueError
        where there are not so many, or one is negative, or none is positive.
    """
    if sample_weight is None:
        return np.ones(n)
    weights = np.array(sample_weight, dtype=np.float64)
    if weights.ndim == 0:
        weights = np.full(n, float(weights))
    if weights.ndim != 1:
        raise ValueError("Sample weights must be 1D array or scalar")
    if weights.shape != (n,):
        raise ValueError(f"sample_weight.shape == {weights.shape}, expected {(n,)}!")
    if not np.isfinite(weights).all():
        raise ValueError("sample_weight holds values that are not finite")
    if (weights < 0).any():
        raise ValueError("Negative values in data passed to `sample_weight`.")
    if not (weights > 0).any():
        raise ValueError("Sample weights are all zero: `sample_weight` must hold a positive weight.")
    return weights
