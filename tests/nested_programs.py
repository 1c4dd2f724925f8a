"""Functions with derivatives in their bodies, for the tests of every combination of modes.

In: nothing. Out: `CASES`: a function, the arguments to differentiate it at, and the name of what it shows.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Annotated

import numpy as np

import srcdiff
import srcdiff as sd
from srcdiff import grad, jacobian, jvp, value_and_grad, vjp

Vector = Annotated[np.ndarray, "n"]
X = np.array([0.4, -0.7, 1.1])

# --- what is differentiated inside


def cubic(x, y):
    return x * x * y + math.sin(y) * x


def well(x: float, y: float) -> float:
    return x * x - x * y * y + math.exp(0.1 * x * y)


def energy(x):
    return np.sum(np.sin(x) * x) + x[0] * x[1] ** 2


def field(x):
    matrix = np.array([[0.3, -1.2, 0.5], [0.8, 0.1, -0.4], [1.5, 0.2, 0.9]])
    return np.sin(x) * x[0] + matrix @ x


def in_place(x, w):
    x[0] = x[1] * w
    x[1:] *= x[0]
    return np.sum(x * x)


def network(parameters, x):
    a = np.tanh(parameters["w"] * x)
    return np.sum(a * parameters["b"]) + parameters["w"][0] ** 2


def power(x, n):
    if n == 0:
        return 1.0
    return x * power(x, n - 1)


def root(a):
    x = a
    while abs(x * x - a) > 1e-13:
        x = 0.5 * (x + a / x)
    return x


def branching(x):
    if x > 1.0:
        return x * x * x
    return math.sin(x) * x


def polynomial(x):
    total = 0.0
    for k in range(4):
        if k == 3:
            total = total + x
            continue
        total = total * x + k * x * x
    return total


@grad
def slope(x):
    return x**3 * math.cos(x)


@grad(wrt=("x", "y"))
def slopes(x, y):
    return x * x * y


@partial(grad, wrt="y")
def slope_in_y(x, y):
    return cubic(x, y) * y


@value_and_grad
def with_value(x):
    return math.sin(x) * x


bound = grad(cubic, wrt="y")
twice = grad(grad(cubic), wrt=1)
table = jacobian(field)

# --- confusion of perturbations


def confusion_sum(x: float) -> float:
    return x * grad(lambda y: x + y)(1.0)


def confusion_product(x: float) -> float:
    return x * grad(lambda y: x * y)(2.0)


def confusion_same_name(x: float) -> float:
    return x * grad(lambda x: x * x * x)(x) + grad(lambda y: x * y * y)(x)


def confusion_nested_def(x: float) -> float:
    def inner(y):
        z = x * y * y
        return z * math.sin(y) + x * x

    return x * grad(inner)(x * 2.0)


def confusion_module(x: float) -> float:
    return x * grad(cubic, 1)(x, x * x)


def confusion_three(x: float) -> float:
    return x * grad(lambda y: y * grad(lambda z: x * y * z * z * y)(y * x))(x * x)


def confusion_three_names(x: float) -> float:
    def middle(x):
        return x * grad(lambda x: x**4)(x) * x

    return grad(middle)(x) * x


def confusion_parameter(x: float) -> float:
    def derivative(h, at):
        return grad(h)(at)

    return x * derivative(lambda y: derivative(lambda z: x * y * z * z, y * y), x)


# --- modes inside


def jvp_inside(x: float, y: float) -> float:
    value, tangent = jvp(cubic, (x, y), (y, x * x))
    return value * tangent


def jvp_in_one(x: float, y: float) -> float:
    value, tangent = jvp(cubic, (x, y), (1.0,), wrt=1)
    return tangent * value


def jvp_lambda(x: float, y: float) -> float:
    return jvp(lambda z: z * x * y * math.sin(z), (x * y,), (x,))[1]


def vjp_inside(x: float, y: float) -> float:
    value, pullback = vjp(cubic, x, y, wrt=(0, 1))
    bx, by = pullback(x)
    return value * bx + by * y


def vjp_twice_called(x: float, y: float) -> float:
    value, pullback = sd.vjp(cubic, x, y)
    return pullback(1.0) * pullback(value) + y


def vjp_array(x: Vector) -> float:
    value, pullback = vjp(field, x)
    return float(np.sum(pullback(value * x)))


def value_and_grad_inside(x: float, y: float) -> float:
    value, gradient = value_and_grad(well)(x, y)
    return value * gradient


def grad_tuple(x: float, y: float) -> float:
    a, b = grad(well, wrt=("x", "y"))(x, y)
    return a * b * x


def grad_array(x: Vector) -> float:
    return float(np.sum(grad(energy)(x) ** 2))


def jvp_array(x: Vector) -> float:
    return float(np.sum(jvp(field, (x,), (x * x,))[1]))


def jacobian_inside(x: Vector) -> float:
    return float(np.sum(jacobian(field)(x) @ x))


def jacobian_reverse(x: Vector) -> float:
    return float(np.sum(srcdiff.jacobian(field, 0, "reverse")(x) * np.array([[1.0], [2.0], [-1.0]])))


def jacobian_bound(x: Vector) -> float:
    return float(np.sum(table(x) ** 2))


def jacobian_scalar(x: float) -> float:
    return jacobian(root)(x) * x


def names_bound(x: float, y: float) -> float:
    local = grad(well, "y")
    return bound(x, y) + local(x, y) * twice(x, y)


def decorated(x: float, y: float) -> float:
    a, b = slopes(x, y)
    value, gradient = with_value(x * y)
    return slope(x) * y + a * b + slope_in_y(x, y) + value * gradient


def decorated_nested(x: float) -> float:
    @grad(wrt=1)
    def inner(a, b):
        return a * b * b * x

    return inner(x, 2.0) * x


def grad_of_grad(x: float) -> float:
    return grad(grad(grad(lambda y: y**5 * x)))(x)


def through_while(x: float) -> float:
    return grad(root)(x * x) * x


def through_branches(x: float) -> float:
    return grad(branching)(x) + grad(branching)(x + 1.0)


def through_loop(x: float) -> float:
    return grad(polynomial)(x) * x


def through_recursion(x: float) -> float:
    return grad(power)(x, 4) * x


def through_in_place(x: Vector, w: float) -> float:
    g, gw = grad(in_place, wrt=(0, 1))(x, w)
    return float(np.sum(g * x)) * gw


def through_container(x: Vector, w: float) -> float:
    g = grad(network)({"w": x * w, "b": x}, x * x)
    return float(np.sum(g["w"] * g["b"]))


def through_list(x: float, y: float) -> float:
    def total(items):
        s = 0.0
        for item in items:
            s += item * item * x
        return s

    g = grad(total)([x, y, x * y])
    return g[0] * g[2] + g[1]


def in_loop(x: float) -> float:
    s = 0.0
    for i in range(3):
        s = s + grad(lambda y, k=i, s=s: math.sin(y * k) * s + y * x)(s + x)
    return s


def in_while(x: float) -> float:
    y = x
    while y * y < 30.0:
        y = y + grad(branching)(y) * x
    return y


def in_branch(x: float) -> float:
    if grad(branching)(x) > 0.5:
        return grad(cubic)(x, x)
    return grad(cubic, 1)(x, x)


def in_comprehension(x: Vector) -> float:
    return sum([grad(branching)(v) * v for v in x])


def recursive_caller(x: float, n: int) -> float:
    if n == 0:
        return x
    return grad(branching)(recursive_caller(x, n - 1))


def written_later(x: Vector) -> float:
    v = x * 2.0
    value, pullback = vjp(energy, v)
    v[0] = 100.0
    return float(np.sum(pullback(value))) + v[0]


def result_written(x: Vector) -> float:
    g = grad(lambda y: float(np.sum(x * y)))(x)
    g[0] = 3.0 * x[1]
    return float(np.sum(g * x))


def integers(x: float) -> float:
    return grad(cubic)(2, x) * grad(branching)(1)


def default_and_keyword(x: float, y: float) -> float:
    def h(a, b=2.0, *, c=3.0):
        return a * b * c * a + c * c * x

    return grad(h)(x, c=y) + grad(h, "c")(y, x, c=x * y) + grad(well, wrt=1)(y=x, x=y)


def unused_derivative(x: float) -> float:
    grad(cubic)(x, x)
    _, _pullback = vjp(cubic, x, x)
    return x * x


CASES = {
    f.__name__: (f, arguments)
    for f, *arguments in [
        (confusion_sum, 1.0),
        (confusion_product, 3.0),
        (confusion_same_name, 1.3),
        (confusion_nested_def, 0.8),
        (confusion_module, 1.2),
        (confusion_three, 0.9),
        (confusion_three_names, 1.1),
        (confusion_parameter, 0.7),
        (jvp_inside, 1.2, 0.7),
        (jvp_in_one, 1.2, 0.7),
        (jvp_lambda, 1.2, 0.7),
        (vjp_inside, 1.2, 0.7),
        (vjp_twice_called, 1.2, 0.7),
        (vjp_array, X),
        (value_and_grad_inside, 1.2, 0.7),
        (grad_tuple, 1.2, 0.7),
        (grad_array, X),
        (jvp_array, X),
        (jacobian_inside, X),
        (jacobian_reverse, X),
        (jacobian_bound, X),
        (jacobian_scalar, 2.0),
        (names_bound, 1.2, 0.7),
        (decorated, 1.2, 0.7),
        (decorated_nested, 1.4),
        (grad_of_grad, 0.8),
        (through_while, 1.7),
        (through_branches, 0.6),
        (through_loop, 1.3),
        (through_recursion, 1.3),
        (through_in_place, X, 0.6),
        (through_container, X, 0.6),
        (through_list, 1.2, 0.7),
        (in_loop, 0.6),
        (in_while, 1.2),
        (in_branch, 0.9),
        (in_comprehension, X),
        (written_later, X),
        (result_written, X),
        (integers, 1.3),
        (default_and_keyword, 1.2, 0.7),
        (unused_derivative, 1.2),
    ]
}
