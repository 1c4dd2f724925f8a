"""`srcdiff mixture`: what it reads, prints and draws, and how it refuses; the tables and the pictures behind it."""

from __future__ import annotations

import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from srcdiff.cli import main
from srcdiff.mixture import load_old_faithful
from srcdiff.mixture.charts import ascents, criteria
from srcdiff.mixture.command import components_in
from srcdiff.mixture.figures import one_and_two, overview, sequence, uncertain_means
from srcdiff.mixture.parameters import COVARIANCE_TYPES, Parameters, full_covariances
from srcdiff.mixture.plots import Gaussians, mixed, outline
from srcdiff.mixture.tables import TableError, parsed, read_table

X = load_old_faithful()
PNG = b"\x89PNG"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with faithful.csv, where the commands run."""
    monkeypatch.chdir(tmp_path)
    np.savetxt(tmp_path / "faithful.csv", X, delimiter=",", header="eruptions,waiting", comments="", fmt="%g")
    return tmp_path


def run(command: str) -> int:
    return main(shlex.split(command))


# -- tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "names", "values"),
    [
        ("a,b\n1,2\n3,4\n", ("a", "b"), [[1, 2], [3, 4]]),
        ("1,2\n3,4\n", ("column 1", "column 2"), [[1, 2], [3, 4]]),
        ("a;b\n1;2\n", ("a", "b"), [[1, 2]]),
        ("a\tb\n1\t2\n", ("a", "b"), [[1, 2]]),
        ("x\n1\n\n2\n", ("x",), [[1], [2]]),
        ('"first, of two",b\n 1, 2e-3\n', ("first, of two", "b"), [[1, 0.002]]),
        ("a,b\n,2\nNA,n/a\n?,NaN\n", ("a", "b"), [[np.nan, 2], [np.nan, np.nan], [np.nan, np.nan]]),
        ("\ufeffa,b\r\n1,2\r\n", ("a", "b"), [[1, 2]]),
    ],
)
def test_tables(tmp_path: Path, text: str, names: tuple[str, ...], values: list[list[float]]) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(text.encode("utf-8"))
    table = read_table(path)
    assert table.names == names
    np.testing.assert_array_equal(table.values, np.array(values, dtype=float))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "data.csv is empty"),
        ("a,b\n", "has a header and no rows"),
        ("a,b\n1,2\n3\n", "data.csv:3: 1 cells, where the first row has 2"),
        ("a,b\n1,red\n", "data.csv:2: `red` in column `b` is not a number; choose the columns to read"),
        ("a,b\n1,inf\n", "data.csv:2: an entry is infinite"),
        ("a,b\n\n1,2\n\n1,-inf\n", "data.csv:5: an entry is infinite"),
    ],
)
def test_what_is_no_table_is_refused(text: str, message: str) -> None:
    with pytest.raises(TableError, match=message):
        parsed(text.splitlines(), "data.csv")


def test_columns_are_chosen_by_name_or_number() -> None:
    lines = ["name,a,b", "red,1,2", "blue,3,4"]
    assert parsed(lines, "data.csv", ["b", "2"]).names == ("b", "a")
    np.testing.assert_array_equal(parsed(lines, "data.csv", ["b", "2"]).values, [[2, 1], [4, 3]])
    with pytest.raises(TableError, match="has no column `c`; its columns are name, a, b"):
        parsed(lines, "data.csv", ["c"])
    with pytest.raises(TableError, match=r"`red` in column `name` is not a number$"):
        parsed(lines, "data.csv", ["1"])


# -- the command ------------------------------------------------------------------------------------------------------


def test_the_command_prints_the_table_and_draws(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("mixture faithful.csv --components 2 --covariance full --solver auto --plot out.png --starts 2") == 0
    out, err = capsys.readouterr()
    assert out.startswith("faithful.csv: 272 rows, eruptions, waiting\n")
    assert "-1130.26" in out
    assert err == "srcdiff: wrote out.png\n"
    assert (here / "out.png").read_bytes().startswith(PNG)


def test_a_choice_is_a_table_and_the_best_fit(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = "mixture faithful.csv --components 1-3 --covariance tied,spherical --starts 3 --plot fit.png"
    assert run(command) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[2].split() == ["components", "covariance", "parameters", "log-likelihood", "BIC", "AIC", "ICL"]
    assert lines[3].split()[:2] == ["3", "tied"]
    assert "2314.2957" in lines[3]
    assert "chosen by BIC:" in lines
    assert any(line.startswith("Gaussian mixture: 3 components, tied covariances") for line in lines)
    assert err.splitlines()[-2:] == ["srcdiff: wrote fit.png", "srcdiff: wrote fit-choice.png"]
    assert (here / "fit-choice.png").read_bytes().startswith(PNG)


def test_rows_with_gaps(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One Gaussian of a column is its mean, over what is there."""
    (here / "gaps.csv").write_text("a,b\n1,2\n2,\n3,NA\n,5\n")
    assert run("mixture gaps.csv --components 1 --covariance diag --starts 1") == 0
    means = [line.split() for line in capsys.readouterr().out.splitlines() if "mean of" in line]
    assert [(name, float(estimate)) for _, _, name, estimate, *_ in means] == [("a", 2.0), ("b", 3.5)]


