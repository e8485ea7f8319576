"""Every question, asked of states that last, against the list of all segmentations."""

import numpy as np
import pytest
from hypothesis import given

from hmmseq import lattice
from oracle import NEVER, log_sum
from segment_oracle import all_segmentations, enumerate_segments
from strategies import seeds, segment_lattices

EXACT = {"rtol": 1e-10, "atol": 1e-10}


@given(segment_lattices())
def test_log_partition_sums_every_segmentation(case):
    graph, scores = case
    expected = log_sum(score for _, score in all_segmentations(graph, scores))
    np.testing.assert_allclose(lattice.log_partition(graph, scores), expected, **EXACT)


@given(segment_lattices())
def test_posteriors_are_shares_of_segmentations(case):
    graph, scores = case
    found = lattice.posteriors(graph, scores)
    if found.log_partition == NEVER:
        assert not any(np.any(part) for part in found[1:])
        return
    for ours, expected in zip(found, enumerate_segments(graph, scores)):
        np.testing.assert_allclose(ours, expected, **EXACT)


@pytest.mark.parametrize("part", ["edge", "start", "end", "durations", "tail"])
@given(segment_lattices(max_steps=4))
def test_posteriors_are_derivatives(part, case):
    graph, scores = case
    found = lattice.posteriors(graph, scores)
    if found.log_partition == NEVER:
        return
    exact = found.edges if part == "edge" else getattr(found, part)
    weights = getattr(graph if part in ("durations", "tail") else graph.graph, part)
    for k in zip(*np.nonzero(weights > NEVER)):
        up, down = weights.copy(), weights.copy()
        up[k] += 1e-5
        down[k] -= 1e-5
        rise = lattice.log_partition(graph.weigh(**{part: up}), scores)
        fall = lattice.log_partition(graph.weigh(**{part: down}), scores)
        assert (rise - fall) / 2e-5 == pytest.approx(exact[k], abs=2e-5)


@given(segment_lattices())
def test_best_path_beats_every_other(case):
    graph, scores = case
    best = max((score for _, score in all_segmentations(graph, scores)), default=NEVER)
    path = lattice.best_path(graph, scores)
    np.testing.assert_allclose(path.score, best, **EXACT)
    if best == NEVER:
        assert np.all(path.states == -1) and len(path.states) == len(scores) and path.segments.shape == (0, 3)
    else:
        np.testing.assert_allclose(lattice.path_score(graph, scores, path.segments), best, **EXACT)


@given(segment_lattices())
def test_path_score_is_the_score_of_that_segmentation(case):
    graph, scores = case
    for path, score in all_segmentations(graph, scores):
        np.testing.assert_allclose(lattice.path_score(graph, scores, path), score, **EXACT)


@given(segment_lattices(max_states=2, max_steps=4), seeds)
def test_sampled_segmentations_follow_their_posterior(case, seed):
    graph, scores = case
    shares = dict(all_segmentations(graph, scores))
    total = log_sum(shares.values())
    drawn = lattice.sample_paths(graph, scores, 400, random_state=seed)
    if total == NEVER:
        assert all(path.score == NEVER for path in drawn)
        return
    times = dict.fromkeys(shares, 0)
    for path in drawn:
        key = tuple(map(tuple, path.segments.tolist()))
        times[key] += 1
        np.testing.assert_allclose(path.score, shares[key], **EXACT)
    for path, score in shares.items():
        p = np.exp(score - total)
        assert abs(times[path] - 400 * p) <= 6 * np.sqrt(400 * p * (1 - p)) + 6  # six standard deviations
