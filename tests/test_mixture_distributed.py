"""Fits over a Dask cluster: the numbers of the local fits, from text alone, in few passes."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import cloudpickle
import dask
import dask.array
import dask.dataframe
import numpy as np
import pandas
import pytest
from distributed import Client, LocalCluster
from sklearn.exceptions import ConvergenceWarning

from srcdiff.mixture import GaussianMixture, Objective, Parameters, load_old_faithful, remote
from srcdiff.mixture.hard import hard_value_and_gradient
from srcdiff.mixture.parameters import COVARIANCE_TYPES
from srcdiff.mixture.remote import TOGETHER, RemoteObjective, program
from srcdiff.mixture.scaling import Scaling
from srcdiff.mixture.shipping import by_value, imported, packed, run
from srcdiff.mixture.solvers import SOLVERS
from srcdiff.mixture.unconstrained import UnconstrainedObjective
from tests.test_mixture_likelihood import data, parameters, weights, with_gaps


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Two worker processes in which srcdiff cannot be imported."""
    with dask.config.set({"distributed.comm.timeouts.connect": "60s"}):
        # Dask warns where a busy machine is slow to start workers, and here warnings are errors.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cluster = LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None)
            client = Client(cluster, timeout="60s")
        client.run(exec, "import sys; sys.modules['srcdiff'] = None")
        yield client
        client.close()
        cluster.close()


