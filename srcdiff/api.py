"""The functional face: `grad`, `value_and_grad`, `jvp`, `vjp`, `jacobian`, `hessian`, `hvp`, `transform`.

In: functions written in the subset. Out: callables that run generated code, each with `.source`, that code as text.

>>> def f(x1, x2):
...     return x1 * x2
>>> grad(f, wrt=(0, 1))(2.0, 3.0)
(3.0, 2.0)
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

import numpy as np

from srcdiff.derivative import Derivative
from srcdiff.frontend.live import class_of_derivative
from srcdiff.frontend.targets import spread, varies
from srcdiff.ir.instances import attributes_of, is_object
from srcdiff.ir.records import is_record, items_of, rebuilt
from srcdiff.modes import DEFAULT, Options
from srcdiff.parameters import Wrt, checked_wrt
from srcdiff.primitives.helpers import helper
from srcdiff.signatures import certainly_like, directions_in, require_like

if TYPE_CHECKING:
    from srcdiff.sparsity import SparseHessian, SparseJacobian

Function = Callable[..., Any]
T = TypeVar("T")


def stop_gradient(x: T) -> T:
    """`x` itself, through which no derivative passes, in either mode and of any order.

    `x` is a number, an array, or a container of these. In a function that is differentiated it counts as constant.

    >>> def f(x):
    ...     return x * stop_gradient(x)
    >>> grad(f)(3.0), hessian(f)(3.0)
    (3.0, 0.0)
    """
    return x


@overload
def grad(f: Function, wrt: Wrt = 0, *, optimize: bool = True, checkpoint: int | None = None) -> Derivative: ...
@overload
def grad(
    f: None = None, wrt: Wrt = 0, *, optimize: bool = True, checkpoint: int | None = None
) -> Callable[[Function], Derivative]: ...
def grad(
    f: Function | None = None, wrt: Wrt = 0, *, optimize: bool = True, checkpoint: int | None = None
) -> Derivative | Callable[[Function], Derivative]:
    """The gradient of a scalar function, as a function of the same parameters; also a decorator.

    Parameters
    ----------
    f
        A function of the subset that returns a scalar. Left out in ``@grad(wrt=("x", "y"))``.
    wrt
        Index or name of the parameter to differentiate with respect to, or a tuple of these: then the result is a
        tuple.
    optimize
        Whether the generated code is optimised (the numbers are the same).
    checkpoint
        How many states the reverse sweep may keep of each outermost loop; it computes the others again. None: all that
        it needs is kept. A loop with a directive of its own (``# srcdiff: checkpoint(5)``) goes by that.

    Returns
    -------
    Derivative
        Called like `f`; the gradient has its parameter's structure, shape and dtype.

    Raises
    ------
    srcdiff.TransformError
        at once where `wrt` names no parameter; at the first call where `f` is outside the subset or not scalar.
    """
    return _made("gradient", f, wrt, Options(optimize=optimize, checkpoint=checkpoint))


@overload
def value_and_grad(
    f: Function, wrt: Wrt = 0, *, optimize: bool = True, checkpoint: int | None = None
) -> Derivative: ...
@overload
def value_and_grad(
    f: None = None, wrt: Wrt = 0, *, optimize: bool = True, checkpoint: int | None = None
) -> Callable[[Function], Derivative]: ...
def value_and_grad(
    f: Function | None = None, wrt: Wrt = 0, *, optimize: bool = True, checkpoint: int | None = None
) -> Derivative | Callable[[Function], Derivative]:
    """The value and the gradient of a scalar function, in one sweep; parameters as for `grad`."""
    return _made("value_and_grad", f, wrt, Options(optimize=optimize, checkpoint=checkpoint))


def _made(mode: str, f: Function | None, wrt: Wrt, options: Options) -> Derivative | Callable[[Function], Derivative]:
    if f is None:
        return lambda function: Derivative(function, mode, wrt, options)
    return Derivative(f, mode, wrt, options)


def transform(
    f: Function,
    mode: str = "reverse",
    wrt: Wrt = None,
    *,
    optimize: bool = True,
    signature: Mapping[str, str] | None = None,
    directions: bool = False,
    checkpoint: int | None = None,
) -> Derivative:
    """The generated function as an object: callable, with `.source`, `.ir` and `.save(path)`.

    Parameters
    ----------
    mode
        ``"forward"`` (``"jvp"``), ``"reverse"`` (``"vjp"``), ``"gradient"`` (``"grad"``), ``"value_and_grad"``,
        ``"jacobian"``, ``"hessian"`` or ``"hvp"``.
    wrt
        As for `grad`; None means every parameter that can carry a derivative.
    signature
        Types of parameters by name in the notation of annotations: ``{"x": 'Float[np.ndarray, "n"]'}``.
    directions
        Whether the tangents (or, in reverse mode, the output adjoint) are stacks of directions, with one more, leading
        axis: the derivatives then have it too.
    checkpoint
        As for `grad`.
    """
    options = Options(optimize=optimize, directions=directions, checkpoint=checkpoint)
    return Derivative(f, mode, wrt, options, signature)


def _kept(f: Function, mode: str, wrt: Wrt, options: Options = DEFAULT) -> Derivative:
    """The derivative of `f`, the same object for the same question, so that code is made once."""
    if is_object(f) or is_record(f):
        # It may have no hash, or be equal to another.
        return Derivative(f, mode, wrt, options)
    return _cached(f, mode, wrt, options)


@lru_cache(maxsize=256)
def _cached(f: Function, mode: str, wrt: Wrt, options: Options) -> Derivative:
    return Derivative(f, mode, wrt, options)


def _is_stack(primals: Sequence[Any], seeds: Sequence[Any], what: str) -> bool:
    """Whether the seeds are stacks of directions; they fit their primals either way.

    Raises
    ------
    ValueError, TypeError
        where they do not fit.
    """
    if all(map(certainly_like, primals, seeds)):
        return False
    found = (directions_in(p, s) for p, s in zip(primals, seeds, strict=True))
    count = next((d for d in found if d is not None), None)
    for primal, seed in zip(primals, seeds, strict=True):
        require_like(primal, seed, what, count)
    return count is not None


def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any], wrt: Wrt = None) -> tuple[Any, Any]:
    """The value of `f` and its directional derivative, or its derivatives in several directions.

    Parameters
    ----------
    primals
        Every argument of `f`.
    tangents
        One for each parameter of `wrt`, shaped like its primal; one for every argument where `wrt` is None. For k
        directions at once each of them is a stack, with one more, leading axis of length k; the primal is then computed
        once (vector forward mode; Griewank and Walther 2008, section 3.1).

    Returns
    -------
    tuple
        ``(value, tangent)``; for stacks the tangent has the leading axis too.
    """
    primals = tuple(primals)
    f = spread(f, len(primals))
    positions = tuple(range(len(primals))) if wrt is None else _positions(f, wrt)
    if len(tangents) != len(positions):
        raise ValueError(
            f"jvp takes {len(positions)} tangents, one for each differentiated argument; got {len(tangents)}"
        )
    derivative = _kept(f, "forward", positions)
    derivative.binding.require_count(len(primals))
    if _is_stack([primals[p] for p in positions], tangents, "tangent"):
        derivative = _kept(f, "forward", positions, Options(directions=True))
    return derivative.with_extra(primals, tangents)  # type: ignore[no-any-return]


class Pullback:
    """Maps an adjoint of the output to adjoints of the inputs, at the point where `vjp` was called.

    A stack of adjoints, with one more, leading axis, gives stacks.
    """

    def __init__(self, derivatives: tuple[Derivative, Derivative], primals: tuple[Any, ...], value: Any) -> None:
        self._derivatives = derivatives
        self._derivative = derivatives[0]
        self._primals = primals
        self._value = value
        self._given = tuple(map(_snapshot, derivatives[0].given))

    @property
    def source(self) -> str:
        """The code that runs."""
        return self._derivative.source

    def __call__(self, output_adjoint: Any) -> Any:
        stacked = _is_stack([self._value], [output_adjoint], "output adjoint")
        self._derivative = self._derivatives[stacked]
        ordered = self._derivative.ordered(self._primals, {})
        return self._derivative.at(ordered, (output_adjoint,), self._given)[1]


def vjp(f: Function, *primals: Any, wrt: Wrt = 0, checkpoint: int | None = None) -> tuple[Any, Pullback]:
    """The value of `f`, and the function that takes an output adjoint to the adjoints of the parameters in `wrt`;
    `checkpoint` as for `grad`.

    Returns
    -------
    tuple
        ``(value, pullback)``; ``pullback(output_adjoint)`` may be called any number of times, with one adjoint or with
        a stack of them along a leading axis.
    """
    kept = tuple(_snapshot(p) for p in primals)
    f = spread(f, len(primals))
    hashable = checked_wrt(wrt)
    choices = [Options(directions=directions, checkpoint=checkpoint) for directions in (False, True)]
    primal = _kept(f, "primal", None)
    value = primal(*kept)
    for title in primal.latest.unrepeatable:
        raise ValueError(
            f"vjp runs {primal.__name__} for its value and again for the pullback, and what the opaque function "
            f"`{title}` returns may be something else then: use value_and_grad, or transform with mode='reverse'"
        )
    primal.require_separate(primals)  # the copies are separate whatever the arguments were
    one, stack = (_kept(f, "reverse", hashable, options) for options in choices)
    return value, Pullback((one, stack), kept, value)


class HessianVectorProduct:
    """The product of a Hessian with a vector, or with a stack of vectors. `.source` is the code that ran last."""

    def __init__(self, f: Function, wrt: Wrt, optimize: bool) -> None:
        wrt = 0 if wrt is None else wrt
        self._one = Derivative(f, "hvp", wrt, Options(optimize=optimize))
        self._stack = Derivative(f, "hvp", wrt, Options(optimize=optimize, directions=True))
        self._last = self._one
        self._wrt = _positions(f, wrt)
        self.function = f

    @property
    def derivative(self) -> Derivative:
        """The product with a single vector, of which another derivative can be taken."""
        return self._one

    @property
    def source(self) -> str:
        """The code that ran last."""
        return self._last.source

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        count = len(self._wrt)
        if len(args) < count:
            raise TypeError(f"after the arguments come {count} vectors, one for each differentiated parameter")
        primals, vectors = args[: len(args) - count], args[len(args) - count :]
        try:
            ordered = self._one.ordered(primals, kwargs)
        except TypeError as error:
            last = "argument is the vector" if count == 1 else f"{count} arguments are the vectors"
            raise TypeError(f"{error} (the last positional {last}, and {len(args)} were given in all)") from None
        stacked = _is_stack([ordered[p] for p in self._wrt], vectors, "vector")
        self._last = self._stack if stacked else self._one
        return self._last.at(ordered, vectors)


def hvp(f: Function, wrt: Wrt = 0, *, optimize: bool = True) -> HessianVectorProduct:
    """The product of the Hessian of a scalar function with a vector: ``hvp(f)(x, v)``.

    The matrix is never formed: the cost is a small multiple of the gradient's, whatever the size of x (Pearlmutter
    1994; forward over reverse). The vector has the structure and shape of x and stands after the arguments of `f`; of
    several parameters there is one vector each, and the result is a tuple. A stack of vectors, with one more, leading
    axis, gives a stack of products.
    """
    return HessianVectorProduct(f, wrt, optimize)


@overload
def hessian(f: Function, wrt: Wrt = 0, *, optimize: bool = True, sparse: Literal[False] = False) -> Derivative: ...
@overload
def hessian(f: Function, wrt: Wrt = 0, *, optimize: bool = True, sparse: Literal[True]) -> SparseHessian: ...
def hessian(f: Function, wrt: Wrt = 0, *, optimize: bool = True, sparse: bool = False) -> Derivative | SparseHessian:
    """The Hessian of a scalar function, of shape x.shape + x.shape; a number where x is a number.

    For a tuple of parameters it is a tuple of tuples of blocks; for a container the container of containers of blocks.
    All columns are computed in one vectorised sweep: forward over reverse, along every unit direction at once.

    Parameters
    ----------
    sparse
        Whether the result is a CSR matrix of `scipy.sparse`, of shape (x.size, x.size): only as many directions are
        taken as a star colouring of the pattern has colours.

    Raises
    ------
    ImportError
        for a sparse matrix where SciPy is not installed.
    """
    if sparse:
        from srcdiff.sparsity import SparseHessian

        return SparseHessian(f, 0 if wrt is None else wrt)
    return Derivative(f, "hessian", 0 if wrt is None else wrt, Options(optimize=optimize))


class Jacobian:
    """The Jacobian of a function: output shape + input shape. `.source` is the code that ran last."""

    def __init__(self, f: Function, wrt: Wrt, mode: Literal["forward", "reverse", "auto"], value: bool) -> None:
        if mode not in ("forward", "reverse", "auto"):
            raise ValueError(f'mode is "forward", "reverse" or "auto", not {mode!r}')
        self._modes = {
            "forward": Derivative(f, "jacobian", wrt, Options(sweeps="forward", value=value)),
            "reverse": Derivative(f, "jacobian", wrt, Options(sweeps="reverse", value=value)),
        }
        self.options = self._modes["forward"].options
        self.function = f
        self.wrt = checked_wrt(wrt)
        self._primal = Derivative(f, "primal", None)
        self._wrt = _positions(f, 0 if wrt is None else wrt)
        self.mode = mode
        self.took: Literal["forward", "reverse"] = "forward" if mode == "auto" else mode
        """The mode that ran last."""

    @property
    def derivative(self) -> Derivative:
        """The Jacobian in the mode that ran last, of which another derivative can be taken."""
        return self._modes[self.took]

    @property
    def source(self) -> str:
        """The code that ran last."""
        return self._modes[self.took].source

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.mode == "auto":
            names = self._primal.binding.names
            bound = dict(zip(names, args, strict=False)) | kwargs
            inputs = sum(_size(bound[names[i]]) for i in self._wrt if names[i] in bound)
            # One input needs one forward sweep whatever the output is; else the sizes decide.
            outputs = 1 if inputs == 1 else _size(self._primal(*args, **kwargs))
            self.took = "forward" if inputs <= outputs else "reverse"
        return self._modes[self.took](*args, **kwargs)


Sweeps = Literal["forward", "reverse", "auto"]


@overload
def jacobian(
    f: Function, wrt: Wrt = 0, mode: Sweeps = "auto", *, value: bool = False, sparse: Literal[False] = False
) -> Jacobian: ...
@overload
def jacobian(f: Function, wrt: Wrt = 0, mode: Sweeps = "auto", *, sparse: Literal[True]) -> SparseJacobian: ...
def jacobian(
    f: Function, wrt: Wrt = 0, mode: Sweeps = "auto", *, value: bool = False, sparse: bool = False
) -> Jacobian | SparseJacobian:
    """The Jacobian: dense, of the output's shape followed by the input's, or a sparse matrix.

    An output that is a tuple, list or dict gives the same container of Jacobians; so does, inside it, an input that is
    one.

    Parameters
    ----------
    mode
        ``"forward"``: a column for each number of the input; ``"reverse"``: a row for each number of the output;
        ``"auto"``: whichever are fewer. All are computed in one vectorised sweep. The attribute `took` says which.
        Where the matrix is sparse, columns or rows that have no entries side by side share a direction.
    value
        Whether the result is ``(value, jacobian)``.
    sparse
        Whether the result is a CSR matrix of `scipy.sparse`, of shape (output size, input size); the pattern is found
        in the program and checked at each call.

    Raises
    ------
    ImportError
        for a sparse matrix where SciPy is not installed.
    """
    if not sparse:
        return Jacobian(f, wrt, mode, value)
    if value:
        raise ValueError("value=True is for dense Jacobians")
    from srcdiff.sparsity import SparseJacobian

    return SparseJacobian(f, wrt, mode)


def _size(value: object) -> int:
    """The count of numbers in an argument or a result."""
    return int(helper("count_numbers")(value))


def _positions(f: Function, wrt: Wrt) -> tuple[int, ...]:
    checked = checked_wrt(wrt)
    if class_of_derivative(f) is None and varies(f):
        name = getattr(f, "__name__", "f")
        raise TypeError(f"{name} takes any number of arguments, and here its parameters must be known: name them")
    assert checked is not None
    return _kept(f, "primal", checked).positions(checked)


def _snapshot(value: Any) -> Any:
    """A copy that later writes to the caller's arrays do not reach."""
    match value:
        case np.ndarray():
            return value.copy()
        case list():
            return [_snapshot(v) for v in value]
        case _ if is_record(value):
            return rebuilt(value, map(_snapshot, items_of(value)))
        case tuple():
            return tuple(_snapshot(v) for v in value)
        case dict():
            return {k: _snapshot(v) for k, v in value.items()}
        case _ if is_object(value):
            kept = copy.copy(value)
            for name, content in attributes_of(value).items():
                object.__setattr__(kept, name, _snapshot(content))
            return kept
    return value
