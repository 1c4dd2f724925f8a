"""Forward mode: each statement followed by its tangent statement.

In: a program and the positions of the parameters that have a tangent. Out: a program whose main function `f_jvp` takes
the parameters of `f` and then the tangents, and returns ``(value, tangent of the value)``::

    w3 = x1 * x2          becomes        w3 = x1 * x2
                                         dw3 = dx1 * x2 + x1 * dx2

A zero tangent is symbolic: what does not depend on the parameters has none. Loops carry tangents beside values, a
call becomes a call of the callee's own `_jvp`.

>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.core import Function, Parameter, Program
>>> from srcdiff.ir.interpret import interpret
>>> from srcdiff.ir.types import FLOAT
>>> from srcdiff.primitives.table import TABLE
>>> b = Builder()
>>> x = b.value(FLOAT, "x")
>>> y = b.apply(TABLE["multiply"], x, x, name="y")
>>> program = forward(Program((Function("f", (Parameter(x),), b.block((x,), (y,))),)), (0,))
>>> interpret(program, (3.0, 1.0))
(9.0, 6.0)
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field, replace

from srcdiff.ad.fixed_points import FixedPointTangent
from srcdiff.ad.masks import mask_partials
from srcdiff.ad.refusals import Refusals
from srcdiff.ad.variants import Variants, specialised
from srcdiff.ad.zeros import named, tolerant, zero_of
from srcdiff.analysis.activity import useful_values, varied_values
from srcdiff.analysis.invariance import stabilisers
from srcdiff.ir.builder import Builder, tangent_name
from srcdiff.ir.calls import positional
from srcdiff.ir.core import (
    Apply,
    Block,
    Call,
    Effect,
    For,
    Function,
    If,
    Origin,
    Parameter,
    Program,
    Statement,
    Value,
    While,
    assert_never,
    is_atom,
    walk,
)
from srcdiff.ir.markers import FixedPoint
from srcdiff.ir.types import is_differentiable
from srcdiff.primitives import rules
from srcdiff.primitives.table import TABLE


def forward(
    program: Program,
    wrt: tuple[int, ...],
    name: str | None = None,
    *,
    optimize: bool = True,
    frozen: Set[Value] = frozenset(),
) -> Program:
    """The forward-mode derivative of the main function with respect to the parameters at positions `wrt`.

    Parameters
    ----------
    optimize
        Whether maxima taken for stability are recognised, which have no derivative.
    frozen
        Values that nothing depends on, as is known from elsewhere: the maxima of a function in the code of its
        gradient.

    Raises
    ------
    srcdiff.ad.refusals.Refused
        with every place where a tangent would pass through something that has no rule.
    """
    wanted = name or f"{program.main.name}_jvp"
    mode = _Forward(Variants(program), optimize, wanted, frozen)
    mode.derivative(program.main.name, wrt, wanted)
    mode.refusals.raise_if_any()
    return tolerant(mask_partials(Program(tuple(mode.variants.finished)), program))


@dataclass
class _Forward:
    variants: Variants
    optimize: bool
    wanted: str
    """The name of the derivative that was asked for; the others are helpers, called by position."""
    frozen: Set[Value] = frozenset()
    refusals: Refusals = field(default_factory=Refusals)

    def derivative(self, name: str, wrt: tuple[int, ...], wanted: str) -> str:
        """The name of the derivative of function `name`, which is made if it does not exist yet."""
        new_name, is_new = self.variants.name((name, wrt), wanted)
        if is_new:
            function = self.variants.program[name]
            helper = wanted != self.wanted
            if helper:
                self.variants.finish(specialised(self._make(positional(function), wrt, new_name)))
            else:
                self.variants.finish(self._make(function, wrt, new_name))
        return new_name

    def _make(self, function: Function, wrt: tuple[int, ...], name: str) -> Function:
        parameters = function.body.parameters
        seeds = {parameters[i]: self._tangent_of(parameters[i]) for i in wrt}
        frozen = {*self.frozen, *stabilisers(function.body)} if self.optimize else set[Value]()
        varied = varied_values(function.body, seeds, frozen)
        self.refusals.numbers_from_text(function.body, varied)
        wanted = [r for r in function.body.results if is_differentiable(r.type)]
        self.refusals.opaque_results(function.body, varied, wanted)
        useful = useful_values(function.body, wanted, varied)
        sweep = TangentSweep(self, varied, dict(seeds), useful, function.name)
        builder = Builder()
        sweep.statements(builder, function.body.statements)
        tangents = [sweep.materialised(builder, r) for r in function.body.results if is_differentiable(r.type)]
        body = builder.block((*parameters, *seeds.values()), (*function.body.results, *tangents))
        extra = tuple(
            Parameter(
                seeds[parameters[i]], None, function.parameters[i].keyword_only, function.parameters[i].annotation
            )
            for i in wrt
        )
        plain = tuple(
            Parameter(p.value, None if extra and not p.keyword_only else p.default, p.keyword_only, p.annotation)
            for p in function.parameters
        )
        positional = tuple(p for p in (*plain, *extra) if not p.keyword_only)
        keyword = tuple(p for p in (*plain, *extra) if p.keyword_only)
        ordered = (*positional, *keyword)
        body = Block(tuple(p.value for p in ordered), body.statements, body.results)
        return Function(name, ordered, body)

    @staticmethod
    def _tangent_of(value: Value) -> Value:
        return Value(value.type, tangent_name(value.name), value.origin.as_role("tangent"))


@dataclass
class TangentSweep:
    """The transformation of one function: `tangents` maps values to theirs; absent means zero."""

    mode: _Forward
    varied: set[Value]
    tangents: dict[Value, Value] = field(default_factory=dict)
    useful: set[Value] = field(default_factory=set)
    """Of the varied values, those that what the function returns depends on."""
    name: str = ""
    """The function's name, for what the derivative says when it runs."""

    def statements(self, builder: Builder, statements: tuple[Statement, ...]) -> None:
        for statement in statements:
            self._statement(builder, statement)

    def materialised(self, builder: Builder, value: Value) -> Value:
        """The tangent of `value`, built if it is symbolically zero."""
        if value in self.tangents:
            return self.tangents[value]
        return zero_of(builder, value, tangent_name(value.name))

    def _fresh(self, value: Value) -> Value:
        tangent = Value(value.type, tangent_name(value.name), value.origin.as_role("tangent"))
        self.tangents[value] = tangent
        return tangent

    def _is_varied(self, statement: Statement) -> bool:
        return any(r in self.varied for r in statement.results)

    def _statement(self, builder: Builder, statement: Statement) -> None:
        match statement:
            case Apply():
                builder.emit(statement)
                if statement.result in self.varied:
                    self._apply(builder, statement)
            case If():
                builder.emit(self._if(statement))
            case For():
                self._for(builder, statement)
            case While():
                self._while(builder, statement)
            case Call():
                self._call(builder, statement)
            case Effect():
                builder.emit(statement)
            case _:
                assert_never(statement)

    def _apply(self, builder: Builder, apply: Apply) -> None:
        builder.origin = apply.origin.as_role("tangent")
        start = len(builder.statements)
        try:
            given = [self.tangents.get(v) for v in apply.operands]
            tangent = rules.jvp(builder, apply, given, self.mode.variants.adopt)
        except rules.MissingRule as error:
            self.mode.refusals.missing(apply, error)
            return
        if tangent is None:
            return
        name = tangent_name(apply.result.name)
        tangent = named(builder, start, tangent, name)
        if name is not None and tangent.name != name:
            # The user's statement has a name, so its tangent statement stays visible: `dy = dx`.
            tangent = builder.apply(TABLE["identity"], tangent, name=name)
        self.tangents[apply.result] = tangent

    def _inner(self, block: Block, parameters: tuple[Value, ...], with_tangent: list[int], origin: Origin) -> Block:
        """A block with its tangent statements; the results at positions `with_tangent` get their tangents appended."""
        builder = Builder(origin)
        self.statements(builder, block.statements)
        builder.origin = origin
        tangents = [self.materialised(builder, block.results[i]) for i in with_tangent]
        return builder.block(parameters, (*block.results, *tangents))

    def _if(self, statement: If) -> If:
        origin = statement.origin.as_role("tangent")
        active = [i for i, r in enumerate(statement.results) if r in self.varied]
        then = self._inner(statement.then, (), active, origin)
        orelse = self._inner(statement.orelse, (), active, origin)
        tangents = tuple(self._fresh(statement.results[i]) for i in active)
        results = (*statement.results, *tangents)
        return If(statement.condition, then, orelse, results, statement.origin, statement.expression)

    def _loop_parts(
        self, builder: Builder, loop: For | While
    ) -> tuple[list[int], tuple[Value, ...], tuple[Value, ...]]:
        """Which carried values have a tangent, the initial tangents and the body's parameters for them."""
        builder.origin = loop.origin.as_role("tangent")
        active = [i for i, c in enumerate(loop.carried) if c in self.varied]
        initial = tuple(self.materialised(builder, loop.initial[i]) for i in active)
        return active, initial, tuple(self._fresh(loop.carried[i]) for i in active)

    def _loop_body(
        self, loop: For | While, parameters: tuple[Value, ...], active: list[int]
    ) -> tuple[Block, tuple[Value, ...], tuple[Value, ...]]:
        """The body with tangents, and the results of the loop: carried and their tangents, collected and theirs."""
        origin = loop.origin.as_role("tangent")
        count = len(loop.initial)
        builder = Builder(origin)
        self.statements(builder, loop.body.statements)
        builder.origin = origin
        following = tuple(self.materialised(builder, loop.carried_next[i]) for i in active)
        collecting = [i for i, c in enumerate(loop.collected) if c in self.varied and not is_atom(c)]
        collected = tuple(self.materialised(builder, loop.collected[i]) for i in collecting)
        stop = () if loop.stop is None else (loop.stop,)
        body = builder.block(parameters, (*stop, *loop.carried_next, *following, *loop.collected, *collected))
        carried_results = (*loop.results[:count], *(self._fresh(loop.results[i]) for i in active))
        lists = loop.results[count:]
        return body, carried_results, (*lists, *(self._fresh(lists[i]) for i in collecting))

    def _for(self, builder: Builder, loop: For) -> None:
        active, initial, parameters = self._loop_parts(builder, loop)
        zipping = [i for i, items in enumerate(loop.zipped) if items in self.tangents]
        zipped = tuple(self.tangents[loop.zipped[i]] for i in zipping)
        items = tuple(self._fresh(loop.zipped_items[i]) for i in zipping)
        body, carried, collected = self._loop_body(
            loop, (loop.item, *loop.carried, *parameters, *loop.zipped_items, *items), active
        )
        builder.emit(
            replace(
                loop,
                initial=(*loop.initial, *initial),
                zipped=(*loop.zipped, *zipped),
                body=body,
                results=(*carried, *collected),
            )
        )

    def _while(self, builder: Builder, loop: While) -> None:
        if isinstance(loop.marker, FixedPoint):
            self._keep_calls(loop)
            FixedPointTangent(self, builder, loop, loop.marker).run()
            return
        active, initial, parameters = self._loop_parts(builder, loop)
        body, carried, collected = self._loop_body(loop, (*loop.carried, *parameters), active)
        unused = tuple(Value(p.type, p.name, p.origin) for p in parameters)
        condition = Block((*loop.condition.parameters, *unused), loop.condition.statements, loop.condition.results)
        self._keep_calls(replace(loop, body=Block((), (), ())))
        builder.emit(
            replace(
                loop,
                condition=condition,
                initial=(*loop.initial, *initial),
                body=body,
                results=(*carried, *collected),
            )
        )

    def _keep_calls(self, statement: Statement) -> None:
        """Take over the primal functions that are called in a statement that stays as it is."""
        for inner in walk(Block((), (statement,), ())):
            if isinstance(inner, Call):
                self.mode.variants.keep(inner.function)

    def _call(self, builder: Builder, call: Call) -> None:
        active = tuple(i for i, v in enumerate(call.arguments) if v in self.tangents)
        if not active or not self._is_varied(call):
            self.mode.variants.keep(call.function)
            builder.emit(call)
            return
        name = self.mode.derivative(call.function, active, f"{call.function}_jvp")
        tangents = tuple(self.tangents[call.arguments[i]] for i in active)
        # What the function itself returns counts: at the call less may be known of its type.
        returned = self.mode.variants.program[call.function].body.results
        pairs = zip(call.results, returned, strict=True)
        results = (*call.results, *(self._fresh(r) for r, own in pairs if is_differentiable(own.type)))
        builder.emit(Call(name, (*call.arguments, *tangents), results, call.origin))
