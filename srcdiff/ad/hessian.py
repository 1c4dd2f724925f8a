"""Second derivatives: the gradient program, differentiated forward.

In: a program whose main function returns a number, and the positions of the parameters. Out:

- `hvp`: a program whose main function `f_hvp(x, dx)` returns the product of the Hessian with dx. The matrix is never
  formed; the cost is a small multiple of the gradient's, whatever the number of parameters (Pearlmutter 1994, "Fast
  exact multiplication by the Hessian"; forward over reverse).
- `hessian`: a program whose main function `f_hessian(x)` returns an array of shape x.shape + x.shape: the same sweep,
  along all unit directions at once. Of several parameters it gives the blocks, as a tuple of tuples; those above the
  diagonal are those below it transposed.

>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.core import Function, Parameter
>>> from srcdiff.ir.interpret import interpret
>>> from srcdiff.ir.types import FLOAT
>>> b = Builder()
>>> x = b.value(FLOAT, "x")
>>> y = b.apply(TABLE["multiply"], x, x, name="y")
>>> program = Program((Function("f", (Parameter(x),), b.block((x,), (y,))),))
>>> interpret(hvp(program, (0,), False, lambda p: p), (3.0, 5.0))
10.0
>>> interpret(hessian(program, (0,), False, lambda p: p), (3.0,))
2.0
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

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
from srcdiff.analysis.invariance import stabilisers
from srcdiff.ir.builder import tangent_name
from srcdiff.ir.calls import unique_name
from srcdiff.ir.core import Apply, Block, Program, Value
from srcdiff.ir.types import is_container
from srcdiff.primitives.table import TABLE

Tidy = Callable[[Program], Program]
"""What is done to the gradient program before it is differentiated again: the optimising passes, or nothing."""


def hvp(
    program: Program,
    wrt: tuple[int, ...],
    as_tuple: bool,
    tidy: Tidy,
    name: str | None = None,
    *,
    optimize: bool = True,
) -> Program:
    """The product of the Hessian of the main function with a vector, forward over reverse."""
    gradient = tidy(reverse(program, wrt, "gradient", as_tuple, optimize=optimize))
    name = unique_name(name or f"{program.main.name}_hvp", {f.name for f in gradient.functions})
    return _tangent_only(forward(gradient, wrt, name, optimize=optimize, frozen=stabilisers(program.main.body)))


def _separately(gradient: Program) -> Program:
    """The gradient program with a result for each parameter instead of one tuple."""
    body = gradient.main.body
    made = {s.result: s for s in body.statements if isinstance(s, Apply)}.get(body.results[0])
    if made is None or made.primitive.name != "make_tuple":
        return gradient
    main = replace(gradient.main, body=Block(body.parameters, body.statements, made.operands))
    return Program((*gradient.functions[:-1], main))


def _tangent_only(sweep: Program) -> Program:
    """The sweep without the gradient that it starts from: the first half of its results."""
    body = sweep.main.body
    tangents = body.results[len(body.results) // 2 :]
    main = replace(sweep.main, body=Block(body.parameters, body.statements, tangents))
    return Program((*sweep.functions[:-1], main))


def hessian(program: Program, wrt: tuple[int, ...], as_tuple: bool, tidy: Tidy, *, optimize: bool = True) -> Program:
    """The Hessian of the main function: one sweep along all directions of each parameter.

    Raises
    ------
    srcdiff.ad.refusals.Refused
        where there is no derivative.
    """
    function = program.main
    name = unique_name(f"{function.name}_hessian", {f.name for f in program.functions})
    parameters = function.body.parameters
    containers = any(is_container(parameters[p].type) for p in wrt)
    # What the function does not depend on, its gradient does not depend on either.
    frozen = stabilisers(function.body)
    sweeps: list[Program] = []
    rows: list[tuple[int, ...]] = []
    for k, p in enumerate(wrt):
        # The Hessian is symmetric: along x only the gradients of x and of what comes after it are wanted.
        wanted = wrt if containers else wrt[k:]
        gradient = _separately(tidy(reverse(program, wanted, "gradient", True, optimize=optimize)))
        name_of_sweep = f"{function.name}_rows_{p}"
        sweep = _tangent_only(forward(gradient, (p,), name_of_sweep, optimize=optimize, frozen=frozen))
        sweeps.append(sweep)
        rows.append(wanted)
    try:
        stacked = [
            sweep
            if is_number(parameters[p].type)
            else stack_directions(
                sweep, (seed_of(program, sweep),), range(len(wanted)), count_of_directions(parameters[p])
            )
            for p, sweep, wanted in zip(wrt, sweeps, rows, strict=True)
        ]
    except Refused:
        return _one_by_one(program, wrt, as_tuple, name, tidy, optimize)
    return _assembled(program, wrt, as_tuple, name, stacked, rows)


def _one_by_one(
    program: Program, wrt: tuple[int, ...], as_tuple: bool, name: str, tidy: Tidy, optimize: bool
) -> Program:
    """The Hessian where the types do not allow a stack of directions: one sweep for each."""
    gradient = tidy(reverse(program, wrt, "gradient", True, optimize=optimize))
    title = program.main.name
    sweeps = [_tangent_only(forward(gradient, (p,), f"{title}_rows_{p}", optimize=optimize)) for p in wrt]
    assembly = Assembly(program, sweeps)
    builder = assembly.builder
    inputs = builder.apply(TABLE["make_tuple"], *(assembly.arguments[p] for p in wrt))
    blocks: dict[tuple[int, int], Value] = {}
    for p, sweep in zip(wrt, sweeps, strict=True):
        (stacks,) = assembly.run_each(sweep, seed_of(program, sweep), assembly.arguments[p], [inputs])
        for k, q in enumerate(wrt):
            stack = builder.apply(TABLE["index_get"], stacks, k)
            blocks[q, p] = builder.apply(TABLE["jacobian_columns"], stack, assembly.arguments[p])
    return _finished(assembly, name, wrt, as_tuple, blocks)


def _assembled(
    program: Program,
    wrt: tuple[int, ...],
    as_tuple: bool,
    name: str,
    stacked: list[Program],
    rows: list[tuple[int, ...]],
) -> Program:
    """The function that runs the sweeps and puts the blocks together."""
    containers = any(is_container(program.main.body.parameters[p].type) for p in wrt)
    assembly = Assembly(program, stacked)
    builder = assembly.builder
    blocks: dict[tuple[int, int], Value] = {}
    for p, sweep, wanted in zip(wrt, stacked, rows, strict=True):
        x = assembly.arguments[p]
        unit = unit_directions(builder, x, tangent_name(x.name))
        stacks = assembly.run(sweep, {seed_of(program, sweep): unit})
        for q, stack in zip(wanted, stacks, strict=True):
            y = assembly.arguments[q]
            if containers:
                blocks[q, p] = from_columns(builder, stack, y, x)
                continue
            # The directions are the entries of x in order, so the stack read by rows is the block (x, y).
            blocks[p, q] = from_rows(builder, stack, x, y)
            if p != q:
                blocks[q, p] = from_columns(builder, stack, y, x)
    return _finished(assembly, name, wrt, as_tuple, blocks)


def _finished(
    assembly: Assembly, name: str, wrt: tuple[int, ...], as_tuple: bool, blocks: Mapping[tuple[int, int], Value]
) -> Program:
    """The function that returns the blocks: one, or a tuple of rows of them."""
    builder = assembly.builder
    if len(wrt) == 1 and not as_tuple:
        return assembly.finish(name, [blocks[wrt[0], wrt[0]]])
    made = [builder.apply(TABLE["make_tuple"], *(blocks[p, q] for q in wrt)) for p in wrt]
    return assembly.finish(name, [builder.apply(TABLE["make_tuple"], *made)])
