"""Segments, labels and the path with most labels right."""

import numpy as np
from hypothesis import given

from hmmseq import decoding, lattice
from oracle import NEVER, all_paths
from strategies import lattices


@given(lattices())
def test_mea_path_has_the_most_labels_expected_right(case):
    graph, scores = case
    posterior = lattice.posteriors(graph, scores).labels
    found = decoding.mea_path(graph, posterior)
    labels = decoding.labels(graph, found)
    assert len(labels) == len(scores)
    steps = np.arange(len(scores))
    gains = []
    for path, _ in all_paths(graph, scores):
        read = [graph.label[state] for state in path if graph.label[state] >= 0]
        gains.append(posterior[steps, read].sum())
    if not gains:
        assert found.score == NEVER and np.all(labels == -1)
        return
    np.testing.assert_allclose(found.score, max(gains), rtol=1e-10)
    np.testing.assert_allclose(posterior[steps, labels].sum(), max(gains), rtol=1e-10)


def test_a_list_gives_a_list():
    from hmmseq import topologies

    paths = decoding.mea_path(topologies.ergodic(2), [np.eye(2), np.eye(2)[:1]])
    assert [path.states.tolist() for path in paths] == [[0, 1], [0]]


def test_segments_cover_the_path():
    assert decoding.segments([]) == []
    found = decoding.segments([3, 3, 0, 3])
    assert found == [(0, 2, 3), (2, 3, 0), (3, 4, 3)]
