"""The estimator: scikit-learn's names and behaviour, units, weights, missing values, degenerate data."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.mixture import GaussianMixture as Scikit
from sklearn.utils.estimator_checks import check_estimator

from srcdiff.mixture import GaussianMixture, load_old_faithful
from tests.mixture_reference import REFERENCE, data_of, row_of

TYPES = ("full", "tied", "diag", "spherical")
SOLVERS = ("em", "hard-em", "gradient", "lbfgs", "newton", "auto")
X = load_old_faithful()


def quiet(model: GaussianMixture, *args: Any, **kwargs: Any) -> GaussianMixture:
    """Fitted, whatever it warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(*args, **kwargs)


# -- scikit-learn ------------------------------------------------------------------------------------------------------


def test_scikit_learns_checks_pass() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(GaussianMixture(), on_skip=None, on_fail=None)
    failed = [(r["check_name"], r["exception"]) for r in results if r["status"] == "failed"]
    assert not failed
    assert any(r["check_name"] == "check_sample_weight_equivalence_on_dense_data" for r in results)


def test_names_and_defaults_are_scikit_learns() -> None:
    own = inspect.signature(GaussianMixture).parameters
    theirs = inspect.signature(Scikit).parameters
    assert set(theirs) <= set(own)
    differ = {name for name in theirs if own[name].default != theirs[name].default}
    # Convergence means another thing here, and takes more iterations.
    assert differ == {"tol", "max_iter"}
    public = {name for name in dir(Scikit) if not name.startswith("_")}
    assert public <= set(dir(GaussianMixture))


