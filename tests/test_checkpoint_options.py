"""What is asked of loops with snapshots, by every face, and what is refused."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srcdiff import grad, transform, value_and_grad, vjp
from srcdiff.ad.marks import mark_loops
from srcdiff.cli import main
from srcdiff.compiler import derive
from srcdiff.frontend.lower import lower
from srcdiff.frontend.module import Module
from srcdiff.ir.core import For, While, walk
from srcdiff.ir.markers import Checkpoint
from tests.checkpoint_programs import HEADER, LOOPS
from tests.checkpoint_support import (
    compare,
    refusal,
    types_of,
)

# -- what is said twice -----------------------------------------------------------------------------------------------


def test_a_step_prints_once() -> None:
    text = """
def f(x: float, n: int) -> float:
    for i in range(n):
        print(i, x > 0.5)
        if x > 0.5:
            print("large")
        x = x * x * 1.1
    return x
"""
    compare(text, (0.99, 6), True)
    compare(text, (0.99, 6), False)
    inner = """
def f(x: float, n: int) -> float:
    for i in range(n):
        j = 0
        while j < i:  # srcdiff: checkpoint(2)
            print(i, j)
            x = x * x * 1.1
            j += 1
    return x
"""
    compare(inner, (0.99, 4), True)
    compare(inner, (0.99, 4), False)


def test_a_helper_that_prints_is_refused_in_a_loop_with_snapshots() -> None:
    text = """
def inner(x: float) -> float:
    print(x)
    return x * x


def step(x: float) -> float:
    return inner(x) + 0.1


def f(x: float, n: int) -> float:
    for i in range(n):
        x = step(x)
    return x
"""
    message = refusal(text, 3)
    assert "f.py:13:" in message
    assert "`step` prints, and the reverse sweep of a loop with snapshots calls it again" in message
    derive(Module.from_text(text, "f.py"), "f", "gradient")


@pytest.mark.parametrize("items", ["r", "reversed(r)"])
def test_items_without_a_number_are_refused(items: str) -> None:
    text = f"""
def run(r, x: float) -> float:
    for i in {items}:
        x = x * x + 0.1 * i
    return x


def f(x: float, n: int) -> float:
    return run(range(n), x)
"""
    assert "f.py:3:" in refusal(text, 2)
    assert "the items of this loop cannot be found again by number" in refusal(text, 2)


# -- the option -------------------------------------------------------------------------------------------------------


def markers(name: str, checkpoint: int) -> list[object]:
    text = HEADER + LOOPS[name][0]
    module = Module.from_text(text, "f.py")
    program = mark_loops(lower(module, "f", types_of(module, LOOPS[name][1])), checkpoint)
    return [s.marker for f in program.functions for s in walk(f.body) if isinstance(s, For | While)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("index", [Checkpoint(4)]),
        ("loop_in_loop", [Checkpoint(4), None]),
        ("marked_in_marked", [Checkpoint(4), Checkpoint(2)]),
        ("marked_in_unmarked", [Checkpoint(99), Checkpoint(2)]),
        ("in_branch", [Checkpoint(4)]),
        ("in_helper", [Checkpoint(4)]),
        ("loops_in_a_row", [Checkpoint(4), Checkpoint(4)]),
        ("comprehension_in_loop", [Checkpoint(4), None]),
    ],
)
def test_the_outermost_loops_are_marked(name: str, expected: list[object]) -> None:
    assert markers(name, 4) == expected


def power(x: float, n: int) -> float:
    y = 1.0
    for i in range(n):
        y = y * np.sin(x + i)
    return y


def test_every_face_takes_the_option() -> None:
    plain = grad(power)(0.7, 9)
    for made in (
        grad(power, checkpoint=2),
        grad(checkpoint=2)(power),
        pickle.loads(pickle.dumps(grad(power, checkpoint=2))),
    ):
        assert made(0.7, 9) == plain
        assert "next_snapshot(i, n, 2 - len(snapshots))" in made.source
    assert value_and_grad(power, checkpoint=2)(0.7, 9) == (power(0.7, 9), plain)
    value, pullback = vjp(power, 0.7, 9, checkpoint=2)
    assert (value, pullback(1.0)) == (power(0.7, 9), plain)
    assert "next_snapshot" in pullback.source
    assert "next_snapshot" in transform(power, "gradient", checkpoint=3).source
    assert "next_snapshot" not in transform(power, "forward", checkpoint=3).source


@pytest.mark.parametrize(
    ("wrong", "error"), [(0, ValueError), (-2, ValueError), (True, TypeError), (2.0, TypeError), ("3", TypeError)]
)
def test_a_count_is_an_integer_of_one_or_more(wrong: Any, error: type[Exception]) -> None:
    for make in (grad, value_and_grad, transform):
        with pytest.raises(error, match="checkpoint is the number of snapshots"):
            make(power, checkpoint=wrong)
    with pytest.raises(error, match="checkpoint is the number of snapshots"):
        vjp(power, 0.7, 9, checkpoint=wrong)


# -- the command line -------------------------------------------------------------------------------------------------


def test_the_command_line_takes_the_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "power.py"
    file.write_text(HEADER + LOOPS["index"][0])
    assert main(["transform", str(file), "--mode", "gradient", "--checkpoint", "4"]) == 0
    text = capsys.readouterr().out
    assert "--mode gradient --checkpoint 4\n" in text
    assert "# forward sweep, keeping at most 4 states and the last\n" in text
    output = tmp_path / "diff_power.py"
    words = ["transform", str(file), "--mode", "gradient", "--checkpoint", "4", "-o", str(output)]
    assert (main(words), main([*words, "--check"]), main([*words[:4], "-o", str(output), "--check"])) == (0, 0, 1)
    capsys.readouterr()
    assert main(["transform", str(file), "--checkpoint", "0"]) == 2
    assert "--checkpoint takes the number of snapshots, 1 or more, not 0" in capsys.readouterr().err
