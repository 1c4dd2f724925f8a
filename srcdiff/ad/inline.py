"""Calls that are put in place of before reverse mode.

In: a program. Out: the same program in which two kinds of calls are replaced by the helper's statements.

- Inside a loop, a helper that reads elements of an array. The adjoint of such a read adds to one element of the adjoint
  array; behind a call it would have to be a whole array of its own for each call, and a loop over the elements would
  cost the square of its length.
- A helper from whose result `np.where` chooses, or a part of which is overwritten through a mask, and whose derivative
  may be infinite: `srcdiff.ad.masks` must see the mask beside what it masks.

A helper marked to be recomputed stays behind its call, for that is what is asked for.

>>> from srcdiff.ir.types import FLOAT
>>> from srcdiff.ir.core import Parameter
>>> x = Value(FLOAT, "x")
>>> f = Function("f", (Parameter(x),), Block((x,), (), (x,)))
>>> len(inline_helpers(Program((f,))).functions)
1
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from srcdiff.ad.variants import is_recursive
from srcdiff.ir.core import (
    Apply,
    Block,
    Call,
    Effect,
    For,
    Function,
    If,
    Primitive,
    Program,
    Statement,
    Value,
    While,
    assert_never,
    blocks_of,
    operands_of,
    walk,
)
from srcdiff.ir.substitution import Substitution, refresh, substitute
from srcdiff.ir.types import Array, is_mutable

_WITH_POLES = frozenset(
    (
        *("divide", "power", "mod", "np.float_power", "np.reciprocal", "np.hypot", "np.arctan2", "np.linalg.norm"),
        *(
            f"{m}.{n}"
            for m in ("np", "math")
            for n in ("log", "log2", "log10", "log1p", "sqrt", "cbrt", "pow", "atan2")
        ),
        *(f"np.arc{n}" for n in ("sin", "cos", "cosh", "tanh")),
        *(f"math.{n}" for n in ("asin", "acos", "acosh", "atanh", "hypot", "dist")),
        *("np.std", "np.tan", "math.tan"),
    )
)
"""Primitives with a derivative that is infinite or undefined somewhere."""


def inline_helpers(program: Program) -> Program:
    """Put helpers in place of their calls: those that read elements, in loops; and those that are chosen from."""
    eligible = {f.name: f for f in program.functions if not f.recompute and not is_recursive(program, f.name)}
    readers = frozenset(name for name, f in eligible.items() if _reads_elements(f))
    poles = _with_poles(program) & eligible.keys()
    if not readers and not poles:
        return program
    functions: list[Function] = []
    for function in program.functions:
        chosen = _chosen_from(function.body) if poles else frozenset()
        inliner = _Inliner(eligible, readers, frozenset(c for c in chosen if c.function in poles), poles)
        functions.append(replace(function, body=inliner.block(function.body, False)))
    return Program(tuple(functions))


def _reads_elements(function: Function) -> bool:
    arrays = {p for p in function.body.parameters if is_mutable(p.type)}
    return any(
        isinstance(s, Apply) and s.primitive.name == "index_get" and s.operands[0] in arrays
        for s in walk(function.body)
    )


def _with_poles(program: Program) -> frozenset[str]:
    """The functions of which an operation, or a function that they call, has an infinite derivative somewhere."""
    found: set[str] = set()
    while True:
        before = len(found)
        for function in program.functions:
            for s in walk(function.body):
                if isinstance(s, Apply) and s.primitive.name in _WITH_POLES:
                    found.add(function.name)
                if isinstance(s, Call) and s.function in found:
                    found.add(function.name)
        if len(found) == before:
            return frozenset(found)


def _chosen_from(body: Block) -> frozenset[Call]:
    """The calls on whose results depends what `np.where` chooses from, or what is overwritten through a mask."""
    makers: dict[Value, Statement] = {r: s for s in walk(body) for r in s.results}
    pending: list[Value] = []
    for s in walk(body):
        match s:
            case Apply(Primitive(name="np.where"), (_, a, b)):
                pending += [a, b]
            case Apply(Primitive(name="index_set"), (x, Value(type=Array(dtype="bool")), _)):
                pending.append(x)
            case _:
                pass
    seen: set[Statement] = set()
    while pending:
        maker = makers.get(pending.pop())
        if maker is None or maker in seen:
            continue
        seen.add(maker)
        pending += operands_of(maker)
        for block in blocks_of(maker):
            pending += block.results
    return frozenset(s for s in seen if isinstance(s, Call))


@dataclass(frozen=True)
class _Inliner:
    """Replaces calls of `readers` in loops, the calls `chosen`, and in these calls of what has `poles`."""

    functions: Mapping[str, Function]
    readers: frozenset[str]
    chosen: frozenset[Call]
    poles: frozenset[str]

    def _wanted(self, call: Call, in_loop: bool) -> bool:
        return (in_loop and call.function in self.readers) or call in self.chosen

    def block(self, block: Block, in_loop: bool) -> Block:
        statements: list[Statement] = []
        replaced: Substitution = {}
        for old in block.statements:
            statement = self._statement(old, in_loop)
            if isinstance(statement, Call) and self._wanted(statement, in_loop):
                called = self.functions[statement.function].body
                within = frozenset(s for s in walk(called) if isinstance(s, Call) and s.function in self.poles)
                body = replace(self, chosen=within if statement in self.chosen else self.chosen).block(called, in_loop)
                inner = refresh(body)
                inner = substitute(inner, dict(zip(inner.parameters, statement.arguments, strict=True)))
                statements.extend(inner.statements)
                replaced.update(zip(statement.results, inner.results, strict=True))
            else:
                statements.append(statement)
        made = Block(block.parameters, tuple(statements), block.results)
        return substitute(made, _resolved(replaced))

    def _statement(self, statement: Statement, in_loop: bool) -> Statement:
        match statement:
            case If():
                return replace(
                    statement, then=self.block(statement.then, in_loop), orelse=self.block(statement.orelse, in_loop)
                )
            case For():
                return replace(statement, body=self.block(statement.body, True))
            case While():
                return replace(
                    statement,
                    condition=self.block(statement.condition, True),
                    body=self.block(statement.body, True),
                )
            case Apply() | Call() | Effect():
                return statement
            case _:
                assert_never(statement)


def _resolved(replaced: Substitution) -> Substitution:
    """The mapping with chains followed to their ends (a result may be an argument that was a result)."""

    def end(value: Value) -> Value:
        while value in replaced:
            value = replaced[value]
        return value

    return {value: end(value) for value in replaced}
