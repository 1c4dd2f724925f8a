"""Elementwise functions of NumPy and of `math`, and choices between arrays."""

from __future__ import annotations

import numpy as np

from tests.rule_cases.operands import Case, array, single

X3, X23, X1, X0 = array(3), array(2, 3), array(1), np.zeros(0)

BROADCAST = [
    (X3, 0.7),
    (0.7, X3),
    (X3, array(3)),
    (X23, array(3)),
    (array(2, 1), array(3)),
    (array(1, 3), array(2, 1)),
    (X1, X23),
    (X0, 0.5),
    (np.zeros((0, 3)), array(3)),
    (0.4, 0.7),
    (np.array(0.4), X3),
    (np.array(0.4), np.array(0.7)),
]
UNARY = [
    *("np.sinc", "np.i0", "np.real", "np.conj", "np.modf", "np.frexp", "np.nan_to_num", "np.cbrt", "np.exp2"),
    *("np.log2", "np.log10", "np.fabs"),
]

CASES: list[Case] = [
    *((name, (x,), (0,)) for name in UNARY for x in (X3, X23, 0.6, X0, np.array(0.6), single(3), single(2, 1))),
    *((name, pair, (0, 1)) for name in ("np.copysign", "np.nextafter") for pair in BROADCAST),
    # Remainders: with these operands no quotient is near a whole number.
    *((name, (1.3 + 0.1 * a, 0.9 + 0.01 * b), (0, 1)) for name in ("np.fmod", "mod") for a, b in BROADCAST),
    *((name, (1.3 + 0.1 * single(3), 0.9 + 0.01 * single(2, 1)), (0, 1)) for name in ("np.fmod", "mod")),
    *((name, (single(3), single(2, 1)), (0, 1)) for name in ("np.copysign", "np.nextafter", "np.fmax")),
    *((name, (single(3), single(2, 1)), (0, 1)) for name in ("np.float_power", "np.logaddexp2", "np.hypot")),
    *((name, (np.array(0.4), X23), (0, 1)) for name in ("np.arctan2", "np.logaddexp", "np.fmin", "np.maximum")),
    # Signs, and values far out.
    ("np.fmod", (np.array([7.6, -7.6, 3.3, -3.3]), np.array([2.5, 2.5, -2.5, -2.5])), (0, 1)),
    ("mod", (np.array([7.6, -7.6, 3.3, -3.3]), np.array([2.5, 2.5, -2.5, -2.5])), (0, 1)),
    ("np.copysign", (np.array([1.0, -1.0, 1.0, -1.0]), np.array([2.0, 2.0, -2.0, -2.0])), (0, 1)),
    ("np.sinc", (np.array([0.0, 1e-9, -1e-3, 0.5, -0.99, 1.0, 1.01, 2.5, -7.3]),), (0,)),
    ("np.i0", (np.array([0.0, 1e-9, -0.5, 2.0, 5.0]),), (0,)),
    ("np.i0", (0.0,), (0,)),
    ("np.modf", (np.array([1.3, -2.7]),), (0,)),
    ("np.frexp", (np.array([1.3, -12.7, 0.1]),), (0,)),
    ("np.frexp", (-12.7,), (0,)),
    ("np.float_power", (np.array([2, 3]), X3[:2]), (1,)),
    ("np.float_power", (X3, np.array([2, 3, 0])), (0,)),
    *(("np.ldexp", (x, i), (0,)) for x, i in ((X3, 2), (X3, np.array([1, -2, 0])), (0.7, np.array([[1], [3]])))),
    ("np.ldexp", (single(3), np.array([1, -2, 0])), (0,)),
    ("np.ldexp", (0.7, -3), (0,)),
    *(("np.sinc", (x,), (0,)) for x in (np.zeros((0, 3)), array(2, 1, 3))),
    ("np.logaddexp", (np.array([-700.0, 3.0]), np.array([2.0, -800.0])), (0, 1)),
    ("np.arctan2", (np.array([1.0, -1.0, 1.0, -1.0]), np.array([-2.0, -2.0, 2.0, 2.0])), (0, 1)),
    ("np.heaviside", (np.array([-1.0, 2.0, 3.0], np.float32), single(3)), (1,)),
    ("np.log2", (1e-3 + X3,), (0,)),
    # Internal: what rules are made of.
    *(("share_of", pair, (0, 1)) for pair in BROADCAST),
    ("share_of", (single(3), single(2, 1)), (0, 1)),
    *(("sinc_derivative", (x, n), (0,)) for n in (1, 2, 3) for x in (X3, X23, 0.6, X0, np.array([-0.3, 1.4, 4.2]))),
    *(("i0_derivative", (x, n), (0,)) for n in (1, 2, 3) for x in (X3, X23, 0.6, X0)),
    *((f"{name}_derivative", (single(3), 1), (0,)) for name in ("sinc", "i0")),
    *(("lgamma_derivative", (x, n), (0,)) for n in (1, 2, 3) for x in (0.6, 4.5, -1.3)),
    # The module math.
    *((f"math.{name}", (x,), (0,)) for name in ("gamma", "lgamma") for x in (0.6, 4.5, -0.6, -1.7)),
    *((f"math.{name}", (0.6,), (0,)) for name in ("cbrt", "exp2", "modf", "frexp")),
    *((f"math.{name}", (-3.6,), (0,)) for name in ("cbrt", "exp2", "modf", "frexp")),
    ("math.nextafter", (0.6, 2.0), (0, 1)),
    ("math.fma", (0.6, 0.7, -0.8), (0, 1, 2)),
    ("math.ldexp", (0.6, -1), (0,)),
    ("math.fmod", (-7.6, 2.5), (0, 1)),
    ("math.atan2", (-0.6, -2.5), (0, 1)),
    ("math.hypot", (0.6, 0.7), (0, 1)),
    ("math.hypot", (-0.6,), (0,)),
    ("math.sumprod", ([0.6, 0.7], [0.1, -0.2]), (0, 1)),
    ("math.sumprod", ((0.6, 0.7), (0.1, -0.2)), (0, 1)),
    ("math.sumprod", (X3, [0.1, -0.2, 0.4]), (0, 1)),
    # Choices.
    *((name, pair, (0, 1)) for name in ("np.fmax", "np.fmin") for pair in BROADCAST[-2:]),
    ("np.clip", (np.array([0.1, 0.5, 0.9]), None, None), (0,)),
    ("np.clip", (single(3), 0.4, single(2, 1)), (0, 2)),
    ("np.clip", (np.array(0.5), np.array([[0.1, 0.6], [0.9, 0.3]]), 0.7), (0, 1, 2)),
    ("np.where", (np.array(True), X3, array(2, 1)), (1, 2)),
    ("np.where", (np.array([True, False, True]), single(3), single(2, 1)), (1, 2)),
    ("np.nan_to_num", (np.array([0.5, 0.7]), True, 0.3, 0.6, 0.7), (0, 2)),
    ("np.nan_to_num", (0.5, True, 0.3, 0.6, 0.7), (0, 2, 3, 4)),
    ("np.choose", (np.array([1, 0, 2]), (X3, array(3), array(3))), (1,)),
    ("np.choose", (np.array([1, 0, 1]), (X3, 0.7)), (1,)),
    ("np.choose", (np.array([[1], [0]]), (X3, array(3))), (1,)),
    ("np.choose", (np.array([[1, 0, 1], [0, 0, 1]]), (X3, array(2, 1))), (1,)),
    ("np.choose", (1, (X3, array(3))), (1,)),
]

REFUSED = {"np.choose", "math.sumprod"}
ONE_BY_ONE = {"np.choose", "np.nan_to_num", "math.gamma", "math.lgamma", "lgamma_derivative", "math.sumprod"}
STACKS_REFUSED = {
    "exact": {"np.frexp", "math.frexp"},
    "symbols": {"np.frexp", "math.frexp"},
    "rank": {"np.frexp", "math.frexp", "np.choose"},
    "unknown": {"np.frexp", "math.frexp", "np.choose", "math.sumprod"},
}
DENSE = {"np.modf", "np.frexp", "np.choose", "lgamma_derivative"}
