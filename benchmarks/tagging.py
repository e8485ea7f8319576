"""Part-of-speech tagging (UD English EWT) and chunking (CoNLL-2000) beside python-crfsuite, on one thread.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.tagging [ud] [classes] [chunking] [--output benchmarks/results]

Both libraries get the same features as the same Python lists, the same parametrisation (weights of pairs of feature and
label that training has; of all transitions; none of starts and ends, which are features) and the same penalty, and run
the same number of iterations of L-BFGS. "seconds to CRFsuite's objective" is when ours first reached CRFsuite's last one.
Training is scored on the development part of UD; CoNLL-2000 has no development part, so the last tenth of its training
sentences is one. `ud` has the usual features; `classes` adds which tags each word had in training (ambiguity classes: Giménez
and Màrquez, SVMTool, LREC 2004), which `choose` found on held-out sentences of the training part.
"""

import argparse
import gzip
import io
import os
import re
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.report import best, write
from hmmseq import CRF, HMMTagger
from hmmseq.metrics import span_scores

PENALTY, ITERATIONS = 1.0, 60
SEEN = 1  # times that a word was seen to have a class: `choose`
BLOCK, FOLDS = 50, 10  # sentences in order are of one document: what is held out comes in blocks
AFFIXES = range(1, 5)


class Part(NamedTuple):
    """Sentences: what is seen at each step, and its label."""

    tokens: list[list[tuple[str, ...]]]  # (word,) or (word, part of speech)
    labels: list[list[str]]

    def words(self) -> list[list[str]]:
        return [[token[0] for token in sentence] for sentence in self.tokens]

    def take(self, chosen: Any) -> "Part":
        return Part([self.tokens[s] for s in chosen], [self.labels[s] for s in chosen])


def read(path: Path, columns: tuple[int, ...], label: int) -> Part:
    """Sentences of a table in columns, with an empty line between sentences."""
    part = Part([], [])
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for block in file.read().split("\n\n"):
            lines = [line.split() if "\t" not in line else line.split("\t") for line in block.splitlines()]
            rows = [row for row in lines if row and not row[0].startswith("# ") and row[0] != "#"]
            if len(columns) == 1:  # CoNLL-U: lines of contractions ("1-2") and of empty nodes ("1.1") are no words
                rows = [row for row in rows if row[0].isdigit()]
            if rows:
                part.tokens.append([tuple(row[c] for c in columns) for row in rows])
                part.labels.append([row[label] for row in rows])
    return part


def shape(word: str) -> str:
    """Capitals X, small letters x, digits d, runs cut to two."""
    masked = re.sub(r"\d", "d", re.sub(r"[^\W\d_]", lambda m: "X" if m[0].isupper() else "x", word))
    return re.sub(r"(.)\1+", r"\1\1", masked)


def tag_features(sentence: list[tuple[str, ...]]) -> list[list[str]]:
    """Word, affixes, shape, and the neighbours' words."""
    words = ["<s>", "<s>", *[token[0].lower() for token in sentence], "</s>", "</s>"]
    out = []
    for t, (word, *_) in enumerate(sentence):
        low, before, after = words[t + 2], words[t + 1], words[t + 3]
        affixes = [a for n in AFFIXES if n <= len(low) for a in (f"p{n}={low[:n]}", f"s{n}={low[-n:]}")]
        neighbours = [f"w-1={before}", f"w+1={after}", f"w-2={words[t]}", f"w+2={words[t + 4]}"]
        pairs = [f"w-1,0={before}|{low}", f"w0,1={low}|{after}", f"s-1={before[-3:]}", f"s+1={after[-3:]}"]
        out.append(["bias", f"word={word}", f"w={low}", f"shape={shape(word)}", *affixes, *neighbours, *pairs])
    return out


def word_classes(train: Part, least: int) -> dict[str, str]:
    """The tags that each word had, of words seen `least` times."""
    times: dict[str, Counter[str]] = defaultdict(Counter)
    for words, labels in zip(train.words(), train.labels):
        for word, label in zip(words, labels):
            times[word.lower()][label] += 1
    return {word: "".join(sorted(tags)) for word, tags in times.items() if tags.total() >= least}


def class_features(classes: dict[str, str]) -> Callable:
    """`tag_features`, and the classes of the words around, alone and together."""

    def features(sentence: list[tuple[str, ...]]) -> list[list[str]]:
        words = [token[0].lower() for token in sentence]
        known = ["", "", *(classes.get(word, "?") for word in words), "", ""]
        for t, (word, own) in enumerate(zip(words, out := tag_features(sentence))):
            b, a, c, d, e = known[t : t + 5]
            own += [f"c={c}", f"c-1={a}", f"c+1={d}", f"c-2={b}", f"c+2={e}", f"c-1,1={a}|{d}", f"c1,2={d}|{e}"]
            own += [f"w,c+1={word}|{d}", f"w,c-1={word}|{a}", f"c-1,0,1={a}|{c}|{d}"]
        return out

    return features


