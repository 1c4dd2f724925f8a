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

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from srcdiff.ad.forward import forward
from srcdiff.ad.jacobian import JacobianMode, jacobian
from srcdiff.ad.reverse import reverse
from srcdiff.ad.variants import unique_name
from srcdiff.analysis.ranks import implied_types
from srcdiff.diagnostics import Diagnostic, TransformError
from srcdiff.emit.python import emit
from srcdiff.frontend.annotations import type_of
from srcdiff.frontend.lower import lower
from srcdiff.frontend.module import Module
from srcdiff.ir.core import (
    Apply,
    Block,
    Call,
    Constant,
    Effect,
    For,
    Function,
    Global,
    If,
    Origin,
    Parameter,
    Program,
    Statement,
    Value,
    While,
    operands_of,
    walk,
)
from srcdiff.ir.graph import to_dot
from srcdiff.ir.text import to_text
from srcdiff.ir.types import FLOAT, Array, Dict, List, Scalar, Tuple, Type, Unknown, is_differentiable
from srcdiff.loading import digest
from srcdiff.optimize import optimize as optimized
from srcdiff.optimize.inplace import inplace
from srcdiff.primitives.rules import MissingRule

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
    implied = implied_types(program.main) if type_of(program.main.returns) == FLOAT else {}
    if implied:
        program = lower(module, name, {**(types or {}), **implied})
    positions = () if kind == "primal" else resolve_wrt(module, program.main, wrt)
    as_tuple = wrt is not None and not isinstance(wrt, int | str)
    function = program.main
    if kind in ("gradient", "value_and_grad"):
        require_scalar(module, function)
    if optimize:
        program = optimized(program)
    try:
        derivative = _differentiate(program, kind, positions, as_tuple, jacobian_mode, optimize)
    except MissingRule as error:
        raise _missing_rule(module, program, error) from None
    derivative = _described(derivative, function, kind, positions, as_tuple)
    if optimize:
        derivative = optimized(derivative)
    derivative = inplace(derivative)
    text = emit(derivative, module.imports, header)
    return Derived(derivative.main.name, derivative, text, _captured(derivative), positions)


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
    return {
        value.attribute: value.captured
        for function in program.functions
        for statement in walk(function.body)
        for value in operands_of(statement)
        if isinstance(value, Global) and value.captured is not None
    }


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
            message = f"no parameter of `{function.name}` can carry a derivative"
            raise _at_definition(module, function, message, "annotate a parameter as float or as an array of floats")
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


def names_parameters(names: Sequence[str], wrt: int | str | Sequence[int | str]) -> bool:
    """Whether everything in `wrt` is a parameter among `names`, and nothing is there twice."""
    found = [
        names.index(w) if isinstance(w, str) and w in names else w % len(names) if isinstance(w, int) and names else w
        for w in ([wrt] if isinstance(wrt, int | str) else wrt)
        if isinstance(w, str) or -len(names) <= w < len(names)
    ]
    return len(set(found)) == (1 if isinstance(wrt, int | str) else len(wrt)) and not any(
        isinstance(w, str) for w in found
    )


def wrt_positions(
    module: Module | None, name: str, names: Sequence[str], wrt: int | str | Sequence[int | str]
) -> tuple[int, ...]:
    """The positions that `wrt` means among the parameters called `names` of function `name`.

    Raises
    ------
    srcdiff.TransformError
        where it names no parameter, or one twice.
    """
    positions: list[int] = []
    for one in [wrt] if isinstance(wrt, int | str) else wrt:
        if isinstance(one, str):
            if one not in names:
                message = f"`{name}` has no parameter `{one}`"
                raise at_definition(module, name, message, f"its parameters are {', '.join(names) or 'none'}")
            position = names.index(one)
        else:
            if not -len(names) <= one < len(names):
                message = f"`{name}` has no parameter number {one}"
                raise at_definition(module, name, message, f"it has {len(names)} parameters, counted from 0")
            position = one % len(names)
        if position in positions:
            message = f"parameter `{names[position]}` of `{name}` is named twice in wrt"
            raise at_definition(module, name, message, "name each parameter once")
        positions.append(position)
    return tuple(positions)


def _article(kind: Type) -> str:
    text = "an integer array" if isinstance(kind, Array) else f"{kind}"
    return text if isinstance(kind, Array) else f"of type {text}"


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
    if isinstance(result, Scalar | Unknown) or (isinstance(result, Array) and result.rank in (0, None)):
        return
    match result:
        case Array():
            what = f"an array of rank {result.rank}"
        case Tuple():
            what = "a tuple"
        case List():
            what = "a list"
        case Dict():
            what = "a dict"
        case _:
            what = f"{result}"
    message = f"the gradient of `{function.name}` is not defined: it returns {what}, not a scalar"
    place = function.body.results[0].origin
    remedy = "return a scalar (np.sum(...), say), or use jacobian, vjp or jvp"
    raise _at_definition(module, function, message, remedy, place)


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
    column = origin.column or 1
    end = column + len(origin.text)
    return Diagnostic(message, remedy, origin.filename or module.filename, origin.line, column, end, text)


