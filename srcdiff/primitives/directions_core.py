"""What the rules for stacks of directions are written with.

In: an operation, its operands, and which of them are stacks: values with a leading axis along which the directions lie.
Out: `Stacks`, the operation under construction; `REGISTER`, name -> rule; `stacked_type`; `NoStack`.

>>> from srcdiff.ir.types import FLOAT
>>> print(stacked_type(Tuple((FLOAT, Array("float32", (3,)), Scalar("int"))), 4))
(float64[4], float32[4, 3], int)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from srcdiff.ir.builder import Builder
from srcdiff.ir.core import Apply, Constant, For, Primitive, Value
from srcdiff.ir.types import (
    INT,
    NONE,
    Array,
    Dict,
    Dimension,
    List,
    Opaque,
    Scalar,
    Size,
    Slice,
    Tuple,
    Type,
    Unknown,
    is_container,
    is_differentiable,
    sharper,
)
from srcdiff.primitives.indexing import ELLIPSIS, SLICE_ALL
from srcdiff.primitives.inference import Shape, dimension_of, rank_of_type, shape_of_type
from srcdiff.primitives.shapes import total
from srcdiff.primitives.symbolic import Symbolic
from srcdiff.primitives.table import TABLE


class NoStack(Exception):
    """An operation that cannot be done for a stack of directions, not even one direction after the other.

    `primitive` is None where a value cannot be made a stack in the first place.
    """

    def __init__(self, primitive: Primitive | None, reason: str) -> None:
        what = "a value" if primitive is None else primitive.name
        super().__init__(f"{what} cannot stand for several directions at once: {reason}")
        self.primitive = primitive
        self.reason = reason


def stacked_type(type: Type, dimension: Dimension) -> Type:
    """The type of a stack of `dimension` values of this type; what carries no derivative stays as it is."""
    match type:
        case Scalar("float"):
            return Array("float64", (dimension,))
        case Array(dtype, shape) if is_differentiable(type):
            return Array(dtype, None if shape is None else (dimension, *shape))
        case Tuple(items):
            return type.of(stacked_type(t, dimension) for t in items)
        case List(item):
            return List(None if item is None else stacked_type(item, dimension))
        case Dict(entries):
            return Dict(None if entries is None else tuple((k, stacked_type(t, dimension)) for k, t in entries))
        case _:
            return type


@dataclass(frozen=True)
class Stacks:
    """One operation whose operands are partly stacks of directions."""

    builder: Builder
    apply: Apply
    operands: tuple[Symbolic, ...]
    stacked: tuple[bool, ...]
    count: Symbolic

    @property
    def name(self) -> str:
        return self.apply.primitive.name

    @property
    def dimension(self) -> Dimension:
        return dimension_of(self.count.value)

    def __getitem__(self, i: int) -> Symbolic:
        return self.operands[i]

    def type(self, i: int) -> Type:
        """The type of operand `i` in one direction."""
        return self.apply.operands[i].type

    def shape(self, i: int) -> Shape | None:
        """The shape of operand `i` in one direction."""
        shape = shape_of_type(self.type(i))
        given = self.operands[i].type
        if shape is None and isinstance(given, Array) and given.shape is not None:
            return given.shape[1:] if self.stacked[i] else given.shape
        return shape

    def rank(self, i: int) -> int | None:
        shape = self.shape(i)
        return None if shape is None else len(shape)

    def constant(self, i: int) -> object:
        """The content of operand `i` where it is a constant, else None."""
        value = self.operands[i].value
        return value.value if isinstance(value, Constant) else None

    def is_none(self, i: int) -> bool:
        return self.operands[i].type == NONE

    def call(self, *operands: object) -> Symbolic:
        """The same primitive on other operands."""
        return self.count.apply(self.name, *operands)

    def same(self) -> Symbolic:
        """The same primitive on the operands as they are."""
        return self.call(*self.operands)

    def fail(self, reason: str) -> NoStack:
        return NoStack(self.apply.primitive, reason)

    def align(self, i: int, rank: int) -> Symbolic | None:
        """Operand `i`, a stack with axes of size 1 after the leading one, so that `rank` axes follow it; None where
        its rank is not known or higher."""
        own = self.rank(i)
        if own is None or own > rank:
            return None
        return with_axes(self[i], rank - own) if self.stacked[i] else self[i]

    def one_dimension(self, i: int, axis: int) -> Symbolic:
        """The length of an axis of the array `i` in one direction, as a value."""
        shape = self.shape(i)
        known = None if shape is None else shape[axis]
        return self.count.constant(known) if isinstance(known, int) else self[i].shape[axis + self.stacked[i]]

    def one_shape(self, i: int) -> Symbolic:
        """The shape of operand `i` in one direction, as a value."""
        shape = self.shape(i)
        if shape is not None and all(isinstance(d, int) for d in shape):
            return self.count.apply("make_tuple", *shape)
        if self.stacked[i] and is_container(self.type(i)):
            raise self.fail("the shape of a list of arrays is asked for")
        whole = self[i].apply("shape", self[i])
        return whole[1:] if self.stacked[i] else whole

    def with_count(self, shape: Symbolic) -> Symbolic | None:
        """The shape operand `shape` with the number of directions in front; None where it is no tuple."""
        return with_count(self.count, shape)


Rule = Callable[[Stacks], Symbolic | None]
"""Builds the stack of results; None where it has no plain form (the directions are then done one by one)."""

REGISTER: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Register the rule of the primitives `names`."""

    def register(function: Rule) -> Rule:
        for name in names:
            assert name in TABLE, name
            REGISTER[name] = function
        return function

    return register


