"""Objects and the names bound to them: the model of Python's memory that makes in-place writes pure.

In: nothing of the user's. Out: the classes of the abstract state that lowering carries along.

A *cell* is a mutable object; the state maps it to its content, an SSA value that each write replaces, so that every
name bound to the cell sees the write. A *view* is a place inside another object (`A[i]`, an element of a list): it is
read again after its base was written, and a write through it writes the base. What is neither is described by *roots*,
the abstract memory an object may share: a write to one object makes every other object *stale* whose roots it meets,
and reading a stale object is refused.

>>> a, b = Root(("x",), 1), Root(("y",), 2)
>>> Memory(own=frozenset({a})).meets(frozenset({a, b})), element(element(a)) == element(a)
(True, True)
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import Any

import gast

from srcdiff.frontend.names import CustomFunction, FunctionSource, GlobalValue, Request, Resolution
from srcdiff.ir.core import Origin, Primitive, Value
from srcdiff.ir.types import Array, List, Type, Unknown, is_mutable, present


@dataclass(frozen=True)
class Root:
    """A piece of memory. `serial` tells apart the objects that one place of the program makes; 0 is any earlier one.

    `parts` says which part of the memory is meant where a loop carries several objects that never share any, or two
    paths meet: pairs of the number of the loop or place and that of the object. (Two buffers that change places share
    what they may be, but no memory.)
    """

    label: tuple[Hashable, ...]
    serial: int = 0
    parts: frozenset[tuple[int, int]] = frozenset()

    def meets(self, other: Root) -> bool:
        """Whether the two may be the same memory."""
        if self.label != other.label or self.serial != other.serial:
            return False
        if not self.parts or not other.parts:
            return True
        mine = dict(self.parts)
        return all(mine.get(loop, part) == part for loop, part in other.parts)


Roots = frozenset[Root]
NO_ROOTS: Roots = frozenset()


def meet(a: Roots, b: Roots) -> bool:
    """Whether memory of the one may be memory of the other."""
    return bool(a & b) or any((r.parts or s.parts) and r.meets(s) for r in a for s in b)


def whole(roots: Roots) -> Roots:
    """The memory that these are parts of."""
    return frozenset(replace(root, parts=frozenset()) for root in roots)


def element(root: Root) -> Root:
    """The memory of the objects inside the container that `root` is."""
    return root if root.label[:1] == ("element",) else replace(root, label=("element", *root.label))


@dataclass(frozen=True)
class Memory:
    """`own`: the roots the object itself may be; `held`: those of objects it contains, beyond its own elements.

    `tangled`: two of its elements may be one object, so that a write through one cannot be modelled.
    `leaf`: it is a number or an array, whatever its type says, and so it contains no other object.
    `packed`: it is an array whose elements lie in C order without gaps, so that `reshape` and `ravel` make views of it.
    """

    own: Roots = NO_ROOTS
    held: Roots = NO_ROOTS
    tangled: bool = False
    leaf: bool = False
    packed: bool = False

    def meets(self, written: Roots) -> bool:
        """Whether a write to `written` may change this object or what it contains."""
        return meet(self.all, written)

    @property
    def elements(self) -> Roots:
        return NO_ROOTS if self.leaf else frozenset(map(element, self.own))

    @property
    def all(self) -> Roots:
        return self.own | self.held | self.elements

    def __or__(self, other: Memory) -> Memory:
        leaf, packed = self.leaf and other.leaf, self.packed and other.packed
        return Memory(self.own | other.own, self.held | other.held, self.tangled or other.tangled, leaf, packed)

    def aged(self, since: int) -> Memory:
        """As seen by the next iteration: what was made after serial `since` becomes "made earlier"."""

        def old(root: Root) -> Root:
            parts = frozenset(p for p in root.parts if p[0] < since)
            return Root((*root.label, "earlier"), 0, parts) if root.serial > since else replace(root, parts=parts)

        return self.each(old)

    def each(self, change: Callable[[Root], Root]) -> Memory:
        """The memory with every root changed."""
        return replace(self, own=frozenset(map(change, self.own)), held=frozenset(map(change, self.held)))

    def part(self, loop: int, number: int) -> Memory:
        """The part of this memory that is object `number` of those told apart at `loop`."""
        return self.each(lambda r: r if r.label == ("global",) else replace(r, parts=r.parts | {(loop, number)}))


FRESH = Memory()
NUMBER = Memory(leaf=True)


@dataclass(frozen=True, eq=False)
class Cell:
    """The identity of a mutable object; `name` and `origin` say how it came to be, for messages."""

    name: str | None
    origin: Origin


@dataclass(frozen=True, eq=False)
class Lens:
    """A view of a whole array that is no index, `x.T` or `x.reshape(2, 3)`: the primitive that takes it of its base.

    `back` and its operands make the base again of the view; without them it gets its shape again. Where it is
    `fixed`, NumPy lets nothing be written through the view.
    """

    take: Primitive
    operands: tuple[Value, ...]
    back: Primitive | None = None
    back_operands: tuple[Value, ...] = ()
    fixed: bool = False


@dataclass(frozen=True, eq=False)
class View:
    """A place inside another: `base[index]`, or what a lens shows of it; with neither, the base under another name."""

    base: Place
    index: Value | None
    base_type: Type
    name: str | None
    origin: Origin
    lens: Lens | None = None
    packed: bool = False


Place = Cell | View


@dataclass(frozen=True)
class Stale:
    """A write elsewhere may have changed the object: where, what was written there, and how to make it certain."""

    line: int
    text: str
    remedy: str = ""


@dataclass(frozen=True)
class Content:
    """What a cell holds now."""

    value: Value
    memory: Memory
    stale: Stale | None = None


@dataclass(frozen=True, eq=False)
class Closure:
    """A nested function or lambda: its source, the frame whose variables it reads, and what its defaults stand for.

    Python evaluates defaults where the function is made, once.
    """

    source: FunctionSource
    frame: int
    defaults: tuple[tuple[str, Binding], ...] = ()


@dataclass(frozen=True, eq=False)
class StaticTuple:
    """A tuple, list or (with `keys`) dict that holds functions or modules: it exists at compile time only.

    `home` is where an object of the module's that holds functions alone is read as what it is.
    """

    items: tuple[Operand, ...]
    keys: tuple[object, ...] | None = None
    home: GlobalValue | None = None


@dataclass(frozen=True, eq=False)
class Partial:
    """A function with some of its arguments given: `functools.partial`, or a method of an object."""

    function: Static
    arguments: tuple[tuple[str | None, Operand], ...]


@dataclass(frozen=True, eq=False)
class Differentiated:
    """`grad(g)` and its like: it exists at compile time. `grad(wrt=1)` is one that awaits its `function`."""

    function: Static | None
    request: Request


@dataclass(frozen=True, eq=False)
class Pullback:
    """What `vjp` returns beside the value: the derivative in reverse mode at arguments that it keeps."""

    title: str
    target: Any
    """The function with its arguments (a `srcdiff.frontend.lifting.Target`)."""
    request: Request


@dataclass(frozen=True, eq=False)
class Static:
    """A compile-time value: a function, a module, a closure, a derivative."""

    value: Resolution | Closure | StaticTuple | Partial | Differentiated | Pullback

    def same(self, other: Static) -> bool:
        a, b = self.value, other.value
        if isinstance(a, Differentiated) and isinstance(b, Differentiated) and a.request == b.request:
            if a.function is None or b.function is None:
                return a.function is b.function
            return a.function.same(b.function)
        if isinstance(a, Partial) and isinstance(b, Partial):
            given = zip(a.arguments, b.arguments, strict=False)
            alike = len(a.arguments) == len(b.arguments) and all(p[0] == q[0] and p[1] is q[1] for p, q in given)
            return alike and a.function.same(b.function)
        if isinstance(a, CustomFunction) and isinstance(b, CustomFunction):
            return a.key == b.key
        if isinstance(a, Closure) and isinstance(b, Closure):
            made = [(name, id(binding)) for name, binding in a.defaults]
            return (
                a.source.node is b.source.node
                and a.frame == b.frame
                and made == [(name, id(binding)) for name, binding in b.defaults]
            )
        return a is b or (type(a) is type(b) and a == b)


@dataclass(frozen=True, eq=False)
class Result:
    """What an expression gives: a value now, the place it lives at if it is an existing object, and its memory."""

    value: Value
    place: Place | None = None
    memory: Memory = FRESH

    @property
    def type(self) -> Type:
        return self.value.type


Operand = Result | Static
Arguments = list[tuple[str | None, Operand, gast.AST]]
"""Of a call: keyword (None for a positional argument), operand, and where it was written."""


@dataclass(frozen=True, eq=False)
class Plain:
    """A name bound to a value that cannot be changed in place."""

    value: Value


@dataclass(frozen=True, eq=False)
class Unbound:
    """A name without a value here; `reason` explains where one may come from and why it cannot be used."""

    reason: str | None = None


Binding = Plain | Cell | View | Static | Unbound
Variable = tuple[int, str]
"""The number of the frame (the function or an inlined call) and the name in it."""


@dataclass
class State:
    """Names, objects, and the views read so far (with the base's value that they were read from)."""

    names: dict[Variable, Binding] = field(default_factory=dict)
    cells: dict[Cell, Content] = field(default_factory=dict)
    views: dict[View, tuple[Value, Value]] = field(default_factory=dict)
    dead: bool = False
    """No path leads here: the statements before always raise."""

    def copy(self) -> State:
        return State(dict(self.names), dict(self.cells), dict(self.views), self.dead)

    def write(self, cell: Cell, value: Value, memory: Memory | None = None) -> None:
        """Give the cell a new value. The caller marks who else is affected."""
        content = self.cells[cell]
        self.cells[cell] = Content(value, content.memory if memory is None else memory, content.stale)

    def spoil(self, written: Roots, spared: frozenset[Cell], stale: Stale) -> None:
        """Make every object stale that the written memory may belong to, except those in `spared`."""
        for cell, content in self.cells.items():
            if cell not in spared and content.stale is None and content.memory.meets(written):
                self.cells[cell] = replace(content, stale=stale)


def base_cell(place: Place) -> Cell:
    """The cell that a place lies in."""
    while isinstance(place, View):
        place = place.base
    return place


def is_element(place: Place) -> bool:
    """Whether the place leads into a list or dict, which may be given another element under the same index."""
    while isinstance(place, View):
        if place.index is not None and not isinstance(place.base_type, Array):
            return True
        place = place.base
    return False


def may_be_container(t: Type) -> bool:
    return not isinstance(t, Array) and is_mutable(t)


def element_memory(base: Memory, base_type: Type) -> Memory:
    """The memory of an element of an object: an array's element is the array's memory, a list's is another object."""
    inner = base.elements | base.held
    match present(base_type):
        case Array():
            return Memory(base.own, leaf=True)
        case Unknown() if base.leaf:
            return Memory(base.own, leaf=True)
        case Unknown():
            return Memory(base.own | inner, base.held, base.tangled)
        case List(item) if item is not None and not may_be_container(item):
            return Memory(inner)
        case _:
            return Memory(inner, inner, base.tangled)
