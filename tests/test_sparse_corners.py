"""Sparse derivatives where patterns change, values are not finite or arrays empty; what is refused."""

from __future__ import annotations

import pickle
import sys

import numpy as np
import pytest

from srcdiff import TransformError, grad, jacobian
from srcdiff.sparsity import SparseHessian, SparseJacobian
from srcdiff.sparsity.plans import planned_symmetric
from tests.sparse_checks import check_jacobian, point, ring, rosenbrock, same, stencil


def branching(x):
    y = np.zeros(len(x))
    for i in range(len(x)):
        if x[i] > 1.0:
            y[i] = x[i] * x[i - 1]
        else:
            y[i] = x[i] ** 2
    return y


def switch(x):
    if x[0] > 0.0:
        return x * x
    return np.cumsum(x * x)


def matched(x, a):
    return a @ x + (a * 2.0) @ x


def test_another_branch_is_noticed() -> None:
    sparse = SparseJacobian(branching)
    low, high, mixed = np.full(6, 0.5), np.full(6, 1.5), np.array([0.5, 1.5, 0.4, 1.2, 1.3, 0.1])
    for x, count in ((low, 6), (mixed, 9), (high, 12), (low, 12)):
        same(sparse(x), jacobian(branching)(x))
        assert sparse.pattern.nnz == count
        assert sparse.took == "forward"
    sparse = SparseJacobian(switch)
    for x, colours in ((np.ones(5), 1), (-np.ones(5), 5), (np.ones(5), 5)):
        same(sparse(x), jacobian(switch)(x))
        assert sparse.colours == colours


def branching_energy(x):
    total = 0.0
    for i in range(len(x) - 2):
        total += x[i] * x[i + 1] ** 2 if x[i] > 1.0 else x[i] ** 2 * x[i + 2]
    return total


def test_another_branch_is_noticed_in_a_hessian() -> None:
    sparse = SparseHessian(branching_energy)
    for x in (np.full(7, 0.5), np.full(7, 1.5), np.linspace(0.5, 1.5, 7)):
        same(sparse(x), np.asarray(jacobian(grad(branching_energy))(x)))
        assert sparse.took == "symmetric"


def test_zeros_of_a_constant_matrix_that_change_are_noticed() -> None:
    sparse = SparseJacobian(matched)
    x = point(6)
    banded = np.diag(point(6)) + np.diag(point(5), 1)
    same(sparse(x, banded), 3.0 * banded)
    assert sparse.colours == 2
    other = np.diag(point(6)) + np.diag(point(5), -1)
    same(sparse(x, other), 3.0 * other)
    assert sparse.pattern.nnz == 6 + 5 + 5
    full = point(6, 6)
    same(sparse(x, full), 3.0 * full)
    assert sparse.colours == 6


def masked(x):
    return (x > 1.0) * x + np.sign(x) * x**2


def chosen(x):
    return np.where(x > 1.0, x, np.roll(x, 1)) + np.maximum(x, 1.0) + np.clip(x, 0.5, 1.5)


def test_zeros_that_depend_on_the_inputs_cut_nothing_off() -> None:
    for f, count in ((masked, 4), (chosen, 8)):
        sparse = SparseJacobian(f)
        for x in (np.array([0.5, 1.5, 0.2, 1.7]), np.array([1.5, 0.5, 1.2, 0.7])):
            same(sparse(x), jacobian(f)(x))
            assert sparse.pattern.nnz == count


def test_a_pattern_that_lacks_entries_is_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    x = point(6)
    sparse = SparseJacobian(stencil)
    wrong = np.arange(7), np.arange(6)
    monkeypatch.setattr("srcdiff.sparsity.matrices.detect", lambda *_: wrong)
    same(sparse(x), jacobian(stencil)(x))
    assert sparse.took == "dense"
    reverse = SparseJacobian(stencil, mode="reverse")
    same(reverse(x), jacobian(stencil)(x))
    assert reverse.took == "dense"
    hessian = SparseHessian(rosenbrock)
    same(hessian(x), jacobian(grad(rosenbrock))(x))
    assert hessian.took == "dense"
    monkeypatch.undo()
    same(sparse(x), jacobian(stencil)(x))
    assert (sparse.took, sparse.colours) == ("forward", 3)


def test_the_pattern_is_detected_once_for_each_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    from srcdiff.sparsity import matrices

    calls = []
    original = matrices.detect
    monkeypatch.setattr(matrices, "detect", lambda *a: calls.append(1) or original(*a))
    sparse = SparseJacobian(stencil)
    for n in (5, 5, 8, 5, 8):
        x = point(n)
        same(sparse(x), jacobian(stencil)(x))
    assert len(calls) == 2


# Values that are not finite.


