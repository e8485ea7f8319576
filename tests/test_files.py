"""Files appear complete or not at all; packed bytes come out as they went in, or not quietly."""

import gzip
import io
import os
import pickle
import stat
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmmseq.errors import DataError, ImpossibleSequenceError
from hmmseq.files import BLOCK, atomic_write, read_blocks, read_lines


def unpacked(data, **options):
    return b"".join(read_blocks(io.BytesIO(data), **options))


# Writing


def test_the_file_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "out"
    with atomic_write(target) as file:
        file.write(b"new")
        assert not target.exists()
    assert target.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, failure):
    target = tmp_path / "out"
    target.write_bytes(b"old")
    with pytest.raises(failure), atomic_write(target) as file:
        file.write(b"half")
        raise failure
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out"]


def test_a_full_disk_leaves_nothing(tmp_path):
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        with pytest.raises(OSError), atomic_write(tmp_path / "out") as file:
            file.write(b"x" * (2 << 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_device_is_written_directly_and_stays_a_device():
    with pytest.raises(OSError, match="No space left"), atomic_write("/dev/full") as file:
        file.write(b"x")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


def test_a_missing_folder_is_reported_under_the_name_that_was_asked_for(tmp_path):
    target = tmp_path / "missing" / "out"
    with pytest.raises(FileNotFoundError) as caught, atomic_write(target):
        pass
    assert caught.value.filename == str(target)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_folder_is_reported_under_the_name_that_was_asked_for(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError) as caught, atomic_write(tmp_path / "out"):
        pass
    tmp_path.chmod(0o700)
    assert caught.value.filename == str(tmp_path / "out")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(OSError), atomic_write(tmp_path):
        pass
    assert tmp_path.is_dir()


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions and links")
def test_links_and_permissions_survive(tmp_path):
    target, link = tmp_path / "out", tmp_path / "link"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    with atomic_write(link) as file:
        file.write(b"new")
    assert link.is_symlink() and target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


# Reading


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=4), st.integers(0, 9))
def test_gzip_members_and_padding_unpack(members, padding):
    packed = b"".join(map(gzip.compress, members)) + b"\0" * padding
    assert unpacked(packed) == b"".join(members)


def test_blocks_are_small():
    data = os.urandom(3 * BLOCK)
    for given_bytes in (data, gzip.compress(data)):
        blocks = list(read_blocks(io.BytesIO(given_bytes)))
        assert b"".join(blocks) == data
        assert max(map(len, blocks)) <= BLOCK


def test_every_truncation_is_an_error():
    packed = gzip.compress(b"ACGT" * 50) + gzip.compress(b"TTTT")
    whole = {0, len(gzip.compress(b"ACGT" * 50)), len(packed)}
    for length in range(2, len(packed)):
        if length not in whole:
            with pytest.raises(DataError, match="truncated"):
                unpacked(packed[:length])


@pytest.mark.parametrize("position", [-8, -1, 15])
def test_damage_is_an_error(position):
    packed = bytearray(gzip.compress(b"ACGTTGCA" * 50))
    packed[position] ^= 0x55
    with pytest.raises(DataError, match="damaged"):
        unpacked(bytes(packed))


def test_garbage_behind_gzip_is_an_error():
    with pytest.raises(DataError, match="damaged"):
        unpacked(gzip.compress(b"ACGT") + b"garbage")


def test_a_bomb_is_refused_unless_wanted():
    bomb = gzip.compress(b"A" * (20 << 20))
    with pytest.raises(DataError, match="max_ratio"):
        unpacked(bomb)
    assert len(unpacked(bomb, max_ratio=2000)) == 20 << 20


def test_standard_input_and_paths(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"abc")))
    assert b"".join(read_blocks("-")) == b"abc"
    (tmp_path / "packed_without_saying_so").write_bytes(gzip.compress(b"abc"))
    assert b"".join(read_blocks(tmp_path / "packed_without_saying_so")) == b"abc"
    with pytest.raises(FileNotFoundError):
        list(read_blocks(tmp_path / "missing"))


def test_a_file_of_the_user_stays_open():
    file = io.BytesIO(b"abc")
    list(read_blocks(file))
    assert not file.closed


def test_a_text_file_is_refused():
    with pytest.raises(TypeError, match="'rb'"):
        list(read_blocks(io.StringIO("abc")))  # type: ignore[arg-type]


def test_lines_have_numbers_and_no_ends():
    lines = list(read_lines(io.BytesIO(b"\xef\xbb\xbfone\r\n\xe9two\n\nfour")))
    assert lines == [(1, "one"), (2, "\ufffdtwo"), (3, ""), (4, "four")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("step", [3, 4, 5, 1000])
def test_every_line_end_ends_a_line(end, step):
    file = io.BytesIO(end.join([b"\xef\xbb\xbfone", b"", b"two \xc3\xa9"]))
    drip = type("Drip", (), {"read": lambda _, size: file.read(min(size, step))})()
    assert list(read_lines(drip)) == [(1, "one"), (2, ""), (3, "two \xe9")]


def test_a_nul_byte_is_no_text():
    with pytest.raises(DataError, match="input: NUL byte at offset 3; expected text, is it UTF-16"):
        list(read_lines(io.BytesIO("ab\n".encode("utf-16"))))


def test_an_endless_line_is_refused():
    with pytest.raises(DataError, match="line 2: longer"):
        list(read_lines(io.BytesIO(b"a\n" + b"x" * (3 * BLOCK))))


# Errors


def test_an_impossible_sequence_says_where_and_travels_between_processes():
    error = pickle.loads(pickle.dumps(ImpossibleSequenceError(3, 12)))
    assert (error.sequence, error.step) == (3, 12)
    assert "sequence 3 is impossible under the model from step 12" in str(error)
    assert isinstance(error, ValueError)
