"""Random programs over arrays, lists and loops, and an interpreter that really overwrites.

`random_program` makes IR full of aliases: views, lists that hold arrays, values used after they were updated, tapes.
`mutate` runs a program as the emitted Python would: `inplace` changes the object, views share memory.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from srcdiff.ir.builder import Builder
from srcdiff.ir.core import (
    UNDEFINED,
    Apply,
    Block,
    Call,
    Constant,
    Effect,
    For,
    Function,
    Global,
    If,
    Origin,
    Parameter,
    Program,
    Value,
    While,
    constant,
)
from srcdiff.ir.interpret import resolve
from srcdiff.ir.types import BOOL, FLOAT, INT, NONE, UNKNOWN, Array, List, Tuple, Type
from srcdiff.primitives.table import TABLE

VECTOR = Array("float64", (3,))
MATRIX = Array("float64", (2, 3))
VECTORS = List(VECTOR)


class Maker:
    """Builds one function at random; `pool` holds the values in scope, by kind."""

    def __init__(self, rng: random.Random, functions: Sequence[Function]) -> None:
        self.rng = rng
        self.functions = functions
        self.pool: list[tuple[str, Value]] = []

    def some(self, kind: str) -> Value:
        """A value in scope, the newer the likelier."""
        found = [v for k, v in self.pool if k == kind]
        if not found:
            return constant(self.rng.choice([0.5, 1.0, 2.0]))
        return found[-1 - min(int(self.rng.expovariate(0.5)), len(found) - 1)]

    def add(self, kind: str, value: Value) -> Value:
        self.pool.append((kind, value))
        return value

    def retyped(self, value: Value) -> Type:
        """Sometimes nothing is known of an array, and all must still be right."""
        return UNKNOWN if value.type in (VECTOR, MATRIX, VECTORS) and self.rng.random() < 0.15 else value.type

    def apply(self, b: Builder, name: str, *operands: object, kind: str, hint: str | None = None) -> Value:
        value = b.apply(TABLE[name], *operands, name=hint)
        last = b.statements[-1]
        assert isinstance(last, Apply)
        wanted = {"v": VECTOR, "m": MATRIX, "l": VECTORS, "s": FLOAT}.get(kind, value.type)
        fresh = Value(wanted, hint, b.origin)
        fresh = Value(self.retyped(fresh), hint, b.origin)
        b.statements[-1] = Apply(last.primitive, last.operands, fresh, last.origin)
        return self.add(kind, fresh)

    def statements(self, b: Builder, count: int, depth: int) -> None:
        for _ in range(count):
            role = self.rng.choice(["primal", "adjoint"])
            b.origin = Origin(1, role=role, augmented=role == "primal" and self.rng.random() < 0.5)  # type: ignore[arg-type]
            self.statement(b, depth)

    def statement(self, b: Builder, depth: int) -> None:
        rng = self.rng
        simple = [
            self._arithmetic,
            self._make,
            self._write,
            self._write,
            self._write,
            self._view,
            self._list,
            self._list,
            self._pass_on,
        ]
        nested = [self._if, self._for, self._for, self._while, self._tape]
        if depth < 3 and rng.random() < 0.25:
            rng.choice(nested)(b, depth)
        elif self.functions and rng.random() < 0.1:
            self._call(b)
        else:
            rng.choice(simple)(b)

    def _hint(self) -> str | None:
        return self.rng.choice([None, "a", "b", "c"])

    def _arithmetic(self, b: Builder) -> None:
        name = self.rng.choice(["add", "subtract", "multiply", "accumulate"])
        a = self.some("v")
        other = self.some("v") if name == "accumulate" or self.rng.random() < 0.6 else self.some("s")
        if name == "accumulate" and (isinstance(a, Constant) or isinstance(other, Constant)):
            return
        if isinstance(a, Constant):
            return
        hint = a.name if self.rng.random() < 0.7 else self._hint()
        self.apply(b, name, a, other, kind="v", hint=hint)

    def _make(self, b: Builder) -> None:
        which = self.rng.randrange(4)
        if which == 0:
            self.apply(b, "np.zeros", 3, kind="v", hint=self._hint())
        elif which == 1:
            self.apply(b, "zeros_like", self.some("m"), kind="m", hint=self._hint())
        elif which == 2:
            kind = self.rng.choice("vml")
            source = self.some(kind)
            if not isinstance(source, Constant):
                self.apply(b, "copy", source, kind=kind, hint=self._hint())
        else:
            self.apply(b, "make_list", self.some("v"), self.some("v"), kind="l", hint=self._hint())

    def _write(self, b: Builder) -> None:
        rng = self.rng
        name = rng.choice(["index_set", "index_add"])
        if rng.random() < 0.6:
            x = self.some("v")
            if isinstance(x, Constant):
                return
            if rng.random() < 0.7:
                value = self.some("s")
                self.apply(b, name, x, rng.randrange(3), value, kind="v", hint=x.name)
            else:
                ahead = b.apply(TABLE["make_slice"], 1, 3, None)
                behind = b.apply(TABLE["make_slice"], 0, 2, None)
                part = b.apply(TABLE["index_get"], self.some("v"), behind)
                self.apply(b, name, x, ahead, part, kind="v", hint=x.name)
        else:
            m = self.some("m")
            row = self.some("v")
            self.apply(b, name, m, rng.randrange(2), row, kind="m", hint=m.name)

    def _view(self, b: Builder) -> None:
        which = self.rng.randrange(4)
        if which == 0:
            self.apply(b, "index_get", self.some("m"), self.rng.randrange(2), kind="v", hint=self._hint())
        elif which == 1:
            x = self.some("v")
            if not isinstance(x, Constant):
                number = self.apply(b, "index_get", x, self.rng.randrange(3), kind="s", hint=self._hint())
                assert number is not None
        elif which == 2:
            turned = b.apply(TABLE["T"], self.some("m"))
            again = b.apply(TABLE["T"], turned)
            self.add("m", again)
        else:
            x = self.some("v")
            if not isinstance(x, Constant):
                self.apply(b, "np.reshape", x, 3, kind="v", hint=self._hint())

    def _list(self, b: Builder) -> None:
        which = self.rng.randrange(5)
        items = self.some("l")
        if which == 0:
            self.apply(b, "index_get", items, self.rng.randrange(2), kind="v", hint=self._hint())
        elif which == 1:
            self.apply(b, "index_set", items, self.rng.randrange(2), self.some("v"), kind="l", hint=items.name)
        elif which == 2:
            self.apply(b, "append", items, self.some("v"), kind="l", hint=items.name)
        elif which == 3:
            longer = self.apply(b, "append", items, self.some("v"), kind="l", hint=items.name)
            self.apply(b, "drop_last", longer, kind="l", hint=items.name)
        else:
            pair = b.apply(TABLE["make_tuple"], self.some("v"), items)
            if isinstance(pair.type, Tuple):
                self.apply(b, "index_get", pair, 0, kind="v", hint=self._hint())
                self.apply(b, "index_get", pair, 1, kind="l", hint=self._hint())

    def _pass_on(self, b: Builder) -> None:
        kind = self.rng.choice("vml")
        self.apply(b, "identity", self.some(kind), kind=kind, hint=self._hint())

    def _picks(self, count: int) -> list[tuple[str, Value]]:
        mutable = [(k, v) for k, v in self.pool if k in "vml"]
        return [mutable[-1 - min(int(self.rng.expovariate(0.4)), len(mutable) - 1)] for _ in range(count)]

    def _if(self, b: Builder, depth: int) -> None:
        condition = b.apply(TABLE["less"], self.some("s"), self.rng.choice([0.0, 1.0, 2.0]))
        kinds = [self.rng.choice("vvvmls") for _ in range(self.rng.randrange(1, 4))]
        blocks = []
        for _ in range(2):
            inner, mark = Builder(b.origin), len(self.pool)
            self.statements(inner, self.rng.randrange(0, 5), depth + 1)
            blocks.append(inner.block((), [self.some(k) for k in kinds]))
            del self.pool[mark:]
        results = [Value(self._general(k), self._hint(), b.origin) for k in kinds]
        b.emit(If(Value(BOOL) if condition is None else condition, blocks[0], blocks[1], tuple(results), b.origin))
        for k, r in zip(kinds, results, strict=True):
            self.add(k, r)

    def _general(self, kind: str) -> Type:
        known = {"v": VECTOR, "m": MATRIX, "l": VECTORS, "s": FLOAT}[kind]
        return UNKNOWN if kind != "s" and self.rng.random() < 0.1 else known

    def _loop_body(
        self, b: Builder, depth: int, given: list[tuple[str, Value]]
    ) -> tuple[list[Value], Builder, list[Value], list[tuple[str, Value]]]:
        carried = [Value(self._general(k), v.name, b.origin) for k, v in given]
        inner, mark = Builder(b.origin), len(self.pool)
        for (k, _), c in zip(given, carried, strict=True):
            self.add(k, c)
        self.statements(inner, self.rng.randrange(1, 6), depth + 1)
        following = []
        for (k, _), c in zip(given, carried, strict=True):
            following.append(c if self.rng.random() < 0.1 else self.some(k))
        collected = [(k, self.some(k)) for k in (self.rng.choice("vvm") for _ in range(self.rng.randrange(0, 3)))]
        del self.pool[mark:]
        return carried, inner, following, collected

    def _for(self, b: Builder, depth: int, in_tape: bool = False) -> list[tuple[str, Value]]:
        driver = b.apply(TABLE["range"], 0, self.rng.randrange(0, 4), 1)
        given = self._picks(self.rng.randrange(1, 4))
        carried, inner, following, collected = self._loop_body(b, depth, given)
        results = [Value(self._general(k), v.name, b.origin) for k, v in given]
        lists = [Value(List(v.type), None, b.origin) for _, v in collected]
        stop = self.rng.random() < 0.2
        stops = (self._condition(inner),) if stop else ()
        item = Value(INT, "i", b.origin)
        body = inner.block((item, *carried), (*stops, *following, *(v for _, v in collected)))
        initial = tuple(v for _, v in given)
        b.emit(For(driver, initial, (), body, (*results, *lists), b.origin, stop))
        for (k, _), r in zip(given, results, strict=True):
            self.add(k, r)
        return [(k, v) for (k, _), v in zip(collected, lists, strict=True)]

    def _condition(self, b: Builder) -> Value:
        return b.apply(TABLE["less"], 1.0, constant(self.rng.choice([0.5, 1.5])))

    def _tape(self, b: Builder, depth: int) -> None:
        """A loop that collects, perhaps something in between, and a loop that zips over what was collected."""
        lists = self._for(b, depth)
        self.statements(b, self.rng.randrange(0, 3), depth + 1)
        if not lists:
            return
        given = self._picks(1)
        carried = [Value(self._general(k), v.name, b.origin) for k, v in given]
        items = [Value(v.type.item if isinstance(v.type, List) else UNKNOWN, "t", b.origin) for _, v in lists]  # type: ignore[arg-type]
        inner, mark = Builder(b.origin), len(self.pool)
        for (k, _), c in zip(given, carried, strict=True):
            self.add(k, c)
        for (k, _), c in zip(lists, items, strict=True):
            self.add(k, c)
        self.statements(inner, self.rng.randrange(1, 5), depth + 1)
        following = [self.some(k) for k, _ in given]
        del self.pool[mark:]
        results = [Value(self._general(k), v.name, b.origin) for k, v in given]
        body = inner.block((Value(NONE, None, b.origin), *carried, *items), following)
        initial = tuple(v for _, v in given)
        b.emit(For(None, initial, tuple(v for _, v in lists), body, tuple(results), b.origin))
        for (k, _), r in zip(given, results, strict=True):
            self.add(k, r)

    def _while(self, b: Builder, depth: int) -> None:
        given = self._picks(self.rng.randrange(1, 3))
        carried, inner, following, collected = self._loop_body(b, depth, given)
        n, before = Value(INT, "n", b.origin), Value(INT, "n", b.origin)
        after = inner.apply(TABLE["add"], n, 1, name="n")
        test = Builder(b.origin)
        seen = [Value(c.type, c.name, b.origin) for c in carried]
        mark = len(self.pool)
        for (k, _), c in zip(given, seen, strict=True):
            self.add(k, c)
        if self.rng.random() < 0.3:
            self.statements(test, 1, 3)
        del self.pool[mark:]
        go_on = test.apply(TABLE["less"], before, self.rng.randrange(0, 4))
        condition = test.block((*seen, before), (go_on,))
        results = [Value(self._general(k), v.name, b.origin) for k, v in given]
        lists = [Value(List(v.type), None, b.origin) for _, v in collected]
        body = inner.block((*carried, n), (*following, after, *(v for _, v in collected)))
        initial = (*(v for _, v in given), constant(0))
        b.emit(While(condition, initial, body, (*results, Value(INT, "n", b.origin), *lists), b.origin))
        for (k, _), r in zip(given, results, strict=True):
            self.add(k, r)

    def _call(self, b: Builder) -> None:
        function = self.rng.choice(self.functions)
        results = [Value(r.type, r.name, b.origin) for r in function.body.results]
        b.emit(Call(function.name, (self.some("v"), self.some("m"), self.some("l"), self.some("s")), tuple(results)))
        for k, r in zip("vml", results, strict=False):
            self.add(k, r)

    def function(self, name: str, size: int) -> Function:
        b = Builder()
        kinds = [("v", VECTOR, "x"), ("m", MATRIX, "y"), ("l", VECTORS, "z"), ("s", FLOAT, "w")]
        parameters = [Value(t, hint) for _, t, hint in kinds]
        for (k, _, _), p in zip(kinds, parameters, strict=True):
            self.add(k, p)
        if self.rng.random() < 0.7:
            self.apply(b, "copy", parameters[0], kind="v", hint="x")
            self.apply(b, "copy", parameters[1], kind="m", hint="y")
        self.statements(b, size, 0)
        results = [self.some(k) for k in "vml"]
        if self.rng.random() < 0.3:
            results.append(b.apply(TABLE["make_tuple"], *(self.some(k) for k in "vvl")))
        return Function(name, tuple(Parameter(p) for p in parameters), b.block(parameters, results))


def random_program(rng: random.Random, size: int = 14) -> Program:
    functions: list[Function] = []
    for k in range(rng.randrange(0, 3)):
        functions.append(Maker(rng, list(functions)).function(f"g{k}", 4))
    functions.append(Maker(rng, functions).function("f", size))
    return Program(tuple(functions))


def arguments() -> list[Any]:
    x = np.array([1.0, 2.0, 3.0])
    y = np.arange(6.0).reshape(2, 3)
    return [x, y, [np.array([4.0, 5.0, 6.0]), np.array([7.0, 8.0, 9.0])], 1.5]


# -- an interpreter that overwrites -----------------------------------------------------------------------------------

_IN_PLACE = {
    "add": lambda a, b: np.add(a, b, out=a),
    "accumulate": lambda a, b: np.add(a, b, out=a),
    "subtract": lambda a, b: np.subtract(a, b, out=a),
    "multiply": lambda a, b: np.multiply(a, b, out=a),
    "divide": lambda a, b: np.divide(a, b, out=a),
}


class Mutator:
    """Runs the program as Python would run the emitted text."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def call(self, function: Function, contents: Sequence[Any]) -> tuple[Any, ...]:
        return self.block(function.body, contents, {})

    def block(self, block: Block, contents: Sequence[Any], env: dict[Value, Any]) -> tuple[Any, ...]:
        env.update(zip(block.parameters, contents, strict=True))
        for statement in block.statements:
            self.statement(statement, env)
        return tuple(self.read(v, env) for v in block.results)

    @staticmethod
    def read(value: Value, env: dict[Value, Any]) -> Any:
        match value:
            case Constant():
                return value.value
            case Global():
                return resolve(value)
            case _:
                return env[value]

    def statement(self, s: Any, env: dict[Value, Any]) -> None:
        match s:
            case Apply():
                contents = [self.read(v, env) for v in s.operands]
                if any(c is UNDEFINED for c in contents):
                    env[s.result] = UNDEFINED
                else:
                    env[s.result] = self.overwrite(s, contents) if s.inplace else s.primitive.evaluate(*contents)
            case If():
                taken = s.then if self.read(s.condition, env) else s.orelse
                env.update(zip(s.results, self.block(taken, (), env), strict=True))
            case For() | While():
                self.loop(s, env)
            case Call():
                contents = [self.read(v, env) for v in s.arguments]
                env.update(zip(s.results, self.call(self.program[s.function], contents), strict=True))
            case Effect():
                pass

    def loop(self, s: For | While, env: dict[Value, Any]) -> None:
        carried: Sequence[Any] = [self.read(v, env) for v in s.initial]
        collected: list[list[Any]] = [[] for _ in s.collected]
        zipped = [self.read(v, env) for v in s.zipped] if isinstance(s, For) else []
        driver = iter(self.read(s.iterable, env)) if isinstance(s, For) and s.iterable is not None else None
        step = 0
        while True:
            if isinstance(s, While):
                if not self.block(s.condition, carried, env)[0]:
                    break
                given: Sequence[Any] = carried
            else:
                step += 1
                item = None
                if driver is not None:
                    item = next(driver, None)
                    if item is None:
                        break
                elif step > len(zipped[0]):
                    break
                given = (item, *carried, *(items[-step] for items in zipped))
            outcome = self.block(s.body, given, env)
            carried = outcome[s.stops : s.stops + len(s.initial)]
            for items, item in zip(collected, outcome[s.stops + len(s.initial) :], strict=True):
                items.append(item)
            if s.stops and outcome[0]:
                break
        env.update(zip(s.results, (*carried, *collected), strict=True))

    @staticmethod
    def overwrite(s: Apply, contents: list[Any]) -> Any:
        x = contents[s.primitive.updates or 0]
        match s.primitive.name:
            case "index_set":
                x[contents[1]] = contents[2]
            case "index_add":
                if isinstance(x, list):
                    x[contents[1]] = x[contents[1]] + contents[2]
                else:
                    np.add.at(x, contents[1], contents[2])
            case "append":
                x.append(contents[1])
            case "drop_last":
                x.pop()
            case name:
                _IN_PLACE[name](*contents)
        return x


def mutate(program: Program, contents: Sequence[Any]) -> tuple[Any, ...]:
    """Run the main function, overwriting what the program says is overwritten."""
    return Mutator(program).call(program.main, contents)


def same(a: Any, b: Any) -> bool:
    """Equal bit for bit, containers item by item."""
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)
    if a is UNDEFINED or b is UNDEFINED:
        return a is b
    return bool(a == b or (a != a and b != b))
