"""The IR itself: its text, the verifier, the interpreter and the graph."""

from __future__ import annotations

import numpy as np
import pytest

from srcdiff.ir.builder import Builder
from srcdiff.ir.core import (
    UNDEFINED,
    Apply,
    Block,
    Call,
    Effect,
    For,
    Function,
    Global,
    If,
    Parameter,
    Program,
    Value,
    While,
    constant,
)
from srcdiff.ir.graph import to_dot
from srcdiff.ir.interpret import interpret
from srcdiff.ir.text import to_text
from srcdiff.ir.types import BOOL, FLOAT, INT, NONE, OBJECT, Array, List
from srcdiff.ir.verify import InvalidProgram, check, verify
from srcdiff.primitives.table import TABLE


def program(block: Block, *others: Function) -> Program:
    return Program((*others, Function("f", tuple(map(Parameter, block.parameters)), block)))


def power_loop(stops: bool = False) -> Program:
    """s doubles n times and every s is collected; a second loop adds up the list from its end."""
    b, inner, back = Builder(), Builder(), Builder()
    n, s, i = b.value(INT, "n"), b.value(FLOAT, "s"), b.value(INT, "i")
    twice = inner.apply(TABLE["multiply"], s, 2.0, name="s")
    stop = (inner.apply(TABLE["greater"], twice, 5.0),) if stops else ()
    last, tape = b.value(FLOAT, "s"), b.value(List(FLOAT), "tape")
    driver = b.apply(TABLE["range"], 0, n, 1)
    b.emit(For(driver, (constant(1.0),), (), inner.block((i, s), (*stop, twice, s)), (last, tape), stops=stops))
    t, item, none = b.value(FLOAT, "t"), b.value(FLOAT, "u"), b.value(NONE)
    sum_ = back.apply(TABLE["add"], back.apply(TABLE["multiply"], t, 10.0), item, name="t")
    total = b.value(FLOAT, "t")
    b.emit(For(None, (constant(0.0),), (tape,), back.block((none, t, item), (sum_,)), (total,)))
    return program(b.block((n,), (last, total)))


def test_text_of_loops() -> None:
    assert (
        to_text(power_loop(stops=True))
        == """\
function f(%n: int):
    %t: range = range 0, %n, 1
    for %i: int in %t carry %s: float = 1.0 stops:
        %s_1: float = multiply %s, 2.0
        %t_1: bool = greater %s_1, 5.0
        yield %t_1, %s_1, %s
    => %s_2: float, %tape: list[float]
    for %t_2: None carry %t_3: float = 0.0 zip %u: float from %tape:
        %t_4: float = multiply %t_3, 10.0
        %t_5: float = add %t_4, %u
        yield %t_5
    => %t_6: float
    return %s_2, %t_6
"""
    )


def test_zipped_lists_are_consumed_from_their_end() -> None:
    assert interpret(power_loop(), (3,)) == (8.0, 421.0)


def test_a_loop_that_stops_keeps_the_iteration_that_stopped_it() -> None:
    assert interpret(power_loop(stops=True), (9,)) == (8.0, 421.0)


def test_a_loop_without_iterations_hands_its_initial_values_on() -> None:
    assert interpret(power_loop(), (0,)) == (1.0, 0.0)


def while_program() -> Program:
    b, test, body = Builder(), Builder(), Builder()
    x, seen, s, out = b.value(FLOAT, "x"), b.value(FLOAT, "s"), b.value(FLOAT, "s"), b.value(FLOAT, "s")
    go_on = test.apply(TABLE["greater"], seen, 1.0)
    half = body.apply(TABLE["divide"], s, 2.0, name="s")
    lists = b.value(List(FLOAT), "tape")
    b.emit(While(test.block((seen,), (go_on,)), (x,), body.block((s,), (half, s)), (out, lists)))
    return program(b.block((x,), (out, lists)))


