"""Shapes, joining and splitting, padding, grids, interpolation, convolution."""

from __future__ import annotations

import numpy as np

from tests.rule_cases.operands import Case, array, single

X3, X23, X1, X0 = array(3), array(2, 3), array(1), np.zeros(0)

JOINING: list[Case] = [
    # Parts of different lengths, empty ones, numbers and lists among arrays.
    *(("np.concatenate", ((X3, array(2), X0, array(4)), axis), (0,)) for axis in (0, -1, None)),
    *(("np.concatenate", ((X23, array(2, 4), array(2, 0)), axis), (0,)) for axis in (1, -1, None)),
    ("np.concatenate", ((array(2, 1, 3), array(2, 4, 3)), -2), (0,)),
    ("np.concatenate", (([0.5], X3, (0.6, 0.7), [0.8]),), (0,)),
    ("np.concatenate", ((X23, [[0.5, 0.6, 0.7]]),), (0,)),
    ("np.concatenate", ((X3,),), (0,)),
    ("np.concatenate", ((single(2, 3), single(1, 3)),), (0,)),
    ("np.concatenate", ((X3, array(2, 2), 0.7), None), (0,)),
    ("np.concatenate", (X23,), (0,)),
    *(("np.concatenate", (array(2, 3, 4), axis), (0,)) for axis in (0, 1, -1, None)),
    *(("np.stack", ((X23, array(2, 3), array(2, 3)), axis), (0,)) for axis in (0, 1, 2, -1, -3)),
    ("np.stack", ((0.3, 0.4, 0.5),), (0,)),
    ("np.stack", ((0.3, 0.4, 0.5), -1), (0,)),
    ("np.stack", ((X0, np.zeros(0)), 1), (0,)),
    ("np.stack", ((single(3), single(3)),), (0,)),
    *(("np.stack", (X23, axis), (0,)) for axis in (0, 1)),
    ("np.vstack", ((X3, array(2, 3), X3),), (0,)),
    ("np.vstack", ((0.3, 0.4),), (0,)),
    ("np.vstack", ((array(2, 3, 2), array(1, 3, 2)),), (0,)),
    ("np.vstack", (X23,), (0,)),
    ("np.vstack", (array(2, 3, 4),), (0,)),
    ("np.hstack", ((0.3, X3, 0.4, array(2)),), (0,)),
    ("np.hstack", ((0.3, 0.4),), (0,)),
    ("np.hstack", ((X23, array(2, 1), array(2, 2)),), (0,)),
    ("np.hstack", (([0.3, 0.4], X3),), (0,)),
    ("np.hstack", (X23,), (0,)),
    ("np.hstack", (array(2, 3, 4),), (0,)),
    ("np.column_stack", ((X3, array(3, 2), array(3), array(3, 1)),), (0,)),
    ("np.column_stack", (X23,), (0,)),
    *(("np.dstack", (parts,), (0,)) for parts in ((X3, array(3)), (X23, array(2, 3)), (0.2, 0.3))),
    ("np.dstack", ((array(2, 3, 2), X23, array(2, 3, 1)),), (0,)),
    ("np.dstack", ([array(2, 3, 2), array(2, 3, 1)],), (0,)),
    *(("np.append", (x, v), (0, 1)) for x, v in ((X3, array(2)), (X23, 0.7), (X23, array(2, 2)), (X3, [0.5, 0.6]))),
    *(("np.append", (X23, array(2, 2), axis), (0, 1)) for axis in (1, -1)),
    ("np.append", (X23, array(1, 3), 0), (0, 1)),
    ("np.append", (single(2), single(3)), (0, 1)),
    # Blocks.
    ("np.block", ((X3, array(2), 0.5),), (0,)),
    ("np.block", (((array(2, 2), array(2, 3)), (array(1, 2), array(1, 3))),), (0,)),
    ("np.block", (((array(2, 2), array(2, 1)), (X3,)),), (0,)),
    ("np.block", (((0.2, 0.3), (0.4, 0.5)),), (0,)),
    ("np.block", (((array(1, 2, 2), array(1, 2, 3)), (array(1, 1, 2), array(1, 1, 3))),), (0,)),
    ("np.block", ((X23, array(2, 1)),), (0,)),
]

DISPLAYS: list[Case] = [
    ("np.array", ((X3, array(3)),), (0,)),
    ("np.asarray", (((0.5, 0.6), (0.7, 0.8)),), (0,)),
]

