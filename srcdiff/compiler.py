"""The pipeline from top to bottom: source text in, derivative source text out. Start reading here.

    module  --lower-->  program  --differentiate-->  program  --optimize-->  program  --inplace,
    emit-->  text

>>> module = Module.from_text("def f(x: float) -> float:\\n    return x * x\\n", "f.py")
>>> print(derive(module, "f", "gradient").body, end="")
def f_grad(x: float) -> float:
    \"\"\"Gradient of `f` with respect to x.\"\"\"
    # line 2: return x * x
    bx = 2.0 * x
    return bx
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from srcdiff.ad.jacobian import JacobianMode
from srcdiff.ad.marks import mark_loops
from srcdiff.ad.merge import merge
from srcdiff.ad.refusals import Refused
from srcdiff.analysis.ranks import implied_types
from srcdiff.description import describe
from srcdiff.diagnostics import Diagnostic, TransformError
from srcdiff.emit.outside import captured_names
from srcdiff.emit.python import emit as print_module
from srcdiff.frontend.annotations import type_of
from srcdiff.frontend.lower import declared_types, lower
from srcdiff.frontend.module import Module
from srcdiff.frontend.names import Request
from srcdiff.frontend.registrations import set_apart
from srcdiff.ir.calls import without_twins
from srcdiff.ir.core import Program, class_value
from srcdiff.ir.graph import to_dot
from srcdiff.ir.text import to_text
from srcdiff.ir.types import Type, is_differentiable, records_in
from srcdiff.loading import digest
from srcdiff.modes import DEFAULT, MODES, OF_SCALARS, Options, Wanted, differentiate
from srcdiff.optimize import optimize as optimized
from srcdiff.optimize.inplace import inplace
from srcdiff.optimize.placeholders import placeholders
from srcdiff.parameters import (
    NothingToDifferentiate,
    Wrt,
    located,
    nothing_to_differentiate,
    require_derivative,
    require_scalar,
    resolve_wrt,
)


@dataclass(frozen=True)
class Derived:
    """A derivative: its IR, its text without a header (`body`), and what the text refers to without importing it."""

    name: str
    program: Program
    body: str
    captured: Mapping[str, object]
    wrt: tuple[int, ...]
    writes: tuple[int, ...] = ()
    """The positions of the parameters whose arrays or containers the function writes into."""


def derive(
    module: Module,
    name: str,
    mode: str,
    wrt: Wrt = None,
    options: Options = DEFAULT,
    *,
    types: Mapping[str, Type] | None = None,
    header: str | None = None,
) -> Derived:
    """Differentiate one function of a module.

    Parameters
    ----------
    mode
        A key of `MODES`.
    wrt
        Index or name of a parameter, or a sequence of these (then derivatives come as a tuple); None: every
        parameter that can carry a derivative.
    types
        Types of parameters, where annotations do not give them.
    header
        Comment lines for the head of the text.

    Raises
    ------
    srcdiff.TransformError
        with every place that is outside the subset.
    """
    kind = MODES[mode]

    def inner(program: Program, request: Request) -> Program:
        return _requested(module, program, request, options)

    program = lower(module, name, types, inner)
    implied = implied_types(program, type_of(program.main.returns))
    if implied:
        program = lower(module, name, {**(types or {}), **implied}, inner)
    positions = () if kind == "primal" else resolve_wrt(module, program.main, wrt)
    as_tuple = wrt is not None and not isinstance(wrt, int | str)
    wanted = Wanted(kind, positions, as_tuple, options)
    writes = program.main.writes
    if options.checkpoint is not None:
        program = mark_loops(program, options.checkpoint)
    derivative = _derivative(module, program, wanted)
    if options.optimize:
        derivative = without_twins(derivative, final=True)
        derivative = placeholders(derivative)
    derivative = inplace(derivative, derivative=kind != "primal")
    text = print_module(derivative, module.imports, header)
    return Derived(derivative.main.name, derivative, text, _captured(derivative), positions, writes)


def _derivative(module: Module, program: Program, wanted: Wanted) -> Program:
    """The derivative of a program, checked, described and optimised."""
    function, optimize = program.main, wanted.options.optimize
    if wanted.mode in OF_SCALARS:
        require_scalar(module, function, wanted.mode)
    if wanted.mode == "jacobian":
        require_derivative(module, function)
    if optimize:
        program = optimized(program)
    try:
        derivative = differentiate(program, wanted)
    except Refused as error:
        found = [located(module, function.name, r.message, r.remedy, r.origin) for r in error.refusals]
        raise TransformError(found) from None
    derivative = describe(derivative, function, wanted)
    return without_twins(optimized(derivative)) if optimize else derivative


def _requested(module: Module, program: Program, request: Request, options: Options) -> Program:
    """A derivative that the text itself asks for, by a call of `grad` and its like."""
    assert request.wrt is not None
    mode = MODES[request.mode]
    if mode in ("hessian", "hvp") and request.as_tuple:
        message = f"`{mode}` with respect to a tuple of parameters is not supported inside a function"
        raise TransformError([Diagnostic(message, "take one parameter, or put what you need into one array")])
    main = replace(program.main, docstring=None)
    positions = tuple(i for i in request.wrt if isinstance(i, int))
    sweeps: JacobianMode = "reverse" if request.sweeps == "reverse" else "forward"
    inner = Options(optimize=options.optimize and request.optimize, sweeps=sweeps)
    wanted = Wanted(mode, positions, request.as_tuple, inner)
    return _derivative(module, Program((*program.functions[:-1], main)), wanted)


def _captured(program: Program) -> dict[str, object]:
    """What the program refers to by name and cannot import (closures, notebooks)."""
    found = {name: value.captured for value, name in captured_names(program).items()}
    for made in dict.fromkeys(m for f in program.functions for p in f.parameters for m in records_in(p.value.type)):
        value = class_value(made)
        if value.captured is not None and found.setdefault(value.attribute, value.captured) is not value.captured:
            message = f"two classes are called `{value.attribute}`, and neither can be imported from a module"
            raise TransformError([Diagnostic(message, "give them different names, or define them in a file")])
    return found


# -- whole files
# --------------------------------------------------------------------------------------------------------


def transform_file(
    path: str | Path,
    function: str | None = None,
    modes: Sequence[str] = ("forward", "reverse"),
    wrt: Wrt = None,
    options: Options = DEFAULT,
    command: str = "srcdiff transform",
    emit: Literal["python", "ir", "graph"] = "python",
    note: Callable[[str], None] | None = None,
) -> str:
    """The derivatives of a file's functions, as the text of a module. The file is read and never run.

    Parameters
    ----------
    function
        The function to differentiate; None: every public one that has a parameter to differentiate.
    command
        The command line that regenerates the text, for its header.
    note
        Is told of the functions that were left out.

    Raises
    ------
    srcdiff.TransformError
        with every place of the file that is outside the subset.
    """
    path = Path(path)
    module = Module.from_path(path)
    apart = {n: why for n, why in set_apart(module).items() if function is None and not n.startswith("_")}
    public = [n for n in module.functions if not n.startswith("_") and n not in apart]
    names = public if function is None else [function]
    if not names:
        raise TransformError([Diagnostic("there is no public function to transform", "", str(path), 1)])
    problems: list[Diagnostic] = []
    made: list[Program] = []
    skipped: list[NothingToDifferentiate] = []
    for name in names:
        try:
            if function is None and not any(map(is_differentiable, declared_types(module.functions[name]))):
                raise nothing_to_differentiate(module, name)
            for mode in modes:
                try:
                    made.append(derive(module, name, mode, wrt, options).program)
                except NothingToDifferentiate:
                    raise
                except TransformError as error:
                    problems.extend(d for d in error.diagnostics if d not in problems)
        except NothingToDifferentiate as error:
            skipped.append(error)
    if problems or not made:
        raise TransformError(problems or [d for e in skipped for d in e.diagnostics])
    if note is not None:
        for reason in [*apart.values(), *(one.diagnostics[0].message for one in skipped)]:
            note(f"skipped: {reason}")
    if emit == "ir":
        return "\n\n".join(to_text(p) for p in made) + "\n"
    if emit == "graph":
        return "\n".join(to_dot(p.main) for p in made)
    text = path.read_text(encoding="utf-8")
    header = f"# Generated by srcdiff from {path.name} (sha256 {digest(text)}).\n# Regenerate: {command}"
    return print_module(merge(made), module.imports, header)
