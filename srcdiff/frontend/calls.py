"""Calls: primitives, methods, and the user's functions (called, or written into the caller).

In: a call in the user's text. Out: its result; arguments are bound to parameters at compile time.
"""

from __future__ import annotations

from dataclasses import replace

import gast

from srcdiff.frontend.expressions import PROPERTIES
from srcdiff.frontend.factorisations import Factorisations
from srcdiff.frontend.libraries import in_library
from srcdiff.frontend.listed import DTYPES, listed
from srcdiff.frontend.names import ClassSource, CustomFunction, External, FunctionSource, GlobalValue, ModuleRef
from srcdiff.frontend.objects import (
    FRESH,
    Arguments,
    Cell,
    Closure,
    Differentiated,
    Memory,
    Operand,
    Partial,
    Pullback,
    Result,
    Static,
    StaticTuple,
    View,
    base_cell,
    may_be_container,
)
from srcdiff.frontend.registrations import registered_too_deep
from srcdiff.frontend.spellings import REFUSED_METHODS
from srcdiff.frontend.subset import WRITERS, is_complex, is_random, no_method, no_rule
from srcdiff.ir.core import Constant, Primitive, Value, constant
from srcdiff.ir.types import OBJECT, Array, Dict, Instance, List, Opaque, Record, Tuple, Unknown, is_mutable
from srcdiff.primitives.operators import OPERATORS
from srcdiff.primitives.table import (
    METHODS,
    PACKED,
    PACKED_METHODS,
    SECOND_OPERAND,
    TABLE,
    TAKE_DISPLAYS,
    lookup,
)

_OF_OBJECTS = frozenset((*METHODS, "get", "keys", "values", "items", "pop"))
_COPIES = frozenset(("flatten", "astype"))


