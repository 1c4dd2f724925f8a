"""An explicit heat equation, written in place, and the gradient of its misfit with respect to where the heat began.

`python examples/heat.py` recovers the initial temperature of a rod from its temperature later on, by gradient descent.
"""

import numpy as np

from srcdiff import value_and_grad


def spread(u: np.ndarray, rate: float, steps: int) -> None:
    """Let the heat spread along the rod, in place."""
    for _ in range(steps):
        u[1:-1] += rate * (u[2:] - 2.0 * u[1:-1] + u[:-2])


def misfit(u: np.ndarray, target: np.ndarray, rate: float, steps: int) -> float:
    spread(u, rate, steps)
    return np.sum((u - target) ** 2)


def recover(target: np.ndarray, rate: float, steps: int, iterations: int) -> np.ndarray:
    """The initial temperature that leads to `target` after `steps` steps."""
    descend = value_and_grad(misfit, wrt="u")
    guess = np.zeros_like(target)
    for _ in range(iterations):
        _, gradient = descend(guess, target, rate, steps)
        guess -= 0.3 * gradient  # the largest curvature of the misfit is about 5.4: a step above 2 / 5.4 diverges
    return guess


if __name__ == "__main__":
    place = np.linspace(0.0, 1.0, 41)
    start = np.exp(-(((place - 0.4) / 0.12) ** 2))
    later = start.copy()
    spread(later, 0.25, 20)
    found = recover(later, 0.25, 20, 2000)
    print(
        f"the highest temperature: {start.max():.3f} at the start, {later.max():.3f} later, {found.max():.3f} recovered"
    )
    print(f"largest error of the recovered temperature: {np.abs(found - start).max():.3f}")
