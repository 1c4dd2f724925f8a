import numpy as np


def spring(x: float, k: float) -> float:
    e = np.exp(-x * x)
    return -k * x * e


def energy(x: float, v: float, k: float) -> float:
    return 0.5 * v * v + 0.5 * k * x * x


def trajectory(x: float, v: float, k: float, dt: float, steps: int) -> float:
    for step in range(steps):
        v = v + dt * spring(x, k)
        x = x + dt * v
    return energy(x, v, k)
