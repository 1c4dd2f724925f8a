"""Rules that are registered in a text that never runs, and the exact messages of what is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from srcdiff import TransformError, grad, rule
from srcdiff.cli import main
from srcdiff.compiler import derive, transform_file
from srcdiff.frontend.lower import lower
from srcdiff.frontend.module import Module
from srcdiff.ir.text import to_text

PARTIAL = "lambda y, x: 1 - y * y"
BODY = "def f(x: float) -> float:\n    return {call}\n"


def gradient(text: str) -> str:
    return derive(Module.from_text(text, "model.py"), "f", "gradient").body


SPELLINGS = {
    "import": f"import lib\nimport srcdiff\nsrcdiff.rule.elementwise(lib.g, {PARTIAL})\n",
    "alias": f"import lib\nimport srcdiff as sd\nsd.rule.elementwise(lib.g, {PARTIAL})\n",
    "from": f"import lib\nfrom srcdiff import rule\nrule.elementwise(lib.g, {PARTIAL})\n",
    "from_as": f"import lib\nfrom srcdiff import rule as r\nr.elementwise(lib.g, {PARTIAL})\n",
    "curried": f"import lib\nfrom srcdiff import rule\nrule.elementwise({PARTIAL})(lib.g)\n",
    "in_try": (
        f"import lib\ntry:\n    from srcdiff import rule\nexcept ImportError:\n    pass\n"
        f"else:\n    rule.elementwise(lib.g, {PARTIAL})\n"
    ),
    "in_if": f"import lib\nfrom srcdiff import rule\nif True:\n    rule.elementwise(lib.g, {PARTIAL})\n",
    "function": (
        "import lib\nfrom srcdiff import rule\ndef slope(y, x):\n    return 1 - y * y\nrule.elementwise(lib.g, slope)\n"
    ),
    "named_lambda": f"import lib\nfrom srcdiff import rule\nslope = {PARTIAL}\nrule.elementwise(lib.g, slope)\n",
    "late": (
        "import lib\nfrom srcdiff import rule\nrule.vjp(lib.g, lambda y, x, by: by)\n"
        f"rule.elementwise(lib.g, {PARTIAL})\n"
    ),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_every_way_to_register(name: str) -> None:
    made = gradient(SPELLINGS[name] + BODY.format(call="lib.g(x)"))
    assert "import lib" in made and "t1 = lib.g(x)" in made
    assert "bx = 1 - t1 * t1" in made
    assert "srcdiff" not in made


def test_a_function_of_a_package() -> None:
    register = f"from srcdiff import rule\nrule.elementwise(lib.part.g, {PARTIAL})\n"
    for imports, call in (
        ("import lib.part\n", "lib.part.g"),
        ("import lib\n", "lib.part.g"),
        ("import lib.part as p\nimport lib\n", "p.g"),
        ("import lib\nfrom lib.part import g\n", "g"),
    ):
        made = gradient(imports + register + BODY.format(call=f"{call}(x)"))
        assert f"t1 = {call}(x)" in made


def test_a_name_that_is_imported() -> None:
    made = gradient(
        f"from lib import g\nfrom srcdiff import rule\nrule.elementwise(g, {PARTIAL})\n" + BODY.format(call="g(x)")
    )
    assert "from lib import g" in made and "t1 = g(x)" in made


def test_decorators() -> None:
    head = "import numpy as np\nfrom srcdiff import opaque, rule\n"
    own = "def g(x):\n    return np.tanh(x)\n"
    for decorators in (f"@rule.elementwise({PARTIAL})\n", f"@rule.elementwise({PARTIAL})\n@other\n"):
        made = gradient(head + decorators + own + BODY.format(call="g(x)"))
        assert "from model import g" in made and "1 - t1 * t1" in made
    both = "def g_vjp(y, x, by):\n    return 2.0 * by\ndef g_jvp(y, x, dx):\n    return 3.0 * dx\n"
    text = head + both + "@rule.jvp(g_jvp)\n@rule.vjp(g_vjp)\n" + own + BODY.format(call="g(x)")
    assert "return 2.0 * by" in gradient(text)
    assert "return 3.0 * dx" in derive(Module.from_text(text, "model.py"), "f", "forward").body
    assert "effect custom model.g" in to_text(
        lower(Module.from_text(head + "@opaque\n" + own + BODY.format(call="g(1)"), "model.py"), "f")
    )


def test_modules_beside_it(tmp_path: Path) -> None:
    (tmp_path / "solvers.py").write_text(
        "import numpy as np\nfrom srcdiff import rule\n\n\n"
        "def solve_vjp(y, a, b, by):\n    bb = np.linalg.solve(a.T, by)\n    return -np.outer(bb, y), bb\n\n\n"
        "@rule.vjp(solve_vjp)\ndef solve(a, b):\n    return np.linalg.solve(a, b)\n",
        encoding="utf-8",
    )
    (tmp_path / "lib_rules.py").write_text(
        "import lib\nfrom srcdiff import rule\n\nrule.elementwise(lib.g, lambda y, x: y)\n", encoding="utf-8"
    )
    (tmp_path / "user.py").write_text(
        "import lib\nimport lib_rules\nimport numpy as np\nimport solvers\nfrom solvers import solve as s\n\n\n"
        "def f(a, b):\n    return np.sum(solvers.solve(a, b) * s(a, b) + lib.g(b))\n",
        encoding="utf-8",
    )
    made = transform_file(tmp_path / "user.py", "f", ["gradient"])
    assert "def solve_vjp(y, a, by):" in made and made.count("def solve_vjp") == 1
    assert "lib.g(b)" in made and "lib_rules" not in made


def test_generated_code_can_be_transformed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "import numpy as np\nfrom srcdiff import rule\n\n\n"
        "def root_vjp(y, a, by):\n    return -y * by / (3 * y * y + a)\n\n\n"
        "@rule.vjp(root_vjp)\ndef root(a: float) -> float:\n"
        "    t = 0.5\n    while abs(t**3 + a * t - 1) > 1e-15:\n        t = t - (t**3 + a * t - 1) / (3 * t * t + a)\n"
        "    return t\n\n\ndef f(a: float) -> float:\n    return root(a) * a\n"
    )
    (tmp_path / "roots.py").write_text(text, encoding="utf-8")
    (tmp_path / "roots_1.py").write_text(transform_file(tmp_path / "roots.py", "f", ["gradient"]), encoding="utf-8")
    second = transform_file(tmp_path / "roots_1.py", "f_grad", ["gradient"])
    (tmp_path / "roots_2.py").write_text(second, encoding="utf-8")
    assert "from roots import root" in second
    monkeypatch.syspath_prepend(str(tmp_path))
    import importlib

    roots = importlib.import_module("roots")
    first, again = importlib.import_module("roots_1").f_grad, importlib.import_module("roots_2").f_grad_grad
    step = 1e-5
    assert abs(first(1.3) - grad(roots.f)(1.3)) < 1e-14
    assert abs(again(1.3) - (first(1.3 + step) - first(1.3 - step)) / (2 * step)) < 1e-8


def test_rules_and_opaque_functions_are_not_transformed_themselves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.py").write_text(
        "from srcdiff import opaque, rule\n\n\ndef g_vjp(y, x, by):\n    return by\n\n\n"
        "@rule.vjp(g_vjp)\ndef g(x: float) -> float:\n    return x\n\n\n@opaque\ndef log(x: float):\n    print(x)\n\n\n"
        "def f(x: float):\n    log(x)\n    return g(x)\n",
        encoding="utf-8",
    )
    assert main(["transform", "m.py", "--mode", "gradient"]) == 0
    out, err = capsys.readouterr()
    assert "def f_grad" in out and "def g_grad" in out and "def log" not in out and "g_vjp_" not in out
    assert "skipped: `g_vjp` is a rule of `g`" in err and "skipped: `log` is opaque" in err


# Golden messages.

HEADER = (
    "import math\nimport random\n\nimport numpy as np\nimport scipy.optimize\n\nimport lib\n"
    "from lib import other\nfrom srcdiff import opaque, rule, stop_gradient\n\n\n"
)
F = "def f(x, rng):\n"

REFUSED = {
    "numpy": F + "    return np.busday_count(x, x) + np.packbits(x)\n",
    "scipy": F + "    return scipy.optimize.brentq(lambda t: t - x, 0.0, 1.0)\n",
    "math_and_builtins": F + "    return math.comb(4, 2) + hash(x)\n",
    "library": F + "    return lib.g(x) + other(x) + lib.part.g(x)\n",
    "methods": F + "    y = np.ones(3)\n    return x.tofile('x') + y.partition(1)\n",
    "random": (
        F + "    a = np.random.normal()\n    b = random.random()\n    r = np.random.default_rng(0)\n"
        "    return a * b * x * rng.normal() * r.random()\n"
    ),
    "inside": F + "    rule.vjp(lib.g, lambda y, x, by: by)\n    return lib.g(x)\n",
    "nested": F + "    @rule.elementwise(lambda y, t: 1.0)\n    def g(t):\n        return t\n    return g(x)\n",
    "below_another_decorator": (
        "@other\n@rule.elementwise(lambda y, x: 1.0)\ndef g(x):\n    return x\n\n\n" + F + "    return g(x)\n"
    ),
    "writes": (
        "@rule.vjp(lambda y, x, by: by)\ndef g(x):\n    x[0] = 1.0\n    return x\n\n\n" + F + "    return g(x)\n"
    ),
    "keyword": "rule.elementwise(lib.g, lambda y, x: y)\n\n\n" + F + "    return lib.g(x=x)\n",
    "count": "rule.elementwise(lib.g, lambda y, x: y)\n\n\n" + F + "    return lib.g(x, x)\n",
    "function_passed": "rule.elementwise(lib.g, lambda y, x: y)\n\n\n" + F + "    return lib.g(lambda t: t)\n",
    "rule_out_of_subset": (
        "def g_vjp(y, x, by):\n    try:\n        return by\n    finally:\n        pass\n\n\n"
        "rule.vjp(lib.g, g_vjp)\n\n\n" + F + "    return lib.g(x)\n"
    ),
    "random_in_rule": ("rule.vjp(lib.g, lambda y, x, by: by * np.random.normal())\n\n\n" + F + "    return lib.g(x)\n"),
    "no_rule_for_this_mode": (
        "rule.vjp(lib.g, lambda y, x, by: lib.g_adjoint(by))\n\n\n" + F + "    return lib.g(x)\n"
    ),
    "shape": (
        "@rule.vjp(lambda y, x, by: np.sum(by))\n"
        "def g(x: np.ndarray[tuple[int], np.dtype[np.float64]]):\n    return x\n\n\n"
        "def f(x: np.ndarray[tuple[int], np.dtype[np.float64]], rng):\n    return g(x)\n"
    ),
    "not_a_tuple": (
        "def g_vjp(y: float, a, b, by):\n    return by * 2.0\n\n\nrule.vjp(lib.g, g_vjp)\n\n\n"
        "def f(x: float):\n    return lib.g(x, x)\n"
    ),
    "none": "rule.vjp(lib.g, lambda y, a, b, by: (by, None))\n\n\ndef f(x: float):\n    return lib.g(1.0, x)\n",
    "opaque": "opaque(lib.g)\n\n\n" + F + "    return lib.g(x) * x\n",
    "derivative_of_a_library_function": (
        "from srcdiff import grad\n\nrule.elementwise(lib.g, lambda y, x: y)\n\n\n" + F + "    return grad(lib.g)(x)\n"
    ),
    # What is wrong with a registration.
    "elementwise_count": "rule.elementwise(lib.g, lambda y, a, b: a)\n\n\n" + F + "    return lib.g(x)\n",
    "elementwise_operands": (
        "@rule.elementwise(lambda y, x: 1.0)\ndef g(a, b):\n    return a * b\n\n\n" + F + "    return g(x, x)\n"
    ),
    "jvp_count": "rule.jvp(lib.g, lambda y, x: x)\n\n\n" + F + "    return lib.g(x)\n",
    "vjp_arguments": "rule.vjp(lib.g)\n\n\n" + F + "    return lib.g(x)\n",
    "no_function": "rule.vjp(3, lambda y, x, by: by)\n\n\n" + F + "    return lib.g(x)\n",
    "no_rule": "rule.vjp(lib.g, 3)\n\n\n" + F + "    return lib.g(x)\n",
    "nothing": "rule.vjp()\n\n\n" + F + "    return lib.g(x)\n",
    "of_the_table": "rule.elementwise(np.tanh, lambda y, x: 1.0)\n\n\n" + F + "    return np.tanh(x)\n",
    "opaque_with_rule": "opaque(lib.g)\nrule.elementwise(lib.g, lambda y, x: y)\n\n\n" + F + "    return lib.g(x)\n",
    "keyword_only": (
        "@rule.elementwise(lambda y, x: 1.0)\ndef g(x, *, k):\n    return x * k\n\n\n" + F + "    return g(x, k=2.0)\n"
    ),
}


def refusal(text: str) -> str:
    with pytest.raises(TransformError) as caught:
        derive(Module.from_text(HEADER + text, "model.py"), "f", "forward", "x")
    return str(caught.value)


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"diagnostics/rules_{name}.txt", f"{HEADER}{REFUSED[name]}\n{refusal(REFUSED[name])}\n")


def test_a_function_without_source_is_refused_at_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("lib_without_source")
    module.hypot = np.frompyfunc(lambda a, b: a, 2, 1)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lib_without_source", module)
    monkeypatch.setitem(globals(), "without_source", module)

    def f(x):
        return without_source.hypot(x, x)  # noqa: F821

    with pytest.raises(TransformError, match="`hypot` has no source text that could be read, and no rule"):
        grad(f)(1.0)
    rule.elementwise(module.hypot, lambda y, a, b: 1.0, lambda y, a, b: 0.0)
    try:
        assert grad(f)(1.0) == 1.0
    finally:
        rule.forget(module.hypot)