def test_rows_with_weights(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An integer weight is a repetition, and a weight of nothing takes the row away."""
    rows = ["a,b,count"] + [f"{a:g},{b:g},{1 + i % 2}" for i, (a, b) in enumerate(X)] + ["9,9,0"]
    (here / "weighted.csv").write_text("\n".join(rows) + "\n")
    repeated = np.vstack([X, X[1::2]])
    np.savetxt(here / "repeated.csv", repeated, delimiter=",", header="a,b", comments="", fmt="%g")
    texts = []
    for command in ("weighted.csv --weights count", "repeated.csv"):
        assert run(f"mixture {command} --components 1 --starts 1") == 0
        texts.append(capsys.readouterr().out.splitlines()[1:])
    assert texts[0][-6:] == texts[1][-6:]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("nothing.csv", "cannot read nothing.csv"),
        ("faithful.csv --components none", "--components takes a number or a range as in 1-6, not 'none'"),
        ("faithful.csv --components 0", "--components takes numbers from 1 on"),
        ("faithful.csv --components 3-2", "--components takes numbers from 1 on, the smaller first, not '3-2'"),
        ("faithful.csv --components 273", "faithful.csv has 272 rows, too few for 273 components"),
        ("faithful.csv --covariance round", "--covariance takes full, tied, diag, spherical, not 'round'"),
        ("faithful.csv --columns length", "has no column `length`; its columns are eruptions, waiting"),
        ("faithful.csv --weights waiting --columns 3", "has no column `3`"),
        ("faithful.csv --starts 0", "--starts takes a number from 1 on, not 0"),
        ("faithful.csv --level 95", "--level takes a probability between 0 and 1, not 95.0"),
        ("faithful.csv --plot out.xyz", "--plot takes the name of a file that ends in one of"),
        ("faithful.csv --plot nowhere/out.png", "there is no folder nowhere for out.png"),
    ],
)
def test_what_cannot_be_done_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str], command: str, message: str
) -> None:
    assert run(f"mixture {command}") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("srcdiff: error: ") and message in err
    assert sorted(path.name for path in here.iterdir()) == ["faithful.csv"]


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "a,b\n1,\n2,\n3,\n"])
def test_data_that_cannot_be_fitted(here: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (here / "few.csv").write_text(text)
    assert run("mixture few.csv --components 1 --plot out.png") == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("srcdiff: error: few.csv cannot be fitted: ") and err.count("\n") == 1
    assert not (here / "out.png").exists()


def test_a_collapsed_component_is_told_of(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "few.csv").write_text("a,b\n0,0\n0,0\n0,0\n5,1\n6,3\n7,4\n8,1\n")
    assert run("mixture few.csv --components 2 --starts 2") == 0
    out, err = capsys.readouterr()
    assert err.startswith("srcdiff: warning: a component has collapsed")
    assert "Caution" in out


def test_the_data_are_not_overwritten(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "data.png").write_text("a\n1\n2\n")
    assert run("mixture data.png --plot ./data.png --components 1") == 2
    assert "is the file to read, and would be overwritten" in capsys.readouterr().err
    assert (here / "data.png").read_text() == "a\n1\n2\n"


def test_help_and_wrong_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("mixture --help") == 0
    assert "--components" in capsys.readouterr().out
    assert run("mixture") == 2
    assert run("mixture data.csv --solver magic") == 2
    assert "--help" not in capsys.readouterr().out
    assert run("--help") == 0
    assert "mixture" in capsys.readouterr().out


def test_the_other_commands_do_without_the_mixture(here: Path) -> None:
    """What `transform` needs does not grow by what the mixture needs."""
    (here / "f.py").write_text("def f(x: float) -> float:\n    return x * x\n")
    program = (
        "import sys; from srcdiff.cli import main; main(['transform', 'f.py']); "
        "sys.exit(any(m.split('.')[0] in ('sklearn', 'scipy', 'matplotlib') or m.startswith('srcdiff.mixture')"
        " for m in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


@pytest.mark.parametrize(("missing", "remedy"), [("sklearn", "srcdiff[mixture]"), ("matplotlib", "srcdiff[plots]")])
def test_what_is_not_installed_is_named(here: Path, missing: str, remedy: str) -> None:
    """In an interpreter that cannot import it: one line with the command that installs it."""
    program = (
        "import importlib.util, sys; from srcdiff.cli import main; found = importlib.util.find_spec; "
        f"sys.modules[{missing!r}] = None; "
        f"importlib.util.find_spec = lambda name: None if name == {missing!r} else found(name); "
        "sys.exit(main(['mixture', 'faithful.csv', '--plot', 'out.png']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == f"srcdiff: error: this needs {missing}: pip install '{remedy}'\n"


@pytest.mark.parametrize(("text", "components"), [("1", [1]), ("3", [3]), ("1-6", [1, 2, 3, 4, 5, 6]), ("2-2", [2])])
def test_components(text: str, components: list[int]) -> None:
    assert list(components_in(text)) == components


# -- the pictures -----------------------------------------------------------------------------------------------------

TWO = Gaussians(
    np.array([0.36, 0.64]),
    np.array([[2.04, 54.5], [4.29, 80.0]]),
    np.array([[[0.07, 0.44], [0.44, 33.7]], [[0.17, 0.94], [0.94, 36.0]]]),
)
R = np.column_stack([X[:, 0] < 3.0, X[:, 0] >= 3.0]).astype(float)


def drawn(picture: Figure, path: Path) -> bytes:
    picture.savefig(path / "picture.png")
    return (path / "picture.png").read_bytes()


@pytest.mark.parametrize("d", [1, 2, 3, 8])
def test_a_picture_of_any_number_of_columns(d: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(d)
    data = rng.normal(size=(40, d))
    data[3, 0] = np.nan
    picture = overview(
        data, Gaussians(np.ones(1), np.zeros((1, d)), np.eye(d)[np.newaxis]), np.ones((40, 1)), title="t"
    )
    # A panel for each pair of the first six columns and for each of them alone.
    shown = min(d, 6)
    assert len(picture.axes) == (1 if d <= 2 else shown * (shown + 1) // 2)
    assert drawn(picture, tmp_path).startswith(PNG)


@pytest.mark.parametrize("data", [np.ones((5, 2)), np.array([[1.0, 2.0]]), np.full((4, 1), 3.0)])
def test_constant_columns_can_be_drawn(data: np.ndarray, tmp_path: Path) -> None:
    d = data.shape[1]
    gaussians = Gaussians(np.ones(1), data[:1].copy(), 1e-6 * np.eye(d)[np.newaxis])
    assert drawn(overview(data, gaussians, np.ones((len(data), 1))), tmp_path).startswith(PNG)


def test_the_pictures_of_a_fit(tmp_path: Path) -> None:
    states = [(f"iteration {i}", TWO, R) for i in range(8)]
    picture = sequence(X, states, names=("a", "b"))
    assert len(picture.axes) == 9
    assert [axes.get_title(loc="left") for axes in picture.axes][:2] == ["the data, n = 272", "iteration 0"]
    assert drawn(picture, tmp_path).startswith(PNG)
    assert len(one_and_two(X, [("one", TWO, R), ("two", TWO, R)]).axes) == 2
    assert len(uncertain_means(X, TWO, R, TWO.covariances / 272.0).axes) == 3


def test_an_ellipse_holds_its_share() -> None:
    """Of many draws, and in the metric of the covariance it is a circle."""
    mean, covariance = TWO.means[1], TWO.covariances[1]
    path = outline(mean, covariance, 0.9) - mean
    squares = np.sum(path @ np.linalg.inv(covariance) * path, axis=1)
    np.testing.assert_allclose(squares, -2.0 * np.log(0.1), rtol=1e-12)
    draws = np.random.default_rng(0).multivariate_normal(mean, covariance, size=20_000) - mean
    inside = np.sum(draws @ np.linalg.inv(covariance) * draws, axis=1) < squares[0]
    assert abs(inside.mean() - 0.9) < 0.01


def test_colours_are_mixed_by_responsibility() -> None:
    between = mixed(np.array([[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]]))
    np.testing.assert_allclose(between[0], 0.5 * (between[1] + between[2]))
    assert mixed(np.full((3, 20), 0.05)).shape == (3, 3)


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_gaussians_of_every_type(covariance_type: str) -> None:
    shapes = {
        "full": np.tile(np.eye(2), (3, 1, 1)),
        "tied": np.eye(2),
        "diag": np.ones((3, 2)),
        "spherical": np.ones(3),
    }
    p = Parameters(np.zeros(3), np.zeros((3, 2)), shapes[covariance_type])
    g = Gaussians.of(p, covariance_type)
    np.testing.assert_array_equal(g.covariances, full_covariances(p, covariance_type))
    np.testing.assert_allclose(g.weights.sum(), 1.0)
    assert g.columns([1]).covariances.shape == (3, 1, 1)


def test_ascents_and_criteria() -> None:
    histories = {"EM": [-10.0, -5.0, -4.0, -3.5], "Newton": [-10.0, -3.4]}
    left, right = ascents(histories, best=-3.4).axes
    assert [line.get_label() for line in left.get_legend().get_lines()] == ["EM: 3", "Newton: 1"]
    np.testing.assert_allclose(right.lines[0].get_ydata(), [6.6, 1.6, 0.6, 0.1])
    values = {"full": {1: 20.0, 2: np.nan}, "tied": {1: 25.0, 2: 18.5}}
    assert "tied, 2 components: 18.5" in [text.get_text() for text in criteria(values).axes[1].texts]
    with pytest.raises(ValueError, match="no model was fitted"):
        criteria({"full": {1: np.nan}})


def test_the_example_draws_what_it_says(tmp_path: Path) -> None:
    """All pictures but the choice, which fits twenty-four models; of that, two."""
    path = Path(__file__).parent.parent / "examples" / "old_faithful.py"
    example = runpy.run_path(str(path), run_name="example")
    objective = example["Objective"](example["X"])
    example["iterations"](objective, tmp_path)
    example["solvers"](objective, tmp_path)
    example["means"](example["one_or_two"](tmp_path), tmp_path)
    example["choice"](tmp_path, most=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(example["PICTURES"])
