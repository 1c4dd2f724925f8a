"""Jacobians: one sweep a column (forward mode) or a row (reverse mode).

In: a program, the positions of the parameters and the mode. Out: a program whose main function `f_jacobian` calls the
`_jvp` or the `_vjp` of the function once for every basis vector and puts the results together: an array of the
output's shape followed by the parameter's shape, or a tuple of these.

>>> from srcdiff.ir.core import Function, Parameter
>>> from srcdiff.ir.interpret import interpret
>>> from srcdiff.ir.types import FLOAT
>>> b = Builder()
>>> x = b.value(FLOAT, "x")
>>> y = b.apply(TABLE["multiply"], x, x, name="y")
>>> program = jacobian(Program((Function("f", (Parameter(x),), b.block((x,), (y,))),)), (0,), "forward", False)
>>> interpret(program, (3.0,))
6.0
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from srcdiff.ad.forward import forward
from srcdiff.ad.reverse import reverse
from srcdiff.ir.builder import Builder, adjoint_name, tangent_name
from srcdiff.ir.calls import unique_name
from srcdiff.ir.core import Call, For, Function, Program, Value, constant, refresh
from srcdiff.ir.types import INT, List, Scalar, Tuple, Type
from srcdiff.primitives.table import TABLE

JacobianMode = Literal["forward", "reverse"]


def jacobian(
    program: Program, wrt: tuple[int, ...], mode: JacobianMode, as_tuple: bool, *, optimize: bool = True
) -> Program:
    """The Jacobian of the main function with respect to the parameters at positions `wrt`."""
    function = program.main
    functions: dict[str, Function] = {}
    sweeps: list[str] = []
    for group in [(i,) for i in wrt] if mode == "forward" else [wrt]:
        taken = {*functions, *(f.name for f in program.functions)}
        # Not called `_jvp` and `_vjp`: what a sweep returns that no Jacobian needs is optimised away.
        if mode == "forward":
            derived = forward(program, group, unique_name(f"{function.name}_column", taken), optimize=optimize)
            docstring = f"A column of the Jacobian of `{function.name}`, or a sum of columns weighted with the tangent."
        else:
            name = unique_name(f"{function.name}_row", taken)
            derived = reverse(program, group, "vjp", True, name, optimize=optimize)
            docstring = f"A row of the Jacobian of `{function.name}`, or a sum of rows weighted with the adjoint."
        for made in derived.functions:
            described = replace(made, docstring=docstring, returns=None) if made is derived.main else made
            functions.setdefault(made.name, described)
        sweeps.append(derived.main.name)
    if mode == "reverse" or any(not isinstance(p.value.type, Scalar) for p in function.parameters):
        for primal in program.functions:
            functions.setdefault(primal.name, primal)
    copy = refresh(function.body)
    builder = Builder()
    arguments = copy.parameters
    make = _columns if mode == "forward" else _rows
    results = make(builder, function, arguments, wrt, sweeps)
    if len(results) != 1 or as_tuple:
        results = [builder.apply(TABLE["make_tuple"], *results)]
    parameters = tuple(
        type(p)(v, p.default, p.keyword_only, p.annotation) for p, v in zip(function.parameters, arguments, strict=True)
    )
    name = unique_name(f"{function.name}_jacobian", {*functions, *(f.name for f in program.functions)})
    main = Function(name, parameters, builder.block(arguments, results))
    return Program((*functions.values(), main))


def _result_type(function: Function) -> Type:
    return function.body.results[0].type


def _columns(
    builder: Builder, function: Function, arguments: tuple[Value, ...], wrt: tuple[int, ...], sweeps: list[str]
) -> list[Value]:
    result = _result_type(function)
    jacobians: list[Value] = []
    y: Value | None = None
    for position, sweep in zip(wrt, sweeps, strict=True):
        x = arguments[position]

        def column(inner: Builder, seed: Value, sweep: str = sweep) -> Value:
            value, dvalue = inner.value(result), inner.value(result, "column")
            inner.emit(Call(sweep, _with(function, arguments, seed), (value, dvalue)))
            return dvalue

        if isinstance(x.type, Scalar):
            jacobians.append(column(builder, constant(1.0)))
            continue
        columns = _for_each_basis_vector(builder, x, column, result, "columns", tangent_name(x.name))
        stacked = builder.apply(TABLE["np.array"], columns)
        if not isinstance(result, Scalar):
            # The output's size is asked of the output itself: of no columns at all nothing could be read.
            if y is None:
                y = builder.value(result, function.body.results[0].name or "result")
                builder.emit(Call(function.name, arguments, (y,)))
            sizes = builder.apply(TABLE["make_tuple"], builder.apply(TABLE["size"], x), builder.apply(TABLE["size"], y))
            rows = builder.apply(TABLE["np.reshape"], stacked, sizes)
            shape = builder.apply(TABLE["add"], builder.apply(TABLE["shape"], y), builder.apply(TABLE["shape"], x))
            jacobians.append(builder.apply(TABLE["np.reshape"], builder.apply(TABLE["T"], rows), shape))
        else:
            jacobians.append(builder.apply(TABLE["np.reshape"], stacked, builder.apply(TABLE["shape"], x)))
    return jacobians


def _rows(
    builder: Builder, function: Function, arguments: tuple[Value, ...], wrt: tuple[int, ...], sweeps: list[str]
) -> list[Value]:
    result = _result_type(function)
    inputs = [arguments[i] for i in wrt]
    gradients = Tuple(tuple(x.type for x in inputs))

    def row(inner: Builder, seed: Value) -> Value:
        gradient = inner.value(gradients, "row")
        inner.emit(Call(sweeps[0], _with(function, arguments, seed), (inner.value(result), gradient)))
        return gradient

    if isinstance(result, Scalar):
        only = row(builder, constant(1.0))
        return [builder.apply(TABLE["index_get"], only, k) for k in range(len(inputs))]
    name = function.body.results[0].name or "result"
    y = builder.value(result, name)
    builder.emit(Call(function.name, arguments, (y,)))
    rows = _for_each_basis_vector(builder, y, row, gradients, "rows", adjoint_name(name))
    jacobians: list[Value] = []
    for k, x in enumerate(inputs):
        item = Builder()
        index = item.value(INT)
        one = item.apply(TABLE["index_get"], item.apply(TABLE["index_get"], rows, index), k)
        count = builder.apply(TABLE["range"], 0, builder.apply(TABLE["len"], rows), 1)
        parts = builder.value(List(one.type))
        builder.emit(For(count, (), (), item.block((index,), (one,)), (parts,), expression=True))
        stacked = builder.apply(TABLE["np.array"], parts)
        shape = builder.apply(TABLE["add"], builder.apply(TABLE["shape"], y), builder.apply(TABLE["shape"], x))
        jacobians.append(builder.apply(TABLE["np.reshape"], stacked, shape))
    return jacobians


def _for_each_basis_vector(
    builder: Builder,
    like: Value,
    sweep: Callable[[Builder, Value], Value],
    item_type: Type,
    name: str,
    seed_name: str | None,
) -> Value:
    """The list of what `sweep` returns for every basis vector of the space that `like` is from."""
    size = builder.apply(TABLE["size"], like)
    basis = builder.apply(TABLE["np.eye"], size, name="basis")
    shape = builder.apply(TABLE["shape"], like)
    inner = Builder()
    index = inner.value(INT, "k")
    vector = inner.apply(TABLE["index_get"], basis, index)
    seed = inner.apply(TABLE["np.reshape"], vector, shape, name=seed_name)
    collected = sweep(inner, seed)
    items = builder.value(List(item_type), name)
    steps = builder.apply(TABLE["range"], 0, size, 1)
    builder.emit(For(steps, (), (), inner.block((index,), (collected,)), (items,)))
    return items


def _with(function: Function, arguments: tuple[Value, ...], seed: Value) -> tuple[Value, ...]:
    """The arguments with the seed after the positional ones."""
    count = sum(not p.keyword_only for p in function.parameters)
    return (*arguments[:count], seed, *arguments[count:])
