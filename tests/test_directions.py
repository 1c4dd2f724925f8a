"""Every primitive on stacks of directions, against the same primitive in one direction after the other."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from srcdiff.ir.builder import Builder, complete
from srcdiff.ir.core import Apply, Block, Constant, For, Function, Parameter, Program, Value, constant, walk
from srcdiff.ir.interpret import _Frame
from srcdiff.ir.types import (
    BOOL,
    FLOAT,
    INT,
    NONE,
    OBJECT,
    STR,
    UNKNOWN,
    Array,
    Dict,
    List,
    Opaque,
    Symbol,
    Tuple,
    Type,
)
from srcdiff.ir.verify import verify
from srcdiff.primitives.directions import NoStack, along_directions, result_is_stacked, spread_directions, stacked_type
from srcdiff.primitives.directions_core import REGISTER
from srcdiff.primitives.rules import has_zero_derivative
from srcdiff.primitives.table import TABLE
from tests.rule_checks import Mode, Tape, covers, differentiable_primitives
from tests.test_rules import CASES, Case, array, single, spd

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
            return tuple(stack([one[i] for one in ones], v, items[i]) for i, v in enumerate(like))
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


ONE_BY_ONE = {
    # Index arrays apart from each other among which there is a mask, or an ellipsis between them.
    *("index_get", "index_set", "index_add"),
    # Products with arrays of three dimensions, products of unknown ranks, and displays in the place of an array.
    *("np.dot", "np.inner", "matmul_left", "matmul_right"),
    # A diagonal beside the main one.
    "np.diag",
    # Not linear, so no derivative is their operand; NumPy has no such function, or it is another.
    *("math.dist", "math.erf", "math.erfc", "math.fmod", "math.hypot", "math.ldexp", "math.log", "math.prod"),
    *("math.remainder", "max", "min", "np.arange", "np.argmax"),
}
"""What is done one direction after the other where ranks are known, at least for some operands."""

_ALWAYS = {"sorted", "accumulate"}
REFUSED: dict[Mode, set[str]] = {
    "exact": _ALWAYS,
    "symbols": _ALWAYS,
    "rank": _ALWAYS | {"fold", "np.dot", "split_like", "spread_over", "sum", "tolist"},
    "unknown": _ALWAYS
    | {"add", "append", "clear_item", "fold", "index_add", "index_set", "make_dict", "make_list", "make_tuple"}
    | {"math.dist", "math.fsum", "math.prod", "max", "min", "multiply", "np.array", "np.column_stack", "np.concatenate"}
    | {"np.dot", "np.hstack", "np.max", "np.sin", "np.sum", "np.vstack", "split_like", "spread_over", "sum", "tolist"}
    | {"unpack"},
}
"""What may be refused: sorting lists, adding lists of mixed items; what makes or takes apart containers of which it is
not known what they hold."""

A234, A23, A3, A2 = array(2, 3, 4), array(2, 3), array(3), array(2)
ROWS, COLUMNS, MASK = np.array([0, 1, 1]), np.array([2, 0, 3]), np.array([[True, False, True], [False, True, False]])
ALL = slice(None)

INDICES: list[tuple[np.ndarray, Any]] = [
    *((A234, i) for i in (0, -1, ALL, slice(None, None, -1), slice(1, 5), Ellipsis, None, ROWS, MASK, [0, 1], ())),
    *((A234, i) for i in ((0, 1), (0, 1, 2), (0, ALL, 1), (ALL, 1), (ALL, ALL, -1), (0, slice(0, 2), None))),
    *((A234, i) for i in ((Ellipsis, 0), (0, Ellipsis), (0, Ellipsis, 1), (Ellipsis, ALL, None), (None, 0, ALL, None))),
    *(
        (A234, i)
        for i in ((ROWS, 1), (0, COLUMNS - 1, 1), (ALL, ROWS), (ALL, 0, COLUMNS), (ALL, ROWS, COLUMNS), (ROWS, ROWS))
    ),
    # Apart from each other: NumPy puts the axes of the index arrays in front.
    *(
        (A234, i)
        for i in (
            (ROWS, ALL, COLUMNS),
            (0, ALL, COLUMNS),
            (ROWS, ALL, 2),
            (ROWS, None, ROWS),
            (Ellipsis, ROWS, None, COLUMNS),
        )
    ),
    *(
        (A234, i)
        for i in (
            (ROWS[:, None], ALL, COLUMNS),
            (0, None, COLUMNS - 1),
            (ROWS, Ellipsis, COLUMNS),
            (np.array(1), ALL, COLUMNS),
        )
    ),
    *(
        (A234, i)
        for i in (
            (MASK, 1),
            (MASK, ALL),
            (np.array([True, False]), ALL, COLUMNS[:1]),
            (0, MASK[0]),
            (ALL, MASK[0], 1),
            (MASK, COLUMNS),
        )
    ),
    *(
        (A3, i)
        for i in (1, ROWS, np.array(1), np.array([[0, 1], [2, 2]]), MASK[0], np.zeros(0, int), (ALL, None), (1, None))
    ),
    *((np.zeros((0, 3)), i) for i in (ALL, (ALL, 1), np.zeros(0, int))),
    *((np.array(0.5), i) for i in ((), Ellipsis, None, (None, None))),
]


def written(indices: list[tuple[np.ndarray, Any]]) -> list[Case]:
    """Writes through indices, of numbers, of arrays of the place's shape, of fewer and of more axes."""
    cases: list[Case] = []
    for x, index in indices:
        place = np.shape(x[index])
        shapes = dict.fromkeys([place, place[1:], (1, *place), (1,) * len(place), place[-1:]])
        values: list[Any] = [0.7, *(np.array(array(*s)) for s in shapes)]
        cases += [
            (name, (x, index, v), (0, 2))
            for name in ("index_set", "index_add")
            for v in values
            if fits(x, index, v, name)
        ]
    return cases