def roots(x):
    return np.sqrt(x) * np.roll(x, 1)


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_values_that_are_not_finite() -> None:
    sparse = SparseJacobian(roots)
    good = point(4)
    same(sparse(good), jacobian(roots)(good))
    assert sparse.took == "forward"
    at_zero = np.array([0.0, 1.0, 4.0, 9.0])
    found = sparse(at_zero).toarray()
    # The tangent of the square root is 0 / 0 in every other direction, in the dense Jacobian too.
    assert found[0, 0] == np.inf and np.isnan(found[0, 3]) and found[0, 1] == found[0, 2] == 0.0
    assert np.allclose(found[1:], [[1.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.25, 0.0], [0.0, 0.0, 3.0, 4.0 / 6.0]])
    bad = sparse(np.array([np.nan, 1.0, 4.0, 9.0])).toarray()
    assert np.isnan(bad[0, 0]) and np.isnan(bad[0, 3]) and np.isnan(bad[1, 1])
    assert np.isfinite(bad[2:]).all()
    same(sparse(good), jacobian(roots)(good))


# Shapes and types.


def linear(x):
    return 3.0 * x[0] + x[2]


def powers(s):
    return np.array([s, s**2, s**3])


def cube(s):
    return s**3


def dense(x):
    return np.exp(x) / np.sum(np.exp(x))


def idle(x):
    return x[1:3] * 2.0


def blank(x):
    return np.ones(3)


def counting(x):
    return np.arange(len(x))


def transposed(m):
    return (m.T @ np.ones(m.shape[0]))[:, None] * np.ones((1, 2))


def test_outputs_and_inputs_of_every_rank() -> None:
    check_jacobian(linear, point(4))
    check_jacobian(powers, 1.5)
    check_jacobian(cube, 1.5)
    check_jacobian(dense, point(5))
    assert check_jacobian(idle, point(5)).pattern.sum(axis=0).tolist() == [0, 1, 1, 0, 0]
    empty = check_jacobian(blank, point(4))
    assert (empty.colours, empty.pattern.nnz) == (0, 0)
    check_jacobian(transposed, point(3, 4))
    check_jacobian(np_less, point(2, 3, 2))
    check_jacobian(cube, np.array(1.5))
    same(SparseJacobian(cube)(2), np.array([[12.0]]))
    same(SparseJacobian(counting)(point(3)), np.zeros((3, 3)))
    assert SparseHessian(cube)(2.0).toarray().tolist() == [[12.0]]


def np_less(t):
    return np.sum(t, axis=1, keepdims=True) * t


def test_empty_arrays() -> None:
    sparse = SparseJacobian(ring)
    same(sparse(np.zeros(0)), np.zeros((0, 0)))
    assert sparse.colours == 0
    same(SparseJacobian(idle)(np.zeros(1)), np.zeros((0, 1)))
    same(SparseHessian(rosenbrock)(np.zeros(0)), np.zeros((0, 0)))
    same(SparseHessian(rosenbrock)(np.ones(1)), np.zeros((1, 1)))


def test_single_precision() -> None:
    x = point(9).astype(np.float32)
    sparse = SparseJacobian(ring)
    found = sparse(x)
    assert found.dtype == np.float32 and sparse.took == "forward"
    same(found, jacobian(ring)(x), 1e-6)
    hessian = SparseHessian(rosenbrock)
    matrix = hessian(x)
    assert matrix.dtype == np.float32 and hessian.took == "symmetric"
    same(matrix, jacobian(grad(rosenbrock))(x), 1e-5)


def scaled(a, x, *, power):
    return a[:, None] * x**power


def defaulted(x, k=2.0):
    return x * k


def test_parameters_by_name_position_and_keyword() -> None:
    a, x = point(3), point(4)
    expected = np.kron(a[:, None], np.diag(2.0 * x))
    for wrt in ("x", 1):
        same(SparseJacobian(scaled, wrt)(a, x, power=2), expected)
    same(SparseJacobian(scaled, "x", "reverse")(a, x=x, power=2), expected)
    left, right = SparseJacobian(scaled, ("a", "x"))(a, x, power=2)
    same(left, np.kron(np.eye(3), x[:, None] ** 2))
    same(right, expected)
    (only,) = SparseJacobian(scaled, ("x",))(a, x, power=2)
    same(only, expected)
    same(SparseJacobian(defaulted)(np.ones(2)), 2.0 * np.eye(2))
    same(SparseJacobian(defaulted)(np.ones(2), k=3.0), 3.0 * np.eye(2))
    same(SparseJacobian(defaulted)(np.arange(3)), 2.0 * np.eye(3))


def test_modes_and_the_choice_between_them() -> None:
    def wide(x):
        return x[:3] * np.sum(x)

    def tall(x):
        return x[np.array([0, 0, 0, 1, 1, 1])] * x[np.array([1, 1, 1, 0, 0, 0])]

    assert check_jacobian(wide, point(7)).took == "reverse"
    assert check_jacobian(tall, point(2)).took == "forward"
    reverse = SparseJacobian(wide, mode="reverse")
    assert "_vjp" in reverse.source
    reverse(point(4))
    assert "_vjp" in reverse.source
    forward = SparseJacobian(wide, mode="forward")
    forward(point(4))
    assert "_jvp" in forward.source and forward.colours == 4


# Programs.


def helpers(x):
    y = np.zeros(len(x))
    for i in range(1, len(x)):
        y[i] = blend(x[i], x[i - 1])
    return y


def blend(a, b):
    c = a
    while abs(c) > 0.5:
        c = c * b * 0.3
    return c


