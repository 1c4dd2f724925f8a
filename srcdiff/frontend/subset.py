"""The subset: which constructs are outside it, why, and what to write instead.

In: the tree of a function. Out: a diagnostic for every construct that is not supported, in it and in what it calls.
"""

from __future__ import annotations

import builtins
import difflib
import sys
from functools import lru_cache

import gast
import numpy as np

from srcdiff.diagnostics import Diagnostic
from srcdiff.frontend.compilation import Compilation
from srcdiff.frontend.directives import about
from srcdiff.frontend.libraries import is_submodule
from srcdiff.frontend.liveness import local_names
from srcdiff.frontend.module import Module
from srcdiff.frontend.names import APART, External, FunctionSource, ModuleRef, UserModule
from srcdiff.frontend.recognise import helper_primitive
from srcdiff.frontend.spellings import RESPELLED, remedy
from srcdiff.primitives.keywords import OF_UFUNCS
from srcdiff.primitives.table import METHODS, lookup

_RULED = frozenset(("numpy", "math", "scipy", "cmath", "random"))

LOWERED = frozenset((("numpy", "select"), ("numpy", "piecewise"), ("numpy", "divmod")))
"""Functions that have no primitive, but are lowered to others."""

_COMPLAINTS: dict[type, tuple[str, str]] = {
    gast.Try: (
        "`try` is not supported: which statements run would depend on exceptions",
        "test for the case with `if`",
    ),
    gast.With: ("`with` is not supported", "do what it does outside the function"),
    gast.AsyncFor: ("`async for` is not supported", "use a plain loop"),
    gast.AsyncWith: ("`async with` is not supported", "do what it does outside the function"),
    gast.AsyncFunctionDef: ("async functions are not supported", "write a plain function"),
    gast.Await: ("`await` is not supported", "write a plain function"),
    gast.Yield: ("`yield` is not supported: a generator has no value to differentiate", "return a list"),
    gast.YieldFrom: ("`yield from` is not supported: a generator has no value to differentiate", "return a list"),
    gast.ClassDef: ("a class inside a function is not supported", "use tuples, lists or dicts"),
    gast.Global: (
        "`global` is not supported: a derivative cannot follow writes to globals",
        "pass and return the value",
    ),
    gast.Nonlocal: (
        "`nonlocal` is not supported: a derivative cannot follow writes to outer variables",
        "return the value",
    ),
    gast.NamedExpr: ("`:=` is not supported", "assign in a statement of its own"),
    gast.Set: ("sets are not supported", "use a list or a tuple"),
    gast.SetComp: ("sets are not supported", "use a list comprehension"),
    gast.LShift: ("shifts are not supported", "multiply by a power of two"),
    gast.RShift: ("shifts are not supported", "divide by a power of two"),
}
if hasattr(gast, "Match"):
    _COMPLAINTS[gast.Match] = ("`match` is not supported", "use `if` and `elif`")
if hasattr(gast, "TryStar"):
    _COMPLAINTS[gast.TryStar] = _COMPLAINTS[gast.Try]


def complaint(node: gast.AST) -> tuple[str, str]:
    """Message and remedy for a construct that lowering does not know."""
    known = _COMPLAINTS.get(type(node))
    return known or (f"`{type(node).__name__}` is not supported", "write it with assignments, `if`, `for` and `while`")


_FORBIDDEN_CALLS = {
    "eval": ("`eval` is not supported: what it runs is not in the text", "write the expression out"),
    "exec": ("`exec` is not supported: what it runs is not in the text", "write the statements out"),
    "locals": ("`locals()` is not supported", "use the variables by name"),
    "globals": ("`globals()` is not supported", "use the names directly"),
    "setattr": ("`setattr` is not supported", "use lists or dicts"),
    "set": ("sets are not supported", "use a list or a tuple"),
    "frozenset": ("sets are not supported", "use a list or a tuple"),
    "input": ("`input` is not supported: a function reads its parameters only", "pass the value as a parameter"),
    "open": ("`open` is not supported: a function reads its parameters only", "pass the data as a parameter"),
    "iter": ("iterators are not supported", "loop with `for`"),
    "next": ("iterators are not supported", "loop with `for`"),
}


