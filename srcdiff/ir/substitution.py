"""Blocks in which values are replaced.

In: a block and a `Substitution`, from values to those that are read in their place. Out: the block that reads them
(`substitute`), or one that besides defines values of its own (`refresh`).

>>> from srcdiff.ir.types import FLOAT
>>> x, y = Value(FLOAT, "x"), Value(FLOAT, "y")
>>> substitute(Block((), (), (x,)), {x: y}).results[0] is y
True
"""

from __future__ import annotations

from dataclasses import replace

from srcdiff.ir.core import Apply, Block, Call, Effect, For, If, Statement, Value, While, is_atom

Substitution = dict[Value, Value]


def substitute(block: Block, mapping: Substitution) -> Block:
    """The block with every read of a key of `mapping` replaced. Definitions stay the same values."""
    if not mapping:
        return block

    def new(values: tuple[Value, ...]) -> tuple[Value, ...]:
        return tuple(mapping.get(v, v) for v in values)

    return Block(
        block.parameters, tuple(substitute_statement(s, mapping) for s in block.statements), new(block.results)
    )


def substitute_statement(statement: Statement, mapping: Substitution) -> Statement:
    """One statement with its reads replaced, inner blocks included."""

    def new(values: tuple[Value, ...]) -> tuple[Value, ...]:
        return tuple(mapping.get(v, v) for v in values)

    match statement:
        case Apply(primitive, operands, result, origin, inplace):
            return Apply(primitive, new(operands), result, origin, inplace)
        case If(condition, then, orelse, results, origin, expression):
            condition = mapping.get(condition, condition)
            return If(condition, substitute(then, mapping), substitute(orelse, mapping), results, origin, expression)
        case For(iterable, initial, zipped, body):
            driver = None if iterable is None else mapping.get(iterable, iterable)
            body = substitute(body, mapping)
            return replace(statement, iterable=driver, initial=new(initial), zipped=new(zipped), body=body)
        case While(test, initial, body):
            test, body = substitute(test, mapping), substitute(body, mapping)
            return replace(statement, condition=test, initial=new(initial), body=body)
        case Call(function, arguments, results, origin):
            return Call(function, new(arguments), results, origin)
        case Effect(operands=operands, keywords=keywords):
            named = tuple((k, mapping.get(v, v)) for k, v in keywords)
            return replace(statement, operands=new(operands), keywords=named)


def refresh(block: Block, mapping: Substitution | None = None) -> Block:
    """A copy of the block in which every value it defines is new (needed where a block is used twice)."""
    mapping = dict(mapping or {})

    def define(values: tuple[Value, ...]) -> tuple[Value, ...]:
        for v in values:
            if not is_atom(v):
                mapping[v] = Value(v.type, v.name, v.origin)
        return tuple(mapping.get(v, v) for v in values)

    def read(values: tuple[Value, ...]) -> tuple[Value, ...]:
        return tuple(mapping.get(v, v) for v in values)

    parameters = define(block.parameters)
    statements: list[Statement] = []
    for s in block.statements:
        match s:
            case Apply(primitive, operands, result, origin, inplace):
                operands = read(operands)
                statements.append(Apply(primitive, operands, define((result,))[0], origin, inplace))
            case If(condition, then, orelse, results, origin, expression):
                condition, then, orelse = read((condition,))[0], refresh(then, mapping), refresh(orelse, mapping)
                statements.append(If(condition, then, orelse, define(results), origin, expression))
            case For(iterable, initial, zipped, body, results):
                driver = None if iterable is None else read((iterable,))[0]
                initial, zipped, body = read(initial), read(zipped), refresh(body, mapping)
                results = define(results)
                made = replace(s, iterable=driver, initial=initial, zipped=zipped, body=body, results=results)
                statements.append(made)
            case While(test, initial, body, results):
                test, initial, body = refresh(test, mapping), read(initial), refresh(body, mapping)
                results = define(results)
                statements.append(replace(s, condition=test, initial=initial, body=body, results=results))
            case Call(function, arguments, results, origin):
                arguments = read(arguments)
                statements.append(Call(function, arguments, define(results), origin))
            case Effect(result=result):
                operands = read(s.operands)
                named = tuple((k, mapping.get(v, v)) for k, v in s.keywords)
                made_anew = None if result is None else define((result,))[0]
                statements.append(replace(s, operands=operands, keywords=named, result=made_anew))
    return Block(parameters, tuple(statements), read(block.results))
