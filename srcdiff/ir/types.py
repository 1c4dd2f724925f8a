"""Types: what the compiler knows of a value before the program runs.

In: nothing. Out: small frozen classes compared by value, and `join`, the least type that covers two others.

>>> print(join(Scalar("int"), Scalar("float")))
float
>>> print(join(Array("float64", (Symbol("n"), 3)), Array("float64", (Symbol("n"), 4))))
float64[n, !1]
>>> print(join(Array("float64", (1,)), Array("float64", (4,))))
float64[?]
>>> print(join(Scalar("float"), Array("float64", (3,))))
unknown
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from srcdiff.ir.records import RecordClass

Kind = Literal["float", "int", "bool"]


@dataclass(frozen=True)
class Symbol:
    """A dimension known by name: the size called `name`, plus `offset`.

    `plural` says that the size called `name` is known to differ from 1, so that it cannot broadcast.
    """

    name: str
    offset: int = 0
    plural: bool = False

    def __str__(self) -> str:
        return self.name if not self.offset else f"{self.name}{self.offset:+d}"


@dataclass(frozen=True)
class Several:
    """A dimension of which it is known only that it differs from 1, so that it cannot broadcast: that of arrays of one
    rank that take turns. Two of these need not be equal."""

    def __str__(self) -> str:
        return "!1"


SEVERAL = Several()

Dimension = int | Symbol | Several | None
"""A constant, a symbol, known to differ from 1, or unknown (None: it may be 1)."""


def never_one(d: Dimension) -> bool:
    """Whether the dimension is known to differ from 1, so that it cannot be stretched."""
    match d:
        case int():
            return d != 1
        case Symbol():
            return d.plural and d.offset == 0
        case Several():
            return True
        case None:
            return False


def sharper(d: Dimension, e: Dimension) -> Dimension:
    """What is known of a dimension of which both `d` and `e` are known."""
    return e if d is None or (isinstance(d, Several) and e is not None) else d


def is_exact(shape: tuple[Dimension, ...] | None) -> bool:
    """Whether every dimension has a name or a number, so that equal shapes of two types are equal shapes of arrays."""
    return shape is not None and None not in shape and SEVERAL not in shape


@dataclass(frozen=True)
class Scalar:
    """A Python or NumPy number."""

    kind: Kind

    def __str__(self) -> str:
        return self.kind


@dataclass(frozen=True)
class Size(Scalar):
    """An integer that is known as a dimension: `x.shape[0]`, `len(x)`, `n - 1`, a constant in a shape."""

    dimension: int | Symbol = 0

    def __str__(self) -> str:
        return self.kind


@dataclass(frozen=True)
class Array:
    """A NumPy array; `dtype` is a NumPy dtype name or None, `shape` None where even the rank is unknown."""

    dtype: str | None
    shape: tuple[Dimension, ...] | None

    @property
    def rank(self) -> int | None:
        return None if self.shape is None else len(self.shape)

    def __str__(self) -> str:
        dims = "..." if self.shape is None else ", ".join("?" if d is None else str(d) for d in self.shape)
        return f"{self.dtype or 'array'}[{dims}]"


@dataclass(frozen=True)
class Tuple:
    """A tuple whose length and item types are known."""

    items: tuple[Type, ...]

    def of(self, items: Iterable[Type]) -> Tuple:
        """A tuple of the same class with items of other types."""
        return Tuple(tuple(items))

    def __str__(self) -> str:
        return f"({', '.join(map(str, self.items))})"


@dataclass(frozen=True)
class Record(Tuple):
    """An instance of a named tuple or dataclass: a tuple whose items have names. Item number i is `made.fields[i]`."""

    made: RecordClass

    def of(self, items: Iterable[Type]) -> Record:
        return Record(tuple(items), self.made)

    def __str__(self) -> str:
        pairs = zip(self.made.fields, self.items, strict=True)
        return f"{self.made.name}({', '.join(f'{name}: {t}' for name, t in pairs)})"


@dataclass(frozen=True)
class Named(Tuple):
    """A tuple whose items have names as well: `np.linalg.eigh(a).eigenvalues`."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return super().__str__()


