"""The estimator's fit where the samples lie on a Dask cluster.

In: a model, and a `dask.array` or a Dask DataFrame. Out: the same model, fitted by the same solvers from the same kind
of start; the sums over samples are made on the cluster (see `srcdiff.mixture.remote`).

>>> import dask.array
>>> from srcdiff.mixture import GaussianMixture, load_old_faithful
>>> X = dask.array.from_array(load_old_faithful(), chunks=(100, 2))
>>> model = GaussianMixture(2, random_state=0).fit(X)
>>> round(272 * model.lower_bound_, 6), model.converged_
(-1130.26396, True)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import check_random_state

from srcdiff.mixture.fitting import Fitted, Plan, fit_objective, require_given
from srcdiff.mixture.remote import RemoteObjective

if TYPE_CHECKING:
    from srcdiff.mixture.estimator import GaussianMixture


def fit_distributed(model: GaussianMixture, X: Any, plan: Plan, sample_weight: Any = None, noise: Any = None) -> Fitted:
    """Fit to a distributed sample.

    Starts are made from all samples where there are few, and from some drawn ones where there are many. Then each
    iteration reads the data once (EM, L-BFGS, gradient ascent, hard EM) or twice (Newton).

    Parameters
    ----------
    model
        The estimator: its `n_features_in_` and `feature_names_in_` are set.
    X
        Samples (n, d): a `dask.array.Array` or a Dask DataFrame. Where it is read from files, `X.persist()` keeps it in
        the memory of the cluster between iterations.
    sample_weight, noise
        As for `GaussianMixture.fit`, best as Dask collections with the parts of the data.

    Raises
    ------
    ValueError
        where the data or a parameter are none that can be fitted.
    """
    objective = RemoteObjective(X, plan.covariance_type, sample_weight, noise, plan.chunk_size)
    require_given(plan, objective.d)
    if objective.n < max(2, plan.components):
        raise ValueError(
            f"Expected n_samples >= n_components and at least 2 but got n_components = {plan.components}, "
            f"n_samples = {objective.n}"
        )
    columns = getattr(X, "columns", None)
    model.n_features_in_ = objective.d
    if columns is not None and all(isinstance(name, str) for name in columns):
        model.feature_names_in_ = np.asarray(columns, dtype=object)
    elif hasattr(model, "feature_names_in_"):
        del model.feature_names_in_
    points, weights = objective.sample
    random_state = check_random_state(model.random_state)
    result = fit_objective(objective, objective.scaling, points, weights, plan, random_state)
    return Fitted(result, objective, objective.scaling)
