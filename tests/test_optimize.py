"""The optimising passes: what each removes, what each leaves alone, and that numbers never change."""

from __future__ import annotations

import math
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
    Effect,
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
from srcdiff.ir.types import BOOL, FLOAT, INT, NONE, UNKNOWN, Array, List, Symbol, Type
from srcdiff.ir.verify import check, verify
from srcdiff.optimize import PASSES, optimize
from srcdiff.optimize.cse import cse
from srcdiff.optimize.dce import dce
from srcdiff.optimize.hoist import hoist
from srcdiff.optimize.simplify import simplify
from srcdiff.primitives.table import TABLE
from tests.ir_programs import arguments, random_program, same

ADJOINT = Origin(1, role="adjoint")
VECTOR = Array("float64", (Symbol("n"),))


def program(block: Block, *others: Function) -> Program:
    return Program((*others, Function("f", tuple(map(Parameter, block.parameters)), block)))


def names(p: Program) -> list[str]:
    """The primitives that the main function applies, outer before inner."""
    return [s.primitive.name for s in walk(p.main.body) if isinstance(s, Apply)]


def statement(p: Program, kind: type) -> Any:
    return next(s for s in walk(p.main.body) if isinstance(s, kind))


# -- every pass on random programs ------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.integers(0, 10**6))
def test_no_pass_changes_a_number(seed: int) -> None:
    before = random_program(random.Random(seed))
    expected = interpret(before, arguments())
    for name, run in PASSES:
        before = check(run(before), name)
        assert same(interpret(before, arguments()), expected), f"{name} changed a result of\n{to_text(before)}"
    assert same(interpret(check(optimize(before)), arguments()), expected)


def test_only_the_passes_asked_for_run() -> None:
    b = Builder(ADJOINT)
    x = b.value(FLOAT, "x")
    b.apply(TABLE["negative"], x)
    p = program(b.block((x,), (b.apply(TABLE["multiply"], 1.0, x),)))
    assert names(optimize(p, only=["dce"])) == ["multiply"]
    assert names(optimize(p, only=["simplify"])) == ["negative"]
    assert names(optimize(p, only=())) == ["negative", "multiply"]
    assert names(optimize(p)) == []


# -- dead code --------------------------------------------------------------------------------------------------------


def loop(b: Builder, n: Value, initial: list[Value], body: Callable[..., tuple[list[Value], list[Value]]]) -> For:
    """`for i in range(n)`, carrying as many values as there are initial ones."""
    inner = Builder(b.origin)
    item = inner.value(INT, "i")
    carried = [inner.value(v.type, v.name) for v in initial]
    following, collected = body(inner, item, *carried)
    results = [b.value(v.type, v.name) for v in following] + [b.value(List(v.type), "tape") for v in collected]
    block = inner.block((item, *carried), (*following, *collected))
    made = For(b.apply(TABLE["range"], 0, n, 1), tuple(initial), (), block, tuple(results), b.origin)
    b.emit(made)
    return made


def test_a_carried_value_that_only_computes_itself_is_dead() -> None:
    b = Builder()
    n, x = b.value(INT, "n"), b.value(FLOAT, "x")

    def body(inner: Builder, i: Value, s: Value, t: Value, u: Value) -> tuple[list[Value], list[Value]]:
        u_next = inner.apply(TABLE["add"], u, t)
        t_next = inner.apply(TABLE["multiply"], t, u)
        return [inner.apply(TABLE["multiply"], s, x), t_next, u_next], [s, t]

    made = loop(b, n, [x, x, x], body)
    after = check(dce(program(b.block((n, x), made.results[:1]))))
    assert names(after) == ["range", "multiply"]
    assert len(statement(after, For).initial) == len(statement(after, For).results) == 1


def test_a_list_that_nothing_zips_is_not_collected() -> None:
    b = Builder()
    n, x = b.value(INT, "n"), b.value(FLOAT, "x")

    def body(inner: Builder, i: Value, s: Value) -> tuple[list[Value], list[Value]]:
        sine = inner.apply(TABLE["math.sin"], s)
        return [inner.apply(TABLE["multiply"], s, x)], [sine, s]

    made = loop(b, n, [x], body)
    inner = Builder()
    none, t, sine, s = inner.value(NONE), inner.value(FLOAT, "t"), inner.value(FLOAT), inner.value(FLOAT)
    total = b.value(FLOAT, "t")
    back = inner.block((none, t, sine, s), (inner.apply(TABLE["add"], t, s),))
    b.emit(For(None, (constant(0.0),), made.results[1:], back, (total,)))
    after = check(dce(program(b.block((n, x), (total,)))))
    assert "math.sin" not in names(after)
    first, second = (s for s in walk(after.main.body) if isinstance(s, For))
    assert len(first.collected) == len(second.zipped) == 1
    assert interpret(after, (3, 2.0)) == 2.0 + 4.0 + 8.0


