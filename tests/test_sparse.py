"""Sparse Jacobians and Hessians of problems with a known structure: values and numbers of colours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from srcdiff import grad, jacobian
from srcdiff.sparsity import SparseHessian, SparseJacobian
from tests.oracles import differences
from tests.sparse_checks import RNG, check_hessian, check_jacobian, point, ring, rosenbrock, same, stencil

# Jacobians: stencils.


def stencil_loop(x):
    y = np.zeros(len(x))
    for i in range(len(x)):
        left = x[i - 1] if i > 0 else 0.0
        right = x[i + 1] if i < len(x) - 1 else 0.0
        y[i] = left * right - 2.0 * np.sin(x[i])
    return y


@pytest.mark.parametrize("f", [stencil, stencil_loop])
@pytest.mark.parametrize("n", [10, 100, 1000, 10_000])
def test_a_banded_stencil_takes_three_colours(f: Callable[..., Any], n: int) -> None:
    x = point(n)
    sparse = jacobian(f, sparse=True)
    matrix = sparse(x)
    assert (sparse.colours, sparse.took) == (3, "forward")
    assert matrix.nnz == sparse.pattern.nnz <= 3 * n
    v = RNG.normal(size=n)
    slope = differences.directional(f, (x,), (v,))
    assert differences.error(matrix @ v, slope) < 1e-8


@pytest.mark.parametrize("f", [stencil, stencil_loop, ring])
def test_stencils_agree_with_the_dense_jacobian(f: Callable[..., Any]) -> None:
    check_jacobian(f, point(9))


def heat(u, steps):
    v = u.copy()
    for _ in range(steps):
        inner = v[1:-1, 1:-1]
        around = v[2:, 1:-1] + v[:-2, 1:-1] + v[1:-1, 2:] + v[1:-1, :-2]
        v[1:-1, 1:-1] = inner + 0.1 * (around - 4.0 * inner) * u[1:-1, 1:-1]
    return v


def heat_loop(u):
    v = u.copy()
    for i in range(1, u.shape[0] - 1):
        for j in range(1, u.shape[1] - 1):
            v[i, j] += 0.1 * (u[i + 1, j] + u[i - 1, j] + u[i, j + 1] + u[i, j - 1] - 4.0 * u[i, j] ** 2)
    return v


def test_heat_in_two_dimensions() -> None:
    one = check_jacobian(heat, point(6, 7), 1)
    assert one.pattern.sum(axis=1).max() == 5
    check_jacobian(heat, point(6, 7), 3)
    assert check_jacobian(heat_loop, point(6, 7)).pattern.sum(axis=1).max() == 5
    for n in (20, 40):
        sparse = SparseJacobian(heat)
        sparse(point(n, n), 1)
        assert sparse.colours <= 7


def arrow(x):
    y = x * x[0]
    y[0] = np.sum(x**2)
    return y


def test_an_arrow_takes_three_colours_where_rows_and_columns_are_combined() -> None:
    for n in (8, 30):
        sparse = check_jacobian(arrow, point(n))
        assert (sparse.took, sparse.colours, sparse.pattern.nnz) == ("both", 3, 3 * n - 2)
        for mode in ("forward", "reverse"):
            alone = SparseJacobian(arrow, mode=mode)
            alone(point(n))
            assert (alone.took, alone.colours) == (mode, n)
    sparse(point(5000))
    assert sparse.colours == 3 and "arrow_jvp" in sparse.source and "arrow_vjp" in sparse.source


def bundle(cameras, points, which, seen):
    """Two residuals for each observation: a camera of 6 parameters, a point of 3."""
    residuals = np.zeros((len(which), 2))
    for k in range(len(which)):
        c = cameras[which[k]]
        p = points[seen[k]]
        depth = c[4] + p[2] + 3.0
        residuals[k, 0] = c[5] * (p[0] * c[0] - p[1] * c[1] + c[2]) / depth
        residuals[k, 1] = c[5] * (p[0] * c[1] + p[1] * c[0] + c[3]) / depth
    return residuals


def bundle_of_one(parameters, count, which, seen):
    cameras = parameters[: 6 * count].reshape(count, 6)
    points = parameters[6 * count :].reshape(-1, 3)
    return bundle(cameras, points, which, seen)


def vectorised_bundle(cameras, points, which, seen):
    c, p = cameras[which], points[seen]
    depth = c[:, 4] + p[:, 2] + 3.0
    first = c[:, 5] * (p[:, 0] * c[:, 0] - p[:, 1] * c[:, 1] + c[:, 2]) / depth
    second = c[:, 5] * (p[:, 0] * c[:, 1] + p[:, 1] * c[:, 0] + c[:, 3]) / depth
    return np.stack([first, second], axis=1)


def observations(cameras: int, points: int) -> tuple[np.ndarray, np.ndarray]:
    seen_by = [(c, p) for p in range(points) for c in (p % cameras, (p + 1) % cameras, (3 * p) % cameras)]
    which, seen = zip(*dict.fromkeys(seen_by), strict=True)
    return np.array(which), np.array(seen)


@pytest.mark.parametrize(("cameras", "points"), [(3, 5), (10, 40), (30, 200)])
def test_bundle_adjustment_takes_nine_colours_at_any_size(cameras: int, points: int) -> None:
    which, seen = observations(cameras, points)
    given = np.concatenate([point(cameras * 6), point(points * 3)])
    sparse = SparseJacobian(bundle_of_one)
    matrix = sparse(given, cameras, which, seen)
    assert sparse.colours <= 9
    blocks = SparseJacobian(vectorised_bundle, wrt=("cameras", "points"))
    c, p = given[: 6 * cameras].reshape(-1, 6), given[6 * cameras :].reshape(-1, 3)
    left, right = blocks(c, p, which, seen)
    assert blocks.colours <= 9
    same(sp.csr_array(sp.hstack([left, right])), matrix.toarray())
    if cameras == 3:
        expected = jacobian(bundle, (0, 1))(c, p, which, seen)
        for found, want in zip((left, right), expected, strict=True):
            same(found, want.reshape(2 * len(which), -1))


# Hessians.


def rosenbrock_loop(x):
    total = 0.0
    for i in range(len(x) - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


@pytest.mark.parametrize("f", [rosenbrock, rosenbrock_loop])
@pytest.mark.parametrize("n", [10, 1000, 10_000])
def test_hessian_of_the_chained_rosenbrock_function(f: Callable[..., float], n: int) -> None:
    x = point(n)
    if n == 10:
        check_hessian(f, x)
    sparse = SparseHessian(f)
    matrix = sparse(x)
    assert sparse.colours == 3
    assert matrix.nnz == 3 * n - 2
    expected = np.full(n, 200.0)
    expected[:-1] = 1200.0 * x[:-1] ** 2 - 400.0 * x[1:] + 2.0
    expected[1:-1] += 200.0
    assert np.abs(matrix.diagonal() / expected - 1.0).max() < 1e-10
    assert np.abs(matrix.diagonal(1) + 400.0 * x[:-1]).max() < 1e-10
    assert abs(matrix - matrix.T).max() == 0.0


def hub(x):
    return np.sum(x[1:] ** 2 * x[0]) + np.sin(x[0])


def test_hessian_of_an_arrow_takes_two_colours() -> None:
    for n in (5, 50, 2000):
        sparse = SparseHessian(hub) if n > 50 else check_hessian(hub, point(n))
        assert sparse(point(n)).nnz == 3 * n - 2
        assert sparse.colours == 2


def surface(u):
    return np.sum(np.sqrt(1.0 + (u[1:, 1:] - u[:-1, 1:]) ** 2 + (u[1:, 1:] - u[1:, :-1]) ** 2))


def with_helper(x, w):
    total = 0.0
    for i in range(len(x) - 1):
        total = total + coupling(x[i], x[i + 1], w)
    return total


def coupling(a, b, w):
    if w > 0.5:
        return a * a * b * w
    return np.exp(a - b)


def quadratic(x, a):
    return 0.5 * x @ a @ x + np.sum(x**3)


def in_place(x):
    y = np.zeros(len(x))
    y[1:] += x[:-1] ** 2
    y[:-1] += x[1:] * x[:-1]
    return np.sum(y * y)


def gathered(x, i, j):
    return np.sum((x[i] - x[j]) ** 2 * x[i])


def tape_of_lists(x):
    parts = []
    for i in range(len(x) - 2):
        parts.append({"a": x[i] * x[i + 1], "b": [x[i + 2]]})
    total = 0.0
    for part in parts:
        total += part["a"] * part["b"][0]
    return total


def assigned_in_a_loop(x, n):
    for i in range(n):
        t = x[i] * x[i + 1]
        s = t * t
    if n > 0:
        return s * x[0]
    return x[0] ** 2


def test_hessians_agree_with_the_jacobian_of_the_gradient() -> None:
    banded = np.diag(point(8)) + np.diag(point(7), 1)
    assert check_hessian(surface, point(4, 5)).pattern.nnz < 400
    assert check_hessian(with_helper, point(8), 0.7).colours == 3
    assert check_hessian(with_helper, point(8), 0.2).colours == 3
    assert check_hessian(quadratic, point(8), banded).colours == 3
    assert check_hessian(in_place, point(8)).pattern.nnz == 8 + 2 * 7 + 2 * 6
    assert check_hessian(gathered, point(7), np.array([0, 1, 2, 2]), np.array([1, 2, 3, 3])).pattern.nnz == 4 + 2 * 3
    assert check_hessian(assigned_in_a_loop, point(6), 3).pattern.nnz == 8
    assert check_hessian(assigned_in_a_loop, point(6), 0).pattern.nnz == 1
    assert check_hessian(tape_of_lists, point(8)).pattern.nnz == 2 * 7 + 2 * 6


def cross(x, y, s):
    return np.sum(x[:-1] * x[1:] * s) + np.sum(x * y**2) + s**3


def test_blocks_of_a_hessian() -> None:
    x, y, s = point(5), 1.1 - 0.5 * point(5), 1.3
    sparse = SparseHessian(cross, wrt=("x", "s", 1))
    blocks = sparse(x, y, s)
    assert [[b.shape for b in row] for row in blocks] == [
        [(5, 5), (5, 1), (5, 5)],
        [(1, 5), (1, 1), (1, 5)],
        [(5, 5), (5, 1), (5, 5)],
    ]
    whole = np.block([[b.toarray() for b in row] for row in blocks])

    def joined(z):
        return grad(cross, (0, 2, 1))(z[:5], z[6:], float(z[5]))

    z = np.concatenate([x, [s], y])
    for k in range(11):
        slope = differences.directional(joined, (z,), (np.eye(11)[k],))
        assert differences.error(differences.leaves(slope), whole[:, k]) < 1e-8


# Patterns that change.
