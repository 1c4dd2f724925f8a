"""Records and objects: `p.w`, `Params(w, b)`, `p._replace(w=v)`, methods, properties and attributes.

In: attributes and calls of what is a named tuple, a dataclass or an object of another class. Out: fields and attributes
as values; a method as a function whose first argument is given.
"""

from __future__ import annotations

import dataclasses

import gast

from srcdiff.frontend import classes, live
from srcdiff.frontend.context import GLOBAL_ROOT, Refused, Scope
from srcdiff.frontend.names import ClassSource, External, FunctionSource, GlobalValue, Unsupported
from srcdiff.frontend.objects import FRESH, Arguments, Memory, Operand, Partial, Result, Static
from srcdiff.frontend.reductions import Reductions
from srcdiff.ir.core import Primitive, class_value, constant
from srcdiff.ir.records import RecordClass
from srcdiff.ir.types import OBJECT, Instance, Record, Unreadable, is_mutable
from srcdiff.primitives.table import TABLE

_WHOLE = frozenset(
    (
        *("make_tuple", "make_list", "make_dict", "make_record", "append", "index_set", "identity", "copy"),
        *("zeros_like", "zeros_if_defined", "accumulate", "is_", "is_not", "item_adjoint", "spread_item", "index_add"),
        *("count_numbers", "unit_directions", "jacobian_columns", "jacobian_rows", "direction_of", "stack_of"),
        *("count_directions", "settled"),
    )
)
"""Primitives that take a record as it is."""


