"""Several programs as one module.

In: programs whose main functions have different names. Out: one program: functions that are equal stand in it once,
different ones of one name under different names.

>>> merge([]).functions
()
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from srcdiff.ir.calls import same, unique_name, with_calls
from srcdiff.ir.core import Function, Program


def merge(programs: Sequence[Program]) -> Program:
    """One program with the functions of all: equal ones once, different ones of one name under different names."""
    taken = {p.main.name for p in programs}
    functions: dict[str, Function] = {p.main.name: p.main for p in programs}
    order: list[str] = []
    for program in programs:
        renamed: dict[str, str] = {}
        for function in program.functions:
            function = with_calls(function, renamed)
            name = function.name
            if function.name == program.main.name:
                functions[name] = function
            elif name in functions and not same(functions[name], function):
                name = unique_name(name, taken)
                renamed[function.name] = name
                functions[name] = replace(with_calls(function, {function.name: name}), name=name)
            else:
                functions.setdefault(name, function)
            taken.add(name)
            if name not in order:
                order.append(name)
    return Program(tuple(functions[name] for name in order))
