"""Displays of tuples and lists, and lists that only a function of NumPy sees.

In: evaluated items. Out: a tuple or a list. A list written inside a call of `np.concatenate` and its kin is a tuple in
the IR (`MAKE_PARTS`, printed as the list that it was), so that every part has a type of its own.

>>> tree = gast.parse("np.block([[a, b], (c, xs)])").body[0].value.args[0]
>>> display = listed(tree)
>>> isinstance(display, Listed), [isinstance(row, Listed) for row in display.elts]
(True, [True, False])
"""

from __future__ import annotations

from collections.abc import Sequence

import gast

from srcdiff.frontend.names import External
from srcdiff.frontend.objects import Operand, Result, Static, StaticTuple, is_element
from srcdiff.frontend.sharing import Sharing
from srcdiff.ir.core import Primitive
from srcdiff.ir.types import List, is_mutable
from srcdiff.primitives.containers import MAKE_PARTS

_SIZED = ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8")
DTYPES = frozenset((*_SIZED, "double", "single", "intp", "int_", "bool_", "floating", "float", "int", "bool"))


class Listed(gast.Tuple):  # type: ignore[misc]
    """The display of a list that only a function of NumPy sees: lowered as a tuple, and written as a list."""


LONGEST_LISTED = 32
"""How many items such a display has at most: a table of numbers needs no type for each."""


def listed(node: gast.AST) -> gast.AST:
    """The displays of lists in an argument, also those inside others, as `Listed` ones."""
    if not isinstance(node, gast.List | gast.Tuple) or len(node.elts) > LONGEST_LISTED:
        return node
    kind = Listed if isinstance(node, gast.List) else gast.Tuple
    return gast.copy_location(kind([listed(item) for item in node.elts], gast.Load()), node)


class Listing(Sharing):
    """Makes tuples and lists of what is evaluated already."""

    def primitive(
        self, primitive: Primitive | str, operands: list[Operand], node: gast.AST, name: str | None = None
    ) -> Result:
        raise AssertionError("internal error: primitives are applied by the class built on this one")

    def display(self, items: list[Operand], node: gast.AST, name: str | None) -> Operand:
        items = [self._kept(item) for item in items]
        if any(isinstance(item, Static) and not self._is_dtype(item) for item in items):
            return Static(StaticTuple(tuple(items)))
        result = self.primitive(MAKE_PARTS if isinstance(node, Listed) else "make_tuple", items, node, name)
        self.tuples[result.value] = tuple(items)
        if all(isinstance(item, Result) for item in items):
            self.made[result.value] = tuple(self.current(item, node) for item in items)
        return result

    def container(
        self,
        primitive: str,
        operands: list[Operand],
        keys: Sequence[object],
        items: Sequence[Operand],
        node: gast.AST,
        name: str | None,
    ) -> Result:
        """A list or dict display; what it holds are objects of their own."""
        result = self.primitive(primitive, operands, node, name)
        if len(keys) == len(items) == len(set(keys)):
            self.show(result.value, keys, [self.detached(item) for item in items])
        return result

    def detached(self, item: Operand) -> Operand:
        """The operand; an element of another list or dict as an object of its own, which stays when that changes."""
        if isinstance(item, Static) or item.place is None or not is_element(item.place):
            return item
        return Result(item.value, None, item.memory)

    def list_display(self, items: list[Operand], node: gast.AST, name: str | None) -> Operand:
        if any(isinstance(item, Static) and not self._is_dtype(item) for item in items):
            return Static(StaticTuple(tuple(self._kept(item) for item in items)))
        values = tuple(self.current(item, node) for item in items)
        result = self.container("make_list", items, range(len(items)), items, node, name)
        if len(items) <= LONGEST_LISTED:
            self.lists[result.value] = values
        return result

    def opened(self, operand: Operand, node: gast.AST) -> Operand:
        """A list that still holds what it was made of, for a function that only reads it: as a `Listed` display."""
        if isinstance(operand, Static) or not isinstance(operand.type, List):
            return operand
        value = self.current(operand, node)
        items = self.lists.get(value)
        if not items:
            return operand
        parts = [self.opened(Result(item), node) if isinstance(item.type, List) else Result(item) for item in items]
        return self.primitive(MAKE_PARTS, parts, node)

    def _kept(self, item: Operand) -> Operand:
        """A new mutable object that becomes part of a tuple gets a place, so that both ways to reach it are one."""
        if isinstance(item, Static) or not is_mutable(item.type):
            return item
        if item.place is not None and not is_element(item.place):
            return item
        cell = self.new_cell(item, None)
        return Result(item.value, cell, self.memory_of(cell))

    def _is_dtype(self, item: Static) -> bool:
        return isinstance(item.value, External) and item.value.attribute in DTYPES
