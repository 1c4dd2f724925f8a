"""Several directions in one sweep: vector forward mode, and its counterpart in reverse.

In: a program that `forward` or `reverse` made, and which parameters of its main function are seeds (tangents, or output
adjoints). Out: the same program for *stacks* of seeds: arrays with one more, leading axis, one entry a direction. What
depends on the seeds becomes a stack; the primal, which does not, is computed once.

    dy = cos(x) * dx        dx a number: one direction
    dy = cos(x) * dx        dx an array of shape (k,): k directions
    dy = a @ dx             dx of shape (n,)
    dy = dx @ a.T           dx of shape (k, n)

These are the dual numbers with several components, d_i d_j = 0 (Griewank and Walther 2008, section 3.1, "vector
mode"). What happens to one operation is in `srcdiff.primitives.directions`; loops, branches and calls are treated here.

>>> import numpy as np
>>> from srcdiff.ad.forward import forward
>>> from srcdiff.ir.core import Parameter
>>> from srcdiff.ir.interpret import interpret
>>> from srcdiff.ir.types import FLOAT
>>> b = Builder()
>>> x = b.value(FLOAT, "x")
>>> y = b.apply(TABLE["multiply"], x, x, name="y")
>>> tangent = forward(Program((Function("f", (Parameter(x),), b.block((x,), (y,))),)), (0,))
>>> value, stack = interpret(stack_directions(tangent, (1,), (1,)), (3.0, np.array([1.0, 0.5])))
>>> value, stack.tolist()
(9.0, [6.0, 3.0])
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from srcdiff.ad.refusals import Refusals
from srcdiff.ad.variants import Variants
from srcdiff.ad.zeros import named
from srcdiff.analysis.activity import is_undefined
from srcdiff.ir.builder import Builder
from srcdiff.ir.core import (
    Apply,
    Block,
    Call,
    Effect,
    For,
    Function,
    If,
    Program,
    Statement,
    Value,
    While,
    assert_never,
    is_atom,
    operands_of,
)
from srcdiff.ir.substitution import Substitution, substitute_statement
from srcdiff.ir.types import BOTTOM, Array, Dimension, Scalar, Symbol, Type, is_differentiable
from srcdiff.primitives.directions import (
    OF_STRUCTURE,
    NoStack,
    along_directions,
    result_is_stacked,
    spread_directions,
    stacked_type,
)
from srcdiff.primitives.table import TABLE

DIRECTIONS = Symbol("directions")
"""The length of the leading axis where nothing more is known of it."""


def stack_directions(
    program: Program, seeds: Collection[int], results: Collection[int], size: Dimension = DIRECTIONS
) -> Program:
    """The program with the parameters at positions `seeds` of its main function as stacks.

    Parameters
    ----------
    results
        The positions of the results that are stacks afterwards, also where they do not depend on the seeds.
    size
        What is known of the number of directions.

    Raises
    ------
    srcdiff.ad.refusals.Refused
        where an operation cannot be carried out along a stack.
    """
    stacking = _Stacking(program, size, Variants(program))
    main = program.main
    flags = tuple(i in seeds for i in range(len(main.parameters)))
    made = stacking.function(main, flags, tuple(i in results for i in range(len(main.body.results))), main.name)
    stacking.refusals.raise_if_any()
    return Program((*stacking.variants.finished, made))


Flags = tuple[bool, ...]


@dataclass
class _Stacking:
    """The functions of the program that is made."""

    program: Program
    size: Dimension
    variants: Variants
    refusals: Refusals = field(default_factory=Refusals)
    known: dict[tuple[str, Flags], Flags] = field(default_factory=dict)
    looking: bool = False

    def results(self, name: str, flags: Flags) -> Flags:
        """Which results of function `name` are stacks if the parameters in `flags` are."""
        key = (name, flags)
        if key not in self.known:
            # None of them, until the body shows otherwise: a function that calls itself is looked at again.
            self.known[key] = (False,) * len(self.program[name].body.results)
            outermost = not self.looking
            self.looking = True
            self._look(key)
            while outermost and any(self._look(k) for k in list(self.known)):
                pass
            self.looking = not outermost
        return self.known[key]

    def _look(self, key: tuple[str, Flags]) -> bool:
        """Whether more results of a function turn out to be stacks."""
        name, flags = key
        function = self.program[name]
        stacked = {p for p, flag in zip(function.body.parameters, flags, strict=True) if flag}
        Marking(self, stacked).block(function.body)
        found = tuple(r in stacked for r in function.body.results)
        changed = found != self.known[key]
        self.known[key] = found
        return changed

    def variant(self, name: str, flags: Flags) -> str:
        """The name of function `name` for stacks of the parameters in `flags`, made if it does not exist yet."""
        made, is_new = self.variants.name((name, flags), f"{name}_stacked")
        if is_new:
            self.variants.finish(self.function(self.program[name], flags, self.results(name, flags), made))
        return made

    def function(self, function: Function, flags: Flags, results: Flags, name: str) -> Function:
        parameters = function.body.parameters
        stacked = {p for p, flag in zip(parameters, flags, strict=True) if flag}
        marking = Marking(self, stacked)
        marking.block(function.body)
        builder = Builder()
        new = {v: Value(stacked_type(v.type, self.size), v.name, v.origin) for v in parameters if v in stacked}
        values = [new.get(v, v) for v in parameters]
        rewriting = Rewriting(self, stacked, dict(new))
        rewriting.count = self._count(builder, [(v.type, new[v]) for v in parameters if v in new])
        rewriting.statements(builder, function.body.statements)
        found = [
            rewriting.as_stack(builder, r) if flag else rewriting.read(r)
            for r, flag in zip(function.body.results, results, strict=True)
        ]
        new_parameters = tuple(
            replace(p, value=v, annotation=None if v is not p.value else p.annotation)
            for p, v in zip(function.parameters, values, strict=True)
        )
        return replace(function, name=name, parameters=new_parameters, body=builder.block(values, found), returns=None)

    @staticmethod
    def _count(builder: Builder, seeds: Sequence[tuple[Type, Value]]) -> Value:
        """The number of directions: the length of a stack."""
        for kind, value in seeds:
            if isinstance(kind, Scalar | Array):
                return builder.apply(TABLE["len"], value, name="directions")
        return builder.apply(TABLE["count_directions"], seeds[0][1], name="directions")


@dataclass
class Marking:
    """Finds what depends on the seeds: adds to `stacked` until nothing changes."""

    stacking: _Stacking
    stacked: set[Value]

    def block(self, block: Block) -> None:
        for statement in block.statements:
            self._statement(statement)

    def _flags(self, values: Sequence[Value]) -> Flags:
        return tuple(v in self.stacked for v in values)

    def _statement(self, statement: Statement) -> None:
        match statement:
            case Apply(_, operands, result):
                flags = self._flags(operands)
                if any(flags) and result_is_stacked(statement, flags):
                    self.stacked.add(result)
            case If(_, then, orelse, results):
                self.block(then)
                self.block(orelse)
                for result, a, b in zip(results, then.results, orelse.results, strict=True):
                    if a in self.stacked or b in self.stacked:
                        self.stacked.add(result)
            case For() | While():
                self._loop(statement)
            case Call(name, arguments, results):
                flags = self._flags(arguments)
                if any(flags):
                    found = self.stacking.results(name, flags)
                    self.stacked.update(r for r, flag in zip(results, found, strict=True) if flag)
            case Effect():
                pass
            case _:
                assert_never(statement)

    def _loop(self, loop: For | While) -> None:
        size = -1
        while size != len(self.stacked):
            size = len(self.stacked)
            groups = zip(loop.initial, loop.carried, loop.carried_next, loop.results, strict=False)
            for initial, carried, following, result in groups:
                if initial in self.stacked or following in self.stacked:
                    self.stacked.update((carried, result))
            if isinstance(loop, For):
                pairs = zip(loop.zipped, loop.zipped_items, strict=True)
                self.stacked.update(item for items, item in pairs if items in self.stacked)
            else:
                condition = loop.condition
                own = zip(loop.carried, condition.parameters, strict=True)
                self.stacked.update(b for a, b in own if a in self.stacked)
                self.block(condition)
            self.block(loop.body)
        lists = loop.results[len(loop.initial) :]
        self.stacked.update(r for r, item in zip(lists, loop.collected, strict=True) if item in self.stacked)


@dataclass
class Rewriting:
    """Rebuilds the statements of one function; `new` maps what became something else."""

    stacking: _Stacking
    stacked: set[Value]
    new: Substitution
    count: Value = field(default_factory=lambda: Value(BOTTOM))

    def read(self, value: Value) -> Value:
        return self.new.get(value, value)

    def as_stack(self, builder: Builder, value: Value, kind: Type | None = None) -> Value:
        """The value as a stack, spread if it does not depend on the seeds."""
        if value in self.stacked or is_undefined(value):
            return self.read(value)
        kind = kind or value.type
        if not is_differentiable(kind):
            return self.read(value)
        try:
            return spread_directions(builder, self.read(value), kind, self.count)
        except NoStack as error:
            self._refuse(builder, str(error))
            return value

    def _refuse(self, builder: Builder, reason: str) -> None:
        self.stacking.refusals.add(
            builder.origin,
            f"this cannot be done in several directions at once: {reason}",
            "take one direction at a time",
        )

    def _fresh(self, value: Value) -> Value:
        if value not in self.stacked:
            return value
        made = Value(stacked_type(value.type, self.stacking.size), value.name, value.origin)
        self.new[value] = made
        return made

    def statements(self, builder: Builder, statements: tuple[Statement, ...]) -> None:
        for statement in statements:
            builder.origin = statement.origin
            self._statement(builder, statement)

    def _statement(self, builder: Builder, statement: Statement) -> None:
        match statement:
            case Apply():
                self._apply(builder, statement)
            case If(condition, then, orelse, results):
                if condition in self.stacked:
                    self._refuse(builder, "which branch is taken depends on the direction")
                types = [r.type if r in self.stacked else None for r in results]
                branches = [self._inner(builder, block, block.parameters, types) for block in (then, orelse)]
                fresh = tuple(map(self._fresh, results))
                made = replace(
                    statement, condition=self.read(condition), then=branches[0], orelse=branches[1], results=fresh
                )
                builder.emit(made)
            case For() | While():
                self._loop(builder, statement)
            case Call(name, arguments, results):
                flags = tuple(v in self.stacked for v in arguments)
                if any(flags):
                    name = self.stacking.variant(name, flags)
                else:
                    self.stacking.variants.keep(name)
                arguments = tuple(map(self.read, arguments))
                builder.emit(Call(name, arguments, tuple(map(self._fresh, results)), statement.origin))
            case Effect():
                if any(v in self.stacked for v in operands_of(statement)):
                    self._refuse(builder, f"`{statement.kind}` reads what depends on the direction")
                builder.emit(substitute_statement(statement, self.new))
            case _:
                assert_never(statement)

    def _apply(self, builder: Builder, apply: Apply) -> None:
        flags = tuple(v in self.stacked for v in apply.operands)
        if not any(flags):
            builder.emit(substitute_statement(apply, self.new))
            return
        if apply.result not in self.stacked and apply.primitive.name not in OF_STRUCTURE:
            self._refuse(builder, f"`{apply.primitive.name}` reads what depends on the direction")
        operands = tuple(map(self.read, apply.operands))
        start = len(builder.statements)
        try:
            made = along_directions(builder, apply, operands, flags, self.count)
        except NoStack as error:
            self._refuse(builder, str(error))
            made = Value(stacked_type(apply.result.type, self.stacking.size))
        name = apply.result.name
        made = named(builder, start, made, name)
        if name is not None and made.name != name and not is_atom(made):
            made = builder.apply(TABLE["identity"], made, name=name)
        self.new[apply.result] = made

    def _inner(
        self, outer: Builder, block: Block, parameters: tuple[Value, ...], types: Sequence[Type | None]
    ) -> Block:
        """A block rewritten; a result with a type among `types` becomes a stack."""
        builder = Builder(outer.origin)
        self.statements(builder, block.statements)
        builder.origin = outer.origin
        results = [
            self.read(r) if kind is None else self.as_stack(builder, r, kind)
            for r, kind in zip(block.results, types, strict=True)
        ]
        return builder.block(parameters, results)

    def _loop(self, builder: Builder, loop: For | While) -> None:
        initial = tuple(
            self.as_stack(builder, v, c.type) if c in self.stacked else self.read(v)
            for v, c in zip(loop.initial, loop.carried, strict=True)
        )
        carried = tuple(map(self._fresh, loop.carried))
        types: list[Type | None] = [] if loop.stop is None else [None]
        types += [c.type if c in self.stacked else None for c in loop.carried]
        types += [c.type if c in self.stacked else None for c in loop.collected]
        if loop.stop is not None and loop.stop in self.stacked:
            self._refuse(builder, "when the loop ends depends on the direction")
        if isinstance(loop, For):
            zipped = tuple(map(self.read, loop.zipped))
            items = tuple(map(self._fresh, loop.zipped_items))
            iterable = None if loop.iterable is None else self.read(loop.iterable)
            body = self._inner(builder, loop.body, (loop.item, *carried, *items), types)
            results = tuple(map(self._fresh, loop.results))
            builder.emit(replace(loop, iterable=iterable, initial=initial, zipped=zipped, body=body, results=results))
            return
        if loop.condition.results[0] in self.stacked:
            self._refuse(builder, "when the loop ends depends on the direction")
        tested = tuple(map(self._fresh, loop.condition.parameters))
        condition = self._inner(builder, loop.condition, tested, [None])
        body = self._inner(builder, loop.body, carried, types)
        results = tuple(map(self._fresh, loop.results))
        builder.emit(replace(loop, condition=condition, initial=initial, body=body, results=results))
