"""Functions of arrays and containers for derivatives of higher order, as text.

Out: `ARRAYS`, name -> (text of a scalar function `f` without its imports, which are `HEADER`; arguments; names of the
parameters to differentiate): loops with tapes, writes, containers, and the operations of NumPy.

>>> text, (x,), names = ARRAYS["rosenbrock"]
>>> namespace = {}
>>> exec(HEADER + text, namespace)
>>> float(namespace["f"](np.ones(4))), names
(0.0, ('x',))
"""

from __future__ import annotations

from typing import Any

import numpy as np

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
    "new_axes": (
        f"""\
def f(v: {FLOATS}, X: {TABLE}) -> float:
    A = v[:, np.newaxis, np.newaxis] * X
    B = v[np.newaxis, :, np.newaxis] * np.sin(A)
    return np.sum(B * B)
""",
        (RNG.standard_normal(3), RNG.standard_normal((3, 2))),
        ("v", "X"),
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
