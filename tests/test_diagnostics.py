"""Diagnostics: the exact text, caret and remedy for every construct that is refused, and how they are raised."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable

import pytest

from srcdiff.diagnostics import Diagnostic, TransformError
from srcdiff.frontend.lower import lower
from srcdiff.frontend.module import Module

HEADER = "import math\nimport numpy as np\nimport scipy.special\n"

REFUSED = {
    "try": "def f(x):\n    try:\n        y = 1 / x\n    except ZeroDivisionError:\n        y = 0.0\n    return y\n",
    "with": "def f(x):\n    with np.errstate(all='ignore'):\n        y = 1 / x\n    return y\n",
    "yield": "def f(x):\n    for i in range(3):\n        yield x * i\n",
    "async": "def f(x):\n    async def g(y):\n        return await y\n    return x\n",
    "class": "def f(x):\n    class A:\n        pass\n    return x\n",
    "class_used": "class A:\n    pass\ndef f(x):\n    a = A()\n    return x\n",
    "global": "N = 1\ndef f(x):\n    global N\n    N = 2\n    return x * N\n",
    "nonlocal": "def f(x):\n    n = 0\n    def g():\n        nonlocal n\n        n += 1\n    g()\n    return x * n\n",
    "delete": "def f(x):\n    y = x\n    del y\n    return x * y\n",
    "star_import": "from math import *\ndef f(x):\n    return sin(x)\n",
    "eval_exec": "def f(x):\n    exec('y = 1')\n    return eval('x * 2')\n",
    "sets": "def f(x):\n    s = {x, 2.0}\n    t = set([x])\n    return {v for v in [x]}\n",
    "unknown_function": "def f(x):\n    return scipy.special.zeta(x) + np.nonsense(x)\n",
    "undefined_name": "def f(x):\n    return x * scale\n",
    "unbound": "def f(x):\n    y = y + x\n    return y\n",
    "walrus": "def f(x):\n    if (y := x * 2) > 1:\n        return y\n    return x\n",
    "match": "def f(x):\n    match x:\n        case 1:\n            return 2.0\n    return x\n",
    "star_parameters": "def f(x, *rest, **options):\n    return x\n",
    "decorator": "import functools\n@functools.singledispatch\ndef g(x):\n    return x\ndef f(x):\n    return g(x)\n",
    "attribute_assignment": "def f(p, x):\n    p.value = x\n    return x\n",
    "attribute": "def f(p):\n    return p.value * 2\n",
    "shift": "def f(x, n):\n    n <<= 1\n    return x * (n >> 2)\n",
    "starred_target": "def f(xs):\n    a, *b = xs\n    return a\n",
    "complex": "def f(x):\n    return x * 1j\n",
    "keyword": "def f(x: np.ndarray):\n    np.add(x, x, where=x > 0)\n    return np.tanh(x, order='C')\n",
    "writers": (
        "def f(x: np.ndarray, y: float):\n    n = np.zeros(3, dtype=int)\n    np.multiply(x, x, out=n)\n"
        "    np.multiply.at(x, [0, 0], 2.0)\n    np.put(x, 0, y, mode='wrap')\n    x.flat[1:][0] = 2.0\n"
        "    np.diagonal(x)[0] = y\n    r = np.putmask(x, x > 0, y)\n    return x.flat\n"
    ),
    "arguments": "def g(a, b=1.0):\n    return a * b\ndef f(x):\n    return g() + g(x, 1, 2) + g(x, c=2) + g(x, a=1)\n",
    "function_as_value": "def g(a):\n    return a\ndef f(x):\n    return g * x\n",
    "function_by_branch": (
        "def f(x):\n    if x > 0:\n        g = math.sin\n    else:\n        g = math.cos\n    return g(x)\n"
    ),
    "nested_recursion": "def f(x):\n    def g(n):\n        return x if n == 0 else g(n - 1)\n    return g(3)\n",
    "alias_of_view": "def f(x: np.ndarray):\n    v = x[1:].ravel()\n    w = 0.0\n    x[1] = 2.0\n    return v * w\n",
    "alias_unknown": "def f(x: np.ndarray):\n    t = x[0]\n    x[0] = 2.0\n    return t * 2\n",
    "alias_augmented": "def f(x: np.ndarray):\n    s = x[0]\n    s += x[1]\n    return s + x[2]\n",
    "alias_container": "def f(x: np.ndarray):\n    l = [x] + [x * 2.0]\n    x[0] = 2.0\n    return l\n",
    "same_elements": "def f(x):\n    rows = [[0.0] * 2] * 3\n    rows[0][1] = x\n    return rows\n",
    "iterated_list_grows": "def f(xs: list[float]):\n    for v in xs:\n        xs.append(v)\n    return xs\n",
    "global_write": "DATA = np.zeros(3)\ndef f(x):\n    DATA[0] = x\n    return x\n",
    "bad_unpacking": "def f(x):\n    a, b = (x, 1.0, 2.0)\n    return a\n",
    "method": "def f(x: np.ndarray, l: list[float]):\n    l.insert(0, 1.0)\n    return x.tofile('a')\n",
    "many": (
        "def f(x):\n    try:\n        y = x\n    finally:\n        z = {1.0}\n    w = nothing(x)\n"
        "    lambda: (yield)\n    return y\n"
    ),
    "directives": (
        "def g(x):  # srcdiff: recomput\n    return x\n"
        "def f(x, n):\n    for i in range(n):  # srcdiff: fixed_point\n        x = x / 2  # srcdiff: recompute\n"
        "    while x > 1:  # srcdiff: checkpoint(0)\n        x = g(x) / 2\n    return x\n"
    ),
    "in_helper": "def g(x):\n    with x:\n        pass\ndef f(x):\n    return g(x)\n",
}


def refused(text: str) -> TransformError:
    with pytest.raises(TransformError) as caught:
        lower(Module.from_text(HEADER + text, "model.py"), "f")
    return caught.value


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"diagnostics/{name}.txt", f"{HEADER}{REFUSED[name]}\n{refused(REFUSED[name])}\n")


def test_every_place_at_once() -> None:
    error = refused(REFUSED["many"])
    assert [d.line for d in error.diagnostics] == [5, 8, 9, 10]


def test_plain_python_draws_the_caret() -> None:
    error = refused("def f(x):\n    with x:\n        pass\n")
    shown = "".join(traceback.format_exception_only(error))
    assert 'File "model.py", line 5' in shown
    assert "    with x:\n    ^^^" in shown


def test_syntax_error_of_the_users() -> None:
    with pytest.raises(TransformError) as caught:
        Module.from_text("def f(x:\n    return x\n", "broken.py")
    assert (caught.value.filename, caught.value.lineno) == ("broken.py", 1)


def test_pickles() -> None:
    error = TransformError([Diagnostic("a", "b", "f.py", 3, 1, 2, "text")])
    assert pickle.loads(pickle.dumps(error)).diagnostics == error.diagnostics


def test_wide_characters_before_the_place() -> None:
    error = refused("def f(x):\n    é = 1.0; y = undefined_é\n    return x\n")
    assert error.diagnostics[0].column == 18


def test_no_such_function() -> None:
    with pytest.raises(TransformError, match="no function `g`"):
        lower(Module.from_text("def f(x):\n    return x\n", "model.py"), "g")