X234 = array(2, 3, 4)
REARRANGED: list[Case] = [
    ("np.reshape", (X23, (3, 2)), (0,)),
    ("np.reshape", (0.7, (1, 1)), (0,)),
    ("np.reshape", (X1, ()), (0,)),
    ("np.reshape", (np.zeros((0, 3)), (3, 0)), (0,)),
    ("np.ravel", (0.7,), (0,)),
    ("np.ravel", (X234,), (0,)),
    ("np.swapaxes", (single(2, 3), 0, 1), (0,)),
    ("np.moveaxis", (X234, (0, 1), (-1, 0)), (0,)),
    ("np.moveaxis", (X234, (2, 0), (0, 1)), (0,)),
    ("np.moveaxis", (array(2, 3, 4, 2), (0, -1), (-1, 1)), (0,)),
    *(("np.rollaxis", (X234, a, b), (0,)) for a, b in ((2, 0), (0, 2), (1, 3), (-1, 1), (0, -1))),
    ("np.squeeze", (array(1, 1),), (0,)),
    ("np.squeeze", (array(3, 1), -1), (0,)),
    ("np.expand_dims", (0.7, 0), (0,)),
    ("np.expand_dims", (X3, (0, 2)), (0,)),
    ("np.broadcast_to", (X0, (2, 0)), (0,)),
    ("np.broadcast_to", (array(1, 3, 1), (4, 2, 3, 5)), (0,)),
    *(("np.atleast_1d", (x,), (0,)) for x in (X3, X23)),
    *(("np.atleast_2d", (x,), (0,)) for x in (0.7, X23, X234)),
    *(("np.atleast_3d", (x,), (0,)) for x in (0.7, X3, X23, X234)),
    *(
        (f"np.{name}", (x,), (0,))
        for name in ("ascontiguousarray", "asfortranarray", "require")
        for x in (X3, X23, 0.7)
    ),
    ("np.fliplr", (X23,), (0,)),
    ("np.fliplr", (X234,), (0,)),
    *(("np.flipud", (x,), (0,)) for x in (X3, X234)),
    *(("np.flip", (X234, axis), (0,)) for axis in (None, -1, (0, 2), (-1, 1))),
    *(("np.rot90", (X23, k), (0,)) for k in (0, 1, 2, 3, -1, 5)),
    *(("np.rot90", (X234, k, axes), (0,)) for k in (1, 2) for axes in ((0, 2), (2, 1), (-1, 0))),
    ("np.roll", (X3, 4), (0,)),
    ("np.roll", (X234, (1, -2), (0, -1)), (0,)),
    ("np.roll", (X234, 2, (0, 1)), (0,)),
    ("np.roll", (X0, 1), (0,)),
    ("np.roll", (np.zeros((2, 0)), 1, 1), (0,)),
]

DIAGONALS: list[Case] = [
    *(("np.diagonal", (X234, k, a, b), (0,)) for k, a, b in ((0, 0, 2), (1, -2, -1), (0, 1, 0), (-1, 2, 0), (1, 1, 2))),
    *(("np.diagonal", (X23, k, 1, 0), (0,)) for k in (0, 1, -1)),
    ("np.diagonal", (array(2, 3, 4, 3), 0, 1, 3), (0,)),
    ("np.diagonal", (X23, 3), (0,)),
    ("np.diagonal", (np.zeros((0, 3)),), (0,)),
    ("np.diagonal", (single(3, 3),), (0,)),
    *(("np.trace", (X234, k, a, b), (0,)) for k, a, b in ((0, 0, 2), (1, -2, -1), (0, 1, 0), (-1, 2, 0), (1, 1, 2))),
    *(("np.trace", (X23, k, 1, 0), (0,)) for k in (0, 1, -1)),
    ("np.trace", (array(2, 3, 4, 3), 0, 1, 3), (0,)),
    *(("np.diagflat", (x, k), (0,)) for x in (X3, X23, 0.7) for k in (0, 1, -2)),
    *((n, (x, k), (0,)) for n in ("np.tril", "np.triu") for x in (X3, X23) for k in (0, 1)),
    ("np.tril", (single(2, 2),), (0,)),
]