@dataclass(frozen=True)
class List:
    """A list; `item` covers every element (None: the list is empty as far as is known)."""

    item: Type | None

    def __str__(self) -> str:
        return f"list[{'' if self.item is None else self.item}]"


@dataclass(frozen=True)
class Dict:
    """A dict; `items` lists the keys known to be present, in order, or is None."""

    items: tuple[tuple[object, Type], ...] | None

    def __str__(self) -> str:
        if self.items is None:
            return "dict"
        return "{" + ", ".join(f"{k!r}: {t}" for k, t in self.items) + "}"


@dataclass(frozen=True)
class Opaque:
    """A value that never carries a derivative: `name` is one of str, None, range, slice, ellipsis, function, dtype,
    shape (a tuple of integers of unknown length), object."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Slice(Opaque):
    """A slice inside an index. A bound is a dimension, or `absent`, or unknown (None)."""

    start: int | Symbol | Literal["absent"] | None = None
    stop: int | Symbol | Literal["absent"] | None = None
    step: int | None = None

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Class(Opaque):
    """The class of a record, as a value: what `make_record` is given."""

    made: RecordClass | None = None

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Instance(Opaque):
    """An object of a class of the user's, whose attributes are read and never differentiated."""

    cls: type = object
    attributes: tuple[tuple[str, Type], ...] = ()

    def __str__(self) -> str:
        return self.cls.__name__


@dataclass(frozen=True)
class Unreadable(Opaque):
    """An attribute that generated code cannot compute with: why."""

    reason: str = ""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Unknown:
    """Nothing is known: number, array or container. Generated code then works for scalars and arrays alike."""

    def __str__(self) -> str:
        return "unknown"


@dataclass(frozen=True)
class Maybe(Unknown):
    """None, or a value of type `item`: what a branch that does not assign it leaves in a tape. Treated as unknown,
    except that an operation that fails on None is typed as for `item`."""

    item: Type

    def __str__(self) -> str:
        return f"{self.item} or None"


@dataclass(frozen=True)
class Bottom:
    """The type of what never has a value (an unbound variable, the result of a call not analysed yet)."""

    def __str__(self) -> str:
        return "bottom"


Type = Scalar | Array | Tuple | List | Dict | Opaque | Unknown | Bottom

FLOAT = Scalar("float")
INT = Scalar("int")
BOOL = Scalar("bool")
STR = Opaque("str")
NONE = Opaque("None")
RANGE = Opaque("range")
SLICE = Opaque("slice")
OBJECT = Opaque("object")
UNKNOWN = Unknown()
BOTTOM = Bottom()

_ORDER = {"bool": 0, "int": 1, "float": 2}


def join(a: Type, b: Type) -> Type:
    """The least type that covers both `a` and `b`."""
    if a == b or isinstance(b, Bottom):
        return a
    if isinstance(a, Bottom):
        return b
    match a, b:
        case Scalar(), Scalar():
            return Scalar(a.kind if _ORDER[a.kind] >= _ORDER[b.kind] else b.kind)
        case Array(), Array():
            dtype = a.dtype if a.dtype == b.dtype else None
            if a.shape is None or b.shape is None or len(a.shape) != len(b.shape):
                return Array(dtype, None)
            return Array(dtype, tuple(map(_join_dimensions, a.shape, b.shape)))
        case Tuple(), Tuple() if same_tuple(a, b):
            return a.of(join(p, q) for p, q in zip(a.items, b.items, strict=True))
        case List(), List():
            return List(b.item if a.item is None else a.item if b.item is None else join(a.item, b.item))
        case Dict(), Dict():
            if a.items is None or b.items is None or [k for k, _ in a.items] != [k for k, _ in b.items]:
                return Dict(None)
            return Dict(tuple((k, join(p, q)) for (k, p), (_, q) in zip(a.items, b.items, strict=True)))
        case Instance(), Instance() if a.cls is b.cls and [n for n, _ in a.attributes] == [n for n, _ in b.attributes]:
            pairs = zip(a.attributes, b.attributes, strict=True)
            return Instance(a.name, a.cls, tuple((n, join(p, q)) for (n, p), (_, q) in pairs))
        case (Opaque("None"), _) | (_, Opaque("None")) | (Maybe(), _) | (_, Maybe()):
            return _maybe(join(present(a), present(b)))
        case _:
            return UNKNOWN


