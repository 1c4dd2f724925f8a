"""A fit from several starts: the best of what the solver reaches from them.

In: an objective with its scaling, observations to start from, and a `Plan`. Out: the `Result` of the best start, in the
units of the data. Starts whose fit ends with a variance on the floor count less than those whose fit does not: their
likelihood is that of a component on too few points, and says nothing of the data.

>>> X = np.array([[-1.1], [-0.9], [0.8], [1.2]])
>>> found = fit_sample(X, np.ones(4), None, Plan(1, "spherical"), np.random.RandomState(0))
>>> found.result.parameters.covariances.round(6)
array([1.025])
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from srcdiff.mixture.information import Information
from srcdiff.mixture.initialisation import chosen, initialise
from srcdiff.mixture.objective import Objective
from srcdiff.mixture.parameters import Parameters, covariances_shape
from srcdiff.mixture.scaling import Scaling
from srcdiff.mixture.solvers import Callback, Result, run

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """How to fit: what the parameters of the estimator say."""

    components: int
    covariance_type: str = "full"
    solver: str = "auto"
    tol: float = 1e-8
    floor: float = 1e-6
    max_iter: int = 1000
    n_init: int = 1
    method: str = "kmeans"
    weights: FloatArray | None = None
    means: FloatArray | None = None
    precisions: FloatArray | None = None
    warm: Parameters | None = None
    chunk_size: int | None = None
    watch: Callable[[int], Callback] | None = None
    """Gives the callback of a start, from the number of the start."""


@dataclass(frozen=True)
class Fitted:
    """The result of the best start, and what it was fitted to."""

    result: Result
    objective: Objective
    scaling: Scaling

    @cached_property
    def information(self) -> Information:
        """What the data say about the parameters."""
        return Information(self.objective, self.result.parameters, self.scaling, held=self.result.regularised)


def fit_sample(
    X: FloatArray,
    weights: FloatArray,
    noise: FloatArray | None,
    plan: Plan,
    random_state: np.random.RandomState,
) -> Fitted:
    """Fit observations in memory.

    Parameters
    ----------
    X
        Observations, shape (n, d), in which entries may be missing (NaN).
    weights
        Their weights, shape (n,).
    noise
        The covariances of the observations' noise, (n, d, d) or (n, d), or None.

    Raises
    ------
    ValueError
        where given parameters do not fit the data.
    """
    scaling = Scaling.of(X, plan.covariance_type, weights)
    objective = Objective(
        X, plan.covariance_type, weights, noise=noise, chunk_size=plan.chunk_size, units=scaling.powers
    )
    return Fitted(fit_objective(objective, scaling, X, weights, plan, random_state), objective, scaling)


def fit_objective(
    objective: Objective,
    scaling: Scaling,
    X: FloatArray,
    weights: FloatArray,
    plan: Plan,
    random_state: np.random.RandomState,
) -> Result:
    """Fit an objective; `X` and `weights` are what starts are made from: all observations, or a sample of them."""
    best: Result | None = None
    for number in range(1 if plan.warm is not None else plan.n_init):
        start = plan.warm
        if start is None:
            # Of large data only what is drawn is standardised: no second table is made.
            rows = chosen(weights, random_state)
            start = _start(scaling.standardise(X[rows]), weights[rows], scaling, plan, random_state)
        found = run(
            objective,
            start,
            plan.solver,
            tol=plan.tol,
            max_iter=plan.max_iter,
            floor=plan.floor,
            scaling=scaling,
            callback=None if plan.watch is None else plan.watch(number),
        )
        if best is None or (not found.regularised, found.value) > (not best.regularised, best.value):
            best = found
    assert best is not None
    return best


def _start(
    standard: FloatArray, weights: FloatArray, scaling: Scaling, plan: Plan, random_state: np.random.RandomState
) -> Parameters:
    """What the user gave of a start, and a drawn start for the rest."""
    kind = plan.covariance_type
    means = None if plan.means is None else (plan.means - scaling.centre) / scaling.scale
    drawn = initialise(
        standard, weights, plan.components, kind, plan.method, random_state, floor=plan.floor, means=means
    )
    start = scaling.back(drawn, kind)
    logits = start.logits if plan.weights is None else np.log(np.maximum(plan.weights, 1e-300))
    covariances = start.covariances if plan.precisions is None else _inverse(plan.precisions, kind)
    return Parameters(logits, start.means if plan.means is None else plan.means, covariances)


def _inverse(precisions: FloatArray, covariance_type: str) -> FloatArray:
    matrices = covariance_type in ("full", "tied")
    inverse: FloatArray = np.asarray(np.linalg.inv(precisions) if matrices else 1.0 / precisions, dtype=np.float64)
    return inverse


def require_given(plan: Plan, dimensions: int) -> None:
    """Given weights, means and precisions have the right shapes and are such.

    Raises
    ------
    ValueError
        where they are not.
    """
    K, d = plan.components, dimensions
    shapes = {"weights": (K,), "means": (K, d), "precisions": covariances_shape(plan.covariance_type, K, d)}
    for name, shape in shapes.items():
        given: FloatArray | None = getattr(plan, name)
        if given is None:
            continue
        if given.shape != shape:
            raise ValueError(f"The parameter '{name}' should have the shape of {shape}, but got {given.shape}")
        if not np.isfinite(given).all():
            raise ValueError(f"The parameter '{name}' holds values that are not finite")
    if plan.weights is not None:
        if (plan.weights < 0).any() or (plan.weights > 1).any():
            raise ValueError("The parameter 'weights' should be in the range [0, 1]")
        if not np.isclose(plan.weights.sum(), 1.0):
            raise ValueError(f"The parameter 'weights' should be normalized, but got sum {plan.weights.sum():.5f}")
    if plan.precisions is not None:
        matrices = plan.covariance_type in ("full", "tied")
        if matrices and not np.allclose(plan.precisions, np.swapaxes(plan.precisions, -1, -2)):
            raise ValueError("The parameter 'precisions' should be symmetric")
        least = np.linalg.eigvalsh(plan.precisions) if matrices else plan.precisions
        if not (least > 0).all():
            raise ValueError("The parameter 'precisions' should be positive-definite")


def precision_factors(covariances: FloatArray, covariance_type: str) -> tuple[FloatArray, FloatArray]:
    """The precisions of covariances, and their factors: upper triangular, ``precision = factor @ factor.T``."""
    if covariance_type not in ("full", "tied"):
        return 1.0 / covariances, 1.0 / np.sqrt(covariances)
    lower = np.linalg.cholesky(covariances)
    factors: FloatArray = np.triu(np.swapaxes(np.linalg.inv(lower), -1, -2))
    return factors @ np.swapaxes(factors, -1, -2), factors
