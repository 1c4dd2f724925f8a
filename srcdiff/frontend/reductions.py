"""Calls of reductions: arguments in NumPy's order, methods of ufuncs, and functions that give an array for each axis.

In: a call with its arguments. Out: the form of the primitive that takes them, or what the call stands for:
`np.add.reduce(x)` is `np.sum(x, axis=0)`, `np.add.outer(x, y)` is `x[:, None] + y`, `np.gradient(x)` of a matrix is
the tuple of its gradients along each axis.
"""

from __future__ import annotations

import gast

from srcdiff.frontend.names import External
from srcdiff.frontend.objects import Arguments, Operand, Result, Static
from srcdiff.frontend.respelling import Respelling
from srcdiff.ir.builder import is_constant
from srcdiff.ir.core import Primitive, Value, constant
from srcdiff.ir.types import List, Scalar, Tuple
from srcdiff.primitives.inference import shape_of_type
from srcdiff.primitives.keywords import NEUTRAL, ORDERS, REDUCING, formed
from srcdiff.primitives.known import axis_of, normal_axes
from srcdiff.primitives.table import TABLE, lookup


class Reductions(Respelling):
    """What is particular to calls of reductions."""

    def formed(self, primitive: Primitive, arguments: Arguments) -> tuple[Primitive, Arguments]:
        """The form of a primitive that takes the arguments given, and those in the names that it knows them by."""
        if primitive.name not in ORDERS:
            return primitive, arguments
        _, keywords = formed(primitive, TABLE, [keyword for keyword, _, _ in arguments])
        named = [
            (keyword, operand, place)
            for keyword, (_, operand, place) in zip(keywords, arguments, strict=True)
            if keyword in primitive.parameters or keyword not in NEUTRAL or not _is(operand, NEUTRAL[keyword])
        ]
        return formed(primitive, TABLE, [keyword for keyword, _, _ in named])[0], named

    def method_of_ufunc(self, target: External, arguments: Arguments, node: gast.AST) -> tuple[External, Arguments]:
        """A method of a ufunc as the function of NumPy that it is; others stay as they are."""
        name = REDUCING.get(target.attribute) if target.module == "numpy" else None
        if name is None:
            return target, arguments
        order = ("array", "axis", "dtype", "out", "keepdims", "initial", "where")
        named = [
            (order[n] if keyword is None and 0 < n < len(order) else keyword, operand, place)
            for n, (keyword, operand, place) in enumerate(arguments)
        ]
        named = [(None if keyword == "array" else keyword, operand, place) for keyword, operand, place in named]
        if all(keyword != "axis" for keyword, _, _ in named):
            named.append(("axis", Result(constant(0)), node))
        return External("numpy", name), named

    def outer(self, target: External, arguments: Arguments, node: gast.AST, name: str | None) -> Operand | None:
        """`np.subtract.outer(a, b)`: each element of a with each of b; None if the call is another."""
        ufunc, _, method = target.attribute.rpartition(".")
        primitive = lookup(target.module, ufunc) if target.module == "numpy" and method == "outer" else None
        if primitive is None or len(primitive.parameters) != 2:
            return None
        if len(arguments) != 2 or any(keyword is not None for keyword, _, _ in arguments):
            raise self.error(node, f"`{target}` is supported with two arguments", "leave others out")
        a, b = (self.as_array(self.current(operand, node), node) for _, operand, _ in arguments)
        rank, other = (None if shape is None else len(shape) for shape in (shape_of_type(v.type) for v in (a, b)))
        if other is None:
            remedy = "annotate the parameters, or write `a[:, None] - b`"
            raise self.error(node, f"`{target}` needs to know the rank of its second argument", remedy)
        if other and rank is None:
            # It may be a number, which has no elements to index.
            axes = constant(-1) if other == 1 else self.apply("make_tuple", *range(-other, 0), node=node)
            a = self.apply("np.expand_dims", a, axes, node=node)
        elif other and rank:
            every = self.apply("make_slice", None, None, None, node=node) if rank == 1 else constant(Ellipsis)
            index = self.apply("make_tuple", every, *(constant(None),) * other, node=node)
            a = self.apply("index_get", a, index, node=node)
        return self.primitive(primitive, [Result(a), Result(b)], node, name)

    def as_array(self, value: Value, node: gast.AST) -> Value:
        """What NumPy makes of a list or tuple that an operator would take for one."""
        return self.apply("np.asarray", value, node=node) if isinstance(value.type, List | Tuple) else value

    def gradients(self, arguments: Arguments, node: gast.AST, name: str | None) -> Operand:
        """`np.gradient`: along one axis an array, along several a tuple of them."""
        f, *spacings = (self.current(operand, node) for keyword, operand, _ in arguments if keyword in (None, "f"))
        given = {
            keyword: self.current(operand, node) for keyword, operand, _ in arguments if keyword not in (None, "f")
        }
        for keyword, _, place in arguments:
            if keyword not in (None, "f", "axis", "edge_order"):
                raise self.error(place, f"`numpy.gradient` with `{keyword}=` is not supported", "leave it out")
        order, axis = given.get("edge_order", constant(1)), given.get("axis", constant(None))
        shape, axes = shape_of_type(f.type), axis_of(axis)
        if isinstance(axes, int):
            return Result(self._gradient(f, spacings, axis, order, node, name))
        if shape is None:
            remedy = "pass `axis=`, or annotate the parameter"
            raise self.error(node, "`numpy.gradient` needs to know the rank of the array", remedy)
        positions = normal_axes(axes, len(shape)) if axes is None else axes
        if not isinstance(positions, tuple):
            raise self.error(node, "`numpy.gradient` along an axis chosen at run time is not supported", "write it out")
        if len(spacings) not in (0, 1, len(positions)):
            raise self.error(node, f"`numpy.gradient` takes one spacing or {len(positions)}", "one for each axis")
        if len(spacings) == 1 and len(positions) > 1 and not isinstance(spacings[0].type, Scalar):
            raise self.error(node, "`numpy.gradient` takes one array of coordinates for each axis", "write them all")
        if len(shape) == 1 and axes is None:
            return Result(self._gradient(f, spacings, constant(None), order, node, name))
        each = spacings * len(positions) if len(spacings) == 1 else spacings
        parts = [self._gradient(f, each[n : n + 1], constant(p), order, node, None) for n, p in enumerate(positions)]
        if len(parts) == 1:
            return Result(parts[0])
        return self.display([Result(p) for p in parts], node, name)

    def _gradient(
        self, f: Value, spacing: list[Value], axis: Value, order: Value, node: gast.AST, name: str | None
    ) -> Value:
        form = "np.gradient(spacing)" if spacing else "np.gradient"
        return self.apply(form, f, *spacing, axis, order, node=node, name=name)


def _is(operand: Operand, expected: object) -> bool:
    """Whether an operand is this constant."""
    return not isinstance(operand, Static) and is_constant(operand.value, expected)
