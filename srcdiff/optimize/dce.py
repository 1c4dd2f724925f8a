"""Dead code: what no result and no effect depends on is removed, across the whole program.

In: a program. Out: the program without dead statements, branch results, carried, collected and zipped values, without
results of helper functions that no call uses, parameters that nothing reads, and functions that nothing calls. Effects
stay, and with them the loops, branches and calls around them. The main function keeps its signature::

    for i in range(n) carry s, t collect (s, t)      becomes       for i in range(n) carry s collect s
        s, t = s * x, t + 1                                            s = s * x

Marking runs over the graph of what reads what, from the results backwards, through loops and calls alike; so a carried
value that is only used to compute itself is never marked, and a list that nothing zips is not collected: what need not
be saved is not.

>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.core import Parameter, Primitive
>>> from srcdiff.ir.types import FLOAT
>>> negative = Primitive("negative", ("a",), infer=lambda a: FLOAT, evaluate=lambda a: -a)
>>> b = Builder()
>>> x = b.value(FLOAT, "x")
>>> y, z = b.apply(negative, x), b.apply(negative, x)
>>> program = Program((Function("f", (Parameter(x),), b.block((x,), (y,))),))
>>> [s.results[0] is y for s in dce(program).main.body.statements]
[True]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

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
    blocks_of,
    constant,
    is_atom,
    walk,
)
from srcdiff.ir.types import NONE, List, Scalar

_ITEM = -1
"""The position of a For's item among the values that its statement defines (see `_FunctionMarks.definers`)."""


def dce(program: Program) -> Program:
    """The program without what is dead."""
    marks = _Marks(program)
    marks.run()
    kept = [f for f in program.functions if f.name in marks.reached]
    used = {f.name: marks.used_results(f.name) for f in kept}
    return Program(tuple(_Sweep(marks, marks.of[f.name], used).function() for f in kept))


def effectful_functions(program: Program) -> set[str]:
    """The names of the functions that print, assert or raise, themselves or in what they call."""
    effectful: set[str] = set()
    callers: dict[str, set[str]] = {}
    for function in program.functions:
        for statement in walk(function.body):
            if isinstance(statement, Effect):
                effectful.add(function.name)
            elif isinstance(statement, Call):
                callers.setdefault(statement.function, set()).add(function.name)
    pending = list(effectful)
    while pending:
        for caller in callers.get(pending.pop(), ()):
            if caller not in effectful:
                effectful.add(caller)
                pending.append(caller)
    return effectful


@dataclass
class _FunctionMarks:
    """What is known of one function: where its values come from and what of it is needed."""

    function: Function
    is_main: bool
    definers: dict[Value, tuple[Statement | None, int]] = field(default_factory=dict)
    """Where a value is defined: the statement, and its position among the results. A parameter of a loop body counts
    from -1 downwards: ``-1 - position``. A parameter of the function has no statement."""
    parents: dict[Statement, Statement | None] = field(default_factory=dict)
    roots: list[Statement] = field(default_factory=list)
    needed: set[Value] = field(default_factory=set)
    kept: set[Statement] = field(default_factory=set)

    def collect(self, block: Block, parent: Statement | None, effectful: set[str]) -> None:
        for position, value in enumerate(block.parameters):
            self.definers[value] = (parent, -1 - position)
        for statement in block.statements:
            self.parents[statement] = parent
            for position, value in enumerate(statement.results):
                self.definers[value] = (statement, position)
            if isinstance(statement, Effect) or (isinstance(statement, Call) and statement.function in effectful):
                self.roots.append(statement)
            for inner in blocks_of(statement):
                self.collect(inner, statement, effectful)


