"""Comprehensions: a loop that collects, or one that appends where there is a condition or a second `for`.

In: a list or dict comprehension, or a generator expression that is consumed at once. Out: the list or dict.
"""

from __future__ import annotations

from dataclasses import replace

import gast

from srcdiff.frontend.context import Scope
from srcdiff.frontend.into import Into
from srcdiff.frontend.liveness import Liveness, assigned
from srcdiff.frontend.loops import LoopPlan
from srcdiff.frontend.names import External
from srcdiff.frontend.objects import FRESH, Cell, Content, Memory, Operand, Result, Static, base_cell, whole
from srcdiff.ir.core import Constant, For, Statement, Value
from srcdiff.ir.types import Dict, Unknown

_RESULT = "<result>"


class Comprehensions(Into):
    """Lowers comprehensions."""

    def builtin(self, builtin: str, node: gast.Call, name: str | None) -> Operand:
        """`sum(d.values())`, `list(zip(a, b))`, `dict(zip(keys, xs))`: what a loop goes over, as a comprehension."""
        known = builtin in _OF_ITEMS and (builtin != "sorted" or _gives_numbers(node.args))
        if len(node.args) == 1 and known and self._is_walked(node.args[0]):
            walked = _comprehension(node.args[0], builtin == "dict")
            if builtin == "dict" and not node.keywords:
                return self.expression(walked, name)
            if builtin != "dict":
                call = gast.Call(node.func, [walked], node.keywords)
                return super().builtin(builtin, gast.copy_location(call, node), name)
        if builtin == "dict" and len(node.args) == 1 and not node.keywords:
            table = self.expression(node.args[0])
            if isinstance(table, Result) and isinstance(table.type, Dict):
                copied = gast.Call(gast.Attribute(node.args[0], "copy", gast.Load()), [], [])
                return self.method(table, "copy", gast.copy_location(copied, node), name)
            message = "`dict()` of what is not known to be a dict is not supported"
            raise self.error(node, message, "write `x.copy()`, or a comprehension: `{k: v for k, v in pairs}`")
        return super().builtin(builtin, node, name)

    def _is_walked(self, node: gast.AST) -> bool:
        """Whether this is a call that only a loop understands."""
        match node:
            case gast.Call(func=gast.Name() as function, args=[_, *_]):
                callee = self.expression(function)
                walk = isinstance(callee, Static) and isinstance(callee.value, External)
                return walk and callee.value.module == "builtins" and callee.value.attribute in _WALKS  # type: ignore
            case gast.Call(func=gast.Attribute(value=gast.Name() as table, attr=attribute), args=[]):
                found = self.expression(table) if attribute in ("keys", "values", "items") else None
                return isinstance(found, Result) and isinstance(found.type, Dict | Unknown)
        return False

    def comprehension(self, node: gast.AST, name: str | None) -> Operand:
        generators = node.generators
        if any(g.is_async for g in generators):
            raise self.error(node, "async comprehensions are not supported", "use a plain comprehension")
        sequence = self.sequence(generators[0].iter)
        frame = max(self.scopes) + 1
        local = frozenset(assigned([g.target for g in generators])) | {_RESULT}
        scope = Scope(frame, self.scope, self.scope.source, local, Liveness([], frozenset()))
        outer, before = self.scope, len(self.writes)
        self.scopes[frame] = scope
        self.scope = scope
        try:
            if isinstance(node, gast.DictComp) or len(generators) > 1 or generators[0].ifs:
                result = self._built(node, sequence, name)
            else:
                result = self._collected(node, sequence, name)
        finally:
            self.scope = outer
            for variable in [v for v in self.state.names if v[0] == frame]:
                del self.state.names[variable]
        own = whole(result.memory.own)
        if any(not whole(roots) <= own for roots in self.writes[before:]):
            raise self.error(node, "a comprehension that changes an object is not supported", "write a loop")
        # Nobody else has seen the list while it grew.
        del self.writes[before:]
        return Result(result.value, None, Memory(frozenset(), result.memory.held, result.memory.tangled))

    def _collected(self, node: gast.AST, sequence: object, name: str | None) -> Result:
        """`[f(v) for v in xs]`: a loop that collects its values."""
        generator = node.generators[0]
        iterable, item_name = self.driver(generator.target, sequence, generator.iter)  # type: ignore[arg-type]
        origin = self.origin
        memories: list[Memory] = []

        def body(item: Value | None) -> list[Value]:
            assert item is not None
            self.bind_driven(generator.target, sequence, item, generator.iter)  # type: ignore[arg-type]
            operand = self.expression(node.elt)
            if isinstance(operand, Static) and not self.is_value(operand):
                raise self.error(node.elt, "a list of functions is not supported", "write one call after the other")
            memories.append(self.memory(operand) if isinstance(operand, Result) else FRESH)
            value = self.current(operand, node.elt)
            self.builder.origin = origin
            return [value]

        plan = LoopPlan(node, frozenset(), [], body, iterable, item_name, expression=True)
        collected = self.run_loop(plan)[0]
        value = Value(collected.type, name, self.origin)
        statement = self.builder.statements.pop()
        self.builder.emit(_renamed_result(statement, collected, value))
        memory = memories[-1]
        # An object that the loop did not make is in the list once for every iteration.
        return Result(value, None, Memory(frozenset(), memory.all, bool(memory.all)))

    def _built(self, node: gast.AST, sequence: object, name: str | None) -> Result:
        """Conditions, several `for`s, dicts: loops around a list or dict that grows."""
        empty = "make_dict" if isinstance(node, gast.DictComp) else "make_list"
        start = self.primitive(empty, [], node, name)
        cell = Cell(name, self.origin)
        self.state.cells[cell] = Content(start.value, Memory(frozenset({self.fresh_root(name)})))
        variable = (self.scope.frame, _RESULT)
        self.state.names[variable] = cell
        self._level(node, node.generators, sequence, cell)
        return Result(self.read(cell, node), None, self.memory_of(cell))

    def _level(self, node: gast.AST, generators: list[gast.AST], sequence: object, cell: Cell) -> None:
        generator = generators[0]
        iterable, item_name = self.driver(generator.target, sequence, generator.iter)  # type: ignore[arg-type]
        origin = self.origin
        live = frozenset((_RESULT,))

        def body(item: Value | None) -> list[Value]:
            assert item is not None
            self.bind_driven(generator.target, sequence, item, generator.iter)  # type: ignore[arg-type]
            self._filtered(node, generators, list(generator.ifs), cell)
            self.builder.origin = origin
            return []

        iterated = [base_cell(r.place) for r in self.iterated(sequence) if r.place is not None]  # type: ignore[arg-type]
        self.iterating.extend(iterated)
        try:
            self.run_loop(LoopPlan(node, live, [], body, iterable, item_name))
        finally:
            del self.iterating[len(self.iterating) - len(iterated) :]

    def _filtered(self, node: gast.AST, generators: list[gast.AST], tests: list[gast.AST], cell: Cell) -> None:
        if not tests:
            if len(generators) > 1:
                self._level(node, generators[1:], self.sequence(generators[1].iter), cell)
            else:
                self._put_item(node, cell)
            return
        test = self.condition(tests[0])
        if isinstance(test, Constant):
            if test.value:
                self._filtered(node, generators, tests[1:], cell)
            return
        _, then = self.inside(lambda: self._filtered(node, generators, tests[1:], cell))
        _, orelse = self.inside(lambda: None)
        self.merge(test, then, orelse)

    def _put_item(self, node: gast.AST, cell: Cell) -> None:
        if isinstance(node, gast.DictComp):
            key, operand = self.evaluate_all([node.key, node.value])
            self.put(cell, self.current(key, node.key), operand, node)
            return
        operand = self.expression(node.elt)
        self.append(cell, operand, node)