# Building blocks.


def narrowed(inferred: Type, known: Type) -> Type:
    """The inferred type of a stack with what is known of its shape besides."""
    match inferred, known:
        case Unknown(), Array(_, shape):
            return Array(None, shape)
        case Array(dtype, None), Array(_, shape):
            return Array(dtype, shape)
        case Array(dtype, p), Array(_, q) if p is not None and q is not None and len(p) == len(q):
            return Array(dtype, tuple(map(sharper, p, q)))
        case _:
            return inferred


def made_by(x: Symbolic, *names: str) -> Apply | None:
    """The statement that made `x`, if it is one of these primitives and stands in the same builder."""
    for s in reversed(x.builder.statements):
        if x.value in s.results:
            return s if isinstance(s, Apply) and s.primitive.name in names else None
    return None


def with_axes(x: Symbolic, count: int) -> Symbolic:
    """A stack with `count` axes of size 1 after its leading one."""
    index = (slice(None), *(None,) * count)
    return x[index] if count else x


def with_count(count: Symbolic, shape: Symbolic) -> Symbolic | None:
    """A shape with the number of directions in front; None where it is neither an integer nor a tuple."""
    match shape.type:
        case Scalar():
            return shape.apply("make_tuple", count, shape)
        case Tuple():
            return shape.apply("make_tuple", count, *tuple_parts(shape))
        case Opaque("shape"):
            return shape.apply("make_tuple", count) + shape
        case _:
            return None


def front(x: Symbolic, rank: int | None) -> Symbolic:
    """A stack with the first axis of each direction before that of the directions; `rank` is that of one direction."""
    return x.T if rank == 1 else x.apply("np.moveaxis", x, 1, 0)


def flat(s: Stacks, i: int) -> Symbolic:
    """Operand `i` with the axes of each direction made one."""
    rank = s.rank(i)
    if not s.stacked[i]:
        return s[i] if rank == 1 else s[i].apply("np.ravel", s[i])
    if rank == 1:
        return s[i]
    if rank == 0:
        return with_axes(s[i], 1)
    return flattened(s[i], s.count)


def flattened(x: Symbolic, count: Symbolic) -> Symbolic:
    """A stack with the axes of each direction made one."""
    shape = x.type.shape[1:] if isinstance(x.type, Array) and x.type.shape is not None else (None,)
    known = total(shape)
    return x.apply("np.reshape", x, (x.new(count.value), known if isinstance(known, int) else -1))


def tuple_parts(x: Symbolic) -> list[Symbolic]:
    """The items of a tuple; those that its type tells are constants."""
    assert isinstance(x.type, Tuple)
    made = made_by(x, "make_tuple")
    if made is not None:
        return [x.new(v) for v in made.operands]
    return [_part(x, i, t) for i, t in enumerate(x.type.items)]


def _part(x: Symbolic, i: int, t: Type) -> Symbolic:
    match t:
        case Opaque("None"):
            return x.constant(None)
        case Size(dimension=int(n)):
            return x.constant(n)
        case Slice() if t == SLICE_ALL:
            return x.apply("make_slice", None, None, None)
    return x.constant(...) if t == ELLIPSIS else x[i]


def comprehension(
    x: Symbolic, count: object, build: Callable[[Symbolic], Sequence[Symbolic]], name: str = "i"
) -> list[Symbolic]:
    """Lists of what `build` makes of i, for i in range(count): one list for each of the values that it returns."""
    whole = x.apply("range", 0, count, 1)
    inner = Builder(x.builder.origin)
    item = inner.value(INT, name)
    results = build(Symbolic(inner, item, x.scope))
    block = inner.block((item,), [r.value for r in results])
    lists = tuple(x.builder.value(List(r.type)) for r in results)
    x.builder.emit(For(whole.value, (), (), block, lists, x.builder.origin, expression=True))
    return [x.new(v) for v in lists]


def as_array(x: Symbolic, t: Type) -> Symbolic | None:
    """The array that NumPy makes of `x`, a list or tuple of stacks which has the type `t` in one direction."""
    depth = 0
    item: Type | None = t
    while isinstance(item, List | Tuple):
        depth += 1
        item = item.item if isinstance(item, List) else _common(item.items)
    if not isinstance(item, Scalar | Array) or not is_differentiable(item):
        return None
    if depth == 1:
        return x.apply("np.stack", x, 1)
    return x.apply("np.moveaxis", x.apply("np.array", x), depth, 0)


def _common(items: tuple[Type, ...]) -> Type | None:
    """A type like those of all items, which carry a derivative and have the same structure; None where they do not."""
    if not items or not all(map(is_differentiable, items)):
        return None
    alike = all(rank_of_type(t) is not None and rank_of_type(t) == rank_of_type(items[0]) for t in items)
    return items[0] if alike and len({type(t) for t in items}) == 1 else None


def lifted(builder: Builder, values: Iterable[Value]) -> tuple[Symbolic, ...]:
    return tuple(Symbolic(builder, v) for v in values)