def check(compilation: Compilation, source: FunctionSource, seen: set[FunctionSource], entry: bool = True) -> None:
    """Report everything outside the subset in a function and in the user's functions that it names."""
    if source in seen:
        return
    seen.add(source)
    if helper_primitive(source) is not None or source.module.custom(source) is not None:
        return
    _signature(compilation, source, entry)
    _directives(compilation, source)
    module = source.module
    body = source.node.body if isinstance(source.node, gast.FunctionDef) else [source.node.body]
    local = _names_within(source.node)
    for statement in body:
        for node in gast.walk(statement):
            _node(compilation, source, node)
            callee = None
            if isinstance(node, gast.Name):
                callee = module.resolve(node.id) if node.id not in local else None
            elif isinstance(node, gast.Attribute) and isinstance(node.value, gast.Name) and node.value.id not in local:
                owner = module.resolve(node.value.id)
                callee = owner.module.resolve(node.attr) if isinstance(owner, UserModule) else None
            if isinstance(callee, FunctionSource) and node.ctx.__class__ is gast.Load:
                check(compilation, callee, seen, entry=False)


_SAME_DRAW = (
    "the value and its derivative must see the same draw",
    "draw outside and pass the draw in as a parameter, or mark the function that draws as `srcdiff.opaque` "
    "(docs/custom-rules.md)",
)
_DRAWS = frozenset(
    (
        *("beta", "binomial", "chisquare", "choice", "dirichlet", "exponential", "gamma", "integers", "laplace"),
        *("logistic", "lognormal", "multivariate_normal", "normal", "permutation", "permuted", "poisson", "rand"),
        *("randint", "randn", "random", "random_sample", "shuffle", "standard_cauchy", "standard_exponential"),
        *("standard_gamma", "standard_normal", "standard_t", "uniform"),
    )
)
"""Methods of NumPy's random generators."""


def undefined(module: Module, name: str) -> tuple[str, str]:
    """Message and remedy for a name that nothing defines."""
    remedy = "define it before it is used"
    if module.stars:
        remedy = f"it may come from `from {module.stars[0]} import *`: import it by name"
    return f"name `{name}` is not defined", remedy


def report_undefined(compilation: Compilation, source: FunctionSource) -> None:
    """Report every name of a function that nothing defines. For a function that is refused already: to see all at once.

    (Alone it is no reason to refuse: code that never runs may name what does not exist.)
    """
    local = _names_within(source.node)
    body = source.node.body if isinstance(source.node, gast.FunctionDef) else [source.node.body]
    nodes = [node for statement in body for node in gast.walk(statement)]
    promises = [getattr(node, field, None) for node in nodes for field in ("annotation", "returns")]
    unread = {inner for promise in promises if promise is not None for inner in gast.walk(promise)}
    for node in nodes:
        if not isinstance(node, gast.Name) or not isinstance(node.ctx, gast.Load) or node in unread:
            continue
        if node.id not in local and source.module.resolve(node.id) is None and not hasattr(builtins, node.id):
            compilation.reporter.add(compilation.diagnostic(source.module, node, *undefined(source.module, node.id)))


@lru_cache(maxsize=256)
def _names_within(node: gast.AST) -> frozenset[str]:
    """Every name that a function binds, its inner functions and comprehensions included."""
    inner = [n for n in gast.walk(node) if isinstance(n, gast.FunctionDef | gast.Lambda)]
    bound = {n.id for n in gast.walk(node) if isinstance(n, gast.Name) and isinstance(n.ctx, gast.Store | gast.Param)}
    # Inner functions and classes, and what `match` binds, have their name as a string.
    named = {n.name for n in gast.walk(node) if n is not node and isinstance(getattr(n, "name", None), str)}
    return frozenset(bound | named).union(*map(local_names, inner))


