"""Classes of the user's: what their fields, methods and defaults are, read from the class or from its text.

In: a class object, or the text of a class or of a call of `namedtuple`. Out: a `ClassSource`; what a name means in it.

>>> import gast
>>> from srcdiff.frontend.module import Module
>>> text = "from typing import NamedTuple\\nclass P(NamedTuple):\\n    w: float\\n    n: int = 3\\n"
>>> found = Module.from_text(text, "m.py").resolve("P")
>>> found.made.fields, list(found.defaults)
(('w', 'n'), ['n'])
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from types import FunctionType
from typing import TYPE_CHECKING, Any, Literal

import gast

from srcdiff.frontend.annotations import Names, type_of
from srcdiff.frontend.names import ClassSource, External, FunctionSource, Resolution, Unsupported, undecorated
from srcdiff.ir.records import OPERATORS, RecordClass, record_class
from srcdiff.ir.types import UNKNOWN, Array, List, Record, Symbol, Tuple, Type, records_in

if TYPE_CHECKING:
    from srcdiff.frontend.module import Module


@dataclass(frozen=True, eq=False)
class Member:
    """What a class has under a name: a method that gets the instance (`method`) or the class (`class`) or neither
    (`static`), a `property`, or a value."""

    kind: Literal["method", "class", "static", "property", "value"]
    function: FunctionSource | Unsupported | None = None
    value: Any = None


@lru_cache(maxsize=1024)
def described_class(made: RecordClass) -> RecordClass:
    """A record of the running program, with what is known of its class."""
    return _tied(replace(made), ClassSource(made.name, None, made.live, _live_defaults(made.live)))


def _tied(made: RecordClass, source: ClassSource) -> RecordClass:
    """The record with what is known of its class, which knows the record."""
    object.__setattr__(made, "definition", replace(source, made=made))
    return made


def _live_defaults(cls: Any) -> dict[str, Any]:
    """Defaults of the fields by name; a `default_factory` as what it is."""
    if issubclass(cls, tuple):
        return dict(cls._field_defaults)
    found: dict[str, Any] = {}
    for f in dataclasses.fields(cls):
        if f.default is not dataclasses.MISSING:
            found[f.name] = f.default
        elif f.default_factory is not dataclasses.MISSING:
            found[f.name] = f
    return found


def live_class(cls: type) -> ClassSource:
    """What is known of a class of the running program."""
    made = record_class(cls)
    return ClassSource(cls.__name__, None, cls) if made is None else described_class(made).definition


def live_member(cls: type, name: str, function: Callable[[FunctionType], Any]) -> Member | None:
    """What an instance of the class finds under a name; `function` says what is known of a function object."""
    if issubclass(cls, Enum) and name in cls.__members__:
        return Member("value", None, cls.__members__[name])
    found = inspect.getattr_static(cls, name, None)
    match found:
        case FunctionType():
            return Member("method", function(found))
        case property() if isinstance(found.fget, FunctionType):
            return Member("property", function(found.fget))
        case staticmethod() if isinstance(found.__func__, FunctionType):
            return Member("static", function(found.__func__))
        case classmethod() if isinstance(found.__func__, FunctionType):
            return Member("class", function(found.__func__))
        case None:
            return None
    if hasattr(type(found), "__get__"):
        reason = f"`{name}` of `{cls.__name__}` is a {type(found).__name__}, which decides when it runs what is read"
        return Member("value", Unsupported(reason, "write it as a method or as a property"))
    return Member("value", None, found)


# -- from the text


def class_of_text(module: Module, node: gast.ClassDef) -> ClassSource | Unsupported:
    """A class as its text defines it: a NamedTuple, a dataclass, or one that is no record."""
    bases = [_meaning(module, base) for base in node.bases]
    marks = [d.func if isinstance(d, gast.Call) else d for d in node.decorator_list]
    is_dataclass = [_meaning(module, mark) for mark in marks] == [External("dataclasses", "dataclass")]
    is_tuple = bases == [External("typing", "NamedTuple")] and not marks
    plain = ClassSource(node.name, None, None, module=module, node=node)
    if not is_tuple and not (is_dataclass and not bases):
        return plain
    own = any(isinstance(s, gast.FunctionDef) and s.name in OPERATORS for s in node.body)
    if own or any(_says(d, "init", False) for d in node.decorator_list):
        return plain
    fields: list[str] = []
    integers: set[str] = set()
    defaults: dict[str, Any] = {}
    for statement in node.body:
        if not isinstance(statement, gast.AnnAssign) or not isinstance(statement.target, gast.Name):
            continue
        annotation = module.segment(statement.annotation)
        if "InitVar" in annotation:
            return plain
        if "ClassVar" in annotation:
            continue
        fields.append(statement.target.id)
        if annotation == "int":
            integers.add(statement.target.id)
        if statement.value is None:
            continue
        default = _default(module, statement.value)
        if default is None:
            return plain
        if default is not _NO_DEFAULT:
            defaults[statement.target.id] = default
    frozen = is_tuple or any(_says(d, "frozen", True) for d in node.decorator_list)
    made = RecordClass(
        node.name,
        module.name,
        tuple(fields),
        "namedtuple" if is_tuple else "dataclass",
        None,
        frozen,
        frozenset(integers),
    )
    return _described(made, defaults, module, node)


def namedtuple_of_text(module: Module, name: str, node: gast.Call) -> ClassSource | None:
    """`Point = namedtuple("Point", "x y")`, or with the fields as a list or tuple of strings."""
    if _meaning(module, node.func) != External("collections", "namedtuple") or len(node.args) != 2 or node.keywords:
        return None
    match node.args:
        case [gast.Constant(value=title), gast.Constant(value=str() as words)] if title == name:
            fields = tuple(words.replace(",", " ").split())
        case [gast.Constant(value=title), gast.List(elts=items) | gast.Tuple(elts=items)] if title == name:
            fields = tuple(i.value for i in items if isinstance(i, gast.Constant) and isinstance(i.value, str))
            if len(fields) != len(items):
                return None
        case _:
            return None
    return _described(RecordClass(name, module.name, fields, "namedtuple"), {}, module, None)


_NO_DEFAULT = object()


def _default(module: Module, value: gast.AST) -> Any:
    """The default that a field's value in the text gives it: an expression, or a call of `field`; None if unclear."""
    if not isinstance(value, gast.Call) or _meaning(module, value.func) != External("dataclasses", "field"):
        return value
    given = {k.arg: k.value for k in value.keywords}
    if value.args or "init" in given:
        return None
    if "default_factory" in given:
        return gast.Call(func=given["default_factory"], args=[], keywords=[])
    return given.get("default", _NO_DEFAULT)


