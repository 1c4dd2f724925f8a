"""What a fitted estimator says beyond its parameters: standard errors, intervals, a summary, a certificate.

In: a fitted model that keeps what it was fitted to. Out: `Inference`, the part of the estimator with these methods. All
of it is computed at the first question.

>>> from srcdiff.mixture.estimator import GaussianMixture
>>> X = np.array([[-1.0], [1.0], [3.0], [5.0]])
>>> model = GaussianMixture(1).fit(X)
>>> bool(np.isclose(model.standard_errors_.means[0, 0], np.sqrt(5 / 4)))
True
>>> model.convergence_.certified
True
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from srcdiff.mixture.certificate import Convergence, certificate
from srcdiff.mixture.information import Information, Intervals, Kind, StandardErrors
from srcdiff.mixture.summary import summary

if TYPE_CHECKING:
    from srcdiff.mixture.fitting import Fitted

FloatArray = npt.NDArray[np.float64]


class Inference:
    """The methods of a fitted mixture that need the data it was fitted to.

    Attributes
    ----------
    cov_params_
        The covariance matrix of the estimates, from the observed information: weights, means row by row, and
        covariances, of matrices the lower triangles row by row. `param_names_` names its rows.
    standard_errors_
        The square roots of its diagonal, as `weights`, `means` and `covariances` in the shapes of the parameters.
    convergence_
        A `Convergence`: whether the fit is a maximum of the likelihood, and how near.
    """

    solver: str

    def __dir__(self) -> list[str]:
        # scikit-learn reads every attribute that it lists, for its pictures of estimators and for the list itself:
        # that must not compute these.
        computed = {"cov_params_", "param_names_", "standard_errors_", "convergence_"}
        return [name for name in object.__dir__(self) if name not in computed and hasattr(self, name)]

    def _information(self) -> Information:
        check_is_fitted(self)
        fitted: Fitted | None = getattr(self, "_fitted", None)
        if fitted is None:
            raise AttributeError("the model does not hold the data it was fitted to: fit it again for standard errors")
        return fitted.information

    @property
    def cov_params_(self) -> FloatArray:
        """The covariance matrix of the estimates."""
        return self._information().covariance()

    @property
    def param_names_(self) -> tuple[str, ...]:
        """What the rows of `cov_params_` are."""
        return self._information().names

    @property
    def standard_errors_(self) -> StandardErrors:
        """The standard errors of weights, means and covariances."""
        return self._information().standard_errors()

    @property
    def convergence_(self) -> Convergence:
        """The certificate of convergence."""
        return certificate(self._information())

    def cov_params(self, kind: Kind = "observed") -> FloatArray:
        """The covariance matrix of the estimates, shape (p, p) with the rows of `param_names_`.

        Parameters
        ----------
        kind
            ``"observed"``: the inverse of the observed information. ``"sandwich"``: with the scores of the samples in
            between (White 1982), which holds where the data are no such mixture.

        Raises
        ------
        ValueError
            where there is no such kind.
        """
        return self._information().covariance(kind)

    def standard_errors(self, kind: Kind = "observed") -> StandardErrors:
        """The standard errors of weights, means and covariances; `kind` as for `cov_params`."""
        return self._information().standard_errors(kind)

    def confidence_intervals(self, level: float = 0.95, kind: Kind = "observed") -> Intervals:
        """Confidence intervals of weights, means and covariances, with the ends on a last axis of length 2.

        Those of weights and variances stay inside their ranges; `kind` as for `cov_params`.

        Raises
        ------
        ValueError
            where the level is not between 0 and 1.
        """
        return self._information().intervals(level, kind)

    def summary(self, level: float = 0.95, kind: Kind = "observed", names: Sequence[str] | None = None) -> str:
        """A table of the estimates with standard errors and confidence intervals, as text.

        Parameters
        ----------
        names
            What the columns of the data are called; by itself as in the data frame that was fitted.

        Raises
        ------
        ValueError
            where the level is not between 0 and 1, or there are not as many names as columns.
        """
        information = self._information()
        if names is None:
            given = getattr(self, "feature_names_in_", None)
            names = None if given is None else [str(name) for name in given]
        result = self._fitted.result  # type: ignore[attr-defined]  # the estimator's
        done = "converged" if result.converged else "not converged"
        report = f"{self.solver}: {done} after {result.iterations} iterations, {result.passes} passes over the data"
        return summary(information, level=level, kind=kind, names=names, report=report)
