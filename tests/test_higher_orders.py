"""Any order: generated code goes through the compiler again, from text and by the command line as a user would.

Scalar functions and random programs are compared with dual numbers nested to the same depth, functions of arrays with
divided differences of their first derivative. The four combinations of modes give the same second derivatives, from
text and by composition of the transformations on the IR.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

import srcdiff.mixture.likelihood as likelihood
from srcdiff.ad.forward import forward
from srcdiff.ad.reverse import reverse
from srcdiff.analysis.ranks import implied_types
from srcdiff.emit.python import emit
from srcdiff.frontend.annotations import type_of
from srcdiff.frontend.lower import lower
from srcdiff.frontend.module import Module
from srcdiff.ir.core import Function, Program, Value
from srcdiff.ir.interpret import interpret
from srcdiff.ir.types import FLOAT, NONE, STR, UNKNOWN, Array, Tuple, join
from srcdiff.ir.verify import verify
from srcdiff.loading import load
from srcdiff.optimize import optimize as optimized
from srcdiff.optimize.inplace import inplace
from srcdiff.primitives.table import TABLE
from tests import order_arrays, order_scalars, orders, test_golden
from tests.conftest import GOLDEN
from tests.oracles import differences, dual, programs
from tests.oracles.programs import RandomProgram
from tests.orders import COMBINATIONS
from tests.test_random_programs import GENERATE

BY_DIFFERENCES = 1e-6
BY_DUALS = 1e-9


@cache
def case_of(name: str) -> Case:
    return CASES[name]()


class Case:
    """A scalar function, where it is evaluated, and the product of its Hessian with one direction."""

    def __init__(self, text: str, function: str, args: tuple[Any, ...], wrt: tuple[str, ...]) -> None:
        self.text, self.function, self.args, self.wrt = text, function, args, wrt
        self.gradient = orders.again(text, function, ("gradient",), wrt)
        names = list(inspect.signature(self.gradient).parameters)
        self.positions = tuple(names.index(name) for name in wrt)
        self.chosen = tuple(args[i] for i in self.positions)
        size = differences.leaves(self.chosen).size
        self.direction = differences.rebuild(self.chosen, 1.0 + 0.5 * np.sin(1.7 * np.arange(size)))
        self.expected = differences.directional(self.first, self.chosen, self.direction)

    def first(self, *chosen: Any) -> Any:
        full = list(copy.deepcopy(self.args))
        for position, value in zip(self.positions, chosen, strict=True):
            full[position] = copy.deepcopy(value)
        return self.gradient(*full)

    def product(self, combination: str, optimize: bool = True) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
        made = orders.product(self.text, self.function, combination, self.args, self.wrt, optimize)
        return lambda direction: made(direction, self.positions)


def golden_case(name: str) -> Case:
    function, args, wrt = test_golden.CASES[name]
    text = (GOLDEN / name / "primal.py").read_text()
    return Case(text, function, args, test_golden.parameter_names(name, wrt))


def array_case(name: str) -> Case:
    text, args, wrt = order_arrays.ARRAYS[name]
    return Case(order_arrays.HEADER + text, "f", args, wrt)


def mixture_case() -> Case:
    """The log-likelihood of a mixture of two Gaussians in the plane."""
    rng = np.random.default_rng(5)
    factors = np.tril(rng.normal(size=(2, 2, 2))) + 2.0 * np.eye(2)
    args = (rng.normal(size=2), rng.normal(size=(2, 2)), factors, rng.normal(size=(6, 2)))
    text = Path(likelihood.__file__).read_text(encoding="utf-8")
    return Case(text, "log_likelihood", args, ("logits", "means", "factors"))


CASES: dict[str, Callable[[], Case]] = {
    **{f"golden {name}": (lambda name=name: golden_case(name)) for name in test_golden.CASES},
    **{name: (lambda name=name: array_case(name)) for name in order_arrays.ARRAYS},
    "mixture": mixture_case,
}


@pytest.mark.parametrize("name", CASES)
def test_second_derivatives_of_arrays(name: str) -> None:
    case = case_of(name)
    for combination in COMBINATIONS:
        found = case.product(combination)(case.direction)
        error = differences.error(found, case.expected)
        assert error < BY_DIFFERENCES, f"{combination}: {found}, not {case.expected}"


@pytest.mark.parametrize("name", ["golden heat_in_place", "golden containers", "writes", "helper_with_loop", "joined"])
def test_second_derivatives_without_optimisation(name: str) -> None:
    case = case_of(name)
    for combination in COMBINATIONS:
        found = case.product(combination, False)(case.direction)
        assert differences.error(found, case.expected) < BY_DIFFERENCES, combination


@pytest.mark.parametrize("name", CASES)
def test_the_hessian_by_reverse_over_reverse_is_symmetric(name: str) -> None:
    case = case_of(name)
    product = case.product("reverse over reverse")
    size = differences.leaves(case.chosen).size
    columns = [differences.leaves(product(differences.rebuild(case.chosen, unit))) for unit in np.eye(size)]
    hessian = np.array(columns)
    assert differences.error(hessian, hessian.T.copy()) < 1e-10


@pytest.mark.parametrize("optimize", [True, False], ids=["optimised", "not optimised"])
# A function that asks for derivatives itself is lowered by the compiler alone, which makes them.
@pytest.mark.parametrize(
    "name", [n for n in CASES if n.removeprefix("golden ") not in ("perturbation", "particle", "saddle")]
)
def test_composition_on_the_ir(name: str, optimize: bool) -> None:
    """`forward(reverse(program))` and `reverse(reverse(program))` without text between them."""
    case = case_of(name)
    program, module = lowered(case)
    first = reverse(optimized(program) if optimize else program, case.positions, "gradient", optimize=optimize)
    first = optimized(first) if optimize else first
    assert verify(first) == []
    seed = case.direction if len(case.wrt) > 1 else case.direction[0]
    for second, extra in (
        (forward(first, case.positions, optimize=optimize), case.direction),
        (reverse(first, case.positions, "vjp", optimize=optimize), (seed,)),
    ):
        assert verify(second) == []
        found = interpret(second, (*copy.deepcopy(case.args), *copy.deepcopy(extra)))[1]
        assert differences.error(found, case.expected) < BY_DIFFERENCES
        last = inplace(optimized(second) if optimize else second, derivative=True)
        assert verify(last) == []
        run = load(emit(without_annotations(last), module.imports, None), last.main.name, {})
        found = run(*copy.deepcopy(case.args), *copy.deepcopy(extra))[1]
        assert differences.error(found, case.expected) < BY_DIFFERENCES


def lowered(case: Case) -> tuple[Program, Module]:
    module = Module.from_text(case.text, "f.py")
    program = lower(module, case.function, None)
    implied = implied_types(program, type_of(program.main.returns))
    return (lower(module, case.function, implied) if implied else program), module


def without_annotations(program: Program) -> Program:
    """The program with no annotation in it that would need an import."""

    def plain(function: Function) -> Function:
        return replace(
            function, returns=None, parameters=tuple(replace(p, annotation=None) for p in function.parameters)
        )

    return Program(tuple(map(plain, program.functions)))


# Scalar functions.


def for_duals(text: str) -> Any:
    """The function `f` of a text, with the functions of math replaced by those of the duals."""
    text = text.replace("from math import", "from tests.oracles.dual import")
    text = text.replace("import math\n", "from tests.oracles import dual as math\n")
    text = text.replace("np.zeros(4)", "np.zeros(4, dtype=object)")
    namespace: dict[str, Any] = {}
    exec(text, namespace)
    return namespace["f"]


@pytest.mark.parametrize("name", order_scalars.SCALARS)
def test_third_derivatives_of_scalar_functions(name: str) -> None:
    text, x = order_scalars.SCALARS[name]
    f = for_duals(text)
    found = orders.again(text, "f", ("gradient",) * 3, ("x",))(x)
    expected = dual.mixed(f, (x,), (1.0,), (1.0,), (1.0,))
    assert abs(found - expected) < BY_DUALS * max(1.0, abs(expected))


@pytest.mark.parametrize("name", ["polynomial", "composition", "loop", "newton", "early_return"])
def test_fourth_derivatives_of_scalar_functions(name: str) -> None:
    text, x = order_scalars.SCALARS[name]
    found = orders.again(text, "f", ("gradient",) * 4, ("x",))(x)
    expected = dual.mixed(for_duals(text), (x,), *[(1.0,)] * 4)
    assert abs(found - expected) < BY_DUALS * max(1.0, abs(expected))


@pytest.mark.parametrize("name", order_scalars.SCALARS)
def test_second_derivatives_of_scalar_functions_in_every_combination(name: str) -> None:
    text, x = order_scalars.SCALARS[name]
    expected = dual.mixed(for_duals(text), (x,), (1.0,), (1.0,))
    for combination in COMBINATIONS:
        (found,) = orders.product(text, "f", combination, (x,), ("x",))((1.0,), (0,))
        assert abs(found - expected) < BY_DUALS * max(1.0, abs(expected)), combination


# Random programs.

DIRECTION = (0.618, -1.414, np.array((0.577, 0.302, -0.916)))


@settings(max_examples=15, phases=GENERATE, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(program=programs.random_programs())
def test_second_derivatives_of_random_programs(program: RandomProgram) -> None:
    assume(accepted(program))
    x, y, entries = programs.POINTS[0]
    args = (x, y, np.array(entries))
    f = program.compile_for_duals()
    units = [differences.rebuild(args, unit) for unit in np.eye(5)]
    expected = differences.rebuild(args, np.array([float(dual.mixed(f, args, DIRECTION, unit)) for unit in units]))
    for combination in COMBINATIONS:
        found = orders.product(program.text, "f", combination, args, ("x", "y", "a"))(DIRECTION, (0, 1, 2))
        error = differences.error(found, expected)
        if not error < BY_DUALS:
            pytest.fail(f"{combination}: {found}, dual numbers give {expected}\n\n{program.text}", pytrace=False)


def accepted(program: RandomProgram) -> bool:
    """Whether the program itself can be differentiated from its text alone, without the types of a call."""
    if "def f(x, y, a)" not in program.text and "float, a)" not in program.text:
        return True
    try:
        orders.text_again(program.text, "f", ("gradient",), ("x", "y", "a"))
    except AssertionError as refused:
        assert "may share memory" in str(refused), refused
        return False
    return True


# What is printed.


def test_the_rank_that_code_with_writes_relies_on_is_printed() -> None:
    text, _, wrt = order_arrays.ARRAYS["writes"]
    made, _ = orders.text_again(order_arrays.HEADER + text, "f", ("gradient",), wrt)
    assert 'a: Annotated[np.ndarray, "a_0"]' in made
    text, _, wrt = order_arrays.ARRAYS["rosenbrock_loop"]
    made, _ = orders.text_again(order_arrays.HEADER + text, "f", ("gradient",), wrt)
    assert 'x: Annotated[np.ndarray, "x_0"]' in made
    made, _ = orders.text_again(order_arrays.HEADER + text, "f", ("forward",), wrt)
    assert "x: np.ndarray" in made


def test_annotated_shapes_are_printed_at_every_order() -> None:
    text, _, wrt = order_arrays.ARRAYS["stencil"]
    made, _ = orders.text_again(order_arrays.HEADER + text, "f", ("gradient", "forward"), wrt)
    for parameter in ("u", "du"):
        assert f'{parameter}: Annotated[np.ndarray, "n d"]' in made


def test_a_popped_list_is_not_copied_in_every_iteration() -> None:
    """The reverse sweep of `v = tape.pop()` needs the item, not the list."""
    for text, wrt in ((order_scalars.SCALARS[name][0], ("x",)) for name in ("lists", "untyped_list")):
        made, _ = orders.text_again(text, "f", ("gradient", "gradient"), wrt)
        assert "copy_of(tape" not in made, made


def test_a_list_that_is_popped_on_one_path_only() -> None:
    text = """\
