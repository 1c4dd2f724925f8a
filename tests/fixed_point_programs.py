"""Loops that converge: programs with a fixed-point marker, and arguments for them.

Out: `CASES`, name -> (function, arguments); `ROOTS`, ways to write Newton's square root.
"""

# ruff: noqa: F722, F821, UP037, SIM108

from __future__ import annotations

from collections.abc import Callable
from math import cos, sin
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float

A = np.array([[4.0, 1.0, -0.5], [0.3, 3.0, 0.8], [-0.6, 0.2, 5.0]])
B = np.array([1.0, -2.0, 0.7])
W = np.array([0.3, 1.1, -0.4])


def root(a: float) -> float:
    x, y = a, 0.0
    while abs(x - y) > 1e-14:  # srcdiff: fixed_point
        y = x
        x = 0.5 * (y + a / y)
    return x


def root_break(a: float) -> float:
    x = a
    while True:  # srcdiff: fixed_point
        new = 0.5 * (x + a / x)
        if abs(new - x) < 1e-14:
            break
        x = new
    return x


def root_returned(a: float) -> float:
    x = a
    while True:  # srcdiff: fixed_point
        new = 0.5 * (x + a / x)
        if abs(new - x) < 1e-14:
            return new
        x = new


def root_counted(a: float) -> float:
    x = a
    error = 1.0
    k = 0
    while error > 1e-14 and k < 100:  # srcdiff: fixed_point
        new = 0.5 * (x + a / x)
        error = np.max(np.abs(new - x))
        x = new
        k += 1
    return x


def root_updated_first(a: float) -> float:
    x = a
    while True:  # srcdiff: fixed_point
        old = x
        x = 0.5 * (x + a / x)
        if abs(x - old) < 1e-14:
            break
    return x


def root_two_ways_out(a: float) -> float:
    x = a
    k = 0
    while True:  # srcdiff: fixed_point
        new = 0.5 * (x + a / x)
        if abs(new - x) < 1e-14:
            if k > 1000:
                break
            x = new
            break
        elif new == x:
            break
        x = new
        k += 1
    return x


ROOTS = (root, root_break, root_returned, root_counted, root_updated_first, root_two_ways_out)


def solved(A: Float[np.ndarray, "n n"], b: Float[np.ndarray, "n"], w: Float[np.ndarray, "n"]) -> float:
    x = np.zeros_like(b)
    change = 1.0
    while change > 1e-15:  # srcdiff: fixed_point
        new = x + (b - A @ x) / np.diag(A)
        change = np.max(np.abs(new - x))
        x = new
    return np.sum(w * x)


def solved_in_place(A: Float[np.ndarray, "n n"], b: Float[np.ndarray, "n"], w: Float[np.ndarray, "n"]) -> float:
    n = len(b)
    x = np.zeros(n)
    change = 1.0
    while change > 1e-15:  # srcdiff: fixed_point
        change = 0.0
        for i in range(n):
            rest = b[i]
            for j in range(n):
                if j != i:
                    rest = rest - A[i, j] * x[j]
            old = x[i]
            x[i] = rest / A[i, i]
            change = max(change, abs(x[i] - old))
    return np.sum(w * x)


def kepler(e: float, M: float) -> float:
    E = M
    step = 1.0
    while abs(step) > 1e-15:  # srcdiff: fixed_point
        step = (E - e * sin(E) - M) / (1.0 - e * cos(E))
        E = E - step
    return E


def kepler_slow(e: float, M: float) -> float:
    E = M
    before = M + 1.0
    while abs(E - before) > 1e-15:  # srcdiff: fixed_point
        before = E
        E = M + e * sin(E)
    return E


def plane(p: float, q: float) -> float:
    x, y, change = 0.0, 0.0, 1.0
    while change > 1e-15:  # srcdiff: fixed_point
        u, v = 0.5 * cos(p * y), 0.5 * sin(q * x) + 0.1
        change = abs(u - x) + abs(v - y)
        x, y = u, v
    return x * y