def _missing_rule(module: Module, program: Program, error: MissingRule) -> TransformError:
    """All the places where a primitive without a rule is used."""
    name = error.primitive.name
    remedy = "rewrite it with operations that have a rule, or keep it away from what is differentiated"
    found = [
        located(module, f"there is no derivative rule for `{name}`", remedy, statement.origin)
        for function in program.functions
        for statement in walk(function.body)
        if isinstance(statement, Apply) and statement.primitive is error.primitive
    ]
    return TransformError(found or f"there is no derivative rule for `{name}`")


# -- what the printed function says of itself
# -----------------------------------------------------------------------------


def _described(program: Program, primal: Function, kind: Mode, wrt: tuple[int, ...], as_tuple: bool) -> Program:
    """The program with docstring and return annotation on its main function."""
    if kind == "primal":
        return program
    main = replace(program.main, parameters=tuple(replace(p, annotation=printable(p)) for p in program.main.parameters))
    names = [primal.parameters[i].value.name or "" for i in wrt]
    listed = names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
    texts = [printable(primal.parameters[i]) for i in wrt]
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
        docstring = f"{docstring}\n\n{primal.docstring}"
    described = replace(main, docstring=docstring, returns=returns)
    return Program((*program.functions[:-1], described))


_PLAIN = frozenset(["float", "int", "bool", "str", "None", "list", "tuple", "dict", "np.ndarray", "numpy.ndarray"])


def _is_plain(annotation: str) -> bool:
    """Whether an annotation needs nothing but Python and NumPy."""
    return all(word in _PLAIN for word in re.findall(r"[\w.]+", annotation))


_SHAPED = re.compile(r"""(?:Float|Float64)\[[\w.]+, ['"]([\w+# -]+)['"]\]""")


def printable(parameter: Parameter) -> str | None:
    """The annotation to print: what would need another package, `Float[np.ndarray, "n d"]`, is written with what the
    standard library has, `Annotated[np.ndarray, "n d"]`, which says as much to a reader and to the front end."""
    if parameter.annotation is None or _is_plain(parameter.annotation):
        return parameter.annotation
    shaped = _SHAPED.fullmatch(parameter.annotation)
    if shaped is not None:
        return f'Annotated[np.ndarray, "{shaped.group(1)}"]'
    return "np.ndarray" if isinstance(parameter.value.type, Array) else None


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
) -> str:
    """The derivatives of a file's functions, as the text of a module. The file is read and never run.

    Parameters
    ----------
    function
        The function to differentiate; None: every public one.
    command
        The command line that regenerates the text, for its header.

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
    for name in names:
        for mode in modes:
            try:
                made.append(_make_program(module, name, mode, wrt, optimize, emit))
            except TransformError as error:
                problems.extend(d for d in error.diagnostics if d not in problems)
    if problems:
        raise TransformError(problems)
    if emit == "ir":
        return "\n\n".join(to_text(p) for p in made) + "\n"
    if emit == "graph":
        return "\n".join(to_dot(p.main) for p in made)
    text = path.read_text(encoding="utf-8")
    header = f"# Generated by srcdiff from {path.name} (sha256 {digest(text)}).\n# Regenerate: {command}"
    return _print(merge(made), module, header)


def _make_program(module: Module, name: str, mode: str, wrt: Wrt, optimize: bool, emit: str) -> Program:
    derived = derive(module, name, mode, wrt, optimize=optimize)
    return derived.program


def _print(program: Program, module: Module, header: str) -> str:
    return emit(program, module.imports, header)


def merge(programs: Sequence[Program]) -> Program:
    """One program with the functions of all: equal ones once, different ones of one name under different names."""
    taken = {p.main.name for p in programs}
    functions: dict[str, Function] = {p.main.name: p.main for p in programs}
    order: list[str] = []
    for program in programs:
        renamed: dict[str, str] = {}
        for function in program.functions:
            function = _with_calls(function, renamed)
            name = function.name
            if function.name == program.main.name:
                functions[name] = function
            elif name in functions and not _same(functions[name], function):
                name = unique_name(name, taken)
                renamed[function.name] = name
                functions[name] = replace(function, name=name)
            else:
                functions.setdefault(name, function)
            taken.add(name)
            if name not in order:
                order.append(name)
    return Program(tuple(functions[name] for name in order))


def _same(a: Function, b: Function) -> bool:
    """Whether two functions differ in nothing but what they say of themselves."""
    plain = [
        replace(f, docstring=None, returns=None, parameters=tuple(Parameter(p.value) for p in f.parameters))
        for f in (a, b)
    ]
    return to_text(plain[0]) == to_text(plain[1])


def _with_calls(function: Function, renamed: Mapping[str, str]) -> Function:
    """The function with the functions that it calls renamed."""
    if not renamed:
        return function

    def block(old: Block) -> Block:
        return Block(old.parameters, tuple(map(statement, old.statements)), old.results)

    def statement(old: Statement) -> Statement:
        match old:
            case Call():
                return replace(old, function=renamed.get(old.function, old.function))
            case If():
                return replace(old, then=block(old.then), orelse=block(old.orelse))
            case For():
                return replace(old, body=block(old.body))
            case While():
                return replace(old, condition=block(old.condition), body=block(old.body))
            case Apply() | Effect():
                return old

    return replace(function, body=block(function.body))
