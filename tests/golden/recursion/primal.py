def horner(x: float, n: int) -> float:
    if n == 0:
        return 1.0
    return 1.0 + x * horner(0.5 * x, n - 1)
