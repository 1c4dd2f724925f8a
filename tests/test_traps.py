"""The traps of automatic differentiation, each a program that goes wrong if it is fallen into."""

from __future__ import annotations

import math

import numpy as np
import pytest

from srcdiff import TransformError, grad, jacobian, jvp, value_and_grad
from srcdiff.compiler import derive
from srcdiff.frontend.module import Module
from tests.support import check_gradient, check_modes

X = np.array([0.3, -1.2, 2.1, 0.7])
RATE = 0.75


def repeated_indices(x, index):
    return np.sum(np.sin(x[index]) * np.arange(len(index)))


def test_repeated_indices_all_contribute() -> None:
    check_gradient(repeated_indices, X, np.array([1, 0, 1, 1, 3]), wrt=[0])


def repeated_writes(x, v, index):
    x[index] = v * v
    return np.sum(np.sin(x))


def test_of_repeated_writes_the_last_counts() -> None:
    check_gradient(repeated_writes, X, np.array([0.5, 0.7, 0.9]), np.array([1, 3, 1]), wrt=[0, 1])
    check_gradient(repeated_writes, X, 0.8, np.array([1, 3, 1]), wrt=[0, 1])
    check_gradient(repeated_writes, X, 0.8, [2, 2], wrt=[0, 1])


def shared_adjoint(x, y):
    s = x + y
    x = x * 2.0
    return np.sum(s * s + x)


def test_one_adjoint_array_shared_by_two_names() -> None:
    check_gradient(shared_adjoint, X, X[::-1].copy())


def shared_then_updated(x, y):
    s = x + y
    t = 0.0
    for i in range(len(x)):
        t = t + x[i] * s[i]
    return t + np.sum(s)


def test_shared_adjoint_is_not_written_through() -> None:
    check_gradient(shared_then_updated, X, X[::-1].copy())


def captured_and_initial(x, n):
    s = x
    for _ in range(n):
        s = s + x * s
    return s


def test_a_value_captured_by_a_loop_and_passed_as_its_initial_value() -> None:
    check_gradient(captured_and_initial, 0.3, 4, wrt=[0])
    check_gradient(captured_and_initial, 0.3, 0, wrt=[0])


def returned_twice(x):
    y = np.sin(x)
    return y, y, x


def test_a_value_returned_twice() -> None:
    check_modes(returned_twice, 0.4)
    check_modes(returned_twice, X)


def array_loop(x, n):
    y = np.ones(3)
    for i in range(n):
        y = y * x[i]
    return np.sum(y)


def test_zero_trip_loops() -> None:
    check_gradient(array_loop, X, 0, wrt=[0])
    check_gradient(array_loop, X, 3, wrt=[0])


def untouched_branch(x, flag):
    y = 2.0
    if flag:
        y = x * x
    return y


def test_a_branch_that_never_touches_the_active_variable() -> None:
    check_gradient(untouched_branch, 1.5, True, wrt=[0])
    check_gradient(untouched_branch, 1.5, False, wrt=[0])


def one_sided(x):
    if x > 0:
        y = np.sin(x)
    z = x * x
    if x > 0:
        z = z * y
    return z


def test_a_variable_defined_in_one_branch_only() -> None:
    check_gradient(one_sided, 0.8)
    check_gradient(one_sided, -0.8)


def aliased(x):
    y = x
    y += 1.0
    return np.sum(x * y)


def test_augmented_assignment_through_an_alias_depends_on_the_type() -> None:
    check_gradient(aliased, 2.0)
    check_gradient(aliased, X)


def array_on_one_path(x, n):
    if n > 2:
        y = x * 2.0
    if n > 4:
        return np.sum(y * x)
    return np.sum(x * x * x)


def array_from_a_loop(x, n):
    for i in range(n):
        y = x * float(i + 1)
    if n > 0:
        return np.sum(y * x)
    return np.sum(x)


def test_an_array_defined_on_one_path_only() -> None:
    for n in (1, 3, 5):
        check_gradient(array_on_one_path, X, n, wrt=[0])
    for n in (0, 1, 3):
        check_gradient(array_from_a_loop, X, n, wrt=[0])


def changes_shape(x, w, n):
    y = x
    for _ in range(n):
        y = np.ones(3) * w
    return np.sum(y) * w + np.sum(x)


