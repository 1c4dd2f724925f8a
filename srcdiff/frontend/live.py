"""Live functions and objects: where their text is, what their names stand for.

In: a function object, or any object that one of its names is bound to. Out: the function's place in its parsed file, or
a compile-time value of `srcdiff.frontend.names`.

>>> from math import sin
>>> classify(sin, "m", "sin"), classify(2.5, "m", "c")
(External(module='math', attribute='sin'), ConstantValue(value=2.5))
"""

from __future__ import annotations

import builtins
import functools
import inspect
import linecache
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

import gast
import numpy as np

from srcdiff.diagnostics import Diagnostic, TransformError
from srcdiff.frontend import classes
from srcdiff.frontend.lambdas import told_apart
from srcdiff.frontend.names import (
    APART,
    ConstantValue,
    CustomFunction,
    External,
    FunctionsOf,
    FunctionSource,
    GlobalValue,
    LiveDerivative,
    LiveModule,
    ModuleRef,
    PartialSource,
    Request,
    Resolution,
    Unsupported,
    undecorated,
)
from srcdiff.frontend.values import type_of_value
from srcdiff.ir.instances import is_object
from srcdiff.ir.records import place_of
from srcdiff.primitives.registry import registered

if TYPE_CHECKING:
    from srcdiff.frontend.module import Module

_LIBRARIES = ("math", "numpy", "numpy.linalg", "scipy.special", "scipy.linalg", "builtins", "dataclasses", "functools")


@dataclass(frozen=True, eq=False)
class Located:
    """A function's definition and the text that it was parsed from."""

    text: str
    filename: str
    tree: gast.Module
    node: gast.FunctionDef | gast.Lambda


_parsed: dict[str, tuple[str, gast.Module]] = {}


def locate(function: FunctionType, parse: Callable[[str, str], gast.Module]) -> Located:
    """Find the definition of a live function in the file that it came from, read through linecache."""
    if not isinstance(function, FunctionType):
        raise TransformError(
            [Diagnostic(f"{function!r} is not a Python function", "pass a function defined by `def` or `lambda`")]
        )
    code = function.__code__
    filename = code.co_filename
    linecache.checkcache(filename)
    text = "".join(linecache.getlines(filename, function.__globals__))
    if not text.strip():
        raise _unreadable(function, "its source text cannot be read")
    known = _parsed.get(filename)
    if known is None or known[0] != text:
        known = (text, parse(text, filename))
        _parsed[filename] = known
    tree = known[1]
    found = [node for node in gast.walk(tree) if _defines(node, function)]
    if not found:
        raise _unreadable(function, "its definition is not in its file any more (was the file edited since?)")
    if len(found) > 1:
        found = told_apart(found, function.__code__, text)
    if len(found) > 1:
        line = code.co_firstlineno
        source = linecache.getline(filename, line).rstrip("\n")
        remedy = "give each its own line, or use `def`"
        raise TransformError(
            [
                Diagnostic(
                    "more than one lambda on this line: cannot tell which is meant",
                    remedy,
                    filename,
                    line,
                    1,
                    0,
                    source,
                )
            ]
        )
    if not _is_current(function, text):
        raise _unreadable(function, "its file was edited after it was imported, and the text is not what runs")
    return Located(text, filename, tree, found[0])


_compiled: dict[str, tuple[str, CodeType | None]] = {}


