"""What makes arrays, and what asks for their shape.

Out: `MAKERS`, name -> primitive.

>>> from srcdiff.ir.core import constant
>>> print(MAKERS["np.zeros"].infer(constant(3), constant(None)))
float64[3]
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.ir.core import Constant, Primitive, Value
from srcdiff.ir.types import (
    FLOAT,
    INT,
    UNKNOWN,
    Array,
    Dimension,
    List,
    Opaque,
    Scalar,
    Tuple,
    Type,
    Unknown,
    is_exact,
)
from srcdiff.primitives.inference import (
    InferenceError,
    ShapeError,
    array_or_scalar,
    dimension_of,
    dtype_of_type,
    elementwise_type,
    primitive,
    require_numeric,
    shape_of_type,
    size_type,
    subtract_dimensions,
)
from srcdiff.primitives.known import dtype_operand, shape_operand


def _dims(shape: Value) -> tuple[Dimension, ...] | None:
    dims = shape_operand(shape)
    if dims is not None and any(isinstance(d, int) and d < 0 for d in dims):
        raise ShapeError("negative dimensions are not allowed")
    return dims


def _filled(shape: Value, dtype: Value) -> Type:
    return Array(dtype_operand(dtype, "float64"), _dims(shape))


def _full(shape: Value, fill_value: Value, dtype: Value) -> Type:
    require_numeric("np.full", fill_value)
    fill = dtype_of_type(fill_value.type)
    if isinstance(fill_value.type, Scalar) and not isinstance(fill_value, Constant) and fill == "float64":
        fill = None
    return Array(dtype_operand(dtype, fill), _dims(shape))


def _like(x: Value, dtype: Value) -> Type:
    require_numeric("an array like another", x)
    return _shaped_like(x, dtype_operand(dtype, _own_dtype(x)))


def _own_dtype(x: Value) -> str | None:
    """The dtype of `np.asarray(x)`: a number that is not a constant may have single precision."""
    if isinstance(x.type, Scalar) and x.type.kind == "float" and not isinstance(x, Constant):
        return None
    return dtype_of_type(x.type)


def _shaped_like(x: Value, dtype: str | None) -> Type:
    match x.type:
        case Unknown():
            # Whatever x is, a list too: an array, of no axes if x is a number.
            return Array(dtype, None)
        case Opaque():
            return UNKNOWN
        case _:
            return Array(dtype, shape_of_type(x.type))


def _full_like(x: Value, fill_value: Value, dtype: Value) -> Type:
    require_numeric("np.full_like", x, fill_value)
    return _shaped_like(x, dtype_operand(dtype, _own_dtype(x)))


def _eye(n: Value, m: Value, k: Value, dtype: Value) -> Type:
    rows = dimension_of(n)
    columns = rows if isinstance(m, Constant) and m.value is None else dimension_of(m)
    return Array(dtype_operand(dtype, "float64"), (rows, columns))


def _identity(n: Value, dtype: Value) -> Type:
    return Array(dtype_operand(dtype, "float64"), (dimension_of(n),) * 2)


def _steps(start: Value, stop: Value, step: Value) -> Dimension:
    """How many integers there are from `start` to `stop`, one by one or backwards, where that is a dimension."""
    stride = step.value if isinstance(step, Constant) else ...
    if stride in (None, 1):
        return subtract_dimensions(dimension_of(stop), dimension_of(start))
    return subtract_dimensions(dimension_of(start), dimension_of(stop)) if stride == -1 else None


def _arange(start: Value, stop: Value, step: Value, dtype: Value) -> Type:
    bounds = [v for v in (start, stop, step) if not (isinstance(v, Constant) and v.value is None)]
    require_numeric("np.arange", *bounds)
    whole = all(isinstance(v.type, Scalar) and v.type.kind != "float" for v in bounds)
    count: Dimension = None
    if whole and len(bounds) == 1:
        count = dimension_of(start)
    elif all(isinstance(v, Constant) for v in bounds):
        values = [v.value for v in bounds if isinstance(v, Constant)]
        first, last = (0, values[0]) if len(values) == 1 else (values[0], values[1])
        stride = values[2] if len(values) == 3 else 1
        count = max(0, math.ceil((last - first) / stride)) if stride and whole else None
    elif whole:
        count = _steps(start, stop, step)
    known = all(isinstance(v.type, Scalar) for v in bounds)
    default = "int64" if whole else "float64" if known and all(isinstance(v, Constant) for v in bounds) else None
    return Array(dtype_operand(dtype, default), (count,))


def _arange_evaluate(start: Any, stop: Any, step: Any, dtype: Any) -> Any:
    if stop is None:
        return np.arange(start, dtype=dtype) if step is None else np.arange(0, start, step, dtype=dtype)
    return np.arange(start, stop, 1 if step is None else step, dtype=dtype)


def spaced(name: str, start: Value, stop: Value, num: Value) -> Type:
    """The type of `num` numbers, or arrays along a leading axis, between two numbers or arrays."""
    require_numeric(name, start, stop)
    if isinstance(start.type, Scalar) and isinstance(stop.type, Scalar):
        return Array("float64", (dimension_of(num),))
    between = elementwise_type("divide", start, stop)
    shape = shape_of_type(between)
    dtype = between.dtype if isinstance(between, Array) and between.dtype == "float64" else None
    return Array(dtype, None if shape is None else (dimension_of(num), *shape))


def _linspace(start: Value, stop: Value, num: Value, endpoint: Value) -> Type:
    return spaced("np.linspace", start, stop, num)


def _geomspace(start: Value, stop: Value, num: Value, endpoint: Value) -> Type:
    return spaced("np.geomspace", start, stop, num)


def _array(x: Value, dtype: Value) -> Type:
    require_numeric("np.array", x)
    match x.type:
        case Unknown() | Opaque():
            return Array(dtype_operand(dtype, None), None)
        case List() | Tuple():
            shape = shape_of_type(x.type)
            known = dtype_operand(dtype, _items_dtype(x.type))
            return Array(known, shape)
        case _:
            return _shaped_like(x, dtype_operand(dtype, _own_dtype(x)))


def _items_dtype(t: Type) -> str | None:
    """The dtype of an array made of a display: numbers in it are taken for Python's, integers may hide in floats."""
    match t:
        case List(item) if item is not None:
            return _items_dtype(item)
        case Tuple(items) if items:
            dtypes = [_items_dtype(i) for i in items]
            return None if None in dtypes else str(np.result_type(*(d for d in dtypes if d is not None)))
        case _:
            return dtype_of_type(t)


