"""Degrees of freedom and information criteria."""

import numpy as np
import pytest

from hmmseq import HMM, GaussianHMM
from hmmseq.emissions import Categorical, Gaussian

X = [np.random.default_rng(0).normal(size=(n, 3)) for n in (30, 20)]


@pytest.mark.parametrize(
    "kind, n_covars", [("spherical", 2), ("diag", 2 * 3), ("full", 2 * 6), ("tied", 6)]
)  # of symmetric matrices, half
def test_parameters_of_a_gaussian(kind, n_covars):
    model = HMM(Gaussian(kind), 2, n_iter=1, random_state=0).fit(X)
    assert model.n_parameters_ == (1 + 2) + 2 * 3 + n_covars


@pytest.mark.parametrize("order, n_emission", [(0, 2 * 3), (1, 2 * 4 * 3)])
def test_parameters_of_symbols(order, n_emission):
    model = HMM(Categorical(4, order=order), 2, n_iter=1, random_state=0).fit([[0, 1, 2, 3]])
    assert model.n_parameters_ == (1 + 2) + n_emission


def test_criteria_agree_with_hmmlearn():
    theirs = pytest.importorskip("hmmlearn.hmm").GaussianHMM(2, "full", n_iter=3, random_state=0)
    data, lengths = np.concatenate(X), [30, 20]
    theirs.fit(data, lengths)
    ours = GaussianHMM(2, "full", n_iter=1, random_state=0).fit(X)
    ours.graph_ = ours.graph_.weigh(edge=np.log(theirs.transmat_).ravel(), start=np.log(theirs.startprob_))
    ours.emission_.means_, ours.emission_.covars_ = theirs.means_, theirs.covars_
    assert ours.aic(X) == pytest.approx(theirs.aic(data, lengths), rel=1e-9)
    assert ours.bic(data, lengths=lengths) == pytest.approx(theirs.bic(data, lengths), rel=1e-9)


def test_bic_finds_the_number_of_states():
    rng = np.random.default_rng(1)
    levels = np.repeat(rng.integers(0, 3, 60), 10)[:, None]
    data = [rng.normal(4.0 * levels, 1.0)]
    found = {n: GaussianHMM(n, n_init=3, random_state=0).fit(data).bic(data) for n in (1, 2, 3, 4, 5)}
    assert min(found, key=found.get) == 3
