"""The adjoint of a loop.

In: a For or While of the forward sweep and the adjoints of its results. Out: the loop that replaces it, which also
collects what the reverse sweep needs of each iteration, and a For in the other direction, added to the reverse sweep::

    for i in range(n):            for i in reversed(range(n)):
        t = tanh(s * x[i])            t, s = tape.pop()
        tape.append((t, s))           ...
        s = s + t                     bs, bx, bw carried

Adjoints of the carried values are carried, and so are those of the active values that the body captures. Adjoints of
collected lists are zipped, adjoints of zipped lists collected. A loop that may end early is driven by its tape.

The carried adjoint of a value that the iteration overwrites unread is zero at the iteration's start.

>>> LoopAdjoint.__name__
'LoopAdjoint'
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from srcdiff.ad.adjoints import Adjoints, add_contribution, adjoint_type
from srcdiff.ad.residuals import plan_residuals
from srcdiff.ad.zeros import zero_of
from srcdiff.analysis.liveness import prune_block
from srcdiff.ir.builder import Builder, adjoint_name
from srcdiff.ir.core import NOWHERE, Block, For, Statement, Value, While, constant, free_values, is_atom
from srcdiff.ir.substitution import substitute
from srcdiff.ir.types import INT, NONE, Array, List, is_differentiable, is_exact
from srcdiff.primitives.table import TABLE

if TYPE_CHECKING:
    from srcdiff.ad.sweep import Sweep


@dataclass(frozen=True)
class Halves:
    """A step of the loop forward and its adjoint, before it is decided what the one hands to the other.

    The parameters of the adjoint are `incoming`, the adjoints of what is carried and captured, which begin as
    `initial`, and `item_adjoints`, those of what is collected. `carried`, `collected` and `zipped` are positions among
    what the loop carries, collects and zips; `captured` are values from outside.
    """

    forward: Block
    reverse: Block
    carried: list[int]
    captured: list[Value]
    initial: list[Value]
    incoming: list[Value]
    collected: list[int]
    item_adjoints: list[Value]
    zipped: list[int]


@dataclass
class LoopAdjoint:
    """The adjoint of one loop."""

    sweep: Sweep
    builder: Builder
    loop: For | While
    mine: list[Value | None]
    adjoints: Adjoints

    def run(self) -> Statement:
        loop, active, builder, undefined = self.loop, self.sweep.active, self.builder, self.sweep.undefined
        count = len(loop.initial)
        origin = loop.origin.as_role("adjoint")
        carried = [i for i in range(count) if loop.carried[i] in active]
        captured = [v for v in free_values(loop.body) if v in active and is_differentiable(v.type)]
        collected = [i for i, a in enumerate(self.mine[count:]) if a is not None]
        zipped = (
            [i for i, items in enumerate(loop.zipped) if items in active and loop.zipped_items[i] in active]
            if isinstance(loop, For)
            else []
        )
        builder.origin = NOWHERE.as_role("adjoint")
        initial = [
            self.mine[i] or zero_of(builder, loop.results[i], adjoint_name(loop.carried[i].name), undefined)
            for i in carried
        ]
        initial += [self.adjoints.get(v) or zero_of(builder, v, adjoint_name(v.name), undefined) for v in captured]
        body = Builder(origin)
        incoming = [
            Value(adjoint_type(v), adjoint_name(v.name), origin)
            for v in [*(loop.carried[i] for i in carried), *captured]
        ]
        item_adjoints = [
            Value(adjoint_type(loop.collected[i]), adjoint_name(loop.collected[i].name), origin) for i in collected
        ]
        local: Adjoints = dict(zip(captured, incoming[len(carried) :], strict=True))
        for position, adjoint in zip(carried, incoming, strict=False):
            if loop.carried_next[position] in active:
                add_contribution(body, local, loop.carried_next[position], adjoint)
        for position, adjoint in zip(collected, item_adjoints, strict=True):
            if loop.collected[position] in active:
                add_contribution(body, local, loop.collected[position], adjoint)
        replaced = self.sweep.statements(body, loop.body.statements, local)
        body.origin = NOWHERE.as_role("adjoint")
        outgoing = [
            local.get(loop.carried[i]) or self._zero(body, loop.carried[i], adjoint)
            for i, adjoint in zip(carried, incoming, strict=False)
        ]
        outgoing += [local[v] for v in captured]
        to_zipped: list[Value] = []
        if isinstance(loop, For):
            for i in zipped:
                item = loop.zipped_items[i]
                to_zipped.append(local.get(item) or zero_of(body, item, adjoint_name(item.name)))
        statements = self.sweep.forward(loop.body.statements, replaced)
        forward_body = Block(loop.body.parameters, statements, loop.body.results)
        reverse_body = prune_block(body.block((), (*outgoing, *to_zipped)))
        return self._finish(
            Halves(forward_body, reverse_body, carried, captured, initial, incoming, collected, item_adjoints, zipped)
        )

    def _backwards(self, iterable: Value) -> Value:
        """The same sequence from its end; of one that is reversed already, the sequence itself."""
        made = self.sweep.definitions.get(iterable)
        if made is not None and made.primitive.name == "reversed":
            return made.operands[0]
        return self.builder.apply(TABLE["reversed"], iterable)

    def _zero(self, body: Builder, carried: Value, incoming: Value) -> Value:
        """The adjoint of a carried value that the iteration overwrites unread: shaped like what it was before, which is
        what the incoming adjoint is shaped like if the types say so."""
        known, given = carried.type, incoming.type
        if isinstance(known, Array) and isinstance(given, Array):
            shape = known.shape
            if shape == given.shape and is_exact(shape):
                return zero_of(body, incoming, adjoint_name(carried.name))
        return zero_of(body, carried, adjoint_name(carried.name), self.sweep.undefined)

    def _finish(self, halves: Halves) -> Statement:
        """Add the loop of the reverse sweep; returns the one of the forward sweep."""
        loop, builder = self.loop, self.builder
        count = len(loop.initial)
        origin = loop.origin.as_role("adjoint")
        item = loop.item if isinstance(loop, For) else None
        in_step = isinstance(loop, For) and loop.iterable is not None and not loop.stops
        available = {item} if item is not None and in_step else set()
        plan = plan_residuals(halves.forward, halves.reverse, available, self.sweep.stable)
        saved = list(plan.saved)
        lists = [Value(List(v.type), None, loop.origin) for v in saved]
        fresh = [Value(v.type, v.name, v.origin) for v in saved]
        list_adjoints = [a for a in (self.mine[count + i] for i in halves.collected) if a is not None]
        drive: Value | None = None
        new_item = Value(NONE, None, origin)
        mapping = dict(zip(saved, fresh, strict=True))
        counter: Value | None = None
        builder.origin = NOWHERE.as_role("adjoint")
        if in_step and isinstance(loop, For) and loop.iterable is not None:
            new_item = Value(loop.item.type, loop.item.name, loop.item.origin)
            mapping[loop.item] = new_item
            if loop.item in free_values(plan.reverse) or not (lists or list_adjoints):
                drive = self._backwards(loop.iterable)
        elif not (lists or list_adjoints):
            # Nothing was recorded that could drive the reverse loop, so the forward loop counts its iterations.
            counter = Value(INT, "n", loop.origin)
            drive = builder.apply(TABLE["range"], 0, counter, 1)
            new_item = Value(INT, None, origin)
        body = substitute(plan.reverse, mapping)
        own_zipped = [Value(a.type, a.name, origin) for a in halves.item_adjoints]
        body = substitute(body, dict(zip(halves.item_adjoints, own_zipped, strict=True)))
        body = Block((new_item, *halves.incoming, *fresh, *own_zipped), body.statements, body.results)
        self.emit_reverse(halves, drive, tuple(halves.initial), (*lists, *list_adjoints), body)
        return self._forward_loop(plan.forward, saved, lists, counter)

    def emit_reverse(
        self,
        halves: Halves,
        drive: Value | None,
        initial: tuple[Value, ...],
        lists: tuple[Value, ...],
        body: Block,
    ) -> None:
        """Add the loop of the reverse sweep, and hand on the adjoints that it ends with.

        `initial` holds the adjoints of the carried values and of the captured ones, then anything else that the loop
        carries.
        """
        loop, builder = self.loop, self.builder
        carried, captured = halves.carried, halves.captured
        results = [
            builder.value(adjoint_type(v), adjoint_name(v.name))
            for v in [
                *(loop.initial[i] if not is_atom(loop.initial[i]) else loop.carried[i] for i in carried),
                *captured,
            ]
        ]
        rest = [builder.value(v.type, v.name) for v in initial[len(results) :]]
        zipped_values = [loop.zipped[i] for i in halves.zipped] if isinstance(loop, For) else []
        zipped_lists = [builder.value(v.type, adjoint_name(v.name)) for v in zipped_values]
        origin = loop.origin.as_role("adjoint")
        builder.emit(For(drive, initial, lists, body, (*results, *rest, *zipped_lists), origin))
        for value, adjoint in zip(captured, results[len(carried) :], strict=True):
            self.adjoints[value] = adjoint
        for position, adjoint in zip(carried, results, strict=False):
            if loop.initial[position] in self.sweep.active:
                add_contribution(builder, self.adjoints, loop.initial[position], adjoint)
        for value, adjoint in zip(zipped_values, zipped_lists, strict=True):
            add_contribution(builder, self.adjoints, value, adjoint)

    def _forward_loop(self, body: Block, saved: list[Value], lists: list[Value], counter: Value | None) -> Statement:
        """The loop of the forward sweep, which collects what the reverse sweep needs (or counts its iterations)."""
        loop = self.loop
        count = len(loop.initial)
        stop = () if loop.stop is None else (loop.stop,)
        initial, parameters = loop.initial, loop.carried
        following, carried_results = loop.carried_next, loop.results[:count]
        statements = body.statements
        if counter is not None:
            before = Value(INT, "n", loop.origin)
            step = Builder(loop.origin)
            after = step.apply(TABLE["add"], before, 1, name="n")
            initial, parameters = (*initial, constant(0)), (*parameters, before)
            following, carried_results = (*following, after), (*carried_results, counter)
            statements = (*statements, *step.statements)
        results = (*stop, *following, *loop.collected, *saved)
        outputs = (*carried_results, *loop.results[count:], *lists)
        if isinstance(loop, For):
            block = Block((loop.item, *parameters, *loop.zipped_items), statements, results)
            return replace(loop, initial=initial, body=block, results=outputs, expression=False)
        condition = loop.condition
        if counter is not None:
            condition = Block(
                (*condition.parameters, Value(INT, "n", loop.origin)), condition.statements, condition.results
            )
        block = Block(parameters, statements, results)
        return replace(loop, condition=condition, initial=initial, body=block, results=outputs)
