"""Which values are printed inside the expression that uses them.

In: a function. Out: `Decisions`: the statements printed inside others, those that are dead, the walks. A value without
a name is moved to its only reader, or, where recomputing it is free, to each of them; never across a write to memory
it may read, never past an effect, never into a loop or branch it was outside of (unless it is free and cannot fail).

The work is one walk backwards, so that what becomes of the readers is known when a value is decided.
"""

from __future__ import annotations

from collections.abc import Iterator

from srcdiff.emit.storage import Storage
from srcdiff.emit.uses import Events, Place, Use
from srcdiff.emit.walks import Walk, walk_of
from srcdiff.ir.builder import is_constant
from srcdiff.ir.core import (
    Apply,
    Block,
    Call,
    Constant,
    Effect,
    For,
    Function,
    If,
    Statement,
    Value,
    While,
    blocks_of,
    free_values,
    is_atom,
    operands_of,
    walk,
)
from srcdiff.ir.types import INT, Array, Scalar, Tuple

_MEASURES = {"len", "shape", "ndim", "size", "dtype"}
_INDEXED = {
    "index_get": (1,),
    "index_set": (1,),
    "index_add": (1,),
    "index_set_within": (1, 2),
    "index_add_within": (1, 2),
}
"""Where the index of an operation stands."""
_MOST_COPIES = 4
_DEEPEST = 12


