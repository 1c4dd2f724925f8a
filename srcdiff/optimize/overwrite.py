"""Which updates may overwrite their operand, and where a copy must be made first.

In: a function. Out: a `Plan`: the updates that overwrite, those of them that overwrite a copy made right before, and
the carried values of loops whose initial value is copied before the loop.

An update of `x` may overwrite it when all the memory that `x` may be was made by this function and nothing that can
reach that memory is read afterwards (see `ownership` and `positions`). Updates that Python writes as statements
(`x[i] = v`, `l.append(v)`) are *forced*: where they may not overwrite `x` they overwrite a copy. For a sum (`bx + g`)
nothing is lost if it makes a new array. A loop that writes to a carried array takes over the initial value if it is
owned and dead, and a copy of it otherwise, so that a write in the loop costs no more than the element. Where only a
few views (rows, elements of unknown type) are read after the write, they are copied instead of the whole.

The facts of a loop are found by repetition: what a value can reach only grows, and a decision to copy is never taken
back (a plan with more copies is right, too). After a decision in a later round, what was found before it is forgotten.

>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.core import Parameter
>>> from srcdiff.primitives.table import TABLE
>>> b = Builder()
>>> x = b.value(Array("float64", (3,)), "x")
>>> y = b.apply(TABLE["index_set"], b.apply(TABLE["add"], x, 1.0), 0, 1.0)
>>> z = b.apply(TABLE["index_set"], x, 0, 1.0)
>>> plan = Overwrites(Function("f", (Parameter(x),), b.block((x,), (y, z))), {}).run()
>>> [(s.result in (y, z), s in plan.copies) for s in b.statements[1:]]
[(True, False), (True, True)]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from srcdiff.ir.core import (
    Apply,
    Block,
    Call,
    Constant,
    Effect,
    For,
    Function,
    Global,
    If,
    Statement,
    Value,
    While,
    assert_never,
    blocks_of,
    walk,
)
from srcdiff.ir.types import OBJECT, Array, List, is_mutable
from srcdiff.optimize.exchange import exchanged
from srcdiff.optimize.ownership import (
    FOREIGN,
    NOTHING,
    VIEW,
    Loop,
    Reach,
    Site,
    Sites,
    SiteSet,
    copied_reach,
    is_slice,
    join,
    result_reach,
    updated_reach,
)
from srcdiff.optimize.plans import Plan, Slot, Summary, is_forced, is_optional, written_slots
from srcdiff.optimize.positions import Positions
from srcdiff.optimize.schedule import known_lists

_FEW = 4
_WIDER = frozenset({"identity", "np.broadcast_to", "np.diag"})
"""Views that may be larger than what they show (and a plain `y = x`)."""


class Overwrites:
    """Finds the plan for one function; `summaries` knows the functions that it calls."""

    def __init__(self, function: Function, summaries: Mapping[str, Summary]) -> None:
        self.function = function
        self.summaries = summaries
        self.sites = Sites()
        self.positions = Positions(function.body)
        self.reach: dict[Value, Reach] = {}
        self._written = written_slots(function.body)
        self._kept: set[Apply] = set()
        """Updates that do not overwrite what they are given: a forced one copies it, any other makes a new array."""
        self._copied_initial: set[Slot] = set()
        self._detached: set[Apply] = set()
        self._exchanged: dict[Loop, tuple[int, ...]] = {}
        self._mixed: set[Loop] = set()
        """Loops whose buffers change places, but something else may hold them, too."""
        self._lists = {v for block in _blocks(function.body) for v in known_lists(block)}
        self._taken: dict[Value, tuple[Apply, tuple[Loop, ...]]] = {}
        """Where a view of something was taken, and the loops around."""
        self._holders: dict[Site, list[Value]] = {}
        self._around: tuple[Loop, ...] = ()
        self._frozen: SiteSet = frozenset()
        """What the condition of a While may not overwrite: the loop's results still show it when the loop ends."""
        self._grown = False
        self._first = True
        self._may_decide = True
        self._decided = False

    # -- rounds -------------------------------------------------------------------------------------------------------

    def run(self) -> Plan:
        self._settle()
        written = [slot for slot in self._copied_initial if slot in self._written]
        idle = {slot for slot in written if all(p in self._kept for p in self._written[slot])}
        if idle:
            # Every write in the loop copies for reasons of its own: the copy before the loop is not needed.
            self._written = {s: p for s, p in self._written.items() if s not in idle}
            self._copied_initial -= idle
            self.reach.clear()
            self._settle()
        updates = [s for s in walk(self.function.body) if isinstance(s, Apply)]
        forced = [s for s in updates if is_forced(s)]
        optional = [s for s in updates if is_optional(s) and s not in self._kept]
        copies = frozenset(s for s in forced if s in self._kept)
        detached = frozenset(self._detached)
        return Plan(frozenset([*forced, *optional]), copies, frozenset(self._copied_initial), detached)

    def _settle(self) -> None:
        """Walk the function until neither what values reach nor the decisions change."""
        self._first = not self.reach
        while True:
            self._grown = self._decided = False
            self._holders = {}
            for parameter in self.function.body.parameters:
                self._set(parameter, self._parameter(parameter))
            for statement in self.function.body.statements:
                self._may_decide = True
                self._statement(statement)
            if self._decided and not self._first:
                self.reach.clear()
                self._first = True
            elif self._grown:
                self._first = False
            else:
                return

    def summary(self) -> Summary:
        body = self.function.body
        return Summary(tuple(map(self.reach_of, body.results)), tuple(map(self.reach_of, body.parameters)))

    def _parameter(self, parameter: Value) -> Reach:
        if not is_mutable(parameter.type):
            return NOTHING
        top = self.sites.fresh((parameter, "top"), (), owned=False)
        return Reach(frozenset({top}), frozenset({self.sites.fresh((parameter, "inner"), (), owned=False)}))

    # -- facts --------------------------------------------------------------------------------------------------------

    def reach_of(self, value: Value) -> Reach:
        """What the value can reach, as far as is known."""
        match value:
            case Global():
                return Reach(frozenset({FOREIGN}), frozenset({FOREIGN}))
            case Constant():
                return Reach(frozenset({FOREIGN}), frozenset({FOREIGN})) if value.type == OBJECT else NOTHING
            case _:
                return self.reach.get(value, NOTHING)

    def _set(self, value: Value, reach: Reach) -> None:
        known = self.reach.get(value)
        if known is not None and known != reach:
            reach = known | reach
        if known != reach:
            self.reach[value] = reach
            self._grown = True
        self._hold(value, reach.all)

    def _hold(self, value: Value, sites: SiteSet) -> None:
        for site in sites:
            self._holders.setdefault(site, []).append(value)

    def _is_free(self, sites: SiteSet, at: Statement) -> bool:
        """Whether the memory is the function's own and nothing that can reach it is read after `at`."""
        for site in sites:
            if site in self._frozen or not self.sites.owned(site):
                return False
            holders = self._holders.get(site)
            if holders is None:
                continue
            if any(self.positions.is_read_after(v, at) for v in holders):
                return False
            # The walk only goes on from here, so what is dead now need not be looked at again in this round.
            holders[:] = [v for v in holders if not self.positions.is_dead_after(v, at)]
        return True

    def _may_change_plan(self) -> bool:
        """In a later round a decision makes facts stale that the next one would rest on: one, then begin anew."""
        if self._first:
            return True
        allowed, self._may_decide = self._may_decide, False
        return allowed

    # -- statements ---------------------------------------------------------------------------------------------------

    def _statement(self, statement: Statement) -> None:
        match statement:
            case Apply():
                self._apply(statement)
            case If(_, then, orelse, results):
                for branch in (then, orelse):
                    self._block(branch)
                for result, a, b in zip(results, then.results, orelse.results, strict=True):
                    self._set(result, self.reach_of(a) | self.reach_of(b))
            case For() | While():
                self._loop(statement)
            case Call():
                self._call(statement)
            case Effect(result=Value() as result):
                given = join(self.reach_of(v) for v in statement.operands)
                self._set(result, Reach(given.top | {VIEW}, given.all | {VIEW}))
            case Effect():
                pass
            case _:
                assert_never(statement)

    def _block(self, block: Block) -> None:
        for statement in block.statements:
            self._statement(statement)

    def _apply(self, apply: Apply) -> None:
        operands = [self.reach_of(v) for v in apply.operands]
        forced = is_forced(apply)
        if forced or is_optional(apply):
            position = apply.primitive.updates or 0
            may = apply in self._kept or self._may_overwrite(apply, position, operands)
            if not may and self._may_change_plan():
                views = self._views_in_the_way(apply, operands[position].top) if forced else None
                if views:
                    self._detach(views)
                else:
                    self._kept.add(apply)
                self._decided = True
            if apply not in self._kept:
                self._set(apply.result, updated_reach(apply, operands[position], operands))
                return
            if forced:
                self._set(apply.result, updated_reach(apply, copied_reach(apply, self.sites, self._around), operands))
                return
        if apply in self._detached:
            self._set(apply.result, copied_reach(apply, self.sites, self._around))
            return
        if apply.primitive.views and apply.primitive.name not in _WIDER:
            self._taken[apply.result] = (apply, self._around)
        in_list = apply.primitive.name == "index_get" and apply.operands[0] in self._lists
        if in_list and not is_slice(apply.operands[1]):
            self._set(apply.result, Reach(operands[0].inner, operands[0].inner))
            return
        self._set(apply.result, result_reach(apply, operands, self.sites, self._around))

    def _views_in_the_way(self, apply: Apply, sites: SiteSet) -> list[Apply] | None:
        """The views that keep an update from overwriting, if there are few, taken as often as the update is made."""
        if any(s in self._frozen or not self.sites.owned(s) for s in sites):
            return None
        found: dict[Apply, None] = {}
        for value in [v for s in sites for v in self._holders.get(s, ()) if self.positions.is_read_after(v, apply)]:
            taken = self._taken.get(value)
            if taken is None or taken[1] != self._around:
                return None
            found[taken[0]] = None
        return list(found) if len(found) <= _FEW else None

    def _detach(self, views: list[Apply]) -> None:
        """Decide to copy the views: from now on what they reach is their own."""
        for view in views:
            self._detached.add(view)
            for holders in self._holders.values():
                holders[:] = [v for v in holders if v is not view.result]
            _, around = self._taken.pop(view.result)
            self.reach[view.result] = copied_reach(view, self.sites, around)

    def _may_overwrite(self, apply: Apply, position: int, operands: list[Reach]) -> bool:
        base = apply.operands[position]
        if isinstance(base, Global) or not self._is_free(operands[position].top, apply):
            return False
        if is_optional(apply):
            return True  # NumPy's arithmetic allows its operands to overlap
        # `x[1:] = x[:-1]` is right in NumPy; an index must not change while it is used, nor a list contain itself.
        safe = len(operands) - 1 if isinstance(base.type, Array) else position
        others = join(r for i, r in enumerate(operands) if i not in (position, safe))
        return not (others.all & operands[position].top)

    def _call(self, call: Call) -> None:
        arguments = [self.reach_of(v) for v in call.arguments]
        summary = self.summaries.get(call.function)
        if summary is None:
            # Of a recursive call nothing is known yet: it may return anything it was given, and what others hold.
            given = join(arguments).all | {FOREIGN}
            for result in call.results:
                self._set(result, Reach(given, given) if is_mutable(result.type) else NOTHING)
            return
        known: dict[Site, SiteSet] = {VIEW: frozenset({VIEW}), FOREIGN: frozenset({FOREIGN})}
        for parameter, argument in zip(summary.parameters, arguments, strict=True):
            known.update((s, argument.top) for s in parameter.top)
            known.update((s, argument.inner) for s in parameter.inner)

        def translate(sites: SiteSet) -> SiteSet:
            found: set[Site] = set()
            for s in sites:
                found |= known.get(s) or {self.sites.fresh((call, s), self._around)}
            return frozenset(found)

        for result, reach in zip(call.results, summary.results, strict=True):
            self._set(result, Reach(translate(reach.top), translate(reach.inner)))

    # -- loops --------------------------------------------------------------------------------------------------------

    def _loop(self, loop: Loop) -> None:
        buffers = () if loop in self._mixed else self._buffers(loop)
        initial = self._enter(loop, buffers)
        count = len(initial)
        for k, (carried, reach) in enumerate(zip(loop.carried, initial, strict=True)):
            whole = reach | self.sites.old(self.reach_of(loop.carried_next[k]), loop)
            if k in buffers:
                whole = self._buffer(loop, k)
            self._set(carried, whole)
            if isinstance(loop, While):
                self._set(loop.condition.parameters[k], whole)
        if isinstance(loop, For):
            if loop.iterable is not None and is_mutable(loop.item.type):
                source = self.reach_of(loop.iterable)
                own = source.inner if isinstance(loop.iterable.type, List) else source.all | {VIEW}
                self._set(loop.item, Reach(own, source.inner))
            for item, items in zip(loop.zipped_items, loop.zipped, strict=True):
                inner = self.reach_of(items).inner if is_mutable(item.type) else NOTHING.inner
                self._set(item, Reach(inner, inner))
        for result, collected in zip(loop.results[count:], loop.collected, strict=True):
            # While the loop runs, its lists hold what earlier iterations collected.
            self._hold(result, self.sites.old(self.reach_of(collected), loop).all)
        self._around = (*self._around, loop)
        if isinstance(loop, While):
            outer, self._frozen = self._frozen, self._frozen.union(*(self.reach_of(v).all for v in loop.carried))
            self._block(loop.condition)
            self._frozen = outer
        self._block(loop.body)
        self._around = self._around[:-1]
        if buffers and self._are_mixed(loop, buffers) and self._may_change_plan():
            self._mixed.add(loop)
            self._decided = True
        for result, reach, following in zip(loop.results, initial, loop.carried_next, strict=False):
            self._set(result, reach | self.reach_of(following))
        for result, collected in zip(loop.results[count:], loop.collected, strict=True):
            reach = self.reach_of(collected)
            made = self.sites.fresh((result, "top"), self._around)
            self._set(result, Reach(frozenset({made}), reach.all | self.sites.old(reach, loop).all))

    def _buffers(self, loop: Loop) -> tuple[int, ...]:
        """The carried arrays that change places, if some of them is written into."""
        if loop not in self._exchanged:
            found = exchanged(loop)
            self._exchanged[loop] = found if any((loop, k) in self._written for k in found) else ()
        return self._exchanged[loop]

    def _buffer(self, loop: Loop, k: int) -> Reach:
        """The memory of one of them as an iteration begins: its own, whichever of the initial arrays it is."""
        return Reach(frozenset({self.sites.fresh((loop, k, "buffer"), self._around)}))

    def _are_mixed(self, loop: Loop, buffers: tuple[int, ...]) -> bool:
        """Whether something else may hold their memory when an iteration ends, or two of them the same."""
        ends = [self.reach_of(v).all for v in (*loop.carried_next, *loop.collected)]
        for k in buffers:
            others: SiteSet = frozenset().union(*(e for j, e in enumerate(ends) if j != k))
            if ends[k] & others or not all(map(self.sites.owned, ends[k])):
                return True
        return False

    def _enter(self, loop: Loop, buffers: tuple[int, ...] = ()) -> list[Reach]:
        """What the initial values can reach, after the decisions which of them to copy."""
        given = [self.reach_of(v) for v in loop.initial]
        copied = [(loop, k) in self._copied_initial for k in range(len(given))]
        for k, reach in enumerate(given):
            if not copied[k] and ((loop, k) in self._written or k in buffers):
                others = join(r for j, r in enumerate(given) if j != k and not copied[j])
                shared = others.all & reach.top
                if (shared or not self._is_free(reach.top, loop)) and self._may_change_plan():
                    copied[k] = self._decided = True
                    self._copied_initial.add((loop, k))
        for k, is_copied in enumerate(copied):
            if is_copied:
                inner = NOTHING.inner
                if not isinstance(loop.initial[k].type, Array):
                    inner = frozenset({self.sites.fresh((loop, k, "inner"), self._around)})
                given[k] = Reach(frozenset({self.sites.fresh((loop, k, "top"), self._around)}), inner)
        return given


def _blocks(body: Block) -> Iterator[Block]:
    yield body
    for statement in walk(body):
        yield from blocks_of(statement)
