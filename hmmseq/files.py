"""Reading bytes, packed or not, in bounded memory; writing files that are complete or absent."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import BinaryIO, Protocol, TypeAlias

from hmmseq.errors import DataError


class Readable(Protocol):
    """A file opened for reading bytes, as far as it matters here."""

    def read(self, size: int, /) -> bytes: ...


Source: TypeAlias = str | os.PathLike[str] | Readable

BLOCK = 1 << 20  # bytes in hand at a time, and the longest line accepted
MAX_RATIO = 200.0  # DNA packs about 4 to 1, deflate at most 1032 to 1
_PACKED_BLOCK = 1 << 16  # after each gzip member zlib copies the rest of its block: bgzip needs short ones
_RATIO_FREE = 16 << 20  # what unpacks to less than this harms nobody


def source_name(source: Source) -> str:
    """What to call a source in a message."""
    if not isinstance(source, (str, os.PathLike)):
        return str(getattr(source, "name", "input"))
    return "standard input" if source == "-" else os.fspath(source)


def read_blocks(source: Source, *, max_ratio: float = MAX_RATIO) -> Iterator[bytes]:
    """Yield the bytes of `source` in blocks of at most 1 MB, unpacked if they are gzip or bgzip.

    source     a path, "-" for standard input, or a file opened for reading bytes (left open)
    max_ratio  the most bytes one packed byte may stand for, once 16 MB have come out

    Gzip is known by its first bytes, not by a name. Damaged, truncated or bomb-like gzip is a DataError.
    """
    with _opened(source) as file:
        first = file.read(_PACKED_BLOCK)
        if not isinstance(first, bytes):
            raise TypeError(f"{source_name(source)} gives text; open it for reading bytes (mode 'rb')")
        if first.startswith(b"\x1f\x8b"):
            packed = chain([first], iter(lambda: file.read(_PACKED_BLOCK), b""))
            yield from _unpack(packed, source_name(source), max_ratio)
        else:
            yield from chain([first], iter(lambda: file.read(BLOCK), b""))


def read_text(source: Source, *, max_ratio: float = MAX_RATIO) -> Iterator[bytes]:
    """As `read_blocks`, of a text: every line end is a newline, and no byte order mark comes first.

    Raises DataError for a NUL byte: what has one is UTF-16, or no text.
    """
    offset, after_return = 0, False
    for block in read_blocks(source, max_ratio=max_ratio):
        if (nul := block.find(0)) >= 0:
            name = source_name(source)
            raise DataError(f"{name}: NUL byte at offset {offset + nul}; expected text, is it UTF-16 or binary?")
        text = block.removeprefix(b"\xef\xbb\xbf") if offset == 0 else block
        if after_return:
            text = text.removeprefix(b"\n")  # a CR LF cut in two
        offset, after_return = offset + len(block), block.endswith(b"\r")
        yield text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def read_lines(source: Source) -> Iterator[tuple[int, str]]:
    """Yield (line number from 1, line) of a UTF-8 text, packed or not, whatever its line ends, which are removed."""
    held, number = b"", 1
    for block in chain(read_text(source), [b"\n"]):
        *lines, held = (held + block).split(b"\n")
        for line in lines:
            yield number, line.decode(errors="replace")
            number += 1
        if len(held) > BLOCK:
            raise DataError(f"{source_name(source)}, line {number}: longer than {BLOCK} bytes; is this text?")


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a binary file that becomes `path` when the block ends well, and vanishes when it does not.

    The bytes go to a temporary file in the same folder, are synced to disk, then renamed; an existing file
    stays as it was until that moment and keeps its permissions. Devices and pipes are written directly.

    Raises OSError naming `path` if its folder cannot be written.
    """
    if os.path.exists(path) and not os.path.isfile(path):  # not by its real path: /dev/stdout as a pipe has none
        with open(path, "wb") as device:
            yield device
        return
    target = os.path.realpath(path)  # a link keeps pointing to the file that is replaced
    temporary = os.path.join(os.path.dirname(target), f".hmmseq-{secrets.token_hex(8)}.tmp")
    file = _create(temporary, os.fspath(path))
    try:
        yield file
        _finish(file, target)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):  # closing flushes, and may meet the same full disk again
            file.close()
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _create(temporary: str, path: str) -> BinaryIO:
    try:
        return open(temporary, "xb")
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None  # nobody asked for the temporary name


def _finish(file: BinaryIO, target: str) -> None:
    file.flush()
    os.fsync(file.fileno())
    file.close()
    if os.path.exists(target):
        shutil.copymode(target, file.name)


@contextlib.contextmanager
def _opened(source: Source) -> Iterator[Readable]:
    if not isinstance(source, (str, os.PathLike)):
        yield source
    elif source == "-":
        if sys.stdin is None:
            raise DataError("standard input is closed; name a file")
        yield sys.stdin.buffer
    else:
        with open(source, "rb") as file:
            yield file


def _unpack(packed: Iterable[bytes], name: str, max_ratio: float) -> Iterator[bytes]:
    member, n_read, n_written = zlib.decompressobj(wbits=31), 0, 0
    started = False  # inside a member; zero bytes between members are padding
    for block in packed:
        n_read += len(block)
        while block := (block if started else block.lstrip(b"\0")):
            out = _inflate(member, block, name)
            n_written += len(out)
            if n_written > max_ratio * n_read + _RATIO_FREE:
                raise DataError(f"{name}: unpacks to over {max_ratio:g} times its size; raise max_ratio to accept")
            yield out
            started, block = not member.eof, member.unused_data or member.unconsumed_tail
            if member.eof:
                member = zlib.decompressobj(wbits=31)
    if started:
        raise DataError(f"{name}: gzip data end too early; the file is truncated, fetch or copy it again")


def _inflate(member: zlib._Decompress, block: bytes, name: str) -> bytes:
    try:
        return member.decompress(block, BLOCK)
    except zlib.error as error:
        raise DataError(f"{name}: damaged gzip data ({error}); fetch or copy the file again") from None
