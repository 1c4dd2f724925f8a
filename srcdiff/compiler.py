"""The pipeline from top to bottom: source text in, derivative source text out. Start reading here.

    module  --lower-->  program  --forward / reverse / jacobian-->  program  --optimize-->  program  --inplace,
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

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, SupportsIndex

from srcdiff.ad.forward import forward
from srcdiff.ad.jacobian import JacobianMode, jacobian
from srcdiff.ad.merge import merge
from srcdiff.ad.refusals import Refused
from srcdiff.ad.reverse import reverse
from srcdiff.analysis.ranks import implied_types
from srcdiff.analysis.written import written_parameters
from srcdiff.diagnostics import Diagnostic, TransformError
from srcdiff.emit.python import emit as print_module
from srcdiff.frontend.annotations import type_of
from srcdiff.frontend.lower import declared_types, lower
from srcdiff.frontend.module import Module
from srcdiff.ir.core import (
    Apply,
    Block,
    Constant,
    Function,
    Global,
    If,
    Origin,
    Parameter,
    Program,
    Value,
    blocks_of,
    operands_of,
    walk,
)
from srcdiff.ir.graph import to_dot
from srcdiff.ir.text import to_text
from srcdiff.ir.types import Array, Dict, List, Scalar, Tuple, Type, Unknown, is_differentiable
from srcdiff.loading import digest
from srcdiff.optimize import optimize as optimized
from srcdiff.optimize.inplace import inplace

Mode = Literal["primal", "forward", "reverse", "gradient", "value_and_grad", "jacobian"]

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
}
"""Every name of a mode, and the mode that it means."""

Wrt = int | str | Sequence[int | str] | None


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
    *,
    types: Mapping[str, Type] | None = None,
    optimize: bool = True,
    jacobian_mode: JacobianMode = "forward",
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
    optimize
        Whether the optimising passes run. The in-place pass, which is needed for what it costs and not for what it
        gives, always does.

    Raises
    ------
    srcdiff.TransformError
        with every place that is outside the subset.
    """
    kind = MODES[mode]
    program = lower(module, name, types)
    implied = implied_types(program, type_of(program.main.returns))
    if implied:
        program = lower(module, name, {**(types or {}), **implied})
    positions = () if kind == "primal" else resolve_wrt(module, program.main, wrt)
    as_tuple = wrt is not None and not isinstance(wrt, int | str)
    function = program.main
    if kind in ("gradient", "value_and_grad"):
        require_scalar(module, function)
    if kind == "jacobian":
        require_arrays(module, function, positions)
    writes = written_parameters(program.main)
    if optimize:
        program = optimized(program)
    try:
        derivative = _differentiate(program, kind, positions, as_tuple, jacobian_mode, optimize)
    except Refused as error:
        raise TransformError([located(module, r.message, r.remedy, r.origin) for r in error.refusals]) from None
    derivative = _described(derivative, function, kind, positions, as_tuple)
    if optimize:
        derivative = optimized(derivative)
    derivative = inplace(derivative, derivative=kind != "primal")
    text = print_module(derivative, module.imports, header)
    return Derived(derivative.main.name, derivative, text, _captured(derivative), positions, writes)


def _differentiate(
    program: Program,
    kind: Mode,
    positions: tuple[int, ...],
    as_tuple: bool,
    jacobian_mode: JacobianMode,
    optimize: bool,
) -> Program:
    match kind:
        case "primal":
            return program
        case "forward":
            return forward(program, positions, optimize=optimize)
        case "reverse":
            return reverse(program, positions, "vjp", as_tuple, optimize=optimize)
        case "gradient" | "value_and_grad":
            return reverse(program, positions, kind, as_tuple, optimize=optimize)
        case "jacobian":
            return jacobian(program, positions, jacobian_mode, as_tuple, optimize=optimize)


def _captured(program: Program) -> dict[str, object]:
    """What the program refers to by name and cannot import (closures, notebooks)."""
    read: list[Value | None] = []
    for function in program.functions:
        read.extend(p.default for p in function.parameters)
        read.extend(function.body.results)
        for statement in walk(function.body):
            read.extend(operands_of(statement))
            read.extend(v for block in blocks_of(statement) for v in block.results)
    return {v.attribute: v.captured for v in read if isinstance(v, Global) and v.captured is not None}


# -- which parameters
# ---------------------------------------------------------------------------------------------------


