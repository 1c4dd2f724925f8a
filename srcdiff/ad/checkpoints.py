"""The adjoint of a loop that is marked to keep few of its states.

In: a For or While marked with `Checkpoint(snapshots)`, and the adjoints of its results. Out: the loop of the forward
sweep, which keeps some states and no residuals, and the loop of the reverse sweep, which computes the others again::

    due, snapshots = 0, []                                    for i in reversed(range(n)):
    for i in range(n):                                            due, x = snapshots.pop()
        if i == due:                                              for earlier in range(due, i):
            snapshots.append((i, x))                                  if earlier == due: ...  # as on the left
            due = next_snapshot(i, n, 5 - len(snapshots))             x = step(x)
        x = step(x)                                               the step from x with its residuals, then its adjoint

A *state* is what the step reads of what the loop carries, and what the states after it are computed from. Where the
number of steps is known at entry, states are kept by the binomial schedule (Griewank and Walther, "Algorithm 799:
revolve", 2000), and every reverse step keeps further ones on its way by the same schedule. With `s` snapshots, `n`
steps need ``t(n, s) = r n - C(s + r, r - 1)`` forward steps, `r` the least with ``C(s + r, s) >= n``, which is the
optimum. Two things are not in that count: the step that is run with its residuals, once for each of the `n`, and the
last step, which the forward sweep takes besides for the value of the loop. The state before the last step is kept
beside the snapshots where none is left for it: it is the one that the reverse sweep begins with.

A While, and a For that may end early, keeps a state every `period` steps; when there are more than `snapshots`, every
second is dropped and the period doubles. Its reverse sweep knows the number of steps and is as above.

What a step prints is printed by the forward sweep alone. The numbers are those of the plain adjoint, to the bit.

>>> CheckpointedLoop.__name__
'CheckpointedLoop'
"""

from __future__ import annotations

from dataclasses import dataclass

from srcdiff.ad.effects import acting, opaque_calls, second_run, silent_block
from srcdiff.ad.loops import Halves, LoopAdjoint
from srcdiff.ad.snapshots import Keeping, Steps
from srcdiff.analysis.liveness import prune_block
from srcdiff.ir.builder import Builder
from srcdiff.ir.core import NOWHERE, Apply, Block, Call, For, Statement, Value, constant, free_values, walk
from srcdiff.ir.substitution import Substitution, refresh
from srcdiff.ir.types import INT
from srcdiff.primitives.table import TABLE


