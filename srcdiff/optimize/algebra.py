"""The rules of the simplifier for single operations.

In: an application, with its operands already simplified, and what defines its operands. Out: a value that stands for
its result, another application to put in its place (with the same result; in a list, after others that it needs), or
None.

Each rule holds for NaN, for every shape and every dtype that the types allow; nothing is multiplied by zero or
reordered. Rules of arithmetic are for derivatives only: what the user wrote is left as it was written.

>>> from srcdiff.ir.core import Origin, Value, constant
>>> from srcdiff.ir.types import FLOAT
>>> from srcdiff.primitives.table import TABLE
>>> x = Value(FLOAT, "x")
>>> product = Apply(TABLE["multiply"], (constant(1.0), x), Value(FLOAT), Origin(role="adjoint"))
>>> simplified(product, Definitions()) is x
True
"""

from __future__ import annotations

from dataclasses import replace

from srcdiff.ir.builder import is_constant
from srcdiff.ir.core import Apply, Constant, Value, constant
from srcdiff.ir.types import BOOL, INT, Array, Scalar, Unknown, same_shape
from srcdiff.optimize.broadcasts import chosen_number, scaled_broadcast, without_broadcast
from srcdiff.optimize.contractions import summed_product
from srcdiff.optimize.contributions import alike, beside_broadcast, beside_zero, into_whole
from srcdiff.optimize.cse import atom_key
from srcdiff.optimize.definitions import Definitions, Outcome, Rule, again, made_by, part_made_by
from srcdiff.optimize.elements import (
    by_fields,
    copy_of_fresh,
    copy_of_number,
    element,
    first_addition,
    known_size,
    shape_of_elementwise,
    shape_of_zeros,
    unchanged_element,
    written_element,
    zeros_of_empty,
)
from srcdiff.optimize.factors import collected, common, into_small, minus, outwards, sum_of_product
from srcdiff.optimize.floats import is_float_type, is_floating
from srcdiff.optimize.matrices import solved, turned_back
from srcdiff.optimize.parts import changed_part, display, first_part, later_part, number_to_part


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


def _stands_for(apply: Apply, value: Value, known: Definitions) -> bool:
    """Whether `value`, times one or plus zero, has the type of the result: shapes and dtypes are then unchanged."""
    if apply.result.type != value.type:
        return False
    return is_floating(value, known) or (value.origin.role != "primal" and isinstance(value.type, Array | Unknown))


# -- arithmetic -------------------------------------------------------------------------------------------------------


def _one_times(apply: Apply, known: Definitions) -> Outcome:
    """``1.0 * x`` and ``x * 1.0`` are x."""
    a, b = apply.operands
    if is_constant(a, 1.0, 1) and _stands_for(apply, b, known):
        return b
    return a if is_constant(b, 1.0, 1) and _stands_for(apply, a, known) else None


def _minus_one_times(apply: Apply, known: Definitions) -> Outcome:
    """``-1.0 * x`` is ``-x``."""
    a, b = apply.operands
    if is_constant(a, -1.0, -1) and _stands_for(apply, b, known):
        return again(apply, "negative", b)
    return again(apply, "negative", a) if is_constant(b, -1.0, -1) and _stands_for(apply, a, known) else None


def _first_of_one(apply: Apply, known: Definitions) -> Outcome:
    """``x / 1.0`` and ``x ** 1`` are x."""
    x, one = apply.operands
    return x if is_constant(one, 1.0, 1) and _stands_for(apply, x, known) else None


def _twice_negative(apply: Apply, known: Definitions) -> Outcome:
    """``-(-x)`` is x."""
    inner = part_made_by(apply.operands[0], known, "negative")
    return inner.operands[0] if inner and apply.result.type == inner.operands[0].type else None


def _plus_negative(apply: Apply, known: Definitions) -> Outcome:
    """``x + (-y)`` and ``(-y) + x`` are ``x - y``."""
    a, b = apply.operands
    if apply.primitive.name == "accumulate":
        numbers = isinstance(a.type, Scalar) and a.type == b.type
        if not numbers and not (isinstance(a.type, Array) and a.type == b.type) and not alike(a.type, b.type):
            return None
    inner = part_made_by(b, known, "negative")
    if inner:
        # Of a sum of adjoints, it still is one: `bx -= y`.
        origin = replace(apply.origin, augmented=apply.origin.augmented or apply.primitive.name == "accumulate")
        return again(replace(apply, origin=origin), "subtract", a, inner.operands[0])
    inner = part_made_by(a, known, "negative")
    if inner is None and a.name == apply.result.name and known.reads.get(a) == 1:
        inner = made_by(a, known, "negative")  # a first contribution, that has the name already
    if inner:
        return again(apply, "subtract", b, inner.operands[0])
    return minus(apply, known, known.reads) or None


