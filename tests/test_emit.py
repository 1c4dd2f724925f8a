"""The emitter: programs built by hand with their text asserted, random programs against the interpreter, ruff."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srcdiff.emit.python import emit
from srcdiff.frontend.lower import lower
from srcdiff.frontend.module import Module
from srcdiff.ir.core import Program
from srcdiff.ir.imports import Imports
from srcdiff.ir.interpret import interpret
from srcdiff.optimize import optimize
from srcdiff.optimize.inplace import inplace
from tests.emit_programs import lecture_forward, loop_gradient
from tests.emit_random import random_program

USUAL = Imports(modules={"numpy": "np", "math": "math"})

LECTURE = '''\
from math import cos, sin


def f_jvp(x1: float, x2: float, dx1: float, dx2: float) -> tuple[float, float]:
    """Value and directional derivative of `f` along (dx1, dx2)."""
    w3 = x1 * x2
    dw3 = dx1 * x2 + x1 * dx2
    w4 = sin(x1)
    dw4 = cos(x1) * dx1
    w5 = w3 + w4
    dw5 = dw3 + dw4
    return w5, dw5
'''

LOOP = """\
import numpy as np


def f_grad(x: np.ndarray, w: float) -> tuple[np.ndarray, float]:
    # forward sweep
    s = 1.0
    tape = []
    for i in range(len(x)):
        t = np.tanh(x[i] * w)
        tape.append((s, t))
        if t > 0:
            s = s + t * s
        else:
            s = s - t
    # reverse sweep
    bs = 1.0
    bx = np.zeros_like(x)
    bw = 0.0
    for i in reversed(range(len(x))):
        s, t = tape.pop()
        if t > 0:
            # line 6: s = s + t * s
            bt = bs * s
            bs = bs + bs * t
        else:
            # line 8: s = s - t
            bt = -bs
        # line 4: t = np.tanh(x[i] * w)
        b1 = bt * (1.0 - t * t)
        bx[i] += b1 * w
        bw += b1 * x[i]
    return bx, bw
"""


def run(text: str, name: str, *arguments: Any) -> Any:
    scope: dict[str, Any] = {}
    exec(compile(text, "generated", "exec"), scope)
    return scope[name](*arguments)


def test_the_forward_mode_of_the_lecture_reads_as_in_the_design() -> None:
    assert emit(lecture_forward(), Imports(names={("math", "sin"): "sin"})) == LECTURE


def test_the_reverse_mode_of_a_loop_reads_as_in_the_design() -> None:
    text = emit(loop_gradient(), Imports(modules={"numpy": "np"}))
    assert text == LOOP
    x, w = np.array([0.3, -0.2, 0.9]), 0.7

    def value(x: np.ndarray, w: float) -> float:
        s = 1.0
        for v in x:
            t = np.tanh(v * w)
            s = s + t * s if t > 0 else s - t
        return float(s)

    bx, bw = run(text, "f_grad", x, w)
    h = 1e-6
    for k in range(3):
        d = np.eye(3)[k] * h
        assert bx[k] == pytest.approx((value(x + d, w) - value(x - d, w)) / (2 * h), abs=1e-8)
    assert bw == pytest.approx((value(x, w + h) - value(x, w - h)) / (2 * h), abs=1e-8)


@pytest.mark.parametrize(
    ("imports", "lines"),
    [
        (Imports(), ["import math"]),
        (Imports(modules={"math": "m"}), ["import math as m"]),
        (Imports(names={("math", "sin"): "sine"}), ["from math import cos", "from math import sin as sine"]),
    ],
)
def test_functions_are_imported_as_the_user_does(imports: Imports, lines: list[str]) -> None:
    text = emit(lecture_forward(), imports)
    head = text.split("\n\n\n")[0].replace("import cos, sin as sine", "import cos\nfrom math import sin as sine")
    assert head.splitlines() == lines
    assert run(text, "f_jvp", 0.5, 2.0, 1.0, 0.0)[1] == pytest.approx(2.0 + np.cos(0.5))


def test_the_header_comes_first() -> None:
    assert emit(lecture_forward(), Imports(), "# made from f.py").startswith("# made from f.py\n\nimport math\n")


SAME = {
    "early return": """\
def f(x: float) -> float:
    if x < 0:
        return 0.0
    y = x * x
    if y > 10:
        return y
    z = y + 1.0
    return z * x
""",
    "no early return": """\
def f(x: float) -> float:
    y = 1.0
    if x > 0:
        y = x * 2
    return y
""",
    "while and break": """\
def f(x: float, n: int) -> float:
    k = 0
    while k < n and x < 100.0:
        x = x * x + 1.0
        k += 1
        if x > 50.0:
            break
    return x
""",
    "stencil": """\
import numpy as np


def f(x: np.ndarray) -> np.ndarray:
    y = x.copy()
    for i in range(1, len(x) - 1):
        y[i] = 0.5 * (x[i - 1] + x[i + 1])
    y[0] += 1.0
    y[1:] *= 2.0
    return y
""",
    "lists": """\
import numpy as np


def f(x: np.ndarray) -> float:
    ys = [np.sin(v) * 2.0 for v in x]
    zs = []
    for y in ys:
        zs.append(y + 1.0)
    return zs[0] + sum(ys) + (1.0 if zs[1] > 0 else -1.0)
