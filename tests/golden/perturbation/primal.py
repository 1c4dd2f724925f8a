from srcdiff import grad


def inner(x, y):
    product = x * y
    return product * product + y


def f(x: float) -> float:
    slope = grad(lambda y: x * y)(2.0)
    curved = grad(inner, wrt="y")(x, 3.0 * x)
    return x * slope + curved
