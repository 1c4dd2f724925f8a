"""The types of objects that names of a running program are bound to.

In: any object. Out: its type; the sizes of arrays are constants, and what a record or an object holds is known.

>>> print(type_of_value((1.5, [1, 2.0])))
(float, list[float])
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcdiff.frontend import classes
from srcdiff.ir.instances import DEPTH, attributes_of, deeper, is_object
from srcdiff.ir.records import items_of, record_class
from srcdiff.ir.types import BOOL, FLOAT, INT, NONE, OBJECT, STR, Array, Dict, Instance, List, Record, Tuple, Type, join


def type_of_value(value: Any, depth: int = 0, sized: bool = True) -> Type:
    """The type of a live object; sizes of arrays are constants where `sized`: not in what may get another array.
    `depth` is the number of objects that it is an attribute of."""
    if isinstance(value, bool | np.bool_):
        return BOOL
    if isinstance(value, int | np.integer):
        return INT
    if isinstance(value, float | np.floating):
        return FLOAT
    if isinstance(value, np.ndarray):
        return Array(value.dtype.name, value.shape if sized else tuple(1 if n == 1 else None for n in value.shape))
    if isinstance(value, str):
        return STR
    if value is None:
        return NONE
    made = record_class(type(value))
    if made is not None:
        items = tuple(type_of_value(v, depth, False) for v in items_of(value))
        return Record(items, classes.described_class(made))
    if isinstance(value, tuple):
        return Tuple(tuple(type_of_value(v, depth, sized) for v in value))
    if isinstance(value, list):
        item: Type | None = None
        for v in value:
            kind = type_of_value(v, depth, sized)
            item = kind if item is None else join(item, kind)
        return List(item)
    if isinstance(value, dict):
        if all(isinstance(k, str | int) for k in value):
            return Dict(tuple((k, type_of_value(v, depth, sized)) for k, v in value.items()))
        return Dict(None)
    if is_object(value):
        if depth == DEPTH:
            return OBJECT
        inner = deeper(value, depth)
        kinds = [(n, type_of_value(v, inner, False)) for n, v in attributes_of(value).items()]
        return Instance("object", type(value), tuple(kinds))
    return OBJECT
