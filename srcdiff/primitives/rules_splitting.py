"""Derivatives of functions that give several arrays: the adjoints of pieces are joined, those of grids are summed."""

from __future__ import annotations

from srcdiff.ir.types import List, Scalar, Tuple
from srcdiff.primitives.forms import NoRule, constant_of, fit, linear, non_differentiable
from srcdiff.primitives.inference import shape_of_type
from srcdiff.primitives.rules_joining import display
from srcdiff.primitives.rules_shapes import back, unpack
from srcdiff.primitives.splitting import axis_of_split, grid_places
from srcdiff.primitives.symbolic import Symbolic

non_differentiable(("np.indices",))


def joined(by: Symbolic, axis: object) -> Symbolic:
    """The adjoints of the pieces of an array side by side."""
    pieces = by
    if isinstance(by.type, Tuple):
        pieces = display(by, *(by[i] for i in range(len(by.type.items))))
    return by.apply("np.concatenate", pieces, axis)


def _split_back(by: Symbolic, y: Symbolic, x: Symbolic, sections: Symbolic, axis: Symbolic) -> Symbolic:
    if isinstance(y.type, Tuple | List):
        return joined(by, axis)
    raise NoRule("it must be known that an array is split")


def _split_along_back(name: str, by: Symbolic, x: Symbolic) -> Symbolic:
    shape = shape_of_type(x.type)
    axis = axis_of_split(name, None if shape is None else len(shape))
    if axis is None:
        raise NoRule("the rank of the array must be known: annotate it, or write np.split with an axis")
    return joined(by, axis)


linear("np.split", {0: _split_back})
linear("np.array_split", {0: _split_back})
linear("np.vsplit", {0: lambda by, y, x, sections: _split_along_back("np.vsplit", by, x)})
linear("np.hsplit", {0: lambda by, y, x, sections: _split_along_back("np.hsplit", by, x)})
linear("np.dsplit", {0: lambda by, y, x, sections: _split_along_back("np.dsplit", by, x)})


def _broadcast_arrays_back(by: Symbolic, y: Symbolic, args: Symbolic) -> Symbolic:
    if not isinstance(args.type, Tuple):
        raise NoRule("the arrays must be written out")
    return by.apply("make_tuple", *(unpack(fit(by[i], args[i]), args[i]) for i in range(len(args.type.items))))


def _meshgrid_back(by: Symbolic, y: Symbolic, xi: Symbolic, sparse: Symbolic, indexing: Symbolic) -> Symbolic:
    if not isinstance(xi.type, Tuple):
        raise NoRule("the arrays must be written out")
    count = len(xi.type.items)
    places = grid_places(count, str(constant_of(indexing)))
    found: list[Symbolic] = []
    for i, place in enumerate(places):
        x, others = xi[i], tuple(a for a in range(count) if a != place)
        if isinstance(x.type, Scalar):
            found.append(by[i].sum())
            continue
        if constant_of(sparse) is True:
            found.append(unpack(back(by[i], x), x))
            continue
        g = by[i].sum(axis=others[0] if len(others) == 1 else others) if others else by[i]
        shape = shape_of_type(x.type)
        found.append(unpack(g if shape is not None and len(shape) == 1 else back(g, x), x))
    return by.apply("make_tuple", *found)


linear("np.broadcast_arrays", {0: _broadcast_arrays_back})
linear("np.meshgrid", {0: _meshgrid_back})
