"""Divided differences, and the dot-product test, on numbers, arrays and containers of them.

In: a function and its arguments. Out: derivatives good to about ten digits (central differences, Richardson
extrapolated), and the relative error between two structures.

>>> error(directional(lambda x: x**3, (2.0,), (1.0,)), 12.0) < 1e-9
True
>>> gradient(lambda d: d["a"] * d["b"], ({"a": 2.0, "b": 3.0},))[0].keys()
dict_keys(['a', 'b'])
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

Tree = Any


def leaves(tree: Tree) -> np.ndarray:
    """All the floats of a structure in one vector (ints, strings, None and flags are no floats)."""
    parts: list[np.ndarray] = []

    def visit(t: Tree) -> None:
        if dataclasses.is_dataclass(t):
            for field in dataclasses.fields(t):
                visit(getattr(t, field.name))
        elif isinstance(t, (list, tuple)):
            for item in t:
                visit(item)
        elif isinstance(t, dict):
            for item in t.values():
                visit(item)
        elif isinstance(t, np.ndarray) and t.dtype.kind == "f":
            parts.append(t.astype(float).ravel())
        elif isinstance(t, (float, np.floating)):
            parts.append(np.array([float(t)]))

    visit(tree)
    return np.concatenate(parts) if parts else np.zeros(0)


def rebuild(tree: Tree, vector: np.ndarray) -> Tree:
    """The structure of `tree` with its floats taken from `vector`."""
    position = 0

    def visit(t: Tree) -> Tree:
        nonlocal position
        if dataclasses.is_dataclass(t):
            return dataclasses.replace(t, **{f.name: visit(getattr(t, f.name)) for f in dataclasses.fields(t)})
        if hasattr(t, "_make"):
            return t._make(visit(item) for item in t)
        if isinstance(t, (list, tuple)):
            return type(t)(visit(item) for item in t)
        if isinstance(t, dict):
            return {key: visit(item) for key, item in t.items()}
        if isinstance(t, np.ndarray):
            if t.dtype.kind != "f":
                return t.copy()
            chunk = vector[position : position + t.size]
            position += t.size
            return chunk.reshape(t.shape).astype(t.dtype)
        if isinstance(t, (float, np.floating)):
            position += 1
            return float(vector[position - 1])
        return t

    out = visit(tree)
    if position != vector.size:
        raise ValueError(f"{vector.size} numbers for a structure that holds {position}")
    return out


def directional(
    f: Callable[..., Tree], primals: tuple[Tree, ...], tangents: tuple[Tree, ...], step: float = 1e-3
) -> Tree:
    """The derivative of `f` along `tangents`, in the structure of its result: central differences, extrapolated."""
    x, v = leaves(primals), leaves(tangents)
    if x.size != v.size:
        raise ValueError(f"{v.size} tangents for {x.size} floats")
    value = f(*rebuild(primals, x))

    def central(h: float) -> np.ndarray:
        return (leaves(f(*rebuild(primals, x + h * v))) - leaves(f(*rebuild(primals, x - h * v)))) / (2.0 * h)

    a, b, c = central(step), central(step / 2), central(step / 4)
    ab, bc = (4.0 * b - a) / 3.0, (4.0 * c - b) / 3.0
    return rebuild(value, (16.0 * bc - ab) / 15.0)


def gradient(f: Callable[..., float], primals: tuple[Tree, ...], step: float = 1e-3) -> tuple[Tree, ...]:
    """The gradient of a scalar function with respect to every float of every argument, in the arguments' structure."""
    size = leaves(primals).size
    columns = [directional(f, primals, rebuild(primals, unit), step) for unit in np.eye(size)]
    return tuple(rebuild(primals, np.array([float(c) for c in columns])))


def error(a: Tree, b: Tree) -> float:
    """The largest difference between two structures, relative to the largest entry (never smaller than 1)."""
    u, v = leaves(a), leaves(b)
    if u.size != v.size:
        raise AssertionError(f"{u.size} numbers against {v.size}")
    if not (np.isfinite(u).all() and np.isfinite(v).all()):
        return 0.0 if np.array_equal(u, v, equal_nan=True) else float("inf")
    return float(np.max(np.abs(u - v), initial=0.0) / max(1.0, float(np.max(np.abs(v), initial=0.0))))


def dot(a: Tree, b: Tree) -> float:
    """The inner product of two structures of the same shape."""
    u, v = leaves(a), leaves(b)
    if u.size != v.size:
        raise AssertionError(f"{u.size} numbers against {v.size}")
    return float(u @ v)


def check_dot_product(
    tangents: Tree, output_tangents: Tree, adjoints: Tree, output_adjoints: Tree, tolerance: float = 1e-10
) -> None:
    """<output adjoint, J tangent> = <J^T output adjoint, tangent>: forward and reverse mode agree on one J."""
    left, right = dot(output_adjoints, output_tangents), dot(adjoints, tangents)
    scale = max(1.0, abs(left), float(np.linalg.norm(leaves(adjoints)) * np.linalg.norm(leaves(tangents))))
    if not abs(left - right) <= tolerance * scale:
        raise AssertionError(f"dot-product test: forward mode says {left!r}, reverse mode {right!r}")
