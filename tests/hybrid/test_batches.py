"""Padding is invisible: neither batch mates nor what stands behind the end changes a result."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hmmseq.hybrid.batches import Batch, buckets, pad  # noqa: E402
from hmmseq.hybrid.encoders import ENCODERS  # noqa: E402

rng = np.random.default_rng(0)
SEQUENCES = [rng.normal(size=(n, 4)).astype(np.float32) for n in (5, 1, 9, 3)]


@pytest.fixture(params=sorted(ENCODERS))
def encoder(request):
    torch.manual_seed(0)
    return ENCODERS[request.param](4, 6).eval()


def alone(encoder, sequence):
    with torch.no_grad():
        return encoder(pad([sequence]))[0]


def test_batch_mates_change_nothing(encoder):
    batch = pad(SEQUENCES)
    together = batch.unpad(encoder(batch)).split(batch.lengths.tolist())
    for one, sequence in zip(together, SEQUENCES, strict=True):
        torch.testing.assert_close(one, alone(encoder, sequence), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("value", [0.0, -3.0, 1e4])
@pytest.mark.parametrize("more", [0, 7])
def test_pad_value_and_length_change_nothing(encoder, value, more):
    batch = pad(SEQUENCES)
    values = torch.full((4, 9 + more, 4), value)
    values[:, :9][batch.mask] = batch.unpad(batch.values)
    padded = Batch(values, batch.lengths)
    torch.testing.assert_close(padded.unpad(encoder(padded)), batch.unpad(encoder(batch)))


def test_causal_encoders_do_not_look_ahead(encoder):
    changed = SEQUENCES[2].copy()
    changed[6:] += 1
    reach = min(encoder.lookahead, 9)
    before, after = alone(encoder, SEQUENCES[2]), alone(encoder, changed)
    keep = int(max(0, 6 - reach))
    torch.testing.assert_close(before[:keep], after[:keep])
    assert encoder.causal == (encoder.lookahead == 0)


def test_reverse_turns_each_sequence():
    batch = pad([np.array([[1.0], [2.0], [3.0]]), np.array([[4.0], [5.0]])])
    assert batch.reverse(batch.values)[..., 0].tolist() == [[3.0, 2.0, 1.0], [5.0, 4.0, 0.0]]


@pytest.mark.parametrize("random", [None, 0])
def test_buckets_hold_every_filled_sequence_once(random):
    lengths = np.array([3, 0, 50, 4, 49, 0, 2, 51])
    found = buckets(lengths, 3, None if random is None else np.random.default_rng(random))
    assert sorted(np.concatenate(found).tolist()) == [0, 2, 3, 4, 6, 7]
    assert {tuple(sorted(batch.tolist())) for batch in found} == {(0, 3, 6), (2, 4, 7)}
