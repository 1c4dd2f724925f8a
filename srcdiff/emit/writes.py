"""Statements for primitives: assignments, augmented assignments, writes into arrays and lists.

In: an Apply that gets a statement of its own. Out: nodes. An update in place prints as one (`x[i] = v`, `x[i] += v`,
`np.add.at`, `l.append(v)`, `a += b`); one that is not in place copies first.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from srcdiff.emit.forms import BINARY, as_value
from srcdiff.emit.tree import Augment, Expression, Leaf, Node, Plain, assign, leaf, merged, reads_of
from srcdiff.ir.core import Apply, Constant, Function, Global, Value, walk
from srcdiff.ir.types import (
    INT,
    Array,
    Dict,
    List,
    Maybe,
    Opaque,
    Scalar,
    Tuple,
    Type,
    Unknown,
    is_exact,
    never_one,
)

if TYPE_CHECKING:
    from srcdiff.emit.statements import Selection

_AUGMENTED = {"add", "subtract", "multiply", "divide"}


def write(selection: Selection, s: Apply) -> list[Node]:
    """The statements for `s`."""
    name = s.primitive.name
    if name in ("index_set", "index_add"):
        return _indexed(selection, s)
    if name in ("index_set_within", "index_add_within"):
        return _within(selection, s)
    if s.inplace and name in ("append", "drop_last"):
        return [_method(selection, s)]
    if s.inplace and (name in BINARY or name == "accumulate"):
        if all(isinstance(o.type, Array | Scalar) for o in s.operands):
            return [_in_place(selection, s)]
    elif s.inplace:
        raise AssertionError(f"internal error: {name} in place")
    target = selection.register(s.result)
    value = selection.computed(s)
    if s.primitive.name == "make_slice" or isinstance(value.node, ast.Tuple):
        value = Expression(as_value(value.node, selection.forms.spelling), value.reads, value.width)
    plain = assign(target, value, s.origin)
    if name == "zeros_if_defined":
        plain = replace(plain, merges=value.reads)
    augment = _augment(selection, s, value)
    return [replace(plain, augment=augment, pure=not selection.impure(value))]


def numbers_are_certain(function: Function) -> bool:
    """Whether a reader of the text sees that what is a number is one: nothing in it is of unknown type (but tapes). For
    where it may be an array, `s += v` would write into it, under whatever other names it has."""
    return not any(
        isinstance(v.type, Unknown) and not isinstance(v.type, Maybe) and v.name != "tape"
        for statement in walk(function.body)
        for v in statement.results
    )


def _augment(selection: Selection, s: Apply, value: Expression) -> Augment | None:
    """What `s += v` would be, for numbers: it prints so if target and left operand share a name."""
    name = s.primitive.name
    numbers = isinstance(s.result.type, Scalar) and all(isinstance(o.type, Scalar) for o in s.operands)
    if not numbers or not selection.numbers_are_certain or not isinstance(value.node, ast.BinOp):
        return None
    if name != "accumulate" and not (name in BINARY and (s.origin.augmented or s.origin.role == "adjoint")):
        return None
    operation = value.node
    left, rest = s.operands[0], Expression(operation.right, value.reads[1:])
    if _variable(selection, left) is None and name == "accumulate":
        left, rest = s.operands[1], Expression(operation.left, value.reads[:-1])
    variable = _variable(selection, left)
    if variable is None:
        return None
    return Augment(selection.register(s.result), variable, operation.op, rest, name != "accumulate")


def _variable(selection: Selection, value: Value) -> Value | None:
    """The variable that a value is, if it is not printed as an expression."""
    value = selection.resolve(value)
    if isinstance(value, Constant | Global) or selection.inlined(value) is not None:
        return None
    return selection.register(value)


def _in_place(selection: Selection, s: Apply) -> Plain:
    target, old = selection.register(s.result), selection.register(selection.resolve(s.operands[0]))
    right = selection.operand(s.operands[1])
    operator = BINARY["add" if s.primitive.name == "accumulate" else s.primitive.name]()
    node = ast.AugAssign(target=Leaf(target), op=operator, value=right.node)  # type: ignore[arg-type]
    return Plain(node, (old, *right.reads), (target,), _tie(target, old), s.origin)


def _tie(target: Value, old: Value) -> tuple[tuple[Value, Value], ...]:
    return () if target is old else ((target, old),)


def _method(selection: Selection, s: Apply) -> Plain:
    """`l.append(v)`, `l.pop()`."""
    target, old = selection.register(s.result), selection.register(selection.resolve(s.operands[0]))
    name = "append" if s.primitive.name == "append" else "pop"
    parts = [selection.operand(v) for v in s.operands[1:]]
    method = ast.Attribute(value=Leaf(old), attr=name, ctx=ast.Load())
    node = ast.Expr(value=ast.Call(func=method, args=[p.node for p in parts], keywords=[]))
    # The state of a loop may hold what is not assigned yet; of the user's own, that is an error.
    handed = tuple(v for p in parts for v in merged(p)) if s.origin.line == 0 else ()
    return Plain(node, (old, *reads_of(parts)), (target,), _tie(target, old), s.origin, merges=handed)


def _indexed(selection: Selection, s: Apply) -> list[Node]:
    base, index, value = s.operands
    target = selection.register(s.result)
    nodes: list[Node] = []
    counted = s.primitive.name == "index_add" and not _plain_add(selection, base.type, index, value.type)
    if s.inplace:
        old = selection.register(selection.resolve(base))
    elif counted and not isinstance(base.type, Array):
        whole = selection.operand(base)
        if not isinstance(base.type, Tuple):
            whole = selection.forms.copy(base.type, whole)
        return [assign(target, _added(selection, whole, index, value), s.origin)]
    else:
        nodes.append(assign(target, selection.forms.copy(base.type, selection.operand(base)), s.origin))
        old = target
    place = selection.expression(index)
    tied = _tie(target, old)
    operator: ast.operator | None = None
    if counted and not isinstance(base.type, Array):
        # What is a tuple when the program runs is made anew.
        plain = assign(target, _added(selection, leaf(old), index, value), s.origin)
        return [replace(plain, tied=tied, pure=False)]
    if counted:
        forms = selection.forms
        parts = [leaf(target), selection.operand(index), selection.operand(value)]
        call = forms.call(forms.spelling.name("numpy", "add.at"), parts)
        node: ast.stmt = ast.Expr(value=call.node)
        return [*nodes, Plain(node, (old, *call.reads[1:]), _defined(target, old), tied, s.origin)]
    if s.primitive.name == "index_add":
        operator, made = ast.Add(), selection.inlined(value)
        if isinstance(made, Apply) and made.primitive.name == "negative" and isinstance(base.type, Array):
            # `x[i] += -v` and `x[i] -= v` are the same to the last bit.
            operator, value = ast.Sub(), made.operands[0]
        part = selection.operand(value)
        if isinstance(part.node, ast.UnaryOp) and isinstance(part.node.op, ast.USub) and isinstance(base.type, Array):
            operator = ast.Add() if isinstance(operator, ast.Sub) else ast.Sub()
            part = replace(part, node=part.node.operand)
    else:
        operator, part = _old_content(selection, s)
    subscript = ast.Subscript(value=Leaf(target), slice=place.node, ctx=ast.Store())
    reads = (old, *place.reads, *part.reads)
    if operator is None:
        node = ast.Assign(targets=[subscript], value=part.node, lineno=0)
    else:
        node = ast.AugAssign(target=subscript, op=operator, value=part.node)
    return [*nodes, Plain(node, reads, _defined(target, old), tied, s.origin)]


def _within(selection: Selection, s: Apply) -> list[Node]:
    """`x[1:][i] = v`, `x[1:][i] += v`."""
    base, outer, inner, value = s.operands
    target, old = selection.register(s.result), selection.register(selection.resolve(base))
    whole, part = selection.expression(outer), selection.operand(value)
    view = ast.Subscript(value=Leaf(target), slice=whole.node, ctx=ast.Load())
    adds = s.primitive.name == "index_add_within"
    if adds and not _no_repeats(selection, inner):
        forms = selection.forms
        parts = [Expression(view, ()), selection.operand(inner), part]
        call = forms.call(forms.spelling.name("numpy", "add.at"), parts)
        reads = (old, *whole.reads, *call.reads)
        return [Plain(ast.Expr(value=call.node), reads, _defined(target, old), _tie(target, old), s.origin)]
    place = selection.expression(inner)
    subscript = ast.Subscript(value=view, slice=place.node, ctx=ast.Store())
    node: ast.stmt = ast.Assign(targets=[subscript], value=part.node, lineno=0)
    if adds:
        node = ast.AugAssign(target=subscript, op=ast.Add(), value=part.node)
    reads = (old, *whole.reads, *place.reads, *part.reads)
    return [Plain(node, reads, _defined(target, old), _tie(target, old), s.origin)]


def _added(selection: Selection, whole: Expression, index: Value, value: Value) -> Expression:
    return selection.forms.helper("add_at", whole, selection.operand(index), selection.operand(value))


def _defined(target: Value, old: Value) -> tuple[Value, ...]:
    return () if target is old else (target,)


def _plain_add(selection: Selection, base: Type, index: Value, value: Type) -> bool:
    """Whether `base[index] += value` counts every contribution and changes nothing that is shared."""
    if isinstance(base, Array):
        return _no_repeats(selection, index)
    return isinstance(base, List | Dict) and isinstance(value, Scalar) and isinstance(index.type, Scalar | Opaque)


_DISTINCT = frozenset(("np.arange", "np.flatnonzero"))
"""What makes a row of integers none of which comes twice."""
_DISTINCT_TUPLES = frozenset(
    ("np.nonzero", "np.triu_indices", "np.tril_indices", "np.triu_indices_from", "np.tril_indices_from")
)
"""What makes a tuple of indices that names no element twice."""


def _no_repeats(selection: Selection, index: Value) -> bool:
    """Whether no element can be indexed twice: by integers, slices, None, Ellipsis, masks, rows of distinct integers,
    and tuples of these (of several such rows NumPy makes pairs, and no pair comes twice); or by vectors one of which
    counts."""
    index = selection.resolve(index)
    if isinstance(index, Constant) and index.value in (Ellipsis, None):
        return True
    made = selection.decisions.definitions.get(index)
    if isinstance(made, Apply):
        if made.primitive.name == "make_tuple":
            return all(_no_repeats(selection, v) for v in made.operands) or _counts(selection, made.operands)
        if made.primitive.name in _DISTINCT_TUPLES or (made.primitive.name in _DISTINCT and _is_row(index.type)):
            return True
    return _simple(index.type)


def _is_row(t: Type) -> bool:
    return isinstance(t, Array) and t.shape is not None and len(t.shape) == 1


def _counts(selection: Selection, parts: Sequence[Value]) -> bool:
    """Whether one of several vectors and integers is 0, 1, 2..., so that no two of the elements are the same; the
    others must not make it longer."""
    vectors = [v.type for v in parts if isinstance(v.type, Array)]
    if not all(isinstance(v.type, Array) or v.type == INT for v in parts):
        return False
    if any(t.rank != 1 or t.dtype is None or not t.dtype.startswith(("int", "uint")) for t in vectors):
        return False
    for part in map(selection.resolve, parts):
        made = selection.decisions.definitions.get(part)
        if not isinstance(made, Apply) or made.primitive.name != "np.arange":
            continue
        if not all(isinstance(v, Constant) and v.value is None for v in made.operands[1:3]):
            continue
        shapes = [t.shape for t in vectors]
        count = part.type.shape if isinstance(part.type, Array) else None
        if count is not None and (never_one(count[0]) or (is_exact(count) and all(s == count for s in shapes))):
            return True
    return False


def _simple(index: Type) -> bool:
    match index:
        case Scalar(kind):
            return kind == "int"
        case Opaque(name):
            return name in ("slice", "None")
        case Array(dtype):
            return dtype == "bool"
        case Tuple(items):
            return all(map(_simple, items))
        case _:
            return False


def _old_content(selection: Selection, s: Apply) -> tuple[ast.operator | None, Expression]:
    """For `index_set(x, i, op(index_get(x, i), u))`: the operator and `u`; else None and the value."""
    base, index, value = (selection.resolve(v) for v in s.operands)
    made = selection.inlined(value)
    if isinstance(made, Apply) and made.primitive.name in _AUGMENTED and not made.inplace:
        read = selection.inlined(made.operands[0])
        if (
            isinstance(read, Apply)
            and read.primitive.name == "index_get"
            and selection.resolve(read.operands[0]) is base
            and _alike(selection, read.operands[1], index)
            and _may_augment(s, base.type, read.result.type)
        ):
            return BINARY[made.primitive.name](), selection.operand(made.operands[1])
    return None, selection.operand(value)


def _may_augment(s: Apply, base: Type, element: Type) -> bool:
    """Whether changing the old content in place is the same as replacing it."""
    if isinstance(element, Scalar):
        return True
    if not isinstance(base, Array):
        return False
    return s.origin.augmented or s.origin.role != "primal" or (base.dtype or "").startswith("float")


def _alike(selection: Selection, a: Value, b: Value) -> bool:
    """Whether two index operands are certainly the same index."""
    a, b = selection.resolve(a), selection.resolve(b)
    if a is b:
        return True
    if isinstance(a, Constant) and isinstance(b, Constant):
        return type(a.value) is type(b.value) and bool(a.value == b.value)
    x, y = selection.inlined(a), selection.inlined(b)
    if not isinstance(x, Apply) or not isinstance(y, Apply) or x.primitive is not y.primitive:
        return False
    if len(x.operands) != len(y.operands):
        return False
    return all(_alike(selection, p, q) for p, q in zip(x.operands, y.operands, strict=True))
