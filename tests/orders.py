"""Derivatives of derivatives from text, as a user makes them: every step is a run of the command line on the file
that the step before wrote.

In: the text of a module, a scalar function in it, modes. Out: the derivative as a callable, and Hessian-vector
products in the four combinations of modes.

>>> square = "def f(x: float) -> float:\\n    return x * x * x\\n"
>>> derivative = again(square, "f", ("gradient", "gradient", "gradient"), ("x",))
>>> derivative(5.0)
6.0
"""

from __future__ import annotations

import contextlib
import copy
import io
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from srcdiff.cli import main
from srcdiff.loading import load
from tests.oracles import differences

SUFFIX = {"forward": "_jvp", "reverse": "_vjp", "gradient": "_grad"}
COMBINATIONS = ("forward over reverse", "reverse over reverse", "forward over forward", "reverse over forward")


def text_again(
    text: str, function: str, modes: Sequence[str], wrt: Sequence[str], optimize: bool = True
) -> tuple[str, str]:
    """The text after one transformation for each mode, and the name of the function in it."""
    for mode in modes:
        text, function = transformed(text, function, mode, tuple(wrt), optimize), function + SUFFIX[mode]
    return text, function


@cache
def transformed(text: str, function: str, mode: str, wrt: tuple[str, ...], optimize: bool) -> str:
    """What `srcdiff transform` writes for a file with this text."""
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "source.py", Path(folder) / "derivative.py"
        source.write_text(text)
        command = ["transform", str(source), "-f", function, "--mode", mode, "--wrt", ",".join(wrt)]
        command += ["-o", str(output)] + ["--no-optimize"] * (not optimize)
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors):
            status = main(command)
        assert status == 0, f"{errors.getvalue()}\n{text}"
        return output.read_text()


def again(text: str, function: str, modes: Sequence[str], wrt: Sequence[str], optimize: bool = True) -> Any:
    """The function that `text_again` writes; its text is its attribute `source`."""
    made, name = text_again(text, function, modes, wrt, optimize)
    found = load(made, name, {})
    found.source = made
    return found


def product(
    text: str, function: str, combination: str, args: tuple[Any, ...], wrt: Sequence[str], optimize: bool = True
) -> Callable[[tuple[Any, ...], tuple[int, ...]], tuple[Any, ...]]:
    """The product of the Hessian with a direction, `(direction, positions) -> tuple`, by one combination of modes."""
    outer, inner = combination.split(" over ")
    modes = ("gradient" if inner == "reverse" else inner, outer)
    derivative = again(text, function, modes, wrt, optimize)

    def along(direction: tuple[Any, ...], positions: tuple[int, ...]) -> tuple[Any, ...]:
        single = len(wrt) == 1
        given = copy.deepcopy(args)
        directions = copy.deepcopy(direction)
        match combination:
            case "forward over reverse":
                _, found = derivative(*given, *directions)
            case "reverse over reverse":
                _, found = derivative(*given, directions[0] if single else directions)
            case "reverse over forward":
                _, found = derivative(*given, *directions, (0.0, 1.0))
            case _:
                chosen = tuple(args[i] for i in positions)
                size = differences.leaves(chosen).size
                rows = [differences.rebuild(chosen, unit) for unit in np.eye(size)]
                entries = [derivative(*copy.deepcopy(args), *copy.deepcopy(direction), *row)[1][1] for row in rows]
                return differences.rebuild(chosen, np.array([float(e) for e in entries]))
        return (found,) if single else found

    along.source = derivative.source  # type: ignore[attr-defined]
    return along
