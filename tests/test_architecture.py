"""Imports run one way, as docs/architecture.md says, and the two syntax-tree libraries stay where they belong."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "srcdiff"


def layers() -> tuple[tuple[str, ...], ...]:
    """The order that docs/architecture.md states, lowest first."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    stated = re.search(r"Imports run one way: (.*?)\.\s", text, re.DOTALL)
    assert stated, "docs/architecture.md states the order of the layers: `Imports run one way: a <- {b, c} <- d.`"
    return tuple(tuple(re.findall(r"\w+", layer)) for layer in stated.group(1).split("<-"))


LAYERS = layers()
RANK = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}
# Those that stand on the public face of the package.
USERS = ("cli", "mixture")
# The faces of the package: they may import everything, nothing may import them.
FACES = ("__init__", "__main__")
ONLY_IN = {"gast": "frontend", "astunparse": "emit"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """The line and full name of everything that the module imports, `from` imports down to the name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", modules(), ids=name)
def test_imports_run_one_way(path: Path) -> None:
    part = part_of(path)
    if part in FACES:
        return
    assert part in RANK, f"{name(path)} belongs to no layer: give `{part}` its place in docs/architecture.md"
    wrong = []
    for line, target in imported(path):
        steps = target.split(".")
        if steps[0] != "srcdiff":
            continue
        other = steps[1] if len(steps) > 1 else "__init__"
        if other not in RANK:  # `import srcdiff`, `from srcdiff import grad`: the whole of the public face
            if part not in USERS:
                wrong.append(f"{name(path)}:{line}: imports {target}, the public face")
        elif other != part and RANK[other] >= RANK[part]:
            wrong.append(f"{name(path)}:{line}: {part} imports {target}, which is not below it")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", modules(), ids=name)
def test_syntax_trees_stay_where_they_belong(path: Path) -> None:
    for line, target in imported(path):
        home = ONLY_IN.get(target.split(".")[0])
        assert home in (None, part_of(path)), f"{name(path)}:{line}: {target} is for srcdiff/{home}/ alone"


def test_the_layers_of_the_documentation_exist() -> None:
    parts = {part_of(path) for path in modules()}
    assert set(RANK) <= parts, f"docs/architecture.md orders what is not there: {sorted(set(RANK) - parts)}"


@pytest.mark.parametrize("path", modules(), ids=name)
def test_every_module_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not text.strip() or ast.get_docstring(ast.parse(text)), f"{name(path)} has no docstring"