def test_while() -> None:
    assert interpret(while_program(), (6.0,)) == (0.75, [6.0, 3.0, 1.5])
    assert (
        to_text(while_program())
        == """\
function f(%x: float):
    while carry %s: float = %x:
    condition with %s_1 = %s:
        %t: bool = greater %s_1, 1.0
        yield %t
    do:
        %s_2: float = divide %s, 2.0
        yield %s_2, %s
    => %s_3: float, %tape: list[float]
    return %s_3, %tape
"""
    )


def call_program() -> Program:
    inner = Builder()
    a = inner.value(FLOAT, "a")
    g = Function("g", (Parameter(a),), inner.block((a,), (inner.apply(TABLE["multiply"], a, a), a)))
    b = Builder()
    x, y, z = b.value(FLOAT, "x"), b.value(FLOAT, "y"), b.value(FLOAT, "z")
    b.emit(Call("g", (x,), (y, z)))
    condition = b.apply(TABLE["less"], x, 0.0)
    b.emit(Effect("assert", (condition, constant("no"))))
    b.emit(Effect("print", (y,), keywords=(("sep", constant("")),)))
    then = Builder()
    then.emit(Effect("raise", (constant("bad"),), exception=Global(OBJECT, module="builtins", attribute="ValueError")))
    big = b.apply(TABLE["greater"], y, 100.0)
    r = b.value(FLOAT, "r")
    b.emit(If(big, then.block((), (constant(UNDEFINED),)), Builder().block((), (z,)), (r,)))
    return program(b.block((x,), (r,)), g)


def test_calls_and_effects(capsys: pytest.CaptureFixture[str]) -> None:
    assert interpret(call_program(), (-2.0,)) == -2.0
    assert capsys.readouterr().out == "4.0\n"
    with pytest.raises(AssertionError, match="no"):
        interpret(call_program(), (2.0,))
    with pytest.raises(ValueError, match="bad"):
        interpret(call_program(), (-20.0,))
    assert interpret(call_program(), (3.0,), name="g") == (9.0, 3.0)


def test_text_of_calls_and_effects() -> None:
    assert (
        to_text(call_program())
        == """\
function g(%a: float):
    %t: float = multiply %a, %a
    return %t, %a

function f(%x: float):
    %y: float, %z: float = call g(%x)
    %t: bool = less %x, 0.0
    assert %t, 'no'
    print %y, sep=''
    %t_1: bool = greater %y, 100.0
    if %t_1:
        raise @builtins.ValueError 'bad'
        yield undefined
    else:
        yield %z
    => %r: float
    return %r
"""
    )


def test_reading_what_was_never_assigned() -> None:
    b = Builder()
    c, r = b.value(BOOL, "c"), b.value(FLOAT, "r")
    b.emit(If(c, Block((), (), (constant(1.0),)), Block((), (), (constant(UNDEFINED),)), (r,)))
    same = b.apply(TABLE["identity"], r, name="q")
    p = program(b.block((c,), (b.apply(TABLE["negative"], same),)))
    assert interpret(p, (True,)) == -1.0
    with pytest.raises(UnboundLocalError, match="'q'"):
        interpret(p, (False,))


def test_interpretation_never_changes_an_argument() -> None:
    b = Builder()
    x = b.value(Array("float64", (3,)), "x")
    y = b.apply(TABLE["index_set"], x, 0, 9.0)
    p = program(b.block((x,), (y,)))
    given = np.zeros(3)
    assert interpret(p, (given,)).tolist() == [9.0, 0.0, 0.0]
    assert given.tolist() == [0.0, 0.0, 0.0]


def test_globals_are_resolved() -> None:
    pi = Global(FLOAT, "pi", module="math", attribute="pi")
    captured = Global(FLOAT, "k", attribute="k", captured=2.0)
    b = Builder()
    p = program(b.block((), (b.apply(TABLE["multiply"], pi, captured),)))
    assert interpret(p, ()) == 2 * np.pi


@pytest.mark.parametrize("make", [power_loop, while_program, call_program])
def test_well_formed_programs_have_no_faults(make: object) -> None:
    assert verify(make()) == []  # type: ignore[operator]


