"""What is refused where a function asks for a derivative in its body: the exact text with the caret.

Golden: tests/golden/diagnostics/nested_*.txt. Beside them: live objects, and code that follows what changes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from srcdiff import check_derivatives, grad, jacobian, transform
from srcdiff.compiler import derive
from srcdiff.diagnostics import TransformError
from srcdiff.frontend.module import Module

HEADER = (
    "import functools\nimport math\nimport numpy as np\nfrom typing import Annotated\n"
    "from srcdiff import grad, hessian, hvp, jacobian, jvp, transform, vjp\n"
    "Vector = Annotated[np.ndarray, 'n']\n"
    "def g(x, y):\n    return x * y * y\n"
    "def array(x):\n    return np.sin(x) * x\n"
    "def items(x):\n    return [x, x]\n"
)

REFUSED = {
    "not_a_function": (
        "def f(x):\n    a = grad(x)(x)\n    b = grad(2.0)(x)\n    c = grad(np.sin)(x)\n    d = grad(np)(x)\n"
        "    e = grad(g(x, x))(x)\n    return a + b + c + d + e\n"
    ),
    "wrt": (
        "def f(x, k):\n    a = grad(g, wrt='z')(x, x)\n    b = grad(g, 2)(x, x)\n    c = grad(g, (0, 'x'))(x, x)\n"
        "    d = grad(g, k)(x, x)\n    e = grad(g, ())(x, x)\n    h = grad(g, 1.5)(x, x)\n"
        "    i = grad(g, None)(x, x)\n    return a + b + c + d + e + h + i\n"
    ),
    "count": (
        "def f(x):\n    a = grad(g)(x)\n    b = grad(g)(x, x, x)\n    c = jvp(g, (x,), (x,))\n    d = vjp(g, x)\n"
        "    e = jvp(g, (x, x), (x,))\n    h = hvp(g)(x, x)\n    i = vjp()\n    j = jvp(g, x, x)\n    return a + b\n"
    ),
    "keywords": (
        "def f(x):\n    a = grad(g, argnums=1)(x, x)\n    b = grad(g)(x, z=x)\n    c = grad(g)(x, x, y=x)\n"
        "    d = jacobian(g, mode='sideways')(x, x)\n    e = grad(g, **{})(x, x)\n"
        "    h = grad(*[g])(x, x)\n    return a + b + c\n"
    ),
    "scalar": "def f(x: Vector):\n    a = grad(array)(x)\n    return np.sum(a)\n",
    "scalar_list": "def f(x: float):\n    return grad(items)(x)\n",
    "scalar_lambda": "def f(x: Vector):\n    return grad(lambda t: x * t)(1.0)\n",
    "scalar_none": "def h(x):\n    if x > 0:\n        return x\ndef f(x: float):\n    return grad(h)(x)\n",
    "kinds": (
        "def f(x: float, s: str, flag: bool):\n    def h(a, b, c):\n"
        "        return a * x\n    a = grad(h, 1)(x, s, flag)\n"
        "    b = grad(h, 2)(x, s, flag)\n"
        "    c = grad(h, 1)(x, g, flag)\n    d = jvp(h, (x, s, flag), (1.0, 1.0, 1.0))\n"
        "    return a + b + c\n"
    ),
    "unlike": (
        "def f(x: Vector, w: float):\n    v, p = vjp(array, x)\n"
        "    a = jvp(array, (x,), (w,))\n    b = jvp(array, (w,), (x,))\n"
        "    return p(w)\n"
    ),
    "pullback": (
        "def f(x):\n    v, p = vjp(g, x, x)\n    table = [p, v]\n"
        "    a = grad(p)(x)\n    b = p(x, x) + p(y=x)\n    return p\n"
    ),
    "pullback_in_tuple": "def f(x):\n    return vjp(g, x, x)\n",
    "derivative_returned": "def f(x):\n    return grad(g)\n",
    "rule": "import scipy.special\ndef h(x):\n    return scipy.special.comb(x, 2)\ndef f(x):\n    return grad(h)(x)\n",
    "rule_in_derivative": (
        "def h(x: Vector):\n    return float(np.linalg.cond(np.outer(x, x), 1))\n"
        "def f(x: Vector):\n    return grad(h)(x)\n"
    ),
    "itself": "def f(x, n):\n    if n == 0:\n        return x\n    return grad(f)(x, n - 1)\n",
    "each_other": (
        "def h(x, n):\n    if n == 0:\n        return x * x\n    return grad(k)(x, n - 1)\n"
        "def k(x, n):\n    return x * h(x, n)\ndef f(x):\n    return h(x, 2)\n"
    ),
    "writes_outside": (
        "def f(x: float):\n    buffer = np.zeros(2)\n"
        "    def h(y):\n        buffer[0] = y * x\n        return buffer[0] * y\n"
        "    return grad(h)(x)\n"
    ),
    "shared": "def h(a, b):\n    a[0] = 2.0\n    return np.sum(a * b)\ndef f(x: Vector):\n    return grad(h)(x, x)\n",
    "shared_captured": (
        "def f(x: Vector):\n    def h(a):\n        a[0] = 2.0\n        return np.sum(a * x)\n    return grad(h)(x)\n"
    ),
    "others": "def f(x):\n    return transform(g, 'gradient')(x, x)\n",
    "decorators": (
        "@functools.singledispatch\n@grad\ndef h(x):\n"
        "    return x\n@functools.partial(np.sum, axis=0)\ndef k(x):\n    return x\n"
        "def f(x):\n    return h(x) + k(x)\n"
    ),
    "by_itself": "dg = grad(dg)\ndef f(x):\n    return dg(x)\n",
    "second_order_tuple": "def f(x: float):\n    return hessian(g, (0, 1))(x, x)[0][0]\n",
    "derivative_of_product": "def f(x):\n    return grad(hvp(g))(x, x)\n",
    "by_branch": (
        "def f(x):\n    if x > 0:\n        d = grad(g)\n    else:\n        d = grad(g, 1)\n    return d(x, x)\n"
    ),
    "undefined": "def f(x):\n    return grad(nothing)(x) + grad(lambda y: y * nothing)(x)\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, golden: Callable[[str, str], None]) -> None:
    with pytest.raises(TransformError) as caught:
        derive(Module.from_text(HEADER + REFUSED[name], "model.py"), "f", "gradient")
    assert all(d.line for d in caught.value.diagnostics)
    golden(f"diagnostics/nested_{name}.txt", f"{HEADER}{REFUSED[name]}\n{caught.value}\n")


# --- live objects


def cube(x):
    return x * x * x


def quartic(x):
    return x**4


slope = grad(cube)
table = jacobian(cube)
made = transform(cube, "jvp", wrt=0)
pulled = transform(cube, "vjp")
unchanged = transform(cube, "primal")


def uses_live_objects(x: float) -> float:
    return slope(x) + table(x) + made(x, x)[1] + pulled(x, x)[1] + unchanged(x)


def test_live_derivatives_of_every_mode() -> None:
    # 3 x^2 + 3 x^2 + 3 x^3 + 3 x^3 + x^3
    assert uses_live_objects(1.5) == pytest.approx(6 * 1.5**2 + 7 * 1.5**3)
    assert grad(uses_live_objects)(1.5) == pytest.approx(12 * 1.5 + 21 * 1.5**2)
    check_derivatives(uses_live_objects, 1.5)


def test_what_changed_is_compiled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of a derivative, and a function that a derivative was made of, are followed."""

    def f(x):
        return slope(x) * x

    gradient = grad(f)
    assert gradient(2.0) == pytest.approx(36.0)
    monkeypatch.setitem(globals(), "slope", grad(quartic))
    assert gradient(2.0) == pytest.approx(128.0)
    monkeypatch.setitem(globals(), "FACTOR", 3.0)
    monkeypatch.setitem(globals(), "slope", grad(scaled))
    assert gradient(2.0) == pytest.approx(12.0)
    monkeypatch.setitem(globals(), "FACTOR", 5.0)
    assert gradient(2.0) == pytest.approx(20.0)
    monkeypatch.setitem(globals(), "slope", jacobian(scaled))
    assert gradient(2.0) == pytest.approx(20.0)
    monkeypatch.setitem(globals(), "FACTOR", 7.0)
    assert gradient(2.0) == pytest.approx(28.0)


