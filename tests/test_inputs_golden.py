"""Goldens of records: what `srcdiff transform` prints for a file that defines classes, compared to the byte and run.

In: tests/golden/<case>/primal.py. Out: forward.py, reverse.py, gradient.py, hvp.py and hessian.py beside it. They
import the classes from `primal`, are run beside it, and are transformed again.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from srcdiff.compiler import transform_file
from tests.conftest import GOLDEN
from tests.oracles import differences

MODES = ("forward", "reverse", "gradient", "hvp", "hessian")
WRT = {"layers": ("model", "x"), "named_tuple": ("start", "spring", "dt")}
FUNCTION = {"layers": "loss", "named_tuple": "energy"}
CASES = list(WRT)


def text_of(case: str, mode: str) -> str:
    names = ",".join(WRT[case])
    command = f"srcdiff transform primal.py -f {FUNCTION[case]} --mode {mode} --wrt {names}"
    return transform_file(GOLDEN / case / "primal.py", FUNCTION[case], (mode,), WRT[case], command=command)


@pytest.fixture
def primal(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    """The module of the case, imported under the name that generated code knows it by."""
    path = GOLDEN / request.param / "primal.py"
    spec = importlib.util.spec_from_file_location("primal", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["primal"] = module
    try:
        spec.loader.exec_module(module)
        module.CASE = request.param
        yield module
    finally:
        del sys.modules["primal"]


def arguments(primal: Any) -> tuple[Any, ...]:
    if primal.CASE == "named_tuple":
        return primal.State(1.0, 0.3), primal.Spring(2.0, steps=7), 0.1
    rng = np.random.default_rng(5)
    hidden = primal.Layer(rng.standard_normal((4, 3)), rng.standard_normal(4))
    output = primal.Layer(rng.standard_normal((2, 4)), rng.standard_normal(2), "linear")
    return primal.Model(hidden, output), rng.standard_normal(3), 0.7


def generated(primal: Any, mode: str) -> Callable[..., Any]:
    namespace: dict[str, Any] = {}
    exec(compile((GOLDEN / primal.CASE / f"{mode}.py").read_text(), f"{mode}.py", "exec"), namespace)
    suffix = {"forward": "jvp", "reverse": "vjp", "gradient": "grad"}.get(mode, mode)
    function: Callable[..., Any] = namespace[f"{FUNCTION[primal.CASE]}_{suffix}"]
    return function


def functions(primal: Any) -> tuple[Callable[..., Any], tuple[Any, ...], int]:
    args = arguments(primal)
    return getattr(primal, FUNCTION[primal.CASE]), args, len(WRT[primal.CASE])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", CASES)
def test_text(case: str, mode: str, golden: Callable[[str, str], None]) -> None:
    golden(f"{case}/{mode}.py", text_of(case, mode))


@pytest.mark.parametrize("primal", CASES, indirect=True)
def test_values(primal: Any) -> None:
    f, args, count = functions(primal)
    wrt = args[:count]

    def alone(*varied: Any) -> Any:
        return f(*varied, *args[count:])

    gradient = generated(primal, "gradient")(*args)
    for found, expected, given in zip(gradient, differences.gradient(alone, wrt), wrt, strict=True):
        assert type(found) is type(given) or isinstance(found, float)
        np.testing.assert_allclose(numbers(found, given), differences.leaves(expected), rtol=1e-8)
    directions = [differences.rebuild(a, np.cos(np.arange(differences.leaves(a).size))) for a in wrt]
    value, tangent = generated(primal, "forward")(*args, *directions)
    assert value == pytest.approx(f(*args))
    along = sum(numbers(g, a) @ differences.leaves(d) for g, a, d in zip(gradient, wrt, directions, strict=True))
    assert tangent == pytest.approx(along)
    value, adjoints = generated(primal, "reverse")(*args, 2.0)
    assert value == pytest.approx(f(*args))
    for adjoint, g, a in zip(adjoints, gradient, wrt, strict=True):
        np.testing.assert_allclose(numbers(adjoint, a), 2.0 * numbers(g, a))
    product = generated(primal, "hvp")(*args, *directions)
    step = 1e-6
    moved = [
        differences.rebuild(a, differences.leaves(a) + step * differences.leaves(d))
        for a, d in zip(wrt, directions, strict=True)
    ]
    ahead = generated(primal, "gradient")(*moved, *args[count:])
    for p, later, now, a in zip(product, ahead, gradient, wrt, strict=True):
        np.testing.assert_allclose(numbers(p, a), (numbers(later, a) - numbers(now, a)) / step, rtol=1e-4, atol=1e-4)
    blocks = generated(primal, "hessian")(*args)
    for row, p, a in zip(blocks, product, wrt, strict=True):
        total = sum(applied(block, a, b, d) for block, b, d in zip(row, wrt, directions, strict=True))
        np.testing.assert_allclose(total, numbers(p, a), rtol=1e-8, atol=1e-12)


def fields(value: Any) -> list[Any]:
    """What a record holds, as far as it carries a derivative, or the value itself."""
    names = getattr(type(value), "__match_args__", None)
    if not names:
        return [value] if isinstance(value, float | np.ndarray) else []
    return [part for name in names for part in fields(getattr(value, name))]


def matching(found: Any, given: Any) -> list[Any]:
    """The parts of a derivative for the `fields` of what it is the derivative of."""
    names = getattr(type(given), "__match_args__", None)
    if not names:
        return [found] if isinstance(given, float | np.ndarray) else []
    return [part for n in names for part in matching(getattr(found, n), getattr(given, n))]


def numbers(found: Any, given: Any) -> Any:
    return np.concatenate([np.ravel(part) for part in matching(found, given)])


def applied(block: Any, a: Any, b: Any, direction: Any) -> Any:
    """One block of a Hessian times a direction."""
    rows = []
    for row, part in zip(matching(block, a), fields(a), strict=True):
        columns = zip(matching(row, b), fields(b), fields(direction), strict=True)
        rows.append(sum(np.reshape(c, (np.size(part), np.size(q))) @ np.ravel(d) for c, q, d in columns))
    return np.concatenate(rows)


@pytest.mark.parametrize("mode", ["forward", "gradient"])
@pytest.mark.parametrize("case", CASES)
def test_transformed_again(case: str, mode: str) -> None:
    suffix = {"forward": "jvp", "gradient": "grad"}[mode]
    name = f"{FUNCTION[case]}_{suffix}"
    text = transform_file(GOLDEN / case / f"{mode}.py", name, ("forward",), WRT[case])
    assert f"def {name}_jvp(" in text
    compile(text, "again.py", "exec")
