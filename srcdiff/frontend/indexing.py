"""Attributes and items: `x.shape`, `np.linalg`, `x[i, 1:]`, and which of them are views.

In: attribute and subscript expressions. Out: a number, a copy, an exact view, or something that may share memory.
"""

from __future__ import annotations

from dataclasses import replace

import gast

from srcdiff.frontend import live
from srcdiff.frontend.decisions import Decisions
from srcdiff.frontend.displays import position_of
from srcdiff.frontend.expressions import PROPERTIES
from srcdiff.frontend.lenses import FLAT
from srcdiff.frontend.libraries import is_submodule
from srcdiff.frontend.names import (
    ClassSource,
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
from srcdiff.frontend.spellings import remedy
from srcdiff.ir.core import Constant, Primitive, Value, constant
from srcdiff.ir.types import (
    Array,
    Dict,
    Instance,
    List,
    Maybe,
    Named,
    Opaque,
    Record,
    Scalar,
    Slice,
    Tuple,
    Type,
    Unknown,
    is_mutable,
    present,
)
from srcdiff.primitives.table import METHODS


class Indexing(Decisions):
    """Lowers attributes and subscripts."""

    def member(self, base: Result, attribute: str, node: gast.AST, name: str | None) -> Operand:
        raise AssertionError("internal error: records are lowered by the class built on this one")

    def member_of_class(
        self, source: ClassSource, attribute: str, base: Result | None, node: gast.AST, name: str | None = None
    ) -> Operand:
        raise AssertionError("internal error: records are lowered by the class built on this one")

    def plain(self, operand: Operand, primitive: Primitive | None, node: gast.AST) -> Operand:
        raise AssertionError("internal error: records are lowered by the class built on this one")

    # --- attributes and items

    def attribute(self, node: gast.Attribute, name: str | None) -> Operand:
        base = self.solid(self.expression(node.value))
        if isinstance(base, Static):
            return self.module_attribute(base, node)
        if isinstance(base.type, Record | Instance):
            return self.member(base, node.attr, node, name)
        if node.attr == "mT":
            return self.matrix_transpose(base, node, name)
        if isinstance(base.type, Named) and node.attr in base.type.names:
            return self.item(base, constant(base.type.names.index(node.attr)), node, name)
        if node.attr in PROPERTIES and node.attr in METHODS:
            return self.primitive(METHODS[node.attr], [base], node, name)
        if node.attr == "flat":
            raise self.error(
                node, "`.flat` is supported as `x.flat[i]` and in `for v in x.flat` only", "use `x.ravel()` elsewhere"
            )
        usual = "use an array, list, tuple or dict"
        if isinstance(base.type, Maybe):
            usual = "it may be None here: read it in the branch that assigns it"
        elif isinstance(base.type, Unknown):
            usual = "annotate what it is read of with its class, which must be a NamedTuple or a dataclass"
        raise self.error(node, f"attribute `.{node.attr}` is not supported", usual)

    def flat(self, node: gast.AST) -> Result | None:
        """All elements of x in a row, where the expression is `x.flat`: a view that NumPy can always make."""
        if not isinstance(node, gast.Attribute) or node.attr != "flat":
            return None
        base = self.solid(self.expression(node.value))
        return None if isinstance(base, Static) else self.flattened(base, node)

    def flattened(self, base: Result, node: gast.AST) -> Result:
        """An array as one row of its elements, through which it can be written."""
        value = self.current(base, node)
        if not isinstance(value.type, Array | Unknown):
            raise self.error(node, f"a value of type {value.type} is no array", "make an array of it first")
        if isinstance(value.type, Array) and value.type.shape is not None and len(value.type.shape) == 1:
            return base
        shown = self.apply(FLAT.take, value, *FLAT.operands, node=node)
        view = View(self.as_place(base), None, value.type, None, self.origin, FLAT)
        self.state.views[view] = (value, shown)
        return Result(shown, view, self.memory_of(view))

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
            case ClassSource() as source:
                return self.member_of_class(source, attribute, None, node)
        raise self.error(node, f"attribute `.{attribute}` of a function is not supported")

    def matrix_transpose(self, x: Operand, node: gast.AST, name: str | None) -> Result:
        raise AssertionError("internal error: other spellings are lowered by the class built on this one")

    def joined(self, kind: str, node: gast.Subscript, name: str | None) -> Operand:
        raise AssertionError("internal error: other spellings are lowered by the class built on this one")

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
        flat = self.flat(node.value)
        if flat is not None:
            # What `x.flat` gives is a number or a copy, never a view.
            return Result(self.current(self.item(flat, self.index_value(node.slice), node, name), node))
        base = self.solid(self.expression(node.value))
        if isinstance(base, Static):
            return self._static_item(base, node, name)
        index = self.index_value(node.slice)
        if isinstance(base.type, Record):
            plain = self.plain(base, None, node)
            assert isinstance(plain, Result)
            base = plain
        return self.item(base, index, node, name)

    def _static_item(self, base: Static, node: gast.Subscript, name: str | None) -> Operand:
        if base.value in (External("numpy", "s_"), External("numpy", "index_exp")):
            index = self.index_value(node.slice)
            whole = base.value == External("numpy", "s_") or isinstance(index.type, Tuple)
            return Result(index if whole else self.apply("make_tuple", index, node=node))
        if isinstance(base.value, External) and base.value.module == "numpy":
            kind = base.value.attribute
            if kind in ("r_", "c_"):
                return self.joined(kind, node, name)
            raise self.error(node, f"`np.{kind}[...]` is not supported", remedy("numpy", kind))
        if isinstance(base.value, StaticTuple):
            index = self.index_value(node.slice)
            index = self.known.get(index, index)
            position = position_in(base.value, index) if isinstance(index, Constant) else None
            if position is not None:
                return base.value.items[position]
            kind = "tuple or list" if base.value.keys is None else "dict"
            raise self.error(node, f"a {kind} of functions can be indexed by a constant only", "use an if statement")
        raise self.error(node, f"{self.describe_static(base)} cannot be indexed")

    def item(self, base: Result, index: Value, node: gast.AST, name: str | None = None) -> Operand:
        """`base[index]`: a number, a copy, an exact view, or something that may share memory."""
        base_value = self.current(base, node)
        if isinstance(base_value.type, Tuple | Dict):
            index = self.known.get(index, index)
        part = self.part(base_value, index)
        if part is not None:
            return part
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
        packed = memory.packed and isinstance(base_type, Array) and _starts_at_front(index.type)
        view = View(self.as_place(base), index, base_type, name, self.origin, packed=packed)
        self.state.views[view] = (base_value, value)
        return Result(value, view, replace(inner, packed=packed))


def _starts_at_front(index: Type) -> bool:
    """Whether a basic index takes neighbouring elements of a packed array: `x[i]`, `x[1:]`."""
    return isinstance(index, Scalar) or (isinstance(index, Slice) and index.step == 1)


def position_in(functions: StaticTuple, index: Constant) -> int | None:
    """The position of the item that a constant index or key means, if it is one."""
    if functions.keys is None:
        return position_of(index, len(functions.items))
    return functions.keys.index(index.value) if index.value in functions.keys else None


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
