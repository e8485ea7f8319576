"""Models carried to another library and back score the same on both sides."""

import numpy as np
import pytest
from sklearn.base import clone

from hmmseq import HMM, topologies
from hmmseq.compat.hmmlearn import hmm as compat
from hmmseq.emissions import (
    Bernoulli,
    Categorical,
    Exponential,
    Gamma,
    Gaussian,
    Mixture,
    Multinomial,
    Poisson,
    Pomegranate,
    StudentT,
)
from hmmseq.interop import from_hmmlearn, from_pomegranate, to_hmmlearn, to_pomegranate

KINDS = ["spherical", "diag", "full", "tied"]
RNG = np.random.default_rng(0)
LENGTHS = [30, 12, 50]
VECTORS = [RNG.normal(size=(n, 2)) + 3 * RNG.integers(0, 3, (n, 1)) for n in LENGTHS]
COUNTS = [RNG.poisson(1 + 4 * RNG.integers(0, 3, (n, 1)), (n, 2)) for n in LENGTHS]
SYMBOLS = [RNG.integers(0, 4, n) for n in LENGTHS]
POSITIVE = [np.exp(x) for x in VECTORS]
BITS = [(x > 3).astype(float) for x in VECTORS]

SHARED = {
    **{kind: (Gaussian(kind), VECTORS) for kind in KINDS},
    **{f"mixture {kind}": (Mixture(Gaussian(kind), 2), VECTORS) for kind in ("spherical", "diag", "full")},
    "categorical": (Categorical(4), SYMBOLS),
    "poisson": (Poisson(), COUNTS),
}
OF_HMMLEARN = SHARED | {"multinomial": (Multinomial(), COUNTS)}
OF_POMEGRANATE = SHARED | {
    "bernoulli": (Bernoulli(), BITS),
    "exponential": (Exponential(), POSITIVE),
    "gamma": (Gamma(), POSITIVE),
}


def fitted(emission, X, topology=None):
    return HMM(emission, 3, topology=topology, n_iter=3, random_state=0).fit(X)


def rows(X):
    joined = np.concatenate(X)
    return (joined[:, None] if joined.ndim == 1 else joined), [len(x) for x in X]


@pytest.mark.parametrize("library", ["hmmlearn.hmm", "hmmseq.compat.hmmlearn.hmm"])
@pytest.mark.parametrize("case", OF_HMMLEARN)
def test_to_hmmlearn_and_back(case, library):
    pytest.importorskip(library)
    emission, X = OF_HMMLEARN[case]
    model = fitted(emission, X)
    there = to_hmmlearn(model, library)
    joined, lengths = rows(X)
    if case == "multinomial":
        there.n_trials = joined.sum(1)  # hmmlearn has it among its parameters
    total = model.score(X) * len(joined)
    assert there.score(joined, lengths) == pytest.approx(total, rel=1e-9)
    np.testing.assert_allclose(there.predict_proba(joined, lengths), np.concatenate(model.predict_proba(X)), atol=1e-8)
    best = sum(path.score for path in model.decode(X))  # of paths that are equally good each side has its own
    assert there.decode(joined, lengths)[0] == pytest.approx(best, rel=1e-9)
    back = from_hmmlearn(there)
    assert back.score(X) == pytest.approx(model.score(X), rel=1e-9)
    assert back.n_parameters_ == model.n_parameters_
    again = clone(back).set_params(init=back)
    assert again.fit(X).score(X) >= model.score(X) - 1e-6  # a model to go on with


@pytest.mark.parametrize("kind", KINDS)
def test_a_mixture_of_hmmlearn_with_any_covariance(kind):
    hmm = pytest.importorskip("hmmlearn.hmm")
    joined, lengths = rows(VECTORS)
    there = hmm.GMMHMM(2, 2, covariance_type=kind, random_state=0, n_iter=3).fit(joined, lengths)
    here = from_hmmlearn(there)
    assert here.score(VECTORS) * len(joined) == pytest.approx(there.score(joined, lengths), rel=1e-9)
    assert here.emission_.check(2) is None and here.weights_.shape == (2, 2)


def test_a_class_derived_from_one_of_hmmlearn():
    class Own(compat.PoissonHMM):
        pass

    joined, lengths = rows(COUNTS)
    there = Own(2, random_state=0).fit(joined, lengths)
    assert from_hmmlearn(there).score(COUNTS) * len(joined) == pytest.approx(there.score(joined, lengths), rel=1e-9)


