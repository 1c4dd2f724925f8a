"""What the compiler refuses, on purpose: `srcdiff transform examples/refused.py` shows how it says so."""

from math import sin


def f(x: float) -> float:
    try:
        y = sin(x)
    except ValueError:
        y = 0.0
    with open("log.txt") as log:
        log.write(f"{y}")
    return eval("y * x")
