"""Ranks that a scalar result implies.

In: a function that its author says returns a number, with array parameters whose rank is not known (`x: np.ndarray`).
Out: types for those of them whose rank follows. Elementwise operations broadcast, so that a result of rank 0 has only
operands of rank 0; and `x[i]` of rank 0 with an integer `i` means that `x` has rank 1::

    def f(x: np.ndarray, w: float) -> float:        x: array[x_0]
        s = 1.0
        for i in range(len(x)):
            s = s * np.sin(x[i] * w)
        return s

>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.core import Function, Parameter
>>> from srcdiff.ir.types import FLOAT, INT
>>> b = Builder()
>>> x, i = b.value(Array(None, None), "x"), b.value(INT, "i")
>>> y = b.apply(TABLE["negative"], b.apply(TABLE["index_get"], x, i))
>>> f = Function("f", (Parameter(x), Parameter(i)), b.block((x, i), (y,)))
>>> {n: str(t) for n, t in implied_types(Program((f,)), FLOAT).items()}
{'x': 'array[x_0]'}
"""

from __future__ import annotations

from srcdiff.ir.core import (
    Apply,
    Block,
    Call,
    Effect,
    For,
    If,
    Primitive,
    Program,
    Statement,
    Value,
    While,
    assert_never,
    is_atom,
    walk,
)
from srcdiff.ir.types import FLOAT, Array, Scalar, Symbol, Tuple, Type
from srcdiff.primitives.elementwise import ELEMENTWISE
from srcdiff.primitives.table import TABLE

_OPERATORS = ("add", "subtract", "multiply", "divide", "power", "negative", "positive", "mod", "floor_divide")
_BROADCASTING: frozenset[Primitive] = frozenset([*ELEMENTWISE.values(), *(TABLE[n] for n in _OPERATORS)])
_SAME_RANK = frozenset({"identity", "copy", "index_set", "index_add", "zeros_like", "np.zeros_like", "np.copy"})


def implied_types(program: Program, returns: Type) -> dict[str, Type]:
    """Types of the main function's array parameters whose rank follows from the result being a number, or a tuple with
    numbers in it (where `returns`, what it is said to return, says so), from helpers that take numbers, and from
    elements of arrays of known rank that are written."""
    function = program.main
    ranks: dict[Value, int] = {}
    _returned(function.body, function.body.results[0], returns, ranks)
    for statement in walk(function.body):
        if isinstance(statement, Call):
            for argument, parameter in zip(
                statement.arguments, program[statement.function].body.parameters, strict=True
            ):
                if isinstance(parameter.type, Scalar):
                    _set(ranks, argument, 0)
    while True:
        size = len(ranks)
        _block(function.body, ranks)
        if len(ranks) == size:
            break
    found: dict[str, Type] = {}
    for parameter in function.body.parameters:
        kind, name = parameter.type, parameter.name
        if isinstance(kind, Array) and kind.shape is None and name is not None and parameter in ranks:
            found[name] = Array(kind.dtype, tuple(Symbol(f"{name}_{axis}") for axis in range(ranks[parameter])))
    return found


def _returned(block: Block, result: Value, returns: Type, ranks: dict[Value, int]) -> None:
    """Numbers among what is returned: the result itself, or the items of the tuple that is made for it."""
    if returns == FLOAT:
        _set(ranks, result, 0)
    if not isinstance(returns, Tuple):
        return
    for statement in block.statements:
        match statement:
            case Apply(Primitive(name="make_tuple"), items, made) if made is result:
                for item, type in zip(items, returns.items, strict=False):
                    _returned(block, item, type, ranks)


def _set(ranks: dict[Value, int], value: Value, rank: int) -> None:
    if not is_atom(value) and not isinstance(value.type, Scalar):
        ranks.setdefault(value, rank)


def _block(block: Block, ranks: dict[Value, int]) -> None:
    for statement in reversed(block.statements):
        _statement(statement, ranks)


def _statement(statement: Statement, ranks: dict[Value, int]) -> None:
    match statement:
        case Apply(primitive, operands, result):
            if primitive.name == "index_set":
                _written(operands, ranks)
            if result not in ranks:
                return
            if primitive in _BROADCASTING:
                if ranks[result] == 0:
                    for operand in operands:
                        _set(ranks, operand, 0)
            elif primitive.name in _SAME_RANK:
                _set(ranks, operands[0], ranks[result])
            elif primitive.name == "index_get" and isinstance(operands[0].type, Array):
                count = _integers(operands[1])
                if count is not None:
                    _set(ranks, operands[0], ranks[result] + count)
        case If(_, then, orelse, results):
            for result, a, b in zip(results, then.results, orelse.results, strict=True):
                if result in ranks:
                    _set(ranks, a, ranks[result])
                    _set(ranks, b, ranks[result])
            _block(then, ranks)
            _block(orelse, ranks)
        case For() | While():
            for group in zip(
                statement.results, statement.carried_next, statement.carried, statement.initial, strict=False
            ):
                known = [ranks[v] for v in group if v in ranks]
                if known:
                    for value in group:
                        _set(ranks, value, known[0])
            _block(statement.body, ranks)
        case Call() | Effect():
            pass
        case _:
            assert_never(statement)


def _written(operands: tuple[Value, ...], ranks: dict[Value, int]) -> None:
    """What is written to one element of an array is a number."""
    base, index, value = operands
    rank = base.type.rank if isinstance(base.type, Array) else None
    if rank is not None and _integers(index) == rank:
        _set(ranks, value, 0)


def _integers(index: Value) -> int | None:
    """How many axes an index of integers takes away; None where it may be something else."""
    match index.type:
        case Scalar("int"):
            return 1
        case Tuple(items) if all(t == Scalar("int") for t in items):
            return len(items)
        case _:
            return None
