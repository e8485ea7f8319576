"""The same models in other libraries: hmmlearn to 1e-8, pomegranate (single precision) to 1e-4."""

import warnings

import numpy as np
import pytest

from hmmseq import HMM, CategoricalHMM, GaussianHMM, Sequences, lattice
from hmmseq.emissions import Categorical

KINDS = ["spherical", "diag", "full", "tied"]
SEEDS = range(3)


def ragged(rng, n_features=3):
    """Sequences of 1 to 60 steps from three clusters, so that a fit has something to find."""
    lengths = [1, 60, 2, *rng.integers(5, 40, 4)]
    return [rng.normal(size=(n, n_features)) + 2 * rng.integers(-1, 2, (n, 1)) for n in lengths]


def symbols(rng, n_symbols=4):
    return [rng.integers(0, n_symbols, n) for n in [1, 50, 2, *rng.integers(5, 40, 4)]]


def rival_of(model):
    """An hmmlearn model with the same parameters."""
    hmmlearn = pytest.importorskip("hmmlearn.hmm")
    n = model.n_components
    if isinstance(model.emission_, Categorical):
        rival = hmmlearn.CategoricalHMM(n, init_params="", n_iter=1, tol=-np.inf)
        rival.emissionprob_, rival.n_features = model.emissionprob_, model.n_symbols_
    else:
        kind = model.emission_.covariance
        rival = hmmlearn.GaussianHMM(n, kind, init_params="", n_iter=1, tol=-np.inf, min_covar=1e-9)
        # hmmlearn's own M-step adds a prior to "diag" unless told otherwise.
        rival.covars_prior, rival.covars_weight = 0.0, 0.0 if kind in ("full", "tied") else 1.0
        rival.means_, rival.covars_ = model.means_, model.covars_
    rival.startprob_, rival.transmat_ = model.startprob_, model.transmat_
    return rival


def cases(seed):
    rng = np.random.default_rng(seed)
    X, codes = ragged(rng), symbols(rng)
    models = [GaussianHMM(3, kind, n_iter=2, tol=-np.inf, random_state=seed).fit(X) for kind in KINDS]
    pairs = [(model, X) for model in models]
    return [
        *pairs,
        (CategoricalHMM(3, n_features=4, n_iter=2, tol=-np.inf, random_state=seed).fit(codes), codes),
    ]


def packed(X):
    rows = np.concatenate(X)
    return rows if rows.ndim == 2 else rows[:, None], [len(x) for x in X]


@pytest.mark.parametrize("seed", SEEDS)
def test_hmmlearn_has_the_same_likelihood_posteriors_and_best_path(seed):
    for model, X in cases(seed):
        rival, (rows, lengths) = rival_of(model), packed(X)
        total = model.score(X) * len(rows)
        np.testing.assert_allclose(total, rival.score(rows, lengths), rtol=1e-8)
        theirs = rival.predict_proba(rows, lengths)
        np.testing.assert_allclose(np.concatenate(model.predict_proba(X)), theirs, rtol=1e-8, atol=1e-10)
        best = rival.decode(rows, lengths)
        np.testing.assert_allclose(sum(path.score for path in model.decode(X)), best[0], rtol=1e-8)
        # Two paths may be equally good (symbols swapped): theirs must score as much as ours in our model.
        scores = model.emission_.log_scores(model.emission_.observe(Sequences.pack(X)))
        dense, path = scores.steps.unpack(scores.table[scores.code]), scores.steps.unpack(best[1])
        theirs = sum(lattice.path_score(model.graph_, x, states) for x, states in zip(dense, path))
        np.testing.assert_allclose(theirs, best[0], rtol=1e-8)


@pytest.mark.parametrize("seed", SEEDS)
def test_hmmlearn_takes_the_same_step_of_em(seed):
    for model, X in cases(seed):
        rival, (rows, lengths) = rival_of(model), packed(X)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rival.fit(rows, lengths)
        params = model.get_params(deep=False) | {"n_iter": 3}  # the rival started from our second iteration
        ours = HMM(**params).fit(X)
        for name in (
            "startprob_",
            "transmat_",
            *(p for p in ours.emission_.parameters_ if hasattr(rival, p)),
        ):
            theirs = getattr(rival, name)
            if name == "covars_":
                theirs = rival._covars_  # the public one is written out as matrices
                theirs = theirs[:, 0] if model.emission_.covariance == "spherical" else theirs
            np.testing.assert_allclose(getattr(ours, name), theirs, rtol=1e-8, atol=1e-10, err_msg=name)


def pomegranate_of(model):
    torch = pytest.importorskip("torch")
    dense = pytest.importorskip("pomegranate.hmm").DenseHMM
    distributions = pytest.importorskip("pomegranate.distributions")

    def single(values):
        return torch.tensor(np.array(values), dtype=torch.float32)

    if isinstance(model.emission_, Categorical):
        parts = [distributions.Categorical(single(p[None])) for p in model.emissionprob_]
    else:
        parts = [
            distributions.Normal(single(mean), single(covariance), covariance_type=model.emission_.covariance)
            for mean, covariance in zip(model.means_, model.covars_)
        ]
    ends = np.ones(model.n_components)  # it normalises nothing: probability 1 of ending anywhere
    return dense(parts, single(model.transmat_), single(model.startprob_), single(ends))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["diag", "full", "categorical"])
@pytest.mark.filterwarnings("ignore")  # its own, of other libraries' deprecations
def test_pomegranate_has_the_same_likelihood_and_posteriors(seed, kind):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    if kind == "categorical":
        X = symbols(rng)
        model = CategoricalHMM(3, n_features=4, n_iter=2, random_state=seed).fit(X)
    else:
        X = ragged(rng)
        model = GaussianHMM(3, kind, n_iter=2, random_state=seed).fit(X)
    rival = pomegranate_of(model)
    for x, ours in zip(X, model.predict_proba(X)):
        if len(x) == 1:
            continue  # pomegranate cannot
        batch = torch.tensor(x.reshape(1, len(x), -1))
        batch = batch if kind == "categorical" else batch.float()
        theirs = float(rival.log_probability(batch)[0])
        np.testing.assert_allclose(model.score([x]) * len(x), theirs, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(ours, rival.predict_proba(batch)[0].numpy(), atol=1e-3)
