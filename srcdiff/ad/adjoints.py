"""Adjoints by value, and how contributions to one add up.

An adjoint that is absent is zero. The first contribution is taken as it is, later ones are added.

>>> from srcdiff.ir.builder import Builder
>>> from srcdiff.ir.core import Value
>>> from srcdiff.ir.types import FLOAT
>>> b, adjoints, x, g = Builder(), {}, Value(FLOAT, "x"), Value(FLOAT, "g")
>>> add_contribution(b, adjoints, x, g)
>>> adjoints[x] is g, len(b.statements)
(True, 0)
>>> add_contribution(b, adjoints, x, g)
>>> adjoints[x].name, b.statements[0].primitive.name
('bx', 'accumulate')
"""

from __future__ import annotations

from srcdiff.ir.builder import Builder, adjoint_name
from srcdiff.ir.core import Value, is_atom
from srcdiff.ir.types import FLOAT, Scalar, Type, records_in
from srcdiff.primitives.adjoints import zero_type
from srcdiff.primitives.table import TABLE

Adjoints = dict[Value, Value]


def add_contribution(builder: Builder, adjoints: Adjoints, value: Value, contribution: Value) -> None:
    """Add a contribution to the adjoint of `value`; the first one is taken as it is."""
    if is_atom(value):
        return
    if value in adjoints:
        old = adjoints[value]
        adjoints[value] = builder.apply(TABLE["accumulate"], old, contribution, name=adjoint_name(value.name))
    else:
        adjoints[value] = contribution


def adjoint_type(value: Value) -> Type:
    """The type of the adjoint of `value`: its own, in floating point."""
    if isinstance(value.type, Scalar):
        return FLOAT
    return zero_type(value.type) if records_in(value.type) else value.type
