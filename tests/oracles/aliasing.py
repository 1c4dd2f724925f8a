"""Random programs that alias and mutate: views, containers, helpers that write, buffers that change places.

In: a seed. Out: the text of a module whose `f(x, w, A, s, n)` takes two vectors of `SIZE` floats, a matrix of `ROWS`
rows, a float and an integer, writes into what it likes and returns a tuple of everything it still knows. Every name
keeps its shape; values stay moderate; comparisons are with numbers that no value hits. The same seed gives the same
text. `for_duals` runs a program with dual numbers in object arrays: an oracle that shares nothing with the compiler.

>>> text(3) == text(3), text(3) == text(4)
(True, False)
"""

from __future__ import annotations

import hashlib
import linecache
import operator
import random
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from tests.oracles import dual

SIZE, ROWS = 4, 3
Shape = tuple[int, ...]

HEADER = """\
import numpy as np


def scale(a, s):
    a *= s


def shift(a, b):
    a[1:] = 0.5 * b[:-1]
    a[0] = b[-1] * 0.3
    return b


def tail(a):
    return a[1:]


def turn(a, b):
    return b, a


def bump(items, s):
    items[0][1] = s * items[1][0]
    items[1] += 0.25


"""
THRESHOLDS = ("0.1234567", "-0.3141593", "0.5772157", "-0.0718282")
CONSTANTS = ("0.5", "1.25", "-0.75", "0.3", "1.5")


