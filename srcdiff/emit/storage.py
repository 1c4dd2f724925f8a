"""Which values may share memory: what an in-place write may be seen through.

In: a function. Out: `Storage`, a partition of its mutable values (over-approximate and not flow sensitive: values of
different classes never share memory), and which functions have effects.

>>> from srcdiff.ir.core import Block, Function, Parameter, Value
>>> from srcdiff.ir.types import Array, FLOAT
>>> x, y, s = Value(Array("float64", (3,)), "x"), Value(Array("float64", (3,)), "y"), Value(FLOAT, "s")
>>> storage = Storage(Function("f", (Parameter(x), Parameter(y), Parameter(s)), Block((x, y, s), (), (s,))))
>>> storage.of(x) is None, storage.of(s) is None, storage.of(x) is storage.of(y)
(False, True, False)
"""

from __future__ import annotations

from collections.abc import Iterable

from srcdiff.ir.core import (
    Apply,
    Block,
    Call,
    Effect,
    For,
    Function,
    If,
    Program,
    Statement,
    Value,
    While,
    assert_never,
    blocks_of,
    walk,
)
from srcdiff.ir.types import is_mutable

_CONTAINERS = {
    "make_tuple",
    "make_record",
    "make_list",
    "make_dict",
    "append",
    "list",
    "tuple",
    "sorted",
    "reversed",
    "index_set",
}
_PICKS = {"index_get", "drop_last", "max", "min"}


class Storage:
    def __init__(self, function: Function) -> None:
        self._parent: dict[Value, Value] = {}
        self._written: dict[Statement, frozenset[Value]] = {}
        self._block(function.body)

    def of(self, value: Value) -> Value | None:
        """The representative of the memory that `value` may live in; None where it cannot be changed."""
        return self._find(value) if is_mutable(value.type) else None

    def written(self, statement: Statement) -> frozenset[Value]:
        """The memory that a statement, its blocks included, writes in place."""
        known = self._written.get(statement)
        if known is None:
            roots: set[Value] = set()
            if isinstance(statement, Apply) and statement.inplace:
                roots.add(self._find(statement.operands[statement.primitive.updates or 0]))
            for block in blocks_of(statement):
                for inner in block.statements:
                    roots |= self.written(inner)
            known = self._written[statement] = frozenset(roots)
        return known

    def _find(self, value: Value) -> Value:
        path = []
        while (up := self._parent.get(value)) is not None:
            path.append(value)
            value = up
        for each in path:
            self._parent[each] = value
        return value

    def _join(self, a: Value, b: Value) -> None:
        if is_mutable(a.type) and is_mutable(b.type):
            a, b = self._find(a), self._find(b)
            if a is not b:
                self._parent[b] = a

    def _pairs(self, left: Iterable[Value], right: Iterable[Value]) -> None:
        for a, b in zip(left, right, strict=True):
            self._join(a, b)

    def _block(self, block: Block) -> None:
        for statement in block.statements:
            self._statement(statement)

    def _statement(self, s: Statement) -> None:
        for block in blocks_of(s):
            self._block(block)
        match s:
            case Apply(primitive, operands, result):
                name = primitive.name
                if s.inplace:
                    self._join(operands[primitive.updates or 0], result)
                for position in primitive.views:
                    self._join(operands[position], result)
                if name in _CONTAINERS or name in _PICKS or name in ("identity", "accumulate"):
                    for operand in operands:
                        self._join(operand, result)
            case If():
                self._pairs(s.results, s.then.results)
                self._pairs(s.results, s.orelse.results)
            case For():
                n = len(s.initial)
                self._pairs(s.carried, s.initial)
                self._pairs(s.carried, s.carried_next)
                self._pairs(s.results[:n], s.carried)
                self._pairs(s.results[n:], s.collected)
                self._pairs(s.zipped, s.zipped_items)
                if s.iterable is not None:
                    self._join(s.item, s.iterable)
            case While():
                n = len(s.initial)
                self._pairs(s.carried, s.initial)
                self._pairs(s.carried, s.carried_next)
                self._pairs(s.condition.parameters, s.initial)
                self._pairs(s.results[:n], s.carried)
                self._pairs(s.results[n:], s.collected)
            case Call():
                for a in (*s.arguments, *s.results):
                    for b in s.results:
                        self._join(a, b)
            case Effect():
                for a in s.operands:
                    for b in s.results:
                        self._join(a, b)
            case _:
                assert_never(s)


def functions_with_effects(program: Program) -> frozenset[str]:
    """The functions that print, assert or raise, themselves or through what they call."""
    found: set[str] = set()
    while True:
        more = {
            function.name
            for function in program.functions
            if function.name not in found
            and any(isinstance(s, Effect) or (isinstance(s, Call) and s.function in found) for s in walk(function.body))
        }
        if not more:
            return frozenset(found)
        found |= more
