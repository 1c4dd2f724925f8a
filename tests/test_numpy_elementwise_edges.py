"""Conventions of elementwise functions where no derivative exists, each a test; refusals; single precision."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from srcdiff import TransformError, grad, hessian, jvp, value_and_grad
from srcdiff.loading import load
from srcdiff.primitives.helpers import helper
from tests.text_support import body, generated

INF, NAN = np.inf, np.nan
X = np.array([0.3, -1.2, 2.1, 0.7])


def program(expression: str, parameters: str = "x") -> Callable[..., Any]:
    return load(body(f"return {expression}", parameters=parameters), "f", {})


CONVENTIONS: list[tuple[str, tuple[float, ...], tuple[float, ...]]] = [
    # The function, a point, its partial derivatives there.
    ("np.abs(x)", (0.0,), (0.0,)),
    ("np.fabs(x)", (0.0,), (0.0,)),
    ("abs(x)", (0.0,), (0.0,)),
    ("math.fabs(x)", (0.0,), (0.0,)),
    ("np.sign(x)", (0.0,), (0.0,)),
    ("np.copysign(x, y)", (0.0, -1.0), (0.0, 0.0)),
    ("math.copysign(x, y)", (0.0, 1.0), (0.0, 0.0)),
    ("np.hypot(x, y)", (0.0, 0.0), (0.0, 0.0)),
    ("math.hypot(x, y)", (0.0, 0.0), (0.0, 0.0)),
    ("math.dist([x, y], [0.0, 0.0])", (0.0, 0.0), (0.0, 0.0)),
    ("np.arctan2(x, y)", (0.0, 0.0), (0.0, 0.0)),
    ("math.atan2(x, y)", (0.0, 0.0), (0.0, 0.0)),
    ("np.arctan2(x, y)", (3e-200, 4e-200), (0.16e200, -0.12e200)),
    ("np.arctan2(x, y)", (3e200, 4e200), (0.16e-200, -0.12e-200)),
    ("np.arctan2(x, y)", (0.0, -2.0), (-0.5, 0.0)),
    ("np.logaddexp(x, y)", (-INF, -INF), (0.0, 0.0)),
    ("np.logaddexp(x, y)", (-INF, 1.0), (0.0, 1.0)),
    ("np.logaddexp(x, y)", (INF, 1.0), (1.0, 0.0)),
    ("np.logaddexp(x, y)", (INF, INF), (1.0, 1.0)),
    ("np.logaddexp2(x, y)", (-INF, -INF), (0.0, 0.0)),
    ("np.logaddexp2(x, y)", (3.0, 3.0), (0.5, 0.5)),
    ("np.maximum(x, y)", (2.0, 2.0), (0.5, 0.5)),
    ("np.minimum(x, y)", (2.0, 2.0), (0.5, 0.5)),
    ("np.fmax(x, y)", (2.0, 2.0), (0.5, 0.5)),
    ("np.fmin(x, y)", (2.0, 2.0), (0.5, 0.5)),
    ("np.fmax(x, y)", (NAN, 2.0), (0.0, 1.0)),
    ("np.fmin(x, y)", (2.0, NAN), (1.0, 0.0)),
    ("np.clip(x, 0.0, 1.0)", (0.0,), (1.0,)),
    ("np.clip(x, 0.0, 1.0)", (1.0,), (1.0,)),
    ("np.clip(x, y, 1.0)", (0.5, 0.5), (1.0, 0.0)),
    ("np.heaviside(x, y)", (0.0, 0.5), (0.0, 1.0)),
    ("np.heaviside(x, y)", (1.0, 0.5), (0.0, 0.0)),
    ("np.nan_to_num(x, nan=y)", (NAN, 2.0), (0.0, 1.0)),
    ("np.nan_to_num(x, posinf=y)", (INF, 2.0), (0.0, 1.0)),
    ("np.nan_to_num(x, neginf=y)", (-INF, 2.0), (0.0, 1.0)),
    ("np.nan_to_num(x)", (INF,), (0.0,)),
    ("np.power(x, y)", (0.0, 2.0), (0.0, 0.0)),
    ("np.power(x, y)", (0.0, 1.0), (1.0, 0.0)),
    ("np.power(x, y)", (0.0, 0.0), (0.0, 0.0)),
    ("np.float_power(x, y)", (0.0, 0.0), (0.0, 0.0)),
    ("x ** 0", (0.0,), (0.0,)),
    ("np.sinc(x)", (0.0,), (0.0,)),
    ("np.i0(x)", (0.0,), (0.0,)),
    ("np.mod(x, y)", (-7.5, 2.0), (1.0, 4.0)),
    ("np.mod(x, y)", (7.5, -2.0), (1.0, 4.0)),
    ("np.fmod(x, y)", (-7.5, 2.0), (1.0, 3.0)),
    ("math.fmod(x, y)", (-7.5, 2.0), (1.0, 3.0)),
    ("np.mod(x, y)", (4.0, 2.0), (1.0, -2.0)),
    ("np.floor(x) + np.ceil(x) + np.trunc(x) + np.rint(x)", (2.0,), (0.0,)),
    ("np.nextafter(x, y)", (2.0, 3.0), (1.0, 0.0)),
    ("math.nextafter(x, y)", (2.0, 3.0), (1.0, 0.0)),
    ("np.spacing(x) + math.ulp(x)", (2.0,), (0.0,)),
    ("x // 2.0", (4.0,), (0.0,)),
    ("math.gamma(x)", (1.0,), (-float(np.euler_gamma),)),
    ("math.lgamma(x)", (2.0,), (1.0 - float(np.euler_gamma),)),
]


@pytest.mark.parametrize(("expression", "point", "expected"), CONVENTIONS, ids=lambda v: str(v)[:40])
def test_convention(expression: str, point: tuple[float, ...], expected: tuple[float, ...]) -> None:
    """On numbers and on arrays, in both modes; no warning, and no NaN or infinity."""
    names = "xy"[: len(point)]
    f = program(expression, ", ".join(names))
    wrt = tuple(names)
    assert grad(f, wrt)(*point) == pytest.approx(expected, rel=1e-14, abs=1e-15)
    for k in range(len(point)):
        tangents = tuple(float(k == i) for i in range(len(point)))
        assert jvp(f, point, tangents)[1] == pytest.approx(expected[k], rel=1e-14, abs=1e-15)
    if "math." in expression or "[" in expression:
        return
    total = program(f"np.sum({expression})", ", ".join(names))
    for found, want in zip(grad(total, wrt)(*(np.array([p, p]) for p in point)), expected, strict=True):
        assert found == pytest.approx([want, want], rel=1e-14, abs=1e-15)


# At these points the derivative is infinite, and so is what is computed.
INFINITE = [("np.sqrt(x)", 0.0), ("np.cbrt(x)", 0.0), ("np.arcsin(x)", 1.0), ("np.log(x)", 0.0), ("x ** 0.5", 0.0)]


@pytest.mark.parametrize(("expression", "point"), INFINITE)
def test_infinite_slope(expression: str, point: float) -> None:
    with np.errstate(divide="ignore"):
        assert grad(program(f"np.sum({expression})"))(np.array([point])) == [INF]


def test_nan_that_is_replaced_does_not_leak() -> None:
    for expression in ("np.nan_to_num(x / y)", "np.fmax(x / y, 1.0)"):
        f = program(f"np.sum({expression})", "x, y")
        with np.errstate(invalid="ignore", divide="ignore"):
            _, tangent = jvp(f, (np.array([0.0, 3.0]), np.array([0.0, 2.0])), (np.ones(2), np.ones(2)))
        assert tangent == 0.5 - 0.75


def test_piecewise_does_not_evaluate_elsewhere() -> None:
    f = program("np.sum(np.piecewise(x, [x > 0.0, x < 0.0], [np.log, lambda v: np.sqrt(-v)]))")
    assert grad(f)(np.array([2.0, 0.0, -4.0])).tolist() == [0.5, 0.0, -0.25]
    assert np.array_equal(np.diag(hessian(f)(np.array([2.0, 0.0, -4.0]))), [-0.25, 0.0, -0.03125])


def test_fix_is_trunc() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert grad(program("np.fix(x) * x"))(-2.7) == -2.0


def test_power_of_negative_base() -> None:
    f = program("np.sum(x ** n)", "x, n")
    x, n = np.array([-1.5, 2.0, -0.5, 0.0]), np.array([2.0, 3.0, -1.0, 2.0])
    assert np.allclose(grad(f)(x, n), n * x ** (n - 1.0))
    assert np.allclose(grad(f)(x, np.array([2, 3, 1, 2])), [-3.0, 12.0, 1.0, 0.0])


def test_sinc_near_zero_and_far_out() -> None:
    # The derivative is the integral of -pi t sin(pi x t) over t from 0 to 1, and so on.
    nodes, weights = np.polynomial.legendre.leggauss(120)
    t = 0.5 * (nodes + 1.0)
    for order in (1, 2, 3, 4):
        for x in (0.0, 1e-200, 1e-9, 0.3, 0.999, 1.001, -2.5, 7.3):
            wave = (np.pi * t) ** order * np.cos(np.pi * x * t + 0.5 * order * np.pi)
            found = helper("sinc_derivative")(x, order)
            assert abs(found - 0.5 * np.sum(weights * wave)) < 1e-13 * np.pi**order, (x, order)
    f = program("np.sinc(x)")
    assert abs(hessian(f)(0.0) + np.pi**2 / 3.0) < 1e-14


def test_gamma_functions_against_scipy() -> None:
    from scipy.special import polygamma

    points = (1e-10, 1e-3, 0.3, 1.0, 1.4616, 3.7, 9.9, 100.0, 1e15, -0.25, -2.7, -1000.3, -1e6 - 0.25)
    for order in (1, 2, 3, 4):
        for x in points:
            expected = float(polygamma(order - 1, x))
            assert abs(helper("lgamma_derivative")(x, order) - expected) < 1e-13 * max(1.0, abs(expected)), (x, order)


def test_i0_against_scipy() -> None:
    from scipy.special import i0, i1, iv

    x = np.array([0.0, 1e-9, 0.4, -2.0, 30.0, -700.0])
    assert np.allclose(helper("i0_derivative")(x, 1), i1(x), rtol=1e-13, atol=0.0)
    assert np.allclose(helper("i0_derivative")(x, 2), 0.5 * (i0(x) + iv(2, x)), rtol=1e-13, atol=0.0)


SINGLE = [
    *("np.log2(x)", "np.log10(x)", "np.exp2(x)", "np.sinc(x)", "np.i0(x)", "np.fmax(x, 0.5)", "np.heaviside(x, x)"),
    *("np.hypot(x, x)", "np.arctan2(x, 0.3)", "np.logaddexp(x, 0.0)", "np.logaddexp(x, 2.0 * x)", "np.fmod(x, 0.4)"),
    *("np.copysign(x, x)", "np.clip(x, 0.4, 0.6)", "np.nan_to_num(x)", "np.maximum(x, 0.5)", "np.cbrt(x)", "x % 0.4"),
    *("np.where(x > 0.5, x, 0.1)", "np.arctanh(x)", "np.ldexp(x, 2)", "np.select([x > 0.5], [x * x], 0.0)"),
    *("np.piecewise(x, [x > 0.5], [np.sin])", "np.choose(np.array([0, 1, 0]), [x, x * x])", "np.modf(3.0 * x)[0]"),
    *("np.logaddexp2(x, 3.0 * x)", "np.arcsin(x)", "np.arccosh(1.0 + x)", "np.expm1(x) * np.log1p(x)", "x ** 2.5"),
]


@pytest.mark.parametrize("expression", SINGLE)
def test_single_precision(expression: str) -> None:
    """float32 in, float32 out, with the values of double precision."""
    f = program(f"np.sum({expression})")
    x = np.array([0.3, 0.55, 0.9])
    value, gradient = value_and_grad(f)(x.astype(np.float32))
    assert gradient.dtype == np.float32
    assert np.asarray(value).dtype == np.float32
    assert np.allclose(gradient, grad(f)(x), rtol=1e-4, atol=1e-6)
    # Nothing of double precision in between either.
    text = grad(f).source
    assert "np.log(2.0)" not in text and "np.log(10.0)" not in text


REFUSED = [
    ("np.exp(x, where=x > 0.0)", "`numpy.exp` with `where=`"),
    ("np.add(x, x, where=x > 0.0)", "`numpy.add` with `where=`"),
    ("np.exp(x, dtype=np.float32)", "`numpy.exp` with `dtype=` is not supported"),
    ("np.choose(np.array([1, 0, 1, 1]), [x, x], mode='wrap')", "`numpy.choose` with `mode=` is not supported"),
    ("np.choose(np.array([1, 0, 1, 1]), x)", "`np.choose` needs its choices written out"),
    ("np.select(x, [x])", "`np.select` needs its conditions written out"),
    ("np.select([x > 0.0, x < 1.0], [x])", "`np.select` got 2 conditions and 1 choices"),
    ("np.select([x > 0.0])", "`np.select` needs the argument `choicelist`"),
    ("np.select([x > 0.0], [x], dtype=float)", "`np.select` with `dtype=` is not supported"),
    ("np.piecewise(1.5, [True], [np.sin])", "`np.piecewise` is supported for arrays"),
    ("np.piecewise(x, x > 0.0, [np.sin])", "`np.piecewise` needs its conditions written out"),
    ("np.piecewise(x, [True], [np.sin])", "a condition of `np.piecewise` is an array"),
    ("np.piecewise(x, [x > 0.0], [np.sin, 1.0, 2.0])", "`np.piecewise` got 1 conditions and 3 functions"),
    ("np.piecewise(x, [x > 0.0], [lambda v, k: v * k], k=2.0)", "`np.piecewise` with `k=` is not supported"),
    ("np.nan_to_num(x, copy=False)", "np.nan_to_num with copy=False changes its argument"),
    ("np.nonsense(x)", "`numpy` has no `nonsense`"),
    ("np.gcd(x[0], 2.5)", "np.gcd needs integers, not a float"),
    ("divmod(x)", "`divmod` is supported with two arguments"),
    ("pow(x, 2, 3)", "supported with 2 arguments at most"),
]


@pytest.mark.parametrize(("expression", "message"), REFUSED)
def test_refused_by_name(expression: str, message: str) -> None:
    text = body(f"return np.sum({expression})", parameters='x: Annotated[np.ndarray, "n"]')
    with pytest.raises(TransformError) as caught:
        generated(text, "f", "gradient", ("x",))
    assert message in str(caught.value), str(caught.value)
    assert all(d.line for d in caught.value.diagnostics)


def test_every_ufunc_is_decided() -> None:
    """Each of NumPy's ufuncs has a rule or a zero derivative, or is one of those of matrices."""
    from srcdiff.primitives.rules import has_rule
    from srcdiff.primitives.table import lookup

    names = [n for n in dir(np) if isinstance(getattr(np, n), np.ufunc)]
    found = {n: lookup("numpy", n) for n in names}
    assert {n for n, p in found.items() if p is None} <= {"divmod", "matvec", "vecdot", "vecmat"}
    assert all(has_rule(p) for p in found.values() if p is not None)


def test_every_function_of_math_is_decided() -> None:
    from srcdiff.frontend.constants import MATH_CONSTANTS
    from srcdiff.primitives.rules import has_rule
    from srcdiff.primitives.table import lookup

    for name in (n for n in dir(math) if not n.startswith("_")):
        primitive = lookup("math", name)
        assert ("math", name) in MATH_CONSTANTS or (primitive is not None and has_rule(primitive)), name


def test_what_is_called_like_a_helper() -> None:
    """A function or an import of the user's is not taken for a helper, nor the other way round."""
    define = "def share_of(x, y):\n    while x < y:\n        x = 2.0 * x\n    return x\n"
    for text, use in ((define, "share_of(x, y)"), ("from elsewhere import share_of\n", "share_of[0]")):
        program = f"import numpy as np\n{text}def f(x, y):\n    return np.logaddexp(x, y) * {use}\n"
        with pytest.raises(TransformError, match="`share_of` is also the name of a helper"):
            generated(program, "f", "gradient", ("y",))
    # A variable gives way.
    f = load("import numpy as np\ndef f(x, share_of):\n    return np.logaddexp(x, share_of)\n", "f", {})
    assert grad(f, (0, 1))(0.5, 0.5) == pytest.approx((0.5, 0.5))
