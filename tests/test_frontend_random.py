"""Random programs: jumps, loops and writes nested at will mean the same as IR as they do in Python."""

from __future__ import annotations

import copy
from typing import Any

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from srcdiff.diagnostics import TransformError
from srcdiff.frontend.lower import lower
from srcdiff.frontend.module import Module
from srcdiff.ir.interpret import interpret
from srcdiff.ir.types import FLOAT, INT, Array, Symbol
from srcdiff.ir.verify import verify
from tests.test_frontend_programs import same

NUMBERS = ["a", "b", "c"]
ARRAYS = ["x", "y", "z"]
TYPES = {"a": FLOAT, "b": FLOAT, "n": INT, "x": Array("float64", (Symbol("k"),))}


@st.composite
def number(draw: st.DrawFn) -> str:
    kind = draw(st.integers(0, 6))
    if kind <= 2:
        return draw(st.sampled_from(NUMBERS))
    if kind == 3:
        return draw(st.sampled_from(["0.5", "1.5", "-2.0"]))
    if kind == 4:
        return f"{draw(st.sampled_from(ARRAYS))}[{draw(st.integers(-2, 1))}]"
    left, right = draw(st.sampled_from(NUMBERS)), draw(st.sampled_from([*NUMBERS, "0.5"]))
    return f"{left} {draw(st.sampled_from('+-*'))} {right}"


@st.composite
def simple(draw: st.DrawFn) -> str:
    value = draw(number())
    array, other = draw(st.sampled_from(ARRAYS)), draw(st.sampled_from(ARRAYS))
    target = draw(st.sampled_from(NUMBERS))
    forms = [
        f"{target} = {value}",
        f"{target} += {value}",
        f"{array}[{draw(st.integers(-2, 1))}] = {value}",
        f"{array}[1] *= {value}",
        f"{array} = {other}",
        f"{array} = {other} * {value}",
        f"{array} += {value}",
        f"{array} = {other}[:2]",
        f"{array} = {other}.copy()",
        f"{array}[:2] = {other}[:2]",
        f"{array} = {other}.reshape(-1)",
        f"w = {other}; w[0] = {value}",
        f"l = [{array}, {other}.copy()]; a = l[0][1]; {array} = l[1]",
        f"l.append({value}); b = l.pop()",
        f"l.append({value}); b = len(l) * 0.25",
    ]
    return draw(st.sampled_from(forms))


def indent(lines: list[str]) -> list[str]:
    return ["    " + line for line in lines]


@st.composite
def block(draw: st.DrawFn, depth: int, in_loop: bool) -> list[str]:
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.integers(0, 9))
        if kind <= 3 or depth == 0:
            lines.append(draw(simple()))
        elif kind <= 6:
            lines.append(f"if {draw(number())} < {draw(number())}:")
            lines += indent(draw(block(depth - 1, in_loop)))
            if draw(st.booleans()):
                lines.append("else:")
                lines += indent(draw(block(depth - 1, in_loop)))
        elif kind <= 8:
            loops = ["for i in range(n):", "for v in x[:2]:", "for i, v in enumerate(y[:2]):", "while n > 0:"]
            head = draw(st.sampled_from(loops))
            lines.append(head)
            body = draw(block(depth - 1, True))
            if head.startswith("while"):
                body = ["n -= 1", *body]
            elif "v" in head and draw(st.booleans()):
                body = ["c += v", *body]
            lines += indent(body)
            if draw(st.integers(0, 2)) == 0:
                lines.append("else:")
                lines += indent(draw(block(depth - 1, in_loop)))
        else:
            jumps = ["return a, x", "return c"] + (["break", "continue"] * 2 if in_loop else [])
            lines.append(draw(st.sampled_from(jumps)))
            break
    return lines


@st.composite
def program(draw: st.DrawFn) -> str:
    start = ["c = a * b", "y = x * 2.0", "z = x[:2]", "l = [a]"]
    body = [*start, *draw(block(3, False)), "return a, b, c, x, y, z, n"]
    return "\n".join(["def f(a, b, n, x):", *indent(body), ""])


@settings(max_examples=400)
@given(program(), st.sampled_from([(1.0, 2.0, 2), (-1.0, 0.5, 0), (0.5, -2.0, 3)]))
def test_random_program(text: str, numbers: tuple[float, float, int]) -> None:
    namespace: dict[str, Any] = {}
    exec(compile(text, "random.py", "exec"), namespace)
    arguments = (*numbers, np.array([0.3, -1.2]))
    try:
        program = lower(Module.from_text(text, "random.py"), "f", TYPES)
    except TransformError as error:
        allowed = ("share memory", "one and the same", "unpacked", "cannot", "not the same", "before it is assigned")
        assert all(any(a in d.message for a in allowed) for d in error.diagnostics), (text, error)
        return
    assert verify(program) == [], text
    with np.errstate(all="ignore"):
        try:
            expected = namespace["f"](*copy.deepcopy(arguments))
        except (UnboundLocalError, TypeError, IndexError):
            return
        found = interpret(program, copy.deepcopy(arguments))
    assert same(expected, found), (text, expected, found)
