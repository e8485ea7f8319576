"""Standard errors: how sharply the likelihood bends at its maximum.

The observed information is minus the second derivative of the log-likelihood. By Oakes (J. R. Stat. Soc. B 61, 1999) it is
the sum of how the expected complete-data log-likelihood bends with its posteriors held fixed, and of how its slope changes as
the posteriors follow the parameters. So a pair of E-steps for each parameter is enough, for any emission.
"""

import warnings
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any, cast

import numpy as np
from scipy.linalg import null_space

from hmmseq.emissions import Emission
from hmmseq.graph import StateGraph
from hmmseq.models import em, inputs
from hmmseq.models.chain import Chain
from hmmseq.models.estimates import Estimates, check_plain, limits, named_parameters
from hmmseq.models.hmm import HMM
from hmmseq.models.rows import Rows
from hmmseq.scores import Packed
from hmmseq.sequences import Sequences
from hmmseq.validation import sample_weights

STEP, BIG_STEP = 1e-4, 1e-3  # of first and of second differences, in numbers of scale 1
RARE = 1e-4  # transitions with fewer expected uses have reached 0
FLAT = (
    1e-5  # curvature, as a share of the largest possible, below which it is that of differences: the data say nothing
)
UPHILL = 0.05  # log-likelihood that is still to be gained: estimates are a third of their error away from the maximum


def standard_errors(model: HMM, X: Any, y: Any = None, *, lengths: Any = None, sample_weight: Any = None) -> Estimates:
    """Estimates with their covariance, from the observed information of the data the model was fitted to.

    X, y, lengths, sample_weight : as they were given to `fit`. Errors are those of large samples, and of a fit that has
        converged: warns if the likelihood can still rise. With priors it is the posterior density that bends.

    What is fixed has error 0, tied entries move together, rows of probabilities keep adding up to 1 (their errors are
    correlated). An estimate at its limit, such as a transition that was never used, has error NaN; a parameter on which the
    data say nothing, an infinite one, with a warning. Holds a few tables of scores for each parameter of a state.

    Raises ValueError for emissions without `scales` (Pomegranate).

    >>> from hmmseq import PoissonHMM
    >>> X = np.random.default_rng(0).poisson(np.repeat([2.0, 9.0, 2.0, 9.0], 50))[:, None]
    >>> model = PoissonHMM(2, random_state=0, tol=1e-6).fit(X)
    >>> found = standard_errors(model, X)
    >>> dict(zip(found.names, found.errors.round(2).tolist()))["lambdas[1, 0]"]
    0.3
    """
    inputs.check_emits(model, "standard_errors")
    check_plain(model)
    sequences = inputs.sequences(model, X, lengths, reset=False)
    states = None if y is None else inputs.states(y, sequences, lengths)
    inputs.check_states(states, model.graph_, "y")
    weights = sample_weights(sample_weight, len(sequences))
    task = em.Task(model.emission_.observe(sequences), states, weights, model.n_jobs).only(np.flatnonzero(weights))
    names, values = named_parameters(model)
    return Estimates(names, values, _covariance(model, task, names), limits(model))


def _covariance(model: HMM, task: em.Task, names: list[str]) -> np.ndarray:
    chain = Chain.of(model, model.graph_)
    bend = Bend.of(model.graph_, model.emission_, chain, task)
    slope, information = bend.slope_and_information(chain)
    jacobian, known = _jacobian(model, bend, chain)
    basis = _used(jacobian)
    information, slope, jacobian = basis.T @ information @ basis, basis.T @ slope, jacobian @ basis
    covariance, open_ = _inverse(information)
    if (gain := 0.5 * slope @ covariance @ slope) > UPHILL:
        warnings.warn(
            f"the fit has not converged: about {gain:.2g} of log-likelihood are still to be gained; fit with a smaller "
            "tol and more iterations before trusting standard errors",
            stacklevel=4,
        )
    out = jacobian @ covariance @ jacobian.T
    scale = np.sqrt(np.maximum((jacobian**2).sum(1), 1e-300))
    lost = np.abs(jacobian @ open_).max(axis=1, initial=0.0) > 1e-4 * scale
    out[lost, lost] = np.inf
    if lost.any():
        which = ", ".join(np.array(names)[lost][:5])
        warnings.warn(f"the data say nothing about some parameters, or the fit is no maximum: {which}", stacklevel=4)
    at_limit = (jacobian == 0).all(axis=1) & ~known
    out[at_limit, at_limit] = np.nan
    return out


