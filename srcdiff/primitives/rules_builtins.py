"""Derivatives of Python's sum, min and max, and of what `math` does with sequences.

min and max share equally between equal values.
"""

from __future__ import annotations

from collections.abc import Sequence

from srcdiff.ir.types import Array, List, Scalar, Tuple
from srcdiff.primitives.forms import (
    NoRule,
    Operands,
    Tangents,
    constant_of,
    fit,
    jvp,
    linear,
    plus,
    spread,
    vjp,
    zeros_of,
)
from srcdiff.primitives.rules_shapes import unpack
from srcdiff.primitives.symbolic import Symbolic, np

# Sums and extrema of what can be iterated over.


def _is_listed(x: Symbolic) -> bool:
    return isinstance(x.type, List | Tuple)


def _items_are_numbers(x: Symbolic) -> bool:
    match x.type:
        case List(item):
            return isinstance(item, Scalar)
        case Tuple(items):
            return all(isinstance(t, Scalar) for t in items)
        case _:
            return False


@jvp("sum")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (_x, start), (d, dstart) = operands, tangents
    if d is None:
        return None if dstart is None else spread(dstart, y)
    if dstart is None:
        # The start takes part in broadcasting, so its zeros do too.
        return y.apply("sum", d, 0 if isinstance(start.type, Scalar) else zeros_of(start))
    return y.apply("sum", d, dstart)


@vjp("sum")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    x, start = operands
    return [_each(by, x) if wanted[0] else None, fit(by, start) if wanted[1] else None]


def _each(by: Symbolic, x: Symbolic) -> Symbolic:
    """The adjoint of a sum, given to every item."""
    match x.type:
        case Tuple(items):
            return by.apply("make_tuple", *(fit(by, x[i]) for i in range(len(items))))
        case Array():
            return spread(by, x)
        case List(item):
            if isinstance(item, Scalar) and isinstance(by.type, Scalar):
                return by.apply("make_list", by) * by.apply("len", x)
            return by.apply("spread_over", by, x)
        case _:
            raise NoRule("what is summed must be known to be a list, a tuple or an array")


linear("math.fsum", {0: lambda by, y, x: _each(by, x)})


def _extremum_share(y: Symbolic, x: Symbolic, others: Operands) -> Symbolic:
    """What share of the extremum y falls to x."""
    ties = 1.0 * (others[0] == y)
    for other in others[1:]:
        ties = ties + (other == y)
    return (x == y) / ties


def _pair_share(name: str, x: Symbolic, other: Symbolic) -> Symbolic:
    wins = x > other if name == "max" else x < other
    return wins + 0.5 * (x == other)


def _extremum(name: str) -> None:
    def shares(y: Symbolic, operands: Operands, position: int) -> Symbolic:
        if len(operands) == 2:
            return _pair_share(name, operands[position], operands[1 - position])
        return _extremum_share(y, operands[position], operands)

    def masks(y: Symbolic, x: Symbolic) -> tuple[Symbolic, Symbolic]:
        """Where the items equal the extremum, and how many do."""
        values = x.apply("np.array", x) if _is_listed(x) else x
        mask = values == y
        return mask, x.apply("np.count_nonzero", mask, None, False)

    @jvp(name)
    def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
        if len(operands) == 1:
            d = tangents[0]
            if d is None:
                return None
            _numbers_only(operands[0])
            mask, ties = masks(y, operands[0])
            values = d.apply("np.array", d) if _is_listed(d) else d
            return (values * mask).sum() / ties
        total: Symbolic | None = None
        for i, d in enumerate(tangents):
            if d is not None:
                total = plus(total, d * shares(y, operands, i))
        return total

    @vjp(name)
    def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
        if len(operands) == 1:
            if not wanted[0]:
                return [None]
            _numbers_only(operands[0])
            mask, ties = masks(y, operands[0])
            return [unpack(by / ties * mask, operands[0])]
        return [by * shares(y, operands, i) if want else None for i, want in enumerate(wanted)]


def _numbers_only(x: Symbolic) -> None:
    match x.type:
        case Array():
            return
        case _ if _items_are_numbers(x):
            return
        case _:
            raise NoRule("what min() or max() iterates over must be known to hold numbers")


_extremum("max")
_extremum("min")


# Products and distances of sequences of numbers.


def _values(x: Symbolic) -> Symbolic:
    return x.apply("np.array", x) if _is_listed(x) else x


def _product_parts(operands: Operands) -> Symbolic:
    x, start = operands
    if not (isinstance(x.type, Array) or _items_are_numbers(x)):
        raise NoRule("what math.prod multiplies must be known to be numbers")
    others = x.apply("product_of_others", _values(x), None)
    return others if constant_of(start) == 1 else others * start


@jvp("math.prod")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    d, dstart = tangents
    total: Symbolic | None = None
    if d is not None:
        total = np.sum(_product_parts(operands) * _values(d))
    return plus(total, None if dstart is None else dstart * y.apply("math.prod", operands[0], 1))


@vjp("math.prod")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    x = operands[0]
    return [
        unpack(by * _product_parts(operands), x) if wanted[0] else None,
        by * y.apply("math.prod", x, 1) if wanted[1] else None,
    ]


@jvp("math.dist")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    p, q = operands
    moved: Symbolic | None = None
    for sign, d in zip((1, -1), tangents, strict=True):
        if d is not None:
            moved = plus(moved, _values(d) if sign == 1 else -_values(d))
    if moved is None:
        return None
    return ((_values(p) - _values(q)) * moved).sum() / (y + (y == 0))


@vjp("math.dist")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    p, q = operands
    direction = by / (y + (y == 0)) * (_values(p) - _values(q))
    return [unpack(direction, p) if wanted[0] else None, unpack(-direction, q) if wanted[1] else None]


@jvp("math.sumprod")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (p, q), (dp, dq) = operands, tangents
    left = None if dp is None else y.apply("math.sumprod", dp, q)
    return plus(left, None if dq is None else y.apply("math.sumprod", p, dq))


@vjp("math.sumprod")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    p, q = operands
    if not all(isinstance(x.type, Array) or _items_are_numbers(x) for x in operands):
        raise NoRule("what math.sumprod multiplies must be known to be numbers")
    return [
        unpack(by * _values(other), x) if want else None
        for x, other, want in zip(operands, (q, p), wanted, strict=True)
    ]
