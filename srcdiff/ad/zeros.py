"""Materialised zeros and names, shared by the two modes.

A zero tangent or adjoint is symbolic (absent) as long as possible. Where a loop or a branch must pass one on, it is
built here: `0.0` for a number, an array of zeros otherwise.

>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.core import Value
>>> from srcdiff.ir.types import FLOAT
>>> zero_of(Builder(), Value(FLOAT, "x")).value
0.0
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

from srcdiff.analysis.activity import is_undefined
from srcdiff.analysis.undefined import possibly_undefined
from srcdiff.ir.builder import Builder
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
    class_value,
    constant,
)
from srcdiff.ir.substitution import substitute_statement
from srcdiff.ir.types import Opaque, Record, Scalar
from srcdiff.primitives.table import TABLE


def zero_of(builder: Builder, value: Value, name: str | None = None, undefined: Set[Value] = frozenset()) -> Value:
    """The zero tangent or adjoint of `value`; of a value in `undefined`, which may be without content, nothing then."""
    if is_undefined(value):
        return value
    if isinstance(value.type, Scalar):
        return constant(0.0)
    if isinstance(value.type, Opaque) and value.type.name in ("str", "None"):
        return constant(None)
    if isinstance(value.type, Record) and value not in undefined:
        parts = [builder.apply(TABLE["index_get"], value, k) for k in range(len(value.type.items))]
        items = [zero_of(builder, part) for part in parts]
        return builder.apply(TABLE["make_record"], class_value(value.type.made), *items, name=name)
    return builder.apply(TABLE["zeros_if_defined" if value in undefined else "zeros_like"], value, name=name)


def named(builder: Builder, start: int, value: Value, name: str | None) -> Value:
    """Give `value` the name hint if it has none and one of the builder's statements from `start` on defines it."""
    if name is None or value.name is not None:
        return value
    for position in range(len(builder.statements) - 1, start - 1, -1):
        statement = builder.statements[position]
        if isinstance(statement, Apply | Call) and value in statement.results:
            renamed = Value(value.type, name, value.origin)
            if isinstance(statement, Call):
                results = tuple(renamed if r is value else r for r in statement.results)
                builder.statements[position] = replace(statement, results=results)
            else:
                builder.statements[position] = replace(statement, result=renamed)
            for later in range(position + 1, len(builder.statements)):
                builder.statements[later] = substitute_statement(builder.statements[later], {value: renamed})
            return renamed
    return value


def tolerant(program: Program) -> Program:
    """The program with `zeros_if_defined` for every zero, made by a rule or passed on, of what may be undefined."""
    functions: list[Function] = []
    for function in program.functions:
        undefined = possibly_undefined(function.body)
        if undefined:
            function = replace(function, body=_tolerant(function.body, undefined))
        functions.append(function)
    return Program(tuple(functions))


def _tolerant(block: Block, undefined: Set[Value]) -> Block:
    statements: list[Statement] = []
    for s in block.statements:
        match s:
            case Apply(Primitive(name="zeros_like"), (x,), _) if x in undefined:
                statements.append(replace(s, primitive=TABLE["zeros_if_defined"]))
            case If():
                then, orelse = _tolerant(s.then, undefined), _tolerant(s.orelse, undefined)
                statements.append(replace(s, then=then, orelse=orelse))
            case For() | While():
                statements.append(replace(s, body=_tolerant(s.body, undefined)))
            case Apply() | Call() | Effect():
                statements.append(s)
            case _:
                assert_never(s)
    return Block(block.parameters, tuple(statements), block.results)
