"""A model fed step by step against the same model asked at the end."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from hmmseq import HMM, Categorical, Gaussian, StateGraph, topologies
from hmmseq.emissions import AutoregressiveGaussian, Product

LOOP = StateGraph(4, [0, 0, 1, 2, 2, 3], [0, 1, 2, 2, 3, 0], label=[0, -1, 1, -1])  # two of its states are silent

EMISSIONS = [
    Gaussian(), Categorical(3), Categorical(3, order=2), AutoregressiveGaussian(2),
    Product([Gaussian(), AutoregressiveGaussian()]),
]  # fmt: skip


def model_and_data(emission, topology=None):
    rng = np.random.default_rng(3)
    symbols = isinstance(emission, Categorical)
    X = [rng.integers(-1, 3, n) if symbols else rng.normal(size=(n, 2)).cumsum(0) for n in (40, 25)]
    return HMM(emission, 2, topology=topology, random_state=0, n_iter=5).fit(X), X[0]


@pytest.mark.parametrize("emission", EMISSIONS, ids=str)
@pytest.mark.parametrize("topology", [None, LOOP], ids=["ergodic", "silent"])
@pytest.mark.parametrize("n_blocks", [1, 7, 40])
def test_streams_give_what_the_model_gives(emission, topology, n_blocks):
    model, x = model_and_data(emission, topology)
    blocks = np.array_split(x, n_blocks)
    if n_blocks == len(x):
        blocks = list(x)  # single observations
    for stream, expected in (
        (model.stream_predict(), model.predict(x)),
        (model.stream_predict_proba(lag=len(x)), model.predict_proba(x)),
    ):
        found = np.concatenate([*map(stream.push, blocks), stream.close()])
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    filtered = model.stream_predict_proba()
    for t, row in enumerate(np.concatenate([filtered.push(block) for block in blocks])):
        np.testing.assert_allclose(row, open_ended(model).predict_proba(x[: t + 1])[t], rtol=1e-9, atol=1e-12)


def open_ended(model):
    label = model.graph_.label
    model.graph_ = model.graph_.weigh(end=np.where(label >= 0, 0.0, -np.inf))
    return model


def test_a_stream_keeps_the_parameters_it_began_with_and_a_copy_its_place():
    model, x = model_and_data(Categorical(3, order=1))
    expected = model.predict_proba(x)
    stream = model.stream_predict_proba(lag=100)
    stream.push(x[:10])
    twin = stream.copy()
    twin.push([0, 1, 2])
    model.fit([[2, 2, 0, 1], [0, 0, 2]])
    stream.push(x[10:])
    np.testing.assert_allclose(stream.close(), expected, rtol=1e-9, atol=1e-12)


def test_bad_input():
    with pytest.raises(NotFittedError):
        HMM(Gaussian()).stream_predict()
    model, _ = model_and_data(Gaussian())
    stream = model.stream_predict_proba()
    with pytest.raises(ValueError, match="3 features"):
        stream.push([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="infinity"):
        stream.push([1.0, np.inf])
    assert stream.push([1.0, np.nan]).shape == (1, 2)
    left_right = HMM(Categorical(2), topology=topologies.left_right(2)).fit([[0, 1]], [[0, 1]])
    assert left_right.stream_predict().push([0, 1, 0]).tolist() == [0, 1, -1]
