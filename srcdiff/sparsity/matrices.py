"""`SparseJacobian` and `SparseHessian`: derivatives as sparse matrices of SciPy.

In: a function and `wrt`. Out: callables that return matrices in CSR form. The pattern is detected at the arguments of
the first call with such shapes, coloured, and kept. Every evaluation checks the matrix against a directional
derivative in a random direction. Where they disagree (a branch was taken differently, a constant matrix has its zeros
elsewhere), the pattern is detected again at the present arguments and added to what was known; should even that not
do, every column is computed, which needs no pattern.

>>> def f(x):
...     return x[1:] * x[:-1]
>>> jacobian = SparseJacobian(f)
>>> print(jacobian(np.array([1.0, 2.0, 3.0])).toarray())
[[2. 1. 0.]
 [0. 3. 2.]]
>>> jacobian.colours, jacobian.took
(2, 'forward')
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from srcdiff.derivative import Derivative
from srcdiff.ir.instances import described
from srcdiff.parameters import Wrt, checked_wrt
from srcdiff.signatures import as_floating
from srcdiff.sparsity import sweeps
from srcdiff.sparsity.colouring import transposed
from srcdiff.sparsity.compressed import Directions, dense_entries, evaluated
from srcdiff.sparsity.dependencies import Names
from srcdiff.sparsity.pattern import detect
from srcdiff.sparsity.plans import Mode, Plan, Sweep, Took, planned, planned_symmetric


def scipy_sparse() -> Any:
    """The module `scipy.sparse`.

    Raises
    ------
    ImportError
        where SciPy is not installed.
    """
    try:
        import scipy.sparse
    except ImportError as error:
        raise ImportError("sparse matrices need SciPy: install it, or srcdiff with the extra `sparse`") from error
    return scipy.sparse


@dataclass(frozen=True)
class _Point:
    """One call: the arguments in order, those of `wrt` as floats, and the value of the function there."""

    arguments: list[Any]
    positions: tuple[int, ...]
    value: Any

    @property
    def sizes(self) -> list[int]:
        return [int(np.size(self.arguments[i])) for i in self.positions]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype that holds the numbers of every parameter of `wrt`."""
        arrays = [self.arguments[i].dtype for i in self.positions if isinstance(self.arguments[i], np.ndarray)]
        return np.result_type(*arrays) if len(arrays) == len(self.positions) else np.dtype(float)

    def key(self) -> Hashable:
        """The shapes of all arguments: what a pattern is kept for."""
        return tuple(_shapes(a) for a in self.arguments)


def _shapes(value: object) -> Hashable:
    match value:
        case np.ndarray():
            return tuple(value.shape)
        case list() | tuple():
            return (type(value).__name__, *map(_shapes, value))
        case dict():
            return tuple((k, _shapes(v)) for k, v in value.items())
        case _:
            return None