class Decisions:
    def __init__(self, function: Function, storage: Storage, impure: frozenset[str]) -> None:
        self.inlined: dict[Value, Statement] = {}
        self.dead: set[Statement] = set()
        self.walks: dict[For, Walk] = {}
        self.pops: dict[Apply, Apply] = {}
        """From a drop_last to the index_get of the last element before it: `v = l.pop()`."""
        self.unpacked: dict[Statement, tuple[Apply, ...]] = {}
        """From the first index_get of a tuple's items to all of them: `a, b = t`."""
        self.definitions: dict[Value, Statement] = {v: s for s in walk(function.body) for v in s.results}
        self._storage = storage
        self._impure = impure
        self._uses: dict[Value, list[Use]] = {}
        self._places: dict[Value, Place] = {}
        self._parents: dict[Block, tuple[Block, int]] = {}
        self._events: dict[Block, Events] = {}
        self._names: dict[Statement, frozenset[str]] = {}
        self._acts: dict[Statement, bool] = {}
        self._readers: dict[Value, int] = {}
        self.absorbed: set[Statement] = set()
        self._parallel: set[Value] = set()
        self._stops: dict[Block, Value] = {}
        self._count_readers(function.body)
        self._index(function.body)
        self._block(function.body, function.body.results)

    def used(self, value: Value) -> bool:
        """Whether anything that is printed reads the value."""
        return bool(self._uses.get(value))

    def taken_apart(self, whole: Value) -> tuple[Apply, ...]:
        """The statements that take a tuple apart, where nothing else reads it."""
        items = next((i for i in self.unpacked.values() if i[0].operands[0] is whole), ())
        return items if len(items) == self._readers.get(whole) else ()

    def acts(self, statement: Statement) -> bool:
        """Whether the statement, its blocks included, has an effect."""
        known = self._acts.get(statement)
        if known is None:
            match statement:
                case Effect():
                    known = True
                case Call():
                    known = statement.function in self._impure
                case _:
                    known = any(self.acts(s) for b in blocks_of(statement) for s in b.statements)
            self._acts[statement] = known
        return known

    # ------------------------------------------------------------------ one walk forwards, to know the structure

    def _count_readers(self, block: Block) -> None:
        for statement in walk(block):
            inner = tuple(v for b in blocks_of(statement) for v in b.results)
            for value in (*operands_of(statement), *inner):
                self._readers[value] = self._readers.get(value, 0) + 1

    def _index(self, block: Block) -> None:
        for index, statement in enumerate(block.statements):
            for inner in blocks_of(statement):
                self._parents[inner] = (block, index)
                self._index(inner)
            if isinstance(statement, For):
                found = walk_of(statement, self.definitions, lambda v: self._readers.get(v, 0), self._storage)
                if found is not None:
                    self.walks[statement] = found
            if isinstance(statement, Apply) and statement.primitive.name == "drop_last" and statement.inplace:
                last = self._last_element(block, index, statement)
                if last is not None:
                    self.pops[statement] = last
            if isinstance(statement, For | While):
                self._find_parallel(statement)
            if isinstance(statement, Apply) and statement not in self.absorbed:
                items = self._items(block, index, statement)
                if items:
                    self.unpacked[statement] = items
                    self.absorbed.update(items[1:])

    def _find_parallel(self, loop: For | While) -> None:
        """The next values that are assigned in parallel with others: in `a, b = b, a + b` the sum."""
        made = {v for s in loop.body.statements if isinstance(s, Apply) and not s.inplace for v in s.results}
        for value in loop.carried_next:
            others = (v for v in loop.carried_next if v is not value)
            alone = value in made and value.name is not None and self._readers.get(value) == 1
            if alone and any(v.name == value.name for v in others):
                self._parallel.add(value)

    def _items(self, block: Block, index: int, first: Apply) -> tuple[Apply, ...]:
        """The statements that take a whole tuple apart, of which this one is the first."""
        whole = first.operands[0] if first.primitive.name == "index_get" else None
        if whole is None or type(whole.type) is not Tuple or len(whole.type.items) < 2:
            return ()
        found: list[Apply] = []
        for s in block.statements[index:]:
            if not isinstance(s, Apply) or s.primitive.name != "index_get" or s.origin.line != first.origin.line:
                break
            if s.operands[0] is whole:
                if not is_constant(s.operands[1], len(found)) or s.result.name is None:
                    break
                found.append(s)
        return tuple(found) if len(found) == len(whole.type.items) else ()

    def _last_element(self, block: Block, index: int, drop: Apply) -> Apply | None:
        """The `index_get(l, -1)` before `drop_last(l)`, with nothing between them that looks at the list."""
        target = drop.operands[0]
        root = self._storage.of(target)
        for before in reversed(block.statements[max(0, index - 8) : index]):
            if (
                isinstance(before, Apply)
                and before.primitive.name == "index_get"
                and before.operands[0] is target
                and is_constant(before.operands[1], -1)
            ):
                return before if self._readers.get(before.result) else None
            read = (*operands_of(before), *(v for b in blocks_of(before) for v in free_values(b)))
            if any(self._storage.of(v) is root for v in read) or isinstance(before, Effect | Call):
                return None
        return None

    def _hints(self, statement: Statement) -> frozenset[str]:
        known = self._names.get(statement)
        if known is None:
            inner = blocks_of(statement)
            names = {v.name for v in statement.results if v.name is not None}
            for block in inner:
                names |= {p.name for p in block.parameters if p.name is not None}
                for s in block.statements:
                    names |= self._hints(s)
            known = self._names[statement] = frozenset(names)
        return known

    # ------------------------------------------------------------------ the walk backwards

    def _block(self, block: Block, results: tuple[Value, ...], stop: Value | None = None) -> None:
        end = len(block.statements)
        events = self._events[block] = Events()
        if stop is not None:
            self._stops[block] = stop
        for value in results:
            self._use(value, block, end, None, movable=value is not stop)
        for index in range(end - 1, -1, -1):
            statement = block.statements[index]
            whole = self.unpacked.get(statement, ())
            results = tuple(s.result for s in whole) or statement.results
            if not (self.acts(statement) or any(self.used(v) for v in results)):
                self.dead.add(statement)
                if isinstance(statement, Apply):
                    self.pops.pop(statement, None)
                continue
            self._inner_blocks(statement)
            if isinstance(statement, If) and not self.expressible(statement):
                # The condition handed on as the result is then read a second time, inside the branch.
                for inner in blocks_of(statement):
                    if statement.condition in inner.results and not is_atom(statement.condition):
                        use = Use(inner, len(inner.statements), None)
                        self._uses.setdefault(statement.condition, []).append(use)
            if statement not in self.absorbed:
                self._operands(statement, block, index)
            place = self._decide(statement, block, index)
            if place is not None:
                self.inlined[statement.results[0]] = statement
                self._places[statement.results[0]] = place
            if self.acts(statement):
                events.effects.append(-(index if place is None else place.last))
                events.effects.sort()
            for root in self._storage.written(statement):
                events.writes.setdefault(root, []).append(-index)
            if place is None:
                for name in self._hints(statement):
                    events.hints.setdefault(name, []).append(-index)

    def _inner_blocks(self, s: Statement) -> None:
        match s:
            case If():
                keep = [n for n, r in enumerate(s.results) if self.used(r)]
                self._block(s.then, tuple(s.then.results[n] for n in keep))
                self._block(s.orelse, tuple(s.orelse.results[n] for n in keep))
            case For() | While():
                self._block(s.body, (*s.body.results[: s.stops + len(s.initial)], *self.collected(s)), s.stop)
                if isinstance(s, While):
                    self._block(s.condition, s.condition.results)
            case Apply() | Call() | Effect():
                pass

    def collected(self, loop: For | While) -> tuple[Value, ...]:
        """The elements of the collected lists that something reads."""
        lists = loop.results[len(loop.initial) :]
        return tuple(v for v, result in zip(loop.collected, lists, strict=True) if self.used(result))

    def _operands(self, s: Statement, block: Block, index: int) -> None:
        match s:
            case For():
                found = self.walks.get(s)
                drivers = found.sequences if found is not None else () if s.iterable is None else (s.iterable,)
                for value in (*drivers, *s.initial):
                    self._use(value, block, index, s)
                for value in s.zipped:
                    self._use(value, block, index, s, movable=False)
            case Apply():
                fixed = s.primitive.updates or 0 if s.inplace else None
                if fixed is not None:
                    self._events[block].consumed.setdefault(s.operands[fixed], []).append(-index)
                for position, value in enumerate(s.operands):
                    self._use(value, block, index, s, movable=position != fixed)
            case _:
                for value in operands_of(s):
                    self._use(value, block, index, s)

    def _use(self, value: Value, block: Block, index: int, reader: Statement | None, movable: bool = True) -> None:
        if is_atom(value):
            return
        if reader is None and block in self._parents:
            above, at = self._parents[block]
            parent = above.statements[at]
            if isinstance(parent, If) and parent.expression and value is parent.condition and len(parent.results) == 1:
                # `c and t`, `c or e`: the condition is written once.
                self._uses.setdefault(value, [])
                return
        self._uses.setdefault(value, []).append(Use(block, index, reader, movable))

    def _decide(self, s: Statement, block: Block, index: int) -> Place | None:
        """Where the statement's result is printed, if not in a statement of its own."""
        if len(s.results) != 1 or not self.expressible(s):
            return None
        if s.results[0].name is not None and not (s.results[0] in self._parallel or self._contribution(s)):
            return None
        if s in self.pops.values() or s in self.unpacked or s in self.absorbed:
            return None
        place = self._place(s.results[0], block, index)
        if place is None:
            return None
        anywhere, here = self._repeatable(s)
        if not anywhere and (place.inner or (place.copies > 1 and not (here and place.copies <= _MOST_COPIES))):
            return None
        events = self._events[block]
        last = place.last if place.inner else place.last - 1
        if not anywhere and Events.between(events.effects, index, place.last if self.acts(s) else last):
            return None
        for operand in self._read(s):
            root = self._storage.of(operand)
            if root is not None and self._looks(s) and Events.between(events.writes.get(root), index, last):
                return None
            if Events.between(events.consumed.get(operand), index, last):
                return None
            if operand.name is not None and Events.between(events.hints.get(operand.name), index, last):
                return None
        return place

    def _contribution(self, s: Statement) -> bool:
        """Whether it is a first part of a derivative that is added to at once: of `bs = bs * t`, `bs = bs + bs * s` the
        first, which would need a name beside `bs` for as long as the old one is read."""
        uses = self._uses.get(s.results[0], ())
        if not isinstance(s, Apply) or s.origin.role == "primal" or len(uses) != 1:
            return False
        reader, name = uses[0].statement, s.result.name
        return (
            isinstance(reader, Apply)
            and reader.primitive.name in ("accumulate", "add")
            and reader.result.name == name
            and any(o.name == name for o in s.operands)
        )

    def _read(self, s: Statement) -> Iterator[Value]:
        """What a statement printed as an expression reads."""
        yield from (v for v in operands_of(s) if not is_atom(v))
        for block in blocks_of(s):
            yield from free_values(block)

    def _looks(self, s: Statement) -> bool:
        """Whether it reads the contents of its operands, not only the shape of an array."""
        return not (
            isinstance(s, Apply)
            and s.primitive.name in (*_MEASURES, "zeros_like")
            and isinstance(s.operands[0].type, Array)
        )

    def _place(self, value: Value, block: Block, index: int) -> Place | None:
        """Where all readers of a value are, readers that are inlined themselves followed to where they go."""
        place = Place(index, 0, False)
        for use in self._uses.get(value, ()):
            if not use.movable and not self._free_of_parameters(value, use.block):
                return None
            copies, inner, last, depth = 1, False, use.index, 0
            through = () if use.statement is None else use.statement.results
            at = self._places.get(through[0]) if len(through) == 1 else None
            if at is not None:
                copies, inner, last, depth = at.copies, at.inner, at.last, at.depth + 1
            spot = use.block
            while spot is not block:
                spot, last = self._parents[spot]
                parent = spot.statements[last]
                inner = True
                outer = self._places.get(parent.results[0]) if len(parent.results) == 1 else None
                if outer is not None:
                    copies, last, depth = copies * outer.copies, outer.last, depth + outer.depth + 1
            inner = inner or place.inner
            place = Place(max(place.last, last), place.copies + copies, inner, max(place.depth, depth))
        return place if place.copies > 0 and place.depth <= _DEEPEST else None

    def _free_of_parameters(self, value: Value, block: Block) -> bool:
        """Whether a stop condition reads nothing that the end of the iteration replaces before it is tested."""
        if block not in self._stops or self._stops[block] is not value:
            return False
        parts = [value]
        for part in parts:
            reads = [v for v in self._read(self.definitions[part]) if v not in parts]
            if any(v in block.parameters for v in reads):
                return False
            # What has no name may be printed inside the condition, and then reads what it reads there.
            parts += [v for v in reads if (v.name is None or v in self._parallel) and v in self.definitions]
        return True

    # ------------------------------------------------------------------ what can be an expression, and what is free

    def expressible(self, s: Statement) -> bool:
        """Whether the statement can be printed as an expression."""
        match s:
            case Apply():
                return not s.inplace and s.primitive.name not in ("index_set", "index_add")
            case Call():
                return len(s.results) == 1
            case If():
                return s.expression and len(s.results) == 1 and all(map(self._all_inlined, (s.then, s.orelse)))
            case For():
                return (
                    s.expression
                    and not s.stops
                    and not s.initial
                    and not s.zipped
                    and len(s.results) == 1
                    and s.iterable is not None
                    and self._all_inlined(s.body, self.walks.get(s))
                )
            case While() | Effect():
                return False

    def _all_inlined(self, block: Block, found: Walk | None = None) -> bool:
        absorbed = found.elements if found is not None else ()
        return all(
            s in self.dead or s in absorbed or (len(s.results) == 1 and s.results[0] in self.inlined)
            for s in block.statements
        )

    def _repeatable(self, s: Statement) -> tuple[bool, bool]:
        """Whether the statement costs nothing and cannot fail, so that it may be repeated anywhere; whether it may be
        repeated in its own block."""
        if not isinstance(s, Apply):
            return False, False
        name, operands = s.primitive.name, s.operands
        number = isinstance(s.result.type, Scalar)
        if name in _MEASURES:
            return True, True
        if name in ("make_slice", "make_tuple"):
            free = self._only_indexes(s.result) or (s.result.name is None and all(map(is_atom, operands)))
            return free, free
        if name in ("range", "reversed"):
            free = name == "range" or (
                isinstance(inner := self.definitions.get(operands[0]), Apply) and inner.primitive.name == "range"
            )
            return free, free
        if name in ("add", "subtract") and s.result.type == INT:
            free = any(isinstance(o, Constant) for o in operands)
            return free, free
        if name == "negative":
            return number, number
        if name == "index_get":
            measured = self.definitions.get(operands[0])
            if isinstance(measured, Apply) and measured.primitive.name == "shape" and is_atom(operands[1]):
                return True, True
            return False, number and self._simple_index(operands[1])
        return False, False

    def _only_indexes(self, value: Value) -> bool:
        """Whether a slice or tuple is read only as an index, or as a part of one."""
        for use in self._uses.get(value, ()):
            reader = use.statement
            if not isinstance(reader, Apply):
                return False
            if reader.primitive.name in _INDEXED:
                places = _INDEXED[reader.primitive.name]
                if any(o is value for p, o in enumerate(reader.operands) if p not in places):
                    return False
            elif reader.primitive.name != "make_tuple" or not self._only_indexes(reader.result):
                return False
        return True

    def _simple_index(self, index: Value) -> bool:
        made = self.definitions.get(index)
        return is_atom(index) or made is None or index.name is not None or self._repeatable(made)[0]