def _says(decorator: gast.AST, option: str, wanted: bool) -> bool:
    if not isinstance(decorator, gast.Call):
        return False
    return any(
        k.arg == option and isinstance(k.value, gast.Constant) and k.value.value is wanted for k in decorator.keywords
    )


def _described(made: RecordClass, defaults: dict[str, Any], module: Module, node: gast.ClassDef | None) -> ClassSource:
    found: ClassSource = _tied(made, ClassSource(made.name, None, None, defaults, module, node)).definition
    return found


def _meaning(module: Module, node: gast.AST) -> Resolution | None:
    """What `NamedTuple` or `typing.NamedTuple` stands for in the module."""
    match node:
        case gast.Name(id=name):
            return module.bound(name)
        case gast.Attribute(value=gast.Name(id=owner), attr=attribute):
            known = module.bound(owner)
            name = getattr(known, "name", None)
            return External(name, attribute) if isinstance(name, str) else None
    return None


@lru_cache(maxsize=1024)
def method_source(owner: str, source: FunctionSource) -> FunctionSource:
    """A method as a function of the program, which is called after its class as well."""
    return replace(source, name=f"{owner}_{source.name.strip('_')}")


def keeps_values(source: ClassSource) -> bool:
    """Whether what the text of a class assigns to a name is what the class has under it: not so in an `Enum`."""
    node = source.node
    return (
        node is not None and not node.keywords and (source.made is not None or not (node.bases or node.decorator_list))
    )


