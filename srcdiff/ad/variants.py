"""Derivatives of the helper functions of a program, each made once per combination of what is active.

In: requests for "the `suffix` variant of function `name` for these active parameters". Out: names, unique in the new
program, and the functions in the order in which they were finished (callees before callers).

>>> from srcdiff.ir.core import Block
>>> Variants(Program((Function("f_jvp", (), Block((), (), ())),))).name("a key", "f_jvp")
('f_jvp_1', True)
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace

from srcdiff.ir.calls import positional, unique_name, united
from srcdiff.ir.core import Call, Function, Program, walk
from srcdiff.ir.types import FLOAT


@dataclass
class Variants:
    """The functions of the program that is being made out of `program`."""

    program: Program
    finished: list[Function] = field(default_factory=list)
    _names: dict[Hashable, str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)
    _kept: set[str] = field(default_factory=set)
    _adopted: dict[Program, Function] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._taken.update(f.name for f in self.program.functions)

    def name(self, key: Hashable, wanted: str) -> tuple[str, bool]:
        """The name for `key`, and whether it is new (the caller then makes the function)."""
        if key in self._names:
            return self._names[key], False
        name = unique_name(wanted, self._taken)
        self._taken.add(name)
        self._names[key] = name
        return name, True

    def adopt(self, program: Program) -> Function:
        """Take over the functions of another program; its main function under the name that it has from now on."""
        if program not in self._adopted:
            known = {f.name: f for f in self.finished}
            functions = united(known, program, self._taken - set(known))
            for function in functions:
                self._taken.add(function.name)
                if function.name not in known:
                    self.finish(function)
            self._adopted[program] = functions[-1]
        return self._adopted[program]

    def finish(self, function: Function) -> None:
        self.finished.append(function)

    def keep(self, name: str) -> None:
        """Take over a primal function, and what it calls, unchanged."""
        if name in self._kept or any(f.name == name for f in self.finished):
            return
        self._kept.add(name)  # from here on, for functions may call each other
        function = self.program[name]
        for statement in walk(function.body):
            if isinstance(statement, Call):
                self.keep(statement.function)
        self.finished.append(positional(function))


def is_recursive(program: Program, name: str) -> bool:
    """Whether the function can reach a call of itself."""
    seen: set[str] = set()
    pending = [name]
    while pending:
        for statement in walk(program[pending.pop()].body):
            if isinstance(statement, Call) and statement.function not in seen:
                if statement.function == name:
                    return True
                seen.add(statement.function)
                pending.append(statement.function)
    return False


def specialised(function: Function) -> Function:
    """The derivative of a helper, which says what it was derived for: numbers. Where nothing is known of the arguments,
    a reader of the text could not tell them from arrays."""
    parameters = tuple(
        replace(p, annotation="float") if p.annotation is None and p.value.type == FLOAT else p
        for p in function.parameters
    )
    return positional(replace(function, parameters=parameters))
