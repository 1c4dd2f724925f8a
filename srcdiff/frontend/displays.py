"""Objects inside tuples, lists and dicts that are written out: `(y, 2.0)`, `[y, z]`, `{"u": np.zeros(n)}`.

In: what a display holds, and what it is read or written at. Out: its parts as the objects they are. As long as it is
known which objects a container holds, a write to one of them through any of its names is exact: the container is made
again of its parts where it is read as a whole. What grows or is written at an index that is no constant is a value.

>>> from srcdiff.frontend.lower import lower
>>> from srcdiff.frontend.module import Module
>>> from srcdiff.ir.text import to_text
>>> head = "def f(x: float):\\n    inner = [x]\\n    outer = (inner, 2.0)\\n"
>>> text = head + "    outer[0][0] = x * x\\n    return inner[0]\\n"
>>> print(to_text(lower(Module.from_text(text, "f.py"), "f")))
function f(%x: float):
    %inner: list[float] = make_list %x
    %outer: (list[float], float) = make_tuple %inner, 2.0
    %t: float = multiply %x, %x
    %inner_1: list[float] = index_set %inner, 0, %t
    %t_1: float = index_get %inner_1, 0
    return %t_1
<BLANKLINE>
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from srcdiff.frontend.context import Context
from srcdiff.frontend.objects import Cell, Memory, Operand, Place, Result, Stale, Static
from srcdiff.ir.core import Constant, Value, constant
from srcdiff.ir.types import Array, Dict, List, Tuple, Unknown, is_mutable
from srcdiff.primitives.table import TABLE

Key = tuple[type, object]
"""Where in a container: a position, or a key with its type."""


class Displays(Context):
    """Knows the parts of containers."""

    def show(self, value: Value, keys: Iterable[object], items: Iterable[Operand]) -> None:
        """Remember what `value` holds, if every object among it is known."""
        parts: dict[Key, Operand] = {}
        for key, item in zip(keys, items, strict=True):
            if isinstance(item, Static):
                return
            if is_mutable(item.type) and item.place is None:
                if not isinstance(item.type, Array | Unknown) and self.displayed(item.value) is None:
                    return
                item = self.placed(item, _name(value.name, key))
            parts[type(key), key] = item
        if any(isinstance(p, Result) and is_mutable(p.type) for p in parts.values()):
            self.parts[value] = parts
            self.made[value] = tuple(self._value_now(p)[0] for p in parts.values())

    def show_again(self, value: Value, old: Value) -> None:
        """`value` is another name of what `old` holds."""
        if old in self.tuples:
            self.tuples[value] = self.tuples[old]
        if old in self.parts:
            self.parts[value] = self.parts[old]
        if old in self.made:
            self.made[value] = self.made[old]

    def part(self, container: Value, index: Value) -> Operand | None:
        """What is certainly meant by `container[index]`."""
        index = self.known.get(index, index)
        if not isinstance(index, Constant):
            return None
        if container in self.tuples:
            items = self.tuples[container]
            position = position_of(index, len(items))
            return None if position is None else self._part_now(items[position])
        parts = self.parts.get(container)
        if parts is None:
            return None
        key = index.value
        if isinstance(container.type, List):
            key = position_of(index, len(parts))
        found = parts.get((type(key), key))
        return None if found is None else self._part_now(found)

    def _part_now(self, part: Operand) -> Operand:
        if isinstance(part, Static) or part.place is None:
            return part
        value, stale = self.peek(part.place)
        return part if stale is not None else Result(value, part.place, self.memory_of(part.place))

    def _value_now(self, part: Operand) -> tuple[Value, Stale | None]:
        assert isinstance(part, Result)
        return (part.value, None) if part.place is None else self.peek(part.place)

    def with_part(self, old: Value, index: Value, item: Operand, new: Value) -> None:
        """`new` is the container `old` after a store of `item` at a constant index."""
        parts = self.parts.get(old)
        index = self.known.get(index, index)
        if parts is None or not isinstance(index, Constant):
            return
        key = index.value if isinstance(old.type, Dict) else position_of(index, len(parts))
        if key is not None or isinstance(old.type, Dict):
            changed = {**parts, (type(key), key): item}
            self.show(new, [key for _, key in changed], changed.values())

    # --- reading and writing

    def peek(self, place: Place) -> tuple[Value, Stale | None]:
        if isinstance(place, Cell):
            content = self.state.cells[place]
            return self._as_now(content.value, content.stale)
        return super().peek(place)

    def memory_of(self, place: Place) -> Memory:
        memory = super().memory_of(place)
        if isinstance(place, Cell):
            for part in self.displayed(self.state.cells[place].value) or ():
                if isinstance(part, Result) and part.place is not None:
                    inner = self.memory_of(part.place)
                    held = memory.held | inner.all
                    memory = replace(memory, held=held, tangled=memory.tangled or inner.tangled)
        return memory

    def _as_now(self, value: Value, stale: Stale | None) -> tuple[Value, Stale | None]:
        """A container made again of its parts, where one of them was written since."""
        parts = self.displayed(value)
        if parts is None or value not in self.made:
            return value, stale
        found = [self._value_now(part) for part in parts]
        spoiled = next((s for _, s in found if s is not None), None)
        values = tuple(v for v, _ in found)
        if all(a is b for a, b in zip(values, self.made[value], strict=True)):
            return value, spoiled
        operands: list[Value] = list(values)
        name = {Tuple: "make_tuple", List: "make_list", Dict: "make_dict"}[type(value.type)]
        if isinstance(value.type, Dict):
            keys = [constant(key) for _, key in self.parts[value]]
            operands = [o for pair in zip(keys, values, strict=True) for o in pair]
        again = self.builder.apply(TABLE[name], *operands, name=value.name)
        self.show_again(again, value)
        self.made[again] = values
        return again, spoiled


def _name(container: str | None, key: object) -> str | None:
    """A name for what a container holds."""
    if isinstance(key, str):
        return key if key.isidentifier() else None
    return None if container is None else f"{container}_{key}"


def position_of(index: Constant, length: int) -> int | None:
    """The item that a constant index means, if it is one."""
    if type(index.value) is int and -length <= index.value < length:
        return index.value % length
    return None