@pytest.mark.parametrize("kind", TYPES)
def test_attributes_and_predictions_are_scikit_learns(kind: str) -> None:
    """A model with the same parameters: what is predicted, scored and compared from them."""
    own = GaussianMixture(3, covariance_type=kind, random_state=0).fit(X)
    theirs = Scikit(3, covariance_type=kind, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs.fit(X)
    for name in [name for name in vars(theirs) if name.endswith("_")]:
        assert hasattr(own, name), name
        assert np.shape(getattr(own, name)) == np.shape(getattr(theirs, name)) or name == "lower_bounds_", name
    for name in ("weights_", "means_", "covariances_", "precisions_cholesky_"):
        setattr(theirs, name, getattr(own, name))
    np.testing.assert_allclose(own.score_samples(X), theirs.score_samples(X), rtol=1e-10)
    np.testing.assert_allclose(own.predict_proba(X), theirs.predict_proba(X), atol=1e-10)
    np.testing.assert_array_equal(own.predict(X), theirs.predict(X))
    for name in ("score", "bic", "aic"):
        assert getattr(own, name)(X) == pytest.approx(getattr(theirs, name)(X), rel=1e-12)
    product = own.precisions_cholesky_
    if kind in ("full", "tied"):
        np.testing.assert_allclose(product @ np.swapaxes(product, -1, -2), own.precisions_, rtol=1e-12)
        inverse = own.precisions_ @ own.covariances_
        np.testing.assert_allclose(inverse, np.broadcast_to(np.eye(2), inverse.shape), atol=1e-9)
    else:
        np.testing.assert_allclose(own.precisions_ * own.covariances_, 1.0, rtol=1e-12)


@pytest.mark.parametrize("kind", TYPES)
def test_a_fit_is_at_least_as_high_as_scikit_learns(kind: str) -> None:
    own = GaussianMixture(2, covariance_type=kind, random_state=0).fit(X)
    theirs = Scikit(2, covariance_type=kind, random_state=0, reg_covar=0.0, tol=1e-10, max_iter=5000).fit(X)
    assert own.score(X) >= theirs.score(X) - 1e-10


def test_the_bounds_and_labels_of_a_fit() -> None:
    model = GaussianMixture(3, covariance_type="tied", random_state=0)
    labels = model.fit_predict(X)
    np.testing.assert_array_equal(labels, model.predict(X))
    assert len(model.lower_bounds_) == model.n_iter_
    assert model.lower_bounds_[-1] == model.lower_bound_ == pytest.approx(model.score(X), rel=1e-12)
    assert (np.diff(model.lower_bounds_) > -1e-12).all()
    assert model.n_features_in_ == 2 and model.weights_.sum() == pytest.approx(1.0)
    assert model.predict_proba(X).sum(axis=1) == pytest.approx(1.0)


def test_no_iterations_give_the_start() -> None:
    model = GaussianMixture(2, max_iter=0, random_state=0).fit(X)
    assert model.n_iter_ == 0 and model.lower_bounds_ == [] and not model.converged_
    assert np.isfinite(model.score(X))


def test_a_fit_cut_short_says_so() -> None:
    with pytest.warns(
        ConvergenceWarning, match=r"did not converge in 2 iterations of 'em': by estimate, .* to be gained"
    ):
        model = GaussianMixture(3, covariance_type="tied", solver="em", max_iter=2, random_state=0).fit(X)
    assert not model.converged_


def test_warm_starts_go_on() -> None:
    model = GaussianMixture(3, covariance_type="tied", solver="em", max_iter=20, warm_start=True, random_state=0)
    bounds = []
    for _ in range(8):
        quiet(model, X)
        bounds.append(model.lower_bound_)
    assert (np.diff(bounds) >= -1e-13).all() and bounds[0] < bounds[-1]
    assert 272 * bounds[-1] == pytest.approx(REFERENCE["faithful_tied3"]["loglik"], abs=2e-8)


@pytest.mark.parametrize("kind", TYPES)
def test_starts_may_be_given(kind: str) -> None:
    weights, means = np.array([0.3, 0.7]), np.array([[2.0, 55.0], [4.3, 80.0]])
    precision = np.linalg.inv(np.array([[0.1, 0.2], [0.2, 36.0]]))
    precisions = {
        "full": np.tile(precision, (2, 1, 1)),
        "tied": precision,
        "diag": np.ones((2, 2)),
        "spherical": np.ones(2),
    }
    given = {"weights_init": weights, "means_init": means, "precisions_init": precisions[kind]}
    start = GaussianMixture(2, covariance_type=kind, max_iter=0, **given).fit(X)
    np.testing.assert_allclose(start.weights_, weights, rtol=1e-12)
    np.testing.assert_allclose(start.means_, means, rtol=1e-12)
    np.testing.assert_allclose(start.precisions_, precisions[kind], rtol=1e-9)
    fitted = GaussianMixture(2, covariance_type=kind, **given).fit(X)
    assert 272 * fitted.lower_bound_ == pytest.approx(REFERENCE[f"faithful_{kind}2"]["loglik"], abs=1.1e-8)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"weights_init": [1.0]}, "'weights' should have the shape of"),
        ({"weights_init": [0.5, 0.6]}, "normalized"),
        ({"weights_init": [-0.5, 1.5]}, "range"),
        ({"means_init": [[1.0, 2.0]]}, "'means' should have the shape of"),
        ({"means_init": [[1.0, 2.0], [np.nan, 0.0]]}, "not finite"),
        ({"precisions_init": np.tile([[1.0, 0.5], [0.0, 1.0]], (2, 1, 1))}, "symmetric"),
        ({"precisions_init": -np.tile(np.eye(2), (2, 1, 1))}, "positive-definite"),
    ],
)
def test_wrong_starts_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GaussianMixture(2, **given).fit(X)


