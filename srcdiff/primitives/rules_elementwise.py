"""Derivatives of elementwise functions, of NumPy and of `math`.

Where a function has no derivative: |x| at 0 gives 0, and so do copysign(x, s), hypot(a, b) and arctan2(a, b);
maximum and minimum share equally between equal operands; clip counts its bounds as inside; sqrt at 0 gives what 1 / 0
gives; logaddexp gives a term -inf no share, and a term inf all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from srcdiff.primitives.casts import OF_FLOATS, OF_OTHERS
from srcdiff.primitives.forms import (
    Operands,
    Over,
    Tangents,
    constant_of,
    elementwise,
    fit,
    is_none,
    jvp,
    linear,
    non_differentiable,
    over,
    plus,
    vjp,
)
from srcdiff.primitives.symbolic import MATH_NAMES, Symbolic, np


def both(name: str, *partials: Callable[..., Symbolic | Over | float]) -> None:
    """The rule of a function that NumPy and `math` share."""
    elementwise(name, *partials)
    if name in MATH_NAMES:
        elementwise(MATH_NAMES[name], *partials)


both("np.exp", lambda y, x: y)
both("np.expm1", lambda y, x: y + 1.0)
both("np.log", lambda y, x: over(x))
# Logarithms of numbers are written out: np.log(2.0) is of double precision and would make all that it meets so.
both("np.log2", lambda y, x: over(x * math.log(2.0)))
both("np.log10", lambda y, x: over(x * math.log(10.0)))
both("np.log1p", lambda y, x: over(1.0 + x))
both("np.sqrt", lambda y, x: over(2.0 * y))
both("np.sin", lambda y, x: np.cos(x))
both("np.cos", lambda y, x: -np.sin(x))
both("np.tan", lambda y, x: 1.0 + y * y)
both("np.arcsin", lambda y, x: over(np.sqrt(1.0 - x * x)))
both("np.arccos", lambda y, x: over(-np.sqrt(1.0 - x * x)))
both("np.arctan", lambda y, x: over(1.0 + x * x))
both("np.sinh", lambda y, x: np.cosh(x))
both("np.cosh", lambda y, x: np.sinh(x))
both("np.tanh", lambda y, x: 1.0 - y * y)
both("np.arcsinh", lambda y, x: over(np.sqrt(x * x + 1.0)))
both("np.arccosh", lambda y, x: over(np.sqrt(x * x - 1.0)))
both("np.arctanh", lambda y, x: over(1.0 - x * x))
both("np.copysign", lambda y, x, s: np.copysign(y.constant(1.0), s) * np.sign(x), lambda y, x, s: 0.0)
both("np.cbrt", lambda y, x: over(3.0 * y * y))
both("np.exp2", lambda y, x: y * math.log(2.0))
both("np.nextafter", lambda y, x, towards: 1.0, lambda y, x, towards: 0.0)


def _nonzero(y: Symbolic) -> Symbolic:
    """y, and 1 in the place of 0."""
    return y + (y == 0)


def _distance(y: Symbolic, a: Symbolic, b: Symbolic) -> Symbolic:
    """The distance of the point (a, b) from the origin, to divide by: its square may not be a number in range."""
    return _nonzero(y.apply("math.hypot" if y.scope == "math" else "np.hypot", a, b))


def _over_square(sign: int, x: Symbolic, h: Symbolic) -> Symbolic:
    return (x if sign == 1 else -x) / h / h


for _name in ("np.arctan2", "math.atan2"):
    elementwise(
        _name,
        lambda y, a, b: _over_square(1, b, _distance(y, a, b)),
        lambda y, a, b: _over_square(-1, a, _distance(y, a, b)),
    )

for _name in OF_FLOATS:
    linear(_name, {0: lambda by, y, x: by})
non_differentiable(OF_OTHERS)

elementwise("np.square", lambda y, x: 2.0 * x)
elementwise("np.reciprocal", lambda y, x: -y * y)
elementwise("np.hypot", lambda y, a, b: a / _nonzero(y), lambda y, a, b: b / _nonzero(y))
elementwise("np.heaviside", None, lambda y, x, h: x == 0)
elementwise("np.fmod", lambda y, a, b: 1.0, lambda y, a, b: np.rint((y - a) / b))
elementwise("np.sinc", lambda y, x: y.apply("sinc_derivative", x, 1))
elementwise("np.i0", lambda y, x: y.apply("i0_derivative", x, 1))
for _name in ("sinc_derivative", "i0_derivative", "lgamma_derivative"):
    elementwise(_name, lambda y, x, order, name=_name: y.apply(name, x, constant_of(order) + 1), None)

# exp(a - y), where that is no difference of infinities.
elementwise("share_of", lambda y, a, x: y, lambda y, a, x: -y)


def _share(y: Symbolic, x: Symbolic, other: Symbolic, exponential: str, scale: float) -> Symbolic:
    """The share of x in the sum of two exponentials, of logarithm y."""
    if constant_of(x) is not None or constant_of(other) is not None:
        # Beside a number y is never -inf.
        return y.apply(exponential, x - y)
    return y.apply("share_of", x, y) if scale == 1.0 else y.apply("share_of", x * scale, y * scale)


for _name, _exponential, _scale in (("np.logaddexp", "np.exp", 1.0), ("np.logaddexp2", "np.exp2", math.log(2.0))):
    elementwise(
        _name,
        lambda y, a, b, e=_exponential, s=_scale: _share(y, a, b, e, s),
        lambda y, a, b, e=_exponential, s=_scale: _share(y, b, a, e, s),
    )

linear("np.real", {0: lambda by, y, x: by})
linear("np.conj", {0: lambda by, y, x: by})
for _name in ("np.ldexp", "math.ldexp"):
    linear(_name, {0: lambda by, y, x, i, name=_name: fit(by.apply(name, by, i), x)})
for _name in ("np.abs", "np.fabs", "abs", "math.fabs"):
    elementwise(_name, lambda y, x: np.sign(x))

for _names in (("np.deg2rad", "np.radians", "math.radians"), ("np.rad2deg", "np.degrees", "math.degrees")):
    for _name in _names:
        linear(_name, {0: lambda by, y, x, name=_name: by.apply(name, by)})

elementwise("math.erf", lambda y, x: 2.0 / math.sqrt(math.pi) * np.exp(-(x * x)))
elementwise("math.erfc", lambda y, x: -2.0 / math.sqrt(math.pi) * np.exp(-(x * x)))
elementwise("math.fmod", lambda y, a, b: 1.0, lambda y, a, b: (y - a) / b)
elementwise("math.remainder", lambda y, a, b: 1.0, lambda y, a, b: (y - a) / b)
elementwise("math.gamma", lambda y, x: y * y.apply("lgamma_derivative", x, 1))
elementwise("math.lgamma", lambda y, x: y.apply("lgamma_derivative", x, 1))
elementwise("math.fma", lambda y, a, b, c: b, lambda y, a, b, c: a, lambda y, a, b, c: 1.0)


def _log_base(y: Symbolic, x: Symbolic, base: Symbolic) -> Over:
    return over(x) if is_none(base) else over(x * np.log(base))


elementwise("math.log", _log_base, lambda y, x, base: -y / (base * np.log(base)))


@jvp("math.hypot")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    total: Symbolic | None = None
    for x, d in zip(operands, tangents, strict=True):
        total = plus(total, None if d is None else x * d)
    return None if total is None else total / _nonzero(y)


@vjp("math.hypot")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    return [by * x / _nonzero(y) if want else None for x, want in zip(operands, wanted, strict=True)]


# What gives two results.


@jvp("np.modf", "math.modf")  # y[1] is a whole number, and y[0] + y[1] is x
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (dx,) = tangents
    return None if dx is None else y.apply("make_tuple", dx, y.apply("zeros_like", y[1]))


@vjp("np.modf", "math.modf")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    return [by[0] if wanted[0] else None]


def _scaled_by(name: str, d: Symbolic, exponent: Symbolic) -> Symbolic:
    return d.apply("math.ldexp" if name == "math.frexp" else "np.ldexp", d, -exponent)


for _name in ("np.frexp", "math.frexp"):  # x = y[0] 2 ** y[1]

    @jvp(_name)
    def _(y: Symbolic, operands: Operands, tangents: Tangents, name: str = _name) -> Symbolic | None:
        (dx,) = tangents
        if dx is None:
            return None
        return y.apply("make_tuple", _scaled_by(name, dx, y[1]), y.apply("zeros_like", y[1]))

    @vjp(_name)
    def _(
        y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool], name: str = _name
    ) -> Sequence[Symbolic | None]:
        return [_scaled_by(name, by[0], y[1]) if wanted[0] else None]


non_differentiable(
    (
        *("np.spacing", "math.ulp", "np.imag", "np.gcd", "np.lcm", "np.left_shift", "np.right_shift"),
        *("np.bitwise_count", "np.isposinf", "np.isneginf", "np.isreal", "np.iscomplex", "np.isnat"),
        *("np.sign", "np.floor", "np.ceil", "np.rint", "np.trunc", "np.fix", "np.round", "np.isnan", "np.isfinite"),
        *(
            "np.isinf",
            "np.signbit",
            "np.logical_not",
            "np.logical_and",
            "np.logical_or",
            "np.logical_xor",
            "np.isclose",
        ),
        *(
            "math.floor",
            "math.ceil",
            "math.trunc",
            "math.factorial",
            "math.isqrt",
            "math.comb",
            "math.perm",
            "math.gcd",
        ),
        *("math.lcm", "math.isnan", "math.isfinite", "math.isinf", "math.isclose"),
    )
)