def pagerank(L: Float[np.ndarray, "n n"], v: Float[np.ndarray, "n"], damping: float) -> float:
    r = v
    change = 1.0
    while change > 1e-15:  # srcdiff: fixed_point
        new = damping * (L @ r) + (1.0 - damping) * v
        change = np.sum(np.abs(new - r))
        r = new
    return np.sum(r**2)


def implicit_euler(k: float, y: float, n: int) -> float:
    for _ in range(n):
        z = y
        change = 1.0
        while change > 1e-15:  # srcdiff: fixed_point
            new = y - 0.1 * k * sin(z)
            change = abs(new - z)
            z = new
        y = z
    return y * y


def of_a_dict(a: float, b: Float[np.ndarray, "3"]) -> float:
    s = {"x": 0.0, "v": np.zeros(3)}
    change = 1.0
    while change > 1e-15:  # srcdiff: fixed_point
        x = 0.5 * cos(s["x"]) * a + 0.1 * np.sum(s["v"])
        v = 0.3 * np.tanh(s["v"]) + b * x
        change = abs(x - s["x"]) + np.max(np.abs(v - s["v"]))
        s["x"] = x
        s["v"] = v
    return s["x"] + np.sum(s["v"] ** 2)


def of_a_list(a: float, b: float) -> float:
    s = [0.1, 0.2]
    change = 1.0
    while change > 1e-15:  # srcdiff: fixed_point
        p, q = 0.5 * cos(s[1]) * a, 0.5 * sin(s[0]) * b
        change = abs(p - s[0]) + abs(q - s[1])
        s = [p, q]
    return s[0] * s[1]


def better(x, a):
    return 0.5 * (x + a / x)


def helped(a: float, b: float) -> float:
    x, y = a, 0.0
    while abs(x - y) > 1e-14:  # srcdiff: fixed_point
        y = x
        x = better(x, a)
    return x * b


def called_in_branches(a: float, b: float) -> float:
    r = root_returned(a) * b if a > 1.0 else b
    for i in range(3):
        r = r + root_returned(b * (i + 1.0))
    return r


def nested(a: float) -> float:
    x, outer = 1.0, 1.0
    while outer > 1e-14:  # srcdiff: fixed_point
        y, inner = 1.0, 1.0
        while inner > 1e-15:  # srcdiff: fixed_point
            new = 0.5 * cos(x * y) + a
            inner = abs(new - y)
            y = new
        outer = abs(0.3 * y + 0.1 * x - x)
        x = 0.3 * y + 0.1 * x
    return x * y


def inside_while(a: float) -> float:
    r = a
    while r < 5.0:
        x, y = r, 0.0
        while abs(x - y) > 1e-14:  # srcdiff: fixed_point(tolerance=1e-12)
            y = x
            x = 0.5 * (y + r / y)
        r = r + x
    return r


def loop_inside(a: float, w: Float[np.ndarray, "n"]) -> float:
    x, change = 0.5, 1.0
    while change > 1e-15:  # srcdiff: fixed_point
        s = 0.0
        for i in range(len(w)):
            if w[i] > 0:
                s = s + w[i] * sin(x + a)
            else:
                s = s - 0.1 * w[i] * x * s
        change = abs(0.3 * s - x)
        x = 0.3 * s
    return x


def with_history(a: float) -> float:
    x, before, first = 1.0, 2.0, 3.0
    while abs(x - before) > 1e-15:  # srcdiff: fixed_point
        first = before
        before = x
        x = 0.3 * cos(before) + 0.2 * cos(first) + a
    return x + before * first


def matrix_root(a: Float[np.ndarray, "n n"]) -> float:
    x = np.eye(2)
    change = 1.0
    while change > 1e-14:  # srcdiff: fixed_point
        new = 0.5 * (x + np.linalg.inv(x) @ a)
        change = np.max(np.abs(new - x))
        x = new
    return np.sum(x * x) + x[0, 1]


def of_a_tuple(a: float, b: float) -> float:
    s = (0.1, 0.2)
    d = 1.0
    while d > 1e-15:  # srcdiff: fixed_point
        p = 0.5 * cos(s[1]) * a
        q = 0.5 * sin(s[0]) * b
        d = abs(p - s[0]) + abs(q - s[1])
        s = (p, q)
    return s[0] * s[1]