REPEATED: list[Case] = [
    *(("np.repeat", (X23, n, axis), (0,)) for n in (1, 3, 0) for axis in (None, 0, 1, -1)),
    *(("np.repeat", (X234, np.array([2, 0, 1]), axis), (0,)) for axis in (1, -2)),
    ("np.repeat", (X23, np.array([2, 1]), 0), (0,)),
    ("np.repeat", (X23, np.array([1, 0, 2, 1, 1, 0])), (0,)),
    ("np.repeat", (0.7, 3), (0,)),
    ("np.repeat", (X0, 2), (0,)),
    ("np.repeat", (single(3), 2), (0,)),
    *(("np.tile", (X23, reps), (0,)) for reps in (1, 3, (2,), (2, 3), (1, 1), (2, 1, 3), (4, 2, 1, 3), (1, 1, 2))),
    *(("np.tile", (0.7, reps), (0,)) for reps in (3, (2, 3))),
    ("np.tile", (X0, 2), (0,)),
    *(("np.resize", (X23, shape), (0,)) for shape in (4, (3, 4), (2, 2, 2), 0)),
    ("np.resize", (X3, (2, 2)), (0,)),
    # Padding.
    *(("np.pad", (X3, w), (0,)) for w in (0, 2, (1, 0), (0, 2), ((2, 1),))),
    *(("np.pad", (X23, w), (0,)) for w in (1, (1, 2), ((0, 0), (2, 1)), ((1, 0), (0, 0)), ((2, 1), (0, 3)))),
    ("np.pad", (X23, ((1, 0), (0, 2)), "constant", 0.7), (0, 3)),
    ("np.pad", (X3, 2, "constant", 0.7), (0, 3)),
    ("np.pad", (X3, 1, "constant", (0.1, 0.2)), (0,)),
    *(("np.pad", (X3, w, m), (0,)) for m in ("edge", "reflect", "symmetric", "wrap") for w in (2, (0, 1), 5)),
    *(
        ("np.pad", (X23, w, m), (0,))
        for m in ("edge", "reflect", "symmetric", "wrap")
        for w in (1, ((0, 0), (2, 1)), ((1, 1), (0, 0)), 0)
    ),
    ("np.pad", (X234, ((1, 1), (0, 0), (2, 0)), "edge"), (0,)),
    ("np.pad", (X234, ((0, 0), (1, 1), (0, 0)), "wrap"), (0,)),
    ("np.pad", (single(3), 1), (0,)),
    ("np.pad", (single(3), 1, "edge"), (0,)),
    ("np.pad", (X0, 2), (0,)),
    # Elements put in and taken out.
    *(("np.delete", (X3, obj), (0,)) for obj in (0, -1, np.array([0, 2]), slice(0, 2), np.array([True, False, True]))),
    *(("np.delete", (X23, obj, axis), (0,)) for obj, axis in ((1, 0), (-1, 1), (np.array([0, 2]), -1), (4, None))),
    *(("np.insert", (X3, i, 0.7), (0, 2)) for i in (0, 1, 3, -1)),
    ("np.insert", (X3, 1, array(2)), (0, 2)),
    ("np.insert", (X23, 2, 0.7), (0, 2)),
    *(("np.insert", (X23, 1, 0.7, axis), (0, 2)) for axis in (0, 1, -1)),
    ("np.insert", (X23, 1, array(3), 0), (0, 2)),
    ("np.insert", (X23, 1, array(2, 3), 0), (0, 2)),
    ("np.insert", (X23, 0, array(2), 1), (0, 2)),
    ("np.insert", (X3, np.array([0, 2]), 0.0), (0,)),
]

SPLIT: list[Case] = [
    *((f"np.{n}", (X3, 3), (0,)) for n in ("split", "array_split", "hsplit")),
    *(("np.split", (X234, 2, axis), (0,)) for axis in (0, 2, -1)),
    *(("np.split", (X23, (1,), axis), (0,)) for axis in (0, 1)),
    ("np.split", (array(5), (1, 3)), (0,)),
    ("np.split", (array(5), (2, 2, 7)), (0,)),
    ("np.split", (array(5), np.array([1, 4])), (0,)),
    ("np.split", (array(4), [1, 2]), (0,)),
    ("np.split", (X0, 2), (0,)),
    ("np.split", (single(4), 2), (0,)),
    *(("np.array_split", (array(5), n), (0,)) for n in (1, 2, 3)),
    ("np.array_split", (X234, 2, 1), (0,)),
    *(("np.vsplit", (x, 2), (0,)) for x in (X23, X234)),
    *(("np.hsplit", (x, 3), (0,)) for x in (X3, X23, X234)),
    ("np.hsplit", (X23, (1,)), (0,)),
    ("np.dsplit", (X234, 2), (0,)),
    ("np.dsplit", (X234, (1, 2)), (0,)),
    # Grids and broadcasting.
    *(("np.meshgrid", ((X3, array(2)), s, i), (0,)) for s in (False, True) for i in ("xy", "ij")),
    *(("np.meshgrid", ((X3, array(2), array(4)), s, i), (0,)) for s in (False, True) for i in ("xy", "ij")),
    ("np.meshgrid", ((X3,),), (0,)),
    ("np.meshgrid", ((X3, 0.5),), (0,)),
    ("np.meshgrid", ((X0, X3),), (0,)),
    ("np.broadcast_arrays", ((X3, X23),), (0,)),
    ("np.broadcast_arrays", ((X3, 0.5, array(2, 1)),), (0,)),
    ("np.broadcast_arrays", ((X1, X0),), (0,)),
]

