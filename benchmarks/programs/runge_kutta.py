"""An ODE: the squared distance of observations from a Lotka-Volterra system, integrated by Runge and Kutta's method."""

from __future__ import annotations

from typing import Any

import numpy as np

WRT = ("theta", "y0")
SIZES = {"10 steps": (10,), "100 steps": (100,), "1000 steps": (1000,)}


def rate(y, theta):
    prey, predators = y
    return np.array(
        [
            theta[0] * prey - theta[1] * prey * predators,
            theta[2] * prey * predators - theta[3] * predators,
        ]
    )


def loss(theta, y0, h, observed):
    y = y0
    cost = 0.0
    for target in observed:
        k1 = rate(y, theta)
        k2 = rate(y + 0.5 * h * k1, theta)
        k3 = rate(y + 0.5 * h * k2, theta)
        k4 = rate(y + h * k3, theta)
        y = y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        cost = cost + np.sum((y - target) ** 2)
    return cost


def compiled():
    import jax
    import jax.numpy as jnp

    def rate(y, theta):
        prey, predators = y
        return jnp.array(
            [
                theta[0] * prey - theta[1] * prey * predators,
                theta[2] * prey * predators - theta[3] * predators,
            ]
        )

    def loss(theta, y0, h, observed):
        def step(y, target):
            k1 = rate(y, theta)
            k2 = rate(y + 0.5 * h * k1, theta)
            k3 = rate(y + 0.5 * h * k2, theta)
            k4 = rate(y + h * k3, theta)
            y = y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
            return y, jnp.sum((y - target) ** 2)

        return jnp.sum(jax.lax.scan(step, y0, observed)[1])

    return loss


def arguments(steps: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    observed = 1.0 + 0.1 * rng.normal(size=(steps, 2))
    return np.array([1.1, 0.4, 0.1, 0.4]), np.array([1.0, 0.8]), 0.01, observed
