"""The rules of the simplifier for single operations.

In: an application, with its operands already simplified, and what defines its operands. Out: a value that stands for
its result, another application to put in its place (with the same result; in a list, after others that it needs), or
None.

Each rule holds for NaN, for every shape and every dtype that the types allow; nothing is multiplied by zero or
reordered. Rules of arithmetic are for derivatives only: what the user wrote is left as it was written.

>>> from srcdiff.ir.core import Origin, Value, constant
>>> from srcdiff.ir.types import FLOAT
>>> x = Value(FLOAT, "x")
>>> product = Apply(TABLE["multiply"], (constant(1.0), x), Value(FLOAT), Origin(role="adjoint"))
>>> simplified(product, Definitions()) is x
True
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from srcdiff.ir.builder import is_constant
from srcdiff.ir.core import Apply, Constant, Value, constant
from srcdiff.ir.types import BOOL, INT, Array, List, Scalar, Tuple, Type, Unknown, is_float_dtype
from srcdiff.optimize.cse import atom_key
from srcdiff.optimize.factors import collected, minus, outwards
from srcdiff.primitives.table import TABLE


class Definitions(dict[Value, Apply]):
    """What defines the values in scope; `reads` says how often each value is read in the whole function."""

    def __init__(self, reads: Mapping[Value, int] | None = None) -> None:
        super().__init__()
        self.reads: Mapping[Value, int] = reads or {}


Outcome = Value | Apply | list[Apply] | None
Rule = Callable[[Apply, Definitions], Outcome]


def simplified(apply: Apply, known: Definitions) -> Outcome:
    """The first rule that applies."""
    name = apply.primitive.name
    for rule in STRUCTURE.get(name, ()):
        outcome = rule(apply, known)
        if outcome is not None:
            return outcome
    if apply.origin.role != "primal":
        for rule in ARITHMETIC.get(name, ()):
            outcome = rule(apply, known)
            if outcome is not None:
                return outcome
    return None


# -- what is asked of types and definitions ---------------------------------------------------------------------------


def _is_float(t: Type) -> bool:
    return t == Scalar("float") or (isinstance(t, Array) and t.dtype is not None and is_float_dtype(t.dtype))


def _stands_for(apply: Apply, value: Value) -> bool:
    """Whether `value`, times one or plus zero, has the type of the result: shapes and dtypes are then unchanged."""
    if apply.result.type != value.type:
        return False
    return _is_float(value.type) or (value.origin.role != "primal" and isinstance(value.type, Array | Unknown))


def _made_by(value: Value, known: Definitions, *names: str) -> Apply | None:
    """The application that defines `value`, if it is one of the primitives `names`."""
    definition = known.get(value)
    return definition if definition is not None and definition.primitive.name in names else None


def _inner(value: Value, known: Definitions, *names: str) -> Apply | None:
    """The same, for a part of an expression: a value without a name, so that no statement of its own is lost."""
    return _made_by(value, known, *names) if value.name is None else None


def _again(apply: Apply, name: str, *operands: Value) -> Apply:
    """The application of another primitive in place of this one."""
    return replace(apply, primitive=TABLE[name], operands=operands)


def _same_shape(a: Type, b: Type) -> bool:
    """Whether the types prove that the shapes are equal."""
    if isinstance(a, Scalar) and isinstance(b, Scalar):
        return True
    if not (isinstance(a, Array) and isinstance(b, Array)) or a.shape is None:
        return False
    return a.shape == b.shape and None not in a.shape


def _has_shape_and_dtype(result: Type, operand: Type) -> bool:
    """Whether a result may be said to have the type of one of its operands, as far as its dtype is known."""
    if not (isinstance(result, Array) and isinstance(operand, Array)) or result.shape != operand.shape:
        return False
    return result.dtype is None or result.dtype == operand.dtype


# -- arithmetic -------------------------------------------------------------------------------------------------------


def _one_times(apply: Apply, known: Definitions) -> Outcome:
    """``1.0 * x`` and ``x * 1.0`` are x."""
    a, b = apply.operands
    if is_constant(a, 1.0, 1) and _stands_for(apply, b):
        return b
    return a if is_constant(b, 1.0, 1) and _stands_for(apply, a) else None


def _minus_one_times(apply: Apply, known: Definitions) -> Outcome:
    """``-1.0 * x`` is ``-x``."""
    a, b = apply.operands
    if is_constant(a, -1.0, -1) and _stands_for(apply, b):
        return _again(apply, "negative", b)
    return _again(apply, "negative", a) if is_constant(b, -1.0, -1) and _stands_for(apply, a) else None


def _first_of_one(apply: Apply, known: Definitions) -> Outcome:
    """``x / 1.0`` and ``x ** 1`` are x."""
    x, one = apply.operands
    return x if is_constant(one, 1.0, 1) and _stands_for(apply, x) else None


def _twice_negative(apply: Apply, known: Definitions) -> Outcome:
    """``-(-x)`` is x."""
    inner = _inner(apply.operands[0], known, "negative")
    return inner.operands[0] if inner and apply.result.type == inner.operands[0].type else None


def _plus_negative(apply: Apply, known: Definitions) -> Outcome:
    """``x + (-y)`` and ``(-y) + x`` are ``x - y``."""
    a, b = apply.operands
    if apply.primitive.name == "accumulate" and not (isinstance(a.type, Scalar | Array) and a.type == b.type):
        return None
    inner = _inner(b, known, "negative")
    if inner:
        return _again(apply, "subtract", a, inner.operands[0])
    inner = _inner(a, known, "negative")
    if inner:
        return _again(apply, "subtract", b, inner.operands[0])
    return minus(apply, known, known.reads) or None


def _minus_negative(apply: Apply, known: Definitions) -> Outcome:
    """``x - (-y)`` is ``x + y``."""
    inner = _inner(apply.operands[1], known, "negative")
    return _again(apply, "add", apply.operands[0], inner.operands[0]) if inner else None


def _plus_zero(apply: Apply, known: Definitions) -> Outcome:
    """A sum with a zero of the same shape and dtype is the other term: the first contribution is an assignment."""
    a, b = apply.operands
    for zero, term in ((a, b), (b, a)):
        if not _stands_for(apply, term):
            continue
        if isinstance(term.type, Scalar) and is_constant(zero, 0.0, 0):
            return term
        proven = zero.type == term.type and _same_shape(zero.type, term.type) and _is_float(zero.type)
        if proven and _made_by(zero, known, "zeros_like", "np.zeros_like", "np.zeros"):
            return term
    return None


def _doubled(apply: Apply, known: Definitions) -> Outcome:
    """``x + x`` is ``2.0 * x``, and ``c * x + c * x`` is ``2c * x`` (doubling is exact)."""
    a, b = apply.operands
    if a is not b or not isinstance(a.type, Scalar | Array) or apply.result.type != a.type:
        return None
    inner = _inner(a, known, "multiply")
    if inner and isinstance(inner.operands[0], Constant) and type(inner.operands[0].value) is float:
        return _again(apply, "multiply", constant(2.0 * inner.operands[0].value), inner.operands[1])
    return _again(apply, "multiply", constant(2.0), a) if _stands_for(apply, a) else None


def _fold(apply: Apply, known: Definitions) -> Outcome:
    """Arithmetic on numbers whose result can be read at a glance: ``2.0 * 3.0``, ``-(1.0)``, ``3 - 1``."""
    numbers = [v.value for v in apply.operands if isinstance(v, Constant) and type(v.value) in (int, float)]
    if len(numbers) != len(apply.operands) or any(not -1e6 <= n <= 1e6 for n in numbers):
        return None
    if apply.primitive.name in ("divide", "power") and not (numbers[1] >= 1 and numbers[1] <= 64):
        return None
    result = apply.primitive.evaluate(*numbers)
    short = type(result) in (int, float) and -1e6 <= result <= 1e6 and result == int(result)
    return constant(result) if short else None


def _without_broadcast(apply: Apply, known: Definitions) -> Outcome:
    """``broadcast_to(g, x.shape) * x`` is ``g * x``: the product broadcasts anyway."""
    a, b = apply.operands
    for position, (spread, other) in enumerate(((a, b), (b, a))):
        found = _spread_number(spread, known)
        if found is None:
            continue
        small, model = found
        operands = (small, other) if position == 0 else (other, small)
        if _same_shape(apply.result.type, apply.primitive.infer(*operands)):
            return _again(apply, apply.primitive.name, *operands)
        if not _has_shape_and_dtype(apply.result.type, other.type):
            continue
        if _same_shape(spread.type, other.type) or model is other:
            return _again(apply, apply.primitive.name, *operands)
    return None


def _scaled_broadcast(apply: Apply, known: Definitions) -> Outcome:
    """``broadcast_to(2.0, shape) * 100.0`` is ``broadcast_to(200.0, shape)``, and ``(2.0 + zeros_like(x)) * 100.0`` is
    ``200.0 + zeros_like(x)``."""
    a, b = apply.operands
    for spread, number in ((a, b), (b, a)):
        inner = _inner(spread, known, "np.broadcast_to", "add")
        if inner is None or known.reads.get(spread) != 1:
            continue
        if inner.primitive.name == "add" and _made_by(inner.operands[1], known, "zeros_like") is None:
            continue
        if isinstance(inner.operands[0].type, Scalar) and isinstance(number.type, Scalar):
            operands = (inner.operands[0], number) if spread is a else (number, inner.operands[0])
            scaled = Value(apply.primitive.infer(*operands), None, apply.result.origin)
            product = replace(apply, operands=operands, result=scaled)
            return [product, _again(apply, inner.primitive.name, scaled, inner.operands[1])]
    return None


def _negative_product(apply: Apply, known: Definitions) -> Outcome:
    """``-(2.0 * x)`` is ``-2.0 * x``."""
    x = apply.operands[0]
    inner = _inner(x, known, "multiply")
    if inner is None or known.reads.get(x) != 1 or not isinstance(inner.operands[0], Constant):
        return None
    number = inner.operands[0].value
    if type(number) is not float or number >= 0.0 or not isinstance(apply.result.type, Scalar | Array):
        return None
    return _again(apply, "multiply", constant(-number), inner.operands[1])


def _spread_number(spread: Value, known: Definitions) -> tuple[Value, Value | None] | None:
    """What was broadcast, and the array whose shape it took: `broadcast_to(g, x.shape)`, `full_like(x, 1.0)`,
    `g + zeros_like(x)`. (`full_like` makes even a number of NumPy's single, which a product with it would not be.)"""
    inner = _made_by(spread, known, "np.broadcast_to", "np.full_like", "add")
    if inner is None:
        return None
    first, second = inner.operands[:2]
    match inner.primitive.name:
        case "np.broadcast_to":
            shape = _made_by(second, known, "shape")
            return first, shape.operands[0] if shape else None
        case "np.full_like":
            return (second, first) if isinstance(second, Constant) and is_constant(inner.operands[2], None) else None
        case _:
            zero = _made_by(second, known, "zeros_like") if isinstance(first.type, Scalar) else None
            return (first, zero.operands[0]) if zero else None


def _outwards(apply: Apply, known: Definitions) -> Outcome:
    """``-a * b`` is ``-(a * b)``."""
    return outwards(apply, known, known.reads) or None


def _collected(apply: Apply, known: Definitions) -> Outcome:
    """``2.0 * (b * Z)`` is ``(2.0 * b) * Z`` for a small b."""
    return collected(apply, known, known.reads) or None


def _squeezed_sum(apply: Apply, known: Definitions) -> Outcome:
    """``np.squeeze(np.sum(x, axis=1, keepdims=True), axis=1)`` is ``np.sum(x, axis=1)``; a sign moves outwards."""
    x, axis = apply.operands
    inner = _inner(x, known, "np.sum", "negative")
    if inner is None or not isinstance(axis, Constant):
        return None
    if inner.primitive.name == "negative":
        plain = Value(apply.result.type, None, apply.result.origin)
        squeezed = replace(apply, operands=(inner.operands[0], axis), result=plain)
        return [squeezed, _again(apply, "negative", plain)]
    same = atom_key(inner.operands[1]) == atom_key(axis) and is_constant(inner.operands[2], True)
    return _again(apply, "np.sum", inner.operands[0], axis, constant(False)) if same else None


def _sum_of_number(apply: Apply, known: Definitions) -> Outcome:
    """``np.sum`` of a number is the number."""
    x, axis, _ = apply.operands
    return x if x.type == Scalar("float") and is_constant(axis, None) else None


# -- structure --------------------------------------------------------------------------------------------------------


def _element(apply: Apply, known: Definitions) -> Outcome:
    """``(a, b)[1]``, ``[a, b][1]`` and ``{"k": a}["k"]`` are the element."""
    container, index = apply.operands
    made = _made_by(container, known, "make_tuple", "make_list", "make_dict")
    if made is None or not isinstance(index, Constant):
        return None
    items: Sequence[Value] = made.operands
    if made.primitive.name == "make_dict":
        keys = items[::2]
        if not all(isinstance(k, Constant) for k in keys):
            return None
        found = [v for k, v in zip(keys, items[1::2], strict=True) if atom_key(k) == atom_key(index)]
        return found[-1] if found else None
    if type(index.value) is int and -len(items) <= index.value < len(items):
        return items[index.value]
    return None


def _written_element(apply: Apply, known: Definitions) -> Outcome:
    """``x[i]`` right after ``x[i] = v`` is v, for numbers that the array holds as they are."""
    array, index = apply.operands
    written = _made_by(array, known, "index_set")
    if written is None or index.type != INT or atom_key(written.operands[1]) != atom_key(index):
        return None
    base, value = written.operands[0], written.operands[2]
    exact = isinstance(base.type, List) or (isinstance(base.type, Array) and base.type.dtype == "float64")
    return value if exact and apply.result.type == value.type == Scalar("float") else None


def _known_size(apply: Apply, known: Definitions) -> Outcome:
    """The length of a tuple or list display, or of an array whose type says it; ``x.shape[k]`` likewise."""
    x = apply.operands[0]
    if apply.primitive.name == "len":
        made = _made_by(x, known, "make_tuple", "make_list")
        if made:
            return constant(len(made.operands))
        dimension = x.type.shape[0] if isinstance(x.type, Array) and x.type.shape else None
        return constant(dimension) if isinstance(dimension, int) else None
    shape, k = _made_by(x, known, "shape"), apply.operands[1]
    if shape is None or not isinstance(k, Constant) or type(k.value) is not int:
        return None
    kind = shape.operands[0].type
    if not isinstance(kind, Array) or kind.shape is None or not -len(kind.shape) <= k.value < len(kind.shape):
        return None
    dimension = kind.shape[k.value]
    return constant(dimension) if isinstance(dimension, int) else None


def _copy_of_number(apply: Apply, known: Definitions) -> Outcome:
    """A copy of a number is the number."""
    return apply.operands[0] if isinstance(apply.operands[0].type, Scalar) else None


def _copy_of_fresh(apply: Apply, known: Definitions) -> Outcome:
    """A copy of what was just made, or of a part of an array: where one is needed the in-place pass makes it."""
    made = known.get(apply.operands[0])
    if made is None or not isinstance(made.result.type, Array) or made.primitive.updates is not None:
        return None
    return apply.operands[0] if made.primitive.name == "index_get" or not made.primitive.views else None


def _twice(apply: Apply, known: Definitions) -> Outcome:
    """``x.T.T`` is x, and so is ``np.transpose(np.transpose(x))``; ``not not b`` is b for a boolean."""
    inner = _inner(apply.operands[0], known, apply.primitive.name)
    if inner is None or any(not is_constant(v, None) for v in (*inner.operands[1:], *apply.operands[1:])):
        return None
    x = inner.operands[0]
    return x if apply.primitive.name != "not_" or x.type == BOOL else None


_OPPOSITE = {
    "less": "greater_equal",
    "less_equal": "greater",
    "greater": "less_equal",
    "greater_equal": "less",
    "equal": "not_equal",
    "not_equal": "equal",
    "is_": "is_not",
    "is_not": "is_",
    "contains": "not_contains",
    "not_contains": "contains",
}


def _not_compared(apply: Apply, known: Definitions) -> Outcome:
    """``not a < b`` is ``a >= b`` for integers (for floats not: NaN); ``not a is b`` is ``a is not b``."""
    inner = _inner(apply.operands[0], known, *_OPPOSITE)
    if inner is None:
        return None
    name = inner.primitive.name
    if name in ("is_", "is_not", "contains", "not_contains") or all(v.type == INT for v in inner.operands):
        return _again(apply, _OPPOSITE[name], *inner.operands)
    return None


def _same_size(apply: Apply, known: Definitions) -> Outcome:
    """``unbroadcast(g, x)`` is g where the types prove that g has the shape of x."""
    g, x = apply.operands
    return g if _same_shape(g.type, x.type) and apply.result.type == g.type else None


def _first_addition(apply: Apply, known: Definitions) -> Outcome:
    """``x[i] = 0.0; x[i] += v`` is ``x[i] = v``, for an index that selects each element once; ``l.append(0.0);
    l[-1] += v`` is ``l.append(v)``."""
    array, index, value = apply.operands
    appended = _made_by(array, known, "append")
    if appended is not None and is_constant(index, -1) and known.reads.get(array) == 1:
        return _again(apply, "append", appended.operands[0], value) if _is_zero_of(appended, value, known) else None
    zeroed = _made_by(array, known, "index_set")
    if zeroed is None or known.reads.get(array) != 1 or not is_constant(zeroed.operands[2], 0.0):
        return None
    numbers = isinstance(array.type, List) and isinstance(array.type.item, Scalar) and isinstance(value.type, Scalar)
    if not (numbers or isinstance(array.type, Array)) or atom_key(zeroed.operands[1]) != atom_key(index):
        return None
    return _again(apply, "index_set", zeroed.operands[0], index, value) if _selects_once(index, known) else None


def _is_zero_of(appended: Apply, value: Value, known: Definitions) -> bool:
    """Whether what was appended is a zero that `value` can stand for: a number, or a tuple of numbers."""
    zero = appended.operands[1]
    if is_constant(zero, 0.0):
        return isinstance(value.type, Scalar)
    numbers = isinstance(value.type, Tuple) and all(isinstance(t, Scalar) for t in value.type.items)
    return numbers and _made_by(zero, known, "zeros_like") is not None


def _zeros_of_empty(apply: Apply, known: Definitions) -> Outcome:
    """The derivative of ``[]`` is ``[]``."""
    made = _made_by(apply.operands[0], known, "make_list")
    return _again(apply, "make_list") if made is not None and not made.operands else None


def _unchanged_element(apply: Apply, known: Definitions) -> Outcome:
    """``x[i] = x[i]`` changes nothing."""
    array, index, value = apply.operands
    part = _made_by(value, known, "index_get")
    if part is None or part.operands[0] is not array or atom_key(part.operands[1]) != atom_key(index):
        return None
    return array


def _selects_once(index: Value, known: Definitions) -> bool:
    if index.type == INT or is_constant(index, None, ...) or _made_by(index, known, "make_slice"):
        return True
    parts = _made_by(index, known, "make_tuple")
    return parts is not None and all(_selects_once(v, known) for v in parts.operands)


def _shape_of_zeros(apply: Apply, known: Definitions) -> Outcome:
    """The shape of ``np.zeros_like(x)`` is that of x."""
    made = _made_by(apply.operands[0], known, "zeros_like")
    if made is None or not isinstance(made.operands[0].type, Array):
        return None
    return _again(apply, apply.primitive.name, made.operands[0])


def _shape_of_elementwise(apply: Apply, known: Definitions) -> Outcome:
    """The shape of ``x * x``, ``x * 2.0`` and ``-x`` is that of x."""
    made = _inner(apply.operands[0], known, "add", "subtract", "multiply", "divide", "negative", "power")
    if made is None:
        return None
    arrays = {v for v in made.operands if not isinstance(v.type, Scalar)}
    return _again(apply, apply.primitive.name, arrays.pop()) if len(arrays) == 1 else None


STRUCTURE: dict[str, tuple[Rule, ...]] = {
    "index_get": (_element,),
    "unbroadcast": (_same_size,),
    "T": (_twice,),
    "np.transpose": (_twice,),
    "copy": (_copy_of_number,),
}
"""Rules for the user's part as well: they only take apart what was put together."""

ARITHMETIC: dict[str, tuple[Rule, ...]] = {
    "add": (_fold, _plus_zero, _doubled, _plus_negative, _without_broadcast),
    "accumulate": (_plus_zero, _doubled, _plus_negative),
    "subtract": (_fold, _minus_negative, _without_broadcast),
    "multiply": (
        _fold,
        _one_times,
        _minus_one_times,
        _without_broadcast,
        _scaled_broadcast,
        _outwards,
        _collected,
    ),
    "divide": (_fold, _first_of_one, _without_broadcast, _outwards),
    "np.squeeze": (_squeezed_sum,),
    "power": (_fold, _first_of_one),
    "negative": (_fold, _twice_negative, _negative_product),
    "np.sum": (_sum_of_number,),
    "index_get": (_written_element, _known_size),
    "len": (_known_size, _shape_of_zeros),
    "copy": (_copy_of_fresh,),
    "not_": (_twice, _not_compared),
    "index_add": (_first_addition,),
    "index_set": (_unchanged_element,),
    "shape": (_shape_of_elementwise, _shape_of_zeros),
    "size": (_shape_of_elementwise, _shape_of_zeros),
    "zeros_like": (_zeros_of_empty, _shape_of_zeros),
}
