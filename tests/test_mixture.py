"""The log-likelihood in factors of precisions: its generated gradient on the 272 eruptions."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import handwritten
from srcdiff import value_and_grad
from srcdiff.mixture import load_old_faithful, log_likelihood
from tests.oracles import differences

X = load_old_faithful()
value_and_gradient = value_and_grad(log_likelihood, wrt=("logits", "means", "factors"))


def random_parameters(k: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, means and lower triangular factors at the scale of the data."""
    rng = np.random.default_rng(seed)
    scale = X.std(axis=0)
    factors = np.tril(rng.normal(size=(k, 2, 2)))
    factors[:, [0, 1], [0, 1]] = rng.uniform(0.5, 2.0, size=(k, 2)) * rng.choice([-1.0, 1.0], size=(k, 2))
    return rng.normal(size=k), X[rng.integers(0, len(X), k)], factors / scale[:, np.newaxis]


@pytest.mark.parametrize(("k", "seed"), [(1, 0), (2, 1), (2, 2), (3, 3), (5, 4)])
def test_gradient_against_divided_differences(k: int, seed: int) -> None:
    logits, means, factors = random_parameters(k, seed)
    value, (blogits, bmeans, bfactors) = value_and_gradient(logits, means, factors, X)
    assert value == pytest.approx(log_likelihood(logits, means, factors, X), rel=1e-13)
    # Steps in units of the data, in which every parameter is of order one.
    scale = X.std(axis=0)

    def scaled(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
        return log_likelihood(a, b * scale, c / scale[:, np.newaxis], X)

    expected = differences.gradient(scaled, (logits, means / scale, factors * scale[:, np.newaxis]))
    found = (blogits, bmeans * scale, bfactors / scale[:, np.newaxis])
    for name, g, e in zip(("logits", "means", "factors"), found, expected, strict=True):
        assert differences.error(g, e) < 1e-7, name


@pytest.mark.parametrize(("k", "seed"), [(1, 10), (2, 11), (4, 12)])
def test_gradient_against_the_handwritten_one(k: int, seed: int) -> None:
    parameters = random_parameters(k, seed)
    value, gradient = value_and_gradient(*parameters, X)
    expected_value, expected = handwritten.value_and_gradient(*parameters, X)
    assert value == pytest.approx(expected_value, rel=1e-12)
    assert differences.error(gradient, expected) < 1e-12


def test_the_likelihood_is_a_density() -> None:
    """The likelihood of one observation, summed over a fine grid, is one."""
    logits, means, factors = np.array([0.3, -0.2]), np.array([[0.0, 0.5], [1.0, -0.4]]), np.tile(np.eye(2), (2, 1, 1))
    factors[1, 1, 0] = 0.7
    axis = np.linspace(-7.0, 7.0, 71)
    total = sum(np.exp(log_likelihood(logits, means, factors, np.array([[u, v]]))) for u in axis for v in axis)
    assert total * (axis[1] - axis[0]) ** 2 == pytest.approx(1.0, abs=1e-6)
