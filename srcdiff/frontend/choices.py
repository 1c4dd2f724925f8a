"""Functions of NumPy that choose among several, and calls of a function out of a dict: lowered to what they do.

In: a call of `np.select`, `np.piecewise`, `np.choose`, `np.where` with one argument, or `divmod`; `TABLE[key](x)`. Out:
its result, of `np.where`, of writes through masks, of `np.nonzero`, or of `//` and `%`; of a branch for each key.
"""

from __future__ import annotations

import gast

from srcdiff.frontend.builtin_calls import Builtins
from srcdiff.frontend.names import External
from srcdiff.frontend.objects import Arguments, Operand, Result, Static, StaticTuple
from srcdiff.ir.core import Constant, Value, constant
from srcdiff.ir.types import Array, List, Scalar, Tuple, Unknown


class Choices(Builtins):
    """Lowers calls that choose."""

    def raise_error(self, exception: str, operands: list[Value]) -> None:
        raise AssertionError("internal error: exceptions are raised by the class built on this one")

    def call(self, node: gast.Call, name: str | None) -> Operand:
        if isinstance(node.func, gast.Subscript) and isinstance(node.func.value, gast.Name | gast.Attribute):
            table = self.expression(node.func.value)
            if isinstance(table, Static) and isinstance(table.value, StaticTuple) and table.value.keys is not None:
                return self._called_by_key(table.value, node, name)
        return super().call(node, name)

    def _called_by_key(self, table: StaticTuple, node: gast.Call, name: str | None) -> Operand:
        """`ACTIVATIONS[kind](x)`: a call in each branch where the key is known at run time only."""
        names = table.keys
        assert names is not None
        key = self.index_value(node.func.slice)
        key = self.known.get(key, key)
        if isinstance(key, Constant) and key.value in names:
            position = names.index(key.value)
            return self.call_item(table.items[position], self.arguments(node), node, name)
        keys = self.apply("make_tuple", *(constant(k) for k in names), node=node)
        known = self.apply("contains", key, keys, node=node)
        _, here = self.inside(lambda: None)
        _, missing = self.inside(lambda: self.raise_error("KeyError", [key]))
        self.merge(known, here, missing)
        arguments = self.arguments(node)

        def branch(position: int) -> Operand:
            if position + 1 == len(table.items):
                return self.call_item(table.items[position], arguments, node, name)
            test = self.apply("equal", key, constant(names[position]), node=node)
            a, then = self.inside(lambda: self._now(self.call_item(table.items[position], arguments, node, None), node))
            b, other = self.inside(lambda: self._now(branch(position + 1), node))
            return self._choose(test, (a, then), (b, other), node, name)

        return branch(0)

    def call_item(self, item: Operand, arguments: Arguments, node: gast.AST, name: str | None) -> Operand:
        """A call of an item of a dict of functions."""
        if not isinstance(item, Static):
            raise self.error(node, "this is a number or an array and cannot be called", "call a function")
        return self.call_static(self.effective(item), arguments, node, name)

    def external(self, target: External, node: gast.Call, name: str | None) -> Operand:
        match target:
            case External("numpy", "select"):
                return self.select(node, name)
            case External("numpy", "piecewise"):
                return self.piecewise(node, name)
            case External("numpy", "choose") if len(node.args) == 2:
                choices = self.written(node.args[1], "np.choose", "its choices")
                chosen = self.evaluate_all([node.args[0], *choices])
                items = self.primitive("make_tuple", chosen[1:], node)
                rest: Arguments = [(k.arg, self.expression(k.value), k.value) for k in node.keywords]
                return self.apply_external(target, [(None, chosen[0], node), (None, items, node), *rest], node, name)
        return super().external(target, node, name)

    def apply_external(self, target: External, arguments: Arguments, node: gast.AST, name: str | None) -> Operand:
        positional = [operand for keyword, operand, _ in arguments if keyword is None]
        plain = len(positional) == len(arguments)
        if target == External("numpy", "where") and plain and len(positional) == 1:
            return self.primitive("np.nonzero", positional, node, name)
        if target.attribute == "divmod" and target.module in ("builtins", "numpy"):
            if not plain or len(positional) != 2:
                raise self.error(node, "`divmod` is supported with two arguments", "write `(a // b, a % b)`")
            return self.display([self.primitive(p, positional, node) for p in ("floor_divide", "mod")], node, name)
        return super().apply_external(target, arguments, node, name)

    def written(self, node: gast.AST, function: str, what: str) -> list[gast.AST]:
        """The items of a list or tuple that is written out in a call."""
        if not isinstance(node, gast.List | gast.Tuple) or not node.elts:
            raise self.error(node, f"`{function}` needs {what} written out", "write a list in the call")
        return list(node.elts)

    def parameters(self, node: gast.Call, function: str, names: tuple[str, ...], needed: int) -> list[gast.AST | None]:
        """The nodes of the arguments of a call, in the order of the parameters; None for those not given."""
        if len(node.args) > len(names):
            raise self.error(node, f"`{function}` is supported with {len(names)} arguments at most")
        found: list[gast.AST | None] = [*node.args, *[None] * (len(names) - len(node.args))]
        for keyword in node.keywords:
            if keyword.arg not in names:
                raise self.error(keyword.value, f"`{function}` with `{keyword.arg}=` is not supported", "leave it out")
            found[names.index(keyword.arg)] = keyword.value
        for given, parameter in zip(found[:needed], names, strict=False):
            if given is None:
                raise self.error(node, f"`{function}` needs the argument `{parameter}`")
        return found

    def select(self, node: gast.Call, name: str | None) -> Operand:
        """`np.select([c, d], [a, b], e)` is `np.where(c, a, np.where(d, b, e))`."""
        conditions, choices, default = self.parameters(node, "np.select", ("condlist", "choicelist", "default"), 2)
        tests = self.written(conditions, "np.select", "its conditions")
        values = self.written(choices, "np.select", "its choices")
        if len(tests) != len(values):
            message = f"`np.select` got {len(tests)} conditions and {len(values)} choices"
            raise self.error(node, message, "give each condition its choice")
        operands = self.evaluate_all([*tests, *values, *([] if default is None else [default])])
        chosen: Operand = operands[-1] if default is not None else Result(constant(0))
        pairs = list(zip(operands[: len(tests)], operands[len(tests) :], strict=False))
        for position, (test, value) in reversed(list(enumerate(pairs))):
            chosen = self.primitive("np.where", [test, value, chosen], node, name if position == 0 else None)
        return chosen

    def piecewise(self, node: gast.Call, name: str | None) -> Operand:
        """`np.piecewise(x, [c], [f, g])` writes `f(x[c])` and `g(x[~c])` into an array of zeros, in this order."""
        for keyword in node.keywords:
            message = f"`np.piecewise` with `{keyword.arg}=` is not supported"
            raise self.error(keyword.value, message, "write a lambda that passes it")
        if len(node.args) < 3:
            raise self.error(node, "`np.piecewise` needs an array, conditions and functions")
        tests = self.written(node.args[1], "np.piecewise", "its conditions")
        functions = self.written(node.args[2], "np.piecewise", "its functions")
        if len(functions) - len(tests) not in (0, 1):
            message = f"`np.piecewise` got {len(tests)} conditions and {len(functions)} functions"
            raise self.error(node, message, "give a function for each condition, and perhaps one for the rest")
        x, *operands = self.evaluate_all([node.args[0], *tests])
        rest: Arguments = [(None, operand, node) for operand in self.evaluate_all(node.args[3:])]
        whole = self.current(x, node)
        if not isinstance(whole.type, Array | Unknown) or (isinstance(whole.type, Array) and whole.type.shape == ()):
            raise self.error(node, "`np.piecewise` is supported for arrays", "use `if` for a number")
        masks = [self.current(operand, node) for operand in operands]
        for mask, place in zip(masks, tests, strict=True):
            if isinstance(mask.type, Scalar | List | Tuple):
                raise self.error(place, "a condition of `np.piecewise` is an array like `x < 0`", "compare the array")
        if len(functions) > len(tests):
            covered = masks[0]
            for mask in masks[1:]:
                covered = self.apply("bit_or", covered, mask, node=node)
            masks.append(self.apply("invert", covered, node=node))
        y = self.apply("np.zeros_like", whole, None, node=node, name=name)
        for mask, written in zip(masks, functions, strict=True):
            value = self.piece(self.expression(written), whole, mask, rest, written)
            y = self.apply("index_set", y, mask, value, node=node, name=name)
        return Result(y)

    def piece(self, function: Operand, x: Value, mask: Value, rest: Arguments, node: gast.AST) -> Value:
        """A constant, or what a function makes of the elements where the mask is true."""
        if not isinstance(function, Static):
            return self.current(function, node)
        part = Result(self.apply("index_get", x, mask, node=node))
        arguments: Arguments = [(None, part, node), *rest]
        match function.value:
            case External() as target:
                return self.current(self.apply_external(target, arguments, node, None), node)
        return self.current(self.call_static(self.effective(function), arguments, node, None), node)
