"""The estimator: scikit-learn's `GaussianMixture` in names and behaviour, fitted by compiled derivatives.

In: observations, one a row, and how to fit them. Out: a fitted model that predicts, scores and samples.

>>> X = np.array([[1.0, 2.0], [1.0, 4.0], [1.2, 0.0], [10.0, 2.0], [10.0, 4.0], [10.3, 0.0]])
>>> model = GaussianMixture(2, covariance_type="tied", random_state=0).fit(X)
>>> model.predict(X[:3]) == model.predict([[0.0, 0.0]])
array([ True,  True,  True])
>>> model.converged_
True
"""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from srcdiff.mixture.distributed import fit_distributed
from srcdiff.mixture.fitting import Fitted, Plan, fit_sample, require_given
from srcdiff.mixture.inference import Inference
from srcdiff.mixture.initialisation import METHODS
from srcdiff.mixture.model import checked_weights
from srcdiff.mixture.objective import Objective
from srcdiff.mixture.parameters import COVARIANCE_TYPES
from srcdiff.mixture.progress import Progress
from srcdiff.mixture.remote import is_dask
from srcdiff.mixture.solvers import SOLVERS
from srcdiff.mixture.stream import Stream
from srcdiff.mixture.streaming import Streaming

FloatArray = npt.NDArray[np.float64]


