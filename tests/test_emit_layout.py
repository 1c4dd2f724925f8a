"""Long statements are split exactly as `ruff format` splits them."""

from __future__ import annotations

import ast
import random
import subprocess
import sys

import pytest

from srcdiff.emit.layout import split
from srcdiff.emit.printer import to_text


def formatted(text: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return done.stdout


SIGNATURES = """\
def a_function_with_a_long_name_of_which(the_only_parameter_has_a_long_name: an_annotation) -> float:
    pass


def a_function_with_a_long_name(x: np.ndarray, w: float, n: int, dx: np.ndarray, dw: float) -> tuple[float, float]:
    pass


def a_function_with_a_long_name(x: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray, float], tuple[float, float]]:
    pass


def f(x: np.ndarray, w: float) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray], tuple[float, float]]:
    pass


def f() -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray], tuple[float, float, np.ndarray, float]]:
    pass


def a_function_with_a_long_name(x: float = 1.0, *, the_second_parameter: float, the_third_parameter: float = 2.0):
    pass
"""

CASES = """\
def f(aaaaaaaaaaaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, ccccccccccccccccccccccc, ddd=1, *, e: int = 2):
    x = -(a**2)
    x = a[i+1:n:2] + a[:n+1:2] + a[::-1] + a[-1:] + a[len(x):] + a[x.n:] + a[None, 1:i+1]
    x = x[0]**2 + x.y**2 + f(x)**2 + x**-2 + x**-n + (-x)**2 + 5.0**n + (-1)**n + a**b**2
    x = (5).real
    x = (first_operand_of_the_sum + second_operand_of_the_sum * third_operand_of_it - fourth(operand, of, it))
    x = a_function_with_a_rather_long_name_indeed(with_an_argument_that_is_long_too, and_another_one)
    x = a_function_with_a_rather_long_name_indeed(with_an_argument_that_is_long_too, and_another_one).T
    x = a_function_with_a_rather_long_name_indeed(with_an_argument_that_is_long_too, and_another_one) * q
    x = factor_in_front_of_it * a_function_with_a_rather_long_name(with_an_argument_that_is_long, and_another)
    x = factor_in_front_of_it * an_array_with_a_rather_long_name_indeed[with_an_index_that_is_long, and_another]
    x[row_of_the_matrix_to_write, column_of_the_matrix] = factor_in_front * second_factor_of_it + some_other_summand
    x[row_of_the_matrix_to_write, column_of_the_matrix] += factor_in_front * second_factor_of_it(some_other_summand)
    x[row_of_the_matrix_to_write, column_of_the_matrix] = a_function_with_a_long_name(some_other_summand, argument)
    x = -a_function_with_a_rather_long_name_indeed(with_an_argument_that_is_long_too, and_another_one_of)
    x = the_value_of_the_expression_if_true if the_condition_that_is_tested_first else the_value_otherwise_of_it
    x = [the_value_of_the_expression + the_other_part_of_it for element in the_sequence_that_is_iterated_over_here]
    x = np.sum(first_operand_of_the_sum_that_is_taken + second_operand_of_the_sum + third_operand_of_the_sum_too)
    x = first_component_of_the_result, second_component_of_the_result, third_component_of_the_result, fourth
    if the_first_condition_that_is_tested and the_second_condition < the_bound_of_the_second or the_third_condition:
        pass
    for the_first_element, the_second_element in zip(the_first_sequence_of_elements, the_second_sequence_of_elements):
        pass
    the_first_saved_value, the_second_saved_value, the_third_saved_value, the_fourth_saved_value = tape.pop()
    return first_component_of_the_result, second_component_of_the_result, third_component_of_the_result, fourth
"""


def test_cases() -> None:
    text = to_text(ast.parse(CASES).body, split)
    assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(CASES))
    assert formatted(text) == text
    assert formatted(CASES) == text


def test_signatures() -> None:
    text = "\n\n\n".join(to_text([s], split).strip() for s in ast.parse(SIGNATURES).body) + "\n"
    assert formatted(SIGNATURES) == text


class Writer:
    """Random statements of names of many lengths."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def name(self) -> str:
        return self.random.choice("abcdefgh") * self.random.choice([1, 2, 5, 12, 20])

    def expression(self, depth: int) -> str:
        r, name = self.random, self.name
        if not depth:
            return r.choice([name(), name(), "2", "1.5", "0.5"])

        def e() -> str:
            return self.expression(depth - 1)

        match r.randrange(13):
            case 0 | 1 | 2 | 3:
                return f"({e()}) {r.choice('+-*/@*+')} ({e()})"
            case 4:
                return f"{name()}({', '.join(e() for _ in range(r.randrange(3)))})"
            case 5:
                return f"np.{name()}({e()}, axis={r.randrange(3)}, keepdims=True)"
            case 6:
                return f"{name()}[{e()}, {r.choice([':', '1:', name(), name() + ' + 1:'])}]"
            case 7:
                return f"{name()}[{e()}] ** 2"
            case 8:
                return f"-({e()})"
            case 9:
                return f"({e()} < {name()})" if r.random() < 0.5 else f"(({e()}) and {name()} or {name()})"
            case 10:
                return f"({e()} if {e()} else {e()})" if r.random() < 0.4 else f"np.{name()}({e()})"
            case 11:
                return r.choice([f"[{e()}, {e()}]", f"({e()}, {e()})", f"[{e()} for i in range({name()})]"])
            case _:
                return f"{name()}.{r.choice(['T', 'shape', 'real'])}"

    def statement(self) -> str:
        name, e = self.name, self.expression
        match self.random.randrange(9):
            case 0 | 1 | 2:
                return f"{name()} = {e(4)}"
            case 3:
                return f"{name()}[{name()}, {name()}] += {e(4)}"
            case 4:
                return f"{name()}[{e(1)}] = {e(3)}"
            case 5:
                return f"return {e(3)}, ({e(2)}, {name()})"
            case 6:
                return f"{name()}.append(({e(2)}, {e(2)}))"
            case 7:
                return f"if {e(3)}:\n        pass"
            case _:
                return f"{name()}, {name()} = {e(3)}"


@pytest.mark.parametrize("seed", range(4))
def test_random_statements(seed: int) -> None:
    writer = Writer(seed)
    source = "def f():\n" + "".join(f"    {writer.statement()}\n" for _ in range(300))
    tree = ast.parse(source)
    # A tuple without parentheses has two stable layouts; from one line, only the other statements are compared.
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    text = to_text([s for s in function.body if isinstance(getattr(s, "value", None), ast.Tuple)], split)
    assert formatted(text) == text
    function.body = [s for s in function.body if not isinstance(getattr(s, "value", None), ast.Tuple)]
    text = to_text(tree.body, split)
    assert ast.dump(ast.parse(text)) == ast.dump(tree)
    assert formatted(to_text(tree.body)) == text
