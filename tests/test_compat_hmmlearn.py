"""hmmlearn's scripts with only the import changed: the same numbers from both libraries, from the same start."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from hmmseq import ImpossibleSequenceError
from hmmseq.compat.hmmlearn import base as our_base
from hmmseq.compat.hmmlearn import hmm as ours

theirs = pytest.importorskip("hmmlearn.hmm")

KINDS = ["spherical", "diag", "full", "tied"]
LENGTHS = [40, 1, 90, 25, 144]
RNG = np.random.default_rng(0)
STATES = np.cumsum(RNG.random(sum(LENGTHS)) < 0.15) % 3
VECTORS = RNG.normal(size=(len(STATES), 2)) * (1 + STATES[:, None]) + 4 * STATES[:, None] * [1, -1]
SYMBOLS = (STATES[:, None] + RNG.integers(0, 2, (len(STATES), 1))) % 4
COUNTS = RNG.poisson(1.0 + 5.0 * STATES[:, None], (len(STATES), 2))
TRIALS = np.array([RNG.multinomial(8, np.roll([0.6, 0.2, 0.1, 0.1], s)) for s in STATES])
PRIORS = {"startprob_prior": 1.5, "transmat_prior": 2.0}

CASES = {
    **{f"gaussian {kind}": ("GaussianHMM", {"covariance_type": kind}, VECTORS) for kind in KINDS},
    **{
        f"gaussian {kind} with priors": (
            "GaussianHMM",
            {
                "covariance_type": kind,
                "means_prior": 1.0,
                "means_weight": 3.0,
                "covars_prior": 0.5,
                "covars_weight": 4.0,
            },
            VECTORS,
        )
        for kind in KINDS
    },
    **{f"mixture {kind}": ("GMMHMM", {"covariance_type": kind, "n_mix": 2}, VECTORS) for kind in KINDS},
    "mixture with priors": (
        "GMMHMM",
        {
            "n_mix": 2,
            "means_prior": 0.5,
            "means_weight": 2.0,
            "covars_prior": 1.0,
            "covars_weight": 1.0,
            "weights_prior": 2.0,
        },
        VECTORS,
    ),
    "categorical": ("CategoricalHMM", {}, SYMBOLS),
    "categorical with prior": ("CategoricalHMM", {"emissionprob_prior": 1.7, "n_features": 5}, SYMBOLS),
    "multinomial": ("MultinomialHMM", {"n_trials": 8}, TRIALS),
    "poisson": ("PoissonHMM", {}, COUNTS),
    "poisson with prior": ("PoissonHMM", {"lambdas_prior": 2.0, "lambdas_weight": 1.0}, COUNTS),
}
PARAMETERS = ("startprob_", "transmat_", "means_", "covars_", "weights_", "emissionprob_", "lambdas_")


def pair(name, *args, **options):
    return getattr(ours, name)(*args, **options), getattr(theirs, name)(*args, **options)


def assert_same(mine, other, rtol=1e-7, atol=1e-9):
    for name in PARAMETERS:
        if hasattr(other, name):
            expected = getattr(other, name)
            if name == "covars_" and other.get_params().get("covariance_type") == "spherical" and expected.ndim == 3:
                expected = expected[:: len(expected) // other.n_components]  # it repeats each matrix for each feature
            np.testing.assert_allclose(getattr(mine, name), expected, rtol=rtol, atol=atol, err_msg=name)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # priors: see the module's page
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("implementation", ["log", "scaling"])
def test_the_same_seed_gives_the_same_model(case, implementation):
    name, options, X = CASES[case]
    for seed in (0, 1):
        mine, other = pair(name, 3, **options, **PRIORS, random_state=seed, n_iter=6, implementation=implementation)
        mine.fit(X, LENGTHS), other.fit(X, LENGTHS)
        np.testing.assert_allclose(mine.monitor_.history, other.monitor_.history, rtol=1e-8)
        assert mine.monitor_.iter == other.monitor_.iter and mine.monitor_.converged == other.monitor_.converged
        assert_same(mine, other)
        assert mine.score(X, LENGTHS) == pytest.approx(other.score(X, LENGTHS), rel=1e-8)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("case", CASES)
def test_the_same_answers_from_the_same_parameters(case):
    name, options, X = CASES[case]
    mine, other = pair(name, 3, **options, random_state=3, n_iter=3)
    mine.fit(X, LENGTHS), other.fit(X, LENGTHS)
    assert mine.score(X) == pytest.approx(other.score(X), rel=1e-8)
    for lengths in (None, LENGTHS):
        for ask in ("predict", "predict_proba"):
            expected = getattr(other, ask)(X, lengths)
            np.testing.assert_allclose(getattr(mine, ask)(X, lengths), expected, rtol=1e-6, atol=1e-8)
        for algorithm in ("viterbi", "map"):
            found, expected = mine.decode(X, lengths, algorithm), other.decode(X, lengths, algorithm)
            assert found[0] == pytest.approx(expected[0], rel=1e-8)
            np.testing.assert_array_equal(found[1], expected[1])
        assert mine.score_samples(X, lengths)[0] == pytest.approx(other.score_samples(X, lengths)[0], rel=1e-8)
    np.testing.assert_allclose(mine.get_stationary_distribution(), other.get_stationary_distribution(), atol=1e-8)
    if name != "GMMHMM":  # its degrees of freedom there count the weights of one state only
        assert mine.aic(X, LENGTHS) == pytest.approx(other.aic(X, LENGTHS), rel=1e-8)
        assert mine.bic(X, LENGTHS) == pytest.approx(other.bic(X, LENGTHS), rel=1e-8)


@pytest.mark.parametrize("case", CASES)
def test_the_same_seed_draws_the_same_samples(case):
    name, options, X = CASES[case]
    mine, other = pair(name, 3, **options, random_state=3, n_iter=1)
    mine.fit(X, LENGTHS), other.fit(X, LENGTHS)
    if options.get("covariance_type") == "spherical" and name == "GaussianHMM":
        other._covars_ = other._covars_[:, 0]  # there, matrices of a fitted spherical model are those of other states
    for found, expected in zip(mine.sample(30, 7), other.sample(30, 7), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    found, expected = (
        mine.sample(5, np.random.RandomState(1), currstate=2),
        other.sample(5, np.random.RandomState(1), currstate=2),
    )
    np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize("params", ["", "s", "t", "m", "st", "tmc", "mc", "stmc"])
def test_params_and_init_params_choose_what_is_learned(params):
    start = dict(startprob_=[0.2, 0.3, 0.5], transmat_=[[0.8, 0.2, 0.0], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]])
    start |= dict(means_=[[0.0, 0.0], [4.0, -4.0], [8.0, -8.0]], covars_=[[1.0, 2.0], [3.0, 1.0], [2.0, 2.0]])
    mine, other = pair("GaussianHMM", 3, params=params, init_params="", n_iter=4, tol=0)
    for model in (mine, other):
        for name, value in start.items():
            setattr(model, name, np.array(value))
        model.fit(VECTORS, LENGTHS)
    assert_same(mine, other)
    assert mine.transmat_[0, 2] == 0
    untouched = [name for name, code in zip(start, "stmc", strict=True) if code not in params and name != "covars_"]
    for name in untouched:
        np.testing.assert_array_equal(getattr(mine, name), start[name])


def test_covariances_alone_are_learned_about_the_means_that_stand():
    """hmmlearn counts nothing here, and divides by its smallest number."""
    model = ours.GaussianHMM(1, params="c", init_params="stc", covars_prior=0, covars_weight=0, random_state=0)
    model.means_ = np.array([[1.0, 2.0]])
    model.fit(VECTORS)
    np.testing.assert_allclose(np.diag(model.covars_[0]), ((VECTORS - [1.0, 2.0]) ** 2).mean(0))


def test_signatures_are_the_same():
    for name in ours.__all__:
        mine, other = getattr(ours, name)(), getattr(theirs, name)()
        assert mine.get_params() == other.get_params()
        assert clone(mine.set_params(n_iter=3)).n_iter == 3


# hmmlearn's gallery, in a few lines each


def gallery_sampling(hmm):
    """Sampling from and decoding an HMM: four states of a plane, then fits of several sizes by score."""
    model = hmm.GaussianHMM(n_components=4, covariance_type="full")
    model.startprob_ = np.array([0.6, 0.3, 0.1, 0.0])
    model.transmat_ = np.array([[0.7, 0.2, 0.0, 0.1], [0.3, 0.5, 0.2, 0.0], [0.0, 0.3, 0.5, 0.2], [0.2, 0.0, 0.2, 0.6]])
    model.means_ = np.array([[0.0, 0.0], [0.0, 11.0], [9.0, 10.0], [11.0, -1.0]])
    model.covars_ = 0.5 * np.tile(np.identity(2), (4, 1, 1))
    X, _ = model.sample(500, random_state=3)
    scores = []
    for n_components in (3, 4, 5):
        for seed in range(3):
            fitted = hmm.GaussianHMM(n_components=n_components, covariance_type="diag", random_state=seed)
            fitted.fit(X[: X.shape[0] // 2])
            scores.append(fitted.score(X[X.shape[0] // 2 :]))
    return X.sum(), *scores


def gallery_casino(hmm):
    """The dishonest casino: a loaded die found from its rolls."""
    source = hmm.CategoricalHMM(n_components=2, random_state=99)
    source.startprob_ = np.array([1.0, 0.0])
    source.transmat_ = np.array([[0.95, 0.05], [0.1, 0.9]])
    source.emissionprob_ = np.array([[1 / 6] * 6, [0.1] * 5 + [0.5]])
    rolls, _ = source.sample(3000)
    train, held = rolls[:1500], rolls[1500:]
    scores = []
    for seed in range(4):
        model = hmm.CategoricalHMM(n_components=2, random_state=seed, init_params="se")
        model.transmat_ = np.array([np.random.RandomState(seed).dirichlet([0.9, 0.1]), [0.1, 0.9]])
        scores.append(model.fit(train).score(held))
    return *scores, *model.predict(rolls)[:50], model.emissionprob_.max()


def gallery_model_selection(hmm):
    """AIC and BIC of Gaussian models of several sizes."""
    source = hmm.GaussianHMM(3, covariance_type="spherical", random_state=14)
    source.startprob_ = np.array([1 / 4.0, 1 / 4.0, 1 / 2.0])
    source.transmat_ = np.array([[0.3, 0.4, 0.3], [0.1, 0.2, 0.7], [0.5, 0.2, 0.3]])
    source.means_, source.covars_ = np.array([[-2.5], [0.0], [2.5]]), np.sqrt([0.25, 0.25, 0.25])
    X, _ = source.sample(500)
    found = []
    for n in (2, 3, 4):
        best = max(
            (hmm.GaussianHMM(n, n_iter=40, tol=1e-4, random_state=s).fit(X) for s in range(2)), key=lambda m: m.score(X)
        )
        found += [best.aic(X), best.bic(X), best.score(X)]
    return found


def gallery_multinomial(hmm):
    """Conversations: counts of words of kinds, two speakers."""
    X = np.array([[0, 0, 3, 2], [4, 1, 0, 0], [3, 2, 0, 0], [0, 0, 1, 4], [5, 0, 0, 0], [0, 1, 0, 4]] * 3)
    model = hmm.MultinomialHMM(n_components=2, n_trials=5, n_iter=50, params="e", init_params="e", random_state=2)
    model.startprob_, model.transmat_ = np.array([0.6, 0.4]), np.array([[0.8, 0.2], [0.2, 0.8]])
    model.fit(X)
    logprob, received = model.decode(X)
    return logprob, *received, *model.emissionprob_.ravel()


def gallery_poisson(hmm):
    """Earthquakes a year: how many states, by AIC and BIC."""
    quakes = np.array(
        [13, 14, 8, 10, 16, 26, 32, 27, 18, 32, 36, 24, 22, 23, 22, 18, 25, 21, 21, 14, 8, 11, 14, 23, 18, 17, 19, 20]
    )
    scores = []
    for n_components in (1, 2, 3):
        for seed in range(3):
            model = hmm.PoissonHMM(n_components=n_components, random_state=seed, n_iter=10).fit(quakes[:, None])
            scores += [model.score(quakes[:, None]), model.aic(quakes[:, None]), model.bic(quakes[:, None])]
    return scores


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "script", [gallery_sampling, gallery_casino, gallery_model_selection, gallery_multinomial, gallery_poisson]
)
def test_a_script_of_the_gallery_gives_the_same_numbers(script):
    np.testing.assert_allclose(script(ours), script(theirs), rtol=1e-6)


def test_a_monitor_of_ones_own_decides():
    """The example in hmmlearn's documentation of monitors."""

    class Threshold(our_base.ConvergenceMonitor):
        @property
        def converged(self):
            return self.iter == self.n_iter or self.history[-1] >= self.tol

    model = ours.PoissonHMM(2, random_state=0, n_iter=50)
    model.monitor_ = Threshold(-1e9, 50, False)
    assert model.fit(COUNTS).monitor_.iter == 1
    assert "Threshold(" in repr(model.monitor_) and "history=" in repr(model.monitor_)


