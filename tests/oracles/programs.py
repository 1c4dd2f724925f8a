"""Random programs: a hypothesis strategy for functions of the subset, as Python text.

Out: a `RandomProgram`, the text of a module whose `f(x, y, a)` takes two floats and an array of `SIZE` floats and
returns a float. Programs are well defined numerically: every value stays moderate and every function is smooth where it
is evaluated. Branches compare with constants that no value hits, so a derivative exists. The same draws give the same
text.

Duals can run the text: it uses math functions through names that `compile_for_duals` rebinds, and arrays only through
element reads, element writes, `copy` and a multiple.
"""

from __future__ import annotations

import hashlib
import linecache
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.oracles import dual

SIZE = 3
SCALARS = ("p", "q", "s")
FUNCTIONS = ("sin", "cos", "tanh")
# Irrational-looking thresholds: no value of a program is equal to one of them.
THRESHOLDS = ("0.1234567", "-0.3141593", "0.5772157", "-0.0718282", "0.9159656")
CONSTANTS = ("0.5", "1.25", "-0.75", "2.0", "0.3", "1.5", "-1.0")
SIGNATURES = (
    "def f(x, y, a):",
    "def f(x: float, y: float, a: np.ndarray) -> float:",
    'def f(x: float, y: float, a: Float[np.ndarray, "n"]) -> float:',
    "def f(x: float, y: float, a) -> float:",
)
HEADER = """from __future__ import annotations

from math import cos, sin, sqrt, tanh

import numpy as np


def damp(u, v):
    w = u * v
    if w > 0.2718281:
        return tanh(w) + u
    return w / (1.0 + v * v)


def walk(u: float, n: int) -> float:
    for k in range(n):
        u = sin(u) + 0.4 * u
        if u > 1.6180339:
            break
    return u


"""


@dataclass(frozen=True)
class RandomProgram:
    """The text of a module with a function `f`."""

    text: str

    def compile(self) -> Any:
        """`f` as an ordinary function whose source `inspect` finds (through linecache, as in a notebook)."""
        filename = f"<random program {hashlib.sha256(self.text.encode()).hexdigest()[:12]}>"
        linecache.cache[filename] = (len(self.text), None, self.text.splitlines(keepends=True), filename)
        namespace: dict[str, Any] = {"__name__": "random_program"}
        exec(compile(self.text, filename, "exec"), namespace)
        return namespace["f"]

    def compile_for_duals(self) -> Any:
        """`f` with the functions of math replaced by those of the duals."""
        text = self.text.replace("from math import", "from tests.oracles.dual import")
        namespace: dict[str, Any] = {}
        exec(compile(text, "<random program for duals>", "exec"), namespace)
        return namespace["f"]

    def dual_gradient(self, x: float, y: float, a: np.ndarray) -> tuple[float, float, np.ndarray]:
        bx, by, ba = dual.gradient(self.compile_for_duals(), (x, y, a), (0, 1, 2))
        return bx, by, ba


