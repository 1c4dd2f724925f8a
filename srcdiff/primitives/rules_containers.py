"""Derivatives of containers, indexing and Python's builtin functions.

A derivative of a list, tuple or dict is a container of the same structure; what carries none has 0.0 or None in its
place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from srcdiff.ir.core import Constant
from srcdiff.ir.types import Array, Dict, List, Opaque, Record, Scalar, Tuple, Type, Unknown, is_container
from srcdiff.primitives.forms import (
    RULES,
    NoRule,
    Operands,
    Rule,
    Tangents,
    constant_of,
    fit,
    jvp,
    linear,
    non_differentiable,
    plus,
    spread,
    vjp,
    zeros_of,
)
from srcdiff.primitives.indexing import may_repeat
from srcdiff.primitives.indices import INDICES
from srcdiff.primitives.rules_joining import display
from srcdiff.primitives.rules_shapes import unpack
from srcdiff.primitives.symbolic import Symbolic

non_differentiable(
    (
        *(
            "make_slice",
            "get_attribute",
            "last_written",
            "settled",
            "stop_gradient",
            "next_snapshot",
            "zeros_if_defined",
            "range",
            "len",
            "keys",
            "int",
            "bool",
            "str",
            "round",
            "zeros_like",
            "fstring",
            "formatted",
            "count_numbers",
            "count_directions",
            "unit_directions",
        ),
    )
)


def zero(x: Symbolic) -> Symbolic:
    """The zero derivative of a value that has none: 0.0 for a number, None for what is not one."""
    match x.type:
        case Scalar():
            return x.constant(0.0)
        case Opaque(name) if name != "object":
            return x.constant(None)
        case _:
            return zeros_of(x)


non_differentiable(INDICES)

# Displays.


@jvp("make_tuple", "make_list")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    items = [zero(x) if d is None else d for x, d in zip(operands, tangents, strict=True)]
    return y.apply("make_tuple" if isinstance(y.type, Tuple) else "make_list", *items)


@vjp("make_tuple", "make_list")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    return [by[i] if want else None for i, want in enumerate(wanted)]


@jvp("make_record")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    pairs = zip(operands[1:], tangents[1:], strict=True)
    return y.apply("make_record", operands[0], *(zero(x) if d is None else d for x, d in pairs))


@vjp("make_record")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    _require_record(y, by)
    return [by[i - 1] if want and i else None for i, want in enumerate(wanted)]


def _require_record(x: Symbolic, derivative: Symbolic) -> None:
    """The derivative of a record is one too, for its fields are read by name."""
    if isinstance(x.type, Record) and not isinstance(derivative.type, Record):
        raise NoRule(f"it is not known here that its derivative is a {x.type.made.name}")


@jvp("make_dict")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    parts: list[Symbolic] = []
    for i in range(0, len(operands), 2):
        d = tangents[i + 1]
        parts += [operands[i], zero(operands[i + 1]) if d is None else d]
    return y.apply("make_dict", *parts)


@vjp("make_dict")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    return [by[operands[i - 1]] if want and i % 2 else None for i, want in enumerate(wanted)]


# Indexing.


def copied(g: Symbolic) -> Symbolic:
    """A part of an adjoint that must not change with it."""
    return g if isinstance(g.type, Scalar) else g.apply("copy", g)


def _slot(by: Symbolic, index: Symbolic, value: Symbolic, kept: Symbolic | None = None) -> Symbolic:
    """The adjoint of a value written to `x[index]`; `kept` says which of repeated writes of an element stays."""
    g = by[index]
    if kept is not None:
        g = g * kept
    if isinstance(value.type, List | Tuple) and isinstance(by.type, Array):
        return unpack(g, value)
    if is_container(by.type):
        return copied(g)
    if isinstance(by.type, Unknown) and isinstance(value.type, Unknown):
        return g.apply("item_adjoint", g, value)
    part = fit(g, value)
    return copied(g) if part is g else part


linear("item_adjoint", {0: lambda by, y, g, x: by.apply("spread_item", by, g)})
linear("spread_item", {0: lambda by, y, g, x: by.apply("item_adjoint", by, g)})


@jvp("index_get")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    d = tangents[0]
    if d is not None:
        _require_record(operands[0], d)
    return None if d is None else d[operands[1]]


@vjp("index_get")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    x, index = operands
    return [by.apply("index_add", zeros_of(x), index, by) if wanted[0] else None, None]


@jvp("index_set")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (x, index, value), (dx, _, dv) = operands, tangents
    if dx is None and dv is None:
        return None
    if _is_number(x, index):
        return dv
    return y.apply("index_set", zeros_of(x) if dx is None else dx, index, _written_zero(x, value) if dv is None else dv)


def _written_zero(x: Symbolic, value: Symbolic) -> Symbolic:
    return value.constant(0.0) if isinstance(x.type, Array) else zero(value)


@vjp("index_set")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    x, index, value = operands
    if _is_number(x, index):
        return [None, None, fit(by, value) if wanted[2] else None]
    bv = None
    if wanted[2]:
        kept = by.apply("last_written", x, index) if may_repeat(x.type, index.type) else None
        bv = _slot(by, index, value, kept)
    bx = _cleared(by, x, index) if wanted[0] else None
    return [bx, None, bv]


def _is_number(x: Symbolic, index: Symbolic) -> bool:
    """Whether `x[index]` is the whole of an array without axes, whose derivatives are plain numbers."""
    if not isinstance(x.type, Array) or x.type.shape != ():
        return False
    if constant_of(index) is not Ellipsis and index.type != Tuple(()):
        raise NoRule("an array without axes is written as a whole: x[...] = v")
    return True


def _cleared(by: Symbolic, x: Symbolic, index: Symbolic) -> Symbolic:
    """The adjoint of x before `x[index] = value`: nothing comes from what was overwritten."""
    match x.type:
        case List(item) if not isinstance(item, Scalar) or _is_slice(index.type):
            return by.apply("index_set", by, index, zeros_of(x[index]))
        case Dict(entries) if entries is not None and isinstance(index.value, Constant):
            return by.apply("make_dict", *_cleared_entries(by, x, index.value.value, entries))
        case Dict():
            # The key may be new, and then the adjoint of the old dict lacks it.
            return by.apply("clear_item", by, x, index)
        case _:
            return by.apply("index_set", by, index, 0.0)


def _cleared_entries(
    by: Symbolic, x: Symbolic, written: object, entries: tuple[tuple[object, Type], ...]
) -> Iterator[Symbolic]:
    """Key, adjoint, key, adjoint... of the dict x before its entry `written` was."""
    for key, t in entries:
        known = x.constant(key)
        yield known
        if type(key) is not type(written) or key != written:
            yield by[known]
        else:
            yield x.constant(0.0) if isinstance(t, Scalar) else zeros_of(x[known])


def _is_slice(t: Type) -> bool:
    return isinstance(t, Opaque) and t.name == "slice"


linear(
    "clear_item",
    {0: lambda bz, z, b, x, index: bz.apply("index_set", bz, index, zeros_of(b[index]))},
)


@jvp("index_add")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (x, index, _), (dx, _, dv) = operands, tangents
    if dv is None:
        return None if dx is None else spread(dx, y) if isinstance(y.type, Array) else dx
    return y.apply("index_add", zeros_of(x) if dx is None else dx, index, dv)


@vjp("index_add")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    return [by if wanted[0] else None, None, _slot(by, operands[1], operands[2]) if wanted[2] else None]


# Lists.


@jvp("append")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (items, item), (ditems, ditem) = operands, tangents
    if ditems is None and ditem is None:
        return None
    return y.apply("append", zeros_of(items) if ditems is None else ditems, zero(item) if ditem is None else ditem)


@vjp("append")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    return [by.apply("drop_last", by) if wanted[0] else None, by[-1] if wanted[1] else None]


@jvp("drop_last")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    d = tangents[0]
    return None if d is None else y.apply("drop_last", d)


@vjp("drop_last")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    (items,) = operands
    last = by.constant(0.0) if _item_is_number(items.type) else zeros_of(items[-1])
    return [by.apply("append", by, last) if wanted[0] else None]


def _item_is_number(t: Type) -> bool:
    return isinstance(t, List) and isinstance(t.item, Scalar)


def _list_back(by: Symbolic, y: Symbolic, x: Symbolic) -> Symbolic:
    match x.type:
        case List():
            return by
        case Tuple(items):
            return by.display(x.type, *(by[i] for i in range(len(items))))
        case Array(_, shape) if isinstance(by.type, Tuple) and by.type.items and shape is not None:
            return by.apply("np.array", display(by, *(by[i] for i in range(len(by.type.items)))))
        case Array(_, shape):
            stacked = by.apply("np.array", by)
            return stacked if shape is not None and len(shape) == 1 else by.apply("np.reshape", stacked, x.shape)
        case _:
            raise NoRule("what it makes a list or tuple of must be known to be a list, a tuple or an array")


linear("list", {0: _list_back})
linear("tuple", {0: lambda by, y, x: by.apply("list", by) if isinstance(x.type, List) else _list_back(by, y, x)})

linear("reversed", {0: lambda by, y, x: by.apply("reversed", by)})
linear("spread_over", {0: lambda by, y, g, items: by.apply("sum", by, zeros_of(g))})
linear("fold", {0: lambda by, y, g, x: by * (g.apply("len", g) // g.apply("len", x))})


def _order(x: Symbolic, reverse: Symbolic) -> Symbolic:
    """The permutation that sorts x, equal values in their order as Python leaves them."""
    if not isinstance(constant_of(reverse), bool):
        raise NoRule("the order of sorted() must be a constant")
    values = x.apply("np.array", x)
    return x.apply("np.argsort", -values if constant_of(reverse) else values, -1)


@jvp("sorted")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    d = tangents[0]
    return None if d is None else y.apply("list", y.apply("np.array", d)[_order(*operands)])


@vjp("sorted")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    (x, reverse) = operands
    if not wanted[0]:
        return [None, None]
    values = by.apply("np.array", by)
    placed = by.apply("index_set", by.apply("np.zeros_like", values), _order(x, reverse), values)
    return [unpack(placed, x), None]


def _of_keys(name: str) -> None:
    """The items of a dict are its keys, which carry no derivative where they are known."""
    rule = RULES[name]

    def fixed(x: Symbolic) -> bool:
        if x.type == Dict(None):
            raise NoRule("the keys of a dict that is filled here may depend on what is differentiated: keep them apart")
        return isinstance(x.type, Dict)

    def jvp_rule(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
        if tangents[0] is None or fixed(operands[0]):
            return None
        return rule.jvp(y, operands, tangents)

    def vjp_rule(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
        if wanted[0] and fixed(operands[0]):
            return [None] * len(operands)
        return rule.vjp(y, operands, by, wanted)

    RULES[name] = Rule(jvp_rule, vjp_rule)


for _name in ("list", "tuple", "sorted"):
    _of_keys(_name)


# Numbers.

linear("float", {0: lambda by, y, x: spread(by, x)})
linear("identity", {0: lambda by, y, x: by})
linear("copy", {0: lambda by, y, x: by})
linear("accumulate", {0: lambda by, y, a, b: by, 1: lambda by, y, a, b: by})


@jvp("accumulate")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    da, db = tangents
    if da is None or db is None:
        return plus(da, db)
    return y.apply("accumulate", da, db)
