"""A damped pendulum integrated with Runge-Kutta steps, and how its final angle depends on how it was set up.

State and rates are plain tuples; `python examples/pendulum.py` finds the release angle that ends at a wanted angle.
"""

from math import sin

from srcdiff import value_and_grad


def rates(angle, speed, damping, length):
    return speed, -9.81 / length * sin(angle) - damping * speed


def final_angle(angle: float, damping: float, length: float, duration: float = 2.0, steps: int = 100) -> float:
    speed = 0.0
    h = duration / steps
    for _ in range(steps):
        a1, s1 = rates(angle, speed, damping, length)
        a2, s2 = rates(angle + 0.5 * h * a1, speed + 0.5 * h * s1, damping, length)
        a3, s3 = rates(angle + 0.5 * h * a2, speed + 0.5 * h * s2, damping, length)
        a4, s4 = rates(angle + h * a3, speed + h * s3, damping, length)
        angle += h / 6.0 * (a1 + 2.0 * a2 + 2.0 * a3 + a4)
        speed += h / 6.0 * (s1 + 2.0 * s2 + 2.0 * s3 + s4)
    return angle


def release_angle(wanted: float, damping: float, length: float) -> float:
    """Newton's method on the final angle."""
    newton = value_and_grad(final_angle, wrt="angle")
    angle = wanted
    for _ in range(20):
        value, slope = newton(angle, damping, length)
        angle -= (value - wanted) / slope
    return angle


if __name__ == "__main__":
    angle = release_angle(0.4, 0.3, 1.0)
    print(f"released at {angle:.12f}, the pendulum is at {final_angle(angle, 0.3, 1.0):.12f} after two seconds")