def _minus_negative(apply: Apply, known: Definitions) -> Outcome:
    """``x - (-y)`` is ``x + y``."""
    inner = part_made_by(apply.operands[1], known, "negative")
    return again(apply, "add", apply.operands[0], inner.operands[0]) if inner else None


def _plus_zero(apply: Apply, known: Definitions) -> Outcome:
    """A sum with a zero of the same shape and dtype is the other term: the first contribution is an assignment."""
    a, b = apply.operands
    for zero, term in ((a, b), (b, a)):
        if not _stands_for(apply, term, known):
            continue
        if isinstance(term.type, Scalar) and is_constant(zero, 0.0, 0):
            return term
        proven = zero.type == term.type and same_shape(zero.type, term.type) and is_float_type(zero.type)
        if proven and made_by(zero, known, "zeros_like", "np.zeros_like", "np.zeros"):
            return term
        # The derivatives of one array have its shape, and a zero one is of floats.
        alike = zero.type == term.type and isinstance(term.type, Array) and term.type.shape is not None
        if alike and apply.primitive.name == "accumulate" and made_by(zero, known, "zeros_like"):
            return term
    return None


def _doubled(apply: Apply, known: Definitions) -> Outcome:
    """``x + x`` is ``2.0 * x``, and ``c * x + c * x`` is ``2c * x`` (doubling is exact)."""
    a, b = apply.operands
    if a is not b or not isinstance(a.type, Scalar | Array) or apply.result.type != a.type:
        return None
    inner = part_made_by(a, known, "multiply")
    if inner and isinstance(inner.operands[0], Constant) and type(inner.operands[0].value) is float:
        return again(apply, "multiply", constant(2.0 * inner.operands[0].value), inner.operands[1])
    return again(apply, "multiply", constant(2.0), a) if _stands_for(apply, a, known) else None


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


def _negative_product(apply: Apply, known: Definitions) -> Outcome:
    """``-(2.0 * x)`` is ``-2.0 * x``."""
    x = apply.operands[0]
    inner = part_made_by(x, known, "multiply")
    if inner is None or known.reads.get(x) != 1 or not isinstance(inner.operands[0], Constant):
        return None
    number = inner.operands[0].value
    if type(number) is not float or number >= 0.0 or not isinstance(apply.result.type, Scalar | Array):
        return None
    return again(apply, "multiply", constant(-number), inner.operands[1])


def _outwards(apply: Apply, known: Definitions) -> Outcome:
    """``-a * b`` is ``-(a * b)``."""
    return outwards(apply, known, known.reads) or None


def _collected(apply: Apply, known: Definitions) -> Outcome:
    """``2.0 * (b * Z)`` is ``(2.0 * b) * Z`` for a small b."""
    return collected(apply, known, known.reads) or None


def _into_small(apply: Apply, known: Definitions) -> Outcome:
    """``b * (2.0 * Z)`` is ``(2.0 * b) * Z`` for a small b."""
    return into_small(apply, known, known.reads) or None


def _common(apply: Apply, known: Definitions) -> Outcome:
    """``2.0 * x + 2.0 * y`` is ``2.0 * (x + y)``."""
    return common(apply, known, known.reads) or None


def _sum_of_product(apply: Apply, known: Definitions) -> Outcome:
    """``np.sum(x * w, axis=0)`` is ``np.sum(x, axis=0) * w`` for a w that has no such axis."""
    return sum_of_product(apply, known, known.reads) or None