class _Writer:
    """Draws a program statement by statement; `scalars` are the names that are certainly bound here."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.lines: list[str] = []
        self.budget = draw(st.integers(4, 14))
        self.counters = 0

    def pick(self, options: tuple[str, ...]) -> str:
        return self.draw(st.sampled_from(options))

    def write(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def fresh(self, stem: str) -> str:
        self.counters += 1
        return f"{stem}{self.counters}"

    # expressions

    def atom(self, indices: tuple[str, ...]) -> str:
        element = self.element(indices)
        return self.pick((*SCALARS, "x", "y", element, element, self.pick(CONSTANTS)))

    def element(self, indices: tuple[str, ...]) -> str:
        """An element read: of the parameter `a` or of its copy `b`, at a constant or a loop index."""
        array = self.pick(("a", "b"))
        index = self.pick(("0", "1", "-1", *indices, *(f"({i} + 1) % {SIZE}" for i in indices)))
        return f"{array}[{index}]"

    def condition(self, indices: tuple[str, ...]) -> str:
        simple = f"{self.atom_variable(indices)} {self.pick(('<', '>', '<=', '>='))} {self.pick(THRESHOLDS)}"
        other = f"{self.atom_variable(indices)} {self.pick(('<', '>'))} {self.pick(THRESHOLDS)}"
        band = f"-0.8414709 < {self.atom_variable(indices)} < 1.0986122"
        parity = f"{self.pick(indices)} % 2 == 0" if indices else simple
        return self.pick(
            (simple, simple, f"{simple} and {other}", f"{simple} or {other}", f"not {simple}", band, parity)
        )

    def atom_variable(self, indices: tuple[str, ...]) -> str:
        return self.pick((*SCALARS, "x", "y", self.element(indices)))

    def expression(self, indices: tuple[str, ...], depth: int = 2) -> str:
        """Bounded by a small multiple of the largest variable."""
        if depth == 0:
            return self.atom(indices)
        u = self.expression(indices, depth - 1)
        v = self.atom(indices)
        form = self.draw(st.integers(0, 11))
        match form:
            case 0 | 1:
                return f"{self.pick(FUNCTIONS)}({u})"
            case 2:
                return f"tanh({u} * {v})"
            case 3:
                return f"({u} + 0.5 * {v})"
            case 4:
                return f"({v} - 0.7 * {u})"
            case 5:
                return f"sqrt(1.0 + {v} * {v})"
            case 6:
                return f"{v} / (1.0 + {v} * {v})"
            case 7:
                return f"({u} if {self.condition(indices)} else {v})"
            case 8:
                return f"damp({u}, {v})" if self.draw(st.booleans()) else f"walk({v}, {self.pick(('0', '2', '3'))})"
            case 9:
                return f"sin({v} ** {self.pick(('2', '3'))})"
            case 10:
                return f"max({v}, {self.pick(THRESHOLDS)})"
            case _:
                return f"-{self.pick(FUNCTIONS)}({u})"

    def bounded(self, indices: tuple[str, ...]) -> str:
        """An expression that does not grow, whatever loop it stands in."""
        return f"{self.pick(('sin', 'tanh', 'cos'))}({self.expression(indices)})"

    # statements

    def block(self, depth: int, indices: tuple[str, ...], loop: bool, in_while: bool = False) -> None:
        for _ in range(self.draw(st.integers(1, 3))):
            self.statement(depth, indices, loop, in_while)

    def statement(self, depth: int, indices: tuple[str, ...], loop: bool, in_while: bool) -> None:
        self.budget -= 1
        simple = self.budget <= 0 or depth > 3
        match self.draw(st.integers(0, 6 if simple else 14)):
            case 0 | 1:
                self.write(depth, f"{self.pick(SCALARS)} = {self.bounded(indices)}")
            case 2:
                sign = self.pick(("+=", "-=", "*="))
                self.write(depth, f"{self.pick(SCALARS)} {sign} {self.bounded(indices)}")
            case 3:
                self.write(depth, f"p, q = q, {self.bounded(indices)}")
            case 4:
                self.write(depth, f"{self.element(indices)} = {self.bounded(indices)}")
            case 5:
                self.write(depth, f"{self.element(indices)} {self.pick(('+=', '*='))} {self.bounded(indices)}")
            case 6:
                target = self.pick(SCALARS)
                self.write(depth, f"{target} = {self.pick(SCALARS)}")
            case 7 | 8:
                self.branch(depth, indices, loop, in_while)
            case 9 | 10:
                self.for_loop(depth, indices)
            case 11:
                self.while_loop(depth, indices)
            case 12:
                self.list_loop(depth, indices)
            case 13 if loop:
                self.write(depth, f"if {self.condition(indices)}:")
                if self.draw(st.booleans()):
                    self.statement(depth + 1, indices, False, in_while)
                # A while loop counts at its end: `continue` would leave it running for ever.
                self.write(depth + 1, "break" if in_while else self.pick(("break", "continue")))
            case _:
                self.write(depth, f"if {self.condition(indices)}:")
                self.write(depth + 1, f"return {self.bounded(indices)} * {self.pick(SCALARS)}")

    def branch(self, depth: int, indices: tuple[str, ...], loop: bool, in_while: bool) -> None:
        self.write(depth, f"if {self.condition(indices)}:")
        self.block(depth + 1, indices, loop, in_while)
        if self.draw(st.booleans()):
            self.write(depth, f"elif {self.condition(indices)}:")
            self.block(depth + 1, indices, loop, in_while)
        if self.draw(st.booleans()):
            self.write(depth, "else:")
            self.block(depth + 1, indices, loop, in_while)

    def for_loop(self, depth: int, indices: tuple[str, ...]) -> None:
        index = self.fresh("i")
        header = self.pick((f"range({SIZE})", "range(2)", "range(0)", "range(len(a))", f"reversed(range({SIZE}))"))
        self.write(depth, f"for {index} in {header}:")
        self.block(depth + 1, (*indices, index), loop=True)
        if self.draw(st.integers(0, 3)) == 0:
            self.write(depth, "else:")
            self.statement(depth + 1, indices, loop=False, in_while=False)

    def while_loop(self, depth: int, indices: tuple[str, ...]) -> None:
        counter = self.fresh("n")
        self.write(depth, f"{counter} = 0")
        self.write(depth, f"while {counter} < 3 and ({self.condition(indices)}):")
        self.block(depth + 1, indices, loop=True, in_while=True)
        self.write(depth + 1, f"{counter} += 1")

    def list_loop(self, depth: int, indices: tuple[str, ...]) -> None:
        items, item, index = self.fresh("items"), self.fresh("v"), self.fresh("i")
        if self.draw(st.booleans()):
            self.write(depth, f"{items} = [{self.bounded((*indices, index))} for {index} in range({SIZE})]")
        else:
            self.write(depth, f"{items} = []")
            self.write(depth, f"for {index} in range({SIZE}):")
            self.write(depth + 1, f"{items}.append({self.bounded((*indices, index))})")
        if self.draw(st.booleans()):
            self.write(depth, f"for {item} in {items}:")
            self.write(depth + 1, f"s += {item} * {self.atom(indices)}")
        else:
            self.write(depth, f"for {index}, {item} in enumerate({items}):")
            self.write(depth + 1, f"b[{index}] = b[{index}] * 0.5 + {item}")
            self.write(depth, f"q = {items}[1] + {items}[-1]")

    def program(self) -> RandomProgram:
        self.write(0, self.pick(SIGNATURES))
        self.write(1, "p = x * y")
        self.write(1, "q = sin(x) + a[0]")
        self.write(1, "s = 0.25")
        self.write(1, self.pick(("b = a.copy()", "b = a * 0.5", "b = a")))
        while self.budget > 0:
            self.statement(1, (), loop=False, in_while=False)
        self.write(1, f"return p + {self.pick(('s * q', 's - q', 'tanh(q) * s'))} + a[1] * b[0] + b[2]")
        return RandomProgram(HEADER + "\n".join(self.lines) + "\n")


@st.composite
def random_programs(draw: st.DrawFn) -> RandomProgram:
    """A strategy for `RandomProgram`s."""
    return _Writer(draw).program()


POINTS = (
    (0.731, -0.412, (0.337, -1.213, 0.859)),
    (-1.127, 0.663, (0.271, 0.418, -0.577)),
    (0.193, 1.384, (-0.642, 0.707, 1.173)),
)
"""Places at which programs are evaluated."""
