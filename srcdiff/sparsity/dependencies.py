"""Sets of inputs, one for every number of a computation: named by integers, united lazily.

In: unions of sets that are named by integers, one at a time or for whole arrays of them. Out: the sets themselves,
asked for at the end. An array of numbers has an array of such names beside it, of the same shape, so what moves the
numbers about (a slice, a transpose, a concatenation) moves the names as it is. The name 0 is the empty set, and
therefore arrays of zeros and triangles filled up with zeros are right as they stand.

>>> sets = Dependencies(3)
>>> x = sets.inputs()
>>> y = sets.unite_arrays(x[1:], x[:-1])
>>> indptr, indices = sets.rows(y)
>>> indptr.tolist(), indices.tolist()
([0, 2, 4], [0, 1, 1, 2])
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

Names = np.ndarray[Any, np.dtype[np.int64]]

EMPTY = 0
"""Of a number that no input has any influence on."""

VARIES = 1
"""Of a number without a derivative that nevertheless changes with the inputs (a comparison, a sign): an empty set too,
but a zero that varies cuts nothing off."""


class Dependencies:
    """The sets that occur in one run of a program with `count` inputs."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._first = count + 2
        self._parts: list[tuple[int, ...]] = []
        """What the sets from `_first` on are the union of."""

    def inputs(self) -> Names:
        """The names of the sets of one input each."""
        return np.arange(2, self._first)

    def unite(self, a: int, b: int) -> int:
        """The union of two sets."""
        low, high = (a, b) if a < b else (b, a)
        if low <= VARIES or low == high:
            return high
        self._parts.append((low, high))
        return self._first + len(self._parts) - 1

    def unite_all(self, names: Iterable[int]) -> int:
        """The union of any number of sets."""
        distinct = set(names)
        varies = VARIES in distinct
        distinct -= {EMPTY, VARIES}
        if len(distinct) < 2:
            return distinct.pop() if distinct else VARIES if varies else EMPTY
        self._parts.append(tuple(distinct))
        return self._first + len(self._parts) - 1

    def unite_arrays(self, a: Names | int, b: Names | int) -> Names:
        """The unions of two arrays of sets, element by element, broadcast against each other."""
        low, high = np.minimum(a, b), np.maximum(a, b)
        new = (low > VARIES) & (low != high)
        count = int(np.count_nonzero(new))
        if count:
            start = self._first + len(self._parts)
            self._parts.extend(zip(low[new].tolist(), high[new].tolist(), strict=True))
            high = np.array(high)
            high[new] = np.arange(start, start + count)
        return np.asarray(high)

    def unite_along(self, names: Names, axes: Sequence[int], keepdims: bool = False) -> Names:
        """The unions along axes of an array of sets."""
        axes = [a % names.ndim for a in axes]
        rest = [a for a in range(names.ndim) if a not in axes]
        moved = np.transpose(names, [*rest, *axes])
        shape = moved.shape[: len(rest)]
        rows = moved.reshape(int(np.prod(shape)), -1 if moved.size else 0)
        united: Names
        if rows.shape[1] == 1:
            united = rows[:, 0].copy()
        else:
            united = np.array([self.unite_all(row) for row in rows.tolist()], dtype=np.int64)
        if keepdims:
            shape = tuple(1 if a in axes else size for a, size in enumerate(names.shape))
        return np.reshape(united, shape)

    def unite_groups(self, groups: Names, names: Names, into: Names) -> Names:
        """`into` (of one dimension), where each set i is united with those of `names` whose group is i."""
        used = names != EMPTY
        groups, names = groups[used], names[used]
        order = np.argsort(groups, kind="stable")
        groups, names = groups[order], names[order]
        targets, starts = np.unique(groups, return_index=True)
        result: Names = into.copy()
        if targets.size == groups.size:
            result[targets] = self.unite_arrays(into[targets], names)
            return result
        found, stops = names.tolist(), [*starts[1:].tolist(), groups.size]
        for target, start, stop in zip(targets.tolist(), starts.tolist(), stops, strict=True):
            result[target] = self.unite_all([*found[start:stop], int(into[target])])
        return result

    def rows(self, names: Names) -> tuple[Names, Names]:
        """The sets as the rows of a sparse matrix.

        Returns
        -------
        tuple
            ``(indptr, indices)``: row i holds ``indices[indptr[i]:indptr[i + 1]]``, in ascending order.
        """
        wanted = [int(n) for n in names.ravel()]
        sets = _Sets(self.count)
        found = self._resolved(wanted, sets)
        rows = [sets.indices(found[n]) if n >= self._first else sets.single(n) for n in wanted]
        indptr = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([row.size for row in rows], out=indptr[1:])
        return indptr, np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)

    def _resolved(self, wanted: Sequence[int], sets: _Sets) -> dict[int, Any]:
        """The contents of the sets that are wanted; those on the way are dropped after their last use."""
        first = self._first
        uses = [0] * (first + len(self._parts))
        for name in wanted:
            uses[name] += 1
        for name in range(len(uses) - 1, first - 1, -1):
            if uses[name]:
                for part in self._parts[name - first]:
                    uses[part] += 1
        found: dict[int, Any] = {}
        for name in range(first, len(uses)):
            if not uses[name]:
                continue
            parts = self._parts[name - first]
            found[name] = sets.union([p - 2 for p in parts if p < first], [found[p] for p in parts if p >= first])
            for part in parts:
                uses[part] -= 1
                if part >= first and not uses[part]:
                    del found[part]
        return found


class _Sets:
    """Sets of integers below `count`: small ones as Python sets, large ones as the bits of an integer.

    A set of a thousand integers takes some forty kilobytes, the bits of ten thousand inputs one and a quarter.
    """

    def __init__(self, count: int) -> None:
        self._bytes = count // 8 + 1
        self._large = 64 + count // 64

    def union(self, members: list[int], others: list[set[int] | int]) -> set[int] | int:
        small = [s for s in others if isinstance(s, set)]
        bits = [b for b in others if isinstance(b, int)]
        united = set(members).union(*small)
        if not bits and len(united) <= self._large:
            return united
        field = bytearray(self._bytes)
        for i in united:
            field[i >> 3] |= 1 << (i & 7)
        result = int.from_bytes(field, "little")
        for b in bits:
            result |= b
        return result

    def single(self, name: int) -> Names:
        return np.array([name - 2] if name >= 2 else [], dtype=np.int64)

    def indices(self, content: set[int] | int) -> Names:
        if isinstance(content, set):
            return np.array(sorted(content), dtype=np.int64)
        field = np.frombuffer(content.to_bytes(self._bytes, "little"), dtype=np.uint8)
        return np.flatnonzero(np.unpackbits(field, bitorder="little"))
