"""Functions and methods of NumPy that are lowered as others, and options that do not change what is computed.

In: the name of a function or method and its arguments. Out: its result, made with primitives: `x.mT` is
`np.swapaxes(x, -1, -2)`, `np.logspace(a, b, 5)` is `10.0 ** np.linspace(a, b, 5)`; or None for all others.
"""

from __future__ import annotations

from collections.abc import Callable

import gast

from srcdiff.frontend.indexing import Indexing
from srcdiff.frontend.objects import Arguments, Operand, Result
from srcdiff.ir.core import Constant, constant
from srcdiff.ir.types import Scalar, Tuple
from srcdiff.primitives.containers import MAKE_PARTS
from srcdiff.primitives.inference import rank_of_type
from srcdiff.primitives.keywords import RENAMED

_LAYOUT = frozenset(
    (
        *("array", "asarray", "zeros", "ones", "empty", "full", "eye", "identity", "copy", "astype", "require"),
        *("zeros_like", "ones_like", "empty_like", "full_like"),
    )
)
"""Where `order=` says how the array lies in memory, and nothing else."""

_ORDERED = {"reshape": 2, "ravel": 1, "flatten": 1}
"""Where it says in which order the elements are taken, and at which position it stands."""


class Respelling(Indexing):
    """Lowers what is written with other functions."""

    def adjusted(self, function: str, arguments: Arguments, node: gast.AST) -> Arguments:
        """The arguments by the primitive's names for them, without options that change nothing."""
        others = RENAMED.get(function, {})
        kept: Arguments = []
        for position, (keyword, operand, place) in enumerate(arguments):
            value = operand.value.value if isinstance(operand, Result) and isinstance(operand.value, Constant) else ...
            layout = keyword == "order" and function in _LAYOUT and value in ("C", "F", "A", "K", None)
            ordered = keyword == "order" or (keyword is None and position == _ORDERED.get(function))
            usual = function in _ORDERED and ordered and value in ("C", None)
            copies = keyword == "copy" and value is True and function in ("array", "astype", "asarray", "meshgrid")
            if layout or usual or (copies and function != "asarray") or (keyword == "subok" and value is False):
                continue
            if function in _ORDERED and ordered and value != "F":
                message = (
                    f"`{function}` with `order={value!r}` is not supported: it depends on how the array lies in memory"
                )
                raise self.error(place, message, 'use the order "C" or "F"')
            kept.append((None if keyword is None else others.get(keyword, keyword), operand, place))
        return kept

    def respelled(self, function: str, arguments: Arguments, node: gast.AST, name: str | None) -> Operand | None:
        """The result of a function or method that is lowered as others; None for one that is not."""
        rule = _RULES.get(function)
        return None if rule is None else rule(self, arguments, node, name)

    def bound(self, title: str, parameters: str, arguments: Arguments, node: gast.AST) -> dict[str, Operand]:
        """The arguments by the names of the parameters; `name?` may be left out."""
        names = parameters.split()
        found: dict[str, Operand] = {}
        for position, (keyword, operand, place) in enumerate(arguments):
            known = [n.rstrip("?") for n in names]
            if keyword is None and position >= len(known):
                raise self.error(node, f"`np.{title}` is supported with {len(known)} arguments at most")
            parameter = known[position] if keyword is None else keyword
            if parameter not in known:
                raise self.error(
                    place, f"`np.{title}` with `{parameter}=` is not supported", f"leave `{parameter}=` out"
                )
            if parameter in found:
                raise self.error(place, f"`np.{title}` got `{parameter}` twice")
            found[parameter] = operand
        for n in names:
            if not n.endswith("?") and n not in found:
                raise self.error(node, f"`np.{title}` needs the argument `{n}`")
        return found

    def matrix_transpose(self, x: Operand, node: gast.AST, name: str | None) -> Result:
        return self.primitive("np.swapaxes", [x, Result(constant(-1)), Result(constant(-2))], node, name)

    def joined(self, kind: str, node: gast.Subscript, name: str | None) -> Operand:
        """`np.r_[a, b]` and `np.c_[a, b]`, of arrays and numbers."""
        items = list(node.slice.elts) if isinstance(node.slice, gast.Tuple) else [node.slice]
        if any(isinstance(i, gast.Slice) or (isinstance(i, gast.Constant) and isinstance(i.value, str)) for i in items):
            raise self.error(
                node, f"a slice or a string in `np.{kind}` is not supported", "use np.arange and np.concatenate"
            )
        operands = self.evaluate_all(items)
        parts = self.primitive(MAKE_PARTS, operands, node)
        assert isinstance(parts.type, Tuple)
        ranks = [rank_of_type(t) for t in parts.type.items]
        known = [r for r in ranks if r is not None]
        if len(known) < len(ranks) or (kind == "c_" and max(known) > 2):
            raise self.error(node, f"`np.{kind}` of arrays of these ranks is not supported", "use np.concatenate")
        if kind == "c_":
            return self.primitive("np.column_stack", [parts], node, name)
        if max(known) <= 1:
            return self.primitive("np.hstack", [parts], node, name)
        return self.primitive("np.concatenate", [parts, Result(constant(0))], node, name)


