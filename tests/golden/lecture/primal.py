from math import sin


def f(x1: float, x2: float) -> float:
    w3 = x1 * x2
    w4 = sin(x1)
    w5 = w3 + w4
    return w5
