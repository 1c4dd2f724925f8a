"""Elementwise functions and choices in whole programs: derivatives, the code that is generated, and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.text_support import MATRIX, VECTOR, body, check_text

X, Y = np.array([0.3, -1.2, 2.1, 0.7]), np.array([0.6, 0.41, -0.9, 1.7])
P = np.array([0.3, 0.5, 0.9])

PROGRAMS: dict[str, tuple[tuple[str, ...], tuple[Any, ...]]] = {
    "sinc": (("return np.sum(np.sinc(x) * x)",), (np.array([0.0, 1e-9, 0.4, -2.3]),)),
    "i0": (("return np.sum(np.log(np.i0(x)))",), (np.array([0.0, 0.4, -2.3]),)),
    "i0_number": (("return np.i0(x) * x",), (0.7,)),
    "sinc_number": (("return np.sinc(x) * x",), (0.7,)),
    "modf": (("part, whole = np.modf(x)", "return np.sum(part * part * (1.0 + whole))"), (X,)),
    "frexp": (("m, e = np.frexp(x)", "return np.sum(m * m * e)"), (X,)),
    "ldexp": (("return np.sum(np.ldexp(x * x, np.array([1, -1, 0, 2])))",), (X,)),
    "divmod": (("q, r = divmod(x, 0.65)", "return np.sum(q * r * r)"), (X,)),
    "np_divmod": (("q, r = np.divmod(x, 0.65)", "return np.sum(q * r * r)"), (X,)),
    "divmod_number": (("q, r = divmod(x, 0.65)", "return q * r * r"), (2.9,)),
    "divmod_kept": (("pair = divmod(x, 0.65)", "return pair[0] * pair[1]"), (2.9,)),
    "pow": (("return pow(x, 3) + pow(x, 2.5)",), (1.7,)),
    "fmod": (("return np.sum(np.fmod(x, y) ** 2)",), (5.0 * X, Y)),
    "mod_of_negatives": (("return np.sum((x % y) ** 2 + np.remainder(y, x))",), (5.0 * X, Y)),
    "complex_parts": (("return np.sum(np.real(x) * np.conj(x) + np.imag(x))",), (X,)),
    "complex_attributes": (("return np.sum(x.real * x.conj() + x.imag)",), (X,)),
    "hypot": (("return np.sum(np.hypot(x, y) * np.arctan2(y, x))",), (X, Y)),
    "acos": (("return np.sum(np.acos(x) + np.atanh(x))",), (np.array([0.3, -0.5]),)),
    "copysign": (("return np.sum(np.copysign(x, y) * x)",), (X, Y)),
    "logaddexp": (("return np.sum(np.logaddexp(x, y) * np.logaddexp2(y, 1.0))",), (X, Y)),
    "softplus": (("return np.sum(np.logaddexp(0.0, x) ** 2)",), (X,)),
    "logarithms": (("return np.sum(np.log2(x) * np.log10(x) + np.log1p(x))",), (P,)),
    "angles": (("return np.sum(np.sin(np.deg2rad(x)) + np.degrees(x) + np.rad2deg(x) * np.radians(x))",), (X,)),
    "rounding": (("return np.sum(np.around(x, 1) * x + x.round() * x + np.rint(x))",), (X,)),
    "integers": (("k = np.arange(4)", "return np.sum(x * np.gcd(k, 2) * np.left_shift(k, 1) * x)"), (X,)),
    "float_power": (("return np.sum(np.float_power(np.arange(1, 5), x) * np.float_power(x, np.arange(4)))",), (X,)),
    "negative_base": (("return np.sum(x ** np.array([2.0, 3.0, -1.0, 0.0]))",), (X,)),
    "nextafter": (("return np.sum(np.nextafter(x, 9.0) ** 2 + np.spacing(x))",), (X,)),
    "nan_to_num": (("return np.sum(np.nan_to_num(x, nan=0.5, posinf=2.0) * x)",), (X,)),
    "heaviside": (("return np.sum(np.heaviside(x, 0.5) * x)",), (X,)),
    "fmax": (("return np.sum(np.fmax(x, y) * np.fmin(x, 0.1 * y))",), (X, Y)),
    "clip": (
        ("return np.sum(np.clip(x, -1.0, 1.0) * x + x.clip(min=-0.5) + x.clip(max=0.5, min=-0.4) ** 2)",),
        (X,),
    ),
    "clip_keywords": (("return np.sum(np.clip(x, max=0.5, min=-0.4) ** 2)",), (X,)),
    "clip_one": (("return np.sum(np.clip(x, 0.1, None) ** 2 + x.clip(max=0.5) ** 3 + np.clip(x, None, 0.2))",), (X,)),
    "select": (
        ("return np.sum(np.select([x < 0.0, x < 1.0], [x * x, np.sin(x)], 3.0 * x))",),
        (X,),
    ),
    "select_default": (("return np.sum(np.select([x < 0.0], [x * x]))",), (X,)),
    "select_keywords": (("return np.sum(np.select(condlist=(x < 0.0,), choicelist=(x * x,), default=-x))",), (X,)),
    "piecewise": (
        ("return np.sum(np.piecewise(x, [x < 0.0, x > 1.0], [lambda v: v * v, np.sqrt, 0.5]) * x)",),
        (X,),
    ),
    "piecewise_rest": (
        ("return np.sum(np.piecewise(x, [x < 0.0], [lambda v, k: k * v * v, lambda v, k: np.log(v) * k], 3.0))",),
        (X,),
    ),
    "piecewise_not_elementwise": (("return np.sum(np.piecewise(x, [x > 0.0], [lambda v: v * np.sum(v)]) ** 2)",), (X,)),
    "choose": (("return np.sum(np.choose(np.array([0, 1, 1, 2]), [x, x * x, 3.0]) * x)",), (X,)),
    "where_positions": (("i = np.where(x > 0.0)", "return np.sum(x[i] ** 2)"), (X,)),
    "nonzero": (("i, = np.nonzero(x > 0.5)", "j = np.flatnonzero(x < 0.0)", "return np.sum(x[i]) * x[j][0]"), (X,)),
    "nonzero_method": (("return np.sum(x[(x > 0.0).nonzero()] ** 3)",), (X,)),
    "isin": (("k = np.arange(4)", "return np.sum(x[np.isin(k, [0, 2])] ** 2)"), (X,)),
    "tests": (
        (
            "if np.allclose(x, 0.0) or np.array_equal(x, 2.0 * x) or np.any(np.isposinf(x)):",
            "    return np.sum(x)",
            "return np.sum(np.where(np.isclose(x, 0.3, atol=0.1), x * x, -x) + np.isreal(x) * x)",
        ),
        (X,),
    ),
    "gamma": (("return math.gamma(x) * math.lgamma(x + 1.0)",), (1.7,)),
    "lgamma_of_negative": (("return math.lgamma(x) * math.gamma(x)",), (-1.7,)),
    "math_parts": (("part, whole = math.modf(x)", "m, e = math.frexp(x)", "return part * whole * m * e * x"), (5.3,)),
    "math_more": (("return math.cbrt(x) * math.exp2(x) + math.ldexp(x, 2) * math.fmod(x, 0.4)",), (1.7,)),
    "math_steps": (("return math.nextafter(x, 9.0) ** 2 + math.ulp(x) + math.remainder(x, 0.7) ** 2",), (1.7,)),
    "math_sums": (("return math.fsum([x, x * x]) * math.prod([x, 2.0, x]) + math.hypot(x, 2.0, x)",), (1.7,)),
    "math_whole": (("n = math.comb(5, 2) + math.perm(4, 2) + math.isqrt(17)", "return x ** 2 * n * math.tau"), (1.7,)),
    "constants": (("return x * np.pi * np.e * np.euler_gamma + x * math.e if x < math.inf else x",), (1.7,)),
}
NEWER = {
    "math_more": (("cbrt", "exp2"), "math"),
    "acos": (("acos",), "numpy"),
    "clip_keywords": (("cumulative_sum",), "numpy"),  # which came with them
}
"""What older versions of Python or NumPy lack, in programs that use it."""


def has_all(names: tuple[str, ...], module: str) -> bool:
    return all(hasattr(__import__(module), name) for name in names)


RUNNABLE = [n for n in PROGRAMS if n not in NEWER or has_all(*NEWER[n])]


# A list of what may be arrays has no product of numbers.
@pytest.mark.parametrize("name", [n for n in RUNNABLE if n != "math_sums"])
def test_untyped(name: str) -> None:
    lines, args = PROGRAMS[name]
    check_text(body(*lines, parameters=", ".join("xyz"[: len(args)])), *args)


@pytest.mark.parametrize("name", RUNNABLE)
def test_annotated(name: str) -> None:
    lines, args = PROGRAMS[name]
    kinds = ["float" if isinstance(a, float) else VECTOR if a.ndim == 1 else MATRIX for a in args]
    parameters = ", ".join(f"{p}: {k}" for p, k in zip("xyz", kinds, strict=False))
    check_text(body(*lines, parameters=parameters), *args)
