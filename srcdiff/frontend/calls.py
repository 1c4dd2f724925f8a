"""Calls: primitives, methods, the user's functions (called, or written into the caller), and builtins.

In: a call in the user's text. Out: its result; arguments are bound to parameters at compile time.
"""

from __future__ import annotations

import gast

from srcdiff.frontend import library
from srcdiff.frontend.expressions import DTYPES, PROPERTIES
from srcdiff.frontend.indexing import Indexing
from srcdiff.frontend.names import External, FunctionSource, ModuleRef
from srcdiff.frontend.objects import (
    Cell,
    Closure,
    Differentiated,
    Memory,
    Operand,
    Pullback,
    Result,
    Static,
    StaticTuple,
    View,
    base_cell,
    may_be_container,
)
from srcdiff.frontend.subset import is_complex, no_rule
from srcdiff.ir.core import Constant, Primitive, Value, constant
from srcdiff.ir.types import OBJECT, Array, Dict, List, Opaque, Scalar, Tuple, Unknown, is_mutable
from srcdiff.primitives.table import METHODS, PACKED_METHODS, lookup

Arguments = list[tuple[str | None, Operand, gast.AST]]
"""Keyword (None for a positional argument), operand, and where it was written."""

_ONLY_IN_FOR = frozenset(("enumerate", "zip", "map", "filter", "iter", "next"))
_OVER_ITEMS = frozenset(("sum", "min", "max", "list", "tuple", "sorted", "any", "all"))
_COPIES = frozenset(("flatten", "astype"))