def _directives(compilation: Compilation, source: FunctionSource) -> None:
    """Report the directives of a function that mean nothing where they stand."""
    module = source.module
    wanted = {"recompute": gast.FunctionDef, "checkpoint": (gast.For, gast.While), "fixed_point": gast.While}
    heads: dict[int, gast.AST] = {}
    for node in gast.walk(source.node):
        if isinstance(node, gast.FunctionDef | gast.For | gast.While):
            heads.setdefault(node.lineno, node)
        if isinstance(node, gast.For | gast.While):
            found = about(module.directives, module.lines, node)
            if found is not None:
                heads.setdefault(found.line, node)
    for line, directive in module.directives.items():
        if not source.node.lineno <= line <= source.node.end_lineno:
            continue
        message, remedy = directive.problem, "correct the comment, or remove it"
        if directive.meaning is not None:
            name = directive.name
            if not isinstance(heads.get(line), wanted[name]):
                kind = {"recompute": "`def`", "checkpoint": "`for` or `while`", "fixed_point": "`while`"}[name]
                message, remedy = f"`{name}` is about the {kind} on its own line", f"put it on the line of a {kind}"
        if message:
            text = module.lines[line - 1]
            compilation.reporter.add(
                Diagnostic(message, remedy, module.filename, line, directive.column + 1, len(text) + 1, text)
            )


def _node(compilation: Compilation, source: FunctionSource, node: gast.AST) -> None:
    module = source.module
    if isinstance(node, gast.BinOp | gast.AugAssign) and type(node.op) in _COMPLAINTS:
        compilation.reporter.add(compilation.diagnostic(module, node, *_COMPLAINTS[type(node.op)]))
    elif type(node) in _COMPLAINTS and hasattr(node, "lineno"):
        compilation.reporter.add(compilation.diagnostic(module, node, *_COMPLAINTS[type(node)]))
    elif isinstance(node, gast.FunctionDef):
        _signature(compilation, FunctionSource(node.name, node, module), False)
    elif isinstance(node, gast.Call):
        _unknown_function(compilation, source, node)
        if not isinstance(node.func, gast.Name):
            return
        known = _FORBIDDEN_CALLS.get(node.func.id) if node.func.id not in _names_within(source.node) else None
        if known is not None and module.resolve(node.func.id) in (None, External("builtins", node.func.id)):
            compilation.reporter.add(compilation.diagnostic(module, node, *known))


def _unknown_function(compilation: Compilation, source: FunctionSource, node: gast.Call) -> None:
    """A call of a library's function that has no rule, told from the text alone."""
    target = _library_function(source, node.func)
    if target is None or (target.module, target.attribute) in LOWERED:
        return
    if target.module == "numpy" and target.attribute in OF_UFUNCS:
        return
    if target.attribute.endswith((".at", ".outer")) or lookup(target.module, target.attribute) is not None:
        return
    if target.module == "numpy" and target.attribute in WRITERS:
        return
    if target.module == "numpy" and target.attribute in RESPELLED:
        return
    if source.module.custom(target) is not None or (compilation.of_rule and not is_random(target)):
        return
    compilation.reporter.add(compilation.diagnostic(source.module, node, *no_rule(target)))


WRITERS = frozenset(("put", "place", "putmask", "copyto", "fill_diagonal"))
"""NumPy's functions that write into their first argument and give None."""

_TRANSFORMS = frozenset(f"{i}{kind}fft{axes}" for i in ("", "i") for kind in ("", "r", "h") for axes in ("", "2", "n"))
_COMPLEX = frozenset(("real", "imag", "conj", "conjugate", "angle", "iscomplex", "isreal", "iscomplexobj", "isrealobj"))
_COMPLEX_TYPES = frozenset(
    ("complex", "complex64", "complex128", "cdouble", "csingle", "clongdouble", "complexfloating")
)


def no_rule(target: External) -> tuple[str, str]:
    """Message and remedy for a function that we cannot differentiate."""
    if is_random(target):
        return f"`{target}` is random: {_SAME_DRAW[0]}", _SAME_DRAW[1]
    module, _, name = str(target).rpartition(".")
    if module == "numpy.fft" and name in _TRANSFORMS:
        advice = "write the transform as products with np.cos and np.sin of the frequencies times the places"
        return f"no rule for `{target}`: it computes with complex numbers, which are not supported", advice
    if module == "cmath" or is_complex(target):
        return f"`{target}` makes complex numbers, which are not supported", APART
    if module == "numpy" and name in _COMPLEX:
        return f"no rule for `{target}`: complex numbers are not supported", "leave it out: every number is real"
    unknown = _misspelt(module, name)
    return unknown or (f"no rule for `{target}`", remedy(target.module, target.attribute))


