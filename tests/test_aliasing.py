"""Memory that several names share: what primitives say of it, and programs that alias and write.

Each program is either exact (the value to the last bit, every derivative) or refused with both places named.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import srcdiff
from srcdiff.derivative import Derivative
from srcdiff.diagnostics import TransformError
from srcdiff.ir.builder import complete
from srcdiff.ir.core import Constant, Value, constant
from srcdiff.ir.types import UNKNOWN
from srcdiff.modes import Options
from srcdiff.primitives.table import TABLE
from tests.oracles import aliasing, differences
from tests.rule_cases import CASES
from tests.support import check_modes
from tests.test_aliasing_random import identical

HOLDERS = frozenset(("make_tuple", "make_record", "make_list", "make_dict", "add", "multiply"))


def arrays_in(x: Any) -> Iterator[np.ndarray]:
    match x:
        case np.ndarray():
            yield x
        case list() | tuple():
            for item in x:
                yield from arrays_in(item)
        case dict():
            for item in x.values():
                yield from arrays_in(item)


def laid_out(x: Any, order: str) -> Any:
    """The operand with its arrays in this order of memory."""
    match x:
        case np.ndarray():
            return np.array(x, order=order)
        case list() | tuple():
            return type(x)(laid_out(item, order) for item in x)
        case dict():
            return {key: laid_out(item, order) for key, item in x.items()}
    return x


def completed(name: str, operands: tuple[Any, ...]) -> list[Any]:
    """The operands with the defaults of the primitive."""
    given = [constant(x) if isinstance(x, int | float | str | None) else Value(UNKNOWN) for x in operands]
    full = complete(TABLE[name], given)
    return [
        operands[i] if i < len(operands) else v.value if isinstance(v, Constant) else None for i, v in enumerate(full)
    ]


@pytest.mark.parametrize("name", sorted({name for name, _, _ in CASES}))
def test_what_shares_memory_is_declared(name: str) -> None:
    """A result that shares memory with an operand is a view of it, in whatever order the operand lies in memory. What
    updates an operand makes a new object when it is evaluated."""
    primitive = TABLE[name]
    for _, operands, _ in [case for case in CASES if case[0] == name]:
        for order in ("C", "F"):
            given = [laid_out(x, order) for x in completed(name, operands)]
            before = copy.deepcopy(given)
            result = primitive.evaluate(*given)
            assert identical(given, before), f"{name} changes what it is given"
            for position, operand in enumerate(given):
                shares = any(np.shares_memory(a, b) for a in arrays_in(operand) for b in arrays_in(result))
                declared = position in primitive.views or (primitive.variadic and bool(primitive.views))
                # What a list is made of, and the elements of a sum of lists, are held by it: `frontend/sharing.py`.
                held = isinstance(result, list | tuple | dict) and (primitive.updates is not None or name in HOLDERS)
                assert not shares or declared or held, f"{name}: operand {position}"


V = np.array([0.3, -1.2, 2.5, 0.7, 1.9])
M = np.linspace(-1.1, 2.9, 12).reshape(3, 4)
CUBE = np.linspace(0.2, 2.6, 24).reshape(2, 3, 4)

EXACT: dict[str, tuple[str, tuple[Any, ...]]] = {
    "transposed": (
        "def f(x):\n y = x * 1.0\n v = y.T\n v[0] = x[0, 0] ** 2\n y[1, 1] = 3.0 * x[1, 0]\n return y * 1.0, v * 2.0",
        (M,),
    ),
    "axes": (
        "def f(x):\n y = x * 1.0\n v = y.transpose(1, 2, 0)\n v[0, 1] = x[0, 0, 0] ** 2\n"
        " y[1, 1] *= 3.0\n return y, v * 2.0",
        (CUBE,),
    ),
    "moved": (
        "def f(x):\n y = x * 1.0\n v = np.moveaxis(y, 0, 1)\n v[0] = x[0, 0] ** 2\n y[1, 1] = x[1, 0]\n"
        " return y, v * 2.0",
        (M,),
    ),
    "row by reshape": (
        "def f(x):\n y = np.zeros(6)\n v = y.reshape(2, 3)\n v[0] = x[0] ** 2\n y[1] = 3.0 * x[1]\n return y, v * 2.0",
        (V,),
    ),
    "nested views": (
        "def f(x):\n y = np.zeros((3, 4))\n w = y.ravel()[2:].reshape(2, 5)\n w[0] = x[0] * x[1]\n return y, w * 2.0",
        (V,),
    ),
    "broadcast": (
        "def f(x):\n y = x * 1.0\n v = np.broadcast_to(y, (2, 5))\n y[1] = x[0] * 2.0\n return y, v * 2.0",
        (V,),
    ),
    "diagonal": ("def f(x):\n y = x * 1.0\n d = np.diagonal(y)\n y[0, 0] = x[0, 1] ** 2\n return y, d * 2.0", (M,)),
    "asarray": ("def f(x):\n y = x * 1.0\n v = np.asarray(y)\n v[0] = x[1] ** 2\n return y, v * 2.0", (V,)),
    "rows": ("def f(x):\n y = x * 1.0\n for row in y:\n  row *= row[0]\n return y", (M,)),
    "columns": ("def f(x):\n y = x * 1.0\n for c in y.T:\n  c[0] = c[1] ** 2\n return y", (M,)),
    "rows in pairs": ("def f(x):\n y = x * 1.0\n for a, b in zip(y[1:], y[:-1]):\n  a += b ** 2\n return y", (M,)),
    "numbered rows": ("def f(x):\n y = x * 1.0\n for i, a in enumerate(y):\n  a[i] = a[i + 1] ** 2\n return y", (M,)),
    "twice in a list": (
        "def f(x):\n y = x * 1.0\n l = [y, y]\n l[0][1] = x[0] ** 2\n return l[1] * 1.0, y * 1.0, l",
        (V,),
    ),
    "list and name": (
        "def f(x, n):\n y = x * 1.0\n l = [y, x * 2.0]\n for i in range(n):\n"
        "  l[0][i] = l[1][i] * x[0]\n  y[i + 1] += l[0][i]\n"
        " return l, y",
        (V, 3),
    ),
    "dict": (
        "def step(s):\n s['u'][1:] = s['u'][:-1] * s['v'][1:]\n s['v'][0] = s['u'][1]\n"
        "def f(x, n):\n s = {'u': x * 1.0, 'v': x * 0.5}\n for t in range(n):\n  step(s)\n return s['u'], s['v']",
        (V, 3),
    ),
    "tuple": (
        "def f(x):\n y = x * 1.0\n t = (y, y[1:], [y, 2.0])\n t[1][0] = x[0] ** 2\n t[2][0][3] = 5.0 * x[1]\n return t",
        (V,),
    ),
    "element in place": ("def f(x):\n y = x * 1.0\n l = [y, x]\n l[0] += x * x\n return y, l[0] * 2.0", (V,)),
    "elements change places": (
        "def f(x):\n l = [x * 1.0, x * 2.0]\n l[0], l[1] = l[1], l[0]\n l[0][1] = x[1] ** 2\n return l",
        (V,),
    ),
    "the same argument twice": (
        "def h(a, b):\n a[0] = b[1] ** 2\n return a * b\ndef f(x):\n y = x * 1.0\n return h(y, y)",
        (V,),
    ),
    "one list argument": (
        "def h(l):\n l[0][0] = l[1][1] ** 2\ndef f(x):\n y = x * 1.0\n h([y, y])\n return y",
        (V,),
    ),
    "helper writes": (
        "def h(a, b):\n a += b ** 2\ndef f(x):\n y = x * 1.0\n h(y, x)\n h(y[1:], x[0])\n"
        " h(y[::-1].reshape(1, 5).T, 1.5)\n return y",
        (V,),
    ),
    "helper gives a view": (
        "def tail(a):\n return a[1:]\ndef f(x):\n y = x * 1.0\n v = tail(y)\n v[0] = x[0] ** 2\n"
        " y[2] *= v[0]\n return y, v",
        (V,),
    ),
    "out": (
        "def f(x, w):\n c = np.zeros(5)\n d = c\n r = np.multiply(x, w, out=c)\n r[0] = 2.0 * x[1]\n return d * 1.0",
        (V, V[::-1] * 0.7),
    ),
    "out by position": ("def f(x, w):\n y = x * 1.0\n np.add(y, w, y)\n return y", (V, V[::-1] * 0.7)),
    "out of a slice": ("def f(x):\n y = x * 1.0\n np.multiply(y[1:], y[:-1], out=y[1:])\n return y", (V,)),
    "out of dot": ("def f(x, w):\n c = np.zeros((3, 3))\n np.dot(x, w.T, out=c)\n return c", (M, M * 0.3)),
    "out of clip": ("def f(x):\n y = x * 1.0\n np.clip(y, 0, 1, out=y)\n return y", (V,)),
    "out of a method": ("def f(x):\n c = np.zeros(4)\n x.sum(axis=0, out=c)\n return c * c", (M,)),
    "out where": (
        "def f(x, w):\n y = x * 2.0\n np.divide(x, w - w[0], out=y, where=w != w[0])\n return y",
        (V, V[::-1] * 0.7),
    ),
    "where of another shape": (
        "def f(x):\n y = x * 2.0\n np.divide(1.0, x[0], out=y, where=x[:, :1] > 0.0)\n return y",
        (M,),
    ),
    "shared name": ("def f(x):\n y = x * 1.0\n z = y\n z += 1.0\n z *= x\n return y", (V,)),
    "buffers": (
        "def f(x, n):\n old = x * 1.0\n new = np.zeros_like(old)\n for t in range(n):\n  for i in range(1, 4):\n"
        "   new[i] = 0.5 * (old[i - 1] + old[i + 1]) * old[i]\n  old, new = new, old\n return old",
        (V, 4),
    ),
    "buffers by a third name": (
        "def f(x, n):\n a = x.copy()\n b = x.copy()\n for t in range(n):\n"
        "  b[1:-1] = 0.5 * (a[:-2] + a[2:]) * a[1:-1]\n"
        "  c = a\n  a = b\n  b = c\n return a, b",
        (V, 4),
    ),
    "three buffers": (
        "def f(x, n):\n a = x.copy()\n b = x.copy()\n c = x * 2.0\n for t in range(n):\n  c[1:] = a[:-1] * b[1:]\n"
        "  a, b, c = b, c, a\n return a, b, c",
        (V, 4),
    ),
    "buffers sometimes": (
        "def f(x, n):\n a = x.copy()\n b = x.copy()\n t = 0\n while t < n:\n"
        "  b[1:-1] = 0.5 * (a[:-2] + a[2:]) * a[1:-1]\n"
        "  if t % 2 == 0:\n   a, b = b, a\n  t += 1\n return a, b",
        (V, 4),
    ),
    "buffers in a helper": (
        "def step(a, b):\n b[1:-1] = 0.5 * (a[:-2] + a[2:]) * a[1:-1]\n return b, a\n"
        "def f(x, n):\n a = x.copy()\n b = x.copy()\n for t in range(n):\n  a, b = step(a, b)\n return a",
        (V, 3),
    ),
    "unpacked rows": (
        "def f(x):\n y = x - 1.0\n a, b, c = y\n a[0] = x[1, 1]\n y[1, 0] = x[0, 0] ** 2\n return y, a, b",
        (M,),
    ),
    "rows displayed": (
        "def f(x):\n y = x - 1.0\n l = [y[0], y[1]]\n y[0, 0] = x[1, 1]\n l[1][0] = x[0, 0]\n return l[0] * 2.0, y",
        (M,),
    ),
    "a default": (
        "def f(x):\n y = x - 1.0\n def g(a=y):\n  a[0] = x[1] ** 2\n g()\n return y",
        (V,),
    ),
    "filled": ("def f(x):\n y = x * 1.0\n z = y\n y.fill(x[0] ** 2)\n return z * x", (V,)),
    "deleted": ("def f(x):\n y = [x * 1.0, x * 2.0, x * 3.0]\n z = y\n del y[1], y\n z[0][1] = x[0]\n return z", (V,)),
}


REFUSED: dict[str, tuple[str, tuple[Any, ...], str]] = {
    "perhaps a copy": (
        "def f(x):\n y = x * 1.0\n v = y.ravel()\n v[0] = x[0, 0]\n return y",
        (M,),
        "`y` (line 4) may share memory with what line 6 writes",
    ),
    "a name from before": (
        "def f(x, n):\n a = x.copy()\n b = x.copy()\n k = a\n for t in range(n):\n  b[0] = a[1]\n"
        "  a, b = b, a\n return k",
        (V, 3),
        "`k` (line 6) may share memory with what line 8 writes",
    ),
    "one buffer": (
        "def f(x, n):\n a = x.copy()\n b = a\n for t in range(n):\n  b[0] = a[1]\n  a, b = b, a\n return a",
        (V, 3),
        "`a` (line 6) may share memory with what line 7 writes",
    ),
    "which of two": (
        "def f(x):\n a = x.copy()\n b = x * 2.0\n if x[0] > 0:\n  c = a\n else:\n  c = b\n c[0] = 1.0\n return a + c",
        (V,),
        "`a` (line 4) may share memory with what line 10 writes",
    ),
    "elements of a loop": (
        "def f(x):\n rows = [r for r in x * 2.0]\n rows[0][0] = 1.0\n return rows[0]",
        (M,),
        "may be one and the same object",
    ),
    "list of rows": (
        "def f(x):\n y = x - 1.0\n rows = list(y)\n rows[0][0] = x[1, 1]\n return y",
        (M,),
        "`y` (line 4) may share memory with what line 6 writes",
    ),
    "rows in a list": (
        "def f(x):\n y = x - 1.0\n rows = list(y)\n y[0, 0] = x[1, 1]\n return rows[0]",
        (M,),
        "`rows` (line 5) may share memory with what line 6 writes",
    ),
    "read only": ("def f(x):\n np.diagonal(x)[0] = 1.0\n return x[0, 0]", (M,), "NumPy lets nothing be written"),
    "no out": ("def f(x):\n return np.sum(np.add(x, x, where=x > 0))", (V,), "leaves elements unset"),
    "out of integers": (
        "def f(x):\n c = np.zeros(5, dtype=int)\n np.multiply(x, x, out=c)\n return x[0]",
        (V,),
        "NumPy does not write",
    ),
    "another at": (
        "def f(x):\n np.multiply.at(x, [0, 0], 2.0)\n return x[0]",
        (V,),
        "`np.multiply.at` is not supported",
    ),
}


def made(text: str) -> Callable[..., Any]:
    return aliasing.compiled("import numpy as np\n\n" + text + "\n")


@pytest.mark.parametrize("name", EXACT)
def test_exact(name: str) -> None:
    text, arguments = EXACT[name]
    f = made(text)
    wrt = tuple(i for i, a in enumerate(arguments) if differences.leaves(a).size)
    expected = f(*copy.deepcopy(arguments))
    for optimize in (True, False):
        tangents = tuple(np.ones_like(arguments[i]) for i in wrt)
        derivative = Derivative(f, "forward", wrt, Options(optimize=optimize))
        value, _ = derivative.with_extra(copy.deepcopy(arguments), tangents)
        assert identical(value, expected)
    check_modes(f, *arguments, wrt=wrt)


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_both_places(name: str) -> None:
    text, arguments, message = REFUSED[name]
    with pytest.raises(TransformError) as error:
        srcdiff.transform(made(text), mode="reverse", wrt=0)(*copy.deepcopy(arguments), 1.0)
    assert message in str(error.value)


# Arguments that share memory.

SHARED = np.array([1.0, 2.0, 3.0])


def adds(x, y):
    x += y
    return np.sum(x * y)


def multiplies_out(x, y):
    np.multiply(x, y, out=x)
    return np.sum(x * y)


def writes_into_a_list(items):
    items[0][0] = 3.0 * items[1][1]
    return np.sum(items[1])


def adds_a_global(x):
    x += SHARED
    return np.sum(x * SHARED)


def reads_a_global(x):
    return np.sum(x * SHARED)


@pytest.mark.parametrize(
    ("f", "arguments", "message"),
    [
        (adds, (SHARED, SHARED), "`x` and `y` share memory"),
        (adds, (SHARED[1:], SHARED[:-1]), "`x` and `y` share memory"),
        (multiplies_out, (SHARED, SHARED[::-1]), "`x` and `y` share memory"),
        (writes_into_a_list, ([SHARED, SHARED],), "`items` holds the same memory twice"),
        (adds_a_global, (SHARED[:],), "`x` shares memory with `SHARED`"),
    ],
)
def test_arguments_that_share_memory_are_refused_where_one_is_written(f: Any, arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        srcdiff.grad(f)(*arguments)
    assert SHARED.tolist() == [1.0, 2.0, 3.0]


def test_they_may_share_memory_where_nothing_is_written() -> None:
    assert srcdiff.grad(reads_a_global)(SHARED).tolist() == SHARED.tolist()


def test_a_loop_over_buffers_keeps_the_statements() -> None:
    text, arguments = EXACT["dict"]
    derivative = srcdiff.transform(made(text), mode="forward", wrt=0)
    derivative(*arguments, V)
    loop = derivative.source.split("for _")[1]
    assert "u[1:] = t1 * t2" in loop and "copy" not in loop


@pytest.mark.parametrize("name", ["buffers", "three buffers", "buffers in a helper"])
def test_buffers_that_change_places_are_not_copied(name: str) -> None:
    text, arguments = EXACT[name]
    derivative = srcdiff.transform(made(text), mode="forward", wrt=0)
    derivative(*arguments, V)
    assert "copy" not in derivative.source.split("for _")[1]