class Maker:
    """Writes the statements of one program. `arrays` knows the shape of every array by name."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.arrays: dict[str, Shape] = {"x": (SIZE,), "w": (SIZE,), "A": (ROWS, SIZE)}
        self.fixed: set[str] = set()
        """Arrays that NumPy lets nobody write into."""
        self.numbers = ["s"]
        self.integers = ["n"]
        self.containers: dict[str, tuple[str, list[Shape]]] = {}
        self.count = 0

    # --- parts of statements

    def pick(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def fresh(self, prefix: str = "v") -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def array(self, shape: Shape | None = None, writable: bool = True) -> str:
        """The name of an array, recent ones rather than old ones."""
        found = [
            name
            for name, s in self.arrays.items()
            if (shape is None or s == shape) and not (writable and name in self.fixed)
        ]
        if not found:
            return f"np.full({shape}, {self.pick(*CONSTANTS)})"
        return self.random.choice(found[-5:] if self.random.random() < 0.6 else found)

    def named(self, shape: Shape | None = None) -> str:
        """The name of an array that can be written."""
        while True:
            name = self.array(shape)
            if name in self.arrays:
                return name
            shape = None

    def integer(self, length: int) -> str:
        if self.integers and self.random.random() < 0.3:
            return f"({self.pick(*self.integers)} + {self.random.randrange(length)}) % {length}"
        return str(self.random.randrange(-length, length))

    def number(self) -> str:
        kind = self.random.randrange(5)
        if kind == 0:
            return str(self.pick(*CONSTANTS))
        if kind == 1:
            return f"np.tanh({self.element()})"
        if kind == 2:
            return f"{self.pick(*self.numbers)} * {self.element()}"
        if kind == 3:
            return self.element()
        return str(self.pick(*self.numbers))

    def element(self) -> str:
        name = self.array(writable=False)
        return f"{name}[{', '.join(self.integer(d) for d in self.arrays[name])}]" if name in self.arrays else "0.7"

    def value(self, shape: Shape) -> str:
        """An expression of this shape."""
        a, b = self.array(shape, writable=False), self.array(shape, writable=False)
        forms = [
            a,
            f"np.tanh({a})",
            f"{a} * {self.pick(*CONSTANTS)}",
            f"{a} * {b}",
            f"{a} - 0.5 * {b}",
            f"{a} * ({self.number()})",
            f"np.sin({a}) + {self.number()}",
            f"np.where({self.mask(a)}, {a}, {b})",
            f"{a}[::-1] * 0.5",
        ]
        return str(self.pick(*forms))

    def mask(self, name: str) -> str:
        return f"{name} > {self.pick(*THRESHOLDS)}"

    def vector_index(self, d: int) -> tuple[str, Shape | None]:
        """An index along an axis, and the shape of what it takes (None: a mask, of unknown length)."""
        start = self.random.randrange(d - 1) if d > 1 else 0
        picked = [self.random.randrange(-d, d) for _ in range(self.pick(2, 3))]
        kinds: list[tuple[str, Shape | None]] = [
            (self.integer(d), ()),
            (f"{start}:", (d - start,)),
            ("::-1", (d,)),
            (f"-{d + 3}:{d + 5}", (d,)),
            (f"{picked}", (len(picked),)),
            (f"np.array({picked})", (len(picked),)),
        ]
        return self.random.choice(kinds)

    # --- statements

    def new_array(self, lines: list[str], shape: Shape, value: str) -> None:
        same = [n for n, s in self.arrays.items() if s == shape and n not in self.fixed]
        if same and self.random.random() < 0.4:
            lines.append(f"{self.random.choice(same)} = {value}")
        else:
            name = self.fresh()
            lines.append(f"{name} = {value}")
            self.arrays[name] = shape

    def make(self, lines: list[str]) -> None:
        shape = self.arrays[self.named()]
        source = self.array(shape, writable=False)
        value = self.pick(self.value(shape), f"{source}.copy()", f"np.zeros({shape})", f"np.zeros_like({source})")
        if value in self.arrays:
            value = f"{value}.copy()"
        self.new_array(lines, shape, value)

    def alias(self, lines: list[str]) -> None:
        name = self.named()
        shape = self.arrays[name]
        views: list[tuple[str, Shape]] = [(name, shape), (f"{name}[::-1]", shape), (f"{name}[...]", shape)]
        if shape[0] > 1:
            views.append((f"{name}[1:]", (shape[0] - 1, *shape[1:])))
        if len(shape) == 1:
            views += [(f"{name}.reshape(1, -1)[0]", shape), (f"np.expand_dims({name}, 0)[0]", shape)]
            views += [(f"np.squeeze({name}[:, None], 1)", shape), (f"np.asarray({name})", shape)]
        else:
            rows, columns = shape
            views += [(f"{name}[{self.integer(rows)}]", (columns,)), (f"{name}[:, {self.integer(columns)}]", (rows,))]
            views += [(f"{name}.T", (columns, rows)), (f"np.swapaxes({name}, 0, 1)", (columns, rows))]
            views += [(f"np.transpose({name})", (columns, rows)), (f"np.flip({name}, 0)", shape)]
            views += [(f"{name}.copy().ravel()", (rows * columns,)), (f"{name}.copy().reshape(-1)", (rows * columns,))]
        view, result = self.random.choice(views)
        if self.random.random() < 0.5 and len(shape) == 1 and shape[0] > 1:
            view, result = f"tail({name})", (shape[0] - 1,)
        self.new_array(lines, result, view)

    def fixed_view(self, lines: list[str]) -> None:
        matrices = [n for n, s in self.arrays.items() if len(s) == 2]
        name, target = self.random.choice(matrices), self.fresh("r")
        rows, columns = self.arrays[name]
        lines.append(f"{target} = np.diagonal({name})")
        self.arrays[target] = (min(rows, columns),)
        self.fixed.add(target)

    def write(self, lines: list[str]) -> None:
        name = self.named()
        shape = self.arrays[name]
        operator = self.pick("=", "=", "+=", "*=", "-=")
        if self.random.random() < 0.25:
            lines.append(f"{name}[{self.mask(name)}] {operator} {self.number()}")
        elif self.random.random() < 0.2:
            lines.append(f"{name}[...] {operator} {self.value(shape)}")
        elif len(shape) == 1:
            index, part = self.vector_index(shape[0])
            value = self.number() if part == () or self.random.random() < 0.5 else self.value(part or ())
            lines.append(f"{name}[{index}] {operator} {value}")
        else:
            self.write_matrix(lines, name, operator)

    def write_matrix(self, lines: list[str], name: str, operator: str) -> None:
        rows, columns = self.arrays[name]
        i, j = self.integer(rows), self.integer(columns)
        picked = [self.random.randrange(rows) for _ in range(2)], [self.random.randrange(columns) for _ in range(2)]
        forms = [
            f"{name}[{i}, {j}] {operator} {self.number()}",
            f"{name}[{i}] {operator} {self.value((columns,))}",
            f"{name}[:, {j}] {operator} {self.value((rows,))}",
            f"{name}[{picked[0]}, {picked[1]}] {operator} {self.number()}",
            f"{name}[np.ix_({picked[0]}, {picked[1]})] {operator} {self.number()}",
            f"{name}[{name}[:, 0] > {self.pick(*THRESHOLDS)}, 1:] {operator} {self.number()}",
            f"{name}[{i}, [0, 0]] {operator} {self.number()}",
            f"{name}.flat[{self.random.randrange(rows * columns)}] = {self.number()}",
            f"{name}[{i}][{j}] = {self.number()}",
            f"{name}.T[{j}] = {self.value((rows,))}",
            f"np.fill_diagonal({name}, {self.number()})",
        ]
        lines.append(self.random.choice(forms))

    def in_place(self, lines: list[str]) -> None:
        """What writes without an assignment to elements."""
        name = self.named()
        shape = self.arrays[name]
        a, b = self.array(shape, writable=False), self.array(shape, writable=False)
        forms = [
            f"{name} {self.pick('+=', '*=', '-=')} {self.value(shape)}",
            f"{name}.fill({self.number()})",
            f"np.copyto({name}, {self.value(shape)})",
            f"np.copyto({name}, {self.number()}, where={self.mask(a)})",
            f"np.putmask({name}, {self.mask(a)}, {self.value(shape)})",
            f"np.place({name}, {self.mask(a)}, [{self.number()}, 0.5])",
            f"np.put({name}, [0, -1, 0], [{self.number()}, {self.number()}])",
            f"np.multiply({a}, {b}, out={name})",
            f"np.add({a}, {self.number()}, {name})",
            f"np.tanh({a}, out={name})",
            f"np.divide({a}, {b} + 9.0, out={name}, where={self.mask(a)})",
            f"np.add.at({name}, {self.pick('[0, 0, 1]', 'np.array([1, 1])', '0')}, {self.number()})",
            f"np.subtract.at({name}, [0, 0], {self.number()})",
            f"scale({name}, {self.pick(*CONSTANTS)})",
        ]
        if len(shape) == 1:
            forms.append(f"shift({name}, {a})")
        lines.append(self.random.choice(forms))

    def swap(self, lines: list[str]) -> None:
        name = self.named()
        others = [n for n, s in self.arrays.items() if s == self.arrays[name] and n != name and n not in self.fixed]
        if not others:
            self.write(lines)
            return
        other = self.random.choice(others)
        lines.append(self.pick(f"{name}, {other} = {other}, {name}", f"{name}, {other} = turn({name}, {other})"))

    def contain(self, lines: list[str]) -> None:
        """Make a container, or use one."""
        if not self.containers or self.random.random() < 0.4:
            a = self.named()
            shape = self.arrays[a]
            b = self.pick(self.named(shape), f"{self.named(shape)}.copy()", a)
            kind, name = self.pick("list", "tuple", "dict"), self.fresh("c")
            display = {"list": f"[{a}, {b}]", "tuple": f"({a}, {b})", "dict": f"{{'p': {a}, 'q': {b}}}"}[kind]
            lines.append(f"{name} = {display}")
            self.containers[name] = (kind, [shape, self.arrays[b.removesuffix(".copy()")]])
            return
        name, (kind, shapes) = self.random.choice(list(self.containers.items()))
        keys = ["'p'", "'q'"] if kind == "dict" else ["0", "1"]
        which = self.random.randrange(2)
        shape, key = shapes[which], keys[which]
        forms = [
            f"{name}[{key}][{self.integer(shape[0])}] = {self.value(shape[1:]) if len(shape) > 1 else self.number()}",
            f"{name}[{key}][1:] *= {self.number()}",
        ]
        if kind != "tuple":
            forms += [f"{name}[{key}] += {self.value(shape)}", f"{name}[{key}] = {self.array(shape)}"]
            if shapes[0] == shapes[1]:
                forms += [f"{name}[{keys[0]}], {name}[{keys[1]}] = {name}[{keys[1]}], {name}[{keys[0]}]"]
        if kind == "list" and shapes[0] == shapes[1] and len(shape) == 1:
            forms += [f"bump({name}, {self.number()})"]
        if self.random.random() < 0.3:
            self.new_array(lines, shape, f"{name}[{key}]")
        else:
            lines.append(self.random.choice(forms))

    def compute(self, lines: list[str]) -> None:
        if self.random.random() < 0.5:
            lines.append(f"{self.pick(*self.numbers)} = {self.number()}")
        else:
            name = self.fresh("t")
            lines.append(f"{name} = {self.number()}")
            self.numbers.append(name)

    def nested(self, depth: int, size: int, lines: list[str] | None = None) -> list[str]:
        """The lines of a block; names that it makes are not used behind it."""
        kept = dict(self.arrays), set(self.fixed), list(self.numbers), list(self.integers), dict(self.containers)
        body = self.block(depth, size, lines or [])
        self.arrays, self.fixed, self.numbers, self.integers, self.containers = kept
        return ["    " + line for line in body]

    def branch(self, lines: list[str], depth: int) -> None:
        lines.append(f"if {self.element()} > {self.pick(*THRESHOLDS)}:")
        lines += self.nested(depth - 1, self.random.randrange(1, 4))
        if self.random.random() < 0.5:
            lines.append("else:")
            lines += self.nested(depth - 1, self.random.randrange(1, 4))

    def loop(self, lines: list[str], depth: int) -> None:
        kind = self.random.randrange(4)
        before = dict(self.arrays), list(self.integers), list(self.numbers)
        matrices = [n for n, s in self.arrays.items() if len(s) == 2 and n not in self.fixed]
        name = self.random.choice(matrices)
        first: list[str] = []
        if kind <= 1:
            i = self.fresh("i")
            lines.append(f"for {i} in range({self.pick('n', '2', '3')}):")
            self.integers.append(i)
        elif kind == 2:
            row = self.fresh("row")
            lines.append(f"for {row} in {name}:")
            self.arrays[row] = self.arrays[name][1:]
            first = [f"{row} *= {self.pick(*CONSTANTS)}"]
        else:
            one, two = self.fresh("row"), self.fresh("row")
            lines.append(f"for {one}, {two} in zip({name}, {name}[::-1]):")
            self.arrays[one] = self.arrays[two] = self.arrays[name][1:]
            first = [f"{one}[0] += 0.5 * {two}[-1]"]
        lines += self.nested(depth - 1, self.random.randrange(1, 4), first)
        self.arrays, self.integers, self.numbers = before

    def block(self, depth: int, size: int, lines: list[str]) -> list[str]:
        for _ in range(size):
            kind = self.random.randrange(20)
            if depth > 0 and kind < 3:
                self.loop(lines, depth)
            elif depth > 0 and kind < 5:
                self.branch(lines, depth)
            elif kind < 7:
                self.make(lines)
            elif kind < 10:
                self.alias(lines)
            elif kind < 14:
                self.write(lines)
            elif kind < 16:
                self.in_place(lines)
            elif kind < 17:
                self.swap(lines)
            elif kind < 19:
                self.contain(lines)
            else:
                self.pick(self.compute, self.fixed_view)(lines)
        return lines


def text(seed: int) -> str:
    """The program of a seed."""
    maker = Maker(seed)
    body = maker.block(2, maker.random.randrange(4, 10), [])
    known = [*maker.arrays, *maker.numbers, *maker.containers]
    body.append(f"return ({', '.join(known)})")
    return HEADER + "def f(x, w, A, s, n):\n" + "".join(f"    {line}\n" for line in body)


def compiled(source: str) -> Any:
    """`f` as an ordinary function whose source `inspect` finds."""
    filename = f"<aliasing {hashlib.sha256(source.encode()).hexdigest()[:12]}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"__name__": "aliasing"}
    exec(compile(source, filename, "exec"), namespace)
    return namespace["f"]


@dataclass(frozen=True)
class _WithAt:
    """A ufunc whose `at` takes duals."""

    ufunc: Any
    operation: Any

    def __call__(self, *operands: Any, **keywords: Any) -> Any:
        return self.ufunc(*operands, **keywords)

    def at(self, a: np.ndarray, index: Any, value: Any) -> None:
        for i in np.atleast_1d(index):
            a[i] = self.operation(a[i], value)


def _elementwise(function: Any) -> Any:
    def apply(a: Any, out: np.ndarray | None = None) -> Any:
        if not isinstance(a, np.ndarray):
            return function(a)
        made = np.array([*map(function, a.ravel()), None], dtype=object)[:-1].reshape(a.shape)
        if out is None:
            return made
        out[...] = made
        return out

    return apply


def for_duals(source: str) -> Any:
    """`f` on arrays of dual numbers: what makes arrays makes arrays of objects."""

    def objects(a: Any) -> np.ndarray:
        return np.asarray(a, dtype=object)

    replaced = {
        "zeros": lambda shape: objects(np.zeros(shape)),
        "zeros_like": lambda a: objects(np.zeros(np.shape(a))),
        "full": lambda shape, v: objects(np.full(shape, v)),
        "tanh": _elementwise(dual.tanh),
        "sin": _elementwise(dual.sin),
        "add": _WithAt(np.add, operator.add),
        "subtract": _WithAt(np.subtract, operator.sub),
    }
    known = {name: getattr(np, name) for name in dir(np) if not name.startswith("_")}
    environment: dict[str, Any] = {"np": SimpleNamespace(**{**known, **replaced})}
    exec(compile(source.replace("import numpy as np\n", ""), "<aliasing for duals>", "exec"), environment)
    return environment["f"]


def arguments() -> tuple[Any, ...]:
    return (
        np.array([0.31, -0.72, 1.13, 0.44]),
        np.array([-0.25, 0.86, 0.57, -1.08]),
        np.linspace(-0.91, 1.27, ROWS * SIZE).reshape(ROWS, SIZE),
        0.63,
        2,
    )
