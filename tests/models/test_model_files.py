"""Model files that are damaged, hostile or something else: one clear error and never a wrong model."""

import hashlib
import json
import pickle

import numpy as np
import pytest
import safetensors.numpy

from hmmseq import HMM, DataError, InputHMM, load
from hmmseq.archive import digest
from hmmseq.emissions import Categorical, Gaussian

CODES = [[0, 1, 1, 0]]


def saved(tmp_path, emission=None):
    path = tmp_path / "model.safetensors"
    X = CODES if emission is None else [np.random.default_rng(0).normal(size=(20, 2))]
    HMM(emission or Categorical(2), 2, n_iter=1, random_state=0).fit(X).save(path)
    return path


BAD_LABELS = [np.array([0, 5]), np.zeros((2, 2), int), np.array([0.5, 1.5])]
TABLES = [
    np.full((1, 2), 0.5),
    np.full((2, 3), 1 / 3),
    np.array([[np.nan, 1], [0, 1]]),
    np.array([[-1.0, 2.0], [0, 1]]),
    np.zeros(4, np.uint8),
]
BAD_ARRAYS = [
    ("graph.source", np.array([0, 0, 1, 7])),
    ("graph.source", np.array([0.0, 0.0, 1.0, 1.0])),
    ("graph.edge", np.full(4, np.nan)),
    ("graph.start", np.zeros(1)),
    ("graph.end", np.array([np.inf, 0])),
    *[("graph.label", array) for array in BAD_LABELS],
    *[("emission.emissionprob_", array) for array in TABLES],
    *[("emission.n_symbols_", array) for array in (np.array(10**9), np.array([2]), np.array(2.0), None)],
]


def rewritten(path, change, arrays_change=None):
    """The file with its description or arrays changed and a checksum that fits, as an attacker writes it."""
    with safetensors.safe_open(path, framework="numpy") as file:
        metadata, arrays = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    text = change(metadata["model"])
    arrays = arrays if arrays_change is None else arrays_change(arrays)
    metadata |= {"model": text, "sha256": digest(text, arrays)}
    path.write_bytes(safetensors.numpy.save(arrays, metadata))


def with_value(*keys_and_value):
    *keys, last, value = keys_and_value

    def change(text):
        described = json.loads(text)
        inner = described
        for key in keys:
            inner = inner[key]
        inner[last] = value
        return json.dumps(described)

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "", lambda text: "null", lambda text: "[]", lambda text: "{}", lambda text: "[" * 10**5,
        with_value("class", "os.system"), with_value("class", ["HMM"]), with_value("params", 5),
        with_value("params", {"unheard_of": 1}), with_value("fitted", "emission", "class", "Emission"),
        with_value("fitted", "emission", {}), with_value("fitted", "emission", "params", {"n_symbols": 2, "order": 3}),
        with_value("fitted", "emission", "params", {"n_symbols": 2, "order": 10**9}),
        with_value("fitted", "emission", "params", {"n_symbols": 2, "order": "x"}),
        with_value("fitted", "emission", "params", {"n_symbols": 2, "pseudocount": "x"}), with_value("fitted", {}),
    ],
)  # fmt: skip
def test_a_hostile_description_is_refused(tmp_path, change):
    path = saved(tmp_path)
    rewritten(path, change)
    with pytest.raises(DataError, match="does not describe a model"):
        load(path)


@pytest.mark.parametrize("name, value", BAD_ARRAYS)
def test_arrays_that_do_not_fit_together_are_refused(tmp_path, name, value):
    """Kernels do not check bounds: a table with too few rows or columns would make them read other memory."""
    path = saved(tmp_path)
    rewritten(path, str, lambda arrays: {k: v for k, v in (arrays | {name: value}).items() if v is not None})
    with pytest.raises(DataError, match="does not describe a model"):
        load(path)


@pytest.mark.parametrize("kind", ["spherical", "diag", "full", "tied"])
@pytest.mark.parametrize("name", ["means_", "covars_", "scale_"])
@pytest.mark.parametrize(
    "spoil", [lambda a: a[:1], lambda a: a * np.nan, lambda a: a[..., None], lambda a: -np.inf * a]
)
def test_gaussian_parameters_that_do_not_fit_are_refused(tmp_path, kind, name, spoil):
    path = saved(tmp_path, Gaussian(kind))
    rewritten(path, str, lambda arrays: arrays | {f"emission.{name}": spoil(arrays[f"emission.{name}"])})
    with pytest.raises(DataError, match="does not describe a model"):
        load(path)


@pytest.mark.parametrize("kind", ["spherical", "diag", "full", "tied"])
def test_a_covariance_that_is_none_is_refused(tmp_path, kind):
    path = saved(tmp_path, Gaussian(kind))
    rewritten(path, str, lambda arrays: arrays | {"emission.covars_": -arrays["emission.covars_"]})
    with pytest.raises(DataError, match="must be positive"):
        load(path)


def test_a_loaded_model_has_parameters_of_the_same_kind(tmp_path):
    """The alphabet size used to come back as an array of one number."""
    found = load(saved(tmp_path))
    assert isinstance(found.emission_.n_symbols_, int) and found.emission_.n_symbols_ == 2


def test_a_class_loads_its_own_files_only(tmp_path):
    path = saved(tmp_path)
    assert HMM.load(path).transmat_.shape == (2, 2)
    with pytest.raises(DataError, match=r"model\.safetensors holds a HMM, not a InputHMM"):
        InputHMM.load(path)


class Bomb:
    def __reduce__(self):
        return exec, ("raise SystemExit('code in a file was run')",)


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04" + bytes(60), pickle.dumps(Bomb()), b"\x80\x04", bytes(8), b"\xff" * 64,
     (2**63).to_bytes(8, "little") + b"{}", (2).to_bytes(8, "little") + b"{}",
     (10**8).to_bytes(8, "little") + b"{" * 1000],
)  # fmt: skip
def test_another_kind_of_file_is_refused(tmp_path, content):
    path = tmp_path / "model"
    path.write_bytes(content)
    with pytest.raises(DataError, match=str(path)):
        load(path)


@pytest.mark.parametrize("dtype", ["BF16", "F8_E4M3", "U64", "BOOL"])
def test_a_number_type_that_numpy_lacks_is_refused(tmp_path, dtype):
    path = tmp_path / "model"
    size = {"BF16": 2, "U64": 8}.get(dtype, 1)
    header = {"__metadata__": {"format": "hmmseq/1", "model": "{}", "sha256": hashlib.sha256(b"{}").hexdigest()}}
    header["graph.edge"] = {"dtype": dtype, "shape": [1], "data_offsets": [0, size]}
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(size))
    with pytest.raises(DataError, match=str(path)):
        load(path)


def test_paths_that_cannot_be_read_or_written_are_named(tmp_path):
    model = load(saved(tmp_path))
    for path in (tmp_path / "nowhere" / "model", tmp_path):
        with pytest.raises(OSError, match=str(path)):
            load(path)
        with pytest.raises(OSError, match=str(path)):
            model.save(path)
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize("source", [3, None, ["model"]])
def test_what_is_no_file_is_refused(source):
    with pytest.raises(TypeError, match="expected a path, or a file opened for reading bytes"):
        load(source)
