"""Python's operators: arithmetic, comparison, logic.

`np.add(a, b)` and its like are the same primitives. Out: `OPERATORS`, name -> primitive.

>>> from srcdiff.ir.core import Value, constant
>>> from srcdiff.ir.types import Array
>>> print(OPERATORS["add"].infer(Value(Array("float32", (3,))), constant(1)))
float32[3]
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.ir.core import Constant, Primitive, Value
from srcdiff.ir.types import (
    BOOL,
    FLOAT,
    INT,
    STR,
    UNKNOWN,
    Array,
    Dict,
    List,
    Opaque,
    Scalar,
    Tuple,
    Type,
    Unknown,
    is_container,
    join,
)
from srcdiff.primitives.inference import (
    InferenceError,
    ResultKind,
    ShapeError,
    add_dimensions,
    array_or_scalar,
    broadcast_shapes,
    dimension_of,
    elementwise_type,
    primitive,
    promote,
    shape_of_type,
    size_type,
    subtract_dimensions,
)


def refuse(symbol: str, a: Value, b: Value) -> InferenceError:
    return InferenceError(f"unsupported operand types for {symbol}: {a.type} and {b.type}")


def _arithmetic(symbol: str, result: ResultKind, a: Value, b: Value) -> Type:
    """The type of an arithmetic operation on numbers and arrays; containers and strings come to no good here, except
    beside an array, which takes them in."""
    types = (a.type, b.type)
    if any(isinstance(t, Array) for t in types):
        if any(isinstance(t, Dict) or (isinstance(t, Opaque) and t.name != "object") for t in types):
            raise refuse(symbol, a, b)
        return elementwise_type(result, a, b)
    if any(isinstance(t, Unknown) or t == Opaque("object") for t in types):
        return UNKNOWN
    if any(not isinstance(t, Scalar) for t in types):
        raise refuse(symbol, a, b)
    return elementwise_type(result, a, b)


def _is_integer(value: Value) -> bool:
    return isinstance(value.type, Scalar) and value.type.kind == "int"


def _add(a: Value, b: Value) -> Type:
    match a.type, b.type:
        case Tuple(p), Tuple(q):
            return Tuple((*p, *q))
        case List(p), List(q):
            return List(q if p is None else p if q is None else join(p, q))
        case Opaque("str"), Opaque("str"):
            return STR
        case (Opaque("shape"), Tuple() | Opaque("shape")) | (Tuple(), Opaque("shape")):
            return Opaque("shape")
        case _ if _is_integer(a) and _is_integer(b):
            return size_type(add_dimensions(dimension_of(a), dimension_of(b)))
        case _:
            return _arithmetic("+", "same", a, b)


def _subtract(a: Value, b: Value) -> Type:
    if _is_integer(a) and _is_integer(b):
        return size_type(subtract_dimensions(dimension_of(a), dimension_of(b)))
    return _arithmetic("-", "same", a, b)


def _multiply(a: Value, b: Value) -> Type:
    for sequence, count in ((a, b), (b, a)):
        whole = isinstance(count.type, Scalar) and count.type.kind != "float"
        match sequence.type:
            case List():
                if whole:
                    return sequence.type
            case Tuple(items):
                if isinstance(count, Constant) and isinstance(count.value, int):
                    return Tuple(items * count.value)
                if whole:
                    return UNKNOWN
            case Opaque("str"):
                if whole:
                    return STR
            case _:
                pass
    if _is_integer(a) and _is_integer(b):
        p, q = dimension_of(a), dimension_of(b)
        return size_type(p * q if isinstance(p, int) and isinstance(q, int) else q if p == 1 else p if q == 1 else None)
    return _arithmetic("*", "same", a, b)


def _mod(a: Value, b: Value) -> Type:
    return STR if a.type == STR else _arithmetic("%", "same", a, b)


def _floor_divide(a: Value, b: Value) -> Type:
    if _is_integer(a) and _is_integer(b):
        p, q = dimension_of(a), dimension_of(b)
        return size_type(p // q if isinstance(p, int) and isinstance(q, int) and q != 0 else None)
    return _arithmetic("//", "same", a, b)


def _power(a: Value, b: Value) -> Type:
    t = _arithmetic("**", "same", a, b)
    if t == INT and not (isinstance(b, Constant) and b.value >= 0):
        # 2 ** -1 is a float: an integer only where the exponent is known.
        return FLOAT
    return t


def matmul_shape(a: tuple[Any, ...], b: tuple[Any, ...]) -> tuple[Any, ...]:
    """The shape of `a @ b`."""
    if not a or not b:
        raise ShapeError("a matrix product needs arrays, and one operand is a number")
    inner_a, inner_b = a[-1], b[-2] if len(b) > 1 else b[-1]
    if isinstance(inner_a, int) and isinstance(inner_b, int) and inner_a != inner_b:
        raise ShapeError(f"a matrix product of inner dimensions {inner_a} and {inner_b}")
    batch = broadcast_shapes([a[:-2], b[:-2]]) or ()
    return (*batch, *a[-2:-1], *(b[-1:] if len(b) > 1 else ()))


def product_type(symbol: str, a: Value, b: Value) -> Type:
    """The type of a matrix product."""
    for operand in (a, b):
        if isinstance(operand.type, Scalar):
            raise InferenceError(f"{symbol} needs arrays, and one operand is a number")
        if isinstance(operand.type, Dict) or (isinstance(operand.type, Opaque) and operand.type.name != "object"):
            raise refuse(symbol, a, b)
    p, q = shape_of_type(a.type), shape_of_type(b.type)
    dtype = promote((a, b))
    if p is None or q is None:
        return UNKNOWN
    return array_or_scalar(dtype, matmul_shape(p, q))


def _matmul(a: Value, b: Value) -> Type:
    if is_container(a.type) and is_container(b.type):
        raise refuse("@", a, b)
    return product_type("@", a, b)


def _unary(symbol: str) -> Callable[[Value], Type]:
    def infer(a: Value) -> Type:
        match a.type:
            case Array() | Unknown():
                return a.type
            case Scalar(kind):
                if symbol == "-" and kind == "int" and isinstance(dimension_of(a), int):
                    return size_type(-(dimension_of(a)))  # type: ignore[operator]
                return FLOAT if kind == "float" else INT
            case Opaque("object"):
                return UNKNOWN
            case _:
                raise InferenceError(f"unsupported operand type for unary {symbol}: {a.type}")

    return infer


def _invert(a: Value) -> Type:
    match a.type:
        case Scalar("float"):
            raise InferenceError("unsupported operand type for ~: float")
        case Scalar():
            return INT
        case Array() | Unknown():
            return a.type
        case _:
            return UNKNOWN


def _equality(a: Value, b: Value) -> Type:
    if any(isinstance(v.type, Array) for v in (a, b)):
        numeric = not any(isinstance(v.type, Dict | Opaque) for v in (a, b))
        return elementwise_type("bool", a, b) if numeric else UNKNOWN
    return UNKNOWN if any(isinstance(v.type, Unknown) or v.type == Opaque("object") for v in (a, b)) else BOOL


def _order(symbol: str) -> Callable[[Value, Value], Type]:
    def infer(a: Value, b: Value) -> Type:
        if isinstance(a.type, Dict) or isinstance(b.type, Dict) or Opaque("None") in (a.type, b.type):
            raise refuse(symbol, a, b)
        if isinstance(a.type, Scalar) and isinstance(b.type, Scalar):
            return BOOL
        if not isinstance(a.type, Array | Scalar | Unknown) and type(a.type) is type(b.type):
            return BOOL
        return _arithmetic(symbol, "bool", a, b)

    return infer


def _bits(symbol: str) -> Callable[[Value, Value], Type]:
    def infer(a: Value, b: Value) -> Type:
        match a.type, b.type:
            case Scalar("float"), _:
                raise refuse(symbol, a, b)
            case _, Scalar("float"):
                raise refuse(symbol, a, b)
            case Scalar("bool"), Scalar("bool"):
                return BOOL
            case _:
                return _arithmetic(symbol, "same", a, b)

    return infer


def _truth(*_: Value) -> Type:
    return BOOL


def _contains(a: Any, b: Any) -> bool:
    return a in b


def _is(a: Any, b: Any) -> bool:
    return a is b


_FUNCTIONS: dict[str, tuple[str, Callable[..., Type], Callable[..., Any]]] = {
    "add": ("a b", _add, operator.add),
    "subtract": ("a b", _subtract, operator.sub),
    "multiply": ("a b", _multiply, operator.mul),
    "divide": ("a b", lambda a, b: _arithmetic("/", "divide", a, b), operator.truediv),
    "floor_divide": ("a b", _floor_divide, operator.floordiv),
    "mod": ("a b", _mod, operator.mod),
    "power": ("a b", _power, operator.pow),
    "matmul": ("a b", _matmul, operator.matmul),
    "negative": ("a", _unary("-"), operator.neg),
    "positive": ("a", _unary("+"), operator.pos),
    "invert": ("a", _invert, operator.invert),
    "not_": ("a", _truth, operator.not_),
    "less": ("a b", _order("<"), operator.lt),
    "less_equal": ("a b", _order("<="), operator.le),
    "greater": ("a b", _order(">"), operator.gt),
    "greater_equal": ("a b", _order(">="), operator.ge),
    "equal": ("a b", _equality, operator.eq),
    "not_equal": ("a b", _equality, operator.ne),
    "is_": ("a b", _truth, _is),
    "is_not": ("a b", _truth, lambda a, b: a is not b),
    "contains": ("a b", _truth, _contains),
    "not_contains": ("a b", _truth, lambda a, b: a not in b),
    "bit_and": ("a b", _bits("&"), operator.and_),
    "bit_or": ("a b", _bits("|"), operator.or_),
    "bit_xor": ("a b", _bits("^"), operator.xor),
}

_CHEAP = frozenset(
    [
        "not_",
        "less",
        "less_equal",
        "greater",
        "greater_equal",
        "equal",
        "not_equal",
        "is_",
        "is_not",
        "contains",
        "not_contains",
        "negative",
    ]
)

OPERATORS: dict[str, Primitive] = {
    name: primitive(name, parameters, infer, evaluate, cheap=name in _CHEAP)
    for name, (parameters, infer, evaluate) in _FUNCTIONS.items()
}

NUMPY_OPERATORS: dict[str, str] = {
    **{name: name for name in OPERATORS if hasattr(np, name) and name not in ("not_",)},
    "true_divide": "divide",
    "remainder": "mod",
    "bitwise_and": "bit_and",
    "bitwise_or": "bit_or",
    "bitwise_xor": "bit_xor",
    "bitwise_not": "invert",
    "bitwise_invert": "invert",
}
"""What the operators are called in NumPy."""
