"""Linear algebra of SciPy: triangular systems, Cholesky factors, the matrix exponential, matrices of blocks.

Out: `SCIPY_LINALG`, name -> primitive. SciPy is imported when one of them is run, not before.

>>> from srcdiff.ir.core import constant
>>> from srcdiff.ir.types import Symbol
>>> a = Value(Array("float64", (Symbol("n"), Symbol("n"))))
>>> print(SCIPY_LINALG["scipy.linalg.expm"].infer(a))
float64[n, n]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from srcdiff.ir.core import Constant, Primitive, Value
from srcdiff.ir.types import BOOL, UNKNOWN, Array, Dimension, Tuple, Type
from srcdiff.primitives.contractions import square
from srcdiff.primitives.inference import (
    InferenceError,
    Shape,
    add_dimensions,
    array_or_scalar,
    dtype_of_type,
    primitive,
    promote,
    require_numeric,
    shape_of_type,
)
from srcdiff.primitives.known import flag_of
from srcdiff.primitives.linalg import floating

TRANSPOSED = {0: False, "N": False, 1: True, "T": True, 2: True, "C": True}
SYMMETRIC = ("sym", "her", "pos", "symmetric", "hermitian", "positive definite")


def flag(value: Value, name: str) -> bool:
    found = flag_of(value, name)
    if found is None:
        raise InferenceError(f"{name}= is True or False, written in the call")
    return found


def unwanted(**given: Value) -> None:
    """Options that let a function write into its arguments."""
    for name, value in given.items():
        if flag(value, name):
            raise InferenceError(f"{name}=True lets the function write into its argument, which is not supported")


def is_transposed(trans: Value) -> bool:
    if not isinstance(trans, Constant) or trans.value not in TRANSPOSED:
        raise InferenceError("trans= of scipy.linalg.solve_triangular is 0, 1, 2, 'N', 'T' or 'C', written in the call")
    return TRANSPOSED[trans.value]


def is_symmetric(assume_a: Value) -> bool:
    """Whether `scipy.linalg.solve` reads one triangle of the matrix."""
    if isinstance(assume_a, Constant) and assume_a.value in (None, "gen", "general"):
        return False
    if isinstance(assume_a, Constant) and assume_a.value in SYMMETRIC:
        return True
    raise InferenceError("assume_a= of scipy.linalg.solve is supported with 'gen', 'sym', 'her' and 'pos'")


def _square(name: str, a: Value) -> Shape | None:
    """The shape of a stack of square matrices. SciPy takes one number for a matrix of one element: that has no rule."""
    if shape_of_type(a.type) in ((), (1,)):
        raise InferenceError(f"{name} is supported for matrices, not for {a.type}")
    return square(name, a)


def _system(name: str, a: Value, b: Value) -> Type:
    require_numeric(name, b)
    p, q = _square(name, a), shape_of_type(b.type)
    dtype = floating(a, b)
    if p is None or q is None or len(p) > 2:
        return Array(dtype, None)
    if len(q) not in (1, 2):
        raise InferenceError(f"{name} is supported with a vector or a matrix on the right")
    return Array(dtype, (p[-1], *q[1:]))


def _solve_triangular(
    a: Value, b: Value, trans: Value, lower: Value, unit_diagonal: Value, overwrite_b: Value, check_finite: Value
) -> Type:
    is_transposed(trans)
    flag(lower, "lower")
    flag(unit_diagonal, "unit_diagonal")
    unwanted(overwrite_b=overwrite_b)
    return _system("scipy.linalg.solve_triangular", a, b)


def _solve(
    a: Value,
    b: Value,
    lower: Value,
    overwrite_a: Value,
    overwrite_b: Value,
    check_finite: Value,
    assume_a: Value,
    transposed: Value,
) -> Type:
    unwanted(overwrite_a=overwrite_a, overwrite_b=overwrite_b)
    flag(lower, "lower")
    if flag(transposed, "transposed") and is_symmetric(assume_a):
        raise InferenceError("scipy.linalg.solve of a symmetric matrix takes no transposed=True: leave it out")
    is_symmetric(assume_a)
    return _system("scipy.linalg.solve", a, b)


def _cho_solve(c: Value, lower: Value, b: Value, overwrite_b: Value, check_finite: Value) -> Type:
    flag(lower, "lower")
    unwanted(overwrite_b=overwrite_b)
    return _system("scipy.linalg.cho_solve", c, b)


def _factor(name: str) -> Callable[..., Type]:
    def infer(a: Value, lower: Value, overwrite_a: Value, check_finite: Value) -> Type:
        flag(lower, "lower")
        unwanted(overwrite_a=overwrite_a)
        return Array(floating(a), _square(name, a))

    return infer


def _cho_factor(a: Value, lower: Value, overwrite_a: Value, check_finite: Value) -> Type:
    return Tuple((_factor("scipy.linalg.cho_factor")(a, lower, overwrite_a, check_finite), BOOL))


def _same(name: str) -> Callable[..., Type]:
    def infer(a: Value, overwrite_a: Value, check_finite: Value) -> Type:
        unwanted(overwrite_a=overwrite_a)
        return Array(floating(a), _square(name, a))

    return infer


def _det(a: Value, overwrite_a: Value, check_finite: Value) -> Type:
    unwanted(overwrite_a=overwrite_a)
    shape = _square("scipy.linalg.det", a)
    return UNKNOWN if shape is None else array_or_scalar(floating(a), shape[:-2])


def _expm(a: Value) -> Type:
    return Array(floating(a), _square("scipy.linalg.expm", a))


def _expm_frechet(a: Value, e: Value, method: Value, compute_expm: Value, check_finite: Value) -> Type:
    if flag(compute_expm, "compute_expm"):
        raise InferenceError(
            "scipy.linalg.expm_frechet is supported with compute_expm=False; expm gives the exponential"
        )
    return Array("float64", _square("scipy.linalg.expm_frechet", a))


def _block_diag(*arrs: Value) -> Type:
    require_numeric("scipy.linalg.block_diag", *arrs)
    rows: Dimension = 0
    columns: Dimension = 0
    for x in arrs:
        shape = shape_of_type(x.type)
        if shape is not None and len(shape) > 2:
            raise InferenceError("scipy.linalg.block_diag is supported for matrices, vectors and numbers")
        m, n = (None, None) if shape is None else (1,) * (2 - len(shape)) + shape
        rows = None if rows is None or m is None else add_dimensions(rows, m)
        columns = None if columns is None or n is None else add_dimensions(columns, n)
    return Array(promote(arrs), (rows, columns))


def _toeplitz(c: Value, r: Value) -> Type:
    require_numeric("scipy.linalg.toeplitz", c)
    given = [c] if isinstance(r, Constant) and r.value is None else [c, r]
    shapes = [shape_of_type(x.type) for x in given]
    if any(s is not None and len(s) != 1 for s in shapes):
        raise InferenceError("scipy.linalg.toeplitz is supported for vectors")
    sides = [None if s is None else s[0] for s in shapes]
    return Array(dtype_of_type(c.type) if len(given) == 1 else promote(given), (sides[0], sides[-1]))


def _linalg() -> Any:
    import scipy.linalg

    return scipy.linalg


def run(name: str) -> Callable[..., Any]:
    """The function of `scipy.linalg`, looked up when it is called."""

    def evaluate(*operands: Any) -> Any:
        return getattr(_linalg(), name)(*operands)

    return evaluate


def _evaluate_cho_solve(c: Any, lower: bool, b: Any, *options: Any) -> Any:
    return _linalg().cho_solve((c, lower), b, *options)


def _evaluate_cho_factor(a: Any, lower: bool, *options: Any) -> Any:
    c, _ = _linalg().cho_factor(a, lower, *options)
    # SciPy promises nothing of the other triangle.
    return (np.tril(c) if lower else np.triu(c)), lower


def _evaluate_solve(
    a: Any, b: Any, lower: bool, over_a: bool, over_b: bool, finite: bool, assume: Any, transposed: bool
) -> Any:
    # What SciPy assumes by default has changed.
    given = {} if assume is None else {"assume_a": assume}
    return _linalg().solve(a, b, lower, over_a, over_b, finite, transposed=transposed, **given)


def _evaluate_det(*operands: Any) -> Any:
    return np.float64(_linalg().det(*operands)) if np.ndim(operands[0]) == 2 else _linalg().det(*operands)


def _primitive(
    name: str,
    parameters: str,
    infer: Callable[..., Type],
    defaults: tuple[Any, ...] = (),
    evaluate: Callable[..., Any] | None = None,
    variadic: bool = False,
) -> Primitive:
    full = f"scipy.linalg.{name}"
    return primitive(full, parameters, infer, evaluate or run(name), defaults=defaults, variadic=variadic)


_FACTOR = "a lower overwrite_a check_finite"
_PLAIN = "a overwrite_a check_finite"

SCIPY_LINALG: dict[str, Primitive] = {
    p.name: p
    for p in (
        _primitive(
            "solve_triangular",
            "a b trans lower unit_diagonal overwrite_b check_finite",
            _solve_triangular,
            (0, False, False, False, True),
        ),
        _primitive(
            "solve",
            "a b lower overwrite_a overwrite_b check_finite assume_a transposed",
            _solve,
            (False, False, False, True, None, False),
            _evaluate_solve,
        ),
        # In SciPy the first two are one argument, a tuple.
        _primitive("cho_solve", "c lower b overwrite_b check_finite", _cho_solve, (False, True), _evaluate_cho_solve),
        _primitive("cho_factor", _FACTOR, _cho_factor, (False, False, True), _evaluate_cho_factor),
        _primitive("cholesky", _FACTOR, _factor("scipy.linalg.cholesky"), (False, False, True)),
        _primitive("inv", _PLAIN, _same("scipy.linalg.inv"), (False, True)),
        _primitive("det", _PLAIN, _det, (False, True), _evaluate_det),
        _primitive("expm", "A", _expm),
        _primitive("expm_frechet", "A E method compute_expm check_finite", _expm_frechet, (None, True, True)),
        _primitive("block_diag", "arrs", _block_diag, variadic=True),
        _primitive("toeplitz", "c r", _toeplitz, (None,)),
    )
}