def _inverse(information: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The inverse where there is one, and the directions (n, k) in which there is none."""
    unit = 1 / np.sqrt(np.maximum(np.diag(information), 1e-300))
    curvature, vectors = np.linalg.eigh(information * np.outer(unit, unit))
    vectors = vectors * unit[:, None]
    sharp = curvature > FLAT
    flat = vectors[:, ~sharp] / np.maximum(np.linalg.norm(vectors[:, ~sharp], axis=0), 1e-300)
    return (vectors[:, sharp] / curvature[sharp]) @ vectors[:, sharp].T, flat


def _used(jacobian: np.ndarray) -> np.ndarray:
    """(n_numbers, k) directions in which parameters move: the length of a row of roots, say, is none."""
    size = np.abs(jacobian).max(axis=1, initial=0.0)
    _, singular, right = np.linalg.svd(jacobian / np.where(size > 0, size, 1.0)[:, None], full_matrices=False)
    return right[singular > 1e-6 * singular.max(initial=0.0)].T


def _jacobian(model: HMM, bend: "Bend", chain: Chain) -> tuple[np.ndarray, np.ndarray]:
    """(n_parameters, n_numbers) derivatives of the parameters, and which of them were given."""
    graph, emission = bend.graph, bend.emission
    starts, edges = np.exp(graph.start)[:, None] * bend.starts, np.exp(graph.edge)[:, None] * bend.edges
    rates = [_rate(emission, bend.vector, k) for k in range(len(bend.vector))]
    n_learned = sum(array.size for array in emission.learned().values())
    inner = np.stack(rates, axis=1) if rates else np.zeros((n_learned, 0))
    out = np.zeros((len(starts) + len(edges) + n_learned, bend.n_numbers))
    out[: len(starts), : starts.shape[1]] = starts
    out[len(starts) : len(starts) + len(edges), starts.shape[1] : starts.shape[1] + edges.shape[1]] = edges
    out[len(starts) + len(edges) :, bend.n_chain :] = inner
    given = [~np.isnan(chain.start.fixed), ~np.isnan(chain.edges.fixed), emission.known()]
    return out, np.concatenate(given)


def _rate(emission: Emission, vector: np.ndarray, k: int) -> np.ndarray:
    """Derivative of all parameters by a number; zero where it has come to its limit on one side."""
    low, here, high = (_parameters(moved(emission, vector, {k: h})) for h in (-STEP, 0.0, STEP))
    up, down = high - here, here - low
    bent = np.abs(up - down).max(initial=0.0) > 0.5 * max(np.abs(up).max(initial=0.0), np.abs(down).max(initial=0.0))
    return np.zeros_like(here) if bent else (high - low) / (2 * STEP)


def _parameters(emission: Emission) -> np.ndarray:
    return np.concatenate([array.ravel() for array in emission.learned().values()])


def moved(emission: Emission, vector: np.ndarray, steps: dict[Any, float]) -> Emission:
    """A copy in which some numbers of the vector are larger by a step."""
    other, there = copy(emission), vector.copy()
    for which, step in steps.items():
        there[np.array(which)] += step
    other.constrain(there)
    return other


class _Probe:
    """An emission of which EM asks for a table of scores.

    Its statistics are the slope of its expected log-likelihood, and the weights of rows of scores.
    """

    def __init__(self, emission: Emission, slopes: list[np.ndarray]) -> None:
        self.log_scores, self.symbols, self._slopes = emission.log_scores, emission.symbols, slopes

    def normals(self, X: Sequences) -> None:
        """Rows of scores are what is asked for."""

    def statistics(self, X: Sequences, rows: np.ndarray) -> dict[str, np.ndarray]:
        by_label = [np.einsum("nl,nl->l", rows, slope) for slope in self._slopes]
        return {"slopes": np.array(by_label).reshape(-1, rows.shape[1]), "rows": rows}


@dataclass
class Bend:
    """The numbers that describe a model near its maximum, and how its likelihood bends along them.

    Starts and transitions change by shares of themselves, along `starts` and `edges` (n_entries, n_directions), in which all
    that is asked of them stays true. Emissions change by their own numbers; those of one group belong to different labels and
    are moved together.
    """

    graph: StateGraph
    emission: Emission
    task: em.Task
    starts: np.ndarray
    edges: np.ndarray
    vector: np.ndarray
    owner: np.ndarray  # (n,) the label that a number belongs to, -1: all
    group: np.ndarray  # (n,)

    @classmethod
    def of(cls, graph: StateGraph, emission: Emission, chain: Chain, task: em.Task) -> "Bend":
        """The numbers of a model at what may be its maximum, for the data of a task."""
        counts = em.expect(graph, cast(Emission, _Probe(emission, [])), task)
        starts = directions(chain.start, graph.start, counts.start)
        edges = directions(chain.edges, graph.edge, counts.edges)
        owner = emission.owners()
        return cls(graph, emission, task, starts, edges, emission.unconstrained(), owner, groups_of(owner))

    @property
    def n_chain(self) -> int:
        """How many directions starts and transitions have."""
        return self.starts.shape[1] + self.edges.shape[1]

    @property
    def n_numbers(self) -> int:
        """How many directions there are in all."""
        return self.n_chain + len(self.vector)

    def slope_and_information(self, chain: Chain) -> tuple[np.ndarray, np.ndarray]:
        """The gradient of the log-likelihood plus log prior, and minus its second derivative (Oakes 1999)."""
        slope, bend = np.zeros(self.n_numbers), np.zeros((self.n_numbers, self.n_numbers))
        for first, last in em.groups(self.task.X, em.GROUP_STEPS):
            part = self.task.part(first, last)
            slopes = self._slopes(part.X)
            own, counts = self._slope(self.graph, self.emission, slopes, part)
            slope += own
            bend[: self.n_chain, : self.n_chain] -= self._chain_bend(counts.start, counts.edges)
            bend[self.n_chain :, self.n_chain :] += self._emission_bend(part.X, counts.statistics["rows"])
            for k in range(self.n_numbers):
                ahead, behind = (self._slope(*self._moved(k, h), slopes, part)[0] for h in (STEP, -STEP))
                bend[k] += (ahead - behind) / (2 * STEP)
        prior_slope, prior_bend = self._prior(chain)
        bend = -(bend + bend.T) / 2
        return slope + prior_slope, bend + prior_bend

    def _chain_bend(self, start: np.ndarray, edges: np.ndarray) -> np.ndarray:
        """Second derivative of -count log probability along relative changes."""
        out, n = np.zeros((self.n_chain, self.n_chain)), self.starts.shape[1]
        out[:n, :n] = (self.starts.T * start) @ self.starts
        out[n:, n:] = (self.edges.T * edges) @ self.edges
        return out

    def _moved(self, k: int, step: float) -> tuple[StateGraph, Emission]:
        n = self.starts.shape[1]
        if k >= self.n_chain:
            return self.graph, moved(self.emission, self.vector, {k - self.n_chain: step})
        if k < n:
            return self.graph.weigh(start=self.graph.start + np.log1p(step * self.starts[:, k])), self.emission
        return self.graph.weigh(edge=self.graph.edge + np.log1p(step * self.edges[:, k - n])), self.emission

    def _slope(
        self, graph: StateGraph, emission: Emission, slopes: list[np.ndarray], part: em.Task
    ) -> tuple[np.ndarray, em.Expected]:
        """The slope, at the maximum, of the expected log-likelihood under the posteriors of other parameters."""
        counts = em.expect(graph, cast(Emission, _Probe(emission, slopes)), part)
        inner = [self._of(by_label, k) for by_label, k in zip(counts.statistics["slopes"][self.group], self._each)]
        return np.concatenate([self.starts.T @ counts.start, self.edges.T @ counts.edges, inner]), counts

    @property
    def _each(self) -> range:
        return range(len(self.vector))

    def _of(self, by_label: np.ndarray, k: int) -> float:
        return float(by_label[self.owner[k]] if self.owner[k] >= 0 else by_label.sum())

    def _slopes(self, X: Sequences) -> list[np.ndarray]:
        """For each group of numbers the derivative of the table of scores."""

        def table(group: int, step: float) -> np.ndarray:
            return _table(moved(self.emission, self.vector, {tuple(np.flatnonzero(self.group == group)): step}), X)

        return [(table(g, STEP) - table(g, -STEP)) / (2 * STEP) for g in range(self.group.max(initial=-1) + 1)]

    def _emission_bend(self, X: Sequences, rows: np.ndarray) -> np.ndarray:
        """Second derivatives of the expected log-likelihood of the emission, the weights of its scores held fixed."""

        def expected(steps: dict[Any, float]) -> np.ndarray:
            return np.einsum("nl,nl->l", rows, _table(moved(self.emission, self.vector, steps), X))

        return self._second_differences(expected)

    def _second_differences(self, value: Any) -> np.ndarray:
        """(n, n) of a function of steps of numbers, that gives what belongs to each label."""
        out, h = np.zeros((len(self.vector), len(self.vector))), BIG_STEP
        members: list[tuple[int, ...]] = [
            tuple(np.flatnonzero(self.group == g).tolist()) for g in range(self.group.max(initial=-1) + 1)
        ]
        here: Any = value({}) if members else None
        for one, two in combinations_with_replacement(members, 2):
            if one == two:
                by_label = (value({one: h}) - 2 * here + value({one: -h})) / h**2
            else:
                corners = [value({one: a * h, two: b * h}) for a in (1, -1) for b in (1, -1)]
                by_label = (corners[0] - corners[1] - corners[2] + corners[3]) / (4 * h**2)
            for p, q in self._pairs(one, two):
                out[p, q] = out[q, p] = self._of(by_label, p if self.owner[p] >= 0 else q)
        return out

    def _pairs(self, one: tuple[int, ...], two: tuple[int, ...]) -> Iterator[tuple[int, int]]:
        for p in one:
            for q in two:
                if self.owner[p] == self.owner[q] or min(self.owner[p], self.owner[q]) < 0:
                    yield p, q

    def _prior(self, chain: Chain) -> tuple[np.ndarray, np.ndarray]:
        """Slope, and minus the second derivative, of the log prior."""
        start, edges = (np.where(w > -np.inf, rows.pseudocount, 0.0) for rows, w in self._rows(chain))
        slope = np.zeros(self.n_numbers)
        slope[: self.n_chain] = np.concatenate([self.starts.T @ start, self.edges.T @ edges])
        bend = np.zeros((self.n_numbers, self.n_numbers))
        bend[: self.n_chain, : self.n_chain] = self._chain_bend(start, edges)
        if self.emission.log_prior() != 0.0:
            self._emission_prior(slope, bend)
        return slope, bend

    def _rows(self, chain: Chain) -> list[tuple[Rows, np.ndarray]]:
        return [(chain.start, self.graph.start), (chain.edges, self.graph.edge)]

    def _emission_prior(self, slope: np.ndarray, bend: np.ndarray) -> None:
        def value(steps: dict[Any, float]) -> float:
            return moved(self.emission, self.vector, steps).log_prior()

        for p in self._each:
            slope[self.n_chain + p] += (value({p: STEP}) - value({p: -STEP})) / (2 * STEP)
            for q in self._each[: p + 1]:
                h = BIG_STEP
                corners = [value(_both(p, a * h, q, b * h)) for a in (1, -1) for b in (1, -1)]
                second = (corners[0] - corners[1] - corners[2] + corners[3]) / (4 * h**2)
                bend[self.n_chain + p, self.n_chain + q] -= second
                if p != q:
                    bend[self.n_chain + q, self.n_chain + p] -= second


def _both(p: int, a: float, q: int, b: float) -> dict[Any, float]:
    return {p: a + b} if p == q else {p: a, q: b}


def _table(emission: Emission, X: Sequences) -> np.ndarray:
    table: Packed = emission.log_scores(X)
    return np.where(np.isfinite(table.table), table.table, 0.0)  # what cannot be has no weight


def groups_of(owner: np.ndarray) -> np.ndarray:
    """(n,) numbers of one group belong to different labels; one that belongs to all labels is alone."""
    group = np.zeros(len(owner), dtype=np.int64)
    for label in np.unique(owner[owner >= 0]):
        own = owner == label
        group[own] = np.arange(own.sum())
    shared = owner < 0
    group[shared] = group[~shared].max(initial=-1) + 1 + np.arange(shared.sum())
    return group


def directions(rows: Rows, log_weight: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(n, k) relative changes of probabilities that keep their sums, what is fixed, what is tied, and what is 0."""
    learned = np.isnan(rows.fixed) & (counts + rows.pseudocount > RARE) & (log_weight > -np.inf)
    if not learned.any():
        return np.zeros((len(counts), 0))
    value, member = np.unique(rows.group[learned], return_inverse=True)
    spread = np.zeros((len(counts), len(value)))
    spread[np.flatnonzero(learned), member] = 1.0
    sums = np.zeros((rows.n_rows, len(value)))
    np.add.at(sums, (rows.row[learned], member), np.exp(log_weight[learned]))
    return spread @ null_space(sums[sums.any(axis=1)])
