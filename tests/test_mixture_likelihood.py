"""The likelihood of a mixture: its value, its compiled gradient and the EM step made of it, against textbooks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from srcdiff.mixture import blocks, likelihood
from srcdiff.mixture.em import em_step
from srcdiff.mixture.objective import Objective, value_and_gradient_of
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


def with_gaps(X: np.ndarray, seed: int = 5) -> np.ndarray:
    """The samples with a third of their values missing: some patterns often, some seldom, one sample whole."""
    rng = np.random.default_rng(seed)
    gaps = X.copy()
    gaps[rng.uniform(size=X.shape) < 0.33] = np.nan
    gaps[:15, 0] = np.nan
    gaps[:15, 1:] = X[:15, 1:]
    gaps[15] = np.nan
    return gaps


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


def textbook_joint(p: Parameters, covariance_type: str, X: np.ndarray, noise: np.ndarray | None = None) -> np.ndarray:
    """Joint log-densities (n, K) by scipy's normal distribution; what is NaN is left out."""
    noise = np.zeros((*X.shape, X.shape[1])) if noise is None else noise
    full = full_covariances(p, covariance_type)
    joint = np.tile(np.log(p.weights), (len(X), 1))
    for i, x in enumerate(X):
        seen = np.flatnonzero(~np.isnan(x))
        if len(seen):
            for k in range(p.components):
                normal = multivariate_normal(p.means[k, seen], (full[k] + noise[i])[np.ix_(seen, seen)])
                joint[i, k] += normal.logpdf(x[seen])
    return joint


def textbook_value(
    p: Parameters, covariance_type: str, X: np.ndarray, w: np.ndarray, noise: np.ndarray | None = None
) -> float:
    joint = textbook_joint(p, covariance_type, X, noise)
    return float(w @ np.logaddexp.reduce(joint, axis=1))


def textbook_em(
    p: Parameters, covariance_type: str, X: np.ndarray, w: np.ndarray, noise: np.ndarray | None = None
) -> Parameters:
    """E step and M step with sample weights, missing values and noise (Little and Rubin 2002, section 11.2).

    What the samples would be without gaps and noise is replaced by its conditional mean and covariance.
    """
    n, d = X.shape
    noise = np.zeros((n, d, d)) if noise is None else noise
    joint = textbook_joint(p, covariance_type, X, noise)
    R = np.exp(joint - np.logaddexp.reduce(joint, axis=1)[:, np.newaxis]) * w[:, np.newaxis]
    shares = R.sum(axis=0)
    full = full_covariances(p, covariance_type)
    whole, spread = np.empty((p.components, n, d)), np.empty((p.components, n, d, d))
    for k, (m, S) in enumerate(zip(p.means, full, strict=True)):
        for i, x in enumerate(X):
            seen = np.flatnonzero(~np.isnan(x))
            gain = S[:, seen] @ np.linalg.inv((S + noise[i])[np.ix_(seen, seen)])
            whole[k, i] = m + gain @ (x - m)[seen]
            spread[k, i] = S - gain @ S[seen]
    means = np.einsum("nk,knd->kd", R, whole) / shares[:, np.newaxis]
    scatters = np.einsum("nk,knij->kij", R, spread)
    scatters += np.array([((Y - m).T * r) @ (Y - m) for m, r, Y in zip(means, R.T, whole, strict=True)])
    full = scatters / shares[:, np.newaxis, np.newaxis]
    covariances = {
        "full": full,
        "tied": scatters.sum(axis=0) / w.sum(),
        "diag": np.diagonal(full, axis1=1, axis2=2),
        "spherical": np.trace(full, axis1=1, axis2=2) / d,
    }[covariance_type]
    return Parameters.from_weights(shares / w.sum(), means, covariances)


def require_close(found: Parameters, expected: Parameters, X: np.ndarray, tolerance: float) -> None:
    """Equal up to a tolerance relative to the spread of the data."""
    scale = np.nanstd(X, axis=0)
    np.testing.assert_allclose(found.weights, expected.weights, rtol=0, atol=tolerance)
    np.testing.assert_allclose(found.means / scale, expected.means / scale, rtol=0, atol=tolerance)
    size = scale[:, np.newaxis] * scale if found.covariances.shape[-2:] == (len(scale),) * 2 else np.mean(scale**2)
    np.testing.assert_allclose(found.covariances / size, expected.covariances / size, rtol=0, atol=tolerance)


