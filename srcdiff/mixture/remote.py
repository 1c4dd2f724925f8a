"""The log-likelihood of samples that lie on a Dask cluster: every sum is made where the samples are.

In: a `dask.array` or a Dask DataFrame. Out: a `RemoteObjective`, with the numbers of `Objective`. To each part of the
data goes text, the generated code with the few files that build its arguments, and the parameters; back comes a
gradient. One evaluation is one pass over the data, and nothing of the size of a part ever leaves its worker.

It computes wherever Dask does: on the cluster of the current `dask.distributed.Client`, or, without one, in threads.

>>> import dask.array
>>> objective = RemoteObjective(dask.array.from_array(np.array([[-1.0], [1.0]]), chunks=1), "spherical")
>>> value, gradient = objective.value_and_gradient(Parameters(np.zeros(1), np.zeros((1, 1)), np.ones(1)))
>>> gradient.means, gradient.covariances, objective.passes
(array([[0.]]), array([0.]), 3)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from srcdiff.derivative import Derivative
from srcdiff.mixture.blocks import spread_of
from srcdiff.mixture.features import COEFFICIENTS, COMPLETE, EACH, OBSERVED, Block, Units
from srcdiff.mixture.initialisation import ENOUGH
from srcdiff.mixture.objective import Objective
from srcdiff.mixture.parameters import FloatArray, Parameters, covariances_shape, require_parameters
from srcdiff.mixture.scaling import Scaling
from srcdiff.mixture.shipping import Program, by_value, packed, run
from srcdiff.mixture.together import TERMS
from srcdiff.mixture.worker import Summary, Sums

TOGETHER = 16
"""So many gradients are added up in one task: of many parts no one gathers all."""


@lru_cache(maxsize=64)
def program(covariance_type: str, mode: str | None = None) -> Program:
    """What workers are sent, as text: with the derivatives of the likelihood in a mode, or with none."""
    code: dict[str, str] = {}
    kinds = [functions[covariance_type] for functions in (COMPLETE, OBSERVED, EACH)]
    wanted: list[tuple[Callable[..., Any], str]] = []
    if mode == "value_and_grad":
        terms = TERMS if covariance_type == "tied" else TERMS[:1]
        wanted = [(function, mode) for function in (*terms, *(total for total, _ in kinds))]
        wanted.append((COEFFICIENTS[covariance_type], "reverse"))
    elif mode is not None:
        wanted = [(joint if mode == "reverse" else total, mode) for total, joint in kinds]
    for function, how in wanted:
        derivative = Derivative(function, how, 0 if function in TERMS else (0, 1, 2))
        code[derivative.generated.__name__] = derivative.source
    return packed("srcdiff.mixture.worker", code)


class RemoteObjective(Objective):
    """The weighted log-likelihood of a distributed sample, as a function of the parameters of a mixture.

    Parameters
    ----------
    X
        Samples (n, d): a `dask.array.Array`, or a Dask DataFrame of numbers. NaN is a value that was not observed.
    covariance_type, chunk_size
        As for `Objective`; parts are worked on in chunks.
    sample_weight, noise
        As for `Objective`; best as Dask collections with the same parts as the data, else arrays.

    Attributes
    ----------
    passes
        How often the data were read, two times of these to begin with.

    Raises
    ------
    ValueError
        where the shapes do not fit, a value is not finite, or the weights are negative or all zero.
    """

    def __init__(
        self,
        X: Any,
        covariance_type: str = "full",
        sample_weight: Any = None,
        noise: Any = None,
        chunk_size: int | None = None,
    ) -> None:
        import dask

        self.covariance_type = covariance_type
        self.chunk_size = chunk_size
        self.passes = 0
        self._run = by_value(run)
        self._plain = program(covariance_type)
        rows, sizes = parts_of(X)
        if sizes is None and any(given is not None and not is_dask(given) for given in (sample_weight, noise)):
            sizes = list(dask.compute(*(dask.delayed(len)(part) for part in rows)))
            self.passes += 1
        self._parts = list(
            zip(rows, aligned(sample_weight, rows, sizes), aligned(noise, rows, sizes), strict=True),
        )
        summaries = [Summary(*one) for one in self._each("summary")]
        self._positive = [one.positive for one in summaries]
        self.n = sum(one.samples for one in summaries)
        self.total_weight = sum(one.total for one in summaries)
        if not 0.0 < self.total_weight < np.inf:
            raise ValueError("sample_weight holds a number for every sample, none negative and not all of them zero")
        self.d = len(summaries[0].means)
        covariances_shape(covariance_type, 1, self.d)
        self.scaling = scaling_of(summaries, covariance_type)
        self._drawn = self._sample()
        points, weights = self._drawn
        matrices = covariance_type in ("full", "tied")
        spread = spread_of(points, weights, self.units) if matrices else None
        self._features = (covariance_type, self.units, spread, chunk_size)
        self._last: tuple[bytes, tuple[float, Parameters]] | None = None

    @property
    def units(self) -> Units:
        """Centre and scale of the columns in which the features are built."""
        return self.scaling.powers

    @property
    def sample(self) -> tuple[FloatArray, FloatArray]:
        """Samples of positive weight with their weights, to start from: all, or some drawn where there are many."""
        return self._drawn

    def _sample(self) -> tuple[FloatArray, FloatArray]:
        counts: list[int | None] = [None] * len(self._parts)
        if sum(self._positive) > ENOUGH:
            shares = np.array(self._positive) / sum(self._positive)
            counts = [int(c) for c in np.random.default_rng(0).multinomial(ENOUGH, shares)]
        pieces = self._each("drawn", [(count, seed) for seed, count in enumerate(counts)])
        return np.concatenate([X for X, _ in pieces]), np.concatenate([w for _, w in pieces])

    def blocks(self) -> Iterator[Block]:
        """Not here: the samples stay where they are.

        Raises
        ------
        TypeError
            always.
        """
        raise TypeError("the samples are distributed: what needs each of them by itself is not computed here")

    def value(self, p: Parameters) -> float:
        """The log-likelihood, summed over samples with their weights."""
        return self.value_and_gradient(p)[0]

    def value_and_gradient(self, p: Parameters) -> tuple[float, Parameters]:
        """The log-likelihood and its derivatives; those of the last parameters are remembered."""
        require_parameters(p, self.covariance_type, self.d)
        key = b"".join(array.tobytes() for array in point_of(p))
        if self._last is None or self._last[0] != key:
            value, *gradient = self._sum("value_and_gradient", "value_and_grad", point_of(p))
            self._last = key, (float(value), Parameters(*gradient))
        return self._last[1]

    def products(self, p: Parameters, tangents: Parameters) -> Parameters:
        """The Hessian in the parameters, times each of a stack of tangents: one pass."""
        require_parameters(p, self.covariance_type, self.d)
        return Parameters(*self._sum("products", "hvp", point_of(p), point_of(tangents)))

    def hard_value_and_gradient(self, p: Parameters) -> tuple[float, Parameters]:
        """The classification log-likelihood and its derivatives."""
        require_parameters(p, self.covariance_type, self.d)
        value, *gradient = self._sum("hard_value_and_gradient", "reverse", point_of(p))
        return float(value), Parameters(*gradient)

    def log_joint(self, p: Parameters) -> FloatArray:
        """Joint log-densities of sample and component (n, K), gathered here."""
        require_parameters(p, self.covariance_type, self.d)
        return np.concatenate(self._each("log_joint", [(self._features, point_of(p))] * len(self._parts)))

    def log_densities(self, p: Parameters) -> FloatArray:
        """The log-density of every sample (n,), gathered here."""
        densities: FloatArray = np.logaddexp.reduce(self.log_joint(p), axis=1)
        return densities

    @property
    def gradient_source(self) -> str:
        """The generated code of value and gradient that the workers are sent."""
        return "\n\n".join(program(self.covariance_type, "value_and_grad").generated.values())

    # -- on the cluster

    def _each(self, function: str, arguments: Sequence[tuple[Any, ...]] | None = None) -> list[Any]:
        """The results of a function for every part, gathered: they are small, or wanted."""
        import dask

        self.passes += 1
        sent = dask.delayed(tuple(self._plain), traverse=False)
        task = dask.delayed(self._run, pure=False)
        given = [()] * len(self._parts) if arguments is None else arguments
        return list(
            dask.compute(
                *(task(sent, function, part, *more) for part, more in zip(self._parts, given, strict=True)),
            )
        )

    def _sum(self, function: str, mode: str, *arguments: Any) -> Sums:
        """The sum of a function over all parts, added up in the order of the parts: one pass over the data."""
        import dask

        self.passes += 1
        task = dask.delayed(self._run, pure=False)
        sent = dask.delayed(tuple(program(self.covariance_type, mode)), traverse=False)
        plain = dask.delayed(tuple(self._plain), traverse=False)
        fixed = [dask.delayed(argument, traverse=False) for argument in (self._features, *arguments)]
        terms = [task(sent, function, part, *fixed) for part in self._parts]
        while len(terms) > 1:
            terms = [task(plain, "added", terms[i : i + TOGETHER]) for i in range(0, len(terms), TOGETHER)]
        sums: Sums = terms[0].compute()
        return sums


def point_of(p: Parameters) -> Sums:
    """Logits, means and covariances."""
    return p.logits, p.means, p.covariances


def is_dask(given: object) -> bool:
    """Whether something is a Dask collection; Dask need not be installed to ask."""
    return any(c.__module__.split(".")[0] in ("dask", "dask_expr") for c in type(given).__mro__)


def parts_of(X: Any) -> tuple[list[Any], list[int] | None]:
    """The parts of a collection as delayed objects, and how many rows they have, where that is known.

    Raises
    ------
    ValueError
        where it is no table.
    """
    if hasattr(X, "columns"):
        kinds = {name: kind for name, kind in X.dtypes.items() if getattr(kind, "kind", "O") not in "fiub"}
        if kinds:
            raise ValueError(f"columns are numbers, and these are not: {', '.join(map(str, kinds))}")
        return list(X.to_delayed()), None
    if getattr(X, "ndim", None) != 2:
        raise ValueError("the data are a table: a two-dimensional dask.array or a Dask DataFrame")
    sizes = [int(size) for size in X.chunks[0]] if not np.isnan(X.chunks[0]).any() else None
    return list(X.rechunk({1: -1}).to_delayed().ravel()), sizes


def aligned(given: Any, rows: Sequence[Any], sizes: list[int] | None) -> list[Any]:
    """Weights or noise in the parts of the data.

    Raises
    ------
    ValueError
        where they have other lengths or other parts.
    """
    if given is None:
        return [None] * len(rows)
    if hasattr(given, "chunks"):
        if sizes is not None and not np.isnan(given.chunks[0]).any():
            if sum(given.chunks[0]) != sum(sizes):
                raise ValueError(f"{sum(sizes)} samples come with {sum(given.chunks[0])} weights or noises")
            given = given.rechunk({0: tuple(sizes)})
        parts = list(given.rechunk(dict.fromkeys(range(1, given.ndim), -1)).to_delayed().ravel())
    elif hasattr(given, "to_delayed"):
        parts = list(given.to_delayed())
    else:
        assert sizes is not None
        array = np.asarray(given, dtype=np.float64)
        if array.ndim == 0 or len(array) != sum(sizes):
            raise ValueError(f"{sum(sizes)} samples come with weights or noises of shape {array.shape}")
        parts = np.split(array, np.cumsum(sizes)[:-1])
    if len(parts) != len(rows):
        raise ValueError(f"the data have {len(rows)} parts and their weights or noises {len(parts)}: make them equal")
    return parts


def scaling_of(summaries: Sequence[Summary], covariance_type: str) -> Scaling:
    """`Scaling.of` of the whole from the summaries of its parts (Chan, Golub and LeVeque 1983).

    Raises
    ------
    ValueError
        where a column holds no observation of positive weight.
    """
    observed, centre, squares = (np.zeros_like(summaries[0].means) for _ in range(3))
    lows, highs = np.full(len(centre), np.inf), np.full(len(centre), -np.inf)
    for one in summaries:
        together = observed + one.observed
        share = np.divide(one.observed, together, out=np.zeros_like(together), where=together > 0.0)
        step = one.means - centre
        centre = centre + np.where(observed > 0.0, share * step, 0.0) + np.where(observed > 0.0, 0.0, one.means)
        squares = squares + one.squares + np.where(observed > 0.0, observed * share * step * step, 0.0)
        observed = together
        lows, highs = np.minimum(lows, one.lows), np.maximum(highs, one.highs)
    missing = np.flatnonzero(~(observed > 0.0))
    if len(missing):
        raise ValueError(f"column {missing[0]} of X is missing in every sample")
    scale = np.sqrt(squares / observed)
    constant = scale <= 8.0 * np.finfo(float).eps * np.maximum(np.abs(lows), np.abs(highs))
    scale[constant] = 0.0
    if covariance_type == "spherical":
        scale[:] = np.sqrt(np.mean(scale * scale))
    scale[scale == 0.0] = 1.0
    return Scaling(centre, scale, tuple(int(j) for j in np.flatnonzero(constant)))
