"""The type of `x[index]`, and of x after `x[index] = value`.

In: the values x, index (and value). Out: a type.

>>> from srcdiff.ir.core import Value, constant
>>> from srcdiff.ir.types import Array, Slice, Symbol
>>> x = Value(Array("float64", (Symbol("n"), 3)))
>>> print(index_get_type(x, Value(Slice("slice", 1, "absent", 1))))
float64[n-1, 3]
>>> print(index_get_type(x, constant(0)))
float64[3]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from srcdiff.ir.core import Constant, Value
from srcdiff.ir.types import (
    BOTTOM,
    INT,
    NONE,
    RANGE,
    SLICE,
    STR,
    UNKNOWN,
    Array,
    Bottom,
    Dict,
    Dimension,
    List,
    Opaque,
    Scalar,
    Size,
    Slice,
    Symbol,
    Tuple,
    Type,
    Unknown,
    join,
)
from srcdiff.primitives.inference import (
    InferenceError,
    Shape,
    ShapeError,
    array_or_scalar,
    broadcast_shapes,
    dimension_of,
    dtype_of_type,
    shape_of_type,
    size_type,
    subtract_dimensions,
)

Bound = int | Symbol | None | Literal["absent"]

ELLIPSIS = Opaque("ellipsis")


def item_type(value: Value) -> Type:
    """The type of a value that stands inside a tuple: integer constants keep their value, `...` is told apart."""
    if isinstance(value, Constant):
        if value.value is Ellipsis:
            return ELLIPSIS
        if isinstance(value.value, int) and not isinstance(value.value, bool):
            return Size("int", value.value)
    return value.type


def bound_of(value: Value) -> Bound:
    if isinstance(value, Constant) and value.value is None:
        return "absent"
    return None if isinstance(value, Constant) and isinstance(value.value, bool) else dimension_of(value)


def make_slice_type(start: Value, stop: Value, step: Value) -> Type:
    stride = 1 if isinstance(step, Constant) and step.value is None else dimension_of(step)
    return Slice("slice", bound_of(start), bound_of(stop), stride if isinstance(stride, int) else None)


def sliced_dimension(d: Dimension, bounds: Type) -> Dimension:
    """The number of elements that a slice takes of a dimension."""
    if not isinstance(bounds, Slice) or bounds.step is None:
        return None
    start, stop, step = bounds.start, bounds.stop, bounds.step
    plain: list[int | None] = []
    for bound in (start, stop):
        if bound is None or isinstance(bound, Symbol):
            plain = []
            break
        plain.append(None if bound == "absent" else int(bound))
    if isinstance(d, int) and len(plain) == 2:
        return len(range(*slice(plain[0], plain[1], step).indices(d)))
    if start == "absent" and stop == "absent" and step in (1, -1):
        return d
    return _symbolic_slice(d, start, stop) if step == 1 else None


def _symbolic_slice(d: Dimension, start: Bound, stop: Bound) -> Dimension:
    """`x[a:]` has n - a elements, `x[:-b]` has n - b.

    A constant stop may lie beyond the end, a start from the end before the front, so those are not certain. (Where n is
    less than a, `Symbol("n", -a)` stands for no elements, everywhere.)
    """
    if not isinstance(d, Symbol):
        return None
    low = 0 if start == "absent" else start
    high = d if stop == "absent" else stop
    if isinstance(high, int) and high < 0:
        high = Symbol(d.name, d.offset + high, d.plural)
    if not isinstance(low, int) or low < 0 or not isinstance(high, Symbol):
        return None
    certain = high.name == d.name and high.offset <= d.offset
    return subtract_dimensions(high, low) if certain else None


def index_get_type(x: Value, index: Value) -> Type:
    """The type of `x[index]`."""
    t, i = x.type, item_type(index)
    match t:
        case Array(dtype, shape):
            return array_item_type(dtype, shape, i)
        case Unknown():
            return UNKNOWN
        case List(item):
            if isinstance(i, Opaque) and i.name == "slice":
                return t
            _require_integer(t, i)
            return BOTTOM if item is None else item
        case Tuple(items):
            return _tuple_item_type(items, i)
        case Dict(entries):
            return _dict_item_type(entries, index)
        case Opaque("str"):
            return STR
        case Opaque("range"):
            return RANGE if isinstance(i, Opaque) and i.name == "slice" else INT
        case Opaque("shape"):
            return t if isinstance(i, Opaque) and i.name == "slice" else INT
        case Opaque("object"):
            return UNKNOWN
        case Scalar() | Opaque():
            raise InferenceError(f"a value of type {t} has no elements to index")
        case Bottom():
            return BOTTOM


def _require_integer(t: Type, i: Type) -> None:
    if isinstance(i, Opaque | Array | Tuple | List | Dict) and i != Opaque("object"):
        raise InferenceError(f"an index of {t} is an integer or a slice, not {i}")


def _tuple_item_type(items: tuple[Type, ...], i: Type) -> Type:
    match i:
        case Size(dimension=int(position)):
            if not -len(items) <= position < len(items):
                raise ShapeError(f"index {position} is out of range in a tuple of {len(items)}")
            return items[position]
        case Slice(start=start, stop=stop, step=step):
            if step is None or any(b is None or isinstance(b, Symbol) for b in (start, stop)):
                return UNKNOWN
            first, last = (None if isinstance(b, str | Symbol) else b for b in (start, stop))
            return Tuple(items[first:last:step])
        case Opaque("slice"):
            return UNKNOWN
        case _:
            _require_integer(Tuple(items), i)
            result: Type = BOTTOM
            for t in items:
                result = join(result, t)
            return result


def _dict_item_type(entries: tuple[tuple[object, Type], ...] | None, key: Value) -> Type:
    if entries is None:
        return UNKNOWN
    if isinstance(key, Constant):
        for known, t in entries:
            if type(known) is type(key.value) and known == key.value:
                return t
        raise ShapeError(f"the dict has no key {key.value!r}")
    result: Type = BOTTOM
    for _, t in entries:
        result = join(result, t)
    return result


def array_item_type(dtype: str | None, shape: Shape | None, index: Type) -> Type:
    """The type of an element or a part of an array."""
    items = index.items if isinstance(index, Tuple) else (index,)
    for item in items:
        _check_array_index(item)
    if any(isinstance(i, Unknown | Bottom) or i == Opaque("object") for i in items):
        return UNKNOWN
    if shape is None:
        return Array(dtype, None) if all(_adds_no_scalar(i) for i in items) else UNKNOWN
    if any(_is_array(i) and shape_of_type(i) is None for i in items):
        return Array(dtype, None)
    result = indexed_shape(shape, items)
    if result is None or (ELLIPSIS in items and not any(map(_is_array, items))):
        # With `...`, an element is an array without dimensions that shares the memory.
        return Array(dtype, result)
    return array_or_scalar(dtype, result)


def _check_array_index(i: Type) -> None:
    if i in (STR, RANGE) or isinstance(i, Dict) or (isinstance(i, Array) and (i.dtype or "int").startswith("float")):
        raise InferenceError(f"an array is indexed by integers, slices, or arrays of integers or booleans, not {i}")


def _adds_no_scalar(i: Type) -> bool:
    return isinstance(i, Opaque)


def _is_array(i: Type) -> bool:
    return isinstance(i, Array | List | Tuple)


def may_repeat(x: Type, index: Type) -> bool:
    """Whether an index may name an element of an array several times."""
    items = index.items if isinstance(index, Tuple) else (index,)
    repeats = any(isinstance(i, Unknown) or (_is_array(i) and _is_mask(i) is not True) for i in items)
    return repeats and isinstance(x, Array | Unknown)


def _is_mask(i: Type) -> bool | None:
    """Whether an index array is a boolean mask; None where its dtype is not known."""
    dtype = dtype_of_type(i)
    return None if dtype is None else dtype == "bool"


def indexed_shape(shape: Shape, items: Sequence[Type]) -> Shape | None:
    """The shape of `x[items]` for an x of this shape, by NumPy's rules (None: the rank is not known)."""
    if any(_is_array(i) and _is_mask(i) is None for i in items) or any(i == Scalar("bool") for i in items):
        return None
    consumed = [_consumed(i) for i in items]
    missing = len(shape) - sum(consumed)
    if missing < 0:
        raise ShapeError(f"{sum(consumed)} indices for an array of {len(shape)} dimensions")
    advanced = any(_is_array(i) for i in items)
    result: list[Dimension] = []
    gathered: list[Shape | None] = []
    places: list[int] = []
    expanded: list[Type] = []
    for item in items if ELLIPSIS in items else (*items, ELLIPSIS):
        expanded.extend([SLICE_ALL] * missing if item == ELLIPSIS else [item])
    axis = 0
    insert_at = 0
    for position, item in enumerate(expanded):
        match item:
            case Opaque("None"):
                result.append(1)
            case Opaque("slice"):
                result.append(sliced_dimension(shape[axis], item))
                axis += 1
            case Scalar():
                if advanced:
                    places.append(position)
                    insert_at = len(result) if len(places) == 1 else insert_at
                axis += 1
            case _:
                places.append(position)
                insert_at = len(result) if len(places) == 1 else insert_at
                gathered.append((None,) if _is_mask(item) else shape_of_type(item))
                axis += _consumed(item)
    if not advanced:
        return tuple(result)
    extra = broadcast_shapes(gathered)
    if extra is None:
        return None
    # Index arrays side by side leave their dimensions where they stood; apart from each other, in front.
    adjacent = places == list(range(places[0], places[0] + len(places)))
    at = insert_at if adjacent else 0
    return (*result[:at], *extra, *result[at:])


