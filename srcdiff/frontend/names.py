"""What a name can stand for at compile time, besides a variable of the function.

In: nothing. Out: small classes, the compile-time values of the front end: modules, functions, constants and globals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gast

from srcdiff.ir.types import Type

if TYPE_CHECKING:
    from srcdiff.frontend.module import Module


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

    @property
    def parameters(self) -> list[str]:
        return [a.id for a in (*self.node.args.posonlyargs, *self.node.args.args, *self.node.args.kwonlyargs)]

    @property
    def default_nodes(self) -> dict[str, gast.AST]:
        """The expressions of the defaults, by parameter."""
        spec = self.node.args
        positional = [a.id for a in (*spec.posonlyargs, *spec.args)]
        found = dict(zip(positional[len(positional) - len(spec.defaults) :], spec.defaults, strict=True))
        return found | {a.id: d for a, d in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if d is not None}


@dataclass(frozen=True, eq=False)
class LiveModule:
    """A module object reached from a live function."""

    module: Any


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


@dataclass(frozen=True)
class Unsupported:
    """A name that exists and that generated code cannot stand on: why, and what to do."""

    message: str
    remedy: str


Resolution = ModuleRef | External | UserModule | FunctionSource | LiveModule | ConstantValue | GlobalValue | Unsupported