def same_shape(a: Type, b: Type) -> bool:
    """Whether the types prove that two numbers or two arrays have the same shape.

    >>> same_shape(Array("float64", ("n", 2)), Array("bool", ("n", 2))), same_shape(Array("float64", (None,)), UNKNOWN)
    (True, False)
    """
    match a, b:
        case Scalar(), Scalar():
            return True
        case Array(_, p), Array(_, q):
            return p == q and is_exact(p)
    return False


def same_tuple(a: Tuple, b: Tuple) -> bool:
    """Whether two tuples are of one class and length, so that they can be taken item by item."""
    made = a.made if isinstance(a, Record) else None
    return made == (b.made if isinstance(b, Record) else None) and len(a.items) == len(b.items)


def _join_dimensions(p: Dimension, q: Dimension) -> Dimension:
    if p == q:
        return p
    return SEVERAL if never_one(p) and never_one(q) else None


def present(t: Type) -> Type:
    """The type of a value of type `t` that is not None (`BOTTOM`: it always is)."""
    return t.item if isinstance(t, Maybe) else BOTTOM if t == NONE else t


def _maybe(t: Type) -> Type:
    return UNKNOWN if isinstance(t, Unknown | Opaque | Bottom) else Maybe(t)


def is_float_dtype(dtype: str | None) -> bool:
    """Whether arrays of this dtype can carry a derivative (an unknown dtype can)."""
    return dtype is None or dtype.startswith("float")


def is_differentiable(t: Type) -> bool:
    """Whether a value of this type can carry a derivative: integers, booleans and strings cannot."""
    match t:
        case Scalar(kind):
            return kind == "float"
        case Array(dtype, _):
            return is_float_dtype(dtype)
        case Tuple(items):
            return any(map(is_differentiable, items))
        case List(item):
            return item is None or is_differentiable(item)
        case Dict(entries):
            return entries is None or any(is_differentiable(t) for _, t in entries)
        case Maybe(item):
            return is_differentiable(item)
        case Unknown():
            return True
        case Opaque() | Bottom():
            return False


def records_in(t: Type) -> list[RecordClass]:
    """The classes of the records that a value of this type is or holds, as far as the type tells."""
    match t:
        case Tuple(items):
            inner = [made for item in items for made in records_in(item)]
            return [t.made, *inner] if isinstance(t, Record) else inner
        case List(item):
            return [] if item is None else records_in(item)
        case Dict(entries):
            return [made for _, item in entries or () for made in records_in(item)]
        case Maybe(item):
            return records_in(item)
        case _:
            return []


def is_part(part: Type, whole: Type) -> bool:
    """Whether a value of type `part` is held by a list, tuple or dict of type `whole`, at some depth.

    >>> is_part(FLOAT, Tuple((Tuple((FLOAT,)), STR))), is_part(FLOAT, FLOAT)
    (True, False)
    """
    match whole:
        case Tuple(items):
            inner: Iterable[Type] = items
        case Dict(entries) if entries is not None:
            inner = [t for _, t in entries]
        case List(item) if item is not None:
            inner = [item]
        case _:
            return False
    return any(t == part or is_part(part, t) for t in inner)


def is_container(t: Type) -> bool:
    """Whether this is a list, tuple or dict."""
    return isinstance(t, List | Tuple | Dict)


def is_mutable(t: Type) -> bool:
    """Whether an object of this type may be changed in place, so that two names of it must be told apart."""
    match t:
        case Maybe(item):
            return is_mutable(item)
        case Array() | List() | Dict() | Unknown():
            return True
        case Tuple(items):
            return any(map(is_mutable, items))
        case Scalar() | Opaque() | Bottom():
            return False


def is_scalar(t: Type) -> bool:
    """Whether the value is known to be a number and not an array."""
    return isinstance(t, Scalar)
