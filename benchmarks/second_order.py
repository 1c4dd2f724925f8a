"""Second derivatives and Jacobians: products with Hessians, Hessians, coloured against dense, with JAX beside them.

Out: rows of the table. JAX (the extra `bench`) is measured where it is installed: compiled, on one processor, in double
precision.

>>> float(rosenbrock(np.ones(4)))
0.0
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

import srcdiff
from benchmarks.measure import interleaved
from srcdiff.mixture import Objective, load_old_faithful

Row = tuple[str, str, str]


def rosenbrock(x: np.ndarray) -> float:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def logistic(w: np.ndarray, b: float, X: np.ndarray, y: np.ndarray) -> float:
    z = X @ w + b
    return np.sum(np.logaddexp(0.0, z) - y * z)


def banded(x: np.ndarray) -> np.ndarray:
    y = np.zeros(len(x))
    y[1:-1] = x[2:] - 2.0 * x[1:-1] + x[:-2] - np.exp(x[1:-1])
    return y


def ratios(
    name: str, f: Callable[..., Any], arguments: tuple[Any, ...], wrt: tuple[int, ...], vectors: tuple[Any, ...]
) -> list[Row]:
    """The cost of a product with the Hessian over that of the gradient, and of the Hessian over n gradients."""
    gradient, product, matrix = srcdiff.grad(f, wrt=wrt), srcdiff.hvp(f, wrt=wrt), srcdiff.hessian(f, wrt=wrt)
    functions: dict[str, Callable[[], object]] = {
        "gradient": lambda: gradient(*arguments),
        "hvp": lambda: product(*arguments, *vectors),
        "hessian": lambda: matrix(*arguments),
    }
    functions |= jax_functions(name, arguments, vectors)
    times = interleaved(functions, repeats=9)
    n = sum(int(np.size(arguments[i])) for i in wrt)
    base = times["gradient"]
    rows = [
        (f"hvp / gradient: {name}", f"{times['hvp'] / base:.2f} ({1e6 * base:.1f} µs gradient)", "at most 5"),
        (f"hessian / (n x gradient): {name}, n = {n}", f"{times['hessian'] / (n * base):.3f}", ""),
    ]
    for kind in ("gradient", "hvp", "hessian"):
        if f"jax {kind}" in times:
            ratio = times[f"jax {kind}"] / times[kind]
            rows.append((f"JAX compiled / srcdiff: {kind}, {name}", f"{ratio:.2f}", "above 1"))
    return rows


def jax_functions(name: str, arguments: tuple[Any, ...], vectors: tuple[Any, ...]) -> dict[str, Callable[[], object]]:
    """The same by JAX, where it is installed and the function is the chained Rosenbrock or the logistic loss."""
    if importlib.util.find_spec("jax") is None or name.startswith("mixture"):
        return {}
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def chained(x: Any) -> Any:
        return jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    def loss(w: Any, b: Any, X: Any, y: Any) -> Any:
        z = X @ w + b
        return jnp.sum(jnp.logaddexp(0.0, z) - y * z)

    f, wrt = (chained, (0,)) if name.startswith("Rosenbrock") else (loss, (0, 1))
    given = tuple(jnp.asarray(a) for a in arguments)
    directions = tuple(jnp.asarray(v) for v in vectors)
    gradient = jax.grad(f, argnums=wrt)

    def along(*primals: Any) -> Any:
        return gradient(*primals, *given[len(wrt) :])

    compiled = {
        "jax gradient": jax.jit(gradient),
        "jax hvp": jax.jit(lambda *a: jax.jvp(along, a[: len(wrt)], directions)[1]),
        "jax hessian": jax.jit(jax.hessian(f, argnums=wrt)),
    }
    return {k: lambda c=c: jax.block_until_ready(c(*given)) for k, c in compiled.items()}


def second_order() -> list[Row]:
    """Products with the Hessian over gradients, Hessians over n gradients."""
    rng = np.random.default_rng(0)
    rows: list[Row] = []
    for n in (10, 100, 1_000):
        rows += ratios(f"Rosenbrock, n = {n}", rosenbrock, (rng.normal(size=n),), (0,), (rng.normal(size=n),))
    X = rng.normal(size=(1_000, 20))
    y = (rng.uniform(size=1_000) < 0.5).astype(float)
    vectors: tuple[Any, ...] = (rng.normal(size=20), 0.3)
    rows += ratios("logistic regression, 1000 x 20", logistic, (rng.normal(size=20), 0.1, X, y), (0, 1), vectors)
    data = load_old_faithful()
    block = next(Objective((data - data.mean(axis=0)) / data.std(axis=0)).blocks())
    parameters = (np.zeros(2), np.array([[-1.0, -1.0], [1.0, 1.0]]), np.tile(0.25 * np.eye(2), (2, 1, 1)))
    vectors = tuple(rng.normal(size=a.shape) for a in parameters)
    rows += ratios("mixture on Old Faithful, K = 2", block.total, (*parameters, *block.arguments), (0, 1, 2), vectors)
    return rows


def coloured() -> list[Row]:
    """The coloured Jacobian of a stencil against the dense one."""
    rng = np.random.default_rng(1)
    rows: list[Row] = []
    for n in (100, 1_000, 10_000):
        x = rng.normal(size=n)
        sparse, dense = srcdiff.jacobian(banded, sparse=True), srcdiff.jacobian(banded, mode="forward")
        sparse(x)
        functions = {
            "coloured": lambda x=x, derivative=sparse: derivative(x),
            "dense": lambda x=x, derivative=dense: derivative(x),
        }
        times = interleaved(functions, repeats=5)
        value = f"{times['dense'] / times['coloured']:.1f} ({1e3 * times['coloured']:.2f} ms coloured)"
        rows.append((f"dense / coloured Jacobian: stencil, n = {n}, {sparse.colours} colours", value, "grows with n"))
    return rows
