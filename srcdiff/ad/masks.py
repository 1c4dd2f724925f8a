"""Where a tangent or an adjoint is zero because a branch was not taken, its factors are masked as well.

In: a program in forward or reverse mode, and the program that was differentiated. Out: the same program, in which a NaN
or an infinity of the branch that `np.where` does not take cannot reach a derivative.

The adjoint of ``np.where(c, np.sqrt(x), 0.0)`` at its second operand is zero where c does not hold, and there the
derivative of the square root may be infinite: the product of the two would be NaN, and the derivative is zero. So

    bx = np.where(c, by, 0.0) / (2.0 * t)        becomes   bx = np.where(c, by, 0.0) / np.where(c, 2.0 * t, 1.0)
    bx = np.where(c, by, 0.0) * np.cos(x)        becomes   bx = np.where(c, by * np.cos(x), 0.0)

and likewise for the tangent of ``np.sqrt(np.where(c, x, 0.0))``. A tangent or adjoint is *guarded* where it is known to
be zero off a mask: what `np.where` made, what remained of an array after ``b[mask] = 0.0``, and what came of these by
products and by moving elements; the mask moves along. To replace what a zero is multiplied with changes no finite
result. Neither do derivatives of it change, for the mask is that of the primal program: off the mask the adjoint is
zero all around. (The test ``by != 0`` would not do: an adjoint that happens to be zero has derivatives.) In reverse
mode a helper whose result is chosen from is put in place of its call first (`srcdiff.ad.inline`).

>>> from srcdiff.ir.types import FLOAT, Array, Symbol
>>> from srcdiff.ir.core import Function, Parameter
>>> b, line = Builder(), Array("float64", (Symbol("n"),))
>>> c, by, t = Value(Array("bool", (Symbol("n"),)), "c"), Value(line, "by"), Value(line, "t")
>>> bx = b.apply(TABLE["divide"], b.apply(TABLE["np.where"], c, by, 0.0), t, name="bx")
>>> main = Function("f", tuple(map(Parameter, (c, by, t))), b.block((c, by, t), (bx,)))
>>> [s.primitive.name for s in mask_partials(Program((main,)), Program(())).main.body.statements]
['np.where', 'np.where', 'divide']
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, field, replace

from srcdiff.ad.guards import ZERO, Guard, Guards, Mask, common, covers, is_finite, is_mask, is_zero
from srcdiff.ir.builder import Builder
from srcdiff.ir.core import (
    Apply,
    Block,
    Call,
    Constant,
    Effect,
    For,
    If,
    Primitive,
    Program,
    Statement,
    Value,
    While,
    assert_never,
    blocks_of,
    constant,
    walk,
)
from srcdiff.ir.types import Array, List, Scalar, is_container
from srcdiff.primitives.table import TABLE

_SAME_PLACES = frozenset(("negative", "positive", "astype", "identity", "copy", "float"))
"""What leaves each element in its place."""

_MOVES = frozenset(
    (
        *("np.expand_dims", "np.squeeze", "np.reshape", "np.ravel", "index_get", "split_like"),
        *("T", "np.transpose", "np.swapaxes", "np.moveaxis", "np.flip", "np.roll", "list"),
    )
)
"""What gives the elements of its first operand elsewhere."""


def mask_partials(program: Program, primal: Program) -> Program:
    """Mask what guarded tangents and adjoints are multiplied with or divided by.

    Parameters
    ----------
    program
        A program in forward or reverse mode.
    primal
        The program that was differentiated.
    """
    known = {v for f in primal.functions for v in _values(f.body)}
    return Program(tuple(replace(f, body=_Body(known).block(f.body)) for f in program.functions))


def _values(body: Block) -> Iterator[Value]:
    """What a function defines."""
    yield from body.parameters
    for statement in walk(body):
        yield from statement.results
        for block in blocks_of(statement):
            yield from block.parameters


@dataclass
class _Body:
    """The statements of one function; `guards` of what was met so far, `definitions` of what has been built."""

    primal: Set[Value]
    guards: Guards = field(default_factory=dict)
    items: Guards = field(default_factory=dict)
    """The guards that every element of a list has which a loop made."""
    definitions: dict[Value, Apply] = field(default_factory=dict)

    def block(self, block: Block) -> Block:
        builder = Builder()
        for statement in block.statements:
            builder.origin = statement.origin
            self._statement(builder, statement)
        return Block(block.parameters, tuple(builder.statements), block.results)

    def _statement(self, builder: Builder, statement: Statement) -> None:
        match statement:
            case Apply():
                self._apply(builder, statement)
            case If():
                then, orelse = self.block(statement.then), self.block(statement.orelse)
                for result, a, b in zip(statement.results, then.results, orelse.results, strict=True):
                    guard = common(self._of(a), self._of(b))
                    if guard is not None and guard.holds_outside(then) and guard.holds_outside(orelse):
                        self.guards[result] = guard
                builder.emit(replace(statement, then=then, orelse=orelse))
            case For() | While():
                builder.emit(self._loop(statement))
            case Call() | Effect():
                builder.emit(statement)
            case _:
                assert_never(statement)

    def _loop(self, loop: For | While) -> For | While:
        """A carried adjoint is guarded where it is so at first and after every iteration."""
        first = zip(loop.carried, loop.initial, strict=True)
        guarded = {c: guard for c, v in first if (guard := self._of(v)) is not None}
        next_of = dict(zip(loop.carried, loop.carried_next, strict=True))
        zipped: Guards = {}
        if isinstance(loop, For):
            pairs = zip(loop.zipped_items, loop.zipped, strict=True)
            zipped = {item: self.items[v] for item, v in pairs if v in self.items}
        while True:
            inner = _Body(self.primal, {**self.guards, **guarded, **zipped}, dict(self.items), dict(self.definitions))
            body = inner.block(loop.body)
            kept: Guards = {}
            for carried, guard in guarded.items():
                both = common(guard, inner._of(next_of[carried]))
                if both is not None and both.holds_outside(body):
                    kept[carried] = both
            if kept == guarded:
                break
            guarded = kept
        for carried, result in zip(loop.carried, loop.results, strict=False):
            if carried in guarded:
                self.guards[result] = guarded[carried]
        for collected, result in zip(loop.collected, loop.results[len(loop.carried) :], strict=True):
            guard = inner._of(collected)
            if guard is not None and guard.holds_outside(body):
                self.items[result] = guard
        return replace(loop, body=body)

    # -- what is known of a result

    def _apply(self, builder: Builder, apply: Apply) -> None:
        result = apply.result
        if result not in self.primal:
            apply = self._masked(builder, apply)
            guard = self._guard(builder, apply)
            if guard is not None:
                self.guards[result] = guard
        self.definitions[result] = apply
        builder.emit(apply)

    def _of(self, x: Value) -> Guard | None:
        return ZERO if is_zero(x) else self.guards.get(x)

    def _guard(self, builder: Builder, apply: Apply) -> Guard | None:
        given = [self._of(o) for o in apply.operands]
        first = given[0] if given else None
        match apply.primitive.name, apply.operands:
            case (("zeros_like" | "zeros_if_defined"), _):
                return ZERO
            case "np.where", (c, g, o) if is_zero(o) or is_zero(g):
                taken = self.guards.get(g if is_zero(o) else o, ZERO)
                return Guard((*taken.masks, (c, is_zero(o))))
            case "index_set", (x, mask, o) if is_zero(o) and is_mask(mask, x):
                return Guard((*(first.masks if first else ()), (mask, False)))
            case "multiply", _:
                return first or given[1]
            case (("add" | "subtract" | "accumulate"), (a, b)):
                return self._sum(builder, a, b)
            case "index_get", (x, Constant(value=int(k))) if self._made(x, "make_tuple", "make_list"):
                items = self.definitions[x].operands
                return self._of(items[k]) if k < len(items) else None
            case "index_add", _:
                return self._added(builder, apply, first, given[2])
        if first is None or isinstance(apply.result.type, Scalar) != isinstance(apply.operands[0].type, Scalar):
            # The sum of all elements is a number; one that is the only element stays what it was.
            return first if apply.primitive.name == "float" else None
        return self._moved(builder, apply, first)

    def _moved(self, builder: Builder, apply: Apply, first: Guard) -> Guard | None:
        name, (x, *others) = apply.primitive.name, apply.operands
        if name in ("divide", "np.broadcast_to") or name in _SAME_PLACES:
            return first  # a mask broadcasts where it is used
        if name not in _MOVES and name not in ("np.sum", "unbroadcast"):
            return None
        if first == ZERO:
            return first
        if name == "index_get" and not isinstance(x.type, Array | List):
            return None
        if name == "np.sum":
            mask = builder.apply(TABLE["np.any"], self._whole(builder, x), *others[:2])
            return Guard(((mask, True),))
        moved = builder.apply(apply.primitive, self._whole(builder, x), *others)
        mask = builder.apply(TABLE["not_equal"], moved, 0) if name == "unbroadcast" else moved
        return Guard(((mask, True),))

    def _added(self, builder: Builder, apply: Apply, base: Guard | None, added: Guard | None) -> Guard | None:
        """Elements added to an array of zeros, or of masked elements."""
        if base is None or added is None or ZERO in (base, added):
            return base if added == ZERO else None if base is None or added is None else self._scattered(builder, apply)
        mask = builder.apply(
            TABLE["np.logical_or"], self._whole(builder, apply.operands[0]), self._counted(builder, apply)
        )
        return Guard(((mask, True),))

    def _scattered(self, builder: Builder, apply: Apply) -> Guard:
        return Guard(((self._counted(builder, apply), True),))

    def _counted(self, builder: Builder, apply: Apply) -> Value:
        """Where at least one element was added that may differ from zero."""
        base, index, added = apply.operands
        zeros = builder.apply(TABLE["zeros_like"], base)
        count = builder.apply(apply.primitive, zeros, index, self._whole(builder, added))
        return builder.apply(TABLE["not_equal"], count, 0)

    def _made(self, x: Value, *names: str) -> bool:
        made = self.definitions.get(x)
        return made is not None and made.primitive.name in names

    def _whole(self, builder: Builder, adjoint: Value) -> Value:
        """The masks of a guarded adjoint as one of its shape."""
        whole = _all(builder, self.guards[adjoint].masks)
        if is_container(adjoint.type) or covers(whole, adjoint):
            return whole
        return builder.apply(TABLE["np.broadcast_to"], whole, builder.apply(TABLE["shape"], adjoint))

    def _sum(self, builder: Builder, a: Value, b: Value) -> Guard | None:
        """The guard of the sum of two guarded tangents or adjoints: what both are zero off."""
        first, second = self._of(a), self._of(b)
        if first is None or second is None:
            return None
        if first == second or ZERO in (first, second):
            return second if first == ZERO else first
        common = tuple(m for m in first.masks if m in second.masks)
        rest, other = (tuple(m for m in g.masks if m not in common) for g in (first, second))
        if not rest or not other or (len(rest) == len(other) == 1 and rest[0][0] is other[0][0]):
            # By opposite masks, or by none but the common ones.
            return Guard(common) if common else None
        either = builder.apply(TABLE["np.logical_or"], _all(builder, rest), _all(builder, other))
        return Guard((*common, (either, True)))

    # -- the operations

    def _masked(self, builder: Builder, apply: Apply) -> Apply:
        """The operation as it should be."""
        match apply.primitive, apply.operands:
            case Primitive(name="multiply"), (a, b) if (a in self.guards) != (b in self.guards):
                adjoint, partial = (a, b) if a in self.guards else (b, a)
                if is_finite(partial) and self._choice(adjoint) is None:
                    return apply
                name, operands = self._product(builder, adjoint, partial, a is adjoint)
                return self._with(builder, apply, name, operands)
            case Primitive(name="divide"), (a, d) if a in self.guards and d not in self.guards and not is_finite(d):
                return replace(apply, operands=(a, self._chosen(builder, a, d, 1.0)))
            case Primitive(name="accumulate" | "add"), (a, b):
                united = self._united(builder, apply)
                return apply if united is None else self._with(builder, apply, "np.where", united)
        return apply

    def _with(self, builder: Builder, apply: Apply, name: str, operands: tuple[Value, ...]) -> Apply:
        """The same result of another operation. `np.where` of numbers is an array without dimensions, no number."""
        if name == "np.where" and isinstance(apply.result.type, Scalar):
            chosen = Apply(TABLE[name], operands, Value(TABLE[name].infer(*operands)), apply.origin)
            self._apply(builder, chosen)
            name, operands = "float", (chosen.result,)
        return replace(apply, primitive=TABLE[name], operands=operands)

    def _choice(self, adjoint: Value) -> tuple[Value, Value, Value] | None:
        """The operands of the `np.where` that masked an adjoint."""
        made = self.definitions.get(adjoint)
        if made is not None and made.primitive.name == "float":
            made = self.definitions.get(made.operands[0])
        if made is None or made.primitive.name != "np.where" or adjoint not in self.guards:
            return None
        condition, a, b = made.operands
        return condition, a, b

    def _united(self, builder: Builder, apply: Apply) -> tuple[Value, ...] | None:
        """The sum of two choices by the same condition is one: ``where(c, a, 0.0) + where(c, 0.0, b)`` is ``where(c, a,
        b)``."""
        first, second = map(self._choice, apply.operands)
        if first is None or second is None or first[0] is not second[0]:
            return None
        sides: list[Value] = []
        for a, b in zip(first[1:], second[1:], strict=True):
            if is_zero(a) or is_zero(b):
                sides.append(b if is_zero(a) else a)
            else:
                sides.append(builder.apply(apply.primitive, a, b))
        return (first[0], *sides)

    def _product(self, builder: Builder, adjoint: Value, partial: Value, left: bool) -> tuple[str, tuple[Value, ...]]:
        """The primitive and the operands of an adjoint times a partial: one mask is enough where the adjoint was masked
        last."""
        choice = self._choice(adjoint)
        if choice is not None:
            c, g, o = choice
            inner = g if is_zero(o) else o
            if inner in self.guards:
                name, operands = self._product(builder, inner, partial, left)
            else:
                name, operands = "multiply", (inner, partial) if left else (partial, inner)
            product = builder.apply(TABLE[name], *operands)
            return "np.where", (c, product, o) if is_zero(o) else (c, g, product)
        chosen = partial if is_finite(partial) else self._chosen(builder, adjoint, partial, 0.0)
        return "multiply", (adjoint, chosen) if left else (chosen, adjoint)

    def _chosen(self, builder: Builder, adjoint: Value, x: Value, other: float) -> Value:
        """`x` where the adjoint may differ from zero, `other` elsewhere."""
        for condition, taken in self.guards[adjoint].masks:
            if isinstance(x.type, Scalar) and not isinstance(condition.type, Scalar):
                # One number for a whole array: it would take an array to mask it.
                continue
            if not self._is_settled(x, condition, taken, other):
                x = _choice(builder, condition, taken, x, constant(other))
        return x

    def _is_settled(self, x: Value, condition: Value, taken: bool, other: float) -> bool:
        """Whether x is a number of the program off the mask, which it can be multiplied with (or divided by: not 0)."""
        made = self.definitions.get(x)
        match made:
            case Apply(Primitive(name="np.where"), (c, a, b)) if c is condition:
                number = b if taken else a
            case Apply(Primitive(name="index_set"), (_, mask, number)) if mask is condition and not taken:
                pass
            case _:
                return False
        return (
            isinstance(number, Constant) and isinstance(number.value, int | float) and (number.value != 0 or not other)
        )


def _all(builder: Builder, masks: tuple[Mask, ...]) -> Value:
    """Where all of the masks hold."""
    whole: Value | None = None
    for condition, taken in masks:
        mask = condition if taken else builder.apply(TABLE["np.logical_not"], condition)
        whole = mask if whole is None else builder.apply(TABLE["np.logical_and"], whole, mask)
    assert whole is not None
    return whole


def _choice(builder: Builder, condition: Value, taken: bool, x: Value, other: Value) -> Value:
    a, b = (x, other) if taken else (other, x)
    if isinstance(condition.type, Scalar) and isinstance(x.type, Scalar):
        result = Value(x.type, None, builder.origin)
        builder.emit(If(condition, Block((), (), (a,)), Block((), (), (b,)), (result,), builder.origin, True))
        return result
    return builder.apply(TABLE["np.where"], condition, a, b)
