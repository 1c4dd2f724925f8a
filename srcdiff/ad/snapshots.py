"""How a marked loop counts its steps and keeps its states.

In: a For or While marked with `Checkpoint(snapshots)`. Out: `Steps`, the numbers of its steps and what the loop runs
over by number; `Keeping`, the statements that keep a state where one is due, and the loop of the forward sweep.

>>> from srcdiff.ir.core import Block
>>> from srcdiff.ir.markers import Checkpoint
>>> from srcdiff.ir.types import FLOAT, RANGE
>>> r, i, x = Value(RANGE), Value(INT, "i"), Value(FLOAT, "x")
>>> loop = For(r, (x,), (), Block((i, x), (), (x,)), (Value(FLOAT),), marker=Checkpoint(2))
>>> Steps.of(loop, {}).known
True
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace

from srcdiff.ir.builder import Builder, is_constant
from srcdiff.ir.core import (
    NOWHERE,
    Apply,
    Block,
    Call,
    Constant,
    Effect,
    For,
    If,
    Statement,
    Value,
    While,
    assert_never,
    constant,
    free_values,
    walk,
)
from srcdiff.ir.markers import Checkpoint
from srcdiff.ir.substitution import Substitution
from srcdiff.ir.types import INT, Array, List, Tuple, is_mutable
from srcdiff.primitives.table import TABLE


@dataclass(frozen=True)
class Steps:
    """The steps of a loop by number.

    A For over ``range(a, b)`` counts by its item; any other loop counts its steps from 0, in a value of its own.
    """

    loop: For | While
    definitions: Mapping[Value, Apply]
    range: Value | None
    """The range of a loop that counts by its item."""
    first: Value
    known: bool
    """Whether the number of steps is known when the loop begins."""
    count: Value = field(default_factory=lambda: Value(INT, "steps"))
    """The number of steps of a loop that does not count by its item."""

    @staticmethod
    def of(loop: For | While, definitions: Mapping[Value, Apply]) -> Steps:
        if isinstance(loop, While) or loop.stops:
            return Steps(loop, definitions, None, constant(0), False)
        made = None if loop.iterable is None else definitions.get(loop.iterable)
        if not loop.zipped and made is not None and made.primitive.name == "range":
            start, _, step = made.operands
            if is_constant(step, 1):
                return Steps(loop, definitions, made.result, start, True)
        return Steps(loop, definitions, None, constant(0), True)

    @property
    def name(self) -> str:
        """What the number of a step is called in the reverse sweep."""
        if self.range is not None and isinstance(self.loop, For) and self.loop.item.name not in (None, "_"):
            return self.loop.item.name or "step"
        return "step"

    @property
    def end(self) -> Value:
        """The number after the last step."""
        return self.count if self.range is None else self.definitions[self.range].operands[1]

    def counting(self) -> list[Statement]:
        """The statement before the loop that says how many steps it has, where its item does not."""
        loop = self.loop
        if not self.known or self.range is not None or isinstance(loop, While):
            return []
        source = loop.zipped[0] if loop.iterable is None else self._unturned(loop.iterable)[0]
        return [Apply(TABLE["len"], (source,), self.count, NOWHERE)]

    @property
    def has_items(self) -> bool:
        """Whether an item can be had by its number: what `reversed` gives has none, and may hide behind a name."""
        if isinstance(self.loop, While) or self.loop.iterable is None:
            return True
        source, _ = self._unturned(self.loop.iterable)
        made = self.definitions.get(source)
        return isinstance(source.type, List | Array) or (made is not None and made.primitive.name == "range")

    def _unturned(self, iterable: Value) -> tuple[Value, bool]:
        """The sequence that an iterable runs over, and whether it does so from the end."""
        made = self.definitions.get(iterable)
        if made is not None and made.primitive.name == "reversed":
            return made.operands[0], True
        return iterable, False

    def items(self, builder: Builder, step: Value, reader: Block) -> Substitution:
        """What the loop's item and zipped items are at a step, for a block that reads them."""
        loop = self.loop
        if isinstance(loop, While):
            return {}
        read = set(free_values(reader))
        found: Substitution = {}
        if loop.item in read and loop.iterable is not None:
            found[loop.item] = step if self.range is not None else self._named_item(builder, loop, step)
        backwards: Value | None = None
        for items, item in zip(loop.zipped, loop.zipped_items, strict=True):
            if item in read:
                # A zipped list is consumed from its end.
                backwards = backwards or builder.apply(TABLE["subtract"], -1, step)
                found[item] = Value(item.type, item.name, item.origin)
                builder.emit(Apply(TABLE["index_get"], (items, backwards), found[item], builder.origin))
        return found

    def _named_item(self, builder: Builder, loop: For, step: Value) -> Value:
        """Item number `step` of the loop, under the name and with the origin of its item."""
        assert loop.iterable is not None
        found = self._item(builder, loop.iterable, step)
        last = builder.statements[-1] if builder.statements else None
        if not isinstance(last, Apply) or last.result is not found:
            return found
        item = Value(loop.item.type, loop.item.name, loop.item.origin)
        builder.statements[-1] = replace(last, result=item)
        return item

    def _item(self, builder: Builder, iterable: Value, step: Value) -> Value:
        """Item number `step` of the iterable."""
        source, turned = self._unturned(iterable)
        made = self.definitions.get(source)
        if made is None or made.primitive.name != "range":
            index = builder.apply(TABLE["subtract"], -1, step) if turned else step
            return builder.apply(TABLE["index_get"], source, index)
        start, stop, stride = made.operands
        if turned and is_constant(stride, 1):
            last = constant(stop.value - 1) if isinstance(stop, Constant) else builder.apply(TABLE["subtract"], stop, 1)
            return builder.apply(TABLE["subtract"], last, step)
        if turned:
            index = builder.apply(TABLE["subtract"], -1, step)
            return builder.apply(TABLE["index_get"], source, index)
        down = isinstance(stride, Constant) and stride.value < 0
        if isinstance(stride, Constant):
            stride = constant(abs(stride.value))
        far = step if is_constant(stride, 1) else builder.apply(TABLE["multiply"], stride, step)
        if is_constant(start, 0) and not down:
            return far
        return builder.apply(TABLE["subtract" if down else "add"], start, far)


