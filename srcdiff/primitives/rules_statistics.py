"""Derivatives of ranges, medians, quantiles and weighted means.

A quantile lies between two elements of the sorted array: the derivative goes to those that a stable sort puts there,
also where elements are equal; NaN is sorted last. It has a derivative in q too, between the elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from srcdiff.ir.core import Global
from srcdiff.ir.types import OBJECT, Scalar, is_container
from srcdiff.primitives.composite import composite, vjp_of
from srcdiff.primitives.forms import (
    NoRule,
    Operands,
    Tangents,
    constant_of,
    fit,
    fits,
    is_none,
    jvp,
    plus,
    vjp,
    zeros_of,
)
from srcdiff.primitives.inference import shape_of_type
from srcdiff.primitives.known import UNKNOWN_AXIS, axis_of, normal_axes
from srcdiff.primitives.rules_differences import laid_along
from srcdiff.primitives.rules_masked import not_nan
from srcdiff.primitives.rules_reductions import expand
from srcdiff.primitives.rules_running import flat, is_vector, part
from srcdiff.primitives.rules_selection import mesh
from srcdiff.primitives.symbolic import Symbolic, np


def _over(name: str, a: Symbolic, axis: Symbolic, keepdims: Symbolic) -> Symbolic:
    return a.apply(name, a, axis, keepdims)


composite("np.ptp", lambda *given: _over("np.max", *given) - _over("np.min", *given))


def _merged(a: Symbolic, axis: Symbolic) -> Symbolic:
    """`a` with what is reduced as one axis: its own, or the last where there are several."""
    axes, shape = axis_of(axis.value), shape_of_type(a.type)
    if axes is None:
        return flat(a)
    if isinstance(axes, int):
        return a
    if axes is UNKNOWN_AXIS:
        raise NoRule("axes chosen at run time have no rule: write them as a tuple")
    positions = None if shape is None else normal_axes(axes, len(shape))
    if shape is None or positions is None:
        raise NoRule("the rank of an array is not known: annotate the parameter")
    others = tuple(i for i in range(len(shape)) if i not in positions)
    moved = a.apply("np.transpose", a, (*others, *positions))
    return a.apply("np.reshape", moved, (*(_dimension(a, i) for i in others), -1))


def _merged_axis(x: Symbolic, axis: Symbolic) -> int:
    """Which axis of `_merged` that is."""
    axes, shape = axis_of(axis.value), shape_of_type(x.type)
    if shape is None:
        raise NoRule("the rank of an array is not known: annotate the parameter")
    return (axes if isinstance(axes, int) else -1) % len(shape)


def _dimension(a: Symbolic, i: int) -> Symbolic | int:
    shape = shape_of_type(a.type)
    known = None if shape is None else shape[i]
    return known if isinstance(known, int) else a.shape[i]


def _length(x: Symbolic, along: int) -> Symbolic | int:
    """The length of an axis."""
    return x.apply("size", x) if is_vector(x) and not isinstance(_dimension(x, 0), int) else _dimension(x, along)


def _kept_positions(a: Symbolic, axis: Symbolic, keepdims: Symbolic, lead: int) -> tuple[int, ...]:
    """The axes of size 1 that a reduction keeps, after `lead` axes of its own."""
    keep, shape = constant_of(keepdims), shape_of_type(a.type)
    if keep is None:
        raise NoRule("whether dimensions are kept is decided at run time: write True or False")
    if not keep:
        return ()
    positions = None if shape is None else normal_axes(axis_of(axis.value), len(shape))
    if positions is None:
        raise NoRule("the rank of an array is not known: annotate the parameter")
    return tuple(lead + p for p in positions)


Place = Symbolic | int
Weight = Symbolic | float


@dataclass(frozen=True)
class _Quantile:
    """A quantile as a sum of weighted elements of the sorted array.

    `x` is the array with what is reduced as one axis, `along`; `places` are positions in the order with their weights;
    `span` is how far the position moves when q goes from 0 to 1 (100 in percent), None where it goes in steps.
    `several`: q is a vector; `each`: rows have places of their own.
    """

    a: Symbolic
    axis: Symbolic
    keepdims: Symbolic
    x: Symbolic
    along: int
    places: list[tuple[Place, Weight]]
    span: Place | None = None
    percent: bool = False
    several: bool = False
    each: bool = False

    def index(self, order: Symbolic, place: Place) -> Symbolic:
        """Where along the axis the element of x is that stands at a place in the order."""
        if is_vector(self.x):
            return order[place]
        if self.each:
            return order.apply("np.take_along_axis", order, place, self.along)
        if self.several:
            return part(order, self.along, place)
        return order[(slice(None),) * self.along + (place, None)]

    def element(self, x: Symbolic, index: Symbolic) -> Symbolic:
        return x[index] if is_vector(x) else x.apply("np.take_along_axis", x, index, self.along)

    def order(self) -> Symbolic:
        return self.x.apply("np.argsort", self.x, _last(self.x, self.along), "stable")

    def out(self, found: Symbolic) -> Symbolic:
        """What was found along the axis, in the shape of the result."""
        if not is_vector(self.x) and self.several:
            found = found if self.along == 0 else found.apply("np.moveaxis", found, self.along, 0)
        elif not is_vector(self.x):
            found = part(found, self.along, 0)
        kept = _kept_positions(self.a, self.axis, self.keepdims, self.several)
        return found.apply("np.expand_dims", found, kept) if kept else found

    def back(self, by: Symbolic) -> Symbolic:
        """The adjoint of the result, along the axis."""
        kept = _kept_positions(self.a, self.axis, self.keepdims, self.several)
        if kept:
            by = by.apply("np.squeeze", by, kept)
        if is_vector(self.x):
            return by
        if self.several:
            return by if self.along == 0 else by.apply("np.moveaxis", by, 0, self.along)
        return by.apply("np.expand_dims", by, self.along)


def _moved(quantile: _Quantile, d: Symbolic | None, moved_q: Symbolic | None) -> Symbolic | None:
    """The tangent, from those of the array and of q."""
    order, total = quantile.order(), None
    for place, weight in quantile.places:
        index = quantile.index(order, place)
        if d is not None:
            total = plus(total, _weighted(weight, quantile.element(_merged(d, quantile.axis), index)))
    if moved_q is not None:
        apart = quantile.several and not is_vector(quantile.x)
        moved_q = laid_along(moved_q, quantile.x, quantile.along) if apart else moved_q
        total = plus(total, _rise(quantile, order) * moved_q)
    return None if total is None else quantile.out(total)


def _last(x: Symbolic, along: int) -> int:
    """The axis, as NumPy's default where it is the last."""
    shape = shape_of_type(x.type)
    return -1 if shape is not None and along == len(shape) - 1 else along


