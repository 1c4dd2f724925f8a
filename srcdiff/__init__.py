"""srcdiff: numeric Python and NumPy in, derivative source code out that a person can read, ship and debug."""

from srcdiff.api import grad, hessian, hvp, jacobian, jvp, stop_gradient, transform, value_and_grad, vjp
from srcdiff.checks import check_derivatives
from srcdiff.diagnostics import TransformError
from srcdiff.primitives import rule
from srcdiff.primitives.rule import opaque

__all__ = [
    "TransformError",
    "check_derivatives",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "opaque",
    "rule",
    "stop_gradient",
    "transform",
    "value_and_grad",
    "vjp",
]

__version__ = "0.1.0"
