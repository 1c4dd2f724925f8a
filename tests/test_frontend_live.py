"""Live functions and general code: gradients against central differences, and what is refused because it must be."""

# ruff: noqa: E731

from __future__ import annotations

import copy
import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srcdiff import grad
from srcdiff.diagnostics import TransformError
from srcdiff.frontend.lower import lower
from srcdiff.frontend.module import Module
from srcdiff.ir.interpret import interpret
from tests import helper_module
from tests.helper_module import square

FACTORS = [lambda x, k=k: x * x * k for k in (2.0, 3.0)]
DOUBLE, TRIPLE = FACTORS
RATE = 2.0


def imported(x):
    return square(x) + helper_module.weigh(x * np.ones(2)) + helper_module.square(x)


def chained_list(x):
    c = d = [x, x]
    c[0] = 2 * x
    return d[0] * x


def chained_array(x):
    a = b = x * np.ones(2)
    a[0] = 5.0
    return np.sum(b * x)


def chained_unpacking(x):
    a, b = c = [x, 2 * x]
    c[0] = x * x
    return a * b + c[0]


def chained_dict(x):
    c = d = {"a": x}
    d["a"] = x * x
    return c["a"] * x


def default_at_definition(x):
    w = x * 1.0
    g = lambda t, k=w: t * k * x
    w = w * 2
    return g(2.0)


def default_object(x):
    def g(t, k=[x, x * x]):  # noqa: B006
        k[0] = k[0] * t
        return k[0]

    return g(2.0) + g(3.0)


def default_in_branch(x):
    if x < 0:
        raise ValueError("no")
    else:
        y = x * x
        g = lambda t, k=y * 2: t * k
    y = 3.0
    return g(x)


def default_in_loop(x):
    s = 0.0
    for i in range(3):
        g = lambda t, i=i, x=x: t * i * x
        s = s + g(x)
        x = x * 1.5
    return s


def default_of_live_lambda(x):
    return DOUBLE(x) + TRIPLE(x) * x


def default_tuple(x, w=(1.0, 2.0), *, r=RATE):
    return w[0] * x + w[1] * x * x * r


RATE = 5.0


def default_in_call(x):
    return default_tuple(x) * x


def recursive(x, n):
    if n == 0:
        return x, x * x
    a, b = recursive(x, n - 1)
    return a * b, b + x


def unpacked_recursion(x):
    a, b = recursive(x, 3)
    return a + b


def recursive_list(x, n):
    if n == 0:
        return [x, x * x]
    v = recursive_list(x, n - 1)
    v[0] = v[0] * x
    v.append(x)
    return v


def written_recursion(x):
    v = recursive_list(x, 2)
    return v[0] * v[1] + v[2]


def growing(x, n, tape):
    if n == 0:
        return x, tape
    return growing(x * x, n - 1, (x, tape))


def growing_types(x):
    a, _ = growing(x, 8, ())
    return a * x


@pytest.mark.parametrize(
    "function",
    [
        imported,
        chained_list,
        chained_array,
        chained_unpacking,
        chained_dict,
        default_at_definition,
        default_object,
        default_in_branch,
        default_in_loop,
        default_of_live_lambda,
        default_tuple,
        default_in_call,
        unpacked_recursion,
        written_recursion,
        growing_types,
        DOUBLE,
        TRIPLE,
    ],
    ids=lambda f: f.__name__,
)
def test_gradient(function: Callable[..., Any]) -> None:
    x, h = 1.1, 1e-6
    expected = (function(x + h) - function(x - h)) / (2 * h)
    assert grad(function)(x) == pytest.approx(expected, rel=1e-5)