def test_verbose_writes_columns(capsys):
    ours.PoissonHMM(2, random_state=0, n_iter=2, verbose=True).fit(COUNTS)
    lines = capsys.readouterr().err.splitlines()
    assert [len(line.split()) for line in lines] == [3, 3]


def test_a_fall_is_reported():
    monitor = our_base.ConvergenceMonitor(0.1, 5, False)
    monitor.report(-1.0)
    with pytest.warns(ConvergenceWarning, match="fell by 1 in iteration 2"):
        monitor.report(-2.0)


# Where hmmlearn goes wrong


@pytest.mark.parametrize("lengths", [[-10, 310], [100, 100], [300.0], [[300]]])
def test_lengths_that_cannot_be_are_refused(lengths):
    with pytest.raises(ValueError, match="lengths"):
        ours.GaussianHMM(2).fit(VECTORS, lengths)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"startprob_": [0.5, 0.6]}, "startprob_ rows must sum to 1"),
        ({"transmat_": [[1.0, 0.0]]}, r"transmat_ has shape \(1, 2\)"),
        ({"transmat_": [[1.5, -0.5], [0.5, 0.5]]}, "0 or more"),
        ({"means_": [[0.0, 0.0]]}, "means_ has shape"),
        ({"covars_": [[0.0, 1.0], [1.0, 1.0]]}, "must be positive"),
        ({"covars_": [1.0, 1.0]}, "covars have shape"),
        ({"covariance_type": "round"}, "covariance_type is 'round'"),
        ({"implementation": "fast"}, "implementation is 'fast'"),
        ({"algorithm": "best"}, "Unknown decoder 'best'"),
    ],
)
def test_parameters_that_cannot_be_are_refused(change, message):
    model = ours.GaussianHMM(2, n_iter=1, random_state=0).fit(VECTORS)
    with pytest.raises(ValueError, match=message):
        for name, value in change.items():
            setattr(model, name, np.array(value) if name.endswith("_") else value)
        model.predict(VECTORS)


