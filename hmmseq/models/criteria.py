"""Information criteria, of which the lowest is the best."""

import numpy as np


def aic(log_likelihood: float, n_parameters: int) -> float:
    """-2 log-likelihood + 2 per parameter (Akaike, IEEE Trans. Autom. Control 19, 1974)."""
    return 2.0 * (n_parameters - log_likelihood)


def bic(log_likelihood: float, n_parameters: int, n_steps: int) -> float:
    """-2 log-likelihood + log(n_steps) per parameter (Schwarz, Ann. Stat. 6, 1978)."""
    return float(n_parameters * np.log(max(n_steps, 1)) - 2.0 * log_likelihood)
