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

from collections.abc import Iterable

from srcdiff.analysis.activity import is_undefined
from srcdiff.ir.core import Apply, Block, For, If, Value, While, walk
from srcdiff.ir.types import Unknown

_PASS_ON = frozenset(("identity", "copy", "zeros_if_defined"))
_HOLD = frozenset(("make_tuple", "make_record", "make_list", "append", "drop_last"))


def possibly_undefined(body: Block) -> set[Value]:
    """The values of the function that may be without content, and what is read out of tuples and lists that have room
    for such a value: the tapes of branches, loops and calls."""
    found: set[Value] = set()
    holders: set[Value] = set()

    def empty(value: Value) -> bool:
        return is_undefined(value) or value in found

    def merged(results: Iterable[Value], *sources: Iterable[Value]) -> None:
        for result, *values in zip(results, *sources, strict=False):
            if any(map(empty, values)):
                found.add(result)
            if any(v in holders for v in values):
                holders.add(result)

    size = -1
    while len(found) + len(holders) != size:
        size = len(found) + len(holders)
        for statement in walk(body):
            match statement:
                case Apply(primitive, operands, result):
                    if primitive.name == "index_get" and (operands[0] in holders or _is_tape(operands[0], result)):
                        found.add(result)
                        holders.add(result)
                    elif primitive.name in _PASS_ON:
                        merged((result,), (operands[0],))
                    elif primitive.name in _HOLD and any(empty(v) or v in holders for v in operands):
                        holders.add(result)
                case If(_, then, orelse, results):
                    merged(results, then.results, orelse.results)
                case For() | While():
                    count = len(statement.initial)
                    merged(statement.carried, statement.initial, statement.carried_next)
                    merged(statement.results[:count], statement.initial, statement.carried_next)
                    for collected, item in zip(statement.results[count:], statement.collected, strict=True):
                        if empty(item) or item in holders:
                            holders.add(collected)
                    if isinstance(statement, For):
                        for items, item in zip(statement.zipped, statement.zipped_items, strict=True):
                            if items in holders:
                                found.add(item)
                                holders.add(item)
                case _:
                    pass
    return found


def _is_tape(base: Value, item: Value) -> bool:
    """Whether a read is one from the tape of a call: its type is not known, those of its items are."""
    return type(base.type) is Unknown and (type(item.type) is not Unknown or base.name == "tape")
