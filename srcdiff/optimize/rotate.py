"""What only the next iteration reads is computed there, where nothing reads it after the last one.

In: a program. Out: the program in which a loop whose carried value is made by the same product before the loop and at
the end of each iteration carries what the product is made of, and makes the product at the start of the iteration::

    b = e @ V.T                               u, M = e, V
    for W in weights carry b           becomes    for W in weights carry u, M
        u = f(b)                                  b = u @ M.T
        yield u @ W.T                             u = f(b)
                                                  yield u, W

This is the adjoint of the layers of a network: the one of its input, which nothing asks for, is then not computed.

>>> rotate(Program(())).functions
()
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from srcdiff.ir.core import (
    Apply,
    Block,
    For,
    If,
    Program,
    Statement,
    Value,
    While,
    is_atom,
)
from srcdiff.ir.substitution import substitute
from srcdiff.ir.types import Array, join
from srcdiff.optimize.definitions import reads_of_values

_PRODUCT = "matmul"
_TURNED = "T"


def rotate(program: Program) -> Program:
    """The program without products that are made after the last iteration for nothing."""
    functions = []
    for function in program.functions:
        reads = reads_of_values(function.body)
        functions.append(replace(function, body=_block(function.body, reads)))
    return Program(tuple(functions))


def _block(block: Block, reads: Mapping[Value, int]) -> Block:
    statements: list[Statement] = []
    definitions: dict[Value, Apply] = {}
    for statement in block.statements:
        match statement:
            case Apply():
                definitions[statement.result] = statement
            case If():
                statement = replace(
                    statement, then=_block(statement.then, reads), orelse=_block(statement.orelse, reads)
                )
            case While():
                statement = replace(statement, body=_block(statement.body, reads))
            case For():
                statement = _rotated(replace(statement, body=_block(statement.body, reads)), definitions, reads)
            case _:
                pass
        statements.append(statement)
    return Block(block.parameters, tuple(statements), block.results)


@dataclass(frozen=True)
class _Product:
    """A product of two leaves, each of which may be transposed."""

    apply: Apply
    leaves: tuple[Value, Value]
    turned: tuple[bool, bool]


def _product(value: Value, definitions: Mapping[Value, Apply], reads: Mapping[Value, int]) -> _Product | None:
    made = definitions.get(value)
    if made is None or made.primitive.name != _PRODUCT or reads.get(value) != 1 or made.origin.role == "primal":
        return None
    parts = [definitions.get(v) for v in made.operands]
    turned = [p is not None and p.primitive.name == _TURNED for p in parts]
    leaves = [p.operands[0] if p is not None and t else v for v, p, t in zip(made.operands, parts, turned, strict=True)]
    if not all(isinstance(v.type, Array) for v in leaves):
        return None
    return _Product(made, (leaves[0], leaves[1]), (turned[0], turned[1]))


def _rotated(loop: For, before: Mapping[Value, Apply], reads: Mapping[Value, int]) -> For:
    """The loop with the first carried value for which that pays."""
    if loop.stops or loop.marker is not None:
        return loop
    inside = {s.result: s for s in loop.body.statements if isinstance(s, Apply)}
    for k, (initial, following) in enumerate(zip(loop.initial, loop.carried_next, strict=True)):
        if reads.get(loop.results[k]):
            continue
        first, last = _product(initial, before, reads), _product(following, inside, reads)
        if first is not None and last is not None and first.turned == last.turned:
            return _with_leaves(loop, k, first, last)
    return loop


def _with_leaves(loop: For, k: int, first: _Product, last: _Product) -> For:
    initial, carried = list(loop.initial), list(loop.carried)
    following, results = list(loop.carried_next), list(loop.results)
    del initial[k], following[k], results[k]
    old = carried.pop(k)
    made: list[Statement] = []
    operands: list[Value] = []
    for a, b, turned in zip(first.leaves, last.leaves, last.turned, strict=True):
        leaf = a
        if a is not b or is_atom(a):
            leaf = Value(join(a.type, b.type), b.name, b.origin)
            count = len(initial)
            initial.append(a)
            carried.append(leaf)
            following.append(b)
            results.insert(count, Value(leaf.type, b.name, b.origin))
        if turned:
            turn = next(s for s in _turns(loop, last) if s.operands[0] is b)
            whole = Value(turn.primitive.infer(leaf), None, turn.origin)
            made.append(replace(turn, operands=(leaf,), result=whole))
            leaf = whole
        operands.append(leaf)
    start = Value(old.type, old.name, last.apply.result.origin)
    made.append(replace(last.apply, operands=tuple(operands), result=start))
    body = substitute(loop.body, {old: start})
    parameters = (loop.item, *carried, *loop.zipped_items)
    # What was made at the end is dead now; what is handed on may be the old carried value itself.
    following = [start if v is old else v for v in following]
    collected = [start if v is old else v for v in loop.collected]
    body = Block(parameters, (*made, *body.statements), (*following, *collected))
    return replace(loop, initial=tuple(initial), body=body, results=tuple(results))


def _turns(loop: For, product: _Product) -> list[Apply]:
    """The transpositions whose results the product reads."""
    return [s for s in loop.body.statements if isinstance(s, Apply) and s.result in product.apply.operands]
