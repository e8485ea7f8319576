"""Segments, labels and the path with most labels right."""

import numpy as np
from hypothesis import given

from hmmseq import decoding, lattice
from oracle import NEVER, all_paths
from segment_oracle import all_segmentations
from strategies import lattices, segment_lattices


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


@given(segment_lattices())
def test_mea_segments_have_the_most_labels_expected_right(case):
    graph, scores = case
    posterior = lattice.posteriors(graph, scores).labels
    found = decoding.mea_path(graph, posterior)
    possible = [path for path, _ in all_segmentations(graph, scores)]
    if not possible:
        assert found.score == NEVER
        return

    def gain(path):
        return sum(posterior[a:b, graph.label[state]].sum() for state, a, b in path if b > a)

    assert lattice.path_score(graph, scores, found.segments) > NEVER
    np.testing.assert_allclose([found.score, gain(found.segments)], max(map(gain, possible)), rtol=1e-10)


def test_a_list_gives_a_list():
    from hmmseq import topologies

    paths = decoding.mea_path(topologies.ergodic(2), [np.eye(2), np.eye(2)[:1]])
    assert [path.states.tolist() for path in paths] == [[0, 1], [0]]


def test_segments_cover_the_path():
    assert decoding.segments([]) == []
    found = decoding.segments([3, 3, 0, 3])
    assert found == [(0, 2, 3), (2, 3, 0), (3, 4, 3)]
