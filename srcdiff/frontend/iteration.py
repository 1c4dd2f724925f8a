"""What loops go over: ranges, and sequences of things by index.

In: the expression after `in`. Out: a `Sequence` that knows its length and can bind its item number i to a target.
`for v in xs` becomes a loop over `range(len(xs))` whose body starts with `v = xs[i]`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import gast

from srcdiff.frontend.loops import Loops
from srcdiff.frontend.names import External
from srcdiff.frontend.objects import Operand, Result, Static, StaticTuple
from srcdiff.ir.core import Constant, Value, constant
from srcdiff.ir.types import RANGE, Array, Dict, List, Opaque, Record, Scalar, Size, Tuple, Unknown, present


@dataclass(frozen=True, eq=False)
class Sequence:
    """Something a loop can go over. `item` gives item number i; `parts` are those of a tuple item (`zip`, `enumerate`).

    `range` is set for a plain range, whose items drive the loop themselves; `counted` for `enumerate` from 0.
    """

    length: Callable[[], Value]
    item: Callable[[Value, str | None], Operand] | None = None
    parts: tuple[Sequence, ...] = ()
    range: Value | None = None
    counted: bool = False
    over: Result | None = None
    turned: Sequence | None = None
    """The sequence that this one is the reverse of."""
    count: int | None = None
    """How many items there are at most where some are functions: such a loop is written out, item by item."""


class Iteration(Loops):
    """Builds sequences and binds loop targets; assignment to a target comes from the class built on it."""

    def assign(self, target: gast.AST, operand: Operand, node: gast.AST) -> None:
        raise AssertionError("internal error: targets are assigned by the class built on this one")

    def sequence(self, node: gast.AST) -> Sequence:
        """The sequence that an expression after `in` stands for."""
        if isinstance(node, gast.Call):
            match node.func:
                case gast.Attribute(value=base, attr="items" | "keys" | "values" as method) if not node.args:
                    operand = self.expression(base)
                    if isinstance(operand, Static) and isinstance(operand.value, StaticTuple):
                        return self._of_functions(operand.value, method)
                    if isinstance(operand, Result):
                        return self.dict_sequence(operand, method, node)
                case gast.Name():
                    callee = self.expression(node.func)
                    if isinstance(callee, Static) and isinstance(callee.value, External):
                        found = self._builtin_sequence(callee.value, node)
                        if found is not None:
                            return found
        operand = self.flat(node) or self.solid(self.expression(node))
        if isinstance(operand, Static):
            if isinstance(operand.value, StaticTuple):
                return self._of_functions(operand.value)
            raise self.error(node, f"{self.describe_static(operand)} cannot be looped over")
        return self.over(operand, node)

    def _builtin_sequence(self, callee: External, node: gast.Call) -> Sequence | None:
        if callee.module != "builtins":
            return None
        match callee.attribute, node.args:
            case "range", _:
                return self.range_sequence(self.range(node), node)
            case "enumerate", [inner, *start]:
                keywords = [k.value for k in node.keywords if k.arg == "start"]
                first = [*start, *keywords]
                offset = self.value(first[0]) if first else constant(0)
                counted = not first
                sequence = self.sequence(inner)

                def count(i: Value, name: str | None) -> Operand:
                    return Result(i if counted else self.apply("add", i, offset, node=node, name=name))

                counter = Sequence(sequence.length, count)
                return Sequence(sequence.length, None, (counter, sequence), counted=counted, count=sequence.count)
            case "zip", [_, *_]:
                for keyword in node.keywords:
                    if keyword.arg != "strict":
                        raise self.error(keyword.value, f"`zip` with `{keyword.arg}=` is not supported")
                parts = tuple(self.sequence(a) for a in node.args)
                counts = [part.count for part in parts if part.count is not None]
                return Sequence(lambda: self._shortest(parts, node), None, parts, count=min(counts) if counts else None)
            case "reversed", [inner]:
                sequence = self.sequence(inner)
                return self._backwards(sequence, node)
        return None

    def _shortest(self, parts: tuple[Sequence, ...], node: gast.AST) -> Value:
        lengths: list[Value] = []
        fixed = [length for length in (part.length() for part in parts) if isinstance(length, Constant)]
        if len(fixed) == len(parts):
            return constant(min(length.value for length in fixed))
        for part in parts:
            length = part.length()
            if not any(_same_length(length, other) for other in lengths):
                lengths.append(length)
        return lengths[0] if len(lengths) == 1 else self.apply("min", *lengths, node=node)

    def _of_functions(self, functions: StaticTuple, method: str | None = None) -> Sequence:
        """The items of what holds functions; of a dict its keys, its items, or both."""
        items, count = functions.items, len(functions.items)

        def length() -> Value:
            return constant(count)

        def item(i: Value, name: str | None) -> Operand:
            assert isinstance(i, Constant)
            operand: Operand = items[i.value]
            return operand

        def key(i: Value, name: str | None) -> Operand:
            assert isinstance(i, Constant) and functions.keys is not None
            return Result(constant(functions.keys[i.value]))

        values = Sequence(length, item, count=count)
        if functions.keys is None or method == "values":
            return values
        keys = Sequence(length, key, count=count)
        return Sequence(length, None, (keys, values), count=count) if method == "items" else keys

    def _backwards(self, sequence: Sequence, node: gast.AST) -> Sequence:
        if sequence.count is not None:
            if sequence.item is None:
                raise self.error(node, "`reversed()` of this is not supported", "reverse what it goes over")
            item, last = sequence.item, sequence.count - 1

            def get(i: Value, name: str | None) -> Operand:
                assert isinstance(i, Constant)
                return item(constant(last - i.value), name)

            return Sequence(sequence.length, get, count=sequence.count)
        if sequence.range is not None:
            turned = self.apply("reversed", sequence.range, node=node)
            return Sequence(sequence.length, self._at_end(sequence, node), range=turned)
        return Sequence(sequence.length, self._at_end(sequence, node), over=sequence.over, turned=sequence)

    def _at_end(self, sequence: Sequence, node: gast.AST) -> Callable[[Value, str | None], Operand] | None:
        if sequence.item is None:
            raise self.error(node, "`reversed()` of this is not supported", "reverse what it goes over")
        item = sequence.item

        def get(i: Value, name: str | None) -> Operand:
            last = self.apply("subtract", sequence.length(), 1, node=node)
            return item(self.apply("subtract", last, i, node=node), name)

        return get

    def range_sequence(self, operand: Result, node: gast.AST) -> Sequence:
        def item(i: Value, name: str | None) -> Operand:
            return Result(self.apply("index_get", operand.value, i, node=node, name=name))

        return Sequence(lambda: self.apply("len", operand.value, node=node), item, range=operand.value)

    def over(self, operand: Result, node: gast.AST) -> Sequence:
        """A loop over the elements of an object."""
        if isinstance(operand.type, Record):
            plain = self.plain(operand, None, node)
            assert isinstance(plain, Result)
            operand = plain
        value = self.current(operand, node)
        type = present(value.type)
        if type == RANGE:
            return self.range_sequence(Result(value), node)
        if isinstance(type, Dict):
            return self.dict_sequence(operand, "keys", node)
        if isinstance(type, Scalar | Opaque):
            raise self.error(node, f"a loop cannot go over a value of type {type}")
        if isinstance(type, Array | List | Unknown) and operand.place is None:
            operand = Result(value, self.as_place(operand), self.memory(operand))

        def item(i: Value, name: str | None) -> Operand:
            return self.item(operand, i, node, name)

        if isinstance(type, Tuple):
            return Sequence(lambda: constant(len(type.items)), item, over=operand)
        return Sequence(lambda: self.apply("len", self.current(operand, node), node=node), item, over=operand)

    def dict_sequence(self, operand: Result, method: str, node: gast.AST) -> Sequence:
        # The keys of a dict that the program fills may depend on what is differentiated; those of others do not.
        filled = present(operand.type) == Dict(None)
        keys = self.apply("list" if filled else "keys", self.current(operand, node), node=node)
        if operand.place is None:
            operand = Result(operand.value, self.as_place(operand), operand.memory)

        def length() -> Value:
            return self.apply("len", keys, node=node)

        def key(i: Value, name: str | None) -> Operand:
            return Result(self.apply("index_get", keys, i, node=node, name=name))

        def value(i: Value, name: str | None) -> Operand:
            return self.item(operand, self.apply("index_get", keys, i, node=node), node, name)

        over_keys, over_values = Sequence(length, key, over=operand), Sequence(length, value, over=operand)
        match method:
            case "keys":
                return over_keys
            case "values":
                return over_values
        return Sequence(length, None, (over_keys, over_values), over=operand)

    def iterated(self, sequence: Sequence) -> list[Result]:
        """The objects that a sequence goes over."""
        found = [] if sequence.over is None else [sequence.over]
        return [*found, *(r for part in sequence.parts for r in self.iterated(part))]

    def bind_item(self, target: gast.AST, sequence: Sequence, i: Value, node: gast.AST) -> None:
        """Assign item number i to the loop's target."""
        if sequence.parts:
            if not isinstance(target, gast.Tuple | gast.List):
                items = [self._part(part, i, node) for part in sequence.parts]
                self.assign(target, self.display(items, node, _name(target)), node)
                return
            if len(target.elts) != len(sequence.parts):
                raise self.error(target, f"{len(sequence.parts)} values for {len(target.elts)} names")
            for inner, part in zip(target.elts, sequence.parts, strict=True):
                self.bind_item(inner, part, i, node)
            return
        assert sequence.item is not None
        self.assign(target, sequence.item(i, _name(target)), node)

    def _part(self, sequence: Sequence, i: Value, node: gast.AST) -> Operand:
        if sequence.parts:
            return self.display([self._part(part, i, node) for part in sequence.parts], node, None)
        assert sequence.item is not None
        return sequence.item(i, None)

    def driver(self, target: gast.AST, sequence: Sequence, node: gast.AST) -> tuple[Value, str | None]:
        """The range that a loop runs over, and the name of its item."""
        if sequence.count is not None:
            raise self.error(node, "a loop over functions is not supported here", "write a `for` statement")
        if sequence.range is not None:
            return sequence.range, _name(target)
        name = None
        if sequence.counted and isinstance(target, gast.Tuple | gast.List) and target.elts:
            name = _name(target.elts[0])
        indices = self.apply("range", 0, sequence.length(), 1, node=node)
        if sequence.turned is not None:
            indices = self.apply("reversed", indices, node=node)
        return indices, name

    def bind_driven(self, target: gast.AST, sequence: Sequence, item: Value, node: gast.AST) -> None:
        """Bind the target at the head of an iteration."""
        if sequence.range is not None:
            self.assign(target, Result(item), node)
        else:
            self.bind_item(target, sequence.turned or sequence, item, node)


def _name(target: gast.AST) -> str | None:
    return target.id if isinstance(target, gast.Name) else None


def _same_length(a: Value, b: Value) -> bool:
    """Whether two lengths are known to be equal."""
    return isinstance(a.type, Size) and a.type == b.type
