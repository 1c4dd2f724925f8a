"""Activity: which values a derivative passes through.

In: a program and which parameters of its main function are differentiated. Out: for each function and each
combination of varied parameters, the values that depend on them (*varied*) and, of these, the ones that reach a
result wanted (*active*).

A value is varied when it depends differentiably on a varied parameter, useful when a wanted result depends
differentiably on it, active when both (Hascoet and Pascual, "The Tapenade automatic differentiation tool", 2013,
section 4.1). Loops are iterated to a fixed point; a call's results are varied when one of its arguments is.

>>> from srcdiff.ir.core import Apply, Block
>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.types import FLOAT
>>> from srcdiff.primitives.table import TABLE
>>> b = Builder()
>>> x, c = b.value(FLOAT, "x"), b.value(FLOAT, "c")
>>> y = b.apply(TABLE["multiply"], x, c)
>>> block = b.block((x, c), (y,))
>>> varied = varied_values(block, {x})
>>> y in varied, c in varied
(True, False)
>>> useful_values(block, {y}, varied) == {x, y}
True
"""

from __future__ import annotations

from collections.abc import Iterable, Set

from srcdiff.ir.core import (
    UNDEFINED,
    Apply,
    Block,
    Call,
    Constant,
    Effect,
    For,
    If,
    Statement,
    Value,
    While,
    assert_never,
)
from srcdiff.ir.types import is_differentiable
from srcdiff.primitives.rules import has_zero_derivative


def varied_values(block: Block, seeds: Iterable[Value], frozen: Set[Value] = frozenset()) -> set[Value]:
    """The values of the block (inner blocks included) that depend differentiably on one of `seeds`. What is `frozen`
    counts as constant."""
    varied = set(seeds)
    for statement in block.statements:
        _vary(statement, varied)
        varied.difference_update(r for r in statement.results if r in frozen)
    return varied


def _vary_block(block: Block, varied: set[Value]) -> None:
    for statement in block.statements:
        _vary(statement, varied)


def _vary(statement: Statement, varied: set[Value]) -> None:
    match statement:
        case Apply(primitive, operands, result):
            depends = any(v in varied for v in operands) and not has_zero_derivative(primitive)
            if depends and is_differentiable(result.type):
                varied.add(result)
        case If(_, then, orelse, results):
            _vary_block(then, varied)
            _vary_block(orelse, varied)
            for result, a, b in zip(results, then.results, orelse.results, strict=True):
                if a in varied or b in varied:
                    varied.add(result)
        case For() | While():
            _vary_loop(statement, varied)
        case Call(_, arguments, results):
            if any(v in varied for v in arguments):
                varied.update(r for r in results if is_differentiable(r.type))
        case Effect():
            pass
        case _:
            assert_never(statement)


def _vary_loop(loop: For | While, varied: set[Value]) -> None:
    if isinstance(loop, For):
        for items, item in zip(loop.zipped, loop.zipped_items, strict=True):
            if items in varied:
                varied.add(item)
    for initial, carried in zip(loop.initial, loop.carried, strict=True):
        if initial in varied:
            varied.add(carried)
    while True:
        size = len(varied)
        _vary_block(loop.body, varied)
        for carried, following in zip(loop.carried, loop.carried_next, strict=True):
            if following in varied and _may_vary(carried):
                varied.add(carried)
        if len(varied) == size:
            break
    count = len(loop.initial)
    for result, carried in zip(loop.results[:count], loop.carried, strict=True):
        if carried in varied:
            varied.add(result)
    for result, item in zip(loop.results[count:], loop.collected, strict=True):
        if item in varied:
            varied.add(result)


def _may_vary(value: Value) -> bool:
    return is_differentiable(value.type)


def useful_values(block: Block, wanted: Iterable[Value], varied: set[Value]) -> set[Value]:
    """Of the varied values, those that one of `wanted` depends on: the active ones."""
    useful = {v for v in wanted if v in varied}
    _use_block(block, useful, varied)
    return useful


def _use_block(block: Block, useful: set[Value], varied: set[Value]) -> None:
    for statement in reversed(block.statements):
        _use(statement, useful, varied)


def _mark(value: Value, useful: set[Value], varied: set[Value]) -> None:
    if value in varied:
        useful.add(value)


def _use(statement: Statement, useful: set[Value], varied: set[Value]) -> None:
    match statement:
        case Apply(primitive, operands, result):
            if result in useful and not has_zero_derivative(primitive):
                for operand in operands:
                    _mark(operand, useful, varied)
        case If(_, then, orelse, results):
            for result, a, b in zip(results, then.results, orelse.results, strict=True):
                if result in useful:
                    _mark(a, useful, varied)
                    _mark(b, useful, varied)
            _use_block(then, useful, varied)
            _use_block(orelse, useful, varied)
        case For() | While():
            _use_loop(statement, useful, varied)
        case Call(_, arguments, results):
            if any(r in useful for r in results):
                for argument in arguments:
                    _mark(argument, useful, varied)
        case Effect():
            pass
        case _:
            assert_never(statement)


def _use_loop(loop: For | While, useful: set[Value], varied: set[Value]) -> None:
    count = len(loop.initial)
    for result, following in zip(loop.results[:count], loop.carried_next, strict=True):
        if result in useful:
            _mark(following, useful, varied)
    # A loop that may run zero times passes its initial value on as well.
    for result, carried in zip(loop.results[:count], loop.carried, strict=True):
        if result in useful:
            _mark(carried, useful, varied)
    for result, item in zip(loop.results[count:], loop.collected, strict=True):
        if result in useful:
            _mark(item, useful, varied)
    while True:
        size = len(useful)
        _use_block(loop.body, useful, varied)
        for carried, following in zip(loop.carried, loop.carried_next, strict=True):
            if carried in useful:
                _mark(following, useful, varied)
        if len(useful) == size:
            break
    for initial, carried in zip(loop.initial, loop.carried, strict=True):
        if carried in useful:
            _mark(initial, useful, varied)
    if isinstance(loop, For):
        for items, item in zip(loop.zipped, loop.zipped_items, strict=True):
            if item in useful:
                _mark(items, useful, varied)


def is_undefined(value: Value) -> bool:
    """Whether the value is the content of a variable that has not been assigned."""
    return isinstance(value, Constant) and value.value is UNDEFINED
