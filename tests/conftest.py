"""What every test may use: the `golden` fixture, `--update-golden`, and hypothesis made deterministic."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

GOLDEN = Path(__file__).parent / "golden"

hypothesis.settings.register_profile("srcdiff", deadline=None, derandomize=True, database=None, print_blob=False)
hypothesis.settings.load_profile("srcdiff")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew instead of comparing")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`golden("lecture/forward.py", text)`: the text is what tests/golden/lecture/forward.py holds, to the byte."""

    def check(path: str, text: str) -> None:
        file = GOLDEN / path
        if request.config.getoption("--update-golden"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
            return
        if not file.exists():
            pytest.fail(f"tests/golden/{path} is missing; `make golden` writes it, then read it", pytrace=False)
        expected = file.read_text(encoding="utf-8")
        if expected != text:
            lines = difflib.unified_diff(
                expected.splitlines(), text.splitlines(), f"tests/golden/{path}", "what is generated now", lineterm=""
            )
            remedy = "`make golden` writes it anew, if this is what you want to see in review"
            pytest.fail("\n".join([f"tests/golden/{path} differs:", *lines, remedy]), pytrace=False)

    return check
