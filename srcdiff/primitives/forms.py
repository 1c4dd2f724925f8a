"""Declarative forms of derivative rules.

In: the name of a primitive and small functions in NumPy syntax. Out: an entry of `RULES` (both modes), or of `ZERO`.

`elementwise(name, partial_1, ...)`
    a partial takes ``(y, *operands)``. It may be a number, or `over(d)` for ``1 / d``; a partial of None is zero.
    The form multiplies and sees to broadcasting.
`linear(name, {0: transpose})`
    the tangent is the primitive applied to the tangent; ``transpose(by, y, *operands)`` gives the adjoint.
`bilinear(name, left, right)`
    linear in each of two operands: `left(by, a, b)` and `right(by, a, b)` give the adjoints.
`jvp(name)`, `vjp(name)`
    decorators for what does not fit: ``jvp(y, operands, tangents)`` and ``vjp(y, operands, by, wanted)``.
`non_differentiable(names)`
    a derivative that is zero wherever it exists.

>>> import numpy as np
>>> elementwise("example", lambda y, x: -np.sin(x))
>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.core import Value
>>> from srcdiff.ir.types import FLOAT
>>> b = Builder()
>>> x, y, dx = (Symbolic(b, Value(FLOAT, n)) for n in ("x", "y", "dx"))
>>> _ = RULES.pop("example").jvp(y, (x,), (dx,))
>>> [s.primitive.name for s in b.statements]
['np.sin', 'negative', 'multiply']
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from srcdiff.ir.core import Apply, Constant, Value
from srcdiff.ir.types import (
    Array,
    Dimension,
    List,
    Opaque,
    Record,
    Scalar,
    Tuple,
    Type,
    is_container,
    never_one,
    same_shape,
)
from srcdiff.primitives.symbolic import Symbolic

Operands = tuple[Symbolic, ...]
Tangents = tuple[Symbolic | None, ...]
Jvp = Callable[[Symbolic, Operands, Tangents], "Symbolic | None"]
Vjp = Callable[[Symbolic, Operands, Symbolic, Sequence[bool]], "Sequence[Symbolic | None]"]
Transpose = Callable[..., Symbolic]


class NoRule(Exception):
    """This use of a primitive has no derivative rule; the message says why."""


def _no_jvp(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    raise NoRule("it has no rule for forward mode")


def _no_vjp(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    raise NoRule("it has no rule for reverse mode")


@dataclass(frozen=True)
class Rule:
    """The two derivatives of a primitive."""

    jvp: Jvp = _no_jvp
    vjp: Vjp = _no_vjp


RULES: dict[str, Rule] = {}
ZERO: set[str] = set()


@dataclass(frozen=True)
class Over:
    """The partial derivative 1 / denominator."""

    denominator: Any


def over(denominator: Any) -> Over:
    """A partial that is a quotient, printed as a division: ``dx / x`` rather than ``1.0 / x * dx``."""
    return Over(denominator)


Partial = Callable[..., "Symbolic | Over | float"]


# Broadcasting.


def fits(a: Type, b: Type) -> bool:
    """Whether a value certainly has the shape of another; a number also fits an array without axes."""
    return same_shape(a, b) or (isinstance(a, Scalar) and isinstance(b, Array) and b.shape == ())


def fit(g: Symbolic, x: Symbolic, alone: bool = False) -> Symbolic:
    """The contribution `g`, which has the shape of a result, summed down to the shape of the operand `x`.

    Nothing is built where the types prove that there is nothing to do, or where `x` stood `alone`: beside numbers.
    """
    if fits(g.type, x.type) or (alone and not isinstance(x.type, Scalar)):
        return g
    if isinstance(x.type, Scalar):
        return g.apply("float", g) if isinstance(g.type, Array) and g.type.shape == () else g.sum()
    if is_container(x.type):
        raise NoRule("beside a list, tuple or dict it must be known whether the other operand is an array")
    if isinstance(x.type, Array) and isinstance(g.type, Array):
        target, given = x.type.shape, g.type.shape
        if target is not None and given is not None and len(target) <= len(given):
            lead = len(given) - len(target)
            inner = [_stretched(d, e) for d, e in zip(target, given[lead:], strict=True)]
            if None not in inner:
                return _sum_axes(g, lead, [i for i, s in enumerate(inner) if s])
        if target is not None and given is not None and len(target) > len(given):
            # What is written into an array may have leading axes of size 1 that its place has not.
            inner = [_stretched(d, e) for d, e in zip(target[len(target) - len(given) :], given, strict=True)]
            if None not in inner:
                return g.apply("np.reshape", _sum_axes(g, 0, [i for i, s in enumerate(inner) if s]), x.shape)
    return g.apply("unbroadcast", g, x)


def _stretched(operand: Dimension, result: Dimension) -> bool | None:
    """Whether an axis was broadcast (None: not known)."""
    if operand == 1:
        return result != 1
    if never_one(operand) or (operand is not None and operand == result):
        return False
    return None


def _sum_axes(g: Symbolic, lead: int, inner: list[int]) -> Symbolic:
    if lead:
        g = g.apply("np.sum", g, 0 if lead == 1 else tuple(range(lead)), False)
    if inner:
        g = g.apply("np.sum", g, inner[0] if len(inner) == 1 else tuple(inner), True)
    return g


def spread(b: Symbolic, x: Symbolic) -> Symbolic:
    """`b` broadcast to the shape of `x`; where x may be a number, the result is one too."""
    if fits(b.type, x.type) or isinstance(x.type, Scalar):
        return b
    if isinstance(x.type, Array) and isinstance(b.type, Scalar) and x.type.dtype in ("float32", "float16"):
        # A number is of double precision, its copies are not.
        return b.apply("np.full_like", x, b, None)
    if isinstance(x.type, Array) and isinstance(b.type, Scalar) and x.type.dtype is None:
        return b + zeros_of(x)  # which takes over the dtype, unless it is one of integers
    if isinstance(x.type, Array | List | Tuple):
        return b.apply("np.broadcast_to", b, x.shape)
    return b + zeros_of(x)


def zeros_of(x: Symbolic) -> Symbolic:
    match x.type:
        case Scalar():
            return x.constant(0.0)
        case Opaque("str" | "None"):
            return x.constant(None)
        case Record(items):
            return x.display(x.type, *(zeros_of(x[i]) for i in range(len(items))))
        case _:
            return x.apply("zeros_like", x)


def stands_alone(operands: Iterable[Symbolic]) -> bool:
    """Whether at most one of the operands is anything but a number: then the result has its shape."""
    return len({o.value for o in operands if not _is_number(o)}) <= 1


def _is_number(x: Symbolic) -> bool:
    """Whether an operand takes no part in broadcasting: a number, or one that is not given."""
    return isinstance(x.type, Scalar) or is_none(x)


def _leaves(value: Value, start: int, symbolic: Symbolic) -> set[Value]:
    """The values from before statement `start` that an elementwise expression is made of."""
    definitions = {s.result: s.operands for s in symbolic.builder.statements[start:] if isinstance(s, Apply)}
    leaves: set[Value] = set()
    pending = [value]
    while pending:
        v = pending.pop()
        if v in definitions:
            pending.extend(definitions[v])
        else:
            leaves.add(v)
    return leaves


def cover(total: Symbolic | None, start: int, y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    """The tangent `total` of an elementwise operation, broadcast to the shape of `y` unless it surely has it: by its
    type, or because it is made of y, or of every operand (or its tangent) that is not a number."""
    if total is None or isinstance(y.type, Scalar) or fits(total.type, y.type):
        return total
    leaves = _leaves(total.value, start, y)
    if y.value in leaves:
        return total
    covered = all(
        _is_number(x) or x.value in leaves or (dx is not None and dx.value in leaves)
        for x, dx in zip(operands, tangents, strict=True)
    )
    return total if covered else spread(total, y)


# Forms.


def plus(a: Symbolic | None, b: Symbolic | None) -> Symbolic | None:
    if a is None or b is None:
        return b if a is None else a
    return a + b


def _scaled(partial: Symbolic | Over | float, d: Symbolic, tangent: bool) -> Symbolic | None:
    match partial:
        case Over():
            return d.apply("divide", d, partial.denominator)
        case Symbolic():
            return partial * d if tangent else d * partial
        case _ if partial == 0:
            return None
        case _ if partial == 1:
            return d
        case _ if partial == -1:
            return -d
        case _:
            return partial * d


def elementwise(name: str, *partials: Partial | None) -> None:
    """A function applied to each element; variadic primitives repeat the last partial."""
    RULES[name] = elementwise_rule(*partials)


def elementwise_rule(*partials: Partial | None) -> Rule:
    """The two derivatives of an elementwise function."""

    def partial(i: int) -> Partial | None:
        return partials[min(i, len(partials) - 1)]

    def jvp_rule(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
        start = len(y.builder.statements)
        total: Symbolic | None = None
        for i, d in enumerate(tangents):
            p = partial(i)
            if d is not None and p is not None:
                total = plus(total, _scaled(p(y, *operands), d, True))
        return cover(total, start, y, operands, tangents)

    def vjp_rule(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
        alone = stands_alone(operands)
        result: list[Symbolic | None] = []
        for i, want in enumerate(wanted):
            p = partial(i)
            contribution = _scaled(p(y, *operands), by, False) if want and p is not None else None
            result.append(None if contribution is None else fit(contribution, operands[i], alone))
        return result

    return Rule(jvp_rule, vjp_rule)


def linear(name: str, transposes: dict[int, Transpose], *, zero: Callable[[Symbolic], Symbolic] = zeros_of) -> None:
    """A function that is linear in the operands at the positions of `transposes` taken together."""

    def jvp_rule(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
        if all(tangents[i] is None for i in transposes if i < len(tangents)):
            return None
        given = list(operands)
        for i in transposes:
            if i < len(given):
                d = tangents[i]
                given[i] = zero(operands[i]) if d is None else d
        return y.apply(name, *given)

    def vjp_rule(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
        return [transposes[i](by, y, *operands) if want and i in transposes else None for i, want in enumerate(wanted)]

    RULES[name] = Rule(jvp_rule, vjp_rule)


def bilinear(name: str, left: Transpose, right: Transpose) -> None:
    """A product, linear in each of its two operands."""

    def jvp_rule(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
        (a, b), (da, db) = operands, tangents
        return plus(
            None if da is None else y.apply(name, da, b),
            None if db is None else y.apply(name, a, db),
        )

    def vjp_rule(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
        a, b = operands
        return [left(by, a, b) if wanted[0] else None, right(by, a, b) if wanted[1] else None]

    RULES[name] = Rule(jvp_rule, vjp_rule)


def jvp(*names: str) -> Callable[[Jvp], Jvp]:
    """Register the forward rule of the primitives `names`."""

    def register(rule: Jvp) -> Jvp:
        for name in names:
            RULES[name] = Rule(rule, RULES.get(name, Rule()).vjp)
        return rule

    return register


def vjp(*names: str) -> Callable[[Vjp], Vjp]:
    """Register the reverse rule of the primitives `names`."""

    def register(rule: Vjp) -> Vjp:
        for name in names:
            RULES[name] = Rule(RULES.get(name, Rule()).jvp, rule)
        return rule

    return register


def non_differentiable(names: Iterable[str]) -> None:
    """Declare that the derivative of these primitives is zero wherever it exists."""
    ZERO.update(names)


def is_none(x: Symbolic) -> bool:
    """Whether an operand is the constant None: not given."""
    return isinstance(x.value, Constant) and x.value.value is None


def constant_of(x: Symbolic) -> Any:
    """The content of an operand that is a constant; `None` where it is not one."""
    return x.value.value if isinstance(x.value, Constant) else None
