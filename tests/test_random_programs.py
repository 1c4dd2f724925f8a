"""Random programs: every way to compute a derivative agrees with dual numbers run on the same text.

For each program: forward and reverse mode, with and without optimisation, the generated text and the IR interpreter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings

import srcdiff
from srcdiff.ir.interpret import interpret
from srcdiff.ir.verify import verify
from tests.oracles import dual, programs
from tests.oracles.differences import error
from tests.oracles.programs import RandomProgram

GENERATE = (Phase.explicit, Phase.generate)
"""Without shrinking, which takes minutes: a failing program is printed as it is."""

DIRECTION = (0.618, -1.414, (0.577, 0.302, -0.916))
TOLERANCE = 1e-9


def points() -> list[tuple[float, float, np.ndarray]]:
    return [(x, y, np.array(a)) for x, y, a in programs.POINTS]


def agree(found: Any, expected: Any, how: str, derivative: Any, program: RandomProgram) -> None:
    distance = error(found, expected)
    if not distance <= TOLERANCE:
        pytest.fail(
            f"{how}: found {found!r}, dual numbers give {expected!r} (relative {distance:.1e})\n\n"
            f"{program.text}\n{derivative.source}",
            pytrace=False,
        )


@pytest.mark.parametrize("optimize", [True, False], ids=["optimised", "not optimised"])
@settings(max_examples=60, phases=GENERATE)
@given(program=programs.random_programs())
def test_forward_mode(program: RandomProgram, optimize: bool) -> None:
    f, for_duals = program.compile(), program.compile_for_duals()
    derivative = srcdiff.transform(f, mode="forward", wrt=("x", "y", "a"), optimize=optimize)
    dx, dy, da = DIRECTION[0], DIRECTION[1], np.array(DIRECTION[2])
    for x, y, a in points():
        expected = dual.derivative(for_duals, (x, y, a), (dx, dy, da))
        kept = a.copy()
        agree(derivative(x, y, a, dx, dy, da), expected, "the generated code", derivative, program)
        assert verify(derivative.ir) == []
        found = interpret(derivative.ir, (x, y, a, dx, dy, da))
        agree(found, expected, "the IR interpreter", derivative, program)
        assert np.array_equal(a, kept), "the caller's array was changed"


@pytest.mark.parametrize("optimize", [True, False], ids=["optimised", "not optimised"])
@settings(max_examples=60, phases=GENERATE)
@given(program=programs.random_programs())
def test_reverse_mode(program: RandomProgram, optimize: bool) -> None:
    f = program.compile()
    derivative = srcdiff.transform(f, mode="gradient", wrt=("x", "y", "a"), optimize=optimize)
    for x, y, a in points():
        expected = program.dual_gradient(x, y, a)
        kept = a.copy()
        agree(derivative(x, y, a), expected, "the generated code", derivative, program)
        assert verify(derivative.ir) == []
        agree(interpret(derivative.ir, (x, y, a)), expected, "the IR interpreter", derivative, program)
        assert np.array_equal(a, kept), "the caller's array was changed"


@settings(max_examples=25, phases=GENERATE)
@given(program=programs.random_programs())
def test_the_general_code_works_too(program: RandomProgram) -> None:
    """Nothing is known of x and y; the code is general and gives the same numbers."""
    signature = {"a": 'Float[np.ndarray, "n"]'}
    derivative = srcdiff.transform(program.compile(), mode="value_and_grad", wrt=("x", "y", "a"), signature=signature)
    generated = derivative.generated
    for x, y, a in points():
        value, _ = dual.derivative(program.compile_for_duals(), (x, y, a), (0.0, 0.0, 0.0 * a))
        expected = (value, program.dual_gradient(x, y, a))
        agree(generated(x, y, a), expected, "the general code", derivative, program)
