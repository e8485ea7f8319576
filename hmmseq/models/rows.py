"""Probability distributions side by side, with prior counts, entries that are fixed and entries that share a value.

The edges that leave a state are such a row, and so are the starts. What may be learned of a row is what is free: an
entry of probability zero stays so, a fixed entry keeps its value, and tied entries are one number.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

FREE = -1  # an entry that is tied to no other
ROUNDING = 1e-9  # rows may miss one by so much
LEAST = 1e-12  # tied entries without counts count for this share of all


@dataclass(frozen=True)
class Rows:
    """What is asked of n probabilities, which belong to rows."""

    row: np.ndarray  # (n,) the row of each
    pseudocount: np.ndarray  # (n,) added to its count: a Dirichlet prior of concentration 1 + pseudocount
    fixed: np.ndarray  # (n,) its value, NaN if it is learned
    tied: np.ndarray  # (n,) entries of one number have one value, FREE: none other has it

    @property
    def plain(self) -> bool:
        """Whether rows are free: their maximum is what their counts say."""
        return bool(np.all(np.isnan(self.fixed)) and np.all(self.tied == FREE))

    @cached_property
    def n_rows(self) -> int:
        """How many rows there are."""
        return int(self.row.max(initial=-1)) + 1

    @cached_property
    def group(self) -> np.ndarray:
        """(n,) which value each entry has, 0 ... n_groups - 1."""
        alone = self.tied.max(initial=0) + 1 + np.arange(len(self.row))
        return np.unique(np.where(self.tied == FREE, alone, self.tied), return_inverse=True)[1]

    def begin(self, log_weight: np.ndarray) -> np.ndarray:
        """Log probabilities near these, a row of which adds up to one already, that keep to what is fixed and tied."""
        if self.plain:
            return log_weight
        impossible = np.isnan(self.fixed) & (log_weight == -np.inf) & (self.tied != FREE)
        if impossible.any():
            raise ValueError(
                f"tied entry {np.flatnonzero(impossible)[0]} has probability zero; leave it out of its tie"
            )
        value = np.exp(log_weight)
        found = self._solve(value, log_weight)
        total = np.bincount(self.row, np.exp(found), minlength=self.n_rows)
        wrong = np.flatnonzero((np.abs(total - 1) > ROUNDING) & (np.bincount(self.row, value) > 0))
        if not self._is_tied(found):
            raise ValueError("tied entries cannot be equal in rows that add up to 1; tie or fix fewer of them")
        if wrong.size:
            raise ValueError(
                f"row {wrong[0]} of probabilities adds up to {total[wrong[0]]:.9g} with its fixed and tied entries; "
                "leave an entry free, or give values that add up to 1"
            )
        return found

    def maximise(self, counts: np.ndarray, log_weight: np.ndarray) -> np.ndarray:
        """Log probabilities with the largest sum of (count + pseudocount) log probability; rows of no count stay."""
        return self._solve(counts + np.where(log_weight > -np.inf, self.pseudocount, 0.0), log_weight)

    def log_prior(self, log_weight: np.ndarray) -> float:
        """Log density of the Dirichlet priors, up to a constant; impossible entries have none."""
        here = (self.pseudocount > 0) & (log_weight > -np.inf)
        return float(self.pseudocount[here] @ log_weight[here])

    def n_free(self, log_weight: np.ndarray) -> int:
        """Degrees of freedom: free values, less what it takes to make their rows add up to one."""
        learned = self._learned(log_weight)
        if np.all(self.tied == FREE):
            return int(learned.sum() - np.count_nonzero(np.bincount(self.row, learned)))
        values = np.unique(self.group[learned])
        number = np.searchsorted(values, self.group[learned])
        rows, row = np.unique(self.row[learned], return_inverse=True)
        if len(values) == learned.sum():
            return len(values) - len(rows)
        members = coo_array((np.ones(len(row)), (row, number)), shape=(len(rows), len(values)))
        return len(values) - int(np.linalg.matrix_rank(members.toarray())) if len(values) else 0

    def _learned(self, log_weight: np.ndarray) -> np.ndarray:
        return np.isnan(self.fixed) & (log_weight > -np.inf)

    def _solve(self, counts: np.ndarray, log_weight: np.ndarray) -> np.ndarray:
        learned = self._learned(log_weight)
        given = np.where(np.isnan(self.fixed), 0.0, self.fixed)
        room = np.maximum(1.0 - np.bincount(self.row, given, minlength=self.n_rows), 0.0)
        counts = np.where(learned, counts, 0.0)
        share = self._proportions(counts, learned)
        total = np.bincount(self.row, counts, minlength=self.n_rows)[self.row]
        with np.errstate(divide="ignore", invalid="ignore"):
            out = np.where(total > 0, np.log(room[self.row] * share / total), log_weight)
            out = np.where(np.isnan(self.fixed), out, np.log(given))
        for entries in self._across_rows:
            entries = entries[learned[entries]]
            out[entries] = self._share_across(entries, counts, room, log_weight)
        return np.where(learned | ~np.isnan(self.fixed), out, log_weight)

    def _proportions(self, counts: np.ndarray, learned: np.ndarray) -> np.ndarray:
        """Counts, with those of tied entries of a row made equal."""
        if np.all(self.tied == FREE):
            return counts
        size = np.bincount(self.group, learned)
        return (np.bincount(self.group, counts) / np.maximum(size, 1.0))[self.group]

    @cached_property
    def _across_rows(self) -> list[np.ndarray]:
        """Entries of the rows that tied entries join, one array for all rows that hang together."""
        if np.all(self.tied == FREE):
            return []
        n_groups = int(self.group.max()) + 1
        ends = (self.row, self.n_rows + self.group)
        size = self.n_rows + n_groups
        part = connected_components(coo_array((np.ones(len(self.row)), ends), shape=(size, size)), directed=False)[1]
        n_rows = np.bincount(part[: self.n_rows], minlength=part.max() + 1)
        return [np.flatnonzero(part[self.row] == k) for k in np.flatnonzero(n_rows > 1)]

    def _share_across(self, entries: np.ndarray, counts: np.ndarray, room: np.ndarray, old: np.ndarray) -> np.ndarray:
        """Log probabilities of entries whose values lie in several rows; the old ones if those are no worse."""
        if not counts[entries].sum() > 0:
            return old[entries]
        rows, row = np.unique(self.row[entries], return_inverse=True)
        group = np.unique(self.group[entries], return_inverse=True)[1]
        members = np.zeros((len(rows), group.max() + 1))
        np.add.at(members, (row, group), 1.0)
        value = shared_values(np.bincount(group, counts[entries]), members, room[rows])
        if not np.allclose(members @ value, room[rows], rtol=0.0, atol=ROUNDING):
            return old[entries]
        new = np.log(value[group])
        fell = self._is_tied(old, entries) and counts[entries] @ (new - old[entries]) < 0  # by rounding
        return old[entries] if fell else new

    def _is_tied(self, log_weight: np.ndarray, entries: np.ndarray | slice = slice(None)) -> bool:
        group, value = self.group[entries], np.exp(log_weight[entries])
        largest = np.zeros(group.max(initial=0) + 1)
        np.maximum.at(largest, group, value)
        return bool(np.all(largest[group] - value < ROUNDING))


def shared_values(counts: np.ndarray, members: np.ndarray, room: np.ndarray, n_iter: int = 200) -> np.ndarray:
    """The values x that maximise counts @ log(x) where members @ x = room: how often each row has each value.

    With a multiplier for each row, x = counts / (multipliers @ members); they minimise a convex function, by Newton
    steps that are halved until they go down far enough (Boyd and Vandenberghe, Convex Optimization, 2004, ch. 9 to 10).
    """
    counts = np.maximum(counts / counts.sum(), LEAST)
    multiplier = np.maximum(members @ counts, LEAST)

    def height(multiplier: np.ndarray) -> float:
        price = multiplier @ members
        return float(room @ multiplier - counts @ np.log(price)) if np.all(price > 0) else np.inf

    for _ in range(n_iter):
        price = multiplier @ members
        slope = room - members @ (counts / price)
        if np.abs(slope).max() < 1e-14:
            break
        step = -np.linalg.lstsq((members * (counts / price**2)) @ members.T, slope, rcond=None)[0]
        if -(slope @ step) < 1e-12:  # heights differ by rounding only: Newton alone
            multiplier = multiplier + step
            continue
        size, here = 1.0, height(multiplier)
        while size > 1e-12 and not height(multiplier + size * step) <= here + 0.25 * size * (slope @ step):
            size /= 2
        if size <= 1e-12:
            break
        multiplier = multiplier + size * step
    return counts / (multiplier @ members)
