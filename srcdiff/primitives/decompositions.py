"""Decompositions of matrices: Cholesky, eigenvalues, singular values, QR.

Out: `DECOMPOSITIONS`, name -> primitive. What NumPy returns as a tuple with names is one here.

>>> from srcdiff.ir.core import constant
>>> from srcdiff.ir.types import Symbol
>>> a = Value(Array("float64", (Symbol("n"), Symbol("n"))))
>>> print(DECOMPOSITIONS["np.linalg.svd"].infer(a, constant(True), constant(True)))
(float64[n, n], float64[n], float64[n, n])
"""

from __future__ import annotations

from typing import Any

import numpy as np

from srcdiff.ir.core import Constant, Primitive, Value
from srcdiff.ir.types import UNKNOWN, Array, Named, Type
from srcdiff.primitives.contractions import square
from srcdiff.primitives.helpers import helper
from srcdiff.primitives.inference import InferenceError, Shape, primitive
from srcdiff.primitives.known import flag_of
from srcdiff.primitives.linalg import floating, matrix, smaller

linalg: Any = np.linalg
"""Without the annotations that distinguish its results by the contents of arguments."""


def reads_lower(uplo: Value) -> bool:
    """Whether the lower triangle of a symmetric matrix is read, rather than the upper one."""
    if not isinstance(uplo, Constant) or uplo.value not in ("L", "l", "U", "u"):
        raise InferenceError("UPLO is 'L' or 'U', written in the call")
    return uplo.value in ("L", "l")


def is_upper(upper: Value) -> bool:
    flag = flag_of(upper, "upper")
    if flag is None:
        raise InferenceError("upper= of np.linalg.cholesky is True or False, written in the call")
    return flag


def _cholesky(a: Value, upper: Value) -> Type:
    is_upper(upper)
    return Array(floating(a), square("np.linalg.cholesky", a))


def _cholesky_evaluate(a: Any, upper: bool) -> Any:
    return np.swapaxes(np.linalg.cholesky(np.swapaxes(a, -1, -2)), -1, -2) if upper else np.linalg.cholesky(a)


def _values_and_vectors(name: str) -> Any:
    def infer(a: Value, *uplo: Value) -> Type:
        for u in uplo:
            reads_lower(u)
        shape, dtype = square(name, a), floating(a)
        items = Array(dtype, None if shape is None else shape[:-1]), Array(dtype, shape)
        return Named(items, ("eigenvalues", "eigenvectors"))

    return infer


def _values(name: str) -> Any:
    def infer(a: Value, *uplo: Value) -> Type:
        for u in uplo:
            reads_lower(u)
        shape = square(name, a)
        return Array(floating(a), None if shape is None else shape[:-1])

    return infer


def _gaps(w: Value) -> Type:
    if not isinstance(w.type, Array):
        return UNKNOWN
    shape = w.type.shape
    return Array(w.type.dtype, None if shape is None else (*shape, shape[-1]))


def singular_values(shape: Shape | None) -> Shape | None:
    return None if shape is None else (*shape[:-2], smaller(shape[-2], shape[-1]))


def _svd(a: Value, full_matrices: Value, compute_uv: Value) -> Type:
    shape, dtype = matrix("np.linalg.svd", a), floating(a)
    full, both = flag_of(full_matrices, "full_matrices"), flag_of(compute_uv, "compute_uv")
    if full is None or both is None:
        raise InferenceError("full_matrices= and compute_uv= of np.linalg.svd are True or False, written in the call")
    s = Array(dtype, singular_values(shape))
    if not both:
        return s
    if shape is None or s.shape is None:
        return Named((Array(dtype, None), s, Array(dtype, None)), ("U", "S", "Vh"))
    (*batch, m, n), k = shape, s.shape[-1]
    u = Array(dtype, (*batch, m, m if full else k))
    vh = Array(dtype, (*batch, n if full else k, n))
    return Named((u, s, vh), ("U", "S", "Vh"))


def _svd_evaluate(a: Any, full_matrices: bool, compute_uv: bool) -> Any:
    made = linalg.svd(a, full_matrices, compute_uv)
    return tuple(made) if compute_uv else made


def _svdvals(x: Value) -> Type:
    return Array(floating(x), singular_values(matrix("np.linalg.svdvals", x)))


def _svdvals_evaluate(x: Any) -> Any:
    return np.linalg.svd(x, compute_uv=False)


def _qr(a: Value, mode: Value) -> Type:
    shape, dtype = matrix("np.linalg.qr", a), floating(a)
    if not isinstance(mode, Constant) or mode.value not in ("reduced", "r"):
        raise InferenceError("np.linalg.qr is supported with mode='reduced' and mode='r', written in the call")
    k = singular_values(shape)
    r = Array(dtype, None if shape is None or k is None else (*k, shape[-1]))
    if mode.value == "r":
        return r
    q = Array(dtype, None if shape is None or k is None else (*shape[:-1], k[-1]))
    return Named((q, r), ("Q", "R"))


def _qr_evaluate(a: Any, mode: str) -> Any:
    made = linalg.qr(a, mode)
    return tuple(made) if mode == "reduced" else made


def _eigh_evaluate(a: Any, uplo: str) -> tuple[Any, ...]:
    return tuple(linalg.eigh(a, uplo))


def _real_where_it_can_be(x: Any) -> Any:
    """Eigenvalues or eigenvectors as NumPy gave them before 2.5, where all of them are complex."""
    return x if np.any(np.imag(x)) else np.real(x)


def _eig_evaluate(a: Any) -> tuple[Any, ...]:
    return tuple(map(_real_where_it_can_be, linalg.eig(a)))


def _eigvals_evaluate(a: Any) -> Any:
    return _real_where_it_can_be(linalg.eigvals(a))


DECOMPOSITIONS: dict[str, Primitive] = {
    p.name: p
    for p in (
        primitive("np.linalg.cholesky", "a upper", _cholesky, _cholesky_evaluate, defaults=(False,)),
        primitive("np.linalg.eigh", "a UPLO", _values_and_vectors("np.linalg.eigh"), _eigh_evaluate, defaults=("L",)),
        primitive("np.linalg.eigvalsh", "a UPLO", _values("np.linalg.eigvalsh"), np.linalg.eigvalsh, defaults=("L",)),
        primitive("np.linalg.eig", "a", _values_and_vectors("np.linalg.eig"), _eig_evaluate),
        primitive("np.linalg.eigvals", "a", _values("np.linalg.eigvals"), _eigvals_evaluate),
        primitive("np.linalg.svd", "a full_matrices compute_uv", _svd, _svd_evaluate, defaults=(True, True)),
        primitive("np.linalg.svdvals", "x", _svdvals, _svdvals_evaluate),
        primitive("np.linalg.qr", "a mode", _qr, _qr_evaluate, defaults=("reduced",)),
        primitive("inverse_gaps", "w", _gaps, helper("inverse_gaps")),
        primitive("require_real", "x", lambda x: x.type, helper("require_real"), views=(0,)),
    )
}
