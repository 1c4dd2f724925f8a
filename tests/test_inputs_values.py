"""What may be passed as an argument: numbers and arrays of every kind, containers, and what is refused by name.

In: values as people have them. Out: gradients with the structure of the argument, or a message that names the parameter
and says what to pass.
"""

from __future__ import annotations

import fractions
from collections import OrderedDict
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srcdiff import TransformError, check_derivatives, grad, jacobian, jvp, value_and_grad, vjp
from srcdiff.api import hessian


def squares(x: Any) -> Any:
    return np.sum(x * x)


class Series:
    """Like one of another library: NumPy can read it, and generated code does not compute with it."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.ones(3)


class Sparse:
    def toarray(self) -> np.ndarray:
        return np.eye(2)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (3, 6.0),
        (np.int64(3), 6.0),
        (np.float32(1.5), 3.0),
        (np.float64(1.5), 3.0),
        (np.array(2.0), 4.0),
        (np.array(2), 4.0),
        (np.arange(3), [0.0, 2.0, 4.0]),
        (np.arange(3, dtype=np.uint8), [0.0, 2.0, 4.0]),
        (np.arange(6.0)[::2], [0.0, 4.0, 8.0]),
        (np.asfortranarray(np.ones((2, 3))), np.full((2, 3), 2.0)),
        (np.arange(3.0).astype(">f8"), [0.0, 2.0, 4.0]),
        (np.ones(2, np.float16), np.full(2, 2.0, np.float16)),
        (np.ones(2, np.longdouble), np.full(2, 2.0, np.longdouble)),
        (np.broadcast_to(1.0, (3,)), [2.0, 2.0, 2.0]),
        (np.zeros(0), []),
        (np.zeros((0, 3)), np.zeros((0, 3))),
    ],
)
def test_numbers_and_arrays(given: Any, expected: Any) -> None:
    before = np.array(given, copy=True)
    found = grad(squares)(given)
    np.testing.assert_allclose(found, expected)
    assert np.shape(found) == np.shape(given)
    assert np.asarray(found).dtype.kind == "f"
    if isinstance(given, np.ndarray) and given.dtype.kind == "f":
        assert found.dtype.newbyteorder("=") == given.dtype.newbyteorder("=")
    np.testing.assert_array_equal(given, before)


def overwriting(x: Any) -> Any:
    x[0] = 2.0 * x[1]
    return np.sum(x * x)


def test_arrays_that_must_not_be_written(tmp_path: Path) -> None:
    frozen = np.arange(3.0)
    frozen.flags.writeable = False
    expected = grad(overwriting)(np.arange(3.0))
    np.testing.assert_array_equal(grad(overwriting)(frozen), expected)
    mapped = np.memmap(tmp_path / "x", dtype=float, mode="w+", shape=(3,))
    mapped[:] = [0.0, 1.0, 2.0]
    found = grad(overwriting)(mapped)
    assert type(found) is np.ndarray
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(mapped, [0.0, 1.0, 2.0])
    np.testing.assert_array_equal(grad(lambda x, y: np.sum(x * y))(np.ones(3), mapped), mapped)
    np.testing.assert_array_equal(jvp(squares, (mapped,), (np.ones(3),))[1], 6.0)
    np.testing.assert_array_equal(vjp(squares, mapped)[1](1.0), 2.0 * mapped)
    g = grad(squares)
    np.testing.assert_array_equal(g(mapped[:1]), [0.0])
    np.testing.assert_array_equal(g(mapped), 2.0 * mapped)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (1j, "argument `x` is a complex number"),
        (np.complex64(1j), "argument `x` is a complex number"),
        (np.ones(2) * 1j, "argument `x` is an array of complex numbers"),
        (np.array([1.0, None], dtype=object), "argument `x` is an array of Python objects"),
        (np.array(["a"]), "argument `x` is an array of strings"),
        (np.array(["2020-01-01"], dtype="M8[D]"), "argument `x` is an array of dates"),
        (np.ma.ones(2), r"argument `x` is a numpy\.MaskedArray.*np\.asarray"),
        (np.ones((1, 1)).view(np.matrix), r"argument `x` is a numpy\.matrix.*np\.asarray"),
        (fractions.Fraction(1, 2), r"argument `x` is a fractions\.Fraction.*pass float\(x\)"),
        (Decimal("1.5"), r"argument `x` is a decimal\.Decimal.*pass float\(x\)"),
        (Series(), r"argument `x` is a tests\.Series.*pass np\.asarray\(x\)"),
        (Sparse(), r"argument `x` is a tests\.Sparse.*pass x\.toarray\(\)"),
        ({"a": [Series()]}, r"argument `x_a_0` is a tests\.Series"),
        ((1.0, Decimal(1)), r"argument `x_1` is a decimal\.Decimal"),
    ],
)
def test_refused_by_name(given: Any, said: str) -> None:
    for f in (grad(squares), grad(lambda y, x: y * 2.0)):
        args = (given,) if f.parameters[0].name == "x" else (1.0, given)
        with pytest.raises(TypeError, match=said):
            f(*args)


def test_scipy_sparse_matrices_are_refused() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match=r"argument `x` is a scipy\.\w+.*pass x\.toarray\(\)"):
        grad(squares)(sparse.csr_matrix(np.eye(2)))


@pytest.mark.parametrize("given", [True, np.bool_(True), np.array([True]), {1.0}, b"a", None])
def test_what_carries_no_derivative_is_refused(given: Any) -> None:
    with pytest.raises(TransformError):
        grad(squares)(given)


# -- containers


NESTED = {
    "layers": [(np.ones((2, 2)), np.zeros(2)), (np.ones((2, 2)), np.ones(2))],
    "scale": 0.5,
    "flags": {"bias": True, "name": "net", "none": None},
    "empty": [],
    "none": np.zeros(0),
}


def network(params: Any, x: Any) -> Any:
    h = x
    for W, b in params["layers"]:
        h = np.tanh(W @ h + b)
    if params["flags"]["bias"] and params["flags"]["name"] == "net":
        h = h * params["scale"]
    return np.sum(h)


def test_nested_containers() -> None:
    x = np.array([0.3, -0.7])
    check_derivatives(network, NESTED, x)
    value, g = value_and_grad(network)(NESTED, x)
    assert value == network(NESTED, x)
    assert list(g) == list(NESTED)
    assert type(g["layers"][0]) is tuple and g["layers"][1][0].shape == (2, 2)
    assert g["flags"] == {"bias": 0.0, "name": None, "none": None}
    assert g["empty"] == [] and g["none"].shape == (0,)
    blocks = jacobian(lambda p: p["layers"][0][1] * p["scale"])(NESTED)
    assert blocks["layers"][0][1].shape == (2, 2)


def test_empty_containers() -> None:
    def f(xs: list[Any], d: dict[str, Any], t: tuple[Any, ...], y: Any) -> Any:
        return y * y + sum(xs) + len(d) * y + sum(t)

    assert grad(f, wrt=(0, 1, 2, 3))([], {}, (), 3.0) == ([], {}, (), 6.0)
    assert grad(f, wrt=(0, 3))([1.0, 2.0], {}, (), 3.0) == ([1.0, 1.0], 6.0)
    g = grad(squares)
    for size in (0, 1, 3, 0):
        np.testing.assert_array_equal(g(np.ones(size)), 2.0 * np.ones(size))
    assert hessian(squares)(np.zeros(0)).shape == (0, 0)


def test_other_dicts_and_lists_of_numbers() -> None:
    ordered = OrderedDict(b=2, a=np.float32(3.0))
    assert grad(lambda d: d["a"] * d["b"])(ordered) == {"b": 3.0, "a": 2.0}
    assert grad(lambda xs: xs[0] * xs[1] ** 2)([1, 2]) == [4.0, 4.0]
    assert grad(lambda xs: xs[0][0] * xs[1])(((1.0, 2), 3)) == ((3.0, 0.0), 1.0)


def depth(tree: Any) -> Any:
    if isinstance(tree, dict):
        return depth(tree["left"]) * 2.0 + depth(tree["right"])
    return tree * tree


def test_recursive_data() -> None:
    tree = {"left": {"left": 1.0, "right": 2.0}, "right": 3.0}
    assert value_and_grad(depth)(tree) == (depth(tree), {"left": {"left": 8.0, "right": 8.0}, "right": 6.0})
    check_derivatives(depth, tree)
