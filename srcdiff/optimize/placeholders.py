"""Lists whose elements are all written later start with None in their places, not with arrays of zeros.

In: a program that is differentiated and optimised. Out: the program in which the zero adjoint of a list is
`[None] * len(x)` where every element is then assigned: one in each iteration of a loop over the whole list, or the last
one and those before it. (Earlier passes, and derivatives of the program, are spared lists of None.)

>>> placeholders(Program(())).functions
()
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from srcdiff.ir.builder import is_constant
from srcdiff.ir.core import Apply, Block, For, If, Program, Statement, Value, While, constant
from srcdiff.ir.types import INT, List, Scalar
from srcdiff.optimize.definitions import Definitions, made_by, reads_of_values
from srcdiff.primitives.table import TABLE


def placeholders(program: Program) -> Program:
    """The program without zeros that are never read."""
    functions = []
    for function in program.functions:
        known = Definitions(reads_of_values(function.body))
        functions.append(replace(function, body=_block(function.body, known)))
    return Program(tuple(functions))


def _block(block: Block, known: Definitions) -> Block:
    inside = [_inside(s, known) for s in block.statements]
    known.update({s.result: s for s in inside if isinstance(s, Apply)})
    overwritten = {zeros for s in inside for zeros in _overwritten(s, known)}
    statements = [part for s in inside for part in (_started(s) if set(s.results) & overwritten else (s,))]
    return Block(block.parameters, tuple(statements), block.results)


def _inside(statement: Statement, known: Definitions) -> Statement:
    match statement:
        case If():
            then, orelse = _block(statement.then, known), _block(statement.orelse, known)
            return replace(statement, then=then, orelse=orelse)
        case For() | While():
            return replace(statement, body=_block(statement.body, known))
        case _:
            return statement


def _started(statement: Statement) -> tuple[Apply, ...]:
    """``[None] * len(x)`` in place of ``zeros_like(x)``, and ``[0.0] * len(x)`` for numbers, whose type is kept so."""
    assert isinstance(statement, Apply) and isinstance(statement.result.type, List)
    (x,), origin = statement.operands, statement.origin
    item = constant(0.0 if isinstance(statement.result.type.item, Scalar) else None)
    one, count = Value(List(item.type), None, statement.result.origin), Value(INT, None, statement.result.origin)
    return (
        Apply(TABLE["make_list"], (item,), one, origin),
        Apply(TABLE["len"], (x,), count, origin),
        replace(statement, primitive=TABLE["multiply"], operands=(one, count)),
    )


def _overwritten(statement: Statement, known: Definitions) -> list[Value]:
    """The zeros that the statement, or the last of a pair that it ends, overwrites unread."""
    match statement:
        case For():
            return [
                initial
                for carried, initial, following in zip(
                    statement.carried, statement.initial, statement.carried_next, strict=True
                )
                if _is_zero_list(initial, known) and _sets_each(statement, carried, initial, following, known)
            ]
        case Apply() if statement.primitive.name == "index_set":
            before = made_by(statement.operands[0], known, "index_set")
            if before is None or known.reads.get(before.result) != 1 or not _is_zero_list(before.operands[0], known):
                return []
            pair = (statement.operands[1], before.operands[1])
            ends = any(_is_last(a) and _is_rest(b, known) for a, b in (pair, pair[::-1]))
            return [before.operands[0]] if ends else []
        case _:
            return []


def _is_zero_list(value: Value, known: Definitions) -> bool:
    zeros = made_by(value, known, "zeros_like")
    if zeros is None or known.reads.get(value) != 1 or not isinstance(value.type, List):
        return False
    return isinstance(zeros.operands[0].type, List)


def _is_last(index: Value) -> bool:
    return is_constant(index, -1)


def _is_rest(index: Value, known: Definitions) -> bool:
    part = made_by(index, known, "make_slice")
    if part is None or not is_constant(part.operands[1], -1):
        return False
    return is_constant(part.operands[0], None, 0) and is_constant(part.operands[2], None, 1)


def _sets_each(loop: For, carried: Value, initial: Value, following: Value, known: Definitions) -> bool:
    """Whether the loop counts through the list that the zeros are those of, and sets the element of each iteration."""
    if loop.stops or loop.marker is not None or loop.iterable is None or known.reads.get(carried) != 1:
        return False
    inside: Mapping[Value, Apply] = {s.result: s for s in loop.body.statements if isinstance(s, Apply)}
    written = inside.get(following)
    if written is None or written.primitive.name != "index_set" or known.reads.get(following) != 1:
        return False
    if written.operands[0] is not carried or written.operands[1] is not loop.item:
        return False
    turned = made_by(loop.iterable, known, "reversed")
    numbers = made_by(loop.iterable if turned is None else turned.operands[0], known, "range")
    if numbers is None or not is_constant(numbers.operands[0], 0) or not is_constant(numbers.operands[2], 1):
        return False
    count, zeros = made_by(numbers.operands[1], known, "len"), made_by(initial, known, "zeros_like")
    return count is not None and zeros is not None and count.operands[0] is zeros.operands[0]