def test_a_loop_that_only_its_lists_drive_keeps_one() -> None:
    b = Builder()
    n, x = b.value(INT, "n"), b.value(FLOAT, "x")
    vector = b.value(VECTOR, "v")
    made = loop(b, n, [x], lambda inner, i, s: ([inner.apply(TABLE["multiply"], s, x)], [vector, s]))
    inner = Builder()
    none, t, v, s = inner.value(NONE), inner.value(FLOAT, "t"), inner.value(VECTOR), inner.value(FLOAT)
    count = b.value(FLOAT, "t")
    back = inner.block((none, t, v, s), (inner.apply(TABLE["add"], t, 1.0),))
    b.emit(For(None, (constant(0.0),), made.results[1:], back, (count,)))
    after = check(dce(program(b.block((n, x, vector), (count,)))))
    assert statement(after, For).results[-1].type == List(FLOAT)  # the cheaper one
    assert interpret(after, (3, 2.0, np.zeros(2))) == 3.0


def test_effects_stay_and_so_does_what_they_stand_in() -> None:
    b, inner, then = Builder(), Builder(), Builder()
    n, x, i = b.value(INT, "n"), b.value(FLOAT, "x"), b.value(INT, "i")
    condition = inner.apply(TABLE["greater"], i, 1)
    then.emit(Effect("print", (then.apply(TABLE["negative"], x),)))
    inner.emit(If(condition, then.block((), ()), Block((), (), ()), ()))
    inner.apply(TABLE["math.sin"], x)
    b.emit(For(b.apply(TABLE["range"], 0, n, 1), (), (), inner.block((i,), ()), ()))
    after = check(dce(program(b.block((n, x), (x,)))))
    assert names(after) == ["range", "greater", "negative"]


def helper_program(with_effect: bool) -> Program:
    g = Builder()
    a, unused, k = g.value(FLOAT, "a"), g.value(FLOAT, "unused"), g.value(FLOAT, "k")
    if with_effect:
        g.emit(Effect("print", (a,)))
    square = g.apply(TABLE["multiply"], a, a)
    sine = g.apply(TABLE["math.sin"], k)
    helper = Function("g", tuple(map(Parameter, (a, unused, k))), g.block((a, unused, k), (square, sine)))
    dead = Function("dead", (), Block((), (), (constant(1.0),)))
    b = Builder()
    x = b.value(FLOAT, "x")
    y, z = b.value(FLOAT, "y"), b.value(FLOAT, "z")
    b.emit(Call("g", (x, b.apply(TABLE["negative"], x), b.apply(TABLE["math.cos"], x)), (y, z)))
    return program(b.block((x,), (y,)), dead, helper)


def test_results_and_parameters_of_helpers_that_nobody_uses_go() -> None:
    after = check(dce(helper_program(False)))
    assert [f.name for f in after.functions] == ["g", "f"]
    assert [p.value.name for p in after["g"].parameters] == ["a"]
    assert len(after["g"].body.results) == len(statement(after, Call).results) == 1
    assert names(after) == []
    assert interpret(after, (3.0,)) == 9.0


def test_a_call_whose_results_are_dead_goes_unless_it_has_an_effect(capsys: pytest.CaptureFixture[str]) -> None:
    for with_effect in (False, True):
        p = helper_program(with_effect)
        main = p.main
        block = Block(main.body.parameters, main.body.statements, main.body.parameters)
        p = Program((*p.functions[:-1], Function("f", main.parameters, block)))
        after = check(dce(p))
        assert [f.name for f in after.functions] == (["g", "f"] if with_effect else ["f"])
        assert interpret(after, (3.0,)) == 3.0
    assert capsys.readouterr().out == "3.0\n"


