"""Derivative sweeps put together into one function: Jacobians and Hessians in one vectorised pass.

In: sweeps (programs that `forward` or `reverse` made, for a stack of directions or for one). Out: one function in which
the body of each sweep stands with its seeds in place: `np.eye(len(x))` for a vector, every unit direction at once. The
statements that sweeps share, the primal's, are left to the optimiser, which computes them once.

>>> from srcdiff.ir.types import FLOAT, Symbol
>>> b = Builder()
>>> unit_directions(b, Value(FLOAT, "x")).value
1.0
>>> stack = unit_directions(b, Value(Array("float64", (Symbol("n"),)), "x"))
>>> [s.primitive.name for s in b.statements], str(stack.type)
(['len', 'np.eye'], 'float64[n, n]')
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from srcdiff.ad.directions import DIRECTIONS
from srcdiff.ad.effects import silent_block
from srcdiff.ad.merge import merge
from srcdiff.ad.refusals import refuse_second_runs
from srcdiff.ir.builder import Builder
from srcdiff.ir.core import (
    NOWHERE,
    Apply,
    Block,
    Call,
    Constant,
    For,
    Function,
    Program,
    Statement,
    Value,
    constant,
    free_values,
    walk,
)
from srcdiff.ir.substitution import Substitution, refresh, substitute, substitute_statement
from srcdiff.ir.types import INT, Array, Dimension, List, Scalar, Type
from srcdiff.primitives.table import TABLE


def is_number(kind: Type) -> bool:
    return isinstance(kind, Scalar)


def is_array(kind: Type) -> bool:
    """Whether this is an array of known rank."""
    return isinstance(kind, Array) and kind.shape is not None


def seeds_of(primal: Program, derivative: Program) -> list[int]:
    """The positions of the parameters that a derivative has beside those of the function."""
    own = set(primal.main.body.parameters)
    return [i for i, p in enumerate(derivative.main.parameters) if p.value not in own]


def seed_of(primal: Program, sweep: Program) -> int:
    """The position of the one seed of a sweep."""
    (seed,) = seeds_of(primal, sweep)
    return seed


def unit_directions(builder: Builder, x: Value, name: str | None = None) -> Value:
    """Every unit direction of `x`, stacked; of a number the one that there is, not stacked."""
    builder.origin = NOWHERE.as_role("tangent")
    if is_number(x.type):
        return constant(1.0)
    if not isinstance(x.type, Array) or x.type.shape is None:
        return builder.apply(TABLE["unit_directions"], x, name=name)
    operands: tuple[object, ...] = ()
    if x.type.dtype != "float64":
        operands = (None, 0, builder.apply(TABLE["dtype"], x))
    if x.type.rank == 1:
        return builder.apply(TABLE["np.eye"], builder.apply(TABLE["len"], x), *operands, name=name)
    size = builder.apply(TABLE["size"], x)
    unit = builder.apply(TABLE["np.eye"], size, *operands)
    lead = builder.apply(TABLE["make_tuple"], size)
    shape = builder.apply(TABLE["add"], lead, builder.apply(TABLE["shape"], x))
    return builder.apply(TABLE["np.reshape"], unit, shape, name=name)


def each_direction(
    builder: Builder,
    function: Function,
    stacks: Mapping[int, Value],
    counted: Value,
    others: Mapping[Value, Value],
    count: int,
) -> tuple[Value, ...]:
    """Lists of the last `count` results of a function, which is called once for each direction.

    Parameters
    ----------
    stacks
        The stacks of seeds, by the position of the parameter that takes one direction of them.
    counted
        A value whose directions are counted.
    others
        What the other parameters get.
    """
    steps = builder.apply(TABLE["range"], 0, builder.apply(TABLE["count_directions"], counted), 1)
    inner = Builder()
    k = inner.value(INT, "k")
    arguments = tuple(
        inner.apply(TABLE["direction_of"], stacks[i], k) if i in stacks else others[p.value]
        for i, p in enumerate(function.parameters)
    )
    results = tuple(inner.value(r.type, r.name) for r in function.body.results)
    inner.emit(Call(function.name, arguments, results))
    collected = results[len(results) - count :]
    lists = tuple(builder.value(List(r.type), f"{r.name or 'value'}s") for r in collected)
    builder.emit(For(steps, (), (), inner.block((k,), collected), lists))
    return lists


def count_of_directions(x: Value) -> Dimension:
    """What is known of the number of unit directions of `x`."""
    return x.type.shape[0] if isinstance(x.type, Array) and x.type.shape and x.type.rank == 1 else DIRECTIONS


def from_columns(builder: Builder, dy: Value, y: Value, x: Value) -> Value:
    """The Jacobian of `y` in `x` from the tangents `dy` of y along the unit directions of x."""
    if is_number(x.type):
        return dy
    if not is_array(x.type) or not (is_number(y.type) or is_array(y.type)):
        return builder.apply(TABLE["jacobian_columns"], dy, x)
    assert isinstance(x.type, Array)
    if isinstance(y.type, Array) and y.type.rank == 1:
        dy = builder.apply(TABLE["T"], dy) if x.type.rank == 1 else builder.apply(TABLE["np.moveaxis"], dy, 0, -1)
    elif isinstance(y.type, Array) and y.type.rank:
        dy = builder.apply(TABLE["np.moveaxis"], dy, 0, -1)
    return dy if x.type.rank == 1 else _shaped(builder, dy, y, x)


def from_rows(builder: Builder, bx: Value, y: Value, x: Value) -> Value:
    """The Jacobian of `y` in `x` from the adjoints `bx` of x for the unit directions of y."""
    if is_number(y.type):
        return bx
    if not is_array(y.type) or not (is_number(x.type) or is_array(x.type)):
        return builder.apply(TABLE["jacobian_rows"], bx, y)
    assert isinstance(y.type, Array)
    return bx if y.type.rank == 1 else _shaped(builder, bx, y, x)


def _shaped(builder: Builder, entries: Value, y: Value, x: Value) -> Value:
    """Entries in order, in the shape of `y` followed by that of `x`."""
    shapes = [builder.apply(TABLE["shape"], v) for v in (y, x) if not is_number(v.type)]
    shape = shapes[0] if len(shapes) == 1 else builder.apply(TABLE["add"], *shapes)
    return builder.apply(TABLE["np.reshape"], entries, shape)


def _is_copy(apply: Apply) -> bool:
    return apply.primitive.name == "identity"


def _key(value: Value) -> object:
    """What two operands that are the same value have in common."""
    return (type(value.value), repr(value.value)) if isinstance(value, Constant) else value


@dataclass
class Assembly:
    """A function that is put together from sweeps over the main function of `program`.

    `merged` holds the sweeps with the functions that they call; `arguments` are the parameters of the new function.
    """

    program: Program
    sweeps: list[Program]
    builder: Builder = field(default_factory=Builder)

    def __post_init__(self) -> None:
        self.function = self.program.main
        self.arguments = tuple(Value(p.type, p.name, p.origin) for p in self.function.body.parameters)
        self.merged = merge(self.sweeps)
        self._own = dict(zip(self.function.body.parameters, self.arguments, strict=True))
        self._computed: dict[object, Value] = {}
        self._started = False

    def run(self, sweep: Program, seeds: Mapping[int, Value]) -> tuple[Value, ...]:
        """The results of a sweep; `seeds` are put in place of its parameters at these positions."""
        body, results = self._body(sweep, seeds)
        self.builder.statements.extend(body)
        return results

    def run_reverse(self, sweep: Program, position: int) -> tuple[Value, ...]:
        """The results of a reverse sweep whose parameter at `position`, the output adjoint, is a stack.

        It becomes every unit direction of the first result, so what the sweep does with it comes after that result.
        """
        seed = Value(sweep.main.parameters[position].value.type, sweep.main.parameters[position].value.name)
        body, results = self._body(sweep, {position: seed})
        after: list[Statement] = []
        depending = {seed}
        for statement in body:
            if depending.intersection(free_values(Block((), (statement,), ()))):
                depending.update(statement.results)
                after.append(statement)
            else:
                self.builder.emit(statement)
        unit = unit_directions(self.builder, results[0], seed.name)
        inner = substitute(Block((), tuple(after), results), {seed: unit})
        self.builder.statements.extend(inner.statements)
        return inner.results

    def run_each(self, sweep: Program, position: int, of: Value, like: Sequence[Value]) -> tuple[Value, ...]:
        """Stacks of the last results of a sweep, run once for each unit direction of `of`, for its seed at `position`.

        `like` has a value of the structure of each of these results.
        """
        refuse_second_runs(sweep, "each of several directions")
        builder = self.builder
        unit = builder.apply(TABLE["unit_directions"], of, name=sweep.main.parameters[position].value.name)
        lists = each_direction(builder, sweep.main, {position: unit}, unit, self._own, len(like))
        return tuple(
            builder.apply(TABLE["stack_of"], v, model, name="stack") for v, model in zip(lists, like, strict=True)
        )

    def call(self, function: Function) -> Value:
        """The result of the function itself."""
        result = function.body.results[0]
        y = self.builder.value(result.type, result.name or "result")
        self.builder.emit(Call(function.name, self.arguments, (y,)))
        return y

    def _body(self, sweep: Program, seeds: Mapping[int, Value]) -> tuple[tuple[Statement, ...], tuple[Value, ...]]:
        main = self.merged[sweep.main.name]
        mapping = {p.value: seeds[i] if i in seeds else self._own[p.value] for i, p in enumerate(sweep.main.parameters)}
        copy = refresh(Block((), main.body.statements, main.body.results), mapping)
        return self._shared(copy)

    def _shared(self, body: Block) -> tuple[tuple[Statement, ...], tuple[Value, ...]]:
        """The statements and results of a sweep, without the primal operations and effects of an earlier one."""
        statements: list[Statement] = []
        replaced: Substitution = {}
        if self._started:
            refuse_second_runs(Program((Function("", (), body),)), "each of several sweeps")
            body = silent_block(body)  # what the first sweep has printed and asserted the others need not
        self._started = True
        for old in body.statements:
            statement = substitute_statement(old, replaced)
            # A plain `s = 1.0` before a loop is cheaper said twice than kept.
            if isinstance(statement, Apply) and statement.origin.role == "primal" and not _is_copy(statement):
                key = (statement.primitive, tuple(map(_key, statement.operands)))
                known = self._computed.setdefault(key, statement.result)
                if known is not statement.result:
                    replaced[statement.result] = known
                    continue
            statements.append(statement)
        return tuple(statements), tuple(replaced.get(v, v) for v in body.results)

    def finish(self, name: str, results: list[Value]) -> Program:
        """The program whose main function, called `name`, returns `results`."""
        parameters = tuple(replace(p, value=v) for p, v in zip(self.function.parameters, self.arguments, strict=True))
        main = Function(name, parameters, self.builder.block(self.arguments, results))
        needed: dict[str, None] = {}

        def need(function: Function) -> None:
            for statement in walk(function.body):
                if isinstance(statement, Call) and statement.function not in needed:
                    needed[statement.function] = None
                    need(self.merged[statement.function])

        need(main)
        return Program((*(f for f in self.merged.functions if f.name in needed), main))
