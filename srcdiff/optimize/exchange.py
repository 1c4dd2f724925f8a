"""Buffers that change places from one iteration to the next: `old, new = new, old`.

In: a loop. Out: the carried arrays of which each ends the iteration as another one of them, whatever was written into
it on the way. They are as many objects as names at every moment, so a write into one is no write into another.

>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.core import constant
>>> from srcdiff.primitives.table import TABLE
>>> a, b, c, d = (Value(Array("float64", (3,)), n) for n in "abcd")
>>> body = Builder()
>>> d1 = body.apply(TABLE["index_set"], d, 0, 1.0)
>>> loop = For(constant(range(3)), (a, b), (), body.block((Value(Array("float64", (3,))), c, d), (d1, c)), ())
>>> exchanged(loop)
(0, 1)
"""

from __future__ import annotations

from srcdiff.ir.core import Apply, Block, For, If, Statement, Value, While
from srcdiff.ir.types import Array
from srcdiff.optimize.ownership import Loop
from srcdiff.optimize.plans import is_forced


def exchanged(loop: Loop) -> tuple[int, ...]:
    """The positions of the carried arrays that change places."""
    carried = {v: k for k, v in enumerate(loop.carried) if isinstance(v.type, Array)}
    made = _definitions(loop.body)
    source = {}
    for k, value in enumerate(loop.carried_next):
        origin = _traced(value, made)
        if k in carried.values() and origin in carried:
            source[k] = carried[origin]
    found: set[int] = set()
    for k in source:
        cycle = [k]
        while cycle[-1] in source and source[cycle[-1]] not in cycle:
            cycle.append(source[cycle[-1]])
        if len(cycle) > 1 and source.get(cycle[-1]) == k:
            found.update(cycle)
    return tuple(sorted(found))


def _definitions(block: Block) -> dict[Value, Statement]:
    return {result: statement for statement in block.statements for result in statement.results}


def _traced(value: Value, made: dict[Value, Statement]) -> Value:
    """What a value was before this block wrote into it: one of the block's parameters, or where no more is known."""
    while True:
        before: Value | None = None
        match made.get(value):
            case Apply(primitive=primitive, operands=operands) as apply:
                if is_forced(apply):
                    before = operands[primitive.updates or 0]
                elif primitive.name == "identity":
                    before = operands[0]
            case If(then=then, orelse=orelse, results=results):
                k = results.index(value)
                left = _traced(then.results[k], {**made, **_definitions(then)})
                right = _traced(orelse.results[k], {**made, **_definitions(orelse)})
                before = left if left is right else None
            case (For() | While()) as inner:
                k = inner.results.index(value)
                stays = k < len(inner.initial) and _traced(inner.carried_next[k], _definitions(inner.body))
                before = inner.initial[k] if stays is not False and stays is inner.carried[k] else None
        if before is None:
            return value
        value = before
