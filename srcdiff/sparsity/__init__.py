"""Sparse Jacobians and Hessians: a pattern, colours for it, and as many directional derivatives as there are colours.

In: functions of the subset. Out: matrices of `scipy.sparse`. Start reading at `matrices`.

>>> def f(x):
...     return (x[1:] - x[:-1] ** 2).sum()
>>> hessian = SparseHessian(f)
"""

from __future__ import annotations

from srcdiff.sparsity.matrices import SparseHessian, SparseJacobian

__all__ = ["SparseHessian", "SparseJacobian"]
