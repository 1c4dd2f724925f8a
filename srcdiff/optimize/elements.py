"""The rules of the simplifier for elements, lengths, shapes and copies.

In: an application, and what defines its operands; see `srcdiff.optimize.algebra`, which says when each is tried. Out:
what to put in its place, or None.

>>> from srcdiff.ir.types import FLOAT, Tuple
>>> from srcdiff.primitives.table import TABLE
>>> a, b, pair = Value(FLOAT, "a"), Value(FLOAT, "b"), Value(Tuple((FLOAT, FLOAT)))
>>> known = Definitions()
>>> known[pair] = Apply(TABLE["make_tuple"], (a, b), pair)
>>> element(Apply(TABLE["index_get"], (pair, constant(1)), Value(FLOAT)), known) is b
True
"""

from __future__ import annotations

from collections.abc import Sequence

from srcdiff.ir.builder import Builder, is_constant
from srcdiff.ir.core import Apply, Constant, Value, class_value, constant
from srcdiff.ir.types import INT, Array, List, Opaque, Record, Scalar, Tuple, is_exact
from srcdiff.optimize.cse import atom_key
from srcdiff.optimize.definitions import Definitions, Outcome, again, made_by, part_made_by
from srcdiff.primitives.table import TABLE


def element(apply: Apply, known: Definitions) -> Outcome:
    """``(a, b)[1]``, ``[a, b][1]`` and ``{"k": a}["k"]`` are the element."""
    container, index = apply.operands
    made = made_by(container, known, "make_tuple", "make_list", "make_dict", "make_record")
    if made is None or not isinstance(index, Constant):
        return None
    items: Sequence[Value] = made.operands[made.primitive.name == "make_record" :]
    if made.primitive.name == "make_dict":
        keys = items[::2]
        if not all(isinstance(k, Constant) for k in keys):
            return None
        found = [v for k, v in zip(keys, items[1::2], strict=True) if atom_key(k) == atom_key(index)]
        return found[-1] if found else None
    if type(index.value) is int and -len(items) <= index.value < len(items):
        return items[index.value]
    return None


def written_element(apply: Apply, known: Definitions) -> Outcome:
    """``x[i]`` right after ``x[i] = v`` is v, for numbers that the array holds as they are."""
    array, index = apply.operands
    written = made_by(array, known, "index_set")
    if written is None or index.type != INT or atom_key(written.operands[1]) != atom_key(index):
        return None
    base, value = written.operands[0], written.operands[2]
    exact = isinstance(base.type, List) or (isinstance(base.type, Array) and base.type.dtype == "float64")
    return value if exact and apply.result.type == value.type == Scalar("float") else None


def known_size(apply: Apply, known: Definitions) -> Outcome:
    """The length of a tuple or list display, or of an array whose type says it; ``x.shape[k]`` likewise."""
    x = apply.operands[0]
    if apply.primitive.name == "len":
        made = made_by(x, known, "make_tuple", "make_list")
        if made:
            return constant(len(made.operands))
        dimension = x.type.shape[0] if isinstance(x.type, Array) and x.type.shape else None
        return constant(dimension) if isinstance(dimension, int) else None
    shape, k = made_by(x, known, "shape"), apply.operands[1]
    if shape is None or not isinstance(k, Constant) or type(k.value) is not int:
        return None
    kind = shape.operands[0].type
    if not isinstance(kind, Array) or kind.shape is None or not -len(kind.shape) <= k.value < len(kind.shape):
        return None
    dimension = kind.shape[k.value]
    return constant(dimension) if isinstance(dimension, int) else None


def by_fields(apply: Apply, known: Definitions) -> Outcome:
    """The sum, copy or zero derivative of records is the record of those of their fields."""
    t = apply.result.type
    if not isinstance(t, Record) or not all(o.type == t or isinstance(o.type, Record) for o in apply.operands):
        return None
    builder = Builder(apply.origin)
    items: list[Value] = []
    for k in range(len(t.items)):
        parts = [builder.apply(TABLE["index_get"], o, k) for o in apply.operands]
        t_k = parts[0].type
        is_sum = apply.primitive.name in ("zeros_like", "accumulate")
        counts = is_sum and t.made.fields[k] in t.made.integers
        if counts or (apply.primitive.name == "zeros_like" and isinstance(t_k, Scalar)):
            items.append(constant(0.0))
        elif isinstance(t_k, Opaque) and t_k.name in ("str", "None"):
            items.append(parts[0] if apply.primitive.name == "copy" else constant(None))
        else:
            items.append(builder.apply(apply.primitive, *parts))
    builder.emit(again(apply, "make_record", class_value(t.made), *items))
    return [s for s in builder.statements if isinstance(s, Apply)]


