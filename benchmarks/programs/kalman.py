"""A Kalman filter: the negative log-likelihood of a series of observations in a linear Gaussian model."""

from __future__ import annotations

from typing import Any

import numpy as np

WRT = ("A", "Q", "R")
SIZES = {"50 steps, 2 states": (50, 2, 1), "200 steps, 4 states": (200, 4, 2), "200 steps, 40 states": (200, 40, 10)}


def loss(A, Q, C, R, observed):
    m = np.zeros(len(A))
    P = np.eye(len(A))
    total = 0.0
    for y in observed:
        m = A @ m
        P = A @ P @ A.T + Q
        S = C @ P @ C.T + R
        v = y - C @ m
        G = np.linalg.solve(S, C @ P).T
        total += 0.5 * (v @ np.linalg.solve(S, v) + np.linalg.slogdet(S)[1])
        m = m + G @ v
        P = P - G @ S @ G.T
    return total


def compiled():
    import jax
    import jax.numpy as jnp

    def loss(A, Q, C, R, observed):
        def step(state, y):
            m, P = state
            m = A @ m
            P = A @ P @ A.T + Q
            S = C @ P @ C.T + R
            v = y - C @ m
            G = jnp.linalg.solve(S, C @ P).T
            cost = 0.5 * (v @ jnp.linalg.solve(S, v) + jnp.linalg.slogdet(S)[1])
            return (m + G @ v, P - G @ S @ G.T), cost

        return jnp.sum(jax.lax.scan(step, (jnp.zeros(len(A)), jnp.eye(len(A))), observed)[1])

    return loss


def arguments(steps: int, states: int, outputs: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    A = 0.9 * np.eye(states) + 0.05 * rng.normal(size=(states, states)) / states**0.5
    C = rng.normal(size=(outputs, states))
    Q, R = 0.1 * np.eye(states), 0.5 * np.eye(outputs)
    return A, Q, C, R, rng.normal(size=(steps, outputs))
