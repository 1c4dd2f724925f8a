"""Functions of `scipy.special` and distributions of `scipy.stats`."""

from __future__ import annotations

import numpy as np

from tests.rule_cases.operands import Case, array, single, spd

X3, X23, X1, X0 = array(3), array(2, 3), array(1), np.zeros(0)

UNARY = [
    *("gamma", "gammaln", "loggamma", "digamma", "erf", "erfc", "erfcx", "erfinv", "erfcinv", "ndtr", "ndtri"),
    *("log_ndtr", "expit", "logit", "log_expit", "entr", "j0", "j1", "i0", "i1", "i0e", "i1e"),
    *("cbrt", "exp2", "expm1", "log1p"),
]
BINARY = ["xlogy", "xlog1py", "rel_entr", "kl_div", "beta", "betaln", "binom"]
PAIRS = [
    (X3, 0.7),
    (0.7, X3),
    (X23, array(3)),
    (array(2, 1), array(3)),
    (X1, X23),
    (X0, 0.5),
    (0.4, 0.7),
    (np.array(0.4), X3),
]
WHOLE = [np.array([1, 2, 3]), np.array([[1], [2]]), 2]
ARRAYS = (X3, X23, array(2, 1, 3))
NORM = ["pdf", "logpdf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf"]
TRIPLES = [
    (X3, 0.2, 0.7),
    (0.7, X3, array(3)),
    (X23, array(3), array(2, 1)),
    (array(2, 1), 0.1, array(3)),
    (X0, 0.5, 0.7),
    (0.4, 0.2, 0.7),
    (np.array(0.4), 0.1, X3),
]
SPD, D3 = spd(3), np.array([0.3, -0.4, 0.5])

CASES: list[Case] = [
    *((f"scipy.special.{n}", (x,), (0,)) for n in UNARY for x in (X3, X23, 0.6, X0, np.array(0.6))),
    *((f"scipy.special.{n}", (single(3),), (0,)) for n in UNARY),
    *((f"scipy.special.{n}", pair, (0, 1)) for n in BINARY for pair in PAIRS),
    *((f"scipy.special.{n}", (single(3), single(2, 1)), (0, 1)) for n in BINARY),
    *(
        (f"scipy.special.{n}", (np.array([-2.3, -0.7, 5.5]),), (0,))
        for n in ("gammaln", "digamma", "log_ndtr", "erfcx")
    ),
    *((f"scipy.special.{n}", (np.array([-7.5, -0.7, 0.0, 5.5]),), (0,)) for n in ("j0", "j1", "i0", "i1", "expit")),
    *((f"scipy.special.{n}", (np.array([-7.5, -0.7, 5.5]),), (0,)) for n in ("i0e", "i1e", "log_expit", "ndtr")),
    *((f"scipy.special.{n}", (v, x), (1,)) for n in ("jv", "iv", "ive") for v in WHOLE for x in (X3, 0.6)),
    *((f"scipy.special.{n}", (2, np.array([-1.5, 4.5])), (1,)) for n in ("jv", "iv", "ive")),
    *((f"scipy.special.{n}", (v, x), (1,)) for n in ("gammainc", "gammaincc") for v in WHOLE for x in (X3, 0.6)),
    *((f"scipy.special.{n}", (2.5, x), (1,)) for n in ("gammainc", "gammaincc") for x in (X3, 0.6)),
    *(("scipy.special.polygamma", (n, x), (1,)) for n in (0, 1, 2) for x in (X3, 0.6, np.array([-1.5, 4.5]))),
    ("scipy.special.polygamma", (np.array([[1], [2]]), X3), (1,)),
    *(("scipy.special.multigammaln", (x, d), (0,)) for x, d in ((1.5, 2), (3.0 + X3, 3), (3.0 + X23, 2), (1.5, 1))),
    # Along axes.
    *((f"scipy.special.{n}", (x,), (0,)) for n in ("softmax", "log_softmax") for x in (*ARRAYS, X1)),
    *((f"scipy.special.{n}", (x, -1), (0,)) for n in ("softmax", "log_softmax") for x in ARRAYS),
    *((f"scipy.special.{n}", (x, 0), (0,)) for n in ("softmax", "log_softmax") for x in (*ARRAYS, np.zeros((3, 0)))),
    *((f"scipy.special.{n}", (array(2, 3, 2), (0, -1)), (0,)) for n in ("softmax", "log_softmax")),
    *((f"scipy.special.{n}", (single(2, 3), 1), (0,)) for n in ("softmax", "log_softmax", "logsumexp")),
    *((f"scipy.special.{n}", ([0.5, 0.6],), (0,)) for n in ("softmax", "log_softmax", "logsumexp")),
    *(
        ("scipy.special.logsumexp", (x, axis, None, keep), (0,))
        for x in (*ARRAYS, X1)
        for axis, keep in ((None, False), (None, True), (0, False), (-1, False), (-1, True))
    ),
    ("scipy.special.logsumexp", (array(2, 3, 2), (0, -1), None, False), (0,)),
    ("scipy.special.logsumexp", (array(2, 3, 2), (0, -1), None, True), (0,)),
    ("scipy.special.logsumexp", (np.zeros((3, 0)), 0, None, False), (0,)),
    ("scipy.special.logsumexp", (0.7,), (0,)),
    *(
        ("scipy.special.logsumexp", (a, axis, b, keep), (0, 2))
        for a, b in ((X23, array(3)), (array(3), X23), (X23, array(2, 1)), (X23, array(2, 3)))
        for axis, keep in ((None, False), (-1, False), (0, True))
    ),
    ("scipy.special.logsumexp", (X3, None, 0.5, False), (0, 2)),
    ("scipy.special.logsumexp", (0.3, None, X3, False), (0, 2)),
    ("scipy.special.logsumexp", (X3, 0, np.array([1.0, -0.2, 0.5]), False), (0, 2)),
    # Distributions.
    *((f"scipy.stats.norm.{n}", t, (0, 1, 2)) for n in NORM for t in TRIPLES),
    *((f"scipy.stats.norm.{n}", (x,), (0,)) for n in NORM for x in (X3, 0.6)),
    *((f"scipy.stats.norm.{n}", (single(3), 0.5), (0,)) for n in NORM),
    *(
        ("scipy.stats.multivariate_normal.logpdf", (x, mean, cov), (0, 1, 2))
        for x in (X3, array(4, 3), array(1, 3))
        for mean, cov in ((D3, SPD),)
    ),
    ("scipy.stats.multivariate_normal.logpdf", (array(4, 2), array(2), spd(2)), (0, 1, 2)),
    ("scipy.stats.multivariate_normal.logpdf", (array(4, 3), None, SPD), (0, 2)),
]

REFUSED = {
    *(
        "scipy.special.gammainc",
        "scipy.special.gammaincc",
        "scipy.special.polygamma",
        "scipy.special.jv",
        "scipy.special.iv",
    ),
    *("scipy.special.ive", "scipy.stats.multivariate_normal.logpdf"),
}
WITHOUT_RULE = {"scipy.special.comb"}
ONE_BY_ONE = {"scipy.special.multigammaln", "scipy.stats.multivariate_normal.logpdf", "scipy.special.logsumexp"}
STACKS_REFUSED = {
    "unknown": {"scipy.special.softmax", "scipy.special.log_softmax", "scipy.special.logsumexp"},
}
DENSE = {
    *("scipy.special.softmax", "scipy.special.log_softmax", "scipy.special.logsumexp"),
    *("scipy.special.multigammaln", "scipy.stats.multivariate_normal.logpdf"),
}