def test_recursion_keeps_what_it_needs() -> None:
    g = Builder()
    n, a, waste = g.value(INT, "n"), g.value(FLOAT, "a"), g.value(FLOAT, "waste")
    then = Builder()
    inner, lost = then.value(FLOAT), then.value(FLOAT)
    less = then.apply(TABLE["subtract"], n, 1)
    then.emit(Call("g", (less, a, then.apply(TABLE["negative"], waste)), (inner, lost)))
    product = then.apply(TABLE["multiply"], inner, a)
    r, q = g.value(FLOAT), g.value(FLOAT)
    more = g.apply(TABLE["greater"], n, 0)
    g.emit(If(more, then.block((), (product, lost)), Block((), (), (constant(1.0), waste)), (r, q)))
    helper = Function("g", tuple(map(Parameter, (n, a, waste))), g.block((n, a, waste), (r, q)))
    b = Builder()
    m, x, y, z = b.value(INT, "m"), b.value(FLOAT, "x"), b.value(FLOAT, "y"), b.value(FLOAT, "z")
    b.emit(Call("g", (m, x, x), (y, z)))
    after = check(dce(program(b.block((m, x), (y,)), helper)))
    assert [p.value.name for p in after["g"].parameters] == ["n", "a"]
    assert interpret(after, (3, 2.0)) == 8.0


def test_the_main_function_keeps_its_signature() -> None:
    b = Builder()
    x, y = b.value(FLOAT, "x"), b.value(FLOAT, "y")
    after = dce(program(b.block((x, y), (x, constant(1.0)))))
    assert len(after.main.parameters) == len(after.main.body.results) == 2


# -- common subexpressions --------------------------------------------------------------------------------------------


def test_what_was_computed_before_the_branch_is_not_computed_in_it() -> None:
    b, then, orelse = Builder(ADJOINT), Builder(ADJOINT), Builder(ADJOINT)
    x, r = b.value(FLOAT, "x"), b.value(FLOAT, "r")
    outer = b.apply(TABLE["math.sin"], x)
    first = then.apply(TABLE["add"], then.apply(TABLE["math.sin"], x), then.apply(TABLE["math.exp"], x))
    second = orelse.apply(TABLE["math.exp"], x)
    condition = b.apply(TABLE["greater"], outer, 0.0)
    b.emit(If(condition, then.block((), (first,)), orelse.block((), (second,)), (r,)))
    assert names(check(cse(program(b.block((x,), (r,)))))) == ["math.sin", "greater", "math.exp", "add", "math.exp"]


@pytest.mark.parametrize("maker", ["np.zeros", "make_list", "copy", "zeros_like"])
def test_objects_to_be_written_to_are_not_shared(maker: str) -> None:
    b = Builder(ADJOINT)
    x = b.value(VECTOR, "x")
    operand = 3 if maker == "np.zeros" else x
    pair = b.apply(TABLE["make_tuple"], b.apply(TABLE[maker], operand), b.apply(TABLE[maker], operand))
    assert names(cse(program(b.block((x,), (pair,))))).count(maker) == 2


def test_constants_are_told_apart_by_type_and_sign() -> None:
    b = Builder(ADJOINT)
    x = b.value(FLOAT, "x")
    parts = [b.apply(TABLE["divide"], x, c) for c in (0.0, -0.0, 0, False, 0.0)]
    after = cse(program(b.block((x,), parts)))
    assert names(after).count("divide") == 4
    assert after.main.body.results[4] is after.main.body.results[0]


def test_the_statements_of_the_user_stay() -> None:
    b = Builder()
    x = b.value(FLOAT, "x")
    a = b.apply(TABLE["math.sin"], x, name="a")
    c = b.apply(TABLE["math.sin"], x, name="c")
    assert names(cse(program(b.block((x,), (a, c))))) == ["math.sin", "math.sin"]


# -- simplification ---------------------------------------------------------------------------------------------------

FLOATS = [0.0, -0.0, 1.5, -2.0, math.inf, -math.inf, math.nan]


