"""Python's builtin functions.

Out: `BUILTINS`, name -> primitive; `items_type`, the type of `list(x)`.

>>> print(BUILTINS["max"].infer(Value(FLOAT), Value(INT)))
float
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from srcdiff.ir.core import Constant, Primitive, Value
from srcdiff.ir.types import (
    BOOL,
    BOTTOM,
    FLOAT,
    INT,
    NONE,
    RANGE,
    STR,
    UNKNOWN,
    Array,
    Bottom,
    Dict,
    List,
    Opaque,
    Scalar,
    Size,
    Tuple,
    Type,
    Unknown,
    join,
)
from srcdiff.primitives.indexing import size_of_first
from srcdiff.primitives.inference import (
    InferenceError,
    array_or_scalar,
    elementwise_type,
    primitive,
    scalar_result,
)


def _range_type(start: Value, stop: Value, step: Value) -> Type:
    for bound in (start, stop, step):
        if isinstance(bound, Constant) and not isinstance(bound.value, int):
            raise InferenceError(f"range() needs integers, not {bound.value!r}")
        if isinstance(bound.type, Array | List | Tuple | Dict | Opaque) and bound.type != Opaque("object"):
            raise InferenceError(f"range() needs integers, not {bound.type}")
    return RANGE


def _reversed_type(x: Value) -> Type:
    match x.type:
        case Tuple(items):
            return Tuple(items[::-1])
        case Scalar() | Opaque("None"):
            raise InferenceError(f"a value of type {x.type} cannot be reversed")
        case Dict():
            return items_type(x)
        case t:
            return t


def _reversed(x: Any) -> Any:
    return list(reversed(list(x))) if isinstance(x, dict) else x[::-1]


def items_type(x: Value) -> List:
    """The type of `list(x)`."""
    if isinstance(x, Constant) and x.value == ():
        return List(None)
    match x.type:
        case List():
            return x.type
        case Tuple(items):
            return _joined(items)
        case Array(dtype, shape):
            if shape is None:
                return List(UNKNOWN)
            return List(array_or_scalar(dtype, shape[1:]))
        case Dict(entries):
            kinds = None if entries is None else {type(k) for k, _ in entries}
            return List(STR if kinds in (set(), {str}) else INT if kinds == {int} else UNKNOWN)
        case Opaque("range" | "shape"):
            return List(INT)
        case Opaque("str"):
            return List(STR)
        case Scalar() | Opaque("None"):
            raise InferenceError(f"a value of type {x.type} cannot be iterated over")
        case _:
            return List(UNKNOWN)


def _joined(items: tuple[Type, ...]) -> List:
    result: Type = BOTTOM
    for item in items:
        result = join(result, item)
    return List(None if isinstance(result, Bottom) else result)


def _tuple_type(x: Value) -> Type:
    if isinstance(x, Constant) and x.value == ():
        return Tuple(())
    match x.type:
        case Tuple():
            return x.type
        case Array(dtype, shape) if shape and isinstance(shape[0], int):
            return Tuple((array_or_scalar(dtype, shape[1:]),) * shape[0])
        case Opaque("shape"):
            return x.type
        case _:
            items_type(x)
            return UNKNOWN


def _extremum_type(*operands: Value) -> Type:
    if len(operands) == 1:
        match operands[0].type:
            case Array(dtype, (_,)):
                return array_or_scalar(dtype, ())
            case List() | Tuple() | Opaque("range" | "shape"):
                item = items_type(operands[0])
                return item.item if isinstance(item, List) and item.item is not None else BOTTOM
            case Scalar():
                raise InferenceError("min() and max() of one operand need something to iterate over, not a number")
            case _:
                return UNKNOWN
    types = [o.type for o in operands]
    scalars = [t for t in types if isinstance(t, Scalar)]
    if len(scalars) == len(types):
        kinds = {t.kind for t in scalars}
        return Scalar(scalars[0].kind) if len(kinds) == 1 else scalar_result("same", scalars)
    if all(t == STR for t in types):
        return STR
    if any(isinstance(t, Dict) or t == NONE for t in types):
        raise InferenceError("min() and max() need values that can be compared")
    return UNKNOWN


def _sum_type(iterable: Value, start: Value) -> Type:
    match iterable.type:
        case Array(dtype, shape) if shape:
            item: Type = array_or_scalar(dtype, shape[1:])
        case Unknown() | Array() | Dict() | Opaque("object"):
            return UNKNOWN
        case _:
            listed = items_type(iterable)
            if not isinstance(listed, List) or listed.item is None:
                return start.type
            item = listed.item
    if isinstance(item, Scalar | Array) and isinstance(start.type, Scalar | Array):
        return elementwise_type("same", Value(item), start)
    return UNKNOWN


def _abs_type(x: Value) -> Type:
    match x.type:
        case Scalar(kind):
            return FLOAT if kind == "float" else INT
        case Array() | Unknown():
            return x.type
        case Opaque("object"):
            return UNKNOWN
        case t:
            raise InferenceError(f"abs() needs a number or an array, not {t}")


def _conversion(name: str, result: Type) -> Callable[[Value], Type]:
    def infer(x: Value) -> Type:
        if isinstance(x.type, List | Tuple | Dict) or x.type == NONE:
            raise InferenceError(f"{name}() needs a number, not {x.type}")
        if name == "int" and isinstance(x.type, Size):
            return x.type
        return result

    return infer


def _round_type(x: Value, ndigits: Value) -> Type:
    whole = isinstance(ndigits, Constant) and ndigits.value is None
    match x.type:
        case Scalar(kind):
            return INT if whole or kind != "float" else FLOAT
        case Array() | Unknown():
            return x.type
        case Opaque("object"):
            return UNKNOWN
        case t:
            raise InferenceError(f"round() needs a number, not {t}")


def _sorted_type(x: Value, reverse: Value) -> Type:
    return items_type(x)


BUILTINS: dict[str, Primitive] = {
    p.name: p
    for p in (
        primitive("range", "start stop step", _range_type, range, cheap=True),
        primitive("reversed", "x", _reversed_type, _reversed, views=(0,), cheap=True),
        primitive("len", "x", lambda x: size_of_first(x.type), len, cheap=True),
        primitive("float", "x", _conversion("float", FLOAT), float, cheap=True),
        primitive("int", "x", _conversion("int", INT), int, cheap=True),
        primitive("bool", "x", lambda x: BOOL, bool, cheap=True),
        primitive("str", "x", lambda x: STR, str),
        primitive("round", "x ndigits", _round_type, round, defaults=(None,)),
        primitive("abs", "x", _abs_type, abs),
        primitive("min", "items", _extremum_type, min, variadic=True),
        primitive("max", "items", _extremum_type, max, variadic=True),
        primitive("sum", "iterable start", _sum_type, sum, defaults=(0,)),
        primitive("list", "x", items_type, list, defaults=((),), views=(0,)),
        primitive("tuple", "x", _tuple_type, tuple, defaults=((),), views=(0,)),
        primitive(
            "sorted", "x reverse", _sorted_type, lambda x, r: sorted(x, reverse=r), defaults=(False,), views=(0,)
        ),
    )
}