def fits(x: np.ndarray, index: Any, value: Any, name: str) -> bool:
    """Whether NumPy takes the value (what is assigned may have leading axes of size 1, what is added may not)."""
    if name == "index_add" and x.ndim == 1 and 0 < np.ndim(value) < np.ndim(x[index]):
        return False  # np.add.at of NumPy 2.4 reads beyond the end of such a value
    try:
        TABLE[name].evaluate(x, index, value)
    except (ValueError, TypeError):
        return False
    return True


MORE: list[Case] = [
    *(("index_get", pair, (0,)) for pair in INDICES),
    # What has no derivative: of each direction, or of all of them.
    *(
        (n, (A23,), (0,))
        for n in ("shape", "ndim", "size", "dtype", "len", "np.floor", "np.sign", "np.isnan", "np.argsort")
    ),
    *(
        (n, (x,), (0,))
        for n in ("zeros_like", "zeros_if_defined", "copy", "identity")
        for x in ([0.5, A3], {"a": (A3, 1)}, None, 3)
    ),
    *(
        (n, (A23,), (0,))
        for n in ("np.zeros_like", "np.ones_like", "np.empty_like", "zeros_like", "np.all", "np.count_nonzero")
    ),
    *(
        (n, (A23, axis, keep), (0,))
        for n in ("np.argmax", "np.any")
        for axis, keep in ((0, False), (-1, True), (None, False))
    ),
    *((n, (A23, A3), (0, 1)) for n in ("less", "greater_equal", "equal", "not_equal", "floor_divide")),
    ("np.round", (A23, 2), (0,)),
    ("shape", (0.5,), (0,)),
    ("size", (0.5,), (0,)),
    ("len", ([0.5, A3],), (0,)),
    ("last_written", (A3, ROWS), (0,)),
    ("is_", (A3, None), (0,)),
    # Ranks that the shared cases leave out.
    *(("np.full_like", (x, 0.7, d), (0, 1)) for x in (single(2, 3), np.array([1, 2]), A23) for d in (None, "float32")),
    ("np.full_like", (A23, A3), (0, 1)),
    ("np.full", ((2, 3), 0.7, "float32"), (1,)),
    ("np.array", ([0.5, 0.6], "float32"), (0,)),
    ("np.array", ([[[0.5], [0.6]], [[0.5], [0.1]]],), (0,)),
    ("np.array", (((A3, A3), (A3, A3)),), (0,)),
    ("unpack", (A234, [[array(4)] * 3, [array(4)] * 3]), (0,)),
    ("unpack", (A23, ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))), (0,)),
    ("unpack", (A23, [(0.5, 0.5, 0.5), (0.5, 0.5, 0.5)]), (0,)),
    ("unpack", (A23, [A3, A3]), (0,)),
    ("tolist", (A3,), (0,)),
    ("tolist", (A234,), (0,)),
    ("item", (array(1, 1),), (0,)),
    ("item", (np.array(0.5),), (0,)),
    ("list", (A234,), (0,)),
    ("tuple", (A23,), (0,)),
    ("reversed", (A23,), (0,)),
    ("reversed", ((0.5, A3),), (0,)),
    ("T", (A234,), (0,)),
    ("T", (0.5,), (0,)),
    ("np.transpose", (A234,), (0,)),
    ("np.ravel", (0.5,), (0,)),
    ("np.reshape", (0.5, (1, 1)), (0,)),
    ("np.cumsum", (0.5,), (0,)),
    ("np.roll", (A3, 1), (0,)),
    ("np.flip", (0.5,), (0,)),
    ("np.flip", (A3,), (0,)),
    ("np.repeat", (A3, 2), (0,)),
    ("np.tile", (0.5, (2, 3)), (0,)),
    ("np.squeeze", (array(2, 1),), (0,)),
    ("np.squeeze", (A23,), (0,)),
    ("np.atleast_1d", (A3,), (0,)),
    ("np.atleast_2d", (0.5,), (0,)),
    ("np.atleast_2d", (A234,), (0,)),
    *(
        ("split_like", (g, parts, axis), (0, 1))
        for g, parts, axis in (
            (array(5, 3), (A23, array(3, 3)), 0),
            (array(3, 5), [array(3, 2), array(3, 3)], -1),
            (array(3, 3), (A3, A23), 0),
            (array(3, 3), (A3, array(3, 2)), 1),
            (array(2, 3), [A3, A3], 0),
            (array(2), [0.5, 0.6], 0),
            (array(2, 1), (0.5, 0.6), 0),
            (array(1, 2), (0.5, 0.6), 1),
        )
    ),
    *((n, (c([0.5, 0.6]),), (0,)) for n in ("np.vstack", "np.hstack", "np.column_stack") for c in (list, tuple)),
    *((n, (parts,), (0,)) for n in ("np.vstack", "np.hstack", "np.column_stack") for parts in (A23, A234)),
    ("np.hstack", ((0.5, A3),), (0,)),
    *(("np.concatenate", (A234, axis), (0,)) for axis in (0, -1, None)),
    ("np.concatenate", ((A3, A23), None), (0,)),
    ("np.concatenate", ((A3, np.array([1, 2])), 0), (0,)),
    *(("np.stack", (A23, axis), (0,)) for axis in (0, 1, -1)),
    *(
        ("unbroadcast", (g, x), (0, 1))
        for g, x in (
            (A23, array(1, 3)),
            (A23, array(2, 1)),
            (A234, array(3, 1)),
            (A3, array(2, 3)),
            (A3, array(1, 3)),
            (0.5, A3),
            (A3, A3),
            (A234, 0.5),
            (array(1, 3), A3),
        )
    ),
    ("spread_over", (A23, [A3, A3]), (0, 1)),
    ("spread_over", (A23, (A3, 0.5, A23)), (0, 1)),
    ("fold", ([A3, A3, A3, A3], [A3, A3]), (0, 1)),
    ("sum", ([A3, A3], A3), (0, 1)),
    ("sum", ([0.5, 0.6], A23), (0, 1)),
    ("sum", ((A3, A3), A23), (0, 1)),
    ("sum", (A23, A3), (0, 1)),
    ("add", ((0.5, 1), (A3,)), (0, 1)),
    ("make_list", (0.5, 1, 2.0), (0, 2)),
    ("make_tuple", (0.5, 1, None, [0.5, 0.6], (A3, 2), {"a": 0.5}), (0, 3, 4, 5)),
    ("append", ([1, 2], 0.5), (1,)),
    ("append", ([(0.5, A3)], (0.6, A3)), (0, 1)),
    ("index_set", ([0.5, 0.6, 0.7], slice(0, 2), [0.1, 0.2]), (0, 2)),
    ("index_set", ([1, 2], 0, 0.5), (2,)),
    ("index_get", ((0.5, 0.6), -1), (0,)),
    ("index_get", ([(0.5, 3), (0.6, 4)], 1), (0,)),
    ("accumulate", ((0.5, None, A3), (0.6, None, A3)), (0, 1)),
    ("accumulate", ({"a": 0.5, "b": A3}, {"a": 0.6, "b": A3}), (0, 1)),
    ("accumulate", (None, A3), (1,)),
    ("accumulate", (A3, None), (0,)),
    ("accumulate", (0.5, A3), (0, 1)),
    ("accumulate", (single(3), single(3)), (0, 1)),
    # Products.
    *(
        ("matmul", (array(*p), array(*q)), (0, 1))
        for p, q in (((3,), (2, 3, 4)), ((2, 4, 3), (3,)), ((1, 2, 3), (2, 3, 1)), ((3,), (5, 2, 3, 4)))
    ),
    ("np.outer", (A23, array(2, 2)), (0, 1)),
    ("np.outer", (0.5, A3), (0, 1)),
    ("np.vdot", (0.5, 0.6), (0, 1)),
    ("np.inner", (0.5, A23), (0, 1)),
    ("np.inner", (A234, array(2, 4)), (0, 1)),
    ("np.dot", (A234, array(4, 2)), (0, 1)),
    ("np.dot", (A234, array(4)), (0, 1)),
    ("np.einsum", ("ii->i", array(3, 3)), (1,)),
    ("np.einsum", ("kz, z", array(2, 3), A3), (1, 2)),
    *(("np.linalg.solve", (spd(2), array(2, n)), (0, 1)) for n in (1, 2)),
    ("np.linalg.solve", (np.stack([spd(2), spd(2), spd(2)]), array(3, 2, 2)), (0, 1)),
    *((n, (np.zeros((0, 3)),), (0,)) for n in ("np.sum", "np.cumsum", "T", "np.ravel", "np.flip", "negative")),
]