X, Y = Value(FLOAT, "x"), Value(FLOAT, "y")
VECTOR = Value(Array("float64", (3,)), "v")
NEGATIVE = Apply(TABLE["negative"], (X,), Y)
UPDATE = Apply(TABLE["index_set"], (VECTOR, constant(0), constant(1.0)), Value(VECTOR.type, "w"), inplace=True)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (Block((X,), (), (Y,)), "%y is read and not defined here"),
        (Block((X,), (NEGATIVE, NEGATIVE), (Y,)), "%y is defined twice"),
        (Block((X,), (Apply(TABLE["add"], (X,), Y),), (Y,)), "operands of add: 1 where 2 are due"),
        (Block((X,), (Call("nobody", (X,), (Y,)),), (Y,)), "there is no function nobody"),
        (Block((X,), (Call("f", (), (Y,)),), (Y,)), "arguments of f: 0 where 1 are due"),
        (Block((X,), (Call("f", (X,), ()),), (X,)), "results of f: 0 where 1 are due"),
        (
            Block((X,), (If(X, Block((), (), (X,)), Block((), (), ()), (Y,)),), (Y,)),
            "results of the else block: 0 where 1 are due",
        ),
        (
            Block((X,), (If(X, Block((), (NEGATIVE,), (Y,)), Block((), (), (Y,)), (Value(FLOAT),)),), (X,)),
            "%y is read and not defined here",
        ),
        (
            Block((X,), (For(X, (X,), (), Block((Y,), (), (X,)), (Value(FLOAT),)),), (X,)),
            "parameters of the body: 1 where 2 are due",
        ),
        (
            Block((X,), (For(X, (), (), Block((Y,), (), ()), (), stops=True),), (X,)),
            "results of the body: 0 where 1 are due",
        ),
        (Block((X,), (For(None, (), (), Block((Y,), (), ()), ()),), (X,)), "neither an iterable nor a zipped list"),
        (
            Block((X,), (While(Block((), (), ()), (), Block((), (), ()), ()),), (X,)),
            "results of the condition: 0 where 1 are due",
        ),
        (Block((X,), (Effect("assert", ()),), (X,)), "an assert has a condition"),
        (Block((VECTOR,), (UPDATE,), (UPDATE.result, VECTOR)), "%v is overwritten here and read afterwards"),
        (
            Block((VECTOR, X), (For(X, (), (), Block((Y,), (UPDATE,), ()), ()),), (X,)),
            "%v is overwritten here and read afterwards",
        ),
    ],
)
def test_faults(block: Block, message: str) -> None:
    faults = verify(program(block))
    assert any(message in fault for fault in faults), faults
    with pytest.raises(InvalidProgram, match="after the test"):
        check(program(block), "the test")


def test_a_fault_shows_the_function_with_the_guilty_line_marked() -> None:
    block = Block((X,), (Apply(TABLE["add"], (X,), Y),), (Y,))
    assert verify(program(block)) == [
        "f: operands of add: 1 where 2 are due\n"
        "        function f(%x: float):\n"
        "    -->     %y: float = add %x\n"
        "            return %y\n"
    ]


def test_reads_of_the_other_branch_do_not_come_after() -> None:
    then = Block((), (UPDATE,), (UPDATE.result,))
    orelse = Block((), (), (VECTOR,))
    result = Value(VECTOR.type, "r")
    block = Block((VECTOR, X), (If(X, then, orelse, (result,)),), (result,))
    assert verify(program(block)) == []


def test_graph() -> None:
    dot = to_dot(power_loop(stops=True)["f"])
    assert dot.startswith('digraph "f" {') and dot.endswith("}\n")
    assert dot.count("subgraph cluster_") == 2
    assert '[label="s_1 = multiply"];' in dot
    assert dot.count("{") == dot.count("}")
    both = to_dot(call_program()["f"])
    assert 'label="then"' in both and 'label="g()"' in both and 'label="raise"' in both
    assert 'label="while"' in to_dot(while_program()["f"])
