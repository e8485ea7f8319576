"""Symbols from a finite alphabet, also in the context of the symbols before them."""

from numbers import Integral

import numpy as np

from hmmseq.emissions.base import Emission, Statistics
from hmmseq.emissions.scales import Scale, rows
from hmmseq.scores import Packed, encode, with_missing
from hmmseq.sequences import Sequences
from hmmseq.validation import check_not_negative

COUNTED = 1 << 20  # steps at a time: bincount makes eight bytes of each


class Categorical(Emission):
    """One of `n_symbols` symbols, each with its probability given the label and the last `order` symbols.

    Parameters
    ----------
    n_symbols : size of the alphabet; default: one more than the largest symbol seen in `fit`
    order : how many earlier symbols the next one depends on (a Markov chain within each label)
    pseudocount : added to the count of every symbol in every context (a symmetric Dirichlet prior, MAP estimate);
        0 is maximum likelihood

    Symbols are 0 ... n_symbols - 1, and -1 is missing. A step with a missing symbol among itself and its context, and the
    first `order` steps of a sequence, are marginalised: they carry no information about the label.

    Attributes: emissionprob_ (n_labels, n_symbols), or (n_labels, n_contexts, n_symbols) for order > 0, where the context
    is the number that the earlier symbols spell, oldest first, in base n_symbols.
    """

    parameters_ = ("emissionprob_", "n_symbols_")
    of_data = ("n_symbols_",)
    sum_to_one = ("emissionprob_",)
    symbols = True

    def __init__(self, n_symbols: int | None = None, *, order: int = 0, pseudocount: float = 0.0) -> None:
        self.n_symbols = n_symbols
        self.order = order
        self.pseudocount = pseudocount

    @property
    def lookback(self) -> int:  # type: ignore[override]
        return self.order

    def observe(self, X: Sequences) -> Sequences:
        if not hasattr(self, "n_symbols_"):
            self.n_symbols_ = self._alphabet_size(X)
        code = encode(X, self.n_symbols_)
        return X.over(words(code, X.offsets, self.n_symbols_, self.order) if self.order else code)

    def _alphabet_size(self, X: Sequences) -> int:
        self._check_arguments()
        if self.n_symbols is not None:
            return int(self.n_symbols)
        return int(X.values.max(initial=0)) + 1 if X.values.dtype.kind in "iu" else 0

    def _check_arguments(self) -> None:
        if self.n_symbols is not None and not (isinstance(self.n_symbols, Integral) and self.n_symbols >= 1):
            raise ValueError(f"n_symbols is {self.n_symbols!r}; expected a whole number, 1 or more, or None")
        if not (isinstance(self.order, Integral) and 0 <= self.order < 31):
            raise ValueError(f"order is {self.order!r}; expected a whole number, 0 to 30")
        check_not_negative("pseudocount", self.pseudocount)

    def check(self, n_labels: int) -> None:
        self._check_arguments()
        contexts = [self.n_symbols_**self.order] if self.order else []
        expected, shape = (n_labels, *contexts, self.n_symbols_), self.emissionprob_.shape
        if not isinstance(self.n_symbols_, int) or shape != expected:
            raise ValueError(f"emissionprob_ has shape {shape}; expected {expected}")
        if not np.allclose(self.emissionprob_.sum(-1), 1.0) or self.emissionprob_.min() < 0:
            raise ValueError("emissionprob_ has entries that are not probabilities")

    def initialise(self, X: Sequences, n_labels: int, rng: np.random.Generator) -> None:
        """Frequencies in all the data, disturbed differently for each label."""
        n_words = self.n_symbols_ ** (self.order + 1)
        counts = 1.0 + sum(
            np.bincount(X.values[a : a + COUNTED], minlength=n_words + 1)[:n_words]
            for a in range(0, len(X.values), COUNTED)
        )
        disturbed = counts * rng.gamma(2.0, size=(n_labels, n_words))
        contexts = [] if self.order == 0 else [self.n_symbols_**self.order]
        self.emissionprob_ = _normalised(disturbed.reshape(n_labels, *contexts, self.n_symbols_))

    def log_scores(self, X: Sequences) -> Packed:
        with np.errstate(divide="ignore"):
            table = np.log(self.emissionprob_.reshape(len(self.emissionprob_), -1).T)
        return Packed(with_missing(table), X.values, X, False)

    def grouping(self, X: Sequences) -> tuple[np.ndarray, int]:
        return X.values, self.n_symbols_ ** (self.order + 1) + 1

    def statistics(self, X: Sequences, rows: np.ndarray) -> Statistics:
        return {"counts": rows[:-1].T.copy()}

    def rebased(self, statistics: Statistics, before: Emission) -> Statistics:
        return statistics

    def update(self, statistics: Statistics) -> None:
        counts = statistics["counts"].reshape(self.emissionprob_.shape) + self.pseudocount
        seen = counts.sum(-1, keepdims=True) > 0
        self.emissionprob_ = np.where(seen, _normalised(counts), self.emissionprob_)

    def scales(self) -> dict[str, Scale]:
        return {"emissionprob_": rows()}

    def log_prior(self) -> float:
        if self.pseudocount == 0:
            return 0.0
        return float(self.pseudocount * np.log(self.emissionprob_).sum())

    def sample(self, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        out = np.empty(len(labels), dtype=np.int64)
        table = self.emissionprob_.reshape(len(self.emissionprob_), -1, self.n_symbols_)
        context = int(rng.integers(table.shape[1]))
        for t, label in enumerate(labels):
            out[t] = rng.choice(self.n_symbols_, p=table[label, context])
            context = (context * self.n_symbols_ + out[t]) % table.shape[1]
        return out


def words(code: np.ndarray, offsets: np.ndarray, n_symbols: int, order: int) -> np.ndarray:
    """Each symbol with the `order` symbols before it, as one number in base n_symbols, oldest first.

    The number is n_symbols ** (order + 1), "missing", where one of these symbols is missing or before the sequence.
    """
    if n_symbols ** (order + 1) >= 2**31:
        raise ValueError(f"{n_symbols} symbols with a context of {order} make too many words; choose a shorter context")
    word = np.zeros(len(code), dtype=np.int32)
    missing = np.zeros(len(code), dtype=bool)
    for back in range(order, -1, -1):
        earlier = np.full(len(code), n_symbols, dtype=np.int32)
        earlier[back:] = code[: len(code) - back]
        missing |= earlier == n_symbols
        word = word * n_symbols + earlier
    for back in range(order):
        starts = offsets[:-1] + back
        missing[starts[starts < offsets[1:]]] = True
    word[missing] = n_symbols ** (order + 1)
    return word


def _normalised(counts: np.ndarray) -> np.ndarray:
    total = counts.sum(-1, keepdims=True)
    return counts / np.where(total > 0, total, 1.0)
