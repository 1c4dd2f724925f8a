"""The command line: `srcdiff transform`, `srcdiff check` and `srcdiff mixture`.

In: arguments. Out: an exit status, 0 (done), 1 (a check failed) or 2 (wrong usage, or a program outside the subset).
What was asked for goes to stdout or into the file named by `-o`; errors and progress go to stderr. Where there is an
error no file is touched.

`transform` reads the user's file and never runs it. `check` runs it, and says so.

>>> main(["transform", "no such file.py"])
2
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import difflib
import importlib.util
import inspect
import os
import shlex
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from srcdiff.checks import DerivativeMismatch, check_derivatives, chosen
from srcdiff.compiler import transform_file
from srcdiff.diagnostics import Diagnostic, TransformError
from srcdiff.ir.records import record_class
from srcdiff.modes import MODES, WITH_SEEDS, Options
from srcdiff.signatures import as_floating

DONE, FAILED, REFUSED = 0, 1, 2

EXAMPLES = """\
examples:
  srcdiff transform function.py                     forward and reverse mode of every public function
  srcdiff transform function.py -f f --mode gradient --wrt x1 -o diff_function.py
  srcdiff transform function.py -f f --mode gradient --wrt x1 -o diff_function.py --check
  srcdiff transform function.py -f f --mode hessian
  srcdiff check function.py -f f --at "x1=2.0, x2=3.0"
  srcdiff mixture data.csv --components 2 --plot fit.png
"""


class UsageError(Exception):
    """The command cannot be carried out as it stands; the message says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command and return its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = None
    # The mixture has options of its own.
    if given[:1] != ["mixture"]:
        try:
            options = make_parser().parse_args(given)
        except SystemExit as end:  # argparse has printed the help or the error
            return end.code if isinstance(end.code, int) else REFUSED
    try:
        if options is None:
            return mixture(given[1:])
        return transform(options) if options.command == "transform" else check(options)
    except TransformError as error:
        print(error, file=sys.stderr)
        count = len(error.diagnostics)
        print(f"srcdiff: {count} error{'s' * (count > 1)}, nothing was written", file=sys.stderr)
        return REFUSED
    except UsageError as error:
        print(f"srcdiff: error: {error}", file=sys.stderr)
        return REFUSED


def mixture(arguments: Sequence[str]) -> int:
    """Fit a mixture; it stands on this module, and is looked up by name when it is asked for."""
    status: int = importlib.import_module("srcdiff.mixture.command").main(arguments)
    return status