def _renamed_result(statement: Statement, old: Value, new: Value) -> Statement:
    """The loop with another value for its collected list, so that the list has the user's name."""
    assert isinstance(statement, For)
    results = tuple(new if r is old else r for r in statement.results)
    return replace(statement, results=results)


_OF_ITEMS = frozenset(("sum", "min", "max", "list", "tuple", "sorted", "any", "all", "dict"))
_WALKS = frozenset(("zip", "enumerate", "map"))


def _gives_numbers(arguments: list[gast.AST]) -> bool:
    """Whether the items are not pairs, which `sorted` does not order here."""
    match arguments:
        case [gast.Call(func=gast.Attribute(attr="keys" | "values"))]:
            return True
    return False


def _comprehension(walked: gast.AST, pairs: bool) -> gast.AST:
    """The comprehension that collects what a loop over `walked` gives, in a dict where these are pairs."""

    def named(name: str, context: gast.AST) -> gast.AST:
        return gast.Name(name, context, None, None)

    def build(node: gast.AST) -> gast.AST:
        return gast.fix_missing_locations(gast.copy_location(node, walked))

    if pairs:
        target = gast.Tuple([named("key", gast.Store()), named("item", gast.Store())], gast.Store())
        generator = gast.comprehension(target, walked, [], 0)
        return build(gast.DictComp(named("key", gast.Load()), named("item", gast.Load()), [generator]))
    name = "item"
    while any(isinstance(inner, gast.Name) and inner.id == name for inner in gast.walk(walked)):
        name += "_"
    element = named(name, gast.Load())
    if isinstance(walked, gast.Call) and isinstance(walked.func, gast.Name) and walked.func.id == "map":
        function, *sequences = walked.args
        if len(sequences) == 1:
            element, walked = gast.copy_location(gast.Call(function, [element], []), walked), sequences[0]
    return build(gast.GeneratorExp(element, [gast.comprehension(named(name, gast.Store()), walked, [], 0)]))
