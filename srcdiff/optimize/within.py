"""Writes into a part of an array that then becomes its content: into the array itself.

In: a block. Out: the block in which what is taken out of an array, changed element by element and put back, is changed
where it lies; and in which an adjoint of a part that is zero but for some elements is added element by element::

    v = index_get x, s                                  v1 = index_add zeros, j, g
    v1 = index_set v, j, a      becomes                 x1 = index_add x, s, v1       becomes
    x1 = index_set x, s, v1                             x1 = index_add_within x, s, j, g
    x1 = index_set_within x, s, j, a

printed `x[s][j] = a`: in a loop, an element costs an element and not the part. Where s is an integer it is `x[s, j]`.

>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.types import FLOAT
>>> b = Builder()
>>> x = b.value(Array("float64", (3, 4)), "x")
>>> v = b.apply(TABLE["index_get"], x, 1)
>>> y = b.apply(TABLE["index_set"], x, 1, b.apply(TABLE["index_set"], v, 2, 0.5))
>>> [s.primitive.name for s in within(b.block((x,), (y,))).statements]
['index_get', 'make_tuple', 'index_set']
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from srcdiff.ir.builder import Builder
from srcdiff.ir.core import Apply, Block, For, If, Statement, Value, While, blocks_of, operands_of, walk
from srcdiff.ir.types import Array, Opaque, Scalar, Tuple, Type, is_exact
from srcdiff.optimize.cse import atom_key
from srcdiff.primitives.indexing import index_get_type
from srcdiff.primitives.table import TABLE

_ZEROS = frozenset(("zeros_like", "np.zeros_like"))


def within(block: Block) -> Block:
    """The block, inner blocks included, with such writes where they belong."""
    reads = Counter(block.results)
    for statement in walk(block):
        reads.update(operands_of(statement))
        for inner in blocks_of(statement):
            reads.update(inner.results)
    return _Rewriter(reads).block(block)


class _Rewriter:
    def __init__(self, reads: Counter[Value]) -> None:
        self.reads = reads
        self.made: dict[Value, Apply] = {}

    def block(self, block: Block) -> Block:
        statements: list[Statement] = []
        places: dict[Value, int] = {}
        for statement in block.statements:
            statement = self._inside(statement)
            if isinstance(statement, Apply):
                self.made[statement.result] = statement
                places[statement.result] = len(statements)
                if self._add(statement, statements, places) or self._set(statement, statements, places, block):
                    made = {s.result: (k, s) for k, s in enumerate(statements) if isinstance(s, Apply)}
                    places = {value: k for value, (k, _) in made.items()}
                    self.made.update((value, s) for value, (_, s) in made.items())
                    continue
            statements.append(statement)
        return replace(block, statements=tuple(statements))

    def _inside(self, statement: Statement) -> Statement:
        match statement:
            case If():
                return replace(statement, then=self.block(statement.then), orelse=self.block(statement.orelse))
            case For():
                return replace(statement, body=self.block(statement.body))
            case While():
                return replace(statement, condition=self.block(statement.condition), body=self.block(statement.body))
            case _:
                return statement

    def _chain(self, value: Value, places: dict[Value, int], names: tuple[str, ...]) -> list[Apply]:
        """The updates of this block that made a value one after the other, the first one first."""
        chain: list[Apply] = []
        while value in places and self.made[value].primitive.name in names and _is_array(value.type):
            chain.append(self.made[value])
            value = chain[-1].operands[0]
        return chain[::-1]

    def _add(self, apply: Apply, statements: list[Statement], places: dict[Value, int]) -> bool:
        """`x[s] += v` where v is zeros with something added at a few places."""
        if apply.primitive.name != "index_add":
            return False
        whole, part, value = apply.operands
        chain = self._chain(value, places, ("index_add",))
        if not chain or not _is_array(whole.type) or not _is_basic(part.type):
            return False
        zeros = self.made.get(chain[0].operands[0])
        if zeros is None or zeros.primitive.name not in _ZEROS or any(self.reads[c.result] != 1 for c in chain):
            return False
        if value.type != index_get_type(whole, part) or not _is_known(value.type):
            return False
        for each in chain:
            statements.remove(each)
        result = whole
        for k, each in enumerate(chain):
            last = k == len(chain) - 1
            target = apply.result if last else Value(whole.type, apply.result.name, apply.result.origin)
            statements += self._written("index_add", result, part, each, target)
            result = target
        return True

    def _set(self, apply: Apply, statements: list[Statement], places: dict[Value, int], block: Block) -> bool:
        """`x[s] = v` where v is `x[s]` with something written to a few places."""
        if apply.primitive.name != "index_set":
            return False
        whole, part, value = apply.operands
        chain = self._chain(value, places, ("index_set", "index_add"))
        if not chain or not _is_array(whole.type) or not _is_basic(part.type):
            return False
        taken = self.made.get(chain[0].operands[0])
        if taken is None or taken.primitive.name != "index_get" or taken.operands[0] is not whole:
            return False
        if not self._is_same(taken.operands[1], part):
            return False
        start = places[chain[0].result]
        if self._is_read(whole, statements[start:], block) or (whole not in places and whole not in block.parameters):
            return False
        result = whole
        for k, each in enumerate(chain):
            last = k == len(chain) - 1
            target = apply.result if last else Value(whole.type, apply.result.name, apply.result.origin)
            made = self._written(each.primitive.name, result, part, each, target)
            # Once by the next update, or by what puts the part back.
            if self.reads[each.result] > 1:
                made.append(Apply(TABLE["index_get"], (target, part), each.result, each.origin))
            at = statements.index(each)
            statements[at : at + 1] = made
            result = target
        return True

    def _is_same(self, a: Value, b: Value) -> bool:
        """Whether two indices certainly are the same."""
        if atom_key(a) == atom_key(b):
            return True
        p, q = self.made.get(a), self.made.get(b)
        if p is None or q is None or p.primitive is not q.primitive:
            return False
        if p.primitive.name not in ("make_slice", "make_tuple") or len(p.operands) != len(q.operands):
            return False
        return all(map(self._is_same, p.operands, q.operands))

    def _is_read(self, whole: Value, statements: list[Statement], block: Block) -> bool:
        """Whether the array as it was is read once it is changed (by more than what puts the part back)."""
        pending = list(statements)
        while pending:
            statement = pending.pop()
            if whole in operands_of(statement):
                return True
            for inner in blocks_of(statement):
                pending.extend(inner.statements)
                if whole in inner.results:
                    return True
        return whole in block.results

    def _written(self, name: str, whole: Value, part: Value, update: Apply, result: Value) -> list[Statement]:
        """The same update of the whole."""
        _, inner, value = update.operands
        if isinstance(part.type, Scalar) and _is_basic(inner.type):
            builder = Builder(update.origin)
            items = [inner]
            made = self.made.get(inner)
            if isinstance(inner.type, Tuple):
                if made is None or made.primitive.name != "make_tuple":
                    return [Apply(TABLE[f"{name}_within"], (whole, part, inner, value), result, update.origin)]
                items = list(made.operands)
            index = builder.apply(TABLE["make_tuple"], part, *items)
            return [*builder.statements, Apply(TABLE[name], (whole, index, value), result, update.origin)]
        return [Apply(TABLE[f"{name}_within"], (whole, part, inner, value), result, update.origin)]


def _is_array(t: Type) -> bool:
    return isinstance(t, Array)


def _is_known(t: Type) -> bool:
    return isinstance(t, Array) and is_exact(t.shape)


def _is_basic(index: Type) -> bool:
    """Whether an index takes a part of an array that lies in it: integers, slices, None and tuples of these."""
    match index:
        case Scalar(kind):
            return kind == "int"
        case Opaque(name):
            return name in ("slice", "None")
        case Tuple(items):
            return all(map(_is_basic, items))
    return False
