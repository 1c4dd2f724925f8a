"""Which variables are alive together, and so need different names.

In: nodes. Out: `Conflicts`: for every variable, numbered in order of appearance, the set (a bit mask) of those that are
alive where it is assigned.

>>> from srcdiff.emit.tree import Jump, assign, leaf
>>> from srcdiff.ir.core import Value
>>> from srcdiff.ir.types import FLOAT
>>> x, y = Value(FLOAT, "x"), Value(FLOAT, "y")
>>> c = Conflicts([assign(y, leaf(x)), Jump("return", leaf(y))], (x,))
>>> c.between(x, y)
False
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from srcdiff.emit.tree import Branch, Jump, Leaf, Loop, Move, Node, Plain, Repeat
from srcdiff.ir.core import Value, assert_never


class Liveness:
    """Numbers for the variables of some nodes, and which are alive where."""

    def __init__(self, nodes: Sequence[Node], parameters: Sequence[Value]) -> None:
        self.order: dict[Value, int] = {}
        """Every variable and its number."""
        self.rows: list[int] = []
        self._record = False
        for parameter in parameters:
            self.number(parameter)
        self._appear(nodes)

    def number(self, value: Value) -> int:
        known = self.order.get(value)
        if known is None:
            known = self.order[value] = len(self.rows)
            self.rows.append(0)
        return known

    def mask(self, values: Iterable[Value]) -> int:
        mask = 0
        for value in values:
            mask |= 1 << self.number(value)
        return mask

    def _appear(self, nodes: Sequence[Node]) -> None:
        """Number the variables as they are assigned first."""
        for node in nodes:
            match node:
                case Plain():
                    self.mask(node.defs)
                case Move(pairs):
                    self.mask(target for target, _ in pairs)
                case Branch(_, then, orelse):
                    self._appear(then)
                    self._appear(orelse)
                case Loop(_, targets, _, body):
                    self.mask(targets)
                    self._appear(body)
                case Repeat(_, body):
                    self._appear(body)
                case Jump():
                    pass
                case _:
                    assert_never(node)

    # ------------------------------------------------------------------ backwards through the statements

    def _define(self, values: Iterable[Value], alive: int) -> None:
        if self._record:
            together = self.mask(values)
            for value in values:
                n = self.number(value)
                self.rows[n] |= (alive | together) & ~(1 << n)

    def before(self, nodes: Sequence[Node], after: int, broken: int) -> int:
        """The variables alive before the nodes, given those alive after them and where a `break` leads."""
        for node in reversed(nodes):
            after = self._before(node, after, broken)
        return after

    def _before(self, node: Node, after: int, broken: int) -> int:
        match node:
            case Plain():
                self._define(node.defs, after)
                return after & ~self.mask(node.defs) | self.mask(node.reads)
            case Move(pairs):
                targets = [t for t, _ in pairs]
                if self._record:
                    together = self.mask(targets)
                    for target, source in pairs:
                        n = self.number(target)
                        free = 1 << n
                        if source is not None and isinstance(source.node, Leaf):
                            free |= self.mask((source.node.value,))
                        self.rows[n] |= (after & ~free) | together & ~(1 << n)
                after &= ~self.mask(targets)
                for _, source in pairs:
                    if source is not None:
                        after |= self.mask(source.reads)
                return after
            case Branch(test, then, orelse):
                return self.before(then, after, broken) | self.before(orelse, after, broken) | self.mask(test.reads)
            case Loop(_, targets, iterable, body):
                assigned = self.mask(targets)
                head = self.head(body, after, after, assigned)
                # What the loop runs over counts as alive: a target of the same name would be legal and misleading.
                self._define(targets, (self.before(body, head, after) | self.mask(iterable.reads)) & ~assigned)
                return head | self.mask(iterable.reads)
            case Repeat(test, body):
                endless = getattr(test.node, "value", None) is True
                start = 0 if endless else after
                head = self.head(body, start | self.mask(test.reads), after, 0)
                self.before(body, head, after)
                return head
            case Jump(kind, value):
                read = 0 if value is None else self.mask(value.reads)
                return read | (broken if kind == "break" else 0)
            case _:
                assert_never(node)

    def head(self, body: Sequence[Node], start: int, broken: int, assigned: int) -> int:
        """What is alive at the head of a loop."""
        recording, self._record = self._record, False
        head = start
        while True:
            more = head | self.before(body, head, broken) & ~assigned
            if more == head:
                self._record = recording
                return head
            head = more


class Conflicts(Liveness):
    """Which variables are alive where another one is assigned."""

    def __init__(self, nodes: Sequence[Node], parameters: Sequence[Value]) -> None:
        super().__init__(nodes, parameters)
        self._record = True
        entry = self.before(nodes, 0, 0)
        together = self.mask(parameters)
        for parameter in parameters:
            self.rows[self.order[parameter]] |= (entry | together) & ~self.mask((parameter,))

    def add(self, value: Value, others: Iterable[Value]) -> None:
        """Let `value` differ from `others`."""
        row = self.mask(others)
        number = self.number(value)
        self.rows[number] |= row & ~(1 << number)

    def between(self, a: Value, b: Value) -> bool:
        i, j = self.order[a], self.order[b]
        return bool(self.rows[i] >> j & 1 or self.rows[j] >> i & 1)
