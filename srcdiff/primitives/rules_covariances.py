"""Derivatives of covariances and correlations.

With c the centred variables as rows, y = c c^T / (n - 1):  ``dy = (dx c^T + c dx^T) / (n - 1)``, since the rows of c
sum to 0; ``bx = (by + by^T) c / (n - 1)``. A correlation is the covariance over the standard deviations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from srcdiff.ir.types import never_one
from srcdiff.primitives.composite import composite
from srcdiff.primitives.forms import (
    NoRule,
    Operands,
    Tangents,
    constant_of,
    is_none,
    jvp,
    vjp,
    zeros_of,
)
from srcdiff.primitives.inference import shape_of_type
from srcdiff.primitives.rules_running import is_vector
from srcdiff.primitives.symbolic import Symbolic, np


@dataclass(frozen=True)
class _Centred:
    """The centred variables, as rows or as columns of `c`, and the divisor of their products."""

    c: Symbolic
    rows: bool
    divisor: Symbolic | int

    def tangent(self, d: Symbolic) -> Symbolic:
        half = d @ self.c.T if self.rows else d.T @ self.c
        return (half + half.T) / self.divisor

    def adjoint(self, by: Symbolic) -> Symbolic:
        both = (by + by.T) / self.divisor
        return both @ self.c if self.rows else self.c @ both


def _divisor(x: Symbolic, along: int, bias: Symbolic, ddof: Symbolic) -> Symbolic | int:
    less = (None if constant_of(bias) is None else 1 - bool(constant_of(bias))) if is_none(ddof) else constant_of(ddof)
    if less is None:
        raise NoRule("bias= and ddof= are decided at run time: write the values")
    shape = shape_of_type(x.type)
    known = None if shape is None else shape[along]
    n: Symbolic | int = known if isinstance(known, int) else x.shape[along]
    return n - less if less else n


def _centred(x: Symbolic, rows: bool, bias: Symbolic, ddof: Symbolic) -> _Centred:
    along = 1 if rows else 0
    return _Centred(x - x.apply("np.mean", x, along, True), rows, _divisor(x, along, bias, ddof))


def _is_matrix(m: Symbolic, y: Symbolic, rowvar: Symbolic) -> bool:
    """Whether a matrix holds the variables, and not one or two vectors."""
    if is_vector(m) and (is_none(y) or is_vector(y)):
        return False
    shape = shape_of_type(m.type)
    if not is_none(y) or shape is None or len(shape) != 2 or not isinstance(constant_of(rowvar), bool):
        raise NoRule("covariances need a vector, two vectors or a matrix, known to be one: annotate the parameter")
    return True


def _squeezed(matrix: Symbolic) -> Symbolic:
    """A matrix, or its one element as an array without dimensions."""
    shape = shape_of_type(matrix.type)
    return matrix if shape is not None and never_one(shape[0]) else matrix.apply("np.squeeze", matrix, None)


def _as_matrix(by: Symbolic, m: Symbolic, rows: bool) -> Symbolic:
    """The other way round."""
    shape = shape_of_type(m.type)
    assert shape is not None
    d = shape[0 if rows else 1]
    if never_one(d):
        return by
    size = d if isinstance(d, int) else m.shape[0 if rows else 1]
    return by.apply("np.reshape", by, (size, size))


@jvp("np.cov")
def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
    m, other, rowvar, bias, ddof = operands
    d, d_other = tangents[:2]
    if d is None and d_other is None:
        return None
    d = zeros_of(m) if d is None else d
    if _is_matrix(m, other, rowvar):
        return _squeezed(_centred(m, bool(constant_of(rowvar)), bias, ddof).tangent(d))
    if is_none(other):
        total: Symbolic = 2.0 * np.sum((m - np.mean(m)) * d) / _divisor(m, 0, bias, ddof)
        return total
    d_other = zeros_of(other) if d_other is None else d_other
    return _centred(m.apply("np.stack", (m, other)), True, bias, ddof).tangent(m.apply("np.stack", (d, d_other)))


@vjp("np.cov")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    m, other, rowvar, bias, ddof = operands
    rest: list[Symbolic | None] = [None] * 3
    if _is_matrix(m, other, rowvar):
        rows = bool(constant_of(rowvar))
        return [_centred(m, rows, bias, ddof).adjoint(_as_matrix(by, m, rows)), None, *rest]
    if is_none(other):
        return [2.0 * by / _divisor(m, 0, bias, ddof) * (m - np.mean(m)), None, *rest]
    both = _centred(m.apply("np.stack", (m, other)), True, bias, ddof).adjoint(by)
    return [both[0] if wanted[0] else None, both[1] if wanted[1] else None, *rest]


def _correlation(x: Symbolic, y: Symbolic, rowvar: Symbolic) -> Symbolic:
    matrix = _is_matrix(x, y, rowvar)
    if not matrix and is_none(y):
        return x.constant(1.0)
    covariance = x.apply("np.cov", x, y, rowvar, False, None)
    if matrix:
        covariance = _as_matrix(covariance, x, bool(constant_of(rowvar)))
    spread: Symbolic = np.sqrt(covariance.apply("np.diag", covariance))
    return _squeezed(covariance / spread[:, None] / spread)


composite("np.corrcoef", _correlation)
