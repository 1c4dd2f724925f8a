"""What the result of a primitive may share memory with.

In: a primitive and its operands. Out: `Memory`: the objects that the result may be, or may be a view of, and those
that it holds.
"""

from __future__ import annotations

from srcdiff.frontend.displays import Displays
from srcdiff.frontend.objects import (
    FRESH,
    NO_ROOTS,
    NUMBER,
    Memory,
    Operand,
    Result,
    Static,
    may_be_container,
    meet,
)
from srcdiff.ir.core import Primitive
from srcdiff.ir.types import FLOAT, Array, Dict, List, Scalar, Tuple, Type, is_mutable

_NUMERIC = frozenset(("subtract", "divide", "floor_divide", "power", "matmul", "negative", "abs"))
_ITEMS_HELD = frozenset(("make_tuple", "make_record", "make_list", "make_dict", "append"))
_ELEMENTS_HELD = frozenset(
    ("add", "multiply", "list", "tuple", "sorted", "reversed", "copy", "drop_last", "accumulate")
)
_NEW_OF_ARRAYS = frozenset(("add", "multiply", "copy"))
"""What makes a new array where its operands turn out to be arrays, and holds elements only of lists."""
_PIECES = frozenset(("np.split", "np.array_split", "np.hsplit", "np.vsplit", "np.dsplit"))
"""What makes several views of an array that share nothing with each other."""


class Sharing(Displays):
    """Knows the memory of operands and of what primitives make of them."""

    def memory(self, operand: Operand) -> Memory:
        if isinstance(operand, Static):
            return FRESH
        return operand.memory if operand.place is None else self.memory_of(operand.place)

    def shared(self, primitive: Primitive, operands: list[Operand], type: Type) -> Memory:
        if not is_mutable(type):
            return FRESH
        if self._makes_leaf(primitive, operands) and not primitive.views:
            return NUMBER
        memory = FRESH
        for position in primitive.views:
            if position < len(operands) and primitive.name not in _ELEMENTS_HELD:
                inner = self.memory(operands[position])
                if isinstance(type, List | Tuple | Dict):
                    inner = Memory(held=inner.all, tangled=primitive.name not in _PIECES)
                memory = memory | inner
        if not may_be_container(type):
            return memory
        mutable = [o for o in operands if isinstance(o, Result) and is_mutable(o.type)]
        if primitive.name in _ITEMS_HELD:
            seen = NO_ROOTS
            tangled = False
            for operand in mutable:
                inner = self.memory(operand)
                tangled = tangled or inner.tangled or meet(inner.all, seen)
                seen |= inner.all
                memory = memory | Memory(held=inner.all, tangled=tangled)
        elif primitive.name in _ELEMENTS_HELD:
            lists = [o for o in mutable if isinstance(o.type, List)]
            # A list is repeated: the other factor is a number, or the product is a new array.
            repeated = lists if primitive.name == "multiply" and lists else mutable
            for operand in repeated:
                inner = self.memory(operand)
                if may_be_container(operand.type):
                    memory = memory | Memory(held=inner.elements | inner.held, tangled=inner.tangled)
                if primitive.name not in _NEW_OF_ARRAYS and not isinstance(operand.type, List | Tuple | Dict):
                    # `list(A)` holds the rows of an array, which are views of it.
                    memory = memory | Memory(held=inner.own)
            if primitive.name == "multiply" and isinstance(type, List):
                item = type.item
                memory = memory | Memory(tangled=item is not None and is_mutable(item))
            if primitive.name == "add" and isinstance(type, List) and len(mutable) == 2:
                a, b = map(self.memory, mutable)
                item_mutable = type.item is not None and is_mutable(type.item)
                tangled = item_mutable and meet(a.elements | a.held, b.elements | b.held)
                memory = memory | Memory(tangled=tangled)
        return memory

    def _makes_leaf(self, primitive: Primitive, operands: list[Operand]) -> bool:
        """Whether the result is a new number or array, whatever its type says: no list, tuple or dict can be it."""
        if primitive.name in _NUMERIC:
            return True
        leaves = [isinstance(o, Result) and self._is_leaf(o) for o in operands]
        match primitive.name:
            case "add":
                return any(leaves)
            case "multiply":
                # A list times an integer is a list.
                floats = any(isinstance(o, Result) and (o.type == FLOAT or isinstance(o.type, Array)) for o in operands)
                left, right = operands
                squared = isinstance(left, Result) and isinstance(right, Result) and left.value is right.value
                return floats or squared or all(leaves)
        return False

    def _is_leaf(self, operand: Result) -> bool:
        return isinstance(operand.type, Scalar | Array) or self.memory(operand).leaf
