"""The derivatives of a loop that converges, taken at its solution.

In: a While with a `FixedPoint` marker, ``z = F(z, theta)``. Out: statements after the loop, which itself runs as it is
and saves nothing. The body is evaluated once more at the solution, and there

- the adjoint of the state is iterated, ``lambda = bz + (dF/dz)^T lambda``, and then the adjoint of what the loop reads
  is ``(dF/dtheta)^T lambda``::

    while abs(x - y) > tol:  # srcdiff: fixed_point            x = 0.5 * (y + a / y), y = x
    while True:  # srcdiff: fixed_point
        bx = 1.0 + (0.5 - 0.5 * a / x**2) * bx                 until that changes nothing any more
    ba = 0.5 * bx / x

- or the tangent, ``dz = dF(z, theta; dz, dtheta)``.

Both iterations converge as fast as the loop itself, end at the marker's tolerance and fail after its number of
iterations. They are marked as the loop is, so that second derivatives are taken in the same way. The solution does not
depend on where the iteration starts: the initial values get no adjoint, and that of a loop that ran zero times is still
the derivative of the fixed point.

Christianson, "Reverse accumulation and attractive fixed points", 1994, sections 3 and 4; Griewank and Walther,
"Evaluating derivatives", 2008, section 15.4.

>>> FixedPointAdjoint.__name__
'FixedPointAdjoint'
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from srcdiff.ad.adjoints import Adjoints, add_contribution, adjoint_type
from srcdiff.ad.refusals import Refusals
from srcdiff.ad.solutions import Solution, at_solution
from srcdiff.ad.zeros import zero_of
from srcdiff.analysis.activity import varied_values
from srcdiff.analysis.liveness import prune, reads_of
from srcdiff.ir.builder import Builder, adjoint_name, tangent_name
from srcdiff.ir.core import (
    NOWHERE,
    Apply,
    Block,
    Effect,
    Global,
    If,
    Origin,
    Statement,
    Value,
    While,
    constant,
    free_values,
    walk,
)
from srcdiff.ir.markers import FixedPoint
from srcdiff.ir.substitution import Substitution, refresh, substitute
from srcdiff.ir.types import INT, OBJECT, Scalar
from srcdiff.primitives.table import TABLE

_COUNTING = Origin(augmented=True)

if TYPE_CHECKING:
    from srcdiff.ad.forward import TangentSweep
    from srcdiff.ad.sweep import Sweep


@dataclass(frozen=True)
class Iteration:
    """The loop that iterates an adjoint or a tangent to its own fixed point, and what it says where it fails."""

    marker: FixedPoint
    origin: Origin
    what: str

    def emit(
        self, builder: Builder, initial: Sequence[Value], old: Sequence[Value], step: Block, names: Sequence[str | None]
    ) -> list[Value]:
        """Add the loop; `step` computes from the values `old` those that follow. Returns the ones at the end."""
        body = Builder(_COUNTING)
        count, limit = Value(INT, "iteration"), self.marker.iterations
        failed = body.apply(TABLE["equal"], count, limit)
        failure = Builder()
        message = f"{self.what} did not converge in {limit} iterations"
        error = Global(OBJECT, module="builtins", attribute="ArithmeticError")
        failure.emit(Effect("raise", (constant(message),), NOWHERE, error))
        body.emit(If(failed, failure.block((), ()), Block((), (), ()), ()))
        counted = body.apply(TABLE["add"], count, 1, name="iteration")
        body.origin = NOWHERE
        before = [self._kept(body, v, alone=len(old) == 1) for v in old]
        step = substitute(step, {v: b for v, b in zip(old, before, strict=True) if isinstance(v.type, Scalar)})
        body.statements += step.statements
        done = self._is_settled(body, step.results, before)
        results = [Value(v.type, name, self.origin) for v, name in zip(old, names, strict=True)]
        tested = tuple(Value(v.type, v.name, v.origin) for v in (*old, count))
        builder.emit(
            While(
                Block(tested, (), (constant(True),)),
                (*initial, constant(0)),
                body.block((*old, count), (done, *step.results, counted)),
                (*results, Value(INT, "iteration")),
                self.origin,
                True,
                self.marker,
            )
        )
        return results

    def _kept(self, body: Builder, old: Value, alone: bool) -> Value:
        """What an iterate was before; of an array or a container a copy, for the step may write into it."""
        name = "before" if alone or old.name is None else f"before_{old.name}"
        return body.apply(TABLE["identity" if isinstance(old.type, Scalar) else "copy"], old, name=name)

    def _is_settled(self, body: Builder, new: Sequence[Value], old: Sequence[Value]) -> Value:
        """Whether all of it changed by no more than the tolerance, relative to the size that all of it had before (had
        it the size of the new values, then an overflow would pass for convergence)."""
        if not all(isinstance(v.type, Scalar) for v in (*new, *old)):
            pair = [v[0] if len(v) == 1 else body.apply(TABLE["make_tuple"], *v) for v in (new, old)]
            return body.apply(TABLE["settled"], *pair, self.marker.tolerance)
        changes = [body.apply(TABLE["abs"], body.apply(TABLE["subtract"], a, b)) for a, b in zip(new, old, strict=True)]
        sizes = [body.apply(TABLE["abs"], b) for b in old]
        # Sums and no maxima: Python's max overlooks what is not a number.
        change, size = (_sum(body, values) for values in (changes, sizes))
        bound = body.apply(TABLE["multiply"], self.marker.tolerance, size)
        return body.apply(TABLE["less_equal"], change, bound)


def _quoted(statements: Sequence[Statement]) -> Iterator[Statement]:
    """The statements as a part of the reverse sweep, where they are printed under what they evaluate again."""
    for s in statements:
        yield replace(s, origin=s.origin.as_role("adjoint"))


def _unnamed(builder: Builder, value: Value, used: Sequence[Value | None]) -> Value:
    """The value without its name, which is that of the sum that it is a part of; or as it is, where it is more than
    that: read by another statement, or twice among `used`."""
    if used.count(value) > 1 or any(value in reads_of(s) for s in builder.statements):
        return value
    for position, statement in enumerate(builder.statements):
        if isinstance(statement, Apply) and statement.result is value:
            part = Value(value.type, None, value.origin)
            builder.statements[position] = replace(statement, result=part)
            return part
    return value


def _sum(builder: Builder, values: Sequence[Value]) -> Value:
    total = values[0]
    for value in values[1:]:
        total = builder.apply(TABLE["add"], total, value)
    return total


# -- reverse mode
# --------------------------------------------------------------------------------------------------------------


@dataclass
class FixedPointAdjoint:
    """The adjoint of one marked loop."""

    sweep: Sweep
    builder: Builder
    loop: While
    marker: FixedPoint
    mine: list[Value | None]
    adjoints: Adjoints

    def run(self) -> Statement:
        """Add the adjoint statements; returns the loop of the forward sweep, which is the loop."""
        loop, builder, sweep = self.loop, self.builder, self.sweep
        refusals = sweep.maker.refusals if sweep.maker is not None else Refusals()
        count = len(loop.initial)
        if any(a is not None for a in self.mine[count:]):
            message = "what a fixed-point loop collects over its iterations is no solution"
            refusals.add(loop.origin, message, "use the last iterate, or remove the marker")
            return loop
        asked = [i for i in range(count) if self.mine[i] is not None]
        solution = at_solution(loop, asked, sweep.active, refusals)
        if solution is None:
            return loop
        seeds = self._seeds(solution)
        if solution.wanted and solution.captured:
            builder.origin = loop.origin.as_role("adjoint")
            self._at(solution, seeds)
        return loop

    def _seeds(self, solution: Solution) -> Adjoints:
        """The adjoints of the results, by the value of the state that they are adjoints of."""
        seeds: Adjoints = {}
        for i, adjoint in enumerate(self.mine):
            if adjoint is None:
                continue
            if i in solution.through:
                if self.loop.initial[i] in self.sweep.active:
                    add_contribution(self.builder, self.adjoints, self.loop.initial[i], adjoint)
            else:
                add_contribution(self.builder, seeds, solution.state[solution.stands_for.get(i, i)], adjoint)
        return seeds

    def _at(self, solution: Solution, seeds: Adjoints) -> None:
        builder, origin = self.builder, self.loop.origin.as_role("adjoint")
        self._add_once(solution, seeds)
        names = {i: adjoint_name(self.loop.carried[i].name) for i in solution.wanted}
        old = {i: Value(adjoint_type(solution.state[i]), names[i], origin) for i in solution.wanted}
        local = {v: self.adjoints[v] for v in solution.captured if v in self.adjoints}
        body, at_hand = self._swept(solution, old, local)
        touched = [v for v in solution.captured if local.get(v) is not self.adjoints.get(v)]
        adjoint = Block((), tuple(body.statements), tuple(local[v] for v in touched))
        if len(solution.iterated) < len(solution.wanted):
            local = {}
            body, more = self._swept(solution.copied(), {i: old[i] for i in solution.iterated}, local)
            at_hand += more
        body.origin = NOWHERE.as_role("adjoint")
        contributions = [local.get(solution.state[i]) for i in solution.iterated]
        following = [
            self._next(body, solution.state[i], c, seeds, contributions)
            for i, c in zip(solution.iterated, contributions, strict=True)
        ]
        step = Block((), tuple(prune(body.statements, following)), tuple(following))
        needed = (*free_values(step), *free_values(adjoint))
        for statement in _quoted(prune(at_hand, needed)):
            builder.emit(statement)
        mapping: Substitution = {
            old[i]: seeds[solution.state[i]] for i in solution.wanted if i not in solution.iterated
        }
        if solution.iterated:
            builder.origin = origin
            states = [solution.state[i] for i in solution.iterated]
            initial = [seeds.get(v) or zero_of(builder, v, adjoint_name(v.name), self.sweep.undefined) for v in states]
            what = f"the adjoint of the fixed-point loop in `{self.sweep.name}`, line {origin.line},"
            lasting = Iteration(self.marker, origin, what).emit(
                builder,
                initial,
                [old[i] for i in solution.iterated],
                step,
                [names[i] for i in solution.iterated],
            )
            mapping.update(zip((old[i] for i in solution.iterated), lasting, strict=True))
        last = refresh(Block((), tuple(prune(adjoint.statements, adjoint.results)), adjoint.results), mapping)
        for statement in last.statements:
            builder.emit(statement)
        self.adjoints.update(zip(touched, last.results, strict=True))

    def _add_once(self, solution: Solution, seeds: Adjoints) -> None:
        """Add to the adjoints of the iterated state what those of the values that are not iterated bring to it.

        It is the same in every iteration. Inside the iteration it would swamp a small adjoint of the state (Newton's
        method has the adjoint 0), of which then only rounding errors, and no convergence, would be left.
        """
        direct = {i: seeds[solution.state[i]] for i in solution.wanted if i not in solution.iterated}
        if not direct or not solution.iterated:
            return
        local: Adjoints = {}
        body, at_hand = self._swept(solution.copied(), direct, local)
        states = [v for v in (solution.state[i] for i in solution.iterated) if v in local]
        found = [local[v] for v in states]
        statements = tuple(prune(body.statements, found))
        needed = free_values(Block((), statements, tuple(found)))
        for statement in (*_quoted(prune(at_hand, needed)), *statements):
            self.builder.emit(statement)
        for state, contribution in zip(states, found, strict=True):
            add_contribution(self.builder, seeds, state, contribution)

    def _swept(
        self, solution: Solution, given: Mapping[int, Value], local: Adjoints
    ) -> tuple[Builder, tuple[Statement, ...]]:
        """The adjoint statements of the evaluation at the solution, where only the results in `given` have adjoints,
        and the statements of the evaluation itself; what they bring to which value is added to `local`."""
        body = Builder(self.loop.origin.as_role("adjoint"))
        for i, adjoint in given.items():
            add_contribution(body, local, solution.block.results[i], adjoint)
        replaced = self._inner(solution).statements(body, solution.block.statements, local)
        return body, tuple(replaced.get(s, s) for s in solution.block.statements)

    def _inner(self, solution: Solution) -> Sweep:
        """The sweep over the evaluation at the solution."""
        sweep, copies = self.sweep, solution.copies
        definitions = {s.result: s for s in walk(solution.block) if isinstance(s, Apply)}
        undefined = sweep.undefined | {copies[v] for v in sweep.undefined if v in copies}
        return replace(
            sweep, active=solution.active, definitions={**sweep.definitions, **definitions}, undefined=undefined
        )

    def _next(
        self,
        body: Builder,
        state: Value,
        contribution: Value | None,
        seeds: Adjoints,
        all_of_them: Sequence[Value | None],
    ) -> Value:
        seed = seeds.get(state)
        if contribution is None:
            return seed if seed is not None else zero_of(body, state, adjoint_name(state.name))
        if seed is None:
            return contribution
        if not isinstance(state.type, Scalar):
            return body.apply(TABLE["accumulate"], contribution, seed, name=adjoint_name(state.name))
        part = _unnamed(body, contribution, all_of_them)
        return body.apply(TABLE["accumulate"], seed, part, name=adjoint_name(state.name))


# -- forward mode
# --------------------------------------------------------------------------------------------------------------


@dataclass
class FixedPointTangent:
    """The tangent of one marked loop."""

    sweep: TangentSweep
    builder: Builder
    loop: While
    marker: FixedPoint

    def run(self) -> None:
        """Add the loop, which computes no tangents, and after it the iteration of the tangent."""
        loop, sweep = self.loop, self.sweep
        count = len(loop.initial)
        self.builder.emit(loop)
        asked = [i for i in range(count) if loop.results[i] in sweep.useful]
        for listed in loop.results[count:]:
            if listed in sweep.useful:
                message = "what a fixed-point loop collects over its iterations is no solution"
                sweep.mode.refusals.add(loop.origin, message, "use the last iterate, or remove the marker")
        solution = at_solution(loop, asked, sweep.varied, sweep.mode.refusals)
        if solution is None:
            return
        tangents = self._at(solution) if solution.wanted else {}
        for i in asked:
            if i in solution.through:
                found = sweep.tangents.get(loop.initial[i])
            else:
                found = tangents.get(solution.stands_for.get(i, i))
            if found is not None:
                sweep.tangents[loop.results[i]] = found

    def _at(self, solution: Solution) -> dict[int, Value]:
        """The tangents of the wanted values of the state, by position."""
        builder, origin = self.builder, self.loop.origin.as_role("tangent")
        names = {i: tangent_name(self.loop.carried[i].name) for i in solution.wanted}
        given = {v: self.sweep.tangents[v] for v in solution.captured if v in self.sweep.tangents}
        # What the parameters add to the tangent is computed once. Inside the iteration it would swamp a small tangent
        # of the state, of which then only rounding errors, and no convergence, would be left.
        added, statements = self._tangents(solution, given)
        if not added:
            return {}
        for statement in prune(statements, added.values()):
            builder.emit(statement)
        again = solution.copied()
        old = {i: Value(solution.state[i].type, names[i], origin) for i in solution.iterated}
        moved, statements = self._tangents(again, {solution.state[i]: value for i, value in old.items()})
        once, repeated = _split(prune(statements, moved.values()), set(old.values()))
        for statement in once:
            builder.emit(statement)
        builder.origin = origin
        body = Builder(NOWHERE.as_role("tangent"))
        body.statements += repeated
        parts = list(moved.values())
        following = {i: self._sum(body, solution.state[i], names[i], added.get(i), moved.get(i), parts) for i in names}
        if solution.iterated:
            results = tuple(following[i] for i in solution.iterated)
            what = f"the tangent of the fixed-point loop in `{self.sweep.name}`, line {origin.line},"
            lasting = Iteration(self.marker, origin, what).emit(
                builder,
                [zero_of(builder, solution.state[i], names[i]) for i in solution.iterated],
                list(old.values()),
                Block((), tuple(prune(body.statements, results)), results),
                [names[i] for i in solution.iterated],
            )
        else:
            lasting = []
        found = dict(zip(solution.iterated, lasting, strict=True))
        others = [i for i in solution.wanted if i not in found]
        values = tuple(following[i] for i in others)
        mapping: Substitution = {old[i]: value for i, value in found.items()}
        last = refresh(Block((), tuple(prune(body.statements, values)), values), mapping)
        for statement in last.statements:
            builder.emit(statement)
        return {**found, **dict(zip(others, last.results, strict=True))}

    def _tangents(self, solution: Solution, given: dict[Value, Value]) -> tuple[dict[int, Value], list[Statement]]:
        """The tangents of what follows the state, by position, where only the values of `given` have tangents; and the
        statements that compute them."""
        varied = varied_values(solution.block, given) & solution.active
        inner = replace(self.sweep, varied=varied, useful=varied, tangents=dict(given))
        body = Builder(self.loop.origin.as_role("tangent"))
        inner.statements(body, solution.block.statements)
        results = solution.block.results
        return {i: inner.tangents[results[i]] for i in solution.wanted if results[i] in inner.tangents}, body.statements

    def _sum(
        self,
        body: Builder,
        state: Value,
        name: str | None,
        added: Value | None,
        moved: Value | None,
        parts: Sequence[Value | None],
    ) -> Value:
        if added is None or moved is None:
            found = added if moved is None else moved
            return found if found is not None else zero_of(body, state, name)
        if not isinstance(state.type, Scalar):
            return body.apply(TABLE["accumulate"], moved, added, name=name)
        return body.apply(TABLE["accumulate"], added, _unnamed(body, moved, parts), name=name)


def _split(statements: Sequence[Statement], old: set[Value]) -> tuple[list[Statement], list[Statement]]:
    """The statements that depend on none of the values `old`, and those that do."""
    once: list[Statement] = []
    repeated: list[Statement] = []
    depends = set(old)
    for statement in statements:
        if any(v in depends for v in reads_of(statement)):
            repeated.append(statement)
            depends.update(statement.results)
        else:
            once.append(statement)
    return once, repeated
