"""Lists, tuples, dicts, indexing, and f-strings.

Out: `CONTAINERS`, name -> primitive. Everything here is pure: `index_set(x, i, v)` gives a new x.

>>> x = [1.0, 2.0]
>>> CONTAINERS["index_set"].evaluate(x, 0, 5.0), x
([5.0, 2.0], [1.0, 2.0])
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from srcdiff.ir.core import Constant, Primitive, Value
from srcdiff.ir.records import is_record, items_of, record_class
from srcdiff.ir.types import (
    BOTTOM,
    STR,
    UNKNOWN,
    Array,
    Bottom,
    Class,
    Dict,
    Instance,
    List,
    Opaque,
    Record,
    Size,
    Tuple,
    Type,
    Unknown,
    join,
)
from srcdiff.primitives.adjoints import accumulate_type
from srcdiff.primitives.builtin import items_type
from srcdiff.primitives.helpers import helper
from srcdiff.primitives.indexing import index_get_type, index_set_type, item_type, make_slice_type
from srcdiff.primitives.inference import (
    InferenceError,
    primitive,
)


def _make_list_type(*items: Value) -> Type:
    if not items:
        return List(None)
    result: Type = BOTTOM
    for item in items:
        result = join(result, item.type)
    return List(None if isinstance(result, Bottom) else result)


def _make_record_type(made: Value, *items: Value) -> Type:
    assert isinstance(made.type, Class) and made.type.made is not None
    return Record(tuple(map(item_type, items)), made.type.made)


def _make_record(made: Any, *items: Any) -> Any:
    known = record_class(made)
    assert known is not None
    return made(**dict(zip(known.fields, items, strict=True)))


def _get_attribute_type(x: Value, name: Value) -> Type:
    assert isinstance(x.type, Instance) and isinstance(name, Constant)
    return dict(x.type.attributes)[name.value]


def _make_dict_type(*parts: Value) -> Type:
    entries: dict[object, tuple[object, Type]] = {}
    for key, value in zip(parts[::2], parts[1::2], strict=True):
        if not isinstance(key, Constant):
            return Dict(None)
        entries[(type(key.value), key.value)] = (key.value, value.type)
    return Dict(tuple(entries.values()))


def _make_dict(*parts: Any) -> dict[Any, Any]:
    return dict(zip(parts[::2], parts[1::2], strict=True))


# Indexing.


def _index_get(x: Any, index: Any) -> Any:
    return items_of(x)[index] if type(index) is int and is_record(x) else x[index]


def _own(x: Any) -> Any:
    """A copy one level deep: what an assignment to an element changes."""
    match x:
        case np.ndarray():
            return x.copy()
        case list() | dict():
            return x.copy()
        case _:
            return x


def _index_set(x: Any, index: Any, value: Any) -> Any:
    new = _own(x)
    new[index] = value
    return new


def _index_add(x: Any, index: Any, value: Any) -> Any:
    return helper("add_at")(_own(x), index, value)


def _index_set_within(x: Any, outer: Any, inner: Any, value: Any) -> Any:
    new = _own(x)
    new[outer][inner] = value
    return new


def _index_add_within(x: Any, outer: Any, inner: Any, value: Any) -> Any:
    new = _own(x)
    helper("add_at")(new[outer], inner, value)
    return new


def _within_type(x: Value, outer: Value, inner: Value, value: Value) -> Type:
    return x.type


def _index_add_type(x: Value, index: Value, value: Value) -> Type:
    match x.type:
        case Array() | Unknown() | Opaque("object") | List() | Dict():
            return x.type
        case Tuple(items):
            added = index_get_type(x, index)
            i = item_type(index)
            if isinstance(i, Size) and isinstance(i.dimension, int):
                at = i.dimension % len(items)
                return x.type.of((*items[:at], accumulate_type(added, value.type), *items[at + 1 :]))
            return x.type.of(accumulate_type(t, value.type) for t in items)
        case t:
            raise InferenceError(f"nothing can be added to an element of {t}")


def _append_type(items: Value, item: Value) -> Type:
    match items.type:
        case List(known):
            return List(item.type if known is None else join(known, item.type))
        case Unknown():
            return UNKNOWN
        case t:
            raise InferenceError(f"a value of type {t} has no append()")


def _drop_last_type(items: Value) -> Type:
    if not isinstance(items.type, List | Unknown):
        raise InferenceError(f"a value of type {items.type} has no pop()")
    return items.type


def _formatted(value: Any, conversion: Any, spec: Any) -> str:
    text = {None: value, "r": repr(value), "s": str(value), "a": ascii(value)}[conversion]
    return format(text, spec or "")


CONTAINERS: dict[str, Primitive] = {
    p.name: p
    for p in (
        primitive(
            "make_tuple",
            "items",
            lambda *items: Tuple(tuple(map(item_type, items))),
            lambda *items: items,
            variadic=True,
            cheap=True,
            keeps_bottom=True,
        ),
        primitive(
            "make_record", "items", _make_record_type, _make_record, variadic=True, cheap=True, keeps_bottom=True
        ),
        primitive("get_attribute", "x name", _get_attribute_type, getattr, views=(0,), cheap=True),
        primitive("make_list", "items", _make_list_type, lambda *items: list(items), variadic=True, keeps_bottom=True),
        primitive("make_dict", "items", _make_dict_type, _make_dict, variadic=True, keeps_bottom=True),
        primitive("make_slice", "start stop step", make_slice_type, slice, defaults=(None,), cheap=True),
        primitive("index_get", "x index", index_get_type, _index_get, views=(0,), cheap=True),
        primitive("index_set", "x index value", index_set_type, _index_set, updates=0),
        primitive("index_add", "x index value", _index_add_type, _index_add, updates=0),
        primitive("index_set_within", "x outer inner value", _within_type, _index_set_within, updates=0),
        primitive("index_add_within", "x outer inner value", _within_type, _index_add_within, updates=0),
        primitive("append", "list item", _append_type, lambda items, item: [*items, item], updates=0),
        primitive("keys", "dict", items_type, list, doc="`list(d)` of what is a dict: its keys carry no derivative"),
        primitive("drop_last", "list", _drop_last_type, lambda items: items[:-1], updates=0),
        primitive("fstring", "parts", lambda *parts: STR, lambda *parts: "".join(map(str, parts)), variadic=True),
        primitive("formatted", "value conversion spec", lambda value, conversion, spec: STR, _formatted),
    )
}

MAKE_PARTS = replace(CONTAINERS["make_tuple"], listed=True)
"""The display of a list that only a function of NumPy sees: a tuple, so that the type of every item is known."""
