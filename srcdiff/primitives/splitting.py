"""Functions that give several arrays: pieces of one, grids of several, arrays broadcast against each other.

Out: `SPLITTING`, name -> primitive; `pieces_of`. How many arrays there are is known where positions or sections are
constants: the result then has the type of a tuple, and every piece its own; otherwise it is a list.

>>> from srcdiff.ir.core import Value, constant
>>> from srcdiff.ir.types import Array, Symbol
>>> x = Value(Array("float64", (6, Symbol("n"))))
>>> print(SPLITTING["np.split"].infer(x, constant(2), constant(0)))
(float64[3, n], float64[3, n])
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from srcdiff.ir.core import Constant, Primitive, Value
from srcdiff.ir.types import UNKNOWN, Array, Dimension, List, Scalar, Symbol, Tuple, Type
from srcdiff.primitives.inference import (
    InferenceError,
    ShapeError,
    broadcast_shapes,
    dtype_of_type,
    item_dimension,
    of_numbers,
    require_numeric,
    shape_of_type,
)
from srcdiff.primitives.known import axis_of, normal_axes
from srcdiff.primitives.shapes import dtype_as_array


def _positions(sections: Value) -> list[Dimension] | int | None:
    """Where to split, or into how many sections; None where that is not known."""
    if isinstance(sections.type, Scalar):
        return sections.value if isinstance(sections, Constant) and isinstance(sections.value, int) else None
    if isinstance(sections.type, Tuple):
        return [item_dimension(t) for t in sections.type.items]
    return None


def _lengths(n: Dimension, where: list[Dimension] | int, even: bool) -> list[Dimension]:
    """The lengths of the pieces."""
    if isinstance(where, int):
        if where < 1:
            raise ShapeError("an array is split into at least one section")
        if isinstance(n, Symbol) and even and n.offset == 0:
            # Pieces of equal length, whatever it is.
            return [n if where == 1 else Symbol(f"{n.name}/{where}")] * where
        if not isinstance(n, int):
            return [n if where == 1 else None] * where
        if even and n % where:
            raise ShapeError("an array split into equal sections has as many elements as go into them")
        return [n // where + (k < n % where) for k in range(where)]
    if not isinstance(n, int) or not all(isinstance(p, int) for p in where):
        return [None] * (len(where) + 1)
    bounds = [0, *(p for p in where if isinstance(p, int)), n]
    return [len(range(*slice(a, b).indices(n))) for a, b in pairwise(bounds)]


def _pieces(ary: Value, sections: Value, axis: int | None, even: bool) -> Type:
    shape, dtype, where = shape_of_type(ary.type), dtype_of_type(ary.type), _positions(sections)
    if shape is None or axis is None:
        whole = None if shape is None else (None,) * len(shape)
        if where is None:
            return List(Array(dtype, whole))
        return Tuple((Array(dtype, whole),) * (where if isinstance(where, int) else len(where) + 1))
    at = (normal_axes(axis, len(shape)) or (0,))[0]
    if where is None:
        return List(Array(dtype, (*shape[:at], None, *shape[at + 1 :])))
    lengths = _lengths(shape[at], where, even)
    return Tuple(tuple(Array(dtype, (*shape[:at], d, *shape[at + 1 :])) for d in lengths))


def _split(even: bool) -> Callable[[Value, Value, Value], Type]:
    def infer(ary: Value, sections: Value, axis: Value) -> Type:
        at = axis_of(axis)
        return _pieces(ary, sections, at if isinstance(at, int) else None, even)

    return infer


def axis_of_split(name: str, rank: int | None) -> int | None:
    """The axis along which `np.vsplit` and its kin split; None where it depends on a rank that is not known."""
    match name:
        case "np.vsplit":
            return 0
        case "np.dsplit":
            return 2
        case _:
            return None if rank is None else 0 if rank == 1 else 1


def _split_along(name: str) -> Callable[[Value, Value], Type]:
    def infer(ary: Value, sections: Value) -> Type:
        shape = shape_of_type(ary.type)
        least = {"np.vsplit": 2, "np.hsplit": 1, "np.dsplit": 3}[name]
        if shape is not None and len(shape) < least:
            raise ShapeError(f"{name} needs an array of at least {least} dimensions")
        return _pieces(ary, sections, axis_of_split(name, None if shape is None else len(shape)), True)

    return infer


def _as_known(function: Callable[..., Any]) -> Callable[..., Any]:
    """The result as a tuple where the types take it for one: where the number of pieces is a constant."""

    def evaluate(ary: Any, sections: Any, *rest: Any) -> Any:
        pieces = function(ary, sections, *rest)
        return tuple(pieces) if isinstance(sections, int | tuple) else pieces

    return evaluate


# Grids, and arrays broadcast against each other.


def _broadcast_arrays(args: Value) -> Type:
    if not isinstance(args.type, Tuple):
        return UNKNOWN
    require_numeric("np.broadcast_arrays", *(Value(t) for t in args.type.items))
    shape = broadcast_shapes([shape_of_type(t) for t in args.type.items])
    return Tuple(tuple(Array(dtype_as_array(Value(t)), shape) for t in args.type.items))


def _meshgrid(xi: Value, sparse: Value, indexing: Value) -> Type:
    if not isinstance(xi.type, Tuple):
        return UNKNOWN
    items = xi.type.items
    require_numeric("np.meshgrid", *(Value(t) for t in items))
    if not isinstance(indexing, Constant) or indexing.value not in ("xy", "ij"):
        raise InferenceError('the indexing of np.meshgrid is "xy" or "ij"')
    if not isinstance(sparse, Constant) or not isinstance(sparse.value, bool):
        raise InferenceError("the argument sparse of np.meshgrid is True or False")
    lengths: list[Dimension] = []
    for t in items:
        shape = shape_of_type(t)
        lengths.append(None if shape is None or len(shape) > 1 else shape[0] if shape else 1)
    places = grid_places(len(items), indexing.value)
    found: list[Type] = []
    for k, t in enumerate(items):
        dims: list[Dimension] = [1] * len(items)
        for i, place in enumerate(places):
            if not sparse.value or i == k:
                dims[place] = lengths[i]
        found.append(Array(dtype_as_array(Value(t)), tuple(dims)))
    return Tuple(tuple(found))


def grid_places(count: int, indexing: str) -> list[int]:
    """The axis of the grid along which each of the arrays goes."""
    places = list(range(count))
    if indexing == "xy" and count > 1:
        places[:2] = [1, 0]
    return places


def _indices(dimensions: Value) -> Type:
    dims = [item_dimension(t) for t in dimensions.type.items] if isinstance(dimensions.type, Tuple) else None
    return Array("int64", None if dims is None else (len(dims), *dims))


SPLITTING: dict[str, Primitive] = {
    p.name: p
    for p in (
        of_numbers("np.split", "ary indices_or_sections axis", _split(True), (0,), _as_known(np.split), views=(0,)),
        of_numbers(
            "np.array_split", "ary indices_or_sections axis", _split(False), (0,), _as_known(np.array_split), views=(0,)
        ),
        *(
            of_numbers(
                f"np.{n}split",
                "ary indices_or_sections",
                _split_along(f"np.{n}split"),
                evaluate=_as_known(f),
                views=(0,),
            )
            for n, f in (("v", np.vsplit), ("h", np.hsplit), ("d", np.dsplit))
        ),
        of_numbers(
            "np.broadcast_arrays",
            "args",
            _broadcast_arrays,
            evaluate=lambda a: tuple(np.broadcast_arrays(*a)),
            views=(0,),
        ),
        of_numbers(
            "np.meshgrid",
            "xi sparse indexing",
            _meshgrid,
            (False, "xy"),
            lambda xi, sparse, indexing: tuple(np.meshgrid(*xi, sparse=sparse, indexing=indexing)),
        ),
        of_numbers("np.indices", "dimensions", _indices),
    )
}

PACKED = frozenset(("np.broadcast_arrays", "np.meshgrid"))
"""Functions of any number of arrays, which are the items of one tuple here."""
