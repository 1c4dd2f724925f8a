"""The subscripts of `np.einsum`: every axis by a letter.

In: the text of the subscripts and the ranks of the operands. Out: the letters of each operand and of the result, with
`...` written out and an implicit result made explicit, and the primitives.

>>> letters_of("...ij,...jk", (3, 2))
(['aij', 'jk'], 'aik')
>>> letters_of("ii->i", (2,)), letters_of("...i", (None,))
((['ii'], 'i'), None)
"""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters
from typing import Any

import numpy as np

from srcdiff.ir.core import Constant, Primitive, Value
from srcdiff.ir.types import UNKNOWN, Dimension, Scalar, Type
from srcdiff.primitives.inference import (
    InferenceError,
    Shape,
    ShapeError,
    array_or_scalar,
    broadcast_dimension,
    primitive,
    promote,
    require_numeric,
    shape_of_type,
)

Letters = tuple[list[str], str]


def letters_of(text: str, ranks: Sequence[int | None]) -> Letters | None:
    """The letters of each operand, and those of the result; None where there is a `...` for unknown ranks."""
    text = text.replace(" ", "")
    left, arrow, right = text.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(ranks):
        raise InferenceError(f"np.einsum has {len(inputs)} terms in its subscripts and {len(ranks)} operands")
    if not arrow:
        once = sorted(c for c in set(left) if c.isalpha() and left.count(c) == 1)
        right = ("..." if "..." in left else "") + "".join(once)
    for term in (*inputs, right):
        if not all(c in ascii_letters for c in term.replace("...", "", 1)):
            raise InferenceError(f"np.einsum: {term!r} is not made of letters and at most one '...'")
    if "..." in text:
        hidden = _hidden(inputs, ranks)
        if hidden is None:
            return None
        unused = [c for c in ascii_letters if c not in text]
        extra = "".join(unused[: max(hidden)])
        if extra and "..." not in right:
            raise ShapeError("np.einsum: the result has no '...', and there are axes that it stands for")
        inputs = [t.replace("...", extra[len(extra) - n :]) for t, n in zip(inputs, hidden, strict=True)]
        right = right.replace("...", extra)
    if not set(right) <= set("".join(inputs)) or len(set(right)) != len(right):
        raise InferenceError(f"np.einsum: the result {right!r} does not follow from {left!r}")
    return inputs, right


def _hidden(inputs: Sequence[str], ranks: Sequence[int | None]) -> list[int] | None:
    """How many axes '...' stands for in each operand."""
    found: list[int] = []
    for term, rank in zip(inputs, ranks, strict=True):
        if "..." not in term:
            found.append(0)
        elif rank is None:
            return None
        elif rank < len(term) - 3:
            raise ShapeError(f"np.einsum: {term!r} names more axes than the {rank} of the operand")
        else:
            found.append(rank - len(term) + 3)
    return found


def ranks_of(operands: Sequence[Any]) -> list[int | None]:
    """The ranks of operands (values, or what wraps them): None where one is not known."""
    shapes = [shape_of_type(o.type) for o in operands]
    return [None if s is None else len(s) for s in shapes]


def parse_einsum(subscripts: Value, operands: Sequence[Any]) -> Letters | None:
    """`letters_of` for an operand that holds the subscripts."""
    if not isinstance(subscripts, Constant) or not isinstance(subscripts.value, str):
        raise InferenceError(
            "the subscripts of np.einsum are a string written in the call; the form with lists of axis numbers is "
            "not supported"
        )
    return letters_of(subscripts.value, ranks_of(operands))


def letter_sizes(inputs: Sequence[str], operands: Sequence[Any]) -> dict[str, Dimension]:
    """The dimension that each letter stands for: axes of size 1 are stretched."""
    sizes: dict[str, Dimension] = {}
    for letters, operand in zip(inputs, operands, strict=True):
        for letter, d in zip(letters, dimensions(operand, letters), strict=True):
            sizes[letter] = broadcast_dimension(sizes[letter], d) if letter in sizes else d
    return sizes


def dimensions(operand: Any, letters: str) -> Shape:
    """The dimensions of an operand whose axes have these letters."""
    shape = shape_of_type(operand.type)
    if shape is None:
        return (None,) * len(letters)
    if len(shape) != len(letters):
        raise ShapeError(f"np.einsum: {letters!r} names {len(letters)} axes of {len(shape)}")
    return shape


def _einsum(subscripts: Value, *operands: Value) -> Type:
    require_numeric("np.einsum", *operands)
    parsed = parse_einsum(subscripts, operands)
    if parsed is None:
        return UNKNOWN
    inputs, output = parsed
    sizes = letter_sizes(inputs, operands)
    return array_or_scalar(promote(operands), tuple(sizes[c] for c in output))


def _product(optimize: Value, subscripts: Value, *operands: Value) -> Type:
    t = _einsum(subscripts, *operands)
    plain = isinstance(optimize, Constant) and optimize.value is False
    # A number may come as an array without axes where the product is taken in several steps.
    return UNKNOWN if isinstance(t, Scalar) and not plain else t


def _evaluate_product(optimize: Any, subscripts: str, *operands: Any) -> Any:
    return np.einsum(subscripts, *operands, optimize=optimize)


EINSUM: dict[str, Primitive] = {
    p.name: p
    for p in (
        primitive("np.einsum", "subscripts operands", _einsum, np.einsum, variadic=True, views=(1,)),
        primitive("einsum_product", "optimize subscripts operands", _product, _evaluate_product, variadic=True),
    )
}
"""`einsum_product` is `np.einsum` of two operands or more, whose result is no view, with what `optimize=` says."""
