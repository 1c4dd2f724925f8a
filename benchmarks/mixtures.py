"""The mixture: an iteration of EM beside scikit-learn's, the gradient beside a careful hand's, passes to the optimum.

Out: rows of the table. Every pair of times is taken in turns in one run, one thread each.

>>> X, p = overlapping(50, 2, 2)
>>> X.shape, p.means.shape
((50, 2), (2, 2))
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as Theirs

from benchmarks import handwritten_mixture
from benchmarks.measure import interleaved
from srcdiff.mixture import solvers
from srcdiff.mixture.em import em_step
from srcdiff.mixture.objective import Objective, value_and_gradient_of
from srcdiff.mixture.parameters import COVARIANCE_TYPES, Parameters
from srcdiff.mixture.unconstrained import UnconstrainedObjective

Row = tuple[str, str, str]
SIZES = ((1_000, 2, 5), (10_000, 10, 25), (100_000, 5, 5))


def sample(n: int, d: int, k: int, covariance_type: str = "full", spread: float = 3.0) -> tuple[np.ndarray, Parameters]:
    """Samples of a mixture, and parameters not far from its own, in the shape of a covariance type."""
    rng = np.random.default_rng(n + d + k)
    means = spread * rng.normal(size=(k, d))
    X = rng.normal(size=(n, d)) + means[rng.integers(k, size=n)]
    factors = rng.normal(size=(k, d, d))
    full = factors @ np.swapaxes(factors, 1, 2) / d + np.eye(d)
    covariances: dict[str, Callable[[], np.ndarray]] = {
        "full": lambda: full,
        "tied": lambda: full.mean(axis=0),
        "diag": lambda: np.diagonal(full, axis1=1, axis2=2).copy(),
        "spherical": lambda: np.trace(full, axis1=1, axis2=2) / d,
    }
    return X, Parameters(
        0.3 * rng.normal(size=k), means + 0.3 * rng.normal(size=(k, d)), covariances[covariance_type]()
    )


def overlapping(n: int, d: int, k: int) -> tuple[np.ndarray, Parameters]:
    """Samples of components that overlap so much that EM is slow, and a start."""
    return sample(n, d, k, spread=1.7 / d**0.5)


@dataclass(frozen=True)
class Iteration:
    """One iteration of scikit-learn's EM: its E step and its M step."""

    model: Any
    X: np.ndarray

    def __call__(self) -> None:
        _, log_responsibilities = self.model._e_step(self.X)
        self.model._m_step(self.X, log_responsibilities)


def theirs(X: np.ndarray, p: Parameters, covariance_type: str) -> Iteration:
    """scikit-learn's EM, one iteration after these parameters."""
    precisions = np.linalg.inv(p.covariances) if covariance_type in ("full", "tied") else 1.0 / p.covariances
    model = Theirs(
        p.components,
        covariance_type=covariance_type,
        max_iter=1,
        weights_init=p.weights,
        means_init=p.means,
        precisions_init=precisions,
        init_params="random_from_data",
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X)
    return Iteration(model, X)


def em_iterations() -> list[Row]:
    """An iteration of EM from the generated gradient, and scikit-learn's."""
    rows: list[Row] = []
    for n, d, k in SIZES:
        for covariance_type in COVARIANCE_TYPES:
            X, p = sample(n, d, k, covariance_type)
            objective = Objective(X, covariance_type)
            times = interleaved(
                {
                    "ours": lambda o=objective, p=p: em_step(o, p),
                    "theirs": theirs(X, p, covariance_type),
                },
                repeats=9,
            )
            value = (
                f"{1e3 * times['ours']:.2f} ms, scikit-learn {1e3 * times['theirs']:.2f} ms: "
                f"{times['theirs'] / times['ours']:.1f} times as fast"
            )
            aim = "at least 2" if n > 1_000 else ""
            rows.append((f"EM iteration: n = {n}, d = {d}, K = {k}, {covariance_type}", value, aim))
    return rows


def likelihood_and_gradient(n: int, d: int, k: int) -> tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...]]:
    """The likelihood with full covariances, its generated gradient with value, and arguments for both."""
    X, p = sample(n, d, k)
    block = next(Objective(X, chunk_size=n).blocks())
    return block.total, value_and_gradient_of(block.total), (p.logits, p.means, p.covariances, *block.arguments)


def by_hand(objective: Objective, p: Parameters) -> Callable[[], tuple[float, tuple[np.ndarray, ...]]]:
    """The handwritten gradient, over the same features in the same blocks."""
    blocks = [block.linear for block in objective.blocks() if block.linear is not None]
    arguments = (p.logits, p.means, p.covariances, *blocks[0].units)
    features = [(block.features, block.weights) for block in blocks]
    return lambda: handwritten_mixture.value_and_gradient(*arguments, features)


def against_handwritten() -> list[Row]:
    """The generated gradient of the likelihood over the handwritten one."""
    rows: list[Row] = []
    for n, d, k in SIZES:
        X, p = sample(n, d, k)
        objective = Objective(X)
        functions: dict[str, Callable[[], object]] = {
            "generated": lambda o=objective, p=p: o.value_and_gradient(p),
            "handwritten": by_hand(objective, p),
        }
        times = interleaved(functions, repeats=25)
        value = f"{times['generated'] / times['handwritten']:.2f} ({1e3 * times['handwritten']:.2f} ms handwritten)"
        rows.append((f"generated / handwritten gradient: mixture, n = {n}, d = {d}, K = {k}", value, "1.1"))
    return rows


def passes() -> list[Row]:
    """Passes over overlapping data until each solver has converged, which is within 1e-8 of its optimum."""
    rows: list[Row] = []
    for n, d, k in ((2_000, 2, 2), (5_000, 2, 3), (5_000, 5, 3)):
        X, start = overlapping(n, d, k)
        objective = Objective(X)
        found = {
            solver: solvers.run(objective, start, solver, tol=1e-8, max_iter=100_000)
            for solver in ("em", "auto", "newton", "lbfgs")
        }
        best = max(result.value for result in found.values())
        told = [
            f"{solver} {result.passes}" + (f" ({best - result.value:.0e} below)" if best - result.value > 1e-8 else "")
            for solver, result in found.items()
        ]
        share = found["auto"].passes / found["em"].passes
        value = f"{', '.join(told)}; EM's rate {found['em'].rate:.3f}; auto takes {share:.2f} of EM's"
        rows.append((f"passes to the optimum: n = {n}, d = {d}, K = {k}", value, "auto at most 0.1"))
    return rows


def information() -> list[Row]:
    """The exact Hessian in unconstrained coordinates, in iterations of EM."""
    rows: list[Row] = []
    for n, d, k in ((10_000, 5, 5), (10_000, 10, 2)):
        X, p = sample(n, d, k)
        objective = Objective(X)
        free = UnconstrainedObjective(objective, k)
        u = free.to_vector(p)
        times = interleaved(
            {"Hessian": lambda f=free, u=u: f.hessian(u), "EM": lambda o=objective, p=p: em_step(o, p)}, 5
        )
        value = f"{times['Hessian'] / times['EM']:.1f} iterations of EM ({1e3 * times['Hessian']:.1f} ms)"
        rows.append((f"observed information: n = {n}, d = {d}, K = {k}, {len(u)} parameters", value, "some 10"))
    return rows


PARTS = (against_handwritten, em_iterations, passes, information)
