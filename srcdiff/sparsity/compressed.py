"""Compressed evaluation: a sparse matrix from as many directions as its colouring has colours, and one to check it.

In: a plan (a pattern, coloured) and a function that takes a stack of directions to the stack of their images. Out: the
entries of the matrix, and whether the matrix times a random direction is what the function says it is.

>>> from srcdiff.sparsity.colouring import tridiagonal
>>> matrix = np.diag([1.0, 2.0, 3.0, 4.0]) + np.diag([5.0, 6.0, 7.0], 1)
>>> plan = Plan.of_columns(*tridiagonal(4), 4)
>>> data, verdict = evaluated(plan, lambda seeds: seeds @ matrix.T, np.dtype(float))
>>> plan.count, data.tolist(), verdict
(3, [1.0, 5.0, 0.0, 2.0, 6.0, 0.0, 3.0, 7.0, 0.0, 4.0], 'agrees')
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from srcdiff.sparsity.colouring import Colours, colour_columns, colour_symmetric, recovery, transposed
from srcdiff.sparsity.dependencies import Names

Stack = np.ndarray[Any, np.dtype[np.floating[Any]]]
Directions = Callable[[Stack], Stack]
"""From seeds of shape (directions, inputs) to their images, of shape (directions, outputs)."""

Took = Literal["forward", "reverse", "symmetric", "dense"]
Verdict = Literal["agrees", "close", "differs", "unknown"]
"""Of the check: equal to rounding; equal to half the digits, or but for entries that are rounding errors of the
largest; different; not comparable, since there are values that are not finite."""

CHUNK = 2**24
"""So many numbers are in a stack of seeds or images, at most."""


@dataclass(frozen=True)
class Plan:
    """How a matrix is evaluated.

    `indptr` and `indices` are its pattern; `colours` those of its columns, or of its rows where `took` is "reverse";
    entry k is found at ``images[colour[k], place[k]]``. `probe` is the random direction of the check.
    """

    took: Took
    shape: tuple[int, int]
    indptr: Names
    indices: Names
    colours: Colours
    place: Names
    colour: Names
    probe: Stack

    @property
    def count(self) -> int:
        """The number of colours."""
        return int(self.colours.max(initial=-1)) + 1 if self.indices.size else 0

    @classmethod
    def of_columns(cls, indptr: Names, indices: Names, columns: int) -> Plan:
        """A direction for each colour of the columns: forward mode."""
        colours = colour_columns(indptr, indices, columns)
        return cls._made("forward", (len(indptr) - 1, columns), indptr, indices, colours)

    @classmethod
    def of_rows(cls, indptr: Names, indices: Names, columns: int) -> Plan:
        """A direction for each colour of the rows: reverse mode."""
        rows = len(indptr) - 1
        colours = colour_columns(*transposed(indptr, indices, columns), rows)
        return cls._made("reverse", (rows, columns), indptr, indices, colours)

    @classmethod
    def of_symmetric(cls, indptr: Names, indices: Names) -> Plan:
        """A direction for each colour of a star colouring; the pattern is symmetric."""
        n = len(indptr) - 1
        return cls._made("symmetric", (n, n), indptr, indices, colour_symmetric(indptr, indices))

    @classmethod
    def _made(cls, took: Took, shape: tuple[int, int], indptr: Names, indices: Names, colours: Colours) -> Plan:
        rows, columns = np.repeat(np.arange(shape[0]), np.diff(indptr)), indices
        if took == "reverse":
            rows, columns = columns, rows
        place, colour = recovery(rows, columns, colours, took == "symmetric")
        # Away from zero, so that no entry escapes the check.
        random = np.random.default_rng(0)
        size = shape[0] if took == "reverse" else shape[1]
        probe = random.uniform(0.5, 1.5, size) * random.choice([-1.0, 1.0], size)
        return cls(took, shape, indptr, indices, colours, place, colour, probe)

    def seeds(self, start: int, stop: int, dtype: np.dtype[Any]) -> Stack:
        """The directions for the colours from `start` to `stop`; beyond the last colour comes the probe."""
        stack = np.zeros((stop - start, self.probe.size), dtype=dtype)
        chosen = np.flatnonzero((self.colours >= start) & (self.colours < stop))
        stack[self.colours[chosen] - start, chosen] = 1.0
        if stop > self.count:
            stack[-1] = self.probe
        return stack

    def products(self, data: Stack, vector: Stack) -> Stack:
        """The matrix with these entries times a vector; from the left where rows are coloured."""
        rows = np.repeat(np.arange(self.shape[0]), np.diff(self.indptr))
        out, given = (self.indices, rows) if self.took == "reverse" else (rows, self.indices)
        size = self.shape[1] if self.took == "reverse" else self.shape[0]
        return np.bincount(out, weights=data * vector[given], minlength=size).astype(float)


def evaluated(plan: Plan, directions: Directions, dtype: np.dtype[Any]) -> tuple[Stack, Verdict]:
    """The entries of the matrix in the order of the pattern, and the verdict of the check.

    Parameters
    ----------
    dtype
        Of the inputs: that of the seeds.

    Returns
    -------
    tuple
        ``(data, verdict)``.
    """
    width = _width(plan.shape)
    order = np.argsort(plan.colour, kind="stable")
    sorted_colours = plan.colour[order]
    parts = []
    for start in range(0, plan.count + 1, width):
        stop = min(start + width, plan.count + 1)
        seeds = plan.seeds(start, stop, dtype)
        images = directions(seeds)
        entries = order[slice(*np.searchsorted(sorted_colours, [start, stop]))]
        parts.append(images[plan.colour[entries] - start, plan.place[entries]])
    found = np.concatenate(parts)
    data = np.empty_like(found)
    data[order] = found
    return data, _verdict(plan, data, seeds[-1], images[-1])


def _width(shape: tuple[int, int]) -> int:
    """How many directions are taken at once."""
    return max(1, CHUNK // max(1, *shape))


def _verdict(plan: Plan, data: Stack, probe: Stack, image: Stack) -> Verdict:
    precision = np.finfo(np.result_type(np.float32 if probe.dtype == np.float32 else image.dtype, np.float32))
    eps, tiny = float(precision.eps), float(precision.tiny)
    with np.errstate(all="ignore"):
        wide, direction, expected = data.astype(float), probe.astype(float), image.astype(float)
        product = plan.products(wide, direction)
        scale = plan.products(np.abs(wide), np.abs(direction)) + np.abs(expected)
        known = np.isfinite(scale) & np.isfinite(product)
        error = np.where(known, np.abs(product - expected), 0.0)
        if np.all(error <= eps ** (2 / 3) * scale + tiny, where=known):
            return "agrees" if np.all(known) else "unknown"
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
