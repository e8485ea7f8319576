"""Standard errors: against second differences of the likelihood, and where there are none."""

import numpy as np
import pytest
from sklearn.base import clone

from hmmseq import HMM, PoissonHMM, Sequences, StateGraph, topologies
from hmmseq.emissions import Categorical, Gaussian, LowRankGaussian, Poisson
from hmmseq.models import em, inputs, standard_errors
from hmmseq.models.information import groups_of
from hmmseq.validation import sample_weights
from recovery import TRUTHS, drawn, recovered

BY_NAME = {str(truth): truth for truth in TRUTHS}
FAMILIES = [
    "Poisson()", "NegativeBinomial()", "ZeroInflatedPoisson()", "StudentT()", "Gaussian(covariance='full')",
    "Gaussian(covariance='tied')", "Categorical(n_symbols=2, order=1)", "AutoregressiveGaussian()", "PoissonRegression()",
    "VonMises()",
]  # fmt: skip


class Plain:
    """The parameters of a model in numbers of another kind: logits of rows, upper triangles, all else as it is."""

    def __init__(self, model, task):
        self.model, self.task, self.learned = model, task, model.emission_.learned()

    def numbers(self):
        graph = self.model.graph_
        start, edges = (logits(row) for row in (np.exp(graph.start), np.exp(graph.edge).reshape(2, 2)))
        return np.concatenate([start, edges, *(self._numbers(name, a) for name, a in self.learned.items())])

    def _numbers(self, name, array):
        if name == "emissionprob":
            return logits(array)
        return upper(array) if name == "covars" and array.shape[-1] == array.shape[-2] else array.ravel()

    def parameters(self, numbers):
        """All parameters in the order of `standard_errors`, and (start, edges, emission) that have them."""
        start, numbers = np.split(numbers, [1])
        edges, numbers = np.split(numbers, [2])
        found = [softmax(start, (2,)), softmax(edges, (2, 2))]
        for name, array in self.learned.items():
            own, numbers = np.split(numbers, [len(self._numbers(name, array))])
            square = name == "covars" and array.shape[-1] == array.shape[-2]
            rows = name == "emissionprob"
            value = (
                softmax(own, array.shape) if rows else full(own, array.shape) if square else own.reshape(array.shape)
            )
            found.append(value)
        return found

    def height(self, numbers):
        start, edges, *rest = self.parameters(numbers)
        emission, graph = clone(self.model.emission_), self.model.graph_
        emission.restore(self.model.emission_.state())
        for name, value in zip(self.learned, rest):
            setattr(emission, f"{name}_", value)
        graph = graph.weigh(start=np.log(start), edge=np.log(edges).ravel())
        return em.expect(graph, emission, self.task).log_likelihood + emission.log_prior()

    def covariance(self):
        here = self.numbers()
        steps = np.diag(2e-3 * np.maximum(np.abs(here), 0.1))
        second = np.empty((len(here), len(here)))
        for i, a in enumerate(steps):
            for j, b in enumerate(steps[: i + 1]):
                corners = [self.height(here + x * a + y * b) for x in (1, -1) for y in (1, -1)]
                second[i, j] = (corners[0] - corners[1] - corners[2] + corners[3]) / (4 * a[i] * b[j])
                second[j, i] = second[i, j]
        flat = [np.concatenate([p.ravel() for p in self.parameters(here + x)]) for a in steps for x in (a, -a)]
        jacobian = np.stack([(up - down) / (2 * a.max()) for up, down, a in zip(flat[::2], flat[1::2], steps)], axis=1)
        return jacobian @ np.linalg.inv(-second) @ jacobian.T


def logits(rows):
    return np.log(rows[..., :-1] / rows[..., -1:]).ravel()


def softmax(numbers, shape):
    weights = np.exp(np.concatenate([numbers.reshape(*shape[:-1], -1), np.zeros((*shape[:-1], 1))], axis=-1))
    return weights / weights.sum(-1, keepdims=True)


def upper(matrices):
    return np.concatenate([one[np.triu_indices(len(one))] for one in matrices.reshape(-1, *matrices.shape[-2:])])


def full(numbers, shape):
    d = shape[-1]
    out = np.zeros((int(np.prod(shape[:-2])), d, d))
    for one, own in zip(out, numbers.reshape(len(out), -1)):
        one[np.triu_indices(d)] = own
        one.T[np.triu_indices(d)] = own
    return out.reshape(shape)


