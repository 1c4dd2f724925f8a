"""The intermediate representation: structured SSA.

The grammar, with `v` for a value, `*` for any number and `p` for a primitive::

    program   = function*
    function  = name(parameter*) block                     results of the block are what it returns
    block     = (v*) statement* -> v*                       parameters, statements, results
    statement = v = p(v*)                                   Apply
              | v* = if v then block else block             If      (blocks without parameters)
              | v* = for v in v carry v* zip v* do block    For
              | v* = while block carry v* do block          While
              | v* = call name(v*)                          Call
              | effect kind(v*)                             Effect  (print, assert, raise)
              | v = effect p(v*)                            Effect  (the call of an opaque function)

There are no basic blocks and no phi. What a branch or a loop body passes on are the results of its block.

`For`
    body parameters: ``(item, *carried, *zipped_items)``; body results: ``([stop,] *carried, *collected)``;
    results of the statement: ``(*carried, *collected lists)``.
    `iterable` is a range (or None: then the zipped lists drive the loop, and `item` is the constant-like value of
    type None that nothing reads). A zipped list is consumed **from its end**, one element an iteration; a collected
    list grows at its end. So the tape that a forward sweep collects is zipped by the reverse sweep as it is, the
    adjoint of a collected list is a zipped one, and the other way round. With `stops`, the first body result is a
    boolean: once it is true the loop ends after that iteration (its carried and collected values count). A `marker`
    says how its adjoint is made where that is not the plain way.
`While`
    the condition block has the carried values as parameters and one result; the body as in `For` without item and
    without zipped lists.
`If`
    with `expression` it came from a conditional expression, `and`/`or`, and is printed as one where possible.

Everything is frozen and compared by identity; a pass rebuilds what it changes. A value belongs to the one statement or
block that defines it; passes may reuse values of the function they rebuild.

>>> from srcdiff.ir.types import FLOAT
>>> x = Value(FLOAT, "x")
>>> Block((x,), (), (x,)).results[0] is x
True
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, NoReturn

from srcdiff.ir.markers import Checkpoint, Marker
from srcdiff.ir.records import RecordClass
from srcdiff.ir.types import BOOL, BOTTOM, FLOAT, INT, NONE, OBJECT, STR, Class, Type

Role = Literal["primal", "tangent", "adjoint"]


def assert_never(value: NoReturn) -> NoReturn:
    """`typing.assert_never`, which Python 3.10 lacks: the type checker proves that no case was forgotten."""
    raise AssertionError(f"unexpected {value!r}")


@dataclass(frozen=True)
class Origin:
    """Where a statement comes from: the user's line, column and statement text, and what it computes.

    An adjoint statement keeps the line and text of the primal statement whose adjoint it is. `line` 0 is "nowhere"
    (seeds, zeros).
    """

    line: int = 0
    column: int = 0
    text: str = ""
    role: Role = "primal"
    filename: str = ""
    augmented: bool = False
    """The statement was written with an augmented assignment (`x += v`)."""

    def as_role(self, role: Role) -> Origin:
        return self if role == self.role else Origin(self.line, self.column, self.text, role, self.filename)


NOWHERE = Origin()


@dataclass(frozen=True, eq=False)
class Value:
    """One SSA value. `name` is a hint for the printed code and never carries meaning."""

    type: Type
    name: str | None = None
    origin: Origin = NOWHERE


class _Undefined:
    """The content of a variable that has not been assigned on this path."""

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED = _Undefined()


@dataclass(frozen=True, eq=False)
class Constant(Value):
    """A value written into the program: number, string, None, Ellipsis, or UNDEFINED. Needs no definition."""

    value: Any = None
    text: str | None = None
    """The user's spelling of a number (`1e-3`), where it should be kept."""


@dataclass(frozen=True, eq=False)
class Global(Value):
    """A name outside the program, printed as written: `np.float64`, `math.pi`, an array of the user's module.

    `module` and `attribute` say where it lives (``("numpy", "float64")``, ``("math", "pi")``, ``("mymodel", "DATA")``);
    `captured` holds the object itself where there is no module to import it from (closures, notebooks).
    """

    module: str = ""
    attribute: str = ""
    captured: Any = None


@lru_cache(maxsize=1024)
def class_value(made: RecordClass) -> Global:
    """The class of a record as a value, the same one for the same class."""
    captured = None if made.module else made.live
    return Global(Class("class", made), made.name, module=made.module, attribute=made.name, captured=captured)


