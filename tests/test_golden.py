"""The goldens: generated files as a customer would get them, read in review, compared to the byte, and executed.

In: tests/golden/<case>/primal.py. Out: forward.py, reverse.py, gradient.py, hvp.py and hessian.py beside it, as
`srcdiff transform` prints them. Each generated file is imported and run: the dot-product test, divided differences,
optimised against unoptimised, and transformed again, its second derivative against divided differences of the first.
"""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srcdiff.compiler import transform_file
from srcdiff.loading import load
from srcdiff.modes import Options
from tests.conftest import GOLDEN
from tests.oracles import differences
from tests.support import matrix_times

RNG = np.random.default_rng(3)
VECTOR = np.array([0.5, -0.8, 1.3, 0.2])

CASES: dict[str, tuple[str, tuple[Any, ...], tuple[int, ...]]] = {
    "lecture": ("f", (2.0, 3.0), (0, 1)),
    "loop_with_branch": ("f", (VECTOR, 0.7), (0, 1)),
    "newton_while": ("newton_root", (2.0, 1e-12), (0,)),
    "heat_in_place": ("energy_after", (VECTOR, 0.1, 3), (0, 1)),
    "vectorised": (
        "logistic_loss",
        (RNG.standard_normal((5, 4)), np.array([1.0, -1.0, 1.0, 1.0, -1.0]), VECTOR, 0.3),
        (2, 3),
    ),
    "helpers": ("trajectory", (1.0, 0.5, 2.0, 0.1, 4), (0, 1, 2)),
    "rearranged": (
        "loss",
        (np.array([0.2, 0.5, 0.3, 1.1, -0.7, 0.4, 0.6, -0.2]), VECTOR, np.array([0.1, -0.3, 0.9, 0.4])),
        (0, 1),
    ),
    "early_return": ("payoff", (1.0, 0.9, 1.6, 5), (0, 1, 2)),
    "containers": (
        "network",
        (
            {"scale": np.array(0.5), "bias": RNG.standard_normal(3)},
            [RNG.standard_normal((3, 4)), RNG.standard_normal((3, 3))],
            VECTOR,
        ),
        (0, 1, 2),
    ),
    "untyped": ("f", (0.7, 1.9, 2.0), (0, 1, 2)),
    "recursion": ("horner", (0.8, 5), (0,)),
    "fixed_point_sqrt": ("root", (2.0, 1e-14), (0,)),
    "fixed_point_jacobi": (
        "energy",
        (np.array([[4.0, 1.0, -0.5], [0.3, 3.0, 0.8], [-0.6, 0.2, 5.0]]), np.array([1.0, -2.0, 0.7])),
        (0, 1),
    ),
    "comprehension": ("softmax_entropy", ([0.3, -0.2, 1.0], 0.8), (0, 1)),
    "checkpointed_loop": ("pendulum", (1.0, 0.3, 0.2, 37), (0, 1, 2)),
    "checkpointed_while": ("settled", (VECTOR, 0.3, 1e-3), (0, 1)),
    "recomputed_helper": ("trajectory", (0.7, 0.2, 1.3, 6), (0, 1, 2)),
    "perturbation": ("f", (0.7,), (0,)),
    "particle": ("miss", (0.1,), (0,)),
    "saddle": ("least", (0.6, 0.2), (0, 1)),
}
MODES = ("forward", "reverse", "gradient", "hvp", "hessian")
SUFFIX = {"forward": "_jvp", "reverse": "_vjp", "gradient": "_grad", "hvp": "_hvp", "hessian": "_hessian"}


def text_of(case: str, mode: str, optimize: bool = True) -> str:
    function, _, wrt = CASES[case]
    names = parameter_names(case, wrt)
    asked = names if len(names) > 1 else names[0]
    command = f"srcdiff transform primal.py -f {function} --mode {mode} --wrt {','.join(names)}"
    path = GOLDEN / case / "primal.py"
    return transform_file(path, function, (mode,), asked, Options(optimize=optimize), command)


def parameter_names(case: str, wrt: tuple[int, ...]) -> tuple[str, ...]:
    function = CASES[case][0]
    code = primal(case).__code__
    assert code.co_name == function
    return tuple(code.co_varnames[i] for i in wrt)


def primal(case: str) -> Any:
    text = (GOLDEN / case / "primal.py").read_text()
    return load("from __future__ import annotations\n" + text, CASES[case][0], {})


def generated(case: str, mode: str, optimize: bool = True) -> Callable[..., Any]:
    return load(text_of(case, mode, optimize), CASES[case][0] + SUFFIX[mode], {})


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", CASES)
def test_text(case: str, mode: str, golden: Callable[[str, str], None]) -> None:
    golden(f"{case}/{mode}.py", text_of(case, mode))


