"""How names from outside are spelled, and the import statements that these spellings need.

In: the imports of the user's file and the names that its variables take. Out: dotted names as `ast` expressions, and
the import lines that were needed, sorted as isort does.

>>> from srcdiff.ir.imports import Imports
>>> spelling = Spelling(Imports(names={("math", "sin"): "sin"}))
>>> ast.unparse(spelling.name("math", "cos")), ast.unparse(spelling.name("numpy", "linalg.solve"))
('cos', 'np.linalg.solve')
>>> spelling.lines()
['from math import cos', '', 'import numpy as np']
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Mapping, Set

from srcdiff.diagnostics import Diagnostic, TransformError
from srcdiff.ir.core import Global
from srcdiff.ir.imports import Imports
from srcdiff.primitives.helpers import HELPERS, NEEDS

_CUSTOMARY = {"numpy": "np"}


class Spelling:
    """Spells global names as the user does and remembers what has to be imported for it."""

    def __init__(
        self,
        imports: Imports,
        taken: Iterable[str] = (),
        functions: Iterable[str] = (),
        captured: Mapping[Global, str] | None = None,
    ) -> None:
        self._imports = imports
        self._functions = frozenset(functions)
        """The functions of the program, which an imported name would stand in the way of."""
        self._captured = captured or {}
        self._taken = frozenset(taken) | self._functions
        self._modules: dict[tuple[str, str], None] = {}
        self._names: dict[str, dict[str, str]] = {}
        self.used: set[str] = set()
        """The first components of all names that were spelled: no local variable may be called so."""
        self.theirs: set[str] = set()
        """Those among the names spelled anywhere that are the user's: of functions, modules, imported objects."""
        self.ours: set[str] = set()
        """The others: Python's own, and those of helpers."""

    def builtin(self, name: str) -> ast.expr:
        self.used.add(name)
        self.ours.add(name)
        return ast.Name(id=name)

    def function(self, name: str) -> ast.expr:
        """A function of the program itself."""
        return self._dotted(name)

    def primitive(self, name: str) -> ast.expr:
        """The library function that a primitive is named after: `np.sin`, `math.cos`, `scipy.special.erf`. What follows
        in brackets tells forms of one function apart: `np.sum(where)`."""
        name = name.partition("(")[0]
        if name.startswith("np."):
            return self.name("numpy", name[3:])
        if name.startswith("scipy.stats."):
            # The functions are methods of an object, which is what is imported.
            return self.name("scipy.stats", name.removeprefix("scipy.stats."))
        module, _, attribute = name.rpartition(".")
        return self.name(module, attribute) if module else self.builtin(name)

    def value(self, value: Global) -> ast.expr:
        """A global value of the program."""
        if value.captured is not None or value.module in ("", "builtins"):
            return self._dotted(self._captured.get(value, value.attribute))
        return self.name(value.module, value.attribute)

    def name(self, module: str, attribute: str) -> ast.expr:
        """The object called `attribute` (it may be dotted) in `module`."""
        parts = [*module.split("."), *attribute.split(".")]
        for cut in range(len(parts) - 1, 0, -1):
            local = self._imports.names.get((".".join(parts[:cut]), parts[cut]))
            if local is not None and local not in self._functions:
                self._names.setdefault(".".join(parts[:cut]), {})[parts[cut]] = local
                return self._dotted(".".join([local, *parts[cut + 1 :]]))
            alias = self._imports.modules.get(".".join(parts[:cut]))
            if alias is not None:
                self._modules[".".join(parts[:cut]), alias] = None
                return self._dotted(".".join([alias, *parts[cut:]]))
        if module.split(".")[0] in _CUSTOMARY:
            alias = _CUSTOMARY[parts[0]]
            self._modules[parts[0], alias] = None
            return self._dotted(".".join([alias, *parts[1:]]))
        relative = self._imported_relatively(module, attribute)
        if relative is not None:
            first, *rest = attribute.split(".")
            self._names.setdefault(module, {})[first] = relative
            return self._dotted(".".join([relative, *rest]))
        if self._bare(module, attribute):
            first = attribute.split(".")[0]
            self._names.setdefault(module, {})[first] = first
            return self._dotted(attribute)
        self._modules[module, module] = None
        return self._dotted(f"{module}.{attribute}")

    def _imported_relatively(self, module: str, attribute: str) -> str | None:
        """The name that the user gives it by `from .params import Params`, an import that works in the package only."""
        first = attribute.split(".")[0]
        for (source, name), local in self._imports.names.items():
            inside = source.lstrip(".")
            if source != inside and name == first and f".{module}".endswith(f".{inside}"):
                return local
        return None

    def _bare(self, module: str, attribute: str) -> bool:
        """Whether to write `from module import attribute`: the user writes imports of that module so, or it is neither
        of the standard library nor known as a package; and the bare name is free."""
        first = attribute.split(".")[0]
        if first in self._taken or first in self._imports.names.values() or first in self._imports.modules.values():
            return False
        root = module.split(".")[0]
        if root in sys.stdlib_module_names:
            return any(m == module for m, _ in self._imports.names)
        return True

    def _dotted(self, name: str) -> ast.expr:
        first, *rest = name.split(".")
        self.used.add(first)
        self.theirs.add(first)
        node: ast.expr = ast.Name(id=first)
        for attribute in rest:
            node = ast.Attribute(value=node, attr=attribute)
        return node

    def mention(self, tree: ast.AST) -> None:
        """Import what text written elsewhere (annotations, helpers) refers to, as far as the user imports it."""
        names = names_in(tree)
        self.used |= names
        for module, alias in self._imports.modules.items():
            if alias.split(".")[0] in names:
                self._modules[module, alias] = None
        for (module, attribute), local in self._imports.names.items():
            if local in names and not module.startswith("."):
                self._names.setdefault(module, {})[attribute] = local
        if "Annotated" in names and "Annotated" not in self._imports.names.values():
            self._names.setdefault("typing", {})["Annotated"] = "Annotated"
        if "dataclasses" in names:
            self._modules["dataclasses", "dataclasses"] = None
        if "np" in names and all(alias != "np" for _, alias in self._modules):
            self._modules["numpy", "np"] = None

    def refuse_clashes(self, functions: Set[str]) -> None:
        """Refuse a program one of whose functions, or of the objects that it imports, is called like a helper that it
        needs."""
        needed: set[str] = set()
        pending = self.ours & HELPERS.keys()
        while pending:
            needed |= pending
            pending = {n for name in pending for n in NEEDS.get(name, ())} - needed
        clashes = sorted(needed & (self.theirs | functions))
        if clashes:
            message = "`{}` is also the name of a helper that the generated code needs"
            raise TransformError([Diagnostic(message.format(name), "call yours something else") for name in clashes])

    def lines(self, used: Set[str] | None = None) -> list[str]:
        """The import statements (of the names in `used`): standard library, others; a blank line between."""
        sections: dict[int, list[tuple[int, str, str]]] = {}
        members = {module: dict(every) for module, every in self._names.items()}
        for module, alias in self._modules:
            if used is not None and alias.split(".")[0] not in used:
                continue
            package, _, last = module.rpartition(".")
            if package and alias == last:
                members.setdefault(package, {})[last] = alias
                continue
            text = f"import {module}" if module == alias else f"import {module} as {alias}"
            sections.setdefault(self._section(module), []).append((0, module.lower(), text))
        for module, every in members.items():
            names = {a: b for a, b in every.items() if used is None or b in used}
            if not names:
                continue
            ordered = sorted(names.items(), key=lambda item: _member(item[0]))
            parts = [a if a == b else f"{a} as {b}" for a, b in ordered]
            text = _wrapped(f"from {module} import ", parts)
            sections.setdefault(self._section(module), []).append((1, module.lower(), text))
        lines: list[str] = []
        for _, entries in sorted(sections.items()):
            if lines:
                lines.append("")
            lines += [text for _, _, text in sorted(entries)]
        return lines

    def _section(self, module: str) -> int:
        root = module.split(".")[0]
        if root == "__future__":
            return 0
        return 1 if root in sys.stdlib_module_names else 2


def names_in(tree: ast.AST) -> set[str]:
    """The variables and globals that a piece of syntax mentions."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _member(name: str) -> tuple[int, str, str]:
    """isort's order of the members of an import: CONSTANTS, Classes, functions."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name.lower(), name


def _wrapped(head: str, parts: list[str]) -> str:
    line = head + ", ".join(parts)
    if len(line) <= 88:
        return line
    return "\n".join([head + "(", *(f"    {part}," for part in parts), ")"])