def _squeezed_sum(apply: Apply, known: Definitions) -> Outcome:
    """``np.squeeze(np.sum(x, axis=1, keepdims=True), axis=1)`` is ``np.sum(x, axis=1)``; a sign moves outwards."""
    x, axis = apply.operands
    inner = part_made_by(x, known, "np.sum", "negative")
    if inner is None or not isinstance(axis, Constant):
        return None
    if inner.primitive.name == "negative":
        plain = Value(apply.result.type, None, apply.result.origin)
        squeezed = replace(apply, operands=(inner.operands[0], axis), result=plain)
        return [squeezed, again(apply, "negative", plain)]
    same = atom_key(inner.operands[1]) == atom_key(axis) and is_constant(inner.operands[2], True)
    return again(apply, "np.sum", inner.operands[0], axis, constant(False)) if same else None


def _sum_of_number(apply: Apply, known: Definitions) -> Outcome:
    """``np.sum`` of a number is the number."""
    x, axis, _ = apply.operands
    return x if x.type == Scalar("float") and is_constant(axis, None) else None


# -- structure --------------------------------------------------------------------------------------------------------


def _twice(apply: Apply, known: Definitions) -> Outcome:
    """``x.T.T`` is x, and so is ``np.transpose(np.transpose(x))``; ``not not b`` is b for a boolean."""
    inner = part_made_by(apply.operands[0], known, apply.primitive.name)
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
    inner = part_made_by(apply.operands[0], known, *_OPPOSITE)
    if inner is None:
        return None
    name = inner.primitive.name
    if name in ("is_", "is_not", "contains", "not_contains") or all(v.type == INT for v in inner.operands):
        return again(apply, _OPPOSITE[name], *inner.operands)
    return None


def _same_size(apply: Apply, known: Definitions) -> Outcome:
    """``unbroadcast(g, x)`` is g where the types prove that g has the shape of x."""
    g, x = apply.operands
    return g if same_shape(g.type, x.type) and apply.result.type == g.type else None


def _written_once(apply: Apply, known: Definitions) -> Outcome:
    """Nothing is overwritten by ``x[i, i] = v`` where i is ``np.arange(n)``."""
    parts = made_by(apply.operands[1], known, "make_tuple")
    places = set(parts.operands) if parts else {apply.operands[1]}
    place = places.pop()
    return constant(True) if not places and made_by(place, known, "np.arange") else None


def _times_true(apply: Apply, known: Definitions) -> Outcome:
    """``x * True`` is x."""
    a, b = apply.operands
    return a if is_constant(b, True) and apply.result.type == a.type and _is_derivative(a) else None


def _is_derivative(value: Value) -> bool:
    return value.origin.role != "primal" and isinstance(value.type, Array | Unknown | Scalar)


STRUCTURE: dict[str, tuple[Rule, ...]] = {
    "index_get": (element,),
    "unbroadcast": (_same_size,),
    "T": (_twice,),
    "np.transpose": (_twice,),
    "copy": (copy_of_number,),
    "last_written": (_written_once,),
}
"""Rules for the user's part as well: they only take apart what was put together."""

ARITHMETIC: dict[str, tuple[Rule, ...]] = {
    "add": (_fold, _plus_zero, _doubled, _plus_negative, without_broadcast, _common),
    "accumulate": (by_fields, _plus_zero, beside_zero, _doubled, into_whole, beside_broadcast, _plus_negative, _common),
    "subtract": (_fold, _minus_negative, without_broadcast, _common),
    "multiply": (
        _fold,
        _one_times,
        _minus_one_times,
        _times_true,
        without_broadcast,
        scaled_broadcast,
        _outwards,
        _collected,
        _into_small,
    ),
    "divide": (_fold, _first_of_one, without_broadcast, _outwards),
    "np.where": (chosen_number,),
    "np.linalg.solve": (solved,),
    "np.squeeze": (_squeezed_sum,),
    "power": (_fold, _first_of_one),
    "negative": (_fold, _twice_negative, _negative_product),
    "np.sum": (_sum_of_number, _sum_of_product, summed_product),
    "index_get": (written_element, known_size),
    "len": (known_size, shape_of_zeros),
    "copy": (by_fields, copy_of_fresh),
    "T": (turned_back,),
    "not_": (_twice, _not_compared),
    "index_add": (first_addition, number_to_part, first_part, later_part, display),
    "index_set": (unchanged_element, number_to_part, changed_part, display),
    "shape": (shape_of_elementwise, shape_of_zeros),
    "size": (shape_of_elementwise, shape_of_zeros),
    "zeros_like": (by_fields, zeros_of_empty, shape_of_zeros),
}
