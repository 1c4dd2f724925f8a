"""NumPy's functions that write into an argument: `out=`, `np.put`, `np.copyto`, `np.add.at`, `x.sort()`; and `del`.

In: a call or statement. Out: the same write as `x[i] = v` puts it: `np.multiply(a, b, out=c)` is `c[...] = a * b` and
its value is c, `np.copyto(x, y, where=m)` is `x[...] = np.where(m, y, x)`. What NumPy repeats until it fills the place
(`np.put`, `np.place`, `np.putmask`, `x.flat[i] = v`) is gathered first.

>>> from srcdiff.frontend.lower import lower
>>> from srcdiff.frontend.module import Module
>>> from srcdiff.ir.text import to_text
>>> head = "import numpy as np\\ndef f(x: float, c: np.ndarray):\\n"
>>> text = head + "    np.copyto(c, x, where=c > 0.0)\\n    return np.sum(c)\\n"
>>> print(to_text(lower(Module.from_text(text, "f.py"), "f")))
function f(%x: float, %c: array[...]):
    %t: bool[...] = greater %c, 0.0
    %t_1: array[...] = np.where %t, %x, %c
    %c_1: array[...] = index_set %c, Ellipsis, %t_1
    %t_2: float = np.sum %c_1, None, False
    return %t_2
<BLANKLINE>
"""

from __future__ import annotations

import gast
import numpy as np

from srcdiff.frontend.names import External
from srcdiff.frontend.objects import Arguments, Operand, Place, Result, Static, Unbound
from srcdiff.frontend.subset import WRITERS
from srcdiff.frontend.writes import Writes
from srcdiff.ir.builder import is_constant
from srcdiff.ir.core import Constant, Primitive, Value, constant
from srcdiff.ir.types import Array, List, Opaque, Scalar, Size, Tuple, Type, same_shape
from srcdiff.primitives.inference import dtype_of_type, rank_of_type
from srcdiff.primitives.table import lookup

_PARAMETERS = {
    "put": ("a", "ind", "v", "mode"),
    "place": ("arr", "mask", "vals"),
    "putmask": ("a", "mask", "values"),
    "copyto": ("dst", "src", "casting", "where"),
    "fill_diagonal": ("a", "val", "wrap"),
    "add.at": ("a", "indices", "b"),
    "subtract.at": ("a", "indices", "b"),
}
_ONLY = {"mode": "raise", "wrap": False, "casting": "same_kind"}
"""What these parameters may be: what they are by default."""