def resolve_wrt(module: Module, function: Function, wrt: Wrt) -> tuple[int, ...]:
    """The positions of the parameters that `wrt` means.

    Raises
    ------
    srcdiff.TransformError
        where it names no parameter, or one that cannot carry a derivative.
    """
    names = [p.value.name or "" for p in function.parameters]
    if wrt is None:
        found = tuple(i for i, p in enumerate(function.parameters) if _can_carry(function, p.value, p.default))
        if not found:
            raise nothing_to_differentiate(module, function.name)
        return found
    positions = wrt_positions(module, function.name, names, wrt)
    for position in positions:
        kind = function.parameters[position].value.type
        if not is_differentiable(kind):
            message = (
                f"parameter `{names[position]}` of `{function.name}` is {_article(kind)} and carries no derivative"
            )
            raise _at_definition(
                module, function, message, "differentiate with respect to a float or an array of floats"
            )
    return positions


class NothingToDifferentiate(TransformError):
    """The function has no parameter that can carry a derivative."""


def nothing_to_differentiate(module: Module, name: str) -> NothingToDifferentiate:
    message = f"no parameter of `{name}` can carry a derivative"
    remedy = "annotate a parameter as float or as an array of floats"
    return NothingToDifferentiate(at_definition(module, name, message, remedy).diagnostics)


def checked_wrt(wrt: object) -> int | str | tuple[int | str, ...] | None:
    """`wrt` as an index, a name, a tuple of these or None.

    Raises
    ------
    TypeError
        where it is something else.
    """
    if wrt is None or isinstance(wrt, str):
        return wrt
    remedy = 'give the index or the name of a parameter, or a tuple of these: wrt=0, wrt="x", wrt=("x", "y")'
    if isinstance(wrt, list | tuple):
        if not wrt:
            raise TypeError(f"wrt is empty, so there is nothing to differentiate with respect to; {remedy}")
        items = [checked_wrt(w) for w in wrt if isinstance(w, str | SupportsIndex)]
        if len(items) == len(wrt) and not any(isinstance(w, bool) for w in wrt):
            return tuple(w for w in items if isinstance(w, int | str))
    elif isinstance(wrt, SupportsIndex) and not isinstance(wrt, bool):
        return operator.index(wrt)
    raise TypeError(f"wrt cannot be {wrt!r}; {remedy}")


def names_parameters(names: Sequence[str], wrt: int | str | Sequence[int | str]) -> bool:
    """Whether everything in `wrt` is a parameter among `names`, and nothing is there twice."""
    try:
        wrt_positions(None, "", names, wrt)
    except TransformError:
        return False
    return True


def wrt_positions(
    module: Module | None, name: str, names: Sequence[str], wrt: int | str | Sequence[int | str]
) -> tuple[int, ...]:
    """The positions that `wrt` means among the parameters called `names` of function `name`.

    Raises
    ------
    srcdiff.TransformError
        with everything in it that names no parameter, or one twice.
    """
    positions: list[int] = []
    problems: list[Diagnostic] = []

    def wrong(message: str, remedy: str) -> None:
        problems.extend(at_definition(module, name, message, remedy).diagnostics)

    for one in [wrt] if isinstance(wrt, int | str) else wrt:
        if isinstance(one, str):
            if one not in names:
                wrong(f"`{name}` has no parameter `{one}`", f"its parameters are {', '.join(names) or 'none'}")
                continue
            position = names.index(one)
        else:
            if not -len(names) <= one < len(names):
                count = f"{len(names)} parameter{'s' * (len(names) != 1)}"
                wrong(f"`{name}` has no parameter number {one}", f"it has {count}, counted from 0")
                continue
            position = one % len(names)
        if position in positions:
            wrong(f"parameter `{names[position]}` of `{name}` is named twice in wrt", "name each parameter once")
        positions.append(position)
    if problems:
        raise TransformError(problems)
    return tuple(positions)


_ARRAYS = {"int": "of integers", "uint": "of integers", "bool": "of booleans", "complex": "of complex numbers"}


def _article(kind: Type) -> str:
    if isinstance(kind, Array):
        return f"an array {_ARRAYS.get((kind.dtype or '').rstrip('0123456789'), f'of {kind.dtype}')}"
    return f"of type {kind}"


_TAKES_INTEGERS = frozenset({"range", "make_slice", "np.zeros", "np.ones", "np.eye", "np.empty", "np.arange"})


def _can_carry(function: Function, value: Value, default: Value | None) -> bool:
    """Whether `wrt=None` includes this parameter: by its type, else by its default and by how it is used."""
    if not is_differentiable(value.type):
        return False
    if not isinstance(value.type, Unknown):
        return True
    if isinstance(default, Constant) and not isinstance(default.value, float):
        return False
    for statement in walk(function.body):
        if isinstance(statement, Apply):
            if statement.primitive.name in _TAKES_INTEGERS and value in statement.operands:
                return False
            if statement.primitive.name == "index_get" and statement.operands[1] is value:
                return False
    return True


