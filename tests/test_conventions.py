"""docs/conventions.md: every line of its tables is run, forward and in reverse, optimised and not."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srcdiff import grad, jvp, transform

PAGE = Path(__file__).parents[1] / "docs" / "conventions.md"
NAMES = {"np": np, "nan": math.nan, "inf": math.inf, "array": np.array, "float32": np.float32}
Line = tuple[str, str, str]


def lines_of(page: str) -> list[Line]:
    """Expression, point and derivative of the lines of the tables that have all three."""
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in page.splitlines() if line[:2] == "| "]
    found = [tuple(cell.strip("`") for cell in row[:3]) for row in rows if all(c[:1] == "`" for c in row[:3])]
    return [line for line in found if len(line) == 3]


LINES = lines_of(PAGE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A module that holds the expression of each line as a function of x."""
    path = tmp_path_factory.mktemp("conventions") / "conventions.py"
    text = ["import math", "import numpy as np", ""]
    for k, (expression, _, _) in enumerate(LINES):
        text += [f"def line_{k}(x):", f"    return np.sum({expression})", ""]
    path.write_text("\n".join(text), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("conventions", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def value(text: str) -> Any:
    found = eval(text, dict(NAMES))
    return np.array(found) if isinstance(found, list) else found


def tangents(f: Callable[..., Any], x: Any) -> Any:
    """The derivative by forward mode, one element after the other."""
    if not isinstance(x, np.ndarray):
        return jvp(f, (x,), (1.0,))[1]
    whole = x.astype(x.dtype if x.dtype.kind == "f" else float)
    found = np.zeros_like(whole)
    for index in np.ndindex(x.shape):
        direction = np.zeros_like(whole)
        direction[index] = 1.0
        found[index] = jvp(f, (whole,), (direction,))[1]
    return found


def test_there_are_lines() -> None:
    assert len(LINES) > 40


@pytest.mark.parametrize("k", range(len(LINES)), ids=[f"{e} at {x}" for e, x, _ in LINES])
def test_line(functions: Any, k: int) -> None:
    _, point, expected = LINES[k]
    f, x, wanted = getattr(functions, f"line_{k}"), value(point), value(expected)
    with np.errstate(all="ignore"):
        found = grad(f)(x)
        np.testing.assert_array_equal(found, wanted, err_msg="reverse mode", strict=isinstance(x, np.ndarray))
        np.testing.assert_array_equal(grad(f, optimize=False)(x), wanted, err_msg="not optimised")
        np.testing.assert_array_equal(transform(f, "gradient", wrt=0)(x), wanted, err_msg="for every type")
        np.testing.assert_array_equal(tangents(f, x), wanted, err_msg="forward mode")