class Records(Reductions):
    """Lowers records and objects."""

    def call_static(self, callee: Static, arguments: Arguments, node: gast.AST, name: str | None) -> Operand:
        raise AssertionError("internal error: calls are lowered by the class built on this one")

    # --- reading

    def member(self, base: Result, attribute: str, node: gast.AST, name: str | None) -> Operand:
        """`p.w`: a field, a property, a method or an attribute of the class."""
        type = base.type
        assert isinstance(type, Record | Instance)
        if isinstance(type, Record):
            if attribute in type.made.fields:
                return self.item(base, constant(type.made.fields.index(attribute)), node, name)
            if attribute == "_fields" and type.made.kind == "namedtuple":
                return self.display([Result(constant(f)) for f in type.made.fields], node, name)
            return self.member_of_class(type.made.definition, attribute, base, node, name)
        if any(known == attribute for known, _ in type.attributes):
            value = self.apply("get_attribute", self.current(base, node), attribute, node=node, name=name)
            if isinstance(value.type, Unreadable):
                raise self.error(node, value.type.reason.replace("argument ", "attribute ", 1))
            return Result(value, None, Memory(frozenset({GLOBAL_ROOT})) if is_mutable(value.type) else FRESH)
        return self.member_of_class(classes.live_class(type.cls), attribute, base, node, name)

    def member_of_class(
        self, source: ClassSource, attribute: str, base: Result | None, node: gast.AST, name: str | None = None
    ) -> Operand:
        """What an instance `base`, or the class itself where it is None, finds under a name in the class."""
        if source.live is None:
            found = classes.text_member(source, attribute)
        else:
            found = classes.live_member(source.live, attribute, live.function_of)
        owner = Static(source)
        if found is None:
            what = "a field or an attribute" if base is not None else "an attribute"
            raise self.error(node, f"`{source.name}` has no attribute `{attribute}`", f"read {what} that it has")
        if isinstance(found.function, Unsupported):
            raise self.error(node, found.function.message, found.function.remedy)
        if found.function is None:
            return self._class_value(source, attribute, found, node)
        function = Static(found.function)
        match found.kind:
            case "property" if base is not None:
                return self.call_static(function, [(None, base, node)], node, name)
            case "method" if base is not None:
                return Static(Partial(function, ((None, base),)))
            case "class":
                return Static(Partial(function, ((None, owner),)))
        return function

    def _class_value(self, source: ClassSource, attribute: str, found: classes.Member, node: gast.AST) -> Operand:
        """A value that the class holds: a constant of it, or an object that generated code reads there."""
        if isinstance(found.value, Unsupported):
            raise self.error(node, found.value.message, found.value.remedy)
        if source.live is None:
            assert source.module is not None
            if not classes.keeps_values(source):
                place = GlobalValue(source.module.name, f"{source.name}.{attribute}", OBJECT)
                return self.resolved(place, node)
            return self._in_class(source, found.value)
        return self.resolved(live.classify_attribute(found.value, source.live, attribute), node)

    def _in_class(self, source: ClassSource, node: gast.AST) -> Operand:
        """An expression in the text of a class, which must be a constant."""
        assert source.module is not None
        outer = self.scope
        self.scope = Scope(-1, None, FunctionSource(source.name, node, source.module), frozenset(), outer.liveness)
        try:
            return self.expression(node)
        finally:
            self.scope = outer

    def attribute_written(self, node: gast.Attribute) -> Refused:
        """What to raise for `p.w = v`: objects and records are read only."""
        base = self.expression(node.value)
        type = base.type if isinstance(base, Result) else None
        owner = self.scope.module.segment(node.value)
        if isinstance(type, Record):
            make = f"{owner}._replace" if type.made.kind == "namedtuple" else f"dataclasses.replace({owner}, "
            new = f"{make}({node.attr}=...)" if type.made.kind == "namedtuple" else f"{make}{node.attr}=...)"
            remedy = f"make a new one: `{owner} = {new}`"
        elif isinstance(type, Instance):
            remedy = "return the new value, and assign the attribute outside of the function"
        else:
            remedy = "use a local variable, a list or a dict"
        return self.error(node, f"assignment to an attribute (`{owner}.{node.attr}`) is not supported", remedy)

    # --- making

    def construct(self, source: ClassSource, arguments: Arguments, node: gast.AST, name: str | None) -> Operand:
        """`Params(w, b=0.0)`."""
        made = source.made
        if made is None:
            remedy = "make it a NamedTuple or a dataclass without methods that change how it is made"
            raise self.error(node, f"`{source.name}` is a class, and instances of it are not made here", remedy)
        fields = made.fields
        keyword_only = self._keyword_only(source)
        positional = [f for f in fields if f not in keyword_only]
        bound: dict[str, Operand] = {}
        given = [operand for keyword, operand, _ in arguments if keyword is None]
        if len(given) > len(positional):
            raise self.error(node, f"`{source.name}` takes {len(positional)} positional arguments, not {len(given)}")
        bound.update(zip(positional, given, strict=False))
        for keyword, operand, place in arguments:
            if keyword is None:
                continue
            if keyword not in fields:
                raise self.error(place, f"`{source.name}` has no field `{keyword}`")
            if keyword in bound:
                raise self.error(place, f"`{source.name}` got `{keyword}` twice")
            bound[keyword] = operand
        items: list[Operand] = []
        for f in fields:
            if f not in bound and f not in source.defaults:
                raise self.error(node, f"`{source.name}` needs the argument `{f}`")
            items.append(bound[f] if f in bound else self._default(source, f, node))
        return self.record(made, items, node, name)

    def _keyword_only(self, source: ClassSource) -> set[str]:
        if source.live is None or source.made is None or source.made.kind == "namedtuple":
            return set()
        return {f.name for f in dataclasses.fields(source.live) if f.kw_only}

    def record(self, made: RecordClass, items: list[Operand], node: gast.AST, name: str | None) -> Operand:
        """A record of this class with these items."""
        items = [self._kept(item) for item in items]
        for item in items:
            if isinstance(item, Static) and not self._is_dtype(item):
                raise self.error(node, f"{self.describe_static(item)} is put into a record", "pass it by itself")
        first = Result(class_value(made))
        result = self.primitive("make_record", [first, *items], node, name)
        self.tuples[result.value] = tuple(items)
        return result

    def _default(self, source: ClassSource, field: str, node: gast.AST) -> Operand:
        default = source.defaults[field]
        if source.live is None:
            return self._in_class(source, default)
        if not isinstance(default, dataclasses.Field):
            return self.resolved(live.classify_attribute(default, source.live, field), node)
        factory = default.default_factory
        if factory in (list, dict, tuple):
            return self.primitive(f"make_{factory.__name__}", [], node)
        known = live.classify(factory, source.live.__module__, f"{field}_default")
        if not isinstance(known, FunctionSource):
            raise self.error(
                node, f"the default of `{field}` in `{source.name}` is made by what has no text", "pass it"
            )
        return self.call_static(Static(known), [], node, None)

    def is_instance(self, type: Record | Instance, classes: gast.AST) -> bool:
        """Whether a record or an object is one of these classes."""
        return any(self._is_a(type, c) for c in (classes.elts if isinstance(classes, gast.Tuple) else [classes]))

    def _is_a(self, type: Record | Instance, node: gast.AST) -> bool:
        wanted = self.expression(node)
        value = wanted.value if isinstance(wanted, Static) else None
        if isinstance(value, External):
            return (
                value == External("builtins", "tuple") and isinstance(type, Record) and type.made.kind == "namedtuple"
            )
        if not isinstance(value, ClassSource):
            raise self.error(node, "`isinstance()` takes a class or a tuple of classes", "name the class")
        live = type.cls if isinstance(type, Instance) else type.made.live
        if live is None or value.live is None:
            return isinstance(type, Record) and type.made == value.made
        return issubclass(live, value.live)

    # --- methods

    def record_method(
        self, base: Result, attribute: str, arguments: Arguments, node: gast.AST, name: str | None
    ) -> Operand:
        """A call of a method of a record or an object."""
        type = base.type
        if isinstance(type, Record) and type.made.kind == "namedtuple" and attribute in ("_replace", "_asdict"):
            if attribute == "_replace":
                return self.replaced(base, arguments, node, name)
            return self.as_dict(base, node, name)
        found = self.member(base, attribute, node, None)
        if isinstance(found, Static):
            return self.call_static(found, arguments, node, name)
        if isinstance(found.type, Record | Instance):
            return self.record_method(found, "__call__", arguments, node, name)
        raise self.error(node, f"`.{attribute}` is a value and cannot be called", "call a method")

    def replaced(self, base: Result, arguments: Arguments, node: gast.AST, name: str | None) -> Operand:
        """`p._replace(w=v)`, `dataclasses.replace(p, w=v)`."""
        type = base.type
        assert isinstance(type, Record)
        new: dict[str, Operand] = {}
        for keyword, operand, place in arguments:
            if keyword not in type.made.fields:
                raise self.error(place, f"`{type.made.name}` has no field `{keyword}`", "name the fields to replace")
            new[keyword] = operand
        fields = enumerate(type.made.fields)
        items = [new[f] if f in new else self.item(base, constant(i), node) for i, f in fields]
        return self.record(type.made, items, node, name)

    def as_dict(self, base: Result, node: gast.AST, name: str | None) -> Operand:
        """`p._asdict()`: a dict of the fields."""
        type = base.type
        assert isinstance(type, Record)
        parts: list[Operand] = []
        for i, f in enumerate(type.made.fields):
            parts += [Result(constant(f)), self.item(base, constant(i), node)]
        return self.primitive("make_dict", parts, node, name)

    def dataclass_function(self, attribute: str, arguments: Arguments, node: gast.AST, name: str | None) -> Operand:
        """A function of the module `dataclasses`."""
        operands = [operand for keyword, operand, _ in arguments if keyword is None]
        if attribute == "replace" and len(operands) == 1:
            base = operands[0]
            if isinstance(base, Result) and isinstance(base.type, Record) and base.type.made.kind == "dataclass":
                return self.replaced(base, [a for a in arguments if a[0] is not None], node, name)
            raise self.error(node, "`dataclasses.replace` is about dataclasses whose type is known", "annotate it")
        raise self.error(node, f"`dataclasses.{attribute}` is not supported", "read the fields by name")

    # --- records where a tuple is expected

    def primitive(
        self, primitive: Primitive | str, operands: list[Operand], node: gast.AST, name: str | None = None
    ) -> Result:
        if isinstance(primitive, str):
            primitive = TABLE[primitive]
        if primitive.name not in _WHOLE and any(isinstance(o, Result) and isinstance(o.type, Record) for o in operands):
            operands = [self.plain(o, primitive, node) for o in operands]
        return super().primitive(primitive, operands, node, name)

    def plain(self, operand: Operand, primitive: Primitive | None, node: gast.AST) -> Operand:
        """A named tuple as the tuple that everything but the reading of its fields takes it for."""
        if not isinstance(operand, Result) or not isinstance(operand.type, Record):
            return operand
        made = operand.type.made
        if made.kind == "dataclass":
            what = "this" if primitive is None else f"`{primitive.name}`"
            raise self.error(node, f"{what} is not supported on a dataclass (`{made.name}`)", "use its fields")
        return self.display([self.item(operand, constant(i), node) for i in range(len(made.fields))], node, None)
