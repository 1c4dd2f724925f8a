"""Random programs in the IR, for comparing what is printed with what the interpreter computes."""

from __future__ import annotations

import random

from srcdiff.ir.builder import Builder
from srcdiff.ir.core import UNDEFINED, Block, For, Function, If, Origin, Parameter, Program, Value, While, constant
from srcdiff.ir.types import BOOL, FLOAT, INT, Array, List, Type
from srcdiff.primitives.table import TABLE

ARRAY = Array("float64", (4,))
NAMES = ["a", "b", "s", "da", "ba", None, None, None]


class Maker:
    """Grows a function; `scope` holds the values that may be read."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.scope: list[Value] = []
        self.builder = Builder()
        self.line = 0

    def pick(self, type: Type) -> Value:
        found = [v for v in self.scope if v.type == type]
        if found and self.random.random() < 0.9:
            recent = found[-6:]
            return self.random.choice(recent if self.random.random() < 0.7 else found)
        return constant(self.random.choice([0.5, -1.25, 2.0])) if type == FLOAT else self.random.choice(found)

    def name(self) -> str | None:
        return self.random.choice(NAMES)

    def value(self, type: Type, name: str | None = None) -> Value:
        return Value(type, name, self.builder.origin)

    def stamp(self) -> None:
        self.line += self.random.random() < 0.7
        role = self.random.choice(["primal", "primal", "tangent", "adjoint"])
        augmented = self.random.random() < 0.2 and role == "primal"
        self.builder.origin = Origin(self.line, 4, f"statement {self.line}", role, "", augmented)  # type: ignore[arg-type]

    def do(self, primitive: str, *operands: object, name: str | None = None) -> Value:
        result = self.builder.apply(TABLE[primitive], *operands, name=name)
        self.scope.append(result)
        return result

    def arithmetic(self) -> None:
        op = self.random.choice(
            ["add", "subtract", "multiply", "negative", "math.sin", "identity", "accumulate", "np.tanh"]
        )
        operands = [self.pick(FLOAT) for _ in TABLE[op].parameters]
        if op in ("multiply", "accumulate", "add", "subtract", "negative", "identity"):
            kept = self.do("math.tanh", self.builder.apply(TABLE[op], *operands, name=self.name()), name=self.name())
            if self.random.random() < 0.4:
                self.scope.append(kept)
        else:
            self.do(op, *operands, name=self.name())

    def arrays(self) -> None:
        x = self.pick(ARRAY)
        kind = self.random.randrange(9)
        index: object = self.random.randrange(4)
        ints = [v for v in self.scope if v.type == INT]
        if ints and self.random.random() < 0.5:
            index = self.builder.apply(TABLE["mod"], self.random.choice(ints), 4)
        if kind < 2:
            self.do("index_get", x, index, name=self.name())
        elif kind < 4:
            self.do("index_set", x, index, self.pick(FLOAT), name=self.random.choice(["x", "y", None]))
        elif kind == 4:
            old = self.builder.apply(TABLE["index_get"], x, index)
            new = self.builder.apply(TABLE["subtract"], old, self.pick(FLOAT))
            self.do("index_set", x, index, new, name="x")
        elif kind == 5:
            self.do("index_add", x, index, self.pick(FLOAT), name=self.random.choice(["bx", "x", None]))
        elif kind == 6:
            self.do(
                "np.tanh",
                self.builder.apply(TABLE["add"], x, self.pick(ARRAY)),
                name=self.random.choice(["x", "y", None]),
            )
        elif kind == 7:
            self.do("zeros_like", x, name=self.random.choice(["bx", None]))
        else:
            self.do("np.sum", x, name=self.name())

    def condition(self) -> Value:
        return self.builder.apply(TABLE[self.random.choice(["less", "greater"])], self.pick(FLOAT), self.pick(FLOAT))

    def block(self, depth: int, size: int, parameters: tuple[Value, ...] = ()) -> tuple[Builder, list[Value]]:
        """Run `size` statements in a new builder; the caller takes results and restores."""
        outer, self.builder = self.builder, Builder(self.builder.origin)
        before = len(self.scope)
        self.scope += parameters
        self.statements(depth, size)
        inner, self.builder = self.builder, outer
        visible, self.scope = self.scope[:], self.scope[:before]
        return inner, visible

    def choose(self, visible: list[Value], types: list[Type], undefined: bool = False) -> tuple[Value, ...]:
        scope, self.scope = self.scope, visible
        out = tuple(constant(UNDEFINED) if undefined and self.random.random() < 0.1 else self.pick(t) for t in types)
        self.scope = scope
        return out

    def branch(self, depth: int) -> None:
        expression = self.random.random() < 0.3
        test = self.condition()
        types: list[Type] = [
            self.random.choice([FLOAT, FLOAT, ARRAY]) for _ in range(1 if expression else self.random.randrange(1, 4))
        ]
        then, seen = self.block(depth - 1, self.random.randrange(1 if expression else 3))
        a = self.choose(seen, types)
        orelse, seen = self.block(depth - 1, self.random.randrange(1 if expression else 3))
        b = self.choose(seen, types)
        results = tuple(self.value(t, self.name()) for t in types)
        self.builder.emit(If(test, then.block((), a), orelse.block((), b), results, self.builder.origin, expression))
        self.scope += results

    def loop(self, depth: int) -> None:
        trips = self.random.randrange(4)
        driver = self.builder.apply(TABLE["range"], 0, trips, 1)
        types: list[Type] = [self.random.choice([FLOAT, FLOAT, ARRAY]) for _ in range(self.random.randrange(4))]
        names = [self.name() for _ in types]
        initial = tuple(self.pick(t) for t in types)
        lists = [v for v in self.scope if v in self.tapes]
        zipped = tuple(self.random.choice(lists) for _ in range(self.random.randrange(3))) if lists else ()
        stops = self.random.random() < 0.25
        if zipped and self.random.random() < 0.7:
            source = self.tapes[zipped[0]]
            zipped = tuple(v for v in lists if self.tapes[v] is source)
            again = self.builder.apply(TABLE["range"], 0, self.drivers[source], 1)
            iterable = self.builder.apply(TABLE["reversed"], again) if not self.stopped[source] else None
        elif zipped:
            zipped, iterable = (), driver
        else:
            iterable = driver
        item = self.value(INT, self.random.choice(["i", "j", None])) if iterable is not None else Value(INT, None)
        carried = tuple(self.value(t, n) for t, n in zip(types, names, strict=True))
        items = tuple(self.value(v.type.item or FLOAT, self.name()) for v in zipped if isinstance(v.type, List))
        for listed, each in zip(zipped, items, strict=True):
            if self.elements[listed] in self.tapes:
                self.tapes[each] = self.tapes[self.elements[listed]]
                self.elements[each] = self.elements[self.elements[listed]]
        parameters = (*((item,) if iterable is not None else ()), *carried, *items)
        body, seen = self.block(depth - 1, self.random.randrange(1, 5), parameters)
        count = self.random.randrange(3)
        kinds: list[Type] = [FLOAT, ARRAY, *(v.type for v in seen if isinstance(v.type, List))]
        collected_types: list[Type] = [self.random.choice(kinds) for _ in range(count)]

        stop: tuple[Value, ...] = ()
        outer, self.builder, scope = self.builder, body, self.scope
        self.scope = seen
        if stops:
            style = self.random.randrange(3)
            test = self.condition()
            nexts = tuple(self.pick(t) for t in types)
            more = tuple(self.pick(t) for t in collected_types)
            if style == 0:
                stop = (test,)
                ends = (*nexts, *more)
            else:
                other = tuple(self.pick(t) for t in (*types, *collected_types))
                results = tuple(
                    self.value(t, n)
                    for t, n in zip(
                        (BOOL, *types, *collected_types), ("stop", *names, *[None] * len(more)), strict=True
                    )
                )
                yes, no = Block((), (), (constant(True), *nexts, *more)), Block((), (), (constant(False), *other))
                yes, no = (yes, no) if style == 1 else (no, yes)
                body.emit(If(test, yes, no, results, body.origin))
                stop, ends = results[:1], results[1:]
        else:
            ends = (*(self.pick(t) for t in types), *(self.pick(t) for t in collected_types))
        self.builder, self.scope = outer, scope
        block = body.block((item, *carried, *items), (*stop, *ends))
        results = (
            *(self.value(t, n) for t, n in zip(types, names, strict=True)),
            *(self.value(List(t)) for t in collected_types),
        )
        made = For(iterable, initial, zipped, block, results, self.builder.origin, stops)
        self.builder.emit(made)
        if iterable is driver:
            for listed, element in zip(results[len(types) :], made.collected, strict=True):
                self.tapes[listed] = made
                self.elements[listed] = element
            self.drivers[made] = trips
            self.stopped[made] = stops
            self.scope += results
        else:
            self.scope += results[: len(types)]

    def repeat(self, depth: int) -> None:
        test, body = Builder(), Builder()
        n, s, n0, s0 = (Value(INT, "n"), Value(FLOAT, "s"), Value(INT, "n"), Value(FLOAT, "s"))
        c = test.apply(TABLE["less"], n0, self.random.randrange(4))
        if self.random.random() < 0.3:
            c = test.apply(TABLE["less"], test.apply(TABLE["add"], n0, 1, name="m"), 4)
        s1 = body.apply(TABLE["math.sin"], body.apply(TABLE["add"], s, self.pick(FLOAT)), name="s")
        n1 = body.apply(TABLE["add"], n, 1, name="n")
        results = (Value(INT, "n"), Value(FLOAT, "s"))
        self.builder.emit(
            While(
                test.block((n0, s0), (c,)),
                (constant(0), self.pick(FLOAT)),
                body.block((n, s), (n1, s1)),
                results,
                self.builder.origin,
            )
        )
        self.scope += results

    tapes: dict[Value, For]
    drivers: dict[For, int]
    elements: dict[Value, Value]
    stopped: dict[For, bool]

    def statements(self, depth: int, size: int) -> None:
        for _ in range(size):
            self.stamp()
            chance = self.random.random()
            if depth and chance < 0.18:
                self.branch(depth)
            elif depth and chance < 0.36:
                self.loop(depth)
            elif depth and chance < 0.40:
                self.repeat(depth)
            elif chance < 0.65:
                self.arrays()
            else:
                self.arithmetic()


def random_program(seed: int, size: int = 8) -> Program:
    """A program `f(a, b, x)` of about `size` statements."""
    maker = Maker(seed)
    maker.tapes, maker.drivers, maker.stopped, maker.elements = {}, {}, {}, {}
    parameters = (Value(FLOAT, "a"), Value(FLOAT, "b"), Value(ARRAY, "x"))
    maker.scope += parameters
    maker.statements(3, size)
    results = tuple(maker.pick(t) for t in (FLOAT, FLOAT, ARRAY))
    body = maker.builder.block(parameters, results)
    return Program((Function("f", tuple(map(Parameter, parameters)), body),))