def stacks_of(case: Case) -> list[Combination]:
    # The number of elements of np.arange differs from direction to direction.
    return [c for c in combinations(case[1]) if case[0] != "np.arange" or not any(c[1:])]


THREE = ((3, True),)


def run_case(
    case: Case, mode: Mode, counts: tuple[tuple[int, bool], ...] = ((1, True), (3, True), (2, False))
) -> set[str]:
    """Check every combination of stacks; which primitives were done one direction after the other, if any."""
    name, operands, _ = case
    slow: set[str] = set()
    for combination in stacks_of(case):
        for count, fixed in counts:
            try:
                outcome = check(name, operands, combination, count, mode, fixed)
            except NoStack:
                assert name in REFUSED[mode], (name, operands)
            else:
                if any(isinstance(s, For) and s.item.name == "k" for s in outcome.statements):
                    slow.add(name)
    return slow


@pytest.mark.parametrize("case", [*CASES, *MORE], ids=name_of)
def test_stack(case: Case) -> None:
    """Every primitive, in one direction, in three, and in a number that is not known when the program is compiled."""
    assert run_case(case, "exact") <= ONE_BY_ONE


@pytest.mark.parametrize("index", INDICES, ids=lambda c: str(c[1])[:30].replace("\n", ""))
def test_write_through_index(index: tuple[np.ndarray, Any]) -> None:
    for case in written([index]):
        run_case(case, "exact")


