"""The programs that are measured: a scalar loop, an in-place array loop, and functions of any number of statements.

>>> print(straight_line(3), end="")
from math import cos, sin
<BLANKLINE>
<BLANKLINE>
def f(x: float, y: float) -> float:
    v1 = sin(x) * y + 0.25 * x
    v2 = cos(v1) * x - 0.5 * y
    v3 = sin(v2) / (1.0 + v1 * v1)
    return v3
"""

from __future__ import annotations

import numpy as np


def scalar_loop(x: float, w: float, n: int) -> float:
    s = 0.0
    for i in range(n):
        t = x * w + s
        if t > 0.5:
            s = t / (1.0 + t * t)
        else:
            t = 0.25 * t * x
            s = s + t
        s = s + 1e-3 * i * w
    return s


def array_loop(x: np.ndarray, w: float) -> float:
    n = len(x)
    for i in range(1, n):
        x[i] = x[i] + w * x[i - 1] * x[i]
    s = 0.0
    for i in range(n):
        s += x[i] * x[i]
    return s


def stencil(u: np.ndarray, rate: float, steps: int) -> float:
    for _ in range(steps):
        u[1:-1] += rate * (u[2:] - 2.0 * u[1:-1] + u[:-2])
    return np.sum(u * u)


def annotated(x: float, y: float) -> float:
    return x * y + x


def not_annotated(x, y):
    return x * y + x


def straight_line(statements: int) -> str:
    """The text of a function of so many assignments, each of which reads the ones before it."""
    names = ["y", "x"]
    lines = ["from math import cos, sin", "", "", "def f(x: float, y: float) -> float:"]
    for i in range(1, statements + 1):
        a, b = names[-1], names[-2]
        match i % 3:
            case 1:
                value = f"sin({a}) * {b} + 0.25 * {a}"
            case 2:
                value = f"cos({a}) * {b} - 0.5 * {names[-3]}"
            case _:
                value = f"sin({a}) / (1.0 + {b} * {b})"
        lines.append(f"    v{i} = {value}")
        names.append(f"v{i}")
    lines.append(f"    return {names[-1]}")
    return "\n".join(lines) + "\n"


def structured(lines: int) -> str:
    """The text of a function of about so many lines with loops, branches and array elements."""
    text = ["from math import cos, sin", "", "import numpy as np", "", ""]
    text += ["def f(x: float, a: np.ndarray) -> float:", "    s = x"]
    block = 0
    while len(text) < lines - 1:
        block += 1
        text += [
            f"    u{block} = sin(s) * x",
            f"    v{block} = cos(u{block}) + 0.5 * s",
            f"    if v{block} > 0.1234567:",
            f"        s = s + u{block} * v{block}",
            "    else:",
            f"        s = s - 0.25 * u{block}",
            f"    for i{block} in range(len(a)):",
            f"        w{block} = a[i{block}] * s",
            f"        s = s + 0.1 * sin(w{block})",
            f"    s = s / (1.0 + v{block} * v{block})",
        ]
    return "\n".join([*text, "    return s"]) + "\n"