def with_classes(train: Part, held: Part, least: int) -> list[list]:
    """Features of both. Classes of a training sentence are of the other nine tenths, so that none knows its own labels."""
    block = np.arange(len(train.tokens)) // BLOCK % FOLDS
    X: list[Any] = [None] * len(block)
    for fold in range(FOLDS):
        features = class_features(word_classes(train.take(np.flatnonzero(block != fold)), least))
        for s in np.flatnonzero(block == fold):
            X[s] = features(train.tokens[s])
    features = class_features(word_classes(train, least))
    return [X, [features(sentence) for sentence in held.tokens]]


def without_classes(features: Callable) -> Callable:
    """The same features for both."""
    return lambda train, held: [[features(sentence) for sentence in part.tokens] for part in (train, held)]


def chunk_features(sentence: list[tuple[str, ...]]) -> list[list[str]]:
    """The template of CRF++ and CRFsuite for CoNLL-2000: words and parts of speech in a window of two, and their pairs."""
    padded = [("<s>", "<s>")] * 2 + sentence + [("</s>", "</s>")] * 2
    out = []
    for t in range(len(sentence)):
        window = padded[t : t + 5]
        words, tags = ([token[k] for token in window] for k in (0, 1))
        singles = [f"{name}[{k - 2}]={row[k]}" for name, row in (("w", words), ("t", tags)) for k in range(5)]
        pairs = [f"w[{k - 2},{k - 1}]={words[k]}|{words[k + 1]}" for k in (1, 2)]
        pairs += [f"t[{k - 2},{k - 1}]={tags[k]}|{tags[k + 1]}" for k in range(4)]
        triples = [f"t[{k - 2},{k}]={tags[k]}|{tags[k + 1]}|{tags[k + 2]}" for k in range(3)]
        out.append(["bias", *singles, *pairs, *triples])
    return out


def accuracy(truth: list[list[str]], found: list[Any]) -> float:
    right = [a == b for ours, theirs in zip(truth, found) for a, b in zip(ours, theirs, strict=True)]
    return 100 * sum(right) / len(right)


def chunk_f1(truth: list[list[str]], found: list[Any]) -> float:
    """F1 of whole chunks, as conlleval counts them."""
    return 100 * span_scores(truth, found).f1


def ours(X: list, y: list) -> tuple[dict, Callable]:
    """Figures of training, and what tags sentences."""
    begun = time.perf_counter()
    model = CRF(ends=False, tol=0.0, n_jobs=1, c2=PENALTY, n_iter=ITERATIONS).fit(X, y)
    figures: dict[str, Any] = {"train_s": time.perf_counter() - begun, "iterations_s": model.seconds_[-1]}
    figures |= {"iterations": model.n_iter_, "objective": model.history_[-1]}
    return figures | {"history": model.history_, "seconds": model.seconds_}, model.predict


