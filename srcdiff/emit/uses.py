"""What is remembered while it is decided which values are printed inside others.

Out: `Use`, where a value is read; `Place`, where an inlined value is computed; `Events`, what happens in a block.

>>> Events.between([-7, -3], 3, 6), Events.between([-7, -3], 2, 6)
(False, True)
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from srcdiff.ir.core import Block, Statement, Value


@dataclass(frozen=True)
class Use:
    """A place where a value is read: the statement (None: the results of the block) and its index; whether the value
    may be moved to it."""

    block: Block
    index: int
    statement: Statement | None
    movable: bool = True


@dataclass
class Place:
    """Where an inlined value is computed: the last statement of its own block it moves to, how many times it is
    written out, and whether any of these places is inside an inner block."""

    last: int
    copies: int
    inner: bool
    depth: int = 0


@dataclass
class Events:
    """What happens in one block, by statement index in ascending order (they are entered backwards)."""

    effects: list[int] = field(default_factory=list)
    writes: dict[Value, list[int]] = field(default_factory=dict)
    hints: dict[str, list[int]] = field(default_factory=dict)
    consumed: dict[Value, list[int]] = field(default_factory=dict)
    """Where a value gives its name to what is updated in place, after which not even its shape can be read."""

    @staticmethod
    def between(indices: list[int] | None, low: int, high: int) -> bool:
        """Whether an index lies in (low, high]. The list is descending."""
        if not indices:
            return False
        return bisect_right(indices, -high - 1) != bisect_right(indices, -low - 1)
