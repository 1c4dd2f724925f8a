"""The last pass: updates overwrite their operand again, as the user's program did.

In: a program in which arrays are values, and every update makes a new one. Out: the same program with `inplace` set on
the updates that may overwrite their operand, and copies where they may not::

    x1 = index_set x0, i, v        becomes     x1 = inplace index_set x0, i, v       printed  x[i] = v
                                   or          c = copy x0                           printed  x = x.copy()
                                               x1 = inplace index_set c, i, v                 x[i] = v

After this pass no update of an array, list or dict is left that does not overwrite. What may be overwritten is found in
`overwrite`. The derivatives that the main function returns are made distinct objects: neither memory of the caller
nor a read-only view nor twice the same array, since the caller may write into a gradient.

>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.core import Parameter
>>> from srcdiff.ir.types import FLOAT, Array
>>> from srcdiff.ir.text import to_text
>>> b = Builder()
>>> x = b.value(Array("float64", (3,)), "x")
>>> y = b.apply(TABLE["index_set"], x, 0, 1.0, name="x")
>>> print(to_text(inplace(Program((Function("f", (Parameter(x),), b.block((x,), (y,))),)))), end="")
function f(%x: float64[3]):
    %x_1: float64[3] = copy %x
    %x_2: float64[3] = inplace index_set %x_1, 0, 1.0
    return %x_2
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from srcdiff.ir.core import (
    Apply,
    Block,
    Call,
    Constant,
    Effect,
    For,
    Function,
    If,
    Origin,
    Program,
    Statement,
    Value,
    While,
    assert_never,
    blocks_of,
    constant,
    operands_of,
    walk,
)
from srcdiff.ir.types import Scalar, Unknown, is_mutable
from srcdiff.optimize.overwrite import Overwrites
from srcdiff.optimize.ownership import VIEW, SiteSet
from srcdiff.optimize.plans import Plan, Summary
from srcdiff.optimize.schedule import reads_first
from srcdiff.optimize.within import within
from srcdiff.primitives.table import TABLE


def inplace(program: Program, *, derivative: bool = False) -> Program:
    """The program with updates in place; `derivative` says whether its main function is one, and not the user's."""
    summaries: dict[str, Summary] = {}
    functions: list[Function] = []
    for function in program.functions:
        if not _has_objects(function):
            functions.append(function)
            summaries[function.name] = Summary.of_numbers(function)
            continue
        function = replace(function, body=reads_first(within(function.body)))
        analysis = Overwrites(function, summaries)
        rewriter = _Rewriter(analysis.run(), _spread_numbers(function.body))
        body = rewriter.block(function.body)
        if derivative and function.name == program.main.name:
            body = _with_own_derivatives(body, analysis, rewriter)
        summaries[function.name] = analysis.summary()
        functions.append(replace(function, body=_without_unread(body, rewriter.spread)))
    return Program(tuple(functions))


def _has_objects(function: Function) -> bool:
    """Whether anything in the function may be an array, list or dict: most scalar code has nothing to overwrite."""
    if any(is_mutable(v.type) for v in function.body.parameters):
        return True
    return any(is_mutable(r.type) for s in walk(function.body) for r in s.results)


def _spread_numbers(body: Block) -> dict[Value, Apply]:
    """What is a number broadcast to a shape: a copy of it is `np.full`."""
    return {
        s.result: s
        for s in walk(body)
        if isinstance(s, Apply) and s.primitive.name == "np.broadcast_to" and isinstance(s.operands[0].type, Scalar)
    }


def _without_unread(block: Block, spread: dict[Value, Apply]) -> Block:
    """The block without broadcasts that `np.full` has replaced."""
    read = {v for s in walk(block) for v in operands_of(s)} | set(block.results)
    read.update(v for s in walk(block) for inner in blocks_of(s) for v in inner.results)
    unread = {s for v, s in spread.items() if v not in read}

    def visit(block: Block) -> Block:
        statements = tuple(_map_blocks(s, visit) for s in block.statements if s not in unread)
        return replace(block, statements=statements)

    return visit(block) if unread else block


def _map_blocks(statement: Statement, change: Callable[[Block], Block]) -> Statement:
    match statement:
        case If():
            return replace(statement, then=change(statement.then), orelse=change(statement.orelse))
        case For():
            return replace(statement, body=change(statement.body))
        case While():
            return replace(statement, condition=change(statement.condition), body=change(statement.body))
        case _:
            return statement


