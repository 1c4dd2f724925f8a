"""srcdiff: numeric Python and NumPy in, derivative source code out that a person can read, ship and debug."""

from srcdiff.api import grad, hessian, hvp, jacobian, jvp, transform, value_and_grad, vjp
from srcdiff.checks import check_derivatives
from srcdiff.diagnostics import TransformError

__all__ = [
    "TransformError",
    "check_derivatives",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "transform",
    "value_and_grad",
    "vjp",
]

__version__ = "0.1.0"
