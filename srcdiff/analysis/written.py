"""Which parameters a function writes into, so that two names for one array can be refused where it would matter.

In: a function as the front end made it. Out: the positions of the parameters whose memory an operation that updates
(`index_set`, `append`...) may reach. What may share memory counts as sharing it; the functions that a program calls
write into nothing of their caller's (the front end puts those that do in line).

>>> from srcdiff.frontend.lower import lower
>>> from srcdiff.frontend.module import Module
>>> text = "def f(a, b):\\n    c = a.copy()\\n    c[0] = 1.0\\n    d = b[1:]\\n    d[0] = c[0]\\n    return b\\n"
>>> from srcdiff.ir.types import Array
>>> array = Array("float64", (None,))
>>> written_parameters(lower(Module.from_text(text), "f", {"a": array, "b": array}).main)
(1,)
"""

from __future__ import annotations

from srcdiff.ir.core import Apply, Call, Effect, For, Function, If, Statement, Value, While, walk
from srcdiff.ir.types import Dict, List, Tuple, Unknown, is_mutable


def written_parameters(function: Function) -> tuple[int, ...]:
    """The positions of the parameters that the function writes into."""
    statements = list(walk(function.body))
    updated = [
        s.operands[s.primitive.updates]
        for s in statements
        if isinstance(s, Apply) and s.primitive.updates is not None and s.primitive.name != "accumulate"
    ]
    if not updated:
        return ()
    passed = [pair for s in statements for pair in _passes(s)]
    return tuple(
        position
        for position, parameter in enumerate(function.parameters)
        if is_mutable(parameter.value.type) and any(v in _reached(parameter.value, passed) for v in updated)
    )


def _reached(start: Value, passed: list[tuple[Value, Value]]) -> set[Value]:
    """The values that may share memory with `start`."""
    reached = {start}
    size = 0
    while size != len(reached):
        size = len(reached)
        reached.update(to for source, to in passed if source in reached and is_mutable(to.type))
    return reached


def _passes(statement: Statement) -> list[tuple[Value, Value]]:
    """Pairs of values of which the second may hold or share the memory of the first."""
    match statement:
        case Apply(primitive=primitive, operands=operands, result=result):
            if isinstance(result.type, List | Tuple | Dict):
                return [(v, result) for v in operands]
            shared = {*primitive.views, *(() if primitive.updates is None else (primitive.updates,))}
            if primitive.name == "index_get" or isinstance(result.type, Unknown):
                shared.add(0)
            return [(v, result) for k, v in enumerate(operands) if k in shared]
        case If(then=then, orelse=orelse, results=results):
            return [*zip(then.results, results, strict=True), *zip(orelse.results, results, strict=True)]
        case For(iterable=iterable, zipped=zipped):
            items = [] if iterable is None else [(iterable, statement.item)]
            return [*items, *zip(zipped, statement.zipped_items, strict=True), *_loop(statement, statement.carried)]
        case While():
            return _loop(statement, statement.carried)
        case Call(arguments=arguments, results=results):
            return [(a, r) for a in arguments for r in results]
        case Effect():
            return [(v, r) for v in statement.operands for r in statement.results]


def _loop(statement: For | While, carried: tuple[Value, ...]) -> list[tuple[Value, Value]]:
    after = [*statement.carried_next, *statement.collected]
    return [
        *zip(statement.initial, carried, strict=True),
        *zip(statement.initial, statement.results, strict=False),
        *zip(statement.carried_next, carried, strict=True),
        *zip(after, statement.results, strict=True),
    ]
