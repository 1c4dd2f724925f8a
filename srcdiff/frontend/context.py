"""The state of lowering one function: what names stand for, reads and writes of objects, and merging two paths.

In: requests of the parts that lower expressions and statements. Out: IR statements in `builder`, a new `state`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import gast

from srcdiff.diagnostics import Diagnostic
from srcdiff.frontend.compilation import Compilation
from srcdiff.frontend.liveness import Liveness, Names
from srcdiff.frontend.merging import Merger
from srcdiff.frontend.module import Module
from srcdiff.frontend.names import ClassSource, CustomFunction, FunctionSource, Unsupported
from srcdiff.frontend.objects import (
    FRESH,
    NUMBER,
    Binding,
    Cell,
    Closure,
    Content,
    Differentiated,
    Lens,
    Memory,
    Operand,
    Partial,
    Place,
    Plain,
    Pullback,
    Result,
    Root,
    Stale,
    State,
    Static,
    StaticTuple,
    Unbound,
    Variable,
    View,
    base_cell,
    element_memory,
    is_element,
    may_be_container,
    meet,
)
from srcdiff.ir.builder import Builder
from srcdiff.ir.core import UNDEFINED, Constant, If, Origin, Primitive, Value, constant
from srcdiff.ir.types import Array, Dict, List, Scalar, Tuple, Unknown, is_mutable
from srcdiff.primitives.inference import InferenceError
from srcdiff.primitives.table import TABLE

T = TypeVar("T")

GLOBAL_ROOT = Root(("global",))
_TITLES = {"forward": "jvp", "reverse": "vjp", "value_and_grad": "value and gradient", "jacobian": "Jacobian"}
_TITLES |= {"hessian": "Hessian", "hvp": "Hessian-vector product"}


class Refused(Exception):
    """A construct cannot be lowered; caught by the statement it is part of, which goes on with the next one."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


@dataclass(frozen=True, eq=False)
class Scope:
    """One function being lowered, or one inlined call: its variables are (frame, name)."""

    frame: int
    parent: Scope | None
    source: FunctionSource
    local: Names
    liveness: Liveness

    @property
    def module(self) -> Module:
        return self.source.module


@dataclass(frozen=True, eq=False)
class Branch:
    """One of two paths: the state at its end and the statements that lead there."""

    state: State
    builder: Builder


