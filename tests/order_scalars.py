"""Functions of one number for derivatives of higher order, as text: everything the language has, in one variable.

Out: `SCALARS`, name -> (text of a module with a function `f(x)`, place).

The texts run on dual numbers too: their functions of `math` and `np` are those of the duals then.

>>> text, place = SCALARS["polynomial"]
>>> namespace = {}
>>> exec(text, namespace)
>>> namespace["f"](place)
6.0
"""

from __future__ import annotations

SCALARS: dict[str, tuple[str, float]] = {
    "polynomial": (
        """\
def f(x: float) -> float:
    return x**4 - 3.0 * x * x + x
""",
        2.0,
    ),
    "composition": (
        """\
from math import exp, log, sin


def f(x: float) -> float:
    return exp(sin(x)) * log(1.0 + x * x) / (2.0 + x)
""",
        0.7,
    ),
    "numpy": (
        """\
import numpy as np


def f(x: float) -> float:
    return np.tanh(x) * np.sqrt(1.0 + x * x) + np.cos(np.exp(-x))
""",
        0.6,
    ),
    "loop": (
        """\
import math


def f(x: float) -> float:
    s = x
    for k in range(1, 6):
        s = s + math.sin(s * x) / k
    return s
""",
        0.4,
    ),
    "while_with_break": (
        """\
import math


def f(x: float) -> float:
    y = x
    n = 0
    while n < 10:
        y = y * math.exp(0.1 * y)
        if y > 2.0:
            break
        n += 1
    return y * y
""",
        0.9,
    ),
    "newton": (
        """\
def f(x: float) -> float:
    y = 1.0
    while abs(y * y - x) > 1e-13:
        y = 0.5 * (y + x / y)
    return y * x
""",
        1.7,
    ),
    "early_return": (
        """\
import math


def f(x: float) -> float:
    if x < 0.0:
        return x * x * x
    y = math.log(1.0 + x)
    for k in range(8):
        y = y + 0.3 * y * x
        if y > 2.0:
            return math.sin(y) * x
    return y
""",
        0.8,
    ),
    "power": (
        """\
def power(x, n):
    if n == 0:
        return 1.0
    half = power(x, n // 2)
    if n % 2 == 0:
        return half * half
    return half * half * x


def f(x: float) -> float:
    return power(x, 7)
""",
        1.2,
    ),
    "fibonacci": (
        """\
import math


def grow(x, n):
    if n < 2:
        return x * x
    return grow(x, n - 1) * 0.5 + math.sin(grow(x, n - 2)) * x


def f(x: float) -> float:
    return grow(x, 5)
""",
        0.7,
    ),
    "horner": (
        """\
def horner(x: float, k: int) -> float:
    if k > 4:
        return 0.0
    return (k + 1.0) + x * horner(x, k + 1)


def f(x: float) -> float:
    return horner(x, 0) / (1.0 + x * x)
""",
        0.6,
    ),
    "tuples": (
        """\
import math


def rotate(pair, angle):
    a, b = pair
    return (a * math.cos(angle) - b * math.sin(angle), a * math.sin(angle) + b * math.cos(angle))


def f(x: float) -> float:
    p = (x, x * x)
    for k in range(3):
        p = rotate(p, x * p[0])
    return p[0] * p[1]
""",
        0.5,
    ),
    "lists": (
        """\
import math


def f(x: float) -> float:
    terms = [x]
    for k in range(4):
        terms.append(terms[-1] * math.sin(x + k))
    total = 0.0
    for t in terms:
        total += t * t * x
    return total + sum([t * x for t in terms])
""",
        0.9,
    ),
    "dicts": (
        """\
import math


def f(x: float) -> float:
    state = {"q": x, "p": 0.3}
    for k in range(3):
        state["p"] = state["p"] - 0.2 * math.sin(state["q"])
        state["q"] = state["q"] + 0.2 * state["p"] * x
    return state["q"] * state["q"] + state["p"] * state["q"]
""",
        0.8,
    ),
    "array_in_place": (
        """\
import numpy as np


def f(x: float) -> float:
    u = np.zeros(4)
    u[0] = x
    for i in range(1, 4):
        u[i] = u[i - 1] * x + np.sin(u[i - 1])
    u *= x
    return u[1] * u[3] + u[2]
""",
        0.7,
    ),
    "helper_paths": (
        """\
from math import exp, log, sqrt


def smooth(u, v):
    if u > 1.0:
        return log(u) + v
    w = u * v
    if w > 0.2:
        return sqrt(w) * u
    return exp(w)


def f(x: float) -> float:
    return smooth(x, x * x) + smooth(x + 1.0, x) * smooth(0.1 * x, x)
""",
        0.7,
    ),
    "nested_loops": (
        """\
import math


def f(x: float) -> float:
    s = x
    for i in range(3):
        t = s
        for j in range(i + 1):
            t = math.tanh(t * x) + 0.5 * t
            if t > 1.5:
                break
        s = s + t * t
    return s
""",
        0.8,
    ),
    "comprehension": (
        """\
from math import cos


def f(x: float) -> float:
    angles = [x * k for k in range(1, 4)]
    return sum([cos(a) * a for a in angles]) * x
""",
        0.5,
    ),
    "continue_and_else": (
        """\
from math import sin


def f(x: float) -> float:
    s = 1.0
    for k in range(6):
        if k % 2 == 0:
            continue
        s *= sin(s + x * k)
        if s > 10.0:
            break
    else:
        s = s * x
    return s
""",
        0.4,
    ),
    "conditional_expression": (
        """\
def f(x: float) -> float:
    y = x * x if x > 0.3 else -x
    return y * y if y < 1.0 and x > 0.0 else y * x
""",
        0.8,
    ),
    "mutual_recursion": (
        """\
from math import sin


def even(x, n):
    if n == 0:
        return x
    return odd(x * x, n - 1) + x


def odd(x, n):
    if n == 0:
        return sin(x)
    return even(sin(x), n - 1) * x


def f(x: float) -> float:
    return even(x, 4)
""",
        0.9,
    ),
    "untyped": (
        """\
import numpy as np


def f(x):
    s = x
    for k in range(4):
        s = s * np.sin(x) + 0.5 * s
    return s
""",
        0.9,
    ),
    "untyped_list": (
        """\
def f(x):
    items = []
    for k in range(4):
        items.append(x * k)
    s = 1.0
    for v in items:
        s = s * (1.0 + v * v)
    return s
""",
        0.3,
    ),
    "swap": (
        """\
def f(x: float) -> float:
    a, b = x, 1.0
    for k in range(5):
        a, b = a * b, a + b * x
    return a * b
""",
        0.3,
    ),
    "list_of_lists": (
        """\
def f(x: float) -> float:
    rows = [[x * i + j for j in range(2)] for i in range(3)]
    total = 0.0
    for row in rows:
        for v in row:
            total += v * v * v
    rows[1][0] = total * x
    return rows[1][0] * rows[2][1]
""",
        0.3,
    ),
}