FACTOR = 1.0


def scaled(x):
    return FACTOR * x * x * 0.5


def test_a_function_that_changes_its_argument_leaves_the_callers_alone() -> None:
    def overwrites(y):
        y[0] = y[1] * y[0]
        return np.sum(y * y)

    def f(x):
        return np.sum(grad(overwrites)(x) * x)

    x = np.array([0.5, 2.0])
    # y0 y1 squared plus y1 squared: the derivative along y itself is 4 y0^2 y1^2 + 2 y1^2.
    assert transform(f, "primal")(x) == pytest.approx(4 * 0.25 * 4 + 2 * 4)
    assert np.allclose(grad(f)(x), [8 * 0.5 * 4, 8 * 0.25 * 2 + 4 * 2])
    assert np.array_equal(x, [0.5, 2.0])


def test_functions_that_are_arguments_are_differentiated() -> None:
    text = (
        "from srcdiff import grad\n\ndef apply(h, a):\n    return h(a) * a\n\ndef cube(t):\n    return t * t * t\n\n"
        "def slope_of(h, at):\n    return grad(h)(at)\n\n"
        "def f(x: float) -> float:\n"
        "    return grad(apply, 1)(cube, x) + grad(apply, 'a')(lambda t: t * x, x) + slope_of(cube, x) * slope_of(\n"
        "        lambda y: slope_of(lambda z: z * z * y, y), x\n    )\n"
    )
    # 4 x^3 + 2 x^2 + 3 x^2 4 x
    for mode, expected in (("primal", 16 * 1.5**3 + 2 * 1.5**2), ("gradient", 48 * 1.5**2 + 4 * 1.5)):
        derived = derive(Module.from_text(text, "model.py"), "f", mode)
        namespace: dict[str, Callable[[float], float]] = {}
        exec(derived.body, namespace)
        assert namespace[derived.name](1.5) == pytest.approx(expected)


# --- options that a derivative inside a function cannot have


def pair(x):
    return np.array([x[0] * x[1], x[0] + x[1]])


def energy(x):
    return np.sum(x * x * x)


with_value = jacobian(pair, value=True)
along_each = transform(energy, "forward", directions=True)


def takes_the_value(x):
    value, _ = with_value(x)
    return np.sum(value)


def takes_directions(x):
    return np.sum(along_each(x, np.eye(2))[1])


@pytest.mark.parametrize(
    ("f", "option"), [(takes_the_value, "value"), (takes_directions, "directions")], ids=["value", "directions"]
)
def test_an_option_that_changes_the_result_is_refused(f: Callable[..., float], option: str) -> None:
    """They were ignored, and the rows of the Jacobian were taken for the value and the Jacobian."""
    x = np.array([2.0, 3.0])
    f(x)
    with pytest.raises(TransformError, match=f"`{option}=` is not supported inside a function") as e:
        grad(f)(x)
    assert e.value.lineno is not None
