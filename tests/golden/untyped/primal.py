import numpy as np


def f(a, b, c=2.0):
    y = a * np.sin(b) + c
    if y > 1.0:
        y = y / c
    return y * a
