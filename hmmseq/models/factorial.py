"""Chains side by side that emit together: expected statistics, exact and by structured mean field, and their maximum.

States of all chains are numbered end to end, n_all of them, so that a step is a row of n_all indicators, one of them 1 in
each chain's block; the mean of what is emitted is that row times `means`. Ghahramani and Jordan, Machine Learning 29 (1997).
"""

from dataclasses import dataclass, replace
from functools import reduce
from itertools import product

import numpy as np
from scipy.linalg import solve_triangular

from hmmseq import lattice, topologies
from hmmseq.emissions.gaussian import floored
from hmmseq.graph import StateGraph
from hmmseq.kernels.logmath import NEVER
from hmmseq.scores import Packed
from hmmseq.sequences import Sequences

SWEEPS = 50  # over the chains, at most
HEATS = 2.0 ** np.arange(8, 0, -1)  # of the noise, before sweeps begin
STEADY = 1e-7  # gain of the bound, as a share of it, below which sweeps end


@dataclass(frozen=True)
class Parameters:
    """Of all chains, and of what they emit together."""

    start: list[np.ndarray]  # (n_states,) probabilities of each chain
    transmat: list[np.ndarray]  # (n_states, n_states)
    means: np.ndarray  # (n_all, n_features) what each state adds, to the origin
    covariance: np.ndarray  # (n_features, n_features)
    origin: np.ndarray  # (n_features,)
    scale: np.ndarray  # (n_features,) variances of the data, for a floor

    @property
    def sizes(self) -> list[int]:
        """Number of states of each chain."""
        return [len(start) for start in self.start]

    @property
    def blocks(self) -> list[slice]:
        """Where the states of each chain are."""
        last = np.cumsum(self.sizes)
        return [slice(end - size, end) for end, size in zip(last, self.sizes, strict=True)]

    def graph(self, m: int) -> StateGraph:
        """One chain."""
        return _graph(self.start[m], self.transmat[m])

    def joint_graph(self) -> StateGraph:
        """All chains as one, whose states are combinations in the order of `combinations`."""
        return _graph(reduce(np.kron, self.start), reduce(np.kron, self.transmat))

    def combinations(self) -> np.ndarray:
        """(n_combinations, n_chains) state of each chain."""
        return np.array(list(product(*map(range, self.sizes))))

    def indicators(self) -> np.ndarray:
        """(n_combinations, n_all)."""
        first = np.array([block.start for block in self.blocks])
        out = np.zeros((int(np.prod(self.sizes)), len(self.means)))
        np.put_along_axis(out, self.combinations() + first, 1.0, axis=1)
        return out


def _graph(start: np.ndarray, transmat: np.ndarray) -> StateGraph:
    with np.errstate(divide="ignore"):
        return topologies.ergodic(len(start)).weigh(edge=np.log(transmat).reshape(-1), start=np.log(start))


@dataclass(frozen=True)
class Data:
    """What was observed."""

    X: Sequences  # (n_steps, n_features), a step with NaN is missing
    weights: np.ndarray  # (n_sequences,) above 0
    forbidden: np.ndarray | None  # (n_steps, n_all) the states that a step is known not to be in
    n_jobs: int | None

    @property
    def seen(self) -> np.ndarray:
        """(n_steps,) whether a step is not missing."""
        return ~np.isnan(self.X.values).any(axis=1)

    def away(self, origin: np.ndarray) -> np.ndarray:
        """(n_steps, n_features) from the origin, 0 where missing."""
        return np.where(self.seen[:, None], self.X.values - origin, 0.0)

    def one(self, s: int) -> "Data":
        """One sequence."""
        steps = slice(self.X.offsets[s], self.X.offsets[s + 1])
        X = Sequences(self.X.values[steps], np.array([0, self.X.lengths[s]]))
        return Data(X, self.weights[s : s + 1], None if self.forbidden is None else self.forbidden[steps], self.n_jobs)

    def packed(self, table: np.ndarray) -> Packed:
        """Scores with a row for each step."""
        code = np.arange(len(table), dtype=np.int32)
        return Packed(np.ascontiguousarray(table), code, Sequences(code, self.X.offsets), False)


