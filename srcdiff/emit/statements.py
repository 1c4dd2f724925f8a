"""Instruction selection: from IR statements to Python statements whose variables are still values.

In: a function, what was decided about its expressions, its tapes. Out: a list of `srcdiff.emit.tree` nodes. Results of
branches and loops become moves; a block is written with its *tail*, what happens to its results (assigned to the
results of an If, carried to the next iteration, returned). Where a tail jumps (return, break) and the block ends with
an If, the tail is written into both branches.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace

from srcdiff.emit.forms import Forms, negated
from srcdiff.emit.loops import consumption, growth, unpacked
from srcdiff.emit.operands import Expressions
from srcdiff.emit.tails import Iterate, Pass, Return, Tail, may_be_undefined, may_stop, returns
from srcdiff.emit.tree import Branch, Expression, Jump, Leaf, Loop, Move, Node, Plain, Repeat, assign, ends, merged
from srcdiff.emit.writes import numbers_are_certain, write
from srcdiff.ir.builder import is_constant
from srcdiff.ir.core import (
    UNDEFINED,
    Apply,
    Block,
    Call,
    Constant,
    Effect,
    For,
    Function,
    If,
    Origin,
    Statement,
    Value,
    While,
    assert_never,
    blocks_of,
    free_values,
    is_atom,
    operands_of,
)
from srcdiff.ir.markers import FixedPoint


class Selection(Expressions):
    """The nodes of one function: `nodes`."""

    def __init__(self, function: Function, forms: Forms, impure: frozenset[str]) -> None:
        super().__init__(function, forms, impure)
        self.numbers_are_certain = numbers_are_certain(function)
        self._taken_apart: set[Apply] = set()
        """The first statements of those that take a tuple apart, where this was done when it was popped."""
        results = function.body.results
        self.nodes = self._block(function.body, Return(results), frozenset()) if results else self._run(function.body)

    def _run(self, block: Block) -> list[Node]:
        return self._block(block, Pass((), ()), frozenset())

    # ------------------------------------------------------------------ blocks and their tails

    def _block(self, block: Block, tail: Tail, done: frozenset[int]) -> list[Node]:
        """The statements of a block and its tail. `done`: the growing tapes that have been appended to already."""
        outside, self._out = self._out, []
        index = {v: n for n, s in enumerate(block.statements) for v in s.results}
        due: dict[int, list[int]] = {}
        if isinstance(tail, Iterate):
            for number, tape in enumerate(tail.growing):
                if number not in done:
                    due.setdefault(max(index.get(self.resolve(v), -1) for v in tape.slots), []).append(number)
        last = len(block.statements) - 1
        while last >= 0 and self._silent(block.statements[last]):
            last -= 1
        pushed = False
        together: tuple[Apply, ...] = ()
        for at in range(-1, len(block.statements)):
            if at >= 0 and not self._silent(statement := block.statements[at]):
                if at == last and isinstance(statement, If) and self._jumps(statement, tail):
                    self._push(statement, tail, done)
                    pushed = True
                    break
                if statement in together:
                    pass
                elif together := self._together(block, at):
                    self._parallel(together)
                else:
                    self._statement(statement)
            for number in due.get(at, ()):
                self._append(tail, number)
                done |= {number}
        if not pushed and not ends(self._out):
            self._finish(tail)
        nodes, self._out = self._out, outside
        return nodes

    def _together(self, block: Block, at: int) -> tuple[Apply, ...]:
        """The assignments from here on that make one parallel assignment, `x, y = x + y, x - y`: of one source
        statement, where a later one reads the variable that an earlier one replaces."""
        group: list[Apply] = []
        made: set[Value] = set()
        replaced: set[str] = set()
        parallel = False
        for s in block.statements[at:]:
            if self._silent(s):
                continue
            first = group[0] if group else s
            if (
                not isinstance(s, Apply)
                or s.inplace
                or s.primitive.name in ("index_set", "index_add")
                or s in self.decisions.unpacked
                or s.result.name is None
                or s.origin.line == 0
                or (s.origin.line, s.origin.column, s.origin.role)
                != (first.origin.line, first.origin.column, first.origin.role)
            ):
                break
            reads = set(self._peek(s))
            if reads & made or s.result.name in replaced:
                break
            parallel = parallel or any(v.name in replaced for v in reads)
            group.append(s)
            made.add(s.result)
            replaced.add(s.result.name)
        return tuple(group) if parallel else ()

    def _peek(self, s: Apply) -> Iterator[Value]:
        """The values that the variables read by a statement stand for, seen through what is inlined."""
        for operand in s.operands:
            value = self.resolve(operand)
            made = self.decisions.inlined.get(value)
            if isinstance(made, Apply):
                yield from self._peek(made)
            elif made is not None:
                yield from (v for b in blocks_of(made) for v in free_values(b))
                yield from (v for v in operands_of(made) if not is_atom(v))
            elif not is_atom(value):
                yield value

    def _parallel(self, group: Sequence[Apply]) -> None:
        pairs = tuple((self.register(s.result), self.computed(s)) for s in group)
        self._out.append(Move(pairs, tuple(s.origin for s in group)))

    def _silent(self, s: Statement) -> bool:
        """Whether the statement is printed elsewhere or not at all."""
        return (
            s in self.decisions.dead
            or s in self.decisions.absorbed
            or (len(s.results) == 1 and s.results[0] in self.decisions.inlined)
        )

    def _append(self, tail: Tail, number: int) -> None:
        assert isinstance(tail, Iterate)
        tape = tail.growing[number]
        self._out.append(growth(self.register(tape.tape), [self.operand(v) for v in tape.slots], tail.origin))

    def _finish(self, tail: Tail) -> None:
        match tail:
            case Return(results):
                values = [self.operand(v) for v in results]
                if len(values) == 1:
                    value = values[0]
                else:
                    node = ast.Tuple(elts=[v.node for v in values], ctx=ast.Load())
                    value = Expression(node, tuple(v for p in values for v in p.reads))
                # An undefined result is the user's error, to be raised here; a tape keeps what there is.
                tapes = [p for p in values if isinstance(p.node, ast.Tuple)] if len(values) > 1 else []
                self._out.append(Jump("return", value, merges=tuple(v for p in tapes for v in merged(p))))
            case Pass(results, targets):
                self._move(targets, results)
            case Iterate(results, carried, stops):
                self._move(carried, results[stops : stops + len(carried)])
                stop = self.resolve(results[0]) if stops else None
                if stop is not None and is_constant(stop, True):
                    self._out.append(Jump("break"))
                elif stop is not None and not is_constant(stop, False):
                    self._out.append(Branch(self.operand(stop), [Jump("break")], []))
            case _:
                raise AssertionError("internal error: a block without a tail")

    def _move(self, targets: Sequence[Value], sources: Sequence[Value], origin: Origin | None = None) -> None:
        pairs: list[tuple[Value, Expression | None]] = []
        origins: list[Origin] = []
        for target, source in zip(targets, sources, strict=True):
            source = self.resolve(source)
            if self.register(source) is self.register(target):
                continue
            undefined = isinstance(source, Constant) and source.value is UNDEFINED
            pairs.append((self.register(target), None if undefined else self.operand(source)))
            made = self.decisions.definitions.get(source)
            origins.append(origin or (source.origin if made is None else made.origin))
        if pairs:
            self._out.append(Move(tuple(pairs), tuple(origins)))

    def _jumps(self, s: If, tail: Tail) -> bool:
        """Whether the tail is written into the branches of this If, the last statement of its block."""
        match tail:
            case Return():
                kept = [n for n, r in enumerate(s.results) if self.decisions.used(r)]
                if s.origin.role == "adjoint" or any(may_be_undefined(s, n) for n in kept):
                    return False
                return any(returns(s, n) for n in kept)
            case Iterate(results, _, stops) if stops:
                return results[0] in s.results and may_stop(s, s.results.index(results[0]))
            case _:
                return False

    def _push(self, s: If, tail: Tail, done: frozenset[int]) -> None:
        test = self.operand(s.condition)
        then, orelse = (self._branch(block, s, tail, done) for block in (s.then, s.orelse))
        self._fork(test, then, orelse, s.origin)

    def _branch(self, block: Block, s: If, tail: Tail, done: frozenset[int]) -> list[Node]:
        before = dict(self._replaced)
        self._replaced.update(zip(s.results, block.results, strict=True))
        nodes = self._block(block, tail, done)
        self._replaced = before
        return nodes

    # ------------------------------------------------------------------ statements

    def _statement(self, s: Statement) -> None:
        match s:
            case Apply():
                self._apply(s)
            case If():
                self._if(s)
            case For():
                self._for(s)
            case While():
                self._while(s)
            case Call():
                self._call(s)
            case Effect():
                self._effect(s)
            case _:
                assert_never(s)

    def _apply(self, s: Apply) -> None:
        items = self.decisions.unpacked.get(s)
        if s in self._taken_apart:
            return
        if items is not None:
            value = self.operand(s.operands[0])
            kept = [self.register(i.result) if self.decisions.used(i.result) else None for i in items]
            node = ast.Assign(targets=[unpacked(kept)], value=value.node, lineno=0)
            defs = tuple(v for v in kept if v is not None)
            self._out.append(Plain(node, value.reads, defs, origin=s.origin, pure=not self.impure(value)))
            return
        if s.primitive.name == "index_get":
            drop = next((d for d, got in self.decisions.pops.items() if got is s), None)
            if drop is not None:
                base, dropped = self.register(s.operands[0]), self.register(drop.result)
                pop = ast.Call(func=ast.Attribute(value=Leaf(base), attr="pop"), args=[], keywords=[])
                apart = self.decisions.taken_apart(s.result)
                kept = [self.register(i.result) if self.decisions.used(i.result) else None for i in apart or (s,)]
                node = ast.Assign(targets=[unpacked(kept)], value=pop, lineno=0)
                defs = (*(v for v in kept if v is not None), dropped)
                self._out.append(Plain(node, (base,), defs, ((dropped, base),), s.origin))
                self._taken_apart.update(apart[:1])
                return
        if s in self.decisions.pops:
            return
        self._out += write(self, s)

    def _if(self, s: If) -> None:
        kept = [n for n, r in enumerate(s.results) if self.decisions.used(r)]
        if self.decisions.expressible(s):
            self._out.append(self._assigned(self.register(s.results[0]), self.computed(s), s.origin))
            return
        test = self.operand(s.condition)
        targets = tuple(s.results[n] for n in kept)
        then, orelse = (
            self._block(b, Pass(tuple(b.results[n] for n in kept), targets), frozenset()) for b in (s.then, s.orelse)
        )
        self._fork(test, then, orelse, s.origin)

    def _fork(self, test: Expression, then: list[Node], orelse: list[Node], origin: Origin) -> None:
        """An If; where one branch jumps the other one follows it."""
        if ends(then):
            self._out += [Branch(test, then, [], origin), *orelse]
        elif ends(orelse):
            self._out += [Branch(negated(test), orelse, [], origin), *then]
        else:
            self._out.append(Branch(test, then, orelse, origin))

    def _enter(self, s: For | While) -> Iterate:
        """Unites the carried parameters with the results, sets them to the initial values, starts the tapes."""
        used = self.decisions.used
        tested = s.condition.parameters if isinstance(s, While) else s.carried
        carried = zip(s.carried, tested, s.results, strict=False)
        kept = [n for n, group in enumerate(carried) if any(map(used, group))]
        inside = [s.carried[n] for n in kept]
        for n in kept:
            parameter = s.carried[n]
            self._registers[s.results[n]] = parameter
            if isinstance(s, While):
                self._registers[s.condition.parameters[n]] = parameter
            names = (parameter, s.results[n], s.carried_next[n], s.initial[n])
            self.hints.setdefault(parameter, next((v.name for v in names if v.name is not None), ""))
        self._move(inside, [s.initial[n] for n in kept], s.origin if isinstance(s.marker, FixedPoint) else None)
        growing = self.tapes.growing.get(s, ())
        for tape in growing:
            self._out.append(assign(self.register(tape.tape), Expression(ast.List(elts=[], ctx=ast.Load()))))
        rest = s.body.results[s.stops + len(s.initial) :]
        results = (*s.body.results[: s.stops], *(s.carried_next[n] for n in kept), *rest)
        return Iterate(results, tuple(inside), s.stops, growing, s.origin)

    def _for(self, s: For) -> None:
        if self.decisions.expressible(s):
            self._out.append(self._assigned(self.register(s.results[0]), self.computed(s), s.origin))
            return
        source = self._target(s) if s.iterable is not None else None
        tail = self._enter(s)
        consuming = [replace(c, tape=self.register(c.tape)) for c in self.tapes.consuming.get(s, ())]
        target, defs, iterable, pops = consumption(self.forms, consuming, source)
        body = [*pops, *self._loop_block(s, tail)]
        self._out.append(Loop(target, defs, iterable, body, s.origin, str(s.marker or "")))

    def _loop_block(self, s: For | While, tail: Tail) -> list[Node]:
        found = self.decisions.walks.get(s) if isinstance(s, For) else None
        block = s.body
        if found is not None:
            taken = set(found.elements)
            block = Block(block.parameters, tuple(i for i in block.statements if i not in taken), block.results)
        return self._block(block, tail, frozenset())

    def _while(self, s: While) -> None:
        tail = self._enter(s)
        condition = s.condition
        if all(map(self._silent, condition.statements)):
            with self._unsplit():
                test = self.operand(condition.results[0])
            self._out.append(Repeat(test, self._loop_block(s, tail), s.origin, str(s.marker or "")))
            return
        outside, self._out = self._out, []
        for statement in condition.statements:
            if not self._silent(statement):
                self._statement(statement)
        test = negated(self.operand(condition.results[0]))
        head, self._out = self._out, outside
        body = [*head, Branch(test, [Jump("break")], []), *self._loop_block(s, tail)]
        self._out.append(Repeat(Expression(ast.Constant(value=True)), body, s.origin, str(s.marker or "")))

    def _call(self, s: Call) -> None:
        value = self.computed(s)
        if not any(map(self.decisions.used, s.results)):
            node: ast.stmt = ast.Expr(value=value.node)
            self._out.append(Plain(node, value.reads, (), origin=s.origin))
            return
        merges = tuple(self.register(v) for v in map(self.resolve, s.arguments) if not is_atom(v))
        defs = tuple(self.register(r) for r in s.results if self.decisions.used(r))
        names: list[ast.expr] = [
            Leaf(self.register(r)) if self.decisions.used(r) else ast.Name(id="_") for r in s.results
        ]
        target = names[0] if len(names) == 1 else ast.Tuple(elts=names, ctx=ast.Store())
        node = ast.Assign(targets=[target], value=value.node, lineno=0)
        pure = not self.impure(value)
        self._out.append(Plain(node, value.reads, defs, origin=s.origin, merges=merges, pure=pure))

    def _effect(self, s: Effect) -> None:
        parts = self._fitting(s.operands)
        keywords = [(k, self.operand(v)) for k, v in s.keywords]
        node: ast.stmt
        match s.kind:
            case "print":
                value = self.forms.call(self.forms.spelling.builtin("print"), parts, keywords)
                node, reads = ast.Expr(value=value.node), value.reads
            case "assert":
                reads = tuple(v for p in parts for v in p.reads)
                node = ast.Assert(test=parts[0].node, msg=parts[1].node if len(parts) > 1 else None)
            case "raise":
                if s.exception is None:
                    raise AssertionError("internal error: raise without an exception")
                name = self.forms.global_(s.exception).node
                value = self.forms.call(name, parts, keywords) if parts or keywords else Expression(name)
                self._out.append(Jump("raise", value, s.origin))
                return
            case "call":
                assert s.primitive is not None and s.result is not None
                value = self.forms.apply(s.primitive, s.operands, parts)
                if self.decisions.used(s.result):
                    target = self.register(s.result)
                    node = ast.Assign(targets=[Leaf(target)], value=value.node, lineno=0)
                    self._out.append(Plain(node, value.reads, (target,), origin=s.origin))
                    return
                node, reads = ast.Expr(value=value.node), value.reads
            case _:
                assert_never(s.kind)
        self._out.append(Plain(node, reads, (), origin=s.origin))
