"""Colours for the columns or rows of a sparse matrix, so that those of one colour can be computed in one direction.

In: a pattern, as the rows of a sparse matrix (``indptr``, ``indices``). Out: a colour for each column (of a general
matrix) or for each row and column (of a symmetric one).

For a Jacobian two columns with a non-zero in the same row differ: then every entry stands alone in its row among the
columns of its colour. This is a distance-2 colouring of the bipartite graph of rows and columns (Gebremedhin, Manne
and Pothen, "What color is your Jacobian? Graph coloring for computing derivatives", SIAM Review 47, 2005; Coleman and
Moré, "Estimation of sparse Jacobian matrices and graph coloring problems", SIAM J. Numer. Anal. 20, 1983). For a
Hessian symmetry makes do with less: a star colouring, in which neighbours differ and no path of four vertices has
only two colours; then of the two places of an entry one stands alone (Coleman and Moré 1984; Gebremedhin, Tarafdar,
Manne and Pothen, "New acyclic and star coloring algorithms with application to computing Hessians", SIAM J. Sci.
Comput. 29, 2007).

The least number of colours is NP-hard to find. Greedy colouring is done in the order as given and in that of falling
degree, and the better result is kept. There is no maintained library of these colourings for Python without a runtime
of another language or framework beside it; the algorithms are short.

>>> colour_columns(*tridiagonal(5), 5).tolist(), colour_symmetric(*tridiagonal(5)).tolist()
([0, 1, 2, 0, 1], [0, 1, 0, 2, 0])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from srcdiff.sparsity.dependencies import Names

Colours = Names


def tridiagonal(n: int) -> tuple[Names, Names]:
    """The pattern of a tridiagonal matrix."""
    rows = [[j for j in (i - 1, i, i + 1) if 0 <= j < n] for i in range(n)]
    return np.cumsum([0, *map(len, rows)]), np.array([j for row in rows for j in row], dtype=np.int64)


def transposed(indptr: Names, indices: Names, columns: int) -> tuple[Names, Names]:
    """The pattern of the transposed matrix, which has as many rows as this one has columns."""
    rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    order = np.argsort(indices, kind="stable")
    starts = np.zeros(columns + 1, dtype=np.int64)
    np.cumsum(np.bincount(indices, minlength=columns), out=starts[1:])
    return starts, rows[order]


def colour_columns(indptr: Names, indices: Names, columns: int) -> Colours:
    """A colour for each column, such that two columns with an entry in the same row differ.

    An empty column has colour 0. Rows are coloured as the columns of the transposed pattern.
    """
    starts, rows = transposed(indptr, indices, columns)
    lists = [rows[a:b].tolist() for a, b in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)]
    # As many columns as there are entries in the same rows, repetitions counted, are in the way of a column.
    lengths = np.diff(indptr)
    degrees = np.bincount(indices, weights=np.repeat(lengths, lengths), minlength=columns)
    fewest = int(lengths.max(initial=0))
    return _best(degrees, fewest, lambda order: _greedy_columns(lists, len(indptr) - 1, order))


def _best(degrees: Sequence[float] | Names, fewest: int, colour: Callable[[list[int]], Colours]) -> Colours:
    """The better of the colourings in the given order and in that of falling degree."""
    first = colour(list(range(len(degrees))))
    if int(first.max(initial=-1)) + 1 <= fewest:
        return first
    second = colour(np.argsort(-np.asarray(degrees), kind="stable").tolist())
    return second if second.max(initial=-1) < first.max(initial=-1) else first


def _greedy_columns(lists: list[list[int]], rows: int, order: list[int]) -> Colours:
    """Each column in turn gets the first colour that no row of it has; the colours of a row are bits of an integer."""
    used = [0] * rows
    colours = np.zeros(len(lists), dtype=np.int64)
    for column in order:
        taken = 0
        for row in lists[column]:
            taken |= used[row]
        bit = ~taken & (taken + 1)
        for row in lists[column]:
            used[row] |= bit
        colours[column] = bit.bit_length() - 1
    return colours


def colour_symmetric(indptr: Names, indices: Names) -> Colours:
    """A star colouring of the graph of a symmetric pattern; whether the diagonal is in it makes no difference."""
    pairs = zip(indptr[:-1].tolist(), indptr[1:].tolist(), strict=True)
    around = [[j for j in indices[a:b].tolist() if j != i] for i, (a, b) in enumerate(pairs)]
    degrees = [len(neighbours) for neighbours in around]
    return _best(degrees, 1 + any(degrees), lambda order: _greedy_star(around, order))


def _greedy_star(around: list[list[int]], order: list[int]) -> Colours:
    """Each vertex in turn gets the first colour that closes no path of four vertices in two colours.

    For every vertex the colours of its coloured neighbours are kept, each with one of the neighbours and their number.
    """
    number: list[dict[int, int]] = [{} for _ in around]
    one: list[dict[int, int]] = [{} for _ in around]
    colours = np.full(len(around), -1, dtype=np.int64)
    own = [-1] * len(around)
    for v in order:
        forbidden = set()
        for w in around[v]:
            c = own[w]
            if c < 0:
                continue
            forbidden.add(c)
            if number[v][c] > 1:
                # v in the middle: w, v and another neighbour with the colour of w. What is beyond w may not have the
                # colour of v.
                forbidden.update(number[w])
                continue
            # v at the end: v, w, x and another neighbour of x with the colour of w. Where w has several neighbours of
            # one colour, none of them has a second neighbour of the colour of w.
            for d, count in number[w].items():
                if count == 1 and number[one[w][d]][c] > 1:
                    forbidden.add(d)
        colour = 0
        while colour in forbidden:
            colour += 1
        own[v] = colour
        colours[v] = colour
        for w in around[v]:
            number[w][colour] = number[w].get(colour, 0) + 1
            one[w][colour] = v
    return colours


def recovery(rows: Names, columns: Names, colours: Colours, symmetric: bool) -> tuple[Names, Names]:
    """Where each entry of a matrix stands alone: the row to read and the colour whose direction to read it from.

    Parameters
    ----------
    rows, columns
        The places of the entries.
    colours
        Of the columns.
    symmetric
        Whether an entry may be read at its other place, row and column exchanged.

    Raises
    ------
    AssertionError
        where some entry stands nowhere alone: the colouring is wrong.
    """
    count = int(colours.max(initial=0)) + 1
    place = rows * count + colours[columns]
    _, which, times = np.unique(place, return_inverse=True, return_counts=True)
    alone = times[which] == 1
    if symmetric:
        other = columns * count + colours[rows]
        keys, tally = np.unique(place, return_counts=True)
        at = np.searchsorted(keys, other)
        alone_there = tally[at] == 1
        place = np.where(alone, place, other)
        alone |= alone_there
    assert alone.all(), "two entries of one row have the same colour"
    return place // count, place % count
