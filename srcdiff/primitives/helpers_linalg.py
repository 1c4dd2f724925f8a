"""Functions of linear algebra that generated code may need, as text.

Out: `LINALG_HELPERS`, name -> source, and `LINALG_NEEDS`, the helpers that one of them calls: parts of the tables of
`srcdiff.primitives.helpers`.

>>> "def cofactors(a):" in LINALG_HELPERS["cofactors"]
True
"""

from __future__ import annotations

LINALG_HELPERS: dict[str, str] = {
    "cross_adjoint": '''\
def cross_adjoint(g, a, b, axis=-1):
    """The adjoint of a in np.cross(a, b), where g is that of the product, with its vectors along axis."""
    if np.shape(a)[-1] == 2 and np.shape(b)[-1] == 2:
        turned = np.stack((b[..., 1], -b[..., 0]), axis=-1)
        return unbroadcast(np.expand_dims(g, -1) * turned, a)
    if np.shape(a)[-1] == 2 or np.shape(b)[-1] == 2:
        raise ValueError("np.cross of vectors of two and of three components")
    return unbroadcast(np.cross(b, g, axisb=axis), a)
''',
    "matrix_power_change": '''\
def matrix_power_change(a, n, d):
    """The derivative of np.linalg.matrix_power(a, n) along d: the corner of a power of blocks."""
    size = a.shape[-1]
    upper = np.concatenate((a, d), axis=-1)
    lower = np.concatenate((np.zeros_like(d), a), axis=-1)
    power = np.linalg.matrix_power(np.concatenate((upper, lower), axis=-2), n)
    return power[..., :size, size:]
''',
    "as_columns": '''\
def as_columns(x, a):
    """x, of the shape of np.linalg.solve(a, b), as matrices: one column for each vector."""
    return x[..., None] if np.ndim(x) < np.ndim(a) else x
''',
    "cofactors": '''\
def cofactors(a):
    """The matrix of cofactors of a, which is the derivative of its determinant, singular or not."""
    if a.size > 0 and np.all(np.linalg.cond(a, 1) * np.finfo(a.dtype).eps < 1e-10):
        return np.linalg.det(a)[..., None, None] * np.swapaxes(np.linalg.inv(a), -1, -2)
    u, s, vh = np.linalg.svd(a)
    orientation = np.linalg.det(u) * np.linalg.det(vh)
    others = product_of_others(s, -1) * orientation[..., None]
    return (u * others[..., None, :]) @ vh
''',
    "cofactor_change": '''\
def cofactor_change(a, d):
    """The derivative of cofactors(a) along d, whether a is singular or not."""
    u, s, vh = np.linalg.svd(a)
    orientation = np.linalg.det(u) * np.linalg.det(vh)
    size = s.shape[-1]
    unit = np.eye(size, dtype=bool)
    kept = np.where(unit[:, None, :] | unit[None, :, :], 1.0, s[..., None, None, :])
    minors = np.where(unit, 0.0, np.prod(kept, axis=-1)) * orientation[..., None, None]
    p = np.swapaxes(u, -1, -2) @ d @ np.swapaxes(vh, -1, -2)
    diagonal = np.sum(minors * np.sum(p * unit, axis=-1)[..., None, :], axis=-1)
    return u @ (unit * diagonal[..., None] - minors * np.swapaxes(p, -1, -2)) @ vh
''',
    "inverse_gaps": '''\
def inverse_gaps(w):
    """1 / (w[j] - w[i]) at i, j, and zero on the diagonal: not finite where two are equal."""
    unit = np.eye(w.shape[-1], dtype=bool)
    gaps = w[..., None, :] - w[..., :, None]
    return np.where(unit, 0.0, 1.0 / np.where(unit, 1.0, gaps))
''',
    "require_real": '''\
def require_real(x):
    """x, eigenvalues or eigenvectors, which have derivatives here only if they are real."""
    if np.any(np.imag(x)):
        raise ValueError("an eigenvalue is complex: derivatives are those of real numbers")
    return np.real(x)
''',
    "lstsq_inverse": '''\
def lstsq_inverse(a, rcond):
    """The pseudo-inverse that np.linalg.lstsq(a, b, rcond) applies to b."""
    if rcond is None:
        rcond = np.finfo(float).eps * max(a.shape)
    return np.linalg.pinv(a.astype(float), rcond).astype(a.dtype)
''',
}

LINALG_NEEDS: dict[str, tuple[str, ...]] = {
    "cross_adjoint": ("unbroadcast",),
    "cofactors": ("product_of_others",),
}
"""The helpers that a helper calls."""