KNOTS, VALUES = np.array([0.1, 0.4, 0.5, 0.95]), array(4)
INSIDE = np.array([0.3, 0.45, 0.8])
CURVES: list[Case] = [
    *(("np.interp", (x, KNOTS, VALUES), (0, 1, 2)) for x in (INSIDE, 0.3, np.array([[0.2, 0.6], [0.7, 0.9]]), X0)),
    *(("np.interp", (x, KNOTS, VALUES), (0, 1, 2)) for x in (np.array([-0.5, 0.3, 1.5]), -0.5, 1.5)),
    ("np.interp", (np.array([-0.5, 0.3, 1.5]), KNOTS, VALUES, 0.2, 0.3), (0, 1, 2, 3, 4)),
    ("np.interp", (np.array([-0.5, 0.3, 1.5]), KNOTS, VALUES, None, 0.3), (0, 1, 2, 4)),
    ("np.interp", (1.5, KNOTS, VALUES, 0.2, 0.3), (0, 1, 2, 3, 4)),
    ("np.interp", (INSIDE, [0.1, 0.4, 0.5, 0.95], [0.3, 0.2, 0.7, 0.1]), (0, 1, 2)),
    *(
        (f"np.{n}", (array(p), array(q), mode), (0, 1))
        for n in ("convolve", "correlate")
        for p, q in ((5, 3), (3, 5), (5, 2), (2, 5), (4, 4), (3, 1), (1, 4))
        for mode in ("full", "same", "valid")
    ),
    *((f"np.{n}", (single(4), single(2)), (0, 1)) for n in ("convolve", "correlate")),
    ("np.convolve", ([0.5, 0.6], X3), (0, 1)),
    *(("np.polyval", (array(n), x), (0, 1)) for n in (1, 2, 4) for x in (0.6, X3, X23, X0)),
    ("np.polyval", ([0.5, 0.6, 0.7], X3), (0, 1)),
    ("np.polyval", (array(3), np.array([0.0, 0.5])), (0, 1)),
    *(("np.vander", (X3, n, up), (0,)) for n in (None, 1, 2, 5) for up in (False, True)),
    ("np.vander", (np.array([0.0, 0.5]), 4), (0,)),
    ("np.vander", (single(2),), (0,)),
    *((f"np.{n}space", (0.2, 0.9, num, end), (0, 1)) for n in ("lin", "geom") for num, end in ((5, False), (1, True))),
    *(
        (f"np.{n}space", (a, b, 4), (0, 1))
        for n in ("lin", "geom")
        for a, b in ((X3, array(3)), (X3, 0.9), (0.2, X23), (array(2, 1), X3))
    ),
    ("np.geomspace", (-0.2, -0.9, 4), (0, 1)),
]

CASES: list[Case] = [*JOINING, *DISPLAYS, *REARRANGED, *DIAGONALS, *REPEATED, *SPLIT, *CURVES]

REFUSED = {
    *("np.split", "np.array_split", "np.vsplit", "np.hsplit", "np.dsplit", "np.meshgrid", "np.pad", "np.insert"),
    *("np.linspace", "np.geomspace", "np.interp", "np.polyval", "np.vander"),
    *("np.diagonal", "np.trace", "np.rollaxis", "np.dstack", "np.append", "np.block"),
}

ONE_BY_ONE = {
    # Beside the main diagonal; elements put in; a border that is differentiated.
    *("np.diagflat", "np.insert", "np.pad"),
    # Of vectors alone, so that a stack of them cannot be an operand.
    *("np.interp", "np.convolve", "np.correlate", "np.polyval", "np.vander"),
}

DENSE = {"np.convolve", "np.correlate"}

STACKS_REFUSED: dict[str, set[str]] = {
    "unknown": {
        *("np.dstack", "np.append", "np.block", "np.stack", "np.asarray", "np.pad"),
        *("np.meshgrid", "np.broadcast_arrays", "np.split", "np.polyval", "np.interp", "np.convolve"),
    }
}
