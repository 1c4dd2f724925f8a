"""Views that are no index: `x.T`, `x.reshape(2, 3)`, `np.flip(x)`; and whether NumPy makes a view or a copy.

In: a primitive, the values of its operands, and what is known of the memory of the first. Out: a `Lens` where the
result certainly is a view, so that a write on either side is seen on the other, exactly.

>>> from srcdiff.ir.types import Array
>>> from srcdiff.primitives.table import TABLE
>>> x = Value(Array("float64", (2, 3)))
>>> lens_of(TABLE["T"], (x,), Memory(), {}).back.name
'T'
>>> [lens_of(TABLE["np.ravel"], (x,), Memory(packed=p), {}) is None for p in (False, True)]
[True, False]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from srcdiff.frontend.objects import Lens, Memory, Operand, Result
from srcdiff.ir.core import Constant, Primitive, Value, constant
from srcdiff.ir.types import Array, Opaque, Scalar, Size, Tuple, Type
from srcdiff.primitives.table import TABLE

_RESHAPING = frozenset(("np.expand_dims", "np.squeeze", "np.atleast_1d", "np.atleast_2d", "np.atleast_3d"))
_FIXED = frozenset(("np.diagonal", "np.broadcast_to"))
_PACKED = frozenset(("np.zeros", "np.ones", "np.empty", "np.full", "np.arange", "np.linspace", "np.eye", "np.identity"))
_LIKE_OPERAND = frozenset(
    (
        *("add", "subtract", "multiply", "divide", "power", "negative", "copy"),
        *("np.zeros_like", "np.ones_like", "np.empty_like", "np.full_like"),
    )
)


def lens_of(
    primitive: Primitive, values: Sequence[Value], memory: Memory, tuples: Mapping[Value, tuple[Operand, ...]]
) -> Lens | None:
    """How the result of a primitive shows its first operand, an array with this memory; None where it may not."""
    base, rest = values[0].type, tuple(values[1:])
    if not isinstance(base, Array):
        return None
    match primitive.name:
        case "T":
            return Lens(primitive, rest, primitive)
        case "np.swapaxes" | "np.flip":
            return Lens(primitive, rest, primitive, rest)
        case "np.moveaxis":
            return Lens(primitive, rest, primitive, (rest[1], rest[0]))
        case "np.transpose":
            axes = rest[0]
            if isinstance(axes, Constant) and axes.value is None:
                return Lens(primitive, rest, primitive, rest)
            order = _integers(tuples.get(axes))
            if order is None:
                return None
            inverse = tuple(order.index(axis) for axis in range(len(order)))
            turned = replace(constant(inverse), type=Tuple(tuple(Size("int", axis) for axis in inverse)))
            return Lens(primitive, rest, primitive, (turned,))
        case "np.asarray":
            # The array itself, where no other dtype is asked for.
            same = isinstance(rest[0], Constant) and rest[0].value is None
            return Lens(primitive, rest, TABLE["identity"]) if same else None
        case "np.reshape":
            # An array of one axis has one distance between its elements: NumPy never copies it to reshape it.
            return Lens(primitive, rest) if memory.packed or _rank(base) == 1 else None
        case "np.ravel":
            return Lens(primitive, rest) if memory.packed else None
        case "np.diag":
            return Lens(primitive, rest, fixed=True) if _rank(base) == 2 else None
        case name if name in _FIXED:
            return Lens(primitive, rest, fixed=True)
        case name if name in _RESHAPING:
            return Lens(primitive, rest)
    return None


def _rank(t: Array) -> int | None:
    return None if t.shape is None else len(t.shape)


def _integers(items: tuple[Operand, ...] | None) -> tuple[int, ...] | None:
    """The constant axes in a tuple, counted from the front."""
    found: list[int] = []
    for item in items or ():
        if not isinstance(item, Result) or not isinstance(item.value, Constant) or type(item.value.value) is not int:
            return None
        found.append(item.value.value % len(items or ()))
    return tuple(found) if items and sorted(found) == list(range(len(found))) else None


def keeps_packed(primitive: Primitive) -> bool:
    """Whether a lens shows a packed array in the same order."""
    return primitive.name in _RESHAPING or primitive.name in ("np.reshape", "np.ravel", "np.asarray")


def is_packed(primitive: Primitive, operands: Sequence[Operand], memories: Sequence[Memory], type: Type) -> bool:
    """Whether a new array has its elements in C order without gaps."""
    if not isinstance(type, Array) or primitive.views:
        return False
    if primitive.name in _PACKED or (type.shape is not None and len(type.shape) <= 1):
        return True
    if primitive.name not in _LIKE_OPERAND:
        return False
    arrays = [m for o, m in zip(operands, memories, strict=True) if isinstance(o, Result) and _may_be_array(o.type)]
    return len(arrays) == 1 and arrays[0].packed


def _may_be_array(t: Type) -> bool:
    return not isinstance(t, Scalar | Opaque)


FLAT = Lens(TABLE["np.reshape"], (constant(-1),))
"""`x.flat`: all elements in C order, wherever they lie."""
