"""Marks all loops of a function for which few states are to be kept.

In: a program and a number of snapshots. Out: the program with every outermost loop marked that has no mark of its own:
of the main function, and of the functions that it calls outside of loops. A comprehension is no loop here: what it
makes is as long as what it would save.

>>> from srcdiff.ir.core import Value, constant
>>> from srcdiff.ir.types import FLOAT, INT, RANGE
>>> r, i, x, y = Value(RANGE), Value(INT, "i"), Value(FLOAT, "x"), Value(FLOAT, "y")
>>> loop = For(r, (constant(1.0),), (), Block((i, x), (), (x,)), (y,))
>>> marked = mark_loops(Program((Function("f", (), Block((), (loop,), (y,))),)), 3)
>>> marked.main.body.statements[0].marker
Checkpoint(snapshots=3)
"""

from __future__ import annotations

from dataclasses import replace

from srcdiff.ir.core import Apply, Block, Call, Effect, For, Function, If, Program, Statement, While, assert_never
from srcdiff.ir.markers import Checkpoint


def mark_loops(program: Program, snapshots: int) -> Program:
    """The program with the outermost loops marked to keep `snapshots` states."""
    reached = {program.main.name}
    pending = [program.main]
    while pending:
        for name in _called(pending.pop().body) - reached:
            reached.add(name)
            pending.append(program[name])
    marker = Checkpoint(snapshots)

    def mark(function: Function) -> Function:
        return replace(function, body=_marked(function.body, marker)) if function.name in reached else function

    return Program(tuple(map(mark, program.functions)))


def _called(block: Block) -> set[str]:
    """The functions that a block calls outside of loops."""
    found: set[str] = set()
    for s in block.statements:
        match s:
            case Call():
                found.add(s.function)
            case If():
                found |= _called(s.then) | _called(s.orelse)
            case Apply() | For() | While() | Effect():
                pass
            case _:
                assert_never(s)
    return found


def _marked(block: Block, marker: Checkpoint) -> Block:
    def mark(s: Statement) -> Statement:
        match s:
            case For():
                return s if s.marker is not None or s.expression else replace(s, marker=marker)
            case While():
                return s if s.marker is not None else replace(s, marker=marker)
            case If():
                return replace(s, then=_marked(s.then, marker), orelse=_marked(s.orelse, marker))
            case Apply() | Call() | Effect():
                return s
            case _:
                assert_never(s)

    return replace(block, statements=tuple(map(mark, block.statements)))