@pytest.mark.parametrize("case", [*CASES, *MORE], ids=name_of)
def test_stack_of_symbolic_shape(case: Case) -> None:
    assert run_case(case, "symbols", THREE) <= ONE_BY_ONE | {"np.squeeze"}


@pytest.mark.parametrize("mode", ["rank", "unknown"])
@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_stack_of_unknown_rank(case: Case, mode: Mode) -> None:
    run_case(case, mode, THREE)


@pytest.mark.parametrize("case", INDICES, ids=lambda c: str(c[1])[:30])
def test_index_into_arrays_of_unknown_rank(case: tuple[np.ndarray, Any]) -> None:
    run_case(("index_get", case, (0,)), "rank", THREE)


def test_every_rule_has_a_case() -> None:
    covered = {name for name, _, _ in [*CASES, *MORE]}
    assert {p.name for p in differentiable_primitives()} <= covered
    # The others of the register carry no derivative or have no rule.
    without = {"np.linalg.eigh", "np.sinc", "invert", "bit_and", "bit_or", "bit_xor", "is_not"}
    left = {n for n in REGISTER if n not in covered and n not in without and not n.startswith("np.is")}
    assert left <= {p.name for p in TABLE.values() if has_zero_derivative(p)}


def test_what_is_done_one_by_one() -> None:
    """Nothing is in the list that has a form for all directions."""
    found: set[str] = set()
    for case in [*CASES, *MORE, *written(INDICES)]:
        if case[0] in ONE_BY_ONE - found:
            found |= run_case(case, "exact", THREE)
    assert found == ONE_BY_ONE


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_no_directions(case: Case) -> None:
    """An empty stack keeps its shape; what goes one direction after the other says that it has none."""
    name, operands, _ = case
    for combination in stacks_of(case):
        if name in REFUSED["exact"] or (name_of(case).endswith("-None") and name == "np.concatenate"):
            continue
        try:
            check(name, operands, combination, 0)
        except ValueError as error:
            assert name in ONE_BY_ONE, error
            assert "at least one array" in str(error)


