"""What a name can stand for at compile time, besides a variable of the function.

In: nothing. Out: small classes, the compile-time values of the front end: modules, functions, constants and globals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import gast

from srcdiff.ir.records import RecordClass
from srcdiff.ir.types import Type

if TYPE_CHECKING:
    from srcdiff.frontend.module import Module


APART = "keep real and imaginary parts apart, as two real numbers or arrays"
"""The remedy for complex numbers."""


@dataclass(frozen=True)
class ModuleRef:
    """A module of the outside world, by its full name: `numpy`, `numpy.linalg`, `math`."""

    name: str


@dataclass(frozen=True)
class External:
    """Something of a module of the outside world: ``External("numpy", "sin")``; builtins live in `builtins`."""

    module: str
    attribute: str

    def __str__(self) -> str:
        return self.attribute if self.module == "builtins" else f"{self.module}.{self.attribute}"


_SAME_BEHAVIOUR = frozenset((("functools", "cache"), ("functools", "lru_cache"), ("numba", "njit"), ("numba", "jit")))
"""Decorators whose functions give what the functions under them give."""


@dataclass(frozen=True, eq=False)
class UserModule:
    """A module whose text we read: a file beside the user's."""

    module: Module


@dataclass(frozen=True, eq=False)
class FunctionSource:
    """A function of the user: its syntax tree and the module that its global names are looked up in."""

    name: str
    node: gast.FunctionDef | gast.Lambda
    module: Module
    defaults: Mapping[str, Any] | None = None
    """The objects that a live function has as defaults; None for a function known from its text only."""
    bare: bool = False
    """Its decorators are accounted for by whoever holds it."""

    spread: tuple[str, ...] = ()
    """The parameters that `*xs` stands for, where it is known how many there are."""
    keywords: tuple[str, ...] = ()
    """The parameters that `**options` stands for."""
    fitted: bool = False
    """It is known what `*xs` and `**options` stand for."""

    @property
    def parameters(self) -> list[str]:
        return [name for name, _ in self.slots]

    @property
    def slots(self) -> list[tuple[str, gast.AST | None]]:
        """The parameters with their place in the text, which those of `*xs` and `**options` do not have."""
        spec = self.node.args
        plain = [(a.id, a) for a in (*spec.posonlyargs, *spec.args)]
        by_name = [(a.id, a) for a in spec.kwonlyargs]
        return [*plain, *((n, None) for n in self.spread), *by_name, *((n, None) for n in self.keywords)]

    @property
    def positional(self) -> list[str]:
        """The parameters that may be given by position."""
        return [*(a.id for a in (*self.node.args.posonlyargs, *self.node.args.args)), *self.spread]

    @property
    def default_nodes(self) -> dict[str, gast.AST]:
        """The expressions of the defaults, by parameter."""
        spec = self.node.args
        positional = [a.id for a in (*spec.posonlyargs, *spec.args)]
        found = dict(zip(positional[len(positional) - len(spec.defaults) :], spec.defaults, strict=True))
        return found | {a.id: d for a, d in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if d is not None}

    @property
    def decorators(self) -> list[gast.AST]:
        """The decorators that change what a call of it runs, the first one applied last."""
        if self.bare or not isinstance(self.node, gast.FunctionDef):
            return []
        return [d for d in self.node.decorator_list if not self._keeps_behaviour(d)]

    def _keeps_behaviour(self, decorator: gast.AST) -> bool:
        """Whether a call of what the decorator makes gives what the function gives: a cache, or a compiled version."""
        node = decorator.func if isinstance(decorator, gast.Call) else decorator
        parts: list[str] = []
        while isinstance(node, gast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, gast.Name):
            return False
        found = self.module.dotted(node.id)
        if isinstance(found, ModuleRef):
            found = External(found.name, ".".join(reversed(parts)))
        return isinstance(found, External) and (found.module, found.attribute) in _SAME_BEHAVIOUR


@lru_cache(maxsize=1024)
def fitted(source: FunctionSource, names: tuple[str, ...] | int, keywords: tuple[str, ...] = ()) -> FunctionSource:
    """The function for calls with so many arguments beyond its own, or with those called `names`, and with those
    `keywords`: the same object each time."""
    if isinstance(names, int):
        stem = source.node.args.vararg.id if source.node.args.vararg is not None else ""
        names = tuple(f"{stem}_{i}" for i in range(names))
    taken = {n for n, a in source.slots if a is not None} | set(keywords)
    own = []
    for name in names:
        while name in taken:
            name += "_"
        taken.add(name)
        own.append(name)
    return replace(source, spread=tuple(own), keywords=keywords, fitted=True)