def recursive(x):
    return halves(x) if len(x) > 1 else x * x


def halves(x):
    if len(x) == 1:
        return x * x
    h = len(x) // 2
    return np.concatenate([halves(x[:h]) * x[0], halves(x[h:])])


def scatter(x, i):
    y = np.zeros(4)
    np.add.at(y, i, x**2)
    return y


def containers(x):
    d = {"a": [x[0], x[1] * 2.0], "b": x[2:]}
    d["a"].append(x[0] * x[3])
    pairs = [(v, v * v) for v in d["a"]]
    y = d["b"] * pairs[1][1]
    return np.concatenate([y, np.array([p for p, _ in pairs])])


def overwritten(x):
    y = x.copy()
    for i in range(len(y) - 1):
        y[i + 1] = y[i] * x[i + 1]
        y[i] = 1.0
    return y


def early(x):
    total = 0.0
    for i in range(len(x)):
        total = total + x[i]
        if total > 2.0:
            break
    return x * total


def contracted(x):
    m = x.reshape(3, 2)
    return np.concatenate([np.einsum("ij,ij->i", m, m), np.einsum("ij,kj->ik", m, m).ravel(), np.outer(m[0], m[1])[0]])


def shaped(x):
    m = np.tril(x.reshape(2, 3))
    stacked = np.vstack([m, np.diag(x[:3])])
    return np.flip(stacked, axis=0).T.ravel() * np.repeat(x[:3], 5)


def solved(x, a):
    return np.linalg.solve(a + np.diag(x), x)


def test_programs_of_many_kinds() -> None:
    assert check_jacobian(helpers, 0.3 + point(7)).pattern.nnz == 12
    check_jacobian(recursive, point(5))
    sparse = check_jacobian(scatter, point(6), np.array([0, 1, 1, 3, 0, 0]))
    assert sparse.pattern.nnz == 6 and sparse.colours == 1 == len(set(sparse.pattern.sum(axis=0).tolist()))
    assert check_jacobian(containers, point(6)).pattern.nnz == 4 * 2 + 1 + 1 + 2
    assert check_jacobian(overwritten, point(5)).pattern.nnz == 5
    check_jacobian(early, point(6))
    assert check_jacobian(contracted, point(6)).pattern.sum(axis=1).tolist()[:3] == [2, 2, 2]
    check_jacobian(shaped, point(6))
    check_jacobian(solved, point(4), 4.0 * np.eye(4))


def test_arguments_stay_as_they_are() -> None:
    def writes(x, a):
        a[0] = x[0]
        x[1] = a[0] * x[2]
        return x * a

    x, a = point(4), 1.1 - 0.5 * point(4)
    kept = x.copy(), a.copy()
    for mode in ("forward", "reverse"):
        SparseJacobian(writes, 0, mode)(x, a)
    assert np.array_equal(x, kept[0]) and np.array_equal(a, kept[1])
    matrix = SparseJacobian(stencil)(x)
    matrix.data[:] = 0.0
    sparse = SparseJacobian(stencil)
    first = sparse(x)
    first.indices[:] = 0
    same(sparse(x), jacobian(stencil)(x))


def test_detection_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def loud(x):
        print("x")
        return x * x

    sparse = SparseJacobian(loud)
    x = point(3)
    sparse(x)
    first = capsys.readouterr().out.count("x")
    sparse(x)
    assert first == capsys.readouterr().out.count("x"), "the detection of the pattern prints"


# What is refused.


def pair(x):
    return x, x


def of_dict(d):
    return d["a"] * 2.0


def test_what_is_refused() -> None:
    with pytest.raises(TypeError, match="`pair` are not defined: it returns a tuple"):
        SparseJacobian(pair)(point(3))
    with pytest.raises(TypeError, match="its parameter `d` is a dict, not a number or an array"):
        SparseJacobian(of_dict)({"a": point(3)})
    with pytest.raises(TypeError, match="its parameter `d` is a dict"):
        SparseHessian(of_dict)({"a": point(3)})
    with pytest.raises(TransformError, match="scalar"):
        SparseHessian(stencil)(point(3))
    with pytest.raises(TransformError):
        SparseJacobian(stencil, wrt="z")
    with pytest.raises(ValueError, match='mode is "forward"'):
        SparseJacobian(stencil, mode="sideways")
    with pytest.raises(TypeError):
        SparseJacobian(stencil)()
    with pytest.raises(RuntimeError, match="after the first call"):
        _ = SparseJacobian(stencil).pattern


def test_without_scipy_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    with pytest.raises(ImportError, match="extra `sparse`"):
        jacobian(stencil, sparse=True)


def test_pickled() -> None:
    x = point(5)
    sparse = SparseJacobian(stencil)
    sparse(x)
    again = pickle.loads(pickle.dumps(sparse))
    assert np.array_equal(again(x).toarray(), sparse(x).toarray())


def test_plans_are_deterministic() -> None:
    plans = [planned_symmetric(np.array([0, 2, 4]), np.array([0, 1, 0, 1])) for _ in range(2)]
    assert plans[0].parts[0].probe.tolist() == plans[1].parts[0].probe.tolist()
