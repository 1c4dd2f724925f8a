"""Products of arrays: where one factor is a zero that no input influences, what the other depends on does not count.

In: factors, each a content and the array of its names. Out: the names of the product. So the product of a banded
constant matrix and the inputs is banded.

>>> sets = Dependencies(3)
>>> a = np.diag([1.0, 2.0, 3.0])
>>> matmul(sets, (a, np.zeros((3, 3), dtype=int)), (np.ones(3), sets.inputs()))
array([2, 3, 4])
"""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters
from typing import Any

import numpy as np

from srcdiff.primitives.einsum import letters_of
from srcdiff.sparsity.dependencies import EMPTY, Dependencies, Names
from srcdiff.sparsity.shadows import Shadow, unbroadcast

Factor = tuple[Any, Names]

LIMIT = 5_000_000
"""Of the terms of one product of matrices; beyond it zeros are not looked at."""


def live(factor: Factor) -> Any:
    """Where a factor may be other than zero."""
    content, found = factor
    return (np.asarray(content) != 0) | (found != EMPTY)


def times(sets: Dependencies, a: Factor, b: Factor) -> Names:
    """The elementwise product, broadcast."""
    return sets.unite_arrays(np.where(live(b), a[1], EMPTY), np.where(live(a), b[1], EMPTY))


def matmul(sets: Dependencies, a: Factor, b: Factor) -> Names:
    """``a @ b`` by the rules of NumPy for vectors, matrices and stacks of matrices."""
    p, q = np.asarray(a[0]), np.asarray(b[0])
    left, right = _matrices(p, a[1], 0), _matrices(q, b[1], 1)
    batch = np.broadcast_shapes(left[0].shape[:-2], right[0].shape[:-2])
    first, second = _flattened(left, batch), _flattened(right, batch)
    shape = (left[0].shape[-2], right[0].shape[-1])
    pairs = zip(first[0], first[1], second[0], second[1], strict=True)
    products = [_contracted(sets, (x, m), (y, n)) for x, m, y, n in pairs]
    found = np.array(products, dtype=np.int64).reshape(*batch, *shape)
    if q.ndim == 1:
        found = found[..., 0]
    return found[..., 0] if p.ndim == 1 and q.ndim == 1 else found[..., 0, :] if p.ndim == 1 else found


def _matrices(content: Any, found: Names, axis: int) -> tuple[Any, Names]:
    if content.ndim > 1:
        return content, found
    return np.expand_dims(content, axis), np.expand_dims(found, axis)


def _flattened(factor: tuple[Any, Names], batch: tuple[int, ...]) -> tuple[Any, Names]:
    content, found = (np.broadcast_to(x, batch + x.shape[-2:]) for x in factor)
    count = int(np.prod(batch))
    return content.reshape(count, *content.shape[-2:]), found.reshape(count, *found.shape[-2:])


def _contracted(sets: Dependencies, a: Factor, b: Factor) -> Names:
    """The product of two matrices."""
    shape = (a[1].shape[0], b[1].shape[1])
    into = np.zeros(shape[0] * shape[1], dtype=np.int64)
    terms_a = _terms(a[1], live(b))
    terms_b = None if terms_a is None else _terms(b[1].T, live(a).T)
    if terms_a is None or terms_b is None:
        across = sets.unite_along(a[1], [1], keepdims=True), sets.unite_along(b[1], [0], keepdims=True)
        return np.array(np.broadcast_to(sets.unite_arrays(*across), shape))
    (i, j, m), (p, q, n) = terms_a, terms_b
    groups = np.concatenate([i * shape[1] + j, q * shape[1] + p])
    return sets.unite_groups(groups, np.concatenate([m, n]), into).reshape(shape)


def _terms(found: Names, other: Any) -> tuple[Names, Names, Names] | None:
    """For every set in ``found[i, k]`` and every j where ``other[k, j]``: i, j and the set. None for too many."""
    i, k = np.nonzero(found)
    inner, columns = np.nonzero(other)
    lengths = np.bincount(inner, minlength=other.shape[0])
    counts = lengths[k]
    total = int(counts.sum())
    if total > LIMIT:
        return None
    starts = (np.cumsum(lengths) - lengths)[k]
    which = np.repeat(np.arange(i.size), counts)
    within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    return i[which], columns[starts[which] + within], found[i, k][which]


def inner(sets: Dependencies, a: Factor, b: Factor) -> Names:
    """``np.inner``: contracted along the last axes."""
    if np.ndim(a[0]) == 0 or np.ndim(b[0]) == 0:
        return times(sets, a, b)
    width = np.shape(a[0])[-1]
    p, m = (np.reshape(x, (-1, width) if width else (int(np.prod(np.shape(x)[:-1])), 0)) for x in a)
    q, n = (np.reshape(x, (-1, width) if width else (int(np.prod(np.shape(x)[:-1])), 0)) for x in b)
    return _contracted(sets, (p, m), (q.T, n.T)).reshape(np.shape(a[0])[:-1] + np.shape(b[0])[:-1])