def scores_of(there, X):
    torch = pytest.importorskip("torch")
    out = []
    for x in X:
        batch = torch.tensor(x.reshape(1, len(x), -1))
        batch = batch if batch.dtype == torch.int64 and batch.shape[2] == 1 else batch.float()
        out.append((float(there.log_probability(batch)[0]), there.predict_proba(batch)[0].numpy()))
    return out


@pytest.mark.filterwarnings("ignore")  # its own, of other libraries' deprecations
@pytest.mark.parametrize("case", OF_POMEGRANATE)
@pytest.mark.parametrize(
    "topology", [None, topologies.left_right, topologies.cycle], ids=["dense", "left-right", "cycle"]
)
def test_to_pomegranate_and_back(case, topology):
    pytest.importorskip("pomegranate")
    emission, X = OF_POMEGRANATE[case]
    model = fitted(emission, X, topology)
    there = to_pomegranate(model)
    assert type(there).__name__ == ("DenseHMM" if topology is None else "SparseHMM")
    back = from_pomegranate(there)
    for x, (score, posterior) in zip(X, scores_of(there, X), strict=True):
        assert model.score([x]) * len(x) == pytest.approx(score, rel=1e-4)
        assert back.score([x]) * len(x) == pytest.approx(score, rel=1e-4)
        np.testing.assert_allclose(back.predict_proba(x), posterior, atol=2e-3)
    assert type(back.emission_) is type(emission)
    np.testing.assert_allclose(back.transmat_, model.transmat_, atol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_ends_and_families_that_hmmseq_lacks_come_along():
    distributions = pytest.importorskip("pomegranate.distributions")
    dense = pytest.importorskip("pomegranate.hmm").DenseHMM
    low, high = distributions.Uniform([-9.0, -9.0], [4.0, 4.0]), distributions.Uniform([-9.0, -9.0], [19.0, 19.0])
    there = dense([low, high], [[0.7, 0.2], [0.1, 0.8]], [0.5, 0.5], ends=[0.1, 0.1])
    here = from_pomegranate(there)
    assert isinstance(here.emission_, Pomegranate)
    for x, (score, _) in zip(VECTORS, scores_of(there, VECTORS), strict=True):
        assert here.score([x]) * len(x) == pytest.approx(score, rel=1e-4)
    again = to_pomegranate(here)
    assert scores_of(again, VECTORS[:1])[0][0] == pytest.approx(scores_of(there, VECTORS[:1])[0][0], rel=1e-5)
    with pytest.raises(ValueError, match="ends in some states"):
        here.graph_ = here.graph_.weigh(end=np.log([0.1, 0.2]))
        to_hmmlearn(here)


@pytest.mark.filterwarnings("ignore")
def test_states_that_share_an_emission_are_written_one_by_one():
    graph = topologies.cycle(4)
    tied = type(graph)(4, graph.source, graph.target, label=[0, 1, 0, 1])
    model = HMM(Poisson(), topology=tied, n_iter=2, random_state=0).fit(COUNTS)
    joined, lengths = rows(COUNTS)
    there = to_hmmlearn(model, "hmmseq.compat.hmmlearn.hmm")
    assert there.score(joined, lengths) == pytest.approx(model.score(COUNTS) * len(joined), rel=1e-9)
    np.testing.assert_array_equal(there.lambdas_, model.lambdas_[[0, 1, 0, 1]])


def test_what_has_no_counterpart_is_named():
    with pytest.raises(ValueError, match="StudentT emission has no counterpart in hmmlearn"):
        to_hmmlearn(fitted(StudentT(), VECTORS), "hmmseq.compat.hmmlearn.hmm")
    context = fitted(Categorical(4, order=1), SYMBOLS)
    with pytest.raises(ValueError, match="context has no counterpart"):
        to_hmmlearn(context, "hmmseq.compat.hmmlearn.hmm")
    mixed = fitted(Mixture([Gaussian(), StudentT()]), VECTORS)
    with pytest.raises(ValueError, match="a mixture of anything but"):
        to_hmmlearn(mixed, "hmmseq.compat.hmmlearn.hmm")
    with pytest.raises(ValueError, match="model is a dict"):
        to_hmmlearn({})
    with pytest.raises(ValueError, match="model is a list; expected one of"):
        from_hmmlearn([])
    with pytest.raises(ValueError, match="not fitted"):
        from_hmmlearn(compat.PoissonHMM())
    with pytest.raises(ValueError, match="expected a DenseHMM or SparseHMM"):
        from_pomegranate(object())
