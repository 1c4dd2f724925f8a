"""Elements and parts of stacks of directions: a full slice in front of the index, `dx[:, i]`."""

from __future__ import annotations

from srcdiff.ir.types import (
    NONE,
    Array,
    Dict,
    List,
    Opaque,
    Scalar,
    Tuple,
    Type,
    Unknown,
    is_container,
    is_differentiable,
)
from srcdiff.primitives.directions_containers import as_stack, check_leaf
from srcdiff.primitives.directions_core import Stacks, as_array, rule, tuple_parts, with_axes
from srcdiff.primitives.indexing import ELLIPSIS, index_get_type, item_type
from srcdiff.primitives.inference import broadcast_shapes, rank_of_type, shape_of_type
from srcdiff.primitives.symbolic import Symbolic


def index_types(s: Stacks) -> tuple[Type, ...]:
    """The types of the items of the index (the operand at position 1)."""
    t = item_type(s.apply.operands[1])
    return t.items if isinstance(t, Tuple) else (t,)


def _is_array(t: Type) -> bool:
    return isinstance(t, Array | List | Tuple)


def stack_index(s: Stacks) -> tuple[object, int] | None:
    """The index of the same place in a stack, and where the axis of directions then stands: not in front where index
    arrays with something between them move their axes there. None where the index is not known well enough."""
    items = index_types(s)
    if s.stacked[1]:
        return None
    if any(isinstance(t, Unknown | Dict) or t in (Opaque("object"), Scalar("bool")) for t in items):
        return None
    parts = tuple_parts(s[1]) if isinstance(s[1].type, Tuple) else [s[1]]
    index = tuple(parts) if items and items[0] == ELLIPSIS else (slice(None), *parts)
    if not any(map(_is_array, items)):
        return index, 0
    places = [i for i, t in enumerate(items) if _is_array(t) or isinstance(t, Scalar)]
    between = items[places[0] : places[-1] + 1]
    if len(between) == len(places):
        return index, 0
    gathered = broadcast_shapes([shape_of_type(t) for t in items if _is_array(t)])
    masks = any(_is_array(t) and _may_be_mask(t) for t in items)
    if gathered is None or masks or ELLIPSIS in between:
        return None
    return index, len(gathered)


def _may_be_mask(t: Type) -> bool:
    return not isinstance(t, Array) or t.dtype is None or not t.dtype.startswith(("int", "uint"))


@rule("index_get")
def _(s: Stacks) -> Symbolic | None:
    if is_container(s.type(0)):
        return s.same()
    if not isinstance(s.type(0), Array) and not isinstance(s[0].type, Array):
        raise s.fail("it is not known whether an array, a list or a dict is indexed")
    found = stack_index(s)
    if found is None:
        return None
    index, place = found
    part = s[0][index]
    return part.apply("np.moveaxis", part, place, 0) if place else part


@rule("index_set", "index_add")
def _(s: Stacks) -> Symbolic | None:
    if is_container(s.type(0)):
        return _set_item(s)
    if not isinstance(s.type(0), Array) and not isinstance(s[0].type, Array):
        raise s.fail("it is not known whether an array, a list or a dict is written")
    found = stack_index(s)
    place = rank_of_type(index_get_type(s.apply.operands[0], s.apply.operands[1]))
    if found is None:
        return None
    index, before = found
    value = _written(s, place, before)
    return None if value is None else s.call(as_stack(s, 0), index, value)


def _written(s: Stacks, place: int | None, before: int) -> Symbolic | None:
    """The value, its directions where the place that it is written to has them: `place` is the rank of the place in one
    direction, of whose axes `before` come before the axis of directions."""
    value: Symbolic | None = s[2]
    if s.stacked[2] and is_container(s.type(2)):
        value = as_array(s[2], s.type(2))
    own = s.rank(2)
    if value is None or (place is None and (s.stacked[2] or before)):
        return None
    if not s.stacked[2]:
        if before == 0 or own == 0:
            return value
        assert place is not None
        # The axis of directions lies between those of the index arrays and the others.
        behind = place - before
        if own is None or is_container(s.type(2)) or own > place:
            return None
        return value.apply("np.expand_dims", value, own - behind) if own > behind else value
    assert place is not None
    if own is None:
        return None
    if own > place:
        # NumPy writes an array with leading axes of size 1 into a place without them.
        first = (slice(None), *(0,) * (own - place))
        value = value[first]
    value = with_axes(value, max(place - own, 0))
    return value.apply("np.moveaxis", value, 0, before) if before else value


def _set_item(s: Stacks) -> Symbolic | None:
    """An element of a list, dict or tuple."""
    check_leaf(s, 2)
    t = s.apply.result.type
    item: Type = s.type(2)
    index = s.type(1)
    if isinstance(t, List) and t.item is not None and not (isinstance(index, Opaque) and index.name == "slice"):
        item = t.item
    elif isinstance(t, Tuple):
        item = _leaf_type(t, s)
    if isinstance(item, Scalar | Array) and isinstance(s.type(2), Scalar | Array) and rank_of_type(item) != s.rank(2):
        raise s.fail(f"a value of type {s.type(2)} becomes an element of type {item}")
    if s.type(2) == NONE or not is_differentiable(item):
        return s.call(as_stack(s, 0, t), s[1], s[2])
    return s.call(as_stack(s, 0, s.type(0) if isinstance(t, Dict) else t), s[1], as_stack(s, 2, item))


def _leaf_type(t: Tuple, s: Stacks) -> Type:
    found = index_get_type(s.apply.result, s.apply.operands[1])
    return found if isinstance(found, Scalar | Array | Tuple | List | Dict) else s.type(2)