def einsum(sets: Dependencies, subscripts: str, factors: Sequence[Factor]) -> Names:
    """``np.einsum``, every axis of a letter."""
    parsed = letters_of(subscripts, [np.ndim(x) for x, _ in factors])
    assert parsed is not None, "the ranks of arrays are known"
    inputs, output = parsed
    sizes: dict[str, int] = {}
    for letters, (x, _) in zip(inputs, factors, strict=True):
        for c, size in zip(letters, np.shape(x), strict=True):
            # An axis of size 1 is stretched to that of the other operands.
            sizes[c] = size if sizes.get(c, 1) == 1 else sizes[c]
    summed = "".join(c for c in sizes if c not in output)
    if np.prod([float(s) for s in sizes.values()]) > LIMIT:
        return _einsum_without_contents(sets, inputs, output, sizes, factors)
    order = output + summed
    spread = [
        (_along(letters, order, np.asarray(x)), _along(letters, order, n))
        for letters, (x, n) in zip(inputs, factors, strict=True)
    ]
    shape = tuple(sizes[c] for c in order)
    nonzero = np.ones(shape, dtype=bool)
    for factor in spread:
        nonzero = nonzero & live(factor)
    total = np.zeros(shape, dtype=np.int64)
    for _, found in spread:
        total = sets.unite_arrays(total, np.where(nonzero, found, EMPTY))
    return sets.unite_along(total, range(len(output), len(order)))


def tensordot(sets: Dependencies, a: Factor, b: Factor, axes: Any) -> Names:
    """``np.tensordot``."""
    p, q = np.ndim(a[0]), np.ndim(b[0])
    if isinstance(axes, int):
        axes = (range(p - axes, p), range(axes))
    left, right = ([int(n) % rank for n in np.atleast_1d(x)] for x, rank in zip(axes, (p, q), strict=True))
    first = ascii_letters[:p]
    second = list(ascii_letters[p : p + q])
    for i, j in zip(left, right, strict=True):
        second[j] = first[i]
    output = [c for i, c in enumerate(first) if i not in left] + [c for j, c in enumerate(second) if j not in right]
    return einsum(sets, f"{first},{''.join(second)}->{''.join(output)}", (a, b))


def _along(letters: str, order: str, x: Any) -> Any:
    """An operand with an axis for each letter of `order`, of size 1 where it has no such axis."""
    own = "".join(c for c in order if c in letters)
    diagonal = np.einsum(f"{letters}->{own}", x)
    return np.expand_dims(diagonal, [i for i, c in enumerate(order) if c not in letters])


def _einsum_without_contents(
    sets: Dependencies, inputs: Sequence[str], output: str, sizes: dict[str, int], factors: Sequence[Factor]
) -> Names:
    total = np.zeros(tuple(sizes[c] for c in output), dtype=np.int64)
    for letters, (_, found) in zip(inputs, factors, strict=True):
        order = "".join(c for c in output if c in letters) + "".join(
            c for c in dict.fromkeys(letters) if c not in output
        )
        kept = sum(c in letters for c in output)
        reduced = sets.unite_along(np.einsum(f"{letters}->{order}", found), range(kept, len(order)))
        total = sets.unite_arrays(total, _along(order[:kept], output, reduced))
    return total


def matmul_left(sets: Dependencies, g: Factor, a: Factor, b: Factor) -> Shadow:
    """The adjoint of a in ``a @ b``: the helper of that name."""
    if np.ndim(a[0]) == 0 or np.ndim(b[0]) == 0:
        return unbroadcast(sets, times(sets, g, b), a[0])
    if np.ndim(b[0]) == 1:
        return unbroadcast(sets, times(sets, _expanded(g, -1), b), a[0])
    if np.ndim(a[0]) == 1:
        return unbroadcast(sets, sets.unite_along(times(sets, _expanded(g, -2), b), [-1]), a[0])
    return unbroadcast(sets, matmul(sets, g, _swapped(b)), a[0])


def matmul_right(sets: Dependencies, g: Factor, a: Factor, b: Factor) -> Shadow:
    """The adjoint of b in ``a @ b``."""
    if np.ndim(a[0]) == 0 or np.ndim(b[0]) == 0:
        return unbroadcast(sets, times(sets, g, a), b[0])
    if np.ndim(b[0]) == 1:
        return unbroadcast(sets, times(sets, _expanded(g, -1), a), b[0])
    if np.ndim(a[0]) == 1:
        return unbroadcast(sets, times(sets, _expanded(g, -2), _expanded(a, -1)), b[0])
    return unbroadcast(sets, matmul(sets, _swapped(a), g), b[0])


def _expanded(factor: Factor, axis: int) -> Factor:
    return np.expand_dims(factor[0], axis), np.expand_dims(factor[1], axis)


def _swapped(factor: Factor) -> Factor:
    return np.swapaxes(factor[0], -1, -2), np.swapaxes(factor[1], -1, -2)