def test_a_file_edited_after_import_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "edited_module.py"
    path.write_text("def f(x):\n    return 2 * x\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("edited_module")
    path.write_text("def f(x):\n    return 3 * x\n")
    os.utime(path, (1, 1))
    with pytest.raises(TransformError, match="edited after it was imported"):
        grad(module.f)(1.0)


M = np.array([[1.0, 2.0], [3.0, 4.0]])
V = np.array([1.0, 2.0])

GENERAL: dict[str, tuple[str, tuple[Any, ...]]] = {
    "shape": ("def f(X):\n    n, d = X.shape\n    (k, m) = np.shape(X)\n    return np.sum(X) * n / d + k * m\n", (M,)),
    "fresh_product": ("def f(x):\n    y = x * 1.0\n    y[0] -= 2.0\n    return np.sum(y * x)\n", (V,)),
    "repeated": (
        "def f(x, n):\n    y = [0.0] * n\n    for i in range(1, n):\n        y[i] += y[i - 1] + x[i]\n"
        "    return y[n - 1]\n",
        (V, 2),
    ),
    "running_sum": (
        "def f(x):\n    s = 0.0\n    for i in range(len(x)):\n        s += x[i]\n        x[i] *= 0.9\n"
        "    return s + np.sum(x)\n",
        (V,),
    ),
    "part": ("def f(x):\n    x[1][0] *= 3.0\n    x[0, 1:][0] = 2.0\n    return np.sum(x)\n", (M,)),
    "aliases": (
        "import math\nsine = math.sin\nsq = lambda x, k=3.0: x * x * k\ndef h(x): return x * 2\ng = h\nm = max\n"
        "def f(x):\n    return sine(x) * sq(x) + g(x) + m(x, 1.0)\n",
        (2.0,),
    ),
    "nested_filter": ("def f(x):\n    return sum([sum([a * b for b in x if b > 0.5]) for a in x])\n", ([1.0, 2.0],)),
    "local_name": (
        "def bad(x):\n    yield x\ndef f(x):\n    bad = x * 2\n    g = lambda bad: bad * x\n    return bad + g(x)\n",
        (2.0,),
    ),
    "two_closures": (
        "def comp(f, g):\n    return lambda x: f(g(x))\ndef f(x):\n    return comp(np.sin, comp(np.cos, np.exp))(x)\n",
        (2.0,),
    ),
    "list_slice": (
        "def f(x):\n    m = [x, x * x]\n    c = m[:]\n    c[0] = x * 5\n    return m[0] + c[0] * m[1]\n",
        (2.0,),
    ),
    "dict_values": (
        "def f(p):\n    q = {k: v * 2 for k, v in p.items()}\n    return sum(v * v for v in q.values())\n",
        ({"a": 1.0, "b": 2.0},),
    ),
}


@pytest.mark.parametrize("name", GENERAL)
def test_general_code(name: str) -> None:
    text, arguments = GENERAL[name]
    text = "import numpy as np\n" + text
    namespace: dict[str, Any] = {}
    exec(text, namespace)
    expected = namespace["f"](*copy.deepcopy(arguments))
    program = lower(Module.from_text(text), "f")
    assert interpret(program, list(copy.deepcopy(arguments))) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def f(x, i):\n    x[i, 1:][0] *= 3.0\n    return sum(x)\n", "may share memory"),
        ("def f(x, x):\n    return x\n", "duplicate argument"),
        ("def f(x):\n    break\n", "outside loop"),
        ("if 1:\n    def f(x): return x\nelse:\n    def f(x): return 2 * x\n", "defined more than once"),
        (
            "try:\n    from a import g\nexcept ImportError:\n    def g(x): return x\ndef f(x): return g(x)\n",
            "more than once",
        ),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(TransformError, match=message):
        lower(Module.from_text(text), "f")


def test_every_undefined_name_is_reported() -> None:
    with pytest.raises(TransformError) as caught:
        lower(Module.from_text("def f(x):\n    return y + z(x) + sum([v * w for v in x])\n"), "f")
    assert [d.message for d in caught.value.diagnostics] == [f"name `{n}` is not defined" for n in ("y", "z", "w")]
