"""Instruction selection: from IR statements to Python statements whose variables are still values.

In: a function, what was decided about its expressions, its tapes. Out: a list of `srcdiff.emit.tree` nodes. Results of
branches and loops become moves; a block is written with its *tail*, what happens to its results (assigned to the
results of an If, carried to the next iteration, returned). Where a tail jumps (return, break) and the block ends with
an If, the tail is written into both branches.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from srcdiff.emit.expressions import Decisions
from srcdiff.emit.forms import Forms, as_value, both, negated
from srcdiff.emit.loops import consumption, growth, unpacked, walk_target
from srcdiff.emit.spelling import names_in
from srcdiff.emit.storage import Storage
from srcdiff.emit.tapes import Growing, Tapes
from srcdiff.emit.tree import (
    Branch,
    Expression,
    Jump,
    Leaf,
    Loop,
    Move,
    Node,
    Plain,
    Repeat,
    assign,
    ends,
    leaf,
    merged,
)
from srcdiff.emit.writes import numbers_are_certain, write
from srcdiff.ir.builder import is_constant
from srcdiff.ir.core import (
    UNDEFINED,
    Apply,
    Block,
    Call,
    Constant,
    Effect,
    FixedPoint,
    For,
    Function,
    Global,
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
from srcdiff.ir.types import BOOL

WIDEST = 150
"""An expression that takes more characters than this is split by a temporary."""


@dataclass(frozen=True)
class Tail:
    """What happens to the results of a block."""

    results: tuple[Value, ...]


@dataclass(frozen=True)
class Return(Tail):
    last: bool = True
    """Whether the end of these statements is the end of the function."""


@dataclass(frozen=True)
class Pass(Tail):
    """The results become the values `targets`."""

    targets: tuple[Value, ...]


@dataclass(frozen=True)
class Iterate(Tail):
    """The end of a loop's body: what is carried, collected, and whether the loop stops."""

    carried: tuple[Value, ...]
    stops: bool
    growing: tuple[Growing, ...]
    origin: Origin


