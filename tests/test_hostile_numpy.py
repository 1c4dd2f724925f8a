"""NumPy as a hostile user writes it: calls beside the usual ones, and combinations of calls, each against differences.

In: small programs without annotations. Out: nothing, or which derivative is off.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special

from srcdiff import TransformError, grad, transform, value_and_grad, vjp
from srcdiff.compiler import derive
from srcdiff.frontend.module import Module
from tests.support import check_gradient, check_modes

X = np.array([0.7, -0.4, 1.9])


# A number has no axes, but many functions of NumPy take its axis 0 or -1.


def numbers_reduced(x, y):
    total = np.sum(y, axis=-1) + np.prod(y, axis=0) + np.max(y, axis=-1, keepdims=True) + np.min(y, 0)
    without = np.nansum(y, axis=-1) + np.nanmean(y, axis=0) * np.nanmax(np.sum(x), axis=-1)
    return total * np.sum(x) + without + np.ptp(y, 0)


def numbers_running(x, y):
    s = np.sum(x * x)
    runs = np.cumsum(s, axis=0) * np.cumprod(y, axis=-1) + np.cumprod(s * y, axis=0) + np.nancumsum(s, axis=-1)
    return np.sum(runs**2 + np.repeat(y, 2, axis=-1) + np.squeeze(s, axis=0))


def numbers_in_special(x, y):
    total = np.sum(special.logsumexp(y, axis=-1) + x) * special.softmax(np.sum(x), axis=-1)
    return total + special.log_softmax(y, axis=0)


@pytest.mark.parametrize("program", [numbers_reduced, numbers_running, numbers_in_special])
def test_axis_of_a_number(program):
    check_gradient(program, X, 0.8)


def numbers_returned(x, y):
    return np.sum(y, axis=-1) + x, np.cumprod(y, axis=0) * x


def test_what_is_added_to_a_number_with_an_axis_keeps_its_derivative():
    check_modes(numbers_returned, X, 0.8)


def arrays_without_axes(x, v):
    products = x.dot(x) + np.dot(x, v).sum() + np.dot(v, x)[0] + np.inner(v, x).sum() * np.inner(x, x)
    return products * np.nansum(x) + np.nanmean(x) + np.sum(x * np.argsort(x, axis=-1))


def test_an_array_without_axes():
    check_gradient(arrays_without_axes, np.array(0.7), X)


def convolved_number(x):
    return np.sum(np.convolve(x, [1.0, 2.0]))


def test_a_number_that_counts_as_a_vector_is_not_taken_for_a_failure():
    with pytest.raises(TransformError, match="must be arrays of one dimension"):
        grad(convolved_number)(0.7)


def outer_of_a_list(x, y):
    return (
        np.sum(np.add.outer(y, [1.0, 2.0]) * np.multiply.outer([0.5, 0.25], y)) + np.subtract.outer(x, [y, 1.0]).sum()
    )


def test_outer_of_numbers_and_lists():
    check_gradient(outer_of_a_list, X, 0.8)


def outer_beside_a_vector(x):
    return np.sum(np.multiply.outer(x, np.array([1.0, 2.0])) ** 2)


@pytest.mark.parametrize("x", [0.7, X])
def test_general_code_of_outer_takes_numbers_too(x):
    space: dict[str, Any] = {}
    exec(transform(outer_beside_a_vector, "gradient", wrt=0).source, space)
    assert np.allclose(space["outer_beside_a_vector_grad"](x), 10.0 * np.asarray(x))


def powers_and_logarithms(x):
    return np.sum(special.cbrt(x) + special.exp2(x) * special.expm1(x) + special.log1p(x * x))


def test_functions_of_scipy_keep_their_last_digits():
    check_gradient(powers_and_logarithms, X)
    assert value_and_grad(powers_and_logarithms)(X)[0] == powers_and_logarithms(X)


REFUSED = {
    "linalg.cholesky(x)": "not for float",
    "linalg.expm(x)": "not for float",
    "linalg.expm(np.array([x]))": "not for",
    "linalg.solve(x, x)": "not for float",
    "linalg.solve(np.eye(2), np.full((2, 2, 2), x))": "a vector or a matrix on the right",
    "np.polyval(np.full((2, 2), x), 2.0)": "a vector of coefficients",
}


@pytest.mark.parametrize("call", REFUSED)
def test_what_is_beyond_a_rule_is_refused_and_not_taken_for_a_failure(call):
    text = f"import numpy as np\nfrom scipy import linalg\n\n\ndef f(x: float):\n    return {call}\n"
    with pytest.raises(TransformError, match=REFUSED[call]):
        derive(Module.from_text(text, "f.py"), "f", "forward", "x")


def median_of_a_number(x):
    return np.median(np.sum(x), axis=0)


def test_an_axis_that_a_number_does_not_have_is_numpys_error():
    with pytest.raises(ValueError, match="axis 0 is out of bounds"):
        grad(median_of_a_number)(X)


# NumPy's names of the operators make arrays of lists, which the operators do not.


def sums_of_lists(x, y):
    a = np.add(x, y) * np.array([1.0, 2.0]) + np.multiply(x, 2) + np.multiply(3, y) + np.subtract(x, 1.0)
    b = np.add((x[0], 1.0), (2.0, y[1])) ** 2 + np.negative(x) + np.power(y, 2) + np.divide(x, [2.0, y[0]])
    chosen = np.where(np.greater(x, 0.5), a, b) + np.equal(x, [x[0], 9.0]) * b
    return np.sum(chosen) + np.matmul(x, y) + np.average(x, weights=[1, 3]) + np.linalg.matmul(y, y)


def test_operators_of_numpy_on_lists():
    check_gradient(sums_of_lists, [0.7, 0.2], [0.5, 0.3])


# What is printed.


def median_and_curve(x):
    return np.interp(np.median(np.sin(x)), [-1.0, 0.0, 1.0], [0.1, 0.5, 2.0])


def test_a_shape_is_not_read_behind_the_write_that_takes_the_name():
    check_gradient(median_and_curve, np.array([[0.7, -0.4, 1.9], [0.3, 0.2, -1.1]]))


def elements_behind_a_reshape(x):
    y = np.concatenate([np.ravel(x), np.reshape(x, -1)])
    return np.median(x) * 0.5 + y[0] * 2.5 + y[-1] * y[1]


def test_general_code_adds_up_the_gradient_of_integers_in_floats():
    derivative = transform(elements_behind_a_reshape, "gradient", wrt=0)
    space: dict[str, Any] = {}
    exec(derivative.source, space)
    found = space["elements_behind_a_reshape_grad"](np.array([3, 1, 2]))
    assert found.tolist() == [2.5, 2.0, 1.5]


def number_between_knots(x):
    return np.interp(x, [0.0, 1.0], (x, 2.0))


def test_the_gradient_of_a_number_is_a_number():
    for optimize in (True, False):
        assert isinstance(grad(number_between_knots, optimize=optimize)(0.7), float)


def only_element(x):
    return x.item() * 2.0


def test_the_adjoint_of_a_single_precision_array_without_axes():
    value, pullback = vjp(only_element, np.array(0.5, dtype=np.float32))
    found = pullback(1.0)
    assert value == 1.0 and found == 2.0 and found.dtype == np.float32
