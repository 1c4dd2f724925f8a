"""Learning from batches, progress on long fits, and memory that does not grow with the data."""

from __future__ import annotations

import io
import pickle
import tracemalloc
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from srcdiff.mixture import GaussianMixture, Objective, Parameters, blocks, load_old_faithful
from srcdiff.mixture.parameters import COVARIANCE_TYPES, full_covariances
from srcdiff.mixture.progress import Progress, Way
from srcdiff.mixture.scaling import Scaling
from srcdiff.mixture.stream import Stream, blended, continued
from tests.test_mixture_likelihood import data, parameters, weights, with_gaps


def moments(p: Parameters, covariance_type: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, weights times means, and weights times second moments."""
    full = full_covariances(p, covariance_type)
    second = full + p.means[:, :, np.newaxis] * p.means[:, np.newaxis, :]
    return p.weights, p.weights[:, np.newaxis] * p.means, p.weights[:, np.newaxis, np.newaxis] * second


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_blending_averages_the_moments(covariance_type: str) -> None:
    X = data()
    old, new = (parameters(covariance_type, X, seed=seed) for seed in (2, 3))
    w, first, second = (
        0.7 * a + 0.3 * b for a, b in zip(moments(old, covariance_type), moments(new, covariance_type), strict=True)
    )
    found = blended(old, new, covariance_type, 0.3)
    found_w, found_first, found_second = moments(found, covariance_type)
    np.testing.assert_allclose(found_w, w, rtol=1e-13)
    np.testing.assert_allclose(found_first, first, rtol=1e-12)
    match covariance_type:
        case "tied":
            found_second, second = found_second.sum(axis=0), second.sum(axis=0)
        case "diag":
            found_second, second = (np.diagonal(m, axis1=1, axis2=2) for m in (found_second, second))
        case "spherical":
            found_second, second = (np.trace(m, axis1=1, axis2=2) for m in (found_second, second))
    np.testing.assert_allclose(found_second, second, rtol=1e-11)


def test_a_component_without_samples_stays() -> None:
    old = Parameters(np.array([0.0, -np.inf]), np.array([[0.0], [5.0]]), np.ones(2))
    found = blended(old, old, "spherical", 0.5)
    assert found.means.ravel().tolist() == [0.0, 5.0]
    assert found.covariances.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_one_component_and_equal_shares_are_the_fit_to_everything(covariance_type: str) -> None:
    X, w = data(), weights()
    stream = Stream(
        Parameters(np.zeros(1), X[:1], parameters(covariance_type, X, 1).covariances),
        Scaling.of(X, covariance_type),
        0.0,
    )
    for some in np.split(np.arange(len(X)), [7, 20, 21]):
        stream, _ = continued(stream, Objective(X[some], covariance_type, w[some]), decay=1.0)
    whole = GaussianMixture(1, covariance_type=covariance_type).fit(X, sample_weight=w)
    np.testing.assert_allclose(stream.parameters.means, whole.means_, rtol=1e-12)
    np.testing.assert_allclose(stream.parameters.covariances, whole.covariances_, rtol=1e-10, atol=1e-10)
    assert stream.weight == pytest.approx(w.sum())


@pytest.mark.parametrize("gaps", [False, True], ids=["complete", "gaps"])
def test_a_stream_comes_near_the_fit_to_everything(gaps: bool) -> None:
    rng = np.random.default_rng(0)
    labels = rng.uniform(size=6000) < 0.3
    X = rng.normal(size=(6000, 2)) @ np.array([[1.0, 0.5], [0.0, 1.0]]) + np.where(labels[:, np.newaxis], 4.0, 0.0)
    if gaps:
        X[rng.uniform(size=X.shape) < 0.1] = np.nan
    model = GaussianMixture(2, random_state=0)
    for batch in np.split(X, 30):
        assert model.partial_fit(batch) is model
    whole = GaussianMixture(2, random_state=0).fit(X)
    assert model.n_samples_seen_ == whole.n_samples_seen_ == 6000
    assert model.score(X) > whole.score(X) - 0.005
    order, other = np.argsort(model.means_[:, 0]), np.argsort(whole.means_[:, 0])
    np.testing.assert_allclose(model.means_[order], whole.means_[other], atol=0.15)
    np.testing.assert_allclose(model.weights_[order], whole.weights_[other], atol=0.02)


def test_weights_of_a_batch_are_repetitions() -> None:
    X = load_old_faithful()
    w = np.arange(len(X)) % 3
    weighted, repeated = (GaussianMixture(2, random_state=0).fit(X[:150]) for _ in range(2))
    weighted.partial_fit(X[150:], sample_weight=w[150:])
    repeated.partial_fit(np.repeat(X[150:], w[150:], axis=0))
    np.testing.assert_allclose(weighted.means_, repeated.means_, rtol=1e-10)
    np.testing.assert_allclose(weighted.covariances_, repeated.covariances_, rtol=1e-9)


def test_batches_follow_a_fit_and_a_fit_starts_afresh() -> None:
    X = load_old_faithful()
    model = GaussianMixture(2, random_state=0).fit(X)
    fitted = model.means_.copy()
    model.partial_fit(X[:50])
    assert not np.array_equal(model.means_, fitted)
    assert not model.converged_
    with pytest.raises(AttributeError, match="does not hold the data"):
        _ = model.standard_errors_
    copy = pickle.loads(pickle.dumps(model)).partial_fit(X[50:])
    np.testing.assert_array_equal(copy.means_, model.partial_fit(X[50:]).means_)
    with pytest.raises(ValueError, match="features"):
        model.partial_fit(X[:, :1])
    np.testing.assert_array_equal(model.fit(X).means_, fitted)


def test_the_first_batch_must_be_large_enough() -> None:
    with pytest.raises(ValueError, match="n_samples"):
        GaussianMixture(5).partial_fit(load_old_faithful()[:4])


def test_chunks_bound_the_memory_of_a_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times the samples take no more memory, where blocks are not kept from pass to pass."""
    monkeypatch.setattr(blocks, "KEPT", 0)
    rng = np.random.default_rng(0)
    peaks = []
    for n in (20_000, 200_000):
        X = rng.normal(size=(n, 3))
        p = parameters("full", X)
        objective = Objective(X, chunk_size=5_000)
        objective.value_and_gradient(p)
        tracemalloc.start()
        objective.value_and_gradient(p)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_on_a_terminal_ends_with_the_last_iteration() -> None:
    shown = Terminal()
    with Progress(1e-8, 10, 2, shown) as progress:
        report = progress.start(1)
        for iteration, value in enumerate([-10.0, -9.0, -8.9, -8.9]):
            report(iteration, value, None)
    lines = shown.getvalue().split("\n")
    assert lines[0] == "start 2"
    assert "[########################] 100 %" in lines[1]
    assert "iteration 3: log-likelihood -8.900000, gained 0.0e+00" in lines[1]
    assert lines[2:] == [""]


def test_progress_never_goes_back() -> None:
    way = Way(1e-6)
    done = [way.after(value) for value in (-10.0, -9.0, -8.999, -8.5, -9.0, -8.4999999999)]
    assert done == sorted(done)
    assert min(done) >= 0.0
    assert max(done) <= 1.0


def test_verbose_shows_starts_and_iterations(capsys: pytest.CaptureFixture[str]) -> None:
    model = GaussianMixture(
        2, random_state=0, n_init=2, solver="em", verbose=1, verbose_interval=4, max_iter=8, tol=0.0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(load_old_faithful())
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("start") == 2
    assert captured.err.count("iteration 4:") == captured.err.count("iteration 8:") == 2
    assert captured.err.count("\n") == 6


def test_silence_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    GaussianMixture(1).fit(with_gaps(data()))
    assert capsys.readouterr() == ("", "")
