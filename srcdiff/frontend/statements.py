"""Statements: assignments, branches, loops, jumps and effects.

In: the statements of a function and the state. Out: IR statements and the state after them. Jumps are flags of the
state (`jumped`, `stop`, `returned`) that are constants wherever syntax settles them, so that they cost nothing there.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Seq

import gast

from srcdiff.frontend.context import Refused
from srcdiff.frontend.directives import about
from srcdiff.frontend.effects import Effects
from srcdiff.frontend.iteration import Sequence
from srcdiff.frontend.liveness import BREAK, CONTINUE, FALL, JUMPS, RETURN, assigned, exits
from srcdiff.frontend.loops import BROKEN, JUMPED, RETURNED, STOP, VALUE, LoopPlan
from srcdiff.frontend.names import FunctionSource
from srcdiff.frontend.objects import (
    Operand,
    Result,
    Static,
    StaticTuple,
    Unbound,
    Variable,
    View,
    base_cell,
    is_element,
)
from srcdiff.frontend.subset import complaint
from srcdiff.ir.core import Constant, Origin, Value, constant
from srcdiff.ir.types import UNKNOWN, Bottom, List, Opaque, Record, Tuple, Unknown, is_mutable


class Statements(Effects):
    """Lowers statements; in-place writes come from the class built on it."""

    def augmented(self, node: gast.AugAssign) -> None:
        raise AssertionError("internal error: in-place writes are lowered by the class built on this one")

    def store(self, target: gast.Subscript | gast.Attribute, operand: Operand, node: gast.AST) -> None:
        raise AssertionError("internal error: in-place writes are lowered by the class built on this one")

    def delete(self, target: gast.AST) -> None:
        raise AssertionError("internal error: in-place writes are lowered by the class built on this one")

    def call_statement(self, node: gast.Call) -> bool:
        raise AssertionError("internal error: in-place writes are lowered by the class built on this one")

    # --- lists of statements

    def function_body(self, source: FunctionSource) -> Operand:
        """Lower the body of a function; what it returns."""
        assert isinstance(source.node, gast.FunctionDef)
        frame = self.scope.frame
        for flag in (JUMPED, STOP, RETURNED):
            self.set_flag(flag, False)
        self.statements(source.node.body)
        if FALL in exits(source.node.body):
            self.guarded([], returns_none=True)
        binding = self.state.names.get((frame, VALUE), Unbound())
        result = self.binding_operand(binding, source.node)
        for flag in (JUMPED, STOP, RETURNED, VALUE, BROKEN):
            self.state.names.pop((frame, flag), None)
        return result

    def statements(self, statements: Seq[gast.AST]) -> None:
        """Lower a list of statements; what follows a branch that jumps goes into the other branch."""
        for position, statement in enumerate(statements):
            rest = list(statements[position + 1 :])
            match statement:
                case gast.If(body=body, orelse=orelse) if (exits(body) | exits(orelse)) & JUMPS:
                    then_falls, else_falls = FALL in exits(body), FALL in exits(orelse)
                    last = rest[-1] if rest else statement
                    if not then_falls and else_falls:
                        self.branch(statement, body, [*orelse, *rest], last)
                        return
                    if then_falls and not else_falls:
                        self.branch(statement, [*body, *rest], orelse, last)
                        return
                    self.branch(statement, body, orelse, statement)
                    if then_falls and rest:
                        self.guarded(rest)
                    return
                case gast.For() | gast.While() if exits([statement]) - {FALL} & JUMPS:
                    self.statement(statement)
                    if rest and FALL in exits([statement]):
                        self.guarded(rest)
                    return
                case _:
                    self.statement(statement)
            if FALL not in exits([statement]):
                return

    def guarded(self, rest: list[gast.AST], returns_none: bool = False) -> None:
        """Lower what only runs if no jump was taken before."""

        def run() -> None:
            for flag in (JUMPED, STOP, RETURNED):
                self.set_flag(flag, False)
            self.state.names.pop((self.scope.frame, VALUE), None)
            if returns_none:
                self.jump(RETURN, Result(constant(None)))
            else:
                self.statements(rest)

        jumped = self.flag(JUMPED)
        if isinstance(jumped, Constant):
            if not jumped.value:
                run()
            return
        _, skipped = self.inside(lambda: self.set_flag(JUMPED, True))
        _, taken = self.inside(run)
        self.merge(jumped, skipped, taken)

    def statement(self, node: gast.AST) -> None:
        """Lower one statement; what is refused is reported and the names it binds become unknown."""
        self.builder.origin = self.origin_of(node)
        try:
            self._statement(node)
        except Refused as refused:
            self.give_up(refused, [node])

    def give_up(self, refused: Refused, nodes: Seq[gast.AST]) -> None:
        """Report what is refused; the names it binds are unknown values from here on, so that more can be checked."""
        self.compilation.reporter.add(refused.diagnostic)
        for name in assigned(nodes):
            self.bind((self.scope.frame, name), Result(Value(UNKNOWN, name, self.origin)))

    def origin_of(self, node: gast.AST) -> Origin:
        lines = self.scope.module.lines
        directive = self.scope.module.directives.get(node.lineno)
        end = None if directive is None else directive.column
        text = lines[node.lineno - 1][:end].strip() if 0 < node.lineno <= len(lines) else ""
        if node.lineno == node.end_lineno and ";" in text:
            whole = lines[node.lineno - 1].encode()
            text = whole[node.col_offset : node.end_col_offset].decode(errors="replace").strip()
        augmented = isinstance(node, gast.AugAssign)
        return Origin(node.lineno, node.col_offset, text, "primal", self.scope.module.filename, augmented)

    def _statement(self, node: gast.AST) -> None:
        match node:
            case gast.Assign(targets=targets, value=value):
                self.assignment(targets, value, node)
            case gast.AnnAssign(target=target, value=value):
                if value is not None:
                    self.assignment([target], value, node)
            case gast.AugAssign():
                self.augmented(node)
            case gast.Expr(value=value):
                self.expression_statement(value)
            case gast.If(body=body, orelse=orelse):
                self.branch(node, body, orelse, node)
            case gast.For():
                self.for_loop(node)
            case gast.While():
                self.while_loop(node)
            case gast.Delete(targets=targets):
                for target in targets:
                    self.delete(target)
            case gast.Return(value=value):
                operand = Result(constant(None)) if value is None else self.expression(value)
                if isinstance(operand, Static) and self.is_value(operand):
                    operand = Result(self.current(operand, node))
                if (
                    isinstance(operand, Static)
                    and self.scope.frame == 0
                    and self.compilation.is_main(self.scope.source)
                ):
                    raise self.no_result(operand, value)
                self.jump(RETURN, operand)
            case gast.Break():
                self.jump(BREAK)
            case gast.Continue():
                self.jump(CONTINUE)
            case gast.Pass():
                pass
            case gast.Assert(test=test, msg=message):
                self.effect_assert(test, message)
            case gast.Raise():
                self.effect_raise(node)
            case gast.FunctionDef(name=name):
                function = self.closure(FunctionSource(name, node, self.scope.module))
                for decorator in reversed(node.decorator_list):
                    function = self.decorate(decorator, function)
                self.bind((self.scope.frame, name), function)
            case gast.Import() | gast.ImportFrom():
                for local, resolution in self.scope.module.imported(node):
                    self.bind((self.scope.frame, local), self.resolved(resolution, node))
            case _:
                raise self.error(node, *complaint(node))

    # --- assignment

    def assignment(self, targets: Seq[gast.AST], value: gast.AST, node: gast.AST) -> None:
        first = targets[0]
        if len(targets) == 1 and isinstance(first, gast.Tuple | gast.List) and isinstance(value, gast.Tuple):
            starred = any(isinstance(e, gast.Starred) for e in (*first.elts, *value.elts))
            if len(first.elts) == len(value.elts) and not starred:
                self.parallel(first.elts, value.elts, node)
                return
        name = first.id if isinstance(first, gast.Name) else None
        if len(targets) == 1 and isinstance(first, gast.Tuple | gast.List):
            self.hints = value, [t.id if isinstance(t, gast.Name) else None for t in first.elts]
        operand = self.expression(value, name)
        if len(targets) > 1:
            operand = self.placed(operand, name)
        for target in targets:
            self.assign(target, operand, node)

    def parallel(self, targets: Seq[gast.AST], values: Seq[gast.AST], node: gast.AST) -> None:
        """`a, b = b, a + b`: the values are simply bound, after all of them are evaluated."""
        names = [t.id if isinstance(t, gast.Name) else None for t in targets]
        operands = self.evaluate_all(list(values), names)
        operands = [self.settled(o, node) for o in operands]
        for target, operand in zip(targets, operands, strict=True):
            if isinstance(target, gast.Name) and not (
                isinstance(operand, Result) and isinstance(operand.value, Constant)
            ):
                self.bind((self.scope.frame, target.id), operand)
            else:
                self.assign(target, operand, node)

    def settled(self, operand: Operand, node: gast.AST) -> Operand:
        """The operand as it is now: an element of a list stays that object when the list gets another one there."""
        if isinstance(operand, Static) or (operand.place is not None and not is_element(operand.place)):
            return operand
        return Result(self.current(operand, node), None, operand.memory)

    def assign(self, target: gast.AST, operand: Operand, node: gast.AST) -> None:
        match target:
            case gast.Name(id=name):
                self.assign_name(name, operand, node)
            case gast.Tuple(elts=targets) | gast.List(elts=targets):
                self.unpack(targets, operand, node)
            case gast.Subscript():
                self.store(target, operand, node)
            case gast.Attribute(attr="flat"):
                self.store(target, operand, node)
            case gast.Attribute():
                raise self.attribute_written(target)
            case gast.Starred():
                raise self.error(target, "`*` in the target of an assignment is not supported", "use slices")
            case _:
                raise self.error(target, "this target of an assignment is not supported")

    def assign_name(self, name: str, operand: Operand, node: gast.AST) -> None:
        """`name = operand`, keeping the user's statement where the value has another name or none."""
        variable: Variable = (self.scope.frame, name)
        if isinstance(operand, Static) or (operand.value.name == name and not isinstance(operand.value, Constant)):
            self.bind(variable, operand)
            return
        value = self.current(operand, node)
        alias = self.apply("identity", value, node=node, name=name)
        known = value if isinstance(value, Constant) else self.known.get(value)
        if known is not None:
            self.known[alias] = known
        self.show_again(alias, value)
        if operand.place is None or not is_mutable(operand.type):
            self.bind(variable, Result(alias, None, operand.memory))
            return
        view = View(operand.place, None, operand.type, name, self.origin)
        self.state.views[view] = (value, alias)
        self.state.names[variable] = view

    def unpack(self, targets: Seq[gast.AST], operand: Operand, node: gast.AST) -> None:
        if any(isinstance(t, gast.Starred) for t in targets):
            raise self.error(node, "`*` in the target of an assignment is not supported", "use slices")
        if isinstance(operand, Static):
            if not isinstance(operand.value, StaticTuple) or len(operand.value.items) != len(targets):
                raise self.error(node, f"{self.describe_static(operand)} cannot be unpacked into {len(targets)} names")
            for target, item in zip(targets, operand.value.items, strict=True):
                self.assign(target, item, node)
            return
        if isinstance(operand.type, Record):
            plain = self.plain(operand, None, node)
            assert isinstance(plain, Result)
            operand = plain
        type = operand.type
        if isinstance(type, Tuple) and len(type.items) != len(targets):
            raise self.error(node, f"a tuple of {len(type.items)} items is unpacked into {len(targets)} names")
        # Items of a shape of unknown length are read by position; nothing is known yet of what recursion gives
        # (Bottom).
        if not isinstance(type, Tuple | Unknown | List | Bottom) and not is_mutable(type) and type != Opaque("shape"):
            raise self.error(node, f"a value of type {type} cannot be unpacked")
        value = self.current(operand, node)
        whole = Result(value, operand.place, self.memory(operand))
        items: list[Operand] = []
        for position, target in enumerate(targets):
            name = target.id if isinstance(target, gast.Name) else None
            items.append(self.item(whole, constant(position), node, name))
        for target, item in zip(targets, items, strict=True):
            self.assign(target, item, node)

    # --- branches

    def branch(self, node: gast.If, body: Seq[gast.AST], orelse: Seq[gast.AST], last: gast.AST) -> None:
        """Lower an `if` whose branches are these statements; `last` ends the list that they replace."""
        self.builder.origin = origin = self.origin_of(node)
        try:
            test = self.condition(node.test)
        except Refused as refused:
            self.give_up(refused, [node.test])
            test = Value(UNKNOWN, None, origin)
        if isinstance(test, Constant):
            self.statements(list(body if test.value else orelse))
            return
        _, then = self.inside(lambda: self.statements(list(body)))
        _, other = self.inside(lambda: self.statements(list(orelse)))
        self.builder.origin = origin
        live = self.scope.liveness.after.get(node) if last is node else None
        self.merge(test, then, other, live=live)

    # --- jumps

    def jump(self, kind: str, operand: Operand | None = None) -> None:
        self.set_flag(JUMPED, True)
        if kind == CONTINUE:
            return
        self.set_flag(STOP, True)
        if kind == BREAK:
            self.set_flag(BROKEN, True)
            return
        self.set_flag(RETURNED, True)
        assert operand is not None
        self.bind((self.scope.frame, VALUE), operand)

    # --- loops

    def for_loop(self, node: gast.For) -> None:
        sequence = self.sequence(node.iter)
        if sequence.count is not None:
            self.each_function(node, sequence, sequence.count)
            return
        iterable, name = self.driver(node.target, sequence, node.iter)
        targets = assigned([node.target])

        def enter(item: Value | None) -> None:
            assert item is not None
            self.builder.origin = self.origin_of(node)
            self.bind_driven(node.target, sequence, item, node.iter)

        self.loop(node, enter, sequence, iterable, name, targets)

    def each_function(self, node: gast.For, sequence: Sequence, count: int) -> None:
        """A loop over functions: its body for one after the other."""
        if exits(node.body) & {BREAK, RETURN}:
            message = "a loop over functions that is left before its end is not supported"
            raise self.error(node, message, "write one call after the other")

        def once(number: int) -> None:
            for flag in (JUMPED, STOP, RETURNED):
                self.set_flag(flag, False)
            self.bind_item(node.target, sequence, constant(number), node.iter)
            self.statements(node.body)
            self.builder.origin = self.origin_of(node)

        length = sequence.length()
        for number in range(count):
            if isinstance(length, Constant):
                if number < length.value:
                    once(number)
                continue
            # `zip` ends where the shortest ends.
            test = self.apply("less", constant(number), length, node=node.iter)
            _, then = self.inside(lambda number=number: once(number))  # type: ignore[misc]
            _, other = self.inside(lambda: None)
            self.merge(test, then, other)
        self._after_loop(node, constant(False), constant(False))

    def while_loop(self, node: gast.While) -> None:
        self.loop(node, lambda item: None, None, None, None, [])

    def loop(
        self,
        node: gast.For | gast.While,
        enter: Callable[[Value | None], None],
        sequence: Sequence | None,
        iterable: Value | None,
        name: str | None,
        targets: list[str],
    ) -> None:
        ways = exits(node.body)
        origin = self.origin
        frame = self.scope.frame
        live = self.scope.liveness.head[node]
        candidates: list[Variable] = [(frame, n) for n in dict.fromkeys([*targets, *assigned(node.body)]) if n in live]
        if RETURN in ways:
            self.set_flag(RETURNED, False)
            candidates += [(frame, RETURNED), (frame, VALUE)]
        has_else = bool(node.orelse) and BREAK in ways
        if has_else:
            self.set_flag(BROKEN, False)
            candidates.append((frame, BROKEN))

        def body(item: Value | None) -> list[Value]:
            for flag in (JUMPED, STOP, RETURNED, BROKEN):
                self.set_flag(flag, False)
            # What was returned is not read before the loop ends, so nothing of it passes through the body.
            self.state.names.pop((frame, VALUE), None)
            enter(item)
            self.statements(node.body)
            self.builder.origin = origin
            return []

        def condition() -> Value:
            assert isinstance(node, gast.While)
            return self.value(node.test)

        iterated = (
            [] if sequence is None else [base_cell(r.place) for r in self.iterated(sequence) if r.place is not None]
        )
        self.iterating.extend(iterated)
        test = condition if isinstance(node, gast.While) else None
        directive = about(self.scope.module.directives, self.scope.module.lines, node)
        marker = directive.meaning if directive is not None and directive.meaning != "recompute" else None
        plan = LoopPlan(node, live, candidates, body, iterable, name, test, marker=marker)
        try:
            self.run_loop(plan)
        finally:
            del self.iterating[len(self.iterating) - len(iterated) :]
        returned = self.flag(RETURNED) if RETURN in ways else constant(False)
        broken = self.flag(BROKEN) if has_else else constant(False)
        self.set_flag(BROKEN, False)
        self._after_loop(node, returned, broken)

    def _after_loop(self, node: gast.For | gast.While, returned: Value, broken: Value) -> None:
        self.set_flag(JUMPED, returned)
        self.set_flag(STOP, returned)
        self.set_flag(RETURNED, returned)
        if not node.orelse:
            return
        # The else clause runs if the loop was left neither by break nor by return.
        if isinstance(broken, Constant):
            self.guarded(list(node.orelse))
            return

        def otherwise() -> None:
            self.guarded(list(node.orelse))

        _, left = self.inside(lambda: None)
        _, ended = self.inside(otherwise)
        self.merge(broken, left, ended)

    def expression_statement(self, node: gast.AST) -> None:
        if isinstance(node, gast.Constant):
            return
        if isinstance(node, gast.Call) and self.call_statement(node):
            return
        self.expression(node)
