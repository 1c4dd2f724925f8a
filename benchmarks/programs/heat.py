"""The heat equation on a square, in place: the squared distance from a measured temperature after some steps."""

from __future__ import annotations

from typing import Any

import numpy as np

WRT = ("u", "rate")
SIZES = {"16 x 16, 50 steps": (16, 50), "128 x 128, 50 steps": (128, 50), "512 x 512, 20 steps": (512, 20)}


def loss(u, rate, target, steps):
    for _ in range(steps):
        u[1:-1, 1:-1] += rate * (u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4.0 * u[1:-1, 1:-1])
    return np.sum((u - target) ** 2)


def functional(np):
    def loss(u, rate, target, steps):
        for _ in range(steps):
            change = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4.0 * u[1:-1, 1:-1]
            u = u + rate * np.pad(change, 1, mode="constant")
        return np.sum((u - target) ** 2)

    return loss


def compiled():
    import jax
    import jax.numpy as jnp

    def loss(u, rate, target, steps):
        def step(u, _):
            change = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4.0 * u[1:-1, 1:-1]
            return u.at[1:-1, 1:-1].add(rate * change), None

        return jnp.sum((jax.lax.scan(step, u, None, length=steps)[0] - target) ** 2)

    return loss


def arguments(n: int, steps: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, n)), 0.2, rng.normal(size=(n, n)), steps
