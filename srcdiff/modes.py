"""What can be asked for: the modes, and the passes that each of them takes.

In: a program and a `Wanted`, which holds `Options`. Out: the program of the derivative.

>>> MODES["grad"]
'gradient'
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Literal, SupportsIndex

from srcdiff.ad.assembly import seeds_of
from srcdiff.ad.directions import stack_directions
from srcdiff.ad.forward import forward
from srcdiff.ad.hessian import hessian, hvp
from srcdiff.ad.jacobian import JacobianMode, jacobian
from srcdiff.ad.one_by_one import one_by_one
from srcdiff.ad.refusals import Refused
from srcdiff.ad.reverse import reverse
from srcdiff.ir.calls import positional
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
class Options:
    """What can be chosen besides the mode and the parameters.

    Parameters
    ----------
    optimize
        Whether the optimising passes run. The in-place pass, which is needed for what it costs and not for what it
        gives, always does.
    sweeps
        Whether a Jacobian is computed by columns ("forward") or by rows ("reverse").
    value
        Whether the function's value comes with its Jacobian.
    directions
        Whether the tangents or the output adjoint are stacks: with one more, leading axis, one entry a direction.
    checkpoint
        How many states the reverse sweep may keep of each outermost loop that has no directive of its own; None: all
        that it needs is kept.

    Raises
    ------
    TypeError, ValueError
        where `checkpoint` is no number of snapshots.
    """

    optimize: bool = True
    sweeps: JacobianMode = "forward"
    value: bool = False
    directions: bool = False
    checkpoint: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "checkpoint", checked_checkpoint(self.checkpoint))


def checked_checkpoint(checkpoint: object) -> int | None:
    """`checkpoint` as a number of snapshots, 1 or more, or None.

    Raises
    ------
    TypeError
        where it is no integer.
    ValueError
        where it is less than 1.
    """
    if checkpoint is None:
        return None
    if isinstance(checkpoint, bool) or not isinstance(checkpoint, SupportsIndex):
        raise TypeError(f"checkpoint is the number of snapshots, an integer, not {checkpoint!r}")
    count = operator.index(checkpoint)
    if count < 1:
        raise ValueError(f"checkpoint is the number of snapshots, 1 or more, not {count}")
    return count


DEFAULT = Options()


@dataclass(frozen=True)
class Wanted:
    """A derivative: its mode, the positions of the parameters, and its options.

    `as_tuple` says that the derivatives come as a tuple even if there is only one.
    """

    mode: Mode
    wrt: tuple[int, ...]
    as_tuple: bool = False
    options: Options = DEFAULT


def differentiate(program: Program, wanted: Wanted) -> Program:
    """The derivative program.

    Raises
    ------
    srcdiff.ad.refusals.Refused
        with every place that cannot be differentiated.
    """
    wrt, as_tuple, options = wanted.wrt, wanted.as_tuple, wanted.options
    optimize = options.optimize

    def tidy(gradient: Program) -> Program:
        return optimized(gradient) if optimize else gradient

    def made(name: str | None = None) -> Program:
        match wanted.mode:
            case "primal":
                # Calls give every argument of a helper by position.
                return Program((*map(positional, program.functions[:-1]), program.main))
            case "forward":
                return forward(program, wrt, name, optimize=optimize)
            case "reverse":
                return reverse(program, wrt, "vjp", as_tuple, name, optimize=optimize)
            case "gradient" | "value_and_grad":
                return reverse(program, wrt, wanted.mode, as_tuple, optimize=optimize)
            case "jacobian":
                return jacobian(program, wrt, options.sweeps, as_tuple, value=options.value, optimize=optimize)
            case "hessian":
                return hessian(program, wrt, as_tuple, tidy, optimize=optimize)
            case "hvp":
                return hvp(program, wrt, as_tuple, tidy, name, optimize=optimize)

    derivative = made()
    if not options.directions:
        return derivative
    seeds = seeds_of(program, derivative)
    values = 0 if wanted.mode == "hvp" else 1
    try:
        return stack_directions(derivative, seeds, range(values, len(derivative.main.body.results)))
    except Refused:
        name = derivative.main.name
        one = made(f"{name}_direction")
        if wanted.mode == "forward":  # the tangent is like the value, whatever parameters there are
            return one_by_one(program, one, name, values)
        return one_by_one(program, one, name, values, wrt, as_tuple)
