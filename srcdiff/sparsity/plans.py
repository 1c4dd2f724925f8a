"""How a sparse matrix is evaluated: which directions are taken, and where each entry is found.

In: a pattern, as the rows of a sparse matrix. Out: a `Plan` of one part, or of two: few rows that are nearly full would
make every column differ from every other; computed by reverse sweeps of their own, they are in nobody's way. The same
holds for full columns and forward sweeps (Coleman and Verma, "The efficient computation of sparse Jacobian matrices
using automatic differentiation", SIAM J. Sci. Comput. 19, 1998, where rows and columns are mixed more freely).

>>> from srcdiff.sparsity.colouring import tridiagonal
>>> plan = planned(*tridiagonal(6), 6, "auto")
>>> plan.took, plan.count
('forward', 3)
>>> arrow = [[0, 1, 2, 3, 4, 5], [0, 1], [0, 2], [0, 3], [0, 4], [0, 5]]
>>> plan = planned(np.cumsum([0, *map(len, arrow)]), np.concatenate(arrow), 6, "auto")
>>> plan.took, plan.count
('both', 3)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from srcdiff.sparsity.colouring import Colours, colour_columns, colour_symmetric, recovery, transposed
from srcdiff.sparsity.dependencies import Names

Mode = Literal["forward", "reverse", "auto"]
Sweep = Literal["forward", "reverse", "symmetric"]
Took = Literal["forward", "reverse", "symmetric", "both", "dense"]
Vector = np.ndarray[Any, np.dtype[np.floating[Any]]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Part:
    """The entries that are found by one kind of sweep.

    Entry k of the part is entry ``entries[k]`` of the matrix, in row ``rows[k]`` and column ``columns[k]``, and is
    found at ``images[colour[k], place[k]]``. `colours` are those of the inputs of the sweep, -1 for what has no
    entry. `probe` is the random direction of the check, and `watched` says which of its image's numbers are compared.
    """

    sweep: Sweep
    entries: Names
    rows: Names
    columns: Names
    colours: Colours
    place: Names
    colour: Names
    probe: Vector
    watched: Mask

    @property
    def count(self) -> int:
        """The number of colours."""
        return int(self.colours.max(initial=-1)) + 1

    def seeds(self, start: int, stop: int, dtype: np.dtype[Any]) -> Vector:
        """The directions for the colours from `start` to `stop`; beyond the last colour comes the probe."""
        stack = np.zeros((stop - start, self.probe.size), dtype=dtype)
        chosen = np.flatnonzero((self.colours >= start) & (self.colours < stop))
        stack[self.colours[chosen] - start, chosen] = 1.0
        if stop > self.count:
            stack[-1] = self.probe
        return stack

    def products(self, data: Vector, vector: Vector) -> Vector:
        """What the matrix with these entries makes of a vector."""
        out, given = (self.columns, self.rows) if self.sweep == "reverse" else (self.rows, self.columns)
        return np.bincount(out, weights=data * vector[given], minlength=self.watched.size).astype(float)


@dataclass(frozen=True)
class Plan:
    """A pattern, and the parts that together hold its entries."""

    shape: tuple[int, int]
    indptr: Names
    indices: Names
    parts: tuple[Part, ...]

    @property
    def count(self) -> int:
        """The number of colours."""
        return sum(part.count for part in self.parts)

    @property
    def took(self) -> Took:
        return self.parts[0].sweep if len(self.parts) == 1 else "both"


def planned(indptr: Names, indices: Names, columns: int, mode: Mode) -> Plan:
    """The plan for a Jacobian with as few colours as are found."""
    pattern = _Pattern(indptr, indices, (len(indptr) - 1, columns))
    if mode == "reverse":
        return pattern.plan(pattern.part("reverse"))
    best = pattern.part("forward")
    if mode == "forward":
        return pattern.plan(best)
    if pattern.lengths("columns").max(initial=0) < best.count:
        by_rows = pattern.part("reverse")
        best = by_rows if by_rows.count < best.count else best
    return _mixed(pattern, best.count) or pattern.plan(best)


def planned_symmetric(indptr: Names, indices: Names) -> Plan:
    """The plan for a Hessian, whose pattern is symmetric."""
    pattern = _Pattern(indptr, indices, (len(indptr) - 1,) * 2)
    return pattern.plan(pattern.part("symmetric"))


def _mixed(pattern: _Pattern, fewest: int) -> Plan | None:
    """A plan of two parts that takes at most half of the colours, if there is one."""
    best: Plan | None = None
    sweeps: tuple[tuple[str, Sweep, Sweep], ...] = (("rows", "reverse", "forward"), ("columns", "forward", "reverse"))
    for side, own, other in sweeps:
        lengths = pattern.lengths(side)
        longest = lengths.max(initial=0)
        limit = 1
        while limit < longest:
            full = lengths > limit
            chosen = full[pattern.rows if side == "rows" else pattern.indices]
            across = pattern.lengths("columns" if side == "rows" else "rows", chosen)
            # So many colours there are at least.
            if 2 * (lengths[~full].max(initial=0) + across.max(initial=0)) <= fewest:
                parts = pattern.part(own, chosen, alone=True), pattern.part(other, ~chosen, watched=~full)
                plan = pattern.plan(*parts)
                if 2 * plan.count <= fewest and (best is None or plan.count < best.count):
                    best = plan
            limit *= 2
    return best


@dataclass(frozen=True)
class _Pattern:
    indptr: Names
    indices: Names
    shape: tuple[int, int]

    @property
    def rows(self) -> Names:
        return np.repeat(np.arange(self.shape[0]), np.diff(self.indptr))

    def lengths(self, side: str, chosen: Mask | None = None) -> Names:
        """How many (of the chosen) entries each row or column has."""
        places, size = (self.rows, self.shape[0]) if side == "rows" else (self.indices, self.shape[1])
        return np.bincount(places if chosen is None else places[chosen], minlength=size)

    def plan(self, *parts: Part) -> Plan:
        return Plan(self.shape, self.indptr, self.indices, parts)

    def part(self, sweep: Sweep, chosen: Mask | None = None, watched: Mask | None = None, alone: bool = False) -> Part:
        """The part of the chosen entries (by default all).

        `watched`: the numbers of an image that only chosen entries contribute to. `alone`: the inputs that have chosen
        entries have no others, so that these alone are in the probe.
        """
        entries = np.arange(self.indices.size) if chosen is None else np.flatnonzero(chosen)
        rows, columns = self.rows[entries], self.indices[entries]
        indptr = np.zeros(self.shape[0] + 1, dtype=np.int64)
        np.cumsum(np.bincount(rows, minlength=self.shape[0]), out=indptr[1:])
        inputs, outputs = (rows, columns) if sweep == "reverse" else (columns, rows)
        size, length = self.shape if sweep == "reverse" else self.shape[::-1]
        if sweep == "symmetric":
            colours = colour_symmetric(indptr, columns)
        elif sweep == "forward":
            colours = colour_columns(indptr, columns, size)
        else:
            colours = colour_columns(*transposed(indptr, columns, length), size)
        used = np.zeros(size, dtype=bool)
        used[inputs] = True
        colours[~used] = -1
        place, colour = recovery(outputs, inputs, colours, sweep == "symmetric")
        # Away from zero, so that no entry escapes the check.
        random = np.random.default_rng(0)
        probe = random.uniform(0.5, 1.5, size) * random.choice([-1.0, 1.0], size)
        if alone:
            probe[~used] = 0.0
        everything = np.ones(length, dtype=bool)
        return Part(
            sweep, entries, rows, columns, colours, place, colour, probe, everything if watched is None else watched
        )