class Selection:
    def __init__(self, function: Function, forms: Forms, impure: frozenset[str]) -> None:
        self.forms = forms
        self.numbers_are_certain = numbers_are_certain(function)
        self._effects = impure
        self.storage = Storage(function)
        self.decisions = Decisions(function, self.storage, impure)
        self.tapes = Tapes(function, self.decisions)
        self.hints: dict[Value, str] = {}
        """Names for values that have none of their own."""
        self.bound: dict[Value, tuple[Value, ...]] = {}
        """The variables of comprehensions, each with what is read beside it."""
        self._registers: dict[Value, Value] = {}
        self._replaced: dict[Value, Value] = {}
        self._taken_apart: set[Apply] = set()
        """The first statements of those that take a tuple apart, where this was done when it was popped."""
        self._out: list[Node] = []
        self._splits = True
        results = function.body.results
        self.nodes = self._block(function.body, Return(results), frozenset()) if results else self._run(function.body)

    def _run(self, block: Block) -> list[Node]:
        return self._block(block, Pass((), ()), frozenset())

    # ------------------------------------------------------------------ expressions

    def resolve(self, value: Value) -> Value:
        """The value that stands for this one here: of a branch that a tail was written into."""
        while value in self._replaced:
            value = self._replaced[value]
        return value

    def register(self, value: Value) -> Value:
        """The variable of a value: a loop's results are its carried parameters, a list may be part of a tape."""
        while (known := self._registers.get(value, self.tapes.registers.get(value))) is not None:
            value = known
        return value

    def inlined(self, value: Value) -> Statement | None:
        """The statement printed in the place of the value, if it is not a variable."""
        return self.decisions.inlined.get(self.resolve(value))

    def expression(self, value: Value) -> Expression:
        """The value as an expression: an index may come as a bare slice."""
        value = self.resolve(value)
        if isinstance(value, Constant):
            return self.forms.constant(value)
        if isinstance(value, Global):
            return self.forms.global_(value)
        statement = self.decisions.inlined.get(value)
        return leaf(self.register(value)) if statement is None else self.computed(statement)

    def operand(self, value: Value) -> Expression:
        """The value as an expression that is an object of its own."""
        part = self.expression(value)
        return Expression(as_value(part.node, self.forms.spelling), part.reads, part.width)

    def computed(self, s: Statement) -> Expression:
        """A statement with one result as an expression."""
        match s:
            case Apply():
                parts = self._fitting(s.operands)
                return self.forms.apply(s.primitive, s.operands, parts)
            case Call():
                return self.forms.call(self.forms.spelling.function(s.function), self._fitting(s.arguments))
            case If():
                with self._unsplit():
                    return self._conditional(s)
            case For():
                with self._unsplit():
                    return self._comprehension(s)
            case _:
                raise AssertionError(f"internal error: {type(s).__name__} is no expression")

    def _fitting(self, operands: Sequence[Value]) -> list[Expression]:
        """The operands as expressions, the widest of them put into temporaries where they would fill lines."""
        parts = [self.expression(v) for v in operands]
        while self._splits and sum(p.width + 3 for p in parts) > WIDEST:
            at = max(range(len(parts)), key=lambda n: parts[n].width)
            value = self.resolve(operands[at])
            if parts[at].width < 30 or value not in self.decisions.inlined or isinstance(parts[at].node, ast.Slice):
                break
            made = self.decisions.inlined[value]
            node = Expression(as_value(parts[at].node, self.forms.spelling), parts[at].reads, parts[at].width)
            self._out.append(self._assigned(value, node, made.origin))
            parts[at] = leaf(value)
        return parts

    def _assigned(self, target: Value, value: Expression, origin: Origin) -> Plain:
        return replace(assign(target, value, origin), pure=not self.impure(value))

    def impure(self, value: Expression) -> bool:
        """Whether an expression calls a function that has effects."""
        return bool(self._effects) and bool(names_in(value.node) & self._effects)

    @contextmanager
    def _unsplit(self) -> Iterator[None]:
        """Inside parts that are evaluated conditionally or repeatedly nothing can be computed in advance."""
        before, self._splits = self._splits, False
        yield
        self._splits = before

    def _conditional(self, s: If) -> Expression:
        test = self.operand(s.condition)
        then, orelse = s.then.results[0], s.orelse.results[0]
        boolean = s.condition.type == BOOL
        if orelse is s.condition or (boolean and is_constant(orelse, False)):
            return both(ast.And(), test, self.operand(then))
        if then is s.condition or (boolean and is_constant(then, True)):
            return both(ast.Or(), test, self.operand(orelse))
        a, b = self.operand(then), self.operand(orelse)
        node = ast.IfExp(test=test.node, body=a.node, orelse=b.node)
        return Expression(node, test.reads + a.reads + b.reads, test.width + a.width + b.width + 10)

    def _comprehension(self, s: For) -> Expression:
        target, defs, source = self._target(s)
        element = self.operand(s.collected[0])
        generator = ast.comprehension(target=target, iter=source.node, ifs=[], is_async=0)
        node = ast.ListComp(elt=element.node, generators=[generator])
        for value in defs:
            self.bound[value] = (*element.reads, *source.reads, *(v for v in defs if v is not value))
        reads = source.reads + tuple(v for v in element.reads if v not in defs)
        return Expression(node, reads, element.width + source.width + 15)

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
                if s.origin.role == "adjoint" or any(_may_be_undefined(s, n) for n in kept):
                    return False
                return any(self._returns(s, n) for n in kept)
            case Iterate(results, _, stops) if stops:
                return results[0] in s.results and self._may_stop(s, s.results.index(results[0]))
            case _:
                return False

    def _returns(self, s: If, position: int) -> bool:
        """Whether a result of an If is returned from its branches, rather than a variable that they assign: then
        what a branch passes on is called as the result is, or is what the variable was before."""
        result = s.results[position]
        for block in (s.then, s.orelse):
            value = block.results[position]
            if value.name is None or value.name != result.name:
                return True
            inner = block.statements[-1] if block.statements else None
            if isinstance(inner, If) and value in inner.results and self._returns(inner, inner.results.index(value)):
                return True
        return False

    def _may_stop(self, s: If, position: int) -> bool:
        for block in (s.then, s.orelse):
            stop = block.results[position]
            if is_constant(stop, True):
                return True
            inner = block.statements[-1] if block.statements else None
            if isinstance(inner, If) and stop in inner.results and self._may_stop(inner, inner.results.index(stop)):
                return True
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

    def _target(self, s: For) -> tuple[ast.expr, tuple[Value, ...], Expression]:
        """The target of a loop over an iterable, the values it assigns, and what it runs over."""
        found = self.decisions.walks.get(s)
        if found is not None:
            for element in found.elements:
                self.decisions.inlined.pop(element.result, None)
            sequences = [self.operand(v) for v in found.sequences]
            item = self.register(s.item) if found.counted else None
            used = [e.result if self.decisions.used(e.result) else None for e in found.elements]
            return walk_target(self.forms, item, used, sequences)
        assert s.iterable is not None
        iterable = self.operand(s.iterable)
        item = self.register(s.item)
        if not self.decisions.used(item):
            return ast.Name(id="_"), (), iterable
        self.hints.setdefault(item, item.name or "i")
        return Leaf(item), (item,), iterable

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
            case _:
                assert_never(s.kind)
        self._out.append(Plain(node, reads, (), origin=s.origin))


def _may_be_undefined(s: If, position: int) -> bool:
    """Whether a branch leaves a result of an If without a value."""
    for block in (s.then, s.orelse):
        value = block.results[position]
        if isinstance(value, Constant) and value.value is UNDEFINED:
            return True
        inner = block.statements[-1] if block.statements else None
        if isinstance(inner, If) and value in inner.results and _may_be_undefined(inner, inner.results.index(value)):
            return True
    return False
