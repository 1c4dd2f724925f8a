"""Where fits start, and in which units: neither the order of samples, repetition, scale nor shift changes a fit."""

from __future__ import annotations

import numpy as np
import pytest

from srcdiff.mixture import Objective
from srcdiff.mixture.initialisation import METHODS, distinct, initialise
from srcdiff.mixture.scaling import Scaling
from tests.mixture_reference import start_of


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_starts_are_those_of_repeated_and_shuffled_samples(kind: str, method: str) -> None:
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(30, 2))
    weights = rng.integers(0, 4, 30)
    repeated = rng.permutation(np.repeat(Z, weights, axis=0))
    a = initialise(Z, weights.astype(float), 3, kind, method, np.random.RandomState(1))
    b = initialise(repeated, np.ones(len(repeated)), 3, kind, method, np.random.RandomState(1))
    for part in ("logits", "means", "covariances"):
        np.testing.assert_allclose(getattr(a, part), getattr(b, part), rtol=1e-10)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_starts_from_fewer_points_than_components(kind: str, method: str) -> None:
    Z = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    start = initialise(Z, np.ones(4), 3, kind, method, np.random.RandomState(0))
    assert start.means.shape == (3, 2) and np.isfinite(start.logits).all()
    assert np.isfinite(Objective(Z, kind).value(start))


def test_large_samples_start_from_a_drawn_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("srcdiff.mixture.initialisation.ENOUGH", 50)
    points, masses = distinct(np.arange(200.0)[:, np.newaxis], np.ones(200), np.random.RandomState(0))
    assert len(points) == 50 and masses.sum() == 50


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_scaling_there_and_back(kind: str) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3)) * [1.0, 100.0, 1e-3] + [0.0, 1e6, 5.0]
    if kind == "spherical":
        X = rng.normal(size=(50, 3)) * 7.0 + 3.0
    X[::7, 1] = np.nan
    scaling, p = start_of(X, 2, kind)
    there = scaling.into(p, kind)
    back = scaling.back(there, kind)
    for part in ("logits", "means", "covariances"):
        np.testing.assert_allclose(getattr(back, part), getattr(p, part), rtol=1e-12)
    value = Objective(scaling.standardise(X), kind).value(there) + scaling.shift(X)
    assert value == pytest.approx(Objective(X, kind).value(p), rel=1e-10)
    assert scaling.log_volume == pytest.approx(np.log(scaling.scale).sum())


def test_columns_without_spread_and_without_values() -> None:
    X = np.c_[np.arange(4.0), np.full(4, 1e9), np.array([0.1, 0.1, 0.1, np.nan])]
    scaling = Scaling.of(X, "full")
    assert scaling.constant == (1, 2)
    np.testing.assert_array_equal(scaling.scale[1:], 1.0)
    with pytest.raises(ValueError, match="column 1 of X is missing in every sample"):
        Scaling.of(np.array([[1.0, np.nan], [2.0, 3.0]]), "full", np.array([1.0, 0.0]))
