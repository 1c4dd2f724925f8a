"""Several directions where the types do not allow a stack of them: one sweep after the other.

In: a derivative program for one direction. Out: the same for stacks of seeds; its main function takes the stacks apart,
calls the one for a single direction, and stacks what that returns.

>>> import numpy as np
>>> from srcdiff.ad.forward import forward
>>> from srcdiff.ir.core import Parameter
>>> from srcdiff.ir.interpret import interpret
>>> b = Builder()
>>> x = b.value(UNKNOWN, "x")
>>> y = b.apply(TABLE["multiply"], x, x, name="y")
>>> primal = Program((Function("f", (Parameter(x),), b.block((x,), (y,))),))
>>> made = one_by_one(primal, forward(primal, (0,), "f_direction"), "f_jvp", 1)
>>> value, stack = interpret(made, (3.0, np.array([1.0, 0.5])))
>>> value, stack.tolist()
(9.0, [6.0, 3.0])
"""

from __future__ import annotations

from dataclasses import replace

from srcdiff.ad.assembly import each_direction, seeds_of
from srcdiff.ad.merge import merge
from srcdiff.ad.refusals import refuse_second_runs
from srcdiff.ir.builder import Builder
from srcdiff.ir.core import Call, Function, Program, Value
from srcdiff.ir.types import UNKNOWN
from srcdiff.primitives.table import TABLE


def one_by_one(
    primal: Program, derivative: Program, name: str, values: int, wrt: tuple[int, ...] = (), as_tuple: bool = False
) -> Program:
    """The derivative for stacks of seeds.

    Parameters
    ----------
    name
        What its main function is called.
    values
        How many of the results of `derivative` are the function's own value, which is not stacked (0 or 1).
    wrt, as_tuple
        The parameters whose structure the other results have, and whether they come as a tuple; where none are named,
        the structure is that of the value.
    """
    refuse_second_runs(derivative, "each of several directions")
    parameters = derivative.main.parameters
    seeds = seeds_of(primal, derivative)
    fresh = {p.value: Value(UNKNOWN if i in seeds else p.value.type, p.value.name) for i, p in enumerate(parameters)}
    builder = Builder()
    stacks = {i: fresh[parameters[i].value] for i in seeds}
    whole = [*stacks.values()]
    counted = whole[0] if len(whole) == 1 else builder.apply(TABLE["make_tuple"], *whole)
    results = derivative.main.body.results
    found: list[Value] = []
    if values:
        y = builder.value(results[0].type, results[0].name)
        builder.emit(Call(primal.main.name, tuple(fresh[v] for v in primal.main.body.parameters), (y,)))
        found.append(y)
    lists = each_direction(builder, derivative.main, stacks, counted, fresh, len(results) - values)
    like = [fresh[primal.main.body.parameters[p]] for p in wrt] or found
    model = like[0] if len(like) == 1 and not as_tuple else builder.apply(TABLE["make_tuple"], *like)
    found.extend(builder.apply(TABLE["stack_of"], items, model) for items in lists)
    values_of = tuple(fresh[p.value] for p in parameters)
    made = tuple(
        replace(p, value=v, annotation=None if i in seeds else p.annotation)
        for i, (p, v) in enumerate(zip(parameters, values_of, strict=True))
    )
    main = Function(name, made, builder.block(values_of, found))
    return Program((*merge([derivative, primal]).functions, main))
