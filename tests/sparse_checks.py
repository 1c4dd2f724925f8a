"""How a sparse derivative is checked.

In: a function and arguments. Out: `check_jacobian` and `check_hessian` compare every entry with the dense derivative
and return the sparse one; `point` gives arguments, `same` compares matrices, `stencil`, `ring`
and `rosenbrock` are functions with a banded derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from srcdiff import grad, jacobian
from srcdiff.sparsity import SparseHessian, SparseJacobian
from tests.oracles import differences

RNG = np.random.default_rng(5)


def point(*shape: int) -> np.ndarray:
    """Numbers from 0.3 to 1.7, the same for each shape."""
    return np.random.default_rng(shape).uniform(0.3, 1.7, shape)


def same(found: Any, expected: np.ndarray, tolerance: float = 1e-12) -> None:
    assert sp.issparse(found) and found.format == "csr"
    assert found.shape == expected.shape
    scale = max(1.0, np.abs(expected).max(initial=0.0))
    assert np.abs(found.toarray() - expected).max(initial=0.0) <= tolerance * scale


def check_jacobian(f: Callable[..., Any], x: Any, *rest: Any, wrt: Any = 0) -> SparseJacobian:
    """Each mode against the dense Jacobian; the one that picks the mode is returned."""
    expected = np.asarray(jacobian(f, wrt)(x, *rest))
    output = np.size(f(x, *rest))
    expected = expected.reshape(output, -1)
    for mode in ("forward", "reverse", "auto"):
        sparse = SparseJacobian(f, wrt, mode)
        same(sparse(x, *rest), expected)
        assert sparse.took == mode or (mode == "auto" and sparse.took in ("forward", "reverse", "both"))
        assert not (expected != 0)[~sparse.pattern.toarray()].any()
        assert sparse.colours <= min(max(expected.shape[mode == "forward"], 0), max(expected.shape))
    return sparse


def check_hessian(f: Callable[..., Any], x: Any, *rest: Any, wrt: int = 0) -> SparseHessian:
    """Against the dense Jacobian of the gradient, and divided differences of the gradient."""
    gradient = grad(f, wrt)
    args = [x, *rest]
    size = np.size(args[wrt])
    expected = np.asarray(jacobian(gradient, wrt)(*args)).reshape(size, size)
    sparse = SparseHessian(f, wrt)
    found = sparse(*args)
    same(found, expected)
    assert sparse.took == "symmetric"
    direction = RNG.normal(size=size)

    def moved(z: Any) -> Any:
        return gradient(*args[:wrt], z, *args[wrt + 1 :])

    shaped = differences.rebuild(args[wrt], direction)
    slope = differences.directional(moved, (args[wrt],), (shaped,))
    assert differences.error(differences.leaves(slope), found @ direction) < 1e-7
    return sparse


def stencil(x):
    y = x.copy()
    y[1:-1] = x[2:] - 2.0 * x[1:-1] ** 2 + x[:-2]
    return y


def ring(x):
    return np.roll(x, 1) * x - np.roll(x, -1) ** 2


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
