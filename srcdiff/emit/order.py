"""The order of statements that come from one source statement.

In: a function. Out: the same function, in which tangent statements that read what a primal statement of theirs
replaces come before it: `ds = ds + dt * s`, then `s = s + t * s`, and neither needs a second name. Only statements of
one source statement are exchanged, none that write in place, and none before what it reads.

>>> from srcdiff.ir.core import Block, Function
>>> f = Function("f", (), Block((), (), ()))
>>> ordered(f) is f
True
"""

from __future__ import annotations

from dataclasses import replace

from srcdiff.ir.core import Apply, Block, For, Function, If, Statement, Value, While


def ordered(function: Function) -> Function:
    body = _block(function.body)
    return function if body is function.body else replace(function, body=body)


def _block(block: Block) -> Block:
    statements: list[Statement] = []
    run: list[Apply] = []
    for statement in block.statements:
        if isinstance(statement, Apply) and (not run or _same_source(run[-1], statement)):
            run.append(statement)
            continue
        statements += _run(run)
        run = [statement] if isinstance(statement, Apply) else []
        if not run:
            statements.append(_inner(statement))
    statements += _run(run)
    if all(a is b for a, b in zip(statements, block.statements, strict=True)):
        return block
    return Block(block.parameters, tuple(statements), block.results)


def _inner(s: Statement) -> Statement:
    """The statement with its blocks ordered."""
    match s:
        case If():
            then, orelse = _block(s.then), _block(s.orelse)
            return s if then is s.then and orelse is s.orelse else replace(s, then=then, orelse=orelse)
        case For():
            body = _block(s.body)
            return s if body is s.body else replace(s, body=body)
        case While():
            condition, body = _block(s.condition), _block(s.body)
            return s if condition is s.condition and body is s.body else replace(s, condition=condition, body=body)
        case _:
            return s


def _same_source(a: Apply, b: Apply) -> bool:
    return a.origin.line > 0 and (a.origin.line, a.origin.column) == (b.origin.line, b.origin.column)


def _run(run: list[Apply]) -> list[Apply]:
    """The statements of one source statement, those last that replace a variable which another one still reads."""
    if len(run) < 2 or any(s.inplace for s in run):
        return run
    assigned = {s.result.name: s.result for s in run if s.origin.role == "primal" and s.result.name is not None}
    replaced: set[Value] = set()
    for s in run:
        if s.origin.role == "tangent":
            replaced |= {assigned[o.name] for o in s.operands if o.name in assigned and assigned[o.name] is not o}
    if not replaced:
        return run
    late: set[Value] = set()
    for s in run:
        if s.result in replaced or any(o in late for o in s.operands):
            late.add(s.result)
    return [*(s for s in run if s.result not in late), *(s for s in run if s.result in late)]
