"""Derivatives of sorting and of choosing elements.

A sort is a permutation, and the derivative goes along: that of a stable sort where elements are equal. A running
extremum is the last element that equals it. Searches, counts and the values of `np.unique` have derivative 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from srcdiff.ir.types import NONE, Array, Scalar
from srcdiff.primitives.composite import composite, jvp_of, vjp_of
from srcdiff.primitives.forms import (
    NoRule,
    Operands,
    Tangents,
    is_none,
    jvp,
    non_differentiable,
    vjp,
    zeros_of,
)
from srcdiff.primitives.inference import dtype_of_type, shape_of_type
from srcdiff.primitives.rules_running import across, flat, is_vector, one_axis, part
from srcdiff.primitives.symbolic import Symbolic, np

non_differentiable(
    f"np.{name}" for name in ("argsort", "argpartition", "searchsorted", "digitize", "unique", "lexsort")
)


# Choosing elements: linear, and otherwise an index.


def _taken(a: Symbolic, indices: Symbolic, axis: Symbolic) -> Symbolic:
    return flat(a)[indices] if is_none(axis) else part(a, one_axis(axis), indices)


composite("np.take", _taken, linear_in=(0,))


def mesh(x: Symbolic, indices: Symbolic, axis: int) -> tuple[Symbolic, ...]:
    """The index of the elements that `np.take_along_axis` takes."""
    shape = shape_of_type(x.type)
    if shape is None:
        raise NoRule("the rank of an array is not known: annotate the parameter")
    rank, along = len(shape), axis % len(shape)
    index: list[Symbolic] = []
    for i, d in enumerate(shape):
        if i == along:
            index.append(indices)
            continue
        places = x.apply("np.arange", d if isinstance(d, int) else x.shape[i])
        index.append(across(places, rank - 1 - i))
    return tuple(index)


def _taken_along(arr: Symbolic, indices: Symbolic, axis: Symbolic) -> Symbolic:
    if is_none(axis) or is_vector(arr):
        return flat(arr)[indices]
    return arr[mesh(arr, indices, one_axis(axis))]


composite("np.take_along_axis", _taken_along, linear_in=(0,))
composite("np.extract", lambda condition, arr: flat(arr)[_mask(flat(condition))], linear_in=(1,))


def _mask(condition: Symbolic) -> Symbolic:
    return condition if dtype_of_type(condition.type) == "bool" else condition != 0


def _compressed(condition: Symbolic, a: Symbolic, axis: Symbolic) -> Symbolic:
    chosen = _mask(condition)
    return flat(a)[chosen] if is_none(axis) else part(a, one_axis(axis), chosen)


composite("np.compress", _compressed, linear_in=(1,))


@jvp("np.bincount")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    x, _weights, minlength = operands
    d = tangents[1]
    return None if d is None else y.apply("np.bincount", x, d, minlength)


@vjp("np.bincount")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    return [None, by[operands[0]] if wanted[1] else None, None]


# Sorting.


def _order(x: Symbolic, axis: Symbolic) -> Symbolic:
    return x.apply("np.argsort", x, axis, "stable")


def _permutation(y: Symbolic, x: Symbolic, axis: Symbolic) -> Symbolic:
    """Where the elements of y come from: both put in order."""
    ranks = _order(_order(y, axis), axis)
    order = _order(x, axis)
    return order[ranks] if is_vector(x) else y.apply("np.take_along_axis", order, ranks, axis)


def _rearranged(d: Symbolic, order: Symbolic, axis: Symbolic) -> Symbolic:
    return d[order] if is_vector(d) else d.apply("np.take_along_axis", d, order, axis)


def _put_back(by: Symbolic, order: Symbolic, x: Symbolic, axis: Symbolic) -> Symbolic:
    if is_vector(x):
        return by.apply("index_set", zeros_of(x), order, by)
    return by.apply("np.take_along_axis", by, _order(order, axis), axis)


def _sorting(name: str, axis_at: int) -> None:
    def source(y: Symbolic, x: Symbolic, axis: Symbolic) -> Symbolic:
        return _order(x, axis) if name == "np.sort" else _permutation(y, x, axis)

    def along(x: Symbolic, operands: Operands) -> Symbolic:
        axis = operands[axis_at]
        if is_none(axis):
            return x.constant(-1)
        one_axis(axis)
        return axis

    @jvp(name)
    def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
        x, d = operands[0], tangents[0]
        if d is None:
            return None
        if is_none(operands[axis_at]):
            x, d = flat(x), flat(d)
        axis = along(x, operands)
        return _rearranged(d, source(y, x, axis), axis)

    @vjp(name)
    def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
        nothing: list[Symbolic | None] = [None] * (len(operands) - 1)
        if not wanted[0]:
            return [None, *nothing]
        x = flat(operands[0]) if is_none(operands[axis_at]) else operands[0]
        axis = along(x, operands)
        bx = _put_back(by, source(y, x, axis), x, axis)
        return [bx if x is operands[0] else by.apply("np.reshape", bx, operands[0].shape), *nothing]


_sorting("np.sort", 1)
_sorting("np.partition", 2)


# Running extrema.


def _reached(y: Symbolic, x: Symbolic, axis: Symbolic) -> Symbolic:
    """Where the elements of y come from."""
    shape = shape_of_type(x.type)
    if shape is None:
        raise NoRule("the rank of an array is not known: annotate the parameter")
    along = one_axis(axis) % len(shape)
    d = shape[along]
    places = x.apply("np.arange", d if isinstance(d, int) else x.shape[along])
    records = np.where(x == y, across(places, len(shape) - 1 - along), 0)
    return x.apply("np.maximum.accumulate", records, along)


@jvp("np.maximum.accumulate", "np.minimum.accumulate")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    x, axis = operands
    d = tangents[0]
    return None if d is None else _rearranged(d, _reached(y, x, axis), axis)


@vjp("np.maximum.accumulate", "np.minimum.accumulate")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    x, axis = operands
    if not wanted[0]:
        return [None, None]
    source = _reached(y, x, axis)
    index = source if is_vector(x) else mesh(x, source, one_axis(axis))
    return [by.apply("index_add", zeros_of(x), index, by), None]


# Histograms: the counts have derivative 0, the edges that are computed go with the extrema.


def _edges(a: Symbolic, bins: Symbolic, span: Symbolic) -> Symbolic:
    if isinstance(bins.type, Array):
        return bins
    if not isinstance(bins.type, Scalar):
        raise NoRule("it is not known whether its bins are a number or the edges: annotate the parameter")
    first, last = (np.min(a), np.max(a)) if span.type == NONE else (span[0], span[1])
    edges: Symbolic = np.linspace(first, last, bins + 1)
    return edges


@jvp("np.histogram")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    d = jvp_of(_edges)(y[1], operands, tangents)
    return None if d is None else y.apply("make_tuple", y.apply("zeros_like", y[0]), d)


@vjp("np.histogram")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    return vjp_of(_edges)(y[1], operands, by[1], wanted)