def case(truth, seed=0, plain=False):
    """A fit to data with missing values, weights and some known states; and what it was given."""
    rng = np.random.default_rng(seed)
    X = drawn(truth, rng, 12, 100)
    y, weights = None, None
    if not plain:
        for x in X[::2]:
            x[::7] = -1 if truth.emission.symbols else np.nan
        y = [np.where(rng.random(len(x)) < 0.05, 0, -1) if s < 2 else np.full(len(x), -1) for s, x in enumerate(X)]
        y = [np.where(np.arange(len(known)) == 3, known, -1) for known in y]
        weights = rng.gamma(4.0, 0.25, size=len(X))
    true = truth.model()
    model = HMM(clone(truth.emission), 2, init=true, n_iter=5000, tol=1e-11, accelerate=True, random_state=0)
    return model.fit(X, y, sample_weight=weights), X, y, weights


@pytest.mark.parametrize("name", FAMILIES)
def test_errors_are_those_of_second_differences_of_the_likelihood(name):
    model, X, y, weights = case(BY_NAME[name], seed=7)
    found = standard_errors(model, X, y, sample_weight=weights)
    sequences = inputs.sequences(model, X, None, reset=False)
    known = None if y is None else inputs.states(y, sequences, None)
    task = em.Task(model.emission_.observe(sequences), known, sample_weights(weights, len(X)), None)
    expected = Plain(model, task).covariance()
    assert np.all(np.isfinite(found.errors)) and len(set(found.names)) == len(found.names)
    np.testing.assert_allclose(found.errors, np.sqrt(np.diag(expected)), rtol=5e-3)
    np.testing.assert_allclose(found.covariance, expected, atol=1e-2 * np.diag(expected).max())


@pytest.mark.parametrize(
    "name", ["Poisson()", "Gaussian()", "Categorical(n_symbols=3)", "Mixture(emission=Gaussian())"]
)
def test_most_fits_are_within_three_errors(name):
    """The quick twin of `python -m benchmarks.statistics recovery`. That fewer than 9 of 12 are has a chance of 1e-4."""
    found = [recovered(BY_NAME[name], np.random.default_rng(seed), 12, 60).within for seed in range(12)]
    assert sum(found) >= 9


def counts(seed=0, n=6):
    truth = BY_NAME["Poisson()"]
    return drawn(truth, np.random.default_rng(seed), n, 60)


def test_one_state_has_the_errors_of_the_textbook():
    X = np.random.default_rng(0).normal(3.0, 2.0, (500, 1))
    found = standard_errors(HMM(Gaussian(), 1, tol=1e-9).fit(X), X)
    errors = dict(zip(found.names, found.errors))
    assert errors["means[0, 0]"] == pytest.approx(X.std() / np.sqrt(500), rel=1e-4)
    assert errors["covars[0, 0]"] == pytest.approx(X.var() * np.sqrt(2 / 500), rel=1e-4)
    low, high = found.interval()[found.names.index("covars[0, 0]")]
    assert low * high == pytest.approx(X.var() ** 2) and 0 < low < X.var()


@pytest.mark.parametrize("kind", ["full", "tied"])
def test_variances_of_matrices_have_intervals_symmetric_in_the_logarithm_and_covariances_in_themselves(kind):
    """Symmetric ones about too small a variance are too short: Gaussian("full") misses its 95 % of fits with them."""
    X = np.random.default_rng(1).normal(size=(60, 2)) @ [[2.0, 1.0], [0.0, 1.0]]
    found = standard_errors(HMM(Gaussian(kind), 1, tol=1e-9).fit(X), X)
    own = [k for k, name in enumerate(found.names) if name.startswith("covars")]
    (xx, xy, yx, yy), ends = own, found.interval()
    for k in (xx, yy):
        assert found.values[k] == pytest.approx(np.sqrt(np.prod(ends[k]))) and found.limits[k, 0] == 0
    for k in (xy, yx):
        assert found.values[k] == pytest.approx(ends[k].mean()) and found.limits[k, 0] == -np.inf


def test_what_is_fixed_has_no_error_and_tied_entries_have_one():
    X = counts()
    model = HMM(Poisson(fixed={"lambdas": [[2.0], [None]]}), 2, fixed_startprob=[0.6, 0.4], tol=1e-8, n_iter=500,
                tied_transmat=[[0, 1], [1, 0]], init=TRUTHS[1].model()).fit(X)  # fmt: skip
    found = standard_errors(model, X)
    errors = dict(zip(found.names, found.errors))
    assert errors["startprob[0]"] == errors["startprob[1]"] == errors["lambdas[0, 0]"] == 0.0
    assert np.ptp([errors[f"transmat[{i}, {j}]"] for i in (0, 1) for j in (0, 1)]) < 1e-12

    def height(stay):
        matrix = topologies.from_matrix([[stay, 1 - stay], [1 - stay, stay]], startprob=model.startprob_)
        task = em.Task(model.emission_.observe(packed), None, np.ones(len(X)), None)
        return em.expect(matrix, model.emission_, task).log_likelihood

    packed, stay, h = Sequences.pack(X), model.transmat_[0, 0], 1e-3
    bend = (height(stay + h) - 2 * height(stay) + height(stay - h)) / h**2
    alone = HMM(Poisson(fixed={"lambdas": model.lambdas_}), 2, fixed_startprob=[0.6, 0.4], tol=1e-9, n_iter=500,
                tied_transmat=[[0, 1], [1, 0]], init=model).fit(X)  # fmt: skip
    own = dict(zip(found.names, standard_errors(alone, X).errors))
    assert own["transmat[0, 0]"] == pytest.approx(1 / np.sqrt(-bend), rel=1e-3)
    assert errors["transmat[0, 0]"] >= own["transmat[0, 0]"]


