"""The check of one operation on stacks of directions.

In: the name of a primitive, sample operands, and which of them become stacks. Out: what was built, or an assertion that
names what is off. The same primitive in one direction after the other is the oracle.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from srcdiff.ir.builder import complete
from srcdiff.ir.core import Apply, Block, Constant, Function, Parameter, Program, Value, constant, walk
from srcdiff.ir.interpret import _Frame
from srcdiff.ir.types import (
    FLOAT,
    INT,
    UNKNOWN,
    Array,
    Dict,
    List,
    Tuple,
    Type,
)
from srcdiff.ir.verify import verify
from srcdiff.primitives.directions import along_directions, result_is_stacked, stacked_type
from srcdiff.primitives.table import TABLE
from tests.rule_cases.operands import Case
from tests.rule_checks import Mode, Tape, covers

Combination = tuple[bool, ...]


def carries(x: Any) -> bool:
    """Whether a derivative can go through `x`."""
    match x:
        case float() | np.floating():
            return True
        case np.ndarray():
            return x.dtype.kind == "f"
        case list() | tuple():
            return any(map(carries, x))
        case dict():
            return any(map(carries, x.values()))
    return False


def moved(x: Any, seed: int) -> Any:
    """Another value with the structure of `x`; what carries no derivative stays."""
    match x:
        case float():
            return x * (1.0 + 0.01 * (seed % 7))
        case np.ndarray() if x.dtype.kind == "f":
            # Scaled, and a little more in the first column: matrices stay regular, and positive definite.
            first = np.arange(x.size).reshape(x.shape) % max([1, *x.shape[-1:]]) == 0
            return np.array(x * (1.0 + 0.01 * (seed % 7)) + 0.002 * (seed % 5) * first, dtype=x.dtype)
        case list() | tuple():
            return type(x)(moved(item, seed + 2 * n) for n, item in enumerate(x))
        case dict():
            return {k: moved(v, seed + 3) for k, v in x.items()}
    return x


def stack(ones: list[Any], like: Any, t: Type) -> Any:
    """The values, of type `t`, on top of each other; containers item by item."""
    match t, like:
        case List(item), list():
            return [stack([one[i] for one in ones], v, item or UNKNOWN) for i, v in enumerate(like)]
        case Tuple(items), tuple():
            parts = [stack([one[i] for one in ones], v, items[i]) for i, v in enumerate(like)]
            return like._make(parts) if hasattr(like, "_make") else tuple(parts)
        case _, list() | tuple():
            return type(like)(stack([one[i] for one in ones], v, UNKNOWN) for i, v in enumerate(like))
        case Dict(entries), dict():
            types = dict(entries or ())
            return {k: stack([one[k] for one in ones], v, types.get(k, UNKNOWN)) for k, v in like.items()}
        case _, np.ndarray() if carries(like) or like.dtype.kind == "b":
            return np.array(ones, dtype=like.dtype).reshape(len(ones), *like.shape)
        case _, _ if carries(like) or t == FLOAT:
            return np.array(ones, dtype=np.asarray(like).dtype if carries(like) else float)
    return like


def assert_same(got: Any, expected: Any) -> None:
    match expected:
        case list() | tuple():
            assert type(got) is type(expected) and len(got) == len(expected), f"{got} for {expected}"
            for a, b in zip(got, expected, strict=True):
                assert_same(a, b)
        case dict():
            assert isinstance(got, dict) and list(got) == list(expected)
            for key, item in expected.items():
                assert_same(got[key], item)
        case np.ndarray():
            assert isinstance(got, np.ndarray), f"{got!r} for {expected!r}"
            assert got.shape == expected.shape, f"{got.shape} for {expected.shape}"
            assert (got.dtype.kind == "f") == (expected.dtype.kind == "f"), f"{got.dtype} for {expected.dtype}"
            tolerance = 2e-5 if np.float32 in (got.dtype, expected.dtype) else 1e-11
            np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)
        case _:
            assert got == expected and type(got) is type(expected), f"{got!r} for {expected!r}"


@dataclass
class Outcome:
    """What became of one operation on stacks."""

    statements: list[Any]
    result: Value
    content: Any


def check(
    name: str,
    operands: tuple[Any, ...],
    combination: Combination,
    count: int,
    mode: Mode = "exact",
    fixed: bool = True,
) -> Outcome:
    """One primitive with one combination of stacked operands, in `count` directions, a constant unless not `fixed`."""
    primitive = TABLE[name]
    one, given = Tape(), Tape()
    values = [one.value(x, mode, stacked or carries(x)) for x, stacked in zip(operands, combination, strict=True)]
    inputs = one.builder.statements
    values = list(complete(primitive, values))
    before = one.run()
    one.builder.apply(primitive, *values, name="y")
    apply = one.builder.statements[-1]
    assert isinstance(apply, Apply)
    flags = (*combination, *(False,) * (len(values) - len(combination)))
    given.builder.statements.extend(inputs[:-1])
    given.given.update(one.given)
    used, directions = [], []
    for i, (v, stacked) in enumerate(zip(values, flags, strict=True)):
        x = content_of(before, v)
        directions.append([moved(x, 5 * i + k) if stacked else x for k in range(count)])
        whole = stacked_type(v.type, count if fixed else None)
        used.append(Value(Array(None, None) if whole == UNKNOWN else whole) if stacked else v)
        if stacked:
            given.given[used[-1]] = stack(directions[-1], x, v.type)
    number: Value = constant(count) if fixed else Value(INT)
    if not fixed:
        given.given[number] = count
    start = len(given.builder.statements)
    y = along_directions(given.builder, apply, used, flags, number)
    program = as_program(given, y)
    assert verify(program) == []
    content = run(program, list(given.given.values()))[y] if not isinstance(y, Constant) else y.value
    results = [primitive.evaluate(*(ones[k] for ones in directions)) for k in range(count)]
    like = primitive.evaluate(*(content_of(before, v) for v in values))
    if not result_is_stacked(apply, flags):
        assert_same(content, like)
    elif isinstance(like, list | tuple | dict):
        assert_same(content, stack(results, like, apply.result.type))
    else:
        assert_same(content, np.array(results, dtype=np.asarray(like).dtype).reshape(count, *np.shape(like)))
    return Outcome(given.builder.statements[start:], y, content)


def content_of(contents: dict[Value, Any], v: Value) -> Any:
    return v.value if isinstance(v, Constant) else contents[v]


def as_program(tape: Tape, *results: Value) -> Program:
    parameters = tuple(tape.given)
    body = Block(parameters, tuple(tape.builder.statements), results)
    return Program((Function("f", tuple(map(Parameter, parameters)), body),))


def run(program: Program, arguments: list[Any]) -> dict[Value, Any]:
    """The content of every value of the program; each is one that its type promises."""
    frame = _Frame(program)
    frame.block(program.main.body, arguments)
    for statement in walk(program.main.body):
        for v in statement.results:
            assert v not in frame.content or covers(v.type, frame.content[v]), (
                f"{statement}: {v.type} does not cover {frame.content[v]!r}"
            )
    return frame.content


def combinations(operands: tuple[Any, ...]) -> list[Combination]:
    """Every choice of stacks among the operands that a derivative can go through."""
    positions = [i for i, x in enumerate(operands) if carries(x)]
    return [
        tuple(i in chosen for i in range(len(operands)))
        for n in range(1, len(positions) + 1)
        for chosen in itertools.combinations(positions, n)
    ]


def name_of(case: Case) -> str:
    return f"{case[0]}-{'-'.join(str(x.shape) if isinstance(x, np.ndarray) else repr(x)[:20] for x in case[1])}"