class _Marks:
    """The marking of a whole program: a work list of values that are needed."""

    def __init__(self, program: Program) -> None:
        effectful = effectful_functions(program)
        self.of: dict[str, _FunctionMarks] = {}
        self.reached: set[str] = set()
        self._calls: dict[str, list[tuple[_FunctionMarks, Call]]] = {}
        self._pending: list[tuple[_FunctionMarks, Value]] = []
        self._undriven: list[tuple[_FunctionMarks, For]] = []
        self.main = program.main.name
        for function in program.functions:
            marks = _FunctionMarks(function, function is program.main)
            marks.collect(function.body, None, effectful)
            self.of[function.name] = marks

    def run(self) -> None:
        main = self.of[self.main]
        self._reach(main)
        self._need(main, main.function.body.parameters)
        self._need(main, main.function.body.results)
        while self._pending or self._undriven:
            while self._pending:
                self._process(*self._pending.pop())
            # A loop that only its lists drive keeps one of them, even where no item is needed.
            marks, loop = self._undriven.pop() if self._undriven else (None, None)
            if marks and loop and not any(v in marks.needed for v in loop.zipped_items):
                self._need(marks, (min(zip(loop.zipped_items, loop.zipped, strict=True), key=_size)[0],))

    def used_results(self, name: str) -> tuple[bool, ...]:
        """Which results of function `name` some call (or, of the main function, the caller) uses."""
        marks = self.of[name]
        count = len(marks.function.body.results)
        if marks.is_main:
            return (True,) * count
        found = [False] * count
        for caller, call in self._calls.get(name, ()):
            for position, result in enumerate(call.results):
                found[position] = found[position] or result in caller.needed
        return tuple(found)

    def _reach(self, marks: _FunctionMarks) -> None:
        if marks.function.name not in self.reached:
            self.reached.add(marks.function.name)
            for root in marks.roots:
                self._keep(marks, root)

    def _need(self, marks: _FunctionMarks, values: Sequence[Value]) -> None:
        for value in values:
            if value not in marks.needed and not is_atom(value):
                marks.needed.add(value)
                self._pending.append((marks, value))

    def _process(self, marks: _FunctionMarks, value: Value) -> None:
        """Mark what a needed value depends on."""
        statement, position = marks.definers[value]
        if statement is None:
            for caller, call in self._calls.get(marks.function.name, ()):
                self._need(caller, (call.arguments[-1 - position],))
            return
        self._keep(marks, statement)
        match statement:
            case Apply() | Effect():
                pass
            case If():
                self._need(marks, (statement.then.results[position], statement.orelse.results[position]))
            case For():
                if position != _ITEM:
                    self._loop_slot(marks, statement, position if position >= 0 else -2 - position, position >= 0)
            case While():
                self._loop_slot(marks, statement, position if position >= 0 else -1 - position, position >= 0)
            case Call():
                callee = self.of[statement.function]
                self._need(callee, (callee.function.body.results[position],))
            case _:
                assert_never(statement)

    def _loop_slot(self, marks: _FunctionMarks, loop: For | While, slot: int, is_result: bool) -> None:
        """A result of the loop is needed or, not `is_result`, a parameter of its body (carried or zipped)."""
        count = len(loop.initial)
        if slot < count:
            twins = [loop.carried[slot]]
            if isinstance(loop, While):
                twins.append(loop.condition.parameters[slot])
            self._need(marks, (loop.initial[slot], loop.carried_next[slot], *twins))
        elif is_result:
            self._need(marks, (loop.collected[slot - count],))
        elif isinstance(loop, For):
            self._need(marks, (loop.zipped[slot - count],))

    def _keep(self, marks: _FunctionMarks, statement: Statement) -> None:
        """The statement stays: so do what it reads whatever its results, and the statements around it."""
        if statement in marks.kept:
            return
        marks.kept.add(statement)
        parent = marks.parents[statement]
        if parent is not None:
            self._keep(marks, parent)
        match statement:
            case Apply():
                self._need(marks, statement.operands)
            case If():
                self._need(marks, (statement.condition,))
            case For():
                if statement.iterable is None:
                    self._undriven.append((marks, statement))
                else:
                    self._need(marks, (statement.iterable,))
                self._need(marks, () if statement.stop is None else (statement.stop,))
            case While():
                self._need(marks, statement.condition.results)
                self._need(marks, () if statement.stop is None else (statement.stop,))
            case Call():
                callee = self.of[statement.function]
                self._calls.setdefault(statement.function, []).append((marks, statement))
                self._reach(callee)
                for parameter, argument in zip(callee.function.body.parameters, statement.arguments, strict=True):
                    if parameter in callee.needed:
                        self._need(marks, (argument,))
            case Effect():
                named = tuple(v for _, v in statement.keywords)
                self._need(marks, (*statement.operands, *named))
            case _:
                assert_never(statement)


