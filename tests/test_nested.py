"""Derivatives inside derivatives: every mode inside every mode, against divided differences, formulas and dual numbers.

The functions are those of `nested_programs`. What they compute without transforming them (each inner derivative a call of
its own generated code) is the primal that divided differences are taken of.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srcdiff import grad, transform
from srcdiff.compiler import derive, transform_file
from srcdiff.diagnostics import TransformError
from srcdiff.frontend.lower import lower
from srcdiff.frontend.module import Module
from srcdiff.ir.verify import verify
from srcdiff.loading import load
from tests import nested_programs
from tests.nested_programs import CASES
from tests.oracles import differences, dual
from tests.support import check_gradient

PATH = Path(nested_programs.__file__)
MODES = ("primal", "forward", "reverse", "gradient")
SUFFIX = {"primal": "", "forward": "_jvp", "reverse": "_vjp", "gradient": "_grad"}


def differentiable(case: str) -> tuple[int, ...]:
    """The parameters of a case that are differentiated: all that are given a float or an array."""
    return tuple(i for i, a in enumerate(CASES[case][1]) if not isinstance(a, int))


@pytest.mark.parametrize("case", CASES)
def test_every_mode(case: str) -> None:
    function, arguments = CASES[case]
    check_gradient(function, *arguments, wrt=differentiable(case))


@pytest.mark.parametrize("case", CASES)
def test_twice(case: str) -> None:
    """The gradient of a directional derivative of the gradient: one level more around the derivatives inside."""
    function, arguments = CASES[case]
    wrt = differentiable(case)
    gradient = grad(function, wrt)
    tangents = [differences.rebuild(arguments[i], 1.0 + 0.5 * np.sin(1.0 + differences.leaves(arguments[i]))) for i in wrt]

    def along(*chosen: Any) -> Any:
        full = list(copy.deepcopy(arguments))
        for i, value in zip(wrt, chosen, strict=True):
            full[i] = copy.deepcopy(value)
        return gradient(*full)

    expected = differences.directional(along, tuple(arguments[i] for i in wrt), tuple(tangents))
    _, found = transform(gradient, "forward", wrt)(*copy.deepcopy(arguments), *tangents)
    assert differences.error(found, expected) < 1e-6, (found, expected)
    seeds = tuple(tangents)
    _, adjoints = transform(gradient, "reverse", wrt)(*copy.deepcopy(arguments), seeds)
    left = sum(differences.dot(a, v) for a, v in zip(adjoints, tangents, strict=True))
    right = differences.dot(seeds, found)
    assert abs(left - right) <= 1e-9 * max(1.0, abs(left)), (left, right)


@pytest.mark.parametrize("mode", MODES)
def test_text_stands_alone(mode: str) -> None:
    """From the file's text, which is not run: the generated text needs no srcdiff and computes the same."""
    for case, (function, arguments) in CASES.items():
        wrt = differentiable(case)
        text = transform_file(PATH, case, (mode,), None if mode == "primal" else wrt)
        assert not re.search(r"^\s*(import|from) srcdiff", text, re.MULTILINE), text
        made = load(text, case + SUFFIX[mode], {})
        tangents = [differences.rebuild(arguments[i], 1.0 + 0.1 * differences.leaves(arguments[i])) for i in wrt]
        gradient = grad(function, wrt)(*copy.deepcopy(arguments))
        value = function(*copy.deepcopy(arguments))
        given = copy.deepcopy(arguments)
        match mode:
            case "primal":
                found, expected = made(*given), value
            case "forward":
                found = made(*given, *tangents)
                expected = (value, sum(differences.dot(g, t) for g, t in zip(gradient, tangents, strict=True)))
            case "reverse":
                found, expected = made(*given, 1.0), (value, gradient)
            case _:
                found, expected = made(*given), gradient
        assert differences.error(found, expected) < 1e-11, (case, found, expected)
        assert differences.error(given, arguments) == 0.0, f"{case} changed its arguments"