def f(x: float) -> float:
    stack = []
    s = x
    for k in range(6):
        if k % 3 == 0:
            stack.append(s * x)
        s = s * x + 0.5
        if len(stack) > 0 and k % 2 == 1:
            v = stack.pop()
            s = s + v * v * x
    return s
"""
    found = orders.again(text, "f", ("gradient",) * 3, ("x",))(0.7)
    assert found == pytest.approx(dual.mixed(for_duals(text), (0.7,), (1.0,), (1.0,), (1.0,)), rel=1e-12)


def test_what_only_one_branch_assigns_keeps_its_type() -> None:
    assert str(join(FLOAT, NONE)) == "float or None"
    assert join(join(NONE, Array("float64", (3,))), Array("float64", (3,))) == join(NONE, Array("float64", (3,)))
    assert join(NONE, STR) == UNKNOWN
    maybe = Value(join(FLOAT, NONE), "t")
    assert TABLE["multiply"].infer(maybe, maybe) == FLOAT
    assert TABLE["zeros_like"].infer(maybe) == maybe.type
    assert TABLE["accumulate"].infer(maybe, Value(FLOAT)) == FLOAT
    assert isinstance(TABLE["make_tuple"].infer(maybe), Tuple)


def test_slices_made_by_a_call_are_read() -> None:
    text = """\
import numpy as np


def f(x: np.ndarray) -> float:
    return np.sum(x[slice(1, None)] ** 3) + np.sum(x[slice(2)] * x[slice(0, 4, 2)])
"""
    found = orders.again(text, "f", ("gradient",), ("x",))(np.array([1.0, 2.0, 3.0, 4.0]))
    assert found.tolist() == [2.0, 12.0 + 3.0, 27.0 + 2.0, 48.0]