def samples(kind: str, seed: int = 0, n: int = N) -> tuple[np.ndarray, np.ndarray | None]:
    """Data and noise: complete, with missing values, with noise covariances, with both."""
    X = data(seed, n)
    rng = np.random.default_rng(seed + 7)
    factors = rng.normal(size=(n, D, D)) * np.std(X, axis=0)[:, np.newaxis] / 3.0
    noise = factors @ np.swapaxes(factors, 1, 2) if "noise" in kind else None
    return (with_gaps(X) if "gaps" in kind else X), noise


KINDS = ("complete", "gaps", "noise", "gaps and noise")


def flat(p: Parameters) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return p.logits, p.means, p.covariances


every = pytest.mark.parametrize(
    ("covariance_type", "kind"), [(covariance_type, kind) for kind in KINDS for covariance_type in COVARIANCE_TYPES]
)


@every
def test_value_against_the_normal_distribution(covariance_type: str, kind: str) -> None:
    (X, noise), w = samples(kind), weights()
    p = parameters(covariance_type, X)
    objective = Objective(X, covariance_type, w, noise)
    assert objective.value(p) == pytest.approx(textbook_value(p, covariance_type, X, w, noise), rel=1e-13)
    assert objective.value_and_gradient(p)[0] == pytest.approx(objective.value(p), rel=1e-14)
    joint = textbook_joint(p, covariance_type, X, noise)
    np.testing.assert_allclose(objective.log_joint(p), joint, rtol=1e-12)
    np.testing.assert_allclose(objective.log_densities(p), np.logaddexp.reduce(joint, axis=1), rtol=1e-12, atol=1e-13)


@every
def test_gradient_against_divided_differences(covariance_type: str, kind: str) -> None:
    (X, noise), w = samples(kind), weights()
    p = parameters(covariance_type, X)
    objective = Objective(X, covariance_type, w, noise)
    gradient = objective.value_and_gradient(p)[1]

    def value(*q: np.ndarray) -> float:
        return sum(float(block.total(*q, *block.arguments)) for block in objective.blocks())

    expected = differences.gradient(value, flat(p))
    for found, e in zip(flat(gradient), expected, strict=True):
        assert found.shape == e.shape
        assert differences.error(found, e) < 1e-6


@every
def test_em_from_the_gradient_is_the_textbook_step(covariance_type: str, kind: str) -> None:
    (X, noise), w = samples(kind), weights()
    p = parameters(covariance_type, X)
    objective = Objective(X, covariance_type, w, noise)
    for _ in range(3):
        found, value = em_step(objective, p)
        assert value == pytest.approx(objective.value(p), rel=1e-14)
        require_close(found, textbook_em(p, covariance_type, X, w, noise), X, 1e-12)
        p = found


def require_equal(found: tuple[float, Parameters], expected: tuple[float, Parameters], tolerance: float) -> None:
    assert found[0] == pytest.approx(expected[0], rel=tolerance)
    for a, b in zip(flat(found[1]), flat(expected[1]), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * np.max(abs(b)))


@every
def test_in_chunks_as_in_one(covariance_type: str, kind: str) -> None:
    (X, noise), w = samples(kind), weights()
    p = parameters(covariance_type, X)
    whole = Objective(X, covariance_type, w, noise)
    chunked = Objective(X, covariance_type, w, noise, chunk_size=7)
    assert len(list(chunked.blocks())) > len(list(whole.blocks()))
    require_equal(chunked.value_and_gradient(p), whole.value_and_gradient(p), 1e-12)
    np.testing.assert_allclose(chunked.log_joint(p), whole.log_joint(p), rtol=1e-13)


def test_blocks_that_are_not_kept_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    X, w = data(), weights()
    p = parameters("full", X)
    kept = Objective(X, "full", w, chunk_size=7)
    monkeypatch.setattr(blocks, "KEPT", 0)
    fresh = Objective(X, "full", w, chunk_size=7)
    for _ in range(2):
        require_equal(fresh.value_and_gradient(p), kept.value_and_gradient(p), 0.0)
    assert next(kept.blocks()) is next(kept.blocks())
    assert next(fresh.blocks()) is not next(fresh.blocks())


@every
def test_a_weight_is_a_repetition(covariance_type: str, kind: str) -> None:
    X, noise = samples(kind)
    counts = np.random.default_rng(3).integers(0, 4, size=N)
    p = parameters(covariance_type, X)
    weighted = Objective(X, covariance_type, counts, noise)
    repeated = Objective(
        np.repeat(X, counts, axis=0), covariance_type, noise=None if noise is None else np.repeat(noise, counts, axis=0)
    )
    assert weighted.total_weight == repeated.total_weight
    require_equal(weighted.value_and_gradient(p), repeated.value_and_gradient(p), 1e-10)


