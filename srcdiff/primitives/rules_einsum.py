"""Derivatives of einsum: linear in each operand; the adjoint of an operand is an einsum that gives its letters back.

In `y = einsum("ij,jk->ik", a, b)` the adjoint of a is ``einsum("ik,jk->ij", by, b)``. A letter that the operand alone
has was summed over, so the adjoint is the same along it; one that it has twice is a diagonal, and the adjoint is zero
beside it (Laue, Mitterreiter and Giesen 2018, "Computing higher order derivatives of matrix and tensor expressions",
theorems 5 and 8).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_letters

from srcdiff.ir.types import Array, Dimension, Scalar, never_one
from srcdiff.primitives.einsum import dimensions, parse_einsum
from srcdiff.primitives.forms import NoRule, Operands, Tangents, constant_of, fit, jvp, linear, plus, vjp
from srcdiff.primitives.symbolic import Symbolic


def _sum_of_products(name: str) -> None:
    @jvp(name)
    def _(y: Symbolic, operands: Operands, tangents: Tangents) -> Symbolic | None:
        total: Symbolic | None = None
        for i, d in enumerate(tangents):
            if d is not None:
                total = plus(total, y.apply(name, *operands[:i], d, *operands[i + 1 :]))
        return total


_sum_of_products("np.einsum")
_sum_of_products("einsum_product")


@vjp("np.einsum")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    product = _product(operands[0], operands[1:], by.constant(False))
    return [None, *(product.adjoint(by, i) if want else None for i, want in enumerate(wanted[1:]))]


@vjp("einsum_product")
def _(y: Symbolic, operands: Operands, by: Symbolic, wanted: Sequence[bool]) -> Sequence[Symbolic | None]:
    # A list of contractions is about the operands of the result, not of an adjoint.
    chosen = operands[0] if isinstance(constant_of(operands[0]), bool | str) else operands[0].constant(True)
    product = _product(operands[1], operands[2:], chosen)
    return [None, None, *(product.adjoint(by, i) if want else None for i, want in enumerate(wanted[2:]))]


def eye_like(x: Symbolic, axis: int) -> Symbolic:
    """The unit matrix of the size of an axis of x, in the precision of x."""
    known = isinstance(x.type, Array) and x.type.dtype == "float64"
    return x.apply("np.eye", x.shape[axis], None, 0, None if known else x.apply("dtype", x))


def _product(subscripts: Symbolic, arrays: Operands, optimize: Symbolic) -> _Product:
    parsed = parse_einsum(subscripts.value, arrays)
    if parsed is None:
        raise NoRule("the ranks of the operands that have '...' must be known: annotate them")
    return _Product(*parsed, arrays, optimize)


@dataclass(frozen=True)
class _Product:
    inputs: Sequence[str]
    output: str
    arrays: Operands
    optimize: Symbolic

    def einsum(self, subscripts: str, *arrays: Symbolic) -> Symbolic:
        if len(arrays) == 1:
            return arrays[0].apply("np.einsum", subscripts, arrays[0])
        # The order of contractions is a question where there are more than two.
        optimize = self.optimize if len(arrays) > 2 else False
        return arrays[0].apply("einsum_product", optimize, subscripts, *arrays)

    def adjoint(self, by: Symbolic, position: int) -> Symbolic:
        """The adjoint of one operand."""
        letters, x = self.inputs[position], self.arrays[position]
        terms = [s for k, s in enumerate(self.inputs) if k != position]
        others = [a for k, a in enumerate(self.arrays) if k != position]
        own = self.own_letters(letters)
        for k, c in enumerate(own):
            if c != letters[k]:
                # The diagonal: ones where the repeated index is the first one.
                terms, others = [*terms, letters[k] + c], [*others, eye_like(x, k)]
        present = "".join(c for c in own if any(c in t for t in (self.output, *terms)))
        summed = self.of(by, terms, others, present)
        missing = tuple(k for k, c in enumerate(own) if c not in present)
        if missing and present:
            summed = by.apply("np.expand_dims", summed, missing)
        # A letter that only this operand has was summed over: the adjoint is the same along it.
        whole = not missing and self.met_its_length(position)
        if isinstance(x.type, Scalar) or self.was_stretched(position):
            return fit(summed, x) if whole else by.apply("fitted", summed, x)
        return summed if whole else by.apply("np.broadcast_to", summed, x.shape)

    def own_letters(self, letters: str) -> str:
        """The letters of an operand with a new one for each repetition."""
        used = set("".join((self.output, *self.inputs)))
        unused = (c for c in ascii_letters if c not in used)
        return "".join(next(unused) if c in letters[:k] else c for k, c in enumerate(letters))

    def of(self, by: Symbolic, terms: Sequence[str], others: Sequence[Symbolic], result: str) -> Symbolic:
        """`by` times the other operands, with the letters of `result`."""
        if self.output and (others or self.output != result):
            return self.einsum(f"{','.join((self.output, *terms))}->{result}", by, *others)
        if not others:
            return by
        if list(terms) == [result]:
            return by * others[0]
        return by * self.einsum(f"{','.join(terms)}->{result}", *others)

    def met(self, position: int) -> list[tuple[str, Dimension, list[Dimension]]]:
        """The letters of an operand, its dimensions, and the dimensions that the other operands have there."""
        rows = []
        for c, d in zip(self.inputs[position], dimensions(self.arrays[position], self.inputs[position]), strict=True):
            others = [
                e
                for k, (s, a) in enumerate(zip(self.inputs, self.arrays, strict=True))
                if k != position
                for b, e in zip(s, dimensions(a, s), strict=True)
                if b == c
            ]
            rows.append((c, d, others))
        return rows

    def was_stretched(self, position: int) -> bool:
        """Whether an axis of size 1 of the operand may have met a longer one: the adjoint is then summed along it."""
        return any(
            not never_one(d) and any(e != 1 and (e is None or e != d) for e in others)
            for _, d, others in self.met(position)
        )

    def met_its_length(self, position: int) -> bool:
        """Whether no axis that was summed over met axes of size 1 only: the adjoint then has to be stretched."""
        return all(
            c in self.output or d == 1 or not others or any(never_one(e) or (e is not None and e == d) for e in others)
            for c, d, others in self.met(position)
        )


linear("fitted", {0: lambda by, y, g, x: by.apply("fitted", by, g)})
