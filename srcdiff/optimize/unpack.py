"""Decompositions taken apart where they are made: `w, v = np.linalg.eigh(a)` rather than `t[0]` here and `t[1]` there.

In: a program. Out: the same program, in which a tuple with named items, of which every item is read and which is read
in no other way, is unpacked at once. A derivative rule reads items of its own, besides those that the user's code has
names for.

>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.core import Function, Parameter
>>> from srcdiff.ir.types import Array
>>> from srcdiff.primitives.table import TABLE
>>> b, a = Builder(), Value(Array("float64", (3, 3)), "a")
>>> t = b.apply(TABLE["np.linalg.eigh"], a)
>>> v, w = b.apply(TABLE["index_get"], t, 1), b.apply(TABLE["index_get"], t, 0, name="values")
>>> f = Function("f", (Parameter(a),), b.block((a,), (v, w)))
>>> [r.name for r in unpack(Program((f,))).main.body.results]
['v', 'values']
"""

from __future__ import annotations

from dataclasses import replace

from srcdiff.ir.core import (
    Apply,
    Block,
    Constant,
    For,
    Function,
    If,
    Program,
    Statement,
    Value,
    While,
    blocks_of,
    operands_of,
    walk,
)
from srcdiff.ir.substitution import Substitution, substitute
from srcdiff.ir.types import Named

_NAMES = {"eigenvalues": "w", "eigenvectors": "v", "U": "u", "S": "s", "Vh": "vh", "Q": "q", "R": "r"}
"""What the parts are usually called."""


def unpack(program: Program) -> Program:
    return Program(tuple(_function(f) for f in program.functions))


def _function(function: Function) -> Function:
    wholes = {
        s.result: s
        for s in walk(function.body)
        if isinstance(s, Apply) and isinstance(s.result.type, Named) and s.result.name is None
    }
    if not wholes:
        return function
    reads: dict[Value, list[Apply]] = {t: [] for t in wholes}
    others: set[Value] = set(function.body.results)
    for s in walk(function.body):
        for block in blocks_of(s):
            others.update(block.results)
        match s:
            case Apply(operands=(t, Constant(value=int(at)))) if s.primitive.name == "index_get" and t in reads:
                reads[t].append(s)
                if not 0 <= at < len(t.type.items if isinstance(t.type, Named) else ()):
                    others.add(t)
            case _:
                others.update(operands_of(s))
    taken = {v.name for v in function.body.parameters} | {v.name for s in walk(function.body) for v in s.results}
    for s in walk(function.body):
        taken |= {v.name for block in blocks_of(s) for v in block.parameters}
    parts: dict[Value, list[Apply]] = {}
    mapping: Substitution = {}
    gone: set[Value] = set()
    for t, found in reads.items():
        assert isinstance(t.type, Named)
        by_place: dict[int, list[Apply]] = {}
        for s in found:
            by_place.setdefault(_place(s), []).append(s)
        if t in others or len(by_place) < len(t.type.items) or len(t.type.names) < len(t.type.items):
            continue
        parts[t] = []
        for place in range(len(t.type.items)):
            same = by_place[place]
            first = next((s for s in same if s.result.name is not None), same[0])
            name = first.result.name or _free(t.type.names[place], taken)
            taken.add(name)
            value = Value(first.result.type, name, wholes[t].origin)
            parts[t].append(Apply(first.primitive, first.operands, value, wholes[t].origin))
            mapping.update((s.result, value) for s in same)
            gone.update(s.result for s in same)
    if not parts:
        return function
    return replace(function, body=substitute(_placed(function.body, parts, gone), mapping))


def _free(name: str, taken: set[str | None]) -> str:
    """What to call a part: not like a variable of the user's, which would have to give way to it in part."""
    short = _NAMES.get(name, name)
    return short if short not in taken else name


def _place(s: Apply) -> int:
    index = s.operands[1]
    assert isinstance(index, Constant)
    return int(index.value)


def _placed(block: Block, parts: dict[Value, list[Apply]], gone: set[Value]) -> Block:
    """The block with the parts of each tuple after it, and without the reads that were elsewhere."""
    statements: list[Statement] = []
    for s in block.statements:
        match s:
            case Apply(result=result):
                if result not in gone:
                    statements += [s, *parts.get(result, ())]
            case If():
                then, orelse = _placed(s.then, parts, gone), _placed(s.orelse, parts, gone)
                statements.append(replace(s, then=then, orelse=orelse))
            case For():
                statements.append(replace(s, body=_placed(s.body, parts, gone)))
            case While():
                condition, body = _placed(s.condition, parts, gone), _placed(s.body, parts, gone)
                statements.append(replace(s, condition=condition, body=body))
            case _:
                statements.append(s)
    return Block(block.parameters, tuple(statements), block.results)