def test_a_loop_that_overwrites_a_value_with_another_shape() -> None:
    for n in (0, 1, 2):
        check_gradient(changes_shape, 0.5, 0.4, n, wrt=[0, 1])
        check_gradient(changes_shape, X, 0.4, n, wrt=[0, 1])


def through_text(x):
    return float(f"{x}") * x


def sometimes_nothing(x):
    if x > 0.0:
        return x * x


def test_what_would_lose_the_derivative_is_refused() -> None:
    with pytest.raises(TransformError, match="read from text"):
        grad(through_text)(3.0)
    with pytest.raises(TransformError, match="returns None"):
        grad(sometimes_nothing)(3.0)


def write_through_view(a):
    row = a[0]
    row[1] = 5.0 * row[0]
    return np.sum(a * a)


def test_a_write_through_a_view_reaches_the_array() -> None:
    check_gradient(write_through_view, np.arange(6.0).reshape(2, 3) + 0.5)


def view_by_transposing(a):
    t = a.T
    a[0, 0] = 3.0 * a[0, 1]
    return np.sum(t * t)


def test_a_view_by_transposing_sees_the_write() -> None:
    check_gradient(view_by_transposing, np.arange(6.0).reshape(2, 3) + 0.5)


def perhaps_a_view(a):
    t = a.ravel()
    a[0, 0] = 3.0
    return np.sum(t * t)


def test_a_stale_view_is_refused_with_both_places() -> None:
    with pytest.raises(TransformError) as error:
        grad(perhaps_a_view)(np.ones((2, 2)))
    lines = perhaps_a_view.__code__.co_firstlineno
    assert str(lines + 1) in str(error.value) and str(lines + 2) in str(error.value)


def swap(x):
    t = x[0]
    x[0] = x[1] * x[2]
    x[1] = t
    return x[0] * np.sin(x[1])


def test_a_number_read_before_a_write_keeps_its_value() -> None:
    check_gradient(swap, X)


def nan_times_zero(x, y):
    return np.sum(x * 0.0 + y)


def test_times_zero_is_not_folded() -> None:
    value, _ = value_and_grad(nan_times_zero)(np.array([math.nan, 1.0]), np.ones(2))
    assert math.isnan(value)
    assert grad(nan_times_zero, wrt=1)(np.array([math.nan, 1.0]), np.ones(2)).tolist() == [1.0, 1.0]


def square(x):
    return x**2


def general_power(x, p):
    return x**p


def test_powers_at_zero() -> None:
    assert grad(square)(0.0) == 0.0
    assert grad(general_power)(0.0, 2.0) == 0.0
    assert grad(general_power)(0.0, 1.0) == 1.0
    assert grad(general_power, wrt=1)(0.0, 2.0) == 0.0
    check_gradient(general_power, 1.3, 2.7)


def masked_root(x):
    return np.sum(np.where(x > 0.0, np.sqrt(np.where(x > 0.0, x, 1.0)), 0.0))


def test_where_with_nan_in_the_branch_not_taken() -> None:
    gradient = grad(masked_root)(np.array([4.0, -1.0, 0.25]))
    assert gradient.tolist() == [0.25, 0.0, 1.0]


def largest(x):
    return np.max(x)


def larger(x, y):
    return np.maximum(x, y)


def test_ties_share_equally() -> None:
    assert grad(largest)(np.array([1.0, 3.0, 3.0])).tolist() == [0.0, 0.5, 0.5]
    assert grad(larger, wrt=(0, 1))(2.0, 2.0) == (0.5, 0.5)


def absolute(x):
    return abs(x)


def test_abs_at_zero() -> None:
    assert grad(absolute)(0.0) == 0.0
    assert grad(absolute)(-2.0) == -1.0


def looks_generated(x, dx, bx, tape, np_1):
    dx_1 = x * dx
    bw = bx * dx_1 + tape * np_1
    b1 = np.sin(bw) * dx_1
    for t in range(2):
        b1 = b1 * x + t
    return b1


def test_names_that_look_generated() -> None:
    check_gradient(looks_generated, 0.3, 0.5, 0.7, 0.9, 1.1)


def shadowed(x):
    sum = x * 2.0
    len = sum * x
    range = len + 1.0
    return range


def test_shadowed_builtins() -> None:
    check_gradient(shadowed, 0.6)


def uses_global(x, scale=3.0, *, shift=0.5):
    return RATE * x * scale + shift * x