def copy_of_number(apply: Apply, known: Definitions) -> Outcome:
    """A copy of a number is the number."""
    return apply.operands[0] if isinstance(apply.operands[0].type, Scalar) else None


def copy_of_fresh(apply: Apply, known: Definitions) -> Outcome:
    """A copy of what was just made, or of a part of an array: where one is needed the in-place pass makes it."""
    made = known.get(apply.operands[0])
    if made is None or not isinstance(made.result.type, Array) or made.primitive.updates is not None:
        return None
    return apply.operands[0] if made.primitive.name == "index_get" or not made.primitive.views else None


def first_addition(apply: Apply, known: Definitions) -> Outcome:
    """``x[i] = 0.0; x[i] += v`` is ``x[i] = v``, for an index that selects each element once; ``l.append(0.0);
    l[-1] += v`` is ``l.append(v)``."""
    array, index, value = apply.operands
    appended = made_by(array, known, "append")
    if appended is not None and is_constant(index, -1) and known.reads.get(array) == 1:
        return again(apply, "append", appended.operands[0], value) if _is_zero_of(appended, value, known) else None
    zeroed = made_by(array, known, "index_set")
    if zeroed is None or known.reads.get(array) != 1 or not is_constant(zeroed.operands[2], 0.0):
        return None
    numbers = isinstance(array.type, List) and isinstance(array.type.item, Scalar) and isinstance(value.type, Scalar)
    if not (numbers or isinstance(array.type, Array)) or atom_key(zeroed.operands[1]) != atom_key(index):
        return None
    return again(apply, "index_set", zeroed.operands[0], index, value) if selects_once(index, known) else None


def _is_zero_of(appended: Apply, value: Value, known: Definitions) -> bool:
    """Whether what was appended is a zero that `value` can stand for: a number, or a tuple of numbers."""
    zero = appended.operands[1]
    if is_constant(zero, 0.0):
        return isinstance(value.type, Scalar)
    numbers = isinstance(value.type, Tuple) and all(isinstance(t, Scalar) for t in value.type.items)
    return numbers and made_by(zero, known, "zeros_like") is not None


def zeros_of_empty(apply: Apply, known: Definitions) -> Outcome:
    """The derivative of ``[]`` is ``[]``."""
    made = made_by(apply.operands[0], known, "make_list")
    return again(apply, "make_list") if made is not None and not made.operands else None


def unchanged_element(apply: Apply, known: Definitions) -> Outcome:
    """``x[i] = x[i]`` changes nothing."""
    array, index, value = apply.operands
    part = made_by(value, known, "index_get")
    if part is None or part.operands[0] is not array or atom_key(part.operands[1]) != atom_key(index):
        return None
    return array


def selects_once(index: Value, known: Definitions) -> bool:
    """Whether an index of integers and slices, which selects no element twice."""
    if index.type == INT or is_constant(index, None, ...) or made_by(index, known, "make_slice"):
        return True
    parts = made_by(index, known, "make_tuple")
    return parts is not None and all(selects_once(v, known) for v in parts.operands)


def shape_of_zeros(apply: Apply, known: Definitions) -> Outcome:
    """The shape of ``np.zeros_like(x)`` is that of x."""
    made = made_by(apply.operands[0], known, "zeros_like")
    if made is None or not isinstance(made.operands[0].type, Array):
        return None
    return again(apply, apply.primitive.name, made.operands[0])


def shape_of_elementwise(apply: Apply, known: Definitions) -> Outcome:
    """The shape of ``x * x``, ``x * 2.0`` and ``-x`` is that of x; so is that of ``x * y`` where x and y are known to
    have one shape."""
    made = part_made_by(apply.operands[0], known, *_ELEMENTWISE)
    model = None if made is None else _only_array(made)
    return None if model is None else again(apply, apply.primitive.name, model)


def shape_given_by(x: Value, known: Definitions) -> Value:
    """The array whose shape `x` certainly has: that x is made of, element by element, beside numbers; or x itself."""
    while (made := made_by(x, known, *_ELEMENTWISE)) is not None:
        model = _only_array(made)
        if model is None or not (isinstance(x.type, Array) and isinstance(model.type, Array)):
            break
        x = model
    return x


_ELEMENTWISE = ("add", "subtract", "multiply", "divide", "negative", "power")


def _only_array(made: Apply) -> Value | None:
    """The operand whose shape the result has: the only one that is no number, or one of several of the same shape."""
    arrays = list(dict.fromkeys(v for v in made.operands if not isinstance(v.type, Scalar)))
    shapes = [v.type.shape if isinstance(v.type, Array) else None for v in arrays]
    if len(arrays) == 1 or (arrays and is_exact(shapes[0]) and all(s == shapes[0] for s in shapes)):
        return arrays[0]
    return None
