"""Functions of numbers and arrays for derivatives of higher order, as text.

Out: `SCALARS`, name -> (text of a function `f(x: float)`, place): everything the language has, in one variable.
`ARRAYS`, name -> (text of a scalar function `f`, arguments, names of the parameters to differentiate): loops with
tapes, writes, containers, and the operations of NumPy.

The texts of `SCALARS` run on dual numbers too: their functions of `math` and `np` are those of the duals then.

>>> text, place = SCALARS["polynomial"]
>>> namespace = {}
>>> exec(text, namespace)
>>> namespace["f"](place)
6.0
"""

from __future__ import annotations

from typing import Any

import numpy as np

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

RNG = np.random.default_rng(11)
VECTOR = np.array([0.6, -0.4, 1.1, 0.3])
MATRIX = RNG.standard_normal((3, 3))
POSITIVE = MATRIX @ MATRIX.T + 3.0 * np.eye(3)
FLOATS = 'Annotated[np.ndarray, "n"]'
TABLE = 'Annotated[np.ndarray, "n d"]'
HEADER = "from typing import Annotated\n\nimport numpy as np\n\n\n"

ARRAYS: dict[str, tuple[str, tuple[Any, ...], tuple[str, ...]]] = {
    "rosenbrock": (
        f"def f(x: {FLOATS}) -> float:\n    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)\n",
        (VECTOR,),
        ("x",),
    ),
    "rosenbrock_loop": (
        """\
def f(x: np.ndarray) -> float:
    s = 0.0
    for i in range(len(x) - 1):
        s += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return s
""",
        (VECTOR,),
        ("x",),
    ),
    "log_sum_exp": (
        f"""\
def f(x: {FLOATS}, t: float) -> float:
    m = np.max(x)
    return t * (m + np.log(np.sum(np.exp((x - m) * t))))
""",
        (VECTOR, 0.8),
        ("x", "t"),
    ),
    "cross_entropy": (
        f"""\
def f(W: Annotated[np.ndarray, "d k"], X: {TABLE}, y: np.ndarray) -> float:
    scores = X @ W
    scores = scores - np.max(scores, axis=1, keepdims=True)
    logs = scores - np.log(np.sum(np.exp(scores), axis=1, keepdims=True))
    return -np.mean(logs[np.arange(len(y)), y])
""",
        (RNG.standard_normal((3, 2)), RNG.standard_normal((4, 3)), np.array([0, 1, 1, 0])),
        ("W", "X"),
    ),
    "matmul_chain": (
        f"""\
def f(A: {TABLE}, b: {FLOATS}) -> float:
    h = b
    for k in range(3):
        h = np.tanh(A @ h) + 0.1 * h
    return h @ A @ h
""",
        (MATRIX, VECTOR[:3]),
        ("A", "b"),
    ),
    "solve": (
        f"""\
def f(A: Annotated[np.ndarray, "n n"], b: {FLOATS}) -> float:
    x = np.linalg.solve(A, b)
    return x @ x + np.sum(np.sin(x))
""",
        (POSITIVE, VECTOR[:3]),
        ("A", "b"),
    ),
    "inv_det": (
        """\
def f(A: Annotated[np.ndarray, "n n"]) -> float:
    return np.trace(np.linalg.inv(A) @ A.T) + np.log(np.linalg.det(A))
""",
        (POSITIVE,),
        ("A",),
    ),
    "cholesky": (
        f"""\
def f(A: Annotated[np.ndarray, "n n"], b: {FLOATS}) -> float:
    L = np.linalg.cholesky(A + A.T)
    z = np.linalg.solve(L, b)
    return 0.5 * z @ z + np.sum(np.log(np.diag(L)))
""",
        (POSITIVE, VECTOR[:3]),
        ("A", "b"),
    ),
    "slogdet": (
        f"""\
def f(A: Annotated[np.ndarray, "n n"], b: {FLOATS}) -> float:
    sign, logdet = np.linalg.slogdet(A)
    return logdet + b @ A @ b
""",
        (POSITIVE, VECTOR[:3]),
        ("A", "b"),
    ),
    "cumsum": (
        f"def f(x: {FLOATS}) -> float:\n    return np.sum(np.cumsum(x * x) * np.exp(np.cumsum(x)))\n",
        (VECTOR,),
        ("x",),
    ),
    "einsum": (
        f"""\
def f(A: {TABLE}, B: Annotated[np.ndarray, "d k"]) -> float:
    C = np.einsum("ij,jk->ik", A, B)
    return np.einsum("ij,ij->", C, np.sin(C))
""",
        (RNG.standard_normal((2, 3)), RNG.standard_normal((3, 2))),
        ("A", "B"),
    ),
    "joined": (
        f"""\
def f(x: {FLOATS}, y: {FLOATS}) -> float:
    z = np.concatenate((x * y, np.sin(y)))
    w = np.stack((x, y * y))
    return np.sum(z * z) + np.prod(w[0]) * np.sum(w[1] * x) + np.outer(x, y)[0, 1]
""",
        (VECTOR, VECTOR[::-1].copy()),
        ("x", "y"),
    ),
    "reductions": (
        f"""\
def f(X: {TABLE}) -> float:
    return np.var(X) + np.linalg.norm(X - np.mean(X, axis=0)) + np.sum(np.prod(X, axis=1)) + np.std(X[:, 0])
""",
        (RNG.standard_normal((3, 2)),),
        ("X",),
    ),
    "choices": (
        f"""\
def f(x: {FLOATS}) -> float:
    y = np.where(x > 0.0, x**3, np.exp(x))
    z = np.maximum(y, 0.5 * x * x) + np.clip(x, -0.2, 0.5) * y + np.abs(x) * y
    return np.sum(z) * np.min(x) + np.max(y) * x[-1]
""",
        (VECTOR,),
        ("x",),
    ),
    "stencil": (
        f"""\
def f(u: {TABLE}, k: float) -> float:
    u = u.copy()
    for step in range(2):
        for i in range(1, u.shape[0] - 1):
            for j in range(1, u.shape[1] - 1):
                u[i, j] = u[i, j] + k * (u[i - 1, j] + u[i + 1, j] - 2.0 * u[i, j] * u[i, j - 1])
    return np.sum(u * u * u)
""",
        (RNG.standard_normal((4, 3)), 0.2),
        ("u", "k"),
    ),
    "slices": (
        f"""\
def f(u: {FLOATS}, k: float) -> float:
    v = u.copy()
    for step in range(3):
        v[1:-1] += k * (v[2:] - 2.0 * v[1:-1] + v[:-2]) * v[1:-1]
        v *= 1.0 + k * v[0]
    return np.sum(v**3)
""",
        (VECTOR, 0.2),
        ("u", "k"),
    ),
    "writes": (
        """\
def f(a: np.ndarray, x: float) -> float:
    b = a.copy()
    for i in range(len(a)):
        b[i] = b[i - 1] * x + np.sin(b[i])
        if b[i] > 0.5:
            b[0] += b[i] * a[i]
    return b[0] * b[1] * b[2]
""",
        (VECTOR, 0.7),
        ("a", "x"),
    ),
    "gather": (
        f"""\
def f(x: {FLOATS}, index: np.ndarray) -> float:
    picked = x[index]
    y = np.zeros_like(x)
    np.add.at(y, index, picked * picked)
    return np.sum(y * np.sin(x)) + picked[0] ** 3
""",
        (VECTOR, np.array([0, 2, 2, 1, 0])),
        ("x",),
    ),
    "list_of_arrays": (
        f"""\
def f(layers: list[np.ndarray], x: {FLOATS}) -> float:
    outputs = []
    h = x
    for W in layers:
        h = np.tanh(W @ h)
        outputs.append(np.sum(h * h))
    return sum(outputs) + np.sum(h)
""",
        ([MATRIX, 0.5 * MATRIX.T], VECTOR[:3]),
        ("layers", "x"),
    ),
    "dict_of_parameters": (
        f"""\
def layer(p, h):
    return np.tanh(p["W"] @ h + p["b"])


def f(p: dict[str, np.ndarray], x: {FLOATS}) -> float:
    h = x
    for k in range(2):
        h = layer(p, h)
    return np.sum(h * h) + np.sum(p["b"] ** 3)
""",
        ({"W": MATRIX, "b": VECTOR[:3]}, VECTOR[:3]),
        ("p", "x"),
    ),
    "helper_with_loop": (
        f"""\
def steps(u, k, n):
    for i in range(n):
        u = u + k * np.sin(u)
        if np.sum(u * u) > 30.0:
            return u * k
    return u


def f(x: {FLOATS}, k: float) -> float:
    return np.sum(steps(x, k, 3) * steps(x * x, 0.5, 9))
""",
        (VECTOR, 0.3),
        ("x", "k"),
    ),
    "recursive_halves": (
        f"""\
def product(x, low, high):
    if high - low == 1:
        return np.sin(x[low])
    middle = (low + high) // 2
    return product(x, low, middle) * (1.0 + product(x, middle, high))


def f(x: {FLOATS}) -> float:
    return product(x, 0, len(x))
""",
        (VECTOR,),
        ("x",),
    ),
    "while_on_array": (
        f"""\
def f(x: {FLOATS}, k: float) -> float:
    n = 0
    while np.sum(x * x) > 0.5 and n < 20:
        x = x - k * x * np.cos(x)
        n += 1
    return np.sum(x) * k
""",
        (VECTOR, 0.2),
        ("x", "k"),
    ),
    "shapes": (
        f"""\
def f(X: {TABLE}) -> float:
    Y = np.reshape(X.T, (-1,))
    Z = np.expand_dims(Y, 0) * Y[:, np.newaxis]
    return np.sum(np.tril(Z) ** 2) + np.sum(np.roll(Y, 1) * Y[::-1]) + np.trace(X.T @ X)
""",
        (RNG.standard_normal((2, 3)),),
        ("X",),
    ),
    "untyped": (
        """\
def f(x, y):
    z = np.exp(x * y) + x[0]
    return np.sum(z * z) + np.sum(y)
""",
        (VECTOR, 0.5),
        ("x", "y"),
    ),
    "untyped_list": (
        """\
def f(items, t):
    total = 0.0
    for v in items:
        total = total + np.sin(v * t) * total + v
    return total
""",
        ([0.3, -0.2, 1.0], 0.8),
        ("items", "t"),
    ),
}