class SparseMatrix:
    """What the two have in common: patterns kept by the shapes of arguments, evaluation with a check."""

    def __init__(self, f: Callable[..., Any], wrt: Wrt) -> None:
        scipy_sparse()
        self._function = f
        self._primal = Derivative(f, "primal", None)
        checked = checked_wrt(0 if wrt is None else wrt)
        assert checked is not None
        self._one = not isinstance(checked, tuple)
        # It refuses what names no parameter.
        self._wrt = Derivative(f, "primal", checked).positions(checked)
        self._plans: dict[Hashable, Plan] = {}
        self._last: Plan | None = None
        self._dense = False

    @property
    def pattern(self) -> Any:
        """Where the matrix of the last call may differ from zero: a sparse array of booleans."""
        plan = self._latest()
        ones = np.ones(plan.indices.size, dtype=bool)
        return scipy_sparse().csr_array((ones, plan.indices, plan.indptr), shape=plan.shape)

    @property
    def colours(self) -> int:
        """The number of colours of the last call: so many directions it took, and one for the check."""
        return self._latest().count

    @property
    def took(self) -> Took:
        """How the last call went.

        "forward" or "reverse": by colours of columns or rows; "both": the fullest rows or columns apart from the rest;
        "symmetric": by a star colouring; "dense": column by column, since the check failed.
        """
        plan = self._latest()
        return "dense" if self._dense else plan.took

    def _latest(self) -> Plan:
        if self._last is None:
            raise RuntimeError("the pattern and its colours are known after the first call")
        return self._last

    def _point(self, args: Sequence[Any], kwargs: dict[str, Any]) -> _Point:
        """The arguments of a call as the generated code gets them.

        Raises
        ------
        TypeError
            where they do not fit the function, or a parameter of `wrt` is no number or array.
        """
        name = self._primal.__name__
        binding = self._primal.binding
        binding.require_count(len(args), kwargs)
        arguments = binding.ordered(args, kwargs)
        for i in self._wrt:
            parameter = binding.names[i]
            given = arguments[i] = as_floating(arguments[i])
            if not isinstance(given, float | np.floating | np.ndarray):
                raise TypeError(
                    f"the sparse derivatives of `{name}` are not defined: its parameter `{parameter}` is "
                    f"{described(given)}, not a number or an array"
                )
        value = self._primal.at(arguments)
        if not isinstance(value, bool | int | float | np.generic | np.ndarray):
            raise TypeError(
                f"the sparse derivatives of `{name}` are not defined: it returns {described(value)}, not a number or "
                f"an array: put the numbers into one array"
            )
        return _Point(arguments, self._wrt, value)

    def _in_full(self, point: _Point) -> tuple[list[Any], tuple[int, ...]]:
        """The arguments, those that the function has already in front of them, and the positions of `wrt` there."""
        given = self._primal.given
        return [*given, *point.arguments], tuple(len(given) + i for i in point.positions)

    def _matrix(self, point: _Point) -> Any:
        """The matrix at a point, checked."""
        key = point.key()
        plan = self._plans.get(key)
        fresh = plan is None or plan.shape != self._shape(point)
        if plan is None or fresh:
            plan = self._plans[key] = self._planned(*self._detected(point))
        self._dense = False
        data, verdict = evaluated(plan, lambda sweep: self._directions(sweep, point), point.dtype)
        if verdict != "agrees" and not fresh:
            found = _united(plan, *self._detected(point))
            if found[1].size != plan.indices.size:
                plan = self._plans[key] = self._planned(*found)
                data, verdict = evaluated(plan, lambda sweep: self._directions(sweep, point), point.dtype)
        self._last = plan
        if verdict == "differs":
            # The pattern was found at this very point, so that one of the rules for patterns must be wrong, or rounding
            # errors are large. Without a pattern nothing can be missing.
            self._dense = True
            rows, columns, values = dense_entries(self._directions("forward", point), plan.shape, point.dtype)
            return scipy_sparse().coo_array((values, (rows, columns)), shape=plan.shape).tocsr()
        return scipy_sparse().csr_array((data, plan.indices.copy(), plan.indptr.copy()), shape=plan.shape)

    def _shape(self, point: _Point) -> tuple[int, int]:
        raise AssertionError("defined by the two kinds of matrices")

    def _detected(self, point: _Point) -> tuple[Names, Names, int]:
        """The pattern at a point, as the rows of a matrix of so many columns."""
        raise AssertionError("defined by the two kinds of matrices")

    def _planned(self, indptr: Names, indices: Names, columns: int) -> Plan:
        """The pattern, coloured."""
        raise AssertionError("defined by the two kinds of matrices")

    def _directions(self, sweep: Sweep, point: _Point) -> Directions:
        raise AssertionError("defined by the two kinds of matrices")


