"""The solvers: each reaches every certified optimum, says truly what it left, and keeps above the floor."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from srcdiff.mixture import Objective, Parameters, load_old_faithful, run
from srcdiff.mixture.climbs import Slope, gradient_ascent, lbfgs, newton
from srcdiff.mixture.hard import hard_step, hard_value_and_gradient
from srcdiff.mixture.initialisation import moments
from srcdiff.mixture.means import (
    em_step_of_means,
    gradient,
    log_likelihood_of_means,
    newton_step_of_error,
    newton_step_of_means,
    quantisation_error,
)
from srcdiff.mixture.regularisation import above, touches
from srcdiff.mixture.ways import Series
from tests.mixture_reference import REFERENCE, data_of, row_of, start_of
from tests.oracles import differences

SOFT = ("em", "auto", "newton", "lbfgs", "gradient")


def slow() -> np.ndarray:
    """Two components of which EM can tell little: its rate is above .95."""
    rng = np.random.default_rng(2)
    return np.concatenate([rng.normal(size=(500, 1)), rng.normal(size=(500, 1)) * 1.3 + 1.5])


def overlapping(seed: int, n: int = 400) -> np.ndarray:
    """Two components that overlap, the second in one direction wider."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(size=(n // 2, 2)), rng.normal(size=(n // 2, 2)) * [1.0, 2.0] + [1.2, 0.0]])


# -- Certified optima --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOFT)
@pytest.mark.parametrize("name", REFERENCE)
def test_every_solver_reaches_every_certified_optimum(name: str, solver: str) -> None:
    reference, X = REFERENCE[name], data_of(name)
    kind = reference["covariance_type"]
    scaling, start = start_of(X, reference["K"], kind)
    found = run(Objective(X, kind), start, solver, scaling=scaling, max_iter=10_000)
    assert found.converged and not found.regularised
    # What is called converged is within 1e-8 of its optimum; the reference is certified to 1e-9.
    assert found.value == pytest.approx(reference["loglik"], abs=1.1e-8)
    p = found.parameters
    row = row_of(name, p.weights, p.means, p.covariances)
    # Of a likelihood within 1e-8 of its top, parameters are within sqrt(2e-8) standard errors.
    errors = np.array(reference["se"])
    assert np.max(np.abs(row - reference["params"]) / errors) < 2e-4


