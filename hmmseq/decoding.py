"""From paths to answers: labels, segments, the path that gets the most labels right, and what is known beforehand.

>>> segments([0, 0, 2, 2, 2, 0])
[Segment(start=0, stop=2, label=0), Segment(start=2, stop=5, label=2), Segment(start=5, stop=6, label=0)]
"""

from typing import Any, NamedTuple

import numpy as np

from hmmseq import lattice
from hmmseq.constraints import constrain
from hmmseq.graph import StateGraph
from hmmseq.kernels.logmath import NEVER
from hmmseq.segment_graph import SegmentGraph, possible
from hmmseq.sequences import is_one

__all__ = ["Segment", "constrain", "labels", "mea_path", "segments"]


class Segment(NamedTuple):
    """Steps `start` to `stop - 1`, all with one label."""

    start: int
    stop: int
    label: int


def segments(path: Any) -> list[Segment]:
    """The runs of equal labels in a path, in order; together they cover it."""
    path = np.asarray(path)
    if not path.size:
        return []
    starts = np.concatenate([[0], np.flatnonzero(path[1:] != path[:-1]) + 1])
    stops = np.append(starts[1:], len(path))
    return [Segment(int(a), int(b), int(path[a])) for a, b in zip(starts, stops)]


def labels(graph: StateGraph, path: lattice.Path) -> np.ndarray:
    """(n_steps,) label read at each step of a path: silent states left out; -1 where no path exists."""
    read = np.where(path.states < 0, -1, graph.label[path.states])
    return read[(read >= 0) | (path.states < 0)]


def mea_path(graph: StateGraph | SegmentGraph, posteriors: Any, *, n_jobs: int | None = None) -> Any:
    """The path, among those that the graph allows, that is expected to have the most labels right.

    It maximises the sum of the posteriors of its labels ("optimal accuracy": Käll, Krogh and Sonnhammer,
    Bioinformatics 21 Suppl 1, i251, 2005). Taking the best label at each step may give what no path can: a
    helix of one residue, two exons without an intron. Weights of edges, and of durations, only say what is
    possible here; posteriors have used them already.

    posteriors : (n_steps, n_labels) as in `lattice.posteriors(...).labels`, or a list of such arrays

    Returns one `Path` (of a SegmentGraph `SegmentPath`) for one sequence, a list for many; its score is the expected
    number of right labels.
    """
    scores = _gains(posteriors) if is_one(posteriors) else [_gains(p) for p in posteriors]
    return lattice.best_path(_unweighted(graph), scores, n_jobs=n_jobs)


def _unweighted(graph: StateGraph | SegmentGraph) -> StateGraph | SegmentGraph:
    if isinstance(graph, SegmentGraph):
        return graph.unweighted()
    return graph.weigh(edge=possible(graph.edge), start=possible(graph.start), end=possible(graph.end))


def _gains(posterior: Any) -> np.ndarray:
    """What cannot happen stays impossible, rather than merely worth nothing."""
    posterior = np.asarray(posterior, dtype=np.float64)
    return np.where(posterior > 0, posterior, NEVER)