class Context:
    """Reads, writes and merges; the base of the classes that lower expressions, calls, loops and statements."""

    def __init__(self, compilation: Compilation) -> None:
        self.compilation = compilation
        self.builder = Builder()
        self.state = State()
        self.scopes: dict[int, Scope] = {}
        self.scope: Scope
        self.inlining: list[tuple[FunctionSource, int | None, tuple[Static, ...]]] = []
        """The functions being written into their callers: source, frame around it, the functions it was given."""
        self.serial = 0
        self.writes: list[frozenset[Root]] = []
        self.known: dict[Value, Constant] = {}
        """Values that are plain names of a constant."""
        self.tuples: dict[Value, tuple[Operand, ...]] = {}
        """The items of tuples displayed in this function."""
        self.parts: dict[Value, dict[tuple[type, object], Operand]] = {}
        """The same of lists and dicts that hold objects."""
        self.made: dict[Value, tuple[Value, ...]] = {}
        """What the items were when the tuple, list or dict was made."""
        self.lists: dict[Value, tuple[Value, ...]] = {}
        """The items of lists displayed in this function, as they were then."""
        self.iterating: list[Cell] = []
        """Objects that a loop around this place iterates over."""
        self.hints: tuple[gast.AST | None, list[str | None]] = (None, [])
        """A call whose results are unpacked, and the names that they get."""

    # --- diagnostics

    def error(self, node: gast.AST, message: str, remedy: str = "") -> Refused:
        """What to raise for a construct that cannot be lowered."""
        return Refused(self.compilation.diagnostic(self.scope.module, node, message, remedy))

    @property
    def origin(self) -> Origin:
        return self.builder.origin

    # --- building

    def apply(self, primitive: Primitive | str, *operands: object, node: gast.AST, name: str | None = None) -> Value:
        """Add an application; a certain type error is refused at `node`."""
        if isinstance(primitive, str):
            primitive = TABLE[primitive]
        try:
            return self.builder.apply(primitive, *operands, name=name)
        except InferenceError as error:
            raise self.error(node, str(error)) from error

    def inside(self, make: Callable[[], T], state: State | None = None) -> tuple[T, Branch]:
        """Run `make` with a fresh builder on a copy of the state, and come back."""
        before, outer = self.state, self.builder
        self.builder = Builder(outer.origin)
        self.state = (before if state is None else state).copy()
        try:
            made = make()
            return made, Branch(self.state, self.builder)
        finally:
            self.state, self.builder = before, outer

    def on(self, branch: Branch, make: Callable[[], T]) -> T:
        """Run `make` at the end of a branch."""
        before, outer = self.state, self.builder
        self.state, self.builder = branch.state, branch.builder
        try:
            return make()
        finally:
            self.state, self.builder = before, outer

    def fresh_root(self, label: str | None) -> Root:
        self.serial += 1
        return Root((label, self.origin.line, self.origin.column, self.origin.filename), self.serial)

    def displayed(self, value: Value) -> Sequence[Operand] | None:
        """What a container that was written out holds."""
        parts = self.parts.get(value)
        return self.tuples.get(value) if parts is None else tuple(parts.values())

    # --- reading

    def memory_of(self, place: Place) -> Memory:
        match place:
            case Cell():
                return self.state.cells[place].memory
            case View(base=base, index=None, lens=None):
                return self.memory_of(base)
            case View(base=base, base_type=base_type, packed=packed):
                return replace(element_memory(self.memory_of(base), base_type), packed=packed)

    def peek(self, place: Place) -> tuple[Value, Stale | None]:
        """The value at a place now, and the write that may have made it wrong."""
        if isinstance(place, Cell):
            content = self.state.cells[place]
            return content.value, content.stale
        base, stale = self.peek(place.base)
        cached = self.state.views.get(place)
        if cached is not None and cached[0] is base:
            return cached[1], stale
        value = base
        if place.lens is not None:
            value = self.builder.apply(place.lens.take, base, *place.lens.operands, name=place.name)
        elif place.index is not None:
            value = self.builder.apply(TABLE["index_get"], base, place.index, name=place.name)
        self.state.views[place] = (base, value)
        return value, stale

    def read(self, place: Place, node: gast.AST) -> Value:
        """The value at a place; refused when a write to memory it may share came between."""
        value, stale = self.peek(place)
        if stale is not None:
            raise self.stale_error(place, stale, node)
        return value

    def stale_error(self, place: Place, stale: Stale, node: gast.AST) -> Refused:
        cell = base_cell(place)
        origin = place.origin if place.name else cell.origin
        name = place.name or cell.name or "this object"
        made = f" (line {origin.line})" if origin.text else ""
        message = f"`{name}`{made} may share memory with what line {stale.line} writes: `{stale.text}`"
        left, equals, right = origin.text.partition(" = ")
        remedies = [stale.remedy] if stale.remedy else []
        if isinstance(self.state.cells[cell].value.type, List | Tuple | Dict):
            remedies.append(f"put copies into `{name}`")
        elif right.endswith(".copy()"):
            remedies.append("write into a copy")
        elif equals and left.isidentifier() and re.fullmatch(r"[\w.]+|.*[\])]|[\w.\[\](), :]+\.T", right):
            remedies.append(f"copy it first: `{left} = {right}.copy()`")
        elif not stale.remedy:
            remedies.append(f"copy `{name}` before the write")
        if any(
            isinstance(c.value.type, Unknown) or c.value.type == Array(None, None) for c in self.state.cells.values()
        ):
            remedies.append('annotate what is an array with its rank, as in `x: Float[np.ndarray, "n"]`')
        return self.error(node, message, ", or ".join(remedies))

    def current(self, operand: Operand, node: gast.AST) -> Value:
        """The value of an operand at this moment; a function has none."""
        if isinstance(operand, Static):
            raise self.error(node, f"{self.describe_static(operand)} is used as a value", "call it, or pass its result")
        return operand.value if operand.place is None else self.read(operand.place, node)

    def no_result(self, operand: Static, node: gast.AST) -> Refused:
        """What to raise where the function asked for returns what exists at compile time only."""
        message = f"{self.describe_static(operand)} is returned, and it does not exist when the generated code runs"
        return self.error(node, message, "call it, and return what it gives")

    def describe_static(self, operand: Static) -> str:
        match operand.value:
            case FunctionSource(name=name) | CustomFunction(title=name) | Closure(source=FunctionSource(name=name)):
                return f"the function `{name}`"
            case Unsupported(message=message):
                return message
            case Partial(function=function):
                return self.describe_static(function)
            case ClassSource(name=name):
                return f"the class `{name}`"
            case Differentiated(function=function, request=request):
                of = "no function" if function is None else self.describe_static(function)
                return f"the {_TITLES.get(request.mode, request.mode)} of {of.removeprefix('the function ')}"
            case Pullback(title=title):
                return f"the pullback of {title.removeprefix('the function ')}"
            case StaticTuple(items=items):
                return "what holds " + self.describe_static(next(item for item in items if isinstance(item, Static)))
        return f"`{operand.value}`"

    def value_of_binding(self, binding: Binding) -> tuple[Value, Memory, Stale | None]:
        """Value, memory and staleness of what a name is bound to (`UNDEFINED` when it is not)."""
        match binding:
            case Plain(value=value):
                return value, NUMBER if isinstance(value.type, Scalar) else FRESH, None
            case Cell() | View():
                value, stale = self.peek(binding)
                return value, self.memory_of(binding), stale
            case Unbound() | Static():
                return constant(UNDEFINED), FRESH, None

    # --- writing

    def bind(self, variable: Variable, operand: Operand) -> None:
        """Make a name stand for an operand: the same object if it is one, a new object otherwise."""
        self.state.names[variable] = self.binding_for(operand, variable[1])

    def binding_for(self, operand: Operand, name: str) -> Binding:
        if isinstance(operand, Static):
            return operand
        if not is_mutable(operand.type):
            return Plain(operand.value)
        return operand.place if operand.place is not None else self.new_cell(operand, name)

    def new_cell(self, operand: Result, name: str | None) -> Cell:
        cell = Cell(name, self.origin)
        own = operand.memory.own | {self.fresh_root(name)}
        self.state.cells[cell] = Content(operand.value, replace(operand.memory, own=own))
        return cell

    def as_place(self, operand: Result) -> Place:
        """The place of an operand; a new object gets one of its own."""
        return operand.place if operand.place is not None else self.new_cell(operand, operand.value.name)

    def placed(self, operand: Operand, name: str | None) -> Operand:
        """The operand with a place of its own if it is a new object, so that all who get it share one object."""
        if isinstance(operand, Static) or operand.place is not None or not is_mutable(operand.type):
            return operand
        cell = self.new_cell(operand, name)
        return Result(operand.value, cell, self.memory_of(cell))

    def write(self, place: Place, value: Value, node: gast.AST, held: Memory = FRESH) -> None:
        """Replace the value at a place and spoil everything else that may share its memory.

        `held` is the memory of objects that the write puts inside.
        """
        memory = self.memory_of(place)
        cell = base_cell(place)
        if GLOBAL_ROOT in memory.own:
            what = f"`{cell.name}`, which is global" if cell.name else "an attribute of an object that is only read"
            raise self.error(node, f"this writes into {what}", "copy it first, or pass it as a parameter")
        inner: Place = place
        while isinstance(inner, View):
            if inner.index is not None and self.memory_of(inner.base).tangled:
                raise self.error(
                    node,
                    f"elements of `{base_cell(inner).name}` may be one and the same object, and this writes into one",
                    "copy the object for each element",
                )
            inner = inner.base
        self.read(place, node)
        if may_be_container(value.type):
            self._detach(cell)
        self._store(place, value, node, held)
        self.spoil(memory.own, cell)

    def _detach(self, cell: Cell) -> None:
        """A list or dict in `cell` gets other elements: names of its elements keep the objects they stand for."""
        for variable, binding in list(self.state.names.items()):
            if isinstance(binding, View) and base_cell(binding) is cell and is_element(binding):
                value, stale = self.peek(binding)
                detached = self.new_cell(Result(value, None, self.memory_of(binding)), binding.name)
                self.state.cells[detached] = replace(self.state.cells[detached], stale=stale)
                self.state.names[variable] = detached

    def spoil(self, own: frozenset[Root], *spared: Cell, remedy: str = "") -> None:
        """A write to `own` happened here: everything that may share it is stale, except `spared`."""
        self.state.spoil(own, frozenset(spared), Stale(self.origin.line, self.origin.text, remedy))
        self.writes.append(own)

    def _store(self, place: Place, value: Value, node: gast.AST, held: Memory) -> None:
        match place:
            case Cell():
                content = self.state.cells[place]
                memory = content.memory
                if held is not FRESH:
                    tangled = memory.tangled or held.tangled or meet(held.all, memory.held)
                    memory = Memory(memory.own, memory.held | held.all, tangled)
                # What was displayed is up to date whenever it is read.
                stale = content.stale if self.displayed(content.value) is None else None
                self.state.cells[place] = Content(value, memory, stale)
            case View(base=base, lens=Lens() as lens):
                self._store(base, self._through(lens, self.read(base, node), value, node, base), node, held)
            case View(base=base, index=None):
                self._store(base, value, node, held)
            case View(base=base, index=index):
                old = self.read(base, node)
                new = self.apply("index_set", old, index, value, node=node, name=base_cell(base).name)
                self._store(base, new, node, held)

    def _through(self, lens: Lens, old: Value, new: Value, node: gast.AST, base: Place) -> Value:
        """The base of which `lens` shows `new`."""
        if lens.fixed:
            raise self.error(node, "NumPy lets nothing be written through this view", "write into what it is a view of")
        name = base_cell(base).name
        if lens.back is not None:
            return self.apply(lens.back, new, *lens.back_operands, node=node, name=name)
        return self.apply("np.reshape", new, self.apply("shape", old, node=node), node=node, name=name)

    # --- merging

    def same_binding(self, a: Binding, b: Binding) -> bool:
        match a, b:
            case Plain(value=v), Plain(value=w):
                return v is w or (
                    isinstance(v, Constant)
                    and isinstance(w, Constant)
                    and type(v.value) is type(w.value)
                    and (v.value is w.value or v.value == w.value)
                )
            case Static(), Static():
                return a.same(b)
            case Unbound(), Unbound():
                return True
        return a is b

    def merge(
        self,
        condition: Value,
        then: Branch,
        orelse: Branch,
        *,
        live: Names | None = None,
        expression: bool = False,
        operands: tuple[Result, Result] | None = None,
        name: str | None = None,
    ) -> Result | None:
        """Emit the `If` of two branches and go on with their merged state; `operands` are what an expression gives.

        `live` limits the names of this frame that are merged.
        """
        merger = Merger(self, then, orelse)
        base = self.state
        state = State(dead=then.state.dead and orelse.state.dead)
        for cell, content in base.cells.items():
            state.cells[cell] = merger.content(cell, content)
        for variable in {**then.state.names, **orelse.state.names}:
            here = variable[0] == self.scope.frame and variable[1].isidentifier()
            if here and live is not None and variable[1] not in live:
                continue
            old = base.names.get(variable, Unbound())
            state.names[variable] = merger.binding(variable, old, state)
        merger.tell_apart(state)
        for view, cached in then.state.views.items():
            other = orelse.state.views.get(view)
            if other is not None and other[0] is cached[0] and other[1] is cached[1]:
                state.views[view] = cached
        outcome: Result | None = None
        if operands is not None:
            a, b = operands
            stale_free = self.on(then, lambda: a.value), self.on(orelse, lambda: b.value)
            outcome = Result(merger.pair(*stale_free, name), None, a.memory | b.memory)
        self.state = state
        if merger.results or then.builder.statements or orelse.builder.statements:
            blocks = then.builder.block((), merger.left), orelse.builder.block((), merger.right)
            self.builder.emit(If(condition, *blocks, tuple(merger.results), self.origin, expression))
        return outcome
