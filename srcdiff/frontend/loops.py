"""Loops: what a body carries from one iteration to the next, found by lowering it until nothing widens.

In: a loop's pieces as functions that lower them. Out: a `For` or `While` in the builder and the state after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import gast

from srcdiff.frontend.context import Branch
from srcdiff.frontend.differentials import Differentials
from srcdiff.frontend.liveness import Names
from srcdiff.frontend.objects import (
    FRESH,
    Binding,
    Cell,
    Content,
    Memory,
    Plain,
    Stale,
    State,
    Static,
    Unbound,
    Variable,
    meet,
)
from srcdiff.ir.core import UNDEFINED, Block, For, Value, While, constant
from srcdiff.ir.markers import Checkpoint, Marker
from srcdiff.ir.substitution import substitute
from srcdiff.ir.types import INT, UNKNOWN, Type, is_mutable, join
from srcdiff.primitives.table import TABLE

STOP = "<stop>"
JUMPED = "<jumped>"
RETURNED = "<returned>"
VALUE = "<value>"
BROKEN = "<broken>"
_HINTS = {RETURNED: "returned", BROKEN: "broken", VALUE: None}
_PATIENCE = 8

Key = Variable | Cell


@dataclass
class Slot:
    """One carried value: its type and memory cover the initial value and what every iteration leaves.

    `number` is the same for the values that may share memory with each other when an iteration begins.
    """

    name: str | None
    type: Type
    memory: Memory = FRESH
    stale: Stale | None = None
    number: int = 0


@dataclass
class LoopPlan:
    """The pieces of a loop. `body` gets the item and lowers one iteration into the current state."""

    node: gast.AST
    live: Names
    candidates: Sequence[Variable]
    body: Callable[[Value | None], Sequence[Value]]
    iterable: Value | None = None
    item_name: str | None = None
    condition: Callable[[], Value] | None = None
    expression: bool = False
    marker: Marker | None = None


@dataclass
class _Attempt:
    header: State
    parameters: list[Value]
    item: Value | None
    test: tuple[Value, Branch] | None
    body: Branch
    collected: Sequence[Value]
    since: int
    ends: dict[Key, Value] = field(default_factory=dict)


class Loops(Differentials):
    """Lowers loops; statements use it for `for` and `while`, comprehensions for theirs."""

    def flag(self, name: str) -> Value:
        """The value of one of the flags that stand for jumps."""
        binding = self.state.names.get((self.scope.frame, name))
        return binding.value if isinstance(binding, Plain) else constant(False)

    def set_flag(self, name: str, value: Value | bool) -> None:
        plain = Plain(value if isinstance(value, Value) else constant(value))
        self.state.names[self.scope.frame, name] = plain

    def run_loop(self, plan: LoopPlan) -> list[Value]:
        """Emit the loop, go on with the state after it; the collected lists are returned."""
        entry = self.state
        slots: dict[Key, Slot] = {}
        marks: dict[Cell, Stale] = {}
        conflicts: dict[Variable, str] = {}
        for variable in plan.candidates:
            self._open(slots, conflicts, variable)
        for round in range(10 * _PATIENCE):
            attempt = self._attempt(plan, slots, marks, conflicts)
            if not self._widen(plan, attempt, slots, marks, conflicts, round > _PATIENCE):
                return self._finish(plan, entry, attempt, slots, marks, conflicts)
        raise AssertionError("internal error: the types of a loop's values do not settle")

    def _open(self, slots: dict[Key, Slot], conflicts: dict[Variable, str], key: Key) -> None:
        """A slot that starts from the state before the loop."""
        if isinstance(key, Cell):
            value, memory, stale = self._end(key)
            self._add(slots, key, Slot(key.name, value.type, memory, stale))
            return
        binding = self.state.names.get(key, Unbound())
        name = key[1] if key[1].isidentifier() else _HINTS[key[1]]
        if isinstance(binding, Static):
            conflicts[key] = f"which function `{key[1]}` is depends on the iteration"
            return
        value, memory, stale = self.value_of_binding(binding)
        self._add(slots, key, Slot(name, value.type, memory, stale))

    def _add(self, slots: dict[Key, Slot], key: Key, slot: Slot) -> None:
        """Add a slot; those that share memory with it before the loop get its number."""
        slot.number = 1 + max((s.number for s in slots.values()), default=0)
        initial = [(other, self._end(k)[1]) for k, other in slots.items()]
        slots[key] = slot
        for other, memory in initial:
            if meet(memory.all, slot.memory.all):
                _join(slots, other, slot)

    def _attempt(
        self, plan: LoopPlan, slots: dict[Key, Slot], marks: dict[Cell, Stale], conflicts: dict[Variable, str]
    ) -> _Attempt:
        self.serial += 1
        since = self.serial
        header = self.state.copy()
        for cell, stale in marks.items():
            header.cells[cell] = replace(header.cells[cell], stale=stale)
        parameters = [Value(slot.type, slot.name, self.origin) for slot in slots.values()]
        self._place(header, slots, parameters, since)
        for variable, reason in conflicts.items():
            header.names[variable] = Unbound(reason)
        test = None
        if plan.condition is not None:
            test = self.inside(plan.condition, header)
            changed = [c for c in header.cells if test[1].state.cells[c].value is not header.cells[c].value]
            if changed:
                raise self.error(plan.node, "the test of a `while` loop changes an object", "change it in the body")
        item = None
        if plan.iterable is not None:
            item = Value(INT, plan.item_name, self.origin)
        collected, body = self.inside(lambda: plan.body(item), header)
        return _Attempt(header, parameters, item, test, body, collected, since)

    def _place(self, state: State, slots: dict[Key, Slot], values: Iterable[Value], loop: int) -> None:
        """Put the values of the slots into a state; those with different numbers share no memory."""
        for (key, slot), value in zip(slots.items(), values, strict=True):
            memory = slot.memory.part(loop, slot.number)
            if isinstance(key, Cell):
                state.cells[key] = Content(value, memory, slot.stale)
            elif is_mutable(slot.type):
                if not memory.own:
                    memory = replace(memory, own=frozenset({self.fresh_root(slot.name)}))
                cell = Cell(slot.name, self.origin)
                state.cells[cell] = Content(value, memory, slot.stale)
                state.names[key] = cell
            else:
                state.names[key] = Plain(value)

    def _widen(
        self,
        plan: LoopPlan,
        attempt: _Attempt,
        slots: dict[Key, Slot],
        marks: dict[Cell, Stale],
        conflicts: dict[Variable, str],
        impatient: bool,
    ) -> bool:
        """Compare the end of the body with its head; whether another attempt is needed."""
        end, header = attempt.body.state, attempt.header
        changed = False
        for cell, before in header.cells.items():
            if cell not in self.state.cells or cell in slots:
                continue
            after = end.cells[cell]
            if after.value is not before.value and not end.dead:
                self._open(slots, conflicts, cell)
                changed = True
            elif after.stale is not None and before.stale is None and not end.dead:
                marks[cell] = after.stale
                changed = True
        for variable, binding in end.names.items():
            if variable in slots or variable in conflicts or end.dead:
                continue
            old = header.names.get(variable, Unbound())
            if self.same_binding(binding, old) or not self._is_live(plan, variable):
                continue
            if isinstance(binding, Static) or isinstance(old, Static):
                conflicts[variable] = f"which function `{variable[1]}` is depends on the iteration"
            else:
                self._open(slots, conflicts, variable)
            changed = True
        changed = self._part_again(slots, attempt) or changed
        for key, slot in list(slots.items()):
            value, memory, stale = self.on(attempt.body, lambda key=key: self._end(key))  # type: ignore[misc]
            if isinstance(key, tuple) and isinstance(end.names.get(key), Static):
                conflicts[key] = f"which function `{key[1]}` is depends on the iteration"
                del slots[key]
                changed = True
                continue
            attempt.ends[key] = value
            wider = join(slot.type, value.type)
            if impatient and wider != slot.type:
                wider = UNKNOWN
            reached = slot.memory | memory.aged(attempt.since)
            if wider != slot.type or reached != slot.memory or (stale is not None and slot.stale is None):
                slots[key] = Slot(slot.name, wider, reached, slot.stale or stale, slot.number)
                changed = True
        return changed

    def _part_again(self, slots: dict[Key, Slot], attempt: _Attempt) -> bool:
        """Give one number to slots that share memory when the iteration ends; whether there were any."""
        ends = {key: self.on(attempt.body, lambda key=key: self._end(key)[1]) for key in slots}  # type: ignore[misc]
        found = False
        for a, b in combinations(slots, 2):
            if slots[a].number != slots[b].number and meet(ends[a].all, ends[b].all):
                _join(slots, slots[a], slots[b])
                found = True
        return found

    def _is_live(self, plan: LoopPlan, variable: Variable) -> bool:
        if variable not in self.state.names and variable[0] != self.scope.frame:
            return False
        if variable[0] == self.scope.frame:
            return variable[1] in plan.live
        return True

    def _end(self, key: Key) -> tuple[Value, Memory, Stale | None]:
        if self.state.dead:
            return constant(UNDEFINED), FRESH, None
        if isinstance(key, Cell):
            value, stale = self.peek(key)
            return value, self.memory_of(key), stale
        return self.value_of_binding(self.state.names.get(key, Unbound()))

    def _finish(
        self,
        plan: LoopPlan,
        entry: State,
        attempt: _Attempt,
        slots: dict[Key, Slot],
        marks: dict[Cell, Stale],
        conflicts: dict[Variable, str],
    ) -> list[Value]:
        initial = tuple(self._end(key)[0] for key in slots)
        stop = attempt.body.state.names.get((self.scope.frame, STOP))
        flag = stop.value if isinstance(stop, Plain) and not attempt.body.state.dead else constant(False)
        stops = not self.same_binding(Plain(flag), Plain(constant(False)))
        ends = [attempt.ends[key] for key in slots]
        outcome = ([flag] if stops else []) + ends + list(attempt.collected)
        results = [Value(slot.type, slot.name, self.origin) for slot in slots.values()]
        collected = [Value(TABLE["make_list"].infer(v), None, self.origin) for v in attempt.collected]
        everything = (*results, *collected)
        body = attempt.body.builder
        if attempt.test is not None:
            value, branch = attempt.test
            condition = branch.builder.block(attempt.parameters, (value,))
            # The condition and the body are blocks of their own: each has its own parameters.
            block = body.block(attempt.parameters, outcome)
            fresh = _renamed(condition)
            self.builder.emit(While(fresh, initial, block, everything, self.origin, stops, plan.marker))
        else:
            assert attempt.item is not None
            block = body.block((attempt.item, *attempt.parameters), outcome)
            marker = plan.marker if isinstance(plan.marker, Checkpoint) else None
            self.builder.emit(
                For(plan.iterable, initial, (), block, everything, self.origin, stops, plan.expression, marker)
            )
        after = entry.copy()
        for variable, binding in attempt.body.state.names.items():
            kept: Binding = attempt.header.names.get(variable, Unbound())
            if variable not in slots and not self.same_binding(binding, kept):
                after.names.pop(variable, None)
        for cell, stale in marks.items():
            after.cells[cell] = replace(after.cells[cell], stale=stale)
        self._place(after, slots, results, attempt.since)
        for variable, reason in conflicts.items():
            after.names[variable] = Unbound(reason)
        self.state = after
        return collected


def _join(slots: dict[Key, Slot], a: Slot, b: Slot) -> None:
    """Give all slots that have the number of `b` that of `a`."""
    old = b.number
    for slot in slots.values():
        if slot.number == old:
            slot.number = a.number


def _renamed(block: Block) -> Block:
    """The block with parameters of its own."""
    fresh = {p: Value(p.type, p.name, p.origin) for p in block.parameters}
    inner = substitute(block, dict(fresh))
    return Block(tuple(fresh.values()), inner.statements, inner.results)
