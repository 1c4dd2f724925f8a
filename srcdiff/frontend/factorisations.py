"""Calls of linear algebra whose arguments are no plain operands: several matrices in a list, a factor with its kind.

In: a call of `np.linalg.multi_dot`, `scipy.linalg.cho_factor`, `scipy.linalg.cho_solve` or `np.einsum`. Out: its
result, or the primitive and arguments that it stands for.
"""

from __future__ import annotations

import gast

from srcdiff.frontend.names import External
from srcdiff.frontend.objects import Arguments, Operand, Result
from srcdiff.frontend.records import Records
from srcdiff.ir.core import Primitive, constant
from srcdiff.primitives.table import TABLE


class Factorisations(Records):
    """What is particular to calls of linear algebra."""

    def arguments(self, node: gast.Call, displays: bool = False) -> Arguments:
        raise AssertionError("internal error: arguments are lowered by the class built on this one")

    def unpacked(self, operand: Operand, node: gast.AST) -> list[Operand]:
        raise AssertionError("internal error: arguments are lowered by the class built on this one")

    def apply_external(self, target: External, arguments: Arguments, node: gast.AST, name: str | None) -> Operand:
        raise AssertionError("internal error: calls are lowered by the class built on this one")

    def factorised(self, target: External, node: gast.Call, name: str | None) -> Operand | None:
        """The result of one of these calls; None for all others."""
        match target:
            case External(module="numpy.linalg", attribute="multi_dot"):
                return self._multi_dot(target, node, name)
            case External(module="scipy.linalg", attribute="cho_solve"):
                return self._cho_solve(target, node, name)
            case External(module="scipy.linalg", attribute="cho_factor"):
                return self._cho_factor(target, node, name)
        return None

    def _multi_dot(self, target: External, node: gast.Call, name: str | None) -> Operand:
        """Of a list the ranks of the single matrices would be lost."""
        match node.args:
            case [gast.List(elts=factors) | gast.Tuple(elts=factors)]:
                arguments: Arguments = [(None, o, n) for o, n in zip(self.evaluate_all(factors), factors, strict=True)]
                more = [(k.arg, self.expression(k.value), k.value) for k in node.keywords]
                return self.apply_external(target, [*arguments, *more], node, name)
        raise self.error(node, "the matrices of `multi_dot` are written in the call", "write `multi_dot([a, b, c])`")

    def _cho_solve(self, target: External, node: gast.Call, name: str | None) -> Operand:
        """The factor is a tuple of a matrix and of what it is: two operands here."""
        arguments = self.arguments(node)
        factor = next((n for n, a in enumerate(arguments) if a[0] in (None, "c_and_lower")), None)
        if factor is None:
            raise self.error(node, f"`{target}` needs the argument `c_and_lower`")
        _, operand, place = arguments.pop(factor)
        items = self.unpacked(operand, place)
        if len(items) != 2:
            raise self.error(place, "the factor is a tuple `(c, lower)`", "pass what `cho_factor` gives")
        return self.apply_external(target, [*((None, i, place) for i in items), *arguments], node, name)

    def _cho_factor(self, target: External, node: gast.Call, name: str | None) -> Operand:
        """A tuple of which the second item is known: it is the argument `lower`."""
        arguments = self.arguments(node)
        made = self.apply_external(target, arguments, node, None)
        assert isinstance(made, Result)
        positional = [o for keyword, o, _ in arguments if keyword is None]
        lower = next((o for keyword, o, _ in arguments if keyword == "lower"), None)
        if lower is None:
            lower = positional[1] if len(positional) > 1 else Result(constant(False))
        return self.display([self.item(made, constant(0), node), lower], node, name)

    def einsum(self, arguments: Arguments) -> tuple[Primitive, Arguments]:
        """Of several operands a product, with `optimize=` in front; that of one operand is a view."""
        options = [(None, o, place) for keyword, o, place in arguments if keyword == "optimize"]
        rest = [a for a in arguments if a[0] != "optimize"]
        if len(options) > 1 or sum(keyword is None for keyword, _, _ in rest) < 3:
            return TABLE["np.einsum"], rest
        return TABLE["einsum_product"], [*(options or [(None, Result(constant(False)), rest[0][2])]), *rest]
