"""Which collected lists travel together, and are printed as one tape of tuples.

In: a function and its decisions. Out: `Tapes`: for every loop the tapes it grows and the tapes it consumes. The lists
that a loop collects and that one other loop zips, and nothing else reads, are one tape; so are lists of lists that are
zipped by an outer loop and whose items are zipped by an inner one. Where the consuming loop runs once for each time the
tape is made it pops; else it reads the tape backwards and leaves it as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from srcdiff.emit.expressions import Decisions
from srcdiff.ir.core import Block, For, Function, If, Statement, Value, While, blocks_of, is_atom, operands_of


@dataclass(frozen=True)
class Growing:
    """A tape that a loop grows: each slot is one of the body's collected values, the first that stands for it."""

    tape: Value
    slots: tuple[Value, ...]


@dataclass(frozen=True)
class Consuming:
    """A tape that a loop consumes from its end, and the body's parameters for its slots (None: not read)."""

    tape: Value
    items: tuple[Value | None, ...]
    pops: bool


@dataclass(frozen=True)
class _Use:
    kind: str
    block: Block
    statement: Statement | None
    position: int


class Tapes:
    def __init__(self, function: Function, decisions: Decisions) -> None:
        self.growing: dict[Statement, tuple[Growing, ...]] = {}
        self.consuming: dict[Statement, tuple[Consuming, ...]] = {}
        self.registers: dict[Value, Value] = {}
        """The value that stands for a list: the tape that it became a part of."""
        self.similar: dict[Value, Value] = {}
        """For the items of a tape the values that were put on it."""
        self._decisions = decisions
        self._uses: dict[Value, list[_Use]] = {}
        self._parents: dict[Block, tuple[Block, Statement] | None] = {function.body: None}
        self._homes: dict[Value, Block] = {}
        self._loops: list[For | While] = []
        self._collectors: dict[Value, tuple[For | While, int]] = {}
        self._groups: dict[Value, list[Value]] = {}
        self._origins: dict[Value, Value] = {}
        self._places: dict[Statement, Block] = {}
        self._read_block(function.body, None)
        self._find_origins()
        for loop in self._loops:
            self._group(loop)
        for loop in self._loops:
            self._grow(loop)
        for loop in self._loops:
            if isinstance(loop, For) and loop.zipped:
                self._consume(loop)

    # ------------------------------------------------------------------ reading the function

    def _read_block(self, block: Block, owner: Statement | None) -> None:
        for parameter in block.parameters:
            self._homes[parameter] = block
        for s in block.statements:
            if s in self._decisions.dead:
                continue
            for value in s.results:
                self._homes[value] = block
            zipped = s.zipped if isinstance(s, For) else ()
            plain = operands_of(s)[: len(operands_of(s)) - len(zipped)]
            for value in plain:
                self._use(value, _Use("other", block, s, 0))
            for position, value in enumerate(zipped):
                self._use(value, _Use("zip", block, s, position))
            if isinstance(s, For | While):
                self._loops.append(s)
                self._places[s] = block
                for position, value in enumerate(s.results[len(s.initial) :]):
                    self._collectors[value] = (s, position)
            for inner in blocks_of(s):
                self._parents[inner] = (block, s)
                self._read_block(inner, s)
        first = len(block.results)
        if isinstance(owner, For | While) and block is owner.body:
            first = owner.stops + len(owner.initial)
        for position, value in enumerate(block.results):
            if position < first:
                self._use(value, _Use("other", block, None, position))
            elif isinstance(owner, For | While) and self._decisions.used(owner.results[position - owner.stops]):
                self._use(value, _Use("collect", block, owner, position - first))

    def _use(self, value: Value, use: _Use) -> None:
        if not is_atom(value):
            self._uses.setdefault(value, []).append(use)

    # ------------------------------------------------------------------ where the elements of a list are consumed

    def _path(self, listed: Value) -> tuple[tuple[Statement, ...], Value] | None:
        """The loops through which a list reaches the one that consumes its elements, and the item there; None where
        anything else happens to it."""
        uses = self._uses.get(listed, [])
        if len(uses) != 1:
            return None
        use = uses[0]
        if use.kind == "zip" and isinstance(use.statement, For):
            return (use.statement,), use.statement.zipped_items[use.position]
        if use.kind == "collect" and isinstance(use.statement, For | While):
            outer = use.statement.results[len(use.statement.initial) + use.position]
            above = self._path(outer)
            below = None if above is None else self._path(above[1])
            if above is not None and below is not None:
                return (use.statement, *above[0], *below[0]), below[1]
        return None

    def _group(self, loop: For | While) -> None:
        groups: dict[tuple[Statement, ...], list[Value]] = {}
        for listed in loop.results[len(loop.initial) :]:
            found = self._path(listed)
            if found is not None:
                groups.setdefault(found[0], []).append(listed)
        for members in groups.values():
            first = members[0]
            tape = Value(first.type, "tape", first.origin.as_role("adjoint"))
            for member in members:
                self.registers[member] = tape
                self._groups[member] = members

    def _slots(self, lists: list[Value]) -> list[list[Value]]:
        """The lists whose elements take one slot of a tape tuple each: those of one inner tape share theirs."""
        slots: dict[Value, list[Value]] = {}
        for listed in lists:
            loop, position = self._collectors[listed]
            element = loop.collected[position]
            tape = self.registers.get(element)
            slots.setdefault(listed if tape is None else tape, []).append(listed)
        return list(slots.values())

    def _grow(self, loop: For | While) -> None:
        seen: dict[Value, None] = {}
        found: list[Growing] = []
        for listed in loop.results[len(loop.initial) :]:
            if not self._decisions.used(listed):
                continue
            members = self._groups.get(listed, [listed])
            tape = self.registers.get(listed, listed)
            if tape in seen:
                continue
            seen[tape] = None
            elements = [self._collectors[slot[0]] for slot in self._slots(members)]
            found.append(Growing(tape, tuple(made.collected[position] for made, position in elements)))
        self.growing[loop] = tuple(found)

    def _consume(self, loop: For) -> None:
        """Outer loops come first, so the items of an outer tape are registered before an inner loop consumes them."""
        items = dict(zip(loop.zipped, loop.zipped_items, strict=True))
        used = self._decisions.used
        done: set[Value] = set()
        found: list[Consuming] = []
        for listed in loop.zipped:
            if listed in done:
                continue
            source = self._source(listed)
            members = self._groups.get(source, [source]) if source is not None else [listed]
            if source is None or source not in self._groups:
                found.append(Consuming(listed, (items[listed] if used(items[listed]) else None,), False))
                done.add(listed)
                continue
            by_source = {self._source(z): z for z in loop.zipped}
            slots: list[Value | None] = []
            for slot in self._slots(members):
                group = [items[by_source[member]] for member in slot]
                made, position = self._collectors[slot[0]]
                if not any(map(used, group)):
                    slots.append(None)
                elif made.collected[position] in self.registers:
                    tape = Value(group[0].type, "tape", group[0].origin.as_role("adjoint"))
                    self.registers.update((item, tape) for item in group)
                    slots.append(tape)
                else:
                    slots.append(group[0])
                    self.similar[group[0]] = made.collected[position]
            done.update(by_source[member] for member in members)
            tape = self.registers[listed]
            # A tape that came out of another one is only read: popping would change what that one holds.
            pops = loop.iterable is not None and listed in self._collectors and self._once(loop, listed)
            found.append(Consuming(tape, tuple(slots), pops))
        self.consuming[loop] = tuple(found)

    def _source(self, listed: Value) -> Value | None:
        """The collected list that a value is: itself, or where it came from through an outer tape."""
        return listed if listed in self._collectors else self._origins.get(listed)

    def _find_origins(self) -> None:
        """From the items of an outer tape to the inner collected lists that they are."""
        for listed in self._collectors:
            uses = self._uses.get(listed, [])
            owner = uses[0].statement if self._path(listed) is not None and uses[0].kind == "collect" else None
            if isinstance(owner, For | While):
                above = self._path(owner.results[len(owner.initial) + uses[0].position])
                if above is not None:
                    self._origins[above[1]] = listed

    def _once(self, loop: For, listed: Value) -> bool:
        """Whether the loop runs at most once for each time its tape is made: only branches lie between."""
        home, spot = self._homes[listed], self._places[loop]
        while spot is not home:
            above = self._parents[spot]
            if above is None or not isinstance(above[1], If):
                return False
            spot = above[0]
        return True