def apply_of(name: str, *operands: Any) -> Apply:
    """One operation on values of the types, or the constants, that are given."""
    builder = Builder()
    values = [Value(o) if isinstance(o, Type) else o if isinstance(o, Value) else constant(o) for o in operands]
    builder.apply(TABLE[name], *values, name="y")
    made = builder.statements[-1]
    assert isinstance(made, Apply)
    return made


def along(name: str, *operands: Any, stacked: Combination, count: Any = 3) -> tuple[Builder, Value]:
    builder = Builder()
    apply = apply_of(name, *operands)
    used = [
        Value(stacked_type(o.type, count)) if flag else o
        for o, flag in zip(apply.operands, (*stacked, *(False,) * 9), strict=False)
    ]
    flags = (*stacked, *(False,) * (len(used) - len(stacked)))
    return builder, along_directions(builder, apply, used, flags, constant(count))


N = Symbol("n")
VECTOR, MATRIX = Array("float64", (N,)), Array("float64", (N, 3))


@pytest.mark.parametrize(
    ("name", "operands", "stacked", "expected"),
    [
        ("multiply", (FLOAT, MATRIX), (True, False), ["make_slice", "make_tuple", "index_get", "multiply"]),
        ("multiply", (MATRIX, VECTOR), (True, False), ["multiply"]),
        ("add", (VECTOR, FLOAT), (True, False), ["add"]),
        ("np.sum", (MATRIX,), (True,), ["make_tuple", "np.sum"]),
        ("np.sum", (FLOAT,), (True,), []),
        ("float", (FLOAT,), (True,), []),
        ("math.degrees", (FLOAT,), (True,), ["np.degrees"]),
        ("accumulate", (VECTOR, VECTOR), (True, True), ["accumulate"]),
        ("accumulate", (VECTOR, VECTOR), (True, False), ["add"]),
        ("matmul", (MATRIX, VECTOR), (False, True), ["T", "matmul"]),
        ("shape", (Array("float64", (2, 3)),), (True,), ["make_tuple"]),
        ("ndim", (MATRIX,), (True,), []),
        ("T", (VECTOR,), (True,), []),
        ("unbroadcast", (Array("float64", (5, N)), VECTOR), (True, False), ["np.sum"]),
    ],
)
def test_nothing_is_built_in_vain(
    name: str, operands: tuple[Any, ...], stacked: Combination, expected: list[str]
) -> None:
    builder, _ = along(name, *operands, stacked=stacked)
    assert [s.primitive.name for s in builder.statements if isinstance(s, Apply)] == expected


