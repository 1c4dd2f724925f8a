"""Functions of NumPy that make indices: `np.ix_`, `np.nonzero`, `np.triu_indices` and their kin. None has a derivative.

Out: `INDICES`, name -> primitive.

>>> from srcdiff.ir.core import Value, constant
>>> from srcdiff.ir.types import Array, Symbol
>>> x = Value(Array("float64", (Symbol("n"), 3)))
>>> print(INDICES["np.nonzero"].infer(x))
(int64[?], int64[?])
>>> print(INDICES["np.ix_"].infer(Value(Array("int64", (2,))), Value(Array("int64", (Symbol("n"),)))))
(int64[2, 1], int64[1, n])
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcdiff.ir.core import Primitive, Value
from srcdiff.ir.types import INT, UNKNOWN, Array, Dimension, Scalar, Size, Tuple, Type
from srcdiff.primitives.inference import InferenceError, dtype_of_type, primitive, require_numeric, shape_of_type

_ROW = Array("int64", (None,))


def _rows(count: int) -> Tuple:
    return Tuple((_ROW,) * count)


def _nonzero_type(a: Value) -> Type:
    require_numeric("np.nonzero", a)
    shape = shape_of_type(a.type)
    return UNKNOWN if shape is None else _rows(max(len(shape), 1))


def _argwhere_type(a: Value) -> Type:
    require_numeric("np.argwhere", a)
    shape = shape_of_type(a.type)
    return Array("int64", (None, None if shape is None else len(shape)))


def _flatnonzero_type(a: Value) -> Type:
    require_numeric("np.flatnonzero", a)
    return _ROW


def _ix_type(*args: Value) -> Type:
    found: list[Type] = []
    for position, arg in enumerate(args):
        require_numeric("np.ix_", arg)
        shape, dtype = shape_of_type(arg.type), dtype_of_type(arg.type)
        if shape is not None and len(shape) != 1:
            raise InferenceError("np.ix_ takes sequences of one dimension")
        length: Dimension = None if shape is None or dtype in (None, "bool") else shape[0]
        dims: list[Dimension] = [1] * len(args)
        dims[position] = length
        known = "int64" if dtype == "bool" else dtype
        found.append(Array(known, tuple(dims)))
    return Tuple(tuple(found))


def _pair_type(*operands: Value) -> Type:
    return _rows(2)


def _diag_indices_type(n: Value, ndim: Value) -> Type:
    match ndim.type, getattr(ndim, "value", None):
        case _, int(count):
            return _rows(count)
        case Size(dimension=int(count)), _:
            return _rows(count)
    return UNKNOWN


def _unravel_type(indices: Value, shape: Value) -> Type:
    require_numeric("np.unravel_index", indices)
    if not isinstance(shape.type, Tuple):
        return UNKNOWN
    count = len(shape.type.items)
    if isinstance(indices.type, Scalar):
        return Tuple((INT,) * count)
    found = shape_of_type(indices.type)
    return UNKNOWN if found is None else Tuple((Array("int64", found),) * count)


def _ix(*args: Any) -> tuple[Any, ...]:
    return np.ix_(*args)


INDICES: dict[str, Primitive] = {
    p.name: p
    for p in (
        primitive("np.ix_", "args", _ix_type, _ix, variadic=True),
        primitive("np.nonzero", "a", _nonzero_type, np.nonzero),
        primitive("np.flatnonzero", "a", _flatnonzero_type, np.flatnonzero),
        primitive("np.argwhere", "a", _argwhere_type, np.argwhere),
        primitive("np.triu_indices", "n k m", _pair_type, np.triu_indices, defaults=(0, None)),
        primitive("np.tril_indices", "n k m", _pair_type, np.tril_indices, defaults=(0, None)),
        primitive("np.triu_indices_from", "arr k", _pair_type, np.triu_indices_from, defaults=(0,)),
        primitive("np.tril_indices_from", "arr k", _pair_type, np.tril_indices_from, defaults=(0,)),
        primitive("np.diag_indices", "n ndim", _diag_indices_type, np.diag_indices, defaults=(2,)),
        primitive("np.unravel_index", "indices shape", _unravel_type, np.unravel_index),
    )
}