@dataclass(frozen=True)
class _Rewriter:
    """Writes a plan into the blocks of a function."""

    plan: Plan
    spread: dict[Value, Apply]

    def copy_of(self, value: Value, origin: Origin, name: str | None) -> Apply:
        result = Value(value.type, name, value.origin)
        if value in self.spread:
            number, shape = self.spread[value].operands
            return Apply(TABLE["np.full"], (shape, number, constant(None)), result, origin)
        return Apply(TABLE["copy"], (value,), result, origin)

    def block(self, block: Block) -> Block:
        statements = tuple(s for statement in block.statements for s in self._statement(statement))
        return Block(block.parameters, statements, block.results)

    def _statement(self, statement: Statement) -> tuple[Statement, ...]:
        match statement:
            case Apply():
                return self._apply(statement)
            case If(condition, then, orelse, results, origin, expression):
                return (If(condition, self.block(then), self.block(orelse), results, origin, expression),)
            case For():
                copies, initial = self._initial(statement)
                return (*copies, replace(statement, initial=initial, body=self.block(statement.body)))
            case While():
                copies, initial = self._initial(statement)
                test = self.block(statement.condition)
                return (*copies, replace(statement, condition=test, initial=initial, body=self.block(statement.body)))
            case Call() | Effect():
                return (statement,)
            case _:
                assert_never(statement)

    def _apply(self, apply: Apply) -> tuple[Statement, ...]:
        if apply in self.plan.detached:
            view = replace(apply, result=Value(apply.result.type, None, apply.result.origin))
            return view, Apply(TABLE["copy"], (view.result,), apply.result, apply.origin)
        if apply not in self.plan.overwriting:
            return (apply,)
        if apply not in self.plan.copies:
            return (replace(apply, inplace=True),)
        position = apply.primitive.updates or 0
        base = apply.operands[position]
        copy = self.copy_of(base, apply.origin, base.name)
        operands = (*apply.operands[:position], copy.result, *apply.operands[position + 1 :])
        return copy, replace(apply, operands=operands, inplace=True)

    def _initial(self, loop: For | While) -> tuple[tuple[Statement, ...], tuple[Value, ...]]:
        """The copies to make before the loop, and its initial values."""
        copies: list[Statement] = []
        initial = list(loop.initial)
        for k, value in enumerate(loop.initial):
            if (loop, k) in self.plan.copied_initial:
                copy = self.copy_of(value, loop.origin, value.name)
                copies.append(copy)
                initial[k] = copy.result
        return tuple(copies), tuple(initial)


def _with_own_derivatives(body: Block, analysis: Overwrites, rewriter: _Rewriter) -> Block:
    """The body with copies of the derivatives among its results that are not objects of their own.

    Of several results the first is the value of the user's function, which may be what it was given.
    """
    taken: SiteSet = frozenset()
    copies: list[Statement] = []

    def own(value: Value) -> Value:
        nonlocal taken
        reach = analysis.reach_of(value).all
        if isinstance(value.type, Unknown):
            # Most likely a number, and then a view of nothing: what counts is that it is no object of the caller's.
            reach = analysis.reach_of(value).top - {VIEW}
        shared = reach & taken or not all(map(analysis.sites.owned, reach))
        taken |= reach
        if isinstance(value, Constant) or not is_mutable(value.type) or not shared:
            return value
        copies.append(rewriter.copy_of(value, value.origin, value.name if value.origin.role == "adjoint" else None))
        return copies[-1].results[0]

    packed = {
        s.result: s
        for s in body.statements
        if isinstance(s, Apply) and s.primitive.name in ("make_tuple", "make_record")
    }
    results = list(body.results[: len(body.results) > 1])
    taken = taken.union(*(analysis.reach_of(value).all for value in results))
    renewed: dict[Statement, tuple[Statement, ...]] = {}

    def own_all(value: Value) -> Value:
        """The same for what a tuple holds, and the tuples in it."""
        if value not in packed:
            return own(value)
        pack = packed[value]
        start = len(copies)
        items = tuple(map(own_all, pack.operands))
        renewed[pack] = (*copies[start:], replace(pack, operands=items))
        del copies[start:]
        return value

    results.extend(map(own_all, body.results[len(results) :]))
    statements = tuple(s for statement in body.statements for s in renewed.get(statement, (statement,)))
    return Block(body.parameters, (*statements, *copies), tuple(results))
