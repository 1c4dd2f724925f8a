"""Derivatives inside functions, the corners: what is captured and when it is read, containers, jumps, Newton's method.

In: small functions with a derivative in their body. Out: every mode of each against divided differences.
"""

# ruff: noqa: B023, E731 - the lambdas are called where they stand, and read what is around them.

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from srcdiff import grad, jacobian, jvp, transform, value_and_grad, vjp
from tests.support import check_gradient

X = np.array([0.4, -0.7, 1.1])


def closure_read_late(x):
    h = lambda y: x * y * y
    d = grad(h)
    x = x * x
    return d(x)


def starred_arguments(x, y):
    args = (x, y)

    def g(a, b):
        return a * b * b

    v, p = vjp(g, *args, wrt=(0, 1))
    a, b = p(x * y)
    return grad(g, 1)(*args) + v * a * b


def captured_integer(x, n):
    return grad(lambda y: y**n * x)(x)


def captured_list(x, y):
    pair = [x, y * x]
    pair[0] = x * x
    return grad(lambda z: pair[0] * z * z + pair[1] * z)(y)


def captured_view(x):
    v = x[1:]
    return grad(lambda z: np.sum(v * z * z))(x[0]) * x[1]


def tuple_valued(x, y):
    def g(a, b):
        return a * b, (a * a, b)

    v, p = vjp(g, x, y)
    t = jvp(g, (x, y), (y, x))[1]
    return p((x, (y, 1.0))) * t[0] + t[1][0] * v[1][0]


def gradient_of_a_dict(x, y):
    def loss(p):
        return p["a"] * p["a"] * p["b"] + p["c"][0] * x

    g = grad(loss)({"a": x, "b": y, "c": [x * y, y]})
    return g["a"] * g["b"] + g["c"][0]


def early_return_inside(x):
    def g(y):
        for _ in range(5):
            y = y * x
            if y > 3.0:
                return y * y
        return y

    return grad(g)(x * 1.5)


def newton_inside(x):
    def newton(a):
        z = 1.0 + 0.0 * a
        while abs(z * z - a) > 1e-12:
            z = z - (z * z - a) / grad(lambda q: q * q - a)(z)
        return z

    return grad(newton)(x) * x


def newton_in_many_variables(x):
    def obj(u):
        return np.sum((u * u - x) ** 2) + 0.1 * np.sum(u)

    u = np.ones(3)
    for _ in range(3):
        g = grad(obj)(u)
        h = jacobian(grad(obj))(u)
        u = u - np.linalg.solve(h, g)
    return np.sum(u * x)


def linear_solve_inside(x):
    a = np.outer(x, x) + np.eye(3)
    return np.sum(grad(lambda b: b @ np.linalg.solve(a, b))(x))


def three_loops(x):
    s = 0.0
    for i in range(2):
        for j in range(2):
            for k in range(2):
                s = s + grad(lambda y: math.sin(y * x) * (i + 1) * (j + k + 1))(s * 0.1 + x)
    return s


def captured_matrix(x):
    w = np.outer(x, np.array([1.0, 2.0]))
    g = grad(lambda m: np.sum(np.tanh(m @ np.array([0.5, -0.3])) ** 2))(w)
    return np.sum(g * g)


def conditional_expression(x):
    g = grad(lambda y: y * y if y > 0.5 else y**3 * x)
    return g(x) + g(x * 0.1)


def value_and_gradient_of_tuples(x):
    v, (a, b) = value_and_grad(lambda p, q: p * q * x, wrt=(0, 1))(x, x * x)
    r = value_and_grad(lambda p: p * p * x)(x)
    return v * a * b + r[0] * r[1]


def captured_of_unknown_rank(x):
    y = np.sin(x)
    return np.sum(grad(lambda z: np.sum(z * z * y))(x))


CASES = [
    (closure_read_late, (1.3,)),
    (starred_arguments, (1.2, 0.7)),
    (captured_integer, (1.3, 3)),
    (captured_list, (1.2, 0.7)),
    (captured_view, (X,)),
    (tuple_valued, (1.2, 0.7)),
    (gradient_of_a_dict, (1.2, 0.7)),
    (early_return_inside, (1.2,)),
    (newton_inside, (2.0,)),
    (newton_in_many_variables, (np.array([1.4, 0.7, 1.1]),)),
    (linear_solve_inside, (X,)),
    (three_loops, (0.5,)),
    (captured_matrix, (X,)),
    (conditional_expression, (0.9,)),
    (value_and_gradient_of_tuples, (1.1,)),
    (captured_of_unknown_rank, (X,)),
]


@pytest.mark.parametrize(("function", "arguments"), CASES, ids=[f.__name__ for f, _ in CASES])
def test_every_mode(function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    check_gradient(function, *arguments, wrt=[i for i, a in enumerate(arguments) if not isinstance(a, int)])


def single(x):
    return np.sum(grad(lambda y: np.sum(np.sin(y) * x))(x * 2.0))


def test_single_precision_stays() -> None:
    x = np.array([0.5, 1.0], dtype=np.float32)
    gradient = grad(single)(x)
    assert gradient.dtype == np.float32
    # The derivative of x cos(2 x).
    assert np.allclose(gradient, np.cos(2 * x) - 2 * x * np.sin(2 * x), rtol=1e-6)


def test_an_empty_array() -> None:
    assert grad(single)(np.zeros(0)).shape == (0,)
    assert transform(single, "primal")(np.zeros(0)) == 0.0
