"""Colourings hold to their definitions, need few colours, and give back the matrix."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from srcdiff.sparsity.colouring import colour_columns, colour_symmetric, recovery, transposed, tridiagonal
from srcdiff.sparsity.compressed import dense_entries, evaluated
from srcdiff.sparsity.plans import Mode, planned, planned_symmetric


def rows_of(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    csr = sp.csr_array(matrix)
    csr.sort_indices()
    return csr.indptr.astype(np.int64), csr.indices.astype(np.int64)


@st.composite
def matrices(draw: st.DrawFn, symmetric: bool = False) -> np.ndarray:
    rows = draw(st.integers(0, 9))
    columns = rows if symmetric else draw(st.integers(0, 9))
    density = draw(st.sampled_from([0.1, 0.25, 0.5, 0.9]))
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    matrix = random.uniform(1.0, 2.0, (rows, columns)) * (random.uniform(size=(rows, columns)) < density)
    return matrix + matrix.T if symmetric else matrix


def arrow(n: int) -> np.ndarray:
    matrix = np.diag(np.arange(1.0, n + 1))
    matrix[0], matrix[:, 0] = 2.0, 2.0
    return matrix


def check_distance_2(matrix: np.ndarray, colours: np.ndarray) -> None:
    for row in matrix:
        (columns,) = np.nonzero(row)
        assert len(set(colours[columns])) == len(columns), "two columns of one colour have entries in the same row"


def check_star(matrix: np.ndarray, colours: np.ndarray) -> None:
    around = [set(np.nonzero(row)[0].tolist()) - {i} for i, row in enumerate(matrix)]
    for a, near in enumerate(around):
        assert all(colours[a] != colours[b] for b in near), "two neighbours have the same colour"
        for b in near:
            for c in around[b] - {a}:
                for d in around[c] - {a, b}:
                    assert len({colours[v] for v in (a, b, c, d)}) > 2, f"the path {a}, {b}, {c}, {d} has two colours"


@given(matrix=matrices())
def test_columns_of_one_colour_share_no_row(matrix: np.ndarray) -> None:
    colours = colour_columns(*rows_of(matrix), matrix.shape[1])
    assert colours.shape == (matrix.shape[1],)
    check_distance_2(matrix, colours)


@given(matrix=matrices(symmetric=True))
def test_no_path_of_four_vertices_has_two_colours(matrix: np.ndarray) -> None:
    check_star(matrix, colour_symmetric(*rows_of(matrix)))


def test_the_definitions_can_fail() -> None:
    path = np.eye(4) + np.diag(np.ones(3), 1) + np.diag(np.ones(3), -1)
    with pytest.raises(AssertionError, match="two colours"):
        check_star(path, np.array([0, 1, 0, 1]))
    with pytest.raises(AssertionError, match="same colour"):
        check_star(path, np.array([0, 0, 1, 2]))
    with pytest.raises(AssertionError, match="same row"):
        check_distance_2(path, np.array([0, 1, 0, 1]))
    rows, columns = np.nonzero(path)
    for colours, symmetric in (([0, 1, 0, 1], True), ([0, 1, 0, 1], False), ([0, 1, 0, 2], False)):
        with pytest.raises(AssertionError, match="the same colour"):
            recovery(rows, columns, np.array(colours), symmetric)


@given(matrix=matrices())
def test_transposed_pattern(matrix: np.ndarray) -> None:
    found = transposed(*rows_of(matrix), matrix.shape[1])
    for one, other in zip(found, rows_of(matrix.T), strict=True):
        assert one.tolist() == other.tolist()


def sweeps(matrix: np.ndarray) -> Any:
    """What sweeps of a linear function do to seeds."""
    return lambda sweep: lambda seeds: seeds @ (matrix if sweep == "reverse" else matrix.T)


@given(matrix=matrices(), mode=st.sampled_from(["forward", "reverse", "auto"]))
def test_compressed_evaluation_gives_the_matrix(matrix: np.ndarray, mode: Mode) -> None:
    plan = planned(*rows_of(matrix), matrix.shape[1], mode)
    data, verdict = evaluated(plan, sweeps(matrix), np.dtype(float))
    assert verdict == "agrees"
    assert data.tolist() == sp.csr_array(matrix).data.tolist()


@given(matrix=matrices(symmetric=True))
def test_symmetric_evaluation_gives_the_matrix(matrix: np.ndarray) -> None:
    plan = planned_symmetric(*rows_of(matrix))
    data, verdict = evaluated(plan, sweeps(matrix), np.dtype(float))
    assert verdict == "agrees"
    assert data.tolist() == sp.csr_array(matrix).data.tolist()


@given(matrix=matrices())
def test_an_entry_that_is_not_in_the_pattern_is_noticed(matrix: np.ndarray) -> None:
    for i, j in itertools.islice(np.argwhere(matrix == 0.0), 3):
        more = matrix.copy()
        more[i, j] = 1e-3
        for mode in ("forward", "reverse", "auto"):
            plan = planned(*rows_of(matrix), matrix.shape[1], mode)
            assert evaluated(plan, sweeps(more), np.dtype(float))[1] == "differs"


@st.composite
def bordered(draw: st.DrawFn) -> np.ndarray:
    """A matrix with few entries but for some full rows or columns, or both."""
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    shape = draw(st.integers(16, 24)), draw(st.integers(16, 24))
    matrix = random.uniform(1.0, 2.0, shape) * (random.uniform(size=shape) < 0.03)
    matrix[random.integers(0, shape[0], draw(st.integers(0, 2)))] = random.uniform(1.0, 2.0, shape[1])
    matrix[:, random.integers(0, shape[1], draw(st.integers(0, 2)))] = 1.5
    return matrix


@given(matrix=bordered(), where=st.integers(0, 23))
def test_full_rows_and_columns_are_computed_apart(matrix: np.ndarray, where: int) -> None:
    rows = rows_of(matrix)
    plan = planned(*rows, matrix.shape[1], "auto")
    alone = [planned(*rows, matrix.shape[1], mode).count for mode in ("forward", "reverse")]
    assert plan.count == min(alone) or (plan.took == "both" and 2 * plan.count <= min(alone))
    entries = np.concatenate([part.entries for part in plan.parts])
    assert sorted(entries.tolist()) == list(range(len(rows[1]))), "every entry is in one part"
    data, verdict = evaluated(plan, sweeps(matrix), np.dtype(float))
    assert verdict == "agrees"
    assert data.tolist() == sp.csr_array(matrix).data.tolist()
    more = matrix.copy()
    absent = np.argwhere(matrix == 0.0)
    more[tuple(absent[where % len(absent)])] = 1e-3
    assert evaluated(plan, sweeps(more), np.dtype(float))[1] == "differs"


def test_chunks_of_directions_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = arrow(7)
    plan = planned(*rows_of(matrix), 7, "forward")
    sizes: list[int] = []

    def directions(seeds: np.ndarray) -> np.ndarray:
        sizes.append(len(seeds))
        return seeds @ matrix.T

    monkeypatch.setattr("srcdiff.sparsity.compressed.CHUNK", 21)
    data, verdict = evaluated(plan, lambda sweep: directions, np.dtype(float))
    assert sizes == [3, 3, 2]
    assert (data.tolist(), verdict) == (sp.csr_array(matrix).data.tolist(), "agrees")
    rows, columns, values = dense_entries(directions, (7, 7), np.dtype(float))
    assert np.array_equal(sp.coo_array((values, (rows, columns)), shape=(7, 7)).toarray(), matrix)


def test_verdicts() -> None:
    matrix = np.diag([1.0, 2.0, 3.0])
    plan = planned(*rows_of(matrix), 3, "auto")

    def verdict(last: list[float]) -> str:
        def directions(seeds: np.ndarray) -> np.ndarray:
            images = seeds @ matrix
            images[-1] += last
            return images

        return evaluated(plan, lambda sweep: directions, np.dtype(float))[1]

    assert verdict([0.0, 0.0, 0.0]) == "agrees"
    assert verdict([1e-13, 0.0, 0.0]) == "agrees"
    assert verdict([1e-9, 0.0, 0.0]) == "close"
    assert verdict([1e-3, 0.0, 0.0]) == "differs"
    assert verdict([np.nan, 0.0, 0.0]) == "unknown"
    assert verdict([np.inf, 0.0, 0.0]) == "unknown"
    assert verdict([np.nan, 0.0, 1e-3]) == "differs"


@pytest.mark.parametrize("n", [3, 10, 100, 1000, 10_000])
def test_a_band_of_three_takes_three_colours(n: int) -> None:
    assert colour_columns(*tridiagonal(n), n).max() == 2
    assert colour_symmetric(*tridiagonal(n)).max() == (2 if n > 3 else 1)


def test_an_arrow_takes_two_colours_as_a_symmetric_matrix_and_all_as_any_other() -> None:
    for n in (5, 50, 500):
        rows = rows_of(arrow(n))
        assert colour_symmetric(*rows).max() + 1 == 2
        assert colour_columns(*rows, n).max() + 1 == n
        assert planned(*rows, n, "auto").count == (5 if n < 6 else 3)


def test_the_order_of_falling_degree_is_tried() -> None:
    # The hub of a star comes last: in the given order its leaves have one colour all the same; a double star does not.
    matrix = np.eye(12)
    for leaf in range(10):
        hub = 10 + leaf % 2
        matrix[leaf, hub] = matrix[hub, leaf] = 1.0
    matrix[10, 11] = matrix[11, 10] = 1.0
    colours = colour_symmetric(*rows_of(matrix))
    check_star(matrix, colours)
    assert colours.max() + 1 == 3


def test_stencils_in_two_dimensions_take_a_bounded_number_of_colours() -> None:
    for k in (5, 20, 60):
        line = sp.diags_array([np.ones(k - 1), np.ones(k), np.ones(k - 1)], offsets=[-1, 0, 1])
        nine = sp.csr_array(sp.kron(line, line))
        nine.eliminate_zeros()
        nine.sort_indices()
        indptr, indices = nine.indptr.astype(np.int64), nine.indices.astype(np.int64)
        assert colour_columns(indptr, indices, k * k).max() + 1 == 9
        assert colour_symmetric(indptr, indices).max() + 1 <= 12
