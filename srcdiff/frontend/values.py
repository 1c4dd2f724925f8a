"""The types of objects that names of a running program are bound to.

In: any object. Out: its type; the sizes of arrays are constants, and what a record or an object holds is known.

>>> print(type_of_value((1.5, [1, 2.0])))
(float, list[float])
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcdiff.frontend import classes
from srcdiff.ir.instances import DEPTH, attributes_of, is_object
from srcdiff.ir.records import items_of, record_class
from srcdiff.ir.types import BOOL, FLOAT, INT, NONE, OBJECT, STR, Array, Dict, Instance, List, Record, Tuple, Type, join


def type_of_value(value: Any) -> Type:
    """The type of a live object; sizes of arrays are constants."""
    if isinstance(value, bool | np.bool_):
        return BOOL
    if isinstance(value, int | np.integer):
        return INT
    if isinstance(value, float | np.floating):
        return FLOAT
    if isinstance(value, np.ndarray):
        return Array(value.dtype.name, value.shape)
    if isinstance(value, str):
        return STR
    if value is None:
        return NONE
    made = record_class(type(value))
    if made is not None:
        return Record(tuple(map(type_of_value, items_of(value))), classes.described_class(made))
    if isinstance(value, tuple):
        return Tuple(tuple(type_of_value(v) for v in value))
    if isinstance(value, list):
        item: Type | None = None
        for v in value:
            item = type_of_value(v) if item is None else join(item, type_of_value(v))
        return List(item)
    if isinstance(value, dict):
        if all(isinstance(k, str | int) for k in value):
            return Dict(tuple((k, type_of_value(v)) for k, v in value.items()))
        return Dict(None)
    if is_object(value):
        return _instance(value, 0)
    return OBJECT


def _instance(value: Any, depth: int) -> Type:
    """The type of an object, with those of its attributes."""
    if depth == DEPTH:
        return OBJECT
    known = attributes_of(value).items()
    kinds = [(n, _instance(v, depth + 1) if is_object(v) else type_of_value(v)) for n, v in known]
    return Instance("object", type(value), tuple(kinds))
