"""Functions of `scipy.special` and `scipy.stats` in whole programs: derivatives, imports, edges, refusals."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import scipy.special as sc
from scipy import stats

from srcdiff import TransformError, grad, hessian, jvp
from srcdiff.compiler import derive
from srcdiff.frontend.module import Module
from srcdiff.loading import load
from tests.oracles import differences
from tests.text_support import MATRIX, VECTOR, body, check_text, generated, modules_of

X = np.array([0.3, -1.2, 2.1, 0.7])
P = np.array([0.3, 0.5, 0.9, 0.15])
M = np.array([[0.3, -1.2, 2.1], [0.7, 0.1, -0.4]])
COV = np.array([[2.0, 0.3, -0.2], [0.3, 1.5, 0.4], [-0.2, 0.4, 1.2]])
INF = np.inf

STYLES = {
    "module": ("import scipy.special\nimport scipy.stats\n", "scipy.special.", "scipy.stats."),
    "scipy": ("import scipy\n", "scipy.special.", "scipy.stats."),
    "alias": ("import scipy.special as sp\nimport scipy.stats as st\n", "sp.", "st."),
    "from_scipy": ("from scipy import special, stats\n", "special.", "stats."),
}

PROGRAMS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "gamma": ("S.gammaln(x) * S.gamma(x) + S.loggamma(x + 1.0)", (P,)),
    "digamma": ("S.digamma(x) * x + S.psi(x) + S.polygamma(1, x)", (P,)),
    "multigammaln": ("S.multigammaln(x + 2.0, 3) * x", (P,)),
    "erf": ("S.erf(x) * S.erfc(x)", (X,)),
    "erfinv": ("S.erfinv(x) * S.erfcinv(x) + S.erfcx(x)", (P,)),
    "normal": ("S.ndtr(x) * S.log_ndtr(x)", (X,)),
    "ndtri": ("S.ndtri(x) ** 2", (P,)),
    "logistic": ("S.expit(x) * S.log_expit(x) + S.logit(S.expit(x) * 0.5) ** 2", (X,)),
    "entropy": ("S.entr(x) * x + S.xlogy(x, x) ** 2 + S.xlog1py(x, x)", (P,)),
    "divergence": ("S.rel_entr(x, y) * x + S.kl_div(x, y) ** 2", (P, P[::-1].copy())),
    "beta": ("S.beta(x, y) * S.betaln(y, x) + S.binom(x, y)", (P, P[::-1].copy())),
    "gammainc": ("S.gammainc(2.5, x) * S.gammaincc(np.arange(1, 5), x)", (P,)),
    "bessel": ("S.j0(x) * S.j1(x) + S.jv(2, x) + S.jn(3, x)", (X,)),
    "modified": ("S.i0(x) * S.i1(x) + S.i0e(x) * S.i1e(x) + S.iv(2, x) * S.ive(1, x)", (X,)),
    "aliases": ("S.log1p(x) * S.expm1(x) + S.sinc(x) * S.exp2(x) + S.cbrt(x)", (P,)),
    "logsumexp": ("S.logsumexp(x) * x", (X,)),
    "logsumexp_axis": ("S.logsumexp(x, axis=1, keepdims=True) * x", (M,)),
    "logsumexp_weights": ("S.logsumexp(x, axis=-1, b=y) ** 2", (M, np.abs(M) + 0.1)),
    "softmax": ("S.softmax(x) * x + S.log_softmax(x)", (X,)),
    "softmax_axis": ("S.softmax(x, axis=0) * x + S.log_softmax(x, 1) ** 2", (M,)),
    "norm": ("T.norm.logpdf(x) * T.norm.cdf(x) + T.norm.pdf(x, 0.3) + T.norm.sf(x, scale=2.0)", (X,)),
    "norm_scale": ("T.norm.logpdf(x, loc=y, scale=np.exp(y)) + T.norm.logcdf(x, y) * T.norm.logsf(x, y, 1.5)", (X, P)),
    "quantiles": ("T.norm.ppf(x, y, 1.0 + y) * T.norm.isf(x, y)", (P, P[::-1].copy())),
    "cases": ("np.where(x > 0.4, S.gammaln(x), S.erf(x))", (P,)),
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("annotated", [False, True])
def test_derivatives(name: str, annotated: bool) -> None:
    expression, args = PROGRAMS[name]
    imports, special, statistics = STYLES["alias"]
    text = expression.replace("S.", special).replace("T.", statistics)
    kinds = [f": {VECTOR if a.ndim == 1 else MATRIX}" if annotated else "" for a in args]
    parameters = ", ".join(f"{p}{k}" for p, k in zip("xyz", kinds, strict=False))
    check_text(body(f"return np.sum({text})", parameters=parameters, imports=imports), *args, second=annotated)


@pytest.mark.parametrize("style", STYLES)
def test_spelling(style: str) -> None:
    """What is generated spells SciPy as the user does, and imports it so."""
    imports, special, statistics = STYLES[style]
    line = f"return {special}gammaln(x) * {statistics}norm.cdf(x) + {special}logsumexp([x, 1.0])"
    text = check_text(body(line, parameters="x: float", imports=imports), 1.7)
    assert f"{special}digamma(x)" in text and f"{statistics}norm.pdf(x)" in text


def test_spelling_of_names() -> None:
    imports = "from scipy.special import gammaln\nfrom scipy.stats import norm\n"
    text = check_text(body("return gammaln(x) * norm.logcdf(x, 0.5)", parameters="x: float", imports=imports), 1.7)
    assert "from scipy.special import digamma, erfcx, gammaln" in text and "from scipy.stats import norm" in text
    assert "digamma(x)" in text


def test_nothing_needs_scipy_that_did_not() -> None:
    lines = ("a = math.gamma(x) + math.lgamma(x) + math.erf(x)", "return a * np.sinc(x) * np.i0(x)")
    text = check_text(body(*lines, parameters="x: float"), 0.7)
    assert modules_of(text) <= {"math", "numpy"}
    code = "import sys, srcdiff, srcdiff.cli\nassert 'scipy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


MODEL = """\
import numpy as np
from scipy.stats import multivariate_normal, norm