@pytest.mark.parametrize("solver", SOFT)
def test_a_result_tells_how_it_came_about(solver: str) -> None:
    X = load_old_faithful()
    scaling, start = start_of(X, 2, "full")
    objective = Objective(X)
    seen: list[tuple[int, float, Parameters]] = []
    found = run(objective, start, solver, scaling=scaling, callback=lambda i, value, p: seen.append((i, value, p)))
    assert [i for i, _, _ in seen] == list(range(found.iterations + 1))
    assert [value for _, value, _ in seen] == found.history
    assert seen[0][1] == pytest.approx(objective.value(start), rel=1e-13)
    for _, value, p in seen[:: max(1, len(seen) // 5)]:
        assert value == pytest.approx(objective.value(p), rel=1e-12)
    assert found.passes > found.iterations
    if solver != "gradient":  # whose steps may go down on the way
        assert (np.diff(found.history) > -1e-9).all()


def test_max_iter_is_kept_and_said() -> None:
    X = load_old_faithful()
    scaling, start = start_of(X, 3, "tied")
    for solver in SOFT:
        found = run(Objective(X, "tied"), start, solver, scaling=scaling, max_iter=3)
        assert found.iterations <= 3 and not found.converged, solver
        none = run(Objective(X, "tied"), start, solver, scaling=scaling, max_iter=0)
        assert none.iterations == 0 and not none.converged
        np.testing.assert_allclose(none.parameters.means, start.means, rtol=1e-12)


def test_an_unknown_solver_is_refused() -> None:
    X = load_old_faithful()
    with pytest.raises(ValueError, match=r"solver is one of auto, em.*not 'ascent'"):
        run(Objective(X), start_of(X, 2, "full")[1], "ascent")


# -- Convergence -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.1, 0.9, 0.99, 0.999])
def test_aitken_knows_what_a_geometric_series_leaves(rate: float) -> None:
    series, left, stopped = Series(), 5.0, 0
    for i in range(40_000):
        # With the rounding of a likelihood of a thousand.
        series.add(-1000.0 - left + (1e-13 if i % 3 else -1e-13), 1e-12)
        if series.gain <= 1e-8:
            stopped = i
            break
        left *= rate
    assert stopped and 0.5e-8 < left < 2e-8
    assert series.rate == pytest.approx(rate, abs=0.05 * (1 - rate) + 1e-3)
    assert series.left(1e-8) == 0.0


def test_a_series_that_speeds_up_has_not_converged() -> None:
    series = Series()
    for value in (-3.0, -2.9, -2.7, -2.3):
        series.add(value, 1e-12)
    assert series.gain == math.inf and series.left(1e-8) == math.inf


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_auto_never_ends_lower_than_em(seed: int, kind: str) -> None:
    X = overlapping(seed)
    scaling, start = start_of(X, 2 + seed % 2, kind)
    objective = Objective(X, kind)
    em = run(objective, start, "em", scaling=scaling, max_iter=3000)
    auto = run(objective, start, "auto", scaling=scaling, max_iter=3000)
    assert auto.value >= em.value - 1e-8
    assert auto.converged or not em.converged


def test_auto_reads_the_data_a_tenth_as_often_as_slow_em() -> None:
    X = slow()
    scaling, start = start_of(X, 2, "full")
    objective = Objective(X)
    em = run(objective, start, "em", scaling=scaling, max_iter=20_000)
    auto = run(objective, start, "auto", scaling=scaling)
    assert em.rate > 0.95 and em.converged and auto.converged
    assert auto.value == pytest.approx(em.value, abs=2e-8)
    assert auto.passes <= em.passes / 10


def test_many_parameters_go_the_way_without_a_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    """Newton by products of Hessian and vector, `auto` by accelerated EM."""
    monkeypatch.setattr("srcdiff.mixture.ways.DENSE", 0)
    reference, X = REFERENCE["faithful_tied3"], load_old_faithful()
    scaling, start = start_of(X, 3, "tied")
    for solver in ("newton", "auto"):
        found = run(Objective(X, "tied"), start, solver, scaling=scaling)
        assert found.converged, solver
        assert found.value == pytest.approx(reference["loglik"], abs=1.1e-8)


def test_accelerated_em_is_an_ascent_that_ends_where_em_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("srcdiff.mixture.ways.DENSE", 0)
    X = slow()
    scaling, start = start_of(X, 2, "full")
    objective = Objective(X)
    em = run(objective, start, "em", scaling=scaling, max_iter=20_000)
    quick = run(objective, start, "auto", scaling=scaling)
    assert quick.converged and (np.diff(quick.history) >= -1e-9).all()
    assert quick.value == pytest.approx(em.value, abs=2e-8)
    assert em.rate > 0.95 and quick.passes < em.passes / 3


# -- The floor ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", (*SOFT, "hard-em"))
@pytest.mark.parametrize("kind", ["full", "diag", "spherical"])
def test_collapsing_components_are_held_by_the_floor(kind: str, solver: str) -> None:
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(40, 2)), np.tile([[8.0, 8.0]], (10, 1))])
    scaling, start = start_of(X, 2, kind)
    found = run(Objective(X, kind), start, solver, scaling=scaling, floor=1e-4)
    assert found.regularised and found.converged
    least = scaling.into(found.parameters, kind).covariances
    least = np.linalg.eigvalsh(least) if kind == "full" else least
    assert least.min() == pytest.approx(1e-4, rel=1e-5)


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_the_floor_moves_nothing_above_it(kind: str) -> None:
    rng = np.random.default_rng(1)
    factors = rng.normal(size=(3, 2, 2)) * 0.1
    matrices = factors @ np.swapaxes(factors, 1, 2)
    covariances = {
        "full": matrices,
        "tied": matrices[0],
        "diag": matrices[:, [0, 1], [0, 1]],
        "spherical": matrices[:, 0, 0],
    }
    p = Parameters(np.zeros(3), np.zeros((3, 2)), covariances[kind])
    same, low = above(p, kind, 1e-12)
    assert not low and not touches(same, kind, 1e-12)
    np.testing.assert_array_equal(same.covariances, p.covariances)
    raised, low = above(p, kind, 1.0)
    assert low and touches(raised, kind, 1.0)
    values = np.linalg.eigvalsh(raised.covariances) if kind in ("full", "tied") else raised.covariances
    assert (values >= 1.0).all() and np.allclose(values, 1.0)


