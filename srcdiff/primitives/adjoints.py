"""What derivatives are made of: their zeros, their sums, and the helper functions of generated code.

Out: `ADJOINTS`, name -> primitive; `zero_type`, `accumulate_type`, the types of derivatives.

>>> from srcdiff.ir.types import STR, Array, Scalar, Tuple
>>> print(zero_type(Tuple((Scalar("int"), STR, Array("int64", (3,))))))
(float, None, float64[3])
"""

from __future__ import annotations

import numpy as np

from srcdiff.ir.core import Primitive, Value
from srcdiff.ir.types import (
    BOOL,
    BOTTOM,
    FLOAT,
    INT,
    NONE,
    UNKNOWN,
    Array,
    Bottom,
    Dict,
    List,
    Maybe,
    Opaque,
    Scalar,
    Tuple,
    Type,
    Unknown,
    join,
    same_tuple,
    sharper,
)
from srcdiff.primitives.builtin import items_type
from srcdiff.primitives.helpers import helper
from srcdiff.primitives.indexing import index_get_type
from srcdiff.primitives.inference import (
    primitive,
)

# Adjoints and tangents.


def zero_type(t: Type) -> Type:
    """The type of the zero derivative of a value of type `t`."""
    match t:
        case Scalar():
            return FLOAT
        case Array(dtype, shape):
            return Array(dtype if dtype is None or np.dtype(dtype).kind == "f" else "float64", shape)
        case Tuple(items):
            return t.of(map(zero_type, items))
        case List(item):
            return List(None if item is None else zero_type(item))
        case Dict(entries):
            return Dict(None if entries is None else tuple((k, zero_type(v)) for k, v in entries))
        case Maybe(item):
            return join(zero_type(item), NONE)
        case Opaque("object") | Unknown():
            return UNKNOWN
        case Opaque("shape"):
            return UNKNOWN
        case Opaque():
            return NONE
        case Bottom():
            return BOTTOM


def accumulate_type(a: Type, b: Type) -> Type:
    """The type of the sum of two derivatives of the same value: what is known of either is true of both."""
    match a, b:
        case (Bottom(), other) | (other, Bottom()):
            return other
        case (Opaque("None"), other) | (other, Opaque("None")):
            return other
        case Maybe(p), Maybe(q):
            return join(accumulate_type(p, q), NONE)
        case (Maybe(item), other) | (other, Maybe(item)):
            return accumulate_type(item, other)
        case Scalar(), Scalar():
            return FLOAT
        case (Scalar(), Unknown()) | (Unknown(), Scalar()):
            # Zeros stand for themselves as plain numbers until a type is known.
            return UNKNOWN
        case Array(p, s), Array(q, t):
            # Beside double precision, everything is.
            double = "float64" if "float64" in (p, q) else None
            dtype = double if p is None or q is None else str(np.result_type(p, q))
            if s is None or t is None or len(s) != len(t):
                return Array(dtype, s if t is None else t)
            return Array(dtype, tuple(map(sharper, s, t)))
        case (Array(_, shape), _) | (_, Array(_, shape)):
            return Array(None, shape)
        case Tuple(p), Tuple(q) if same_tuple(a, b):
            return a.of(accumulate_type(c, d) for c, d in zip(p, q, strict=True))
        case List(p), List(q):
            return List(q if p is None else p if q is None else accumulate_type(p, q))
        case Dict(p), Dict(q) if p is not None and q is not None and [k for k, _ in p] == [k for k, _ in q]:
            return Dict(tuple((k, accumulate_type(c, d)) for (k, c), (_, d) in zip(p, q, strict=True)))
        case Dict(), Dict():
            return Dict(None)
        case _:
            return UNKNOWN


def _unbroadcast_type(g: Value, x: Value) -> Type:
    match x.type:
        case Scalar():
            return FLOAT
        case Array(_, shape):
            dtype = g.type.dtype if isinstance(g.type, Array) else None
            return Array(dtype, shape)
        case _:
            return UNKNOWN


def _unpack_type(g: Value, x: Value) -> Type:
    return g.type if isinstance(x.type, Array | Scalar) else zero_type(x.type)


def _last_written_type(x: Value, index: Value) -> Type:
    item = index_get_type(x, index)
    return Array("bool", item.shape) if isinstance(item, Array) else UNKNOWN


def _identity(x: Value) -> Type:
    return x.type


ADJOINTS: dict[str, Primitive] = {
    p.name: p
    for p in (
        primitive("identity", "x", _identity, lambda x: x, views=(0,), cheap=True),
        primitive("copy", "x", _identity, helper("copy_of")),
        primitive("stop_gradient", "x", _identity, helper("stop_gradient"), views=(0,), cheap=True),
        # The same where x may be undefined: printed as a call of the helper, which answers None with None.
        primitive("zeros_if_defined", "x", lambda x: zero_type(x.type), helper("zeros_like"), keeps_bottom=True),
        primitive("zeros_like", "x", lambda x: zero_type(x.type), helper("zeros_like"), keeps_bottom=True),
        primitive(
            "accumulate",
            "a b",
            lambda a, b: accumulate_type(a.type, b.type),
            helper("accumulate"),
            updates=0,
            keeps_bottom=True,
        ),
        primitive("fitted", "g x", _unbroadcast_type, helper("fitted")),
        primitive("unbroadcast", "g x", _unbroadcast_type, helper("unbroadcast"), views=(0,)),
        primitive("item_adjoint", "g x", _unbroadcast_type, helper("item_adjoint"), views=(0,)),
        primitive("spread_item", "g x", _unbroadcast_type, helper("spread_item"), views=(0,)),
        primitive("clear_item", "b x index", lambda b, x, index: zero_type(x.type), helper("clear_item"), views=(0,)),
        primitive("unpack", "g x", _unpack_type, helper("unpack"), views=(0,)),
        primitive(
            "spread_over", "g items", lambda g, items: zero_type(items_type(items)), helper("spread_over"), views=(0,)
        ),
        primitive("last_written", "x index", _last_written_type, helper("last_written")),
        primitive("settled", "new old tolerance", lambda new, old, tolerance: BOOL, helper("settled")),
        primitive("next_snapshot", "step end free", lambda step, end, free: INT, helper("next_snapshot")),
        primitive("fold", "g x", lambda g, x: zero_type(items_type(x)), helper("fold")),
        primitive(
            "split_like",
            "g parts axis",
            lambda g, parts, axis: zero_type(items_type(parts)),
            helper("split_like"),
            views=(0,),
        ),
    )
}