def in_a_branch(a: float, flag: int) -> float:
    r = a
    for i in range(3):
        if i == flag:
            x, y = r, 0.0
            while abs(x - y) > 1e-14:  # srcdiff: fixed_point
                y = x
                x = 0.5 * (y + r / y)
            r = r + x
        else:
            r = r * a
    return r


def tested_at_length(a: float, n: int) -> float:
    x = a
    while max([abs(x - 0.5 * cos(x) - a * i) for i in range(1, 2)]) > 1e-15:  # srcdiff: fixed_point
        x = 0.5 * cos(x) + a
    return x


def of_matrices(a: Float[np.ndarray, "2 2"], t: float) -> float:
    s = [np.zeros((2, 2)), np.ones(2)]
    d = 1.0
    while d > 1e-15:  # srcdiff: fixed_point
        p = 0.3 * np.tanh(s[0] @ a) + t * np.outer(s[1], s[1])
        q = 0.2 * np.sin(p @ s[1]) + 0.1 * t
        d = np.max(np.abs(p - s[0])) + np.max(np.abs(q - s[1]))
        s = [p, q]
    return np.sum(s[0] ** 2) + np.sum(s[1])


def breaking_inside(A: Float[np.ndarray, "n n"], b: Float[np.ndarray, "n"]) -> float:
    x = np.zeros(len(b))
    while True:  # srcdiff: fixed_point
        worst = 0.0
        for i in range(len(b)):
            r = b[i] - A[i] @ x
            if abs(r) > 1e30:
                break
            x[i] = x[i] + r / A[i, i]
            worst = max(worst, abs(r))
        if worst < 1e-14:
            break
    return np.sum(x * x)


def averaged(a: float) -> float:
    x = 1.0
    k = 1
    d = 1.0
    while d > 1e-14:  # srcdiff: fixed_point
        new = x + (0.5 * cos(x) + a - x) * (0.5 + 0.5 / k)
        d = abs(new - x)
        x = new
        k += 1
    return x


STOCHASTIC = np.array([[0.2, 0.5, 0.1], [0.3, 0.1, 0.6], [0.5, 0.4, 0.3]])
CASES: dict[str, tuple[Callable[..., float], tuple[Any, ...]]] = {
    **{f.__name__: (f, (2.0,)) for f in ROOTS},
    "solved": (solved, (A, B, W)),
    "solved_in_place": (solved_in_place, (A, B, W)),
    "kepler": (kepler, (0.3, 1.1)),
    "kepler_slow": (kepler_slow, (0.3, 1.1)),
    "plane": (plane, (0.7, 1.2)),
    "pagerank": (pagerank, (STOCHASTIC, np.array([0.2, 0.5, 0.3]), 0.6)),
    "implicit_euler": (implicit_euler, (2.0, 1.0, 5)),
    "of_a_dict": (of_a_dict, (0.7, np.array([0.1, 0.2, -0.1]))),
    "of_a_list": (of_a_list, (0.7, 0.9)),
    "helped": (helped, (2.0, 3.0)),
    "called_in_branches": (called_in_branches, (2.0, 3.0)),
    "nested": (nested, (0.3,)),
    "inside_while": (inside_while, (2.0,)),
    "loop_inside": (loop_inside, (0.3, np.array([0.5, -0.2, 0.7]))),
    "with_history": (with_history, (0.3,)),
    "of_a_tuple": (of_a_tuple, (0.7, 0.9)),
    "in_a_branch": (in_a_branch, (1.5, 1)),
    "tested_at_length": (tested_at_length, (0.3, 2)),
    "of_matrices": (of_matrices, (np.array([[0.5, 0.3], [0.1, -0.2]]), 0.4)),
    "breaking_inside": (breaking_inside, (A, B)),
    "averaged": (averaged, (0.3,)),
    "matrix_root": (matrix_root, (np.array([[2.0, 0.3], [0.3, 1.0]]),)),
}
