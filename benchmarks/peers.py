"""The gradient of a program by srcdiff, by autograd and by JAX, whichever are installed.

In: one of `benchmarks.programs`. Out: for each tool a function that takes the program's arguments and returns the
gradients of its parameters as NumPy arrays or containers of them. JAX computes in double precision, compiled, on one
thread; a call waits for its result.

>>> from benchmarks.programs import PROGRAMS
>>> gradients(PROGRAMS[8], "srcdiff")(np.zeros(3))
(array([-2., -2.,  0.]),)
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import srcdiff
from benchmarks.programs import Program

TOOLS = ("srcdiff", "autograd", "JAX")
MODULES = {"srcdiff": "srcdiff", "autograd": "autograd", "JAX": "jax"}
Gradient = Callable[..., tuple[Any, ...]]


def is_installed(tool: str) -> bool:
    return importlib.util.find_spec(MODULES[tool]) is not None


def gradients(program: Program, tool: str) -> Gradient:
    """What computes the gradients, given the program's arguments."""
    match tool:
        case "srcdiff":
            return srcdiff.grad(program.loss, wrt=program.wrt)
        case "autograd":
            import autograd
            import autograd.numpy

            return autograd.grad(program.written_for(autograd.numpy), argnum=program.wrt)
        case _:
            return by_jax(program)


def by_jax(program: Program) -> Gradient:
    # Said before JAX starts.
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    gradient = jax.grad(program.compiled(), argnums=program.wrt)
    compiled: dict[tuple[int, ...], Any] = {}

    def call(*arguments: Any) -> tuple[Any, ...]:
        static = tuple(i for i, a in enumerate(arguments) if isinstance(a, int))
        if static not in compiled:
            compiled[static] = jax.jit(gradient, static_argnums=static)
        found: tuple[Any, ...] = jax.block_until_ready(compiled[static](*arguments))
        return found

    def placed(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments as JAX's users have them: arrays of JAX, placed once."""
        return tuple(a if isinstance(a, int) else jax.tree.map(jnp.asarray, a) for a in arguments)

    call.placed = placed  # type: ignore[attr-defined]
    return call


def prepared(gradient: Gradient, arguments: tuple[Any, ...]) -> Callable[[], tuple[Any, ...]]:
    """The gradient at these arguments, as a function without arguments."""
    placed = getattr(gradient, "placed", None)
    given = arguments if placed is None else placed(arguments)
    return lambda: gradient(*given)


def leaves(value: Any) -> Iterator[np.ndarray]:
    """The numbers and arrays of a gradient, in order."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
    else:
        yield np.asarray(value)


def require_equal(expected: Any, found: Any, what: str) -> None:
    """Two gradients agree to rounding.

    Raises
    ------
    AssertionError
        where they do not.
    """
    pairs = zip(leaves(expected), leaves(found), strict=True)
    for a, b in pairs:
        if a.shape != b.shape or not np.allclose(a, b, rtol=1e-7, atol=1e-8 * (1.0 + np.max(np.abs(a), initial=0.0))):
            raise AssertionError(f"{what}: the gradients differ")
