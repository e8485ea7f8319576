"""The table of docs/models.md, cell by cell: what it says works does, and what it leaves out is refused."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

from hmmseq import HMM, FactorialHMM, InputHMM, SemiMarkovHMM, VariationalHMM, models, topologies
from hmmseq.emissions import Gaussian, StudentT

PAGE = Path(__file__).resolve().parents[2] / "docs" / "models.md"
RNG = np.random.default_rng(0)
X = [np.column_stack([RNG.normal(np.repeat([0.0, 4.0, 0.0], [5, 6, 4])), RNG.normal(size=15)]) for _ in range(4)]
FIRST = [x[:, :1] for x in X]
OPTIONS = {"n_iter": 2, "random_state": 0}
MODELS = {
    "HMM": (HMM(Gaussian(), 2, **OPTIONS), FIRST),
    "SemiMarkovHMM": (SemiMarkovHMM(Gaussian(), 2, durations="geometric", **OPTIONS), FIRST),
    "InputHMM": (InputHMM(Gaussian(), 2, inputs=[1], **OPTIONS), X),
    "VariationalHMM": (VariationalHMM(Gaussian(), 2, **OPTIONS), FIRST),
    "FactorialHMM": (FactorialHMM((2, 2), **OPTIONS), FIRST),
}
UNKNOWN = [np.full(len(x), -1) for x in X]


def refit(options):
    return lambda model, data, folder: clone(model).set_params(**options).fit(data)


USES = {
    "any `emission`, any `topology`": [refit({"emission": StudentT(), "topology": topologies.cycle})],
    '`predict(known=)`, `decode(method="mea")`': [
        lambda model, data, folder: model.predict(data, known=UNKNOWN),
        lambda model, data, folder: model.decode(data, method="mea"),
    ],
    "`fixed_transmat`, `tied_transmat`, `transmat_pseudocount`": [
        refit({"fixed_transmat": np.full((2, 2), np.nan)}),
        refit({"tied_transmat": np.full((2, 2), -1)}),
        refit({"transmat_pseudocount": 1.0}),
    ],
    "`sticky`": [refit({"sticky": 1.0})],
    "`init`": [refit({"init": "quantile"}), lambda model, data, folder: refit({"init": model})(model, data, folder)],
    '`accelerate`, `training="viterbi"`': [refit({"accelerate": True}), refit({"training": "viterbi"})],
    "`partial_fit`": [lambda model, data, folder: clone(model).partial_fit(data)],
    "`fit(checkpoint=)`": [lambda model, data, folder: clone(model).fit(data, checkpoint=folder / "c")],
    "`stream_predict`, `stream_predict_proba`": [
        lambda model, data, folder: model.stream_predict().push(data[0]),
        lambda model, data, folder: model.stream_predict_proba().push(data[0]),
    ],
    "`models.standard_errors`": [lambda model, data, folder: models.standard_errors(model, data)],
    "`models.bootstrap`": [lambda model, data, folder: models.bootstrap(model, data, n_resamples=2, random_state=0)],
    '`models.pseudo_residuals`, "ordinary"': [lambda model, data, folder: models.pseudo_residuals(model, data)],
    '`models.pseudo_residuals`, "forecast"': [
        lambda model, data, folder: models.pseudo_residuals(model, data, kind="forecast")
    ],
    "`models.match_states`, `reordered`, `canonical`": [
        lambda model, data, folder: models.match_states(model, model, data),
        lambda model, data, folder: models.reordered(model, [1, 0]),
        lambda model, data, folder: models.canonical(model, data),
    ],
    "`models.held_out_log_likelihood`": [lambda model, data, folder: models.held_out_log_likelihood(model, data, cv=2)],
}


def table():
    lines = PAGE.read_text(encoding="utf-8").split("## What works with which")[1].split("\n## ")[0].splitlines()
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    names = [name.strip("`") for name in head[1:]]
    return {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows}


def test_the_table_has_every_row_and_every_model():
    assert list(table()) == list(USES)
    assert all(list(row) == list(MODELS) for row in table().values())


@pytest.mark.filterwarnings("ignore:the fit has not converged", "ignore:the data say nothing")
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("what", USES)
def test_cell(what, name, tmp_path):
    model, data = MODELS[name]
    fitted, works = clone(model).fit(data), table()[what][name]
    for use in USES[what]:
        if works:
            use(fitted, data, tmp_path)
            continue
        with pytest.raises((ValueError, TypeError, AttributeError, NotImplementedError)) as refusal:
            use(fitted, data, tmp_path)
        assert name in str(refusal.value) or "Invalid parameter" in str(refusal.value)
