"""Derivatives of interpolation, convolution and polynomials.

`np.interp` is piecewise linear in x. At a knot the derivative is the slope on its right, at the last knot the slope on
its left; beside the knots, where the value is that of the first or the last one, it is zero.
"""

from __future__ import annotations

from collections.abc import Sequence

from srcdiff.ir.types import Scalar
from srcdiff.primitives.forms import (
    NoRule,
    Operands,
    Tangents,
    constant_of,
    fit,
    is_none,
    jvp,
    non_differentiable,
    plus,
    spread,
    vjp,
    zeros_of,
)
from srcdiff.primitives.inference import shape_of_type
from srcdiff.primitives.rules_joining import length
from srcdiff.primitives.symbolic import Symbolic

non_differentiable(("interval_of",))


# Interpolation.


def _where(test: Symbolic, a: object, b: object) -> Symbolic:
    return test.apply("np.where", test, a, b)


def _slope(x: Symbolic, xp: Symbolic, fp: Symbolic) -> Symbolic:
    """The derivative in x."""
    i = x.apply("interval_of", x, xp)
    slope = (fp[i] - fp[i - 1]) / (xp[i] - xp[i - 1])
    return _where(x.apply("bit_or", x < xp[0], x > xp[-1]), 0.0, slope)


def _weight(x: Symbolic, xp: Symbolic, i: Symbolic) -> Symbolic:
    """The weight of the knot on the right of x in the value; that on the left has the rest of 1."""
    inside = (x - xp[i - 1]) / (xp[i] - xp[i - 1])
    return _where(x < xp[0], 0.0, _where(x > xp[-1], 1.0, inside))


def _of_knots(g: Symbolic, x: Symbolic, xp: Symbolic, values: Symbolic) -> Symbolic:
    """The transpose of interpolation: what every knot gets of g."""
    i = x.apply("interval_of", x, xp)
    t = _weight(x, xp, i)
    left = g.apply("index_add", zeros_of(values), i - 1, g * (1.0 - t))
    return g.apply("index_add", left, i, g * t)


def _between(g: Symbolic, x: Symbolic, xp: Symbolic, left: Symbolic, right: Symbolic) -> Symbolic:
    """`g` where the value is made of `fp`: not beside the knots where there is a value of its own."""
    if not is_none(left):
        g = _where(x < xp[0], 0.0, g)
    return g if is_none(right) else _where(x > xp[-1], 0.0, g)


@jvp("np.interp")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (x, xp, fp, left, right), (dx, dxp, dfp, dleft, dright) = operands, tangents
    total: Symbolic | None = None
    if dx is not None or dxp is not None:
        along = None if dxp is None else -y.apply("np.interp", x, xp, dxp)
        moved = plus(dx, along)
        assert moved is not None
        total = _slope(x, xp, fp) * moved
    if dfp is not None or dleft is not None or dright is not None:
        ends = [None if is_none(end) else 0.0 if d is None else d for end, d in ((left, dleft), (right, dright))]
        total = plus(total, y.apply("np.interp", x, xp, zeros_of(fp) if dfp is None else dfp, *ends))
    return total


@vjp("np.interp")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    x, xp, fp, left, right = operands
    sloped = by * _slope(x, xp, fp) if wanted[0] or wanted[1] else None
    return [
        sloped if wanted[0] else None,
        -_of_knots(sloped, x, xp, xp) if wanted[1] and sloped is not None else None,
        _of_knots(_between(by, x, xp, left, right), x, xp, fp) if wanted[2] else None,
        _where(x < xp[0], by, 0.0).sum() if wanted[3] and not is_none(left) else None,
        _where(x > xp[-1], by, 0.0).sum() if wanted[4] and not is_none(right) else None,
    ]


# Convolution: y_k = sum of a_i v_(k-i) in full; the other modes are parts of that.


def _as_full(name: str, by: Symbolic, a: Symbolic, v: Symbolic, mode: Symbolic) -> Symbolic:
    """The adjoint of the full result, of which the mode takes a part."""
    known = constant_of(mode)
    if known == "full":
        return by
    if known not in ("same", "valid"):
        raise NoRule("its mode must be a constant")
    n, m = length(a, 0), length(v, 0)
    shorter = min(n, m) if isinstance(n, int) and isinstance(m, int) else by.apply("min", n, m)
    if known == "valid":
        return by.apply("np.pad", by, shorter - 1)
    before, after = (shorter - 1) // 2, shorter // 2
    if name == "np.correlate":
        # Where the second operand is the longer one, NumPy turns the result round.
        if isinstance(n, int) and isinstance(m, int):
            before, after = (after, before) if n < m else (before, after)
        else:
            first = by.apply("int", by.apply("greater_equal", n, m))
            before = (shorter - first) // 2
            after = shorter - 1 - before
    return by.apply("np.pad", by, (before, after))


