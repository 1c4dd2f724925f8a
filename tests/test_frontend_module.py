"""Modules as text and live functions: what names stand for, and that nothing is run."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srcdiff.diagnostics import TransformError
from srcdiff.frontend.annotations import type_of
from srcdiff.frontend.lower import lower
from srcdiff.frontend.module import Module
from srcdiff.ir.core import Global, operands_of, walk
from srcdiff.ir.interpret import interpret

SCALE = 3
DATA = np.array([1.0, 2.0])


def helper(y: float) -> float:
    return y * SCALE


def make(a: float) -> Callable[[float], float]:
    table = [1.0, 2.0]

    def inner(x: float) -> float:
        return helper(x) * a + DATA.sum() + table[0] + math.pi

    return inner


def run(function: Callable[..., Any], *arguments: object) -> Any:
    return interpret(lower(Module.from_function(function), function.__name__), arguments)


def test_closure_and_globals() -> None:
    f = make(5.0)
    assert run(f, 2.0) == f(2.0)


def test_what_is_imported_and_what_is_captured() -> None:
    program = lower(Module.from_function(make(5.0)), "inner")
    used = [v for s in walk(program.main.body) for v in operands_of(s) if isinstance(v, Global)]
    assert [(v.module, v.attribute, v.captured is not None) for v in used] == [
        (__name__, "DATA", False),
        ("", "table", True),
        ("math", "pi", False),
    ]


def test_closure_is_read_anew() -> None:
    n = 1.0

    def g(x: float) -> float:
        return x * n

    def f(x: float) -> float:
        return g(x)

    assert run(f, 2.0) == 2.0
    n = 5.0
    assert run(f, 2.0) == 10.0


def test_lambdas() -> None:
    f = lambda x: x * 2 + helper(x)  # noqa: E731
    assert run(f, 2.0) == f(2.0)
    assert lower(Module.from_function(f), "<lambda>").main.name.isidentifier()


def test_unreadable_source() -> None:
    namespace: dict[str, Any] = {}
    exec("def f(x):\n    return x\n", namespace)
    with pytest.raises(TransformError, match="source text cannot be read"):
        Module.from_function(namespace["f"])


def test_the_text_of_a_wrapper_is_what_runs() -> None:
    @functools.wraps(helper)
    def wrapped(y: float) -> float:
        return helper(y) + 1

    def f(x: float) -> float:
        return wrapped(x)

    assert run(f, 1.0) == f(1.0) == helper(1.0) + 1


def test_module_beside(tmp_path: Path) -> None:
    (tmp_path / "helpers.py").write_text(
        "import numpy as np\nK = 2 * 4\nraise SystemExit\ndef g(x):\n    return x * K\n"
    )
    main = tmp_path / "main.py"
    main.write_text(
        "import helpers\nfrom helpers import g, K\ndef f(x):\n    return g(x) + helpers.g(x) + helpers.K + K\n"
    )
    assert interpret(lower(Module.from_path(main), "f"), (1.0,)) == 32.0


def test_a_file_is_never_run(tmp_path: Path) -> None:
    victim = tmp_path / "precious"
    victim.write_text("data")
    file = tmp_path / "main.py"
    file.write_text(f"import os\nos.remove({str(victim)!r})\ndef f(x):\n    return x * 2\n")
    assert interpret(lower(Module.from_path(file), "f"), (1.0,)) == 2.0
    assert victim.exists()


def test_constants_of_a_module() -> None:
    text = "import math\nA = 3\nB = A * math.pi / 2\nC = math.sqrt(4.0)\nD = 10 ** 10 ** 10\nA2 = -A\n"
    module = Module.from_text(text)
    values = [getattr(module.resolve(name), "value", None) for name in ("A", "B", "C", "D", "A2")]
    assert values == [3, 3 * math.pi / 2, 2.0, None, -3]


def test_specialised_once_per_types() -> None:
    text = "def g(a):\n    return a * 2\ndef f(x: float, n: int):\n    return g(x) + g(x * 2) + g(n)\n"
    program = lower(Module.from_text(text), "f")
    assert [f.name for f in program.functions] == ["g", "g_1", "f"]


def test_user_names_of_statements_survive() -> None:
    text = "def f(x: float):\n    y = x\n    y += 1e-3\n    return y\n"
    program = lower(Module.from_text(text, "m.py"), "f")
    first, second = program.main.body.statements
    assert (first.origin.line, first.origin.text, first.origin.augmented) == (2, "y = x", False)
    assert (second.origin.line, second.origin.text, second.origin.augmented) == (3, "y += 1e-3", True)
    assert operands_of(second)[1].text == "1e-3"  # type: ignore[attr-defined]


def test_generated_helpers_are_primitives() -> None:
    from srcdiff.primitives.helpers import HELPERS

    text = "import numpy as np\n" + "".join(HELPERS[n] + "\n\n" for n in ("accumulate", "add_at", "unbroadcast"))
    text += "def f(x: np.ndarray, g):\n    b = np.zeros(3)\n    add_at(b, [0, 0], g)\n    return unbroadcast(b, x)\n"
    program = lower(Module.from_text(text), "f")
    names = [s.primitive.name for s in program.main.body.statements]  # type: ignore[union-attr]
    assert names[-2:] == ["index_add", "unbroadcast"]
    assert len(program.functions) == 1


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ("float", "float"),
        ("'int'", "int"),
        ('Float[np.ndarray, "n n+1 3"]', "array[n, n+1, 3]"),
        ('Float32[Array, "... n"]', "float32[...]"),
        ('Int[np.ndarray, ""]', "int64[]"),
        ('Float[float, ""]', "float"),
        ("NDArray[np.float32]", "float32[...]"),
        ("np.ndarray[tuple[int], np.dtype[np.float64]]", "float64[?]"),
        ("list[Float64[np.ndarray, 'n']]", "list[float64[n]]"),
        ("tuple[float, int]", "(float, int)"),
        ("tuple[float, ...]", "unknown"),
        ("dict[str, float]", "dict"),
        ("float | None", "unknown"),
        ("Optional[float]", "unknown"),
        ("not python (", "unknown"),
    ],
)
def test_annotations(annotation: str, expected: str) -> None:
    assert str(type_of(annotation)) == expected


def test_absolute_imports_of_its_own_package(tmp_path: Path) -> None:
    inner = tmp_path / "models" / "inner"
    inner.mkdir(parents=True)
    for folder in (inner, inner.parent):
        (folder / "__init__.py").write_text("raise SystemError\n")
    (inner.parent / "helper.py").write_text("def double(x):\n    return 2.0 * x\n")
    (inner / "main.py").write_text("from models.helper import double\n\n\ndef f(x):\n    return double(x) * x\n")
    assert interpret(lower(Module.from_path(inner / "main.py"), "f"), (3.0,)) == 18.0


def test_the_mixture_is_read_like_a_users_module() -> None:
    """Its functions are in the subset, and call each other across modules, in the text and in live functions."""
    from srcdiff.mixture import marginals

    arguments = (np.zeros(1), np.zeros((1, 2)), np.ones((1, 2)), np.array([1]))
    features, units = np.array([[1.0], [0.5], [0.25]]), (np.zeros(1), np.ones(1))
    expected = marginals.diag_observed(*arguments, *units, features, np.ones(1))
    assert marginals.__file__ is not None
    for module in (Module.from_path(Path(marginals.__file__)), Module.from_function(marginals.diag_observed)):
        found = interpret(lower(module, "diag_observed"), (*arguments, *units, features, np.ones(1)))
        assert found == pytest.approx(expected, rel=1e-14)