def _weighted(weight: Weight, x: Symbolic) -> Symbolic:
    return x if isinstance(weight, float) and weight == 1.0 else weight * x


def _rise(quantile: _Quantile, order: Symbolic) -> Symbolic:
    """How fast a quantile grows with q: as up to the next element, or at the end from the last but one."""
    if quantile.span is None:
        return quantile.x.constant(0.0)
    place, last = quantile.places[0][0], quantile.span - 1
    if isinstance(place, Symbolic) or isinstance(last, Symbolic):
        numbers = not isinstance(place, Symbolic) or isinstance(place.type, Scalar)
        place = order.apply("min" if numbers else "np.minimum", place, last)
    else:
        place = min(place, last)
    low, high = (quantile.element(quantile.x, quantile.index(order, p)) for p in (place, place + 1))
    return (high - low) * (quantile.span / 100.0 if quantile.percent else quantile.span)


def _pulled(quantile: _Quantile, by: Symbolic) -> Symbolic:
    """The adjoint of the array."""
    order, g, x = quantile.order(), quantile.back(by), quantile.x
    bx = zeros_of(x)
    for place, weight in quantile.places:
        index = quantile.index(order, place)
        whole = index if is_vector(x) else mesh(x, index, quantile.along)
        bx = bx.apply("index_add", bx, whole, _weighted(weight, g))
    if x.value is quantile.a.value:
        return bx
    (ba, _) = vjp_of(_merged)(x, (quantile.a, quantile.axis), bx, (True, False))
    assert ba is not None
    return ba


# Medians.


def _numbers(x: Symbolic, along: int, without_nan: bool) -> Symbolic | int:
    """How many elements there are along an axis, NaN left out or not."""
    if without_nan:
        return x.apply("np.count_nonzero", not_nan(x), *((None, False) if is_vector(x) else (along, True)))
    return _length(x, along)


