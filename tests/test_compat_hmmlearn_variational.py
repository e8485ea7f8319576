"""hmmlearn's variational models with only the import changed: the same bounds and the same distributions."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils import check_random_state

from hmmseq.compat.hmmlearn import hmm as our_hmm
from hmmseq.compat.hmmlearn import vhmm as ours
from hmmseq.emissions import Categorical
from hmmseq.emissions.variational import VariationalCategorical, VariationalGaussian
from hmmseq.interop import from_hmmlearn
from hmmseq.models import VariationalHMM

theirs = pytest.importorskip("hmmlearn.vhmm")

KINDS = ["spherical", "diag", "full", "tied"]
LENGTHS = [40, 1, 90, 25, 144]
RNG = np.random.default_rng(0)
STATES = np.cumsum(RNG.random(sum(LENGTHS)) < 0.15) % 3
VECTORS = 100 + RNG.normal(size=(len(STATES), 2)) * (1 + STATES[:, None]) + 4 * STATES[:, None] * [1, -1]
SYMBOLS = (STATES[:, None] + RNG.integers(0, 2, (len(STATES), 1))) % 4
CHAIN = {"startprob_prior": 1.5, "transmat_prior": 2.0}
N, D = 3, 2
SCALES = {"spherical": np.full(N, 2.0), "diag": np.full((N, D), 2.0), "full": np.tile(2 * np.eye(D), (N, 1, 1)),
          "tied": 2 * np.eye(D)}  # fmt: skip
PRIORS = {
    kind: {"means_prior": np.full((N, D), 90.0), "beta_prior": np.full(N, 2.0), "scale_prior": scale,
           "dof_prior": 4.0 if kind == "tied" else np.full(N, 4.0), **CHAIN}
    for kind, scale in SCALES.items()
}  # fmt: skip
CASES = {
    **{kind: ("VariationalGaussianHMM", {"covariance_type": kind}, VECTORS) for kind in KINDS},
    **{
        f"{kind} with priors": ("VariationalGaussianHMM", {"covariance_type": kind, **PRIORS[kind]}, VECTORS)
        for kind in KINDS
    },
    "one feature": ("VariationalGaussianHMM", {}, VECTORS[:, :1]),
    "categorical": ("VariationalCategoricalHMM", {}, SYMBOLS),
    "categorical with priors": (
        "VariationalCategoricalHMM",
        {"emissionprob_prior": 1.7, "n_features": 5, **CHAIN},
        SYMBOLS,
    ),
}
BELIEFS = [
    f"{name}_{kind}_" for name in ("startprob", "transmat", "emissionprob", "means", "beta", "dof", "scale")
    for kind in ("prior", "posterior")
]  # fmt: skip


def pair(name, *args, **options):
    return getattr(ours, name)(*args, **options), getattr(theirs, name)(*args, **options)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("implementation", ["log", "scaling"])
def test_the_same_seed_gives_the_same_bounds_and_distributions(case, implementation):
    name, options, X = CASES[case]
    for seed in (0, 1):
        mine, other = pair(name, N, **options, random_state=seed, n_iter=12, tol=1e-3, implementation=implementation)
        mine.fit(X, LENGTHS), other.fit(X, LENGTHS)
        np.testing.assert_allclose(mine.monitor_.history, other.monitor_.history, rtol=1e-6)
        assert mine.monitor_.iter == other.monitor_.iter
        for belief in BELIEFS:
            assert hasattr(mine, belief) == hasattr(other, belief)
            if hasattr(other, belief):
                np.testing.assert_allclose(getattr(mine, belief), getattr(other, belief), rtol=1e-5, err_msg=belief)


@pytest.mark.parametrize("case", CASES)
def test_the_same_answers_and_samples(case):
    name, options, X = CASES[case]
    mine, other = pair(name, N, **options, random_state=3, n_iter=4)
    mine.fit(X, LENGTHS), other.fit(X, LENGTHS)
    np.testing.assert_allclose(mine.predict_proba(X, LENGTHS), other.predict_proba(X, LENGTHS), atol=1e-6)
    np.testing.assert_array_equal(mine.predict(X, LENGTHS), other.predict(X, LENGTHS))
    assert mine.score(X, LENGTHS) == pytest.approx(other.score(X, LENGTHS), rel=1e-8)
    assert mine._n_parameters() + N - 1 + N * (N - 1) == sum(other._get_n_fit_scalars_per_param().values())
    for found, expected in zip(mine.sample(30, 7), other.sample(30, 7), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    if hasattr(other, "covars_"):
        np.testing.assert_allclose(mine.covars_, other.covars_, rtol=1e-6)
    assert from_hmmlearn(mine).score(X) == pytest.approx(from_hmmlearn(other).score(X))
    assert from_hmmlearn(mine).score(X) == pytest.approx(mine.score(X) / len(X))


@pytest.mark.parametrize("params", ["s", "st", "m", "stm", "stmc"])
def test_params_choose_what_is_learned(params):
    mine, other = pair("VariationalGaussianHMM", N, params=params, random_state=0, n_iter=3, tol=0)
    for model in (mine, other):
        model.fit(VECTORS[:40]) if "s" in params and "t" in params else model
    mine.fit(VECTORS, LENGTHS)
    for letter, belief in (("s", "startprob"), ("t", "transmat"), ("m", "beta"), ("c", "dof")):
        before = getattr(clone(mine).set_params(params="", n_iter=1).fit(VECTORS, LENGTHS), f"{belief}_posterior_")
        assert np.array_equal(getattr(mine, f"{belief}_posterior_"), before) == (letter not in params)


def gallery_variational_inference(hmm, vhmm):
    """Learning an HMM by variational inference: bounds and likelihoods of models of 1 to 4 states, of which 4 are true."""
    rs = check_random_state(546)
    model = hmm.GaussianHMM(4, init_params="")
    model.startprob_ = np.array([1 / 4.0] * 4)
    model.transmat_ = np.array(
        [[0.3, 0.4, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4], [0.5, 0.2, 0.1, 0.2], [0.25, 0.25, 0.25, 0.25]]
    )
    model.means_ = np.array([[-1.5], [0], [1.5], [3.0]])
    model.covars_ = np.array([[0.25], [0.25], [0.25], [0.25]]) ** 2
    sequences = np.asarray(model.sample(300, random_state=rs)[0])
    found = []
    for n in (1, 2, 3, 4):
        for _ in range(2):
            vi = vhmm.VariationalGaussianHMM(
                n, n_iter=60, covariance_type="full", implementation="scaling", random_state=rs
            )
            em = hmm.GaussianHMM(n, n_iter=60, covariance_type="full", implementation="scaling", random_state=rs)
            vi.fit(sequences, [300]), em.fit(sequences, [300])
            found += [vi.monitor_.history[-1], em.monitor_.history[-1], vi.score(sequences)]
    return found


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_script_of_the_gallery_gives_the_same_numbers():
    theirs_hmm = pytest.importorskip("hmmlearn.hmm")
    expected = gallery_variational_inference(theirs_hmm, theirs)
    np.testing.assert_allclose(gallery_variational_inference(our_hmm, ours), expected, rtol=1e-6)


def test_bounds_are_those_of_hmmseqs_own_models_with_these_priors():
    """A second implementation, over another emission, from the same distributions on."""
    n, X = 2, [VECTORS[:150], VECTORS[150:]]
    lengths, rows = [150, 150], np.concatenate(X)
    mine = ours.VariationalGaussianHMM(n, tol=1e-9, n_iter=500, random_state=0).fit(rows, lengths)
    emission = VariationalGaussian("full", mean_steps=1.0, covar=1e-3 * np.eye(D) / D, covar_steps=D)
    own = VariationalHMM(emission, n, tol=1e-9, n_iter=500, random_state=0).fit(X)
    constant = rows.size * np.log(2 * np.pi) / 2
    assert mine.monitor_.history[-1] - constant == pytest.approx(own.history_[-1], rel=1e-6)
    symbols = ours.VariationalCategoricalHMM(1, n_iter=5).fit(SYMBOLS, LENGTHS)
    one = VariationalHMM(VariationalCategorical(4), 1).fit(SYMBOLS[:, 0], lengths=LENGTHS)
    assert symbols.monitor_.history[-1] == pytest.approx(one.history_[-1], rel=1e-9)
    assert type(one.emission_) is Categorical


def test_signatures_are_the_same():
    for name in ours.__all__:
        mine, other = pair(name)
        assert mine.get_params() == other.get_params()
        assert clone(mine.set_params(n_iter=3)).n_iter == 3


@pytest.mark.parametrize(
    "change, message",
    [
        ({"transmat_prior_": [[1.0, 1.0]]}, r"transmat_prior_ has shape \(1, 2\)"),
        ({"startprob_posterior_": [0.0, 1.0]}, "finite ones above 0"),
        ({"dof_posterior_": [1.0, 9.0]}, "finite ones above 1"),
        ({"scale_prior_": np.eye(2)}, r"must have shape \(2, 2, 2\)"),
        ({"means_prior_": [[0.0, np.nan], [0.0, 0.0]]}, "has the value nan"),
    ],
)
def test_distributions_that_cannot_be_are_refused(change, message):
    model = ours.VariationalGaussianHMM(2, n_iter=1, random_state=0).fit(VECTORS)
    for name, value in change.items():
        setattr(model, name, np.array(value))
    with pytest.raises(ValueError, match=message):
        model.predict(VECTORS)
