"""The README and the documents are true: their commands and programs run here, and print what they say they print.

A ```console block holds commands (`$ ...`) and their output, a ```python block is a program whose output is the ```text
block after it. `make golden` writes what they print now into the document.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
DOCUMENTS = [README, *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(console|python|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands run: a folder with the examples, so that what they write stays out of the project."""
    place = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "examples", place / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    return place


def run(command: list[str], folder: Path) -> str:
    """What the command prints, errors among the output as on a terminal."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120
    )
    return done.stdout.rstrip("\n") + "\n" if done.stdout else ""


def run_console(block: str, folder: Path) -> str:
    """The block with what its commands print now."""
    commands = [line[2:] for line in block.splitlines() if line.startswith("$ ")]
    assert commands, f"a console block without a command:\n{block}"
    return "".join(f"$ {command}\n{run(['bash', '-c', command], folder)}" for command in commands)


def run_program(block: str, folder: Path) -> str:
    program = folder / "program.py"
    program.write_text(block, encoding="utf-8")
    return run([sys.executable, program.name], folder)


def rewritten(text: str, folder: Path) -> str:
    """The document with every output replaced by what is printed now."""
    printed: list[str] = []

    def block(match: re.Match[str]) -> str:
        kind, content = match.groups()
        if kind == "console":
            content = run_console(content, folder)
        elif kind == "python":
            printed.append(run_program(content, folder))
        elif printed:
            content = printed.pop()
        return f"```{kind}\n{content}```"

    return FENCE.sub(block, text)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_output_is_what_really_happens(document: Path, folder: Path, request: pytest.FixtureRequest) -> None:
    text = document.read_text(encoding="utf-8")
    now = rewritten(text, folder)
    assert "Traceback (most recent call last)" not in now, f"something in {document.name} fails:\n{now}"
    if request.config.getoption("--update-golden"):
        document.write_text(now, encoding="utf-8", newline="\n")
        return
    assert text.splitlines() == now.splitlines(), f"`make golden` writes the outputs anew; then read {document.name}"


def test_it_opens_with_the_two_commands() -> None:
    first = re.search(r"```\w*\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert first
    assert [line.split("#")[0].strip() for line in first.group(1).splitlines()] == ["make demo", "make test"]


@pytest.mark.parametrize(
    "name", ["newton.py", "heat.py", "pendulum.py", "particle.py", "kepler.py", "custom_rules.py", "demo.py"]
)
def test_the_examples_run(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", f"examples/{name}"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert not done.stderr
