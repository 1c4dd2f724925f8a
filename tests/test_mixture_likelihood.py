"""The likelihood of a mixture: its value, its compiled gradient and the EM step made of it, against textbooks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from srcdiff.mixture.em import em_step
from srcdiff.mixture.objective import Objective
from srcdiff.mixture.parameters import COVARIANCE_TYPES, Parameters, full_covariances
from tests.oracles import differences

K, D, N = 3, 3, 60


def data(seed: int = 0, n: int = N, d: int = D) -> np.ndarray:
    """Samples far from zero, in columns of different units."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, 1))
    return (rng.normal(size=(n, d)) + shared) * 3.0 ** np.arange(d) + 20.0


def weights(seed: int = 1, n: int = N) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.0, 3.0, size=n)


def parameters(covariance_type: str, X: np.ndarray, k: int = K, seed: int = 2) -> Parameters:
    """Means at samples, covariances of the size of the data's, all different and not diagonal."""
    rng = np.random.default_rng(seed)
    d = X.shape[1]
    scale = np.nanstd(X, axis=0)
    factors = (rng.normal(size=(k, d, d)) / np.sqrt(d) + np.eye(d)) * scale[:, np.newaxis]
    full = factors @ np.swapaxes(factors, 1, 2)
    covariances = {
        "full": full,
        "tied": full[0],
        "diag": np.diagonal(full, axis1=1, axis2=2).copy(),
        "spherical": np.trace(full, axis1=1, axis2=2) / d,
    }[covariance_type]
    means = np.nanmean(X, axis=0) + scale * rng.normal(size=(k, d))
    return Parameters(rng.normal(size=k), means, covariances)


def textbook_joint(p: Parameters, covariance_type: str, X: np.ndarray) -> np.ndarray:
    """Joint log-densities (n, K) by scipy's normal distribution; what is NaN is left out."""
    full = full_covariances(p, covariance_type)
    joint = np.tile(np.log(p.weights), (len(X), 1))
    for i, x in enumerate(X):
        seen = np.flatnonzero(~np.isnan(x))
        if len(seen):
            for k in range(p.components):
                normal = multivariate_normal(p.means[k, seen], full[k][np.ix_(seen, seen)])
                joint[i, k] += normal.logpdf(x[seen])
    return joint


def textbook_value(p: Parameters, covariance_type: str, X: np.ndarray, w: np.ndarray) -> float:
    joint = textbook_joint(p, covariance_type, X)
    return float(w @ np.logaddexp.reduce(joint, axis=1))


def textbook_em(p: Parameters, covariance_type: str, X: np.ndarray, w: np.ndarray) -> Parameters:
    """E step and M step as in any book (Bishop 2006, section 9.2.2), with sample weights."""
    joint = textbook_joint(p, covariance_type, X)
    R = np.exp(joint - np.logaddexp.reduce(joint, axis=1)[:, np.newaxis]) * w[:, np.newaxis]
    shares = R.sum(axis=0)
    means = R.T @ X / shares[:, np.newaxis]
    scatters = np.array([((X - m).T * r) @ (X - m) for m, r in zip(means, R.T, strict=True)])
    full = scatters / shares[:, np.newaxis, np.newaxis]
    covariances = {
        "full": full,
        "tied": scatters.sum(axis=0) / w.sum(),
        "diag": np.diagonal(full, axis1=1, axis2=2),
        "spherical": np.trace(full, axis1=1, axis2=2) / X.shape[1],
    }[covariance_type]
    return Parameters.from_weights(shares / w.sum(), means, covariances)


def require_close(found: Parameters, expected: Parameters, X: np.ndarray, tolerance: float) -> None:
    """Equal up to a tolerance relative to the spread of the data."""
    scale = np.nanstd(X, axis=0)
    np.testing.assert_allclose(found.weights, expected.weights, rtol=0, atol=tolerance)
    np.testing.assert_allclose(found.means / scale, expected.means / scale, rtol=0, atol=tolerance)
    size = scale[:, np.newaxis] * scale if found.covariances.shape[-2:] == (len(scale),) * 2 else np.mean(scale**2)
    np.testing.assert_allclose(found.covariances / size, expected.covariances / size, rtol=0, atol=tolerance)


def flat(p: Parameters) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return p.logits, p.means, p.covariances


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_value_against_the_normal_distribution(covariance_type: str) -> None:
    X, w = data(), weights()
    p = parameters(covariance_type, X)
    objective = Objective(X, covariance_type, w)
    assert objective.value(p) == pytest.approx(textbook_value(p, covariance_type, X, w), rel=1e-13)
    assert objective.value_and_gradient(p)[0] == pytest.approx(objective.value(p), rel=1e-14)
    joint = textbook_joint(p, covariance_type, X)
    np.testing.assert_allclose(objective.log_joint(p), joint, rtol=1e-12)
    np.testing.assert_allclose(objective.log_densities(p), np.logaddexp.reduce(joint, axis=1), rtol=1e-12)


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_gradient_against_divided_differences(covariance_type: str) -> None:
    X, w = data(), weights()
    p = parameters(covariance_type, X)
    objective = Objective(X, covariance_type, w)
    gradient = objective.value_and_gradient(p)[1]

    def value(logits: np.ndarray, means: np.ndarray, covariances: np.ndarray) -> float:
        q = (logits, means, covariances)
        return sum(float(block.total(*q, *block.arguments)) for block in objective.blocks())

    expected = differences.gradient(value, flat(p))
    for found, e in zip(flat(gradient), expected, strict=True):
        assert found.shape == e.shape
        assert differences.error(found, e) < 1e-6


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_em_from_the_gradient_is_the_textbook_step(covariance_type: str) -> None:
    X, w = data(), weights()
    p = parameters(covariance_type, X)
    objective = Objective(X, covariance_type, w)
    for _ in range(3):
        found, value = em_step(objective, p)
        assert value == pytest.approx(objective.value(p), rel=1e-14)
        require_close(found, textbook_em(p, covariance_type, X, w), X, 1e-12)
        p = found
