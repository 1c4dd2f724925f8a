"""Every differentiable primitive on stacks of directions, against the same primitive in one direction after the other."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from srcdiff.ir.builder import Builder, complete
from srcdiff.ir.core import Apply, Block, Constant, For, Function, Parameter, Program, Value, constant
from srcdiff.ir.interpret import interpret
from srcdiff.ir.types import is_differentiable
from srcdiff.primitives.directions import NoStack, along_directions, result_is_stacked, spread_directions, stacked_type
from srcdiff.primitives.table import TABLE
from tests.oracles import differences
from tests.rule_checks import Tape, covers, type_of
from tests.test_rules import CASES, Case, array, single, spd

Combination = tuple[bool, ...]


def stack_of(x: Any, t: Any, count: int, seed: int) -> tuple[Any, list[Any]]:
    """A stack of `count` values like `x`, and the values one by one; what carries no derivative is kept."""
    ones = [_moved(x, t, seed + k) for k in range(count)]
    return stacked(ones, x), ones


def _moved(x: Any, t: Any, seed: int) -> Any:
    match x:
        case bool() | int() | str() | None:
            return x
        case float():
            return x * (1.0 + 0.01 * (seed % 7))
        case np.ndarray() if x.dtype.kind == "f":
            # Scaled, and a little more in the first column: matrices stay regular, and positive definite.
            first = np.zeros(x.shape, bool)
            first[..., :1] = True
            return (x * (1.0 + 0.01 * (seed % 7)) + 0.002 * (seed % 5) * first).astype(x.dtype)
        case list() | tuple():
            return type(x)(_moved(i, None, seed + 2 * n) for n, i in enumerate(x))
        case dict():
            return {k: _moved(v, None, seed + 3) for k, v in x.items()}
    return x


def stacked(ones: list[Any], like: Any) -> Any:
    """The values on top of each other, containers item by item."""
    match like:
        case bool() | int() | str() | None:
            return like
        case float() | np.floating():
            return np.array(ones, dtype=float if isinstance(like, float) else like.dtype)
        case np.ndarray():
            return np.array(ones, dtype=like.dtype).reshape(len(ones), *like.shape)
        case list() | tuple():
            return type(like)(stacked([one[i] for one in ones], item) for i, item in enumerate(like))
        case dict():
            return {k: stacked([one[k] for one in ones], v) for k, v in like.items()}
    return like


def wrapped(builder: Builder, parameters: list[Value], result: Value) -> Program:
    return Program((Function("f", tuple(map(Parameter, parameters)), builder.block(parameters, (result,))),))


def same(got: Any, expected: Any, exact: bool = True) -> None:
    match expected:
        case list() | tuple():
            assert type(got) is type(expected) and len(got) == len(expected), f"{got} for {expected}"
            for a, b in zip(got, expected, strict=True):
                same(a, b, exact)
        case dict():
            assert isinstance(got, dict) and list(got) == list(expected)
            for key, item in expected.items():
                same(got[key], item, exact)
        case np.ndarray():
            assert isinstance(got, np.ndarray), f"{got!r} for {expected!r}"
            assert got.shape == expected.shape, f"{got.shape} for {expected.shape}"
            assert not exact or got.dtype == expected.dtype, f"{got.dtype} for {expected.dtype}"
            tolerance = 2e-5 if got.dtype == np.float32 or expected.dtype == np.float32 else 1e-11
            np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)
        case _:
            assert got == expected and type(got) is type(expected), f"{got!r} for {expected!r}"


def check(name: str, operands: tuple[Any, ...], combination: Combination, count: int, mode: Any = "exact") -> bool:
    """One primitive with one combination of stacked operands; whether it was done one direction after the other."""
    primitive = TABLE[name]
    given = [*operands, *primitive.defaults[len(primitive.defaults) + len(operands) - len(primitive.parameters) :]]
    given = given if not primitive.variadic and len(operands) < len(primitive.parameters) else list(operands)
    flags = (*combination, *(False,) * (len(given) - len(combination)))
    tape = Tape()
    values = [tape.value(x, mode, carries(x)) for x in given]
    env = tape.run()
    one = Builder()
    result = one.apply(primitive, *values)
    apply = one.statements[0]
    assert isinstance(apply, Apply)
    parameters: list[Value] = []
    arguments: list[Any] = []
    directions: list[list[Any]] = []
    used: list[Value] = []
    builder = Builder()
    builder.statements.extend(tape.builder.statements)
    n = Value(TABLE["len"].infer(Value(type_of([1.0], "exact"))))
    for v, x, flag in zip(values, given, flags, strict=True):
        if flag:
            whole, ones = stack_of(x, v.type, count, 5 * len(used))
            used.append(Value(stacked_type(v.type, count)))
            parameters.append(used[-1])
            arguments.append(whole)
        else:
            used.append(v)
            ones = [env[v] if v in env else x] * count
        directions.append(ones)
    for v, x in tape.given.items():
        parameters.append(v)
        arguments.append(x)
    y = along_directions(builder, apply, used, flags, constant(count))
    got = interpret(wrapped(builder, parameters, y), arguments)
    results = [primitive.evaluate(*(ones[k] for ones in directions)) for k in range(count)]
    like = primitive.evaluate(
        *(env[v] if v in env else v.value if isinstance(v, Constant) else x for v, x in zip(values, given, strict=True))
    )
    if result_is_stacked(apply, flags):
        expected = stacked(results, like)
        same(got, expected, exact=False)
    else:
        assert count == 0 or got == results[0]
    assert covers(y.type, got), f"{y.type} does not cover {got!r}"
    return any(isinstance(s, For) for s in builder.statements)


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


def combinations(case: Case) -> list[Combination]:
    positions = [i for i, x in enumerate(case[1]) if carries(x)]
    return [
        tuple(i in chosen for i in range(len(case[1])))
        for n in range(1, len(positions) + 1)
        for chosen in itertools.combinations(positions, n)
    ]


REFUSED = {"sorted"}
"""What is refused: its result is a list whose order differs from direction to direction."""

STACKS = [(case, combination) for case in CASES for combination in combinations(case)]
IDS = [
    f"{c[0]}-{'-'.join(str(np.shape(x)) if isinstance(x, np.ndarray) else repr(x)[:20] for x in c[1])}-{''.join('ds'[s] for s in f)}"
    for c, f in STACKS
]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(("case", "combination"), STACKS, ids=IDS)
def test_stack(case: Case, combination: Combination, count: int) -> None:
    if case[0] in REFUSED:
        with pytest.raises(NoStack, match="several directions"):
            check(case[0], case[1], combination, count)
    elif case[0] != "np.arange" or not any(combination[1:]):
        check(case[0], case[1], combination, count)