def _astype(x: Value, dtype: Value) -> Type:
    require_numeric("astype", x)
    if not isinstance(x.type, Array | Scalar | Unknown):
        raise InferenceError(f"a value of type {x.type} has no astype()")
    wanted = dtype_operand(dtype, None)
    return array_or_scalar(wanted, ()) if isinstance(x.type, Scalar) else _shaped_like(x, wanted)


def shape_type(x: Value) -> Type:
    require_numeric("shape", x)
    shape = shape_of_type(x.type)
    return Opaque("shape") if shape is None else Tuple(tuple(size_type(d) for d in shape))


def _ndim_type(x: Value) -> Type:
    require_numeric("ndim", x)
    shape = shape_of_type(x.type)
    return INT if shape is None else size_type(len(shape))


def _size_type(x: Value) -> Type:
    require_numeric("size", x)
    shape = shape_of_type(x.type)
    if shape is None or not is_exact(shape):
        return INT
    constant = math.prod(d for d in shape if isinstance(d, int))
    symbols = [d for d in shape if not isinstance(d, int)]
    if not symbols:
        return size_type(constant)
    return size_type(symbols[0] if len(symbols) == 1 and constant == 1 else None)


def _item_type(x: Value) -> Type:
    match x.type:
        case Array(dtype, _):
            return array_or_scalar(dtype, ())
        case Scalar():
            return x.type
        case Unknown():
            return FLOAT
        case t:
            raise InferenceError(f"a value of type {t} has no item()")


def _tolist_type(x: Value) -> Type:
    match x.type:
        case Array(dtype, shape) if shape is not None:
            result: Type = array_or_scalar(dtype, ())
            for _ in shape:
                result = List(result)
            return result
        case Scalar():
            return x.type
        case _:
            return UNKNOWN


def _dtyped(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *operands: function(*operands[:-1], dtype=operands[-1])


MAKERS: dict[str, Primitive] = {
    p.name: p
    for p in (
        primitive("np.zeros", "shape dtype", _filled, _dtyped(np.zeros), defaults=(None,)),
        primitive("np.ones", "shape dtype", _filled, _dtyped(np.ones), defaults=(None,)),
        primitive("np.empty", "shape dtype", _filled, _dtyped(np.zeros), defaults=(None,)),
        primitive("np.full", "shape fill_value dtype", _full, _dtyped(np.full), defaults=(None,)),
        primitive("np.zeros_like", "a dtype", _like, _dtyped(np.zeros_like), defaults=(None,)),
        primitive("np.ones_like", "a dtype", _like, _dtyped(np.ones_like), defaults=(None,)),
        primitive("np.empty_like", "prototype dtype", _like, _dtyped(np.zeros_like), defaults=(None,)),
        primitive("np.full_like", "a fill_value dtype", _full_like, _dtyped(np.full_like), defaults=(None,)),
        primitive(
            "np.eye",
            "N M k dtype",
            _eye,
            lambda n, m, k, dtype: np.eye(n, m, k, float if dtype is None else dtype),
            defaults=(None, 0, None),
        ),
        primitive("np.identity", "n dtype", _identity, np.identity, defaults=(None,)),
        primitive("np.arange", "start stop step dtype", _arange, _arange_evaluate, defaults=(None, None, None)),
        primitive("np.linspace", "start stop num endpoint", _linspace, np.linspace, defaults=(50, True)),
        primitive("np.geomspace", "start stop num endpoint", _geomspace, np.geomspace, defaults=(50, True)),
        primitive("np.array", "object dtype", _array, _dtyped(np.array), defaults=(None,)),
        primitive("np.asarray", "a dtype", _array, _dtyped(np.asarray), defaults=(None,), views=(0,)),
        primitive("astype", "x dtype", _astype, lambda x, dtype: x.astype(dtype), doc="The method `x.astype(dtype)`."),
        primitive("item", "x", _item_type, lambda x: x.item(), doc="The method `x.item()`."),
        primitive("tolist", "x", _tolist_type, lambda x: x.tolist(), doc="The method `x.tolist()`."),
        primitive("shape", "x", shape_type, np.shape, cheap=True),
        primitive("ndim", "x", _ndim_type, np.ndim, cheap=True),
        primitive("size", "x", _size_type, np.size, cheap=True),
        primitive("dtype", "x", lambda x: Opaque("dtype"), lambda x: np.asarray(x).dtype, cheap=True),
    )
}
