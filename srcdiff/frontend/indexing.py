"""Attributes and items: `x.shape`, `np.linalg`, `x[i, 1:]`, and which of them are views.

In: attribute and subscript expressions. Out: a number, a copy, an exact view, or something that may share memory.
"""

from __future__ import annotations

import gast

from srcdiff.frontend import live
from srcdiff.frontend.expressions import PROPERTIES, Expressions
from srcdiff.frontend.module import is_submodule
from srcdiff.frontend.names import (
    External,
    LiveModule,
    ModuleRef,
    UserModule,
)
from srcdiff.frontend.objects import (
    Memory,
    Operand,
    Result,
    Static,
    StaticTuple,
    View,
    element_memory,
)
from srcdiff.ir.core import Constant, Value, constant
from srcdiff.ir.types import (
    Array,
    Dict,
    List,
    Opaque,
    Scalar,
    Tuple,
    Type,
    Unknown,
    is_mutable,
    present,
)
from srcdiff.primitives.table import METHODS


class Indexing(Expressions):
    """Lowers attributes and subscripts."""

    # --- attributes and items

    def attribute(self, node: gast.Attribute, name: str | None) -> Operand:
        base = self.solid(self.expression(node.value))
        if isinstance(base, Static):
            return self.module_attribute(base, node)
        if node.attr in PROPERTIES and node.attr in METHODS:
            return self.primitive(METHODS[node.attr], [base], node, name)
        raise self.error(node, f"attribute `.{node.attr}` is not supported", "use an array, list, tuple or dict")

    def module_attribute(self, base: Static, node: gast.Attribute) -> Operand:
        attribute = node.attr
        match base.value:
            case ModuleRef(name=module):
                if is_submodule(module, attribute):
                    return Static(ModuleRef(f"{module}.{attribute}"))
                return self.resolved(External(module, attribute), node)
            case UserModule(module=user):
                resolution = user.resolve(attribute)
                if resolution is None:
                    raise self.error(node, f"`{attribute}` is not defined in {user.filename}", "check the import")
                return self.resolved(resolution, node)
            case LiveModule(module=live_module):
                if not hasattr(live_module, attribute):
                    raise self.error(node, f"module `{live_module.__name__}` has no attribute `{attribute}`")
                value = getattr(live_module, attribute)
                return self.resolved(live.classify(value, live_module.__name__, attribute), node)
            case External(module=module, attribute=outer):
                member = External(module, f"{outer}.{attribute}")
                return Static(self.scope.module.custom(member) or member)
        raise self.error(node, f"attribute `.{attribute}` of a function is not supported")

    def index_value(self, node: gast.AST) -> Value:
        """The value of what stands between brackets."""
        match node:
            case gast.Slice(lower=lower, upper=upper, step=step):
                parts = [constant(None) if p is None else self.value(p) for p in (lower, upper, step)]
                return self.apply("make_slice", *parts, node=node)
            case gast.Tuple(elts=items) if items:
                return self.apply("make_tuple", *(self.index_value(item) for item in items), node=node)
        return self.value(node)

    def subscript(self, node: gast.Subscript, name: str | None) -> Operand:
        base = self.solid(self.expression(node.value))
        if isinstance(base, Static):
            return self._static_item(base, node)
        index = self.index_value(node.slice)
        return self.item(base, index, node, name)

    def _static_item(self, base: Static, node: gast.Subscript) -> Operand:
        if isinstance(base.value, StaticTuple):
            index = self.index_value(node.slice)
            index = self.known.get(index, index)
            position = _position(index, len(base.value.items))
            if position is not None:
                return base.value.items[position]
            raise self.error(node, "a tuple of functions can be indexed by a constant only", "use an if statement")
        raise self.error(node, f"{self.describe_static(base)} cannot be indexed")

    def item(self, base: Result, index: Value, node: gast.AST, name: str | None = None) -> Operand:
        """`base[index]`: a number, a copy, an exact view, or something that may share memory."""
        base_value = self.current(base, node)
        if isinstance(base_value.type, Tuple | Dict):
            index = self.known.get(index, index)
        items = self.tuples.get(base_value)
        position = None if items is None else _position(index, len(items))
        if items is not None and position is not None:
            return items[position]
        value = self.apply("index_get", base_value, index, node=node, name=name)
        if not is_mutable(value.type):
            return Result(value)
        memory = self.memory(base)
        base_type = present(base_value.type)
        exact = False
        match base_type:
            case Array():
                kind = index_kind(index.type)
                if kind == "fancy":
                    return Result(value)
                exact = kind == "basic" and isinstance(value.type, Array)
            case List() if isinstance(index.type, Opaque) and index.type.name == "slice":
                return Result(value, None, Memory(held=memory.elements | memory.held, tangled=memory.tangled))
            case List():
                exact = isinstance(index.type, Scalar) and not isinstance(value.type, Unknown | Tuple)
            case Dict():
                exact = not isinstance(value.type, Unknown | Tuple)
        inner = element_memory(memory, base_type)
        if not exact or (base.place is None and not memory.own):
            return Result(value, None, inner)
        view = View(self.as_place(base), index, base_type, name, self.origin)
        self.state.views[view] = (base_value, value)
        return Result(value, view, inner)


def _position(index: Value, length: int) -> int | None:
    """The item that a constant index means, if it is one."""
    if isinstance(index, Constant) and isinstance(index.value, int) and -length <= index.value < length:
        return index.value % length
    return None


def index_kind(type: Type) -> str:
    """Whether an index makes a view (`basic`), a copy (`fancy`), or either (`unsure`)."""
    match type:
        case Scalar(kind="int"):
            return "basic"
        case Opaque(name="slice" | "None" | "object"):
            return "basic"
        case Tuple(items=items):
            kinds = [index_kind(item) for item in items]
            if "fancy" in kinds:
                return "fancy"
            return "unsure" if "unsure" in kinds else "basic"
        case Array() | List() | Scalar():
            return "fancy"
    return "unsure"