class GaussianMixture(Inference, Streaming):
    """A Gaussian mixture, fitted by maximum likelihood.

    Parameters, attributes and methods are those of `sklearn.mixture.GaussianMixture`, where this text does not say
    otherwise. Entries of the data that are NaN count as not observed and are integrated out.

    Parameters
    ----------
    tol
        The fit has converged where the total log-likelihood still to be gained is less, by the solver's estimate.
    reg_covar
        The least variance of a component in any direction, relative to the variances of the data. Nothing is added to
        variances above it.
    max_iter
        The most iterations of the solver.
    init_params
        `"kmeans"`, `"k-means++"`, `"random"` or `"random_from_data"`; see `srcdiff.mixture.initialisation`.
    verbose
        1 for a bar that shows how far the fit has come (on standard error; a line each `verbose_interval` iterations
        where that is no terminal), 2 for gains and times too.
    solver
        `"auto"`, `"em"`, `"hard-em"`, `"gradient"`, `"lbfgs"` or `"newton"`; see `srcdiff.mixture.solvers`.
    chunk_size
        How many samples are worked on at a time; by itself it is chosen so that memory stays bounded.

    Attributes
    ----------
    lower_bound_, lower_bounds_
        The log-likelihood per unit of weight, at the end and after every iteration; with `"hard-em"` the
        classification log-likelihood, which is below it.
    result_
        What the solver reports: passes over the data, EM's rate, the estimated gain; see `srcdiff.mixture.Result`.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "covariance_type": [StrOptions(set(COVARIANCE_TYPES))],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "reg_covar": [Interval(Real, 0.0, None, closed="left")],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "init_params": [StrOptions(set(METHODS))],
        "weights_init": ["array-like", None],
        "means_init": ["array-like", None],
        "precisions_init": ["array-like", None],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "verbose_interval": [Interval(Integral, 1, None, closed="left")],
        "solver": [StrOptions(set(SOLVERS))],
        "chunk_size": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: str = "full",
        tol: float = 1e-8,
        reg_covar: float = 1e-6,
        max_iter: int = 1000,
        n_init: int = 1,
        init_params: str = "kmeans",
        weights_init: npt.ArrayLike | None = None,
        means_init: npt.ArrayLike | None = None,
        precisions_init: npt.ArrayLike | None = None,
        random_state: int | np.random.RandomState | None = None,
        warm_start: bool = False,
        verbose: int = 0,
        verbose_interval: int = 10,
        solver: str = "auto",
        chunk_size: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.verbose_interval = verbose_interval
        self.solver = solver
        self.chunk_size = chunk_size

    def fit(
        self,
        X: npt.ArrayLike,
        y: object = None,
        sample_weight: npt.ArrayLike | None = None,
        noise: npt.ArrayLike | None = None,
    ) -> GaussianMixture:
        """Estimate the parameters.

        Parameters
        ----------
        X
            Observations, shape (n_samples, n_features). NaN marks what was not observed. A `dask.array` or a Dask
            DataFrame stays on its cluster; see `srcdiff.mixture.distributed`.
        y
            Not used.
        sample_weight
            Weights of the samples, shape (n_samples,): an integer weight is as good as so many equal samples.
        noise
            The known covariances of the measurement noise of every sample, shape (n_samples, n_features, n_features),
            or their variances, (n_samples, n_features). The mixture fitted is then that of the values without noise.

        Raises
        ------
        ValueError
            where the data or a parameter are none that can be fitted.
        """
        self._validate_params()
        progress = Progress(self.tol, self.verbose_interval, self.verbose) if self.verbose else None
        with progress or nullcontext():
            plan = replace(self._plan(), watch=progress.start if progress else None)
            if is_dask(X):
                fitted = fit_distributed(self, X, plan, sample_weight, noise)
            else:
                fitted = self._fit_here(X, plan, sample_weight, noise)
        self._keep(fitted)
        return self

    def _fit_here(
        self, X: npt.ArrayLike, plan: Plan, sample_weight: npt.ArrayLike | None, noise: npt.ArrayLike | None
    ) -> Fitted:
        """The fit to samples in memory."""
        data = validate_data(
            self, X, dtype=[np.float64, np.float32], ensure_all_finite="allow-nan", ensure_min_samples=2
        )
        data = np.asarray(data, dtype=np.float64)
        n, d = data.shape
        if n < self.n_components:
            raise ValueError(
                f"Expected n_samples >= n_components but got n_components = {self.n_components}, n_samples = {n}"
            )
        weights = checked_weights(sample_weight, n)
        require_given(plan, d)
        known = None if noise is None else np.asarray(noise, dtype=np.float64)
        return fit_sample(data, weights, known, plan, check_random_state(self.random_state))

    def _plan(self) -> Plan:
        warm = self._parameters() if self.warm_start and hasattr(self, "converged_") else None
        weights, means, precisions = (
            None if value is None else np.array(value, dtype=np.float64)
            for value in (self.weights_init, self.means_init, self.precisions_init)
        )
        return Plan(
            components=self.n_components,
            covariance_type=self.covariance_type,
            solver=self.solver,
            tol=self.tol,
            floor=self.reg_covar,
            max_iter=self.max_iter,
            n_init=self.n_init,
            method=self.init_params,
            weights=weights,
            means=means,
            precisions=precisions,
            warm=warm,
            chunk_size=self.chunk_size,
        )

    def _keep(self, fitted: Fitted) -> None:
        """Set the fitted attributes, and warn of what is wrong with them."""
        result, total = fitted.result, fitted.objective.total_weight
        self._set(result.parameters)
        self.converged_ = result.converged
        self.n_iter_ = max(result.iterations, 1) if self.max_iter else 0
        self.lower_bound_ = result.value / total
        self.lower_bounds_ = (
            [value / total for value in (result.history[1:] or result.history)] if self.max_iter else []
        )
        self.result_ = result
        self._fitted = fitted
        self._stream = Stream(result.parameters, fitted.scaling, total)
        self.n_samples_seen_ = fitted.objective.n
        if fitted.scaling.constant:
            columns = ", ".join(map(str, fitted.scaling.constant))
            warnings.warn(f"constant columns of X: {columns}; their variances are set by reg_covar alone", stacklevel=3)
        elif result.regularised:
            warnings.warn(
                "a component has collapsed onto too few different samples: its variance is held up by reg_covar alone. "
                "Take fewer components, a simpler covariance_type or a larger reg_covar.",
                stacklevel=3,
            )
        if not result.converged and self.max_iter:
            warnings.warn(
                f"the fit did not converge in {result.iterations} iterations of {self.solver!r}: by estimate, "
                f"{result.gain:.2g} of log-likelihood are still to be gained. Increase max_iter or tol.",
                ConvergenceWarning,
                stacklevel=3,
            )

    def fit_predict(
        self,
        X: npt.ArrayLike,
        y: object = None,
        sample_weight: npt.ArrayLike | None = None,
        noise: npt.ArrayLike | None = None,
    ) -> npt.NDArray[np.intp]:
        """Fit, and give the likeliest component of every sample, shape (n_samples,)."""
        return self.fit(X, y, sample_weight, noise).predict(X, noise)

    @property
    def gradient_source(self) -> str:
        """The generated code of the gradient that drives the fit, as text."""
        check_is_fitted(self)
        fitted: Fitted | None = getattr(self, "_fitted", None)
        if fitted is not None:
            return fitted.objective.gradient_source
        objective = Objective(self.means_, self.covariance_type)
        objective.value_and_gradient(self._parameters())
        return objective.gradient_source

    def __getstate__(self) -> Any:
        # A model that is stored or sent does not take its training data along.
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_fitted"}