def require_scalar(module: Module, function: Function) -> None:
    """A gradient is that of a scalar.

    Raises
    ------
    srcdiff.TransformError
        where the function returns something that is known not to be a number.
    """
    result = function.body.results[0].type
    if _may_be_none(function.body, function.body.results[0]):
        message = f"the gradient of `{function.name}` is not defined: on some path it returns None"
        raise _at_definition(module, function, message, "return a scalar on every path")
    if isinstance(result, Scalar | Unknown) or (isinstance(result, Array) and result.rank in (0, None)):
        return
    message = f"the gradient of `{function.name}` is not defined: it returns {_noun(result)}, not a scalar"
    place = function.body.results[0].origin
    remedy = "return a scalar (np.sum(...), say), or use jacobian, vjp or jvp"
    raise _at_definition(module, function, message, remedy, place)


def _may_be_none(body: Block, result: Value) -> bool:
    """Whether None is among the values that a result is merged from."""
    merges = {
        r: (a, b)
        for s in walk(body)
        if isinstance(s, If)
        for r, a, b in zip(s.results, s.then.results, s.orelse.results, strict=True)
    }
    pending, seen = [result], set[Value]()
    while pending:
        value = pending.pop()
        if isinstance(value, Constant) and value.value is None:
            return True
        if value not in seen:
            seen.add(value)
            pending.extend(merges.get(value, ()))
    return False


def require_arrays(module: Module, function: Function, positions: tuple[int, ...]) -> None:
    """A Jacobian is that of numbers and arrays in numbers and arrays.

    Raises
    ------
    srcdiff.TransformError
        where a parameter or the result is known to be something else.
    """
    result = function.body.results[0]
    remedy = "use jvp or vjp, which take containers, or put the numbers into one array"
    if not isinstance(result.type, Scalar | Array | Unknown):
        what = f"it returns {_noun(result.type)}, not a number or an array"
        raise _at_definition(
            module, function, f"the Jacobian of `{function.name}` is not defined: {what}", remedy, result.origin
        )
    for position in positions:
        value = function.parameters[position].value
        if not isinstance(value.type, Scalar | Array | Unknown):
            what = f"its parameter `{value.name}` is {_noun(value.type)}, not a number or an array"
            message = f"the Jacobian of `{function.name}` is not defined: {what}"
            raise _at_definition(module, function, message, remedy)


def _noun(kind: Type) -> str:
    match kind:
        case Array():
            return f"an array of rank {kind.rank}"
        case Tuple():
            return "a tuple"
        case List():
            return "a list"
        case Dict():
            return "a dict"
    return f"{kind}"


def _at_definition(
    module: Module, function: Function, message: str, remedy: str, origin: Origin | None = None
) -> TransformError:
    """An error at the function's definition, or at `origin` where that is a place in the text."""
    if origin is not None and origin.line:
        return TransformError([located(module, message, remedy, origin)])
    return at_definition(module, function.name, message, remedy)


def at_definition(module: Module | None, name: str, message: str, remedy: str) -> TransformError:
    """An error at the definition of function `name`."""
    if module is None or name not in module.functions:
        return TransformError([Diagnostic(message, remedy)])
    node = module.functions[name].node
    text = module.lines[node.lineno - 1]
    column = node.col_offset + 1
    return TransformError([Diagnostic(message, remedy, module.filename, node.lineno, column, len(text) + 1, text)])


def located(module: Module, message: str, remedy: str, origin: Origin) -> Diagnostic:
    """A diagnostic for the statement at `origin`."""
    text = module.lines[origin.line - 1] if origin.filename in ("", module.filename) else origin.text
    column = origin.column + 1
    end = min(column + len(origin.text), len(text) + 1)
    return Diagnostic(message, remedy, origin.filename or module.filename, origin.line, column, end, text)


# -- what the printed function says of itself
# -----------------------------------------------------------------------------


def _described(program: Program, primal: Function, kind: Mode, wrt: tuple[int, ...], as_tuple: bool) -> Program:
    """The program with docstring and return annotation on its main function."""
    if kind == "primal":
        return program
    program = Program(tuple(map(_annotated, program.functions)))
    main = program.main
    names = [primal.parameters[i].value.name or "" for i in wrt]
    listed = names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
    says_number = kind != "gradient" or any(primal.parameters[i].annotation == "float" for i in wrt)
    ranked = relies_on_ranks(main, says_number)
    main = replace(main, parameters=tuple(replace(p, annotation=printable(p, ranked)) for p in main.parameters))
    texts = [printable(primal.parameters[i], ranked) for i in wrt]
    value = primal.returns if primal.returns is not None and _is_plain(primal.returns) else None
    annotations = [t for t in texts if t is not None]
    complete = len(annotations) == len(texts)
    inner: str | None = None
    if complete:
        inner = annotations[0] if len(annotations) == 1 and not as_tuple else f"tuple[{', '.join(annotations)}]"
    extra = main.parameters[len(primal.parameters) :]
    match kind:
        case "forward":
            tangents = ", ".join("d" + n for n in names)
            docstring = f"Value and directional derivative of `{primal.name}` along {_parenthesised(tangents, names)}."
            returns = f"tuple[{value}, {value}]" if value else None
        case "reverse":
            seed = extra[0].value.name if extra else "the output adjoint"
            docstring = f"Value of `{primal.name}` and the adjoints of {listed} for the output adjoint {seed}."
            returns = f"tuple[{value}, {inner}]" if value and inner else None
        case "gradient":
            docstring = f"Gradient of `{primal.name}` with respect to {listed}."
            returns = inner
        case "value_and_grad":
            docstring = f"Value of `{primal.name}` and its gradient with respect to {listed}."
            returns = f"tuple[{value}, {inner}]" if value and inner else None
        case "jacobian":
            docstring = f"Jacobian of `{primal.name}` with respect to {listed}."
            returns = None
    if primal.docstring:
        docstring = f"{docstring}\n\n{primal.docstring.rstrip()}\n"
    described = replace(main, docstring=docstring, returns=returns)
    return Program((*program.functions[:-1], described))