def test_a_prior_adds_to_the_information():
    """One state: the log posterior is (count + events) log rate - (prior steps + steps) rate."""
    X = np.random.default_rng(3).poisson(4.0, (50, 1))
    model = PoissonHMM(1, lambdas_prior=200.0, lambdas_weight=40.0, tol=1e-9).fit(X)
    found = standard_errors(model, X)
    expected = np.sqrt(200.0 + X.sum()) / (40.0 + len(X))
    assert found.errors[found.names.index("lambdas[0, 0]")] == pytest.approx(expected, rel=1e-4)


def test_prior_counts_of_transitions_add_to_the_information():
    """Known states: p has the error of a binomial share of all counts, those of the prior among them."""
    X, y = [[0, 0, 1, 1, 1, 0, 1, 0, 0, 1]], [[0, 0, 1, 1, 1, 0, 1, 0, 0, 1]]
    model = HMM(Categorical(2, pseudocount=1.0), 2, transmat_pseudocount=3.0).fit(X, y)
    found = standard_errors(model, X, y)
    share, total = model.transmat_[0, 1], 2 * 3.0 + 5
    assert found.errors[found.names.index("transmat[0, 1]")] == pytest.approx(
        np.sqrt(share * (1 - share) / total), rel=1e-4
    )


def test_a_transition_that_is_never_used_has_no_error_and_the_rest_has():
    X = [np.array([[0.0], [0.1], [9.0], [9.2]]), np.array([[0.2], [9.1], [9.0], [8.9]])]
    model = HMM(Gaussian(), 2, tol=1e-9, n_iter=200, random_state=0).fit(X)
    found = standard_errors(model, X)
    first = int(model.startprob_.argmax())
    errors = dict(zip(found.names, found.errors))
    assert np.isnan(errors[f"transmat[{1 - first}, {first}]"]) and np.isfinite(errors[f"transmat[{first}, {first}]"])
    assert "nan" in str(found) and f"means[{first}, 0]" in str(found)


def test_a_fit_that_has_not_converged_is_told():
    X = counts()
    with pytest.warns(UserWarning, match="has not converged"):
        standard_errors(PoissonHMM(2, n_iter=1, random_state=0).fit(X), X)


def test_what_the_data_leave_open_has_an_infinite_error():
    """Two states of the same emission, always both possible: nothing tells them apart."""
    X = counts()
    graph = StateGraph(2, [0, 0, 1, 1], [0, 1, 0, 1], label=[0, 0])
    model = HMM(Poisson(), topology=graph, random_state=0).fit(X)
    with pytest.warns(UserWarning, match=r"say nothing about some parameters.*startprob\[0\]"):
        found = standard_errors(model, X)
    errors = dict(zip(found.names, found.errors))
    assert np.isinf(errors["transmat[0, 0]"]) and np.isfinite(errors["lambdas[0, 0]"])


def test_factors_can_be_rotated():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2)) @ rng.normal(size=(2, 6)) + rng.normal(size=(400, 6))
    model = HMM(LowRankGaussian(2), 1, tol=1e-9, n_iter=3000, random_state=0).fit(X)
    with pytest.warns(UserWarning, match=r"say nothing about some parameters.*loadings"):
        found = standard_errors(model, X)
    errors = dict(zip(found.names, found.errors))
    assert np.isfinite(errors["means[0, 3]"]) and np.isfinite(errors["noises[0, 2]"])


def test_numbers_of_one_group_belong_to_different_labels():
    assert groups_of(np.array([0, 0, 1, 1, -1, 2])).tolist() == [0, 1, 0, 1, 2, 0]


def test_emissions_without_scales_are_refused():
    class Own(Categorical):
        def scales(self):
            return super(Categorical, self).scales()

    model = HMM(Own(2), 1).fit([[0, 1, 1]])
    with pytest.raises(ValueError, match="no unconstrained form"):
        standard_errors(model, [[0, 1, 1]])