# -- Hard EM -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_a_hard_step_is_the_moments_of_the_parts(kind: str) -> None:
    X = load_old_faithful()
    _, start = start_of(X, 3, kind)
    weights = np.random.default_rng(0).integers(1, 4, len(X)).astype(float)
    objective = Objective(X, kind, weights)
    labels = objective.log_joint(start).argmax(axis=1)
    masses = weights * (labels == np.arange(3)[:, np.newaxis])
    expected = moments(X, masses, kind)
    moved, value = hard_step(objective, start)
    assert value == pytest.approx(weights @ objective.log_joint(start).max(axis=1), rel=1e-12)
    for part in ("weights", "means", "covariances"):
        np.testing.assert_allclose(getattr(moved, part), getattr(expected, part), rtol=1e-9)


def test_the_gradient_of_the_classification_likelihood() -> None:
    X = load_old_faithful()[:40]
    _, p = start_of(X, 2, "diag")
    objective = Objective(X, "diag")

    def value(*parts: np.ndarray) -> float:
        return float(objective.log_joint(Parameters(*parts)).max(axis=1).sum())

    parts = (p.logits, p.means, p.covariances)
    _, g = hard_value_and_gradient(objective, p)
    assert differences.error((g.logits, g.means, g.covariances), differences.gradient(value, parts)) < 1e-6


def test_hard_em_ends_where_no_sample_moves() -> None:
    X = load_old_faithful()
    scaling, start = start_of(X, 3, "full")
    objective = Objective(X)
    found = run(objective, start, "hard-em", scaling=scaling)
    assert found.converged and (np.diff(found.history) > -1e-9).all()
    again, _ = hard_step(objective, found.parameters)
    np.testing.assert_allclose(again.means, found.parameters.means, rtol=1e-10)


# -- The lecture's case, and k-means -----------------------------------------------------------------------------------

WAITING = load_old_faithful()[:, 1:] / 5.87
EQUAL = np.zeros(2)


def test_the_lectures_means_by_newton_in_three_steps() -> None:
    means = np.array([[9.0], [13.0]])
    for _ in range(3):
        means = newton_step_of_means(EQUAL, means, WAITING, 1.0)
    np.testing.assert_allclose(means.ravel(), [9.35323143, 13.67344873], atol=5e-9)
    assert log_likelihood_of_means(EQUAL, means, WAITING, 1.0) == pytest.approx(-562.61766326, abs=5e-9)
    assert np.abs(gradient(EQUAL, means, WAITING, 1.0)[1]).max() < 1e-10


def test_the_lectures_means_by_em() -> None:
    means = np.array([[9.0], [13.0]])
    before = -math.inf
    for _ in range(25):
        parts = np.exp(-0.5 * (WAITING.T - means) ** 2)
        shares = parts / parts.sum(axis=0)
        expected = shares @ WAITING / shares.sum(axis=1, keepdims=True)
        means = em_step_of_means(EQUAL, means, WAITING, 1.0)
        np.testing.assert_allclose(means, expected, rtol=1e-12)
        value = log_likelihood_of_means(EQUAL, means, WAITING, 1.0)
        assert value >= before - 1e-10
        before = value
    np.testing.assert_allclose(means.ravel(), [9.35323143, 13.67344873], atol=5e-9)
    assert before == pytest.approx(-562.61766326, abs=5e-9)


