"""The sparsity pattern of a program's Jacobian, found by running the program once.

In: a program, its arguments, and which parameters count as inputs. Out: for every number of the result, the inputs that
it may depend on. Every value carries its content and a shadow (`shadows`); the content decides branches, loops and
indices, as in the interpreter, and shadows go along (`propagation`). What holds at these arguments need not hold at
others: whoever uses a pattern elsewhere checks it.

>>> from srcdiff.derivative import Derivative
>>> def f(x):
...     return x[1:] * x[:-1]
>>> f_jvp = Derivative(f, "primal", None)
>>> x = np.ones(4)
>>> value = f_jvp(x)
>>> indptr, indices = detect(f_jvp.ir, [x], [0])
>>> indptr.tolist(), indices.tolist()
([0, 2, 4, 6], [0, 1, 1, 2, 2, 3])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

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
from srcdiff.ir.interpret import resolve
from srcdiff.primitives.helpers import helper
from srcdiff.sparsity.dependencies import Dependencies, Names
from srcdiff.sparsity.propagation import propagate
from srcdiff.sparsity.shadows import Shadow, names, opened
from srcdiff.sparsity.updates import UPDATES

Pair = tuple[Any, Shadow]

_PASSES_ON = frozenset({"copy", "identity", "zeros_if_defined", "make_tuple", "make_record"})
"""Primitives that hand a variable on without looking at it: their operand may be undefined."""


def detect(program: Program, arguments: Sequence[Any], wrt: Sequence[int]) -> tuple[Names, Names]:
    """Which inputs each number of the result may depend on, at these arguments.

    Parameters
    ----------
    arguments
        Of the main function, in order. They are not changed.
    wrt
        The positions of the arguments whose numbers are the inputs: numbers and arrays, counted one after the other, in
        C order.

    Returns
    -------
    tuple
        ``(indptr, indices)``, the rows of a sparse matrix: one for each number of the result, in C order, of several
        results one after the other.
    """
    sets = Dependencies(sum(int(np.size(arguments[i])) for i in wrt))
    inputs, start = sets.inputs(), 0
    shadows: list[Shadow] = [None] * len(arguments)
    for i in wrt:
        mine = inputs[start : start + int(np.size(arguments[i]))]
        start += mine.size
        shadows[i] = mine.reshape(arguments[i].shape) if isinstance(arguments[i], np.ndarray) else int(mine[0])
    own = [helper("copy_of")(a) for a in arguments]
    with np.errstate(all="ignore"):
        results = _Frame(program, sets).call(program.main, list(zip(own, shadows, strict=True)))
    found = [np.ravel(part) for content, shadow in results for part in _flat(content, shadow)]
    return sets.rows(np.concatenate(found) if found else np.zeros(0, dtype=np.int64))


def _flat(content: Any, shadow: Shadow) -> list[Names]:
    """The names of the numbers of a result; a tuple of results is one after the other."""
    if isinstance(content, tuple):
        return [part for c, s in zip(content, opened(shadow, content), strict=True) for part in _flat(c, s)]
    return [names(shadow, content)]


class _Frame:
    """The values of one call of a function, and their shadows."""

    def __init__(self, program: Program, sets: Dependencies) -> None:
        self.program = program
        self.sets = sets
        self.pairs: dict[Value, Pair] = {}

    def call(self, function: Function, arguments: Sequence[Pair]) -> list[Pair]:
        return _Frame(self.program, self.sets).block(function.body, arguments)

    def block(self, block: Block, arguments: Sequence[Pair]) -> list[Pair]:
        self.pairs.update(zip(block.parameters, arguments, strict=True))
        for statement in block.statements:
            self._statement(statement)
        return [self._pass_on(v) for v in block.results]

    def _pass_on(self, value: Value) -> Pair:
        found = self.pairs.get(value)
        if found is not None:
            return found
        # The contents of atoms stay the same, and are looked up once.
        content = value.value if isinstance(value, Constant) else resolve(value) if isinstance(value, Global) else None
        self.pairs[value] = (content, None)
        return self.pairs[value]

    def _read(self, value: Value) -> Pair:
        found = self._pass_on(value)
        if found[0] is UNDEFINED:
            raise UnboundLocalError(f"local variable {value.name or 'without a name'!r} is read before it is assigned")
        return found

    def _statement(self, statement: Statement) -> None:
        match statement:
            case Apply():
                self.pairs[statement.result] = self._apply(statement)
            case If(condition, then, orelse, results):
                self._bind(results, self.block(then if self._read(condition)[0] else orelse, ()))
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

    def _bind(self, values: Sequence[Value], pairs: Sequence[Pair]) -> None:
        self.pairs.update(zip(values, pairs, strict=True))

    def _apply(self, apply: Apply) -> Pair:
        primitive = apply.primitive
        name = primitive.name
        if name in _PASSES_ON:
            pairs = [self._pass_on(v) for v in apply.operands]
            if name not in ("make_tuple", "make_record") and pairs[0][0] is UNDEFINED:
                # The zero of what is undefined is None, to which anything can be added.
                return None if name == "zeros_if_defined" else UNDEFINED, None
        else:
            pairs = [self._read(v) for v in apply.operands]
        contents = [p[0] for p in pairs]
        shadows = [p[1] for p in pairs]
        if name in UPDATES:
            return UPDATES[name](self.sets, contents, shadows, apply.inplace)
        content = primitive.evaluate(*contents)
        for shadow in shadows:
            if shadow is not None:
                return content, propagate(self.sets, primitive, shadows, contents, content)
        return content, None

    def _for(self, loop: For) -> None:
        carried = [self._pass_on(v) for v in loop.initial]
        tapes = [_listed(self._read(v)) for v in loop.zipped]
        collected: list[list[Pair]] = [[] for _ in loop.collected]
        driver = None if loop.iterable is None else self._read(loop.iterable)[0]
        items = iter(range(len(tapes[0]) if tapes else 0) if driver is None else driver)
        for item in items:
            given = (None if driver is None else item, None)
            outcome = self.block(loop.body, [given, *carried, *(tape.pop() for tape in tapes)])
            carried, stop = _end_of_iteration(loop, outcome, collected)
            if stop:
                break
        self._bind(loop.results, [*carried, *map(_gathered, collected)])

    def _while(self, loop: While) -> None:
        carried = [self._pass_on(v) for v in loop.initial]
        collected: list[list[Pair]] = [[] for _ in loop.collected]
        while self.block(loop.condition, carried)[0][0]:
            carried, stop = _end_of_iteration(loop, self.block(loop.body, carried), collected)
            if stop:
                break
        self._bind(loop.results, [*carried, *map(_gathered, collected)])

    def _effect(self, effect: Effect) -> None:
        """Nothing is printed; what fails has failed already where the program itself was run."""
        if effect.primitive is not None and effect.result is not None:
            content = effect.primitive.evaluate(*(self._read(v)[0] for v in effect.operands))
            self.pairs[effect.result] = (content, None)
        if effect.kind == "assert" and not self._read(effect.operands[0])[0]:
            raise AssertionError(*(self._read(v)[0] for v in effect.operands[1:]))
        if effect.kind == "raise" and effect.exception is not None:
            keywords = {k: self._read(v)[0] for k, v in effect.keywords}
            raise resolve(effect.exception)(*(self._read(v)[0] for v in effect.operands), **keywords)


def _listed(pair: Pair) -> list[Pair]:
    """The items of a list with their shadows."""
    content, shadow = pair
    return list(zip(content, [None] * len(content) if shadow is None else shadow, strict=True))


def _gathered(items: list[Pair]) -> Pair:
    """A list of what was collected."""
    shadows = [s for _, s in items]
    return [c for c, _ in items], shadows if any(s is not None for s in shadows) else None


def _end_of_iteration(loop: For | While, outcome: list[Pair], collected: list[list[Pair]]) -> tuple[list[Pair], bool]:
    """The next carried pairs and whether the loop ends; what was collected is added to the lists."""
    count = len(loop.initial)
    for items, item in zip(collected, outcome[loop.stops + count :], strict=True):
        items.append(item)
    return outcome[loop.stops : loop.stops + count], bool(loop.stops and outcome[0][0])
