"""The in-place pass: what is overwritten, what is copied, and that overwriting never shows."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srcdiff.ir.builder import Builder
from srcdiff.ir.core import (
    Apply,
    Block,
    Call,
    For,
    Function,
    If,
    Origin,
    Parameter,
    Program,
    Value,
    While,
    constant,
    walk,
)
from srcdiff.ir.interpret import interpret
from srcdiff.ir.text import to_text
from srcdiff.ir.types import FLOAT, INT, NONE, UNKNOWN, Array, List
from srcdiff.ir.verify import check
from srcdiff.optimize import optimize
from srcdiff.optimize.inplace import inplace
from srcdiff.optimize.plans import is_forced
from srcdiff.primitives.table import TABLE
from tests.ir_programs import MATRIX, VECTOR, arguments, mutate, random_program, same

X = np.array([1.0, 2.0, 3.0])


def program(block: Block, *others: Function) -> Program:
    return Program((*others, Function("f", tuple(map(Parameter, block.parameters)), block)))


def ran(before: Program, *contents: Any, derivative: bool = False) -> Program:
    """The program after the pass, which gives the same results when it really overwrites, and spares its arguments."""
    after = check(inplace(before, derivative=derivative), "the in-place pass")
    expected = interpret(before, contents)
    expected = expected if isinstance(expected, tuple) else (expected,)
    given = [c.copy() if isinstance(c, np.ndarray) else [*c] if isinstance(c, list) else c for c in contents]
    assert same(mutate(after, given), expected), to_text(after)
    assert same(given, list(contents)), to_text(after)
    return after


def shape_of(block: Block) -> list[Any]:
    """What the block does to its objects: copies and writes, loops as nested lists."""
    found: list[Any] = []
    for s in block.statements:
        if isinstance(s, Apply) and (s.primitive.name == "copy" or s.inplace or is_forced(s)):
            found.append(("in place " if s.inplace else "") + s.primitive.name)
        elif isinstance(s, For | While):
            found.append(shape_of(s.body))
        elif isinstance(s, If):
            found.append((shape_of(s.then), shape_of(s.orelse)))
    return found


def loop(
    b: Builder, initial: list[Value], body: Callable[..., tuple[list[Value], list[Value]]], trips: int = 2
) -> tuple[Value, ...]:
    inner = Builder(b.origin)
    item = inner.value(INT, "i")
    carried = [inner.value(v.type, v.name) for v in initial]
    following, collected = body(inner, item, *carried)
    results = [b.value(v.type, v.name) for v in following] + [b.value(List(v.type), "tape") for v in collected]
    block = inner.block((item, *carried), (*following, *collected))
    b.emit(For(b.apply(TABLE["range"], 0, trips, 1), tuple(initial), (), block, tuple(results)))
    return tuple(results)


def write(b: Builder, x: Value, i: object = 0, v: object = 9.0) -> Value:
    return b.apply(TABLE["index_set"], x, i, v, name=x.name)


@settings(max_examples=80)
@given(st.integers(0, 10**6), st.booleans())
def test_random_programs(seed: int, optimized: bool) -> None:
    before = random_program(random.Random(seed))
    if optimized:
        before = optimize(before)
    after = ran(before, *arguments())
    writes = [s for f in after.functions for s in walk(f.body) if isinstance(s, Apply) and is_forced(s)]
    assert all(s.inplace for s in writes)


def test_a_parameter_is_copied_once() -> None:
    b = Builder()
    x = b.value(VECTOR, "x")
    after = ran(program(b.block((x,), (write(b, write(b, x), 1),))), X)
    assert shape_of(after.main.body) == ["copy", "in place index_set", "in place index_set"]
    assert {v.name for s in after.main.body.statements for v in s.results} == {"x"}


def test_what_the_function_made_is_not_copied() -> None:
    b = Builder()
    x = b.value(VECTOR, "x")
    y = b.apply(TABLE["add"], x, 1.0, name="y")
    after = ran(program(b.block((x,), (write(b, y), x))), X)
    assert shape_of(after.main.body) == ["in place index_set"]


def test_both_the_array_and_its_update() -> None:
    b = Builder()
    x = b.value(VECTOR, "x")
    y = b.apply(TABLE["add"], x, 1.0, name="y")
    after = ran(program(b.block((x,), (write(b, y), y))), X)
    assert shape_of(after.main.body) == ["copy", "in place index_set"]


@pytest.mark.parametrize("alias", ["identity", "T", "index_get", "list", "tuple"])
def test_an_alias_that_is_read_later(alias: str) -> None:
    b = Builder()
    m = b.value(MATRIX, "m")
    y = b.apply(TABLE["add"], m, 1.0, name="y")
    match alias:
        case "index_get":
            seen = b.apply(TABLE["index_get"], y, 0)
        case "list":
            seen = b.apply(TABLE["make_list"], y)
        case "tuple":
            seen = b.apply(TABLE["make_tuple"], 1.0, y)
        case _:
            seen = b.apply(TABLE[alias], y)
    after = ran(program(b.block((m,), (write(b, y), seen))), np.ones((2, 3)))
    assert shape_of(after.main.body) == ["copy", "in place index_set"]


def test_a_view_is_never_written_to() -> None:
    b = Builder()
    m = b.value(MATRIX, "m")
    y = b.apply(TABLE["add"], m, 1.0, name="y")
    turned = b.apply(TABLE["T"], y)
    after = ran(program(b.block((m,), (write(b, turned),))), np.ones((2, 3)))
    assert shape_of(after.main.body) == ["copy", "in place index_set"]


def test_a_write_in_a_loop_copies_before_the_loop() -> None:
    b = Builder()
    x = b.value(VECTOR, "x")
    (y,) = loop(b, [x], lambda inner, i, s: ([write(inner, s, i, 1.0)], []))
    assert shape_of(ran(program(b.block((x,), (y,))), X).main.body) == ["copy", ["in place index_set"]]


def test_a_write_in_nested_loops_and_branches_copies_before_all_of_them() -> None:
    b = Builder()
    x, w = b.value(VECTOR, "x"), b.value(FLOAT, "w")

    def branch(inner: Builder, i: Value, s: Value) -> tuple[list[Value], list[Value]]:
        then, r = Builder(), inner.value(VECTOR, "x")
        condition = inner.apply(TABLE["greater"], w, 0.0)
        inner.emit(If(condition, then.block((), (write(then, s, i, w),)), Block((), (), (s,)), (r,)))
        return [r], []

    (y,) = loop(b, [x], lambda outer, i, s: ([loop(outer, [s], branch)[0]], []))
    after = ran(program(b.block((x, w), (y,))), X, 4.0)
    assert shape_of(after.main.body) == ["copy", [[(["in place index_set"], [])]]]


def test_a_fresh_array_is_handed_into_the_loop() -> None:
    b = Builder()
    n = b.value(INT, "n")
    y = b.apply(TABLE["np.zeros"], 3, name="y")
    (z,) = loop(b, [y], lambda inner, i, s: ([write(inner, s, i, 1.0)], []))
    assert shape_of(ran(program(b.block((n,), (z,))), 3).main.body) == [["in place index_set"]]


def test_an_initial_value_that_is_read_after_the_loop() -> None:
    b = Builder()
    n = b.value(INT, "n")
    y = b.apply(TABLE["np.zeros"], 3, name="y")
    (z,) = loop(b, [y], lambda inner, i, s: ([write(inner, s, i, 1.0)], []))
    assert shape_of(ran(program(b.block((n,), (z, y))), 3).main.body) == ["copy", ["in place index_set"]]


def test_two_carried_values_that_begin_as_one() -> None:
    b = Builder()
    n = b.value(INT, "n")
    y = b.apply(TABLE["np.zeros"], 3, name="y")

    def body(inner: Builder, i: Value, s: Value, t: Value) -> tuple[list[Value], list[Value]]:
        return [write(inner, s, i, 1.0), write(inner, t, i, 2.0)], []

    after = ran(program(b.block((n,), loop(b, [y, y], body))), 3)
    assert shape_of(after.main.body) == ["copy", ["in place index_set", "in place index_set"]]


def test_two_carried_values_that_change_places() -> None:
    b = Builder()
    n = b.value(INT, "n")
    initial = [b.apply(TABLE["np.zeros"], 3, name="y"), b.apply(TABLE["np.ones"], 3, name="z")]
    ran(program(b.block((n,), loop(b, initial, lambda inner, i, s, t: ([t, write(inner, s, 0, 5.0)], []), 5))), 3)


@pytest.mark.parametrize("after_write", [False, True])
def test_a_tape_keeps_what_it_was_given(after_write: bool) -> None:
    b = Builder()
    n = b.value(INT, "n")
    y = b.apply(TABLE["np.zeros"], 3, name="y")

    def body(inner: Builder, i: Value, s: Value) -> tuple[list[Value], list[Value]]:
        t = write(inner, s, i, 1.0)
        return [t], [t if after_write else s]

    after = ran(program(b.block((n,), loop(b, [y], body, 3))), 3)
    assert shape_of(after.main.body) == [["copy", "in place index_set"]]


def test_a_tape_of_arrays_that_each_iteration_makes() -> None:
    b = Builder()
    x = b.value(VECTOR, "x")

    def body(inner: Builder, i: Value, s: Value) -> tuple[list[Value], list[Value]]:
        t = write(inner, inner.apply(TABLE["multiply"], s, 2.0, name="t"), i, 1.0)
        return [inner.apply(TABLE["add"], s, t, name="s")], [t]

    assert shape_of(ran(program(b.block((x,), loop(b, [x], body, 3))), X).main.body) == [["in place index_set"]]


def test_what_is_taken_from_a_tape_may_be_there_twice() -> None:
    b = Builder()
    x = b.value(VECTOR, "x")
    y = b.apply(TABLE["add"], x, 1.0, name="y")
    s, tape = loop(b, [x], lambda inner, i, s: ([s], [y]), 3)
    inner = Builder()
    none, t, item, out = inner.value(NONE), inner.value(VECTOR, "t"), inner.value(VECTOR), b.value(VECTOR, "t")
    added = inner.apply(TABLE["add"], t, inner.apply(TABLE["index_add"], item, 0, 1.0))
    b.emit(For(None, (s,), (tape,), inner.block((none, t, item), (added,)), (out,)))
    ran(program(b.block((x,), (out,))), X)


def test_the_condition_of_a_while_leaves_what_the_loop_returns() -> None:
    b, test, body = Builder(), Builder(), Builder()
    n = b.value(INT, "n")
    y = b.apply(TABLE["np.zeros"], 3, name="y")
    seen, s, out = test.value(VECTOR, "y"), body.value(VECTOR, "y"), b.value(VECTOR, "y")
    go_on = test.apply(TABLE["less"], test.apply(TABLE["np.sum"], write(test, seen, 0, 5.0)), 3.0)
    b.emit(While(test.block((seen,), (go_on,)), (y,), body.block((s,), (body.apply(TABLE["np.ones"], 3),)), (out,)))
    ran(program(b.block((n,), (out,))), 1)


def test_appending_in_a_loop_does_not_copy_the_list() -> None:
    b = Builder()
    x = b.value(VECTOR, "x")
    items = b.apply(TABLE["make_list"], x, name="items")

    def body(inner: Builder, i: Value, s: Value) -> tuple[list[Value], list[Value]]:
        last = inner.apply(TABLE["index_get"], s, -1)
        return [inner.apply(TABLE["append"], s, inner.apply(TABLE["multiply"], last, 2.0), name="items")], []

    (y,) = loop(b, [items], body)
    assert shape_of(ran(program(b.block((x,), (y,))), X).main.body) == [["in place append"]]


def test_a_list_that_is_put_into_itself() -> None:
    b = Builder()
    x = b.value(FLOAT, "x")
    items = b.apply(TABLE["make_list"], x, name="items")
    pushed = b.apply(TABLE["append"], Value(UNKNOWN, "items"), 1.0)
    before = b.statements.pop()
    assert isinstance(before, Apply)
    pushed = Value(UNKNOWN, "items")
    b.emit(Apply(before.primitive, (items, items), pushed))
    ran(program(b.block((x,), (pushed,))), 1.0)


def test_an_element_read_after_pop_is_read_before() -> None:
    b = Builder()
    x = b.value(FLOAT, "x")
    items = b.apply(TABLE["make_list"], x, x, name="items")
    shorter = b.apply(TABLE["drop_last"], items, name="items")
    last = b.apply(TABLE["index_get"], items, -1)
    assert shape_of(ran(program(b.block((x,), (shorter, last))), 2.0).main.body) == ["in place drop_last"]


def test_a_read_does_not_move_across_an_effect() -> None:
    from srcdiff.ir.core import Effect
    from srcdiff.optimize.schedule import reads_first

    b = Builder()
    items = b.value(List(FLOAT), "items")
    shorter = b.apply(TABLE["drop_last"], items)
    b.emit(Effect("print", (shorter,)))
    last = b.apply(TABLE["index_get"], items, -1)
    block = b.block((items,), (shorter, last))
    assert [type(s).__name__ for s in reads_first(block).statements] == ["Apply", "Effect", "Apply"]


# -- sums -------------------------------------------------------------------------------------------------------------


def test_adjoints_are_added_in_place() -> None:
    b = Builder(Origin(1, role="adjoint"))
    x = b.value(VECTOR, "x")
    bx = b.apply(TABLE["multiply"], x, 2.0, name="bx")
    total = b.apply(TABLE["accumulate"], bx, x, name="bx")
    assert shape_of(ran(program(b.block((x,), (total,))), X).main.body) == ["in place accumulate"]


def test_an_adjoint_that_two_names_share_is_not_added_to() -> None:
    b = Builder(Origin(1, role="adjoint"))
    x = b.value(VECTOR, "x")
    by = b.apply(TABLE["multiply"], x, 2.0, name="by")
    total = b.apply(TABLE["accumulate"], by, x, name="bx")
    after = ran(program(b.block((x,), (total, by))), X)
    assert shape_of(after.main.body) == []


def test_sums_in_a_loop() -> None:
    b = Builder(Origin(1, role="adjoint"))
    x = b.value(VECTOR, "x")
    zeros = b.apply(TABLE["zeros_like"], x, name="bx")

    def body(inner: Builder, i: Value, s: Value) -> tuple[list[Value], list[Value]]:
        return [inner.apply(TABLE["accumulate"], s, inner.apply(TABLE["multiply"], s, x), name="bx")], []

    for start, expected in ((zeros, [["in place accumulate"]]), (x, [[], "copy"])):
        fresh = Builder(b.origin)
        fresh.statements = [s for s in b.statements[:1] if start is zeros]
        (y,) = loop(fresh, [start], body)
        assert shape_of(ran(program(fresh.block((x,), (y,))), X, derivative=True).main.body) == expected


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_sum_keeps_its_dtype(dtype: str) -> None:
    b = Builder(Origin(1, augmented=True))
    kind = Array(dtype, (3,))
    x, w = b.value(kind, "x"), b.value(FLOAT, "w")
    y = b.apply(TABLE["add"], x, 1.0, name="y")
    z = b.apply(TABLE["multiply"], y, w, name="y")
    if z.type != kind:
        return
    after = check(inplace(program(b.block((x, w), (z,)))))
    # A NumPy number of double precision would make an array of single precision double.
    assert shape_of(after.main.body) == (["in place multiply"] if dtype == "float64" else [])


# -- calls and results ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("returns", "expected"), [("fresh", []), ("parameter", ["copy"]), ("view", ["copy"])])
def test_what_a_call_returns(returns: str, expected: list[str]) -> None:
    g = Builder()
    a = g.value(MATRIX, "a")
    result = {
        "fresh": lambda: g.apply(TABLE["add"], a, 1.0),
        "parameter": lambda: a,
        "view": lambda: g.apply(TABLE["T"], a),
    }
    helper = Function("g", (Parameter(a),), g.block((a,), (result[returns](),)))
    b = Builder()
    x, y = b.value(MATRIX, "x"), b.value(helper.body.results[0].type, "y")
    b.emit(Call("g", (x,), (y,)))
    after = ran(program(b.block((x,), (write(b, y),)), helper), np.ones((2, 3)))
    assert shape_of(after.main.body) == [*expected, "in place index_set"]


def test_a_call_that_returns_one_array_twice() -> None:
    g = Builder()
    a = g.value(VECTOR, "a")
    made = g.apply(TABLE["add"], a, 1.0)
    helper = Function("g", (Parameter(a),), g.block((a,), (made, made)))
    b = Builder()
    x, y, z = b.value(VECTOR, "x"), b.value(VECTOR, "y"), b.value(VECTOR, "z")
    b.emit(Call("g", (x,), (y, z)))
    ran(program(b.block((x,), (write(b, y), z)), helper), X)


def test_derivatives_are_objects_of_their_own() -> None:
    b = Builder(Origin(1, role="adjoint"))
    x = Value(VECTOR, "x")
    bx = b.apply(TABLE["multiply"], x, 2.0, name="bx")
    view = b.apply(TABLE["np.broadcast_to"], 1.0, 3, name="bz")
    b.statements[-1] = Apply(TABLE["np.broadcast_to"], b.statements[-1].operands, Value(VECTOR, "bz", b.origin))  # type: ignore[union-attr]
    view = b.statements[-1].results[0]
    pair = b.apply(TABLE["make_tuple"], bx, bx, view)
    seed = Value(VECTOR, "by", b.origin)
    after = ran(program(b.block((x, seed), (x, pair, seed))), X, X + 1, derivative=True)
    assert shape_of(after.main.body) == ["copy", "copy"]
    applied = [s.primitive.name for s in after.main.body.statements if isinstance(s, Apply)]
    assert applied == ["multiply", "copy", "np.full", "make_tuple", "copy"]  # no read-only view
    assert after.main.body.results[0] is x  # what the function returned itself is not ours to copy


def test_programs_of_numbers_are_left_as_they_are() -> None:
    b = Builder()
    x = b.value(FLOAT, "x")
    before = program(b.block((x,), (b.apply(TABLE["add"], x, constant(1.0)),)))
    assert inplace(before).main is before.main