@pytest.fixture(autouse=True)
def here(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests that ask for no cluster run in this thread."""
    with dask.config.set({} if "client" in request.fixturenames else {"scheduler": "synchronous"}):
        yield


def close(found: Parameters, expected: Parameters, tolerance: float = 1e-12) -> None:
    for one, other in (
        (found.logits, expected.logits),
        (found.means, expected.means),
        (found.covariances, expected.covariances),
    ):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * max(1.0, float(np.max(np.abs(other)))))


def in_parts(X: np.ndarray, size: int = 23) -> dask.array.Array:
    return dask.array.from_array(X, chunks=(size, 2))


@pytest.mark.parametrize("gaps", [False, True], ids=["complete", "gaps"])
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_sums_over_parts_are_those_of_the_whole(covariance_type: str, gaps: bool) -> None:
    X, w = data(), weights()
    p = parameters(covariance_type, X)
    X = with_gaps(X) if gaps else X
    there, local = RemoteObjective(in_parts(X), covariance_type, w), Objective(X, covariance_type, w)
    value, gradient = there.value_and_gradient(p)
    expected_value, expected = local.value_and_gradient(p)
    assert value == pytest.approx(expected_value, rel=1e-13)
    close(gradient, expected)
    assert (there.n, there.d) == (local.n, local.d)
    assert there.total_weight == pytest.approx(local.total_weight, rel=1e-14)
    np.testing.assert_allclose(there.log_joint(p), local.log_joint(p), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(there.log_densities(p), local.log_densities(p), rtol=1e-12, atol=1e-14)
    hard_value, hard = hard_value_and_gradient(there, p)
    expected_value, expected = hard_value_and_gradient(local, p)
    assert hard_value == pytest.approx(expected_value, rel=1e-13)
    close(hard, expected)


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_second_derivatives_are_those_of_the_whole(covariance_type: str) -> None:
    X = with_gaps(data())
    scaling = Scaling.of(X, covariance_type)
    there = UnconstrainedObjective(RemoteObjective(in_parts(X), covariance_type), 2, scaling)
    local = UnconstrainedObjective(Objective(X, covariance_type), 2, scaling)
    u = local.to_vector(parameters(covariance_type, data(), 2))
    expected = local.hessian(u)
    np.testing.assert_allclose(there.hessian(u), expected, rtol=0, atol=1e-11 * np.abs(expected).max())
    v = np.cos(np.arange(len(u)))
    np.testing.assert_allclose(there.hvp(u, v), expected @ v, rtol=0, atol=1e-10 * np.abs(expected).max())


def test_noise_belongs_to_the_samples() -> None:
    X = data()
    variances = np.random.default_rng(3).uniform(0.1, 2.0, size=X.shape)
    p = parameters("full", X)
    expected = Objective(X, noise=variances).value_and_gradient(p)
    for noise in (variances, dask.array.from_array(variances, chunks=(40, 1))):
        value, gradient = RemoteObjective(in_parts(X), noise=noise).value_and_gradient(p)
        assert value == pytest.approx(expected[0], rel=1e-13)
        close(gradient, expected[1])


@pytest.mark.parametrize("noisy", [False, True], ids=["exact", "noisy"])
def test_parts_may_be_empty(noisy: bool) -> None:
    """As those are of which a filter has left nothing; then nobody knows their lengths either."""
    X = data()
    noise = np.full(X.shape, 0.5) if noisy else None
    p = parameters("full", X)
    rows = in_parts(np.concatenate([X[:20], np.full((20, 3), -1e3), X[20:]]), 20)
    there = RemoteObjective(rows[rows[:, 0] > -1e3], noise=noise)
    expected = Objective(X, noise=noise).value_and_gradient(p)
    assert there.n == 60
    value, gradient = there.value_and_gradient(p)
    assert value == pytest.approx(expected[0], rel=1e-13)
    close(gradient, expected[1])
    np.testing.assert_allclose(there.log_joint(p), Objective(X, noise=noise).log_joint(p), rtol=1e-12)


def test_standard_errors_of_a_distributed_fit_are_the_local_ones() -> None:
    X = load_old_faithful()
    there, local = start().fit(in_parts(X, 100)), start().fit(X)
    found, expected = there.standard_errors_, local.standard_errors_
    for name in ("weights", "means", "covariances"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-6)
    assert there.convergence_.certified
    assert "mixture_sum_value_and_grad" in there.gradient_source
    with pytest.raises(TypeError, match="the samples are distributed"):
        there.cov_params("sandwich")


def test_one_sample_a_part_one_component_one_column() -> None:
    """The code that is sent is general: no size is special."""
    X = data()[:, :1]
    p = Parameters(np.zeros(1), np.array([[20.0]]), np.array([[[2.0]]]))
    value, gradient = RemoteObjective(in_parts(X, 1)).value_and_gradient(p)
    expected = Objective(X).value_and_gradient(p)
    assert len(X) > TOGETHER**1
    assert value == pytest.approx(expected[0], rel=1e-13)
    close(gradient, expected[1])


@pytest.mark.parametrize("covariance_type", ["full", "spherical"])
def test_scaling_is_that_of_the_whole(covariance_type: str) -> None:
    X = with_gaps(data()) + 1e6
    X[:, 1] = 7.1
    X[:30, 2] = np.nan  # the first part has none
    found, expected = (
        RemoteObjective(in_parts(X), covariance_type, weights()).scaling,
        Scaling.of(X, covariance_type, weights()),
    )
    np.testing.assert_allclose(found.centre, expected.centre, rtol=1e-15)
    np.testing.assert_allclose(found.scale, expected.scale, rtol=1e-12)
    assert found.constant == expected.constant == (1,)


def test_workers_need_numpy_alone(tmp_path: Path) -> None:
    """What is sent, unpickled and run in an interpreter in which srcdiff and Dask cannot be imported."""
    X = data()
    p = parameters("full", X)
    objective = RemoteObjective(in_parts(X))
    arguments = ((X, None, None), objective._features, (p.logits, p.means, p.covariances))
    call = (by_value(run), tuple(program("full", "value_and_grad")), "value_and_gradient", *arguments)
    (tmp_path / "sent").write_bytes(cloudpickle.dumps(call))
    text = (
        "import pickle, sys; sys.modules.update(srcdiff=None, dask=None, scipy=None, sklearn=None)\n"
        f"run, *rest = pickle.load(open({str(tmp_path / 'sent')!r}, 'rb'))\n"
        "print(float(run(*rest)[0]).hex())"
    )
    printed = subprocess.run([sys.executable, "-c", text], check=True, capture_output=True, text=True).stdout
    assert float.fromhex(printed) == pytest.approx(Objective(X).value(p), rel=1e-13)


def test_what_needs_srcdiff_is_not_sent() -> None:
    with pytest.raises(ValueError, match=r"srcdiff\.mixture\.objective line \d+ imports srcdiff"):
        packed("srcdiff.mixture.objective")
    assert imported("x", "from srcdiff.mixture import em, hard") == ["srcdiff.mixture.em", "srcdiff.mixture.hard"]


def start() -> GaussianMixture:
    return GaussianMixture(2, random_state=0)


def compared(solver: str, X: dask.array.Array) -> None:
    # A few iterations are enough to compare: the way up is the same, step for step.
    model, local = (start().set_params(solver=solver, max_iter=12, n_init=2) for _ in range(2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found, expected = model.fit(X).result_, local.fit(load_old_faithful()).result_
    assert found.iterations == expected.iterations
    assert found.converged == expected.converged
    assert found.value == pytest.approx(expected.value, rel=1e-10)
    close(found.parameters, expected.parameters, 1e-10)


@pytest.mark.parametrize("solver", ["em", "newton"])
def test_fits_on_a_cluster_are_the_local_ones(client: Client, solver: str) -> None:
    compared(solver, dask.array.from_array(load_old_faithful(), chunks=(100, 2)).persist())


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_goes_the_way_it_goes_locally(solver: str) -> None:
    compared(solver, in_parts(load_old_faithful(), 100))


def test_a_data_frame_with_weights_on_a_cluster(client: Client) -> None:
    frame = pandas.DataFrame(load_old_faithful(), columns=["eruptions", "waiting"])
    frame["weight"] = np.arange(len(frame)) % 3
    lazy = dask.dataframe.from_pandas(frame, npartitions=3)
    model = start().set_params(solver="em", max_iter=5)
    with pytest.warns(ConvergenceWarning):
        found = model.fit(lazy[["eruptions", "waiting"]], sample_weight=lazy["weight"]).result_
    local = start().set_params(solver="em", max_iter=5)
    with pytest.warns(ConvergenceWarning):
        expected = local.fit(frame[["eruptions", "waiting"]], sample_weight=frame["weight"])
    assert found.value == pytest.approx(expected.result_.value, rel=1e-12)
    close(found.parameters, expected.result_.parameters, 1e-10)
    assert list(model.feature_names_in_) == ["eruptions", "waiting"]
    with pytest.warns(ConvergenceWarning):
        again = model.fit(lazy[["eruptions", "waiting"]], sample_weight=frame["weight"].to_numpy()).result_
    assert again.value == pytest.approx(found.value, rel=1e-14)


def test_of_many_samples_some_are_drawn_to_start_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "ENOUGH", 80)
    X = load_old_faithful()
    w = np.where(np.arange(len(X)) % 2, 1.0, 0.0)
    model = start().fit(in_parts(X, 50), sample_weight=w)
    points, drawn = model._fitted.objective.sample
    assert 70 < len(points) == len(drawn) <= 80
    assert (drawn > 0.0).all()
    assert {tuple(x) for x in points} <= {tuple(x) for x in X[w > 0.0]}
    assert model.lower_bound_ == pytest.approx(start().fit(X, sample_weight=w).lower_bound_, abs=1e-9)


@pytest.mark.parametrize(("solver", "most"), [("em", 1), ("hard-em", 1), ("lbfgs", 2), ("newton", 2), ("auto", 2)])
def test_an_iteration_reads_the_data_at_most_twice(solver: str, most: int) -> None:
    model = start().set_params(solver=solver)
    fitted = model.fit(in_parts(load_old_faithful(), 100))._fitted
    assert isinstance(fitted.objective, RemoteObjective)
    # Two passes prepare the fit, and two more evaluate the start: gradient and Hessian.
    assert fitted.objective.passes - 4 <= most * fitted.result.iterations


def test_what_does_not_fit_together_is_refused() -> None:
    X = data()
    with pytest.raises(ValueError, match="60 samples come with 59 weights"):
        RemoteObjective(in_parts(X), sample_weight=dask.array.ones(59))
    with pytest.raises(ValueError, match=r"60 samples come with weights or noises of shape \(3,\)"):
        RemoteObjective(in_parts(X), sample_weight=np.ones(3))
    with pytest.raises(ValueError, match="none negative"):
        RemoteObjective(in_parts(X), sample_weight=-np.ones(60))
    with pytest.raises(ValueError, match="infinite"):
        RemoteObjective(in_parts(np.where(X > 20.0, np.inf, X)))
    with pytest.raises(ValueError, match="column 1 of X is missing"):
        RemoteObjective(in_parts(X * [1.0, np.nan, 1.0]))
    with pytest.raises(ValueError, match="these are not: name"):
        frame = pandas.DataFrame({"name": ["a", "b"], "x": [1.0, 2.0]})
        RemoteObjective(dask.dataframe.from_pandas(frame, npartitions=1))
    with pytest.raises(ValueError, match="two-dimensional"):
        RemoteObjective(dask.array.ones(5))
    with pytest.raises(TypeError, match="distributed"):
        RemoteObjective(in_parts(X)).blocks()