def simplified(build: Callable[[Builder, Value, Value], Value], t: Type = FLOAT, u: Type = FLOAT) -> Program:
    b = Builder(ADJOINT)
    x, y = Value(t, "x"), Value(u, "y")
    before = program(b.block((x, y), (build(b, x, y),)))
    after = check(dce(simplify(before)))
    for p in FLOATS:
        for q in FLOATS:
            if t == u == FLOAT:
                with np.errstate(all="ignore"):
                    one, two = (str(interpret(k, (np.float64(p), np.float64(q)))) for k in (before, after))
                # A first contribution is not added to zero: only the sign of a zero may differ.
                assert one.replace("-0.0", "0.0") == two.replace("-0.0", "0.0")
    return after


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda b, x, y: b.apply(TABLE["multiply"], 1.0, x), []),
        (lambda b, x, y: b.apply(TABLE["multiply"], x, 1.0), []),
        (lambda b, x, y: b.apply(TABLE["multiply"], x, -1.0), ["negative"]),
        (lambda b, x, y: b.apply(TABLE["divide"], x, 1.0), []),
        (lambda b, x, y: b.apply(TABLE["power"], x, 1), []),
        (lambda b, x, y: b.apply(TABLE["negative"], b.apply(TABLE["negative"], x)), []),
        (lambda b, x, y: b.apply(TABLE["add"], x, b.apply(TABLE["negative"], y)), ["subtract"]),
        (lambda b, x, y: b.apply(TABLE["add"], b.apply(TABLE["negative"], y), x), ["subtract"]),
        (lambda b, x, y: b.apply(TABLE["subtract"], x, b.apply(TABLE["negative"], y)), ["add"]),
        (lambda b, x, y: b.apply(TABLE["accumulate"], 0.0, x), []),
        (lambda b, x, y: b.apply(TABLE["accumulate"], x, x), ["multiply"]),
        (lambda b, x, y: b.apply(TABLE["multiply"], 0.0, x), ["multiply"]),
        (lambda b, x, y: b.apply(TABLE["multiply"], b.apply(TABLE["multiply"], 2.0, 3.0), x), ["multiply"]),
        (lambda b, x, y: b.apply(TABLE["subtract"], x, x), ["subtract"]),
        (lambda b, x, y: b.apply(TABLE["divide"], x, x), ["divide"]),
        (lambda b, x, y: b.apply(TABLE["index_get"], b.apply(TABLE["make_tuple"], x, y), -1), []),
        (lambda b, x, y: b.apply(TABLE["index_get"], b.apply(TABLE["make_list"], x, y), 0), []),
        (lambda b, x, y: b.apply(TABLE["index_get"], b.apply(TABLE["make_dict"], "a", x, "b", y), "b"), []),
        (lambda b, x, y: b.apply(TABLE["len"], b.apply(TABLE["make_tuple"], x, y)), []),
        (lambda b, x, y: b.apply(TABLE["copy"], x), []),
        (lambda b, x, y: b.apply(TABLE["unbroadcast"], x, y), []),
        (lambda b, x, y: b.apply(TABLE["not_"], b.apply(TABLE["less"], x, y)), ["less", "not_"]),
        (lambda b, x, y: b.apply(TABLE["not_"], b.apply(TABLE["not_"], b.apply(TABLE["less"], x, y))), ["less"]),
    ],
)
def test_rules_for_numbers(build: Callable[[Builder, Value, Value], Value], expected: list[str]) -> None:
    assert names(simplified(build)) == expected