def f(x{}, mean{}, cov{}):
    return np.sum(multivariate_normal.logpdf(x, mean, cov=cov) ** 2)
"""


def symmetric(cov: np.ndarray) -> np.ndarray:
    """A covariance of which the lower triangle alone is read."""
    return np.tril(cov) + np.tril(cov, -1).T


@pytest.mark.parametrize("rows", [None, 4, 1])
@pytest.mark.parametrize("annotated", [True, False])
def test_multivariate_normal(rows: int | None, annotated: bool) -> None:
    x = np.array([0.3, -1.2, 2.1]) if rows is None else np.linspace(-1.0, 1.3, 3 * rows).reshape(rows, 3)
    mean = np.array([0.1, 0.2, -0.3])
    if annotated:
        kinds = [f'Annotated[np.ndarray, "{d}"]' for d in ("d" if rows is None else "n d", "d", "d d")]
        text = "from typing import Annotated\n\n" + MODEL.format(*(f": {k}" for k in kinds))
        check_text(text, x, mean, COV)
    else:
        f = load(MODEL.format("", "", ""), "f", {})
        expected = differences.gradient(f, (x, mean, COV))
        assert differences.error(grad(f, (0, 1, 2))(x, mean, COV), expected) < 1e-7


def test_multivariate_normal_by_defaults() -> None:
    def f(x, cov):
        return stats.multivariate_normal.logpdf(x, cov=cov)

    x = np.array([0.3, -1.2, 2.1])
    assert differences.error(grad(f)(x, COV), -np.linalg.solve(COV, x)) < 1e-13
    lower = grad(f, 1)(x, COV)
    assert np.array_equal(lower, np.tril(lower))
    assert differences.error((lower,), differences.gradient(lambda c: f(x, symmetric(c)), (COV,))) < 1e-7


def test_covariance_of_unknown_rank_is_refused() -> None:
    with pytest.raises(TransformError, match="its covariance must be known to be a matrix"):
        derive(Module.from_text(MODEL.format("", "", ""), "model.py"), "f", "gradient")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("special.gammainc(x, 2.0)", "the derivative in its first argument has no closed form"),
        ("special.gammaincc(x, 2.0)", "the derivative in its first argument has no closed form"),
        ("special.jv(x, 2.0)", "the derivative in its order has no closed form"),
        ("special.polygamma(x, 2.0)", "its order is an integer, in which there is no derivative"),
        ("special.multigammaln(3.0, x)", "its dimension is an integer, in which there is no derivative"),
        ("special.comb(x, 2)", "no derivative rule for `scipy.special.comb`"),
        ("special.zeta(x, 2.0)", "no rule for `scipy.special.zeta`"),
        ("special.logsumexp(x, return_sign=True)", "`scipy.special.logsumexp` with `return_sign=` is not supported"),
        ("special.erf(x, where=x > 0)", "`scipy.special.erf` with `where=` is not supported"),
        ("stats.norm.rvs(x)", "no rule for `scipy.stats.norm.rvs`"),
        ("stats.gamma.logpdf(x, 2.0)", "no rule for `scipy.stats.gamma.logpdf`"),
        ("stats.multivariate_normal.logpdf(x, x, x, True)", "supported with 3 arguments at most"),
        ("stats.norm(x).pdf(1.0)", "no rule for `scipy.stats.norm`"),
    ],
)
def test_refused_by_name(call: str, message: str) -> None:
    text = body(f"return {call}", parameters="x: float", imports="from scipy import special, stats\n")
    for mode in ("gradient", "forward"):
        with pytest.raises(TransformError) as caught:
            generated(text, "f", mode, ("x",))
        assert message in str(caught.value), str(caught.value)
        assert all(d.line for d in caught.value.diagnostics)


# --- edges: what is finite stays so


def xlogy_sum(p, q):
    return np.sum(sc.xlogy(p, q))


def xlog1py_sum(p, q):
    return np.sum(sc.xlog1py(p, q))


def entr_sum(p):
    return np.sum(sc.entr(p))


def rel_entr_sum(p, q):
    return np.sum(sc.rel_entr(p, q))


def kl_div_sum(p, q):
    return np.sum(sc.kl_div(p, q))


ZERO = np.array([0.0, 0.5])


def test_x_log_y_at_zero() -> None:
    # In y a term that is 0 because x is 0 has derivative 0; in x it is log(0), the slope on the right.
    assert grad(xlogy_sum, 1)(ZERO, ZERO).tolist() == [0.0, 1.0]
    assert grad(xlogy_sum)(ZERO, ZERO).tolist() == [-INF, np.log(0.5)]
    assert grad(xlog1py_sum, 1)(ZERO, ZERO - 1.0).tolist() == [0.0, 1.0]
    # Where the tangent of x is 0 too, so is that of x log y.
    assert jvp(xlogy_sum, (ZERO, ZERO), (np.array([0.0, 1.0]), np.ones(2)))[1] == 1.0 + np.log(0.5)
    assert np.array_equal(hessian(lambda q: xlogy_sum(ZERO, q))(ZERO), [[0.0, 0.0], [0.0, -2.0]])


def test_entropies_at_zero() -> None:
    assert grad(entr_sum)(ZERO).tolist() == [INF, -np.log(0.5) - 1.0]
    assert jvp(entr_sum, (ZERO,), (np.array([0.0, 1.0]),))[1] == -np.log(0.5) - 1.0
    q = np.array([0.2, 0.4])
    assert grad(rel_entr_sum, 1)(ZERO, q).tolist() == [0.0, -1.25]
    assert grad(kl_div_sum, 1)(ZERO, q).tolist() == [1.0, -0.25]
    assert grad(rel_entr_sum)(ZERO, q)[0] == -INF and grad(kl_div_sum)(ZERO, q)[0] == -INF
    assert np.all(np.isfinite(grad(rel_entr_sum, 1)(ZERO, ZERO)))


def logsumexp_of(x):
    return sc.logsumexp(x)


def softmax_of(x):
    return np.sum(sc.softmax(x) * np.arange(3.0))


def log_softmax_of(x):
    return sc.log_softmax(x)[0]


def test_log_sum_exp_of_infinities() -> None:
    assert np.allclose(grad(logsumexp_of)(np.array([-INF, 1.0, 1.0])), [0.0, 0.5, 0.5])
    assert grad(logsumexp_of)(np.full(3, -INF)).tolist() == [0.0, 0.0, 0.0]
    assert grad(logsumexp_of)(np.array([INF, 1.0, -INF])).tolist() == [1.0, 0.0, 0.0]
    assert np.allclose(grad(logsumexp_of)(np.array([1000.0, 1000.0, -1000.0])), [0.5, 0.5, 0.0])
    assert np.all(np.isfinite(hessian(logsumexp_of)(np.array([-INF, 1.0, 2.0]))))


def test_softmax_far_out() -> None:
    x = np.array([1000.0, 0.0, -INF])
    assert grad(softmax_of)(x).tolist() == [0.0, 0.0, 0.0]
    assert grad(log_softmax_of)(np.array([1000.0, 0.0, -1000.0])).tolist() == [0.0, 0.0, 0.0]
    assert grad(log_softmax_of)(np.array([0.0, 1000.0, -1000.0])).tolist() == [1.0, -1.0, 0.0]


def log_ndtr_of(x):
    return sc.log_ndtr(x)


def logcdf_of(x):
    return stats.norm.logcdf(x)


def logsf_of(x):
    return stats.norm.logsf(-x)


@pytest.mark.parametrize("f", [log_ndtr_of, logcdf_of])
def test_normal_far_left(f: Any) -> None:
    # The density over the distribution function is -x - 1 / x + 2 / x ** 3 - ... there.
    for x in (-1e3, -1e5, -1e8):
        assert abs(grad(f)(x) / (-x - 1.0 / x + 2.0 / x**3) - 1.0) < 1e-12
    assert abs(grad(f)(-30.0) / np.exp(stats.norm.logpdf(-30.0) - sc.log_ndtr(-30.0)) - 1.0) < 1e-12
    assert grad(f)(40.0) < 1e-250 and grad(grad(f))(40.0) == 0.0
    assert abs(hessian(f)(-100.0) + 1.0) < 1e-3
    if f is logcdf_of:
        assert abs(grad(logsf_of)(-1e4) / grad(f)(-1e4) - 1.0) < 1e-12


def expit_of(x):
    return sc.expit(x)


def log_expit_of(x):
    return sc.log_expit(x)


def test_logistic_far_out() -> None:
    for x in (40.0, 700.0):
        assert abs(grad(expit_of)(x) / np.exp(-x) - 1.0) < 1e-14
        assert abs(grad(expit_of)(-x) / np.exp(-x) - 1.0) < 1e-14
        assert abs(grad(log_expit_of)(x) / np.exp(-x) - 1.0) < 1e-14
    assert grad(expit_of)(1e4) == 0.0 and grad(expit_of)(-1e4) == 0.0
    assert grad(log_expit_of)(-1e4) == 1.0


def bessel_at_zero(x):
    return sc.j1(x) + 2.0 * sc.i1(x) + 3.0 * sc.j0(x) + 4.0 * sc.i0(x)


def scaled_at_zero(x):
    return sc.i0e(x)


def test_bessel_at_zero() -> None:
    assert grad(bessel_at_zero)(0.0) == 1.5
    assert grad(grad(bessel_at_zero))(0.0) == 0.5
    # exp(-|x|) has a kink at 0, where |x| is given the derivative 0.
    assert grad(scaled_at_zero)(0.0) == 0.0


def single(x):
    return np.sum(sc.gammaln(x) + sc.expit(x) * sc.log_ndtr(x) + sc.softmax(x) + sc.digamma(x) + stats.norm.cdf(x))


def test_single_precision_stays_single() -> None:
    x = P.astype(np.float32)
    assert grad(single)(x).dtype == np.float32
    assert np.allclose(grad(single)(x), grad(single)(P), rtol=1e-4)


def of_live_names(x):
    psi = sc.digamma
    return psi(x) * sc.gammaln(x)


def test_functions_held_by_names() -> None:
    expected = sc.polygamma(1, 1.7) * sc.gammaln(1.7) + sc.digamma(1.7) ** 2
    assert abs(grad(of_live_names)(1.7) - expected) < 1e-13
