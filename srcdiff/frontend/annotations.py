"""Annotations as text: from `Float[np.ndarray, "n d"]` and its kin to a type.

In: the text of an annotation (never evaluated). Out: a `Type`; `UNKNOWN` for what is not understood. A dimension's name
means the same size wherever it occurs in the signature.

>>> print(type_of("float"), type_of('Float[np.ndarray, "n 3"]'), type_of("list[float]"))
float array[n, 3] list[float]
>>> print(type_of("np.ndarray[tuple[int, int], np.dtype[np.float64]]"))
float64[?, ?]
>>> print(type_of("Float64[Array, 'n n+1']"), type_of("np.ndarray"), type_of("dict[str, float]"))
float64[n, n+1] array[...] dict
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import gast

from srcdiff.frontend.names import ClassSource
from srcdiff.ir.types import (
    BOOL,
    FLOAT,
    INT,
    NONE,
    STR,
    UNKNOWN,
    Array,
    Dict,
    Dimension,
    List,
    Symbol,
    Tuple,
    Type,
)

if TYPE_CHECKING:
    from srcdiff.frontend.module import Module

_PLAIN: dict[str, Type] = {
    "float": FLOAT,
    "int": INT,
    "bool": BOOL,
    "str": STR,
    "None": NONE,
    "float64": FLOAT,
    "float32": FLOAT,
    "floating": FLOAT,
    "int64": INT,
    "int32": INT,
    "ndarray": Array(None, None),
    "NDArray": Array(None, None),
    "Array": Array(None, None),
    "list": List(UNKNOWN),
    "List": List(UNKNOWN),
    "dict": Dict(None),
    "Dict": Dict(None),
}

_DTYPES: dict[str, str | None] = {
    "Float": None,
    "Float16": "float16",
    "Float32": "float32",
    "Float64": "float64",
    "Int": "int64",
    "Int8": "int8",
    "Int16": "int16",
    "Int32": "int32",
    "Int64": "int64",
    "UInt8": "uint8",
    "Integer": "int64",
    "Bool": "bool",
    "Num": None,
    "Real": None,
    "Inexact": None,
    "Shaped": None,
}

_SCALARS: dict[str, Type] = {"float": FLOAT, "int": INT, "bool": BOOL}


Names = Callable[[str], Type]
"""What a class of the user's is, by its name."""


def _unknown(name: str) -> Type:
    return UNKNOWN


def type_of(annotation: str | None, names: Names = _unknown) -> Type:
    """The type that the text of an annotation promises; `UNKNOWN` where it promises nothing we use. `names` says what
    the user's own classes are."""
    if annotation is None:
        return UNKNOWN
    try:
        tree = gast.parse(annotation.strip(), mode="eval")
    except (SyntaxError, ValueError):
        return UNKNOWN
    return _type(tree.body, names)


def _tail(node: gast.AST) -> str | None:
    """`np.ndarray` -> `ndarray`, `float` -> `float`."""
    match node:
        case gast.Name(id=name):
            return str(name)
        case gast.Attribute(attr=name):
            return str(name)
    return None


def _dotted(node: gast.AST) -> str:
    """`Params`, `model.Params`."""
    return f"{_dotted(node.value)}.{node.attr}" if isinstance(node, gast.Attribute) else str(getattr(node, "id", ""))


def _type(node: gast.AST, names: Names) -> Type:
    match node:
        case gast.Constant(value=None):
            return NONE
        case gast.Constant(value=str() as text):
            return type_of(text, names)
        case gast.Name() | gast.Attribute():
            known = _PLAIN.get(_tail(node) or "")
            return known if known is not None else names(_dotted(node))
        case gast.Subscript(value=base, slice=index):
            return _subscript(_tail(base), index, names)
    return UNKNOWN


def _items(index: gast.AST) -> list[gast.AST]:
    return list(index.elts) if isinstance(index, gast.Tuple) else [index]


def _subscript(base: str | None, index: gast.AST, names: Names) -> Type:
    items = _items(index)
    if base in _DTYPES and len(items) == 2:
        return _shaped(_DTYPES[base], items[0], items[1])
    match base, items:
        case "NDArray", [dtype]:
            name = _tail(dtype)
            known = name is not None and re.fullmatch(r"(float|int|uint)\d+|bool_?", name)
            return Array((name or "").rstrip("_") if known else None, None)
        case "ndarray", [shape, *rest]:
            return _numpy_typed(shape, rest)
        case (("list" | "List" | "Sequence"), [item]):
            return List(_type(item, names)) if base != "Sequence" else UNKNOWN
        case (("tuple" | "Tuple"), [item, gast.Constant(value=value)]) if value is Ellipsis:
            return UNKNOWN
        case (("tuple" | "Tuple"), _):
            if len(items) == 1 and isinstance(items[0], gast.Tuple):
                return Tuple(())
            return Tuple(tuple(_type(item, names) for item in items))
        case (("dict" | "Dict" | "Mapping"), _):
            return Dict(None)
        case "Annotated", [item, gast.Constant(value=str()) as shape] if _type(item, names) == Array(None, None):
            return _shaped(None, item, shape)
        case (("Annotated" | "Final"), [item, *_]):
            return _type(item, names)
    return UNKNOWN


def _numpy_typed(shape: gast.AST, rest: list[gast.AST]) -> Type:
    """NumPy's own way to say rank and dtype: `np.ndarray[tuple[int, int], np.dtype[np.float64]]`."""
    dtype = None
    match rest:
        case [gast.Subscript(slice=item)]:
            name = (_tail(item) or "").rstrip("_")
            dtype = name if re.fullmatch(r"(float|int|uint)\d+|bool", name) else None
    match shape:
        case gast.Subscript(value=base, slice=index) if _tail(base) in ("tuple", "Tuple"):
            sizes = _items(index)
            if not any(isinstance(s, gast.Constant) and s.value is Ellipsis for s in sizes):
                return Array(dtype, (None,) * len(sizes))
    return Array(dtype, None)


def _shaped(dtype: str | None, array: gast.AST, shape: gast.AST) -> Type:
    if not (isinstance(shape, gast.Constant) and isinstance(shape.value, str)):
        return UNKNOWN
    kind = _tail(array)
    words = shape.value.split()
    if kind in _SCALARS and not words:
        return _SCALARS[kind]
    dims: list[Dimension] = []
    for word in words:
        if word.startswith("*") or word == "...":
            return Array(dtype, None)
        dims.append(_dimension(word))
    return Array(dtype, tuple(dims))


def _dimension(word: str) -> Dimension:
    word = word.split("=")[-1]
    if word.isdecimal():
        return int(word)
    if word.startswith("#"):
        return None
    match = re.fullmatch(r"([A-Za-z][A-Za-z0-9_]*)(?:([+-])(\d+))?", word)
    if match is None:
        return None
    name, sign, offset = match.groups()
    return Symbol(name, int(sign + offset) if offset else 0)


def annotation_text(module: Module, node: gast.AST | None) -> str | None:
    """The text of an annotation; the name of an alias in the module stands for what it is assigned."""
    if node is None:
        return None
    if isinstance(node, gast.Name):
        alias = module.alias(node.id)
        if alias is not None and not isinstance(module.bound(node.id), ClassSource):
            return module.segment(alias)
    return module.segment(node)
