"""What a reverse sweep needs of the forward sweep: saved, or computed again.

In: the reverse block of a loop body, a branch or a function, which still reads values of the forward block; and that
forward block. Out: the values to save (*residuals*), and the reverse block with cheap ones computed again at its
beginning.

A value is recomputed when its statement is cheap and everything it reads is at hand in the reverse sweep: outside of
the block, the loop's item, a residual, or itself recomputed. An element of an array is only read again if that array
is never written, for otherwise all of the array would have to be kept. Of a value of which only the shape is wanted,
the shape is saved.

>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.types import FLOAT
>>> from srcdiff.primitives.table import TABLE
>>> b = Builder()
>>> x = b.value(FLOAT, "x")
>>> t = b.apply(TABLE["np.tanh"], x, name="t")
>>> c = b.apply(TABLE["greater"], t, 0.0)
>>> r = Builder()
>>> _ = r.apply(TABLE["multiply"], t, c)
>>> plan = plan_residuals(b.block((), (t,)), r.block((), (_,)), available=set(), stable=set())
>>> [v.name for v in plan.saved], len(plan.reverse.statements)
(['t'], 2)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from srcdiff.ir.core import (
    Apply,
    Block,
    Constant,
    For,
    If,
    Primitive,
    Statement,
    Value,
    While,
    blocks_of,
    defined_values,
    free_values,
    is_atom,
    operands_of,
    walk,
)
from srcdiff.ir.substitution import Substitution, substitute
from srcdiff.ir.types import Dict, List, Scalar, Unknown, is_mutable

_SHAPE_ONLY = frozenset({"shape", "ndim", "size", "len", "dtype"})
_ARITHMETIC = frozenset({"add", "subtract", "multiply", "divide", "negative", "positive"})


@dataclass(frozen=True)
class Residuals:
    """`saved`: values of the forward block to hand over; `forward`: that block, with statements added where shapes are
    saved; `reverse`: the reverse block, which reads nothing else of it but what is in `available`."""

    saved: tuple[Value, ...]
    forward: Block
    reverse: Block


def plan_residuals(forward: Block, reverse: Block, available: set[Value], stable: set[Value]) -> Residuals:
    """Decide for every value of `forward` that `reverse` reads whether it is saved or computed again.

    Parameters
    ----------
    available
        Values of the forward block (the loop's item) that the reverse block can read anyway.
    stable
        Arrays outside the block that are never written, so that their elements may be read again.
    """
    reverse = _with_results_of(forward, reverse)
    forward, reverse = _move_shapes(forward, reverse)
    forward, reverse = _move_items(forward, reverse)
    own = set(defined_values(forward))
    definitions = {s.result: s for s in forward.statements if isinstance(s, Apply)}
    order = {v: i for i, v in enumerate(defined_values(forward))}
    needed = [v for v in free_values(reverse) if v in own and v not in available]
    saved = {v for v in needed if not _is_cheap(definitions.get(v))}
    recomputed: dict[Value, None] = {}

    def at_hand(value: Value) -> bool:
        if is_atom(value) or value in available or value in saved or value in recomputed:
            return True
        return value not in own or can_recompute(value)

    def can_recompute(value: Value) -> bool:
        statement = definitions.get(value)
        if statement is None or not _is_cheap(statement):
            return False
        if statement.primitive.name == "index_get":
            base = statement.operands[0]
            if base not in stable and is_mutable(base.type):
                return False
        if all(at_hand(v) for v in statement.operands):
            recomputed.setdefault(value)
            return True
        return False

    for value in sorted(needed, key=order.__getitem__):
        if value not in saved and not can_recompute(value):
            saved.add(value)
    wanted = _wanted(recomputed, needed, definitions)
    again: list[Statement] = []
    mapping: Substitution = {}
    for value in sorted(wanted, key=order.__getitem__):
        statement = definitions[value]
        fresh = Value(value.type, value.name, value.origin)
        operands = tuple(mapping.get(v, v) for v in statement.operands)
        again.append(Apply(statement.primitive, operands, fresh, statement.origin.as_role("adjoint")))
        mapping[value] = fresh
    reverse = substitute(reverse, mapping)
    reverse = Block(reverse.parameters, (*again, *reverse.statements), reverse.results)
    read = set(free_values(reverse))
    kept = tuple(v for v in sorted(saved, key=order.__getitem__) if v in read)
    return Residuals(kept, forward, reverse)


def _with_results_of(forward: Block, reverse: Block) -> Block:
    """The reverse block without the decompositions and inverses that the forward block has made of the same values.

    An inverse is the derivative of a determinant: a forward block that needs both makes it once.
    """
    made = {
        (s.primitive.name, s.operands): s.result
        for s in forward.statements
        if isinstance(s, Apply) and s.primitive.name.startswith("np.linalg.")
    }
    again: Substitution = {}
    for statement in reverse.statements:
        if isinstance(statement, Apply) and statement.result not in reverse.results:
            result = made.get((statement.primitive.name, statement.operands))
            if result is not None:
                again[statement.result] = result
    return _without(substitute(reverse, again), set(again)) if again else reverse


def _wanted(recomputed: dict[Value, None], needed: list[Value], definitions: dict[Value, Apply]) -> list[Value]:
    """Of the values that could be recomputed, those that the needed ones lead to."""
    wanted: dict[Value, None] = {}
    pending = [v for v in needed if v in recomputed]
    while pending:
        value = pending.pop()
        if value not in wanted:
            wanted[value] = None
            pending.extend(v for v in definitions[value].operands if v in recomputed)
    return list(wanted)


def _is_cheap(statement: Apply | None) -> bool:
    if statement is None:
        return False
    if statement.primitive.name in _ARITHMETIC:
        return isinstance(statement.result.type, Scalar)
    return statement.primitive.cheap


def _move_shapes(forward: Block, reverse: Block) -> tuple[Block, Block]:
    """Let the forward block compute the shapes that the reverse block asks of its values, if it asks nothing else
    of them."""
    own = set(defined_values(forward))
    shape_reads: dict[Value, list[Apply]] = {}
    other_reads: set[Value] = set()
    pending: list[Block] = [reverse]
    while pending:
        block = pending.pop()
        other_reads.update(block.results)
        for statement in block.statements:
            pending.extend(blocks_of(statement))
            if isinstance(statement, Apply) and statement.primitive.name in _SHAPE_ONLY:
                shape_reads.setdefault(statement.operands[0], []).append(statement)
            else:
                other_reads.update(operands_of(statement))
    moved = [(v, reads) for v, reads in shape_reads.items() if v in own and v not in other_reads]
    if not moved:
        return forward, reverse
    extra: list[Statement] = []
    dropped: set[Value] = set()
    mapping: Substitution = {}
    for value, reads in moved:
        made: dict[str, Value] = {}
        for read in reads:
            name = read.primitive.name
            if name not in made:
                origin = read.origin.as_role("primal")
                made[name] = Value(read.result.type, None, origin)
                extra.append(Apply(read.primitive, (value,), made[name], origin))
            dropped.add(read.result)
            mapping[read.result] = made[name]
    return (
        Block(forward.parameters, (*forward.statements, *extra), forward.results),
        _without(substitute(reverse, mapping), dropped),
    )


def _move_items(forward: Block, reverse: Block) -> tuple[Block, Block]:
    """Let the forward block read the items at constant places (`l[-1]`, of a list that is popped) that the reverse
    block asks of its lists, if it asks nothing else of them: to save the lists would take a copy each time."""
    own = {v for v in defined_values(forward) if isinstance(v.type, List | Dict | Unknown)}
    reads: dict[Value, list[Apply]] = {}
    others = set(reverse.results)
    for statement in reverse.statements:
        for block in blocks_of(statement):
            # What is read on one path only may not be there on the other.
            others.update(free_values(block))
        match statement:
            case Apply(Primitive(name="index_get"), (base, Constant()), _) if base in own:
                reads.setdefault(base, []).append(statement)
            case _:
                others.update(operands_of(statement))
    moved = {base: found for base, found in reads.items() if base not in others}
    if not moved:
        return forward, reverse

    def read_now(values: Iterable[Value]) -> list[Statement]:
        """Read at once, before anything can be written to what holds the items."""
        return [replace(r, origin=r.origin.as_role("primal")) for v in values for r in moved.get(v, ())]

    statements = read_now(forward.parameters)
    for statement in forward.statements:
        statements += [statement, *read_now(statement.results)]
    dropped = {r.result for found in moved.values() for r in found}
    return Block(forward.parameters, tuple(statements), forward.results), _without(reverse, dropped)


def _without(block: Block, dropped: set[Value]) -> Block:
    """The block without the Apply statements that define one of `dropped`."""
    statements: list[Statement] = []
    for s in block.statements:
        match s:
            case Apply(_, _, result):
                if result not in dropped:
                    statements.append(s)
            case If(condition, then, orelse, results, origin, expression):
                then, orelse = _without(then, dropped), _without(orelse, dropped)
                statements.append(If(condition, then, orelse, results, origin, expression))
            case For() | While():
                statements.append(replace(s, body=_without(s.body, dropped)))
            case _:
                statements.append(s)
    return Block(block.parameters, tuple(statements), block.results)


def stable_values(block: Block) -> set[Value]:
    """Values of a function's outermost block that nothing writes: neither updated nor carried or merged anywhere."""
    stable = set(defined_values(block))
    for statement in walk(block):
        match statement:
            case Apply(primitive, operands, _):
                if primitive.updates is not None:
                    stable.discard(operands[primitive.updates])
                for position in primitive.views:
                    if position < len(operands) and operands[position] not in stable:
                        stable.discard(statement.result)
            case For() | While():
                stable.difference_update(statement.initial)
            case _:
                pass
    return stable