Rule = Callable[[Respelling, Arguments, gast.AST, "str | None"], "Operand | None"]


def _content(operand: Operand | None) -> object:
    """What an operand is, where it is a constant; `...` where it is not."""
    if operand is None:
        return None
    return operand.value.value if isinstance(operand, Result) and isinstance(operand.value, Constant) else ...


def _matrix_transpose(self: Respelling, arguments: Arguments, node: gast.AST, name: str | None) -> Operand:
    return self.matrix_transpose(self.bound("matrix_transpose", "x", arguments, node)["x"], node, name)


def _permute_dims(self: Respelling, arguments: Arguments, node: gast.AST, name: str | None) -> Operand:
    found = self.bound("permute_dims", "a axes?", arguments, node)
    return self.primitive("np.transpose", [found["a"], found.get("axes", Result(constant(None)))], node, name)


def _unstack(self: Respelling, arguments: Arguments, node: gast.AST, name: str | None) -> Operand:
    """The rows of an array, with the axis moved to the front, as a tuple."""
    found = self.bound("unstack", "x axis?", arguments, node)
    rows = found["x"]
    if _content(found.get("axis")) not in (None, 0):
        rows = self.primitive("np.moveaxis", [rows, found["axis"], Result(constant(0))], node)
    return self.primitive("tuple", [rows], node, name)


def _atleast(function: str) -> Rule:
    def rule(self: Respelling, arguments: Arguments, node: gast.AST, name: str | None) -> Operand | None:
        if len(arguments) < 2:
            return None
        arrays: list[Operand] = [self.primitive(f"np.{function}", [operand], node) for _, operand, _ in arguments]
        return self.display(arrays, node, name)

    return rule


def _logspace(self: Respelling, arguments: Arguments, node: gast.AST, name: str | None) -> Operand:
    found = self.bound("logspace", "start stop num? endpoint? base? dtype?", arguments, node)
    if "dtype" in found and _content(found["dtype"]) is not None:
        raise self.error(node, "`np.logspace` with `dtype=` is not supported", "leave `dtype=` out")
    num, endpoint = found.get("num", Result(constant(50))), found.get("endpoint", Result(constant(True)))
    exponents = self.primitive("np.linspace", [found["start"], found["stop"], num, endpoint], node)
    return self.primitive("power", [found.get("base", Result(constant(10.0))), exponents], node, name)


