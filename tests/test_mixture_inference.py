"""Standard errors, intervals, the certificate and the choice of models, against certified values and closed forms."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris

from srcdiff import grad, hessian
from srcdiff.mixture import GaussianMixture, load_old_faithful, select
from srcdiff.mixture.certificate import certificate
from srcdiff.mixture.em import em_step
from srcdiff.mixture.information import Information, InformationWarning
from srcdiff.mixture.objective import Objective
from srcdiff.mixture.parameters import Parameters, covariances_shape
from srcdiff.mixture.unconstrained import UnconstrainedObjective

REFERENCE = json.loads((Path(__file__).parent / "data" / "mixture_reference.json").read_text(encoding="utf-8"))
FAITHFUL = load_old_faithful()


def data_of(name: str) -> np.ndarray:
    """The data of a reference fit."""
    if name.startswith("iris"):
        return np.asarray(load_iris().data)
    return FAITHFUL[:, 1:] if name.startswith("waiting") else FAITHFUL


def shaped(row: Any, kind: str, k: int, d: int) -> Parameters:
    """Parameters from the row of the reference: weights, means, lower triangles or variances."""
    row = np.array(row)
    weights, means, rest = row[:k], row[k : k + k * d].reshape(k, d), row[k + k * d :]
    shape = covariances_shape(kind, k, d)
    if kind in ("full", "tied"):
        matrices = np.zeros((1 if kind == "tied" else k, d, d))
        a, b = np.tril_indices(d)
        matrices[:, a, b] = matrices[:, b, a] = rest.reshape(len(matrices), -1)
        rest = matrices
    return Parameters(np.log(weights), means, rest.reshape(shape))


def reference_information(name: str) -> Information:
    """The information at the parameters of a reference fit."""
    r = REFERENCE[name]
    p = shaped(r["params"], r["covariance_type"], r["K"], r["d"])
    return Information(Objective(data_of(name), r["covariance_type"]), p)


@pytest.mark.parametrize("name", REFERENCE)
def test_standard_errors_of_the_reference(name: str) -> None:
    r, information = REFERENCE[name], reference_information(name)
    assert np.allclose(information.estimates, r["params"], rtol=1e-14)
    errors = np.sqrt(np.diagonal(information.covariance()))
    assert np.allclose(errors, r["se"], rtol=1e-9)
    assert len(information.names) == len(errors)
    assert information.there.size == r["df"]
    found = certificate(information)
    assert found.certified
    assert 0.0 < found.em_rate < 1.0
    assert found.gain < 1e-18
    assert found.gradient_norm < 1e-11


@pytest.mark.parametrize("name", ["waiting_V2", "faithful_tied3", "faithful_diag2", "faithful_spherical2"])
def test_standard_errors_of_the_estimator(name: str) -> None:
    """After a fit, in the shapes of the fitted attributes."""
    r = REFERENCE[name]
    model = GaussianMixture(r["K"], covariance_type=r["covariance_type"], n_init=4, random_state=0).fit(data_of(name))
    order = np.argsort(model.means_[:, 0])
    expected = shaped(r["se"], r["covariance_type"], r["K"], r["d"])
    errors = model.standard_errors_
    assert np.allclose(errors.weights[order], np.exp(expected.logits), rtol=1e-5)
    assert np.allclose(errors.means[order], expected.means, rtol=1e-5)
    covariances = errors.covariances if r["covariance_type"] == "tied" else errors.covariances[order]
    assert np.allclose(covariances, expected.covariances, rtol=1e-5)
    assert model.cov_params_.shape == (len(r["se"]), len(r["se"])) == (len(model.param_names_),) * 2
    assert model.convergence_.certified


def complete(u: np.ndarray, x: float, second: bool) -> float:
    """The log-density of a sample with its label, of two components in one dimension."""
    log_weight = -np.log(1.0 + np.exp(u[0])) + (0.0 if second else u[0])
    mean = u[2] if second else u[1]
    factor = u[4] if second else u[3]
    deviation = (x - mean) * np.exp(factor)
    return log_weight + factor - 0.5 * deviation * deviation - 0.5 * np.log(2.0 * np.pi)


def test_louis_identity() -> None:
    """Observed is complete information, as expected with the data, less the variance of the complete score (1982)."""
    x = FAITHFUL[:60, 1]
    function = UnconstrainedObjective(Objective(x[:, np.newaxis], "full"), 2)
    u = function.to_vector(reference_information("waiting_V2").parameters)
    score, second = grad(complete), hessian(complete)
    observed = np.zeros((5, 5))
    for value in x:
        joint = np.array([complete(u, value, False), complete(u, value, True)])
        share = np.exp(joint - np.logaddexp(*joint))
        scores = np.array([score(u, value, False), score(u, value, True)])
        mean = share @ scores
        observed -= share[0] * second(u, value, False) + share[1] * second(u, value, True)
        observed -= (scores.T * share) @ scores - np.outer(mean, mean)
    assert np.allclose(-function.hessian(u), observed, rtol=1e-10, atol=1e-10 * np.abs(observed).max())


@pytest.mark.parametrize("name", ["waiting_V2", "faithful_tied3", "faithful_spherical2"])
def test_complete_information_is_ems_metric(name: str) -> None:
    """The rate read off the information is the rate at which EM comes nearer."""
    information = reference_information(name)
    assert observed_rate(information) == pytest.approx(1.0 - information.spectrum[0], abs=2e-3)
    assert information.spectrum[-1] == pytest.approx(1.0, abs=1e-9)


def observed_rate(information: Information) -> float:
    """The factor by which the steps of EM shrink, late on the way back to a maximum."""
    objective, p = information.function.objective, information.parameters
    p = Parameters(p.logits, p.means * (1.0 + 1e-3), p.covariances)
    u, length, ratio = information.function.to_vector(p), 0.0, 0.0
    for _ in range(60):
        p, _ = em_step(objective, p)
        before, u = u, information.function.to_vector(p)
        step = float(np.linalg.norm(u - before))
        if step < 1e-9:
            break
        ratio, length = step / length if length else 0.0, step
    return ratio


def test_rate_of_em_with_missing_values() -> None:
    """What is not observed slows EM down as much as the certificate says."""
    X = FAITHFUL.copy()
    X[::3, 0] = np.nan
    X[1::4, 1] = np.nan
    model = GaussianMixture(2, covariance_type="diag", random_state=0, tol=1e-13).fit(X)
    information = model._information()
    assert observed_rate(information) == pytest.approx(model.convergence_.em_rate, abs=5e-3)
    complete_model = GaussianMixture(2, covariance_type="diag", random_state=0).fit(FAITHFUL)
    assert model.convergence_.em_rate > complete_model.convergence_.em_rate
    assert (model.standard_errors_.weights > complete_model.standard_errors_.weights).all()


def test_one_gaussian_in_closed_form() -> None:
    """Errors of mean and variance from normal theory, and robust ones from the moments of the sample."""
    x = np.random.default_rng(0).gamma(2.0, size=400)
    n, mean, variance = len(x), x.mean(), x.var()
    information = Information(
        Objective(x[:, np.newaxis], "full"), Parameters(np.zeros(1), np.array([[mean]]), np.array([[[variance]]]))
    )
    normal, robust = information.standard_errors(), information.standard_errors("sandwich")
    assert normal.means[0, 0] == pytest.approx(np.sqrt(variance / n), rel=1e-10)
    assert normal.covariances[0, 0, 0] == pytest.approx(variance * np.sqrt(2.0 / n), rel=1e-10)
    assert robust.means[0, 0] == pytest.approx(np.sqrt(variance / n), rel=1e-10)
    fourth = np.mean((x - mean) ** 4)
    assert robust.covariances[0, 0, 0] == pytest.approx(np.sqrt((fourth - variance**2) / n), rel=1e-10)
    assert normal.weights[0] == 0.0


@pytest.mark.parametrize("kind", ["observed", "sandwich"])
def test_weights_count_samples(kind: Any) -> None:
    weights = np.random.default_rng(1).integers(1, 4, len(FAITHFUL))
    p = reference_information("faithful_full2").parameters
    weighted = Information(Objective(FAITHFUL, "full", weights), p)
    repeated = Information(Objective(np.repeat(FAITHFUL, weights, axis=0), "full"), p)
    with warnings.catch_warnings():
        # These parameters are not the maximum of these data.
        warnings.simplefilter("ignore", InformationWarning)
        assert np.allclose(weighted.covariance(kind), repeated.covariance(kind), rtol=1e-9, atol=1e-14)


def test_units_of_the_data() -> None:
    """Errors go with the units; intervals of weights do not change."""
    plain = reference_information("faithful_full2")
    p, factor = plain.parameters, np.array([1e3, 1e-3])
    moved = Information(
        Objective(FAITHFUL * factor + 7.0, "full"),
        Parameters(p.logits, p.means * factor + 7.0, p.covariances * np.outer(factor, factor)),
    )
    assert np.allclose(moved.standard_errors().means, plain.standard_errors().means * factor, rtol=1e-8)
    assert np.allclose(moved.intervals().weights, plain.intervals().weights, rtol=1e-8)
    assert np.allclose(moved.spectrum, plain.spectrum, rtol=1e-7)


def test_intervals() -> None:
    information = reference_information("faithful_tied3")
    p, errors, intervals = information.parameters, information.standard_errors(), information.intervals(0.95)
    assert np.allclose(intervals.means[..., 1], p.means + 1.959963984540054 * errors.means, rtol=1e-12)
    assert np.allclose(intervals.means.mean(axis=-1), p.means, rtol=1e-12)
    wide = information.intervals(0.999999)
    assert (wide.weights > 0.0).all() and (wide.weights < 1.0).all()
    assert (wide.covariances[[0, 1], [0, 1]] > 0.0).all()
    assert (wide.weights[..., 0] < intervals.weights[..., 0]).all()
    assert (intervals.weights[..., 0] < p.weights).all() and (p.weights < intervals.weights[..., 1]).all()
    assert np.allclose(np.prod(intervals.covariances[0, 0]), p.covariances[0, 0] ** 2, rtol=1e-12)
    with pytest.raises(ValueError, match="between 0 and 1"):
        information.intervals(95)
    with pytest.raises(ValueError, match="sandwich"):
        information.covariance("robust")  # type: ignore[arg-type]


@pytest.mark.parametrize("solver", ["auto", "em", "lbfgs", "newton", "gradient"])
@pytest.mark.parametrize("kind", ["full", "tied"])
def test_what_a_solver_calls_converged_is_certified(solver: str, kind: str) -> None:
    """Within 1e-8 of the top by default, even where components overlap and EM is slow."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(300, 2)), rng.normal(size=(200, 2)) + 1.8])
    model = GaussianMixture(2, covariance_type=kind, solver=solver, random_state=0, max_iter=3000).fit(X)
    assert model.converged_
    assert model.convergence_.em_rate > 0.7
    assert model.convergence_.certified


