"""Types of results: broadcasting, promotion of dtypes, and what an elementwise operation makes of its operands.

In: the types (and constants) of operands. Out: types. A certain mistake raises `InferenceError`, doubt gives a wider
type. An operation whose shapes or lengths cannot fit has no value, its type is `BOTTOM`: such code is right where it is
never reached (`if x.ndim == 2: n = x.shape[1]`), and where it is, NumPy itself says so when it runs.

>>> from srcdiff.ir.types import Array, Symbol
>>> print(broadcast_types((Array("float32", (Symbol("n"), 1)), Array("float32", (3,))), "float32"))
float32[n, 3]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from srcdiff.ir.core import Constant, Primitive, Value
from srcdiff.ir.types import (
    BOOL,
    BOTTOM,
    FLOAT,
    INT,
    UNKNOWN,
    Array,
    Bottom,
    Dict,
    Dimension,
    Kind,
    List,
    Maybe,
    Opaque,
    Scalar,
    Size,
    Symbol,
    Tuple,
    Type,
    Unknown,
    never_one,
    present,
)

Shape = tuple[Dimension, ...]


class InferenceError(ValueError):
    """An operation that certainly fails when it runs; the message is one plain sentence."""


class ShapeError(InferenceError):
    """Shapes, axes or lengths that do not fit together."""


_TAKE_NONE = frozenset(
    [
        "identity",
        "copy",
        "is_",
        "is_not",
        "equal",
        "not_equal",
        "contains",
        "not_contains",
        "not_",
        "bool",
        "str",
        "fstring",
        "formatted",
        "np.array",
        "np.asarray",
        "np.equal",
        "np.not_equal",
    ]
)
"""Operations of which None is an ordinary operand; displays and sums of derivatives are others."""
_HOLD_NONE = frozenset(("append", "index_set", "index_add", "clear_item"))
"""Operations on a container, their first operand, which is not None; its items may be."""


def _without_none(name: str, operands: tuple[Value, ...]) -> tuple[Value, ...]:
    """The operands, with the types that they have where the operation does not fail."""
    if name in _TAKE_NONE or not any(isinstance(o.type, Maybe) for o in operands):
        return operands
    certain = 1 if name in _HOLD_NONE else len(operands)
    return tuple(
        Value(present(o.type), o.name) if isinstance(o.type, Maybe) and k < certain else o
        for k, o in enumerate(operands)
    )


def primitive(
    name: str,
    parameters: str,
    infer: Callable[..., Type],
    evaluate: Callable[..., Any],
    *,
    defaults: tuple[Any, ...] = (),
    variadic: bool = False,
    views: tuple[int, ...] = (),
    cheap: bool = False,
    updates: int | None = None,
    keeps_bottom: bool = False,
    doc: str = "",
) -> Primitive:
    """A `Primitive` whose parameters are written in one string. What reads a value that never exists never gives one,
    except for displays (`keeps_bottom`). What may be None is not None where an operation fails on it."""

    def checked(*operands: Value) -> Type:
        if any(isinstance(o.type, Bottom) for o in operands):
            return BOTTOM
        try:
            return infer(*_without_none(name, operands))
        except ShapeError:
            return BOTTOM

    return Primitive(
        name,
        tuple(parameters.split()),
        infer if keeps_bottom else checked,
        evaluate,
        defaults,
        variadic,
        views,
        cheap,
        updates,
        doc,
    )


def of_numbers(
    name: str,
    parameters: str,
    rule: Callable[..., Type],
    defaults: tuple[Any, ...] = (),
    evaluate: Callable[..., Any] | None = None,
    *,
    views: tuple[int, ...] = (),
    cheap: bool = False,
) -> Primitive:
    """A function whose first operand must be a number, an array or what NumPy makes an array of; `evaluate` is
    NumPy's function of that name where none is given."""

    def infer(x: Value, *rest: Value) -> Type:
        require_numeric(name, x)
        return rule(x, *rest)

    function = getattr(np, name.removeprefix("np.")) if evaluate is None else evaluate
    return primitive(name, parameters, infer, function, defaults=defaults, views=views, cheap=cheap)


# Dimensions.


def add_dimensions(a: Dimension, b: Dimension) -> Dimension:
    """The sum of two dimensions, where one of them is a constant."""
    match a, b:
        case int(), int():
            return a + b
        case Symbol(), int():
            return Symbol(a.name, a.offset + b, a.plural)
        case int(), Symbol():
            return Symbol(b.name, b.offset + a, b.plural)
        case _:
            return None


def subtract_dimensions(a: Dimension, b: Dimension) -> Dimension:
    """The difference of two dimensions: of the same symbol, or where the second is a constant."""
    match a, b:
        case _, int():
            return add_dimensions(a, -b)
        case Symbol(), Symbol() if a.name == b.name:
            return a.offset - b.offset
        case _:
            return None


def dimension_of(value: Value) -> int | Symbol | None:
    """What is known of an integer that serves as a dimension."""
    if isinstance(value, Constant):
        return value.value if isinstance(value.value, int) else None
    return item_dimension(value.type)


def item_dimension(t: Type) -> int | Symbol | None:
    return t.dimension if isinstance(t, Size) else None


def size_type(d: Dimension) -> Scalar:
    """The type of an integer known as a dimension."""
    return Size("int", d) if isinstance(d, int | Symbol) else INT


def broadcast_dimension(a: Dimension, b: Dimension) -> Dimension:
    """The dimension that `a` and `b` give when they meet."""
    if a == b or b == 1:
        return a
    if a == 1:
        return b
    if isinstance(a, int) and isinstance(b, int):
        raise ShapeError(f"arrays with dimensions {a} and {b} cannot be broadcast together")
    if isinstance(a, int):
        return a
    if isinstance(b, int):
        return b
    if never_one(a):
        return a
    return b if never_one(b) else None


