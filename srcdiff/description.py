"""What a printed derivative says of itself: docstring and annotations.

In: a derivative program and the function that it was made from. Out: the program with a docstring that says what its
main function returns, and with annotations that need nothing but Python and NumPy.

>>> from srcdiff.ir.core import Value
>>> printable(Parameter(Value(Array("float64", None), "X"), annotation='Float[np.ndarray, "n d"]'))
'Annotated[np.ndarray, "n d"]'
"""

from __future__ import annotations

import re
from dataclasses import replace

from srcdiff.ir.core import Apply, Function, Parameter, Program, walk
from srcdiff.ir.types import Array, List, Opaque, Record, Scalar, Symbol, Tuple, Type, records_in
from srcdiff.modes import Wanted


def describe(program: Program, primal: Function, wanted: Wanted) -> Program:
    """The program with docstring and return annotation on its main function."""
    wrt, as_tuple = wanted.wrt, wanted.as_tuple
    program = Program(tuple(map(_annotated, program.functions)))
    if wanted.mode == "primal":
        return program
    main = program.main
    names = [primal.parameters[i].value.name or "" for i in wrt]
    listed = names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
    says_number = wanted.mode != "gradient" or any(primal.parameters[i].annotation == "float" for i in wrt)
    ranked = relies_on_ranks(main, says_number)
    main = replace(main, parameters=tuple(replace(p, annotation=printable(p, ranked)) for p in main.parameters))
    texts = [printable(primal.parameters[i], ranked) for i in wrt]
    value = primal.returns if primal.returns is not None and _is_plain(primal.returns) else None
    if records_in(primal.body.results[0].type):
        value = _of_type(primal.body.results[0].type)
    annotations = [t for t in texts if t is not None]
    complete = len(annotations) == len(texts)
    inner: str | None = None
    if complete:
        inner = annotations[0] if len(annotations) == 1 and not as_tuple else f"tuple[{', '.join(annotations)}]"
    extra = main.parameters[len(primal.parameters) :]
    tangents = _parenthesised(", ".join("d" + n for n in names), names)
    match wanted.mode:
        case "forward":
            docstring = f"Value and directional derivative of `{primal.name}` along {tangents}."
            returns = f"tuple[{value}, {value}]" if value else None
            if wanted.options.directions:
                docstring = f"Value of `{primal.name}` and its directional derivatives along each of {tangents}."
        case "reverse":
            seed = extra[0].value.name if extra else "the output adjoint"
            docstring = f"Value of `{primal.name}` and the adjoints of {listed} for the output adjoint {seed}."
            returns = f"tuple[{value}, {inner}]" if value and inner else None
            if wanted.options.directions:
                docstring = f"Value of `{primal.name}` and the adjoints of {listed} for each output adjoint in {seed}."
        case "gradient":
            docstring = f"Gradient of `{primal.name}` with respect to {listed}."
            returns = inner
        case "value_and_grad":
            docstring = f"Value of `{primal.name}` and its gradient with respect to {listed}."
            returns = f"tuple[{value}, {inner}]" if value and inner else None
        case "jacobian":
            docstring = f"Jacobian of `{primal.name}` with respect to {listed}."
            returns = None
            if wanted.options.value:
                docstring = f"Value of `{primal.name}` and its Jacobian with respect to {listed}."
        case "hessian":
            docstring = f"Hessian of `{primal.name}` with respect to {listed}."
            returns = None
            if inner is not None and all(_is_number_or_array(t) for t in annotations):
                block = "float" if set(annotations) == {"float"} else "np.ndarray"
                row = f"tuple[{', '.join([block] * len(names))}]"
                returns = block if not as_tuple and len(names) == 1 else f"tuple[{', '.join([row] * len(names))}]"
        case "hvp":
            docstring = f"The Hessian of `{primal.name}` with respect to {listed}, times {tangents}."
            returns = inner
            if wanted.options.directions:
                docstring = f"The Hessian of `{primal.name}` with respect to {listed}, times each of {tangents}."
    if wanted.options.directions:
        returns = None
    if primal.docstring:
        docstring = f"{docstring}\n\n{primal.docstring.rstrip()}\n"
    described = replace(main, docstring=docstring, returns=returns)
    return Program((*program.functions[:-1], described))


def _is_number_or_array(annotation: str) -> bool:
    return annotation in ("float", "np.ndarray") or annotation.startswith("Annotated[np.ndarray")


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
        names = " ".join(str(d) if isinstance(d, int | Symbol) else "_" for d in kind.shape)
        return f'Annotated[{parameter.annotation}, "{names}"]'
    if records_in(kind):
        return _of_type(kind)
    if parameter.annotation is None or _is_plain(parameter.annotation):
        return parameter.annotation
    shaped = _SHAPED.fullmatch(parameter.annotation)
    if shaped is not None:
        return f'Annotated[np.ndarray, "{shaped.group(1)}"]'
    return "np.ndarray" if isinstance(parameter.value.type, Array) else None


def _of_type(kind: Type) -> str | None:
    """An annotation for a record, or for a container that holds records."""
    match kind:
        case Record(made=made):
            return made.name
        case Tuple(items):
            inner = [_of_type(t) for t in items]
            return None if None in inner else f"tuple[{', '.join(t for t in inner if t is not None)}]"
        case List(item):
            found = None if item is None else _of_type(item)
            return None if found is None else f"list[{found}]"
        case Scalar(kind=name):
            return name
        case Array():
            return "np.ndarray"
        case Opaque("str" | "None" as name):
            return name
    return None


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
    returns = function.returns if plain else None
    if function.returns is not None and len(function.body.results) == 1 and records_in(function.body.results[0].type):
        returns = _of_type(function.body.results[0].type)
    return replace(function, parameters=parameters, returns=returns)


def _parenthesised(text: str, names: list[str]) -> str:
    return f"({text})" if len(names) > 1 else text
