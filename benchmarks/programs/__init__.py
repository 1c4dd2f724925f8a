"""Ten programs that people write with NumPy, each in a module of its own.

Such a module has the function `loss`, as it is written for NumPy; `WRT`, the parameters that its gradient is asked for;
`SIZES`, name -> arguments of the function `arguments`, which makes the arguments of `loss`. The same text, read with
the NumPy of autograd or of JAX in place of NumPy's, is what their users would write, save where a module says
otherwise: `functional(np)` for what writes in place, `compiled()` where a user of JAX would write `jax.lax.scan`.

>>> [program.name for program in PROGRAMS][:2]
['logistic regression', 'multilayer perceptron']
>>> program = PROGRAMS[8]
>>> float(program.loss(*program.module.arguments(3))) > 0.0
True
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

from benchmarks.programs import (
    gaussian_process,
    heat,
    kalman,
    kmeans,
    logistic,
    mixture,
    mlp,
    rosenbrock,
    runge_kutta,
    softmax,
)

Loss = Callable[..., Any]


@dataclass(frozen=True)
class Program:
    """One of the ten: a name for people, and the module that holds it."""

    name: str
    module: ModuleType

    @property
    def loss(self) -> Loss:
        loss: Loss = self.module.loss
        return loss

    @property
    def wrt(self) -> tuple[int, ...]:
        """The positions of the parameters that the gradient is asked for."""
        names = list(inspect.signature(self.loss).parameters)
        return tuple(names.index(name) for name in self.module.WRT)

    @property
    def rewritten(self) -> tuple[str, ...]:
        """Where the text is another one than NumPy's: in autograd, in JAX."""
        functional = hasattr(self.module, "functional")
        found = {"autograd": functional, "JAX": functional or hasattr(self.module, "compiled")}
        return tuple(tool for tool, rewritten in found.items() if rewritten)

    def sizes(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """The name of each size, and arguments of that size."""
        for name, numbers in self.module.SIZES.items():
            yield name, self.module.arguments(*numbers)

    def written_for(self, other: Any) -> Loss:
        """`loss` with `other` in place of NumPy, without writes in place."""
        if hasattr(self.module, "functional"):
            functional: Loss = self.module.functional(other)
            return functional
        return with_numpy(self.loss, other)

    def compiled(self) -> Loss:
        """`loss` as a user of JAX writes it."""
        import jax.numpy as jnp

        if hasattr(self.module, "compiled"):
            compiled: Loss = self.module.compiled()
            return compiled
        return self.written_for(jnp)


def with_numpy(function: Any, other: Any) -> Loss:
    """The same function, and the functions of its module that it calls, with `other` where they say `np`."""
    namespace = {**function.__globals__, "np": other}
    for name, value in function.__globals__.items():
        if isinstance(value, FunctionType) and value.__module__ == function.__module__:
            namespace[name] = FunctionType(value.__code__, namespace, name, value.__defaults__)
    made: Loss = namespace[function.__name__]
    return made


PROGRAMS = (
    Program("logistic regression", logistic),
    Program("multilayer perceptron", mlp),
    Program("Gaussian process", gaussian_process),
    Program("ODE by Runge-Kutta", runge_kutta),
    Program("Kalman filter", kalman),
    Program("heat equation in place", heat),
    Program("mixture", mixture),
    Program("k-means cost", kmeans),
    Program("Rosenbrock", rosenbrock),
    Program("softmax cross-entropy", softmax),
)
