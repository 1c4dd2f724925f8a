import numpy as np


def force(x: float, k: float) -> float:  # srcdiff: recompute
    total = 0.0
    for i in range(1, 4):
        total = total + np.sin(i * k * x) * np.exp(-total)
    return -total


def trajectory(x: float, v: float, k: float, steps: int) -> float:
    """Where a particle is after some steps of the leapfrog method."""
    h = 0.1
    for step in range(steps):
        v = v + h * force(x, k)
        x = x + h * v
    return x
