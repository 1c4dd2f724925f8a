"""Products and linear algebra of NumPy in programs: every mode against divided differences, the text, and the edges."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from fractions import Fraction
from typing import Annotated, Any

import numpy as np
import pytest

from srcdiff import TransformError, check_derivatives, grad, hessian, jacobian, jvp, transform
from tests.support import check_gradient, check_modes

RNG = np.random.default_rng(7)


def general(n: int, m: int | None = None) -> np.ndarray:
    m = n if m is None else m
    return RNG.normal(size=(n, m)) + 3.0 * np.eye(n, m) * (1.0 + np.arange(m))


def positive(n: int) -> np.ndarray:
    a = RNG.normal(size=(n, n))
    return a @ a.T + n * np.eye(n)


# Programs.


def attention(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> float:
    scores = np.einsum("bhid,bhjd->bhij", q, k) / np.sqrt(q.shape[-1])
    weights = np.exp(scores)
    weights = weights / np.sum(weights, axis=-1, keepdims=True)
    out = np.einsum("bhij,bhjd->bhid", weights, v, optimize=True)
    return np.sum(out * out)


def contractions(a: np.ndarray, b: np.ndarray) -> float:
    c = np.tensordot(a, b, axes=([1, 2], [0, 1]))
    d = np.einsum("...ij,...jk", a, b[0])
    return np.sum(c**2) + np.sum(d**2) + np.einsum("ijj->", a @ np.swapaxes(a, -1, -2))


def kronecker(a: np.ndarray, b: np.ndarray) -> float:
    k = np.kron(a, b)
    return np.trace(k @ k) + np.sum(np.outer(a, b) ** 3) + np.vdot(a, a) + np.inner(a[0], a[1])


def lorentz(r: np.ndarray, v: np.ndarray, field: np.ndarray) -> float:
    force = np.cross(v, field)
    torque = np.cross(r, force)
    return np.sum(torque**2) + r[0] @ force[0]


def chain(a: np.ndarray, b: np.ndarray, v: np.ndarray) -> float:
    return v @ np.linalg.multi_dot([a, b, a, v]) + np.sum(np.linalg.multi_dot((a, b, np.linalg.matrix_power(a, 3))))


def stationary(p: np.ndarray, n: int) -> float:
    return np.sum(np.linalg.matrix_power(p, n)[0] * np.arange(1.0, 1.0 + len(p)))


def gaussian(a: np.ndarray, x: np.ndarray) -> float:
    factor = np.linalg.cholesky(a)
    z = np.linalg.solve(factor, x)
    return -0.5 * z @ z - np.sum(np.log(np.diag(factor)))


def spectral(a: np.ndarray) -> float:
    w, v = np.linalg.eigh(a)
    return np.sum(np.log(w)) + v[0, -1] ** 2 * w[0]


def by_name(a: np.ndarray) -> float:
    pair = np.linalg.eigh(a)
    factors = np.linalg.svd(a, full_matrices=False)
    return np.sum(pair.eigenvalues**2) + pair.eigenvectors[0, 0] ** 2 + factors.S[0] + np.linalg.slogdet(a).logabsdet


def by_index(a: np.ndarray) -> float:
    pair = np.linalg.qr(a)
    return np.sum(pair[1] ** 2 * pair.R) + np.sum(np.linalg.eigh(a)[1] ** 3)


def from_the_end(a: np.ndarray) -> float:
    made = np.linalg.svd(a, full_matrices=False)
    return np.sum(np.linalg.eigh(a)[-1] ** 3) + made[-2][0] + np.sum(made[-1][0] ** 3)


def low_rank(a: np.ndarray) -> float:
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    best = (u[:, :2] * s[:2]) @ vh[:2]
    return np.sum((a - best) ** 2 * np.arange(a.size).reshape(a.shape))


def orthogonal(a: np.ndarray) -> float:
    q, r = np.linalg.qr(a)
    return np.sum(q**3) + np.sum(np.linalg.qr(a, mode="r") * r)


def regression(x: np.ndarray, y: np.ndarray) -> float:
    beta, squares, _, s = np.linalg.lstsq(x, y, rcond=None)
    return np.sum(beta**2) + np.sum(squares) + np.sum(np.linalg.pinv(x) ** 2) + s[0]


def rates(a: np.ndarray) -> float:
    w, v = np.linalg.eig(a)
    w, v = np.real(w), v.real  # complex numbers from NumPy 2.5 on, real or not
    return np.sum(w**3) + np.sum(np.real(np.linalg.eigvals(a)) ** 2) + np.sum(v**2 * w)


def volumes(a: np.ndarray) -> float:
    return np.sum(np.linalg.det(a) ** 2) + np.sum(np.linalg.inv(a)) + np.sum(np.linalg.cond(a))


STACK = np.stack([positive(3), positive(3)])

PROGRAMS: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (attention, tuple(RNG.normal(size=(2, 2, n, 3)) for n in (4, 5, 5))),
    (contractions, (RNG.normal(size=(4, 2, 3)), RNG.normal(size=(2, 3, 2)))),
    (kronecker, (RNG.normal(size=(2, 2)), RNG.normal(size=(3, 3)))),
    (lorentz, (RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3)), RNG.normal(size=3))),
    (chain, (RNG.normal(size=(3, 3)), RNG.normal(size=(3, 3)), RNG.normal(size=3))),
    (stationary, (np.abs(RNG.normal(size=(3, 3))), 7)),
    (stationary, (general(3), -2)),
    (gaussian, (positive(4), RNG.normal(size=4))),
    (spectral, (positive(4),)),
    (by_name, (positive(3),)),
    (by_index, (positive(3),)),
    (from_the_end, (positive(3),)),
    (low_rank, (general(4, 3),)),
    (low_rank, (general(3, 4),)),
    (orthogonal, (general(4, 3),)),
    (orthogonal, (general(2, 4),)),
    (orthogonal, (general(3),)),
    (regression, (general(5, 2), RNG.normal(size=5))),
    (regression, (general(2, 4), RNG.normal(size=(2, 3)))),
    (rates, (np.diag([1.0, 2.5, 4.0]) + 0.2 * RNG.normal(size=(3, 3)),)),
    (volumes, (STACK,)),
    (volumes, (STACK[0],)),
]


@pytest.mark.parametrize("case", PROGRAMS, ids=lambda case: case[0].__name__)
def test_program(case: tuple[Callable[..., Any], tuple[Any, ...]]) -> None:
    f, args = case
    check_gradient(f, *args, wrt=[i for i, x in enumerate(args) if isinstance(x, np.ndarray)])


@pytest.mark.parametrize("f", [attention, kronecker, gaussian, spectral, low_rank, volumes, stationary])
def test_second_order(f: Callable[..., Any]) -> None:
    args = next(a for g, a in PROGRAMS if g is f)
    check_derivatives(grad(f), *args, wrt=0)
    found = hessian(f)(*args)
    rows = jacobian(grad(f))(*args)
    np.testing.assert_allclose(found, rows, rtol=1e-9, atol=1e-9)


def typed(a: Annotated[np.ndarray, "n n"], b: Annotated[np.ndarray, "n k"], v: Annotated[np.ndarray, "n"]) -> float:
    x = np.linalg.solve(a, b)
    w = np.linalg.eigvalsh(a)
    return np.einsum("ij,ij->", x, b) + np.sum(w**2) + np.linalg.det(a) + v @ a @ v


def untyped(a, b, v):  # type: ignore[no-untyped-def]
    x = np.linalg.solve(a, b)
    w = np.linalg.eigvalsh(a)
    return np.einsum("ij,ij->", x, b) + np.sum(w**2) + np.linalg.det(a) + v @ a @ v


@pytest.mark.parametrize("f", [typed, untyped])
@pytest.mark.parametrize("mode", ["gradient", "reverse", "forward"])
def test_text_runs_alone_and_transforms_again(f: Callable[..., Any], mode: str, tmp_path: Any) -> None:
    made = transform(f, mode=mode)
    assert made.source == transform(f, mode=mode).source
    path = tmp_path / "derivative.py"
    made.save(path)
    assert "srcdiff" not in "".join(line for line in path.read_text().splitlines() if "import" in line)
    assert subprocess.run([sys.executable, str(path)], capture_output=True, check=False).returncode == 0
    name = f.__name__ + {"gradient": "_grad", "reverse": "_vjp", "forward": "_jvp"}[mode]
    again = [sys.executable, "-m", "srcdiff", "transform", str(path), "-f", name, "--mode", "forward"]
    assert subprocess.run(again, capture_output=True, check=False).returncode == 0


def test_products_read_as_written_by_hand() -> None:
    def f(a: Annotated[np.ndarray, "n m"], b: Annotated[np.ndarray, "m k"]) -> float:
        c = np.einsum("ij,jk->ik", a, b)
        return np.sum(c * c) + np.einsum("ii", a @ a.T)

    text = transform(f, mode="gradient").source
    assert 'np.einsum("ik,jk->ij", bc, b)' in text and 'np.einsum("ik,ij->jk", bc, a)' in text
    assert "copy" not in text and "unbroadcast" not in text

    def g(a: Annotated[np.ndarray, "n n"]) -> float:
        w, _ = np.linalg.eigh(a)
        return np.sum(w * w)

    text = transform(g, mode="gradient").source
    code = "\n".join(line for line in text.splitlines() if not line.strip().startswith("#"))
    assert "inverse_gaps" not in code and code.count("np.linalg.eigh(") == 1


# Edges: each line of the table of conventions.


def test_sums_over_equal_eigenvalues_are_exact() -> None:
    def f(a: np.ndarray) -> float:
        return np.sum(np.linalg.eigvalsh(a) ** 2)

    def g(a: np.ndarray) -> float:
        w, _ = np.linalg.eigh(a)
        return np.sum(w**3)

    twice = 2.0 * np.eye(3)
    np.testing.assert_allclose(grad(f)(twice), 4.0 * np.eye(3), atol=1e-14)
    np.testing.assert_allclose(grad(g)(twice), 12.0 * np.eye(3), atol=1e-14)
    assert jvp(g, (twice,), (np.eye(3),))[1] == pytest.approx(36.0)


@pytest.mark.parametrize("at", [np.eye(3), np.diag([1.0, 1.0, 4.0])])
def test_vectors_of_equal_eigenvalues_have_no_finite_derivative(at: np.ndarray) -> None:
    def logarithm(a: np.ndarray) -> float:
        w, v = np.linalg.eigh(a)
        return np.sum((v * np.log(w)) @ v.T * np.arange(9.0).reshape(3, 3))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert not np.isfinite(grad(logarithm)(at)).all()
        assert not np.isfinite(jvp(logarithm, (at,), (np.ones((3, 3)),))[1])


def test_one_triangle_is_read() -> None:
    def lower(a: np.ndarray) -> float:
        return np.sum(np.linalg.cholesky(a) ** 3) + np.sum(np.linalg.eigvalsh(a) ** 2)

    def upper(a: np.ndarray) -> float:
        return np.sum(np.linalg.eigvalsh(a, UPLO="U") ** 2) + np.linalg.eigh(a, "U").eigenvectors[0, 0]

    a = positive(3)
    a[0, 2] = 99.0
    check_gradient(lower, a)
    assert np.array_equal(np.triu(grad(lower)(a), 1), np.zeros((3, 3)))
    check_gradient(upper, a.T.copy())
    assert np.array_equal(np.tril(grad(upper)(a.T.copy()), -1), np.zeros((3, 3)))


def test_determinants_of_singular_matrices() -> None:
    def det(a: np.ndarray) -> float:
        return np.linalg.det(a)

    np.testing.assert_allclose(grad(det)(np.array([[1.0, 2.0], [2.0, 4.0]])), [[4.0, -2.0], [-2.0, 1.0]], atol=1e-14)
    u, v = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 4))
    check_gradient(det, u @ v)
    np.testing.assert_array_equal(grad(det)(np.zeros((3, 3))), np.zeros((3, 3)))
    np.testing.assert_array_equal(grad(det)(np.zeros((1, 1))), [[1.0]])
    assert grad(det)(np.zeros((0, 0))).shape == (0, 0)
    second = hessian(det)(np.zeros((2, 2)))
    assert second[0, 0, 1, 1] == second[1, 1, 0, 0] == 1.0 and second[0, 1, 1, 0] == -1.0 and np.sum(second != 0) == 4

    def logdet(a: np.ndarray) -> float:
        return np.linalg.slogdet(a)[1]

    with pytest.raises(np.linalg.LinAlgError):
        grad(logdet)(np.zeros((2, 2)))


@pytest.mark.parametrize("least", [1.0, 1e-3, 1e-6, 1e-9, 1e-14, 0.0])
def test_cofactors_are_exact_however_near_the_matrix_is_to_a_singular_one(least: float) -> None:
    def det(a: np.ndarray) -> float:
        return np.linalg.det(a)

    u, v = (np.linalg.qr(RNG.normal(size=(3, 3)))[0] for _ in range(2))
    a = (u * np.array([least, 2.0, 3.0])) @ v
    m = [[Fraction(float(x)) for x in row] for row in a]
    exact = np.empty((3, 3))
    for i, j in np.ndindex(3, 3):
        (p, q), (r, s) = ([row[k] for k in range(3) if k != j] for n, row in enumerate(m) if n != i)
        exact[i, j] = float((p * s - q * r) * (-1) ** (i + j))
    np.testing.assert_allclose(grad(det)(a), exact, rtol=0, atol=1e-14 * np.abs(exact).max())


def test_real_eigenvalues_of_general_matrices_only() -> None:
    def f(a: np.ndarray) -> float:
        return np.sum(np.linalg.eigvals(a) ** 2)

    def g(a: np.ndarray) -> float:
        w, v = np.linalg.eig(a)
        return np.sum(v * w)

    turn = np.array([[0.0, 1.0], [-1.0, 0.0]])
    for h in (f, g):
        with pytest.raises(ValueError, match="an eigenvalue is complex"):
            grad(h)(turn)
        with pytest.raises(ValueError, match="an eigenvalue is complex"):
            jvp(h, (turn,), (np.eye(2),))


def test_real_eigenvalues_are_real_numbers_whatever_numpy_makes_of_them() -> None:
    def f(a: np.ndarray) -> float:
        w, v = np.linalg.eig(a)
        return np.sum(np.linalg.eigvals(a) ** 2) + np.sum(v**2 * w)

    a = np.array([[2.0, 1.0], [0.5, 3.0]])
    found = grad(f)(a)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, 2 * a.T + np.eye(2), rtol=1e-12)


def test_zero_singular_value() -> None:
    def nuclear(a: np.ndarray) -> float:
        return np.sum(np.linalg.svd(a, compute_uv=False))

    u, _, vh = np.linalg.svd(np.diag([2.0, 1.0, 0.0]))
    np.testing.assert_allclose(grad(nuclear)(np.diag([2.0, 1.0, 0.0])), u @ vh)


def test_the_rank_is_constant_where_it_can_be() -> None:
    def f(a: np.ndarray) -> float:
        return np.linalg.matrix_rank(a) * np.sum(a)

    a = np.outer([1.0, 2.0, 3.0], [1.0, -1.0])
    np.testing.assert_array_equal(grad(f)(a), np.ones((3, 2)))

    def solution(b: np.ndarray) -> float:
        return np.linalg.lstsq(a, b, rcond=None)[0]

    jacobian_of_solution = jacobian(solution)(np.array([1.0, 0.5, 0.2]))
    np.testing.assert_allclose(jacobian_of_solution, np.linalg.pinv(a), atol=1e-12)


def test_solutions_for_stacks() -> None:
    """NumPy 2 takes a vector for all matrices of a stack; a matrix goes with each."""

    def f(a: np.ndarray, b: np.ndarray) -> float:
        return np.sum(np.linalg.solve(a, b) ** 2)

    stack = np.stack([general(3), general(3), general(3)])
    rights = [RNG.normal(size=(3, 3)), RNG.normal(size=(3, 3, 2)), RNG.normal(size=(4, 1, 3, 2))]
    if int(np.__version__.split(".")[0]) >= 2:
        rights += [RNG.normal(size=3), RNG.normal(size=(3, 2))]
    for b in rights:
        check_gradient(f, stack, b)


@pytest.mark.parametrize(
    "f",
    [gaussian, spectral, by_name, orthogonal, low_rank, volumes, kronecker, contractions, rates, regression],
)
def test_single_precision_stays_single(f: Callable[..., Any]) -> None:
    args = tuple(x.astype(np.float32) for x in next(a for g, a in PROGRAMS if g is f))
    found = grad(f, tuple(range(len(args))))(*args)
    assert [g.dtype for g in found] == [np.float32] * len(args)


def test_modern_products() -> None:
    """`vecdot`, `matvec`, `vecmat` and what `numpy.linalg` has of `numpy`, where NumPy has them."""

    def dots(x: np.ndarray, y: np.ndarray) -> float:
        return (
            np.sum(np.vecdot(x, y) ** 2) + np.sum(np.linalg.vecdot(x, y, axis=0)) + np.sum(np.linalg.cross(x, y) ** 2)
        )

    def products(a: np.ndarray, x: np.ndarray) -> float:
        return np.sum(np.matvec(a, x) ** 2) + np.sum(np.vecmat(x, a) ** 2)

    def factors(a: np.ndarray) -> float:
        return (
            np.sum(np.linalg.cholesky(a, upper=True) ** 3)
            + np.sum(np.linalg.svdvals(a))
            + np.sum(np.linalg.outer(a[0], a[1]))
        )

    if hasattr(np, "vecdot"):
        check_gradient(dots, RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3)))
        check_gradient(factors, positive(3))
    if hasattr(np, "matvec"):
        check_gradient(products, RNG.normal(size=(2, 3, 3)), RNG.normal(size=3))


def test_jacobians() -> None:
    def f(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.cross(np.einsum("ij,...j->...i", a, b), b) + np.tensordot(b, a, 1)

    check_modes(f, general(3), RNG.normal(size=(2, 3)))
    assert jacobian(f)(general(3), RNG.normal(size=(2, 3))).shape == (2, 3, 3, 3)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("np.einsum(x, [0, 1])", "the form with lists of axis numbers is not supported"),
        ("np.einsum('ij', x, order='F')", "with `order=` is not supported"),
        ("np.einsum('i1', x)", "is not made of letters"),
        ("np.einsum('ij->k', x)", "does not follow from"),
        ("np.linalg.multi_dot(y)", "the matrices of `multi_dot` are written in the call"),
        ("np.linalg.tensorsolve(x, x)", "no rule for `numpy.linalg.tensorsolve`"),
        ("np.linalg.svd(x)[0]", "write full_matrices=False"),
        ("np.linalg.qr(x, mode='complete')[0]", "np.linalg.qr is supported with mode='reduced' and mode='r'"),
        ("np.linalg.cond(x, 1)", "only the condition number in the 2-norm has a rule"),
        ("np.linalg.eigh(x, UPLO='X')[0]", "UPLO is 'L' or 'U'"),
        ("np.linalg.svd(x, hermitian=True)[1]", "with `hermitian=` is not supported"),
    ],
)
def test_refused(body: str, message: str, tmp_path: Any) -> None:
    path = tmp_path / "refused.py"
    path.write_text(f"import numpy as np\ndef f(x, y):\n    return np.sum({body})\n")
    namespace: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    with pytest.raises(TransformError, match=message.replace("(", r"\(").replace("[", r"\[")) as caught:
        grad(namespace["f"])(np.ones((3, 2)) + np.eye(3, 2), 1.0)
    assert caught.value.lineno == 3
