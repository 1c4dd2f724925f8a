"""The command line: what it prints where, its exit status, and that it touches nothing when it refuses."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from srcdiff.cli import main

FUNCTION = (Path(__file__).parent.parent / "examples" / "function.py").read_text(encoding="utf-8")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with function.py, where the commands run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "function.py").write_text(FUNCTION, encoding="utf-8")
    return tmp_path


def run(command: str) -> int:
    return main(shlex.split(command))


def namespace(text: str) -> dict[str, object]:
    names: dict[str, object] = {}
    exec(compile(text, "<generated>", "exec"), names)
    return names


def test_without_mode_both_modes_of_every_public_function(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "function.py").write_text(
        FUNCTION + "\n\ndef g(x: float) -> float:\n    return x * x\n\n\ndef _h(x):\n    return x\n"
    )
    assert run("transform function.py") == 0
    out, err = capsys.readouterr()
    assert [n for n in namespace(out) if n.endswith(("_jvp", "_vjp"))] == ["f_jvp", "f_vjp", "g_jvp", "g_vjp"]
    assert err == ""


def test_one_function_one_mode_some_parameters(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("transform function.py -f f --mode gradient --wrt x2") == 0
    names = namespace(capsys.readouterr().out)
    assert names["f_grad"](2.0, 3.0) == 2.0  # type: ignore[operator]


@pytest.mark.parametrize(("wrt", "expected"), [("x2,", (2.0,)), ("x2,x1", (2.0, 3.0 + -0.4161468365471424))])
def test_wrt_with_commas_gives_a_tuple(
    here: Path, capsys: pytest.CaptureFixture[str], wrt: str, expected: tuple[float, ...]
) -> None:
    assert run(f"transform function.py --mode grad --wrt {wrt}") == 0
    found = namespace(capsys.readouterr().out)["f_grad"](2.0, 3.0)  # type: ignore[operator]
    assert found == pytest.approx(expected)


def test_modes_can_be_repeated(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("transform function.py --mode jvp --mode value_and_grad") == 0
    assert {"f_jvp", "f_value_and_grad"} <= namespace(capsys.readouterr().out).keys()


def test_output_file_header_and_check(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = "transform function.py -f f --mode gradient -o diff_function.py"
    assert run(command) == 0
    out, err = capsys.readouterr()
    assert (out, err) == ("", "srcdiff: wrote diff_function.py\n")
    text = (here / "diff_function.py").read_text(encoding="utf-8")
    header = text[: text.index("\n\n")]
    assert "function.py" in header
    assert f"srcdiff {command}" in header

    assert run(command + " --check") == 0
    assert capsys.readouterr().out == ""

    (here / "function.py").write_text(FUNCTION.replace("w3 + w4", "w3 - w4"), encoding="utf-8")
    assert run(command + " --check") == 1
    out, err = capsys.readouterr()
    assert out.startswith("--- diff_function.py\n+++ as generated now\n")
    assert f"regenerate it with: srcdiff {command}" in err
    assert (here / "diff_function.py").read_text(encoding="utf-8") == text, "--check writes nothing"


def test_the_command_in_the_header_makes_the_same_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("transform -o out.py --no-optimize --wrt x1,x2 --mode forward function.py") == 0
    text = (here / "out.py").read_text(encoding="utf-8")
    (command,) = [line for line in text.splitlines() if "srcdiff transform" in line]
    assert run(command[command.index("transform") :]) == 0
    assert (here / "out.py").read_text(encoding="utf-8") == text


def test_check_of_a_missing_file_is_out_of_date(here: Path) -> None:
    assert run("transform function.py -o missing.py --check") == 1
    assert not (here / "missing.py").exists()


@pytest.mark.parametrize("emit", ["ir", "graph"])
def test_other_products(here: Path, capsys: pytest.CaptureFixture[str], emit: str) -> None:
    assert run(f"transform function.py --mode forward --emit {emit}") == 0
    out = capsys.readouterr().out
    assert "dw4" in out
    assert out.startswith("digraph") == (emit == "graph")


def test_not_optimised_gives_the_same_numbers(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("transform function.py --mode gradient") == 0
    optimised = namespace(capsys.readouterr().out)["f_grad"](0.3, 0.7)  # type: ignore[operator]
    assert run("transform function.py --mode gradient --no-optimize") == 0
    assert namespace(capsys.readouterr().out)["f_grad"](0.3, 0.7) == pytest.approx(optimised)  # type: ignore[operator]


def test_transform_never_runs_the_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    precious = here / "precious.txt"
    precious.write_text("keep me", encoding="utf-8")
    text = "import os\n\nos.remove('precious.txt')\nraise SystemExit('run')\n"
    text += "\n\ndef f(x: float) -> float:\n    return x * x\n"
    (here / "stranger.py").write_text(text, encoding="utf-8")
    assert run("transform stranger.py --mode gradient") == 0
    assert namespace(capsys.readouterr().out)["f_grad"](3.0) == 6.0  # type: ignore[operator]
    assert precious.read_text(encoding="utf-8") == "keep me"


def test_all_errors_at_once_and_no_file_touched(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "def f(x: float) -> float:\n    try:\n        y = x\n    finally:\n        y = 1.0\n    return eval('y')\n"
    (here / "bad.py").write_text(text, encoding="utf-8")
    (here / "old.py").write_text("# old\n", encoding="utf-8")
    assert run("transform bad.py --mode gradient -o old.py") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "bad.py:2:5: error:" in err
    assert "        try:\n        ^^^" in err
    assert "bad.py:6:12: error:" in err
    assert (here / "old.py").read_text(encoding="utf-8") == "# old\n"


@pytest.mark.parametrize(
    "command",
    [
        "transform missing.py",
        "transform function.py --mode sideways",
        "transform function.py --wrt nobody",
        "transform function.py --wrt 1+1",
        "transform function.py -f nobody",
        "transform function.py --check",
        "transform function.py -o no/such/folder/out.py",
        "transform function.py -o function.py",
        "transform function.py -o ./function.py",
        "transform ./function.py -o function.py --check",
        "transform function.py -o .",
        "transform function.py -o . --check",
        "transform function.py --wrt ''",
        "transform function.py --wrt ,",
        "check function.py -f f --at 'x1=2.0, x1=2.0'",
        "check function.py -f f --at 'x1=[[1], [2, 3]], x2=1.0'",
        "check function.py -f f --at 'x1=\"a\", x2=1.0'",
        "check function.py -f f --at 'x1=None, x2=1.0'",
        "check function.py -f f --at 'x1=2.0'",
        "check function.py -f f --at 'x1=import os, x2=1.0'",
        "check function.py -f f --at 'x1=__import__(\"os\"), x2=1.0'",
        "check function.py -f nobody --at 'x1=2.0'",
        "check missing.py -f f --at 'x1=2.0'",
        "nonsense",
        "",
    ],
)
def test_wrong_usage(here: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert run(command) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "error: " in err


def test_a_syntax_error_of_the_file_is_shown_in_place(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "broken.py").write_text("def f(x):\n    return x +\n", encoding="utf-8")
    assert run("transform broken.py") == 2
    assert "broken.py:2:" in capsys.readouterr().err


def test_check(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run('check function.py -f f --at "x1=2.0, x2=3.0" --wrt x1') == 0
    out, err = capsys.readouterr()
    assert "divided differences" in out
    assert "running function.py" in err


def test_check_takes_arrays(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "import numpy as np\n\n\ndef f(x, n):\n    x[n] *= 3.0\n    return np.sum(x * x)\n"
    (here / "arrays.py").write_text(text, encoding="utf-8")
    assert run('check arrays.py -f f --at "x=[1.0, 2.0, 3.0], n=1"') == 0
    assert "divided differences" in capsys.readouterr().out


@pytest.mark.parametrize("point", ["x1=2, x2=3", "x1=2, x2=3.0"])
def test_check_takes_integers(here: Path, capsys: pytest.CaptureFixture[str], point: str) -> None:
    assert run(f'check function.py -f f --at "{point}"') == 0
    assert "with respect to x1, x2 agree" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said", "place"),
    [
        ("def f(x:\n", "SyntaxError", "user.py:1: def f(x:"),
        ("x = 1 / 0\n", "ZeroDivisionError: division by zero", "user.py:1: x = 1 / 0"),
        ("import sys\nsys.exit(0)\n", "SystemExit: 0", "user.py:2: sys.exit(0)"),
        ("def f(x):\n    return 1.0 / (x - 2.0)\n", "`f` failed at this point", "user.py:2: return 1.0 / (x - 2.0)"),
        ("def f(x: int):\n    return x\n", "no parameter of `f` can carry a derivative", "def f(x: int):"),
    ],
)
def test_check_of_a_file_that_fails(
    here: Path, capsys: pytest.CaptureFixture[str], text: str, said: str, place: str
) -> None:
    (here / "user.py").write_text(text, encoding="utf-8")
    assert run('check user.py -f f --at "x=2"') == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "error: " in err
    assert said in err
    assert place in err
    assert "Traceback" not in err


def test_all_unknown_names_at_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("transform function.py --mode gradient --wrt x1,y,z") == 2
    err = capsys.readouterr().err
    assert "no parameter `y`" in err
    assert "no parameter `z`" in err


def test_the_header_does_not_depend_on_how_paths_are_spelled(here: Path) -> None:
    assert run(f"transform ./function.py --mode grad --mode gradient --wrt 'x1, x2' -o {here}/out.py") == 0
    text = (here / "out.py").read_text(encoding="utf-8")
    assert "srcdiff transform function.py --mode gradient --wrt x1,x2 -o out.py\n" in text
    assert run(f"transform {here}/function.py --mode gradient --wrt x1,x2 -o ./out.py --check") == 0


def test_check_of_a_file_that_is_no_text(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "out.py").write_bytes(b"\xff\xfe")
    assert run("transform function.py -o out.py --check") == 2
    assert "cannot read out.py" in capsys.readouterr().err


def test_functions_without_anything_to_differentiate_are_left_out(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main_and_more = "\n\ndef main():\n    print(open('x'))\n\n\ndef g(n: int):\n    return n\n"
    (here / "function.py").write_text(FUNCTION + main_and_more, encoding="utf-8")
    assert run("transform function.py --mode gradient") == 0
    out, err = capsys.readouterr()
    assert "f_grad" in namespace(out)
    assert "skipped: no parameter of `main`" in err
    assert "skipped: no parameter of `g`" in err
    (here / "function.py").write_text(main_and_more, encoding="utf-8")
    assert run("transform function.py --mode gradient") == 2


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["transform", "--help"]])
def test_help(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert main(arguments) == 0
    assert "srcdiff" in capsys.readouterr().out


def test_python_dash_m(here: Path) -> None:
    command = [sys.executable, "-m", "srcdiff", "transform", "function.py", "--mode", "forward"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=here)
    assert done.returncode == 0, done.stderr
    assert "def f_jvp(x1: float, x2: float, dx1: float, dx2: float) -> tuple[float, float]:" in done.stdout
