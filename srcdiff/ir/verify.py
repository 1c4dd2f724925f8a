"""Is this a program? The rules of the IR, checked.

In: a program. Out: a list of what is wrong with it, empty if it is well formed; each entry quotes the function with the
guilty lines marked. Passes are checked with it in tests, and `check` raises where a broken program must go no further.

>>> from srcdiff.ir.core import Block, Function, Program, Value
>>> from srcdiff.ir.types import FLOAT
>>> print(verify(Program((Function("f", (), Block((), (), (Value(FLOAT, "x"),))),)))[0], end="")
f: %x is read and not defined here
        function f():
    -->     return %x
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

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
    free_values,
    is_atom,
    operands_of,
)
from srcdiff.ir.text import ValueNames, function_lines
from srcdiff.ir.types import Dict, List


class InvalidProgram(AssertionError):
    """A pass of the compiler made a program that breaks the rules of the IR: an internal error."""


def check(program: Program, after: str = "") -> Program:
    """The program itself; raises `InvalidProgram` if it is not well formed. `after` names the pass that made it."""
    errors = verify(program)
    if errors:
        title = f"internal error: invalid IR{f' after {after}' if after else ''}"
        raise InvalidProgram("\n".join([title, *errors]))
    return program


def verify(program: Program) -> list[str]:
    """What is wrong with the program, one text for each fault."""
    signatures: dict[str, tuple[int, int]] = {}
    faults: list[str] = []
    for function in program.functions:
        if function.name in signatures:
            faults.append(f"{function.name}: defined twice\n")
        signatures[function.name] = (len(function.parameters), len(function.body.results))
    if not program.functions:
        faults.append("the program has no functions\n")
    for function in program.functions:
        checker = _Checker(signatures)
        checker.function(function)
        faults.extend(_report(function, message, guilty) for message, guilty in checker.faults)
    return faults


def _report(function: Function, message: str, guilty: Statement | Block) -> str:
    lines = [
        f"    --> {line}" if part is guilty else f"        {line}" for line, part in function_lines(function) if line
    ]
    return "\n".join([f"{function.name}: {message}", *lines, ""])


@dataclass
class _Checker:
    """Walks one function. `scope` holds what may be read here, `everywhere` all that was ever defined."""

    signatures: dict[str, tuple[int, int]]
    faults: list[tuple[str, Statement | Block]] = field(default_factory=list)
    scope: set[Value] = field(default_factory=set)
    everywhere: set[Value] = field(default_factory=set)
    names: ValueNames = field(default_factory=ValueNames)

    def function(self, function: Function) -> None:
        for _ in function_lines(function, self.names):
            pass  # names the values in the order of the text, so that messages and text agree
        if function.body.parameters != tuple(p.value for p in function.parameters):
            self.fault("the body's parameters are not those of the function", function.body)
        self.block(function.body, keep=True)
        _Overwrites(self).block(function.body)

    def fault(self, message: str, guilty: Statement | Block) -> None:
        self.faults.append((message, guilty))

    def define(self, values: Iterable[Value], guilty: Statement | Block) -> None:
        for value in values:
            if is_atom(value):
                self.fault(f"{self.names(value)} is a constant or global and cannot be defined", guilty)
            if value in self.everywhere:
                self.fault(f"{self.names(value)} is defined twice", guilty)
            self.scope.add(value)
            self.everywhere.add(value)

    def read(self, values: Iterable[Value], guilty: Statement | Block) -> None:
        for value in values:
            if not is_atom(value) and value not in self.scope:
                self.fault(f"{self.names(value)} is read and not defined here", guilty)

    def equal(self, what: str, found: int, expected: int, guilty: Statement | Block) -> None:
        if found != expected:
            self.fault(f"{what}: {found} where {expected} are due", guilty)

    def block(self, block: Block, keep: bool = False) -> None:
        self.define(block.parameters, block)
        for statement in block.statements:
            self.statement(statement)
        self.read(block.results, block)
        if not keep:
            self.scope.difference_update(block.parameters)
            for statement in block.statements:
                self.scope.difference_update(statement.results)

    def statement(self, statement: Statement) -> None:
        self.read(operands_of(statement), statement)
        self._arity(statement)
        for inner in blocks_of(statement):
            self.block(inner)
        self.define(statement.results, statement)

    def _arity(self, statement: Statement) -> None:
        match statement:
            case Apply(primitive, operands):
                if not primitive.variadic:
                    self.equal(f"operands of {primitive.name}", len(operands), len(primitive.parameters), statement)
            case If(_, then, orelse, results):
                for title, branch in (("then", then), ("else", orelse)):
                    self.equal(f"parameters of the {title} block", len(branch.parameters), 0, statement)
                    self.equal(f"results of the {title} block", len(branch.results), len(results), statement)
            case For():
                due = 1 + len(statement.initial) + len(statement.zipped)
                self.equal("parameters of the body", len(statement.body.parameters), due, statement)
                self._loop_results(statement)
                if statement.iterable is None and not statement.zipped:
                    self.fault("neither an iterable nor a zipped list drives the loop", statement)
            case While():
                due = len(statement.initial)
                self.equal("parameters of the condition", len(statement.condition.parameters), due, statement)
                self.equal("results of the condition", len(statement.condition.results), 1, statement)
                self.equal("parameters of the body", len(statement.body.parameters), due, statement)
                self._loop_results(statement)
            case Call(function, arguments, results):
                if function not in self.signatures:
                    self.fault(f"there is no function {function}", statement)
                    return
                parameters, count = self.signatures[function]
                self.equal(f"arguments of {function}", len(arguments), parameters, statement)
                self.equal(f"results of {function}", len(results), count, statement)
            case Effect(kind, operands, _, exception):
                if kind == "assert" and not 1 <= len(operands) <= 2:
                    self.fault("an assert has a condition and perhaps a message", statement)
                if kind != "raise" and exception is not None:
                    self.fault("only raise names an exception", statement)
                if (kind == "call") != (statement.primitive is not None and statement.result is not None):
                    self.fault("a call, and nothing else, has a function and a result", statement)
            case _:
                assert_never(statement)

    def _loop_results(self, loop: For | While) -> None:
        due = loop.stops + len(loop.results)
        self.equal("results of the body", len(loop.body.results), due, loop)
        if len(loop.results) < len(loop.initial):
            self.equal("results of the loop", len(loop.results), len(loop.initial), loop)


@dataclass
class _Overwrites:
    """Nothing is read after it was overwritten: walks backwards with the set of values read later on some path."""

    checker: _Checker
    read: set[Value] = field(default_factory=set)

    def block(self, block: Block) -> None:
        self.read.update(block.results)
        for statement in reversed(block.statements):
            self.statement(statement)

    def statement(self, statement: Statement) -> None:
        match statement:
            case Apply():
                if statement.inplace:
                    self._overwrite(statement)
            case If():
                self._branches(statement.then, statement.orelse)
            case For() | While():
                # What the loop takes from outside is read again by the next iteration.
                inner = blocks_of(statement)
                self.read.update(v for b in inner for v in free_values(b))
                for b in inner:
                    self.block(b)
            case Call() | Effect():
                pass
            case _:
                assert_never(statement)
        self.read.update(operands_of(statement))

    def _branches(self, then: Block, orelse: Block) -> None:
        """Reads of one branch do not come after the other."""
        before = set(self.read)
        self.block(then)
        seen, self.read = self.read, before
        self.block(orelse)
        self.read |= seen

    def _overwrite(self, apply: Apply) -> None:
        position = apply.primitive.updates or 0
        operands: Sequence[Value] = apply.operands
        if position >= len(operands) or is_atom(operands[position]):
            self.checker.fault("nothing that could be overwritten", apply)
            return
        target = operands[position]
        if target in self.read:
            self.checker.fault(f"{self.checker.names(target)} is overwritten here and read afterwards", apply)
        # NumPy allows operands to overlap; a list that contains itself is another matter.
        if any(v is target for v in _others(operands, position)) and isinstance(target.type, List | Dict):
            self.checker.fault(f"{self.checker.names(target)} is overwritten and read by the same operation", apply)


def _others(operands: Sequence[Value], position: int) -> Iterator[Value]:
    return (v for i, v in enumerate(operands) if i != position)
