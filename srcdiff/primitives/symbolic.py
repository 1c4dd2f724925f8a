"""Values that record what is done with them, so that derivative rules are written in plain NumPy syntax.

In: a `Builder` and a `Value`. `Symbolic` wraps them: Python's operators, indexing, `np.*` functions (through NumPy's
`__array_ufunc__` and `__array_function__` protocols) add statements to the builder. The same text works on real arrays.

>>> from srcdiff.ir.types import FLOAT
>>> b = Builder()
>>> x = Symbolic(b, Value(FLOAT, "x"))
>>> y = np.cos(x) * x + 1.0
>>> [s.primitive.name for s in b.statements]
['np.cos', 'multiply', 'add']
>>> y = np.arcsin(Symbolic(b, x.value, "math"))
>>> b.statements[-1].primitive.name
'math.asin'
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy

from srcdiff.ir.builder import Builder
from srcdiff.ir.core import Value, class_value, constant
from srcdiff.ir.types import Record, Scalar, Tuple, Type
from srcdiff.primitives.table import TABLE, lookup

np: Any = numpy
"""NumPy for the authors of rules: its own annotations do not foresee that arguments record what is done with them."""

Scope = Literal["np", "math"]

_SAME_NAME = (
    "exp expm1 log log2 log10 log1p sqrt sin cos tan sinh cosh tanh degrees radians copysign cbrt exp2 nextafter"
)

MATH_NAMES: dict[str, str] = {
    **{f"np.{n}": f"math.{n}" for n in _SAME_NAME.split()},
    "np.arcsin": "math.asin",
    "np.arccos": "math.acos",
    "np.arctan": "math.atan",
    "np.arctan2": "math.atan2",
    "np.arcsinh": "math.asinh",
    "np.arccosh": "math.acosh",
    "np.arctanh": "math.atanh",
}
"""What a function of NumPy is called in the module `math`."""


class Symbolic:
    """A value under construction. With the scope "math", functions of numbers are those of the module `math`."""

    __slots__ = ("builder", "scope", "value")

    def __init__(self, builder: Builder, value: Value, scope: Scope = "np") -> None:
        self.builder = builder
        self.value = value
        self.scope = scope

    @property
    def type(self) -> Type:
        return self.value.type

    def new(self, value: Value) -> Symbolic:
        """Another value in the same builder."""
        return Symbolic(self.builder, value, self.scope)

    def constant(self, value: object) -> Symbolic:
        return self.new(constant(value))

    def apply(self, name: str, *operands: object) -> Symbolic:
        """The result of primitive `name` on operands that are symbolic, constants, or tuples, lists, slices of them."""
        values = [self._lift(o) for o in operands]
        if self.scope == "math" and name in MATH_NAMES and all(isinstance(v.type, Scalar) for v in values):
            name = MATH_NAMES[name]
        return self.new(self.builder.apply(TABLE[name], *values))

    def display(self, t: Tuple, *items: object) -> Symbolic:
        """A tuple or record of the class of `t` with other items."""
        if isinstance(t, Record):
            return self.apply("make_record", class_value(t.made), *items)
        return self.apply("make_tuple", *items)

    def _lift(self, operand: object) -> Value:
        match operand:
            case Symbolic():
                return operand.value
            case Value():
                return operand
            case tuple():
                return self.apply("make_tuple", *operand).value
            case list():
                return self.apply("make_list", *operand).value
            case slice():
                return self.apply("make_slice", operand.start, operand.stop, operand.step).value
            case _:
                return constant(operand)

    def __getitem__(self, index: object) -> Symbolic:
        return self.apply("index_get", self, index)

    def sum(self, axis: object = None, keepdims: object = False) -> Symbolic:
        return self.apply("np.sum", self, axis, keepdims)

    @property
    def T(self) -> Symbolic:
        return self.apply("T", self)

    @property
    def shape(self) -> Symbolic:
        return self.apply("shape", self)

    def __array_ufunc__(self, ufunc: numpy.ufunc, method: str, *inputs: object, **kwargs: object) -> Symbolic:
        found = lookup("numpy", ufunc.__name__)
        if found is None or method != "__call__" or kwargs:
            raise TypeError(f"a derivative rule uses np.{ufunc.__name__}.{method}, which is not in the table")
        return self.apply(found.name, *inputs)

    def __array_function__(
        self, function: Callable[..., Any], types: object, args: Sequence[object], kwargs: dict[str, object]
    ) -> Symbolic:
        module = "numpy.linalg" if function.__module__ == "numpy.linalg" else "numpy"
        found = lookup(module, function.__name__)
        if found is None:
            raise TypeError(f"a derivative rule uses np.{function.__name__}, which is not in the table")
        required = len(found.parameters) - len(found.defaults)
        operands = list(args)
        for position in range(len(args), len(found.parameters)):
            default = found.defaults[position - required] if position >= required else None
            operands.append(kwargs.pop(found.parameters[position], default))
        if kwargs:
            raise TypeError(f"np.{function.__name__} has no parameter {', '.join(kwargs)}")
        return self.apply(found.name, *operands)

    def __neg__(self) -> Symbolic:
        return self.apply("negative", self)

    def __add__(self, other: object) -> Symbolic:
        return self.apply("add", self, other)

    def __radd__(self, other: object) -> Symbolic:
        return self.apply("add", other, self)

    def __sub__(self, other: object) -> Symbolic:
        return self.apply("subtract", self, other)

    def __rsub__(self, other: object) -> Symbolic:
        return self.apply("subtract", other, self)

    def __mul__(self, other: object) -> Symbolic:
        return self.apply("multiply", self, other)

    def __rmul__(self, other: object) -> Symbolic:
        return self.apply("multiply", other, self)

    def __truediv__(self, other: object) -> Symbolic:
        return self.apply("divide", self, other)

    def __rtruediv__(self, other: object) -> Symbolic:
        return self.apply("divide", other, self)

    def __floordiv__(self, other: object) -> Symbolic:
        return self.apply("floor_divide", self, other)

    def __pow__(self, other: object) -> Symbolic:
        return self.apply("power", self, other)

    def __rpow__(self, other: object) -> Symbolic:
        return self.apply("power", other, self)

    def __matmul__(self, other: object) -> Symbolic:
        return self.apply("matmul", self, other)

    def __and__(self, other: object) -> Symbolic:
        return self.apply("bit_and", self, other)

    def __or__(self, other: object) -> Symbolic:
        return self.apply("bit_or", self, other)

    def __lt__(self, other: object) -> Symbolic:
        return self.apply("less", self, other)

    def __le__(self, other: object) -> Symbolic:
        return self.apply("less_equal", self, other)

    def __gt__(self, other: object) -> Symbolic:
        return self.apply("greater", self, other)

    def __ge__(self, other: object) -> Symbolic:
        return self.apply("greater_equal", self, other)

    def __eq__(self, other: object) -> Symbolic:  # type: ignore[override]
        return self.apply("equal", self, other)

    def __ne__(self, other: object) -> Symbolic:  # type: ignore[override]
        return self.apply("not_equal", self, other)

    __hash__ = None  # type: ignore[assignment]
