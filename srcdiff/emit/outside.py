"""What a program refers to that lies outside of it.

In: a program. Out: its `Global` values; the names of those that cannot be imported, which the text refers to as they
are called and which whoever runs it provides. No function of the program is called so.

>>> captured_names(Program(()))
{}
"""

from __future__ import annotations

from srcdiff.ir.calls import unique_name
from srcdiff.ir.core import Apply, Effect, Global, Program, Value, blocks_of, operands_of, walk
from srcdiff.primitives.custom import Custom


def globals_of(program: Program) -> list[Global]:
    """Every global value that a program reads, or calls as it is."""
    read: list[Value | None] = []
    for function in program.functions:
        read.extend(p.default for p in function.parameters)
        read.extend(function.body.results)
        for statement in walk(function.body):
            if isinstance(statement, Apply | Effect) and isinstance(statement.primitive, Custom):
                read.append(statement.primitive.target)
            read.extend(operands_of(statement))
            read.extend(v for block in blocks_of(statement) for v in block.results)
    return list(dict.fromkeys(v for v in read if isinstance(v, Global)))


def captured_names(program: Program) -> dict[Global, str]:
    """The names of what the program refers to and cannot import."""
    functions = {f.name for f in program.functions}
    captured = [v for v in globals_of(program) if v.captured is not None]
    taken = functions | {v.attribute for v in captured}
    return {v: v.attribute if v.attribute not in functions else unique_name(v.attribute, taken) for v in captured}
