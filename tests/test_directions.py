"""Every primitive on stacks of directions, against the same primitive in one direction after the other."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pytest

from srcdiff.emit.python import emit
from srcdiff.ir.builder import Builder
from srcdiff.ir.core import Apply, Constant, For, Function, Parameter, Program, Value, constant
from srcdiff.ir.imports import Imports
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
from srcdiff.optimize import optimize
from srcdiff.optimize.inplace import inplace
from srcdiff.primitives.directions import NoStack, along_directions, result_is_stacked, spread_directions, stacked_type
from srcdiff.primitives.directions_core import REGISTER
from srcdiff.primitives.rules import has_zero_derivative
from srcdiff.primitives.table import TABLE
from tests.direction_cases import INDICES, MORE, written
from tests.direction_checks import (
    Combination,
    as_program,
    assert_same,
    check,
    combinations,
    name_of,
    run,
    stack,
)
from tests.rule_cases import CASES, gathered, stacks_refused
from tests.rule_cases.operands import Case, array, single
from tests.rule_checks import MODES, Mode, Tape, covers, differentiable_primitives

ONE_BY_ONE = gathered("ONE_BY_ONE")
"""What is done one direction after the other where ranks are known, at least for some operands."""

REFUSED: dict[Mode, set[str]] = {mode: stacks_refused(mode) for mode in MODES}
"""What may be refused."""


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
    without = {"np.sinc", "invert", "bit_and", "bit_or", "bit_xor", "is_not"}
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
    assert names == ["zeros_like", "shape", "index_get", "make_tuple", "np.zeros", "np.zeros"]


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


PRINTED: list[tuple[str, tuple[Any, ...], Combination, str]] = [
    ("multiply", (FLOAT, MATRIX), (True, False), "da[:, None, None] * b"),
    ("divide", (MATRIX, VECTOR), (False, True), "a / db[:, None]"),
    ("np.sum", (MATRIX,), (True,), "np.sum(da, axis=(1, 2))"),
    ("np.mean", (MATRIX, 0, True), (True,), "np.mean(da, axis=1, keepdims=True)"),
    ("matmul", (MATRIX, VECTOR), (False, True), "db @ a.T"),
    ("np.outer", (VECTOR, VECTOR), (True, False), "da[:, :, None] * b"),
    ("np.linalg.solve", (MATRIX, VECTOR), (False, True), "np.linalg.solve(a, db.T).T"),
    ("np.linalg.solve", (MATRIX, VECTOR), (True, False), "np.linalg.solve(da, b[None, :, None])[..., 0]"),
    ("np.einsum", ("ij,jk->ik", MATRIX, MATRIX), (False, True, False), 'np.einsum("zij,jk->zik", db, c)'),
    ("index_get", (MATRIX, 1), (True,), "da[:, 1]"),
    ("np.reshape", (VECTOR, -1), (True,), "np.reshape(da, (3, -1))"),
    ("T", (MATRIX,), (True,), "np.swapaxes(da, -1, -2)"),
    ("np.diag", (MATRIX,), (True,), "np.diagonal(da, axis1=1, axis2=2)"),
    ("np.full_like", (MATRIX, FLOAT), (False, True), "np.full((3, a.shape[0], 3), db[:, None, None])"),
    ("np.array", (List(FLOAT),), (True,), "np.stack(da, axis=1)"),
    ("make_tuple", (FLOAT, VECTOR), (True, False), "(da, np.tile(b, (3, 1)))"),
    ("math.erf", (FLOAT,), (True,), "np.array([math.erf(da[k]) for k in range(3)])"),
]


@pytest.mark.parametrize(("name", "operands", "stacked", "text"), PRINTED, ids=[p[3] for p in PRINTED])
def test_what_is_printed(name: str, operands: tuple[Any, ...], stacked: Combination, text: str) -> None:
    """NumPy as a person writes it."""
    apply = apply_of(name, *(Value(o, c) if isinstance(o, Type) else o for o, c in zip(operands, "abc", strict=False)))
    flags = (*stacked, *(False,) * (len(apply.operands) - len(stacked)))
    builder = Builder()
    used = [
        Value(stacked_type(o.type, 3), f"d{o.name}") if flag else o
        for o, flag in zip(apply.operands, flags, strict=True)
    ]
    y = along_directions(builder, apply, used, flags, constant(3))
    parameters = tuple(v for v in used if not isinstance(v, Constant))
    program = Program((Function("f", tuple(map(Parameter, parameters)), builder.block(parameters, (y,))),))
    assert ast.unparse(ast.parse(text)) in ast.unparse(ast.parse(emit(inplace(optimize(program)), Imports())))


def test_axes_are_printed_where_they_are_read() -> None:
    """Common subexpressions share the tuple; it stays what two calls say."""
    builder = Builder()
    da, db = Value(Array("float64", (3, N, N)), "da"), Value(Array("float64", (3, N, N)), "db")
    axes = builder.apply(TABLE["make_tuple"], 1, 2)
    sums = [builder.apply(TABLE["np.sum"], v, axes, False) for v in (da, db)]
    body = builder.block((da, db), (builder.apply(TABLE["make_tuple"], *sums),))
    text = emit(Program((Function("f", (Parameter(da), Parameter(db)), body),)), Imports())
    assert "return np.sum(da, axis=(1, 2)), np.sum(db, axis=(1, 2))" in text