def test_a_saddle_has_no_standard_errors() -> None:
    """Two equal components are a stationary point of the likelihood, and no maximum."""
    mean, covariance = FAITHFUL.mean(axis=0), np.cov(FAITHFUL.T, bias=True)
    p = Parameters(np.zeros(2), np.tile(mean, (2, 1)), np.tile(covariance, (2, 1, 1)))
    information = Information(Objective(FAITHFUL, "full"), p)
    found = certificate(information)
    assert found.gradient_norm < 1e-12
    assert not found.negative_definite and not found.certified
    assert found.em_rate >= 1.0 - 1e-9
    assert found.gain == np.inf
    with pytest.warns(InformationWarning, match="not positive definite"):
        assert np.isnan(information.standard_errors().means).all()


def test_components_that_overlap_too_much_are_named() -> None:
    X = np.random.default_rng(2).normal(size=(120, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = GaussianMixture(2, covariance_type="tied", n_init=3, random_state=0, max_iter=5000).fit(X)
    with pytest.warns(InformationWarning):
        _ = model.standard_errors_
    assert "Caution:" in model.summary()


def test_a_point_below_the_top_is_no_maximum() -> None:
    p = reference_information("faithful_full2").parameters
    information = Information(Objective(FAITHFUL, "full"), Parameters(p.logits, p.means + 0.02, p.covariances))
    found = certificate(information)
    gained = REFERENCE["faithful_full2"]["loglik"] - information.function.value(information.u)
    assert found.negative_definite and not found.certified
    assert found.gain == pytest.approx(gained, rel=0.1)
    with pytest.warns(InformationWarning, match="still to be gained"):
        information.covariance()


def test_a_variance_on_the_floor_is_a_caution() -> None:
    X = np.concatenate([np.zeros((5, 1)), np.linspace(5.0, 9.0, 20)[:, np.newaxis]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = GaussianMixture(2, random_state=0).fit(X)
    with pytest.warns(InformationWarning, match="held up"):
        _ = model.cov_params_


def test_summary() -> None:
    model = GaussianMixture(2, covariance_type="tied", random_state=0, solver="newton").fit(FAITHFUL)
    lines = model.summary(names=["duration", "waiting"]).splitlines()
    assert lines[0] == "Gaussian mixture: 2 components, tied covariances, 8 free parameters, 272 samples"
    assert lines[1] == "log-likelihood -1140.1868, BIC 2325.2199, AIC 2296.3735"
    assert lines[2].startswith("newton: converged after ")
    assert lines[3].startswith("maximum: gradient per sample ")
    rows = {line[:36].strip(): line[36:].split() for line in lines[6:]}
    assert rows["covariance of duration, waiting"] == ["0.752", "0.139", "0.479", "1.024"]
    assert "all components" in rows
    with pytest.raises(ValueError, match="2 columns have 2 names"):
        model.summary(names=["duration"])


def test_a_stored_model_has_left_its_data_behind() -> None:
    model = GaussianMixture(1, random_state=0).fit(FAITHFUL)
    assert model.convergence_.certified
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.means_, model.means_)
    with pytest.raises(AttributeError, match="fit it again"):
        _ = again.standard_errors_


def test_looking_at_a_model_computes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook shows a model with its attributes; the Hessian is not one of them."""
    model = GaussianMixture(1, random_state=0).fit(FAITHFUL)
    monkeypatch.setattr(Information, "matrix", property(lambda self: pytest.fail("a Hessian was computed")))
    assert "means_" in model._repr_html_()


def test_selection_on_old_faithful() -> None:
    """BIC chooses three components with one covariance, not two with their own."""
    chosen = select(FAITHFUL, [2, 3], ["full", "tied"], n_init=3, random_state=0)
    assert (chosen.best.n_components, chosen.best.covariance_type) == (3, "tied")
    assert chosen.ranked()[0].bic == pytest.approx(2314.2957, abs=5e-5)
    for name in ("faithful_full2", "faithful_tied2", "faithful_tied3"):
        r = REFERENCE[name]
        found = next(
            c for c in chosen.candidates if (c.components, c.covariance_type) == (r["K"], r["covariance_type"])
        )
        assert found.parameters == r["df"]
        assert found.bic == pytest.approx(r["BIC"], abs=1e-6)
        assert found.aic == pytest.approx(r["AIC"], abs=1e-6)
        assert found.icl == pytest.approx(-r["ICL_mclust_sign"], abs=1e-3)
        assert found.note == "" and found.usable
    icl = chosen.best_by("icl")
    assert (icl.n_components, icl.covariance_type) == (2, "full")
    assert str(chosen).splitlines()[1].split()[:3] == ["3", "tied", "11"]
    assert chosen.values()["tied"][3] == chosen.ranked()[0].bic


def test_selection_does_not_choose_a_collapsed_fit() -> None:
    X = np.repeat([[0.0], [3.0]], 6, axis=0)
    chosen = select(X, [1, 2], ["full"], n_init=2, random_state=0)
    assert chosen.best.n_components == 1
    assert np.isnan(chosen.values()["full"][2])
    assert "held up by regularisation" in str(chosen)
    with pytest.raises(ValueError, match="criterion is one of"):
        select(X, criterion="BIC")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no model to try"):
        select(X, components=[])
