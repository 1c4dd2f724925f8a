"""The functional face: `grad`, `value_and_grad`, `jvp`, `vjp`, `jacobian`, `transform`.

In: functions written in the subset. Out: callables that run generated code, each with `.source`, that code as text.

>>> def f(x1, x2):
...     return x1 * x2
>>> grad(f, wrt=(0, 1))(2.0, 3.0)
(3.0, 2.0)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, overload

import numpy as np

from srcdiff.ad.jacobian import JacobianMode
from srcdiff.compiler import Wrt, checked_checkpoint, checked_wrt, wrt_positions
from srcdiff.derivative import Derivative
from srcdiff.signatures import require_like

Function = Callable[..., Any]


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
    return _made("gradient", f, wrt, optimize, checkpoint)


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
    return _made("value_and_grad", f, wrt, optimize, checkpoint)


def _made(
    mode: str, f: Function | None, wrt: Wrt, optimize: bool, checkpoint: int | None
) -> Derivative | Callable[[Function], Derivative]:
    if f is None:
        return lambda function: Derivative(function, mode, wrt, optimize=optimize, checkpoint=checkpoint)
    return Derivative(f, mode, wrt, optimize=optimize, checkpoint=checkpoint)


def transform(
    f: Function,
    mode: str = "reverse",
    wrt: Wrt = None,
    *,
    optimize: bool = True,
    signature: Mapping[str, str] | None = None,
    checkpoint: int | None = None,
) -> Derivative:
    """The generated function as an object: callable, with `.source`, `.ir` and `.save(path)`.

    Parameters
    ----------
    mode
        ``"forward"`` (``"jvp"``), ``"reverse"`` (``"vjp"``), ``"gradient"`` (``"grad"``), ``"value_and_grad"`` or
        ``"jacobian"``.
    wrt
        As for `grad`; None means every parameter that can carry a derivative.
    signature
        Types of parameters by name in the notation of annotations: ``{"x": 'Float[np.ndarray, "n"]'}``.
    checkpoint
        As for `grad`.
    """
    return Derivative(f, mode, wrt, optimize=optimize, signature=signature, checkpoint=checkpoint)


@lru_cache(maxsize=256)
def _kept(
    f: Function, mode: str, wrt: Wrt, jacobian_mode: JacobianMode = "forward", checkpoint: int | None = None
) -> Derivative:
    """The derivative of `f`, the same object for the same question, so that code is made once."""
    return Derivative(f, mode, wrt, jacobian_mode=jacobian_mode, checkpoint=checkpoint)


def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any], wrt: Wrt = None) -> tuple[Any, Any]:
    """The value of `f` and its directional derivative.

    Parameters
    ----------
    primals
        Every argument of `f`.
    tangents
        One for each parameter of `wrt`, shaped like its primal; one for every argument where `wrt` is None.

    Returns
    -------
    tuple
        ``(value, tangent)``.
    """
    primals = tuple(primals)
    positions = tuple(range(len(primals))) if wrt is None else _positions(f, wrt)
    if len(tangents) != len(positions):
        raise ValueError(
            f"jvp takes {len(positions)} tangents, one for each differentiated argument; got {len(tangents)}"
        )
    derivative = _kept(f, "forward", positions)
    derivative.require_count(len(primals))
    for position, tangent in zip(positions, tangents, strict=True):
        require_like(primals[position], tangent, "tangent")
    return derivative.with_extra(primals, tangents)  # type: ignore[no-any-return]


class Pullback:
    """Maps an adjoint of the output to adjoints of the inputs, at the point where `vjp` was called."""

    def __init__(self, derivative: Derivative, primals: tuple[Any, ...], value: Any) -> None:
        self._derivative = derivative
        self._primals = primals
        self._value = value

    @property
    def source(self) -> str:
        """The code that runs."""
        return self._derivative.source

    def __call__(self, output_adjoint: Any) -> Any:
        require_like(self._value, output_adjoint, "output adjoint")
        return self._derivative.with_extra(self._primals, (output_adjoint,))[1]


def vjp(f: Function, *primals: Any, wrt: Wrt = 0, checkpoint: int | None = None) -> tuple[Any, Pullback]:
    """The value of `f`, and the function that takes an output adjoint to the adjoints of the parameters in `wrt`;
    `checkpoint` as for `grad`.

    Returns
    -------
    tuple
        ``(value, pullback)``; ``pullback(output_adjoint)`` may be called any number of times.
    """
    kept = tuple(_snapshot(p) for p in primals)
    hashable, checked = checked_wrt(wrt), checked_checkpoint(checkpoint)
    primal = _kept(f, "primal", None)
    value = primal(*kept)
    primal.require_separate(primals)  # the copies are separate whatever the arguments were
    return value, Pullback(_kept(f, "reverse", hashable, checkpoint=checked), kept, value)


class Jacobian:
    """The Jacobian of a function: output shape + input shape. `.source` is the code that ran last."""

    def __init__(self, f: Function, wrt: Wrt, mode: Literal["forward", "reverse", "auto"]) -> None:
        if mode not in ("forward", "reverse", "auto"):
            raise ValueError(f'mode is "forward", "reverse" or "auto", not {mode!r}')
        self._modes = {
            "forward": Derivative(f, "jacobian", wrt, jacobian_mode="forward"),
            "reverse": Derivative(f, "jacobian", wrt, jacobian_mode="reverse"),
        }
        self._primal = Derivative(f, "primal", None)
        self._wrt = _positions(f, 0 if wrt is None else wrt)
        self.mode = mode
        self.took = "forward" if mode == "auto" else mode
        """The mode that ran last."""

    @property
    def source(self) -> str:
        """The code that ran last."""
        return self._modes[self.took].source

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.mode == "auto":
            bound = dict(zip(self._primal._names, args, strict=False)) | kwargs
            names = [self._primal._names[i] for i in self._wrt]
            inputs = sum(_size(bound[n]) for n in names if n in bound)
            # One input needs one forward sweep whatever the output is; else the sizes decide.
            outputs = 1 if inputs == 1 else _size(self._primal(*args, **kwargs))
            self.took = "forward" if inputs <= outputs else "reverse"
        return self._modes[self.took](*args, **kwargs)


def jacobian(f: Function, wrt: Wrt = 0, mode: Literal["forward", "reverse", "auto"] = "auto") -> Jacobian:
    """The dense Jacobian, of the output's shape followed by the input's.

    Parameters
    ----------
    mode
        ``"forward"``: a column per sweep; ``"reverse"``: a row per sweep; ``"auto"``: whichever needs fewer sweeps.
    """
    return Jacobian(f, wrt, mode)


def _size(value: object) -> int:
    """The count of numbers; 1 for what has no Jacobian, which the compiler then refuses."""
    return value.size if isinstance(value, np.ndarray) else 1


def _positions(f: Function, wrt: Wrt) -> tuple[int, ...]:
    checked = checked_wrt(wrt)
    assert checked is not None
    derivative = _kept(f, "primal", checked)
    return wrt_positions(None, derivative.__name__, derivative._names, checked)


def _snapshot(value: Any) -> Any:
    """A copy that later writes to the caller's arrays do not reach."""
    match value:
        case np.ndarray():
            return value.copy()
        case list():
            return [_snapshot(v) for v in value]
        case tuple():
            return tuple(_snapshot(v) for v in value)
        case dict():
            return {k: _snapshot(v) for k, v in value.items()}
    return value
