"""The body of a loop as it runs when the loop goes on, or when the loop is left.

In: the body of a loop that may stop, and which of the two is meant. Out: a block without the decision: the branches
that are not taken are gone, and what depends on the flag is settled::

    new = g(x)                            goes on:  new = g(x)         is left:  new = g(x)
    if abs(new - x) < tol: break                    x = new
    x = new

>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.types import BOOL, FLOAT
>>> x, new, c = Value(FLOAT, "x"), Value(FLOAT, "new"), Value(BOOL, "c")
>>> merged = Value(FLOAT, "x")
>>> decided = If(c, Block((), (), (x,)), Block((), (), (new,)), (merged,))
>>> body = Block((x, new, c), (decided,), (c, merged))
>>> [settled(body, c, stops).results[1].name for stops in (False, True)]
['new', 'x']
"""

from __future__ import annotations

from collections.abc import Mapping

from srcdiff.ir.core import Apply, Block, Constant, If, Statement, Value, walk
from srcdiff.ir.substitution import Substitution, substitute_statement

Known = dict[Value, bool]


class NeverHappens(Exception):
    """The flag has the other value in every iteration."""


def settled(body: Block, stop: Value, stops: bool) -> Block:
    """The body in an iteration in which the value of its flag `stop` is `stops`.

    Raises
    ------
    NeverHappens
        where the flag is known to have the other value.
    """
    made: dict[Value, Apply | If] = {r: s for s in walk(body) if isinstance(s, Apply | If) for r in s.results}
    known = _deduced(made, {}, {stop: stops})
    return _rewritten(body, made, known)


def _deduced(made: Mapping[Value, Apply | If], known: Known, new: Known) -> Known:
    """What follows from `known` and `new`."""
    known = dict(known)
    pending = list(new.items())
    while pending:
        value, truth = pending.pop()
        if isinstance(value, Constant):
            if bool(value.value) != truth:
                raise NeverHappens
            continue
        if value in known:
            if known[value] != truth:
                raise NeverHappens
            continue
        known[value] = truth
        match made.get(value):
            case Apply(primitive, operands) if primitive.name in ("not_", "identity"):
                pending.append((operands[0], truth != (primitive.name == "not_")))
            case If(condition, then, orelse, results):
                position = results.index(value)
                taken, other = then.results[position], orelse.results[position]
                if _is(taken, condition, True, not truth):
                    pending += [(condition, False), (other, truth)]
                elif _is(other, condition, False, not truth):
                    pending += [(condition, True), (taken, truth)]
            case _:
                pass
    return known


def _is(value: Value, condition: Value, holds: bool, truth: bool) -> bool:
    """Whether a branch's result is surely `truth`: by itself, or because it is the condition."""
    if isinstance(value, Constant):
        return bool(value.value) == truth
    return value is condition and holds == truth


def _truth(value: Value, made: Mapping[Value, Apply | If], known: Known) -> bool | None:
    if isinstance(value, Constant):
        return bool(value.value)
    if value in known:
        return known[value]
    match made.get(value):
        case Apply(primitive, operands) if primitive.name in ("not_", "identity"):
            inner = _truth(operands[0], made, known)
            return None if inner is None else inner != (primitive.name == "not_")
        case _:
            return None


def _rewritten(block: Block, made: Mapping[Value, Apply | If], known: Known) -> Block:
    """The block with the branches that `known` decides in the place of their Ifs."""
    mapping: Substitution = {}
    statements: list[Statement] = []
    for statement in block.statements:
        if not isinstance(statement, If):
            statements.append(substitute_statement(statement, mapping))
            continue
        branches = _possible(statement, made, known)
        if len(branches) == 1:
            statements += [substitute_statement(s, mapping) for s in branches[0].statements]
            mapping.update(zip(statement.results, (mapping.get(v, v) for v in branches[0].results), strict=True))
        else:
            results, origin = statement.results, statement.origin
            again = If(statement.condition, branches[0], branches[1], results, origin, statement.expression)
            statements.append(substitute_statement(again, mapping))
    return Block(block.parameters, tuple(statements), tuple(mapping.get(v, v) for v in block.results))


def _possible(statement: If, made: Mapping[Value, Apply | If], known: Known) -> list[Block]:
    """The branches that may be taken, rewritten."""
    branches: list[Block] = []
    decided = _truth(statement.condition, made, known)
    for truth, branch in ((True, statement.then), (False, statement.orelse)):
        if decided is (not truth):
            continue
        here = {statement.condition: truth}
        here.update({v: known[r] for r, v in zip(statement.results, branch.results, strict=True) if r in known})
        try:
            branches.append(_rewritten(branch, made, _deduced(made, known, here)))
        except NeverHappens:
            continue
    if not branches:
        raise NeverHappens
    return branches
