"""Loops of every kind that a reverse sweep with snapshots must go back through.

In: nothing. Out: `LOOPS`, name -> (text, arguments). Every text defines `f`, which returns a number; the loops carry
no directives, or those that the program is about.
"""

from __future__ import annotations

import numpy as np

HEADER = "import math\nimport numpy as np\nfrom typing import Annotated\n\n\n"
V = np.array([0.5, -0.8, 1.3, 0.2, 0.9])
W = np.array([0.3, 0.7, -0.4, 1.1, -0.6])

LOOPS: dict[str, tuple[str, tuple[object, ...]]] = {
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
    "branches": (
        """
def f(x: float, n: int) -> float:
    for i in range(n):
        if x > 0.5:
            x = np.sin(x) * x
        elif i % 2 == 0:
            x = x + 0.3
        else:
            x = np.exp(x) - 0.4
    return x * x
""",
        (0.7, 9),
    ),
    "assigned_on_the_way": (
        """
def f(x: float, n: int) -> float:
    y = 0.0
    for i in range(n):
        if i == 0:
            t = np.sin(x)
        else:
            t = t * x + 0.1
        y = y + t * t
    return y
""",
        (0.7, 6),
    ),
    "array_assigned_on_the_way": (
        """
def f(x: float, n: int) -> float:
    y = 0.0
    for i in range(n):
        if i == 0:
            t = np.ones(3) * x
        t[i % 3] = np.sin(t[i % 3]) + x
        y = y + np.sum(t * t)
    return y
""",
        (0.7, 6),
    ),
    "break": (
        """
def f(x: float, n: int) -> float:
    for i in range(n):
        x = np.sin(x) + 0.3 * i
        if x > 1.5:
            break
        x = x * 1.1
    return x * x
""",
        (0.7, 9),
    ),
    "break_of_strided": (
        """
def f(x: float, n: int) -> float:
    for i in range(n, 0, -2):
        x = np.sin(x) + 0.05 * i
        if x > 1.3 and i < 8:
            break
        x = x * 1.1
    return x * x
""",
        (0.7, 15),
    ),
    "early_return": (
        """
def f(x: float, n: int) -> float:
    for i in range(n):
        x = np.sin(x) + 0.3 * i
        if x > 1.5:
            return x * i
    return x * x
""",
        (0.7, 9),
    ),
    "continue": (
        """
def f(x: float, n: int) -> float:
    for i in range(n):
        if i % 3 == 1:
            continue
        x = np.sin(x) + 0.3 * i
    return x * x
""",
        (0.7, 9),
    ),
    "while": (
        """
def f(a: float, tolerance: float) -> float:
    x = 0.5 * (1.0 + a)
    while abs(x * x - a) > tolerance:
        x = 0.5 * (x + a / x)
    return x
""",
        (5000.0, 1e-9),
    ),
    "while_never": (
        """
def f(a: float) -> float:
    x = a * a
    while x > 10.0:
        x = 0.5 * np.sin(x)
    return x
""",
        (2.0,),
    ),
    "while_break": (
        """
def f(x: float) -> float:
    i = 0
    while True:
        x = np.sin(x) + 0.1 * i
        i += 1
        if x > 1.2:
            break
    return x * i
""",
        (0.7,),
    ),
    "while_of_arrays": (
        """
def f(u: Annotated[np.ndarray, "m"], k: float) -> float:
    i = 0
    while np.sum(u * u) < 60.0:
        u[i % len(u)] = u[i % len(u)] * (1.3 + k) + 0.4
        i += 1
    return np.sum(u * u)
""",
        (V, 0.2),
    ),
    "loop_in_loop": (
        """
def f(x: float, n: int) -> float:
    for i in range(n):
        for j in range(i, n):
            x = np.sin(x) + 0.1 * i * x - 0.05 * j
    return x * x
""",
        (0.7, 5),
    ),
    "marked_in_marked": (
        """
def f(x: float, n: int) -> float:
    total = 0.0
    for i in range(n):
        for j in range(i, n):  # srcdiff: checkpoint(2)
            x = np.sin(x) + 0.1 * i * x - 0.05 * j
        total += x * x
    return total
""",
        (0.7, 6),
    ),
    "marked_in_unmarked": (
        """
def f(x: float, n: int) -> float:
    i = 0
    total = 0.0
    while i < n:  # srcdiff: checkpoint(99)
        for j in range(n):  # srcdiff: checkpoint(2)
            x = np.sin(x) + 0.1 * i * x - 0.05 * j
        total += x * x
        i += 1
    return total
""",
        (0.7, 6),
    ),
    "while_in_for": (
        """
def f(x: float, n: int) -> float:
    for i in range(n):
        x = x * 7.0
        while x > 1.0:  # srcdiff: checkpoint(1)
            x = np.sqrt(x) - 0.1
        x = x + 0.3
    return x * x
""",
        (0.7, 5),
    ),
    "array_in_inner_loop": (
        """
def f(u: Annotated[np.ndarray, "m"], n: int) -> float:
    for i in range(n):
        v = u.copy()
        for j in range(1, len(u)):  # srcdiff: checkpoint(2)
            v[j] = np.sin(v[j - 1]) * u[j]
        u = u + 0.1 * v
    return np.sum(u * u)
""",
        (V, 5),
    ),
    "loops_in_a_row": (
        """
def f(x: float, n: int) -> float:
    for i in range(n):
        x = np.sin(x) + 0.1 * i
    y = x * x
    for i in range(n):
        y = np.cos(y) * x
    return x * y
""",
        (0.7, 6),
    ),
    "in_branch": (
        """
def f(x: float, n: int) -> float:
    if x > 0.5:
        for i in range(n):
            x = np.sin(x) + 0.1 * i
    else:
        x = x * x
    return x * x
""",
        (0.7, 6),
    ),
    "in_helper": (
        """
def run(x: float, k: float, n: int) -> float:
    for i in range(n):
        x = np.sin(x * k) + 0.1 * i
    return x


def f(x: float, k: float, n: int) -> float:
    return run(x, k, n) * run(x * x, k, n + 1)
""",
        (0.7, 1.2, 6),
    ),
    "helper_in_loop": (
        """
def step(x: float, k: float) -> float:
    y = np.sin(x * k)
    return y * y + x


def f(x: float, k: float, n: int) -> float:
    for i in range(n):
        x = step(x, k) - 0.3 * x
    return x
""",
        (0.7, 1.2, 6),
    ),
    "reader_in_loop": (
        """
def at(u: Annotated[np.ndarray, "m"], i: int) -> float:
    return u[i] * u[i - 1]


def f(u: Annotated[np.ndarray, "m"], w: float) -> float:
    for i in range(len(u)):
        w = np.sin(w) + at(u, i)
    return w
""",
        (V, 0.7),
    ),
    "recursion_in_loop": (
        """
def power(x: float, n: int) -> float:
    if n == 0:
        return 1.0
    return x * power(x, n - 1)


def f(x: float, n: int) -> float:
    for i in range(n):
        x = np.sin(x) + 0.1 * power(x, i)
    return x
""",
        (0.7, 5),
    ),
    "comprehension_in_loop": (
        """
def f(xs: Annotated[np.ndarray, "m"], w: float, n: int) -> float:
    for i in range(n):
        w = np.sin(w) + 0.1 * sum([x * w for x in xs])
    return w
""",
        (V, 0.7, 5),
    ),
    "checks": (
        """
def f(x: float, n: int) -> float:
    for i in range(n):
        assert x < 100.0, "too large"
        x = np.sin(x) + 0.1 * i
        if x > 50.0:
            raise ValueError("far too large")
    return x * x
""",
        (0.7, 6),
    ),
    "names_in_use": (
        """
def f(snapshots: float, due: float, step: int, earlier: float, steps: float) -> float:
    for period in range(0, step, 2):
        snapshots = np.sin(snapshots) * due + period * earlier
        due = due * steps
    return snapshots * due
""",
        (0.7, 0.9, 11, 0.2, 1.1),
    ),
}
