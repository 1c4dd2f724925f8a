"""Second derivatives inside a function: what `hessian(g)(x)` and `hvp(g)(x, v)` in the user's text become.

In: the program of a gradient. Out: the program of the Hessian, which is the Jacobian of the gradient, or of its product
with a vector, which is the tangent of the gradient along that vector.

>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.interpret import interpret
>>> from srcdiff.ir.core import Function, Parameter
>>> from srcdiff.ir.types import FLOAT
>>> from srcdiff.primitives.table import TABLE
>>> b = Builder()
>>> x = b.value(FLOAT, "x")
>>> y = b.apply(TABLE["multiply"], x, x)
>>> gradient = Program((Function("g_grad", (Parameter(x),), b.block((x,), (y,))),))
>>> interpret(second(gradient, "g", "hessian", (0,)), (3.0,)), interpret(second(gradient, "g", "hvp", (0,)), (3.0, 2.0))
(6.0, 12.0)
"""

from __future__ import annotations

from dataclasses import replace

from srcdiff.ad.forward import forward
from srcdiff.ad.jacobian import jacobian
from srcdiff.ir.calls import unique_name
from srcdiff.ir.core import Block, Program


def second(gradient: Program, name: str, mode: str, wrt: tuple[int, ...], optimize: bool = True) -> Program:
    """The Hessian of function `name`, or its product with a vector, made from the program of its gradient.

    Parameters
    ----------
    mode
        ``"hessian"``, or ``"hvp"``: a function that takes the vector after the parameters.
    wrt
        The one parameter that the gradient is with respect to.

    Raises
    ------
    srcdiff.ad.refusals.Refused
        with every place where a derivative would pass through something that has no rule.
    """
    x = gradient.main.parameters[wrt[0]].value.name
    wanted = unique_name(f"{name}_{mode}", {f.name for f in gradient.functions})
    if mode == "hvp":
        made = forward(gradient, wrt, wanted, optimize=optimize)
        body = made.main.body
        main = replace(made.main, body=Block(body.parameters, body.statements, body.results[1:]))
        docstring = f"Product of the Hessian of `{name}` with respect to {x} and the vector d{x}."
    else:
        made = jacobian(gradient, wrt, "forward", False, optimize=optimize)
        main = replace(made.main, name=wanted)
        docstring = f"Hessian of `{name}` with respect to {x}."
    return Program((*made.functions[:-1], replace(main, docstring=docstring, returns=None)))