@lru_cache(maxsize=256)
def undecorated(source: FunctionSource) -> FunctionSource:
    """The function without its decorators: the same object for the same function."""
    return replace(source, bare=True) if source.decorators else source


@dataclass(frozen=True)
class Request:
    """A derivative asked for in the text: `grad(g, wrt="x")` is ``Request("gradient", ("x",))``.

    Parameters
    ----------
    mode
        A mode of the compiler's by its full name: ``"gradient"``, ``"forward"``...
    wrt
        Names or indices of parameters; None for every parameter that can carry a derivative.
    as_tuple
        Whether derivatives come as a tuple even if there is only one.
    sweeps
        How a Jacobian is computed: ``"forward"``, ``"reverse"`` or ``"auto"``.
    """

    mode: str
    wrt: tuple[int | str, ...] | None = (0,)
    as_tuple: bool = False
    optimize: bool = True
    sweeps: str = "auto"


@dataclass(frozen=True, eq=False)
class LiveDerivative:
    """A derivative that a name is bound to when the program runs: what was asked for, and of which function."""

    function: FunctionSource | LiveDerivative
    request: Request


@dataclass(frozen=True, eq=False)
class Deferred:
    """A call of one of our functions that a module's name is assigned (`dg = grad(g)`), known from the text only."""

    node: gast.AST
    module: Module


@dataclass(frozen=True, eq=False)
class LiveModule:
    """A module object reached from a live function."""

    module: Any


@dataclass(frozen=True, eq=False)
class ClassSource:
    """A class of the user's: a record (`made`), or one whose instances are read only.

    `defaults` are those of the fields: objects of a `live` class, expressions of one that is known from its text.
    """

    name: str
    made: RecordClass | None
    live: Any = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    module: Module | None = None
    node: gast.ClassDef | None = None


@dataclass(frozen=True, eq=False)
class PartialSource:
    """A function with arguments given, by keyword or (None) by position: a `functools.partial`, a method."""

    function: Resolution
    arguments: tuple[tuple[str | None, Resolution], ...]


@dataclass(frozen=True)
class ConstantValue:
    """A number, string, bool or None that a module binds to a name."""

    value: Any


@dataclass(frozen=True, eq=False)
class GlobalValue:
    """Any other object of a module: read as it is, never differentiated through."""

    module: str
    attribute: str
    type: Type
    captured: Any = None


@dataclass(frozen=True, eq=False)
class FunctionsOf:
    """A tuple, list or (with `keys`) dict of the module's that holds functions alone, and where it is read."""

    home: GlobalValue
    items: tuple[Resolution, ...]
    keys: tuple[object, ...] | None = None


@dataclass(frozen=True, eq=False)
class CustomFunction:
    """A function that is called as it is, and what the user has said of its derivative.

    Parameters
    ----------
    title
        What the user calls it.
    home
        Where generated code finds it.
    source
        Its text, of which only the signature is read; None where it has none.
    partials, jvp, vjp, zero, opaque
        As in `srcdiff.primitives.registry.Registration`.
    """

    title: str
    home: GlobalValue
    source: FunctionSource | None = None
    partials: tuple[Rule | None, ...] | None = None
    jvp: Rule | None = None
    vjp: Rule | None = None
    zero: bool = False
    opaque: bool = False

    @property
    def key(self) -> tuple[object, ...]:
        """What it has in common with itself, met elsewhere."""
        return (self.home.module, self.home.attribute, id(self.home.captured))

    @property
    def has_rule(self) -> bool:
        return self.partials is not None or self.jvp is not None or self.vjp is not None

    @property
    def is_registered(self) -> bool:
        """Whether the user has said anything of it; what cannot be read otherwise is a function like this too."""
        return self.has_rule or self.zero or self.opaque


@dataclass(frozen=True)
class Unsupported:
    """A name that exists and that generated code cannot stand on: why, and what to do."""

    message: str
    remedy: str


Resolution = (
    ModuleRef
    | External
    | UserModule
    | FunctionSource
    | LiveModule
    | LiveDerivative
    | Deferred
    | ClassSource
    | PartialSource
    | ConstantValue
    | GlobalValue
    | FunctionsOf
    | CustomFunction
    | Unsupported
)

RuleSource = FunctionSource | CustomFunction | Unsupported
"""What says a derivative: a function of the user's, one that is called as it is, or one that cannot be read."""
Rule = Callable[[], RuleSource]
"""Finds it when it is needed: functions may be rules of each other."""
