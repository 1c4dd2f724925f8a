"""Sums over blocks of samples: the log-likelihood with its derivatives, as the generated code of the blocks adds up.

In: blocks, parameters, and where to find generated code. Out: a value and its derivatives. This file runs on workers
too, where generated code is what was sent along, so it asks for the code by function and mode.

>>> from srcdiff.mixture.features import feature_block
>>> from srcdiff.mixture.objective import compiled
>>> units = np.zeros(1), np.ones(1)
>>> block = feature_block("spherical", slice(0, 2), np.array([[-1.0], [2.0]]), np.ones(2), units)
>>> point = np.zeros(1), np.zeros((1, 1)), np.ones(1)
>>> value, (logits, means, variances) = value_and_gradient([block], point, compiled)
>>> means, variances
(array([[1.]]), array([1.5]))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from srcdiff.mixture.features import Block, Linear
from srcdiff.mixture.likelihood import mixture_sum, tied_common
from srcdiff.mixture.parameters import FloatArray

Primals = tuple[FloatArray, FloatArray, FloatArray]

TERMS = (mixture_sum, tied_common)
"""Functions that are differentiated with respect to their first parameter."""

Code = Callable[[Callable[..., Any], str], Callable[..., Any]]
"""From a function of the subset and the name of a mode to the generated function."""


def value_and_gradient(blocks: Iterable[Block], primals: Primals, code: Code) -> tuple[float, Primals]:
    """The log-likelihood of all blocks, and its derivatives with respect to logits, means and covariances."""
    logits, means, covariances = primals
    value = 0.0
    gradient = (np.zeros(logits.shape), np.zeros(means.shape), np.zeros(covariances.shape))
    linear = Together(primals, code)
    for block in blocks:
        if block.linear is not None:
            linear.add(block, block.linear)
            continue
        part, parts = code(block.total, "value_and_grad")(*primals, *block.arguments)
        value += float(part)
        for whole, piece in zip(gradient, parts, strict=True):
            whole += piece
    part, parts = linear.value_and_gradient()
    return value + part, (gradient[0] + parts[0], gradient[1] + parts[1], gradient[2] + parts[2])


class Together:
    """The complete samples: their coefficients are computed once, and differentiated once, for all blocks.

    In between, each block adds to the sum and to its derivatives with respect to the coefficients, which are the sums
    of features weighed by responsibilities. These derivatives seed the reverse sweep of the coefficients. A block that
    stays alone takes the one program of the whole likelihood instead.
    """

    def __init__(self, primals: Primals, code: Code) -> None:
        self._primals = primals
        self._code = code
        self._alone: Block | None = None
        self._first: Linear | None = None
        self._value = 0.0

    def add(self, block: Block, linear: Linear) -> None:
        """Take the samples of a block, which has this linear form."""
        if self._first is None:
            self._alone, self._first = block, linear
            return
        if self._alone is not None:
            self._alone = None
            self._coefficients = linear.coefficients(*self._primals, *linear.units)
            self._sums = np.zeros(self._coefficients.shape)
            self._scatter = None if linear.scatter is None else np.zeros(linear.scatter.shape)
            self._add(self._first)
        self._add(linear)

    def _add(self, linear: Linear) -> None:
        value, sums = self._code(mixture_sum, "value_and_grad")(self._coefficients, linear.features, linear.weights)
        self._value += float(value)
        self._sums += sums
        if self._scatter is not None and linear.scatter is not None:
            self._scatter += linear.scatter

    def value_and_gradient(self) -> tuple[float, Primals]:
        """The sum over the samples taken, with its derivatives with respect to logits, means and covariances."""
        logits, means, covariances = self._primals
        if self._first is None:
            return 0.0, (np.zeros(logits.shape), np.zeros(means.shape), np.zeros(covariances.shape))
        if self._alone is not None:
            value, (blogits, bmeans, bcovariances) = self._code(self._alone.total, "value_and_grad")(
                *self._primals, *self._alone.arguments
            )
            return float(value), (blogits, bmeans, bcovariances)
        pullback = self._code(self._first.coefficients, "reverse")
        _, gradient = pullback(*self._primals, *self._first.units, self._sums)
        blogits, bmeans, bcovariances = gradient
        if self._scatter is None:
            return self._value, (blogits, bmeans, bcovariances)
        _, whitening = self._first.units
        common, more = self._code(tied_common, "value_and_grad")(covariances, whitening, self._scatter)
        return self._value + float(common), (blogits, bmeans, bcovariances + more)