def crfsuite(X: list, y: list) -> tuple[dict, Callable]:
    """The same of CRFsuite."""
    import pycrfsuite

    class Log(pycrfsuite.BaseTrainer):
        lines: list[str] = []

        def message(self, message: str) -> None:
            self.lines.append(message)

    begun = time.perf_counter()
    trainer = Log(algorithm="lbfgs", verbose=True)
    trainer.lines = []
    for features, labels in zip(X, y):
        trainer.append(features, labels)
    trainer.set_params(
        {
            "c1": 0.0, "c2": PENALTY, "max_iterations": ITERATIONS, "feature.possible_transitions": True,
            "epsilon": 0.0, "delta": 0.0,
        }
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        path = str(Path(folder) / "model")
        trainer.train(path)
        seconds = time.perf_counter() - begun
        model = Path(path).read_bytes()
    tagger = pycrfsuite.Tagger()
    tagger.open_inmemory(model)
    text = "".join(trainer.lines)
    losses = [float(value) for value in re.findall(r"Loss: (\S+)", text)]
    spent = [float(value) for value in re.findall(r"Seconds required for this iteration: (\S+)", text)]
    figures = {"train_s": seconds, "iterations_s": sum(spent), "iterations": len(losses), "objective": losses[-1]}

    def tag(held: list, _model: bytes = model) -> list:  # the tagger reads it where it lies
        return [tagger.tag(x) for x in held]

    return figures, tag


def race(task: str, train: Part, held: Part, features: Callable, measure: Callable) -> list[dict]:
    """Both libraries on the same features; and how long ours took to CRFsuite's last objective."""
    X, held_X = features(train, held)
    contenders = {"python-crfsuite": crfsuite(X, train.labels), "hmmseq CRF": ours(X, train.labels)}
    seconds = in_turns([partial(tag, held_X) for _, tag in contenders.values()])
    rows = [row(task, name, held, measure, figures, tag(held_X), tag_s)
            for (name, (figures, tag)), tag_s in zip(contenders.items(), seconds)]  # fmt: skip
    rival, own = rows
    progress = zip(own.pop("history"), own.pop("seconds"))
    reached = [s for value, s in progress if value <= rival["objective"]]
    own["to_rivals_objective_s"] = reached[0] if reached else None
    return rows


def row(task: str, name: str, held: Part, measure: Callable, figures: dict, found: Any, tag_s: float) -> dict:
    speed = sum(map(len, held.tokens)) / tag_s
    return {"task": task, "tagger": name, "figure": measure(held.labels, found)} | figures | {"tokens_a_second": speed}


def in_turns(taggers: list[Callable], times: int = 7) -> list[float]:
    """Seconds of the fastest run of each; they take turns, so that what else the machine does meets all of them."""
    rounds = [[best(tag, 1) for tag in taggers] for _ in range(times)]
    return np.min(rounds, axis=0).tolist()


def hmm_rows(train: Part, held: Part) -> list[dict]:
    rows = []
    for order in (1, 2):
        begun = time.perf_counter()
        model = HMMTagger(order=order, n_jobs=1).fit(train.words(), train.labels)
        seconds, words = time.perf_counter() - begun, held.words()
        tag_s = best(lambda model=model, words=words: model.predict(words))
        name, figures = f"hmmseq HMMTagger(order={order})", {"train_s": seconds}
        rows.append(row("UD English EWT", name, held, accuracy, figures, model.predict(words), tag_s))
    return rows


def ud_parts(data: Path) -> list[Part]:
    return [read(data / "ud" / f"en_ewt-ud-{part}.conllu.gz", (1,), 3) for part in ("train", "dev")]


def ud(data: Path) -> list[dict]:
    train, held = ud_parts(data)
    return race("UD English EWT", train, held, without_classes(tag_features), accuracy) + hmm_rows(train, held)


def chunking(data: Path) -> list[dict]:
    every = read(data / "restricted_conll2000" / "train.txt.gz", (0, 1), 2)
    cut = len(every.tokens) * 9 // 10
    train, held = Part(every.tokens[:cut], every.labels[:cut]), Part(every.tokens[cut:], every.labels[cut:])
    return race("CoNLL-2000 (a tenth held out)", train, held, without_classes(chunk_features), chunk_f1)


HEADER = [
    "| task | tagger | accuracy or F1 | training s | of it iterations s | iterations | objective | s to CRFsuite's objective "
    "| tokens a second |",
    "|---|---|---|---|---|---|---|---|---|",
]


def line(row: dict) -> str:
    def figure(key: str, form: str) -> str:
        return "" if row.get(key) is None else format(row[key], form)

    parts = [("figure", ".2f"), ("train_s", ".1f"), ("iterations_s", ".1f"), ("iterations", "d"), ("objective", ".2f")]
    parts += [("to_rivals_objective_s", ".1f"), ("tokens_a_second", ",.0f")]
    return f"| {row['task']} | {row['tagger']} | " + " | ".join(figure(*part) for part in parts) + " |"


def classes(data: Path) -> list[dict]:
    train, held = ud_parts(data)
    return race("UD English EWT, classes of words", train, held, partial(with_classes, least=SEEN), accuracy)


def choose(data: Path) -> list[dict]:
    """Which features: trained on half of the blocks of a hundred sentences of the training part, judged by a tenth."""
    whole = ud_parts(data)[0]
    block = np.arange(len(whole.tokens)) // (2 * BLOCK) % FOLDS
    train, held = whole.take(np.flatnonzero(block % 2 == 0)), whole.take(np.flatnonzero(block == FOLDS - 1))
    kinds = {"usual": without_classes(tag_features)}
    kinds |= {f"classes of words seen {n} times": partial(with_classes, least=n) for n in (1, 2, 5)}
    return [chosen(name, train, held, features) for name, features in kinds.items()]


def chosen(name: str, train: Part, held: Part, features: Callable) -> dict:
    X, held_X = features(train, held)
    figures, tag = ours(X, train.labels)
    figures = {key: value for key, value in figures.items() if key not in ("history", "seconds")}
    name = f"hmmseq CRF, {name}"
    return row(
        "UD English EWT, half of training", name, held, accuracy, figures, tag(held_X), best(lambda: tag(held_X))
    )


TASKS = {"ud": ud, "classes": classes, "chunking": chunking, "choose": choose}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", choices=[*TASKS, []], help="default: all but choose")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("HMMSEQ_DATA", "../shared/data")))
    parser.add_argument("--output", type=Path, help="folder for tagging.json and tagging.md")
    options = parser.parse_args()
    CRF(n_iter=2).fit([[["a"], ["b"]] * 200], [["x", "y"] * 200]).predict([[["a"]] * 400])  # compile
    rows: list[dict] = []
    for task in options.tasks or [name for name in TASKS if name != "choose"]:
        rows += TASKS[task](options.data)
    table = [*HEADER, *map(line, rows)]
    print(*table, sep="\n")
    write(options.output, "tagging", rows, table)


if __name__ == "__main__":
    main()
