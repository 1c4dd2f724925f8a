"""Derivatives of extrema and spreads, and of reductions of the elements that a mask chooses.

Where a function has no derivative: max and min share equally between equal elements (and an equal initial value); the
standard deviation of equal elements has derivative 0. What is left out, by `where=` or as NaN, has derivative 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from srcdiff.ir.core import Global
from srcdiff.ir.types import OBJECT, Scalar
from srcdiff.primitives.composite import composite
from srcdiff.primitives.forms import (
    Operands,
    Tangents,
    constant_of,
    fit,
    fits,
    is_none,
    jvp,
    non_differentiable,
    plus,
    spread,
    vjp,
)
from srcdiff.primitives.inference import dtype_of_type
from srcdiff.primitives.rules_reductions import count, expand
from srcdiff.primitives.symbolic import Symbolic, np

non_differentiable(("np.any(where)", "np.all(where)", "np.nanargmax", "np.nanargmin"))


# Masks.


def counted(mask: Symbolic, x: Symbolic, axis: object, keepdims: object) -> Symbolic:
    """How many of the elements of `x` a mask of its shape chooses, in single precision where `x` is."""
    dtype = dtype_of_type(x.type)
    whole = isinstance(axis, Symbolic) and is_none(axis) and _flag(keepdims) is False
    if dtype in ("float32", "float16") and not whole:
        own = Global(OBJECT, module="numpy", attribute=dtype)
        return x.apply("np.sum(where)", mask, axis, own, keepdims, None, True)
    # Over all elements it is an integer without a precision of its own.
    return x.apply("np.count_nonzero", mask, axis, keepdims)


def _flag(keepdims: object) -> object:
    return constant_of(keepdims) if isinstance(keepdims, Symbolic) else keepdims


def all_chosen(where: Symbolic) -> bool:
    return constant_of(where) is True


def full_mask(where: Symbolic, x: Symbolic) -> Symbolic:
    """The mask in the shape of `x`."""
    return where if fits(where.type, x.type) else x.apply("np.broadcast_to", where, x.shape)


def masked(b: Symbolic, x: Symbolic, where: Symbolic) -> Symbolic:
    """`b` in the shape of `x` where the mask chooses, 0 elsewhere."""
    if all_chosen(where):
        return spread(b, x)
    if isinstance(b.type, Scalar) and dtype_of_type(x.type) in ("float32", "float16"):
        b = spread(b, x)  # which is of the precision of x
    return spread(np.where(where, b, 0.0), x)


def not_nan(x: Symbolic) -> Symbolic:
    # `~` of Python's own booleans would be an integer.
    missing = np.isnan(x)
    return x.apply("np.logical_not" if isinstance(missing.type, Scalar) else "invert", missing)


# Sums and means.


@jvp("np.sum(where)")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    _x, axis, dtype, keepdims, _initial, where = operands
    d, d_initial = tangents[0], tangents[4]
    if d is None:
        return None if d_initial is None else spread(d_initial, y)
    return y.apply("np.sum(where)", d, axis, dtype, keepdims, d_initial, where)


@vjp("np.sum(where)")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    x, axis, _dtype, keepdims, initial, where = operands
    bx = masked(expand(by, x, axis, keepdims), x, where) if wanted[0] else None
    return [bx, None, None, None, fit(by, initial) if wanted[4] else None, None]


def _cast(x: Symbolic, dtype: Symbolic) -> Symbolic:
    return x if is_none(dtype) else x.apply("astype", x, dtype)


def _masked_mean(a: Symbolic, axis: Symbolic, dtype: Symbolic, keepdims: Symbolic, where: Symbolic) -> Symbolic:
    if all_chosen(where):
        return a.apply("np.mean", _cast(a, dtype), axis, keepdims)
    total = a.apply("np.sum(where)", a, axis, dtype, keepdims, None, where)
    return total / counted(full_mask(where, a), a, axis, keepdims)


composite("np.mean(where)", _masked_mean, linear_in=(0,))


def _masked_prod(
    a: Symbolic, axis: Symbolic, dtype: Symbolic, keepdims: Symbolic, initial: Symbolic, where: Symbolic
) -> Symbolic:
    x = _cast(a, dtype)
    product = a.apply("np.prod", x if all_chosen(where) else np.where(where, x, 1.0), axis, keepdims)
    return product if is_none(initial) else initial * product


composite("np.prod(where)", _masked_prod)
composite("np.nanprod", lambda a, axis, keepdims: a.apply("np.prod", np.where(np.isnan(a), 1.0, a), axis, keepdims))


# NaN is left out: the mask is where there is a number.
composite(
    "np.nansum",
    lambda a, axis, keepdims: a.apply("np.sum(where)", a, axis, None, keepdims, None, not_nan(a)),
)
composite(
    "np.nanmean",
    lambda a, axis, keepdims: a.apply("np.mean(where)", a, axis, None, keepdims, not_nan(a)),
)
for _name in ("var", "std"):
    composite(
        f"np.nan{_name}",
        lambda a, axis, ddof, keepdims, name=f"np.{_name}(where)": a.apply(
            name, a, axis, None, ddof, keepdims, not_nan(a)
        ),
    )


# Extrema.


def extreme_weights(y: Symbolic, x: Symbolic, axis: Symbolic, keepdims: Symbolic) -> tuple[Symbolic, Symbolic]:
    """Where the extremum is taken, and at how many places."""
    mask = x == expand(y, x, axis, keepdims)
    return mask, counted(mask, x, axis, keepdims)


@jvp("np.max", "np.min", "np.nanmax", "np.nanmin")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    x, axis, keepdims = operands
    d = tangents[0]
    if d is None or isinstance(x.type, Scalar):
        return d
    mask, ties = extreme_weights(y, x, axis, keepdims)
    return y.apply("np.sum", d * mask, axis, keepdims) / ties


@vjp("np.max", "np.min", "np.nanmax", "np.nanmin")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    x, axis, keepdims = operands
    if not wanted[0] or isinstance(x.type, Scalar):
        return [by if wanted[0] else None, None, None]
    mask, ties = extreme_weights(y, x, axis, keepdims)
    return [expand(by / ties, x, axis, keepdims) * mask, None, None]


def _chosen_weights(y: Symbolic, operands: Operands) -> tuple[Symbolic, Symbolic | None, Symbolic]:
    """Where the extremum of chosen elements is taken, whether the initial value is one, and how many there are."""
    x, axis, keepdims, initial, where = operands
    mask = x == expand(y, x, axis, keepdims)
    if not all_chosen(where):
        mask = mask & where
    ties = counted(mask, x, axis, keepdims)
    if is_none(initial):
        return mask, None, ties
    first = y == initial
    return mask, first, ties + 1.0 * first


@jvp("np.max(where)", "np.min(where)")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    _x, axis, keepdims, _initial, _where = operands
    d, d_initial = tangents[0], tangents[3]
    if d is None and d_initial is None:
        return None
    mask, first, ties = _chosen_weights(y, operands)
    moved = None if d is None else y.apply("np.sum", d * mask, axis, keepdims)
    total = plus(moved, None if d_initial is None or first is None else d_initial * first)
    return None if total is None else total / ties


@vjp("np.max(where)", "np.min(where)")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    x, axis, keepdims, initial, _where = operands
    mask, first, ties = _chosen_weights(y, operands)
    share = by / ties
    bx = expand(share, x, axis, keepdims) * mask if wanted[0] else None
    return [bx, None, None, fit(share * first, initial) if wanted[3] and first is not None else None, None]


# Variances.


def _deviation(
    y: Symbolic, x: Symbolic, axis: Symbolic, ddof: Symbolic, keepdims: Symbolic, where: Symbolic | None
) -> tuple[Symbolic, Symbolic | float]:
    """x minus its mean, and the divisor of the variance."""
    n: Symbolic | float
    if where is None or all_chosen(where):
        centred = x - x.apply("np.mean", x, axis, True)
        n = count(x, y, axis)
    else:
        mean = x.apply("np.mean(where)", x, axis, None, True, where)
        centred = np.where(where, x - mean, 0.0)
        n = counted(full_mask(where, x), x, axis, keepdims)
    less = constant_of(ddof)
    if less is None:
        return centred, n - ddof
    return centred, n if less == 0 else n - less


def _variance(name: str, root: bool) -> None:
    has_mask = name.endswith("(where)")

    def parts(y: Symbolic, operands: Operands) -> tuple[Symbolic, Symbolic | float, Symbolic, Symbolic]:
        where = operands[5] if has_mask else None
        x, axis, ddof, keepdims = (operands[0], operands[1], *operands[2 + has_mask : 4 + has_mask])
        return (*_deviation(y, x, axis, ddof, keepdims, where), axis, keepdims)

    @jvp(name)
    def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
        d = tangents[0]
        if d is None:
            return None
        centred, n, axis, keepdims = parts(y, operands)
        moved = y.apply("np.sum", centred * d, axis, keepdims)
        return moved / (nonzero(y) * n) if root else 2.0 * moved / n

    @vjp(name)
    def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
        if not wanted[0]:
            return [None] * len(operands)
        centred, n, axis, keepdims = parts(y, operands)
        weight = by / (nonzero(y) * n) if root else 2.0 * by / n
        return [expand(weight, operands[0], axis, keepdims) * centred, *[None] * (len(operands) - 1)]


def nonzero(y: Symbolic) -> Symbolic:
    """y, and 1 where it is 0: divides what is 0 there."""
    return y + (y == 0)


for _suffix in ("", "(where)"):
    _variance(f"np.var{_suffix}", False)
    _variance(f"np.std{_suffix}", True)