def test_text_is_clean_and_formatted() -> None:
    files = [str(p) for p in sorted(GOLDEN.glob("*/*.py")) if p.name != "primal.py"]
    assert len(files) >= len(CASES) * len(MODES)
    for command in (["check", "--isolated"], ["format", "--isolated", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *files], capture_output=True, text=True, cwd=Path(__file__).parent
        )
        assert done.returncode == 0, done.stdout + done.stderr


def directions(case: str) -> list[Any]:
    _, args, wrt = CASES[case]
    found = []
    for k, i in enumerate(wrt):
        leaves = differences.leaves(args[i])
        found.append(differences.rebuild(args[i], 1.0 + 0.3 * np.cos(k + np.arange(len(leaves)))))
    return found


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_run(case: str, optimize: bool) -> None:
    _, args, wrt = CASES[case]
    f = primal(case)
    value = f(*copy.deepcopy(args))
    tangents = directions(case)
    expected = differences.directional(along(f, args, wrt), tuple(args[i] for i in wrt), tuple(tangents))
    got, tangent = generated(case, "forward", optimize)(*copy.deepcopy(args), *tangents)
    assert differences.error(got, value) < 1e-13
    assert differences.error(tangent, expected) < 1e-7, (tangent, expected)
    gradient = generated(case, "gradient", optimize)(*copy.deepcopy(args))
    got, adjoints = generated(case, "reverse", optimize)(*copy.deepcopy(args), 1.0)
    if len(wrt) == 1:
        gradient, adjoints = (gradient,), (adjoints,)
    assert differences.error(got, value) < 1e-13
    assert differences.error(adjoints, gradient) < 1e-13
    assert abs(sum(differences.dot(g, v) for g, v in zip(gradient, tangents, strict=True)) - tangent) < 1e-9


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_second_derivatives(case: str, optimize: bool) -> None:
    _, args, wrt = CASES[case]
    gradient = generated(case, "gradient")
    tangents = directions(case)
    expected = differences.directional(along(gradient, args, wrt), tuple(args[i] for i in wrt), tuple(tangents))
    product = generated(case, "hvp", optimize)(*copy.deepcopy(args), *tangents)
    assert differences.error(product, expected) < 1e-6, (product, expected)
    hessian = generated(case, "hessian", optimize)(*copy.deepcopy(args))
    blocks, products = (hessian, product) if len(wrt) > 1 else (((hessian,),), (product,))
    for row, wanted in zip(blocks, products, strict=True):
        terms = [matrix_times(block, vector, wanted) for block, vector in zip(row, tangents, strict=True)]
        found = sum(differences.leaves(term) for term in terms)
        assert differences.error(found, differences.leaves(wanted)) < 1e-12
    if len(wrt) > 1 and case not in ("containers", "comprehension", "untyped", "fixed_point_jacobi"):
        for i in range(len(wrt)):
            for j in range(i):
                matrix = np.reshape(hessian[i][j], (np.size(args[wrt[i]]), np.size(args[wrt[j]])))
                assert np.array_equal(matrix, np.reshape(hessian[j][i], matrix.T.shape).T)


def along(f: Any, args: tuple[Any, ...], wrt: tuple[int, ...]) -> Callable[..., Any]:
    def function(*chosen: Any) -> Any:
        full = list(copy.deepcopy(args))
        for i, value in zip(wrt, chosen, strict=True):
            full[i] = copy.deepcopy(value)
        return f(*full)

    return function


@pytest.mark.parametrize("case", [c for c in CASES if c not in ("containers", "recursion")])
def test_transformed_again(case: str, tmp_path: Path) -> None:
    """The gradient's text goes through the compiler once more, forward and reverse, from a file."""
    function, args, wrt = CASES[case]
    names = parameter_names(case, wrt)
    file = tmp_path / "first.py"
    file.write_text(text_of(case, "gradient"))
    gradient = generated(case, "gradient")
    tangents = directions(case)
    expected = differences.directional(along(gradient, args, wrt), tuple(args[i] for i in wrt), tuple(tangents))
    text = transform_file(file, f"{function}_grad", ("forward",), names)
    _, found = load(text, f"{function}_grad_jvp", {})(*copy.deepcopy(args), *tangents)
    assert differences.error(found, expected) < 1e-6, (found, expected)
    text = transform_file(file, f"{function}_grad", ("reverse",), names)
    seed = tuple(tangents) if len(wrt) > 1 or isinstance(gradient(*copy.deepcopy(args)), tuple) else tangents[0]
    _, adjoints = load(text, f"{function}_grad_vjp", {})(*copy.deepcopy(args), seed)
    adjoints = adjoints if isinstance(adjoints, tuple) else (adjoints,)
    left = sum(differences.dot(a, v) for a, v in zip(adjoints, tangents, strict=True))
    assert abs(left - differences.dot(seed, found)) < 1e-8 * max(1.0, abs(left))