def test_data_of_another_kind_are_refused():
    model = ours.GaussianHMM(2, n_iter=1, random_state=0).fit(VECTORS)
    with pytest.raises(ValueError, match="got 1 but expected 2"):
        model.score(VECTORS[:, :1])
    symbols = ours.CategoricalHMM(2, n_features=4, n_iter=1, random_state=0).fit(SYMBOLS)
    for bad, message in (
        ([[-1]], "nonnegative"),
        ([[7]], "Largest symbol is 7"),
        ([[0.5]], "integers"),
        ([[0, 1]], "one a row"),
    ):
        with pytest.raises(ValueError, match=message):
            symbols.score(bad)
    with pytest.raises(ValueError, match="nonnegative integers"):
        ours.MultinomialHMM(2).fit([[0.5, 0.5]])
    with pytest.raises(ValueError, match="add up to the number"):
        ours.MultinomialHMM(2, n_trials=3).fit([[1, 1]])
    with pytest.raises(ValueError, match="NaN"):
        model.score([[np.nan, 1.0]])


def test_what_cannot_happen_is_said_and_never_nan():
    model = ours.CategoricalHMM(1, init_params="", params="")
    model.startprob_, model.transmat_, model.emissionprob_ = np.ones(1), np.ones((1, 1)), np.array([[1.0, 0.0]])
    assert model.score([[0], [1]]) == -np.inf
    assert model.predict_proba([[0], [1]]).tolist() == [[0.0], [0.0]]
    with pytest.raises(ImpossibleSequenceError):
        model.fit([[0], [1]])
    far = ours.GaussianHMM(2, n_iter=1, random_state=0).fit(VECTORS)
    assert np.all(np.isfinite(far.predict_proba(np.full((3, 2), 1e150))))


@pytest.mark.parametrize("covariance_type", ["diag", "spherical"])
def test_a_mixture_that_loses_a_state_keeps_numbers(covariance_type):
    """hmmlearn divides by the steps of a state that has none; constant data do that."""
    X = np.full((31, 2), 1.5)
    with pytest.warns(Warning):
        model = ours.GMMHMM(2, 2, covariance_type=covariance_type, random_state=0, n_iter=3).fit(X)
    assert all(np.all(np.isfinite(getattr(model, name))) for name in ("weights_", "means_", "covars_", "transmat_"))
    np.testing.assert_allclose(model.weights_.sum(1), 1.0)


def test_forms_that_hmmlearn_does_not_take_are_named():
    parts = [np.zeros((3, 1)), np.ones((2, 1))]
    for model in (ours.GaussianHMM(2), ours.PoissonHMM(2)):
        with pytest.raises(ValueError, match=r"X is a list of sequences; .* fit\(np.concatenate\(X\), lengths="):
            model.fit(parts)
        with pytest.raises(ValueError, match="masked entries"):
            model.fit(np.ma.masked_array(np.arange(6.0)[:, None], mask=np.eye(6)[:, :1]))