class SparseJacobian(SparseMatrix):
    """The Jacobian of a function as a sparse matrix of shape (y.size, x.size), in CSR form.

    Parameters
    ----------
    f
        A function of the subset that returns a number or an array.
    wrt
        Index or name of the parameter, a number or an array, or a tuple of these: then the result is a tuple.
    mode
        ``"forward"``: colours of columns; ``"reverse"``: colours of rows; ``"auto"``: whichever are fewer, or both,
        where a few rows or columns are nearly full.

    Raises
    ------
    ImportError
        where SciPy is not installed.
    """

    def __init__(self, f: Callable[..., Any], wrt: Wrt = 0, mode: Mode = "auto") -> None:
        if mode not in ("forward", "reverse", "auto"):
            raise ValueError(f'mode is "forward", "reverse" or "auto", not {mode!r}')
        super().__init__(f, wrt)
        self.mode: Mode = mode
        self._forward = sweeps.Sweeps(f, "forward", self._wrt)
        self._reverse = sweeps.Sweeps(f, "reverse", self._wrt)

    @property
    def source(self) -> str:
        """The code that ran last."""
        took = self.mode if self._last is None else self.took
        if took == "both":
            return f"{self._forward.source}\n\n{self._reverse.source}"
        return (self._reverse if took == "reverse" else self._forward).source

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        point = self._point(args, kwargs)
        matrix = self._matrix(point)
        if self._one:
            return matrix
        ends = np.cumsum(point.sizes).tolist()
        return tuple(matrix[:, a:b] for a, b in zip([0, *ends], ends, strict=False))

    def _shape(self, point: _Point) -> tuple[int, int]:
        return int(np.size(point.value)), sum(point.sizes)

    def _detected(self, point: _Point) -> tuple[Names, Names, int]:
        columns = sum(point.sizes)
        if np.asarray(point.value).dtype.kind != "f":
            return np.zeros(np.size(point.value) + 1, dtype=np.int64), np.zeros(0, dtype=np.int64), columns
        return (*detect(self._primal.ir, *self._in_full(point)), columns)

    def _planned(self, indptr: Names, indices: Names, columns: int) -> Plan:
        return planned(indptr, indices, columns, self.mode)

    def _directions(self, sweep: Sweep, point: _Point) -> Directions:
        if np.asarray(point.value).dtype.kind != "f":
            size = sum(point.sizes) if sweep == "reverse" else int(np.size(point.value))
            return lambda seeds: np.zeros((len(seeds), size))
        return (self._reverse if sweep == "reverse" else self._forward).directions(point.arguments, point.value)


class SparseHessian(SparseMatrix):
    """The Hessian of a scalar function as a sparse matrix of shape (x.size, x.size), in CSR form.

    Parameters
    ----------
    f
        A function of the subset that returns a scalar.
    wrt
        Index or name of the parameter, a number or an array, or a tuple of these: then the result is a tuple of
        tuples of blocks.

    Raises
    ------
    ImportError
        where SciPy is not installed.
    """

    def __init__(self, f: Callable[..., Any], wrt: Wrt = 0) -> None:
        super().__init__(f, wrt)
        self._gradient = Derivative(f, "gradient", self._wrt)
        self._second = sweeps.Sweeps(f, "hvp", self._wrt)

    @property
    def source(self) -> str:
        """The code that ran last: the product of the Hessian with a stack of vectors."""
        return self._second.source

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        point = self._point(args, kwargs)
        matrix = self._matrix(point)
        if self._one:
            return matrix
        ends = np.cumsum(point.sizes).tolist()
        parts = list(zip([0, *ends], ends, strict=False))
        return tuple(tuple(matrix[a:b, c:d] for c, d in parts) for a, b in parts)

    def _shape(self, point: _Point) -> tuple[int, int]:
        size = sum(point.sizes)
        return size, size

    def _detected(self, point: _Point) -> tuple[Names, Names, int]:
        """The pattern of the Jacobian of the gradient, made symmetric."""
        size = sum(point.sizes)
        self._gradient.at(point.arguments)
        indptr, indices = detect(self._gradient.ir, *self._in_full(point))
        return (*_sum(indptr, indices, *transposed(indptr, indices, size), size), size)

    def _planned(self, indptr: Names, indices: Names, columns: int) -> Plan:
        return planned_symmetric(indptr, indices)

    def _directions(self, sweep: Sweep, point: _Point) -> Directions:
        return self._second.directions(point.arguments, point.value)


def _united(plan: Plan, indptr: Names, indices: Names, columns: int) -> tuple[Names, Names, int]:
    return (*_sum(plan.indptr, plan.indices, indptr, indices, columns), columns)


def _sum(starts: Names, places: Names, indptr: Names, indices: Names, columns: int) -> tuple[Names, Names]:
    """The entries that are in one of two patterns of the same shape, or in both."""
    rows = [np.repeat(np.arange(len(p) - 1), np.diff(p)) for p in (starts, indptr)]
    both = np.unique(np.concatenate([rows[0] * columns + places, rows[1] * columns + indices]))
    ends = np.searchsorted(both, np.arange(len(indptr)) * columns)
    return ends, both % max(columns, 1)
