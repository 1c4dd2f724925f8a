"""Small programs with the functions of NumPy that rearrange, join, split, repeat and interpolate arrays.

Out: `PROGRAMS`, name -> the body of a function `f` that returns a number, its annotated parameters, and arguments.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_RNG = np.random.default_rng(5)


def _array(*shape: int) -> np.ndarray:
    return _RNG.uniform(0.3, 0.9, shape)


_N = 'Annotated[np.ndarray, "n"]'
_M = 'Annotated[np.ndarray, "m"]'
_NM = 'Annotated[np.ndarray, "n m"]'
_NN = 'Annotated[np.ndarray, "n n"]'

Parameters = dict[str, str]

PROGRAMS: dict[str, tuple[str, Parameters, tuple[Any, ...]]] = {
    "reshape": (
        "a = x.reshape(3, 2); b = np.reshape(x, (-1, 3)); c = x.reshape(-1); d = x.reshape([2, 3], order='C')\n"
        "return np.sum(a[0] ** 2) + np.sum(b[:, 1] ** 3) + c[4] ** 2 + np.sum(d[1] ** 2)",
        {"x": _NM},
        (_array(2, 3),),
    ),
    "column_order": (
        "a = x.reshape((3, 2), order='F'); b = np.ravel(x, order='F'); c = x.flatten('F'); "
        "d = np.reshape(x, 6, 'F')\n"
        "return np.sum(a[0] ** 2) + b[1] ** 3 + c[2] ** 2 * d[3]",
        {"x": 'Annotated[np.ndarray, "2 3"]'},
        (_array(2, 3),),
    ),
    "transposes": (
        "a = x.transpose(1, 0); b = x.T; c = np.transpose(x); d = np.transpose(x, (1, 0)); "
        "e = x.swapaxes(0, 1)\n"
        "return np.sum(a[0] ** 2) + np.sum(b[1] ** 3) + np.sum((c @ x) ** 2) + np.sum(d[0] * e[1]) + "
        "np.sum(x.T[0] ** 3)",
        {"x": _NM},
        (_array(2, 3),),
    ),
    "axes": (
        "a = np.moveaxis(x, (0, 1), (2, 0)); b = np.rollaxis(x, 2); c = np.squeeze(x[:, :1], axis=1)\n"
        "d = np.expand_dims(x, (0, -1)); e = x[:, None, ..., np.newaxis]\n"
        "return np.sum(a[0] ** 2) + np.sum(b[0] ** 3) + np.sum(c ** 2) + np.sum(d[0, 1] ** 2) + "
        "np.sum(e[1, 0, 0] ** 3)",
        {"x": 'Annotated[np.ndarray, "n m k"]'},
        (_array(2, 3, 2),),
    ),
    "at_least": (
        "a, b = np.atleast_1d(s, x); c = np.atleast_2d(x); d = np.atleast_3d(x)\n"
        "return np.sum(a ** 2) * np.sum(b) + np.sum(c ** 3) + np.sum(d ** 2)",
        {"s": "float", "x": _N},
        (0.4, _array(3)),
    ),
    "broadcasting": (
        "a, b = np.broadcast_arrays(x, y[:, None]); c = np.broadcast_to(x, (2, 3))\n"
        "return np.sum(a * b ** 2) + np.sum(c[1] ** 3)",
        {"x": 'Annotated[np.ndarray, "3"]', "y": _M},
        (_array(3), _array(2)),
    ),
    "joining": (
        "a = np.concatenate([x, y, [s, 2.0]]); b = np.concatenate((x, x ** 2)); c = np.hstack([s, y, 1.0])\n"
        "d = np.append(x, s); e = np.r_[x, s, y]\n"
        "return np.sum(a ** 2) + np.sum(b ** 3) + np.sum(c[1:] ** 2) + d[-1] * np.sum(d) + np.sum(e ** 3)",
        {"x": _N, "y": _M, "s": "float"},
        (_array(3), _array(2), 0.6),
    ),
    "stacking": (
        "a = np.stack([x, y, x * y], axis=1); b = np.vstack([x, y, z]); c = np.column_stack((x, y)); "
        "d = np.dstack([x, y])\n"
        "e = np.c_[x, y]; h = np.concatenate([z, z ** 2], axis=-1)\n"
        "return np.sum(a[:, 2] ** 2) + np.sum(b[1:] ** 3) + np.sum(c[:, 1] ** 2) + np.sum(d ** 2) + "
        "np.sum(e ** 3) + h[0, 3]",
        {"x": _N, "y": _N, "z": 'Annotated[np.ndarray, "k n"]'},
        (_array(3), _array(3), _array(2, 3)),
    ),
    "blocks": (
        "q = np.block([[a, b[:, None]], [b, s]]); r = np.block([b, b ** 2])\n"
        "return np.sum(np.linalg.inv(q + 3.0 * np.eye(4)) ** 2) + np.sum(r ** 2)",
        {"a": 'Annotated[np.ndarray, "3 3"]', "b": 'Annotated[np.ndarray, "3"]', "s": "float"},
        (_array(3, 3), _array(3), 0.5),
    ),
    "list_of_parts": (
        "rows = [x * (k + 1.0) for k in range(3)]\n"
        "a = np.stack(rows); b = np.concatenate(rows); c = np.vstack(rows)\n"
        "return np.sum(a[1] ** 2) + np.sum(b ** 3) + np.sum(c[2] ** 2)",
        {"x": _N},
        (_array(2),),
    ),
    "displays": (
        "r = np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]]); v = np.array([t, 2, t ** 2])\n"
        "w = np.asarray([x, x ** 2, [1.0, 2.0]])\n"
        "return np.sum((r @ x) ** 3) + np.sum(v ** 2) + np.sum(w ** 2)",
        {"t": "float", "x": 'Annotated[np.ndarray, "2"]'},
        (0.7, _array(2)),
    ),
    "split": (
        "a, b = np.split(x, 2); p = np.split(x, [1, 3]); s = 0.0\n"
        "for i, q in enumerate(np.array_split(x, 4)):\n"
        "    s = s + np.sum(q ** 2) * (i + 1.0)\n"
        "return np.sum(a * b ** 2) + np.sum(p[0]) * np.sum(p[-1] ** 2) + s",
        {"x": _N},
        (_array(6),),
    ),
    "split_axes": (
        "a, b = np.hsplit(x, 2); c, d = np.vsplit(x, [1]); p, q = tuple(x[:2])\n"
        "return np.sum(a * b) + np.sum(c ** 2) * np.sum(d) + np.sum(p ** 2 * q)",
        {"x": 'Annotated[np.ndarray, "3 4"]'},
        (_array(3, 4),),
    ),
    "split_at_run_time": (
        "s = 0.0\n"
        "for p in np.array_split(x, k):\n"
        "    s = s + np.sum(p) ** 2\n"
        "parts = np.split(x, np.array([k]))\n"
        "return s + np.sum(parts[0] ** 3)",
        {"x": _N, "k": "int"},
        (_array(5), 2),
    ),
    "repeats": (
        "a = np.repeat(x, 2); b = np.repeat(z, [1, 2], axis=0); c = x.repeat(3); d = np.tile(x, 2); "
        "e = np.tile(z, (2, 1))\n"
        "h = np.resize(x, (2, 4))\n"
        "w = np.arange(2.0 * len(x)); return np.sum(a * w) ** 2 + np.sum(b[1] ** 2) + c[4] ** 2 + d[3] ** 3 + "
        "np.sum(e[3] ** 2) + h[1, 1] ** 2",
        {"x": _N, "z": 'Annotated[np.ndarray, "2 m"]'},
        (_array(3), _array(2, 3)),
    ),
    "turns": (
        "a = np.flip(x); b = np.fliplr(x); c = np.flipud(x); d = np.rot90(x); e = np.rot90(x, k=-1, axes=(1, 0))\n"
        "h = np.roll(x, 1); k = np.roll(x, (1, 2), axis=(0, 1))\n"
        "return np.sum((a * b) ** 2) + np.sum(c[0] ** 3) + np.sum(d[0] ** 2) + np.sum(e[1] ** 3) + "
        "np.sum((h * k)[0] ** 2)",
        {"x": _NM},
        (_array(2, 3),),
    ),
    "padding": (
        "a = np.pad(x, 1); b = np.pad(x, ((1, 0), (0, 2)), mode='edge'); c = np.pad(z, (2, 1), mode='reflect')\n"
        "d = np.pad(z, 2, 'wrap'); e = np.pad(z, [(1, 2)], mode='symmetric'); h = np.pad(z, 1, constant_values=s)\n"
        "w = np.arange(b.size) * 1.0\n"
        "return np.sum(a ** 3) + np.sum(np.ravel(b) ** 2 * w) + np.sum(c ** 2) + np.sum(d[:3] ** 2) + "
        "np.sum(e ** 3) + h[0] * h[1]",
        {"x": _NM, "z": _N, "s": "float"},
        (_array(2, 3), _array(4), 0.5),
    ),
    "insertion": (
        "a = np.insert(x, 1, s); b = np.delete(x, [0, 2]); c = np.delete(z, 1, axis=0); "
        "d = np.insert(z, 0, x, axis=1)\n"
        "return np.sum(a ** 3) + np.sum(b ** 2) + np.sum(c ** 2) + np.sum(d ** 3)",
        {"x": _N, "z": _NM, "s": "float"},
        (_array(3), _array(3, 2), 0.5),
    ),
    "diagonals": (
        "a = np.diag(x); b = np.diag(x, 1); c = np.diagonal(y, 1); d = np.trace(y) * y.trace(-1); "
        "e = np.diagflat(y)\n"
        "h = np.diagonal(w, axis1=0, axis2=2); k = np.trace(w, axis1=1, axis2=2)\n"
        "return np.sum((a @ x) ** 2) + np.sum(b[0] ** 2) + np.sum(c ** 3) + d + np.sum(e[1] ** 2) + "
        "np.sum(h ** 2) + np.sum(k ** 3)",
        {"x": _N, "y": _NM, "w": 'Annotated[np.ndarray, "p q r"]'},
        (_array(3), _array(2, 3), _array(2, 3, 2)),
    ),
    "triangles": (
        "a = np.tril(y); b = np.triu(y, 1); c = y[np.tril_indices(3)]; d = y[np.triu_indices(3, 1)]; "
        "e = y[np.diag_indices(3)]\n"
        "h = y * np.tri(3); k = np.tril(y[0])\n"
        "return np.sum((a @ b) ** 2) + np.sum(c ** 2) + np.sum(d ** 3) + np.sum(e ** 2) + np.sum(h ** 3) + "
        "np.sum(k ** 2)",
        {"y": 'Annotated[np.ndarray, "3 3"]'},
        (_array(3, 3),),
    ),
    "fill_diagonal": (
        "z = y.copy(); np.fill_diagonal(z, s)\n"
        "w = 2.0 * y; np.fill_diagonal(w, x)\n"
        "return np.sum(z ** 3) + np.sum(w ** 2)",
        {"y": _NN, "x": _N, "s": "float"},
        (_array(3, 3), _array(3), 0.4),
    ),
    "grids": (
        "X, Y = np.meshgrid(x, y, indexing='ij'); U, V = np.meshgrid(x, y, sparse=True); i, j = np.indices((3, 2))\n"
        "return np.sum(X * Y ** 2) + np.sum(np.exp(U * V)) + np.sum(x[i] * y[j])",
        {"x": 'Annotated[np.ndarray, "3"]', "y": 'Annotated[np.ndarray, "2"]'},
        (_array(3), _array(2)),
    ),
    "spaces": (
        "t, h = np.linspace(a, b, 5, retstep=True); u = np.logspace(a, b, 4, base=2.0); v = np.geomspace(a, b, 4)\n"
        "w = np.linspace(x, b, 3, endpoint=False, axis=1); z = np.geomspace(x, 2.0 * x, 3)\n"
        "return np.sum(t ** 2) * h + np.sum(u ** 2) + np.sum(v ** 3) + np.sum(w ** 3) + np.sum(z ** 2)",
        {"a": "float", "b": "float", "x": _N},
        (0.3, 0.8, _array(2)),
    ),
    "makers": (
        "a = np.full(shape=(2, 3), fill_value=s); b = np.zeros((2, 2), dtype=float, order='C'); b[0] = x[:2] * s\n"
        "c = np.empty(3); c[:] = x; d = np.eye(N=3) @ x; e = np.ones_like(x) * s; "
        "h = np.array(x, dtype=float, copy=True)\n"
        "k = np.ascontiguousarray(x.T); m = np.asarray(x)\n"
        "return np.sum(a ** 2) + np.sum(b ** 3) + np.sum(c * d * e) + np.sum(h * k * m) + x[:1].item() ** 2 + "
        "x.tolist()[1] ** 2",
        {"x": 'Annotated[np.ndarray, "3"]', "s": "float"},
        (_array(3), 0.6),
    ),
    "polynomials": (
        "q = np.polyval(p, x) ** 2; d = np.polyval(np.polyder(p), s); v = np.vander(x, 3); "
        "w = np.vander(x, increasing=True)\n"
        "return np.sum(q) + d ** 2 + np.sum(v ** 2) + np.sum(w[:, 1:] ** 3)",
        {"p": _M, "x": _N, "s": "float"},
        (_array(4), _array(3), 0.4),
    ),
    "interpolation": (
        "y = np.interp(x, xp, fp); z = np.interp(x, xp, fp, left=s, right=0.0)\nreturn np.sum(y ** 2) + np.sum(z ** 3)",
        {"x": _N, "xp": _M, "fp": _M, "s": "float"},
        (np.array([-0.5, 0.3, 0.61, 2.0]), np.array([0.1, 0.5, 0.95]), _array(3), 0.4),
    ),
    "convolution": (
        "a = np.convolve(x, k); b = np.convolve(x, k, mode='same'); c = np.correlate(k, x, 'valid'); "
        "d = np.correlate(x, k, 'same')\n"
        "return np.sum(a ** 3) + np.sum(b ** 2) + np.sum(c ** 2) + np.sum(d ** 3)",
        {"x": _N, "k": _M},
        (_array(5), _array(2)),
    ),
}
"""Programs whose parameters are floats and arrays, but for an integer `k`."""

if hasattr(np, "unstack"):
    PROGRAMS["numpy_2"] = (
        "b = x.mT; c = np.matrix_transpose(x); d = np.permute_dims(x, (1, 0)); h = np.concat([x, x ** 2], axis=-1)\n"
        "p, q = np.unstack(x, axis=0); u, v, w = np.unstack(x, axis=1); m = np.asarray(x, copy=None)\n"
        "return np.sum((c @ x) ** 2) + np.sum(b[1] * d[0]) + h[0, 4] ** 2 + np.sum(p ** 2 * q) + "
        "np.sum(u * v * w * m[:, 0])",
        {"x": 'Annotated[np.ndarray, "2 3"]'},
        (_array(2, 3),),
    )


def text_of(name: str, annotated: bool) -> str:
    """The module with the program."""
    body, parameters, _ = PROGRAMS[name]
    signature = ", ".join(f"{p}: {t}" if annotated or t == "int" else p for p, t in parameters.items())
    lines = [line for part in body.split("\n") for line in _statements(part)]
    heading = ["from typing import Annotated", "", "import numpy as np", "", "", f"def f({signature}):"]
    return "\n".join([*heading, *(f"    {line}" for line in lines)]) + "\n"


def _statements(line: str) -> list[str]:
    return line.split("; ")
