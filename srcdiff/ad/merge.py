"""Several programs as one module.

In: programs whose main functions have different names. Out: one program: functions that are equal stand in it once,
different ones of one name under different names.

>>> merge([]).functions
()
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from srcdiff.ad.variants import unique_name
from srcdiff.ir.core import (
    Apply,
    Block,
    Call,
    Effect,
    For,
    Function,
    If,
    Parameter,
    Program,
    Statement,
    While,
)
from srcdiff.ir.text import to_text


def merge(programs: Sequence[Program]) -> Program:
    """One program with the functions of all: equal ones once, different ones of one name under different names."""
    taken = {p.main.name for p in programs}
    functions: dict[str, Function] = {p.main.name: p.main for p in programs}
    order: list[str] = []
    for program in programs:
        renamed: dict[str, str] = {}
        for function in program.functions:
            function = _with_calls(function, renamed)
            name = function.name
            if function.name == program.main.name:
                functions[name] = function
            elif name in functions and not _same(functions[name], function):
                name = unique_name(name, taken)
                renamed[function.name] = name
                functions[name] = replace(function, name=name)
            else:
                functions.setdefault(name, function)
            taken.add(name)
            if name not in order:
                order.append(name)
    return Program(tuple(functions[name] for name in order))


def _same(a: Function, b: Function) -> bool:
    """Whether two functions differ in nothing but what they say of themselves."""
    plain = [
        replace(f, docstring=None, returns=None, parameters=tuple(Parameter(p.value) for p in f.parameters))
        for f in (a, b)
    ]
    return to_text(plain[0]) == to_text(plain[1])


def _with_calls(function: Function, renamed: Mapping[str, str]) -> Function:
    """The function with the functions that it calls renamed."""
    if not renamed:
        return function

    def block(old: Block) -> Block:
        return Block(old.parameters, tuple(map(statement, old.statements)), old.results)

    def statement(old: Statement) -> Statement:
        match old:
            case Call():
                return replace(old, function=renamed.get(old.function, old.function))
            case If():
                return replace(old, then=block(old.then), orelse=block(old.orelse))
            case For():
                return replace(old, body=block(old.body))
            case While():
                return replace(old, condition=block(old.condition), body=block(old.body))
            case Apply() | Effect():
                return old

    return replace(function, body=block(function.body))
