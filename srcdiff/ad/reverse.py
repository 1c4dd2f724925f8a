"""Reverse mode: a forward sweep that saves what is needed, then each statement's adjoint statements, last first.

In: a program and the positions of the parameters whose adjoints are wanted. Out: a program whose main function is, by
`mode`,

- ``"vjp"``: `f_vjp(x1, x2, bw5) -> (w5, (bx1, bx2))`
- ``"gradient"``: `f_grad(x1, x2) -> (bx1, bx2)`, the seed 1 folded in
- ``"value_and_grad"``: `f_value_and_grad(x1, x2) -> (w5, (bx1, bx2))`

The adjoint of an If is an If, of a For a For in the other direction, of a While a For over what was recorded. What the
reverse body of a loop needs of an iteration is collected by the forward loop and zipped by the reverse one: the tape
is an ordinary list. The adjoint of a call is a call of the callee's `_reverse`, with what the callee's `_forward`
saved. A callee marked to be recomputed saves nothing: its `_reverse` takes its arguments and computes it again.

An absent adjoint is zero; the first contribution is taken as it is, later ones are added with `accumulate`.

>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.core import Function, Parameter, Program
>>> from srcdiff.ir.interpret import interpret
>>> from srcdiff.ir.types import FLOAT
>>> from srcdiff.primitives.table import TABLE
>>> b = Builder()
>>> x = b.value(FLOAT, "x")
>>> y = b.apply(TABLE["multiply"], x, x, name="y")
>>> program = reverse(Program((Function("f", (Parameter(x),), b.block((x,), (y,))),)), (0,), "gradient")
>>> interpret(program, (3.0,))
6.0
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from srcdiff.ad.adjoints import Adjoints, add_contribution
from srcdiff.ad.effects import acting, opaque_calls, second_run, silent_block
from srcdiff.ad.inline import inline_helpers
from srcdiff.ad.masks import mask_partials
from srcdiff.ad.refusals import Refusals
from srcdiff.ad.residuals import plan_residuals
from srcdiff.ad.sweep import Pair, Sweep
from srcdiff.ad.variants import Variants, is_recursive, specialised
from srcdiff.ad.zeros import tolerant, zero_of
from srcdiff.analysis.activity import useful_values, varied_values
from srcdiff.analysis.invariance import stabilisers
from srcdiff.analysis.liveness import prune_block
from srcdiff.ir.builder import Builder, adjoint_name
from srcdiff.ir.core import (
    NOWHERE,
    Apply,
    Block,
    Call,
    Effect,
    Function,
    Global,
    Parameter,
    Program,
    Statement,
    Value,
    constant,
    free_values,
    is_atom,
    walk,
)
from srcdiff.ir.substitution import substitute
from srcdiff.ir.types import OBJECT, UNKNOWN, Array, Scalar, is_float_dtype
from srcdiff.primitives.table import TABLE

Mode = Literal["vjp", "gradient", "value_and_grad"]
SUFFIX = {"vjp": "_vjp", "gradient": "_grad", "value_and_grad": "_value_and_grad"}


def reverse(
    program: Program,
    wrt: tuple[int, ...],
    mode: Mode,
    as_tuple: bool = False,
    name: str | None = None,
    *,
    optimize: bool = True,
) -> Program:
    """The reverse-mode derivative of the main function with respect to the parameters at positions `wrt`.

    Parameters
    ----------
    as_tuple
        Whether the adjoints come as a tuple even if there is only one.
    optimize
        Whether maxima taken for stability are recognised, which have no derivative.

    Raises
    ------
    srcdiff.ad.refusals.Refused
        with every place where an adjoint would pass through something that has no rule.
    """
    program = inline_helpers(program)
    maker = ReverseMode(Variants(program), optimize)
    function = program.main
    wanted = name or function.name + SUFFIX[mode]
    new_name, _ = maker.variants.name((mode, wrt), wanted)
    maker.variants.finish(maker.main(function, wrt, mode, as_tuple, new_name))
    maker.refusals.raise_if_any()
    return tolerant(mask_partials(Program(tuple(maker.variants.finished)), program))


Key = tuple[str, tuple[int, ...], tuple[int, ...]]


@dataclass
class ReverseMode:
    variants: Variants
    optimize: bool = True
    refusals: Refusals = field(default_factory=Refusals)
    pairs: dict[Key, Pair] = field(default_factory=dict)

    # -- whole functions
    # ------------------------------------------------------------------------------------------------

    def main(self, function: Function, wrt: tuple[int, ...], mode: Mode, as_tuple: bool, name: str) -> Function:
        parameters = function.body.parameters
        result = function.body.results[0]
        varied = varied_values(function.body, [parameters[i] for i in wrt], self._frozen(function.body))
        self.refusals.numbers_from_text(function.body, varied)
        self.refusals.opaque_results(function.body, varied, [result])
        active = useful_values(function.body, [result], varied)
        builder = Builder()
        extra: tuple[Parameter, ...] = ()
        adjoints: Adjoints = {}
        seed_name = adjoint_name(result.name or "result")
        if mode == "vjp":
            seed = Value(result.type, seed_name, NOWHERE.as_role("adjoint"))
            extra = (Parameter(seed, annotation=function.returns),)
        else:
            seed = constant(1.0, name=seed_name)
        if result in active:
            adjoints[result] = seed
        sweep = Sweep.over(self, function, active)
        replaced = sweep.statements(builder, function.body.statements, adjoints)
        builder.origin = NOWHERE.as_role("adjoint")
        gradients = [self._gradient(builder, adjoints, parameters[i]) for i in wrt]
        if len(gradients) != 1 or as_tuple:
            gradients = [builder.apply(TABLE["make_tuple"], *gradients)]
        forward = list(sweep.forward(function.body.statements, replaced))
        forward = self._checked(forward, function, result, mode)
        for statement in forward:
            self._keep_calls(statement)
        results = tuple(gradients) if mode == "gradient" else (result, *gradients)
        body = Block((*parameters, *(p.value for p in extra)), (*forward, *builder.statements), results)
        plain = (
            function.parameters
            if not extra
            else tuple(
                p if p.keyword_only else Parameter(p.value, None, False, p.annotation) for p in function.parameters
            )
        )
        ordered = (*(p for p in plain if not p.keyword_only), *extra, *(p for p in plain if p.keyword_only))
        return Function(name, ordered, Block(tuple(p.value for p in ordered), body.statements, body.results))

    def _frozen(self, body: Block) -> set[Value]:
        """What has no derivative although it depends on the parameters."""
        return stabilisers(body) if self.optimize else set()

    @staticmethod
    def _checked(forward: list[Statement], function: Function, result: Value, mode: Mode) -> list[Statement]:
        """Where the type of the result is not known, let the gradient itself say that it must be a scalar."""
        if mode == "vjp" or isinstance(result.type, Scalar) or is_atom(result):
            return forward
        if function.returns == "float" or (isinstance(result.type, Array) and result.type.rank == 0):
            return forward
        check = Builder()
        is_scalar = check.apply(TABLE["equal"], check.apply(TABLE["ndim"], result), 0)
        message = constant(f"{function.name} must return a scalar to have a gradient")
        check.emit(Effect("assert", (is_scalar, message)))
        return [*forward, *check.statements]

    @staticmethod
    def _gradient(builder: Builder, adjoints: Adjoints, parameter: Value) -> Value:
        found = adjoints.get(parameter)
        if found is None:
            return zero_of(builder, parameter, adjoint_name(parameter.name))
        kind = parameter.type
        if isinstance(kind, Array) and kind.dtype is not None and is_float_dtype(kind.dtype):
            dtype = getattr(found.type, "dtype", None)
            if dtype != kind.dtype and (dtype is not None or kind.dtype != "float64"):
                # Arrays of another precision that the adjoint met on its way do not change its dtype.
                cast = "np.asarray" if isinstance(found.type, Scalar) else "astype"
                return builder.apply(TABLE[cast], found, Global(OBJECT, module="numpy", attribute=kind.dtype))
        return found

    def _keep_calls(self, statement: Statement) -> None:
        """Take over the primal functions that a forward sweep still calls."""
        finished = {f.name for f in self.variants.finished}
        primal = {f.name for f in self.variants.program.functions}
        for inner in walk(Block((), (statement,), ())):
            if isinstance(inner, Call) and inner.function in primal - finished:
                self.variants.keep(inner.function)

    def pair(self, name: str, active_parameters: tuple[int, ...], active_results: tuple[int, ...]) -> Pair:
        """The two halves of the derivative of helper function `name`."""
        key = (name, active_parameters, active_results)
        if key in self.pairs:
            return self.pairs[key]
        function = self.variants.program[name]
        forward_name, _ = self.variants.name(("forward", key), f"{name}_forward")
        reverse_name, _ = self.variants.name(("reverse", key), f"{name}_reverse")
        recursive = is_recursive(self.variants.program, name)
        everything = tuple(range(len(function.parameters)))
        if recursive:
            # What a recursive call needs must be known before its body is looked at: all parameters and a tape.
            again = function.recompute
            self.pairs[key] = Pair(name if again else forward_name, reverse_name, everything, not again)
        body = function.body
        seeds = [body.parameters[i] for i in active_parameters]
        wanted = [body.results[i] for i in active_results]
        varied = varied_values(body, seeds, self._frozen(body))
        self.refusals.numbers_from_text(body, varied)
        self.refusals.opaque_results(body, varied, wanted)
        active = useful_values(body, wanted, varied)
        builder = Builder()
        adjoints: Adjoints = {}
        incoming = tuple(
            Value(body.results[i].type, adjoint_name(body.results[i].name or "result"), NOWHERE.as_role("adjoint"))
            for i in active_results
        )
        for result, adjoint in zip(wanted, incoming, strict=True):
            add_contribution(builder, adjoints, result, adjoint)
        sweep = Sweep.over(self, function, active)
        replaced = sweep.statements(builder, body.statements, adjoints)
        builder.origin = NOWHERE.as_role("adjoint")
        outgoing = tuple(self._gradient(builder, adjoints, p) for p in seeds)
        forward = Block(body.parameters, sweep.forward(body.statements, replaced), body.results)
        backward = prune_block(Block(incoming, tuple(builder.statements), outgoing))
        if function.recompute:
            return self._joint(function, key, reverse_name, recursive, forward, backward)
        plan = plan_residuals(forward, backward, set(body.parameters), sweep.stable)
        read = set(free_values(plan.reverse))
        kept = tuple(i for i, p in enumerate(body.parameters) if recursive or p in read)
        pair = Pair(forward_name, reverse_name, kept, recursive or bool(plan.saved))
        self.pairs[key] = pair
        for statement in plan.forward.statements:
            self._keep_calls(statement)
        if pair.has_tape:
            self.variants.finish(self._forward_half(function, pair, plan.forward, plan.saved))
        else:
            self.variants.keep(name)
        self.variants.finish(self._reverse_half(function, pair, plan.reverse, plan.saved, incoming))
        return pair

    def _joint(
        self, function: Function, key: Key, reverse_name: str, recursive: bool, forward: Block, backward: Block
    ) -> Pair:
        """The pair of a function that is recomputed: called as it is by the forward sweep, and by the reverse sweep one
        function that computes it again from its arguments and then its adjoints."""
        for effect in opaque_calls(forward):
            self.refusals.add(*second_run(effect, f"the reverse sweep, which recomputes `{function.name}`,"))
        loud = acting(self.variants.program)
        for s in walk(function.body):
            if isinstance(s, Call) and s.function in loud and s.function != function.name:
                act = f"`{s.function}` {loud[s.function]}"
                message = f"{act}, and the reverse sweep calls it again to recompute `{function.name}`"
                self.refusals.add(s.origin, message, f"print in `{function.name}` itself, or take `recompute` away")
        statements = (*silent_block(forward).statements, *backward.statements)
        again = prune_block(Block(backward.parameters, statements, backward.results))
        read = set(free_values(again))
        kept = tuple(i for i, p in enumerate(function.body.parameters) if recursive or p in read)
        pair = Pair(function.name, reverse_name, kept, False)
        self.pairs[key] = pair
        self.variants.keep(function.name)
        for statement in again.statements:
            self._keep_calls(statement)
        self.variants.finish(self._reverse_half(function, pair, again, (), backward.parameters))
        return pair

    @staticmethod
    def _forward_half(function: Function, pair: Pair, forward: Block, saved: tuple[Value, ...]) -> Function:
        builder = Builder()
        tape = builder.apply(TABLE["make_tuple"], *saved, name="tape")
        body = Block(forward.parameters, (*forward.statements, *builder.statements), (*forward.results, tape))
        return specialised(Function(pair.forward, function.parameters, body))

    @staticmethod
    def _reverse_half(
        function: Function, pair: Pair, reverse: Block, saved: tuple[Value, ...], incoming: tuple[Value, ...]
    ) -> Function:
        builder = Builder(NOWHERE.as_role("adjoint"))
        parameters = [function.parameters[i] for i in pair.parameters]
        values = [p.value for p in parameters]
        mapping: dict[Value, Value] = {}
        if pair.has_tape:
            tape = Value(UNKNOWN, "tape")
            for position, value in enumerate(saved):
                item = Value(value.type, value.name, NOWHERE)
                builder.emit(Apply(TABLE["index_get"], (tape, constant(position)), item, builder.origin))
                mapping[value] = item
            values.append(tape)
            parameters.append(Parameter(tape))
        annotation = function.returns if len(incoming) == len(function.body.results) == 1 else None
        parameters.extend(Parameter(a, annotation=annotation) for a in incoming)
        values.extend(incoming)
        reverse = substitute(reverse, mapping)
        body = Block(tuple(values), (*builder.statements, *reverse.statements), reverse.results)
        return specialised(Function(pair.reverse, tuple(parameters), body))
