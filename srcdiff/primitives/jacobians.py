"""What Jacobians of containers are made of: unit directions, and blocks taken from stacks.

A stack of directions has one more, leading axis in every number and array. For arrays alone plain NumPy says the same
(`np.eye(len(x))`, `dy.T`), and these are not used.

Out: `JACOBIANS`, name -> primitive.

>>> import numpy as np
>>> unit = JACOBIANS["unit_directions"].evaluate({"a": 2.0, "b": np.array([5.0])})
>>> {key: stack.tolist() for key, stack in unit.items()}
{'a': [1.0, 0.0], 'b': [[0.0], [1.0]]}
>>> blocks = JACOBIANS["jacobian_columns"].evaluate(np.array([3.0, 4.0]), {"a": 2.0, "b": np.array([5.0])})
>>> {key: block.tolist() for key, block in blocks.items()}
{'a': 3.0, 'b': [4.0]}
"""

from __future__ import annotations

from srcdiff.ir.core import Primitive
from srcdiff.ir.types import (
    INT,
    NONE,
    UNKNOWN,
    Array,
    Dict,
    List,
    Opaque,
    Scalar,
    Tuple,
    Type,
    records_in,
)
from srcdiff.primitives.helpers import helper
from srcdiff.primitives.inference import primitive


def _unit_type(t: Type) -> Type:
    """The type of the unit directions of a value. It is told for records alone, whose fields are read by name."""
    return _stack_type(t) if records_in(t) else UNKNOWN


def _stack_type(t: Type) -> Type:
    match t:
        case Scalar():
            return Array("float64", (None,))
        case Array(dtype, shape):
            kept = dtype is None or dtype.startswith("float")
            return Array(dtype if kept else "float64", None if shape is None else (None, *shape))
        case Tuple(items):
            return t.of(map(_stack_type, items))
        case List(item):
            return List(None if item is None else _stack_type(item))
        case Dict(entries):
            return Dict(None if entries is None else tuple((k, _stack_type(v)) for k, v in entries))
        case Opaque("str" | "None"):
            return NONE
        case _:
            return UNKNOWN


JACOBIANS: dict[str, Primitive] = {
    p.name: p
    for p in (
        primitive("count_numbers", "x", lambda x: INT, helper("count_numbers"), cheap=True),
        primitive("count_directions", "stack", lambda stack: INT, helper("count_directions")),
        primitive("direction_of", "stack k", lambda stack, k: UNKNOWN, helper("direction_of"), views=(0,)),
        primitive("stack_of", "items like", lambda items, like: UNKNOWN, helper("stack_of")),
        primitive("unit_directions", "x", lambda x: _unit_type(x.type), helper("unit_directions")),
        primitive("jacobian_columns", "dy x", lambda dy, x: UNKNOWN, helper("jacobian_columns")),
        primitive("jacobian_rows", "bx y", lambda bx, y: UNKNOWN, helper("jacobian_rows")),
    )
}
