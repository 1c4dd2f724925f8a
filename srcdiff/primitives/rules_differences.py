"""Derivatives of differences, integrals and gradients along an axis, and of sums of exponentials.

The first are linear in the values of the function, and otherwise what they are made of. A logarithm of a sum that is
-inf, because nothing is summed, has derivative 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from srcdiff.ir.types import Array, Scalar
from srcdiff.primitives.composite import composite, jvp_of, vjp_of
from srcdiff.primitives.forms import (
    NoRule,
    Operands,
    Tangents,
    constant_of,
    is_none,
    jvp,
    plus,
    vjp,
    zeros_of,
)
from srcdiff.primitives.inference import shape_of_type
from srcdiff.primitives.rules_reductions import expand
from srcdiff.primitives.rules_running import across, flat, index_along, is_vector, joined, one_axis, part
from srcdiff.primitives.symbolic import Symbolic, np


def laid_along(d: Symbolic, y: Symbolic, axis: int) -> Symbolic:
    """A vector laid along one axis of y."""
    shape = shape_of_type(y.type)
    if shape is None and axis >= 0:
        raise NoRule("the rank of an array is not known: annotate the parameter")
    after = -axis - 1 if axis < 0 or shape is None else len(shape) - 1 - axis
    return across(d, after)


def _extended(a: Symbolic, extra: Symbolic, axis: int) -> Symbolic:
    """What stands before or after `a`: a number stands for as many as there are beside it."""
    if isinstance(extra.type, Array) and extra.type.shape != ():
        return extra
    if not isinstance(extra.type, Scalar | Array):
        raise NoRule("it is not known whether what is put before or after is a number or an array")
    return a.apply("np.full_like", part(a, axis, slice(None, 1)), extra, None)


def _difference(a: Symbolic, n: Symbolic, axis: Symbolic, prepend: Symbolic, append: Symbolic) -> Symbolic:
    along, times = one_axis(axis), constant_of(n)
    if not isinstance(times, int):
        raise NoRule("how many times is decided at run time: write the number")
    parts = [a]
    if not is_none(prepend):
        parts.insert(0, _extended(a, prepend, along))
    if not is_none(append):
        parts.append(_extended(a, append, along))
    x = joined(parts, along) if len(parts) > 1 else a
    for _ in range(times):
        x = part(x, along, slice(1, None)) - part(x, along, slice(None, -1))
    return x


composite("np.diff", _difference, linear_in=(0, 3, 4))


def _flat_difference(ary: Symbolic, to_end: Symbolic, to_begin: Symbolic) -> Symbolic:
    x = flat(ary)
    parts = [x[1:] - x[:-1]]
    if not is_none(to_begin):
        parts.insert(0, x.apply("np.ravel", x.apply("np.atleast_1d", to_begin)))
    if not is_none(to_end):
        parts.append(x.apply("np.ravel", x.apply("np.atleast_1d", to_end)))
    return joined(parts, 0) if len(parts) > 1 else parts[0]


composite("np.ediff1d", _flat_difference)


def _trapezoid(y: Symbolic, x: Symbolic, dx: Symbolic, axis: Symbolic) -> Symbolic:
    along = one_axis(axis)
    pairs = part(y, along, slice(1, None)) + part(y, along, slice(None, -1))
    if is_none(x):
        return y.apply("np.sum", 0.5 * dx * pairs, along)
    if is_vector(x):
        return y.apply("np.sum", 0.5 * laid_along(x[1:] - x[:-1], y, along) * pairs, along)
    if along != -1 and shape_of_type(x.type) is None:
        # A vector lies along the axis, an array of the shape of y beside it.
        raise NoRule("it is not known whether the coordinates are a vector: annotate them")
    widths = part(x, along, slice(1, None)) - part(x, along, slice(None, -1))
    return y.apply("np.sum", 0.5 * widths * pairs, along)


composite("np.trapezoid", _trapezoid, linear_in=(0,))
composite("np.trapz", _trapezoid, linear_in=(0,))


# np.gradient: y[target] = sum(weight * f[source]) / divisor at the first place, between, and at the last.

Places = int | slice
Term = tuple[Places, "Symbolic | float", list[tuple[Places, "Symbolic | float"]]]
_INNER = slice(1, -1)


def _gradient_terms(f: Symbolic, spacing: Symbolic, along: int, edge_order: Symbolic) -> list[Term]:
    order = constant_of(edge_order)
    if order not in (1, 2):
        raise NoRule("the order at the edges is 1 or 2, a number in the program")
    if isinstance(spacing.type, Scalar):
        return _even_terms(spacing, order == 2)
    if is_vector(spacing):
        return _uneven_terms(f, spacing[1:] - spacing[:-1], along, order == 2)
    raise NoRule("it is not known whether the spacing is a number or the coordinates: annotate the parameter")


def _even_terms(h: Symbolic, second: bool) -> list[Term]:
    first: list[tuple[Places, Symbolic | float]] = [(1, 1.0), (0, -1.0)]
    last: list[tuple[Places, Symbolic | float]] = [(-1, 1.0), (-2, -1.0)]
    if second:
        first, last = [(0, -1.5), (1, 2.0), (2, -0.5)], [(-1, 1.5), (-2, -2.0), (-3, 0.5)]
    known = constant_of(h)
    step: Symbolic | float = h if known is None else known
    return [(0, step, first), (_INNER, 2.0 * step, [(slice(2, None), 1.0), (slice(None, -2), -1.0)]), (-1, step, last)]


def _uneven_terms(f: Symbolic, d: Symbolic, along: int, second: bool) -> list[Term]:
    """From the differences `d` of the coordinates: the parabola through three neighbours (Fornberg 1988)."""

    def parabola(p: Symbolic, q: Symbolic, at: int) -> tuple[Symbolic, Symbolic, Symbolic]:
        # The derivative at the first, second or third of three points whose distances are p and q.
        return (
            (-(2.0 * p + q) / (p * (p + q)), (p + q) / (p * q), -p / (q * (p + q))),
            (-q / (p * (p + q)), (q - p) / (p * q), p / (q * (p + q))),
            (q / (p * (p + q)), -(p + q) / (p * q), (2.0 * q + p) / (q * (p + q))),
        )[at]

    inner = [laid_along(w, f, along) for w in parabola(d[:-1], d[1:], 1)]
    middle: Term = (_INNER, 1.0, list(zip((slice(None, -2), _INNER, slice(2, None)), inner, strict=True)))
    if not second:
        return [(0, d[0], [(1, 1.0), (0, -1.0)]), middle, (-1, d[-1], [(-1, 1.0), (-2, -1.0)])]
    first, last = parabola(d[0], d[1], 0), parabola(d[-2], d[-1], 2)
    return [
        (0, 1.0, list(zip((0, 1, 2), first, strict=True))),
        middle,
        (-1, 1.0, list(zip((-3, -2, -1), last, strict=True))),
    ]


def _times(weight: Symbolic | float, x: Symbolic) -> Symbolic:
    if isinstance(weight, float) and abs(weight) == 1.0:
        return x if weight > 0 else -x
    return weight * x


def _over(x: Symbolic, divisor: Symbolic | float) -> Symbolic:
    return x if isinstance(divisor, float) and divisor == 1.0 else x / divisor


def _gradient(f: Symbolic, spacing: Symbolic, axis: Symbolic, edge_order: Symbolic) -> Symbolic:
    along = _gradient_axis(f, axis)
    parts: list[Symbolic] = []
    for _, divisor, terms in _gradient_terms(f, spacing, along, edge_order):
        total: Symbolic | None = None
        for source, weight in terms:
            place = source if isinstance(source, slice) else slice(source, None if source == -1 else source + 1)
            total = plus(total, _times(weight, part(f, along, place)))
        assert total is not None
        parts.append(_over(total, divisor))
    return joined(parts, along)


def _gradient_axis(f: Symbolic, axis: Symbolic) -> int:
    return 0 if is_none(axis) and is_vector(f) else one_axis(axis)


_SPACING = vjp_of(_gradient)


@jvp("np.gradient(spacing)")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    _, spacing, axis, edge_order = operands
    d, moved = tangents[:2]
    along_f = None if d is None else y.apply("np.gradient(spacing)", d, spacing, axis, edge_order)
    if moved is None:
        return along_f
    if isinstance(spacing.type, Scalar):
        return plus(along_f, -y * moved / spacing)
    return jvp_of(_gradient)(y, operands, tangents)


@vjp("np.gradient(spacing)")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    f, spacing, axis, edge_order = operands
    bf = _gradient_back(by, f, spacing, axis, edge_order) if wanted[0] else None
    moved: Symbolic | None = None
    if wanted[1]:
        even = isinstance(spacing.type, Scalar)
        moved = -np.sum(by * y) / spacing if even else _SPACING(y, operands, by, (False, True, False, False))[1]
    return [bf, moved, None, None]


def _gradient_back(by: Symbolic, f: Symbolic, spacing: Symbolic, axis: Symbolic, edge_order: Symbolic) -> Symbolic:
    along = _gradient_axis(f, axis)
    bf = zeros_of(f)
    for target, divisor, terms in _gradient_terms(f, spacing, along, edge_order):
        g = _over(part(by, along, target), divisor)
        for source, weight in terms:
            bf = bf.apply("index_add", bf, index_along(f, along, source), _times(weight, g))
    return bf


@jvp("np.gradient")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    d = tangents[0]
    return None if d is None else y.apply("np.gradient", d, *operands[1:])


@vjp("np.gradient")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    f, axis, edge_order = operands
    return [_gradient_back(by, f, by.constant(1.0), axis, edge_order) if wanted[0] else None, None, None]


def _shares(y: Symbolic, x: Symbolic, axis: Symbolic, keepdims: Symbolic) -> Symbolic:
    """What each element contributes to the sum of exponentials; nothing where there is no sum."""
    total = expand(y, x, axis, keepdims)
    share: Symbolic = np.exp(x - np.where(total == -np.inf, 0.0, total))
    return share


@jvp("np.logaddexp.reduce")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    x, axis, keepdims = operands
    d = tangents[0]
    return None if d is None else y.apply("np.sum", _shares(y, x, axis, keepdims) * d, axis, keepdims)


@vjp("np.logaddexp.reduce")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    x, axis, keepdims = operands
    bx = expand(by, x, axis, keepdims) * _shares(y, x, axis, keepdims) if wanted[0] else None
    return [bx, None, None]