def test_result_keeps_name_and_shape() -> None:
    _, y = along("np.reshape", Array("float32", (N, 3)), Value(Opaque("shape")), stacked=(True,))
    assert (y.name, str(y.type)) == ("y", "float32[...]")
    _, y = along("index_get", Array("float32", (N, 3)), 0, stacked=(True,))
    assert (y.name, str(y.type)) == ("y", "float32[3, 3]")


@pytest.mark.parametrize(
    ("name", "operands", "stacked", "expected"),
    [
        ("add", (FLOAT, FLOAT), (False, True), True),
        ("add", (FLOAT, FLOAT), (False, False), False),
        ("less", (FLOAT, FLOAT), (True, False), True),
        ("shape", (VECTOR,), (True,), False),
        ("len", (List(FLOAT),), (True,), False),
        ("index_get", (Tuple((FLOAT, INT)), 0), (True, False), True),
        ("index_get", (Tuple((FLOAT, INT)), 1), (True, False), False),
        ("is_", (VECTOR, None), (True, False), False),
    ],
)
def test_result_is_stacked(name: str, operands: tuple[Any, ...], stacked: Combination, expected: bool) -> None:
    assert result_is_stacked(apply_of(name, *operands), stacked) is expected


@pytest.mark.parametrize(
    ("name", "operands"),
    [
        *((name, (FLOAT,)) for name in ("int", "bool", "str", "not_")),
        ("negative", (UNKNOWN,)),
        ("np.sum", (UNKNOWN,)),
        ("index_get", (UNKNOWN, 0)),
        ("make_tuple", (BOOL,)),
        ("append", (List(None), BOOL)),
        ("is_", (OBJECT, VECTOR)),
        ("shape", (List(FLOAT),)),
        ("unpack", (VECTOR, UNKNOWN)),
    ],
)
def test_refused(name: str, operands: tuple[Any, ...]) -> None:
    """What would have to be guessed, and what has no meaning for several directions."""
    apply = apply_of(name, *operands)
    flags = tuple(o.type in (FLOAT, UNKNOWN, BOOL, VECTOR, List(FLOAT)) and i < 2 for i, o in enumerate(apply.operands))
    values = [Value(Array("bool", (3,))) if o.type == BOOL else Value(stacked_type(o.type, 3)) for o in apply.operands]
    used = [v if flag else o for v, o, flag in zip(values, apply.operands, flags, strict=True)]
    with pytest.raises(NoStack, match=f"^{name} cannot stand for several directions at once: "):
        along_directions(Builder(), apply, used, flags, constant(3))


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize(
    ("x", "t"),
    [
        (0.5, FLOAT),
        (np.float32(0.5), FLOAT),
        (array(2, 3), Array("float64", (2, 3))),
        (single(3), Array("float32", (3,))),
        (np.array([1, 2]), Array("float64", (2,))),
        (np.zeros((0, 2)), Array("float64", (0, 2))),
        (np.array(0.5), Array("float64", ())),
        (array(3), Array("float64", None)),
        ([0.5, 0.6], List(FLOAT)),
        ([], List(None)),
        (([array(3)], 0.5, None, 3), Tuple((List(Array("float64", (3,))), FLOAT, NONE, INT))),
        ({"a": 0.5, "b": array(2)}, Dict((("a", FLOAT), ("b", Array("float64", (2,)))))),
        (3, INT),
        ("text", STR),
    ],
    ids=str,
)
def test_spread(x: Any, t: Type, count: int) -> None:
    """The value once for each direction, in memory of its own, with the dtype of one direction."""
    if t == Array("float64", None) and count == 0:
        return  # without a direction nothing is left that tells the shape
    tape = Tape()
    v = Value(Array("int64", x.shape) if isinstance(x, np.ndarray) and x.dtype.kind == "i" else t)
    tape.given[v] = x
    y = spread_directions(tape.builder, v, t, constant(count))
    content = run(as_program(tape, y), [x])[y]
    as_floats = (
        x.astype(t.dtype) if isinstance(x, np.ndarray) and isinstance(t, Array) else float(x) if t == FLOAT else x
    )
    assert_same(content, stack([as_floats] * count, as_floats, t))
    assert covers(stacked_type(t, count), content)
    for one, many in zip(arrays_in(x), arrays_in(content), strict=False):
        assert many.flags.writeable and not np.shares_memory(one, many)