def constant(value: Any, text: str | None = None, name: str | None = None) -> Constant:
    """A `Constant` with the type that its value has."""
    kind: Type
    match value:
        case bool():
            kind = BOOL
        case int():
            kind = INT
        case float():
            kind = FLOAT
        case str():
            kind = STR
        case None:
            kind = NONE
        case _Undefined():
            kind = BOTTOM
        case _:
            kind = OBJECT
    return Constant(kind, name, NOWHERE, value, text)


@dataclass(frozen=True, eq=False)
class Primitive:
    """An operation without inner structure: what it is called, its parameters, type rule and meaning.

    Parameters
    ----------
    name
        Unique; operators are `add`, `matmul`..., library functions `np.sin`, `math.sin`, `scipy.special.erf`, methods
        of the IR `index_get`, `append`...
    parameters
        Names in order. Every Apply holds one operand for each of them (defaults filled in), or any number where
        `variadic`.
    defaults
        Values of the trailing parameters that a call may leave out (printed only where they differ).
    infer
        From the operands (values: constants and types can be looked at) to the type of the result.
    evaluate
        The meaning on real Python objects; pure: operands are never changed. Used by the interpreter and by rule
        checks.
    views
        Positions of the operands whose memory the result may share (`x.T`, basic indexing, `reshape`).
    cheap
        Recomputed in the reverse sweep rather than saved, where its operands are at hand.
    updates
        Position of the operand that the result replaces (`index_set`, `append`), which the in-place pass may let it
        overwrite; None for ordinary operations.
    listed
        A tuple that is written as a list: the display `[a, b]` in ``np.concatenate([a, b])``, which nothing else sees.
    """

    name: str
    parameters: tuple[str, ...]
    infer: Callable[..., Type] = field(repr=False)
    evaluate: Callable[..., Any] = field(repr=False)
    defaults: tuple[Any, ...] = ()
    variadic: bool = False
    views: tuple[int, ...] = ()
    cheap: bool = False
    updates: int | None = None
    doc: str = ""
    listed: bool = False


@dataclass(frozen=True, eq=False)
class Apply:
    """`result = primitive(*operands)`. With `inplace`, the operand `primitive.updates` (position 0 of an arithmetic
    operation) is overwritten: it is owned, nothing reads it afterwards, and both print under one name."""

    primitive: Primitive
    operands: tuple[Value, ...]
    result: Value
    origin: Origin = NOWHERE
    inplace: bool = False

    @property
    def results(self) -> tuple[Value, ...]:
        return (self.result,)


@dataclass(frozen=True, eq=False)
class Block:
    parameters: tuple[Value, ...]
    statements: tuple[Statement, ...]
    results: tuple[Value, ...]


@dataclass(frozen=True, eq=False)
class If:
    condition: Value
    then: Block
    orelse: Block
    results: tuple[Value, ...]
    origin: Origin = NOWHERE
    expression: bool = False


@dataclass(frozen=True, eq=False)
class For:
    iterable: Value | None
    initial: tuple[Value, ...]
    zipped: tuple[Value, ...]
    body: Block
    results: tuple[Value, ...]
    origin: Origin = NOWHERE
    stops: bool = False
    expression: bool = False
    """It came from a comprehension and is printed as one where possible."""
    marker: Checkpoint | None = None

    @property
    def item(self) -> Value:
        return self.body.parameters[0]

    @property
    def carried(self) -> tuple[Value, ...]:
        """The body's parameters for the carried values."""
        return self.body.parameters[1 : 1 + len(self.initial)]

    @property
    def zipped_items(self) -> tuple[Value, ...]:
        return self.body.parameters[1 + len(self.initial) :]

    @property
    def stop(self) -> Value | None:
        return self.body.results[0] if self.stops else None

    @property
    def carried_next(self) -> tuple[Value, ...]:
        return self.body.results[self.stops : self.stops + len(self.initial)]

    @property
    def collected(self) -> tuple[Value, ...]:
        """What one iteration of the body adds to each collected list."""
        return self.body.results[self.stops + len(self.initial) :]


@dataclass(frozen=True, eq=False)
class While:
    condition: Block
    initial: tuple[Value, ...]
    body: Block
    results: tuple[Value, ...]
    origin: Origin = NOWHERE
    stops: bool = False
    marker: Marker | None = None

    @property
    def carried(self) -> tuple[Value, ...]:
        return self.body.parameters

    @property
    def stop(self) -> Value | None:
        return self.body.results[0] if self.stops else None

    @property
    def carried_next(self) -> tuple[Value, ...]:
        return self.body.results[self.stops : self.stops + len(self.initial)]

    @property
    def collected(self) -> tuple[Value, ...]:
        return self.body.results[self.stops + len(self.initial) :]


