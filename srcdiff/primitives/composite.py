"""Rules of functions that are an expression in others: `np.ptp(x)` is `np.max(x) - np.min(x)`.

In: the name of a primitive and the expression, on symbolic operands. Out: both rules, made of those of the parts. What
the expression computes on the way is built beside the derivative, as far as that reads it; its last step is the result
itself, which is not computed a second time.

>>> from srcdiff.ir.types import Array
>>> from srcdiff.primitives.symbolic import np
>>> composite("example", lambda x: np.sum(np.exp(x)))
>>> b = Builder()
>>> x, y, by = (Symbolic(b, Value(Array("float64", s), n)) for s, n in (((3,), "x"), ((), "y"), ((), "by")))
>>> _ = RULES.pop("example").vjp(y, (x,), by, (True,))
>>> [s.primitive.name for s in b.statements]
['np.exp', 'shape', 'np.broadcast_to', 'multiply']
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from srcdiff.ir.builder import Builder
from srcdiff.ir.core import Apply, Constant, Value
from srcdiff.ir.types import is_container, is_differentiable
from srcdiff.primitives.forms import RULES, ZERO, Jvp, NoRule, Operands, Rule, Tangents, Vjp, is_none, zeros_of
from srcdiff.primitives.symbolic import Symbolic

Expression = Callable[..., Symbolic]


def composite(name: str, expression: Expression, *, linear_in: Sequence[int] = ()) -> None:
    """Rules of a primitive from an expression of its operands.

    Where it is linear in the operands `linear_in` taken together and only they have tangents, the tangent is the
    primitive itself applied to them.
    """
    plain = jvp_of(expression)

    def tangent(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
        moved = [i for i, d in enumerate(tangents) if d is not None]
        if not moved or not all(i in linear_in for i in moved):
            return plain(y, operands, tangents)
        given = list(operands)
        for i in linear_in:
            d = tangents[i]
            if not is_none(operands[i]):
                given[i] = zeros_of(operands[i]) if d is None else d
        return y.apply(name, *given)

    RULES[name] = Rule(tangent, vjp_of(expression))


def jvp_of(expression: Expression) -> Jvp:
    """The forward rule of an expression."""

    def rule(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
        if all(d is None for d in tangents):
            return None
        found = {x.value: d for x, d in zip(operands, tangents, strict=True) if d is not None}
        for s in _steps(y, operands, expression, found):
            d = _tangent(y, s, [found.get(o) for o in s.operands])
            if d is not None:
                found[s.result] = d
        return found.get(y.value)

    return rule


def vjp_of(expression: Expression) -> Vjp:
    """The reverse rule of an expression."""

    def rule(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
        adjoints: dict[Value, Symbolic] = {y.value: by}
        active = {x.value for x, want in zip(operands, wanted, strict=True) if want}
        steps = _steps(y, operands, expression, adjoints)
        for s in steps:
            varies = any(o in active and not isinstance(o, Constant) for o in s.operands)
            if varies and s.primitive.name not in ZERO and is_differentiable(s.result.type):
                active.add(s.result)
        for s in reversed(steps):
            if s.result in active and s.result in adjoints:
                _pull_back(y, s, adjoints, active)
        # An operand that is given twice has one adjoint.
        return [adjoints.pop(x.value, None) if want else None for x, want in zip(operands, wanted, strict=True)]

    return rule


def _steps(y: Symbolic, operands: Operands, expression: Expression, given: dict[Value, Symbolic]) -> list[Apply]:
    """The steps of the expression, built but for the one whose result is `y`.

    An expression that is an operand as it is has no steps: its derivative is put in the place of that of `y`, or the
    other way round.
    """
    scratch = Builder(y.builder.origin)
    result = expression(*(Symbolic(scratch, x.value, x.scope) for x in operands)).value
    steps: list[Apply] = []
    for s in scratch.statements:
        assert isinstance(s, Apply)
        if s.result is result:
            steps.append(Apply(s.primitive, s.operands, y.value, s.origin))
        else:
            steps.append(s)
            y.builder.emit(s)
    for x in operands:
        if x.value is result:
            known, other = (x.value, y.value) if x.value in given else (y.value, x.value)
            if known in given:
                given[other] = given[known]
    return steps


def _tangent(y: Symbolic, s: Apply, tangents: Sequence[Symbolic | None]) -> Symbolic | None:
    """The tangent of one step."""
    if s.primitive.name in ZERO or all(t is None for t in tangents):
        return None
    return _rule(s).jvp(y.new(s.result), tuple(map(y.new, s.operands)), tuple(tangents))


def _pull_back(y: Symbolic, s: Apply, adjoints: dict[Value, Symbolic], active: set[Value]) -> None:
    """Add what one step gives to the adjoints of its operands."""
    by = adjoints[s.result]
    if s.primitive.name == "index_get" and s.operands[0] in adjoints:
        x, index = s.operands
        adjoints[x] = y.apply("index_add", adjoints[x], index, by)
        return
    wanted = [o in active and not isinstance(o, Constant) for o in s.operands]
    found = _rule(s).vjp(y.new(s.result), tuple(map(y.new, s.operands)), by, wanted)
    for o, g, want in zip(s.operands, found, wanted, strict=True):
        if g is None or not want:
            continue
        if o not in adjoints:
            adjoints[o] = g
        elif is_container(o.type):
            adjoints[o] = y.apply("accumulate", adjoints[o], g)
        else:
            adjoints[o] = adjoints[o] + g


def _rule(s: Apply) -> Rule:
    found = RULES.get(s.primitive.name)
    if found is None:
        raise NoRule(f"{s.primitive.name}, which it is made of, has no rule")
    return found
