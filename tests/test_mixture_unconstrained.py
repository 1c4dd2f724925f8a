"""Unconstrained coordinates: the map there and back, and the derivatives of the likelihood in them."""

from __future__ import annotations

import numpy as np
import pytest

from srcdiff.mixture.coordinates import Coordinates
from srcdiff.mixture.objective import Objective
from srcdiff.mixture.parameters import COVARIANCE_TYPES, Parameters
from srcdiff.mixture.scaling import Scaling
from srcdiff.mixture.second import block_hessian
from srcdiff.mixture.unconstrained import UnconstrainedObjective

SIZES = [(3, 2), (2, 1), (1, 3), (2, 4)]


def spread_data(n: int, d: int, seed: int, gaps: bool = False) -> np.ndarray:
    """Overlapping clusters far from the origin, with columns of different spread."""
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(n, d)) + 1.5 * rng.integers(0, 3, size=(n, 1))) * (1.0 + np.arange(d)) + 10.0
    if gaps:
        X[rng.random((n, d)) < 0.25] = np.nan
        X[0] = np.nan
    return X


def some_vector(there: Coordinates, seed: int) -> np.ndarray:
    """Means in the middle of `spread_data`, covariances that are not diagonal."""
    u = 0.3 * np.random.default_rng(seed).normal(size=there.size)
    means = slice(there.components - 1, there.linear)
    u[means] = u[means] * 5.0 + 12.0
    return u


def paired(p: Parameters, q: Parameters) -> float:
    """The inner product of parameters and a gradient."""
    return float(np.sum(p.logits * q.logits) + np.sum(p.means * q.means) + np.sum(p.covariances * q.covariances))


@pytest.mark.parametrize("kind", COVARIANCE_TYPES)
@pytest.mark.parametrize(("k", "d"), SIZES)
def test_there_and_back(kind: str, k: int, d: int) -> None:
    there = Coordinates(k, d, kind, Scaling(np.full(d, 3.0), np.full(d, 1.5)))
    u = np.random.default_rng(0).normal(size=there.size)
    p = there.from_vector(u)
    assert np.allclose(there.to_vector(p), u, atol=1e-10)
    assert p.logits[-1] == 0.0
    lowest = np.linalg.eigvalsh(p.covariances).min() if there.matrices else p.covariances.min()
    assert lowest > 0.0


@pytest.mark.parametrize("kind", COVARIANCE_TYPES)
@pytest.mark.parametrize(("k", "d"), SIZES)
def test_derivatives_of_the_map(kind: str, k: int, d: int) -> None:
    """Pullback, push-forward and curvature against divided differences and each other."""
    rng = np.random.default_rng(1)
    there = Coordinates(k, d, kind, Scaling(np.full(d, 3.0), np.full(d, 1.5)))
    u, v = 0.5 * rng.normal(size=there.size), rng.normal(size=there.size)
    shape = there.covariance_shape
    weights = Parameters(rng.normal(size=k), rng.normal(size=(k, d)), rng.normal(size=shape))
    h = 1e-6
    ahead, behind = there.from_vector(u + h * v), there.from_vector(u - h * v)
    slope = (paired(ahead, weights) - paired(behind, weights)) / (2 * h)
    gradient = there.pull_back(u, weights)
    tangent = there.push_forward(u, v[np.newaxis])
    assert gradient @ v == pytest.approx(slope, rel=1e-6, abs=1e-6)
    assert paired(tangent, weights) == pytest.approx(gradient @ v, rel=1e-12)
    bend = (there.pull_back(u + h * v, weights) - there.pull_back(u - h * v, weights)) / (2 * h)
    matrix = there.curvature(u, weights)
    assert np.allclose(matrix @ v, bend, atol=1e-6 * max(1.0, np.abs(bend).max()))
    assert np.allclose(matrix @ v, there.curvature_along(u, weights, v), atol=1e-10)


def test_a_covariance_that_is_not_positive_definite_has_no_vector() -> None:
    p = Parameters(np.zeros(1), np.zeros((1, 1)), np.array([[-1.0]]))
    with pytest.raises(np.linalg.LinAlgError):
        Coordinates(1, 1, "diag").to_vector(p)


