"""A module of the user's, as text: its imports, functions, constants, and what its names stand for.

In: a path, a text, or a live function. Out: a `Module`; nothing of it is ever run.

>>> text = "import numpy as np\\nfrom math import sin\\nN = 2 * 5\\ndef f(x):\\n    return sin(x)\\n"
>>> m = Module.from_text(text, "f.py")
>>> m.imports.modules, list(m.functions), m.resolve("N"), m.resolve("sin")
({'numpy': 'np'}, ['f'], ConstantValue(value=10), External(module='math', attribute='sin'))
"""

from __future__ import annotations

import builtins
import keyword
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import FunctionType
from typing import Any

import gast

from srcdiff.diagnostics import Diagnostic, TransformError
from srcdiff.frontend import classes, directives, holders, live, live_rules
from srcdiff.frontend.constants import MATH_CONSTANTS, evaluate, has_complex, math_function
from srcdiff.frontend.libraries import in_library, is_library, is_ours, is_submodule, packages_around, record_imports
from srcdiff.frontend.names import (
    APART,
    ClassSource,
    ConstantValue,
    CustomFunction,
    Deferred,
    External,
    FunctionsOf,
    FunctionSource,
    GlobalValue,
    LiveModule,
    ModuleRef,
    Resolution,
    Unsupported,
    UserModule,
)
from srcdiff.frontend.parsing import parse, parse_running, top_level
from srcdiff.frontend.registrations import Registered, registered_in_text, registrations
from srcdiff.ir.imports import Imports
from srcdiff.ir.types import OBJECT, UNKNOWN, Array
from srcdiff.primitives.registry import registered


