"""Joint mode: functions that the reverse sweep computes again from their arguments."""

from __future__ import annotations

import re

import pytest

from srcdiff.compiler import derive
from srcdiff.diagnostics import TransformError
from srcdiff.frontend.module import Module
from srcdiff.loading import load
from srcdiff.modes import Options
from tests.checkpoint_programs import HEADER, LOOPS
from tests.checkpoint_support import (
    adjoint_like,
    generated,
    outcome,
    refusal,
    same,
    types_of,
)
from tests.frontend_programs import HEADER as FRONTEND_HEADER
from tests.frontend_programs import PROGRAMS

RECOMPUTED = """
import numpy as np


def force(x: float, k: float) -> float:{directive}
    y = np.sin(k * x)
    for i in range(3):
        y = np.sin(y) + k * x * y
    return -y * np.exp(-x * x)


def f(x: float, k: float, n: int) -> float:
    for i in range(n):
        x = x + 0.1 * force(x, k)
        k = k * 1.01
    return x * x
"""


def test_a_recomputed_function_saves_its_arguments_alone() -> None:
    made = derive(
        Module.from_text(RECOMPUTED.format(directive="  # srcdiff: recompute"), "f.py"), "f", "gradient", (0, 1)
    )
    plain = derive(Module.from_text(RECOMPUTED.format(directive=""), "f.py"), "f", "gradient", (0, 1))
    assert generated(made)(0.7, 1.3, 6) == generated(plain)(0.7, 1.3, 6)
    assert [f.name for f in made.program.functions] == ["force", "force_reverse", "f_grad"]
    assert "tape.append((x, k))" in made.body
    assert "force_forward" in plain.body


def marked_helpers(text: str) -> str:
    """The text with every function of the module but `f` marked to be recomputed."""
    return re.sub(r"^(def (?!f\b).*:)$", r"\1  # srcdiff: recompute", text, flags=re.MULTILINE)


WITH_HELPERS = [n for n, (text, _) in PROGRAMS.items() if marked_helpers(text) != text]
OF_LOOPS = ["in_helper", "helper_in_loop", "reader_in_loop", "recursion_in_loop"]


@pytest.mark.parametrize("name", [*WITH_HELPERS, *OF_LOOPS])
def test_recomputed_functions_give_the_same_numbers(name: str) -> None:
    """Every helper is marked. What is written into its caller cannot be recomputed, and is refused."""
    text, calls = PROGRAMS[name] if name in PROGRAMS else (LOOPS[name][0], [LOOPS[name][1]])
    head = FRONTEND_HEADER if name in PROGRAMS else HEADER
    plain, marked = (Module.from_text(head + t, "f.py") for t in (text, marked_helpers(text)))
    f = load(head + text, "f", {})
    for arguments in calls:
        types = types_of(plain, arguments)
        adjoint = adjoint_like(outcome(f, *arguments)[0])
        for optimize in (True, False):
            try:
                made = derive(marked, "f", "reverse", options=Options(optimize=optimize), types=types)
            except TransformError as error:
                messages = [d.message for d in error.diagnostics]
                assert any("cannot be recomputed" in m or "can carry a derivative" in m for m in messages), messages
                continue
            expected = derive(plain, "f", "reverse", options=Options(optimize=optimize), types=types)
            found = outcome(generated(made), *arguments, adjoint)
            wanted = outcome(generated(expected), *arguments, adjoint)
            assert same(found, wanted), (found, wanted, made.body)


def test_an_element_reader_stays_behind_its_call_if_it_is_recomputed() -> None:
    text = HEADER + marked_helpers(LOOPS["reader_in_loop"][0])
    made = derive(Module.from_text(text, "f.py"), "f", "gradient", (0, 1))
    assert "at_reverse(u, i, bw)" in made.body


NESTED = """
def f(x: float) -> float:
    def g(y: float) -> float:  # srcdiff: recompute
        return y * y
    return g(x)
"""
TAKES_A_FUNCTION = """
def g(h, y: float) -> float:  # srcdiff: recompute
    return h(y)


def k(y: float) -> float:
    return y * y


def f(x: float) -> float:
    return g(k, x)
"""
WRITES = """
def g(y: list[float]) -> float:  # srcdiff: recompute
    y[0] = y[1] * y[1]
    return y[0]


def f(x: float) -> float:
    z = [x, x]
    return g(z) * z[0]
"""


@pytest.mark.parametrize("text", [NESTED, TAKES_A_FUNCTION, WRITES])
def test_what_is_written_into_its_caller_cannot_be_recomputed(text: str) -> None:
    message = refusal(text)
    assert "`g` cannot be recomputed: it is nested, takes or returns a function, or writes into a parameter" in message


def test_a_recomputed_function_prints_once_and_calls_nothing_that_prints() -> None:
    text = """
def show(x: float) -> float:
    print(x)
    return x * x


def g(x: float) -> float:  # srcdiff: recompute
    print("g")
    return {call} * x * x


def f(x: float) -> float:
    return g(x) * g(2.0 * x)
"""
    quiet = derive(Module.from_text(text.format(call="x"), "f.py"), "f", "gradient")
    assert outcome(generated(quiet), 0.5)[1] == "g\ng\n"
    message = refusal(text.format(call="show(x)"))
    assert "`show` prints, and the reverse sweep calls it again to recompute `g`" in message
