"""Calls that are put in place of before reverse mode.

In: a program. Out: the same program in which every call, inside a loop, of a helper that reads elements of an array is
replaced by the helper's statements. The adjoint of such a read adds to one element of the adjoint array; behind a call
it would have to be a whole array of its own for each call, and a loop over the elements would cost the square of its
length. A helper marked to be recomputed stays behind its call, for that is what is asked for.

>>> from srcdiff.ir.types import FLOAT
>>> from srcdiff.ir.core import Parameter
>>> x = Value(FLOAT, "x")
>>> f = Function("f", (Parameter(x),), Block((x,), (), (x,)))
>>> len(inline_element_readers(Program((f,))).functions)
1
"""

from __future__ import annotations

from dataclasses import replace

from srcdiff.ad.variants import is_recursive
from srcdiff.ir.core import (
    Apply,
    Block,
    Call,
    Effect,
    For,
    Function,
    If,
    Program,
    Statement,
    Value,
    While,
    assert_never,
    walk,
)
from srcdiff.ir.substitution import Substitution, refresh, substitute
from srcdiff.ir.types import is_mutable


def inline_element_readers(program: Program) -> Program:
    """Put helpers that read elements of a parameter in place of their calls in loops."""
    readers = {
        f.name: f
        for f in program.functions
        if _reads_elements(f) and not f.recompute and not is_recursive(program, f.name)
    }
    if not readers:
        return program
    return Program(tuple(replace(f, body=_Inliner(readers).block(f.body, False)) for f in program.functions))


def _reads_elements(function: Function) -> bool:
    arrays = {p for p in function.body.parameters if is_mutable(p.type)}
    return any(
        isinstance(s, Apply) and s.primitive.name == "index_get" and s.operands[0] in arrays
        for s in walk(function.body)
    )


class _Inliner:
    def __init__(self, readers: dict[str, Function]) -> None:
        self.readers = readers

    def block(self, block: Block, in_loop: bool) -> Block:
        statements: list[Statement] = []
        replaced: Substitution = {}
        for old in block.statements:
            statement = self._statement(old, in_loop)
            if in_loop and isinstance(statement, Call) and statement.function in self.readers:
                body = self.block(self.readers[statement.function].body, in_loop)
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
