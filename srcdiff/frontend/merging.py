"""Merging: what names and objects are after two paths meet.

In: the states at the ends of two branches. Out: the results of their `If`, and the bindings that stand for either path.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

from srcdiff.frontend.objects import (
    Binding,
    Cell,
    Closure,
    Content,
    Memory,
    Plain,
    State,
    Static,
    Unbound,
    Variable,
    meet,
)
from srcdiff.ir.core import UNDEFINED, Constant, Global, Value, constant
from srcdiff.ir.types import BOTTOM, is_mutable, join

if TYPE_CHECKING:
    from srcdiff.frontend.context import Branch, Context


class Merger:
    """The results of one `If`, found as names and objects are merged."""

    def __init__(self, context: Context, then: Branch, orelse: Branch) -> None:
        self.context = context
        self.then = then
        self.orelse = orelse
        self.left: list[Value] = []
        self.right: list[Value] = []
        self.results: list[Value] = []
        self._pairs: dict[tuple[object, object], Value] = {}
        self._cells: dict[tuple[Binding, Binding], Cell] = {}
        self._made: list[tuple[Cell, Memory, Memory]] = []
        """The objects that stand for one on either path, with the memory of the two."""

    def pair(self, a: Value, b: Value, name: str | None) -> Value:
        """The value that is `a` on one path and `b` on the other."""
        if a is b:
            return a
        key = _identity(a), _identity(b)
        if key not in self._pairs:
            type = join(a.type, b.type)
            # `inf` is the name of a global, `np.inf`, and not of what the two paths lead to.
            own = next((v.name for v in (a, b) if v.name and not isinstance(v, Global)), None)
            self._pairs[key] = Value(type, name or own, self.context.origin)
            self.left.append(a)
            self.right.append(b)
            self.results.append(self._pairs[key])
        return self._pairs[key]

    def content(self, cell: Cell, old: Content) -> Content:
        a, b = self.then.state.cells[cell], self.orelse.state.cells[cell]
        if a.value is not b.value:
            a, b = self._now(self.then, cell), self._now(self.orelse, cell)
        if self.then.state.dead and b.value is old.value:
            return b
        if self.orelse.state.dead and a.value is old.value:
            return a
        undefined = constant(UNDEFINED)
        left = undefined if self.then.state.dead else a.value
        right = undefined if self.orelse.state.dead else b.value
        if self.then.state.dead:
            return replace(b, value=self.pair(left, right, cell.name))
        if self.orelse.state.dead:
            return replace(a, value=self.pair(left, right, cell.name))
        return Content(self.pair(left, right, cell.name), a.memory | b.memory, a.stale or b.stale)

    def _now(self, branch: Branch, cell: Cell) -> Content:
        """The content of a cell at the end of a branch, made again of its parts if it is a display."""
        content = branch.state.cells[cell]
        if branch.state.dead or self.context.displayed(content.value) is None:
            return content
        value, stale = self.context.on(branch, lambda: self.context.peek(cell))
        return Content(value, self.context.on(branch, lambda: self.context.memory_of(cell)), stale)

    def binding(self, variable: Variable, old: Binding, state: State) -> Binding:
        context = self.context
        a = self.then.state.names.get(variable, Unbound())
        b = self.orelse.state.names.get(variable, Unbound())
        if self.then.state.dead:
            if context.same_binding(b, old):
                return b
            if isinstance(b, Static):
                return self._function(b, state)
            a = Unbound()
        elif self.orelse.state.dead:
            if context.same_binding(a, old):
                return a
            if isinstance(a, Static):
                return self._function(a, state)
            b = Unbound()
        elif context.same_binding(a, b):
            return a
        elif isinstance(a, Static) or isinstance(b, Static):
            return Unbound(f"`{variable[1]}` is not the same function on every path that leads here")
        return self._joined(variable[1], a, b, state)

    def _function(self, made: Static, state: State) -> Static:
        """A function made on the only path that goes on; its defaults come out of that path with it."""
        closure = made.value
        if not isinstance(closure, Closure) or not closure.defaults:
            return made
        defaults: list[tuple[str, Binding]] = []
        for name, binding in closure.defaults:
            if isinstance(binding, Static):
                defaults.append((name, self._function(binding, state)))
            elif self.then.state.dead:
                defaults.append((name, self._joined(name, Unbound(), binding, state)))
            else:
                defaults.append((name, self._joined(name, binding, Unbound(), state)))
        return Static(replace(closure, defaults=tuple(defaults)))

    def _joined(self, variable: str, a: Binding, b: Binding, state: State) -> Binding:
        """What stands for `a` on one path and `b` on the other, neither of them a function."""
        context = self.context
        name = variable if variable.isidentifier() else None
        left, memory, stale = context.on(self.then, lambda: context.value_of_binding(a))
        right, other, spoiled = context.on(self.orelse, lambda: context.value_of_binding(b))
        if left.type == BOTTOM and right.type == BOTTOM and isinstance(a, Unbound) and isinstance(b, Unbound):
            return Unbound()
        if not is_mutable(join(left.type, right.type)):
            return Plain(self.pair(left, right, name))
        if (a, b) not in self._cells:
            value = self.pair(left, right, name)
            cell = Cell(name, context.origin)
            merged = memory | other
            if not merged.own:
                merged = replace(merged, own=frozenset({context.fresh_root(name)}))
            state.cells[cell] = Content(value, merged, stale or spoiled)
            self._cells[a, b] = cell
            self._made.append((cell, memory, other))
        return self._cells[a, b]

    def tell_apart(self, state: State) -> None:
        """Objects that share no memory on either path share none where the paths meet."""
        numbers = list(range(len(self._made)))
        for (i, (_, *left)), (j, (_, *right)) in combinations(enumerate(self._made), 2):
            if any(meet(a.all, b.all) for a, b in zip(left, right, strict=True)):
                numbers = [numbers[i] if n == numbers[j] else n for n in numbers]
        if len(set(numbers)) > 1:
            self.context.serial += 1
            for (cell, *_), number in zip(self._made, numbers, strict=True):
                content = state.cells[cell]
                memory = content.memory.part(self.context.serial, number)
                state.cells[cell] = replace(content, memory=memory)


def _identity(value: Value) -> object:
    """Flags that are the same constant are the same value; anything else is itself."""
    if isinstance(value, Constant) and isinstance(value.value, bool):
        return ("flag", value.value)
    return value
