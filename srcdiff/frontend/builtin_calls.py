"""Calls of Python's own functions: `len`, `range`, `dict`, `isinstance`, and those that go over items.

In: a call of a builtin in the user's text. Out: its result; `isinstance` is settled by the types, or refused.

>>> from srcdiff.frontend.lower import lower
>>> from srcdiff.frontend.module import Module
>>> from srcdiff.ir.text import to_text
>>> text = "def f(x: float):\\n    return abs(x) * len((x, x)) if isinstance(x, (int, float)) else x\\n"
>>> print(to_text(lower(Module.from_text(text, "f.py"), "f")))
function f(%x: float):
    %t: float = abs %x
    %t_1: (float, float) = make_tuple %x, %x
    %t_2: int = len %t_1
    %t_3: float = multiply %t, %t_2
    return %t_3
<BLANKLINE>
"""

from __future__ import annotations

import gast

from srcdiff.frontend.calls import Calls
from srcdiff.frontend.names import External
from srcdiff.frontend.objects import Operand, Result, Static, StaticTuple
from srcdiff.ir.core import constant
from srcdiff.ir.types import OBJECT, Array, Dict, Instance, List, Opaque, Record, Scalar, Tuple

_ONLY_IN_FOR = frozenset(("enumerate", "zip", "map", "filter", "iter", "next"))
_OVER_ITEMS = frozenset(("sum", "min", "max", "list", "tuple", "sorted", "any", "all"))


class Builtins(Calls):
    """Lowers calls of builtins."""

    def builtin(self, builtin: str, node: gast.Call, name: str | None) -> Operand:
        if builtin in _OVER_ITEMS and len(node.args) == 1 and isinstance(node.args[0], gast.GeneratorExp):
            items = self.comprehension(node.args[0], name if builtin == "list" else None)
            if builtin == "list":
                return items
            rest = [(k.arg, self.expression(k.value), k.value) for k in node.keywords]
            return self.apply_external(External("builtins", builtin), [(None, items, node), *rest], node, name)
        if builtin in _ONLY_IN_FOR:
            remedy = "use it in a `for` statement or a comprehension"
            raise self.error(node, f"`{builtin}()` is supported as what a `for` statement goes over only", remedy)
        match builtin:
            case "range":
                return self.range(node, name)
            case "print" | "super" | "eval" | "exec" | "globals" | "locals" | "setattr" | "getattr" | "open" | "input":
                remedy = "write it as a statement of its own" if builtin == "print" else "use plain expressions"
                raise self.error(node, f"`{builtin}()` is not supported here", remedy)
            case "slice" if 1 <= len(node.args) <= 3 and not node.keywords:
                operands, none = self.evaluate_all(node.args), Result(constant(None))
                bounds = [none, operands[0], none] if len(operands) == 1 else [*operands, none][:3]
                return self.primitive("make_slice", bounds, node, name)
            case "list" | "tuple" | "dict" if not node.args and not node.keywords:
                return self.primitive(
                    {"list": "make_list", "tuple": "make_tuple", "dict": "make_dict"}[builtin], [], node, name
                )
            case "dict" if not node.args and all(k.arg for k in node.keywords):
                values = self.evaluate_all([k.value for k in node.keywords])
                pairs: list[Operand] = []
                for keyword, operand in zip(node.keywords, values, strict=True):
                    pairs += [Result(constant(keyword.arg)), operand]
                return self.container("make_dict", pairs, [k.arg for k in node.keywords], values, node, name)
            case "len" if len(node.args) == 1:
                operand = self.expression(node.args[0])
                if isinstance(operand, Static) and isinstance(operand.value, StaticTuple):
                    return Result(constant(len(operand.value.items)))
                return self.primitive("len", [operand], node, name)
            case "isinstance":
                return self.isinstance(node)
        return self.apply_external(External("builtins", builtin), self.arguments(node), node, name)

    def isinstance(self, node: gast.Call) -> Operand:
        """`isinstance` where the types settle it."""
        type = self.result(node.args[0]).type if len(node.args) == 2 else OBJECT
        if isinstance(type, Record | Instance):
            return Result(constant(self.is_instance(type, node.args[1])))
        names = node.args[1].elts if isinstance(node.args[1], gast.Tuple) else [node.args[1]]
        wanted = {n.attr if isinstance(n, gast.Attribute) else getattr(n, "id", "") for n in names}
        match type:
            case Scalar(kind=kind):
                # A value known as a float may be an int when it runs: derivatives take both as numbers.
                actual = {"float": {"float", "int", "Number", "Real"}, "int": {"int"}, "bool": {"bool", "int"}}[kind]
                if kind == "float" and wanted & actual and not {"float", "int"} <= wanted:
                    raise self.error(
                        node, "whether this is an int or a float is not known here", "test for `(int, float)`"
                    )
                return Result(constant(bool(wanted & actual)))
            case Array():
                return Result(constant("ndarray" in wanted))
            case List() | Tuple() | Dict():
                return Result(constant({List: "list", Tuple: "tuple", Dict: "dict"}[type.__class__] in wanted))
            case Opaque(name="str" | "None"):
                return Result(constant(type.name in wanted))
        raise self.error(node, "`isinstance()` of something whose type is not known", "annotate the parameter")

    def range(self, node: gast.Call, name: str | None = None) -> Result:
        if node.keywords or not 1 <= len(node.args) <= 3:
            raise self.error(node, "`range()` takes one to three positional arguments")
        operands = self.evaluate_all(node.args)
        zero, one = Result(constant(0)), Result(constant(1))
        full = [zero, operands[0], one] if len(operands) == 1 else [*operands, one][:3]
        return self.primitive("range", full, node, name)
