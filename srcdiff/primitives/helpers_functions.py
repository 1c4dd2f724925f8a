"""Helpers for derivatives of special functions, as text: what NumPy has no function for.

Out: `OF_FUNCTIONS`, name -> source, a part of `srcdiff.primitives.helpers.HELPERS`. Those called `*_derivative` take
the order of the derivative, so that each is the derivative of another and higher derivatives need no new idea.

>>> OF_FUNCTIONS["share_of"].splitlines()[0]
'def share_of(a, y):'
"""

from __future__ import annotations

OF_FUNCTIONS: dict[str, str] = {
    "share_of": '''\
def share_of(a, y):
    """exp(a - y), the share of a in y = log(exp(a) + ...): 0 for -inf, 1 for inf."""
    if np.all(np.isfinite(a)):
        return np.exp(a - y)
    infinite = np.isinf(a)
    gap = np.where(infinite, 0.0, a) - np.where(infinite, 0.0, y)
    return np.where(infinite, a > 0.0, np.exp(gap))[()]
''',
    "sinc_derivative": '''\
def sinc_derivative(x, order):
    """The derivative of np.sinc of that order: a power series near 0, a recurrence elsewhere."""
    x = np.asarray(x) * 1.0
    near = np.abs(x) < 1.0
    t = np.pi * np.where(near, x, 0.0)
    series = 0.0 * t
    term = (-1) ** ((order + 1) // 2) * np.pi**order * t ** (order % 2)
    for j in range(order % 2, 32, 2):
        series = series + term / (j + order + 1)
        term = -term * t * t / ((j + 1) * (j + 2))
    far = np.where(near, 1.0, x)
    value = np.sinc(far)
    for i in range(1, order + 1):
        wave = np.sin(np.pi * far + 0.5 * i * np.pi)
        value = (np.pi ** (i - 1) * wave - i * value) / far
    return np.where(near, series, value)[()]
''',
    "i0_derivative": '''\
def i0_derivative(x, order):
    """The derivative of np.i0 of that order: the midpoint rule for its integral."""
    x = np.asarray(x) * 1.0
    c = np.cos(np.pi / 128.0 * np.arange(0.5, 64.0)).astype(x.dtype)
    t = np.expand_dims(x, -1) * c
    return np.mean(c**order * (np.sinh(t) if order % 2 == 1 else np.cosh(t)), axis=-1)
''',
    "lgamma_derivative": '''\
def lgamma_derivative(x, order):
    """The derivative of math.lgamma of that order, a polygamma function."""
    if x <= 0.0:
        p = np.array([1.0, 0.0])
        for _ in range(order - 1):
            p = np.polymul(np.polyder(p), [-np.pi, 0.0, -np.pi])
        cotangent = 1.0 / np.tan(np.pi * (x - np.round(x)))
        mirrored = lgamma_derivative(1.0 - x, order)
        return -((-1.0) ** order) * mirrored - np.pi * np.polyval(p, cotangent)
    n = order - 1
    steps = np.arange(max(0.0, np.ceil(15.0 + n - x)))
    z = x + len(steps)
    leading = -np.log(z) if n == 0 else np.prod(np.arange(1.0, n)) / z**n
    rest = 0.5 / z**order + np.sum(1.0 / (x + steps) ** order)
    total = leading + np.prod(np.arange(1.0, order)) * rest
    bernoulli = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6]
    for i in range(len(bernoulli)):
        k = 2.0 * i + 2.0
        total += bernoulli[i] * np.prod(np.arange(k, k + n)) / k / z ** (k + n)
    return (-1.0) ** order * total
''',
}
"""Texts like those of `HELPERS`."""