@pytest.mark.parametrize(
    ("build", "types", "expected"),
    [
        # An integer times 1.0 is a float; an array of unknown dtype may hold integers.
        (lambda b, x, y: b.apply(TABLE["multiply"], 1.0, x), (INT, INT), ["multiply"]),
        (lambda b, x, y: b.apply(TABLE["multiply"], 1.0, x), (Array(None, (3,)), INT), ["multiply"]),
        (lambda b, x, y: b.apply(TABLE["multiply"], 1.0, x), (Array("int64", (3,)), INT), ["multiply"]),
        (lambda b, x, y: b.apply(TABLE["multiply"], 1.0, x), (VECTOR, INT), []),
        (lambda b, x, y: b.apply(TABLE["multiply"], 1.0, x), (UNKNOWN, INT), ["multiply"]),
        # Shapes that are not known to be equal stay apart.
        (lambda b, x, y: b.apply(TABLE["unbroadcast"], x, y), (VECTOR, VECTOR), []),
        (lambda b, x, y: b.apply(TABLE["unbroadcast"], x, y), (Array("float64", (None,)),) * 2, ["unbroadcast"]),
        (lambda b, x, y: b.apply(TABLE["unbroadcast"], x, y), (VECTOR, Array("float64", (1,))), ["unbroadcast"]),
        (
            lambda b, x, y: b.apply(TABLE["accumulate"], b.apply(TABLE["zeros_like"], x), y),
            (VECTOR, VECTOR),
            [],
        ),
        (
            lambda b, x, y: b.apply(TABLE["accumulate"], b.apply(TABLE["zeros_like"], x), y),
            (VECTOR, Array("float64", (1,))),
            ["zeros_like", "accumulate"],
        ),
        (lambda b, x, y: b.apply(TABLE["T"], b.apply(TABLE["T"], x)), (Array("float64", (2, 3)), INT), []),
        (lambda b, x, y: b.apply(TABLE["not_"], b.apply(TABLE["less"], x, y)), (INT, INT), ["greater_equal"]),
        (
            lambda b, x, y: b.apply(
                TABLE["multiply"], b.apply(TABLE["np.broadcast_to"], y, b.apply(TABLE["shape"], x)), x
            ),
            (VECTOR, FLOAT),
            ["multiply"],
        ),
        # The number 2 written to an array of integers comes back as it is, 2.5 does not.
        (
            lambda b, x, y: b.apply(TABLE["index_get"], b.apply(TABLE["index_set"], x, 0, y), 0),
            (VECTOR, FLOAT),
            [],
        ),
        (
            lambda b, x, y: b.apply(TABLE["index_get"], b.apply(TABLE["index_set"], x, 0, y), 0),
            (Array("float32", (3,)), FLOAT),
            ["index_set", "index_get"],
        ),
        (
            lambda b, x, y: b.apply(TABLE["index_get"], b.apply(TABLE["index_set"], x, 0, y), 1),
            (VECTOR, FLOAT),
            ["index_set", "index_get"],
        ),
    ],
)
def test_rules_ask_the_types(
    build: Callable[[Builder, Value, Value], Value], types: tuple[Type, Type], expected: list[str]
) -> None:
    assert names(simplified(build, *types)) == expected


def test_what_the_user_wrote_is_left_alone() -> None:
    b = Builder()
    x = b.value(FLOAT, "x")
    y = b.apply(TABLE["multiply"], 1.0, b.apply(TABLE["add"], x, 0.0), name="y")
    z = b.apply(TABLE["identity"], y, name="z")
    assert names(optimize(program(b.block((x,), (z,))))) == ["add", "multiply", "identity"]


def test_named_scalar_derivatives_keep_their_statement() -> None:
    b = Builder(ADJOINT)
    x = Value(FLOAT, "bx", ADJOINT)
    y = b.apply(TABLE["multiply"], x, 1.0, name="by")
    assert names(simplify(program(b.block((x,), (y,))))) == ["identity"]


def test_branches() -> None:
    b = Builder(ADJOINT)
    c, x, y = b.value(BOOL, "c"), b.value(FLOAT, "x"), b.value(FLOAT, "y")
    one, flag, both, twice = b.value(FLOAT), b.value(BOOL), b.value(FLOAT), b.value(FLOAT)
    then = Block((), (), (x, constant(True), y, x))
    orelse = Block((), (), (y, constant(False), y, y))
    b.emit(If(c, then, orelse, (one, flag, both, twice)))
    after = check(simplify(program(b.block((c, x, y), (one, flag, both, twice)))))
    kept = statement(after, If)
    assert len(kept.results) == 1
    assert after.main.body.results == (one, c, y, one)


def test_a_known_condition_leaves_one_branch() -> None:
    b, then = Builder(ADJOINT), Builder(ADJOINT)
    x, r = b.value(FLOAT, "x"), b.value(FLOAT)
    then_value = then.apply(TABLE["math.sin"], x)
    b.emit(If(constant(True), then.block((), (then_value,)), Block((), (), (x,)), (r,)))
    after = check(simplify(program(b.block((x,), (r,)))))
    assert names(after) == ["math.sin"] and not any(isinstance(s, If) for s in after.main.body.statements)