def _medians(name: str, without_nan: bool) -> None:
    def quantile(operands: Operands) -> _Quantile:
        a, axis, keepdims = operands
        x = _merged(a, axis)
        along = _merged_axis(x, axis)
        n = _numbers(x, along, without_nan)
        middle = isinstance(n, int) and n % 2 == 1
        places: list[tuple[Place, Weight]] = [(n // 2, 1.0)] if middle else [((n - 1) // 2, 0.5), (n // 2, 0.5)]
        return _Quantile(a, axis, keepdims, x, along, places, each=without_nan)

    @jvp(name)
    def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
        return None if tangents[0] is None else _moved(quantile(operands), tangents[0], None)

    @vjp(name)
    def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
        return [_pulled(quantile(operands), by) if wanted[0] else None, None, None]


_medians("np.median", False)
_medians("np.nanmedian", True)


# Quantiles.


def _between(position: Symbolic | float) -> tuple[Place, Place, Weight]:
    """The places between which a position lies, and how far it is from the first."""
    if isinstance(position, int | float):
        low = int(position // 1)
        return low, low + (position > low), position - low
    floor, ceiling = np.floor(position), np.ceil(position)
    if isinstance(position.type, Scalar):
        return position.apply("int", floor), position.apply("int", ceiling), position - floor
    whole = Global(OBJECT, module="builtins", attribute="int")
    return position.apply("astype", floor, whole), position.apply("astype", ceiling, whole), position - floor


def _interpolated(method: object, low: Place, high: Place, t: Weight) -> list[tuple[Place, Weight]]:
    match method:
        case "linear" if not isinstance(t, Symbolic) and t == 0:
            return [(low, 1.0)]
        case "linear":
            return [(low, 1.0 - t), (high, t)]
        case "lower":
            return [(low, 1.0)]
        case "higher":
            return [(high, 1.0)]
        case "midpoint":
            return [(low, 0.5), (high, 0.5)]
    raise NoRule(f"the method {method!r} has no rule: 'linear', 'lower', 'higher' and 'midpoint' have one")


def _quantiles(name: str, percent: bool, without_nan: bool) -> None:
    def quantile(operands: Operands) -> _Quantile:
        a, q, axis, method, keepdims = operands
        if is_container(q.type):
            q = q.apply("np.array", q)
        shape = shape_of_type(q.type)
        if shape is None or len(shape) > 1:
            raise NoRule("quantiles need a number or a vector of them: annotate the parameter")
        x = _merged(a, axis)
        along = _merged_axis(x, axis)
        n, known, several = _numbers(x, along, without_nan), constant_of(q), len(shape) == 1
        apart = several and not is_vector(x)
        fraction: Weight = (laid_along(q, x, along) if apart and without_nan else q) if known is None else known
        span = n - 1
        low, high, t = _between((fraction / 100.0 if percent else fraction) * span)
        if apart and not without_nan and isinstance(t, Symbolic):
            t = laid_along(t, x, along)
        smooth = span if constant_of(method) == "linear" else None
        places = _interpolated(constant_of(method), low, high, t)
        return _Quantile(a, axis, keepdims, x, along, places, smooth, percent, several, without_nan)

    @jvp(name)
    def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
        d, moved_q = tangents[:2]
        return None if d is None and moved_q is None else _moved(quantile(operands), d, moved_q)

    @vjp(name)
    def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
        made = quantile(operands)
        moved_q: Symbolic | None = None
        if wanted[1]:
            grown = made.back(by) * _rise(made, made.order())
            if made.several and not is_vector(made.x):
                grown = grown.apply("np.moveaxis", grown, made.along, -1)
            moved_q = fit(grown, operands[1])
        return [_pulled(made, by) if wanted[0] else None, moved_q, None, None, None]


_quantiles("np.quantile", False, False)
_quantiles("np.percentile", True, False)
_quantiles("np.nanquantile", False, True)
_quantiles("np.nanpercentile", True, True)


# A weighted mean y = sum(w x) / sum(w):   dy = sum(w dx + (x - y) dw) / sum(w)


def _lie_along(a: Symbolic, axis: Symbolic, weights: Symbolic) -> bool:
    """Whether the weights are a vector along one axis of a larger array."""
    return is_vector(weights) and isinstance(axis_of(axis.value), int) and not is_vector(a)


def _total(a: Symbolic, axis: Symbolic, weights: Symbolic, keepdims: Symbolic) -> Symbolic:
    """The sum of the weights of each mean."""
    if _lie_along(a, axis, weights):
        return weights.sum()
    return a.apply("np.sum", weights, axis, keepdims)


def _weights(a: Symbolic, axis: Symbolic, weights: Symbolic) -> Symbolic:
    """The weights beside the elements."""
    axes = axis_of(axis.value)
    if _lie_along(a, axis, weights) and isinstance(axes, int):
        return laid_along(weights, a, axes)
    if axes is None or fits(a.type, weights.type):
        return weights
    shape, own = shape_of_type(a.type), shape_of_type(weights.type)
    if shape is not None and own is not None and len(shape) == len(own):
        return weights
    raise NoRule("the weights need the shape of the array, or to be a vector along one axis, known to be one")


@jvp("np.average")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    a, axis, weights, keepdims = operands
    d, dw = tangents[0], tangents[2]
    if d is None and dw is None:
        return None
    if is_none(weights):
        return None if d is None else y.apply("np.mean", d, axis, keepdims)
    w = _weights(a, axis, weights)
    moved = plus(
        None if d is None else w * d,
        None if dw is None else (a - expand(y, a, axis, keepdims)) * _weights(a, axis, dw),
    )
    return None if moved is None else y.apply("np.sum", moved, axis, keepdims) / _total(a, axis, weights, keepdims)


@vjp("np.average")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    a, axis, weights, keepdims = operands
    if is_none(weights):
        mean = vjp_of(lambda x, along, none, keep: x.apply("np.mean", x, along, keep))
        return mean(y, operands, by, wanted)
    w = _weights(a, axis, weights)
    share = expand(by / _total(a, axis, weights, keepdims), a, axis, keepdims)
    bw: Symbolic | None = None
    if wanted[2]:
        bw = fit(share * (a - expand(y, a, axis, keepdims)), w)
        if w is not weights:
            bw = bw.apply("np.reshape", bw, weights.shape)
    return [share * w if wanted[0] else None, None, bw, None]
