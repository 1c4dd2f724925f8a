"""Loops that keep few states: the gradient is the plain one to the bit, and the forward steps are the optimum."""

from __future__ import annotations

import copy
import math
import re
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from srcdiff import grad, transform
from srcdiff.ad.forward import forward
from srcdiff.ad.marks import mark_loops
from srcdiff.ad.reverse import reverse
from srcdiff.compiler import Derived, derive
from srcdiff.diagnostics import TransformError
from srcdiff.frontend.lower import lower
from srcdiff.frontend.module import Module
from srcdiff.ir.core import Program
from srcdiff.ir.interpret import interpret
from srcdiff.ir.text import to_text
from srcdiff.ir.types import Type
from srcdiff.ir.verify import verify
from srcdiff.loading import load
from srcdiff.modes import Options
from srcdiff.optimize import optimize as optimized
from srcdiff.primitives.helpers import helper
from tests.checkpoint_programs import HEADER, LOOPS
from tests.checkpoint_support import (
    SNAPSHOTS,
    adjoint_like,
    compare,
    generated,
    outcome,
    same,
    types_of,
    without_directives,
)
from tests.conftest import GOLDEN
from tests.frontend_programs import HEADER as FRONTEND_HEADER
from tests.frontend_programs import PROGRAMS
from tests.oracles import differences, programs
from tests.oracles.programs import RandomProgram
from tests.test_golden import CASES

# -- the numbers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimize", [True, False])
@pytest.mark.parametrize("name", LOOPS)
def test_the_gradient_is_the_plain_one(name: str, optimize: bool) -> None:
    text, arguments = LOOPS[name]
    compare(HEADER + text, arguments, optimize)


@pytest.mark.parametrize("name", [n for n, (text, _) in PROGRAMS.items() if re.search(r"\b(for|while)\b", text)])
def test_programs_of_the_front_end(name: str) -> None:
    text, calls = PROGRAMS[name]
    for arguments in calls:
        module = Module.from_text(FRONTEND_HEADER + text, "f.py")
        types = types_of(module, arguments)
        try:
            derive(module, "f", "reverse", types=types)
        except TransformError as error:
            with pytest.raises(TransformError, match=re.escape(error.diagnostics[0].message)):
                derive(module, "f", "reverse", options=Options(checkpoint=2), types=types)
        else:
            compare(FRONTEND_HEADER + text, arguments, True)


# A loop that is marked as a fixed point has another derivative than the plain loop: that of its solution.
@pytest.mark.parametrize("case", [c for c in CASES if not c.startswith("fixed_point")])
def test_golden_primals(case: str) -> None:
    function, arguments, wrt = CASES[case]
    module = Module.from_path(GOLDEN / case / "primal.py")
    text = without_directives((GOLDEN / case / "primal.py").read_text())
    plain = derive(Module.from_text(text, "primal.py"), function, "gradient", wrt)
    expected = outcome(generated(plain), *arguments)
    for count in SNAPSHOTS:
        made = derive(module, function, "gradient", wrt, Options(checkpoint=count))
        assert same(expected, outcome(generated(made), *arguments)), count


@pytest.mark.parametrize("name", ["index", "in_place", "several_carried", "marked_in_marked", "while", "early_return"])
def test_against_divided_differences(name: str) -> None:
    text, arguments = LOOPS[name]
    f = load(HEADER + text, "f", {})
    module = Module.from_text(HEADER + text, "f.py")
    made = derive(module, "f", "gradient", (0,), Options(checkpoint=2), types=types_of(module, arguments))
    (found,) = generated(made)(*copy.deepcopy(arguments))
    expected = differences.gradient(lambda a: f(copy.deepcopy(a), *copy.deepcopy(arguments[1:])), arguments[:1])
    assert differences.error(found, expected[0]) < 1e-6


# -- the schedule -----------------------------------------------------------------------------------------------------