@pytest.mark.parametrize("kind", ["for", "while"])
def test_carried_values_that_never_change_are_read_from_outside(kind: str) -> None:
    b, inner, test = Builder(ADJOINT), Builder(ADJOINT), Builder(ADJOINT)
    n, x = b.value(INT, "n"), b.value(FLOAT, "x")
    i, s, k, z = inner.value(INT, "i"), inner.value(FLOAT, "s"), inner.value(FLOAT, "k"), inner.value(FLOAT, "z")
    following = (inner.apply(TABLE["multiply"], s, k), k, constant(0.0))
    results = tuple(b.value(FLOAT) for _ in range(3))
    initial = (x, x, constant(0.0))
    if kind == "for":
        b.emit(For(b.apply(TABLE["range"], 0, n, 1), initial, (), inner.block((i, s, k, z), following), results))
    else:
        seen = tuple(test.value(FLOAT) for _ in range(3))
        go_on = test.apply(TABLE["less"], seen[0], seen[1])
        b.emit(While(test.block(seen, (go_on,)), initial, inner.block((s, k, z), following), results))
    before = program(b.block((n, x), results))
    after = check(simplify(before))
    assert len(statement(after, For if kind == "for" else While).initial) == 1
    assert after.main.body.results[1:] == (x, initial[2])
    assert interpret(after, (3, 2.0)) == interpret(before, (3, 2.0))


def test_lists_that_collect_what_is_known_outside() -> None:
    b = Builder()
    n, x = b.value(INT, "n"), b.value(FLOAT, "x")
    made = loop(b, n, [x], lambda inner, i, s: ([inner.apply(TABLE["multiply"], s, x)], [x, s, s, constant(2.0)]))
    inner = Builder()
    none, t, *items = inner.value(NONE), inner.value(FLOAT, "t"), *(inner.value(FLOAT) for _ in range(4))
    step = inner.apply(TABLE["add"], inner.apply(TABLE["multiply"], items[0], items[1]), items[2])
    total = inner.apply(TABLE["add"], inner.apply(TABLE["add"], t, step), items[3])
    out = b.value(FLOAT, "t")
    b.emit(For(None, (constant(0.0),), made.results[1:], inner.block((none, t, *items), (total,)), (out,)))
    before = program(b.block((n, x), (out,)))
    after = check(dce(simplify(simplify(before))))
    assert [len(s.collected) for s in walk(after.main.body) if isinstance(s, For)] == [1, 0]
    assert interpret(after, (3, 2.0)) == interpret(before, (3, 2.0))


# -- hoisting ---------------------------------------------------------------------------------------------------------


def hoisted(t: Type, name: str = "multiply", in_branch: bool = False, role: Any = "adjoint") -> list[str]:
    b = Builder(Origin(1, role=role))
    n, x = b.value(INT, "n"), b.value(t, "x")

    def body(inner: Builder, i: Value, s: Value) -> tuple[list[Value], list[Value]]:
        if not in_branch:
            return [inner.apply(TABLE["add"], s, inner.apply(TABLE[name], x, x))], []
        then = Builder(inner.origin)
        y, r = then.apply(TABLE[name], x, x), inner.value(t)
        inner.emit(If(inner.apply(TABLE["greater"], i, 0), then.block((), (y,)), Block((), (), (s,)), (r,)))
        return [r], []

    made = loop(b, n, [x], body)
    after = check(hoist(program(b.block((n, x), made.results))))
    outer = [s for s in after.main.body.statements if isinstance(s, Apply)]
    return [s.primitive.name for s in outer]


def test_hoisting() -> None:
    assert hoisted(VECTOR) == ["range", "multiply"]
    assert hoisted(VECTOR, in_branch=True) == ["range"]
    assert hoisted(VECTOR, role="primal") == ["range"]
    assert hoisted(VECTOR, name="divide") == ["range"]
    assert hoisted(Array("float64", (None,))) == ["range"]
    assert hoisted(FLOAT) == ["range"]


def test_hoisting_out_of_two_loops() -> None:
    b = Builder(ADJOINT)
    n, x = b.value(INT, "n"), b.value(VECTOR, "x")

    def inner_body(inner: Builder, i: Value, s: Value) -> tuple[list[Value], list[Value]]:
        return [inner.apply(TABLE["add"], s, inner.apply(TABLE["multiply"], x, 2.0))], []

    made = loop(b, n, [x], lambda outer, i, s: (list(loop(outer, n, [s], inner_body).results), []))
    before = program(b.block((n, x), made.results))
    after = check(hoist(before))
    assert [s.primitive.name for s in after.main.body.statements if isinstance(s, Apply)] == ["range", "multiply"]
    assert interpret(after, (2, np.ones(3))).tolist() == interpret(before, (2, np.ones(3))).tolist()


def test_passes_are_deterministic() -> None:
    one, two = (to_text(optimize(random_program(random.Random(7)))) for _ in range(2))
    assert one == two and verify(optimize(random_program(random.Random(7)))) == []
