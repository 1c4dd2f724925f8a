"""Building IR: a list of statements that grows, and the names of derivatives.

In: primitives and operands, one at a time. Out: a tuple of statements (or a `Block`) whose values are typed.

>>> from srcdiff.ir.core import Primitive, Value
>>> from srcdiff.ir.types import FLOAT
>>> double = Primitive("double", ("x",), infer=lambda x: x.type, evaluate=lambda x: 2 * x)
>>> b = Builder()
>>> y = b.apply(double, Value(FLOAT, "x"), name="y")
>>> y.name, str(y.type), len(b.statements)
('y', 'float', 1)
"""

from __future__ import annotations

from collections.abc import Sequence

from srcdiff.ir.core import NOWHERE, Apply, Block, Constant, Origin, Primitive, Statement, Value, constant
from srcdiff.ir.types import Type


def tangent_name(name: str | None) -> str | None:
    """The tangent of `w3` is called `dw3`; what has no name stays without."""
    return None if name is None else "d" + name


def adjoint_name(name: str | None) -> str | None:
    """The adjoint of `w3` is called `bw3` (b for bar)."""
    return None if name is None else "b" + name


class Builder:
    """Collects statements. `origin` is stamped on everything that is built until it is changed."""

    def __init__(self, origin: Origin = NOWHERE) -> None:
        self.origin = origin
        self.statements: list[Statement] = []

    def emit(self, statement: Statement) -> Statement:
        self.statements.append(statement)
        return statement

    def value(self, type: Type, name: str | None = None) -> Value:
        """A fresh value stamped with the current origin; the caller puts it into a statement or a block."""
        return Value(type, name, self.origin)

    def apply(self, primitive: Primitive, *operands: object, name: str | None = None) -> Value:
        """Add `primitive(*operands)`; Python objects among the operands become constants, missing ones defaults."""
        full = complete(primitive, [o if isinstance(o, Value) else constant(o) for o in operands])
        result = Value(primitive.infer(*full), name, self.origin)
        self.statements.append(Apply(primitive, full, result, self.origin))
        return result

    def block(self, parameters: Sequence[Value], results: Sequence[Value]) -> Block:
        return Block(tuple(parameters), tuple(self.statements), tuple(results))


def complete(primitive: Primitive, operands: Sequence[Value]) -> tuple[Value, ...]:
    """The operands with the primitive's defaults filled in at the end."""
    missing = len(primitive.parameters) - len(operands)
    if primitive.variadic or missing == 0:
        return tuple(operands)
    if missing < 0 or missing > len(primitive.defaults):
        raise TypeError(f"{primitive.name} takes {len(primitive.parameters)} operands, got {len(operands)}")
    fill = primitive.defaults[len(primitive.defaults) - missing :]
    return (*operands, *(d if isinstance(d, Value) else constant(d) for d in fill))


def is_constant(value: Value, *expected: object) -> bool:
    """Whether `value` is a Constant, equal (with the same Python type) to one of `expected` if any are given."""
    if not isinstance(value, Constant):
        return False
    return not expected or any(type(value.value) is type(e) and value.value == e for e in expected)
