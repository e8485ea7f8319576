"""A neural sequence tagger with the manners of scikit-learn."""

import os
from collections.abc import Callable
from copy import deepcopy
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from hmmseq import callbacks, decoding, lattice, topologies
from hmmseq.errors import ImpossibleSequenceError
from hmmseq.graph import StateGraph
from hmmseq.kernels.logmath import NEVER
from hmmseq.sequences import Sequences, is_one
from hmmseq.storage import Arrays, Stored, graph_arrays, graph_from
from hmmseq.validation import check_positive, check_whole, sample_weights

from . import inputs
from .batches import buckets, pad
from .encoders import ENCODERS, Encoder
from .heads import HEADS
from .network import Network
from .storage import learned, relearned, shape_from
from .training import Data, Plan, train


class SequenceTagger(callbacks.CallbackSupportMixin, Stored, BaseEstimator):
    """A label for every step of a sequence: an encoder, a head, and a state graph that decodes.

    Parameters
    ----------
    encoder : "bilstm", or a function of (n_inputs, hidden_size) that makes an `Encoder`, such as
        `functools.partial(BiLSTM, n_layers=2)`
    head : "crf", which learns whole paths, or "softmax", which learns each step by itself
    hidden_size : size of the encoder, and of the vector that stands for each symbol or row of features
    epochs, batch_size (sequences), learning_rate : of training, by Adam
    patience, validation_fraction : that share of the sequences (at least one, if there are two) is held
        back; training stops after `patience` epochs that do not improve on them, and the best epoch stays.
        0: use all, for all epochs
    topology : StateGraph that says which label may follow which; its columns are the labels 0, 1, ...
        Default: the labels found in y, in any order
    n_symbols : size of the alphabet, where X holds symbols; default: one more than the largest one in `fit`
    device : where torch computes, such as "cuda"; the lattice stays on the CPU
    random_state : seed; the same seed gives the same tagger on the same machine
    verbose : one line an epoch on standard error

    Attributes
    ----------
    classes_ (n_labels,) labels in the order of the columns of `predict_proba`; network_ the torch module;
    history_ {"loss", "validation_loss"} of each epoch: minus log probability per known label; n_features_in_

    X is a list of sequences, (n_steps,) symbols (-1: missing) or (n_steps, n_features); y a list of
    (n_steps,) whole numbers, -1 where unknown. One array is one sequence. What comes back mirrors X.

    >>> X, y = [[0, 1, 1, 0], [1, 0, 1]] * 8, [[5, 7, 7, 5], [7, 5, 7]] * 8
    >>> tagger = SequenceTagger(hidden_size=8, epochs=30, learning_rate=0.05, random_state=0).fit(X, y)
    >>> tagger.predict([[1, 1, 0]])
    [array([7, 7, 5])]
    """

    # No ClassifierMixin: scikit-learn would stratify folds by y, which is a list of arrays.

    def __init__(
        self,
        encoder: str | Callable[[int, int], Encoder] = "bilstm",
        head: str = "crf",
        *,
        hidden_size: int = 64,
        epochs: int = 50,
        batch_size: int = 16,
        learning_rate: float = 5e-3,
        patience: int = 5,
        validation_fraction: float = 0.1,
        topology: StateGraph | None = None,
        n_symbols: int | None = None,
        device: str = "cpu",
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        self.encoder = encoder
        self.head = head
        self.hidden_size = hidden_size
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.topology = topology
        self.n_symbols = n_symbols
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @callbacks.with_callbacks
    def fit(self, X: Any, y: Any, *, lengths: Any = None, sample_weight: Any = None) -> Self:
        """Learn from sequences and the labels of their steps.

        lengths : (n_sequences,) if X and y are many sequences end to end
        sample_weight : (n_sequences,) each sequence counts so many times
        """
        self._check_parameters()
        packed = inputs.sequences(self, X, lengths, reset=True)
        gold = inputs.labels(y, packed, is_one(X), lengths)
        weight = sample_weights(sample_weight, len(packed))
        self.shape_ = inputs.Shape.of(packed, self.n_symbols)
        self.shape_.check(packed, type(self).__name__)
        self.n_features_in_ = self.shape_.n_features or 1
        self.classes_ = inputs.classes(gold, self.topology)
        known = gold != inputs.UNKNOWN
        codes = Sequences(np.where(known, np.searchsorted(self.classes_, gold), inputs.UNKNOWN), packed.offsets)
        graph = self.topology or topologies.ergodic(len(self.classes_))
        counts = inputs.count_paths(graph, codes)
        seed = check_random_state(self.random_state).randint(2**31)
        with torch.random.fork_rng(devices=[]):  # leave the caller's random numbers alone
            torch.manual_seed(seed)
            network = Network(self.shape_, self.encoder, self.head, self.hidden_size, graph)
            network.head.initialise(counts)
            self.network_ = network.to(self.device)
            watched = callbacks.watch(self, X, y, self.epochs)
            self.history_ = self._train(packed, codes, weight, np.random.default_rng(seed), watched)
            watched.end(dict)
        return self

    def _train(
        self,
        X: Sequences,
        codes: Sequences,
        weight: np.ndarray,
        rng: np.random.Generator,
        watched: callbacks.Watched,
    ) -> list[dict[str, float]]:
        known = np.array([np.sum(own != inputs.UNKNOWN) for own in codes])
        data = Data(np.arange(len(X)), X.lengths, weight, known)
        useful = rng.permutation(np.flatnonzero(known * weight))
        n_held_back = self._n_held_back(len(useful))
        rest, held_back = data.take(useful[n_held_back:]), data.take(useful[:n_held_back])

        def losses(numbers: np.ndarray) -> Tensor:
            scores = self._scores(X, numbers)
            if not torch.isfinite(scores).all():
                raise ValueError("training diverged; lower learning_rate, or scale the features of X")
            gold = torch.as_tensor(np.concatenate([codes[s] for s in numbers]), device=scores.device)
            return self.network_.head.loss(scores, gold, X.lengths[numbers])

        def report() -> bool:
            watched.iteration(lambda: None, lambda: {"network_": deepcopy(self.network_).eval()})
            return watched.stopped

        plan = Plan(self.epochs, self.batch_size, self.learning_rate, self.patience, self.verbose)
        return train(self.network_, losses, rest, held_back, plan, rng, report)

    def predict(self, X: Any, *, lengths: Any = None) -> Any:
        """The labels of the best path (Viterbi) for each sequence.

        Raises ImpossibleSequenceError where the topology has no path as long as a sequence.
        """
        graph = self.decoder_
        paths = lattice.best_path(graph, self._all_scores(X, lengths))
        _refuse_impossible([path.score for path in paths])
        return inputs.mirror([self.classes_[decoding.labels(graph, path)] for path in paths], X, lengths)

    def predict_proba(self, X: Any, *, lengths: Any = None) -> Any:
        """(n_steps, n_labels) posterior of each label at each step; columns as in classes_."""
        found = lattice.posteriors(self.decoder_, self._all_scores(X, lengths))
        _refuse_impossible([one.log_partition for one in found])
        return inputs.mirror([one.labels for one in found], X, lengths)

    def score(self, X: Any, y: Any, *, lengths: Any = None) -> float:
        """Share of the known labels (not -1) that `predict` gets right."""
        packed = inputs.sequences(self, X, lengths)
        gold = inputs.labels(y, packed, is_one(X), lengths)
        known = gold != inputs.UNKNOWN
        return float(np.mean((np.concatenate(self.predict(packed)) == gold)[known]))

    @property
    def decoder_(self) -> StateGraph:
        """The weighted graph that decodes scores: its column k is classes_[k]."""
        check_is_fitted(self)
        return self.network_.head.weighted()

    def log_scores(self, X: Any, *, lengths: Any = None) -> Any:
        """(n_steps, n_labels) log scores, for the questions of `hmmseq.lattice` to the graph `decoder_`."""
        return inputs.mirror(self._all_scores(X, lengths), X, lengths)

    @torch.no_grad()
    def _all_scores(self, X: Any, lengths: Any) -> list[np.ndarray]:
        check_is_fitted(self)
        packed = inputs.sequences(self, X, lengths)
        self.shape_.check(packed, type(self).__name__)
        scores = [np.zeros((0, len(self.classes_)))] * len(packed)
        for numbers in buckets(packed.lengths, self.batch_size):
            found = self._scores(packed, numbers).cpu().double().numpy()
            for s, own in zip(numbers, np.split(found, np.cumsum(packed.lengths[numbers])[:-1])):
                scores[s] = own
        return scores

    def _scores(self, X: Sequences, numbers: np.ndarray) -> Tensor:
        """(n_steps in all, n_labels) of the sequences with these numbers, one after another."""
        return self.network_(pad([X[s] for s in numbers], self.device))

    def _n_held_back(self, n_sequences: int) -> int:
        if self.validation_fraction == 0 or n_sequences < 2:
            return 0
        return min(max(1, round(self.validation_fraction * n_sequences)), n_sequences - 1)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted tagger to one file (safetensors with JSON metadata); `hmmseq.load` reads it back, to the CPU.

        ValueError if `encoder` is a function, which no file can hold.
        """
        if not isinstance(self.encoder, str):
            raise ValueError(
                f"encoder is {self.encoder!r}, a function, which a file cannot hold; use one by name, or keep "
                "network_.state_dict() yourself"
            )
        super().save(path)

    def _kept_params(self) -> dict[str, Any]:
        return super()._kept_params() | {"device": "cpu", "topology": None}  # the topology is among the parts

    def _parts(self) -> tuple[Arrays, dict[str, Any]]:
        fitted = {"shape": list(self.shape_), "history": self.history_, "own_topology": self.topology is not None}
        graph = graph_arrays(self.network_.head.graph)
        return graph | learned(self.network_) | {"classes": self.classes_}, fitted

    def _restore(self, arrays: Arrays, fitted: dict[str, Any]) -> None:
        self._check_parameters()
        graph, classes, shape = graph_from(arrays), arrays["classes"], shape_from(fitted["shape"])
        if classes.shape != (graph.n_labels,) or classes.dtype.kind != "i":
            raise ValueError(
                f"classes have shape {classes.shape}; expected a whole number for each of {graph.n_labels}"
            )
        if not isinstance(self.encoder, str):
            raise ValueError(f"encoder is {self.encoder!r}; expected a name")
        with torch.device("meta"):  # shapes without memory: a file may ask for any size
            network = Network(shape, self.encoder, self.head, self.hidden_size, graph)
        self.network_ = relearned(network, arrays)
        self.topology = graph if fitted["own_topology"] else None
        self.classes_, self.shape_, self.n_features_in_ = classes, shape, shape.n_features or 1
        self.history_ = fitted["history"]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def _check_parameters(self) -> None:
        for name in ("hidden_size", "epochs", "batch_size", "patience"):
            check_whole(name, getattr(self, name), 1)
        if not 0 <= self.validation_fraction < 1:
            raise ValueError(f"validation_fraction is {self.validation_fraction!r}; expected 0 or more, below 1")
        check_positive("learning_rate", self.learning_rate)
        if self.topology is not None and not isinstance(self.topology, StateGraph):
            raise ValueError(f"topology is {self.topology!r}; expected a StateGraph, or None")
        if self.head not in list(HEADS):
            raise ValueError(f"head is {self.head!r}; choose one of {sorted(HEADS)}")
        if not callable(self.encoder) and self.encoder not in list(ENCODERS):
            raise ValueError(f"encoder is {self.encoder!r}; choose one of {sorted(ENCODERS)}, or pass a function")


def _refuse_impossible(totals: list[float]) -> None:
    if NEVER in totals:
        raise ImpossibleSequenceError(totals.index(NEVER), 0)
