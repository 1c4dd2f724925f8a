"""Derivatives of elementwise functions, of NumPy and of `math`.

Where a function has no derivative: |x| at 0 gives 0; maximum and minimum share equally between equal operands; clip
counts its bounds as inside; sqrt at 0 gives what 1 / 0 gives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from srcdiff.ir.types import Scalar
from srcdiff.primitives.casts import OF_FLOATS, OF_OTHERS
from srcdiff.primitives.forms import (
    Operands,
    Over,
    Tangents,
    cover,
    elementwise,
    fit,
    is_none,
    jvp,
    linear,
    non_differentiable,
    over,
    plus,
    stands_alone,
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
both("np.log2", lambda y, x: over(x * np.log(y.constant(2.0))))
both("np.log10", lambda y, x: over(x * np.log(y.constant(10.0))))
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
both("np.arctan2", lambda y, a, b: b / (a * a + b * b), lambda y, a, b: -a / (a * a + b * b))
both("np.copysign", lambda y, x, s: np.copysign(y.constant(1.0), s) * np.sign(x), lambda y, x, s: 0.0)

for _name in OF_FLOATS:
    linear(_name, {0: lambda by, y, x: by})
non_differentiable(OF_OTHERS)

elementwise("np.exp2", lambda y, x: y * np.log(y.constant(2.0)))
elementwise("np.square", lambda y, x: 2.0 * x)
elementwise("np.cbrt", lambda y, x: over(3.0 * y * y))
elementwise("np.reciprocal", lambda y, x: -y * y)
elementwise("np.hypot", lambda y, a, b: a / y, lambda y, a, b: b / y)
elementwise("np.logaddexp", lambda y, a, b: np.exp(a - y), lambda y, a, b: np.exp(b - y))
elementwise("np.logaddexp2", lambda y, a, b: np.exp2(a - y), lambda y, a, b: np.exp2(b - y))
elementwise("np.nan_to_num", lambda y, x, *_: np.isfinite(x), None)
elementwise("np.heaviside", None, lambda y, x, h: 1.0 * (x == 0))
for _name in ("np.abs", "np.fabs", "abs", "math.fabs"):
    elementwise(_name, lambda y, x: np.sign(x))

for _names in (("np.deg2rad", "np.radians", "math.radians"), ("np.rad2deg", "np.degrees", "math.degrees")):
    for _name in _names:
        linear(_name, {0: lambda by, y, x, name=_name: by.apply(name, by)})

elementwise("math.erf", lambda y, x: 2.0 / math.sqrt(math.pi) * np.exp(-(x * x)))
elementwise("math.erfc", lambda y, x: -2.0 / math.sqrt(math.pi) * np.exp(-(x * x)))
elementwise("math.fmod", lambda y, a, b: 1.0, lambda y, a, b: (y - a) / b)
elementwise("math.remainder", lambda y, a, b: 1.0, lambda y, a, b: (y - a) / b)
elementwise("math.ldexp", lambda y, x, i: 2.0**i, None)


def _log_base(y: Symbolic, x: Symbolic, base: Symbolic) -> Over:
    return over(x) if is_none(base) else over(x * np.log(base))


elementwise("math.log", _log_base, lambda y, x, base: -y / (base * np.log(base)))


@jvp("math.hypot")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    total: Symbolic | None = None
    for x, d in zip(operands, tangents, strict=True):
        total = plus(total, None if d is None else x * d)
    return None if total is None else total / y


@vjp("math.hypot")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    return [by * x / y if want else None for x, want in zip(operands, wanted, strict=True)]


# Extrema of two values.


def _share(g: Symbolic, wins: Symbolic, ties: Symbolic) -> Symbolic:
    """What one operand gets: all where it wins, half where it ties."""
    if isinstance(g.type, Scalar) and isinstance(wins.type, Scalar):
        return g * (wins + 0.5 * ties)
    return g * wins + 0.5 * g * ties


def _extremum(name: str, wins: Callable[[Symbolic, Symbolic], Symbolic]) -> None:
    @jvp(name)
    def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
        (a, b), (da, db) = operands, tangents
        start = len(y.builder.statements)
        left = None if da is None else _share(da, wins(a, b), a == b)
        right = None if db is None else _share(db, wins(b, a), a == b)
        return cover(plus(left, right), start, y, operands, tangents)

    @vjp(name)
    def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
        a, b = operands
        alone = stands_alone(operands)
        return [
            fit(_share(by, wins(a, b), a == b), a, alone) if wanted[0] else None,
            fit(_share(by, wins(b, a), a == b), b, alone) if wanted[1] else None,
        ]


_extremum("np.maximum", lambda a, b: a > b)
_extremum("np.minimum", lambda a, b: a < b)

# fmax and fmin take the other operand where one is NaN, so the winner is the one that equals the result.
for _name in ("np.fmax", "np.fmin"):
    elementwise(
        _name,
        lambda y, a, b: (a == y) / (1.0 * (a == y) + (b == y)),
        lambda y, a, b: (b == y) / (1.0 * (a == y) + (b == y)),
    )


@jvp("np.clip")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    start = len(y.builder.statements)
    total: Symbolic | None = None
    for d, taken in zip(tangents, _clip_masks(operands), strict=True):
        if d is not None:
            total = plus(total, d if taken is None else d * taken)
    bounds = tuple((x, d) for x, d in zip(operands, tangents, strict=True) if not is_none(x))
    return cover(total, start, y, tuple(x for x, _ in bounds), tuple(d for _, d in bounds))


@vjp("np.clip")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    alone = stands_alone(x for x in operands if not is_none(x))
    masks = _clip_masks(operands)
    return [
        fit(by if taken is None else by * taken, x, alone) if want else None
        for x, taken, want in zip(operands, masks, wanted, strict=True)
    ]


def _clip_masks(operands: Operands) -> list[Symbolic | None]:
    """Where the result is the operand, its lower bound, its upper bound (None: everywhere)."""
    x, low, high = operands
    if is_none(low):
        return [None if is_none(high) else x <= high, None, x > high]
    if is_none(high):
        return [x >= low, x < low, None]
    # numpy.clip is minimum(maximum(x, low), high): the upper bound wins where the bounds are out of order.
    return [(x >= low) & (x <= high), (x < low) & (low <= high), np.maximum(x, low) > high]


@jvp("np.where")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    condition, (_, da, db) = operands[0], tangents
    if da is None and db is None:
        return None
    start = len(y.builder.statements)
    chosen = y.apply("np.where", condition, 0.0 if da is None else da, 0.0 if db is None else db)
    return cover(chosen, start, y, operands, tangents)


@vjp("np.where")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    # A choice and not a product with the mask: a NaN of the branch that is not taken must not leak.
    condition, a, b = operands
    alone = stands_alone(operands)
    return [
        None,
        fit(y.apply("np.where", condition, by, 0.0), a, alone) if wanted[1] else None,
        fit(y.apply("np.where", condition, 0.0, by), b, alone) if wanted[2] else None,
    ]


non_differentiable(
    (
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
