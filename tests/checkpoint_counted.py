"""Loops that count: what they run over, what they carry, what their states are made of.

In: nothing. Out: `COUNTED`, name -> (text, arguments), for `tests.checkpoint_programs`.
"""

from __future__ import annotations

import numpy as np

V = np.array([0.5, -0.8, 1.3, 0.2, 0.9])
W = np.array([0.3, 0.7, -0.4, 1.1, -0.6])

COUNTED: dict[str, tuple[str, tuple[object, ...]]] = {
    "no_steps": (
        """
def f(x: float, n: int) -> float:
    for i in range(n):
        x = np.sin(x) + i
    return x * x
""",
        (0.7, 0),
    ),
    "negative_count": (
        """
def f(x: float, n: int) -> float:
    for i in range(n):
        x = np.sin(x) + i
    return x * x
""",
        (0.7, -3),
    ),
    "one_step": (
        """
def f(x: float, n: int) -> float:
    for i in range(n):
        x = np.sin(x) + i
    return x * x
""",
        (0.7, 1),
    ),
    "index": (
        """
def f(x: float, n: int) -> float:
    for i in range(n):
        x = np.sin(x) + 0.1 * x * i
    return x
""",
        (0.7, 9),
    ),
    "from_three": (
        """
def f(x: float, n: int) -> float:
    for i in range(3, n):
        x = np.sin(x) + 0.1 * x * i
    return x
""",
        (0.7, 11),
    ),
    "from_negative": (
        """
def f(x: float, n: int) -> float:
    for i in range(-n, n):
        x = np.sin(x) + 0.1 * x * i
    return x
""",
        (0.7, 4),
    ),
    "strided": (
        """
def f(x: float, n: int) -> float:
    for i in range(1, n, 3):
        x = np.sin(x) + 0.1 * x * i
    return x
""",
        (0.7, 23),
    ),
    "downwards": (
        """
def f(xs: Annotated[np.ndarray, "n"], w: float) -> float:
    s = w
    for i in range(len(xs) - 1, -1, -1):
        s = np.tanh(s * xs[i])
    return s
""",
        (V, 0.7),
    ),
    "downwards_by_two": (
        """
def f(xs: Annotated[np.ndarray, "n"], w: float) -> float:
    s = w
    for i in range(len(xs) - 1, 0, -2):
        s = np.tanh(s * xs[i])
    return s
""",
        (V, 0.7),
    ),
    "stride_of_run_time": (
        """
def f(x: float, n: int, k: int) -> float:
    for i in range(n, 0, k):
        x = np.sin(x) + 0.1 * x * i
    return x
""",
        (0.7, 13, -2),
    ),
    "turned": (
        """
def f(xs: Annotated[np.ndarray, "n"], w: float) -> float:
    s = w
    for i in reversed(range(1, len(xs))):
        s = np.tanh(s * xs[i])
    return s
""",
        (V, 0.7),
    ),
    "turned_to_five": (
        """
def f(xs: Annotated[np.ndarray, "n"], w: float) -> float:
    s = w
    for i in reversed(range(5)):
        s = np.tanh(s * xs[i])
    return s
""",
        (V, 0.7),
    ),
    "turned_strided": (
        """
def f(xs: Annotated[np.ndarray, "n"], w: float) -> float:
    s = w
    for i in reversed(range(0, len(xs), 2)):
        s = np.tanh(s * xs[i])
    return s
""",
        (V, 0.7),
    ),
    "range_as_value": (
        """
def f(x: float, n: int) -> float:
    steps = range(2, n, 2)
    for i in steps:
        x = np.sin(x) + 0.1 * x * i
    return x
""",
        (0.7, 15),
    ),
    "over_array": (
        """
def f(xs: Annotated[np.ndarray, "n"], w: float) -> float:
    for x in xs:
        w = np.tanh(w * x) + x
    return w
""",
        (V, 0.7),
    ),
    "over_list": (
        """
def f(xs: list[float], w: float) -> float:
    for x in xs:
        w = np.tanh(w * x) + x
    return w
""",
        ([0.5, -0.8, 1.3], 0.7),
    ),
    "enumerated_and_zipped": (
        """
def f(xs: Annotated[np.ndarray, "n"], ys: Annotated[np.ndarray, "n"], w: float) -> float:
    for i, (x, y) in enumerate(zip(xs, ys), 1):
        w = np.tanh(w * x) + y * i
    return w
""",
        (V, W, 0.7),
    ),
    "several_carried": (
        """
def f(x: float, v: float, n: int) -> float:
    total = 0.0
    steps = 0
    for i in range(n):
        a = -np.sin(x) * v
        x = x + 0.1 * v
        v = v + 0.1 * a
        total = total + x * x
        if x > 0.8:
            steps = steps + 1
    return total * steps
""",
        (0.7, 0.4, 9),
    ),
    "linear": (
        """
def f(xs: Annotated[np.ndarray, "n"], w: float) -> float:
    s = 0.0
    for i in range(len(xs)):
        s = s + np.sin(xs[i] * w)
    return s
""",
        (V, 0.7),
    ),
    "unread": (
        """
def f(x: float, n: int) -> float:
    y = 0.0
    for i in range(n):
        y = x * i
    return y
""",
        (0.7, 5),
    ),
    "in_place": (
        """
def f(u: Annotated[np.ndarray, "m"], k: float, n: int) -> float:
    for i in range(n):
        for j in range(1, len(u) - 1):
            u[j] = u[j] + k * (u[j - 1] - 2.0 * u[j] + u[j + 1]) * u[j]
    return np.sum(u * u)
""",
        (V, 0.1, 6),
    ),
    "whole_arrays": (
        """
def f(u: Annotated[np.ndarray, "m"], k: float, n: int) -> float:
    for i in range(n):
        u = u + k * np.sin(u) * i
    return np.sum(u * u)
""",
        (V, 0.1, 6),
    ),
    "augmented_array": (
        """
def f(u: Annotated[np.ndarray, "m"], k: float, n: int) -> float:
    for i in range(n):
        u += k * np.sin(u)
        u *= 1.1
    return np.sum(u * u)
""",
        (V, 0.1, 6),
    ),
    "two_arrays": (
        """
def f(u: Annotated[np.ndarray, "m"], v: Annotated[np.ndarray, "m"], n: int) -> float:
    for i in range(n):
        j = i % len(u)
        u[j] = u[j] * v[j] + 0.5
        v = np.cos(v) + u[j]
    return np.sum(u * v)
""",
        (V, W, 7),
    ),
    "matrix_rows": (
        """
def f(a: Annotated[np.ndarray, "n m"], w: float) -> float:
    for i in range(1, len(a)):
        a[i] = a[i] + w * np.sin(a[i - 1])
    return np.sum(a[-1] * a[-1])
""",
        (np.outer(V, W), 0.7),
    ),
    "single_precision": (
        """
def f(u: Annotated[np.ndarray, "m"], n: int) -> float:
    for i in range(n):
        u = np.sin(u) * 1.5
    return np.sum(u)
""",
        (V.astype("float32"), 6),
    ),
    "captured_array": (
        """
def f(x: Annotated[np.ndarray, "m"], w: float, n: int) -> float:
    y = x * 2.0
    s = w
    for i in range(n):
        s = np.sin(s * y[i % len(y)]) + y[0]
    y[0] = s
    return np.sum(y * y)
""",
        (V, 0.7, 8),
    ),
    "list_of_results": (
        """
def f(x: float, n: int) -> float:
    out = []
    for i in range(n):
        x = np.sin(x) + 0.2 * i
        out.append(x * x)
    return sum(out) * out[1]
""",
        (0.7, 6),
    ),
    "list_that_is_read": (
        """
def f(x: float, n: int) -> float:
    out = [x, x * x]
    for i in range(n):
        out.append(np.sin(out[-1]) * out[-2])
    return out[-1] + out[3]
""",
        (0.7, 6),
    ),
    "list_written": (
        """
def f(xs: list[float], n: int) -> float:
    for i in range(n):
        xs[i % 3] = np.sin(xs[i % 3]) * xs[(i + 1) % 3]
    return xs[0] * xs[1] + xs[2]
""",
        ([0.5, 0.8, 1.3], 7),
    ),
    "dict_written": (
        """
def f(x: float, n: int) -> float:
    state = {"x": x, "v": 0.1}
    for i in range(n):
        state["x"] = state["x"] + 0.1 * state["v"]
        state["v"] = state["v"] - 0.1 * np.sin(state["x"])
    return state["x"] * state["v"]
""",
        (0.7, 6),
    ),
    "tuple_state": (
        """
def f(x: float, n: int) -> float:
    pair = (x, 0.1)
    for i in range(n):
        a, b = pair
        pair = (a + 0.1 * b, b - 0.1 * np.sin(a))
    return pair[0] * pair[1]
""",
        (0.7, 6),
    ),
    "fibonacci": (
        """
def f(a: float, b: float, n: int) -> float:
    for i in range(n):
        a, b = b, a * b + 0.1
    return a * b
""",
        (0.7, 0.9, 6),
    ),
}
