"""The optimiser: the passes that every program runs through, in the order of a literal list.

In: a program. Out: the program that computes the same with less. Each pass is a function from valid IR to valid IR.
`inplace` is not among them: it runs last of all, whether the program was optimised or not.

>>> [name for name, _ in PASSES]
['simplify', 'cse', 'hoist', 'rotate', 'dce']
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from srcdiff.ir.core import Apply, Program, walk
from srcdiff.optimize.cse import cse
from srcdiff.optimize.dce import dce
from srcdiff.optimize.hoist import hoist
from srcdiff.optimize.rotate import rotate
from srcdiff.optimize.simplify import simplify
from srcdiff.optimize.unpack import unpack

Pass = Callable[[Program], Program]

PASSES: tuple[tuple[str, Pass], ...] = (
    ("simplify", simplify),
    ("cse", cse),
    ("hoist", hoist),
    ("rotate", rotate),
    ("dce", dce),
)
ROUNDS = 4


def optimize(program: Program, only: Collection[str] | None = None) -> Program:
    """Run the passes (or those of them that `only` names), again as long as the program changes; `unpack` ends it."""
    outline = _outline(program)
    for _ in range(ROUNDS):
        for name, run in PASSES:
            if only is None or name in only:
                program = run(program)
        outline, before = _outline(program), outline
        if outline == before:
            break
    return unpack(program) if only is None else program


def _outline(program: Program) -> list[tuple[str, int]]:
    """What the program does in which order, and how many values each statement passes on."""
    found: list[tuple[str, int]] = []
    for function in program.functions:
        found.append((function.name, len(function.parameters) + len(function.body.results)))
        for s in walk(function.body):
            found.append((s.primitive.name if isinstance(s, Apply) else type(s).__name__, len(s.results)))
    return found
