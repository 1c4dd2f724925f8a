"""From one value to a stack of equal ones, and from a stack to the value of one direction.

In: a builder and a value. Out: `spread_directions`, an array (or container of arrays) of its own that holds the value
once for each direction; `take_direction`.

>>> from srcdiff.ir.core import constant
>>> from srcdiff.ir.types import FLOAT
>>> b = Builder()
>>> print(spread_directions(b, Value(Array("float32", (5,))), Array("float32", (5,)), constant(3)).type)
float32[3, 5]
>>> print(spread_directions(b, constant(0.0), FLOAT, constant(3)).type, [s.primitive.name for s in b.statements])
float64[3] ['make_tuple', 'np.tile', 'np.zeros']
"""

from __future__ import annotations

from srcdiff.ir.builder import Builder
from srcdiff.ir.core import Apply, Constant, Global, Value
from srcdiff.ir.types import OBJECT, Array, Dict, List, Scalar, Tuple, Type, Unknown, is_differentiable
from srcdiff.primitives.directions_core import NoStack, comprehension, made_by, narrowed, with_count
from srcdiff.primitives.symbolic import Symbolic

FLOAT64 = Global(OBJECT, module="builtins", attribute="float")


def spread_directions(builder: Builder, value: Value, type: Type, count: Value) -> Value:
    """A stack with `value` in each of `count` directions.

    Parameters
    ----------
    value
        A value that does not depend on the direction.
    type
        The type that one direction of the stack has; a number that is an integer becomes a float where it says so.
    count
        The number of directions.

    Returns
    -------
    Value
        Arrays that share no memory with `value`. What carries no derivative stays as it is.

    Raises
    ------
    NoStack
        Where it is not known whether the value is a number, an array or a container.
    """
    return spread(Symbolic(builder, value), type, Symbolic(builder, count)).value


def spread(x: Symbolic, t: Type, count: Symbolic) -> Symbolic:
    """`spread_directions` on symbolic values."""
    if not is_differentiable(t):
        return x
    match t:
        case Scalar():
            return _numbers(x, count)
        case Array(dtype, _):
            return _arrays(x, dtype, count)
        case Tuple(items):
            return x.display(t, *(spread(x[i], item, count) for i, item in enumerate(items)))
        case List(None):
            return x
        case List(item) if item is not None:
            return comprehension(
                x, x.apply("len", x), lambda k: (spread(_same_builder(x, k)[k], item, _same_builder(count, k)),)
            )[0]
        case Dict(entries) if entries is not None:
            parts = [part for key, item in entries for part in (key, spread(x[key], item, count))]
            return x.apply("make_dict", *parts)
        case _:
            raise NoStack(None, "it is not known whether a value is a number, an array, a list or a dict")


def _same_builder(x: Symbolic, inner: Symbolic) -> Symbolic:
    """`x` where it is read in the block that builds `inner`."""
    return inner.new(x.value)


def _numbers(x: Symbolic, count: Symbolic) -> Symbolic:
    """Copies of a number side by side, as floats."""
    if isinstance(x.value, Constant):
        number = float(x.value.value)
        return x.apply("np.zeros", count) if number == 0 else x.apply("np.full", count, number)
    # What is a float by its type may be an integer when the program runs.
    return x.apply("np.full", count, x, FLOAT64)


def _arrays(x: Symbolic, dtype: str | None, count: Symbolic) -> Symbolic:
    """Copies of an array on top of each other."""
    shape = x.type.shape if isinstance(x.type, Array) else () if isinstance(x.type, Scalar) else None
    own = x.type.dtype if isinstance(x.type, Array) else "float64"
    made = made_by(x, "zeros_like", "np.zeros_like")
    if shape is None:
        copies = x.apply("np.array", x.apply("make_list", x) * count)
    elif shape == ():
        copies = x.apply("np.full", count, x)
    elif made is not None and dtype == "float64" == own:
        return x.apply("np.zeros", with_count(count, x.apply("shape", made.operands[0])))
    else:
        copies = x.apply("np.tile", x, (count, *(1,) * len(shape)))
    return copies.apply("astype", copies, FLOAT64) if dtype == "float64" and own not in (None, dtype) else copies


def take_direction(x: Symbolic, t: Type, k: Symbolic) -> Symbolic:
    """What the stack `x` holds for direction `k`; `t` is the type of one direction.

    Raises
    ------
    NoStack
        Where `x` is a container that cannot be taken apart.
    """
    x = k.new(x.value)  # read where k is known
    if not is_differentiable(t):
        return x
    match t:
        case Scalar():
            return x[k]
        case Array() | Unknown() if isinstance(x.type, Array):
            part = x[k]
            one = Value(narrowed(part.type, t), None, part.value.origin)
            last = k.builder.statements.pop()
            assert isinstance(last, Apply)
            k.builder.emit(Apply(last.primitive, last.operands, one, last.origin))
            return k.new(one)
        case Tuple(items):
            return x.display(t, *(take_direction(x[i], item, k) for i, item in enumerate(items)))
        case Dict(entries) if entries is not None:
            parts = [part for key, item in entries for part in (key, take_direction(x[key], item, k))]
            return x.apply("make_dict", *parts)
        case List(item) if item is not None:
            count = x.apply("len", x)
            return comprehension(x, count, lambda i: [take_direction(i.new(x.value)[i], item, i.new(k.value))])[0]
        case _:
            raise NoStack(None, f"a stack of values of type {t} cannot be taken apart")
