"""When is a value read for the last time? Liveness by position, for structured code.

In: the body of a function. Out: a position for every statement, and for every value the positions at which it is
read, so that "is `v` read after this statement on some path?" is answered by a look-up. What a loop takes from outside
is read again by its next iteration: it counts as read at the loop's end. So do the lists that it zips over. Reads of an
`else` block do not come after statements of the `then` block.

>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.core import Primitive
>>> from srcdiff.ir.types import FLOAT
>>> negative = Primitive("negative", ("a",), infer=lambda a: FLOAT, evaluate=lambda a: -a)
>>> b = Builder()
>>> x = b.value(FLOAT, "x")
>>> y = b.apply(negative, x)
>>> reads = Positions(b.block((x,), (y,)))
>>> reads.is_read_after(x, b.statements[0]), reads.is_read_after(y, b.statements[0])
(False, True)
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from srcdiff.ir.core import Block, For, If, Statement, Value, While, is_atom, operands_of

_Range = list[int]


class Positions:
    """The positions of the statements of one function and of the reads of its values."""

    def __init__(self, body: Block) -> None:
        self._reads: dict[Value, list[int]] = {}
        self._defined: dict[Value, int] = {}
        self._at: dict[Statement, int] = {}
        self._excluded: dict[Statement, tuple[_Range, ...]] = {}
        self._now = 0
        self._in_loop: list[dict[Value, None]] = []
        self._block(body, ())

    def is_read_after(self, value: Value, statement: Statement) -> bool:
        """Whether some path from the end of `statement` (the start, for one that owns blocks) reads `value`."""
        reads = self._reads.get(value)
        here = self._at[statement]
        if reads is None or reads[-1] <= here:
            return False
        index = bisect_right(reads, here)
        for start, end in self._excluded[statement]:
            # Innermost first: the ranges lie one after the other.
            if start <= reads[index] <= end:
                index = bisect_right(reads, end)
                if index == len(reads):
                    return False
        return True

    def is_dead_after(self, value: Value, statement: Statement) -> bool:
        """Whether nothing that stands later in the text reads `value`, on whatever path."""
        reads = self._reads.get(value)
        return reads is None or reads[-1] <= self._at[statement]

    def _step(self) -> int:
        self._now += 1
        return self._now

    def _read(self, values: Iterable[Value]) -> None:
        for value in values:
            if is_atom(value):
                continue
            reads = self._reads.setdefault(value, [])
            if not reads or reads[-1] != self._now:
                reads.append(self._now)
            if self._in_loop:
                self._in_loop[-1][value] = None

    def _define(self, values: Iterable[Value]) -> None:
        for value in values:
            self._defined[value] = self._now

    def _block(self, block: Block, excluded: tuple[_Range, ...]) -> None:
        self._define(block.parameters)
        for statement in block.statements:
            self._at[statement] = self._step()
            self._excluded[statement] = excluded
            self._read(operands_of(statement))
            match statement:
                case If(_, then, orelse):
                    other = [0, 0]
                    self._block(then, (other, *excluded))
                    other[0] = self._now + 1
                    self._block(orelse, excluded)
                    other[1] = self._now
                case For():
                    self._loop((statement.body,), excluded, statement)
                case While():
                    self._loop((statement.condition, statement.body), excluded, statement)
                case _:
                    pass
            self._step()
            self._define(statement.results)
        self._step()
        self._read(block.results)

    def _loop(self, blocks: tuple[Block, ...], excluded: tuple[_Range, ...], loop: For | While) -> None:
        start = self._now
        self._in_loop.append({})
        self._step()
        for block in blocks:
            self._block(block, excluded)
        self._step()
        inside = self._in_loop.pop()
        self._read(v for v in inside if self._defined[v] <= start)
        if isinstance(loop, For):
            self._read(loop.zipped if loop.iterable is None else (*loop.zipped, loop.iterable))