@dataclass(frozen=True, eq=False)
class Call:
    """A call of another function of the program, by its name there. Arguments are positional and complete."""

    function: str
    arguments: tuple[Value, ...]
    results: tuple[Value, ...]
    origin: Origin = NOWHERE


@dataclass(frozen=True, eq=False)
class Effect:
    """Something done for its effect: `print(*operands)`, `assert operands[0][, operands[1]]`, `raise`.

    For `raise`, `exception` names the class (a dotted name as written) and the operands are its arguments. For `call`,
    the call of a function that does more than compute its `result`, `primitive` is that function. Never removed, never
    differentiated, never reordered against other effects.
    """

    kind: Literal["print", "assert", "raise", "call"]
    operands: tuple[Value, ...]
    origin: Origin = NOWHERE
    exception: Global | None = None
    keywords: tuple[tuple[str, Value], ...] = ()
    primitive: Primitive | None = None
    result: Value | None = None

    @property
    def results(self) -> tuple[Value, ...]:
        return () if self.result is None else (self.result,)


Statement = Apply | If | For | While | Call | Effect


@dataclass(frozen=True, eq=False)
class Parameter:
    """A parameter of a function: its value, its default (a constant or global), whether it is keyword-only."""

    value: Value
    default: Value | None = None
    keyword_only: bool = False
    annotation: str | None = None


@dataclass(frozen=True, eq=False)
class Function:
    """A function: `body.parameters` are the values of `parameters`; `body.results` are what it returns (one result is
    returned as it is, several as a tuple)."""

    name: str
    parameters: tuple[Parameter, ...]
    body: Block
    docstring: str | None = None
    returns: str | None = None
    """The return annotation to print, if any."""
    recompute: bool = False
    """The reverse sweep computes it again from its arguments, instead of saving what it needs of it."""
    writes: tuple[int, ...] = ()
    """The positions of the parameters whose arrays or containers the user's text writes into."""


@dataclass(frozen=True, eq=False)
class Program:
    """The functions of one generated module, callees before callers; the last is the one asked for."""

    functions: tuple[Function, ...]

    def __getitem__(self, name: str) -> Function:
        for function in self.functions:
            if function.name == name:
                return function
        raise KeyError(name)

    @property
    def main(self) -> Function:
        return self.functions[-1]


def blocks_of(statement: Statement) -> tuple[Block, ...]:
    """The blocks that a statement owns."""
    match statement:
        case If():
            return (statement.then, statement.orelse)
        case For():
            return (statement.body,)
        case While():
            return (statement.condition, statement.body)
        case Apply() | Call() | Effect():
            return ()


def operands_of(statement: Statement) -> tuple[Value, ...]:
    """The values that a statement reads itself, not counting what its blocks read."""
    match statement:
        case Apply():
            return statement.operands
        case If():
            return (statement.condition,)
        case For():
            driver = () if statement.iterable is None else (statement.iterable,)
            return (*driver, *statement.initial, *statement.zipped)
        case While():
            return statement.initial
        case Call():
            return statement.arguments
        case Effect():
            named = tuple(v for _, v in statement.keywords)
            return (
                (*statement.operands, *named)
                if statement.exception is None
                else (*statement.operands, *named, statement.exception)
            )


def walk(block: Block) -> Iterator[Statement]:
    """Every statement of the block, outer before inner, in order."""
    for statement in block.statements:
        yield statement
        for inner in blocks_of(statement):
            yield from walk(inner)


def is_atom(value: Value) -> bool:
    """Constants and globals: values that no statement defines."""
    return isinstance(value, Constant | Global)


def free_values(block: Block) -> tuple[Value, ...]:
    """The values (no constants, no globals) that the block reads and does not define, in order of first use."""
    defined = set(block.parameters)
    free: dict[Value, None] = {}

    def read(value: Value) -> None:
        if value not in defined and not is_atom(value):
            free.setdefault(value)

    for statement in block.statements:
        for value in operands_of(statement):
            read(value)
        for inner in blocks_of(statement):
            for value in free_values(inner):
                read(value)
        defined.update(statement.results)
    for value in block.results:
        read(value)
    return tuple(free)


def defined_values(block: Block) -> tuple[Value, ...]:
    """The values that the block itself defines (its parameters, its statements' results), not those of inner blocks."""
    return (*block.parameters, *(v for s in block.statements for v in s.results))
