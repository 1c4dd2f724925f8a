"""A Gaussian mixture with full covariances, fitted with the derivative that the compiler writes for its likelihood.

>>> from srcdiff.mixture import fit, load_old_faithful
>>> load_old_faithful().shape
(272, 2)
"""

from srcdiff.mixture.data import load_old_faithful
from srcdiff.mixture.fit import Mixture, fit
from srcdiff.mixture.likelihood import log_likelihood

__all__ = ["Mixture", "fit", "load_old_faithful", "log_likelihood"]