def _size(pair: tuple[Value, Value]) -> int:
    """Of several lists that could drive a loop, numbers are the cheapest to keep."""
    kind = pair[1].type
    return 0 if isinstance(kind, List) and isinstance(kind.item, Scalar) else 1


@dataclass
class _Sweep:
    """Rebuilds one function from its marks."""

    marks: _Marks
    own: _FunctionMarks
    used: dict[str, tuple[bool, ...]]
    """For each function, which of its results are used."""

    def function(self) -> Function:
        function = self.own.function
        body = self._block(function.body, function.body.results)
        if self.own.is_main:
            return replace(function, body=body)
        parameters = tuple(p for p in function.parameters if p.value in self.own.needed)
        used = self.used[function.name]
        results = tuple(v for v, u in zip(function.body.results, used, strict=True) if u)
        body = Block(tuple(p.value for p in parameters), body.statements, results or (constant(None),))
        returns = function.returns if len(results) == len(function.body.results) else None
        return replace(function, parameters=parameters, body=body, returns=returns)

    def _block(self, block: Block, results: Sequence[Value]) -> Block:
        statements = tuple(self._statement(s) for s in block.statements if s in self.own.kept)
        return Block(block.parameters, statements, tuple(results))

    def _needed(self, values: Sequence[Value]) -> list[int]:
        return [i for i, v in enumerate(values) if v in self.own.needed]

    def _statement(self, statement: Statement) -> Statement:
        match statement:
            case Apply() | Effect():
                return statement
            case If(condition, then, orelse, results, origin, expression):
                kept = self._needed(results)
                then, orelse = (self._block(b, [b.results[i] for i in kept]) for b in (then, orelse))
                return If(condition, then, orelse, _pick(results, kept), origin, expression)
            case For():
                return self._for(statement)
            case While():
                return self._while(statement)
            case Call(function, arguments, results, origin):
                callee = self.marks.of[function]
                used = self.used[function]
                if not callee.is_main:
                    read = [p in callee.needed for p in callee.function.body.parameters]
                    arguments = tuple(a for a, r in zip(arguments, read, strict=True) if r)
                results = tuple(r for r, u in zip(results, used, strict=True) if u)
                return Call(function, arguments, results or (Value(NONE, None, origin),), origin)
            case _:
                assert_never(statement)

    def _slots(self, loop: For | While) -> tuple[list[int], list[int]]:
        """The carried and the collected values that stay."""
        count = len(loop.initial)
        carried = [i for i, v in enumerate(loop.carried) if v in self.own.needed or loop.results[i] in self.own.needed]
        return carried, self._needed(loop.results[count:])

    def _loop_results(self, loop: For | While, carried: list[int], collected: list[int]) -> list[Value]:
        stop = [] if loop.stop is None else [loop.stop]
        return [*stop, *_pick(loop.carried_next, carried), *_pick(loop.collected, collected)]

    def _for(self, loop: For) -> For:
        carried, collected = self._slots(loop)
        zipped = self._needed(loop.zipped_items)
        count = len(loop.initial)
        body = self._block(loop.body, self._loop_results(loop, carried, collected))
        parameters = (loop.item, *_pick(loop.carried, carried), *_pick(loop.zipped_items, zipped))
        body = Block(parameters, body.statements, body.results)
        results = (*_pick(loop.results, carried), *_pick(loop.results[count:], collected))
        initial, lists = _pick(loop.initial, carried), _pick(loop.zipped, zipped)
        return replace(loop, initial=initial, zipped=lists, body=body, results=results)

    def _while(self, loop: While) -> While:
        carried, collected = self._slots(loop)
        count = len(loop.initial)
        condition = self._block(loop.condition, loop.condition.results)
        condition = Block(_pick(condition.parameters, carried), condition.statements, condition.results)
        body = self._block(loop.body, self._loop_results(loop, carried, collected))
        body = Block(_pick(loop.carried, carried), body.statements, body.results)
        results = (*_pick(loop.results, carried), *_pick(loop.results[count:], collected))
        initial = _pick(loop.initial, carried)
        return replace(loop, condition=condition, initial=initial, body=body, results=results)


def _pick(values: Sequence[Value], kept: Sequence[int]) -> tuple[Value, ...]:
    return tuple(values[i] for i in kept)
