"""Loops of every kind that a reverse sweep with snapshots must go back through.

In: nothing. Out: `LOOPS`, name -> (text, arguments). Every text defines `f`, which returns a number; the loops carry
no directives, or those that the program is about.
"""

from __future__ import annotations

from tests.checkpoint_counted import COUNTED, V

HEADER = "import math\nimport numpy as np\nfrom typing import Annotated\n\n\n"

LOOPS: dict[str, tuple[str, tuple[object, ...]]] = {
    **COUNTED,
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