""",
    "calls, effects, defaults": """\
import math


def g(x: float, y: float):
    return x + y, x * y


def f(x: float, y: float = 2.0, *, scale: float = 1e-3) -> float:
    u, v = g(x, y)
    assert u > 0, "positive"
    if v < -5:
        raise ValueError("too small")
    print("u", u)
    w = math.sin(u) ** 2 + math.exp(-v / 2) * scale
    return w
""",
    "reductions": """\
import numpy as np


def f(X, w, b):
    Z = X @ w + b
    m = np.max(Z, axis=1, keepdims=True)
    e = np.exp(Z - m)
    return np.sum(np.log(np.sum(e, axis=1)) + m[:, 0])
""",
    "parallel assignment, elif": """\
def f(x: float, y: float) -> float:
    for _ in range(3):
        x, y = x * 0.8 - y * 0.6, x * 0.6 + y * 0.8
    if x > 0 and y > 0:
        s = 1.0
    elif x > 0 or y > 0:
        s = 0.5
    else:
        s = -1.0
    return s * (x + y)
""",
    "chained comparison": """\
def f(x: float) -> float:
    if 0 < x < 1:
        y = x
    else:
        y = -x
    return y
""",
    "walks": """\
import numpy as np


def f(xs: np.ndarray, ys: np.ndarray) -> float:
    s = 0.0
    for x, y in zip(xs, ys):
        s = s + x * y
    for i, x in enumerate(xs):
        s = s + i * x
    for x in xs:
        s = s - x
    return s
""",
}


@pytest.mark.parametrize("name", SAME)
def test_programs_print_as_they_were_written(name: str) -> None:
    module = Module.from_text(SAME[name], "f.py")
    assert emit(inplace(lower(module, "f")), module.imports) == SAME[name]


def test_fibonacci_keeps_its_parallel_assignment() -> None:
    module = Module.from_text(
        "def f(n: int) -> int:\n    a, b = 0, 1\n    for _ in range(n):\n        a, b = b, a + b\n    return a\n",
        "f.py",
    )
    text = emit(inplace(lower(module, "f")), module.imports)
    assert "        a, b = b, a + b\n" in text
    assert run(text, "f", 10) == 55


def test_names_give_way_to_what_the_function_uses() -> None:
    lines = ["range = x", "for i in [1, 2, 3]:", "    range = range * i + n", "return range"]
    source = "def f(x: float, n: int) -> float:\n" + "".join(f"    {line}\n" for line in lines)
    module = Module.from_text(source, "f.py")
    text = emit(inplace(lower(module, "f")), module.imports)
    assert run(text, "f", 2.0, 3) == 12.0 + 3 * 10


@pytest.mark.parametrize("value", ["it's", 'say "hi"', "a\nb", "{x}", "\\", "", "'\"", "é"])
def test_strings_come_back(value: str) -> None:
    module = Module.from_text(f"def f(x: float) -> float:\n    print({value!r}, f'{{x}}')\n    return x\n", "f.py")
    text = emit(lower(module, "f"), module.imports)
    assert _formatted(text) == text
    assert repr(value) in repr(_strings(text))


def _strings(text: str) -> list[str]:
    import ast

    return [n.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant) and isinstance(n.value, str)]


# ---------------------------------------------------------------------- random programs


def variants(program: Program) -> Sequence[Program]:
    return program, inplace(program), inplace(optimize(program))


def close(a: Any, b: Any) -> bool:
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(close, a, b))
    return np.allclose(a, b, equal_nan=True, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("block", range(8))
def test_random_programs_compute_what_the_interpreter_does(block: int) -> None:
    for seed in range(25 * block, 25 * block + 25):
        program = random_program(seed, size=6 + seed % 8)
        x = np.array([0.1, 0.2, -0.3, 0.4])
        try:
            expected = interpret(program, [0.3, -0.7, x])
        except UnboundLocalError:
            continue
        for each in variants(program):
            text = emit(each, USUAL)
            mine = x.copy()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                assert close(run(text, "f", 0.3, -0.7, mine), expected), f"seed {seed}\n{text}"
            assert np.array_equal(mine, x), f"seed {seed} changes its argument\n{text}"


def _ruff(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ruff", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)


def _formatted(text: str) -> str:
    return _ruff("format", "--isolated", "-", text=text).stdout


def test_output_is_formatted_and_has_no_unused_names(tmp_path: Path) -> None:
    for seed in range(60):
        for n, each in enumerate(variants(random_program(seed, size=10))):
            (tmp_path / f"program_{seed}_{n}.py").write_text(emit(each, USUAL))
    (tmp_path / "lecture.py").write_text(LECTURE)
    (tmp_path / "loop.py").write_text(LOOP)
    formatted = _ruff("format", "--isolated", "--check", "--diff", str(tmp_path))
    assert formatted.returncode == 0, formatted.stdout
    checked = _ruff("check", "--isolated", "--select", "E4,E7,E9,F", str(tmp_path))
    assert checked.returncode == 0, checked.stdout


def test_the_output_is_the_same_every_time() -> None:
    for seed in range(20):
        assert emit(random_program(seed), USUAL) == emit(random_program(seed), USUAL)
