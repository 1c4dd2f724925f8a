"""Derivatives of the operators.

x ** n at x = 0 and n = 0 is right (the derivative of x ** 0 is 0); the derivative with respect to the exponent is taken
as 0 at base 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from srcdiff.ir.types import List, Tuple, Unknown
from srcdiff.primitives.forms import (
    NoRule,
    Operands,
    Tangents,
    constant_of,
    cover,
    elementwise,
    fit,
    jvp,
    linear,
    non_differentiable,
    plus,
    stands_alone,
    vjp,
    zeros_of,
)
from srcdiff.primitives.inference import item_dimension
from srcdiff.primitives.symbolic import Symbolic

non_differentiable(
    (
        *("floor_divide", "invert", "not_", "less", "less_equal", "greater", "greater_equal", "equal", "not_equal"),
        *("is_", "is_not", "contains", "not_contains", "bit_and", "bit_or", "bit_xor"),
    )
)

linear("negative", {0: lambda by, y, a: -by})
linear("positive", {0: lambda by, y, a: by})

# a % b = a - (a // b) * b, and a // b is constant wherever it can be differentiated.
elementwise("mod", lambda y, a, b: 1.0, lambda y, a, b: -(a // b))


def _joins(y: Symbolic) -> bool:
    return isinstance(y.type, List | Tuple)


@jvp("add")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (a, b), (da, db) = operands, tangents
    may_join = isinstance(a.type, Unknown) and isinstance(b.type, Unknown)
    if _joins(y) or may_join:
        # Lists and tuples are joined: the tangent of each part keeps its place (and arrays broadcast all the same).
        if da is None and db is None:
            return None
        return (zeros_of(a) if da is None else da) + (zeros_of(b) if db is None else db)
    start = len(y.builder.statements)
    return cover(plus(da, db), start, y, operands, tangents)


@vjp("add")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    a, b = operands
    if _joins(y):
        if not isinstance(a.type, List | Tuple) or not isinstance(b.type, List | Tuple):
            raise NoRule("what is joined must be known to be lists or tuples")
        middle = y.apply("len", a)
        return [by[: _bound(middle)] if wanted[0] else None, by[_bound(middle) :] if wanted[1] else None]
    alone = stands_alone(operands)
    return [fit(by, x, alone) if want else None for x, want in zip(operands, wanted, strict=True)]


def _bound(middle: Symbolic) -> Symbolic | int:
    size = item_dimension(middle.type)
    return size if isinstance(size, int) else middle


@jvp("subtract")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    da, db = tangents
    start = len(y.builder.statements)
    if db is None:
        return cover(da, start, y, operands, tangents)
    return cover(-db if da is None else da - db, start, y, operands, tangents)


@vjp("subtract")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    alone = stands_alone(operands)
    a, b = operands
    return [fit(by, a, alone) if wanted[0] else None, -fit(by, b, alone) if wanted[1] else None]


def _is_repetition(y: Symbolic) -> bool:
    return isinstance(y.type, List | Tuple)


@jvp("multiply")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (a, b), (da, db) = operands, tangents
    start = len(y.builder.statements)
    left = None if da is None else da * b
    right = None if db is None else a * db
    return cover(plus(left, right), start, y, operands, tangents)


@vjp("multiply")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    a, b = operands
    if _is_repetition(y):
        return [
            _folded(by, x) if want and isinstance(x.type, List | Tuple) else None
            for x, want in zip(operands, wanted, strict=True)
        ]
    alone = stands_alone(operands)
    return [fit(by * b, a, alone) if wanted[0] else None, fit(by * a, b, alone) if wanted[1] else None]


def _folded(by: Symbolic, x: Symbolic) -> Symbolic:
    """The adjoint of a list that was repeated."""
    total = by.apply("fold", by, x)
    return by.apply("tuple", total) if isinstance(x.type, Tuple) else total


@jvp("divide")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (_a, b), (da, db) = operands, tangents
    start = len(y.builder.statements)
    if db is None:
        return None if da is None else cover(da / b, start, y, operands, tangents)
    return cover((-y * db if da is None else da - y * db) / b, start, y, operands, tangents)


@vjp("divide")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    alone = stands_alone(operands)
    a, b = operands
    return [
        fit(by / b, a, alone) if wanted[0] else None,
        fit(-by * y / b, b, alone) if wanted[1] else None,
    ]


def power_partial(y: Symbolic, x: Symbolic, n: Symbolic) -> Symbolic | float:
    """d/dx of x ** n, that is n x ** (n - 1); 0 where n is 0, whatever x."""
    known = constant_of(n)
    if known is not None:
        if known == 0:
            return 0.0
        if known == 1:
            return 1.0
        return float(known) * (x if known == 2 else x ** (known - 1))
    # With n = 0 the exponent stays 0: the product is 0, and x = 0 does no harm.
    return n * x ** (n - (n != 0))


def exponent_partial(y: Symbolic, x: Symbolic, n: Symbolic) -> Symbolic:
    """d/dn of x ** n, that is y log(x); 0 where x is 0."""
    known = constant_of(x)
    plain = Symbolic(y.builder, x.value)
    safe = plain if known is not None and known > 0 else plain + (plain == 0)
    return y * safe.apply("np.log", safe)


for _name in ("power", "np.float_power", "math.pow"):
    elementwise(_name, power_partial, exponent_partial)