SLICE_ALL = Slice("slice", "absent", "absent", 1)


def _consumed(i: Type) -> int:
    if i in (NONE, ELLIPSIS):
        return 0
    if _is_array(i) and _is_mask(i):
        return len(shape_of_type(i) or (None,))
    return 1


def index_set_type(x: Value, index: Value, value: Value) -> Type:
    """The type of x after `x[index] = value`."""
    match x.type:
        case Array() | Unknown() | Opaque("object"):
            return x.type
        case List(item):
            stored: Type | None = value.type
            if isinstance(index.type, Opaque) and index.type.name == "slice":
                stored = value.type.item if isinstance(value.type, List) else UNKNOWN
            return List(stored if item is None else item if stored is None else join(item, stored))
        case Dict(entries):
            if entries is None or not isinstance(index, Constant):
                return Dict(None)
            key = index.value
            if any(type(k) is type(key) and k == key for k, _ in entries):
                return Dict(tuple((k, value.type if k == key else t) for k, t in entries))
            return Dict((*entries, (key, value.type)))
        case t:
            raise InferenceError(f"an element of {t} cannot be assigned")


def size_of_first(t: Type) -> Type:
    """The type of `len(x)`."""
    match t:
        case Array(_, shape):
            if shape == ():
                raise ShapeError("len() of an array without dimensions")
            return size_type(shape[0] if shape else None)
        case Tuple(items):
            return Size("int", len(items))
        case Dict(entries) if entries is not None:
            return Size("int", len(entries))
        case Scalar() | Opaque("None"):
            raise InferenceError(f"a value of type {t} has no len()")
        case _:
            return INT


__all__ = ["ELLIPSIS", "SLICE", "index_get_type", "index_set_type", "item_type", "make_slice_type", "size_of_first"]
