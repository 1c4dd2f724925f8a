"""Programs as they are found in people's repositories, and the mistakes that people make in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import srcdiff
from srcdiff.compiler import transform_file
from srcdiff.diagnostics import TransformError

X = np.array([1.0, 2.0, 3.0])


def refusal(f, *arguments):
    """The message and the remedy with which a function is refused."""
    with pytest.raises(TransformError) as caught:
        srcdiff.value_and_grad(f)(*arguments)
    first = caught.value.diagnostics[0]
    return first.message, first.remedy


# --- modules that import each other


def test_a_package_that_imports_its_modules_is_read_from_any_of_them(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("from .model import loss\n")
    (package / "kernels.py").write_text("import numpy as np\n\n\ndef kernel(x):\n    return np.exp(-x * x)\n")
    (package / "model.py").write_text(
        "from . import kernels\nfrom .kernels import kernel\n\n\n"
        "def loss(x: float) -> float:\n    return kernels.kernel(x) * kernel(2.0 * x)\n"
    )
    text = transform_file(package / "model.py", "loss", ("gradient",))
    assert "def loss_grad(x: float) -> float:" in text


# --- what NumPy does not do


def _into_parameter(x, n):
    n += x
    return n.sum()


def _into_local(x):
    n = np.arange(3)
    n /= x
    return n.sum()


def _into_mask(x):
    m = x > 1.5
    m += 1
    return (m * x).sum()


@pytest.mark.parametrize(
    ("f", "arguments"), [(_into_parameter, (X, np.arange(3))), (_into_local, (X,)), (_into_mask, (X,))]
)
def test_floats_are_not_added_in_place_to_integers(f, arguments) -> None:
    with pytest.raises(TypeError, match="same_kind"):
        f(*[a.copy() for a in arguments])
    assert refusal(f, *arguments)[0].startswith("NumPy does not write ")


def _same_kinds(x, n, u):
    n += 2
    n *= n
    n += u
    u += 3
    x += n
    return np.sum(x * u)


def test_integers_are_added_in_place_to_integers() -> None:
    n, u = np.arange(3), np.arange(3, dtype=np.uint8)
    value, gradient = srcdiff.value_and_grad(_same_kinds)(X, n, u)
    assert value == _same_kinds(X.copy(), n.copy(), u.copy())
    np.testing.assert_array_equal(gradient, u + 3.0)


def _no_such_axis(x):
    return np.sum(x, axis=3)


def test_what_fails_in_numpy_fails_in_its_words() -> None:
    with pytest.raises(np.exceptions.AxisError, match="axis 3 is out of bounds"):
        srcdiff.grad(_no_such_axis)(X)


# --- names that do not exist


def _misspelt_function(x):
    return np.sinn(x).sum()


def _misspelt_below(x):
    return np.linalg.nrom(x)


def _misspelt_method(x):
    return x.summ()


def _nothing_like_it(x):
    return np.quux(x)


def _exists(x):
    return np.unwrap(x).sum()


@pytest.mark.parametrize(
    ("f", "message", "remedy"),
    [
        (_misspelt_function, "`numpy` has no `sinn`", "did you mean `numpy.sin`?"),
        (_misspelt_below, "`numpy.linalg` has no `nrom`", "did you mean `numpy.linalg.norm`?"),
        (_misspelt_method, "no rule for the method `.summ()`", "did you mean `.sum()`? If not, "),
        (_nothing_like_it, "`numpy` has no `quux`", "check the name"),
        (_exists, "no rule for `numpy.unwrap`", "write it with "),
    ],
)
def test_a_misspelt_name_is_said_to_be_one(f, message: str, remedy: str) -> None:
    found = refusal(f, X)
    assert found[0] == message
    assert found[1].startswith(remedy)
