"""Derivatives of choices: extrema of two values, `clip`, `where`, `choose`, `nan_to_num`.

maximum and minimum share equally between equal operands; clip counts its bounds as inside.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from srcdiff.ir.types import Array, Tuple, is_differentiable
from srcdiff.primitives.forms import (
    NoRule,
    Operands,
    Tangents,
    cover,
    fit,
    is_none,
    jvp,
    non_differentiable,
    plus,
    stands_alone,
    vjp,
    zeros_of,
)
from srcdiff.primitives.symbolic import Symbolic, np

# Extrema of two values.


def _share(g: Symbolic, holds: Symbolic, ties: Symbolic) -> Symbolic:
    """What one operand gets: all where it wins, half where it ties. Of arrays it is chosen, for a factor of zero would
    let an infinite derivative of the result through as NaN."""
    if isinstance(holds.type, Array):
        return g.apply("np.where", holds, g.apply("np.where", ties, 0.5 * g, g), 0.0)
    return g * (holds - 0.5 * ties)


def _extremum(name: str, holds: Callable[[Symbolic, Symbolic], Symbolic]) -> None:
    @jvp(name)
    def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
        (a, b), (da, db) = operands, tangents
        start = len(y.builder.statements)
        left = None if da is None else _share(da, holds(a, b), a == b)
        right = None if db is None else _share(db, holds(b, a), a == b)
        return cover(plus(left, right), start, y, operands, tangents)

    @vjp(name)
    def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
        a, b = operands
        alone = stands_alone(operands)
        return [
            fit(_share(by, holds(a, b), a == b), a, alone) if wanted[0] else None,
            fit(_share(by, holds(b, a), a == b), b, alone) if wanted[1] else None,
        ]


_extremum("np.maximum", lambda a, b: a >= b)
_extremum("np.minimum", lambda a, b: a <= b)

# fmax and fmin take the other operand where one is NaN, whose derivative must not leak.


def _numbers_extremum(name: str, wins: Callable[[Symbolic, Symbolic], Symbolic]) -> None:
    @jvp(name)
    def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
        (a, b), (da, db) = operands, tangents
        if da is None and db is None:
            return None
        start = len(y.builder.statements)
        left, right = (0.0 if d is None else d for d in (da, db))
        chosen = y.apply("np.where", wins(a, b) | np.isnan(b), left, right)
        half = 0.5 * right if da is None else 0.5 * (left + right)
        return cover(y.apply("np.where", a == b, half, chosen), start, y, operands, tangents)

    @vjp(name)
    def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
        a, b = operands
        alone = stands_alone(operands)

        def part(a: Symbolic, b: Symbolic) -> Symbolic:
            return y.apply("np.where", wins(a, b) | np.isnan(b), by, 0.5 * by * (a == b))

        return [fit(part(a, b), a, alone) if wanted[0] else None, fit(part(b, a), b, alone) if wanted[1] else None]


_numbers_extremum("np.fmax", lambda a, b: a > b)
_numbers_extremum("np.fmin", lambda a, b: a < b)


@jvp("np.clip")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    start = len(y.builder.statements)
    total: Symbolic | None = None
    for d, taken in zip(tangents, _clip_masks(operands), strict=True):
        if d is not None:
            total = plus(total, _taken(d, taken))
    bounds = tuple((x, d) for x, d in zip(operands, tangents, strict=True) if not is_none(x))
    return cover(total, start, y, tuple(x for x, _ in bounds), tuple(d for _, d in bounds))


@vjp("np.clip")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    alone = stands_alone(x for x in operands if not is_none(x))
    masks = _clip_masks(operands)
    return [
        fit(_taken(by, taken), x, alone) if want else None
        for x, taken, want in zip(operands, masks, wanted, strict=True)
    ]


def _taken(g: Symbolic, mask: Symbolic | None) -> Symbolic:
    if mask is None:
        return g
    return g.apply("np.where", mask, g, 0.0) if isinstance(mask.type, Array) else g * mask


def _clip_masks(operands: Operands) -> list[Symbolic | None]:
    """Where the result is the operand, its lower bound, its upper bound (None: everywhere)."""
    x, low, high = operands
    if is_none(low) and is_none(high):
        return [None, None, None]
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


# np.nan_to_num chooses one of its operands: the first where it is finite.


@jvp("np.nan_to_num")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    start = len(y.builder.statements)
    total: Symbolic | None = None
    for d, taken in zip((tangents[0], *tangents[2:]), _replacements(operands), strict=True):
        if d is not None:
            total = plus(total, y.apply("np.where", taken, d, 0.0))
    return cover(total, start, y, operands, tangents)


@vjp("np.nan_to_num")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    alone = stands_alone(operands)
    masks = _replacements(operands)
    x, _, *others = (
        fit(y.apply("np.where", masks[max(i - 1, 0)], by, 0.0), operand, alone) if want else None
        for i, (operand, want) in enumerate(zip(operands, wanted, strict=True))
    )
    return [x, None, *others]


def _replacements(operands: Operands) -> list[Symbolic]:
    """Where the result is the operand, and what stands for NaN, for inf and for -inf."""
    x = operands[0]
    infinities = [Symbolic(x.builder, x.value) == sign for sign in (math.inf, -math.inf)]
    return [np.isfinite(x), np.isnan(x), *infinities]


# np.choose takes each element from one of several arrays.


@jvp("np.choose")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (a, _), (_, d) = operands, tangents
    return None if d is None else y.apply("np.choose", a, d)


@vjp("np.choose")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    a, choices = operands
    if not wanted[1]:
        return [None, None]
    if not isinstance(choices.type, Tuple):
        raise NoRule("its choices must be known one by one: write them out as a list or tuple")
    parts = [
        fit(y.apply("np.where", a == i, by, 0.0), choices[i]) if is_differentiable(t) else zeros_of(choices[i])
        for i, t in enumerate(choices.type.items)
    ]
    return [None, y.apply("make_tuple", *parts)]


non_differentiable(("np.nonzero", "np.flatnonzero", "np.argwhere", "np.isin", "np.array_equal", "np.array_equiv"))
