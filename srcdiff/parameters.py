"""Which parameters a derivative is taken of, and what may be asked of a function: `wrt`, scalars, arrays.

In: a function as IR and `wrt` as the user gave it. Out: positions of parameters, or a `TransformError` at the place
that is wrong.

>>> wrt_positions(None, "f", ["x", "n", "y"], ("y", 0))
(2, 0)
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import SupportsIndex

from srcdiff.diagnostics import Diagnostic, TransformError
from srcdiff.frontend.module import Module
from srcdiff.frontend.wrt import GIVE, positions_in
from srcdiff.ir.core import Apply, Block, Constant, Function, If, Origin, Value, walk
from srcdiff.ir.types import (
    Array,
    Bottom,
    Dict,
    Instance,
    List,
    Opaque,
    Record,
    Scalar,
    Tuple,
    Type,
    Unknown,
    is_differentiable,
)

Wrt = int | str | Sequence[int | str] | None


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
        if not is_differentiable(kind) and kind not in (Tuple(()), Dict(())):
            message = (
                f"parameter `{names[position]}` of `{function.name}` is {_article(kind)} and carries no derivative"
            )
            remedy = "differentiate with respect to a float or an array of floats"
            if isinstance(kind, Instance):
                remedy = "make its class a NamedTuple or a plain dataclass, or pass what is differentiated by itself"
            raise _at_definition(module, function, message, remedy)
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
    if isinstance(wrt, list | tuple):
        if not wrt:
            raise TypeError(f"wrt is empty, so there is nothing to differentiate with respect to; {GIVE}")
        items = [checked_wrt(w) for w in wrt if isinstance(w, str | SupportsIndex)]
        if len(items) == len(wrt) and not any(isinstance(w, bool) for w in wrt):
            return tuple(w for w in items if isinstance(w, int | str))
    elif isinstance(wrt, SupportsIndex) and not isinstance(wrt, bool):
        return operator.index(wrt)
    raise TypeError(f"wrt cannot be {wrt!r}; {GIVE}")


def wrt_positions(
    module: Module | None, name: str, names: Sequence[str], wrt: int | str | Sequence[int | str]
) -> tuple[int, ...]:
    """The positions that `wrt` means among the parameters called `names` of function `name`.

    Raises
    ------
    srcdiff.TransformError
        with everything in it that names no parameter, or one twice.
    """
    positions, problems = positions_in(name, names, [wrt] if isinstance(wrt, int | str) else wrt)
    if problems:
        raise TransformError([d for p in problems for d in at_definition(module, name, *p).diagnostics])
    return tuple(positions)


_ARRAYS = {"int": "of integers", "uint": "of integers", "bool": "of booleans", "complex": "of complex numbers"}


def _article(kind: Type) -> str:
    if isinstance(kind, Array):
        return f"an array {_ARRAYS.get((kind.dtype or '').rstrip('0123456789'), f'of {kind.dtype}')}"
    return f"an object of class {kind}" if isinstance(kind, Instance) else f"of type {kind}"


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


def require_scalar(module: Module, function: Function, mode: str) -> None:
    """A gradient and a Hessian are those of a scalar.

    Raises
    ------
    srcdiff.TransformError
        where the function returns something that is known not to be a number.
    """
    what = "Hessian" if mode in ("hessian", "hvp") else "gradient"
    result = function.body.results[0].type
    if _may_be_none(function.body, function.body.results[0]):
        message = f"the {what} of `{function.name}` is not defined: on some path it returns None"
        raise _at_definition(module, function, message, "return a scalar on every path")
    # What certainly fails when it runs (Bottom) says so itself, in NumPy's words.
    if isinstance(result, Scalar | Unknown | Bottom) or (isinstance(result, Array) and result.rank in (0, None)):
        return
    message = f"the {what} of `{function.name}` is not defined: it returns {_noun(result)}, not a scalar"
    place = function.body.results[0].origin
    remedy = "return a scalar (np.sum(...), say), or use jacobian, vjp or jvp"
    raise _at_definition(module, function, message, remedy, place)


def require_derivative(module: Module, function: Function) -> None:
    """A Jacobian is that of a number, an array, or a container of these.

    Raises
    ------
    srcdiff.TransformError
        where the function returns None, a string or the like.
    """
    result = function.body.results[0]
    if isinstance(result.type, Opaque):
        message = f"the Jacobian of `{function.name}` is not defined: it returns {_noun(result.type)}"
        raise _at_definition(module, function, message, "return a number, an array, or a container", result.origin)


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


def _noun(kind: Type) -> str:
    match kind:
        case Array():
            return f"an array of rank {kind.rank}"
        case Record(made=made):
            return f"a {made.name}"
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
        return TransformError([located(module, function.name, message, remedy, origin)])
    return at_definition(module, function.name, message, remedy)


def at_definition(module: Module | None, name: str, message: str, remedy: str) -> TransformError:
    """An error at the definition of function `name`."""
    if module is None or name not in module.functions:
        return TransformError([Diagnostic(message, remedy)])
    node = module.functions[name].node
    text = module.lines[node.lineno - 1]
    column = node.col_offset + 1
    return TransformError([Diagnostic(message, remedy, module.filename, node.lineno, column, len(text) + 1, text)])


def located(module: Module, name: str, message: str, remedy: str, origin: Origin) -> Diagnostic:
    """A diagnostic for the statement at `origin`; of what no line of the text says, for the definition of `name`."""
    if not origin.line:
        return at_definition(module, name, message, remedy).diagnostics[0]
    text = module.lines[origin.line - 1] if origin.filename in ("", module.filename) else origin.text
    column = origin.column + 1
    end = min(column + len(origin.text), len(text) + 1)
    return Diagnostic(message, remedy, origin.filename or module.filename, origin.line, column, end, text)
