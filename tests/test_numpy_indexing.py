"""Reading and writing through every kind of index, end to end: compiled programs, untyped and annotated.

Each program runs in both modes, optimised and not, against divided differences and the dot-product test; scalar ones
also to second order.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
import pytest

import srcdiff
from tests.oracles import aliasing, differences
from tests.support import check_modes

V = np.array([0.3, -1.2, 2.5, 0.7, 1.9])
M = np.linspace(-1.1, 2.9, 12).reshape(3, 4)
CUBE = np.linspace(0.2, 2.6, 24).reshape(2, 3, 4)
REPEATS = np.array([2, 0, 2])

READS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "negative": ("x[-1] * x[-2]", (V,)),
    "backwards": ("x[::-2] * 2.0", (V,)),
    "out of bounds": ("x[-100:3] * x[1:100][:3]", (V,)),
    "ellipsis": ("x[..., 1] * x[0, ..., 2]", (CUBE,)),
    "newaxis": ("x[:, np.newaxis] * x[None, :]", (V,)),
    "mask": ("x[x > 0] ** 2", (M,)),
    "mask of rows": ("x[x[:, 0] > -0.5] ** 2", (M,)),
    "mask of two axes": ("x[x[:, :, 0] > 0.5] ** 2", (CUBE,)),
    "mask beside a slice": ("x[x[:, 0] > -0.5, 1:] ** 2", (M,)),
    "mask beside an integer": ("x[x[:, 0] > -0.5, 1] ** 2", (M,)),
    "mask beside integers": ("x[x[:, 0] > -9.0, np.array([0, 0, 1])] ** 2", (M,)),
    "repeats": ("x[i] ** 2", (V, REPEATS)),
    "rows with repeats": ("x[i, 1:] ** 2", (M, REPEATS)),
    "columns with repeats": ("x[1:, i] ** 2", (M, REPEATS)),
    "apart": ("x[i // 2, :, i] ** 2", (CUBE, REPEATS)),
    "list": ("x[[0, 2, 0]] ** 2", (V,)),
    "lists": ("x[[0, 2, 0], [1, 1, 1]] ** 2", (M,)),
    "list of flags": ("x[[True, False, True]] ** 2", (M,)),
    "ix_": ("x[np.ix_([0, 2, 0], [1, 3])] ** 2", (M,)),
    "ix_ of a mask": ("x[np.ix_(x[:, 0] > -0.5, [1, 3])] ** 2", (M,)),
    "index without axes": ("x[np.array(1)] ** 2 + x[np.argmax(x)]", (V,)),
    "s_": ("x[np.s_[1:, ::2]] ** 2", (M,)),
    "index_exp": ("x[np.index_exp[1:]] ** 2", (M,)),
    "flat": ("x.flat[3] ** 2 + x.flat[[0, 0]] * x.flat[1:3]", (M,)),
    "nonzero": ("x[np.nonzero(x > 0)] ** 2", (M,)),
    "where": ("x[np.where(x > 0)[0]] ** 2", (V,)),
    "flatnonzero": ("x[np.flatnonzero(x > 0)] ** 2", (V,)),
    "triangle": ("x[np.triu_indices(3)] ** 2", (M,)),
    "diagonal": ("x[np.diag_indices(3)] ** 2", (M,)),
    "unravelled": ("x[np.unravel_index(np.argmax(x), x.shape)] ** 2", (M,)),
    "where the rows are": ("x[np.argwhere(x[:, 0] > -0.5)[:, 0]] ** 2", (M,)),
    "nothing": ("x[np.array([], dtype=int)] ** 2", (V,)),
}

WRITES: dict[str, tuple[str, tuple[Any, ...]]] = {
    "all": ("y[...] = x ** 2", (V,)),
    "lower rank": ("y[:] = x[0] ** 2; y[1:, 1:] = x[1:, :1] ** 2", (M,)),
    "list": ("y[:3] = [x[0], x[1] * x[0], 2.0]", (V,)),
    "tuple": ("y[0] = (x[2, 0], 1.0, x[0, 0] * x[1, 1], x[1, 2])", (M,)),
    "slice in a name": ("s = slice(1, 3); y[s] = x[s] ** 2", (V,)),
    "tuple in a name": ("s = (slice(1, 3), 2); y[s] = x[s] ** 2", (M,)),
    "s_ in a name": ("s = np.s_[1:, ::2]; y[s] *= x[0, 0]", (M,)),
    "mask": ("y[y > 0] = x[0] ** 2", (V,)),
    "mask by mask": ("y[y > 0] = x[x > 0] ** 2", (V,)),
    "mask augmented": ("y[y > 0] += x[0]; y[~(y > 0)] = 0.0", (V,)),
    "mask of rows": ("y[y[:, 0] > 0, 1:] *= x[0, 0]", (M,)),
    "repeats": ("y[i] = x[:3] ** 2", (V, REPEATS)),
    "repeats augmented": ("y[i] -= x[:3] ** 2", (V, REPEATS)),
    "repeats multiplied": ("y[i] *= x[:3] ** 2", (V, REPEATS)),
    "rows with repeats": ("y[i, 1:] = x[:, :1] ** 2", (M, REPEATS)),
    "ix_": ("y[np.ix_([0, 2], [1, 3])] *= x[0, 0]", (M,)),
    "elements change places": ("k = 1; y[k], y[k + 1] = y[k + 1], y[k] * x[0]", (V,)),
    "rows change places": ("y[[0, 1]] = y[[1, 0]]; y *= x", (M,)),
    "part of a part": ("y[1:][0] = x[0] ** 2; y[:, ::2][1] *= 2.0", (M,)),
    "part of a copy": ("y[[0, 1]][0] = x[0] ** 2", (M,)),
    "flat": ("y.flat[3] = x[0, 0] ** 2; y.flat[1:4] = x[1, :2]; y.flat[[0, -1]] += x[0, 1]", (M,)),
    "flat of all": ("y.flat = x[0] ** 2", (M,)),
    "add.at": ("np.add.at(y, i, x[:3] ** 2)", (V, REPEATS)),
    "add.at of a tuple": ("np.add.at(y, (i, slice(1, 3)), x[:, :2] ** 2)", (M, REPEATS)),
    "add.at of a part": ("np.add.at(y[1:], [0, 0], x[0] ** 2)", (V,)),
    "subtract.at": ("np.subtract.at(y, i, x[:3] ** 2)", (V, REPEATS)),
    "put": ("np.put(y, [0, 3, 0], x[:2] ** 2)", (V,)),
    "put in a matrix": ("np.put(y, [0, -1], x[0, 0] ** 2); np.put(y, 3, x[1]); y.put([1, 2], x[2])", (M,)),
    "place": ("np.place(y, y > 0, x[:2] ** 2)", (V,)),
    "place in a matrix": ("np.place(y, y > 0, x[0] ** 2); np.place(y, y < 0, 0.5)", (M,)),
    "putmask": ("np.putmask(y, y > 0, x ** 2)", (V,)),
    "putmask repeating": ("np.putmask(y, y > 0, x[:2, 0] ** 2)", (M,)),
    "copyto": ("np.copyto(y, x ** 2)", (V,)),
    "copyto where": ("np.copyto(y, x[0] ** 2, where=x > 0)", (M,)),
    "fill_diagonal": ("np.fill_diagonal(y, x[0, 1] ** 2); np.fill_diagonal(y[:, 1:], x[0, :2])", (M,)),
    "diagonal": ("y[np.diag_indices(3)] += x[0, 1] ** 2", (M,)),
    "integers": ("k = np.zeros(5, dtype=int); k[0] = x[2] * 7; k[1:] = x[1:] * 3; y += k * x[0]", (V,)),
    "nothing": ("y[np.array([], dtype=int)] = x[0]", (V,)),
}


def reading(text: str, arguments: tuple[Any, ...], annotated: bool) -> Callable[..., Any]:
    return aliasing.compiled(f"{_head(arguments, annotated)}    return {text}\n")


def writing(text: str, arguments: tuple[Any, ...], annotated: bool) -> Callable[..., Any]:
    lines = "".join(f"    {line.strip()}\n" for line in text.split(";"))
    return aliasing.compiled(f"{_head(arguments, annotated)}    y = x * 1.0\n{lines}    return y * x\n")


IMPORTS = "from typing import Annotated\n\nimport numpy as np\n\n\n"


def _head(arguments: tuple[Any, ...], annotated: bool) -> str:
    dims = " ".join("nmk"[: arguments[0].ndim])
    x = f'x: Annotated[np.ndarray, "{dims}"]' if annotated else "x"
    parameters = f"{x}, i" if len(arguments) > 1 else x
    return f"{IMPORTS}def f({parameters}):\n"


@pytest.mark.parametrize("annotated", [False, True], ids=["untyped", "annotated"])
@pytest.mark.parametrize("name", READS)
def test_reading(name: str, annotated: bool) -> None:
    text, arguments = READS[name]
    check_modes(reading(text, arguments, annotated), *arguments, wrt=(0,))


@pytest.mark.parametrize("annotated", [False, True], ids=["untyped", "annotated"])
@pytest.mark.parametrize("name", WRITES)
def test_writing(name: str, annotated: bool) -> None:
    text, arguments = WRITES[name]
    check_modes(writing(text, arguments, annotated), *arguments, wrt=(0,))


@pytest.mark.parametrize("kind", ["read", "write"])
def test_second_order(kind: str) -> None:
    """The gradient of a sum, differentiated again."""
    for text, arguments in (READS if kind == "read" else WRITES).values():
        returned = f"np.sum(np.sin({text}))" if kind == "read" else ""
        f = reading(returned, arguments, True) if kind == "read" else summed(writing(text, arguments, True))
        gradient = srcdiff.grad(f)
        v = np.cos(np.arange(arguments[0].size)).reshape(arguments[0].shape)
        found = srcdiff.hvp(f)(*arguments, v)
        expected = differences.directional(lambda x: gradient(x, *arguments[1:]), (arguments[0],), (v,))  # noqa: B023
        assert differences.error(found, expected) < 1e-7, text


def summed(f: Callable[..., Any]) -> Callable[..., Any]:
    """The same program with a number as its result."""
    text = inspect.getsource(f).replace("return y * x", "return np.sum(np.sin(y * x))")
    return aliasing.compiled(IMPORTS + text)


def test_single_precision_stays() -> None:
    f = writing("y[i] *= x[:3]; np.put(y, [0], x[1]); y[y > 0] += x[0]", (V, REPEATS), False)
    x = V.astype(np.float32)
    value, tangent = srcdiff.jvp(f, (x, REPEATS), (x,), wrt=(0,))
    assert value.dtype == tangent.dtype == np.float32
    gradient = srcdiff.vjp(f, x, REPEATS)[1](x)
    assert gradient.dtype == np.float32


def mixed_precision(x):
    y = np.zeros(5, dtype=np.float32)
    y[1:] = x[1:] * x[0]
    k = np.zeros(5, dtype=int)
    k[:] = x * 3.0
    return np.sum(y * k)


def test_writes_cast_as_numpy_does() -> None:
    """Floats are truncated where they are written into integers: no derivative, and none is kept in integers."""
    gradient = srcdiff.grad(mixed_precision)(V)
    k = np.trunc(V * 3.0)
    expected = np.array([np.sum(V[1:] * k[1:]), *(k[1:] * V[0])])
    assert gradient.dtype == np.float64
    assert np.allclose(gradient, expected, rtol=1e-6)


def accumulated(x, i):
    s = 0.0
    for k in range(len(i)):
        s += x[i[k]] * x[k] + x[1:][k]
    return s


def written(x, i):
    y = np.zeros_like(x)
    np.add.at(y, i, x[1:])
    for k in range(1, len(i)):
        y[k] += y[k - 1] * 0.5 * x[k]
        y.flat[k] *= 0.5
    return np.sum(y)


@pytest.mark.parametrize("f", [accumulated, written])
def test_an_element_in_a_loop_costs_an_element(f: Callable[..., float]) -> None:
    """Sixteen times the trips take some sixteen times as long, not a thousand times."""
    gradient = srcdiff.grad(f)
    times = []
    for n in (2_000, 32_000):
        x, i = np.linspace(0.1, 0.9, n + 1), np.arange(n + 1)[::-1].copy()
        i = i[:n]
        gradient(x, i)
        times.append(min(_time(gradient, x, i) for _ in range(3)))
    assert times[1] < 160 * times[0]


def _time(f: Callable[..., Any], *arguments: Any) -> float:
    start = perf_counter()
    f(*arguments)
    return perf_counter() - start


def gathers(x, i, m):
    return np.sum(x[i] ** 2) + np.sum(x[m > 0.0] ** 2) + np.sum(x[np.flatnonzero(m)]) + np.sum(x[1:] ** 2)


def test_repeats_are_counted_where_there_may_be_any() -> None:
    gradient = srcdiff.grad(gathers)
    assert np.allclose(
        gradient(V, REPEATS, V), 2 * V * (np.bincount(REPEATS, minlength=5) + (V > 0)) + 1 + 2 * V * (np.arange(5) > 0)
    )
    source = gradient.source
    assert source.count("np.add.at(") == 1
