"""Out of SSA: a name for every variable.

In: nodes, the names that may not be used, hints. Out: `names`, from values to names. Values that must share a name
(an update in place) do; values of one variable of the user's do where their lifetimes allow it, and then the moves
between them vanish. The user's names win over generated ones, which get a suffix: `dx_1`.

>>> from srcdiff.emit.tree import Jump, assign, leaf
>>> from srcdiff.ir.types import FLOAT
>>> x, y, t = Value(FLOAT, "x"), Value(FLOAT, "x"), Value(FLOAT)
>>> nodes = [assign(t, leaf(x)), assign(y, leaf(t)), Jump("return", leaf(y))]
>>> [name_variables(nodes, (x,), frozenset(), {})[v] for v in (x, y, t)]
['x', 'x', 't1']
"""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from srcdiff.emit.liveness import Conflicts
from srcdiff.emit.tree import Branch, Leaf, Loop, Move, Node, Plain, Repeat
from srcdiff.ir.core import Value

_TEMPORARY = {"primal": "t", "tangent": "d", "adjoint": "b"}


@dataclass
class _Class:
    """Values that share a name: the mask of their numbers, and of what they are alive together with."""

    values: list[Value]
    members: int
    conflicts: int
    hint: str | None = None
    role: str = "primal"


@dataclass
class _Holder:
    """What has one name."""

    members: int = 0
    conflicts: int = 0


@dataclass
class _Naming:
    conflicts: Conflicts
    parameters: tuple[Value, ...]
    reserved: Set[str]
    hints: Mapping[Value, str]
    classes: dict[Value, _Class] = field(default_factory=dict)
    holders: dict[str, _Holder] = field(default_factory=dict)
    names: dict[Value, str] = field(default_factory=dict)

    def hint(self, value: Value) -> str | None:
        return value.name or self.hints.get(value) or None

    def clash(self, a: _Class | _Holder, b: _Class | _Holder) -> bool:
        return bool(a.conflicts & b.members or b.conflicts & a.members)

    def unite(self, a: Value, b: Value) -> bool:
        """Put two values into one class, if they are never alive together."""
        p, q = self.classes[a], self.classes[b]
        if p is q:
            return True
        if self.clash(p, q):
            return False
        p.values += q.values
        p.members |= q.members
        p.conflicts |= q.conflicts
        for value in q.values:
            self.classes[value] = p
        return True


def name_variables(
    nodes: Sequence[Node],
    parameters: tuple[Value, ...],
    reserved: Set[str],
    hints: Mapping[Value, str],
    similar: Mapping[Value, Value] | None = None,
    bound: Mapping[Value, Sequence[Value]] | None = None,
) -> dict[Value, str]:
    """A name for every value that the nodes assign or the function is given. `similar` suggests, for a value without a
    name, another one whose name it should take; `bound` are the variables of comprehensions and what is read there."""
    conflicts = Conflicts(nodes, parameters)
    for value, beside in (bound or {}).items():
        conflicts.add(value, beside)
    naming = _Naming(conflicts, parameters, reserved | set(keyword.kwlist) | {"_"}, hints)
    for value, number in conflicts.order.items():
        naming.classes[value] = _Class([value], 1 << number, conflicts.rows[number])
    moves = list(_each(nodes))
    for node in moves:
        for target, operand in node.tied if isinstance(node, Plain) else ():
            if not naming.unite(operand, target):
                names = f"{target.name or 'a value'} overwrites {operand.name or 'a value'}"
                raise AssertionError(f"internal error: {names}, which is read later")
    for node in moves:
        for target, source in node.pairs if isinstance(node, Move) else ():
            if source is not None and isinstance(source.node, Leaf):
                _coalesce(naming, target, source.node.value)
    _assign(naming, similar or {})
    return naming.names


def _each(nodes: Sequence[Node]) -> Iterator[Plain | Move]:
    for node in nodes:
        match node:
            case Plain() | Move():
                yield node
            case Branch(_, then, orelse):
                yield from _each(then)
                yield from _each(orelse)
            case Loop() | Repeat():
                yield from _each(node.body)
            case _:
                pass


def _coalesce(naming: _Naming, target: Value, source: Value) -> None:
    """One name for both sides of a move, unless the user has two."""
    a = {h for v in naming.classes[target].values if (h := naming.hint(v))}
    b = {h for v in naming.classes[source].values if (h := naming.hint(v))}
    if not a or not b or a & b:
        naming.unite(target, source)


def _assign(naming: _Naming, similar: Mapping[Value, Value]) -> None:
    classes = list({id(c): c for c in naming.classes.values()}.values())
    for each in classes:
        hinted = [v for v in each.values if naming.hint(v)]
        given = [v for v in each.values if v in naming.parameters]
        users = [v for v in hinted if v.origin.role == "primal" and v.name]
        chosen = next(iter([*given, *users, *hinted, *each.values]))
        each.hint, each.role = naming.hint(chosen), chosen.origin.role
        if not users and hinted and each.hint and chosen.name is None:
            each.role = "generated"
    theirs = {c.hint for c in classes if c.hint and c.role == "primal"}
    order = {id(c): n for n, c in enumerate(classes)}

    def rank(each: _Class) -> tuple[int, int, int]:
        parameter = any(v in naming.parameters for v in each.values)
        return 0 if each.role == "primal" and each.hint else 1, 0 if parameter else 1, order[id(each)]

    named = sorted((c for c in classes if c.hint), key=rank)
    for each in named:
        assert each.hint is not None
        _take(naming, each, each.hint, each.role not in ("primal", "generated") and each.hint in theirs)
    for each in classes:
        if each.hint is None:
            like = next((similar[v] for v in each.values if v in similar), None)
            name = naming.names.get(like) if like is not None else None
            if name is not None and not naming.clash(naming.holders[name], each):
                _give(naming, each, name)
            else:
                _number(naming, each)


def _give(naming: _Naming, each: _Class, name: str) -> None:
    holder = naming.holders.setdefault(name, _Holder())
    holder.members |= each.members
    holder.conflicts |= each.conflicts
    for value in each.values:
        naming.names[value] = name


def _take(naming: _Naming, each: _Class, hint: str, give_way: bool) -> None:
    """The hint, or the hint with the first suffix under which nothing is alive at the same time."""
    suffix = 1 if give_way else 0
    while True:
        name = f"{hint}_{suffix}" if suffix else hint
        if each.role == "generated" and hint == "i" and suffix < 3:
            name = "ijk"[suffix]
        holder = naming.holders.get(name)
        if name not in naming.reserved and (holder is None or not naming.clash(holder, each)):
            _give(naming, each, name)
            return
        suffix += 1


def _number(naming: _Naming, each: _Class) -> None:
    letter = _TEMPORARY.get(each.role, "t")
    number = 1
    while (name := f"{letter}{number}") in naming.holders or name in naming.reserved:
        number += 1
    _give(naming, each, name)
