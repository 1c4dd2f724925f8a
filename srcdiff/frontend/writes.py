"""In-place writes and effects: stores, augmented assignment, `append` and its kin, `print`, `np.add.at`.

In: statements that change an object. Out: a new value for the object's cell; what else may share its memory is stale.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import gast
import numpy as np

from srcdiff.frontend.expressions import BINARY
from srcdiff.frontend.indexing import index_kind
from srcdiff.frontend.names import External, FunctionSource
from srcdiff.frontend.objects import (
    FRESH,
    NO_ROOTS,
    Cell,
    Memory,
    Operand,
    Place,
    Plain,
    Result,
    Static,
    Unbound,
    View,
    base_cell,
    may_be_container,
)
from srcdiff.frontend.recognise import helper_primitive
from srcdiff.frontend.statements import Statements
from srcdiff.frontend.subset import complaint
from srcdiff.ir.core import Effect, Value, constant
from srcdiff.ir.types import (
    OBJECT,
    Array,
    Bottom,
    Dict,
    Instance,
    List,
    Opaque,
    Record,
    Scalar,
    Tuple,
    Type,
    Unknown,
    is_mutable,
)
from srcdiff.primitives.inference import dtype_of_type, shape_of_type
from srcdiff.primitives.known import axis_of, normal_axes

_CHANGERS = frozenset(
    ("append", "extend", "insert", "remove", "clear", "sort", "reverse", "update", "setdefault", "fill", "put")
)


_SIGNS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "floor_divide": "//",
    "mod": "%",
    "power": "**",
    "matmul": "@",
    "bit_and": "&",
    "bit_or": "|",
    "bit_xor": "^",
}


class Writes(Statements):
    """Lowers statements that change objects."""

    # --- x[i] = v

    def target_place(self, node: gast.AST, inner: bool = False) -> Place:
        """The object that a store goes into, or is part of (`inner`). An `x[i]` that is stored into is part of x."""
        if isinstance(node, gast.Attribute) and node.attr == "flat":
            return self.as_place(self.flattened(self._of(self.target_place(node.value), node), node))
        if isinstance(node, gast.Subscript):
            if isinstance(node.value, gast.Attribute) and node.value.attr == "flat":
                raise self.error(node, "`x.flat[i]` is a copy, and this writes into it", "write into x itself")
            base = self.target_place(node.value, inner=True)
            index = self.index_value(node.slice)
            base_value = self.read(base, node)
            if isinstance(base_value.type, Unknown) and _is_place(index.type):
                return View(base, index, base_value.type, None, self.origin)
            operand = self.item(Result(base_value, base, self.memory_of(base)), index, node)
        else:
            operand = self.expression(node)
        if isinstance(operand, Static):
            raise self.error(node, f"{self.describe_static(operand)} cannot be written into")
        unknown_yet = isinstance(operand.type, Bottom)
        if not unknown_yet and (not is_mutable(operand.type) or (isinstance(operand.type, Tuple) and not inner)):
            raise self.error(
                node, f"a value of type {operand.type} cannot be written into", "use an array, list or dict"
            )
        return self.as_place(operand)

    def _of(self, place: Place, node: gast.AST) -> Result:
        """What is at a place now."""
        return Result(self.read(place, node), place, self.memory_of(place))

    def store(self, target: gast.Subscript | gast.Attribute, operand: Operand, node: gast.AST) -> None:
        """`place[index] = operand`."""
        place = self.target_place(target.value)
        index = self.index_value(target.slice)
        self.put(place, index, operand, node)

    def put(self, place: Place, index: Value, operand: Operand, node: gast.AST, primitive: str = "index_set") -> None:
        value = self.current(operand, node)
        before = self.read(place, node)
        after = self.apply(primitive, before, index, value, node=node, name=self.place_name(place))
        self.write(place, after, node, self.held_by(place, operand, before.type))
        if primitive == "index_set":
            held = operand if isinstance(operand, Static) else replace(operand, value=value)
            self.with_part(before, index, self.detached(held), after)

    def place_name(self, place: Place) -> str | None:
        return place.name or base_cell(place).name

    def held_by(self, place: Place, operand: Operand, container: Type) -> Memory:
        """The memory that a store of `operand` puts into a container (an array copies what it is given)."""
        if not may_be_container(container) or isinstance(operand, Static) or not is_mutable(operand.type):
            return FRESH
        memory = self.memory(operand)
        return Memory(frozenset(), memory.all, memory.tangled)

    # --- x += v

    def augmented(self, node: gast.AugAssign) -> None:
        if type(node.op) not in BINARY:
            raise self.error(node, *complaint(node.op))
        primitive = BINARY[type(node.op)]
        match node.target:
            case gast.Name():
                self._augment_name(node.target, primitive, node)
            case gast.Subscript():
                self._augment_item(node.target, primitive, node)
            case _:
                raise self.attribute_written(node.target)

    def _augment_name(self, target: gast.Name, primitive: str, node: gast.AugAssign) -> None:
        name = target.id
        before = self.expression(_as_read(target))
        right = self.expression(node.value)
        if isinstance(before, Static):
            raise self.error(node, f"{self.describe_static(before)} is used as a value")
        if name not in self.scope.local:
            raise self.error(node, f"`{name}` is not a local variable", "assign it to a local variable first")
        type = before.type
        variable = (self.scope.frame, name)
        if not is_mutable(type) or isinstance(type, Tuple):
            result = self.primitive(primitive, [before, right], node, name)
            self.bind(variable, result)
            return
        place = before.place
        if place is None:
            raise AssertionError("internal error: a local name of a mutable object without a place")
        if isinstance(type, Unknown):
            # A number: the name is bound anew. An array: the object changes, and with it all other names of it.
            memory = self.memory_of(place)
            result = self.primitive(primitive, [before, right], node, name)
            self.state.names.pop(variable)
            plain = f"`{name} = {name} {_SIGNS[primitive]} {self.scope.module.segment(node.value)}`"
            written = memory.own | memory.elements if primitive == "add" else memory.own
            self.spoil(written, remedy=f"if `{name}` is a number, write {plain}")
            held = NO_ROOTS if result.memory.leaf else memory.held | result.memory.held
            self.bind(variable, Result(result.value, None, Memory(memory.own, held, leaf=result.memory.leaf)))
            return
        if isinstance(type, List) and primitive == "add":
            self.extend(place, right, node)
            return
        self.write(place, self._updated(place, primitive, right, node), node)

    def _updated(self, place: Place, primitive: str, right: Operand, node: gast.AugAssign) -> Value:
        """The value of an object after `object op= right`, in the dtype and shape it had."""
        before = self.read(place, node)
        name = self.place_name(place)
        after = self.apply(primitive, before, self.current(right, node), node=node, name=name)
        if isinstance(before.type, Array):
            self.check_cast(before.type, after.type, node)
        if isinstance(before.type, Array) and not _keeps(before.type, after.type):
            after = self.apply("index_set", before, constant(Ellipsis), after, node=node, name=name)
        return after

    def check_cast(self, target: Type, given: Type, node: gast.AST) -> None:
        """NumPy casts between floats and between integers where it computes in place, but not floats to integers."""
        mine, theirs = dtype_of_type(target), dtype_of_type(given)
        if mine is not None and theirs is not None and not np.can_cast(theirs, mine, "same_kind"):
            raise self.error(node, f"NumPy does not write {given} into {target} here", "make it an array of floats")

    def _augment_item(self, target: gast.Subscript, primitive: str, node: gast.AugAssign) -> None:
        place = self.target_place(target.value)
        index = self.index_value(target.slice)
        container = self.read(place, node)
        old = self.item(Result(container, place, self.memory_of(place)), index, node)
        before = len(self.writes)
        right = self.expression(node.value)
        if len(self.writes) > before:
            raise self.error(node, "the right side changes an object while an element is updated", "use two statements")
        known = isinstance(old, Result) and not isinstance(old.type, Unknown | Tuple) and is_mutable(old.type)
        if isinstance(old, Result) and old.place is not None and known and not isinstance(container.type, Array):
            if isinstance(old.type, List) and primitive == "add":
                self.extend(old.place, right, node)
            else:
                self.write(old.place, self._updated(old.place, primitive, right, node), node)
            return
        ambiguous = isinstance(old, Result) and isinstance(old.type, Unknown) and may_be_container(container.type)
        result = self.primitive(primitive, [old, right], node)
        if ambiguous:
            # An array inside a list changes in place, and with it all other names of it.
            inner = self.memory(old)
            self.spoil(inner.own - self.memory_of(place).own, base_cell(place))
        self.put(place, index, Result(result.value), node)

    # --- methods and functions that change their argument

    def call_statement(self, node: gast.Call) -> bool:
        """A call that stands as a statement and changes an object or prints; False if it is an ordinary call."""
        if isinstance(node.func, gast.Attribute):
            if node.func.attr in _CHANGERS and self._is_object(node.func.value):
                self._change(node.func.value, node.func.attr, node)
                return True
            if node.func.attr == "at":
                callee = self.expression(node.func)
                if isinstance(callee, Static) and callee.value == External("numpy", "add.at") and len(node.args) == 3:
                    self._add_at(node)
                    return True
            if node.func.attr == "put_along_axis":
                callee = self.expression(node.func)
                if isinstance(callee, Static) and callee.value == External("numpy", "put_along_axis"):
                    self._put_along_axis(node)
                    return True
            return False
        if not isinstance(node.func, gast.Name):
            return False
        callee = self.expression(node.func)
        if not isinstance(callee, Static):
            return False
        if callee.value == External("builtins", "print"):
            operands = [self.current(operand, node) for _, operand, _ in self.arguments(node)]
            self._print(node, operands)
            return True
        if (
            isinstance(callee.value, FunctionSource)
            and helper_primitive(callee.value) == "add_at"
            and len(node.args) == 3
        ):
            self._add_at(node)
            return True
        return False

    def _print(self, node: gast.Call, operands: list[Value]) -> None:
        count = len(node.args)
        if any(isinstance(a, gast.Starred) for a in node.args):
            raise self.error(node, "`*` in `print()` is not supported", "write the arguments out")
        keywords = tuple((k.arg or "", v) for k, v in zip(node.keywords, operands[count:], strict=True))
        self.emit_effect("print", operands[:count], None, keywords)

    def _is_object(self, node: gast.AST) -> bool:
        """Whether a method of this expression is one of a value and not a function of a module."""
        if isinstance(node, gast.Name):
            binding = self._binding(node.id)
            return binding is not None and not isinstance(binding, Static)
        if isinstance(node, gast.Attribute) and self._is_object(node.value):
            base = self.expression(node.value)
            return isinstance(base, Result) and isinstance(base.type, Record | Instance)
        return isinstance(node, gast.Subscript | gast.Call | gast.List)

    def _binding(self, name: str) -> Plain | Cell | View | Static | Unbound | None:
        scope = self.scope
        while True:
            if name in scope.local:
                return self.state.names.get((scope.frame, name), Unbound())
            if scope.parent is None:
                return None
            scope = scope.parent

    def _add_at(self, node: gast.Call) -> None:
        place = self.target_place(node.args[0])
        index = self.index_value(node.args[1])
        operand = self.expression(node.args[2])
        self.put(place, index, operand, node, "index_add")

    def _put_along_axis(self, node: gast.Call) -> None:
        """`np.put_along_axis(x, indices, values, axis)` is a write through the index that takes these elements."""
        names = ("arr", "indices", "values", "axis")
        given = dict(zip(names, node.args, strict=False)) | {k.arg: k.value for k in node.keywords}
        if set(given) != set(names) or len(node.args) + len(node.keywords) != len(names):
            raise self.error(node, "`np.put_along_axis` takes an array, indices, values and an axis")
        place = self.target_place(given["arr"])
        indices, operand, axis = self.evaluate_all([given[n] for n in names[1:]])
        x, chosen = self.read(place, node), self.current(indices, node)
        shape, along = shape_of_type(x.type), axis_of(self.current(axis, node))
        if shape is None or not isinstance(along, int):
            remedy = "annotate the array, and write the axis as a number"
            raise self.error(node, "`np.put_along_axis` needs to know the rank of the array and the axis", remedy)
        rank, (position,) = len(shape), normal_axes(along, len(shape)) or (0,)
        index: list[Value] = []
        for i in range(rank):
            if i == position:
                index.append(chosen)
                continue
            length = self.apply("index_get", self.apply("shape", x, node=node), i, node=node)
            places = self.apply("np.arange", 0, length, 1, node=node)
            every = self.apply("make_slice", None, None, None, node=node)
            spread = self.apply("make_tuple", every, *(constant(None),) * (rank - 1 - i), node=node)
            index.append(self.apply("index_get", places, spread, node=node) if i < rank - 1 else places)
        whole = index[0] if rank == 1 else self.apply("make_tuple", *index, node=node)
        self.put(place, whole, operand, node)

    def _change(self, target: gast.AST, method: str, node: gast.Call) -> None:
        place = self.target_place(target)
        arguments = self.arguments(node)
        if any(keyword is not None for keyword, _, _ in arguments):
            raise self.error(node, f"`.{method}()` with keyword arguments is not supported", "leave them out")
        operands = [operand for _, operand, _ in arguments]
        before = self.read(place, node)
        match method, operands:
            case "append", [item]:
                self.append(place, item, node)
            case "extend", [items]:
                self.extend(place, items, node)
            case "fill", [value]:
                if isinstance(before.type, List | Dict):
                    raise self.error(node, f"a {before.type} has no method `.fill()`")
                self.put(place, constant(Ellipsis), value, node)
            case "sort", []:
                if not isinstance(before.type, List):
                    raise self.error(node, "`.sort()` of an array is not supported", "use np.sort(x), a new array")
                self.write(place, self.apply("sorted", before, node=node, name=self.place_name(place)), node)
            case _:
                remedy = "use `append`, `pop`, `extend` and `xs[i] = v`, or build a new list"
                raise self.error(node, f"`.{method}()` is not supported", remedy)

    def append(self, place: Place, item: Operand, node: gast.AST) -> None:
        self.check_not_iterated(place, node)
        before = self.read(place, node)
        after = self.apply("append", before, self.current(item, node), node=node, name=self.place_name(place))
        self.write(place, after, node, self.held_by(place, item, before.type))

    def extend(self, place: Place, items: Operand, node: gast.AST) -> None:
        self.check_not_iterated(place, node)
        before = self.read(place, node)
        more = self.current(items, node)
        if not isinstance(more.type, List):
            more = self.apply("list", more, node=node)
        after = self.apply("add", before, more, node=node, name=self.place_name(place))
        memory = self.memory(items)
        held = FRESH
        if not isinstance(more.type, List) or more.type.item is None or is_mutable(more.type.item):
            held = Memory(frozenset(), memory.elements | memory.held, memory.tangled)
        self.write(place, after, node, held)

    # --- effects

    def emit_effect(
        self,
        kind: str,
        operands: list[Value],
        exception: Static | None = None,
        keywords: tuple[tuple[str, Value], ...] = (),
    ) -> None:
        wanted: Literal["print", "assert", "raise"]
        wanted = "print" if kind == "print" else "assert" if kind == "assert" else "raise"
        target = None
        if exception is not None:
            external = exception.value
            if not isinstance(external, External):
                raise AssertionError("internal error: an exception that is no class")
            target = self.compilation.global_value(OBJECT, external.module, external.attribute)
        self.builder.emit(Effect(wanted, tuple(operands), self.origin, target, keywords))


def _is_place(index: Type) -> bool:
    """Whether `x[index]` is a part of x for every x: no array index, which would make a copy of an array's items."""
    match index:
        case Scalar(kind=kind):
            return kind != "bool"
        case Opaque(name="str"):
            return True
        case Tuple():
            return index_kind(index) == "basic"
    return False


def _as_read(target: gast.Name) -> gast.Name:
    """The name on the left of `x += v`, as a read."""
    read = gast.Name(id=target.id, ctx=gast.Load(), annotation=None, type_comment=None)
    return gast.copy_location(read, target)


def _keeps(before: Array, after: Type) -> bool:
    """Whether the result of an operation has the dtype and the shape of the array it is written into."""
    if not isinstance(after, Array):
        return isinstance(after, Opaque)
    if before.dtype is not None and after.dtype is not None and before.dtype != after.dtype:
        return False
    if before.dtype is not None and after.dtype is None:
        return False
    return before.shape is None or after.shape is None or len(before.shape) == len(after.shape)
