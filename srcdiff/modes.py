"""What can be asked for: the modes, and the passes that each of them takes.

In: a program and a `Wanted`. Out: the program of the derivative.

>>> MODES["grad"]
'gradient'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from srcdiff.ad.directions import stack_directions
from srcdiff.ad.forward import forward
from srcdiff.ad.hessian import hessian, hvp
from srcdiff.ad.jacobian import JacobianMode, jacobian
from srcdiff.ad.one_by_one import one_by_one
from srcdiff.ad.refusals import Refused
from srcdiff.ad.reverse import reverse
from srcdiff.ir.core import Program
from srcdiff.optimize import optimize as optimized

Mode = Literal["primal", "forward", "reverse", "gradient", "value_and_grad", "jacobian", "hessian", "hvp"]

MODES: dict[str, Mode] = {
    "primal": "primal",
    "forward": "forward",
    "jvp": "forward",
    "reverse": "reverse",
    "vjp": "reverse",
    "gradient": "gradient",
    "grad": "gradient",
    "value_and_grad": "value_and_grad",
    "jacobian": "jacobian",
    "hessian": "hessian",
    "hvp": "hvp",
}
"""Every name of a mode, and the mode that it means."""

OF_SCALARS = frozenset(("gradient", "value_and_grad", "hessian", "hvp"))
"""The modes that a function must return a number for."""

WITH_SEEDS = frozenset(("forward", "reverse", "hvp"))
"""The modes whose functions take tangents or an output adjoint after the function's own arguments."""


@dataclass(frozen=True)
class Wanted:
    """A derivative: its mode and its options.

    `wrt` are the positions of the parameters, `as_tuple` says that their derivatives come as a tuple even if there is
    only one, `sweeps` how a Jacobian is computed, `value` that the function's value comes with the Jacobian, and
    `directions` that seeds are stacks: arrays with one more, leading axis, one entry a direction.
    """

    mode: Mode
    wrt: tuple[int, ...]
    as_tuple: bool = False
    sweeps: JacobianMode = "forward"
    value: bool = False
    directions: bool = False


def differentiate(program: Program, wanted: Wanted, *, optimize: bool = True) -> Program:
    """The derivative program.

    Raises
    ------
    srcdiff.ad.refusals.Refused
        with every place that cannot be differentiated.
    """
    wrt, as_tuple = wanted.wrt, wanted.as_tuple

    def tidy(gradient: Program) -> Program:
        return optimized(gradient) if optimize else gradient

    def made(name: str | None = None) -> Program:
        match wanted.mode:
            case "primal":
                return program
            case "forward":
                return forward(program, wrt, name, optimize=optimize)
            case "reverse":
                return reverse(program, wrt, "vjp", as_tuple, name, optimize=optimize)
            case "gradient" | "value_and_grad":
                return reverse(program, wrt, wanted.mode, as_tuple, optimize=optimize)
            case "jacobian":
                return jacobian(program, wrt, wanted.sweeps, as_tuple, value=wanted.value, optimize=optimize)
            case "hessian":
                return hessian(program, wrt, as_tuple, tidy, optimize=optimize)
            case "hvp":
                return hvp(program, wrt, as_tuple, tidy, name, optimize=optimize)

    derivative = made()
    if not wanted.directions:
        return derivative
    own = set(program.main.body.parameters)
    seeds = [i for i, p in enumerate(derivative.main.parameters) if p.value not in own]
    values = 0 if wanted.mode == "hvp" else 1
    try:
        return stack_directions(derivative, seeds, range(values, len(derivative.main.body.results)))
    except Refused:
        name = derivative.main.name
        one = made(f"{name}_direction")
        if wanted.mode == "forward":  # the tangent is like the value, whatever parameters there are
            return one_by_one(program, one, name, values)
        return one_by_one(program, one, name, values, wrt, as_tuple)