@pytest.mark.parametrize("kind", TYPES)
def test_samples_have_the_moments_of_the_model(kind: str) -> None:
    model = GaussianMixture(2, covariance_type=kind, random_state=0).fit(X)
    drawn, labels = model.sample(40_000)
    assert drawn.shape == (40_000, 2) and (np.diff(labels) >= 0).all()
    assert np.bincount(labels) / 40_000 == pytest.approx(model.weights_, abs=0.02)
    first = drawn[labels == 0]
    np.testing.assert_allclose(first.mean(axis=0), model.means_[0], rtol=0.02)
    matrices = {"full": lambda c: c[0], "tied": lambda c: c, "diag": lambda c: np.diag(c[0])}
    expected = matrices.get(kind, lambda c: c[0] * np.eye(2))(model.covariances_)
    spread = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    np.testing.assert_allclose(np.cov(first.T) / spread, expected / spread, atol=0.05)
    with pytest.raises(ValueError, match="at least one sample"):
        model.sample(0)


def test_what_is_not_fitted_cannot_predict() -> None:
    with pytest.raises(NotFittedError):
        GaussianMixture().predict(X)


def test_a_stored_model_leaves_its_data_behind() -> None:
    model = GaussianMixture(2, random_state=0).fit(np.tile(X, (50, 1)))
    stored = pickle.dumps(model)
    assert len(stored) < 50_000
    again = pickle.loads(stored)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert all("_value_and_grad(" in source for source in (again.gradient_source, model.gradient_source))
    assert clone(model).get_params() == model.get_params()


def test_importing_srcdiff_imports_no_scikit_learn() -> None:
    program = "import sys, srcdiff, srcdiff.mixture; assert 'sklearn' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


# -- Certified optima, weights, units ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REFERENCE)
def test_the_default_fit_is_the_certified_one(name: str) -> None:
    reference, data = REFERENCE[name], data_of(name)
    model = GaussianMixture(reference["K"], covariance_type=reference["covariance_type"], random_state=0).fit(data)
    assert model.converged_
    assert len(data) * model.lower_bound_ == pytest.approx(reference["loglik"], abs=1.1e-8)
    assert model.bic(data) == pytest.approx(reference["BIC"], abs=1e-7)
    assert model.aic(data) == pytest.approx(reference["AIC"], abs=1e-7)
    row = row_of(name, model.weights_, model.means_, model.covariances_)
    assert np.max(np.abs(row - reference["params"]) / reference["se"]) < 2e-4


@pytest.mark.parametrize("solver", ["em", "auto", "hard-em"])
@pytest.mark.parametrize("kind", TYPES)
def test_integer_weights_are_repetitions(kind: str, solver: str) -> None:
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 4, len(X))
    repeated = rng.permutation(np.repeat(X, weights, axis=0))
    # Where every path ends is the same to 1e-8 by tolerance; that the paths are the same shows at 1e-10.
    options: dict[str, Any] = {"covariance_type": kind, "solver": solver, "random_state": 0}
    a = GaussianMixture(2, **options).fit(X, sample_weight=weights)
    b = GaussianMixture(2, **options).fit(repeated)
    assert a.lower_bound_ == pytest.approx(b.lower_bound_, rel=1e-12)
    for name in ("weights_", "means_", "covariances_"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-10, atol=1e-10)
    assert a.score(X, sample_weight=weights) == pytest.approx(b.score(repeated), rel=1e-12)
    assert a.bic(X, sample_weight=weights) == pytest.approx(b.bic(repeated), rel=1e-12)


@pytest.mark.parametrize(
    "weights", [np.zeros(272), -np.ones(272), np.ones(271), np.full(272, np.nan), np.ones((272, 2))], ids=str
)
def test_weights_that_are_none_are_refused(weights: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"(?i)weight"):
        GaussianMixture().fit(X, sample_weight=weights)