def arrays_in(x: Any) -> list[np.ndarray]:
    match x:
        case np.ndarray():
            return [x]
        case list() | tuple():
            return [a for item in x for a in arrays_in(item)]
        case dict():
            return [a for item in x.values() for a in arrays_in(item)]
    return []


def test_spread_zeros_are_made_and_not_copied() -> None:
    builder = Builder()
    x = Value(VECTOR)
    zeros = builder.apply(TABLE["zeros_like"], x)
    spread_directions(builder, zeros, VECTOR, constant(3))
    spread_directions(builder, constant(0.0), FLOAT, constant(3))
    names = [s.primitive.name for s in builder.statements if isinstance(s, Apply)]
    assert names == ["zeros_like", "make_tuple", "shape", "add", "np.zeros", "np.zeros"]


def test_spread_refuses_what_it_does_not_know() -> None:
    with pytest.raises(NoStack, match="a value cannot stand for several directions at once"):
        spread_directions(Builder(), Value(UNKNOWN), UNKNOWN, constant(3))


def test_infinite_directions_do_not_spill() -> None:
    """The places beside a diagonal are zero whatever stands on it: a product with the identity would make them NaN."""
    tape = Tape()
    dx = Value(Array("float64", (2, 2)))
    tape.given[dx] = np.array([[np.inf, 1.0], [2.0, np.nan]])
    apply = apply_of("np.diag", Array("float64", (2,)))
    y = along_directions(tape.builder, apply, (dx, apply.operands[1]), (True, False), constant(2))
    expected = np.stack([np.diag(d) for d in tape.given[dx]])
    np.testing.assert_array_equal(run(as_program(tape, y), list(tape.given.values()))[y], expected)


def test_single_precision_stays() -> None:
    for name in ("np.sum", "np.mean", "np.cumsum", "T", "np.ravel", "negative", "np.full_like", "zeros_like"):
        operands = (single(2, 3), 0.5) if name == "np.full_like" else (single(2, 3),)
        outcome = check(name, operands, (True, *(False,) * (len(operands) - 1)), 3)
        assert outcome.content.dtype == np.float32, name
    assert check("matmul", (single(2, 3), single(3)), (False, True), 3).content.dtype == np.float32
    assert check("multiply", (single(2, 3), single(3)), (True, True), 3).content.dtype == np.float32