def make_parser() -> argparse.ArgumentParser:
    from srcdiff import __version__

    parser = argparse.ArgumentParser(
        prog="srcdiff",
        description="Differentiate numeric Python: source code in, readable derivative source code out.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"srcdiff {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    t = commands.add_parser("transform", help="print the derivative code of a file's functions (the file is not run)")
    t.add_argument("file", help="the Python file to read")
    t.add_argument("-f", "--function", metavar="NAME", help="the function; left out: every public one")
    modes = [m for m in MODES if m != "primal"]
    t.add_argument(
        "--mode",
        action="append",
        choices=modes,
        metavar="MODE",
        help=f"one of {', '.join(modes)}; may be repeated; left out: forward and reverse",
    )
    t.add_argument("--wrt", metavar="A,B", help="parameters to differentiate with respect to; left out: all that can")
    t.add_argument("-o", "--output", metavar="FILE", help="write into this file instead of stdout")
    t.add_argument("--check", action="store_true", help="compare with FILE instead: exit 1 and a diff if out of date")
    t.add_argument("--emit", choices=("python", "ir", "graph"), default="python", help="code, SSA form, or DOT graph")
    t.add_argument("--no-optimize", dest="optimize", action="store_false", help="leave the generated code as derived")

    t.add_argument(
        "--directions",
        action="store_true",
        help="tangents (or output adjoints) are stacks, one entry of a leading axis for each direction",
    )
    t.add_argument(
        "--checkpoint",
        metavar="N",
        type=int,
        help="keep at most N states of each outermost loop and compute the others again (a directive in the file wins)",
    )

    c = commands.add_parser("check", help="run the file and test its derivatives at a point")
    c.add_argument("file", help="the Python file to run")
    c.add_argument("-f", "--function", metavar="NAME", required=True, help="the function")
    c.add_argument(
        "--at", metavar="POINT", required=True, help='the arguments, as in "x1=2.0, x2=[1.0, 2.0], p=Params(w=[1.0])"'
    )
    c.add_argument("--wrt", metavar="A,B", help="parameters to differentiate with respect to; left out: all that can")

    # Listed here; its arguments are read in `srcdiff.mixture.command`.
    commands.add_parser("mixture", help="fit a Gaussian mixture to the columns of a CSV file")
    return parser


# -- transform --------------------------------------------------------------------------------------------------------


def transform(options: argparse.Namespace) -> int:
    if options.check and options.output is None:
        raise UsageError("--check compares with the file named by -o; name it")
    if options.checkpoint is not None and options.checkpoint < 1:
        raise UsageError(f"--checkpoint takes the number of snapshots, 1 or more, not {options.checkpoint}")
    modes = modes_of(options) or ("forward", "reverse")
    if options.directions and not WITH_SEEDS.issuperset(modes):
        raise UsageError(f"--directions is for the modes {', '.join(sorted(WITH_SEEDS))}")
    path = readable(options.file)
    if options.output is not None:
        require_other_file(Path(options.output), path)
    text = transform_file(
        path,
        function=options.function,
        modes=modes,
        wrt=names_in(options.wrt),
        options=Options(optimize=options.optimize, directions=options.directions, checkpoint=options.checkpoint),
        command=command_line(options),
        emit=options.emit,
        note=lambda text: print(f"srcdiff: {text}", file=sys.stderr),
    )
    if options.output is None:
        sys.stdout.write(text)
        return DONE
    output = Path(options.output)
    if not options.check:
        write(output, text)
        print(f"srcdiff: wrote {output}", file=sys.stderr)
        return DONE
    try:
        present = output.read_text(encoding="utf-8") if output.is_file() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {output}: {error}") from None
    if present == text:
        print(f"srcdiff: {output} is up to date", file=sys.stderr)
        return DONE
    old, new = present.splitlines(keepends=True), text.splitlines(keepends=True)
    sys.stdout.writelines(difflib.unified_diff(old, new, str(output), "as generated now"))
    print(f"srcdiff: {output} is out of date; regenerate it with: {command_line(options)}", file=sys.stderr)
    return FAILED


def readable(name: str) -> Path:
    path = Path(name)
    if not path.is_file():
        raise UsageError(f"there is no file {name}")
    return path


def require_other_file(output: Path, source: Path) -> None:
    if output.is_dir():
        raise UsageError(f"{output} is a folder; name a file with -o")
    if output.exists() and output.samefile(source):
        raise UsageError(f"{output} is the file to read, and would be overwritten; name another file with -o")


def modes_of(options: argparse.Namespace) -> tuple[str, ...]:
    """The modes asked for, each once and under its full name."""
    return tuple(dict.fromkeys(MODES[m] for m in options.mode or ()))


def names_in(wrt: str | None) -> str | tuple[str, ...] | None:
    """`x` is the name alone (one derivative), `x,y` a tuple (a tuple of derivatives)."""
    if wrt is None:
        return None
    names = tuple(name.strip() for name in wrt.split(","))
    if names[-1] == "":  # `x,` is a tuple of one, as in Python
        names = names[:-1]
    elif len(names) == 1 and names[0].isidentifier():
        return names[0]
    if not names or not all(name.isidentifier() for name in names):
        raise UsageError(f"--wrt takes names of parameters with commas between them, not {wrt!r}")
    return names


def command_line(options: argparse.Namespace) -> str:
    """The command that makes the same text again, in one spelling however it was spelled."""
    words = ["srcdiff", "transform", path_as_written(options.file)]
    if options.function is not None:
        words += ["-f", options.function]
    for mode in modes_of(options):
        words += ["--mode", mode]
    wrt = names_in(options.wrt)
    if wrt is not None:
        words += ["--wrt", wrt if isinstance(wrt, str) else f"{wrt[0]}," if len(wrt) == 1 else ",".join(wrt)]
    if options.emit != "python":
        words += ["--emit", options.emit]
    if not options.optimize:
        words += ["--no-optimize"]
    if options.directions:
        words += ["--directions"]
    if options.checkpoint is not None:
        words += ["--checkpoint", str(options.checkpoint)]
    if options.output is not None:
        words += ["-o", path_as_written(options.output)]
    return shlex.join(words)


def path_as_written(name: str) -> str:
    """A path in the header of generated code: relative to the working folder where it is below it."""
    path = Path(os.path.abspath(name))
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else Path(os.path.normpath(name)).as_posix()


def write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None


# -- check ------------------------------------------------------------------------------------------------------------


def check(options: argparse.Namespace) -> int:
    path = readable(options.file)
    point = point_in(options.at)
    wrt = names_in(options.wrt)
    print(f"srcdiff: running {path}", file=sys.stderr)
    function = function_in(path, options.function)
    point = {name: made_of(value, name, function.__globals__) for name, value in point.items()}
    try:
        bound = inspect.signature(function).bind(**point)
    except TypeError as error:
        raise UsageError(f"--at does not fit `{options.function}`: {error}") from None
    bound.apply_defaults()
    if bound.kwargs:
        raise UsageError(f"`{options.function}` has keyword-only parameters; check passes arguments by position")
    positions = chosen(function, bound.args, wrt)
    arguments = tuple(as_floating(a) if i in positions else a for i, a in enumerate(bound.args))
    # The function itself runs first, so that an error of its own is shown at its own line.
    with errors_of_the_user(f"`{options.function}` failed at this point"):
        function(*copy.deepcopy(arguments))
    try:
        with errors_of_the_user(f"the generated code of `{options.function}` failed at this point"):
            table = check_derivatives(function, *arguments, wrt=positions)
    except DerivativeMismatch as error:
        print(error.table)
        print(f"srcdiff: the derivatives of `{options.function}` disagree", file=sys.stderr)
        return FAILED
    print(table)
    names = ", ".join(list(bound.arguments)[i] for i in positions)
    print(f"srcdiff: the derivatives of `{options.function}` with respect to {names} agree", file=sys.stderr)
    return DONE


@contextlib.contextmanager
def errors_of_the_user(what: str) -> Iterator[None]:
    """Whatever the user's code raises is one line and the place where it was raised."""
    try:
        yield
    except (TransformError, DerivativeMismatch):
        raise
    except (Exception, SystemExit) as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if not is_our_own(f.filename)]
        place = f"\n    {shown(frames[-1].filename)}:{frames[-1].lineno}: {frames[-1].line}" if frames else ""
        if isinstance(error, SyntaxError) and error.lineno:
            place = f"\n    {shown(error.filename or '')}:{error.lineno}: {(error.text or '').strip()}"
        name = type(error).__name__
        text = error.msg if isinstance(error, SyntaxError) else str(error)
        raise UsageError(f"{what}: {name}{': ' * bool(text)}{text}{place}") from None


def is_our_own(filename: str) -> bool:
    """Whether a frame is the compiler's, or the machinery's that imports a file."""
    return filename.startswith("<frozen") or Path(filename).is_relative_to(Path(__file__).parent)


def shown(filename: str) -> str:
    return filename if filename.startswith("<") else path_as_written(filename)


def point_in(text: str) -> dict[str, Any]:
    """The arguments in `x1=2.0, X=[[1.0, 2.0]]`: literals alone; lists of numbers become arrays.

    >>> point_in("a=2.0, n=3")
    {'a': 2.0, 'n': 3}
    """
    wrong = UsageError(f'--at takes arguments as in "x1=2.0, x2=[1.0, 2.0]" (numbers, lists, strings), not {text!r}')
    try:
        call = ast.parse(f"f({text})", mode="eval").body
    except SyntaxError:
        raise wrong from None
    if not isinstance(call, ast.Call) or call.args or not isinstance(call.func, ast.Name):
        raise wrong
    point: dict[str, Any] = {}
    for keyword in call.keywords:
        if keyword.arg is None:
            raise wrong
        if keyword.arg in point:
            raise UsageError(f"--at gives `{keyword.arg}` twice")
        try:
            value = ast.literal_eval(keyword.value)
        except (ValueError, TypeError):
            if not any(isinstance(n, ast.Call) and isinstance(n.func, ast.Name) for n in ast.walk(keyword.value)):
                raise wrong from None
            value = keyword.value
        point[keyword.arg] = as_array(value, keyword.arg)
    return point


def made_of(value: Any, name: str, namespace: Mapping[str, Any]) -> Any:
    """The argument called `name`, where it is or holds calls of the file's named tuples and dataclasses."""
    match value:
        case ast.Call(func=ast.Name(id=called), args=args, keywords=keywords):
            cls = namespace.get(called)
            if not isinstance(cls, type) or record_class(cls) is None or any(k.arg is None for k in keywords):
                raise UsageError(f"--at gives `{name}` as a {called}, which is no named tuple or dataclass of the file")
            given = [made_of(a, name, namespace) for a in args]
            try:
                return cls(*given, **{k.arg or "": made_of(k.value, name, namespace) for k in keywords})
            except TypeError as error:
                raise UsageError(f"--at gives a wrong {called} for `{name}`: {error}") from None
        case ast.List(elts=items) | ast.Tuple(elts=items):
            made = [made_of(item, name, namespace) for item in items]
            return tuple(made) if isinstance(value, ast.Tuple) else as_array(made, name)
        case ast.Dict(keys=keys, values=values):
            named = [made_of(k, name, namespace) for k in keys]
            return dict(zip(named, [made_of(v, name, namespace) for v in values], strict=True))
        case ast.expr():
            try:
                return as_array(ast.literal_eval(value), name)
            except (ValueError, TypeError):
                raise UsageError(f"--at gives `{name}` as what is no number, list, string or record") from None
    return value


def as_array(value: Any, name: str) -> Any:
    """A list of numbers, or of such lists of one length, as an array of floats; everything else as it is."""
    if not isinstance(value, list) or not holds_numbers_only(value):
        return value
    try:
        return np.array(value, dtype=float)
    except ValueError:
        raise UsageError(f"--at gives `{name}` as lists of different lengths, which make no array") from None


def holds_numbers_only(value: list[Any]) -> bool:
    return all(holds_numbers_only(v) if isinstance(v, list) else isinstance(v, int | float) for v in value)


@contextlib.contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Modules beside the user's file can be imported, as when it is run as a script."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def function_in(path: Path, name: str) -> FunctionType:
    """Run the file and return one of its functions."""
    # A file called random.py must not take the place of a module that is in use.
    module_name = path.stem if path.stem not in sys.modules else f"_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path.resolve())
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    with importable(path.resolve().parent), errors_of_the_user(f"{path} failed when it was run"):
        spec.loader.exec_module(module)
    function = getattr(module, name, None)
    if not isinstance(function, FunctionType):
        functions = [n for n, f in vars(module).items() if isinstance(f, FunctionType) and f.__module__ == module_name]
        message = f"there is no function `{name}` in this file"
        remedy = f"its functions are {', '.join(functions)}" if functions else "it defines no function"
        raise TransformError([Diagnostic(message, remedy, str(path))])
    return function