@pytest.mark.parametrize("init", ["kmeans", "k-means++", "random", "random_from_data"])
@pytest.mark.parametrize("kind", TYPES)
def test_fits_do_not_depend_on_units(kind: str, init: str) -> None:
    scale = np.array([3e-5, 3e-5] if kind == "spherical" else [3e-5, 7e4])
    shift = np.array([10.0, -1e6])
    options: dict[str, Any] = {
        "covariance_type": kind,
        "solver": "em",
        "max_iter": 15,
        "init_params": init,
        "random_state": 3,
    }
    a = quiet(GaussianMixture(2, **options), X)
    b = quiet(GaussianMixture(2, **options), (X + shift / scale) * scale)
    # The shift costs digits of the data: seven are left.
    np.testing.assert_allclose(b.weights_, a.weights_, atol=1e-6)
    np.testing.assert_allclose((b.means_ - shift) / scale, a.means_, rtol=1e-5)
    squares = {"full": np.outer(scale, scale), "tied": np.outer(scale, scale), "diag": scale**2}.get(
        kind, scale[0] ** 2
    )
    np.testing.assert_allclose(b.covariances_ / squares, a.covariances_, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("solver", ["em", "auto"])
def test_chunks_do_not_change_a_fit(solver: str) -> None:
    whole = GaussianMixture(3, covariance_type="tied", solver=solver, random_state=0).fit(X)
    parts = GaussianMixture(3, covariance_type="tied", solver=solver, random_state=0, chunk_size=50).fit(X)
    assert parts.n_iter_ == whole.n_iter_
    assert parts.lower_bound_ == pytest.approx(whole.lower_bound_, rel=1e-12)
    np.testing.assert_allclose(parts.means_, whole.means_, rtol=1e-9)


def test_several_starts_keep_the_best() -> None:
    options: dict[str, Any] = {"covariance_type": "diag", "init_params": "random", "solver": "em", "max_iter": 40}
    rng, again = np.random.RandomState(1), np.random.RandomState(1)
    singles = [quiet(GaussianMixture(3, random_state=rng, **options), X).lower_bound_ for _ in range(5)]
    best = quiet(GaussianMixture(3, random_state=again, n_init=5, **options), X)
    assert best.lower_bound_ == pytest.approx(max(singles), rel=1e-13) and min(singles) < max(singles)


def test_a_collapsed_start_does_not_win(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its likelihood is the highest, and says nothing of the data."""
    found = GaussianMixture(2, random_state=0).fit(X).result_
    outcomes = [replace(found, value=found.value + gain, regularised=low) for gain, low in ((9.0, True), (-1.0, False))]
    for order in (outcomes, outcomes[::-1]):
        results = iter(order)
        monkeypatch.setattr("srcdiff.mixture.fitting.run", lambda *a, results=results, **k: next(results))
        assert not GaussianMixture(2, n_init=2).fit(X).result_.regularised


# -- Missing values and noise ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["em", "auto", "newton", "lbfgs", "gradient", "hard-em"])
def test_missing_values_are_fitted_by_every_solver(solver: str) -> None:
    rng = np.random.default_rng(0)
    data = np.where(rng.random(X.shape) < 0.2, np.nan, X)
    data = data[~np.isnan(data).all(axis=1)]
    weights = rng.integers(1, 3, len(data)).astype(float)
    best = GaussianMixture(2, solver="newton", random_state=0).fit(data, sample_weight=weights)
    model = GaussianMixture(2, solver=solver, random_state=0, max_iter=5000).fit(data, sample_weight=weights)
    assert model.converged_
    if solver == "hard-em":
        assert model.score(data, sample_weight=weights) <= best.lower_bound_
    else:
        assert model.lower_bound_ == pytest.approx(best.lower_bound_, abs=1.1e-8 / weights.sum())
        # What is missing at random changes the means by little.
        np.testing.assert_allclose(np.sort(model.means_, axis=0), [[2.04, 54.5], [4.29, 80.0]], rtol=0.04)
    assert np.isfinite(model.predict_proba(data)).all()


def test_known_noise_is_taken_out() -> None:
    rng = np.random.default_rng(0)
    clean = np.concatenate([rng.normal(size=(300, 1)), rng.normal(size=(300, 1)) + 8.0])
    noise = rng.uniform(0.1, 4.0, size=(600, 1))
    data = clean + np.sqrt(noise) * rng.normal(size=(600, 1))
    plain = GaussianMixture(2, random_state=0).fit(data)
    em = GaussianMixture(2, solver="em", random_state=0).fit(data, noise=noise)
    newton = GaussianMixture(2, solver="newton", random_state=0).fit(data, noise=noise)
    assert em.converged_ and newton.converged_
    assert 600 * em.lower_bound_ == pytest.approx(600 * newton.lower_bound_, abs=1.1e-8)
    assert (em.covariances_ < plain.covariances_ - 1.0).all()
    np.testing.assert_allclose(em.covariances_.ravel(), 1.0, atol=0.35)
    assert em.score(data, noise=noise) == pytest.approx(em.lower_bound_, rel=1e-12)


# -- Data that cannot be fitted well -----------------------------------------------------------------------------------

RNG = np.random.default_rng(0)
DEGENERATE = {
    "duplicates": np.repeat(RNG.normal(size=(4, 2)), 10, axis=0),
    "a constant column": np.c_[RNG.normal(size=50), np.full(50, 3.7), RNG.normal(size=50)],
    "all equal": np.full((20, 2), 5.0),
    "fewer samples than columns": RNG.normal(size=(6, 12)),
    "float32": RNG.normal(size=(60, 3)).astype(np.float32),
    "on a line": np.outer(RNG.normal(size=60), [1.0, 2.0, 3.0]),
    "an outlier": np.concatenate([RNG.normal(size=(30, 2)), [[1e12, 1e12]]]),
    "far scales": RNG.normal(size=(60, 2)) * [1e-70, 1e70],
    "far off": RNG.normal(size=(60, 2)) + 1e9,
    "integers": RNG.integers(0, 3, size=(40, 2)),
}


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", DEGENERATE)
def test_nothing_ends_in_an_exception_or_a_negative_variance(name: str, solver: str) -> None:
    data = DEGENERATE[name]
    for kind in TYPES:
        model = quiet(GaussianMixture(3, covariance_type=kind, solver=solver, max_iter=30, random_state=0), data)
        covariances = model.covariances_
        least = np.linalg.eigvalsh(covariances) if kind in ("full", "tied") else covariances
        assert np.isfinite(covariances).all() and (least > 0).all(), kind
        assert np.isfinite(model.lower_bound_) and np.isfinite(model.score_samples(data)).all(), kind
        assert model.weights_.sum() == pytest.approx(1.0) and (model.weights_ >= 0).all(), kind


def test_degenerate_data_are_warned_of() -> None:
    with pytest.warns(UserWarning, match="constant columns of X: 1"):
        GaussianMixture(random_state=0).fit(DEGENERATE["a constant column"])
    with pytest.warns(UserWarning, match="collapsed onto too few different samples"):
        GaussianMixture(random_state=0).fit(DEGENERATE["on a line"])
    with pytest.warns(UserWarning, match="collapsed onto too few different samples"):
        GaussianMixture(4, random_state=0).fit(DEGENERATE["duplicates"])


@pytest.mark.parametrize(
    ("data", "parameters"),
    [
        (np.zeros((0, 2)), {}),
        (np.zeros((1, 2)), {}),
        (np.zeros(5), {}),
        (np.array([[1.0, np.inf], [0.0, 1.0]]), {}),
        (np.array([[1.0, np.nan], [0.0, np.nan]]), {}),
        (np.ones((5, 2)), {"n_components": 6}),
        (np.ones((5, 2)), {"n_components": 0}),
        (np.ones((5, 2)), {"solver": "ascent"}),
        (np.ones((5, 2)), {"covariance_type": "round"}),
        (np.ones((5, 2)), {"tol": -1.0}),
    ],
    ids=str,
)
def test_what_cannot_be_fitted_is_refused(data: np.ndarray, parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        GaussianMixture(**parameters).fit(data)