@every
def test_units_and_origin_do_not_matter(covariance_type: str, kind: str) -> None:
    """Rescaled and shifted data give the step of EM rescaled and shifted; the density has the factor of a density."""
    (X, noise), w = samples(kind), weights()
    p = parameters(covariance_type, X)
    factor = 1e3 if covariance_type == "spherical" else np.array([1e-4, 30.0, 1e5])
    shift = np.array([1e3, -5.0, 1e7])
    squares = {"full": factor * np.atleast_1d(factor)[:, np.newaxis], "diag": factor**2, "spherical": factor}
    squares |= {"tied": squares["full"], "spherical": 1e6}
    moved = Parameters(p.logits, p.means * factor + shift, p.covariances * squares[covariance_type])
    there = Objective(X, covariance_type, w, noise)
    scaled_noise = None if noise is None else noise * squares["full"]
    here = Objective(X * factor + shift, covariance_type, w, scaled_noise)
    volume = np.sum((w[:, np.newaxis] * ~np.isnan(X)) * np.log(factor))
    assert here.value(moved) == pytest.approx(there.value(p) - volume, rel=1e-10)
    found, expected = em_step(here, moved)[0], em_step(there, p)[0]
    back = Parameters(found.logits, (found.means - shift) / factor, found.covariances / squares[covariance_type])
    require_close(back, expected, X, 1e-9)


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("covariance_type", ["full", "tied"])
def test_nearly_dependent_columns_cost_few_digits(covariance_type: str, gaps: bool) -> None:
    """A step of EM in oblique coordinates is the step, mapped: in the metric of the components, not of the columns."""
    X, w = data() / 3.0 ** np.arange(D) - 20.0, weights()
    # The last column becomes the first but for a ten thousandth; what is missing is missing in both.
    A = np.eye(D)
    A[2] = [1.0, 0.0, 1e-4]
    p, moved_X = parameters(covariance_type, X), X @ A.T
    if gaps:
        X[:20, 1] = moved_X[:20, 1] = np.nan
        X[20:40] = moved_X[20:40, :] = np.nan
        X[20:40, 1] = moved_X[20:40, 1] = 1.0
    moved = Parameters(p.logits, p.means @ A.T, A @ p.covariances @ A.T)
    found, value = em_step(Objective(moved_X, covariance_type, w), moved)
    expected, there = em_step(Objective(X, covariance_type, w), p)
    both_seen = ~np.isnan(X[:, 2])
    assert value == pytest.approx(there - np.sum(w * both_seen) * np.log(1e-4), abs=1e-5)
    back = np.linalg.inv(A)
    found = Parameters(found.logits, found.means @ back.T, back @ found.covariances @ back.T)
    require_close(found, expected, X, 1e-6)


def test_noise_of_zero_is_no_noise_and_variances_are_diagonals() -> None:
    X, w = data(), weights()
    p = parameters("full", X)
    plain = Objective(X, "full", w)
    require_equal(Objective(X, "full", w, np.zeros((N, D))).value_and_gradient(p), plain.value_and_gradient(p), 1e-12)
    variances = np.random.default_rng(4).uniform(size=(N, D))
    matrices = variances[:, :, np.newaxis] * np.eye(D)
    require_equal(
        Objective(X, "full", w, variances).value_and_gradient(p),
        Objective(X, "full", w, matrices).value_and_gradient(p),
        0.0,
    )


def test_common_noise_moves_the_covariance() -> None:
    """Noise that is the same in every sample is part of the covariance: the optimum is the sample's less the noise."""
    X = data(n=400)
    noise = 0.3 * np.cov(X.T, bias=True)
    objective = Objective(X, "full", noise=np.tile(noise, (400, 1, 1)))
    p = Parameters(np.zeros(1), X.mean(axis=0, keepdims=True), np.cov(X.T, bias=True)[np.newaxis])
    for _ in range(60):
        p = em_step(objective, p)[0]
    np.testing.assert_allclose(p.covariances[0], np.cov(X.T, bias=True) - noise, rtol=1e-8)


def test_em_climbs_with_gaps_and_noise() -> None:
    (X, noise), w = samples("gaps and noise"), weights()
    objective, p = Objective(X, "full", w, noise), parameters("full", X)
    values = []
    for _ in range(30):
        p, value = em_step(objective, p)
        values.append(value)
    assert np.all(np.diff(values) > 0.0)


