"""Linear algebra of SciPy in programs: every mode against divided differences, imports, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import pytest
import scipy
import scipy.linalg
import scipy.linalg as sla
from scipy import linalg
from scipy.linalg import cho_factor, cho_solve, expm, solve_triangular

from srcdiff import TransformError, grad, hessian, jacobian, transform
from tests.support import check_gradient, check_modes

RNG = np.random.default_rng(11)
X = RNG.normal(size=(6, 2))
Y = RNG.normal(size=6)
THETA = np.array([0.1, 0.2, -1.0])


def kernel(theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    d2 = np.sum((x[:, None, :] - x[None, :, :]) ** 2, axis=-1)
    return np.exp(theta[0]) * np.exp(-0.5 * d2 / np.exp(theta[1])) + np.exp(theta[2]) * np.eye(len(x))


def by_triangles(theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    factor = sla.cholesky(kernel(theta, x), lower=True)
    z = solve_triangular(factor, y, lower=True)
    return 0.5 * z @ z + np.sum(np.log(np.diag(factor)))


def by_upper_triangles(theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    factor = scipy.linalg.cholesky(kernel(theta, x), check_finite=False)
    z = linalg.solve_triangular(factor, y, trans="T", check_finite=False)
    return 0.5 * z @ z + np.sum(np.log(np.diag(factor)))


def by_factor(theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    factor = cho_factor(kernel(theta, x), lower=True)
    return 0.5 * y @ cho_solve(factor, y) + np.sum(np.log(np.diag(factor[0])))


def by_unpacked_factor(theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    c, low = linalg.cho_factor(kernel(theta, x))
    return 0.5 * y @ linalg.cho_solve((c, low), y) + np.sum(np.log(np.diag(c)))


def by_solve(theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    k = kernel(theta, x)
    return 0.5 * y @ linalg.solve(k, y, assume_a="pos") + 0.5 * np.linalg.slogdet(k)[1]


LIKELIHOODS = [by_triangles, by_upper_triangles, by_factor, by_unpacked_factor, by_solve]


@pytest.mark.parametrize("f", LIKELIHOODS)
def test_likelihood_of_a_gaussian_process(f: Callable[..., Any]) -> None:
    check_gradient(f, THETA, X, Y)
    np.testing.assert_allclose(grad(f)(THETA, X, Y), grad(by_triangles)(THETA, X, Y), rtol=1e-9)
    np.testing.assert_allclose(hessian(f)(THETA, X, Y), jacobian(grad(f))(THETA, X, Y), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(hessian(f)(THETA, X, Y), hessian(by_triangles)(THETA, X, Y), rtol=1e-8, atol=1e-10)


def flow(a: np.ndarray, v: np.ndarray) -> np.ndarray:
    return expm(a) @ v


def flows(a: np.ndarray) -> float:
    return np.sum(expm(a) ** 2)


def blocks(a: np.ndarray, c: np.ndarray, r: np.ndarray) -> float:
    b = linalg.block_diag(a, linalg.toeplitz(c), linalg.toeplitz(c, r))
    return np.sum(b**3) + linalg.det(a) + np.sum(linalg.inv(a) ** 2)


def systems(a: np.ndarray, b: np.ndarray) -> float:
    x = linalg.solve(a, b) + linalg.solve(a, b, transposed=True)
    return np.sum(x**2) + np.sum(linalg.solve_triangular(a, b, lower=True, unit_diagonal=True))


def test_programs() -> None:
    a = RNG.normal(size=(3, 3)) + 3.0 * np.eye(3)
    check_modes(flow, a, RNG.normal(size=3))
    check_gradient(flows, RNG.normal(size=(2, 3, 3)))
    np.testing.assert_allclose(hessian(flows)(0.3 * a), jacobian(grad(flows))(0.3 * a), rtol=1e-8)
    check_gradient(blocks, a, RNG.normal(size=2), RNG.normal(size=4))
    check_gradient(systems, a, RNG.normal(size=3))
    check_gradient(systems, a, RNG.normal(size=(3, 2)))


def test_the_other_triangle_of_a_factor_is_no_data() -> None:
    a = np.array([[2.0, 0.3], [0.5, 1.5]])

    def f(c: np.ndarray, b: np.ndarray) -> float:
        return b @ cho_solve((c, True), b)

    assert grad(f)(a, np.ones(2))[0, 1] == 0.0
    check_gradient(f, a, np.ones(2))


def typed(k: Annotated[np.ndarray, "n n"], y: Annotated[np.ndarray, "n"]) -> float:
    factor = linalg.cholesky(k, lower=True)
    z = solve_triangular(factor, y, lower=True)
    return z @ z + np.trace(sla.expm(k))


def test_text_imports_scipy_as_the_user_does(tmp_path: Any) -> None:
    made = transform(typed, mode="gradient")
    assert "scipy" in made.source and "srcdiff" not in made.source
    assert "solve_triangular(factor, bz, trans=1, lower=True)" in made.source
    path = tmp_path / "typed.py"
    made.save(path)
    assert subprocess.run([sys.executable, str(path)], capture_output=True, check=False).returncode == 0
    again = [sys.executable, "-m", "srcdiff", "transform", str(path), "-f", "typed_grad", "--mode", "forward"]
    assert subprocess.run(again, capture_output=True, check=False).returncode == 0

    def plain(k: np.ndarray) -> float:
        return np.linalg.cholesky(k)[0, 0]

    assert "scipy" not in transform(plain, mode="gradient").source


def test_srcdiff_does_not_import_scipy() -> None:
    code = (
        "import sys, numpy as np, srcdiff\n"
        "from srcdiff.primitives.table import TABLE\n"
        "assert 'scipy.linalg.expm' in TABLE\n"
        "assert not any(m.split('.')[0] == 'scipy' for m in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_single_precision_stays_single() -> None:
    arguments = tuple(x.astype(np.float32) for x in (THETA, X, Y))
    for f in LIKELIHOODS:
        assert [g.dtype for g in grad(f, (0, 1, 2))(*arguments)] == [np.float32] * 3
    assert grad(flows)(np.eye(2, dtype=np.float32)).dtype == np.float32


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("linalg.sqrtm(x)", "no rule for `scipy.linalg.sqrtm`"),
        ("linalg.logm(x)", "no rule for `scipy.linalg.logm`"),
        ("linalg.lu_factor(x)[0]", "no rule for `scipy.linalg.lu_factor`"),
        ("linalg.cholesky(x, overwrite_a=True)", "overwrite_a=True lets the function write into its argument"),
        ("linalg.solve(x, x, assume_a='banded')", "assume_a= of scipy.linalg.solve is supported with"),
        ("linalg.solve_triangular(x, x, lower=y > 0)", "lower= is True or False, written in the call"),
        ("linalg.expm_frechet(x, x)[0]", "scipy.linalg.expm_frechet is supported with compute_expm=False"),
        ("linalg.cho_solve(x, x)", "`*` needs a tuple whose length is known"),
    ],
)
def test_refused(body: str, message: str, tmp_path: Any) -> None:
    path = tmp_path / "refused.py"
    path.write_text(f"import numpy as np\nfrom scipy import linalg\ndef f(x, y):\n    return np.sum({body})\n")
    namespace: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    with pytest.raises(TransformError) as caught:
        grad(namespace["f"])(np.eye(2), 1.0)
    assert message in str(caught.value) and caught.value.lineno == 4