def text_member(source: ClassSource, name: str) -> Member | None:
    """What an instance finds under a name in the text of its class."""
    if source.node is None or source.module is None:
        return None
    for statement in reversed(source.node.body):
        match statement:
            case gast.FunctionDef(name=known, decorator_list=decorators) if known == name:
                function = method_source(source.name, source.module.method(statement))
                kinds: dict[str, Literal["class", "static", "property"]]
                kinds = {"classmethod": "class", "staticmethod": "static", "property": "property"}
                match decorators:
                    case []:
                        return Member("method", function)
                    case [gast.Name(id=mark)] if mark in kinds:
                        return Member(kinds[mark], undecorated(function))
                return Member("method", function)
            case gast.Assign(targets=[gast.Name(id=known)], value=value) if known == name:
                return Member("value", None, value)
    return None


def type_of_class(source: ClassSource, pending: frozenset[str] = frozenset()) -> Type:
    """The type of an instance, from the annotations of its class; `pending` are the classes that it is a field of."""
    if source.made is None or source.name in pending:
        return UNKNOWN
    names = names_in(_resolver(source), pending | {source.name})
    texts = _annotations(source)
    return Record(tuple(type_of(texts.get(name), names) for name in source.made.fields), source.made)


def of_one(t: Type, path: str) -> Type:
    """The type of the instance at `path`, whose dimensions have names of its own: what a class calls n differs from
    instance to instance, and nothing is known of the elements of a list."""
    match t:
        case Record(items):
            named = zip(t.made.fields, items, strict=True)
            return t.of(_own_dimensions(of_one(item, f"{path}_{name}"), f"{path}_{name}") for name, item in named)
        case Tuple(items):
            return t.of(of_one(item, f"{path}_{i}") for i, item in enumerate(items))
        case List(item) if item is not None and records_in(item):
            return List(_without_names(item))
    return t


def _own_dimensions(t: Type, path: str) -> Type:
    """An array in a field: its dimensions are those of this instance."""
    owner = path.rsplit("_", 1)[0]
    if not isinstance(t, Array) or t.shape is None:
        return t
    return Array(t.dtype, tuple(Symbol(f"{owner}_{d.name}", d.offset) if isinstance(d, Symbol) else d for d in t.shape))


def _without_names(t: Type) -> Type:
    match t:
        case Array(dtype, shape) if shape is not None:
            return Array(dtype, tuple(None if isinstance(d, Symbol) else d for d in shape))
        case Tuple(items):
            return t.of(map(_without_names, items))
        case List(item):
            return t if item is None else List(_without_names(item))
    return t


def names_in(resolve: Callable[[str], Resolution | None], pending: frozenset[str] = frozenset()) -> Names:
    """What the names of classes in annotations mean, where `resolve` knows what a name stands for."""

    def named(name: str) -> Type:
        found = resolve(name)
        return type_of_class(found, pending) if isinstance(found, ClassSource) else UNKNOWN

    return named


def _resolver(source: ClassSource) -> Callable[[str], Resolution | None]:
    """What a name stands for in the module of a class."""
    if source.module is not None:
        return source.module.dotted
    namespace = vars(sys.modules.get(source.live.__module__, sys))

    def resolve(name: str) -> Resolution | None:
        found = namespace.get(name)
        return live_class(found) if isinstance(found, type) else None

    return resolve


def _annotations(source: ClassSource) -> dict[str, str]:
    """The annotations of a class and of those that it inherits from, as text."""
    texts: dict[str, str] = {}
    if source.live is not None:
        for owner in reversed(source.live.__mro__):
            for name, annotation in inspect.get_annotations(owner).items():
                texts[name] = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    elif source.node is not None and source.module is not None:
        for s in source.node.body:
            if isinstance(s, gast.AnnAssign) and isinstance(s.target, gast.Name):
                texts[s.target.id] = source.module.segment(s.annotation)
    return texts
