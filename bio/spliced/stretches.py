"""Sequences of any length, a window at a time: windows begin and end between genes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from ..contigs import Part
from ..gene import Gene
from .decoding import Field, Found, Structure
from .hints import Hint, Worth, place
from .model import SplicedModel

WINDOW, OVERLAP = 1_000_000, 100_000  # bases decoded at a time, and how many of them at least are seen again


class Stretch(NamedTuple):
    """A window, and the genes found before its `end`, where the next one begins; 0 if no place is between genes."""

    window: Part
    field: Field
    found: list[Found]
    end: int
    table: int | None  # NCBI number of the genetic code

    def genes(self) -> list[Gene]:
        """Those of the best path."""
        return [
            replace(self._gene(one.structure, one.posterior), score=one.score, piece_posteriors=one.posteriors)
            for one in self.found
        ]

    def alternatives(self, n_samples: int, random_state: Any) -> list[Gene]:
        """Those of sampled paths."""
        drawn = self.field.sample(n_samples, random_state)
        return [self._gene(structure, share) for structure, share in drawn if structure.exons[-1][1] <= self.end]

    def _gene(self, structure: Structure, posterior: float) -> Gene:
        return Gene.of_pieces(
            self.window.seqid,
            [(self.window.offset + a + 1, self.window.offset + b) for a, b in structure.exons],
            "+-"[structure.strand],
            posterior=posterior,
            partial_left=structure.cut_left,
            partial_right=structure.cut_right,
            phase=structure.phase,
            transl_table=self.table,
        )


def stretches(
    model: SplicedModel, part: Part, partial: bool, hints: list[Hint], worth: Worth | None
) -> Iterator[Stretch]:
    """A part of a sequence in windows: the next one begins where no gene of the best path is cut.

    partial  whether genes may run on beyond the ends of the part
    """

    def look(first: int, size: int) -> Stretch:
        window = part._replace(offset=part.offset + first, codes=part.codes[first : first + size])
        length, last = len(window.codes), first + size >= len(part.codes)
        cut = partial and first == 0, partial or not last
        field = Field(model, window.codes, cut, place(hints, window.offset, length), worth)
        found = field.best()
        end = length if last else _seam(found, length - OVERLAP)
        kept = [one for one in found if one.structure.exons[-1][1] <= end]
        return Stretch(window, field, kept, end, model.code.table)

    first = 0
    while first < len(part.codes):
        size, stretch = WINDOW, look(first, WINDOW)
        while not stretch.end:  # one gene fills the window
            size *= 2
            stretch = look(first, size)
        yield stretch
        first += stretch.end


def _seam(found: list[Found], limit: int) -> int:
    """A place before `limit` and between two genes, as far right as there is; 0 if there is none."""
    edges = [0, *(edge for one in found for edge in (one.structure.exons[0][0], one.structure.exons[-1][1])), limit]
    if found and found[0].structure.cut_left:
        edges = edges[2:]
    gaps = [(a, min(b, limit)) for a, b in zip(edges[::2], edges[1::2]) if a < limit]
    return (gaps[-1][0] + gaps[-1][1] + 1) // 2 if gaps else 0