def _misspelt(module: str, name: str) -> tuple[str, str] | None:
    """Message and remedy for a function that its library, which is loaded, does not have."""
    loaded = sys.modules.get(module)
    if loaded is None or hasattr(loaded, name):
        return None
    near = difflib.get_close_matches(name, [n for n in dir(loaded) if lookup(module, n) is not None], 1, 0.7)
    return f"`{module}` has no `{name}`", f"did you mean `{module}.{near[0]}`?" if near else "check the name"


def is_complex(target: External) -> bool:
    """Whether this is a type of complex numbers."""
    return target.module in ("numpy", "builtins") and target.attribute in _COMPLEX_TYPES


def is_random(target: External) -> bool:
    """Whether a function draws random numbers, or makes what draws them."""
    return target.module.split(".")[0] == "random" or f"{target}.".startswith("numpy.random.")


def no_method(name: str) -> tuple[str, str]:
    """Message and remedy for a method that we cannot differentiate."""
    if name in _DRAWS:
        return f"the method `.{name}()` is random: {_SAME_DRAW[0]}", _SAME_DRAW[1]
    remedy = "use a function or method that has one, or call it in a function of yours that has a rule"
    if not any(hasattr(kind, name) for kind in (np.ndarray, list, dict, str)):
        near = difflib.get_close_matches(name, [n for n in METHODS if callable(getattr(np.ndarray, n, None))], 1, 0.7)
        remedy = f"did you mean `.{near[0]}()`? If not, {remedy}" if near else remedy
    return f"no rule for the method `.{name}()`", f"{remedy}: `srcdiff.rule` (docs/custom-rules.md)"


def _library_function(source: FunctionSource, node: gast.AST) -> External | None:
    parts: list[str] = []
    while isinstance(node, gast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, gast.Name) or node.id in _names_within(source.node):
        return None
    found = source.module.resolve(node.id)
    for part in reversed(parts):
        match found:
            case ModuleRef(name=module) if is_submodule(module, part):
                found = ModuleRef(f"{module}.{part}")
            case ModuleRef(name=module):
                found = External(module, part)
            case External(module=module, attribute=outer):
                found = External(module, f"{outer}.{part}")
            case _:
                return None
    return found if isinstance(found, External) and found.module.split(".")[0] in _RULED else None


def _signature(compilation: Compilation, source: FunctionSource, entry: bool) -> None:
    arguments = source.node.args
    module = source.module
    for argument, stars in ((arguments.vararg, "*"), (arguments.kwarg, "**")):
        if argument is not None and entry and not source.fitted:
            message = f"`{stars}{argument.id}` is not supported: the parameters of `{source.name}` must be known"
            compilation.reporter.add(
                compilation.diagnostic(module, argument, message, "name the parameters one by one")
            )
    for decorator in source.decorators:
        if not _is_ours(source, decorator):
            message = f"`{source.name}` is decorated, so its text is not what a call of it runs"
            compilation.reporter.add(compilation.diagnostic(module, decorator, message, "remove the decorator"))


def _is_ours(source: FunctionSource, decorator: gast.AST) -> bool:
    """Whether a decorator of the function asked for is one of srcdiff's."""
    if isinstance(decorator, gast.Call):
        return _is_ours(source, decorator.func) or any(_is_ours(source, a) for a in decorator.args)
    while isinstance(decorator, gast.Attribute):
        decorator = decorator.value
    if not isinstance(decorator, gast.Name):
        return False
    imports = source.module.imports
    ours = [a for (m, _), a in imports.names.items() if m.split(".")[0] == "srcdiff"]
    ours += [a for m, a in imports.modules.items() if m.split(".")[0] == "srcdiff"]
    ours += [a for (m, n), a in imports.names.items() if (m, n) == ("functools", "partial")]
    if decorator.id in ours:
        return True
    environment = source.module.environment
    value = environment.get(decorator.id) if environment is not None else None
    owner = str(getattr(value, "__module__", None) or getattr(value, "__name__", ""))
    return value is not None and owner.split(".")[0] == "srcdiff"