@cache
def fewest(n: int, snapshots: int) -> int:
    """The fewest forward steps to go back through n steps with the first state held, by trying every split."""
    if n <= 1:
        return 0
    if snapshots == 1:
        return n * (n - 1) // 2
    return min(m + fewest(n - m, snapshots - 1) + fewest(m, snapshots) for m in range(1, n))


def optimum(n: int, snapshots: int) -> int:
    """t(n, s) of Griewank and Walther (2000)."""
    r = 0
    while math.comb(snapshots + r, snapshots) < n:
        r += 1
    return r * n - math.comb(snapshots + r, r - 1) if r else 0


@pytest.mark.parametrize(("n", "snapshots", "steps"), [(10, 3, 15), (50, 4, 144), (100, 5, 316)])
def test_the_optimum_is_that_of_the_paper(n: int, snapshots: int, steps: int) -> None:
    assert optimum(n, snapshots) == steps


def test_the_schedule_splits_as_the_optimum_does() -> None:
    next_snapshot = helper("next_snapshot")

    def steps(n: int, snapshots: int) -> int:
        if n <= 1:
            return 0
        if snapshots == 1:
            return n * (n - 1) // 2
        m = next_snapshot(7, 7 + n, snapshots - 1) - 7
        assert 1 <= m < n
        return m + steps(n - m, snapshots - 1) + steps(m, snapshots)

    for snapshots in range(1, 8):
        for n in range(45):
            assert steps(n, snapshots) == fewest(n, snapshots) == optimum(n, snapshots), (n, snapshots)


COUNTED = """
import numpy as np


def step(x: float, k: float) -> float:
    y = np.sin(x * k)
    return y * y + x


def f(x: float, k: float, n: int) -> float:
    for i in range({first}, n{stride}):{directive}
        x = step(x, k)
    return x


def g(x: float, k: float, n: int) -> float:
    i = 0
    while i < n:{directive}
        x = step(x, k)
        i += 1
    return x
"""


class Counter:
    """A function that counts its calls."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.calls = 0

    def __call__(self, *arguments: Any) -> Any:
        self.calls += 1
        return self.function(*arguments)


def counted(made: Derived, arguments: tuple[Any, ...]) -> tuple[Any, int, int]:
    """What the generated code returns; how often it called the step and, with its residuals, the step's adjoint."""
    function = generated(made)
    names = function.__globals__
    plain, back = Counter(names["step"]), Counter(names["step_reverse"])
    names["step"], names["step_reverse"] = plain, back
    return function(*arguments), plain.calls, back.calls


@pytest.mark.parametrize(("first", "stride"), [("0", ""), ("3", ""), ("0", ", 1"), ("1", ", 2"), ("60", ", -1")])
@pytest.mark.parametrize(
    ("n", "snapshots"), [(10, 3), (50, 4), (100, 5), (1, 1), (2, 1), (2, 2), (7, 1), (9, 9), (9, 40), (23, 6)]
)
def test_forward_steps_are_the_optimum(n: int, snapshots: int, first: str, stride: str) -> None:
    """The last step of the forward sweep, for the value of the loop, comes on top of the optimum."""
    start, by = int(first), int(stride.strip(", ") or 1)
    directive = f"  # srcdiff: checkpoint({snapshots})"
    module = Module.from_text(COUNTED.format(first=first, stride=stride, directive=directive), "f.py")
    made = derive(module, "f", "gradient", (0, 1))
    end = start + by * (n - 1) + (1 if by > 0 else -1)
    assert len(range(start, end, by)) == n
    found, forwards, backwards = counted(made, (0.7, 1.2, end))
    assert backwards == n
    assert forwards == optimum(n, snapshots) + 1
    plain = derive(
        Module.from_text(COUNTED.format(first=first, stride=stride, directive=""), "f.py"), "f", "gradient", (0, 1)
    )
    assert found == generated(plain)(0.7, 1.2, end)


def test_no_steps_at_all() -> None:
    text = COUNTED.format(first="0", stride="", directive="  # srcdiff: checkpoint(3)")
    made = derive(Module.from_text(text, "f.py"), "f", "gradient", (0, 1))
    assert counted(made, (0.7, 1.2, 0)) == ((1.0, 0.0), 0, 0)


