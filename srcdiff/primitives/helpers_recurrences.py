"""Helpers for recurrences along an axis, as text (see `helpers`).

Out: `RECURRENCES`, name -> source. They go in steps of 1, 2, 4...: as many operations on whole arrays as the logarithm
of the length, and exact where factors are 0.

>>> import numpy as np
>>> from srcdiff.primitives.helpers import helper
>>> helper("recurrence")(np.array([5.0, 0.0, 2.0]), np.array([1.0, 1.0, 1.0]), 0)
array([1., 1., 3.])
"""

from __future__ import annotations

RECURRENCES: dict[str, str] = {
    "recurrence": '''\
def recurrence(a, b, axis):
    """The solution of s[i] = a[i] * s[i - 1] + b[i] along axis, with nothing before s[0]."""
    a = np.moveaxis(a, axis, 0)
    s = np.moveaxis(b, axis, 0)
    step = 1
    while step < len(s):
        s = np.concatenate((s[:step], s[step:] + a[step:] * s[:-step]))
        a = np.concatenate((a[:step], a[step:] * a[:-step]))
        step = 2 * step
    return np.moveaxis(s, 0, axis)
''',
    "recurrence_back": '''\
def recurrence_back(a, b, axis):
    """The solution of s[i] = a[i + 1] * s[i + 1] + b[i] along axis, with nothing after the last."""
    a = np.moveaxis(a, axis, 0)
    s = np.moveaxis(b, axis, 0)
    step = 1
    while step < len(s):
        s = np.concatenate((s[:-step] + a[step:] * s[step:], s[-step:]))
        a = np.concatenate((a[:step], a[step:] * a[:-step]))
        step = 2 * step
    return np.moveaxis(s, 0, axis)
''',
}
