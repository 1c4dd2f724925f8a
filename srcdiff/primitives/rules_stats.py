"""Derivatives of the normal distributions of `scipy.stats`.

A scale or a covariance that is no such thing has no derivative either: the value is NaN, or SciPy raises.
"""

from __future__ import annotations

from collections.abc import Sequence

from srcdiff.ir.core import Constant
from srcdiff.ir.types import never_one
from srcdiff.primitives.forms import (
    NoRule,
    Operands,
    Tangents,
    elementwise,
    fit,
    is_none,
    jvp,
    over,
    plus,
    vjp,
)
from srcdiff.primitives.inference import shape_of_type
from srcdiff.primitives.rules_special import normal_ratio
from srcdiff.primitives.symbolic import Symbolic, np


def _norm(name: str, x: Symbolic, loc: Symbolic, scale: Symbolic) -> Symbolic:
    return x.apply(f"scipy.stats.norm.{name}", x, loc, scale)


def _signed(sign: int, x: Symbolic) -> Symbolic:
    return x if sign > 0 else -x


def _standard(x: Symbolic, loc: Symbolic, scale: Symbolic) -> Symbolic:
    return (x - loc) / scale


def _weighted(density: Symbolic, factor: Symbolic) -> Symbolic:
    """density * factor, which is zero where x is infinite: the density is zero there, and the factor is infinite."""
    product: Symbolic = density * np.where(density > 0.0, factor, 0.0)
    return product


# log p = -z z / 2 - log(scale) + constant, with z = (x - loc) / scale

elementwise(
    "scipy.stats.norm.logpdf",
    lambda y, x, loc, scale: (loc - x) / (scale * scale),
    lambda y, x, loc, scale: (x - loc) / (scale * scale),
    lambda y, x, loc, scale: (_standard(x, loc, scale) ** 2 - 1.0) / scale,
)
elementwise(
    "scipy.stats.norm.pdf",
    lambda y, x, loc, scale: _weighted(y, loc - x) / (scale * scale),
    lambda y, x, loc, scale: _weighted(y, x - loc) / (scale * scale),
    lambda y, x, loc, scale: _weighted(y, _standard(x, loc, scale) ** 2 - 1.0) / scale,
)

for _name, _sign in (("cdf", 1), ("sf", -1)):
    elementwise(
        f"scipy.stats.norm.{_name}",
        lambda y, x, loc, scale, sign=_sign: _signed(sign, _norm("pdf", x, loc, scale)),
        lambda y, x, loc, scale, sign=_sign: _signed(-sign, _norm("pdf", x, loc, scale)),
        lambda y, x, loc, scale, sign=_sign: _signed(
            -sign, _weighted(_norm("pdf", x, loc, scale), _standard(x, loc, scale))
        ),
    )


def _ratio(sign: int, x: Symbolic, loc: Symbolic, scale: Symbolic) -> Symbolic:
    """The derivative in x of logcdf (sign 1), or the negative one of logsf (sign -1)."""
    return normal_ratio(_signed(sign, _standard(x, loc, scale))) / scale


for _name, _sign in (("logcdf", 1), ("logsf", -1)):
    elementwise(
        f"scipy.stats.norm.{_name}",
        lambda y, x, loc, scale, sign=_sign: _signed(sign, _ratio(sign, x, loc, scale)),
        lambda y, x, loc, scale, sign=_sign: _signed(-sign, _ratio(sign, x, loc, scale)),
        lambda y, x, loc, scale, sign=_sign: _signed(-sign, _ratio(sign, x, loc, scale)) * _standard(x, loc, scale),
    )

for _name, _sign in (("ppf", 1), ("isf", -1)):
    elementwise(
        f"scipy.stats.norm.{_name}",
        lambda y, q, loc, scale, sign=_sign: over(_signed(sign, _norm("pdf", y, loc, scale))),
        lambda y, q, loc, scale: 1.0,
        lambda y, q, loc, scale: _standard(y, loc, scale),
    )


# The normal distribution of several variables: log p = -dev^T cov^-1 dev / 2 - log det(cov) / 2, dev = x - mean.
# SciPy reads the lower triangle of cov alone, so the derivative with respect to the upper one is zero.


def _deviation(x: Symbolic, mean: Symbolic) -> Symbolic:
    return x if is_none(mean) else x - mean


def _check(cov: Symbolic) -> None:
    shape = shape_of_type(cov.type)
    if shape is None or len(shape) != 2:
        raise NoRule("its covariance must be known to be a matrix: annotate it, or pass np.eye(d)")


def _solved(x: Symbolic, mean: Symbolic, cov: Symbolic) -> Symbolic:
    """cov^-1 (x - mean), a row for each sample."""
    return x.apply("np.linalg.solve", cov, _deviation(x, mean).T).T


def _symmetric(lower: Symbolic) -> Symbolic:
    return lower.apply("np.tril", lower, 0) + lower.apply("np.tril", lower, -1).T


@jvp("scipy.stats.multivariate_normal.logpdf")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    (x, mean, cov), (dx, dmean, dcov) = operands, tangents
    if dx is None and dmean is None and dcov is None:
        return None
    _check(cov)
    z = _solved(x, mean, cov)
    total: Symbolic | None = None
    if dx is not None or dmean is not None:
        moved = plus(dmean, None if dx is None else -dx)
        assert moved is not None
        total = np.sum(moved * z, axis=-1)
    if dcov is not None:
        ds = _symmetric(dcov)
        spread = np.sum(z @ ds * z, axis=-1) - np.sum(np.linalg.inv(cov) * ds)
        total = plus(total, 0.5 * spread)
    assert total is not None
    shape = shape_of_type(x.type)
    # Of a batch of one sample SciPy leaves a number.
    batch = shape is None or not all(map(never_one, shape[:-1]))
    return total.apply("np.squeeze", total) if batch else total


@vjp("scipy.stats.multivariate_normal.logpdf")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    x, mean, cov = operands
    if not any(wanted):
        return [None, None, None]
    _check(cov)
    z = _solved(x, mean, cov)
    pulled = by.apply("np.expand_dims", by, -1) * z
    bcov: Symbolic | None = None
    if wanted[2] and not isinstance(cov.value, Constant):
        rows, weighted = (g.apply("np.atleast_2d", g) for g in (z, pulled))
        full = weighted.T @ rows - np.sum(by) * np.linalg.inv(cov)
        # The adjoint of the lower triangle is that of both triangles, that of the diagonal counted once.
        bcov = np.tril(full) - 0.5 * full * full.apply("np.eye", full.shape[0])
    return [
        fit(-pulled, x) if wanted[0] else None,
        fit(pulled, mean) if wanted[1] and not is_none(mean) else None,
        bcov,
    ]
