import numpy as np


def pendulum(angle: float, speed: float, damping: float, steps: int) -> float:
    """The energy of a damped pendulum after many steps of the explicit Euler method."""
    h = 0.01
    for i in range(steps):  # srcdiff: checkpoint(5)
        force = -np.sin(angle) - damping * speed
        angle = angle + h * speed
        speed = speed + h * force
    return 0.5 * speed * speed + 1.0 - np.cos(angle)