@pytest.mark.parametrize("snapshots", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("n", [1, 2, 7, 33, 100])
def test_a_while_loop_goes_back_from_every_period(n: int, snapshots: int) -> None:
    """Between two states that the forward sweep kept, the steps are those of the optimal schedule."""
    text = COUNTED.format(first="0", stride="", directive=f"  # srcdiff: checkpoint({snapshots})")
    made = derive(Module.from_text(text, "f.py"), "g", "gradient", (0, 1))
    _, forwards, backwards = counted(made, (0.7, 1.2, n))
    kept, period = [0], 1
    for step in range(1, n):
        if step % period == 0:
            kept.append(step)
            if len(kept) > snapshots:
                kept, period = kept[::2], 2 * period
    ends = [*kept[1:], n]
    again = sum(fewest(e - k, snapshots - held) for held, (k, e) in enumerate(zip(kept, ends, strict=True)))
    # The state before the last step is not kept: it was not known to be that.
    tail = ends[-1] - kept[-1]
    assert backwards == n
    assert forwards == n + again
    assert tail <= period


@pytest.mark.parametrize("name", ["f", "g"])
@pytest.mark.parametrize("snapshots", [1, 2, 5])
def test_no_more_states_are_held_than_was_said(name: str, snapshots: int) -> None:
    text = COUNTED.format(first="0", stride="", directive=f"  # srcdiff: checkpoint({snapshots})")
    made = derive(Module.from_text(text, "f.py"), name, "gradient", (0, 1))
    lengths: list[int] = []

    class Held(list[Any]):
        def append(self, item: Any) -> None:
            super().append(item)
            lengths.append(len(self))

        def __getitem__(self, index: Any) -> Any:
            found = super().__getitem__(index)
            return Held(found) if isinstance(index, slice) else found

    body = made.body.replace("snapshots = []", "snapshots = Held()")
    assert body.count("Held()") == 1
    load(body, made.name, {"Held": Held})(0.7, 1.2, 60)
    # One more: in `f` the state before the last step, in `g` the one that makes them too many.
    assert max(lengths) == snapshots + 1


def test_memory_is_bounded() -> None:
    def run(x: float, n: int) -> float:
        for i in range(n):
            x = np.sin(x) + 0.1 * i
        return x

    peaks: dict[int | None, int] = {}
    for count in (None, 50):
        made = grad(run, checkpoint=count)
        made(0.3, 2)
        tracemalloc.start()
        made(0.3, 5000)
        peaks[count] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peaks[50] < peaks[None] / 10  # type: ignore[operator]


# -- higher derivatives -----------------------------------------------------------------------------------------------

NONE_IN_STATE = ("assigned_on_the_way",)
"""What is not assigned yet is None in a state, which the front end does not read again: refused, not guessed."""


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("name", [n for n in LOOPS if n not in NONE_IN_STATE])
def test_the_text_is_differentiated_again(name: str, mode: str) -> None:
    text, arguments = LOOPS[name]
    module = Module.from_text(HEADER + text, "f.py")
    types = types_of(module, arguments)
    results = []
    for count in (None, 2):
        source = text if count else without_directives(text)
        first = derive(
            Module.from_text(HEADER + source, "f.py"), "f", "gradient", options=Options(checkpoint=count), types=types
        )
        again = derive(Module.from_text(first.body, "g.py"), first.name, mode, first.wrt, types=types)
        adjoint = adjoint_like(generated(first)(*copy.deepcopy(arguments)))
        extra = [adjoint_like(arguments[i]) for i in first.wrt] if mode == "forward" else [adjoint]
        results.append(generated(again)(*copy.deepcopy(arguments), *extra))
    assert differences.error(results[1], results[0]) < (1e-6 if name == "single_precision" else 1e-12)


@pytest.mark.parametrize("name", NONE_IN_STATE)
def test_a_state_without_content_is_refused_in_a_second_transformation(name: str) -> None:
    text, arguments = LOOPS[name]
    module = Module.from_text(HEADER + text, "f.py")
    types = types_of(module, arguments)
    first = derive(module, "f", "gradient", options=Options(checkpoint=2), types=types)
    with pytest.raises(TransformError):
        derive(Module.from_text(first.body, "g.py"), first.name, "forward", first.wrt, types=types)


@pytest.mark.parametrize("name", ["index", "several_carried", "in_place", "while", "branches", "marked_in_marked"])
def test_programs_are_differentiated_again(name: str) -> None:
    """Reverse over reverse and forward over reverse at the level of the IR."""
    text, arguments = LOOPS[name]
    module = Module.from_text(HEADER + text, "f.py")
    program = lower(module, "f", types_of(module, arguments))
    plain = lower(Module.from_text(HEADER + without_directives(text), "f.py"), "f", types_of(module, arguments))
    results = []
    for one in (plain, mark_loops(program, 2)):
        first = reverse(one, (0,), "gradient")
        assert verify(first) == []
        twice = reverse(first, (0,), "vjp", name="twice")
        along = forward(first, (0,), "along")
        assert verify(twice) == []
        assert verify(along) == []
        direction = adjoint_like(arguments[0])
        results.append((interpret(twice, (*arguments, direction)), interpret(along, (*arguments, direction))))
    assert differences.error(results[1], results[0]) < 1e-12


@settings(max_examples=25, phases=(Phase.explicit, Phase.generate))
@given(program=programs.random_programs(), snapshots=st.integers(1, 3))
def test_random_programs(program: RandomProgram, snapshots: int) -> None:
    f = program.compile()
    plain = transform(f, mode="gradient", wrt=("x", "y", "a"))
    made = transform(f, mode="gradient", wrt=("x", "y", "a"), checkpoint=snapshots)
    for x, y, a in programs.POINTS:
        expected, found = plain(x, y, np.array(a)), made(x, y, np.array(a))
        assert same(expected, found), f"{program.text}\n{made.source}"


@pytest.mark.parametrize("name", ["index", "several_carried", "while", "branches", "marked_in_marked", "break"])
def test_a_forward_program_keeps_the_marks(name: str) -> None:
    """Reverse over forward: the loop of the forward mode, which carries tangents, keeps few states of both."""
    text, arguments = LOOPS[name]
    results = []
    for source in (without_directives(text), text):
        program = lower(Module.from_text(HEADER + source, "f.py"), "f", types_of_text(source, arguments))
        if source is text:
            program = mark_loops(program, 2)
        along = forward(optimized(program), (0,))
        tangent = replace(along.main, body=replace(along.main.body, results=along.main.body.results[1:]))
        twice = reverse(Program((*along.functions[:-1], tangent)), (0,), "gradient")
        assert verify(twice) == []
        marked = "next_snapshot" in to_text(twice)
        assert marked == (source is text)
        results.append(interpret(twice, (*arguments, 0.8)))
    assert same(results[0], results[1])


def types_of_text(text: str, arguments: tuple[Any, ...]) -> dict[str, Type]:
    return types_of(Module.from_text(HEADER + text, "f.py"), arguments)


@pytest.mark.parametrize("name", ["index", "several_carried", "branches", "while", "loop_in_loop", "in_place", "break"])
def test_loops_of_a_reverse_program_can_be_marked(name: str) -> None:
    """The loops of a reverse sweep consume lists and collect others; the steps of a tape are found from its end."""
    text, arguments = LOOPS[name]
    first = reverse(
        lower(Module.from_text(HEADER + text, "f.py"), "f", types_of_text(text, arguments)), (0,), "gradient"
    )
    results = []
    for one in (first, mark_loops(first, 2)):
        twice = reverse(one, (0,), "vjp", name="twice")
        assert verify(twice) == []
        results.append(interpret(twice, (*copy.deepcopy(arguments), adjoint_like(arguments[0]))))
    assert differences.error(results[1], results[0]) < 1e-12
