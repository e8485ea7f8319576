"""Types and checks of command line arguments: what is wrong is said before any work begins."""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable
from typing import Any


def table(text: str) -> int:
    from hmmseq.bio.genetic_code import GeneticCode

    number = positive(text)
    try:
        return GeneticCode.from_table(number).table or 0
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def checked(kind: Callable[[str], Any], allowed: Callable[[Any], bool], expected: str) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not allowed(value):
            raise argparse.ArgumentTypeError(f"got {text!r}, expected {expected}")
        return value

    return parse


not_negative = checked(int, lambda n: n >= 0, "a whole number, 0 or more")
positive = checked(int, lambda n: n >= 1, "a whole number, 1 or more")
probability = checked(float, lambda p: 0 <= p <= 1, "a probability, 0 to 1")
error_rate = checked(float, lambda p: 0 <= p < 0.1, "errors a base, 0 to below 0.1")


def check_files(inputs: Iterable[str | None], outputs: Iterable[str | None]) -> None:
    """Find out now, not after a long run, that an output cannot be written, or would take the place of an input or another.

    None: not asked for; "-": standard input and standard output.
    """
    read, written = ([path for path in paths if path is not None] for paths in (inputs, outputs))
    for path in written:
        _check_writable(path)
    if read.count("-") > 1:
        raise argparse.ArgumentTypeError("standard input (-) can be read once; name files for the others")
    if written.count("-") > 1:
        raise argparse.ArgumentTypeError("two results would go to standard output; name a file for one of them")
    taken = {_place(path): "an input" for path in read if path != "-"}
    for path in written:
        if path != "-" and not _is_device(path):
            if _place(path) in taken:
                raise argparse.ArgumentTypeError(f"{path} is {taken[_place(path)]}, too; name another file to write")
            taken[_place(path)] = "another output"


def _place(path: str) -> object:
    """Equal for two names of one file."""
    with contextlib.suppress(OSError):
        found = os.stat(path)
        return found.st_dev, found.st_ino
    return os.path.realpath(path)


def _is_device(path: str) -> bool:
    """Or a pipe: what is there, but is neither file nor folder, can take more than one output."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def _check_writable(path: str) -> None:
    if path == "-" or _is_device(path):
        return
    if os.path.isdir(path):
        raise IsADirectoryError(21, "is a folder; name a file", path)
    try:
        with tempfile.TemporaryFile(dir=os.path.dirname(os.path.realpath(path))):
            pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None


def region(text: str) -> tuple[str, int, int]:
    """Sequence, first and last base (from 1) of "ID:FIRST-LAST"; commas in numbers are passed over."""
    seqid, colon, ends = text.rpartition(":")
    first, dash, last = ends.replace(",", "").partition("-")
    if not (seqid and colon and dash and first.isdecimal() and last.isdecimal() and 1 <= int(first) < int(last)):
        raise argparse.ArgumentTypeError(f"got {text!r}, expected ID:FIRST-LAST, chr1:1001-21000 say")
    return seqid, int(first), int(last)


def hints_on(path: str | None, records: list[Any]) -> list[Any]:
    """The hints of a file, if there is one; DataError where they lie on other sequences, or beyond the ends of these."""
    if path is None:
        return []
    from hmmseq.bio import check_sequences, read_hints

    hints = read_hints(path)
    check_sequences(hints, records, what="hints")
    return hints
