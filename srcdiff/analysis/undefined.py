"""Variables that may not have been assigned.

In: the body of a function. Out: the values that hold nothing on some path: merges and loop variables that an UNDEFINED
constant reaches.

>>> from srcdiff.ir.core import UNDEFINED, constant
>>> from srcdiff.ir.types import BOOL, FLOAT
>>> c, x, y = Value(BOOL, "c"), Value(FLOAT, "x"), Value(FLOAT, "y")
>>> one_sided = If(c, Block((), (), (x,)), Block((), (), (constant(UNDEFINED),)), (y,))
>>> possibly_undefined(Block((c, x), (one_sided,), (y,))) == {y}
True
"""

from __future__ import annotations

from srcdiff.analysis.activity import is_undefined
from srcdiff.ir.core import Block, For, If, Value, While, walk


def possibly_undefined(body: Block) -> set[Value]:
    """The values of the function that may be without content."""
    found: set[Value] = set()

    def empty(value: Value) -> bool:
        return is_undefined(value) or value in found

    size = -1
    while len(found) != size:
        size = len(found)
        for statement in walk(body):
            match statement:
                case If(_, then, orelse, results):
                    for result, a, b in zip(results, then.results, orelse.results, strict=True):
                        if empty(a) or empty(b):
                            found.add(result)
                case For() | While():
                    for result, following, carried, initial in zip(
                        statement.results, statement.carried_next, statement.carried, statement.initial, strict=False
                    ):
                        if empty(initial) or empty(following):
                            found.update((result, carried))
                case _:
                    pass
    return found
