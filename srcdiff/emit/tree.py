"""Python statements whose variables are still SSA values: what instruction selection makes and naming reads.

In: values and expressions. Out: a list of nodes. An expression is a stdlib `ast` expression in which a variable is a
`Leaf` that holds its value; what a branch or a loop passes on is a `Move`, a parallel assignment that vanishes where
both sides get one name.

>>> from srcdiff.ir.core import Value
>>> from srcdiff.ir.types import FLOAT
>>> x, y = Value(FLOAT, "x"), Value(FLOAT, "y")
>>> [v.name for v in leaf(x).reads]
['x']
>>> [v.name for v in assign(y, leaf(x)).defs]
['y']
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from srcdiff.ir.core import NOWHERE, Origin, Value


class Leaf(ast.expr):
    """A variable: the place of the name that its value will get."""

    _fields = ()

    def __init__(self, value: Value) -> None:
        super().__init__()
        self.value = value


@dataclass(frozen=True)
class Expression:
    """An expression, the variables it reads in order, and roughly how many characters it takes."""

    node: ast.expr
    reads: tuple[Value, ...] = ()
    width: int = 1


@dataclass(frozen=True)
class Augment:
    """A statement that may be printed `target op= operand` where target and `left` share a name."""

    target: Value
    left: Value
    operator: ast.operator
    right: Expression
    always: bool
    """Also where `right` reads the target (the user wrote it so, or it is done in place)."""


@dataclass(frozen=True, eq=False)
class Plain:
    """A statement without inner statements. `tied` pairs a value it defines with the operand whose name it must keep;
    `merges` are values it hands on as they are, be they defined or not."""

    node: ast.stmt
    reads: tuple[Value, ...] = ()
    defs: tuple[Value, ...] = ()
    tied: tuple[tuple[Value, Value], ...] = ()
    origin: Origin = NOWHERE
    augment: Augment | None = None
    merges: tuple[Value, ...] = ()
    pure: bool = False
    """It does nothing but assign: without readers of what it assigns it need not be printed."""


@dataclass(frozen=True, eq=False)
class Move:
    """Parallel assignment of expressions to values; a source of None is undefined."""

    pairs: tuple[tuple[Value, Expression | None], ...]
    origins: tuple[Origin, ...]


@dataclass(frozen=True, eq=False)
class Branch:
    test: Expression
    then: list[Node]
    orelse: list[Node]
    origin: Origin = NOWHERE


@dataclass(frozen=True, eq=False)
class Loop:
    """`for target in iterable`; `targets` are the values in the target."""

    target: ast.expr
    targets: tuple[Value, ...]
    iterable: Expression
    body: list[Node]
    origin: Origin = NOWHERE
    directive: str = ""
    """What the comment at the end of its line asks of its adjoint."""


@dataclass(frozen=True, eq=False)
class Repeat:
    """`while test`."""

    test: Expression
    body: list[Node]
    origin: Origin = NOWHERE
    directive: str = ""


@dataclass(frozen=True, eq=False)
class Jump:
    """`break`, or `return` or `raise` with its expression; `merges` as in Plain."""

    kind: str
    value: Expression | None = None
    origin: Origin = NOWHERE
    merges: tuple[Value, ...] = field(default=())


Node = Plain | Move | Branch | Loop | Repeat | Jump


def leaf(value: Value) -> Expression:
    """The expression that is one variable."""
    return Expression(Leaf(value), (value,), len(value.name or "b1"))


def reads_of(parts: Iterable[Expression]) -> tuple[Value, ...]:
    return tuple(v for part in parts for v in part.reads)


def assign(target: Value, source: Expression, origin: Origin = NOWHERE) -> Plain:
    """`target = source`."""
    node = ast.Assign(targets=[Leaf(target)], value=source.node, lineno=0)
    return Plain(node, source.reads, (target,), origin=origin, pure=True, merges=merged(source))


def merged(expression: Expression) -> tuple[Value, ...]:
    """The variables that an expression only hands on: it is one, or a tuple of such."""

    def collect(node: ast.expr) -> Iterable[Value]:
        match node:
            case Leaf():
                yield node.value
            case ast.Tuple():
                for item in node.elts:
                    yield from collect(item)

    return tuple(collect(expression.node))


def ends(nodes: Sequence[Node]) -> bool:
    """Whether control never leaves these nodes at their end."""
    if not nodes:
        return False
    match nodes[-1]:
        case Jump():
            return True
        case Branch(_, then, orelse):
            return ends(then) and ends(orelse)
        case _:
            return False
