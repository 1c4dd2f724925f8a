"""Functions of libraries whose arguments are not the operands of a primitive one by one.

In: a call of one of them. Out: its result, or None for every other function. A list of matrices becomes an operand for
each (`multi_dot`); a Cholesky factor of SciPy, a tuple, becomes two; lists of axes become tuples, because of a list it
is not known what it holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gast

from srcdiff.frontend.names import External
from srcdiff.frontend.objects import Operand, Result
from srcdiff.ir.core import Primitive, constant
from srcdiff.primitives.table import TABLE

if TYPE_CHECKING:
    from srcdiff.frontend.calls import Arguments, Calls


def rearranged(calls: Calls, target: External, node: gast.Call, name: str | None) -> Operand | None:
    """The result of the call, where it is one of those."""
    match target.module, target.attribute:
        case "numpy.linalg", "multi_dot":
            return _multi_dot(calls, target, node, name)
        case (("numpy" | "numpy.linalg"), "tensordot"):
            return calls.apply_external(target, calls.arguments(_with_tuples(node)), node, name)
        case "scipy.linalg", "cho_solve":
            return _cho_solve(calls, target, node, name)
        case "scipy.linalg", "cho_factor":
            return _cho_factor(calls, target, node, name)
    return None


def _multi_dot(calls: Calls, target: External, node: gast.Call, name: str | None) -> Operand:
    match node.args:
        case [gast.List(elts=factors) | gast.Tuple(elts=factors)]:
            operands = calls.evaluate_all(factors)
            arguments: Arguments = [(None, o, place) for o, place in zip(operands, factors, strict=True)]
            arguments += [(k.arg, calls.expression(k.value), k.value) for k in node.keywords]
            return calls.apply_external(target, arguments, node, name)
    raise calls.error(node, "the matrices of `multi_dot` are written in the call", "write `multi_dot([a, b, c])`")


def _with_tuples(node: gast.AST) -> Any:
    """A call with tuples for the lists in it."""
    match node:
        case gast.Call(func=func, args=args, keywords=keywords):
            changed = gast.Call(func, [*map(_with_tuples, args)], [*map(_with_tuples, keywords)])
        case gast.keyword(arg=arg, value=value):
            changed = gast.keyword(arg, _with_tuples(value))
        case gast.List(elts=items) | gast.Tuple(elts=items):
            changed = gast.Tuple([*map(_with_tuples, items)], gast.Load())
        case _:
            return node
    return gast.copy_location(changed, node)


def _cho_solve(calls: Calls, target: External, node: gast.Call, name: str | None) -> Operand:
    """The factor is a tuple of a matrix and of what it is: two operands here."""
    arguments = calls.arguments(node)
    factor = next((n for n, a in enumerate(arguments) if a[0] in (None, "c_and_lower")), None)
    if factor is None:
        raise calls.error(node, f"`{target}` needs the argument `c_and_lower`")
    _, operand, place = arguments.pop(factor)
    items = calls.unpacked(operand, place)
    if len(items) != 2:
        raise calls.error(place, "the factor is a tuple `(c, lower)`", "pass what `cho_factor` gives")
    return calls.apply_external(target, [*((None, i, place) for i in items), *arguments], node, name)


def _cho_factor(calls: Calls, target: External, node: gast.Call, name: str | None) -> Operand:
    """A tuple of which the second item is known: it is the argument `lower`."""
    arguments = calls.arguments(node)
    made = calls.apply_external(target, arguments, node, None)
    assert isinstance(made, Result)
    positional = [o for keyword, o, _ in arguments if keyword is None]
    lower = next((o for keyword, o, _ in arguments if keyword == "lower"), None)
    if lower is None:
        lower = positional[1] if len(positional) > 1 else Result(constant(False))
    return calls.display([calls.item(made, constant(0), node), lower], node, name)


def einsum(arguments: Arguments) -> tuple[Primitive, Arguments]:
    """Of several operands a product, with `optimize=` in front; that of one operand is a view."""
    options: Arguments = [(None, o, place) for keyword, o, place in arguments if keyword == "optimize"]
    rest = [a for a in arguments if a[0] != "optimize"]
    if len(options) > 1 or sum(keyword is None for keyword, _, _ in rest) < 3:
        return TABLE["np.einsum"], rest
    return TABLE["einsum_product"], [*(options or [(None, Result(constant(False)), rest[0][2])]), *rest]
