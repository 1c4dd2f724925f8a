"""Compressed evaluation: a sparse matrix from as many directions as its colouring has colours, and one to check it.

In: a plan (a pattern, coloured) and functions that take a stack of directions to the stack of their images. Out: the
entries of the matrix, and whether the matrix times a random direction is what the function says it is.

>>> from srcdiff.sparsity.colouring import tridiagonal
>>> from srcdiff.sparsity.plans import planned
>>> matrix = np.diag([1.0, 2.0, 3.0, 4.0]) + np.diag([5.0, 6.0, 7.0], 1)
>>> plan = planned(*tridiagonal(4), 4, "auto")
>>> data, verdict = evaluated(plan, lambda sweep: lambda seeds: seeds @ matrix.T, np.dtype(float))
>>> plan.count, data.tolist(), verdict
(3, [1.0, 5.0, 0.0, 2.0, 6.0, 0.0, 3.0, 7.0, 0.0, 4.0], 'agrees')
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from srcdiff.sparsity.dependencies import Names
from srcdiff.sparsity.plans import Part, Plan, Sweep

Stack = np.ndarray[Any, np.dtype[np.floating[Any]]]
Directions = Callable[[Stack], Stack]
"""From seeds of shape (directions, inputs) to their images, of shape (directions, outputs)."""

Verdict = Literal["agrees", "unknown", "close", "differs"]
"""Of the check, best first: equal to rounding; not comparable, since there are values that are not finite; equal to
half the digits, or but for entries that are rounding errors of the largest; different."""

VERDICTS: tuple[Verdict, ...] = ("agrees", "unknown", "close", "differs")

CHUNK = 2**24
"""So many numbers are in a stack of seeds or images, at most."""


def evaluated(plan: Plan, directions: Callable[[Sweep], Directions], dtype: np.dtype[Any]) -> tuple[Stack, Verdict]:
    """The entries of the matrix in the order of the pattern, and the verdict of the check.

    Parameters
    ----------
    directions
        For each kind of sweep, what it does to a stack of seeds.
    dtype
        Of the inputs: that of the seeds.

    Returns
    -------
    tuple
        ``(data, verdict)``; of several verdicts the worst.
    """
    found = [_part(part, directions(part.sweep), plan.shape, dtype) for part in plan.parts]
    data = np.zeros(plan.indices.size, dtype=np.result_type(*(values for values, _ in found)))
    for part, (values, _) in zip(plan.parts, found, strict=True):
        data[part.entries] = values
    return data, max((verdict for _, verdict in found), key=VERDICTS.index)


def _part(part: Part, directions: Directions, shape: tuple[int, int], dtype: np.dtype[Any]) -> tuple[Stack, Verdict]:
    width = _width(shape)
    order = np.argsort(part.colour, kind="stable")
    in_order = part.colour[order]
    pieces = []
    for start in range(0, part.count + 1, width):
        stop = min(start + width, part.count + 1)
        seeds = part.seeds(start, stop, dtype)
        images = directions(seeds)
        chosen = order[slice(*np.searchsorted(in_order, [start, stop]))]
        pieces.append(images[part.colour[chosen] - start, part.place[chosen]])
    found = np.concatenate(pieces)
    data = np.empty_like(found)
    data[order] = found
    return data, _verdict(part, data, seeds[-1], images[-1])


def _width(shape: tuple[int, int]) -> int:
    """How many directions are taken at once."""
    return max(1, CHUNK // max(1, *shape))


def _verdict(part: Part, data: Stack, probe: Stack, image: Stack) -> Verdict:
    precision = np.finfo(np.result_type(np.float32 if probe.dtype == np.float32 else image.dtype, np.float32))
    eps, tiny = float(precision.eps), float(precision.tiny)
    with np.errstate(all="ignore"):
        wide, direction, expected = data.astype(float), probe.astype(float), image.astype(float)
        product = part.products(wide, direction)
        scale = part.products(np.abs(wide), np.abs(direction)) + np.abs(expected)
        finite = np.isfinite(scale) & np.isfinite(product)
        known = finite & part.watched
        error = np.where(known, np.abs(product - expected), 0.0)
        if np.all(error <= eps ** (2 / 3) * scale + tiny, where=known):
            return "agrees" if np.all(finite, where=part.watched) else "unknown"
        largest = scale[known].max(initial=0.0)
        return "close" if np.all(error <= eps**0.5 * scale + 64 * eps * largest, where=known) else "differs"


def dense_entries(directions: Directions, shape: tuple[int, int], dtype: np.dtype[Any]) -> tuple[Names, Names, Stack]:
    """Every entry that is not zero, a direction for each column: rows, columns and values."""
    rows, places, values = [], [], []
    columns, width = shape[1], _width(shape)
    for start in range(0, columns, width):
        count = min(width, columns - start)
        seeds = np.zeros((count, columns), dtype=dtype)
        seeds[np.arange(count), start + np.arange(count)] = 1.0
        images = directions(seeds)
        column, row = np.nonzero(images)
        rows.append(row)
        places.append(start + column)
        values.append(images[column, row])
    return np.concatenate(rows), np.concatenate(places), np.concatenate(values)