class Calls(Factorisations):
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

    def builtin(self, builtin: str, node: gast.Call, name: str | None) -> Operand:
        raise AssertionError("internal error: builtins are lowered by the class built on this one")

    def srcdiff_function(self, attribute: str, node: gast.Call, name: str | None) -> Operand:
        raise AssertionError("internal error: derivatives are lowered by the class built on this one")

    def custom_call(self, function: CustomFunction, arguments: Arguments, node: gast.AST, name: str | None) -> Operand:
        raise AssertionError("internal error: these calls are lowered by the class built on this one")

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
            owner = self.expression(node.func.value)
            base = self.solid(owner)
            if isinstance(base, Static) and isinstance(base.value, StaticTuple) and base.value.home is not None:
                base = self.resolved(base.value.home, node.func)
            callee: Operand | None = self._member_of(owner, node.func.attr)
            if callee is None and isinstance(base, Result) and isinstance(base.type, Record | Instance):
                return self.record_method(base, node.func.attr, self.arguments(node), node, name)
            if callee is None and isinstance(base, Result):
                return self.method(base, node.func.attr, node, name)
            if callee is None and isinstance(base, Static):
                callee = self.module_attribute(base, node.func)
            assert callee is not None
        else:
            callee = self.expression(node.func)
        if isinstance(callee, Result) and isinstance(callee.type, Record | Instance):
            return self.record_method(callee, "__call__", self.arguments(node), node, name)
        if isinstance(callee, Result) and isinstance(callee.type, Unknown | Opaque):
            message = "which function this calls is not known when the code is made"
            remedy = "call it by its name, or take it from a tuple of functions (a list or dict, if nothing changes it)"
            raise self.error(node, message, remedy)
        if isinstance(callee, Result):
            raise self.error(node, "this is a number or an array and cannot be called", "call a function")
        match callee.value:
            case External(module="builtins", attribute=builtin):
                return self.builtin(builtin, node, name)
            case External(module="functools", attribute="partial"):
                return self.partial(node, name)
            case External(module="srcdiff.rule", attribute=form):
                raise self.error(node, *registered_too_deep(form))
            case External(module=library, attribute=attribute) if library.split(".")[0] == "srcdiff":
                return self.srcdiff_function(attribute, node, name)
            case External(module="dataclasses", attribute=attribute):
                return self.dataclass_function(attribute, self.arguments(node), node, name)
            case External() as target:
                return self.external(target, node, name)
            case (
                FunctionSource()
                | Closure()
                | Differentiated()
                | Pullback()
                | Partial()
                | ClassSource()
                | CustomFunction()
            ):
                return self.call_static(self.effective(callee), self.arguments(node), node, name)
            case ModuleRef(name=module):
                raise self.error(node, f"`{module}` is a module and cannot be called")
        raise self.error(node, f"{self.describe_static(callee)} cannot be called")

    def _member_of(self, owner: Operand, attribute: str) -> Static | None:
        """`lib.sub.g` of a module whose text we do not read: a function, unless `lib.sub` has methods like that."""
        match owner:
            case Static(value=External(module=module, attribute=outer)) if not in_library(module):
                member = External(module, f"{outer}.{attribute}")
                custom = self.scope.module.custom(member)
                return None if custom is None and attribute in _OF_OBJECTS else Static(custom or member)
        return None

    def call_static(self, callee: Static, arguments: Arguments, node: gast.AST, name: str | None) -> Operand:
        """Lower a call of a function of the user's, or of a derivative of one."""
        match callee.value:
            case Closure(source=source) as closure:
                return self.user_function(source, closure, arguments, node, name)
            case FunctionSource() as source:
                return self.user_function(source, None, arguments, node, name)
            case ClassSource() as source:
                return self.construct(source, arguments, node, name)
            case Partial(function=function, arguments=given):
                return self.call_static(self.effective(function), self._completed(given, arguments, node), node, name)
            case External() as target:
                return self.apply_external(target, arguments, node, name)
            case CustomFunction() as custom:
                return self.custom_call(custom, arguments, node, name)
            case Differentiated() as derivative:
                return self.derivative_call(derivative, arguments, node, name)
            case Pullback() as pullback:
                return self.pullback_call(pullback, arguments, node, name)
        raise self.error(node, f"{self.describe_static(callee)} cannot be called")

    # --- arguments

    def _completed(
        self, given: tuple[tuple[str | None, Operand], ...], arguments: Arguments, node: gast.AST
    ) -> Arguments:
        """The arguments of a call of a partial function: a keyword that is given again replaces the one before."""
        again = {keyword for keyword, _, _ in arguments if keyword is not None}
        first: Arguments = [(None, operand, node) for keyword, operand in given if keyword is None]
        named: Arguments = [(k, operand, node) for k, operand in given if k is not None and k not in again]
        return [*first, *arguments, *named]

    def arguments(self, node: gast.Call, displays: bool = False) -> Arguments:
        """The evaluated arguments of a call, in order; `displays`: lists written out are seen by the callee alone."""
        nodes: list[gast.AST] = []
        keywords: list[str | None] = []
        for argument in node.args:
            keywords.append(None)
            nodes.append(argument.value if isinstance(argument, gast.Starred) else argument)
        for keyword in node.keywords:
            keywords.append(keyword.arg)
            nodes.append(keyword.value)
        operands = self.evaluate_all([listed(n) for n in nodes] if displays else nodes)
        found: Arguments = []
        for keyword, operand, place, written in zip(
            keywords, operands, nodes, [*node.args, *node.keywords], strict=True
        ):
            if isinstance(written, gast.keyword) and written.arg is None:
                found.extend(self._from_dict(operand, place))
            elif isinstance(written, gast.Starred):
                found.extend((None, item, place) for item in self.unpacked(operand, place))
            else:
                found.append((keyword, operand, place))
        return found

    def _from_dict(self, operand: Operand, node: gast.AST) -> Arguments:
        """The keyword arguments that a dict of known keys stands for."""
        if not isinstance(operand, Result) or not isinstance(operand.type, Dict) or operand.type.items is None:
            raise self.error(node, "`**` needs a dict whose keys are known", "write the keyword arguments out")
        keys = [k for k, _ in operand.type.items if isinstance(k, str)]
        return [(k, self.item(operand, constant(k), node), node) for k in keys]

    def unpacked(self, operand: Operand, node: gast.AST) -> list[Operand]:
        """The items of a tuple of known length."""
        if isinstance(operand, Static):
            if isinstance(operand.value, StaticTuple):
                return list(operand.value.items)
            raise self.error(node, f"{self.describe_static(operand)} cannot be unpacked")
        type = operand.type
        if isinstance(type, Record):
            return self.unpacked(self.plain(operand, None, node), node)
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
        if primitive.name in PACKED:
            arrays = [operand for keyword, operand, _ in arguments if keyword is None]
            arguments = [(None, self.display(arrays, node, None), node), *(a for a in arguments if a[0] is not None)]
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
        found = self.factorised(target, node, name)
        if found is not None:
            return found
        primitive = lookup(target.module, target.attribute)
        displays = primitive is not None and primitive.name in TAKE_DISPLAYS
        return self.apply_external(target, self.arguments(node, displays), node, name)

    def apply_external(self, target: External, arguments: Arguments, node: gast.AST, name: str | None) -> Operand:
        target, arguments = self.method_of_ufunc(target, arguments, node)
        if target.module == "numpy":
            arguments = self.adjusted(target.attribute, arguments, node)
            found = self.respelled(target.attribute, arguments, node, name)
            if found is not None:
                return found
        primitive = lookup(target.module, target.attribute)
        if target == External("numpy", "where") and len(arguments) == 1:
            primitive = TABLE["np.nonzero"]
        if primitive is None and target.module == "numpy" and target.attribute in WRITERS:
            remedy = "write it as a statement of its own"
            raise self.error(node, f"`{target}` writes into its argument, and its result is None", remedy)
        if primitive is None:
            outer = self.outer(target, arguments, node, name)
            if outer is not None:
                return outer
            if self.compilation.of_rule and not is_random(target):
                known = CustomFunction(str(target), GlobalValue(target.module, target.attribute, OBJECT))
                return self.custom_call(known, arguments, node, name)
            raise self.error(node, *no_rule(target))
        if primitive.name == "np.gradient":
            return self.gradients(arguments, node, name)
        primitive, arguments = self.formed(primitive, arguments)
        for keyword, operand, place in arguments:
            if isinstance(operand, Static) and not self.is_value(operand):
                if isinstance(operand.value, External) and is_complex(operand.value):
                    raise self.error(place, *no_rule(operand.value))
                where = f"`{keyword}=`" if keyword else "an argument"
                raise self.error(place, f"`{target}` takes a function as {where}: not supported", "write a loop")
        if primitive.name == "np.einsum":
            primitive, arguments = self.einsum(arguments)
        if target.module in ("numpy", "numpy.linalg") and primitive.name in (*OPERATORS, "np.average"):
            # `np.add([1.0, x], y)` is no sum of lists.
            arguments = [
                (keyword, Result(self.as_array(self.current(operand, place), place)), place)
                if isinstance(operand, Result) and isinstance(operand.type, List | Tuple) and keyword != "axis"
                else (keyword, operand, place)
                for keyword, operand, place in arguments
            ]
        return self.applied(primitive, arguments, str(target), node, name)

    def applied(
        self, primitive: Primitive, arguments: Arguments, title: str, node: gast.AST, name: str | None
    ) -> Result:
        """The result of a function or method of a library that is called `title`."""
        operands = self.bind_primitive(primitive, arguments, title, node)
        if primitive.name in TAKE_DISPLAYS:
            operands = [self.opened(operand, node) for operand in operands]
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
            arguments = self.arguments(node, primitive.name in TAKE_DISPLAYS)
            positional = [a for a in arguments if a[0] is None]
            variadic_shape = attribute in PACKED_METHODS and len(positional) > 1
            if variadic_shape:
                items = self.display([a[1] for a in positional], node, None)
                arguments = [(None, items, node), *(a for a in arguments if a[0] is not None)]
            for _, operand, place in arguments:
                if isinstance(operand, Static) and isinstance(operand.value, External) and is_complex(operand.value):
                    raise self.error(place, *no_rule(operand.value))
            whole: Arguments = [(None, base, node), *arguments]
            if attribute in SECOND_OPERAND and len(positional) > 0:
                whole[:2] = whole[1::-1]
            whole = self.adjusted(attribute, whole, node)
            found = self.respelled(attribute, whole, node, name)
            if found is not None:
                return found
            primitive, arguments = self.formed(primitive, whole)
            result = self.applied(primitive, arguments, f".{attribute}", node, name)
            if attribute in _COPIES or attribute == "copy":
                # `x.copy()` and `x.flatten()` are in C order, whatever the order of x.
                memory = result.memory if attribute == "copy" else FRESH
                packed = isinstance(result.type, Array) and attribute != "astype"
                return Result(result.value, None, replace(memory, packed=packed))
            return result
        message, usual = no_method(attribute)
        raise self.error(node, message, REFUSED_METHODS.get(attribute, usual))

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
