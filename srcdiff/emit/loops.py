"""Targets and iterables of for-loops; growing and consuming tapes.

In: the values that a loop assigns and what it runs over. Out: `ast` targets, the values in them, and statements.

>>> from srcdiff.ir.core import Value
>>> from srcdiff.ir.types import UNKNOWN
>>> ast.unparse(unpacked([None, None]))
'(_, _)'
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from srcdiff.emit.forms import Forms
from srcdiff.emit.tapes import Consuming
from srcdiff.emit.tree import Expression, Leaf, Plain, leaf, merged, reads_of
from srcdiff.ir.core import Origin, Value

Target = tuple[ast.expr, tuple[Value, ...], Expression]
"""A loop's target, the values in it, and the iterable."""


def unpacked(items: Sequence[Value | None]) -> ast.expr:
    """The target for these values: one name or a tuple; `_` for what nothing reads."""
    names: list[ast.expr] = [ast.Name(id="_") if v is None else Leaf(v) for v in items]
    return names[0] if len(names) == 1 else ast.Tuple(elts=names, ctx=ast.Store())


def growth(tape: Value, slots: Sequence[Expression], origin: Origin) -> Plain:
    """`tape.append((s, t))`."""
    if len(slots) == 1:
        item = slots[0]
    else:
        item = Expression(ast.Tuple(elts=[s.node for s in slots], ctx=ast.Load()), reads_of(slots))
    method = ast.Attribute(value=Leaf(tape), attr="append", ctx=ast.Load())
    node = ast.Expr(value=ast.Call(func=method, args=[item.node], keywords=[]))
    return Plain(node, (tape, *item.reads), origin=Origin(origin.line, origin.column), merges=merged(item))


def walk_target(
    forms: Forms, item: Value | None, elements: Sequence[Value | None], sequences: Sequence[Expression]
) -> Target:
    """`v in xs`, `v, w in zip(xs, ys)`, `i, v in enumerate(xs)`."""
    target = unpacked(elements)
    values = [v for v in elements if v is not None]
    source = sequences[0] if len(sequences) == 1 else forms.builtin("zip", *sequences)
    if item is not None:
        target = ast.Tuple(elts=[Leaf(item), target], ctx=ast.Store())
        values = [item, *values]
        source = forms.builtin("enumerate", source)
    return target, tuple(values), source


def consumption(
    forms: Forms, consuming: Sequence[Consuming], source: Target | None
) -> tuple[ast.expr, tuple[Value, ...], Expression, list[Plain]]:
    """The target, its values and the iterable of a loop that runs over `source` and consumes tapes; then the pops that
    come first in its body."""
    targets = [] if source is None else [source]
    pops: list[Plain] = []
    for c in consuming:
        values = tuple(v for v in c.items if v is not None)
        if c.pops and values:
            call = ast.Call(func=ast.Attribute(value=Leaf(c.tape), attr="pop", ctx=ast.Load()), args=[], keywords=[])
            node = ast.Assign(targets=[unpacked(c.items)], value=call, lineno=0)
            pops.append(Plain(node, (c.tape,), values, pure=True))
        elif values or source is None:
            targets.append((unpacked(c.items), values, forms.builtin("reversed", leaf(c.tape))))
    if not targets:
        raise AssertionError("internal error: a loop over nothing")
    if len(targets) == 1:
        return (*targets[0], pops)
    target = ast.Tuple(elts=[t for t, _, _ in targets], ctx=ast.Store())
    return target, tuple(v for _, vs, _ in targets for v in vs), forms.builtin("zip", *(i for _, _, i in targets)), pops
