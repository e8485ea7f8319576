"""A file of each estimator, cut anywhere or with any byte changed: one clear error, or an equal model."""

import io
import json

import numpy as np
import pytest
import safetensors.numpy

from hmmseq import CRF, HMM, DataError, FactorialHMM, HMMTagger, InputHMM, SemiCRF, SemiMarkovHMM, load
from hmmseq.archive import digest
from hmmseq.emissions import Gaussian, Mixture, Poisson, Product
from hmmseq.models import VariationalHMM

COUNTS = [[[0], [3], [1]], [[4], [0]]]
VECTORS = [np.array([[0.0, 1.0], [2.0, 0.5], [4.0, 1.5]]), np.array([[4.5, 0.0], [0.2, 2.0]])]
FEATURES = [[["a"], ["b"]], [["b"], ["a"]]]
TAGS = [["A", "B"], ["B", "A"]]


def models():
    yield "HMM", HMM(Poisson(), 2, n_iter=1, random_state=0).fit(COUNTS), COUNTS
    joint = Product([Mixture(Gaussian(), 2), Poisson()], columns=[[0], [1]])
    whole = [np.round(x) for x in VECTORS]
    yield "HMM of a product", HMM(joint, 1, n_iter=1, random_state=0).fit(whole), whole
    yield (
        "SemiMarkovHMM",
        SemiMarkovHMM(Poisson(), 2, durations="histogram", longest=3, n_iter=1, random_state=0).fit(COUNTS),
        COUNTS,
    )
    yield "VariationalHMM", VariationalHMM(Gaussian(), 1, n_iter=1, random_state=0).fit(VECTORS), VECTORS
    yield "InputHMM", InputHMM(inputs=[0], n_components=2, n_iter=1, random_state=0).fit(VECTORS), VECTORS
    yield "FactorialHMM", FactorialHMM((2, 1), n_iter=1, random_state=0).fit(VECTORS), VECTORS
    yield "CRF", CRF(n_iter=2).fit(FEATURES, TAGS), FEATURES
    yield "SemiCRF", SemiCRF(n_iter=2).fit(FEATURES, TAGS), FEATURES
    yield "HMMTagger", HMMTagger(order=1, longest_ending=1).fit([["a", "b"]], [["A", "B"]]), [["a"], ["b", "a"]]
    try:
        from hmmseq.hybrid import SequenceTagger
    except ImportError:
        return
    tagger = SequenceTagger(head="softmax", hidden_size=1, epochs=1, random_state=0)
    yield "SequenceTagger", tagger.fit([[0, 1], [1, 0]], [[0, 1], [1, 0]]), [[0, 1, 1]]


MODELS = list(models())
CASES = pytest.mark.parametrize("model, X", [case[1:] for case in MODELS], ids=[case[0] for case in MODELS])


def answers(model, X):
    """What a model says, to compare."""
    if isinstance(model, (HMM, FactorialHMM)):
        return [np.array(model.score(X))]
    if isinstance(model, SemiCRF):
        return [np.array([segment[:2] for segment in found]) for found in model.predict(X)]
    return model.predict_proba(X)


def same(found, model, X):
    assert repr(found) == repr(model)
    for ours, theirs in zip(answers(found, X), answers(model, X), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def file_of(model, path):
    model.save(path)
    return path.read_bytes()


def tried(data):
    """The model, or None where it is refused as it should be."""
    file = io.BytesIO(data)
    file.name = "the file"
    try:
        return load(file)
    except DataError as error:
        assert "\n" not in str(error) and "the file" in str(error)
        return None


def parts_of(data):
    metadata = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    return metadata, safetensors.numpy.load(data)


@CASES
def test_a_file_comes_back_as_the_model_it_was(tmp_path, model, X):
    model.save(tmp_path / "model")
    found = load(tmp_path / "model")
    for ours, theirs in zip(answers(found, X), answers(model, X), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@CASES
def test_a_file_cut_anywhere_is_refused(tmp_path, model, X):
    data = file_of(model, tmp_path / "model")
    for size in range(len(data)):
        assert tried(data[:size]) is None, size


@CASES
def test_a_file_with_any_byte_changed_is_refused_or_the_same(tmp_path, model, X):
    data = file_of(model, tmp_path / "model")
    model = tried(data)
    for place in range(len(data)):
        flipped = bytearray(data)
        flipped[place] ^= 1 << place % 8
        found = tried(bytes(flipped))
        if found is not None:
            same(found, model, X)


@CASES
def test_a_full_disk_leaves_the_old_file(tmp_path, model, X):
    resource = pytest.importorskip("resource")
    (tmp_path / "model").write_bytes(b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, limits[1]))
    try:
        with pytest.raises(OSError):
            model.save(tmp_path / "model")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("model", b"old")]


def spoil(array):
    """What a hostile file may hold instead of an array."""
    yield array[:-1] if array.ndim and len(array) else array[None]
    yield array[..., None]
    yield array.astype(np.int64) + 10**9 if array.dtype.kind in "iu" else array * np.nan
    yield None


@CASES
def test_arrays_that_lie_are_refused_or_make_a_sound_model(tmp_path, model, X):
    """Whoever rewrites a file can make its checksum fit; kernels do not check bounds, so `load` must."""
    metadata, arrays = parts_of(file_of(model, tmp_path / "model"))
    for name, array in arrays.items():
        for value in spoil(array):
            changed = {key: own for key, own in (arrays | {name: value}).items() if own is not None}
            signed = metadata | {"sha256": digest(metadata["model"], changed)}
            found = tried(safetensors.numpy.save(changed, signed))
            if found is not None:  # text in a column is the same text; a state may need longer than there is time
                assert not any(np.isnan(answer).any() for answer in answers(found, X)), name
                assert value is None or not np.isnan(value).any()


@CASES
def test_descriptions_that_lie_are_refused(tmp_path, model, X):
    metadata, arrays = parts_of(file_of(model, tmp_path / "model"))
    described = json.loads(metadata["model"])
    lies = [{"class": "Popen"}, {"class": None}, {"params": {"of_nobody": 1}}, {"params": None}]
    for lie in lies + ([] if isinstance(model, HMMTagger) else [{"fitted": None}]):  # that one has nothing there
        text = json.dumps(described | lie)
        signed = metadata | {"model": text, "sha256": digest(text, arrays)}
        assert tried(safetensors.numpy.save(arrays, signed)) is None