@pytest.mark.parametrize("kind", COVARIANCE_TYPES)
@pytest.mark.parametrize(("k", "d", "gaps"), [(3, 2, False), (2, 3, True), (1, 1, False)])
def test_derivatives_of_the_likelihood(kind: str, k: int, d: int, gaps: bool) -> None:
    """Gradient and Hessian-vector product against divided differences; Hessian and scores against these."""
    n = 90
    X = spread_data(n, d, seed=2, gaps=gaps)
    weights = np.random.default_rng(3).uniform(0.5, 2.0, n)
    function = UnconstrainedObjective(Objective(X, kind, weights), k)
    u = some_vector(function.coordinates, seed=4)
    v = np.random.default_rng(5).normal(size=len(u))
    value, gradient = function.value_and_gradient(u)
    assert function.value(u) == pytest.approx(value, rel=1e-14)
    h = 1e-5
    ahead, behind = function.value_and_gradient(u + h * v), function.value_and_gradient(u - h * v)
    assert gradient @ v == pytest.approx((ahead[0] - behind[0]) / (2 * h), rel=1e-5, abs=1e-5)
    product = function.hvp(u, v)
    bend = (ahead[1] - behind[1]) / (2 * h)
    assert np.allclose(product, bend, rtol=1e-5, atol=1e-5 * np.abs(bend).max())
    hessian = function.hessian(u)
    assert np.allclose(hessian @ v, product, rtol=1e-10, atol=1e-10 * np.abs(product).max())
    scores = function.scores(u)
    assert scores.shape == (n, len(u))
    assert np.allclose(weights @ scores, gradient, atol=1e-10 * np.abs(scores).sum())


@pytest.mark.parametrize("kind", COVARIANCE_TYPES)
def test_louis_structure_gives_the_generated_hessian(kind: str) -> None:
    """Put together from two parts, the Hessian is the one that the compiler makes of the likelihood as it stands."""
    function = UnconstrainedObjective(Objective(spread_data(70, 3, seed=6), kind, chunk_size=40), 3)
    there = function.coordinates
    u = some_vector(there, seed=7)
    p, tangents = there.from_vector(u), there.push_forward(u, np.eye(there.size))
    whole = sum(block_hessian(block, p, tangents) for block in function.objective.blocks())
    _, gradient = function.objective.value_and_gradient(p)
    whole = whole + there.curvature(u, gradient)
    hessian = function.hessian(u)
    assert np.allclose(hessian, whole, atol=1e-11 * np.abs(hessian).max())


@pytest.mark.parametrize("kind", COVARIANCE_TYPES)
def test_noise(kind: str) -> None:
    """Samples with covariances of their own have the same derivatives as scores and divided differences say."""
    X = spread_data(12, 2, seed=8)
    noise = np.tile(np.array([[0.5, 0.1], [0.1, 0.3]]), (12, 1, 1))
    function = UnconstrainedObjective(Objective(X, kind, noise=noise), 2)
    u = some_vector(function.coordinates, seed=9)
    _, gradient = function.value_and_gradient(u)
    assert np.allclose(function.scores(u).sum(axis=0), gradient, atol=1e-10 * np.abs(gradient).max())
    v, h = np.random.default_rng(10).normal(size=len(u)), 1e-5
    bend = (function.value_and_gradient(u + h * v)[1] - function.value_and_gradient(u - h * v)[1]) / (2 * h)
    assert np.allclose(function.hessian(u) @ v, bend, rtol=1e-5, atol=1e-5 * np.abs(bend).max())


def test_units_of_the_vector_change_nothing_but_the_vector() -> None:
    X = spread_data(50, 2, seed=11)
    objective = Objective(X, "full")
    plain = UnconstrainedObjective(objective, 2)
    scaled = UnconstrainedObjective(objective, 2, Scaling.of(X, "full"))
    u = some_vector(plain.coordinates, seed=12)
    p = plain.from_vector(u)
    assert scaled.value(scaled.to_vector(p)) == pytest.approx(plain.value(u), rel=1e-13)
    assert np.linalg.matrix_rank(scaled.hessian(scaled.to_vector(p))) == len(u)
