"""Jacobians: all columns in one forward sweep, or all rows in one reverse sweep.

In: a program, the positions of the parameters and the mode. Out: a program whose main function `f_jacobian` returns an
array of the output's shape followed by the parameter's; of containers the output's structure, and in it the
parameter's; a tuple of these where there are several parameters::

    y = x * np.roll(x, 1)                 y = x * np.roll(x, 1)
                                          dx = np.eye(len(x))
                                          dy = dx * np.roll(x, 1) + x * np.roll(dx, 1, axis=1)
                                          return dy.T

Where the types do not allow a stack of directions, one sweep is done for each.

>>> from srcdiff.ir.builder import Builder
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

from typing import Literal

from srcdiff.ad.assembly import (
    Assembly,
    count_of_directions,
    from_columns,
    from_rows,
    is_number,
    seed_of,
    unit_directions,
)
from srcdiff.ad.directions import stack_directions
from srcdiff.ad.forward import forward
from srcdiff.ad.refusals import Refused
from srcdiff.ad.reverse import reverse
from srcdiff.ir.builder import tangent_name
from srcdiff.ir.calls import unique_name
from srcdiff.ir.core import Program, Value
from srcdiff.ir.types import is_differentiable
from srcdiff.primitives.table import TABLE

JacobianMode = Literal["forward", "reverse"]


def jacobian(
    program: Program,
    wrt: tuple[int, ...],
    mode: JacobianMode,
    as_tuple: bool,
    *,
    value: bool = False,
    optimize: bool = True,
) -> Program:
    """The Jacobian of the main function with respect to the parameters at positions `wrt`.

    Parameters
    ----------
    mode
        ``"forward"``: columns; ``"reverse"``: rows.
    value
        Whether the value of the function is returned too: ``(value, jacobian)``.

    Raises
    ------
    srcdiff.ad.refusals.Refused
        where there is no derivative.
    """
    function = program.main
    name = unique_name(f"{function.name}_jacobian", {f.name for f in program.functions})
    # What carries no derivative (ints, flags) has no tangents to put into columns; its rows are zeros.
    if mode == "forward" and is_differentiable(function.body.results[0].type):
        assembly, result, jacobians = _columns(program, wrt, optimize)
    else:
        assembly, result, jacobians = _rows(program, wrt, optimize)
    if len(jacobians) != 1 or as_tuple:
        jacobians = [assembly.builder.apply(TABLE["make_tuple"], *jacobians)]
    return assembly.finish(name, [result, *jacobians] if value else jacobians)


def _columns(program: Program, wrt: tuple[int, ...], optimize: bool) -> tuple[Assembly, Value, list[Value]]:
    """A forward sweep for each parameter."""
    function = program.main
    parameters = function.body.parameters
    sweeps = [forward(program, (p,), f"{function.name}_columns_{p}", optimize=optimize) for p in wrt]
    seeds = [seed_of(program, s) for s in sweeps]
    try:
        stacked = [
            sweep if is_number(x.type) else stack_directions(sweep, (seed,), (1,), count_of_directions(x))
            for x, sweep, seed in zip([parameters[p] for p in wrt], sweeps, seeds, strict=True)
        ]
    except Refused:
        return _columns_one_by_one(program, sweeps, wrt)
    assembly = Assembly(program, stacked)
    result: Value | None = None
    jacobians: list[Value] = []
    for p, sweep, seed in zip(wrt, stacked, seeds, strict=True):
        x = assembly.arguments[p]
        unit = unit_directions(assembly.builder, x, tangent_name(x.name))
        y, dy = assembly.run(sweep, {seed: unit})
        result = result or y
        jacobians.append(from_columns(assembly.builder, dy, y, x))
    assert result is not None
    return assembly, result, jacobians


def _columns_one_by_one(
    program: Program, sweeps: list[Program], wrt: tuple[int, ...]
) -> tuple[Assembly, Value, list[Value]]:
    assembly = Assembly(program, [*sweeps, program])
    y = assembly.call(program.main)
    jacobians: list[Value] = []
    for p, sweep in zip(wrt, sweeps, strict=True):
        x = assembly.arguments[p]
        (dy,) = assembly.run_each(sweep, seed_of(program, sweep), x, [y])
        jacobians.append(assembly.builder.apply(TABLE["jacobian_columns"], dy, x))
    return assembly, y, jacobians


def _rows(program: Program, wrt: tuple[int, ...], optimize: bool) -> tuple[Assembly, Value, list[Value]]:
    """One reverse sweep."""
    function = program.main
    sweep = reverse(program, wrt, "vjp", True, f"{function.name}_rows", optimize=optimize)
    seed = seed_of(program, sweep)
    result = function.body.results[0]
    if is_number(result.type):
        assembly = Assembly(program, [sweep])
        y, adjoints = assembly.run(sweep, {seed: unit_directions(assembly.builder, result)})
    else:
        try:
            stacked = stack_directions(sweep, (seed,), (1,), count_of_directions(result))
        except Refused:
            return _rows_one_by_one(program, sweep, wrt)
        assembly = Assembly(program, [stacked])
        y, adjoints = assembly.run_reverse(stacked, seed)
    jacobians: list[Value] = []
    for k, p in enumerate(wrt):
        bx = assembly.builder.apply(TABLE["index_get"], adjoints, k)
        jacobians.append(from_rows(assembly.builder, bx, y, assembly.arguments[p]))
    return assembly, y, jacobians


def _rows_one_by_one(program: Program, sweep: Program, wrt: tuple[int, ...]) -> tuple[Assembly, Value, list[Value]]:
    assembly = Assembly(program, [sweep, program])
    builder = assembly.builder
    y = assembly.call(program.main)
    inputs = builder.apply(TABLE["make_tuple"], *(assembly.arguments[p] for p in wrt))
    (adjoints,) = assembly.run_each(sweep, seed_of(program, sweep), y, [inputs])
    jacobians = [
        builder.apply(TABLE["jacobian_rows"], builder.apply(TABLE["index_get"], adjoints, k), y)
        for k in range(len(wrt))
    ]
    return assembly, y, jacobians