class Calls(Indexing):
    """Lowers calls. Statements of inlined functions are lowered by the class built on this one."""

    def user_function(
        self,
        source: FunctionSource,
        closure: Closure | None,
        arguments: Arguments,
        node: gast.AST,
        name: str | None,
    ) -> Operand:
        raise AssertionError("internal error: the user's functions are lowered by the class built on this one")

    def srcdiff_function(self, attribute: str, node: gast.Call, name: str | None) -> Operand:
        raise AssertionError("internal error: derivatives are lowered by the class built on this one")

    def partial(self, node: gast.Call, name: str | None) -> Operand:
        raise AssertionError("internal error: derivatives are lowered by the class built on this one")

    def effective(self, operand: Static) -> Static:
        raise AssertionError("internal error: derivatives are lowered by the class built on this one")

    def derivative_call(
        self, target: Differentiated, arguments: Arguments, node: gast.AST, name: str | None
    ) -> Operand:
        raise AssertionError("internal error: derivatives are lowered by the class built on this one")

    def pullback_call(self, target: Pullback, arguments: Arguments, node: gast.AST, name: str | None) -> Operand:
        raise AssertionError("internal error: derivatives are lowered by the class built on this one")

    def call(self, node: gast.Call, name: str | None) -> Operand:
        """Lower a call used as an expression."""
        if isinstance(node.func, gast.Attribute):
            base = self.solid(self.expression(node.func.value))
            if isinstance(base, Result):
                return self.method(base, node.func.attr, node, name)
            callee: Operand = self.module_attribute(base, node.func)
        else:
            callee = self.expression(node.func)
        if isinstance(callee, Result):
            raise self.error(node, "this is a number or an array and cannot be called", "call a function")
        match callee.value:
            case External(module="builtins", attribute=builtin):
                return self.builtin(builtin, node, name)
            case External(module="functools", attribute="partial"):
                return self.partial(node, name)
            case External(module=library, attribute=attribute) if library.split(".")[0] == "srcdiff":
                return self.srcdiff_function(attribute, node, name)
            case External() as target:
                return self.external(target, node, name)
            case FunctionSource() | Closure() | Differentiated() | Pullback():
                return self.call_static(self.effective(callee), self.arguments(node), node, name)
            case ModuleRef(name=module):
                raise self.error(node, f"`{module}` is a module and cannot be called")
        raise self.error(node, f"{self.describe_static(callee)} cannot be called")

    def call_static(self, callee: Static, arguments: Arguments, node: gast.AST, name: str | None) -> Operand:
        """Lower a call of a function of the user's, or of a derivative of one."""
        match callee.value:
            case Closure(source=source) as closure:
                return self.user_function(source, closure, arguments, node, name)
            case FunctionSource() as source:
                return self.user_function(source, None, arguments, node, name)
            case Differentiated() as derivative:
                return self.derivative_call(derivative, arguments, node, name)
            case Pullback() as pullback:
                return self.pullback_call(pullback, arguments, node, name)
        raise self.error(node, f"{self.describe_static(callee)} cannot be called")

    # --- arguments

    def arguments(self, node: gast.Call) -> Arguments:
        """The evaluated arguments of a call, in order."""
        nodes: list[gast.AST] = []
        keywords: list[str | None] = []
        for argument in node.args:
            keywords.append(None)
            nodes.append(argument.value if isinstance(argument, gast.Starred) else argument)
        for keyword in node.keywords:
            if keyword.arg is None:
                raise self.error(keyword.value, "`**` in a call is not supported", "write the keyword arguments out")
            keywords.append(keyword.arg)
            nodes.append(keyword.value)
        operands = self.evaluate_all(nodes)
        found: Arguments = []
        for keyword, operand, place, written in zip(
            keywords, operands, nodes, [*node.args, *node.keywords], strict=True
        ):
            if isinstance(written, gast.Starred):
                found.extend((None, item, place) for item in self.unpacked(operand, place))
            else:
                found.append((keyword, operand, place))
        return found

    def unpacked(self, operand: Operand, node: gast.AST) -> list[Operand]:
        """The items of a tuple of known length."""
        if isinstance(operand, Static):
            if isinstance(operand.value, StaticTuple):
                return list(operand.value.items)
            raise self.error(node, f"{self.describe_static(operand)} cannot be unpacked")
        type = operand.type
        if isinstance(type, Tuple):
            return [self.item(operand, constant(i), node) for i in range(len(type.items))]
        raise self.error(node, "`*` needs a tuple whose length is known", "write the arguments out")

    def bind_primitive(self, primitive: Primitive, arguments: Arguments, title: str, node: gast.AST) -> list[Operand]:
        """Operands in the order of the primitive's parameters; what it does not know is refused by name."""
        if primitive.variadic:
            for keyword, _, place in arguments:
                if keyword is not None:
                    raise self.error(place, f"`{title}` with `{keyword}=` is not supported", "leave it out")
            return [operand for _, operand, _ in arguments]
        slots: dict[str, Operand] = {}
        positional = [a for a in arguments if a[0] is None]
        if len(positional) > len(primitive.parameters):
            raise self.error(node, f"`{title}` is supported with {len(primitive.parameters)} arguments at most")
        for parameter, (_, operand, _) in zip(primitive.parameters, positional, strict=False):
            slots[parameter] = operand
        for keyword, operand, place in arguments:
            if keyword is None:
                continue
            if keyword not in primitive.parameters:
                raise self.error(place, f"`{title}` with `{keyword}=` is not supported", f"leave `{keyword}=` out")
            if keyword in slots:
                raise self.error(place, f"`{title}` got `{keyword}` twice")
            slots[keyword] = operand
        first_default = len(primitive.parameters) - len(primitive.defaults)
        operands: list[Operand] = []
        for position, parameter in enumerate(primitive.parameters):
            if parameter in slots:
                operands.append(slots[parameter])
            elif position >= first_default:
                default = primitive.defaults[position - first_default]
                operands.append(Result(default if isinstance(default, Value) else constant(default)))
            else:
                raise self.error(node, f"`{title}` needs the argument `{parameter}`")
        return operands

    # --- functions of libraries

    def external(self, target: External, node: gast.Call, name: str | None) -> Operand:
        found = library.rearranged(self, target, node, name)
        return self.apply_external(target, self.arguments(node), node, name) if found is None else found

    def apply_external(self, target: External, arguments: Arguments, node: gast.AST, name: str | None) -> Operand:
        primitive = lookup(target.module, target.attribute)
        if primitive is None:
            raise self.error(node, *no_rule(target))
        for keyword, operand, place in arguments:
            if isinstance(operand, Static) and not self.is_value(operand):
                if isinstance(operand.value, External) and is_complex(operand.value):
                    raise self.error(place, *no_rule(operand.value))
                where = f"`{keyword}=`" if keyword else "an argument"
                raise self.error(place, f"`{target}` takes a function as {where}: not supported", "write a loop")
        if primitive.name == "np.einsum":
            primitive, arguments = library.einsum(arguments)
        operands = self.bind_primitive(primitive, arguments, str(target), node)
        return self.primitive(primitive, operands, node, name)

    def is_value(self, operand: Static) -> bool:
        value = operand.value
        return isinstance(value, External) and value.attribute in DTYPES

    # --- methods

    def method(self, base: Result, attribute: str, node: gast.Call, name: str | None) -> Operand:
        type = base.type
        if attribute == "pop" and not isinstance(type, Array):
            return self.pop(base, node, name)
        if isinstance(type, Dict | Unknown) and attribute in ("get", "keys", "values", "items"):
            return self.dict_method(base, attribute, node, name)
        if attribute in (
            "append",
            "extend",
            "insert",
            "remove",
            "clear",
            "sort",
            "reverse",
            "update",
            "setdefault",
            "fill",
        ):
            raise self.error(
                node,
                f"`.{attribute}()` changes an object, and its result is None",
                "write it as a statement of its own",
            )
        if attribute in METHODS and attribute not in PROPERTIES:
            primitive = METHODS[attribute]
            arguments = self.arguments(node)
            positional = [a for a in arguments if a[0] is None]
            variadic_shape = attribute in PACKED_METHODS and len(positional) > 1
            if variadic_shape:
                items = self.display([a[1] for a in positional], node, None)
                arguments = [(None, items, node), *(a for a in arguments if a[0] is not None)]
            for _, operand, place in arguments:
                if isinstance(operand, Static) and isinstance(operand.value, External) and is_complex(operand.value):
                    raise self.error(place, *no_rule(operand.value))
            operands = self.bind_primitive(primitive, [(None, base, node), *arguments], f".{attribute}", node)
            result = self.primitive(primitive, operands, node, name)
            return Result(result.value) if attribute in _COPIES else result
        raise self.error(node, f"no rule for the method `.{attribute}()`", "use a function or method that has one")

    def pop(self, base: Result, node: gast.Call, name: str | None) -> Operand:
        """`tape.pop()`: the last element, and the list without it."""
        index: Value = constant(-1)
        if node.args:
            index = self.value(node.args[0])
        if isinstance(base.type, Dict) or not isinstance(index, Constant) or index.value not in (0, -1):
            raise self.error(node, "`.pop()` is supported for the last and first element of a list", "use `xs.pop()`")
        place = self.as_place(base)
        self.check_not_iterated(place, node)
        before = self.read(place, node)
        memory = self.memory_of(place)
        item = self.apply("index_get", before, index, node=node, name=name)
        if index.value == -1:
            after = self.apply("drop_last", before, node=node, name=place.name)
        else:
            rest = self.apply("make_slice", 1, None, None, node=node)
            after = self.apply("index_get", before, rest, node=node, name=place.name)
        # The element leaves the list: its memory is what the list held, or its own.
        self.write(place, after, node)
        if not is_mutable(item.type):
            return Result(item)
        return Result(item, None, Memory(memory.held, memory.held if may_be_container(item.type) else frozenset()))

    def check_not_iterated(self, place: Cell | View, node: gast.AST) -> None:
        if base_cell(place) in self.iterating:
            raise self.error(
                node,
                f"`{base_cell(place).name}` changes its length while a loop goes over it",
                "loop over a copy of it",
            )

    def dict_method(self, base: Result, attribute: str, node: gast.Call, name: str | None) -> Operand:
        if attribute != "get":
            raise self.error(node, f"`.{attribute}()` is supported in a `for` statement only", "loop over it")
        arguments = self.arguments(node)
        if any(keyword is not None for keyword, _, _ in arguments) or not 1 <= len(arguments) <= 2:
            raise self.error(node, "`.get` takes a key and a default")
        key = self.current(arguments[0][1], node)
        default = arguments[1][1] if len(arguments) == 2 else Result(constant(None))
        table = self.current(base, node)
        test = self.apply("contains", key, table, node=node)
        found, then = self.inside(lambda: self._now(self.item(Result(table, None, self.memory(base)), key, node), node))
        other, orelse = self.inside(lambda: self._now(default, node))
        return self._choose(test, (found, then), (other, orelse), node, name)

    # --- builtins

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
                return self.primitive("make_dict", pairs, node, name)
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