_PLAIN = frozenset(["float", "int", "bool", "str", "None", "list", "tuple", "dict", "np.ndarray", "numpy.ndarray"])


def _is_plain(annotation: str) -> bool:
    """Whether an annotation needs nothing but Python and NumPy."""
    annotation = re.sub(r"""Annotated\[([\w.]+), ['"][^'"]*['"]\]""", r"\1", annotation)
    return all(word in _PLAIN for word in re.findall(r"[\w.]+", annotation))


_SHAPED = re.compile(r"""(?:Float|Float64|Annotated)\[[\w.]+, ['"]([\w+# -]+)['"]\]""")


def printable(parameter: Parameter, ranked: bool = False) -> str | None:
    """The annotation to print: what would need another package, `Float[np.ndarray, "n d"]`, is written with what the
    standard library has, `Annotated[np.ndarray, "n d"]`, which says as much to a reader and to the front end.

    With `ranked`, so is the rank of `x: np.ndarray` that follows from the primal."""
    kind = parameter.value.type
    if ranked and parameter.annotation in ("np.ndarray", "numpy.ndarray") and isinstance(kind, Array) and kind.shape:
        return f'Annotated[{parameter.annotation}, "{" ".join("_" if d is None else str(d) for d in kind.shape)}"]'
    if parameter.annotation is None or _is_plain(parameter.annotation):
        return parameter.annotation
    shaped = _SHAPED.fullmatch(parameter.annotation)
    if shaped is not None:
        return f'Annotated[np.ndarray, "{shaped.group(1)}"]'
    return "np.ndarray" if isinstance(parameter.value.type, Array) else None


def relies_on_ranks(function: Function, says_number: bool) -> bool:
    """Whether the ranks that follow from the primal must be printed for the text to be read as it was made: it writes
    elements of arrays, and which reads of elements are numbers and which are views does not follow from its results
    (`says_number`: one of these is said to be a number). Elements that are overwritten are read before."""
    names = ("index_set",) if says_number else ("index_set", "index_add")
    return any(
        isinstance(s, Apply) and s.primitive.name in names and isinstance(s.result.type, Array)
        for s in walk(function.body)
    )


def _annotated(function: Function) -> Function:
    """The function with annotations that need nothing but Python and NumPy."""
    parameters = tuple(replace(p, annotation=printable(p)) for p in function.parameters)
    plain = function.returns is not None and _is_plain(function.returns)
    return replace(function, parameters=parameters, returns=function.returns if plain else None)


def _parenthesised(text: str, names: list[str]) -> str:
    return f"({text})" if len(names) > 1 else text


# -- whole files
# --------------------------------------------------------------------------------------------------------


def transform_file(
    path: str | Path,
    function: str | None = None,
    modes: Sequence[str] = ("forward", "reverse"),
    wrt: Wrt = None,
    optimize: bool = True,
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
    names = [function] if function is not None else [n for n in module.functions if not n.startswith("_")]
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
                    made.append(derive(module, name, mode, wrt, optimize=optimize).program)
                except NothingToDifferentiate:
                    raise
                except TransformError as error:
                    problems.extend(d for d in error.diagnostics if d not in problems)
        except NothingToDifferentiate as error:
            skipped.append(error)
    if problems or not made:
        raise TransformError(problems or [d for e in skipped for d in e.diagnostics])
    if note is not None:
        for one in skipped:
            note(f"skipped: {one.diagnostics[0].message}")
    if emit == "ir":
        return "\n\n".join(to_text(p) for p in made) + "\n"
    if emit == "graph":
        return "\n".join(to_dot(p.main) for p in made)
    text = path.read_text(encoding="utf-8")
    header = f"# Generated by srcdiff from {path.name} (sha256 {digest(text)}).\n# Regenerate: {command}"
    return print_module(merge(made), module.imports, header)
