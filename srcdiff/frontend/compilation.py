"""One run of the front end: the functions lowered so far, and every diagnostic.

In: functions with the types of their arguments. Out: a `Summary` of each, lowered once per combination of types.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count

import gast

from srcdiff.diagnostics import Diagnostic, Reporter
from srcdiff.frontend.module import Module
from srcdiff.frontend.names import FunctionSource, Request
from srcdiff.ir.calls import callees, united
from srcdiff.ir.core import Function, Global, Program
from srcdiff.ir.text import to_text
from srcdiff.ir.types import BOTTOM, UNKNOWN, Tuple, Type, is_part, join
from srcdiff.primitives.custom import Custom

_PATIENCE = 4


@dataclass(frozen=True)
class Shares:
    """Which arguments a result may be (`own`) or hold (`held`), or be an element of (`element`), by position."""

    own: frozenset[int] = frozenset()
    element: frozenset[int] = frozenset()
    held: frozenset[int] = frozenset()
    outside: bool = False
    """It may be a global object."""


@dataclass(frozen=True)
class Summary:
    """What a caller needs of a lowered function."""

    name: str
    result: Type = BOTTOM
    shares: Shares = field(default_factory=Shares)
    inline: str | None = None
    """Why it cannot be called as it is and is written into its caller instead."""


Key = tuple[FunctionSource, tuple[Type, ...]]
Differentiate = Callable[[Program, Request], Program]
"""Makes the derivative of a program that the text asks for; raises TransformError. It belongs to a higher layer."""


class Compilation:
    """Lowers functions on demand. `lower` does one function; it is called again while a recursive result widens."""

    def __init__(
        self,
        lower: Callable[[Compilation, FunctionSource, tuple[Type, ...], str], tuple[Function, Summary]],
        whole: Callable[[Compilation, FunctionSource, tuple[Type, ...]], Program],
        differentiate: Differentiate | None = None,
    ) -> None:
        self.reporter = Reporter()
        self.of_rule = False
        """It is the text of a user's rule, which may call what has no derivative."""
        self._lower = lower
        self._whole = whole
        self.functions: dict[Key | str, Function] = {}
        """What was lowered, by its key; derivatives made on the way, by name."""
        self._summaries: dict[Key, Summary] = {}
        self._pending: dict[Key, Summary] = {}
        self._recursive: set[Key] = set()
        self._names: dict[str, Key | None] = {}
        self._globals: dict[tuple[str, str, int], Global] = {}
        self._captured: set[str] = set()
        self._main: Key | None = None
        self._differentiate = differentiate
        self._derivatives: dict[tuple[str, Request], Program] = {}
        self.customs: dict[tuple[object, ...], Custom] = {}
        """The functions that are called as they are."""

    def diagnostic(self, module: Module, node: gast.AST, message: str, remedy: str = "") -> Diagnostic:
        """A diagnostic at a node of the user's text."""
        line = getattr(node, "lineno", 0)
        text = module.lines[line - 1] if 0 < line <= len(module.lines) else ""
        column = _column(text, getattr(node, "col_offset", 0))
        end_line = getattr(node, "end_lineno", None) or line
        end = len(text) if end_line > line else _column(text, getattr(node, "end_col_offset", None) or 0)
        return Diagnostic(message, remedy, module.filename, line, column + 1, max(end, column + 1) + 1, text)

    def specialise(self, source: FunctionSource, types: tuple[Type, ...]) -> Summary:
        """The function for arguments of these types; a recursive call gets what is known so far."""
        for pending, known in reversed(self._pending):
            if pending is source:
                if any(map(is_part, types, known)):
                    break  # The recursion goes into the data, and ends where that does.
                # Arguments of a recursive call are covered by one type, so that `f(n - 1)` ends.
                types = tuple(map(join, known, types))
                if sum(key[0] is source for key in self._pending) > _PATIENCE:
                    types = tuple(a if a == b else UNKNOWN for a, b in zip(known, types, strict=True))
                break
        key = (source, types)
        if key in self._summaries:
            return self._summaries[key]
        if key in self._pending:
            self._recursive.add(key)
            return self._pending[key]
        name = self._name(source.name, key)
        self._pending[key] = Summary(name)
        for round in count():
            before = set(self._summaries)
            function, summary = self._lower(self, source, types, name)
            if key not in self._recursive or summary == self._pending[key]:
                break
            if round > _PATIENCE and summary.result != self._pending[key].result:
                # A type that grows with the depth of the recursion has no end of its own.
                summary = replace(summary, result=_widened(self._pending[key].result, summary.result))
                if summary == self._pending[key]:
                    break
            self._pending[key] = summary
            # What was lowered on the way relied on the narrower result.
            for other in [k for k in self._summaries if k not in before]:
                del self._summaries[other]
                self.functions.pop(other, None)
        del self._pending[key]
        self._recursive.discard(key)
        self._summaries[key] = summary
        if summary.inline is None or key == self._main:
            self.functions[key] = function
        else:
            del self._names[name]
        return summary

    def main(self, source: FunctionSource, types: tuple[Type, ...]) -> Summary:
        """Lower the function asked for; it is kept whatever it does to its parameters."""
        self._main = (source, types)
        return self.specialise(source, types)

    def is_pending(self, source: FunctionSource) -> bool:
        """Whether the function is being lowered now, so that a call of it is recursive."""
        return any(key[0] is source for key in self._pending)

    def is_main(self, source: FunctionSource) -> bool:
        """Whether this is the function asked for."""
        return self._main is not None and self._main[0] is source

    def separate(self, source: FunctionSource, types: tuple[Type, ...]) -> Program:
        """A user's rule as a program of its own, later than all others; global things are the same in both."""
        other = Compilation(self._lower, self._whole, self._differentiate)
        other.of_rule = True
        other._globals, other._captured, other.customs = self._globals, self._captured, self.customs
        return self._whole(other, source, types)

    # --- derivatives inside

    def derivative(self, program: Program, request: Request) -> Program:
        """The derivative of a program, made once for one text."""
        assert self._differentiate is not None, "internal error: derivatives are made by the compiler"
        key = (to_text(program), request)
        if key not in self._derivatives:
            self._derivatives[key] = self._differentiate(program, request)
        return self._derivatives[key]

    def adopt(self, program: Program) -> Function:
        """Take over the functions of a program; its main function under the name that it has from now on."""
        known = {f.name: f for f in self.functions.values()}
        adopted = united(known, program, set(self._names))
        for function in adopted:
            if function.name not in known:
                self._names.setdefault(function.name, None)
                self.functions[function.name] = function
        return adopted[-1]

    def reachable(self, name: str) -> Program | None:
        """A function with all that it calls, callees first; None where one of these is still being lowered."""
        known = {f.name: f for f in self.functions.values()}
        return self.reachable_from(known[name]) if name in known else None

    def reachable_from(self, main: Function) -> Program | None:
        """As `reachable`, for a function that calls functions of this compilation."""
        known = {f.name: f for f in self.functions.values()}
        order = callees(main, known)
        return None if order is None else Program((*order, main))

    def _name(self, name: str, key: Key) -> str:
        name = name if name.isidentifier() else "function"
        candidate, number = name, 0
        while candidate in self._names and self._names[candidate] != key:
            number += 1
            candidate = f"{name}_{number}"
        self._names[candidate] = key
        return candidate

    def global_value(self, type: Type, module: str, attribute: str, captured: object = None) -> Global:
        """One `Global` for each global thing."""
        key = (module, attribute, id(captured) if captured is not None else 0)
        if key not in self._globals:
            name, number = attribute, 0
            while captured is not None and name in self._captured:
                number += 1
                name = f"{attribute}_{number}"
            if captured is not None:
                self._captured.add(name)
            self._globals[key] = Global(type, name.split(".")[-1], module=module, attribute=name, captured=captured)
        return self._globals[key]


def _widened(known: Type, found: Type) -> Type:
    """A type that covers both, where `found` goes deeper than `known` at every round: the items of a tuple that stay
    as they are are kept, those that grow are unknown."""
    if isinstance(known, Tuple) and isinstance(found, Tuple) and len(known.items) == len(found.items):
        return Tuple(tuple(a if join(a, b) == a else UNKNOWN for a, b in zip(known.items, found.items, strict=True)))
    return known if join(known, found) == known else UNKNOWN


def _column(text: str, offset: int) -> int:
    """Characters before a byte offset of the parser's."""
    return len(text.encode()[:offset].decode(errors="ignore"))