def _lines(*operands: Symbolic) -> None:
    if any(shape_of_type(x.type) == () for x in operands):
        raise NoRule("its operands must be arrays of one dimension: multiply by a number")


def _bilinear(name: str) -> None:
    @jvp(name)
    def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
        (a, v, mode), (da, dv, _) = operands, tangents
        _lines(a, v)
        return plus(
            None if da is None else y.apply(name, da, v, mode),
            None if dv is None else y.apply(name, a, dv, mode),
        )

    @vjp(name)
    def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
        a, v, mode = operands
        _lines(a, v)
        whole = _as_full(name, by, a, v, mode)
        of_v = by.apply("np.correlate", whole, a, "valid") if wanted[1] else None
        if name == "np.convolve":
            return [by.apply("np.correlate", whole, v, "valid") if wanted[0] else None, of_v, None]
        turned = None if of_v is None else of_v[slice(None, None, -1)]
        return [by.apply("np.convolve", whole, v, "valid") if wanted[0] else None, turned, None]


_bilinear("np.convolve")
_bilinear("np.correlate")


# Polynomials.


def _derivative(p: Symbolic) -> Symbolic:
    """The coefficients of the derivative of a polynomial."""
    return p[:-1] * p.apply("np.arange", length(p, 0) - 1, 0, -1)


@jvp("np.polyval")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (p, x), (dp, dx) = operands, tangents
    return plus(
        None if dp is None else y.apply("np.polyval", dp, x),
        None if dx is None else y.apply("np.polyval", _derivative(p), x) * dx,
    )


@vjp("np.polyval")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    p, x = operands
    bp: Symbolic | None = None
    if wanted[0]:
        shape = shape_of_type(x.type)
        if isinstance(x.type, Scalar):
            bp = by * x ** by.apply("np.arange", length(p, 0) - 1, -1, -1)
        else:
            flat = shape is not None and len(shape) == 1
            points, g = (x, by) if flat else (x.apply("np.ravel", x), by.apply("np.ravel", by))
            bp = g @ points.apply("np.vander", points, length(p, 0))
    return [bp, by * by.apply("np.polyval", _derivative(p), x) if wanted[1] else None]


def _vander_slopes(x: Symbolic, columns: Symbolic, increasing: Symbolic) -> Symbolic:
    """The derivatives of the powers x**e: e x**(e - 1)."""
    n = length(x, 0) if is_none(columns) else columns
    up = constant_of(increasing)
    if not isinstance(up, bool):
        raise NoRule("`increasing` must be a constant")
    e = x.apply("np.arange", n) if up else x.apply("np.arange", n - 1, -1, -1)
    return e * x[:, None] ** x.apply("np.maximum", e - 1, 0)


@jvp("np.vander")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    dx = tangents[0]
    return None if dx is None else _vander_slopes(*operands) * dx[:, None]


@vjp("np.vander")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    return [(by * _vander_slopes(*operands)).sum(axis=1), None, None]


# Numbers between two.


def ramp(y: Symbolic, num: Symbolic, endpoint: Symbolic) -> Symbolic:
    """The numbers from 0 to 1 along the first axis of `y`."""
    t = y.apply("np.linspace", 0.0, 1.0, num, endpoint)
    shape = shape_of_type(y.type)
    if shape is None:
        raise NoRule("the ranks of both ends must be known: annotate them, or write start + (stop - start) * t")
    index = (slice(None), *(None,) * (len(shape) - 1))
    return t[index] if len(shape) > 1 else t


def summed(g: Symbolic, x: Symbolic) -> Symbolic:
    """What an end gets of the numbers between it and the other."""
    return g.sum() if isinstance(x.type, Scalar) else fit(g.sum(axis=0), x)


@jvp("np.linspace")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (start, stop, num, endpoint), (dstart, dstop, _, _) = operands, tangents
    if dstart is None and dstop is None:
        return None
    ends = [zeros_of(x) if d is None else d for x, d in ((start, dstart), (stop, dstop))]
    return y.apply("np.linspace", *ends, num, endpoint)


@vjp("np.linspace")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    start, stop, num, endpoint = operands
    t = ramp(y, num, endpoint)
    return [
        summed(by * (1.0 - t), start) if wanted[0] else None,
        summed(by * t, stop) if wanted[1] else None,
        None,
        None,
    ]


@jvp("np.geomspace")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (start, stop, num, endpoint), (dstart, dstop, _, _) = operands, tangents
    t = ramp(y, num, endpoint)
    total = plus(
        None if dstart is None else (1.0 - t) * (dstart / start),
        None if dstop is None else t * (dstop / stop),
    )
    return None if total is None else spread(y * total, y)


@vjp("np.geomspace")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    start, stop, num, endpoint = operands
    t, g = ramp(y, num, endpoint), by * y
    return [
        summed(g * (1.0 - t), start) / start if wanted[0] else None,
        summed(g * t, stop) / stop if wanted[1] else None,
        None,
        None,
    ]
