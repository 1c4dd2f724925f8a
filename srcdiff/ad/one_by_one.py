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

from srcdiff.ad.assembly import seeds_of
from srcdiff.ad.merge import merge
from srcdiff.ir.builder import Builder
from srcdiff.ir.core import Call, For, Function, Program, Value
from srcdiff.ir.types import INT, UNKNOWN, List
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
    parameters = derivative.main.parameters
    seeds = [parameters[i].value for i in seeds_of(primal, derivative)]
    fresh = {p.value: Value(UNKNOWN if p.value in seeds else p.value.type, p.value.name) for p in parameters}
    builder, inner = Builder(), Builder()
    stacks = [fresh[s] for s in seeds]
    whole = stacks[0] if len(stacks) == 1 else builder.apply(TABLE["make_tuple"], *stacks)
    steps = builder.apply(TABLE["range"], 0, builder.apply(TABLE["count_directions"], whole), 1)
    k = inner.value(INT, "k")
    given = {s: inner.apply(TABLE["direction_of"], fresh[s], k) for s in seeds}
    results = tuple(inner.value(r.type, r.name) for r in derivative.main.body.results)
    inner.emit(Call(derivative.main.name, tuple(given.get(p.value, fresh[p.value]) for p in parameters), results))
    collected = results[values:]
    lists = tuple(builder.value(List(r.type)) for r in collected)
    found: list[Value] = []
    if values:
        y = builder.value(results[0].type, results[0].name)
        builder.emit(Call(primal.main.name, tuple(fresh[v] for v in primal.main.body.parameters), (y,)))
        found.append(y)
    builder.emit(For(steps, (), (), inner.block((k,), collected), lists))
    like = [fresh[primal.main.body.parameters[p]] for p in wrt] or found
    model = like[0] if len(like) == 1 and not as_tuple else builder.apply(TABLE["make_tuple"], *like)
    found.extend(builder.apply(TABLE["stack_of"], items, model) for items in lists)
    values_of = tuple(fresh[p.value] for p in parameters)
    made = tuple(
        replace(p, value=v, annotation=None if p.value in seeds else p.annotation)
        for p, v in zip(parameters, values_of, strict=True)
    )
    main = Function(name, made, builder.block(values_of, found))
    return Program((*merge([derivative, primal]).functions, main))