@dataclass
class Keeping:
    """Keeps the states of one loop: the carried values at the positions `state`."""

    loop: For | While
    steps: Steps
    state: list[int]
    undefined: Set[Value]
    """Values that may be without content."""
    snapshots: Value = field(init=False)
    """The states that the forward sweep kept."""

    def __post_init__(self) -> None:
        self.kind = List(Tuple((INT, *(self.loop.carried[i].type for i in self.state))))
        self.snapshots = Value(self.kind, "snapshots", self.loop.origin)
        assert isinstance(self.loop.marker, Checkpoint)
        self.limit = self.loop.marker.snapshots
        self._copied = _written(self.loop.body) - self.undefined

    def _state_at(self, builder: Builder, step: Value, state: tuple[Value, ...]) -> Value:
        """``(step, *state)``, with copies of the arrays that the loop writes into."""
        own = [
            builder.apply(TABLE["copy"], v) if self.loop.carried[i] in self._copied else v
            for i, v in zip(self.state, state, strict=True)
        ]
        return builder.apply(TABLE["make_tuple"], step, *own)

    def keep(
        self, builder: Builder, step: Value, end: Value, snapshots: Value, due: Value, state: tuple[Value, ...]
    ) -> tuple[Value, Value]:
        """Statements that keep the state at `step` if it is due, by the optimal schedule; the snapshots and the step
        that is due next."""
        is_due = builder.apply(TABLE["equal"], step, due)
        then = Builder(builder.origin)
        longer = then.apply(TABLE["append"], snapshots, self._state_at(then, step, state), name="snapshots")
        free = then.apply(TABLE["subtract"], self.limit, then.apply(TABLE["len"], longer))
        following = then.apply(TABLE["next_snapshot"], step, end, free, name="due")
        results = (Value(self.kind, "snapshots"), Value(INT, "due"))
        orelse = Block((), (), (snapshots, due))
        builder.emit(If(is_due, then.block((), (longer, following)), orelse, results, builder.origin))
        return results

    def thin(
        self, builder: Builder, step: Value, snapshots: Value, period: Value, state: tuple[Value, ...]
    ) -> tuple[Value, Value]:
        """Statements that keep the state at every multiple of the period, and every second of them when there are too
        many; the snapshots and the period from then on."""
        left_over = builder.apply(TABLE["mod"], step, period)
        then, fewer = Builder(builder.origin), Builder(builder.origin)
        longer = then.apply(TABLE["append"], snapshots, self._state_at(then, step, state), name="snapshots")
        too_many = then.apply(TABLE["greater"], then.apply(TABLE["len"], longer), self.limit)
        every_second = fewer.apply(TABLE["make_slice"], constant(None), constant(None), 2)
        half = fewer.apply(TABLE["index_get"], longer, every_second, name="snapshots")
        double = fewer.apply(TABLE["multiply"], 2, period, name="period")
        kept = (Value(self.kind, "snapshots"), Value(INT, "period"))
        unchanged = Block((), (), (longer, period))
        then.emit(If(too_many, fewer.block((), (half, double)), unchanged, kept, builder.origin))
        results = (Value(self.kind, "snapshots"), Value(INT, "period"))
        orelse = Block((), (), (snapshots, period))
        is_due = builder.apply(TABLE["equal"], left_over, 0)
        builder.emit(If(is_due, then.block((), kept), orelse, results, builder.origin))
        return results

    def forward_loop(self) -> tuple[list[Statement], For | While]:
        """The loop of the forward sweep, which keeps states and collects nothing for the reverse sweep; what comes
        before it."""
        loop, steps, origin = self.loop, self.steps, NOWHERE
        outside, before, after = Builder(origin), Builder(origin), Builder(loop.origin)
        outside.statements += steps.counting()
        extra: list[tuple[Value, Value, Value, Value]] = []
        """Initial value, parameter, next value and result of what the loop carries besides."""
        step = loop.item if isinstance(loop, For) else constant(0)
        if steps.range is None and (self.state or not steps.known):
            counted = Value(INT, "step") if steps.known else steps.count
            step = Value(INT, counted.name)
            extra.append((steps.first, step, after.apply(TABLE["add"], step, 1, name=step.name), counted))
        if self.state:
            empty = Value(self.kind, "snapshots")
            outside.emit(Apply(TABLE["make_list"], (), empty, origin))
            snapshots = Value(self.kind, "snapshots")
            pace = Value(INT, "due" if steps.known else "period")
            state = tuple(loop.carried[i] for i in self.state)
            if steps.known:
                held = self.keep(before, step, steps.end, snapshots, pace, state)
            else:
                held = self.thin(before, step, snapshots, pace, state)
            start = steps.first if steps.known else constant(1)
            extra.append((empty, snapshots, held[0], self.snapshots))
            extra.append((start, pace, held[1], Value(INT, pace.name)))
        return outside.statements, self._with(extra, before, after)

    def _with(self, extra: list[tuple[Value, Value, Value, Value]], before: Builder, after: Builder) -> For | While:
        """The loop with statements before and after those of its body, and values that it carries besides."""
        loop, count = self.loop, len(self.loop.initial)
        parameters = tuple(e[1] for e in extra)
        initial = (*loop.initial, *(e[0] for e in extra))
        statements = (*before.statements, *loop.body.statements, *after.statements)
        stop = () if loop.stop is None else (loop.stop,)
        following = (*stop, *loop.carried_next, *(e[2] for e in extra), *loop.collected)
        results = (*loop.results[:count], *(e[3] for e in extra), *loop.results[count:])
        if isinstance(loop, For):
            body = Block((loop.item, *loop.carried, *parameters, *loop.zipped_items), statements, following)
            expression = loop.expression and not extra
            return replace(loop, initial=initial, body=body, results=results, expression=expression, marker=None)
        unread = tuple(Value(p.type, p.name, p.origin) for p in parameters)
        test = loop.condition
        test = Block((*test.parameters, *unread), test.statements, test.results)
        body = Block((*loop.carried, *parameters), statements, following)
        return replace(loop, condition=test, initial=initial, body=body, results=results, marker=None)


def _written(body: Block) -> set[Value]:
    """The arrays, lists and dicts that the body may write into: those that it updates, and what these were before."""
    found: set[Value] = set()
    size = -1
    while len(found) != size:
        size = len(found)
        for s in walk(body):
            match s:
                case Apply(primitive, operands, result):
                    if primitive.updates is not None and primitive.name != "accumulate":
                        found.add(operands[primitive.updates])
                    if result in found:
                        found.update(operands[i] for i in primitive.views if i < len(operands))
                case If(_, then, orelse, results):
                    for result, a, b in zip(results, then.results, orelse.results, strict=True):
                        if result in found:
                            found.update((a, b))
                case For() | While():
                    for result, following, carried, initial in zip(
                        s.results, s.carried_next, s.carried, s.initial, strict=False
                    ):
                        if found & {result, carried}:
                            found.update((following, carried, initial))
                case Call() | Effect():
                    pass
                case _:
                    assert_never(s)
    return {v for v in found if is_mutable(v.type)}