def test_globals_defaults_and_keywords() -> None:
    check_gradient(uses_global, 0.6)
    assert grad(uses_global)(0.6, shift=2.0) == RATE * 3.0 + 2.0
    assert grad(uses_global)(0.6, scale=1.0) == RATE + 0.5
    assert grad(uses_global, wrt="shift")(0.6, shift=2.0) == 0.6


def with_keyword_only(a, *, c=3.0):
    return a * c * c


def calls_keyword_only(x, y):
    return with_keyword_only(x) + with_keyword_only(y, c=x)


def test_helpers_with_keyword_only_parameters() -> None:
    check_gradient(calls_keyword_only, 0.6, 0.8)


def make_closure(a):
    def inner(x):
        return a * x * x

    return inner


def test_closures_and_changed_closures() -> None:
    check_gradient(make_closure(1.5), 0.3)
    a = 2.0

    def f(x):
        return a * x

    derivative = grad(f)
    assert derivative(1.0) == 2.0
    a = 5.0
    assert derivative(1.0) == 5.0


def helper(u, v):
    return np.sin(u) * v


def calls(x, y):
    a = helper(x, y)
    return helper(a, x) + a


def test_functions_that_call_functions() -> None:
    check_gradient(calls, 0.4, 0.9)


def factorial_like(x, n):
    if n == 0:
        return 1.0
    return x * factorial_like(x * 0.9, n - 1)


def test_recursion() -> None:
    check_gradient(factorial_like, 1.3, 5, wrt=[0])


def total(x):
    return np.sum(x * x)


def test_empty_arrays() -> None:
    assert grad(total)(np.zeros(0)).shape == (0,)
    assert grad(total)(np.zeros((0, 3))).shape == (0, 3)


def test_float32_in_float32_out() -> None:
    gradient = grad(total)(np.ones(3, dtype=np.float32))
    assert gradient.dtype == np.float32
    gradient = grad(array_loop)(np.ones(3, dtype=np.float32), 3)
    assert gradient.dtype == np.float32


def test_integers_are_differentiated_as_floats() -> None:
    assert grad(total)(np.arange(3)).tolist() == [0.0, 2.0, 4.0]
    assert grad(total)(np.arange(3)).dtype == np.float64
    assert grad(square)(3) == 6.0
    assert isinstance(grad(square)(3), float)
    assert jvp(square, (3,), (1.0,)) == (9.0, 6.0)


def broadcasting(a, b, c):
    return np.sum((a + b) * c)


def test_broadcasting_of_every_operand() -> None:
    rng = np.random.default_rng(0)
    a, b, c = rng.standard_normal((3, 1)), rng.standard_normal(4), 0.7
    check_gradient(broadcasting, a, b, c)
    check_gradient(broadcasting, b, a, c)
    check_gradient(broadcasting, c, b, a)
    check_gradient(broadcasting, rng.standard_normal((1, 1)), a, b)


def vector(x):
    return x * x


def test_a_gradient_of_something_that_is_not_a_scalar_is_refused() -> None:
    with pytest.raises(TransformError, match="not a scalar"):
        grad(vector)(X)


def test_a_wrt_that_names_no_parameter_is_refused() -> None:
    with pytest.raises(TransformError, match="no parameter `z`"):
        grad(vector, wrt="z")


def mapped(x, w):
    return np.tanh(w @ x)


def test_jacobian() -> None:
    w = np.random.default_rng(1).standard_normal((3, 4))
    expected = (1 - np.tanh(w @ X) ** 2)[:, None] * w
    for mode in ("forward", "reverse", "auto"):
        np.testing.assert_allclose(jacobian(mapped, mode=mode)(X, w), expected, rtol=1e-12)
    assert jacobian(mapped, wrt=1, mode="reverse")(X, w).shape == (3, 3, 4)


IMPLIED = """
import numpy as np


def limiter(r: float) -> float:
    return (r + abs(r)) / (1.0 + abs(r))


def f(u: np.ndarray, c: float) -> float:
    flux = np.zeros(len(u))
    for i in range(1, len(u)):
        flux[i] = c * limiter(u[i] - u[i - 1])
    return np.sum(flux * flux)
"""


def test_a_rank_that_is_implied_needs_no_annotation() -> None:
    text = derive(Module.from_text(IMPLIED, "implied.py"), "f", "gradient").body
    assert "unbroadcast" not in text and "np.add.at" not in text, text