@dataclass(frozen=True)
class Moments:
    """What the M-step needs, weighted; and how good the parameters were that it came from."""

    height: float  # log-likelihood, or a bound of it
    states: np.ndarray  # (n_steps, n_all) posteriors, not weighted
    crossed: np.ndarray  # (n_all, n_features) of states and observations
    second: np.ndarray  # (n_all, n_all) of states and states, at steps that are seen
    start: list[np.ndarray]
    transitions: list[np.ndarray]


def exact(parameters: Parameters, data: Data) -> Moments:
    """Over all combinations of states."""
    graph, indicators = parameters.joint_graph(), parameters.indicators()
    counts = lattice.expected_counts(graph, joint_scores(parameters, data), data.weights, n_jobs=data.n_jobs)
    weighted, seen, sizes = counts.rows @ indicators, data.seen, parameters.sizes
    joint = counts.edges.reshape(*sizes, *sizes)
    n, of_all = len(sizes), counts.rows[seen].sum(0)
    return Moments(
        float(data.weights @ counts.log_partition),
        weighted / _of_steps(data)[:, None],
        weighted.T @ data.away(parameters.origin),
        indicators.T @ (of_all[:, None] * indicators),
        [_marginal(counts.start.reshape(sizes), (m,)) for m in range(n)],
        [_marginal(joint, (m, n + m)) for m in range(n)],
    )


def joint_scores(parameters: Parameters, data: Data) -> Packed:
    """Log density of each step under each combination of states."""
    indicators = parameters.indicators()
    factor = np.linalg.cholesky(parameters.covariance)
    white = solve_triangular(factor, data.away(parameters.origin).T, lower=True).T
    centres = solve_triangular(factor, (indicators @ parameters.means).T, lower=True).T
    table = np.stack([-0.5 * ((white - centre) ** 2).sum(1) for centre in centres], axis=1) - _constant(factor)
    table[~data.seen] = 0.0
    if data.forbidden is not None:
        table[data.forbidden @ indicators.T > 0] = NEVER
    return data.packed(table)


def mean_field(parameters: Parameters, data: Data, states: np.ndarray | None = None, n_sweeps: int = SWEEPS) -> Moments:
    """Of one chain at a time, the others being their means: a bound that no chain lowers (their section 3.3, appendix C).

    states : (n_steps, n_all) posteriors to begin with; default: `settled`
    """
    field, best = Field(parameters, data, settled(parameters, data) if states is None else states), -np.inf
    for _ in range(n_sweeps):
        for m in range(len(parameters.start)):
            field.update(m)
        before, best = best, field.bound()
        if best - before <= STEADY * abs(best):
            break
    return field.moments(best)


def settled(parameters: Parameters, data: Data) -> np.ndarray:
    """(n_steps, n_all) posteriors to begin sweeps with: those of noise that falls to what it is.

    All states alike are no good beginning: the first chain would explain all that the others could.
    """
    states = uniform(len(data.X.values), parameters.sizes)
    for heat in HEATS:
        field = Field(replace(parameters, covariance=heat * parameters.covariance), data, states)
        for m in range(len(parameters.start)):
            field.update(m)
        states = field.states
    return states


def uniform(n_steps: int, sizes: list[int]) -> np.ndarray:
    """(n_steps, n_all) all states of a chain alike."""
    return np.tile(np.concatenate([np.full(size, 1.0 / size) for size in sizes]), (n_steps, 1))


