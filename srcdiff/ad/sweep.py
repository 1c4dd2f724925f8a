"""The reverse sweep over the statements of one function.

In: statements of the forward sweep and the adjoints of what they define. Out: their adjoint statements, last first,
and the statements of the forward sweep that must be replaced because they save something.

The adjoint of an If is an If on the same condition; what its branches need of the forward branches comes out of
the forward If as further results. The adjoint of a call is a call of the callee's `_reverse`.

>>> from srcdiff.ir.types import FLOAT
>>> b = Builder()
>>> x = b.value(FLOAT, "x")
>>> y = b.apply(TABLE["multiply"], x, 2.0)
>>> adjoints = {y: Value(FLOAT, "by")}
>>> _ = Sweep(None, {x, y}, set()).statements(Builder(), tuple(b.statements), adjoints)
>>> adjoints[x].name
'bx'
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Protocol

from srcdiff.ad.adjoints import Adjoints, add_contribution, adjoint_type
from srcdiff.ad.checkpoints import CheckpointedLoop
from srcdiff.ad.fixed_points import FixedPointAdjoint
from srcdiff.ad.loops import LoopAdjoint
from srcdiff.ad.refusals import Refusals
from srcdiff.ad.residuals import plan_residuals, stable_values
from srcdiff.ad.variants import Variants
from srcdiff.ad.zeros import named, zero_of
from srcdiff.analysis.invariance import new_axes
from srcdiff.analysis.liveness import prune_block
from srcdiff.analysis.undefined import possibly_undefined
from srcdiff.ir.builder import Builder, adjoint_name
from srcdiff.ir.core import (
    NOWHERE,
    UNDEFINED,
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
    assert_never,
    class_value,
    constant,
    walk,
)
from srcdiff.ir.markers import Checkpoint, FixedPoint
from srcdiff.ir.substitution import substitute
from srcdiff.ir.types import UNKNOWN, Array, Record, Tuple
from srcdiff.primitives import rules
from srcdiff.primitives.table import TABLE


@dataclass(frozen=True)
class Pair:
    """The two halves of a helper's derivative, and how they are called.

    `forward` returns the callee's results and then the tape (if `has_tape`); `reverse` takes the parameters at
    positions `parameters`, the tape, and the adjoints of the results, and returns the adjoints of the active
    parameters.
    """

    forward: str
    reverse: str
    parameters: tuple[int, ...]
    has_tape: bool


class Maker(Protocol):
    """What makes the derivatives of helper functions, and collects what cannot be differentiated."""

    refusals: Refusals
    variants: Variants

    def pair(self, name: str, active_parameters: tuple[int, ...], active_results: tuple[int, ...]) -> Pair: ...


def _add_squeezed(builder: Builder, adjoints: Adjoints, x: Value, adjoint: Value, places: tuple[int, ...]) -> None:
    """Add the adjoint of a view of `x` with new axes at `places`."""
    start = len(builder.statements)
    where = places[0] if len(places) == 1 else builder.apply(TABLE["make_tuple"], *places)
    squeezed = builder.apply(TABLE["np.squeeze"], adjoint, where)
    if x not in adjoints:
        squeezed = named(builder, start, squeezed, adjoint_name(x.name))
    add_contribution(builder, adjoints, x, squeezed)


@dataclass
class Sweep:
    """The reverse sweep over one function: `active` values have adjoints; `stable` arrays are never written;
    `definitions` are the function's own operations."""

    maker: Maker | None
    active: set[Value]
    stable: set[Value]
    definitions: Mapping[Value, Apply] = field(default_factory=dict)
    undefined: Set[Value] = frozenset()
    """Values that may be without content."""
    name: str = ""
    """The function's name, for what the derivative says when it runs."""
    fields: dict[Value, tuple[tuple[Value, ...], frozenset[int]]] = field(default_factory=dict)
    """The fields of adjoints of records, and which of them are zero so far."""
    before: dict[Statement, tuple[Statement, ...]] = field(default_factory=dict)
    """What the forward sweep computes right before a statement that it replaces."""

    @staticmethod
    def over(maker: Maker, function: Function, active: set[Value]) -> Sweep:
        """The sweep over the function."""
        body = function.body
        definitions = {s.result: s for s in walk(body) if isinstance(s, Apply)}
        return Sweep(maker, active, stable_values(body), definitions, possibly_undefined(body), function.name)

    def statements(
        self, builder: Builder, statements: tuple[Statement, ...], adjoints: Adjoints
    ) -> dict[Statement, Statement]:
        """Add the adjoint statements of `statements`, last first; `adjoints` is updated.

        Returns the statements of the forward sweep that must be replaced because they save something.
        """
        replaced: dict[Statement, Statement] = {}
        for statement in reversed(statements):
            builder.origin = statement.origin.as_role("adjoint")
            match statement:
                case Apply():
                    adjoint = adjoints.pop(statement.result, None)
                    if adjoint is not None:
                        self._apply(builder, statement, adjoint, adjoints)
                case If() | For() | While() | Call():
                    mine = [adjoints.pop(r, None) for r in statement.results]
                    if any(a is not None for a in mine):
                        replaced[statement] = self._structured(builder, statement, mine, adjoints)
                case Effect():
                    pass
                case _:
                    assert_never(statement)
        return replaced

    def forward(
        self, statements: tuple[Statement, ...], replaced: Mapping[Statement, Statement]
    ) -> tuple[Statement, ...]:
        """The statements of the forward sweep."""
        return tuple(new for s in statements for new in (*self.before.get(s, ()), replaced.get(s, s)))

    def _structured(
        self, builder: Builder, statement: If | For | While | Call, mine: list[Value | None], adjoints: Adjoints
    ) -> Statement:
        match statement:
            case If():
                return self._if(builder, statement, mine, adjoints)
            case While() if isinstance(statement.marker, FixedPoint):
                return FixedPointAdjoint(self, builder, statement, statement.marker, mine, adjoints).run()
            case For() | While():
                adjoint = CheckpointedLoop if isinstance(statement.marker, Checkpoint) else LoopAdjoint
                return adjoint(self, builder, statement, mine, adjoints).run()
            case Call():
                return self._call(builder, statement, mine, adjoints)

    def _apply(self, builder: Builder, apply: Apply, adjoint: Value, adjoints: Adjoints) -> None:
        wanted = [v in self.active for v in apply.operands]
        if not any(wanted):
            return
        if apply.primitive.name == "index_get":
            self._element(builder, apply, adjoint, adjoints)
            return
        start = len(builder.statements)
        try:
            adopt = None if self.maker is None else self.maker.variants.adopt
            contributions = list(rules.vjp(builder, apply, adjoint, wanted, adopt))
        except rules.MissingRule as error:
            assert self.maker is not None
            self.maker.refusals.missing(apply, error)
            return
        for position, operand in enumerate(apply.operands):
            contribution = contributions[position]
            if contribution is None or not wanted[position]:
                continue
            if operand not in adjoints and apply.operands.count(operand) == 1:
                fresh = named(builder, start, contribution, adjoint_name(operand.name))
                contributions = [fresh if c is contribution else c for c in contributions]
                contribution = fresh
            add_contribution(builder, adjoints, operand, contribution)

    def _element(self, builder: Builder, apply: Apply, adjoint: Value, adjoints: Adjoints) -> None:
        """The adjoint of reading an element adds to an element of the adjoint: no array is made for each read."""
        x, index = apply.operands
        base = adjoints.get(x)
        name = adjoint_name(x.name)
        if isinstance(x.type, Record):
            assert isinstance(index, Constant)
            adjoints[x] = self._field(builder, x, index.value, adjoint, base)
            return
        if isinstance(x.type, Tuple) and isinstance(index, Constant) and isinstance(index.value, int):
            # A tuple cannot be written into, so that its adjoint is built anew.
            count = len(x.type.items)
            items: list[Value] = []
            for k in range(count):
                if base is not None:
                    item = builder.apply(TABLE["index_get"], base, k)
                    items.append(
                        builder.apply(TABLE["accumulate"], item, adjoint) if k == index.value % count else item
                    )
                elif k == index.value % count:
                    items.append(adjoint)
                else:
                    items.append(zero_of(builder, builder.apply(TABLE["index_get"], x, k)))
            adjoints[x] = builder.apply(TABLE["make_tuple"], *items, name=name)
            return
        axes = new_axes(index, self.definitions) if isinstance(x.type, Array) else None
        if axes is not None and any(axes):
            # A view of the whole with new axes: the adjoint is a view without them.
            places = tuple(i for i, is_new in enumerate(axes) if is_new)
            _add_squeezed(builder, adjoints, x, adjoint, places)
            return
        if base is None:
            base = zero_of(builder, x, name, self.undefined)
        adjoints[x] = builder.apply(TABLE["index_add"], base, index, adjoint, name=name)

    def _field(self, builder: Builder, x: Value, position: int, adjoint: Value, base: Value | None) -> Value:
        """The adjoint of a record after a contribution to one of its fields; zero fields are taken over as they are."""
        assert isinstance(x.type, Record)
        known = self.fields.get(base) if base is not None else None
        items: list[Value] = []
        zeros: set[int] = set()
        for k in range(len(x.type.items)):
            if base is None and k != position:
                items.append(zero_of(builder, builder.apply(TABLE["index_get"], x, k), None, self.undefined))
                zeros.add(k)
            elif base is None:
                items.append(adjoint)
            elif known is not None:
                items.append(known[0][k])
                zeros |= known[1] & {k}
            else:
                items.append(builder.apply(TABLE["index_get"], base, k))
        if base is not None:
            first = position in zeros
            items[position] = adjoint if first else builder.apply(TABLE["accumulate"], items[position], adjoint)
            zeros.discard(position)
        made = class_value(x.type.made)
        result = builder.apply(TABLE["make_record"], made, *items, name=adjoint_name(x.name))
        self.fields[result] = (tuple(items), frozenset(zeros))
        return result

    # -- branches
    # -------------------------------------------------------------------------------------------------------

    def _if(self, builder: Builder, statement: If, mine: list[Value | None], adjoints: Adjoints) -> Statement:
        outer = dict(adjoints)
        branches: list[tuple[Block, Builder, Adjoints, Block]] = []
        for block in (statement.then, statement.orelse):
            inner = Builder(statement.origin.as_role("adjoint"))
            local = dict(outer)
            for value, adjoint in zip(block.results, mine, strict=True):
                if adjoint is not None and value in self.active:
                    add_contribution(inner, local, value, adjoint)
            replaced = self.statements(inner, block.statements, local)
            forward = Block((), self.forward(block.statements, replaced), block.results)
            branches.append((block, inner, local, forward))
        own = {v for block, *_ in branches for s in walk(block) for v in s.results}
        touched: dict[Value, None] = {}
        for _, _, local, _ in branches:
            for value, adjoint in local.items():
                if value not in own and outer.get(value) is not adjoint:
                    touched.setdefault(value)
        results: list[list[Value]] = []
        for _, inner, local, _ in branches:
            inner.origin = NOWHERE.as_role("adjoint")
            results.append(
                [local[v] if v in local else zero_of(inner, v, adjoint_name(v.name), self.undefined) for v in touched]
            )
        blocks: list[Block] = []
        forwards: list[Block] = []
        saved: list[tuple[Value, ...]] = []
        for (_, inner, _, forward), values in zip(branches, results, strict=True):
            plan = plan_residuals(forward, prune_block(inner.block((), values)), set(), self.stable)
            blocks.append(plan.reverse)
            forwards.append(plan.forward)
            saved.append(plan.saved)
        # What a branch passes on as a result anyway is read from there.
        for k, forward in enumerate(forwards):
            passed = {v: r for v, r in zip(forward.results, statement.results, strict=True) if v in saved[k]}
            blocks[k] = substitute(blocks[k], dict(passed))
            saved[k] = tuple(v for v in saved[k] if v not in passed)
        then_saved, else_saved = saved
        missing = constant(UNDEFINED)
        out: list[Value] = []
        for k, own_saved in enumerate(saved):
            fresh = [Value(v.type, v.name, v.origin) for v in own_saved]
            out.extend(fresh)
            blocks[k] = substitute(blocks[k], dict(zip(own_saved, fresh, strict=True)))
        then = Block((), forwards[0].statements, (*forwards[0].results, *then_saved, *(missing for _ in else_saved)))
        orelse = Block((), forwards[1].statements, (*forwards[1].results, *(missing for _ in then_saved), *else_saved))
        if touched:
            builder.origin = statement.origin.as_role("adjoint")
            fresh = [builder.value(adjoint_type(v), adjoint_name(v.name)) for v in touched]
            builder.emit(If(statement.condition, blocks[0], blocks[1], tuple(fresh), builder.origin))
            adjoints.update(zip(touched, fresh, strict=True))
        return If(
            statement.condition,
            then,
            orelse,
            (*statement.results, *out),
            statement.origin,
            statement.expression and not out,
        )

    # -- calls
    # ----------------------------------------------------------------------------------------------------------

    def _call(self, builder: Builder, call: Call, mine: list[Value | None], adjoints: Adjoints) -> Statement:
        parameters = tuple(i for i, v in enumerate(call.arguments) if v in self.active)
        results = tuple(i for i, a in enumerate(mine) if a is not None)
        if not parameters:
            return call
        assert self.maker is not None
        pair = self.maker.pair(call.function, parameters, results)
        arguments: list[Value] = [call.arguments[i] for i in pair.parameters]
        forward = call
        if pair.has_tape:
            tape = Value(UNKNOWN, "tape", call.origin)
            forward = Call(pair.forward, call.arguments, (*call.results, tape), call.origin)
            arguments.append(tape)
        arguments.extend(a for a in mine if a is not None)
        fresh = [
            builder.value(adjoint_type(call.arguments[i]), adjoint_name(call.arguments[i].name)) for i in parameters
        ]
        builder.emit(Call(pair.reverse, tuple(arguments), tuple(fresh), builder.origin))
        for position, adjoint in zip(parameters, fresh, strict=True):
            add_contribution(builder, adjoints, call.arguments[position], adjoint)
        return forward