def test_a_component_without_samples_stays_where_it_is() -> None:
    X = data()
    p = parameters("full", X)
    far = Parameters(p.logits, np.where(np.arange(K)[:, np.newaxis] == 1, 1e6, p.means), p.covariances)
    found = em_step(Objective(X, "full"), far)[0]
    assert found.weights[1] < 1e-299
    np.testing.assert_array_equal(found.means[1], far.means[1])
    np.testing.assert_allclose(found.covariances[1], far.covariances[1], rtol=1e-14)
    again = em_step(Objective(X, "full"), found)[0]
    assert np.isfinite(again.means).all() and np.isfinite(again.covariances).all()


def test_regularisation_is_added_to_the_variances() -> None:
    X = data()
    for covariance_type in COVARIANCE_TYPES:
        p = parameters(covariance_type, X)
        objective = Objective(X, covariance_type)
        plain, more = em_step(objective, p)[0], em_step(objective, p, 0.5)[0]
        added = 0.5 * np.eye(D) if covariance_type in ("full", "tied") else 0.5
        np.testing.assert_allclose(more.covariances, plain.covariances + added, rtol=1e-14)


def test_a_constant_column_and_a_column_that_was_never_observed() -> None:
    X = data()
    X[:, 0], X[:, 2] = 7.0, np.nan
    p = Parameters(np.zeros(1), np.ones((1, D)), np.eye(D)[np.newaxis])
    objective = Objective(X, "full")
    assert objective.value(p) == pytest.approx(textbook_value(p, "full", X, np.ones(N)), rel=1e-13)
    found = em_step(objective, p)[0]
    assert found.means[0, 0] == pytest.approx(7.0, rel=1e-12)
    assert (found.means[0, 2], found.covariances[0, 2, 2]) == (1.0, 1.0)


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_in_two_steps_as_in_one_program(covariance_type: str) -> None:
    """The sum over samples and the coefficients apart give what the whole likelihood's compiled gradient gives."""
    X, w = data(), weights()
    p = parameters(covariance_type, X)
    (block,) = Objective(X, covariance_type, w).blocks()
    value, gradient = value_and_gradient_of(block.total)(*flat(p), *block.arguments)
    for chunk_size in (None, N // 2):
        found = Objective(X, covariance_type, w, chunk_size=chunk_size).value_and_gradient(p)
        require_equal(found, (value, Parameters(*gradient)), 1e-12)


def test_the_gradient_can_be_read() -> None:
    X = data()
    source = Objective(X, "full").gradient_source
    assert "def full_value_and_grad(" in source
    assert "srcdiff" not in source
    source = Objective(X, "full", chunk_size=N // 2).gradient_source
    assert "def mixture_sum_value_and_grad(" in source and "def full_coefficients_vjp(" in source
    assert "srcdiff" not in source
    both = Objective(with_gaps(X), "full").gradient_source
    assert "def full_observed_value_and_grad(" in both and "def full_each_value_and_grad(" in both


def test_what_was_inverted_is_not_inverted_again() -> None:
    """The derivative of the determinant takes the inverse that the forward sweep made, across a call, too."""
    lines = value_and_gradient_of(likelihood.full).source.splitlines()
    assert sum("np.linalg.inv(" in line and "#" not in line for line in lines) == 1


GOOD = Parameters(np.zeros(1), np.zeros((1, D)), np.eye(D)[np.newaxis])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": np.zeros(4)}, "row for every sample"),
        ({"X": np.full((4, D), np.inf)}, "infinite"),
        ({"covariance_type": "round"}, "covariance_type is one of"),
        ({"sample_weight": np.ones(3)}, "sample_weight"),
        ({"sample_weight": -np.ones(4)}, "sample_weight"),
        ({"sample_weight": np.zeros(4)}, "sample_weight"),
        ({"sample_weight": np.full(4, np.nan)}, "sample_weight"),
        ({"noise": np.ones((4, 2))}, "noise holds"),
        ({"noise": -np.ones((4, D))}, "negative eigenvalue"),
        ({"noise": np.full((4, D), np.nan)}, "finite"),
        ({"chunk_size": 0}, "chunk_size"),
    ],
)
def test_data_that_make_no_sense_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Objective(**({"X": np.ones((4, D))} | arguments))


def test_parameters_that_make_no_sense_are_refused() -> None:
    objective = Objective(data(), "full")
    with pytest.raises(ValueError, match="are not those of"):
        objective.value(Parameters(GOOD.logits, np.zeros((1, 2)), GOOD.covariances))
    with pytest.raises(np.linalg.LinAlgError):
        objective.value_and_gradient(Parameters(GOOD.logits, GOOD.means, -GOOD.covariances))
    with pytest.raises(np.linalg.LinAlgError):
        Objective(data(), "diag").value(Parameters(GOOD.logits, GOOD.means, np.zeros((1, D))))