def _linspace(self: Respelling, arguments: Arguments, node: gast.AST, name: str | None) -> Operand | None:
    """With `retstep` the step beside the samples; along another axis, the samples moved there."""
    if not any(keyword in ("retstep", "axis", "dtype") for keyword, _, _ in arguments) and len(arguments) <= 4:
        return None
    found = self.bound("linspace", "start stop num? endpoint? retstep? dtype? axis?", arguments, node)
    if _content(found.get("dtype")) is not None:
        raise self.error(node, "`np.linspace` with `dtype=` is not supported", "leave `dtype=` out")
    num, endpoint = found.get("num", Result(constant(50))), found.get("endpoint", Result(constant(True)))
    start, stop, axis, step = found["start"], found["stop"], _content(found.get("axis")), _content(found.get("retstep"))
    samples = self.primitive("np.linspace", [start, stop, num, endpoint], node)
    if axis not in (None, 0):
        samples = self.primitive("np.moveaxis", [samples, Result(constant(0)), found["axis"]], node)
    if step in (None, False):
        return samples
    closed, count = _content(endpoint), _content(num)
    if step is not True or not isinstance(closed, bool):
        raise self.error(node, "`retstep` and `endpoint` must be constants", "write True or False")
    gaps: Operand = num
    if closed:
        one: list[Operand] = [num, Result(constant(1))]
        gaps = Result(constant(count - 1)) if isinstance(count, int) else self.primitive("subtract", one, node)
    width = self.primitive("subtract", [stop, start], node)
    return self.display([samples, self.primitive("divide", [width, gaps], node)], node, name)


def _polyder(self: Respelling, arguments: Arguments, node: gast.AST, name: str | None) -> Operand:
    found = self.bound("polyder", "p m?", arguments, node)
    if _content(found.get("m")) not in (None, 1):
        raise self.error(node, "`np.polyder` is supported for the first derivative", "call it several times")
    p = self.current(found["p"], node)
    lower = self.apply("index_get", p, self.apply("make_slice", None, -1, None, node=node), node=node)
    degree = self.apply("subtract", self.apply("len", p, node=node), 1, node=node)
    powers = self.apply("np.arange", degree, 0, -1, node=node)
    return Result(self.apply("multiply", lower, powers, node=node, name=name))


def _in_order(function: str) -> Rule:
    """In the order "F" an array is taken column by column: what is done with its transpose in the usual order."""

    def rule(self: Respelling, arguments: Arguments, node: gast.AST, name: str | None) -> Operand | None:
        position = _ORDERED[function]
        given = [a for i, a in enumerate(arguments) if a[0] == "order" or (a[0] is None and i == position)]
        if not given:
            return None
        rest = [a for a in arguments if a is not given[0]]
        found = self.bound(function, "a shape" if function == "reshape" else "a", rest, node)
        turned = self.primitive("T", [found["a"]], node)
        if function != "reshape":
            flat = self.primitive("np.ravel", [turned], node, name)
            return Result(flat.value) if function == "flatten" else flat
        shape = found["shape"]
        if not isinstance(shape, Result) or not isinstance(shape.type, Tuple | Scalar):
            raise self.error(node, '`order="F"` needs a shape of known length', "write the shape out")
        if isinstance(shape.type, Scalar):
            return self.primitive("np.reshape", [turned, shape], node, name)
        items = [self.item(shape, constant(i), node) for i in reversed(range(len(shape.type.items)))]
        made = self.primitive("np.reshape", [turned, self.display(items, node, None)], node)
        return self.primitive("T", [made], node, name)

    return rule


def _array(self: Respelling, arguments: Arguments, node: gast.AST, name: str | None) -> Operand | None:
    """Without a copy, `np.array` is `np.asarray`; with one, `np.asarray` is `np.array`."""
    copy = [a for a in arguments if a[0] == "copy"]
    if not copy:
        return None
    wanted = _content(copy[0][1])
    if wanted is ...:
        raise self.error(copy[0][2], "`copy` must be a constant", "write True or False")
    rest: Arguments = [("object" if k == "a" else k, o, p) for k, o, p in arguments if k != "copy"]
    found = self.bound("array", "object dtype?", rest, node)
    function = "np.array" if wanted else "np.asarray"
    return self.primitive(function, [found["object"], found.get("dtype", Result(constant(None)))], node, name)


_RULES: dict[str, Rule] = {
    "matrix_transpose": _matrix_transpose,
    "permute_dims": _permute_dims,
    "unstack": _unstack,
    "logspace": _logspace,
    "linspace": _linspace,
    "polyder": _polyder,
    "array": _array,
    "asarray": _array,
    **{f"atleast_{n}d": _atleast(f"atleast_{n}d") for n in (1, 2, 3)},
    **{function: _in_order(function) for function in _ORDERED},
}