class Module:
    """One module. `functions` holds its top-level functions; `resolve(name)` says what a global name stands for."""

    def __init__(
        self,
        text: str,
        filename: str,
        name: str,
        tree: gast.Module,
        path: Path | None = None,
        environment: Mapping[str, Any] | None = None,
        family: dict[Path, Module] | None = None,
    ) -> None:
        self.text = text
        self.filename = filename
        self.name = name
        self.path = path
        self.environment = environment
        self.lines = text.splitlines()
        self.directives = directives.read(text)
        self.tree = tree
        self._family = {} if family is None else family
        if path is not None:
            # Before its text is read: a module that it imports may import it.
            self._family[path] = self
        self._bound: dict[str, Resolution] = {}
        self._assigned: dict[str, list[gast.AST | None]] = {}
        self._certain: set[str] = set()
        self._lambdas: dict[str, FunctionSource] = {}
        self._methods: dict[gast.FunctionDef, FunctionSource] = {}
        self._records: dict[str, ClassSource | None] = {}
        self._holders: dict[str, FunctionsOf | None] = {}
        self.customs: dict[FunctionSource | External, CustomFunction] = {}
        """Functions that were found to be called as they are."""
        self.stars: list[str] = []
        modules: dict[str, str] = {}
        names: dict[tuple[str, str], str] = {}
        self.functions: dict[str, FunctionSource] = {}
        for statement, certain in top_level(tree.body):
            before = dict(self._bound)
            self._read(statement, modules, names)
            for local, previous in before.items():
                if self._bound[local] != previous and not (certain and local in self._certain):
                    self._doubt(local)
            for local in self._bound.keys() - before.keys():
                if certain:
                    self._certain.add(local)
        self.imports = Imports(modules, names)

    # --- making one

    @staticmethod
    def from_path(path: str | Path, family: dict[Path, Module] | None = None) -> Module:
        """Read a file; modules beside it are read when a name of theirs is used."""
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise TransformError([Diagnostic(f"cannot read {path}: {error}", filename=str(path))]) from error
        return Module(text, str(path), path.stem, parse(text, str(path)), path, family=family)

    @staticmethod
    def from_text(text: str, filename: str = "<text>") -> Module:
        """A module from its text alone. If `filename` is a real file, modules beside it can be read."""
        path = Path(filename) if filename.endswith(".py") else None
        return Module(text, filename, Path(filename).stem, parse(text, filename), path)

    @staticmethod
    def from_function(function: FunctionType) -> Module:
        """The module around a live function; names are looked up in its closure and globals."""
        found = live.locate(function, parse_running)
        name = function.__module__ or "__main__"
        module = Module(found.text, found.filename, name, found.tree, None, live.environment(function))
        # The object runs this text: what a decorator made of it is another object.
        source = FunctionSource(function.__name__, found.node, module, live.defaults(function), bare=True)
        module.functions[function.__name__] = source
        registration = registered(function)
        if registration is not None:
            module.customs[source] = live_rules.custom(function, registration, name, function.__name__, source)
        return module

    # --- reading the text

    def _read(self, statement: gast.AST, modules: dict[str, str], names: dict[tuple[str, str], str]) -> None:
        match statement:
            case gast.Import() | gast.ImportFrom():
                for local, resolution in self.imported(statement):
                    self._bound[local] = resolution
                record_imports(statement, modules, names)
                if isinstance(statement, gast.ImportFrom) and any(a.name == "*" for a in statement.names):
                    self.stars.append(statement.module or "")
            case gast.FunctionDef(name=name):
                self.functions[name] = FunctionSource(name, statement, self)
                self._bound[name] = self.functions[name]
            case gast.Assign(targets=targets, value=value):
                for target in targets:
                    if isinstance(target, gast.Name):
                        self._assigned.setdefault(target.id, []).append(value)
                    else:
                        for inner in gast.walk(target):
                            if isinstance(inner, gast.Name) and isinstance(inner.ctx, gast.Store):
                                self._assigned.setdefault(inner.id, []).append(None)
            case gast.AnnAssign(target=gast.Name(id=name), value=value):
                self._assigned.setdefault(name, []).append(value)
            case gast.AugAssign(target=gast.Name(id=name)):
                self._assigned.setdefault(name, []).append(None)
            case gast.For(target=target):
                for inner in gast.walk(target):
                    if isinstance(inner, gast.Name):
                        self._assigned.setdefault(inner.id, []).append(None)
            case gast.ClassDef(name=name):
                self._bound[name] = classes.class_of_text(self, statement)
            case gast.AsyncFunctionDef(name=name):
                self._bound[name] = Unsupported(
                    f"`{name}` is an async function, which is not supported", "write it as a plain function"
                )

    def _doubt(self, name: str) -> None:
        """A name has one meaning in one branch of the module and another elsewhere."""
        self.functions.pop(name, None)
        self._bound[name] = Unsupported(
            f"`{name}` is defined more than once, and which definition runs depends on a branch of the module",
            "define it once, or give each definition a name of its own",
        )

    def imported(self, statement: gast.Import | gast.ImportFrom) -> Iterator[tuple[str, Resolution]]:
        """The local names an import statement binds and what they stand for."""
        if isinstance(statement, gast.Import):
            for alias in statement.names:
                if alias.asname:
                    yield alias.asname, self.module_named(alias.name)
                else:
                    yield alias.name.split(".")[0], self.module_named(alias.name.split(".")[0])
            return
        source = self.module_named(statement.module or "", statement.level or 0)
        for alias in statement.names:
            if alias.name == "*":
                continue
            local = alias.asname or alias.name
            if isinstance(source, UserModule):
                inner = f"{statement.module}.{alias.name}" if statement.module else alias.name
                found = source.module.meaning(alias.name) or self.module_named(inner, statement.level or 0)
                missing = f"`{alias.name}` is not defined in {source.module.filename}"
                yield local, Unsupported(missing, "check the import") if isinstance(found, ModuleRef) else found
            elif is_submodule(source.name, alias.name):
                yield local, ModuleRef(f"{source.name}.{alias.name}")
            else:
                yield local, External(source.name, alias.name)

    def module_named(self, name: str, level: int = 0) -> ModuleRef | UserModule:
        """A module of the outside world, or one whose text lies beside this file."""
        if self.path is None or (in_library(name) and not level):
            return ModuleRef(name)
        folder = self.path.parent
        for _ in range(level - 1):
            folder = folder.parent
        parts = [p for p in name.split(".") if p]
        if not level and parts and parts[0] in packages_around(self.path):
            folder = packages_around(self.path)[parts[0]]
        path = folder.joinpath(*parts).with_suffix(".py") if parts else folder / "__init__.py"
        if path in self._family:
            return UserModule(self._family[path])
        if all(p.isidentifier() and not keyword.iskeyword(p) for p in parts) and path.is_file():
            module = Module.from_path(path, self._family)
            module.name = module.name if level else name
            return UserModule(module)
        return ModuleRef(name)

    # --- names

    def resolve(self, name: str) -> Resolution | None:
        """What a global name of this module stands for; None when the module does not define it."""
        found = self.meaning(name)
        if isinstance(found, FunctionSource | External):
            return self.custom(found) or found
        return found

    def custom(self, found: FunctionSource | External) -> CustomFunction | None:
        """The function as one that is called as it is, if that is registered for it."""
        known = self.customs.get(found)
        if known is None:
            if self.environment is None:
                known = registered_in_text(self.family, found)
            elif isinstance(found, External):
                known = live_rules.custom_of_library(found)
            if known is not None:
                self.customs[found] = known
        return known

    @cached_property
    def registrations(self) -> list[Registered]:
        """The rules and markers that the text registers for functions."""
        return registrations(self) if "srcdiff" in self.text else []

    @property
    def top_level(self) -> Iterator[gast.AST]:
        """The statements that the module runs, those of its branches included."""
        return (statement for statement, _ in top_level(self.tree.body))

    @property
    def family(self) -> list[Module]:
        """The modules that were read together with this one."""
        return list(dict.fromkeys([*self._family.values(), self]))

    def meaning(self, name: str) -> Resolution | None:
        """As `resolve`, whatever is registered for a function."""
        if self.environment is not None and name in self.environment:
            value = self.environment[name]
            known = self._bound.get(name)
            # What an import of a library binds is known by its name; any other module is what the object says it is.
            if isinstance(known, ModuleRef | External) and is_library(known) and live.is_same(known, value):
                return known
            found = live.classify(value, self.name, name)
            if isinstance(found, CustomFunction) and isinstance(known, External) and live.is_same(known, value):
                return replace(found, home=GlobalValue(known.module, known.attribute, OBJECT))
            return found
        if name in self._bound and name not in self._assigned:
            return self._loaded(self._bound[name])
        if name in self._assigned:
            value = self._constant(name, frozenset())
            if value is not None:
                return ConstantValue(value)
            made = self._function(name, frozenset()) or self._record(name)
            if made is not None:
                return made
            functions = self._functions_in(name)
            if functions is not None:
                return functions
            if any(has_complex(v) for v in self._assigned[name]):
                return Unsupported(f"`{name}` holds complex numbers, which are not supported", APART)
            return GlobalValue(self.name, name, self._type(name))
        return None

    def method(self, node: gast.FunctionDef) -> FunctionSource:
        """A method of a class of the module, the same object each time."""
        return self._methods.setdefault(node, FunctionSource(node.name, node, self))

    def _record(self, name: str) -> Resolution | None:
        """The named tuple that an assignment of the module makes, the same one each time."""
        if name not in self._records:
            value = self.alias(name)
            made = classes.namedtuple_of_text(self, name, value) if isinstance(value, gast.Call) else None
            self._records[name] = made
        return self._records[name]

    def _loaded(self, known: Resolution) -> Resolution:
        """A class that generated code imports is known from the module it comes from, which is running."""
        if self.environment is None or not isinstance(known, External) or is_library(known):
            return known
        value = getattr(sys.modules.get(known.module), known.attribute, None)
        return live.classify(value, known.module, known.attribute) if isinstance(value, type) else known

    def _function(self, name: str, pending: frozenset[str]) -> FunctionSource | External | Deferred | None:
        """The function that an assignment of the module gives a name: `sine = math.sin`, `sq = lambda x: x * x`."""
        value = self.alias(name)
        if name in pending or name in self._bound:
            return None
        match value:
            case gast.Lambda():
                return self._lambdas.setdefault(name, FunctionSource(name, value, self))
            case gast.Name(id=other) if other in self._assigned:
                return self._function(other, pending | {name})
            case gast.Name(id=other):
                found = self._bound.get(other)
                if found is None and callable(getattr(builtins, other, None)):
                    return External("builtins", other)
                return found if isinstance(found, FunctionSource | External) else None
            case gast.Attribute():
                return self._member(value)
            case gast.Call(func=gast.Name(id=maker)) if is_ours(self._bound.get(maker)):
                return Deferred(value, self)
            case gast.Call(func=gast.Attribute() as maker) if is_ours(self._member(maker)):
                return Deferred(value, self)
        return None

    def _functions_in(self, name: str) -> FunctionsOf | None:
        """What a tuple, list or dict holds that the module makes once, if it is functions alone."""
        if name not in self._holders:
            self._holders[name] = None
            parts = None if name in self._bound else holders.parts_of(self.tree, name, self.alias(name))
            if parts is not None:
                found = [item for node in parts.items if (item := self._item(node)) is not None]
                if len(found) == len(parts.items):
                    home = GlobalValue(self.name, name, self._type(name))
                    self._holders[name] = FunctionsOf(home, tuple(found), parts.keys)
        return self._holders[name]

    def _item(self, node: gast.AST) -> FunctionSource | External | None:
        """The function that is written as an item of a tuple, list or dict."""
        return FunctionSource("<lambda>", node, self) if isinstance(node, gast.Lambda) else self.named(node)

    def named(self, node: gast.AST) -> FunctionSource | External | None:
        """What a name, plain or dotted, of the text stands for, if it is a function."""
        if not isinstance(node, gast.Name):
            return self._member(node)
        found = self.meaning(node.id) or (External("builtins", node.id) if hasattr(builtins, node.id) else None)
        return found if isinstance(found, FunctionSource | External) else None

    def _member(self, node: gast.AST) -> FunctionSource | External | None:
        """What `math.sin`, `np.linalg.norm` or `helpers.f` stands for, if it is a function."""
        parts: list[str] = []
        while isinstance(node, gast.Attribute):
            parts.append(node.attr)
            node = node.value
        found = self._bound.get(node.id) if isinstance(node, gast.Name) and node.id not in self._assigned else None
        for part in reversed(parts):
            match found:
                case ModuleRef(name=module) if is_submodule(module, part):
                    found = ModuleRef(f"{module}.{part}")
                case ModuleRef(name=module):
                    found = External(module, part)
                case UserModule(module=user):
                    found = user.meaning(part)
                case External(module=module, attribute=outer):
                    found = External(module, f"{outer}.{part}")
                case _:
                    return None
        return found if isinstance(found, FunctionSource | External) else None

    def bound(self, name: str) -> Resolution | None:
        """What an import, a definition or a call of `namedtuple` in the text gives a name."""
        if name not in self._assigned:
            return self._bound.get(name)
        return self._record(name)

    def dotted(self, name: str) -> Resolution | None:
        """What `f` or `models.f` stands for."""
        first, *rest = name.split(".")
        found = self.resolve(first) if self.environment is not None else self.bound(first)
        for part in rest:
            match found:
                case UserModule(module=user):
                    found = user.resolve(part)
                case LiveModule(module=user):
                    value = getattr(user, part, None)
                    found = live.classify(value, user.__name__, part)
                case _:
                    return None
        return found

    def alias(self, name: str) -> gast.AST | None:
        """What a name of the module is assigned, if it is assigned once: an alias of a type, perhaps."""
        values = self._assigned.get(name, [])
        return values[0] if len(values) == 1 else None

    def segment(self, node: gast.AST) -> str:
        """The text of a node, on one line."""
        lines = self.lines[node.lineno - 1 : node.end_lineno]
        whole = [line.encode() for line in lines]
        whole[-1] = whole[-1][: node.end_col_offset]
        whole[0] = whole[0][node.col_offset :]
        return " ".join(part.decode(errors="replace").strip() for part in whole)

    def _constant(self, name: str, pending: frozenset[str]) -> Any:
        values = self._assigned.get(name, [])
        if len(values) != 1 or name in self._bound or values[0] is None or name in pending:
            return None
        return evaluate(values[0], lambda other: self._constant_name(other, pending | {name}), self._math)

    def _constant_name(self, name: str, pending: frozenset[str]) -> Any:
        bound = self._bound.get(name)
        if isinstance(bound, External):
            return MATH_CONSTANTS.get((bound.module, bound.attribute))
        return self._constant(name, pending)

    def _math(self, node: gast.AST) -> Any:
        match node:
            case gast.Attribute(value=gast.Name(id=base), attr=attribute):
                match self._bound.get(base):
                    case ModuleRef(name):
                        return MATH_CONSTANTS.get((name, attribute), math_function(name, attribute))
                    case UserModule(module):
                        return module._constant(attribute, frozenset())
        return None

    def _type(self, name: str) -> Any:
        values = self._assigned[name]
        match values:
            case [gast.Call(func=gast.Attribute(value=gast.Name(id=base), attr=attribute))]:
                arrays = ("array", "asarray", "zeros", "ones", "linspace", "eye", "arange", "full", "loadtxt")
                if self._bound.get(base) == ModuleRef("numpy") and attribute in arrays:
                    return Array(None, None)
        return UNKNOWN
