"""Letters of biological sequences as small integers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hmmseq.errors import DataError

Codes = NDArray[np.uint8]

_ILLEGAL = 255


@dataclass(frozen=True)
class Alphabet:
    """Letters and their codes: symbol i of `symbols` has code i, a letter of `unknown` has code `missing`.

    name      what to call it in messages
    symbols   the letters that count; their order is the code
    unknown   letters that are legal but leave the symbol open
    synonyms  letters to read as another one

    Upper and lower case are the same letter.
    """

    name: str
    symbols: str
    unknown: str
    synonyms: tuple[tuple[str, str], ...] = ()
    _codes: Codes = field(init=False, repr=False, compare=False)  # (256,) code of each byte

    def __post_init__(self) -> None:
        codes = np.full(256, _ILLEGAL, np.uint8)
        for code, letters in enumerate([*self.symbols, self.unknown]):
            _assign(codes, letters, code)
        for letter, same in self.synonyms:
            _assign(codes, letter, codes[ord(same)])
        codes.flags.writeable = False
        object.__setattr__(self, "_codes", codes)

    @property
    def missing(self) -> int:
        """Code of a letter that leaves the symbol open."""
        return len(self.symbols)

    @property
    def letters(self) -> bytes:
        """Every legal letter, in both cases."""
        return bytes(np.flatnonzero(self._codes != _ILLEGAL).tolist())

    def encode(self, sequence: bytes | str, *, name: str = "sequence") -> Codes:
        """Codes (length,) of the letters of `sequence`; DataError, naming `name`, at an illegal one."""
        text = sequence.encode("latin-1", "replace") if isinstance(sequence, str) else sequence
        codes = self._codes[np.frombuffer(text, np.uint8)]
        if codes.max(initial=0) == _ILLEGAL:
            position = int(codes.argmax())
            raise DataError(self.complaint(sequence[position : position + 1], position, name))
        return codes

    def decode(self, codes: Codes) -> str:
        """Upper-case letters of `codes`; a missing symbol is the last letter of `unknown` (N, X)."""
        letters = np.frombuffer((self.symbols + self.unknown[-1]).encode(), np.uint8)
        return letters[codes].tobytes().decode()

    def complaint(self, letter: bytes | str, position: int, name: str) -> str:
        """Message about an illegal letter at a position (from 0) of a sequence called `name`."""
        shown = letter.decode("latin-1") if isinstance(letter, bytes) else letter
        return (
            f"{name} has {shown!r} at position {position + 1}, which is no {self.name} letter; "
            f"expected {self.symbols} or one of {self.unknown}: is this a {self.name} sequence?"
        )


def reverse_complement(codes: Codes) -> Codes:
    """DNA codes of the other strand, read in its own direction."""
    return _COMPLEMENT[codes[::-1]]


def _assign(codes: Codes, letters: str, code: int) -> None:
    for letter in letters:
        codes[[ord(letter.upper()), ord(letter.lower())]] = code


# X is no IUPAC base, but vector and repeat masking write it; HMMER, too, reads it as N.
DNA = Alphabet("DNA", "ACGT", "RYSWKMBDHVXN", synonyms=(("U", "T"),))
PROTEIN = Alphabet("protein", "ACDEFGHIKLMNPQRSTVWY", "BZJUOX")

_COMPLEMENT = np.array([3, 2, 1, 0, DNA.missing], np.uint8)
