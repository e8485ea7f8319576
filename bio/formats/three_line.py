"""Labelled proteins in the 3-line format: header, residues, one label letter for each residue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from hmmseq.errors import DataError
from hmmseq.files import Source, read_lines, source_name

from ..alphabet import PROTEIN


class LabelledProtein(NamedTuple):
    """A protein with a letter for each residue; `id` is the first word of its header."""

    id: str
    description: str
    sequence: str
    letters: str

    def codes(self) -> np.ndarray:
        """(length,) residues as 0 ... 19, in the order of `PROTEIN.symbols`; -1 where open (X, B, U)."""
        codes = PROTEIN.encode(self.sequence, name=f"protein {self.id!r}").astype(np.int64)
        return np.where(codes == PROTEIN.missing, -1, codes)


def read_three_line(source: Source) -> Iterator[LabelledProtein]:
    """Iterate over the proteins of a 3-line file, packed or not; blank lines are skipped.

    Raises DataError, with the line, for a header without ">", a record cut short, or labels that do not fit
    residues.
    """
    name, record = source_name(source), []
    for number, line in read_lines(source):
        if not line.strip():
            continue
        record.append(line.strip())
        if len(record) == 1 and not line.startswith(">"):
            raise DataError(f"{name}, line {number}: expected a header that starts with '>', found {line[:20]!r}")
        if len(record) == 3:
            yield _protein(record, name, number)
            record = []
    if record:
        raise DataError(f"{name}: the last protein has {len(record)} of 3 lines; the file is cut short")


def _protein(record: list[str], name: str, number: int) -> LabelledProtein:
    header, sequence, letters = record
    if len(sequence) != len(letters):
        raise DataError(f"{name}, line {number}: {len(letters)} labels for {len(sequence)} residues; expected one each")
    identifier, _, description = header[1:].partition(" ")
    return LabelledProtein(identifier, description, sequence, letters)
