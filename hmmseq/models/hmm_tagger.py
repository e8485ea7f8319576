"""Tagging words with a hidden Markov model of tags."""

from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from hmmseq import lattice
from hmmseq.graph import StateGraph
from hmmseq.models import ngrams, tags
from hmmseq.models.features import offsets_of
from hmmseq.models.lexicon import Lexicon, WordsInContext, numbered
from hmmseq.scores import Indexed, Packed, pack
from hmmseq.sequences import Sequences
from hmmseq.storage import Stored
from hmmseq.validation import check_whole

GROUP_SCORES = 1 << 23  # so many scores of words are held at a time


class HMMTagger(Stored, BaseEstimator):
    """Hidden Markov model of tags, trained by counting: the tagger TnT (Brants, ANLP 2000).

    Tags depend on the `order` tags before them, with deleted interpolation; words on their tag and, of order 2, the tag
    before it (HunPos: Halácsy, Kornai and Oravecz, ACL 2007). Unknown words are judged by their endings and by whether
    they are capitalised.

    Parameters
    ----------
    order : 1 (pairs of tags) or 2 (triples)
    longest_ending : letters of an unknown word that are looked at
    rare : words seen at most so often teach the endings
    n_jobs : threads over sequences

    Attributes
    ----------
    classes_ (n_tags,) : the tags in order
    graph_ : StateGraph of tags, of order 2 of pairs of tags (see `ngrams.tag_graph`)
    lexicon_ : scores of words
    interpolation_ (order + 1,) : weights of single tags, pairs and triples

    X is a list of sentences, each a list of words; y a list of lists of tags, text or numbers, None where unknown: such
    a sentence is left out of the counts of tag sequences, its other words are not. One sentence gives one result.

    >>> X = [["the", "dog", "barks"], ["a", "cat", "sleeps"], ["dogs", "sleep"]]
    >>> y = [["DET", "NOUN", "VERB"], ["DET", "NOUN", "VERB"], ["NOUN", "VERB"]]
    >>> HMMTagger().fit(X, y).predict(["the", "rat", "sleeps"])
    array(['DET', 'NOUN', 'VERB'], dtype='<U4')
    """

    def __init__(
        self, *, order: int = 2, longest_ending: int = 10, rare: int = 10, n_jobs: int | None = None
    ) -> None:  # fmt: skip
        self.order = order
        self.longest_ending = longest_ending
        self.rare = rare
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any) -> Self:
        """Count."""
        self._check_parameters()
        sentences, single = as_sentences(X)
        offsets = offsets_of(sentences)
        labels = tags.flatten(y, offsets, single)
        self.classes_ = tags.learn(labels)
        code, n_tags = tags.encode(labels, self.classes_), len(self.classes_)
        gaps = np.concatenate([[0], np.cumsum(code < 0)])[offsets]
        whole = np.diff(gaps) == 0
        lengths = np.diff(offsets)
        if not np.any(lengths[whole]):
            raise ValueError("y has an unknown tag in every sentence; tag sequences are counted in whole sentences")
        within = np.repeat(whole, lengths)
        self._counts = ngrams.count(code[within], np.concatenate([[0], np.cumsum(lengths[whole])]), n_tags)
        words = [word for sentence in sentences for word in sentence]
        known = np.flatnonzero(code >= 0)
        self.lexicon_ = Lexicon.learn(
            [words[k] for k in known], code[known], n_tags, longest=self.longest_ending, rare=self.rare
        )
        before = np.concatenate([[-1], code[:-1]])
        opens = np.zeros(len(code), dtype=bool)
        opens[offsets[:-1][lengths > 0]] = True
        before[opens] = -1
        paired = np.flatnonzero((code >= 0) & (opens | (before >= 0)))
        pairs = (before[paired] + 1) * n_tags + code[paired]
        self._context = WordsInContext.learn(self.lexicon_, [words[k] for k in paired], pairs)
        self._weigh()
        return self

    def _weigh(self) -> None:
        self.interpolation_ = ngrams.interpolation(self._counts, self.order)
        self.graph_: StateGraph = ngrams.tag_graph(ngrams.probabilities(self._counts, self.order))

    def _check_parameters(self) -> None:
        if self.order not in (1, 2):
            raise ValueError(f"order is {self.order!r}; expected 1 (pairs of tags) or 2 (triples)")
        for name in ("longest_ending", "rare"):
            value = getattr(self, name)
            check_whole(name, value, 0)

    def _ask(self, question: Any, X: Any) -> tuple[list[Any], bool]:
        """What `question` answers for each sentence, in groups whose table of scores is small; and whether X is one."""
        check_is_fitted(self, "lexicon_")
        sentences, single = as_sentences(X)
        offsets, found, first = offsets_of(sentences), [], 0
        while first < len(sentences):
            most = offsets[first] + GROUP_SCORES // self.graph_.n_states
            last = max(first + 1, int(np.searchsorted(offsets, most, side="right")) - 1)
            found += question(self.graph_, self._scores(sentences[first:last]), n_jobs=self.n_jobs)
            first = last
        return found, single

    def _scores(self, sentences: list[list[str]]) -> Packed:
        words, number = numbered(word for sentence in sentences for word in sentence)
        table = (self.lexicon_ if self.order == 1 else self._context).log_scores(words)
        return pack(Indexed(table, Sequences(number, offsets_of(sentences))))

    def predict(self, X: Any) -> Any:
        """The tags of the best path of each sentence (Viterbi)."""
        paths, single = self._ask(lattice.best_path, X)
        found = [self.classes_[path.states % len(self.classes_)] for path in paths]
        return found[0] if single else found

    def predict_proba(self, X: Any) -> Any:
        """(n_words, n_tags) posterior of each tag of each word."""
        rows, single = self._ask(lattice.label_posteriors, X)
        n = len(self.classes_)
        found = [row.reshape(len(row), row.shape[1] // n, n).sum(1) for row in rows]
        return found[0] if single else found

    def score(self, X: Any, y: Any) -> float:
        """Share of words of known tag whose tag is predicted."""
        sentences, single = as_sentences(X)
        labels = tags.flatten(y, offsets_of(sentences), single)
        return tags.accuracy(labels, [tag for found in self.predict(sentences) for tag in found.tolist()])

    def __sklearn_tags__(self) -> Any:
        sklearn_tags = super().__sklearn_tags__()
        sklearn_tags.input_tags.two_d_array = False  # words, not numbers
        sklearn_tags.input_tags.string = True
        sklearn_tags.target_tags.required = True
        return sklearn_tags

    def _parts(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Counts: all else follows from them."""
        arrays = {"classes": tags.to_bytes(self.classes_.tolist()), "words": tags.to_bytes(self.lexicon_.words)}
        pairs = self._context.counts
        arrays |= {"pairs.data": pairs.data, "pairs.indices": pairs.indices, "pairs.indptr": pairs.indptr}
        return arrays | {"word_counts": self.lexicon_.counts} | self._counts._asdict(), {}

    def _restore(self, arrays: dict[str, np.ndarray], fitted: dict[str, Any]) -> None:
        self._check_parameters()
        self.classes_ = np.array(tags.from_bytes(arrays["classes"]))
        n, words = len(self.classes_), tags.from_bytes(arrays["words"])
        self._counts = ngrams.Counts(*(arrays[name] for name in ngrams.Counts._fields))
        shapes = [array.shape for array in (arrays["word_counts"], *self._counts)]
        if shapes != [(len(words), n), *((n + 1,) * length for length in (1, 2, 3))]:
            raise ValueError(f"counts of shapes {shapes} for {len(words)} words and {n} tags")
        for counts in (arrays["word_counts"], arrays["pairs.data"], *self._counts):
            if not np.all((counts >= 0) & np.isfinite(counts)):
                raise ValueError("counts are not all finite and 0 or more")
        self.lexicon_ = Lexicon(words, arrays["word_counts"], longest=self.longest_ending, rare=self.rare)
        parts = tuple(arrays[f"pairs.{part}"] for part in ("data", "indices", "indptr"))
        pairs = sparse.csr_array(parts, shape=(len(words), (n + 1) * n))
        pairs.check_format()
        self._context = WordsInContext(self.lexicon_, pairs)
        self._weigh()


def as_sentences(X: Any) -> tuple[list[list[str]], bool]:
    """X as a list of sentences, and whether it was one sentence."""
    X = X.tolist() if isinstance(X, np.ndarray) else X
    if not isinstance(X, (list, tuple)) or not X:
        raise ValueError(f"X is {X!r}; expected a list of sentences, each a list of words")
    single = isinstance(X[0], str)
    sentences = [
        list(sentence) if isinstance(sentence, (list, tuple, np.ndarray)) else sentence
        for sentence in ([X] if single else X)
    ]
    for s, sentence in enumerate(sentences):
        if not isinstance(sentence, list):
            raise ValueError(f"X[{s}] is {sentence!r}; expected a list of words")
        for t, word in enumerate(sentence):
            if not isinstance(word, str):
                raise ValueError(f"X[{s}] has {word!r} at position {t}; a word is text")
    return sentences, single
