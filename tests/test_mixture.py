"""The mixture: its generated gradient on the 272 eruptions, and the optimum that the gradient leads to."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import handwritten
from srcdiff.mixture import fit, load_old_faithful, log_likelihood
from srcdiff.mixture.fit import value_and_gradient
from tests.oracles import differences

X = load_old_faithful()
REFERENCE = json.loads((Path(__file__).parent / "data" / "old_faithful_reference.json").read_text(encoding="utf-8"))


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


def test_the_optimum_of_two_components() -> None:
    found = fit(X, 2)
    assert found.converged
    assert found.log_likelihood == pytest.approx(REFERENCE["loglik"], abs=1e-6)
    rows, columns = np.tril_indices(2)
    parameters = [found.weights, found.means.ravel(), found.covariances[:, rows, columns].ravel()]
    np.testing.assert_allclose(np.concatenate(parameters), REFERENCE["params"], rtol=1e-5)
    # At the optimum the gradient vanishes, in the units of the data too.
    value, gradient = value_and_gradient(found.logits, found.means, found.factors, X)
    assert value == pytest.approx(REFERENCE["loglik"], abs=1e-6)
    assert abs(gradient[0]).max() < 1e-3


def test_the_likelihood_is_a_density() -> None:
    """The likelihood of one observation, summed over a fine grid, is one."""
    logits, means, factors = np.array([0.3, -0.2]), np.array([[0.0, 0.5], [1.0, -0.4]]), np.tile(np.eye(2), (2, 1, 1))
    factors[1, 1, 0] = 0.7
    axis = np.linspace(-7.0, 7.0, 71)
    total = sum(np.exp(log_likelihood(logits, means, factors, np.array([[u, v]]))) for u in axis for v in axis)
    assert total * (axis[1] - axis[0]) ** 2 == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("bad", [np.zeros(5), np.zeros((2, 3)), np.full((5, 2), np.nan), np.ones((5, 2))])
def test_data_that_cannot_be_fitted_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError):
        fit(bad, 1)


def test_a_wrong_number_of_components_is_refused() -> None:
    with pytest.raises(ValueError, match="between 1 and 272"):
        fit(X, 0)