def _is_current(function: FunctionType, text: str) -> bool:
    """Whether the text compiles to the code that the function runs."""
    code = function.__code__
    if any(name.startswith("@py") for name in (*code.co_names, *code.co_varnames)):
        # pytest writes the `assert` statements of test files anew.
        return True
    known = _compiled.get(code.co_filename)
    if known is None or known[0] != text:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                whole = compile(text, code.co_filename, "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            # A notebook's cell may hold what a module may not (`await` at its top).
            whole = None
        known = (text, whole)
        _compiled[code.co_filename] = known
    return known[1] is None or any(_same_code(code, other) for other in _codes(known[1]))


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _same_code(a: CodeType, b: CodeType) -> bool:
    if (a.co_name, a.co_firstlineno, a.co_code) != (b.co_name, b.co_firstlineno, b.co_code):
        return False
    if (a.co_names, a.co_varnames, len(a.co_consts)) != (b.co_names, b.co_varnames, len(b.co_consts)):
        return False
    return all(
        _same_code(x, y)
        if isinstance(x, CodeType) and isinstance(y, CodeType)
        else type(x) is type(y) and repr(x) == repr(y)
        for x, y in zip(a.co_consts, b.co_consts, strict=True)
    )


def _unreadable(function: FunctionType, why: str) -> TransformError:
    code = function.__code__
    return TransformError(
        [
            Diagnostic(
                f"cannot transform `{function.__qualname__}`: {why}",
                "define it in a file or a notebook cell, or use Module.from_text",
                code.co_filename,
                code.co_firstlineno,
            )
        ]
    )


def _defines(node: gast.AST, function: FunctionType) -> bool:
    code = function.__code__
    match node:
        case gast.Lambda(args=arguments):
            if code.co_name != "<lambda>" or node.lineno != code.co_firstlineno:
                return False
            count = code.co_argcount + code.co_kwonlyargcount
            names = [a.id for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
            return names == list(code.co_varnames[:count]) and _spans(node, function)
        case gast.FunctionDef(name=name, decorator_list=decorators):
            first = min([node.lineno, *(d.lineno for d in decorators)])
            return name == code.co_name and code.co_firstlineno in (first, node.lineno)
    return False


def _spans(node: gast.Lambda, function: FunctionType) -> bool:
    """Two lambdas on one line are told apart by the columns that Python 3.11 and later record."""
    if not hasattr(function.__code__, "co_positions"):
        return True
    body = node.body
    for line, end_line, column, end_column in function.__code__.co_positions():
        if line is None or column is None or end_line is None or end_column is None or (column, end_column) == (0, 0):
            continue
        inside = (body.lineno, body.col_offset) <= (line, column) and (end_line, end_column) <= (
            body.end_lineno,
            body.end_col_offset,
        )
        if not inside and (line, column) != (node.lineno, node.col_offset):
            return False
    return True


class _Environment(Mapping[str, Any]):
    """A function's closure in front of its globals; the latter are read when asked for, as Python does."""

    def __init__(self, closure: dict[str, CellType], namespace: dict[str, Any]) -> None:
        self._closure = closure
        self._globals = namespace

    def __getitem__(self, name: str) -> Any:
        if name not in self._closure:
            return self._globals[name]
        try:
            return self._closure[name].cell_contents
        except ValueError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter({**self._globals, **self._closure})

    def __len__(self) -> int:
        return len({**self._globals, **self._closure})


def environment(function: FunctionType) -> Mapping[str, Any]:
    """The values that the function's free and global names have now."""
    closure = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    return _Environment(closure, function.__globals__)


def defaults(function: FunctionType) -> dict[str, Any]:
    """The objects that the function has as defaults, by parameter."""
    code = function.__code__
    given = function.__defaults__ or ()
    positional = code.co_varnames[: code.co_argcount]
    found = dict(zip(positional[len(positional) - len(given) :], given, strict=True))
    return found | (function.__kwdefaults__ or {})


def is_same(known: ModuleRef | External, value: Any) -> bool:
    """Whether the object is what the text's import says."""
    if isinstance(known, ModuleRef):
        return isinstance(value, ModuleType) and (value.__name__ == known.name or known.name in ("numpy", "math"))
    module = sys.modules.get(known.module)
    return module is not None and getattr(module, known.attribute, None) is value


def function_of(function: Any) -> FunctionSource | Unsupported:
    """What is known of a method."""
    found = classify(function, function.__module__, function.__name__)
    if isinstance(found, FunctionSource):
        parts = function.__qualname__.split(".")
        return classes.method_source(parts[-2], found) if len(parts) > 1 else found
    if isinstance(found, Unsupported):
        return found
    return Unsupported(f"`{function.__qualname__}` has no source text", "write it in the class")


def classify_attribute(value: Any, owner: type, name: str) -> Resolution:
    """The compile-time value for what a class has under a name; what cannot be written out is read there."""
    cls, module = place_of(owner)
    found = classify(value, "", name)
    if not isinstance(found, GlobalValue):
        return found
    if module:
        return GlobalValue(module, f"{cls}.{name}", found.type)
    return replace(found, attribute=f"{cls}_{name}")


_modules: dict[tuple[object, ...], Module] = {}


def classify(value: Any, module: str, name: str) -> Resolution:
    """The compile-time value for a live object."""
    from srcdiff.frontend import live_rules

    registration = registered(value)
    if registration is not None:
        return live_rules.custom(value, registration, module, name)
    if value is None or type(value) in (bool, int, float, str):
        return ConstantValue(value)
    if isinstance(value, np.floating):
        return ConstantValue(float(value))
    if isinstance(value, np.integer):
        return ConstantValue(int(value))
    if isinstance(value, ModuleType):
        library = value.__name__.split(".")[0] in ("numpy", "math", "scipy")
        return ModuleRef(value.__name__) if library else LiveModule(value)
    if isinstance(value, FunctionType | BuiltinFunctionType | np.ufunc | type) or type(value).__module__ == "numpy":
        known = _library(value)
        if known is not None:
            return known
    if isinstance(value, FunctionType):
        return _function(value)
    if isinstance(value, functools._lru_cache_wrapper):
        return classify(value.__wrapped__, module, name)
    if isinstance(value, functools.partial | MethodType):
        return _partial(value, module, name)
    if _holds_complex(value):
        return Unsupported(f"`{name}` holds complex numbers, which are not supported", APART)
    if type(value) in (list, tuple, dict) and holds_functions(value):
        parts = [classify(v, "", f"{name}_{i}") for i, v in enumerate(items_in(value))]
        if not any(isinstance(part, Unsupported | GlobalValue) for part in parts):
            return FunctionsOf(
                _object(value, module, name), tuple(parts), tuple(value) if isinstance(value, dict) else None
            )
    if isinstance(value, np.ndarray | list | tuple | dict):
        return _object(value, module, name)
    if class_of_derivative(value) is not None:
        return derivative(value)
    if isinstance(value, type):
        return classes.live_class(value)
    if is_object(value):
        return _object(value, module, name)
    if isinstance(value, np.vectorize):
        return Unsupported(f"`{name}` is wrapped by np.vectorize", "write it with NumPy's own functions")
    compiled = getattr(value, "py_func", None)
    if type(value).__module__.split(".")[0] == "numba" and isinstance(compiled, FunctionType):
        return _function(compiled)
    if callable(value):
        if isinstance(value, np.ufunc) or type(value).__module__ == "builtins":
            return CustomFunction(name, _object(value, *live_rules.place_of(value, module, name)))
        return Unsupported(
            f"`{name}` is a callable object of type {type(value).__name__}, which has no source text",
            "call a plain function instead, or register a rule for it with `srcdiff.rule` (docs/custom-rules.md)",
        )
    return _object(value, module, name)


def items_in(value: Any) -> list[Any]:
    """The items of a tuple, list or dict."""
    return list(value.values()) if isinstance(value, dict) else list(value)


def holds_functions(value: Any) -> bool:
    """Whether a tuple, list or dict holds functions, and nothing else."""
    items = items_in(value)
    return bool(items) and all(callable(item) and not isinstance(item, type) for item in items)


def _partial(value: functools.partial[Any] | MethodType, module: str, name: str) -> Resolution:
    """A function with arguments that it keeps; a method, with its object."""
    if isinstance(value, MethodType):
        inner: Resolution = function_of(value.__func__)
        given: list[tuple[str | None, Any]] = [(None, value.__self__)]
    else:
        inner = classify(value.func, module, name)
        given = [(None, v) for v in value.args] + list(value.keywords.items())
    if isinstance(inner, Unsupported):
        return inner
    arguments = [(k, classify(v, "", f"{name}_{k or i}")) for i, (k, v) in enumerate(given)]
    return PartialSource(inner, tuple(arguments))


def _holds_complex(value: Any) -> bool:
    """Whether an object is, or holds, a complex number."""
    match value:
        case list() | tuple():
            return any(map(_holds_complex, value))
        case dict():
            return any(map(_holds_complex, value.values()))
        case np.ndarray():
            return bool(value.dtype.kind == "c")
    return isinstance(value, complex | np.complexfloating)


def _object(value: Any, module: str, name: str) -> GlobalValue:
    """An object is imported from its module where it has one; closures and notebooks hand it over as it is."""
    home = None if module == "__main__" else sys.modules.get(module)
    if home is not None and getattr(home, name, None) is value:
        return GlobalValue(module, name, type_of_value(value))
    return GlobalValue("", name, type_of_value(value), value)


def _library(value: Any) -> External | None:
    name = getattr(value, "__name__", None)
    if not isinstance(name, str):
        return None
    if getattr(builtins, name, None) is value:
        return External("builtins", name)
    if getattr(value, "__module__", None) == "srcdiff.api":
        return External("srcdiff", name)
    for module in _LIBRARIES:
        loaded = sys.modules.get(module)
        if loaded is not None and getattr(loaded, name, None) is value:
            return External(module, name)
    return None


def _function(value: FunctionType) -> FunctionSource | Unsupported:
    from srcdiff.frontend.module import Module

    closure = tuple(id(cell) for cell in value.__closure__ or ())
    # The objects are kept alive by what is stored under the key, so that their ids stay theirs.
    made = tuple((name, id(default)) for name, default in defaults(value).items())
    key = (value.__code__, id(value.__globals__), closure, made)
    if key not in _modules:
        try:
            _modules[key] = Module.from_function(value)
        except TransformError as error:
            first = error.diagnostics[0]
            return Unsupported(first.message, first.remedy)
    return _modules[key].functions[value.__name__]


def class_of_derivative(value: Any) -> str | None:
    """The name of our class that the object belongs to, if it is a derivative (which a lower layer cannot import)."""
    names = [(c.__module__, c.__name__) for c in type(value).__mro__]
    if ("srcdiff.derivative", "Derivative") in names:
        return "Derivative"
    return next((name for name in ("Jacobian", "HessianVectorProduct") if ("srcdiff.api", name) in names), None)


def derivative(value: Any) -> LiveDerivative | Unsupported:
    """What a derivative object was asked for, and of which function."""
    if class_of_derivative(value) == "HessianVectorProduct":
        return derivative(value.derivative)
    if value.options.value:
        return Unsupported("`jacobian` with `value=` is not supported inside a function", "leave it out")
    if value.options.directions:
        return Unsupported("`directions=` is not supported inside a function", "take one direction at a time")
    inner = value.function
    function = _function(inner) if class_of_derivative(inner) is None else derivative(inner)
    if isinstance(function, Unsupported):
        return function
    if isinstance(function, FunctionSource) and registered(inner) is None:
        function = undecorated(function)
    wrt = value.wrt
    names = None if wrt is None else (wrt,) if isinstance(wrt, int | str) else tuple(wrt)
    as_tuple = wrt is not None and not isinstance(wrt, int | str)
    if class_of_derivative(value) == "Jacobian":
        request = Request("jacobian", names, as_tuple, True, value.mode)
    else:
        request = Request(value.mode, names, as_tuple, value.options.optimize, value.options.sweeps)
    return LiveDerivative(function, request)


def unwrap(function: Any) -> Any:
    """The plain function behind decorators of srcdiff."""
    return inspect.unwrap(function)