@dataclass
class CheckpointedLoop(LoopAdjoint):
    """The adjoint of one marked loop; see `LoopAdjoint` for what goes in and out."""

    def _finish(self, halves: Halves) -> Statement:
        loop, builder = self.loop, self.builder
        self._refuse_prints()
        statements = (*silent_block(halves.forward).statements, *halves.reverse.statements)
        step = prune_block(Block((), statements, halves.reverse.results))
        advance = silent_block(loop.body)
        state = self._state(step, advance)
        steps = Steps.of(loop, self.sweep.definitions)
        if not steps.has_items and self.sweep.maker is not None:
            message = "the items of this loop cannot be found again by number, as its snapshots need it"
            remedy = "write the range into the loop itself: `for i in range(n)`"
            self.sweep.maker.refusals.add(loop.origin, message, remedy)
        keeping = Keeping(loop, steps, state, self.sweep.undefined)
        builder.origin = NOWHERE.as_role("adjoint")
        first, end = steps.first, steps.end
        drive = (
            self._backwards(steps.range)
            if steps.range is not None
            else builder.apply(TABLE["reversed"], builder.apply(TABLE["range"], first, end, 1))
        )
        kept = (keeping.snapshots,) if state else ()
        body = self._reverse_body(halves, keeping, step, advance)
        lists = tuple(a for a in (self.mine[len(loop.initial) + i] for i in halves.collected) if a is not None)
        self.emit_reverse(halves, drive, (*halves.initial, *kept), lists, body)
        before, forward = keeping.forward_loop()
        self.sweep.before[loop] = tuple(before)
        return forward

    def _refuse_prints(self) -> None:
        """A function that the body calls and that prints would print again."""
        maker = self.sweep.maker
        if maker is None:
            return
        for effect in opaque_calls(self.loop.body):
            maker.refusals.add(*second_run(effect, "the reverse sweep of a loop with snapshots"))
        loud = acting(maker.variants.program)
        for s in walk(self.loop.body):
            if isinstance(s, Call) and s.function in loud:
                message = (
                    f"`{s.function}` {loud[s.function]}, and the reverse sweep of a loop with snapshots calls it again"
                )
                maker.refusals.add(s.origin, message, "print in the loop itself, or take the loop without `checkpoint`")

    def _state(self, step: Block, advance: Block) -> list[int]:
        """The positions of the carried values that make up a state."""
        loop = self.loop
        needed: set[int] = set()
        read = set(free_values(step))
        while True:
            found = {i for i, v in enumerate(loop.carried) if v in read} - needed
            if not found:
                return sorted(needed)
            needed |= found
            wanted = tuple(loop.carried_next[i] for i in sorted(found))
            read = set(free_values(prune_block(Block((), advance.statements, wanted))))

    def _reverse_body(self, halves: Halves, keeping: Keeping, step: Block, advance: Block) -> Block:
        """One step of the reverse sweep: to its state from the last one kept, then the step and its adjoint."""
        loop, steps = self.loop, keeping.steps
        body = Builder(NOWHERE.as_role("adjoint"))
        here = Value(INT, steps.name, loop.origin)
        mapping: Substitution = {}
        held = [Value(keeping.kind, "snapshots")] if keeping.state else []
        left: tuple[Value, ...] = ()
        if keeping.state:
            states, left = self._advance(body, keeping, advance, here, held[0])
            mapping.update(zip((loop.carried[i] for i in keeping.state), states, strict=True))
        mapping.update(steps.items(body, here, step))
        again = refresh(step, mapping)
        results = (*again.results[: len(halves.incoming)], *left, *again.results[len(halves.incoming) :])
        return Block(
            (here, *halves.incoming, *held, *halves.item_adjoints), (*body.statements, *again.statements), results
        )

    def _advance(
        self, body: Builder, keeping: Keeping, advance: Block, here: Value, held: Value
    ) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
        """Statements that compute the state at step `here` from the last one in `held`; that state, and the snapshots
        that are left."""
        loop, steps, state = self.loop, keeping.steps, keeping.state
        last = body.apply(TABLE["index_get"], held, -1)
        shorter = body.apply(TABLE["drop_last"], held, name="snapshots")
        at = body.apply(TABLE["index_get"], last, 0, name="due")
        carried = [loop.carried[i] for i in state]
        states = [Value(v.type, v.name or "state", v.origin) for v in carried]
        for position, value in enumerate(states, start=1):
            body.emit(Apply(TABLE["index_get"], (last, constant(position)), value, body.origin))
        inner = Builder(NOWHERE.as_role("adjoint"))
        earlier = Value(INT, "earlier", loop.origin)
        before = tuple(Value(loop.carried[i].type, loop.carried[i].name, loop.carried[i].origin) for i in state)
        snapshots, due = Value(keeping.kind, "snapshots"), Value(INT, "due")
        after = inner.apply(TABLE["add"], here, 1)
        snapshots_next, due_next = keeping.keep(inner, earlier, after, snapshots, due, before)
        wanted = tuple(loop.carried_next[i] for i in state)
        forward = prune_block(Block((), advance.statements, wanted))
        mapping: Substitution = dict(zip((loop.carried[i] for i in state), before, strict=True))
        mapping.update(steps.items(inner, earlier, forward))
        forward = refresh(forward, mapping)
        block = Block(
            (earlier, *before, snapshots, due),
            (*inner.statements, *forward.statements),
            (*forward.results, snapshots_next, due_next),
        )
        reached = tuple(Value(v.type, v.name, v.origin) for v in before)
        left = Value(keeping.kind, "snapshots")
        between = body.apply(TABLE["range"], at, here, 1)
        initial = (*states, shorter, at)
        body.emit(For(between, initial, (), block, (*reached, left, Value(INT, "due")), NOWHERE.as_role("adjoint")))
        return reached, (left,)
