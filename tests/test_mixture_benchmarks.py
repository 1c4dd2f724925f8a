"""What the mixture is measured against computes the same thing."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import mixtures
from srcdiff.mixture.em import em_step
from srcdiff.mixture.objective import Objective
from srcdiff.mixture.parameters import COVARIANCE_TYPES
from tests.oracles import differences


@pytest.mark.parametrize(("n", "d", "k"), [(50, 1, 1), (60, 2, 3), (80, 4, 2)])
def test_the_handwritten_gradient_is_the_generated_one(n: int, d: int, k: int) -> None:
    X, p = mixtures.sample(n, d, k)
    objective = Objective(X, chunk_size=32)
    value, found = objective.value_and_gradient(p)
    expected_value, expected = mixtures.by_hand(objective, p)()
    assert value == pytest.approx(expected_value, rel=1e-13)
    assert differences.error((found.logits, found.means, found.covariances), expected) < 1e-12


@pytest.mark.parametrize(("n", "d", "k"), [(60, 2, 3), (80, 4, 2)])
def test_the_compiled_function_that_is_measured_is_the_objective(n: int, d: int, k: int) -> None:
    X, p = mixtures.sample(n, d, k)
    primal, gradient, arguments = mixtures.likelihood_and_gradient(n, d, k)
    expected_value, expected = Objective(X).value_and_gradient(p)
    value, found = gradient(*arguments)
    assert value == pytest.approx(expected_value, rel=1e-13)
    assert primal(*arguments) == pytest.approx(expected_value, rel=1e-13)
    assert differences.error(found, (expected.logits, expected.means, expected.covariances)) < 1e-12


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_an_iteration_of_scikit_learn_is_an_em_step(covariance_type: str) -> None:
    X, p = mixtures.sample(200, 3, 2, covariance_type)
    iteration = mixtures.theirs(X, p, covariance_type)
    model = iteration.model
    start = type(p).from_weights(model.weights_, model.means_, model.covariances_)
    found, _ = em_step(Objective(X, covariance_type), start, regularisation=model.reg_covar)
    iteration()
    np.testing.assert_allclose(found.weights, model.weights_, rtol=1e-10)
    np.testing.assert_allclose(found.means, model.means_, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(found.covariances, model.covariances_, rtol=1e-9, atol=1e-10)
