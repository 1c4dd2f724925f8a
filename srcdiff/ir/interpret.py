"""The interpreter: what a program means, run on real Python and NumPy objects. The oracle for every pass.

In: a program and the arguments of one of its functions. Out: what the function returns (several results as a tuple).
It is purely functional: primitives are evaluated on values and no argument is ever changed, whatever `inplace` says.

>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.core import Function, Parameter, Primitive
>>> from srcdiff.ir.types import FLOAT
>>> multiply = Primitive("multiply", ("a", "b"), infer=lambda a, b: FLOAT, evaluate=lambda a, b: a * b)
>>> b = Builder()
>>> x = b.value(FLOAT, "x")
>>> y = b.apply(multiply, x, 2.0)
>>> interpret(Program((Function("f", (Parameter(x),), b.block((x,), (y,))),)), (3.0,))
6.0
"""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from srcdiff.ir.core import (
    UNDEFINED,
    Apply,
    Block,
    Call,
    Constant,
    Effect,
    For,
    Function,
    Global,
    If,
    Program,
    Statement,
    Value,
    While,
    assert_never,
)

_PASSES_ON = frozenset({"copy", "identity", "zeros_if_defined"})
"""Primitives that hand a variable on without looking at it: their operand may be undefined."""


def interpret(program: Program, arguments: Sequence[Any], name: str | None = None) -> Any:
    """Run the function called `name` (the main one by default) on all of its arguments, in order."""
    function = program.main if name is None else program[name]
    results = _Frame(program).call(function, arguments)
    return results[0] if len(results) == 1 else results


def resolve(value: Global) -> Any:
    """The object that a global stands for."""
    if value.captured is not None:
        return value.captured
    found: Any = importlib.import_module(value.module) if value.module else builtins
    for part in value.attribute.split("."):
        found = getattr(found, part)
    return found


@dataclass
class _Frame:
    """The values of one call of a function."""

    program: Program
    content: dict[Value, Any] = field(default_factory=dict)

    def call(self, function: Function, arguments: Sequence[Any]) -> tuple[Any, ...]:
        if len(arguments) != len(function.parameters):
            raise TypeError(f"{function.name} takes {len(function.parameters)} arguments, got {len(arguments)}")
        return _Frame(self.program).block(function.body, arguments)

    def block(self, block: Block, arguments: Sequence[Any]) -> tuple[Any, ...]:
        self._bind(block.parameters, arguments)
        for statement in block.statements:
            self._statement(statement)
        return tuple(map(self._pass_on, block.results))

    def _bind(self, values: Sequence[Value], contents: Sequence[Any]) -> None:
        if len(values) != len(contents):
            raise AssertionError(f"{len(contents)} contents for {len(values)} values")
        self.content.update(zip(values, contents, strict=True))

    def _pass_on(self, value: Value) -> Any:
        """The content of `value`, which may be undefined: results of blocks, copies and initial values hand it on."""
        match value:
            case Constant():
                return value.value
            case Global():
                return resolve(value)
            case _:
                return self.content[value]

    def _read(self, value: Value) -> Any:
        content = self._pass_on(value)
        if content is UNDEFINED:
            raise UnboundLocalError(f"local variable {value.name or 'without a name'!r} is read before it is assigned")
        return content

    def _statement(self, statement: Statement) -> None:
        match statement:
            case Apply(primitive, operands, result):
                # The tape of a call is a tuple; what was not computed on the path taken is an empty place in it.
                in_tuple = primitive.name in ("make_tuple", "make_record")
                read = self._pass_on if in_tuple or primitive.name in _PASSES_ON else self._read
                contents = [read(v) for v in operands]
                if primitive.name == "zeros_if_defined":
                    contents = [None if c is UNDEFINED else c for c in contents]
                undefined = not in_tuple and any(c is UNDEFINED for c in contents)
                self.content[result] = UNDEFINED if undefined else primitive.evaluate(*contents)
            case If(condition, then, orelse, results):
                self._bind(results, self.block(then if self._read(condition) else orelse, ()))
            case For():
                self._for(statement)
            case While():
                self._while(statement)
            case Call(name, arguments, results):
                self._bind(results, self.call(self.program[name], [self._read(v) for v in arguments]))
            case Effect():
                self._effect(statement)
            case _:
                assert_never(statement)

    def _for(self, loop: For) -> None:
        carried = [self._pass_on(v) for v in loop.initial]
        zipped = [list(self._read(v)) for v in loop.zipped]
        collected: list[list[Any]] = [[] for _ in loop.collected]
        for item in _items(loop, None if loop.iterable is None else self._read(loop.iterable), zipped):
            outcome = self.block(loop.body, (item, *carried, *(items.pop() for items in zipped)))
            carried, stop = _end_of_iteration(loop, outcome, collected)
            if stop:
                break
        self._bind(loop.results, (*carried, *collected))

    def _while(self, loop: While) -> None:
        carried = [self._pass_on(v) for v in loop.initial]
        collected: list[list[Any]] = [[] for _ in loop.collected]
        while self.block(loop.condition, carried)[0]:
            carried, stop = _end_of_iteration(loop, self.block(loop.body, carried), collected)
            if stop:
                break
        self._bind(loop.results, (*carried, *collected))

    def _effect(self, effect: Effect) -> None:
        contents = [self._read(v) for v in effect.operands] if effect.kind != "assert" else []
        keywords = {k: self._read(v) for k, v in effect.keywords}
        match effect.kind:
            case "print":
                print(*contents, **keywords)
            case "assert":
                if not self._read(effect.operands[0]):
                    raise AssertionError(*map(self._read, effect.operands[1:]))
            case "raise":
                if effect.exception is None:
                    raise RuntimeError("No active exception to reraise")
                raise resolve(effect.exception)(*contents, **keywords)
            case "call":
                if effect.primitive is None:
                    raise AssertionError("internal error: a call of no function")
                self._bind(effect.results, (effect.primitive.evaluate(*contents),))
            case _:
                assert_never(effect.kind)


def _items(loop: For, iterable: Any, zipped: list[list[Any]]) -> Iterator[Any]:
    """What the loop iterates over: the iterable, or None as often as the zipped lists last."""
    if loop.iterable is not None:
        yield from iterable
        return
    if len(set(map(len, zipped))) > 1:
        raise AssertionError(f"zipped lists of different lengths: {[len(items) for items in zipped]}")
    while zipped and zipped[0]:
        yield None


def _end_of_iteration(
    loop: For | While, outcome: tuple[Any, ...], collected: list[list[Any]]
) -> tuple[list[Any], bool]:
    """The next carried contents and whether the loop ends; what was collected is added to the lists."""
    count = len(loop.initial)
    for items, item in zip(collected, outcome[loop.stops + count :], strict=True):
        items.append(item)
    return list(outcome[loop.stops : loop.stops + count]), bool(loop.stops and outcome[0])