class Field:
    """Posteriors of all chains, as if they were independent."""

    def __init__(self, parameters: Parameters, data: Data, states: np.ndarray) -> None:
        self.parameters, self.data, self.states = parameters, data, states.copy()
        self.away = data.away(parameters.origin)
        self.leverage = np.linalg.solve(parameters.covariance, parameters.means.T).T
        self.energy = np.einsum("kd,kd->k", self.leverage, parameters.means)  # of each state alone
        n = len(parameters.start)
        self.free, self.starts, self.transitions = [0.0] * n, [np.zeros(0)] * n, [np.zeros(0)] * n

    def scores(self, m: int) -> np.ndarray:
        """(n_steps, n_states) of one chain, given the means of the others; 0 where nothing is seen."""
        block, means = self.parameters.blocks[m], self.parameters.means
        others = self.states @ means - self.states[:, block] @ means[block]
        out = (self.away - others) @ self.leverage[block].T - 0.5 * self.energy[block]
        out[~self.data.seen] = 0.0
        return out

    def packed(self, m: int) -> Packed:
        """The same, with what is known."""
        scores, forbidden = self.scores(m), self.data.forbidden
        if forbidden is not None:
            scores[forbidden[:, self.parameters.blocks[m]]] = NEVER
        return self.data.packed(scores)

    def update(self, m: int) -> None:
        """The best posterior of one chain, given the others."""
        block, weights = self.parameters.blocks[m], self.data.weights
        scores = self.packed(m)
        counts = lattice.expected_counts(self.parameters.graph(m), scores, weights, n_jobs=self.data.n_jobs)
        self.states[:, block] = counts.rows / _of_steps(self.data)[:, None]
        possible = np.where(scores.table > NEVER, scores.table, 0.0)
        self.free[m] = float(weights @ counts.log_partition) - float(np.sum(counts.rows * possible))
        self.starts[m], self.transitions[m] = counts.start, counts.edges.reshape(len(counts.start), -1)

    def bound(self) -> float:
        """Expected log density of the data, less how far the posteriors are from the prior."""
        seen, means = self.data.seen, self.parameters.means
        factor = np.linalg.cholesky(self.parameters.covariance)
        left = solve_triangular(factor, (self.away - self.states @ means)[seen].T, lower=True)
        spread = self.states[seen] @ self.energy
        for block in self.parameters.blocks:
            alone = solve_triangular(factor, (self.states[seen][:, block] @ means[block]).T, lower=True)
            spread = spread - (alone**2).sum(0)
        density = -0.5 * ((left**2).sum(0) + spread) - _constant(factor)
        return sum(self.free) + float(_of_steps(self.data)[seen] @ density)

    def moments(self, height: float) -> Moments:
        """Expected statistics under these posteriors."""
        weighted = self.states * _of_steps(self.data)[:, None]
        seen = self.data.seen
        second = weighted[seen].T @ self.states[seen]
        for block in self.parameters.blocks:  # a chain is in one state
            second[block, block] = np.diag(weighted[seen][:, block].sum(0))
        return Moments(height, self.states, weighted.T @ self.away, second, self.starts, self.transitions)


def maximise(parameters: Parameters, data: Data, moments: Moments, diagonal: bool, min_covar: float) -> Parameters:
    """The M-step: least squares of all means at once; rows of no count stay."""
    away, weight = data.away(parameters.origin), _of_steps(data)[data.seen]
    means = np.linalg.lstsq(moments.second, moments.crossed)[0]
    mixed = means.T @ moments.crossed
    square = (away[data.seen].T * weight) @ away[data.seen]
    left = (square - mixed - mixed.T + means.T @ moments.second @ means) / weight.sum()
    covariance = floored(np.diag(np.diag(left)) if diagonal else left, parameters.scale, min_covar)
    start = [_shares(counts, old) for counts, old in zip(moments.start, parameters.start, strict=True)]
    rows = [_shares(counts, old) for counts, old in zip(moments.transitions, parameters.transmat, strict=True)]
    return replace(parameters, start=start, transmat=rows, means=means, covariance=covariance)


def _shares(counts: np.ndarray, old: np.ndarray) -> np.ndarray:
    total = counts.sum(axis=-1, keepdims=True)
    return np.where(total > 0, counts / np.where(total > 0, total, 1.0), old)


def _constant(factor: np.ndarray) -> float:
    return float(len(factor) * np.log(2 * np.pi) / 2 + np.log(np.diag(factor)).sum())


def _of_steps(data: Data) -> np.ndarray:
    return np.repeat(data.weights, data.X.lengths)


def _marginal(joint: np.ndarray, kept: tuple[int, ...]) -> np.ndarray:
    """The sum over all axes but these."""
    return joint.sum(axis=tuple(k for k in range(joint.ndim) if k not in kept))
