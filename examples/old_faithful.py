"""Old Faithful in pictures: how a mixture is fitted, by which ways, and how sure one can be of what comes out.

`python examples/old_faithful.py [FOLDER]` draws five pictures into the folder (build/pictures where none is named):

    iterations.png    the data, the start, and EM after iterations 1 to 6 and 20
    solvers.png       the log-likelihood against the iteration: EM, gradient ascent, L-BFGS, Newton
    one_or_two.png    one Gaussian beside two
    means.png         the means with their standard errors
    choice.png        BIC for one to six components and four types of covariance

Every step of every solver comes from derivatives that srcdiff generated from srcdiff/mixture/likelihood.py.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from srcdiff.mixture import GaussianMixture, Objective, Parameters, em_step, load_old_faithful, run, select
from srcdiff.mixture.charts import ascents, criteria
from srcdiff.mixture.figures import one_and_two, sequence, uncertain_means
from srcdiff.mixture.plots import Gaussians

NAMES = ("duration of the eruption (minutes)", "waiting time to the next (minutes)")
SOLVERS = {"em": "EM", "gradient": "gradient ascent", "lbfgs": "L-BFGS", "newton": "Newton"}
PICTURES = ("iterations.png", "solvers.png", "one_or_two.png", "means.png", "choice.png")
FOLDER = Path("build") / "pictures"
SHOWN = (0, 1, 2, 3, 4, 5, 6, 20)

X = load_old_faithful()


def start() -> Parameters:
    """Two components as wide as the data, neither of them where it belongs."""
    covariance = np.diag(X.var(axis=0))
    return Parameters(np.zeros(2), np.array([[2.5, 85.0], [4.5, 75.0]]), np.tile(covariance, (2, 1, 1)))


def responsibilities(objective: Objective, p: Parameters) -> np.ndarray:
    """With what probability each eruption is of each kind."""
    return np.exp(objective.log_joint(p) - objective.log_densities(p)[:, np.newaxis])


def iterations(objective: Objective, folder: Path) -> None:
    p, states = start(), []
    for iteration in range(SHOWN[-1] + 1):
        here = p
        p, value = em_step(objective, here)
        if iteration in SHOWN:
            caption = f"iteration {iteration}" if iteration else "start"
            caption += f": log-likelihood −{-value:.2f}"
            states.append((caption, Gaussians.of(here, "full"), responsibilities(objective, here)))
    sequence(X, states, names=NAMES, title="EM on Old Faithful").savefig(folder / "iterations.png")


def solvers(objective: Objective, folder: Path) -> None:
    found = {name: run(objective, start(), solver, max_iter=10_000) for solver, name in SOLVERS.items()}
    for name, result in found.items():
        print(f"  {name:16} {result.iterations:5} iterations   log-likelihood {result.value:.10f}")
    best = max(result.value for result in found.values())
    histories = {name: result.history for name, result in found.items()}
    ascents(histories, best=best, title="Four ways up one likelihood, from one start").savefig(folder / "solvers.png")


def drawable(model: GaussianMixture) -> tuple[Gaussians, np.ndarray]:
    """Components and responsibilities, the short eruptions first."""
    gaussians = Gaussians.of_model(model)
    order = gaussians.order()
    return gaussians.taken(order), model.predict_proba(X)[:, order]


def one_or_two(folder: Path) -> GaussianMixture:
    one, two = (GaussianMixture(k, random_state=0).fit(X) for k in (1, 2))
    fits = [
        (f"one Gaussian: BIC {one.bic(X):.1f}", *drawable(one)),
        (f"two Gaussians: BIC {two.bic(X):.1f}", *drawable(two)),
    ]
    one_and_two(X, fits, names=NAMES, title="One kind of eruption, or two?").savefig(folder / "one_or_two.png")
    return two


def means(model: GaussianMixture, folder: Path) -> None:
    k, d = model.means_.shape
    # The covariance matrix of the estimates has the weights first, then the means row by row.
    estimates = model.cov_params_
    of_means = np.array([estimates[i : i + d, i : i + d] for i in range(k, k + k * d, d)])
    of_means = of_means[Gaussians.of_model(model).order()]
    title = "What is certain of the means: standard errors from the exact observed information"
    uncertain_means(X, *drawable(model), of_means, names=NAMES, title=title).savefig(folder / "means.png")


def choice(folder: Path, most: int = 6) -> None:
    """Over converged fits; a fit that stops early makes too little of the larger models."""
    selection = select(X, range(1, most + 1), n_init=3, random_state=0)
    for line in str(selection).splitlines()[:4]:
        print(f"  {line}")
    title = "How many kinds, and of what shape? BIC on Old Faithful"
    criteria(selection.values(), title=title).savefig(folder / "choice.png")


def draw(folder: Path) -> None:
    """Draw all pictures into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    objective = Objective(X)
    iterations(objective, folder)
    solvers(objective, folder)
    means(one_or_two(folder), folder)
    choice(folder)
    for path in PICTURES:
        print(f"  {folder / path}")


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