def broadcast_shapes(shapes: Sequence[Shape | None]) -> Shape | None:
    """The shape of several shapes broadcast together (None: even the rank is unknown)."""
    if any(s is None for s in shapes):
        return None
    known = [s for s in shapes if s is not None]
    rank = max((len(s) for s in known), default=0)
    result: list[Dimension] = [1] * rank
    for shape in known:
        for axis, d in enumerate(shape, rank - len(shape)):
            result[axis] = broadcast_dimension(result[axis], d)
    return tuple(result)


def array_or_scalar(dtype: str | None, shape: Shape | None) -> Type:
    """An array type, or the type of a number where the rank is 0."""
    if shape == ():
        return FLOAT if dtype is None else Scalar(kind_of_dtype(dtype))
    return Array(dtype, shape)


def kind_of_dtype(dtype: str) -> Kind:
    match np.dtype(dtype).kind:
        case "b":
            return "bool"
        case "i" | "u":
            return "int"
        case _:
            return "float"


# Operands.


def shape_of_type(t: Type) -> Shape | None:
    """The shape that NumPy gives a value of this type."""
    match t:
        case Scalar():
            return ()
        case Array(_, shape):
            return shape
        case Tuple(items):
            first = shape_of_type(items[0]) if items else ()
            return None if first is None else (len(items), *first)
        case List(item):
            inner = None if item is None else shape_of_type(item)
            return None if inner is None else (None, *inner)
        case _:
            return None


def rank_of_type(t: Type) -> int | None:
    """The rank that NumPy gives a value of this type; None where it is not known."""
    shape = shape_of_type(t)
    return None if shape is None else len(shape)


def dtype_of_type(t: Type) -> str | None:
    """The dtype that NumPy gives a value of this type, where it is sure."""
    match t:
        case Scalar(kind):
            return {"float": "float64", "int": "int64", "bool": "bool"}[kind]
        case Array(dtype, _):
            return dtype
        case Tuple(items) if items:
            dtypes = {dtype_of_type(i) for i in items}
            return None if None in dtypes else str(np.result_type(*(d for d in dtypes if d is not None)))
        case List(item) if item is not None:
            return dtype_of_type(item)
        case _:
            return None


def is_numeric(t: Type) -> bool:
    """Whether the value may be a number or an array, or something that NumPy makes an array of."""
    return not isinstance(t, Dict) and not (isinstance(t, Opaque) and t.name != "object")


def require_numeric(what: str, *operands: Value) -> None:
    for operand in operands:
        if not is_numeric(operand.type):
            raise InferenceError(f"{what} needs numbers or arrays, not {operand.type}")


def promote(operands: Sequence[Value]) -> str | None:
    """The dtype of an arithmetic result. Numbers written in the program are weak, as in NumPy 2; another number may be
    a NumPy scalar of double precision, so with single precision arrays the result is left open."""
    arrays = [dtype_of_type(o.type) for o in operands if not isinstance(o.type, Scalar)]
    if None in arrays:
        return None
    dtypes = [np.dtype(d) for d in arrays if d is not None]
    if not dtypes:
        return None
    common = np.result_type(*dtypes)
    for operand in operands:
        if not isinstance(operand.type, Scalar):
            continue
        kind = operand.type.kind
        if kind == "float" and common.kind != "f":
            common = np.dtype("float64")
        elif kind == "int" and common.kind == "b":
            common = np.dtype("int64")
        elif kind != "bool" and common.itemsize < 8 and not isinstance(operand, Constant):
            return None
    return str(common)


def float_dtype(dtype: str | None) -> str | None:
    """The dtype that `np.sin` makes of arrays of this dtype."""
    if dtype is None:
        return None
    d = np.dtype(dtype)
    if d.kind == "f":
        return dtype
    return "float64" if d.itemsize >= 4 else "float32" if d.itemsize == 2 else "float16"


def broadcast_types(types: Sequence[Type], dtype: str | None) -> Type:
    """An array of `dtype` with the broadcast shape of values of these types."""
    return array_or_scalar(dtype, broadcast_shapes([shape_of_type(t) for t in types]))


ResultKind = Literal["float", "same", "bool", "int", "divide"]


def elementwise_type(result: ResultKind, *operands: Value) -> Type:
    """The result of an elementwise NumPy operation.

    `result`: "float" for `np.sin`, "same" for `add`, "bool" for comparisons, "divide" for true division, "int".
    """
    types = [o.type for o in operands]
    if all(isinstance(t, Scalar) for t in types):
        return scalar_result(result, [t for t in types if isinstance(t, Scalar)])
    arrays = any(isinstance(t, Array | List | Tuple) for t in types)
    if any(isinstance(t, Unknown | Opaque) for t in types):
        return Array("bool" if result == "bool" else None, None) if arrays else UNKNOWN
    dtype = promote(operands)
    match result:
        case "float":
            dtype = float_dtype(dtype)
        case "divide":
            dtype = dtype if dtype is None or np.dtype(dtype).kind == "f" else "float64"
        case "bool":
            dtype = "bool"
        case "int":
            dtype = "int64"
        case "same":
            pass
    return broadcast_types(types, dtype)


def scalar_result(result: ResultKind, types: Sequence[Scalar]) -> Type:
    match result:
        case "float" | "divide":
            return FLOAT
        case "bool":
            return BOOL
        case "int":
            return INT
        case "same":
            kinds = {t.kind for t in types}
            return FLOAT if "float" in kinds else INT