@pytest.mark.parametrize("seed", range(3))
def test_lloyds_step_is_newtons_on_half_the_squared_distances(seed: int) -> None:
    """Bottou and Bengio 1994: the Hessian of the error of k-means holds the sizes of the clusters."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 3))
    means = X[rng.choice(60, 4, replace=False)] + 0.01 * rng.normal(size=(4, 3))
    for _ in range(4):
        nearest = np.argmin(((X - means[:, np.newaxis]) ** 2).sum(axis=2), axis=0)
        lloyd = np.array([X[nearest == k].mean(axis=0) for k in range(4)])
        moved = newton_step_of_error(means, X)
        np.testing.assert_allclose(moved, lloyd, rtol=1e-12, atol=1e-13)
        assert quantisation_error(moved, X) <= quantisation_error(means, X)
        means = moved


def test_soft_em_approaches_lloyds_step_as_the_variance_shrinks() -> None:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(80, 2))
    means = X[:3] + 0.05
    lloyd = newton_step_of_error(means, X)
    apart = [np.abs(em_step_of_means(np.zeros(3), means, X, v) - lloyd).max() for v in (1.0, 0.1, 1e-2, 1e-4)]
    assert all(later < earlier for earlier, later in pairwise(apart))
    assert apart[-1] < 1e-12


def test_hard_em_with_one_spherical_variance_and_equal_weights_is_kmeans() -> None:
    rng = np.random.default_rng(6)
    X = rng.normal(size=(60, 2))
    means = X[:3].copy()
    objective = Objective(X, "spherical")
    for _ in range(5):
        moved, _ = hard_step(objective, Parameters(np.zeros(3), means, np.full(3, 0.7)))
        np.testing.assert_allclose(moved.means, newton_step_of_error(means, X), rtol=1e-11, atol=1e-13)
        means = moved.means


# -- The climbs by themselves ------------------------------------------------------------------------------------------


class Ridge:
    """A quadratic of condition 1e4, with a hole in it where there is no value."""

    curvatures = np.array([1.0, 1e2, 1e4])

    def value_and_gradient(self, u: np.ndarray) -> tuple[float, np.ndarray]:
        if u[0] > 3.0:
            return math.nan, u
        return float(-0.5 * u @ (self.curvatures * u)), -self.curvatures * u

    def hessian(self, u: np.ndarray) -> np.ndarray:
        return -np.diag(self.curvatures)

    def hvp(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        return -self.curvatures * v


@pytest.mark.parametrize("climb", [newton, lbfgs, gradient_ascent, lambda s, u: newton(s, u, dense=False)])
def test_climbs_reach_the_top_and_know_it(climb: object) -> None:
    slope = Slope(Ridge(), 10.0, tol=1e-8, max_iter=2000)
    end = climb(slope, np.array([2.0, -1.0, 0.5]))  # type: ignore[operator]
    assert end.converged and -1e-8 <= end.value <= 0.0
    assert slope.passes >= slope.iterations > 0


def test_newton_looks_beyond_where_there_is_a_likelihood() -> None:
    """scipy asks for the Hessian of steps that it does not take."""
    slope = Slope(Ridge(), 1.0, tol=1e-8, max_iter=50)
    nowhere = np.array([4.0, 0.0, 0.0])
    assert slope.value(nowhere) > 1e99
    np.testing.assert_array_equal(slope.hessian(nowhere), np.eye(3))


@pytest.mark.parametrize("climb", [newton, lbfgs, gradient_ascent])
def test_a_climb_that_starts_at_the_top_stays(climb: object) -> None:
    slope = Slope(Ridge(), 1.0, tol=1e-8, max_iter=50)
    end = climb(slope, np.zeros(3))  # type: ignore[operator]
    assert end.converged and end.value == 0.0