class Into(Writes):
    """Lowers what writes into an array that a function was given."""

    # --- out=

    def applied(
        self, primitive: Primitive, arguments: Arguments, title: str, node: gast.AST, name: str | None
    ) -> Result:
        ufunc = _ufunc(title)
        rest: Arguments = []
        given: dict[str, tuple[Operand, gast.AST]] = {}
        positional = 0
        for keyword, operand, place in arguments:
            positional += keyword is None
            if keyword in ("out", "where") and keyword not in primitive.parameters:
                given[keyword] = operand, place
            elif ufunc is not None and keyword is None and ufunc.nin < positional <= ufunc.nin + ufunc.nout:
                given["out"] = operand, place
            else:
                rest.append((keyword, operand, place))
        where = given.get("where")
        if where is not None and ufunc is None:
            return super().applied(primitive, arguments, title, node, name)
        if where is not None and isinstance(where[0], Result) and is_constant(where[0].value, True):
            where = None
        if "out" not in given or is_constant(self.current(given["out"][0], node), None):
            if where is not None:
                raise self.error(
                    where[1], f"`{title}` with `where=` and without `out=` leaves elements unset", "pass `out=`"
                )
            return super().applied(primitive, rest, title, node, name)
        place = self._output(*given["out"])
        operands = self.bind_primitive(primitive, rest, title, node)
        if where is None:
            value = self.current(self.primitive(primitive, operands, node), node)
            self.check_cast(self.read(place, node).type, value.type, node)
            self._check_accumulator(place, value.type, ufunc, title, node)
            self._fill(place, value, node)
        else:
            if ufunc is None or ufunc.signature is not None or len(operands) != ufunc.nin:
                raise self.error(where[1], f"`{title}` with `where=` is not supported", "use np.where")
            self._masked(place, primitive, operands, where[0], node)
        return self._of(place, node)

    def _fill(self, place: Place, value: Value, node: gast.AST) -> None:
        """`place[...] = value`: simply the value, where it certainly has the type of what it replaces."""
        whole = self.read(place, node).type
        if isinstance(whole, Array) and whole == value.type and whole.dtype is not None and same_shape(whole, whole):
            self.write(place, value, node)
        else:
            self.put(place, constant(Ellipsis), Result(value), node)

    def _output(self, operand: Operand, node: gast.AST) -> Place:
        if isinstance(operand, Result) and isinstance(operand.type, Tuple) and operand.value in self.tuples:
            items = self.tuples[operand.value]
            if len(items) == 1:
                return self._output(items[0], node)
        if isinstance(operand, Static) or not isinstance(operand.type, Array):
            raise self.error(node, "`out=` must be known to be an array", "annotate what is an array with its rank")
        return self.as_place(operand)

    def _masked(
        self, place: Place, primitive: Primitive, operands: list[Operand], where: Operand, node: gast.AST
    ) -> None:
        """`op(a, b, out=c, where=m)` is `c[m] = op(a[m], b[m])`: nothing is computed where it is not wanted."""
        shape = self.apply("shape", self.read(place, node), node=node)
        mask = self._spread(self.current(where, node), place, shape, node)
        if dtype_of_type(mask.type) not in (None, "bool"):
            raise self.error(node, f"`where=` is a mask of booleans, not {mask.type}", "compare: `m != 0`")
        chosen: list[Operand] = []
        for operand in operands:
            value = self.current(operand, node)
            if not isinstance(value.type, Scalar):
                value = self.apply("index_get", self._spread(value, place, shape, node), mask, node=node)
            chosen.append(Result(value))
        value = self.current(self.primitive(primitive, chosen, node), node)
        self.check_cast(self.read(place, node).type, value.type, node)
        self.put(place, mask, Result(value), node)

    def _spread(self, value: Value, place: Place, shape: Value, node: gast.AST) -> Value:
        """The value with the shape of what is at the place."""
        t, whole = value.type, self.read(place, node).type
        if isinstance(t, Array) and isinstance(whole, Array) and same_shape(t, whole):
            return value
        return self.apply("np.broadcast_to", value, shape, node=node)

    def _check_accumulator(self, place: Place, t: Type, ufunc: np.ufunc | None, title: str, node: gast.AST) -> None:
        target = self.read(place, node).type
        mine, theirs = dtype_of_type(target), dtype_of_type(t)
        if ufunc is None and mine is not None and theirs is not None and mine != theirs:
            raise self.error(node, f"`{title}` computes in the type of `out=`, {mine}", "give both one type")

    # --- statements

    def call_statement(self, node: gast.Call) -> bool:
        writer = self._writer(node)
        if writer is None:
            return super().call_statement(node)
        bound = self._bound(writer, node)
        parameters = _PARAMETERS[writer]
        place = self.target_place(bound[parameters[0]])
        if not isinstance(self.read(place, node).type, Array) and not writer.endswith(".at"):
            raise self.error(node, f"`np.{writer}` writes into what is not known to be an array", "annotate its rank")
        rest = [p for p in parameters[1:] if p in bound]
        nodes = [bound[p] for p in rest]
        before = len(self.writes)
        if writer.endswith(".at"):
            index = self.index_value(bound["indices"])
            value = self.expression(bound["b"])
            if writer == "subtract.at":
                value = self.primitive("negative", [value], node)
            value = self._as_wide(place, index, value, node)
            self.put(place, index, value, node, "index_add")
            return True
        operands = dict(zip(rest, self.evaluate_all(nodes), strict=True))
        if len(self.writes) > before:
            raise self.error(node, "an argument changes an object while another is written", "use two statements")
        for parameter, only in _ONLY.items():
            if parameter in operands and not is_constant(self.current(operands.pop(parameter), node), only):
                raise self.error(bound[parameter], f"`np.{writer}` with this `{parameter}=` is not supported")
        match writer:
            case "put":
                self._put(place, operands["ind"], operands["v"], node)
            case "place":
                self._put_first(place, operands["mask"], operands["vals"], node)
            case "putmask":
                self._putmask(place, operands["mask"], operands["values"], node)
            case "copyto":
                self._copyto(place, operands["src"], operands.get("where"), node)
            case _:
                self._fill_diagonal(place, operands["val"], node)
        return True

    def _as_wide(self, place: Place, index: Value, operand: Operand, node: gast.AST) -> Operand:
        """What is added at an index of several axes, in the shape of the index: where the array has one axis, NumPy
        (2.4) does not broadcast it but reads beyond its end."""
        value = self._array(operand, node)
        rank, own = (rank_of_type(t) for t in (index.type, value.type))
        if own == 0 or rank in (0, 1, own) or isinstance(index.type, Tuple | Opaque):
            return operand if not isinstance(self.current(operand, node).type, List | Tuple) else Result(value)
        part = self.apply("index_get", self.read(place, node), index, node=node)
        return Result(self.apply("np.broadcast_to", value, self.apply("shape", part, node=node), node=node))

    def _writer(self, node: gast.Call) -> str | None:
        """The function of NumPy that a call is, if it is one that writes into its first argument."""
        root = node.func
        while isinstance(root, gast.Attribute):
            root = root.value
        if not isinstance(root, gast.Name) or self._is_object(root):
            return None
        if isinstance(node.func, gast.Attribute) and node.func.attr not in (*WRITERS, "at"):
            return None
        callee = self.expression(node.func)
        if not isinstance(callee, Static) or not isinstance(callee.value, External):
            return None
        module, attribute = callee.value.module, callee.value.attribute
        if module != "numpy":
            return None
        if attribute.endswith(".at") and attribute not in _PARAMETERS:
            raise self.error(node, f"`np.{attribute}` is not supported", "write a loop over the indices")
        return attribute if attribute in _PARAMETERS else None

    def _bound(self, writer: str, node: gast.Call) -> dict[str, gast.AST]:
        """The arguments by parameter."""
        parameters = _PARAMETERS[writer]
        if any(isinstance(a, gast.Starred) for a in node.args) or len(node.args) > len(parameters):
            raise self.error(node, f"`np.{writer}` takes the arguments {', '.join(parameters)}", "write them out")
        bound = dict(zip(parameters, node.args, strict=False))
        for keyword in node.keywords:
            if keyword.arg not in parameters or keyword.arg in bound:
                raise self.error(keyword.value, f"`np.{writer}` with `{keyword.arg}=` is not supported")
            bound[keyword.arg] = keyword.value
        needed = [p for p in parameters if p not in _ONLY and p != "where"]
        missing = [p for p in needed if p not in bound]
        if missing:
            raise self.error(node, f"`np.{writer}` needs the argument `{missing[0]}`")
        return bound

    def _flat(self, place: Place, node: gast.AST) -> Place:
        return self.as_place(self.flattened(self._of(place, node), node))

    def _array(self, operand: Operand, node: gast.AST) -> Value:
        """An array of what may be a list or a tuple; a number stays one."""
        value = self.current(operand, node)
        return self.apply("np.array", value, node=node) if isinstance(value.type, List | Tuple) else value

    def _row(self, value: Value, node: gast.AST) -> Value:
        if isinstance(value.type, Array) and value.type.shape is not None and len(value.type.shape) == 1:
            return value
        return self.apply("np.ravel", value, node=node)

    def _repeated(self, operand: Operand, count: Value, node: gast.AST) -> Result:
        """`count` numbers: those of the operand over and over."""
        value = self._array(operand, node)
        if isinstance(value.type, Scalar):
            return Result(value)
        row = self._row(value, node)
        known = count.type.dimension if isinstance(count.type, Size) else None
        if known is not None and isinstance(row.type, Array) and row.type.shape == (known,):
            return Result(row)
        turns = self.apply("np.arange", 0, count, 1, node=node)
        size = self.apply("size", row, node=node)
        return Result(self.apply("index_get", row, self.apply("mod", turns, size, node=node), node=node))

    def _put(self, place: Place, indices: Operand, values: Operand, node: gast.AST) -> None:
        index = self._array(indices, node)
        if not isinstance(index.type, Scalar):
            index = self._row(index, node)
        elif not isinstance(self.current(values, node).type, Scalar):
            index = self.apply("np.array", self.apply("make_list", index, node=node), node=node)
        count = constant(1) if isinstance(index.type, Scalar) else self.apply("size", index, node=node)
        value = self._repeated(values, count, node)
        self.check_cast(self.read(place, node).type, value.type, node)
        self.put(self._flat(place, node), index, value, node)

    def _mask(self, place: Place, mask: Operand, node: gast.AST) -> tuple[Place, Value]:
        """A place and a mask of booleans with its shape."""
        chosen = self._array(mask, node)
        whole, t = self.read(place, node).type, chosen.type
        if dtype_of_type(t) != "bool":
            chosen = self.apply("not_equal", chosen, 0, node=node)
        ranks = {len(a.shape) for a in (whole, t) if isinstance(a, Array) and a.shape is not None}
        known = all(isinstance(a, Array) and a.shape is not None for a in (whole, t))
        if known and len(ranks) == 1:
            return place, chosen
        return self._flat(place, node), self._row(chosen, node)

    def _put_first(self, place: Place, mask: Operand, values: Operand, node: gast.AST) -> None:
        where, chosen = self._mask(place, mask, node)
        value = self._repeated(values, self.apply("np.count_nonzero", chosen, node=node), node)
        self.check_cast(self.read(place, node).type, value.type, node)
        self.put(where, chosen, value, node)

    def _putmask(self, place: Place, mask: Operand, values: Operand, node: gast.AST) -> None:
        where, chosen = self._mask(place, mask, node)
        value = self._array(values, node)
        self.check_cast(self.read(place, node).type, value.type, node)
        if not isinstance(value.type, Scalar):
            whole = self.read(where, node)
            if not (isinstance(value.type, Array) and isinstance(whole.type, Array)) or not same_shape(
                value.type, whole.type
            ):
                row = self._repeated(Result(value), self.apply("size", whole, node=node), node).value
                value = self.apply("np.reshape", row, self.apply("shape", whole, node=node), node=node)
            value = self.apply("index_get", value, chosen, node=node)
        self.put(where, chosen, Result(value), node)

    def _copyto(self, place: Place, source: Operand, where: Operand | None, node: gast.AST) -> None:
        value = self._array(source, node)
        self.check_cast(self.read(place, node).type, value.type, node)
        if where is not None and not is_constant(self.current(where, node), True):
            mask = self._array(where, node)
            value = self.apply("np.where", mask, value, self.read(place, node), node=node)
        self._fill(place, value, node)

    def _fill_diagonal(self, place: Place, value: Operand, node: gast.AST) -> None:
        whole = self.read(place, node)
        if not isinstance(whole.type, Array) or whole.type.shape is None or len(whole.type.shape) != 2:
            raise self.error(node, "`np.fill_diagonal` is supported for matrices", "annotate the rank of the array")
        shape = self.apply("shape", whole, node=node)
        rows, columns = (self.apply("index_get", shape, i, node=node) for i in (0, 1))
        count = rows if rows.type == columns.type and isinstance(rows.type, Size) else None
        if count is None or whole.type.shape[0] is None:
            count = self.apply("min", rows, columns, node=node)
        along = self.apply("np.arange", 0, count, 1, node=node)
        index = self.apply("make_tuple", along, along, node=node)
        filler = self._repeated(value, count, node)
        self.check_cast(self.read(place, node).type, filler.type, node)
        self.put(place, index, filler, node)

    # --- methods

    def _change(self, target: gast.AST, method: str, node: gast.Call) -> None:
        if method not in ("sort", "put"):
            super()._change(target, method, node)
            return
        place = self.target_place(target)
        before = self.read(place, node)
        if not isinstance(before.type, Array):
            super()._change(target, method, node)
            return
        if method == "put":
            if len(node.args) != 2 or node.keywords:
                raise self.error(node, "`.put()` takes indices and values", "leave other arguments out")
            indices, values = self.evaluate_all(list(node.args))
            self._put(place, indices, values, node)
            return
        sort = lookup("numpy", "sort")
        if sort is None:
            super()._change(target, method, node)
            return
        operands = self.bind_primitive(sort, [(None, Result(before), node), *self.arguments(node)], ".sort", node)
        self.write(place, self.apply(sort, *(self.current(o, node) for o in operands), node=node), node)

    # --- x.flat[i] = v

    def store(self, target: gast.Subscript | gast.Attribute, operand: Operand, node: gast.AST) -> None:
        whole = isinstance(target, gast.Attribute)
        inner = target if whole else target.value
        if not isinstance(inner, gast.Attribute) or inner.attr != "flat":
            super().store(target, operand, node)
            return
        place = self.target_place(inner)
        index = self.apply("make_slice", None, None, None, node=node) if whole else self.index_value(target.slice)
        chosen = self.apply("index_get", self.read(place, node), index, node=node)
        count = constant(1) if isinstance(chosen.type, Scalar) else self.apply("size", chosen, node=node)
        if isinstance(chosen.type, Scalar) and not isinstance(self.current(operand, node).type, Scalar):
            raise self.error(node, "an element of `.flat` is assigned an array", "assign a number")
        self.put(place, index, self._repeated(operand, count, node), node)

    # --- del

    def delete(self, target: gast.AST) -> None:
        """`del name` forgets the name; `del xs[i]` takes an element out of a list."""
        match target:
            case gast.Name(id=name):
                self.expression(gast.copy_location(gast.Name(name, gast.Load(), None, None), target))
                self.state.names[self.scope.frame, name] = Unbound(f"`{name}` is deleted before it is read here")
            case gast.Tuple(elts=targets) | gast.List(elts=targets):
                for each in targets:
                    self.delete(each)
            case gast.Subscript(value=base):
                place = self.target_place(base)
                before = self.read(place, target)
                index = self.index_value(target.slice)
                if not isinstance(before.type, List) or not isinstance(index, Constant) or type(index.value) is not int:
                    raise self.error(target, "`del` is supported for names and for `del xs[0]` of a list", "use slices")
                self.check_not_iterated(place, target)
                self.write(place, self._without(before, index.value, target), target)
            case _:
                raise self.error(target, "`del` of this is not supported", "leave it as it is")

    def _without(self, items: Value, position: int, node: gast.AST) -> Value:
        """The list without one element."""
        if position == -1:
            return self.apply("drop_last", items, node=node, name=items.name)
        behind = self.apply("make_slice", position + 1, None, None, node=node)
        rest = self.apply("index_get", items, behind, node=node, name=items.name if position == 0 else None)
        if position == 0:
            return rest
        before = self.apply("make_slice", None, position, None, node=node)
        return self.apply("add", self.apply("index_get", items, before, node=node), rest, node=node, name=items.name)


def _ufunc(title: str) -> np.ufunc | None:
    """The ufunc of NumPy that has this title."""
    module, _, attribute = title.partition(".")
    found = getattr(np, attribute, None) if module == "numpy" and "." not in attribute else None
    return found if isinstance(found, np.ufunc) else None
