"""Genetic codes: which codons are stops and starts, and what the others mean."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from hmmseq.errors import DataError

from .alphabet import DNA, PROTEIN, Codes

_NCBI_BASES = "TCAG"
# Codon of our order (A, C, G, T; last base fastest) -> its place in NCBI's strings (T, C, A, G).
_NCBI_PLACE = [
    16 * _NCBI_BASES.index(a) + 4 * _NCBI_BASES.index(b) + _NCBI_BASES.index(c)
    for a, b, c in product(DNA.symbols, repeat=3)
]
_AMBIGUOUS = 64


@dataclass(frozen=True)
class GeneticCode:
    """A genetic code over codons 0..63 = 16 * first + 4 * second + third base code (A 0, C 1, G 2, T 3).

    amino_acids  64 letters as NCBI prints them: last base fastest, bases in the order T, C, A, G; "*" stops
    marks        64 marks in the same order: "M" may start a protein, "*" may end one, "-" neither; without
                 it ATG starts. A codon may both mean an amino acid and be marked "*" (tables 27, 28, 31).
    table        NCBI number, None for a code of your own
    """

    amino_acids: str
    marks: str = ""
    table: int | None = None
    name: str = "own"

    def __post_init__(self) -> None:
        if not self.marks:
            object.__setattr__(self, "marks", _only_atg(self.amino_acids))
        _check("amino_acids", self.amino_acids, PROTEIN.symbols + "*")
        _check("marks", self.marks, "M*-")

    @classmethod
    def from_table(cls, table: int) -> GeneticCode:
        """The NCBI code of this number; DataError if there is none."""
        if table not in _TABLES:
            known = ", ".join(map(str, _TABLES))
            raise DataError(f"genetic code table {table!r} is unknown; NCBI's are {known}")
        name, amino_acids, marks = _TABLES[table]
        return cls(amino_acids, marks, table, name)

    @cached_property
    def letters(self) -> str:
        """Amino acid of each codon 0..63, "*" for a stop."""
        return "".join(self.amino_acids[place] for place in _NCBI_PLACE)

    @cached_property
    def stops(self) -> tuple[int, ...]:
        """Codons that may end a protein."""
        return tuple(c for c, p in enumerate(_NCBI_PLACE) if "*" in (self.marks[p], self.amino_acids[p]))

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Codons that may start a protein."""
        return tuple(c for c, place in enumerate(_NCBI_PLACE) if self.marks[place] == "M")

    def translate(self, sequence: Codes, *, from_start: bool = False) -> str:
        """Protein letters of DNA codes (3 n,), one a codon, stops included as "*".

        A codon with a missing base gives its amino acid if all its readings agree, else X. `from_start` says
        that the sequence begins a gene: a first codon that can start one is written M.
        """
        index = 25 * sequence[0::3].astype(np.intp) + 5 * sequence[1 : _whole(sequence) : 3] + sequence[2::3]
        protein = self._letters_with_missing[index].tobytes().decode()
        if from_start and len(sequence) and int(codons(sequence[:3])[0]) in self.starts:
            return "M" + protein[1:]
        return protein

    @cached_property
    def _letters_with_missing(self) -> NDArray[np.uint8]:
        """(125,) letter of each triple of base codes 0..4."""
        triples = product(range(DNA.missing + 1), repeat=3)
        return np.frombuffer("".join(self._agreed(triple) for triple in triples).encode(), np.uint8)

    def _agreed(self, triple: tuple[int, ...]) -> str:
        readings = product(*(range(4) if base == DNA.missing else (base,) for base in triple))
        letters = {self.letters[16 * a + 4 * b + c] for a, b, c in readings}
        return letters.pop() if len(letters) == 1 else "X"


def codons(sequence: Codes) -> NDArray[np.uint8]:
    """Codons (n,) of DNA codes (3 n,); 64 for one with a missing base."""
    triples = sequence[: _whole(sequence)].reshape(-1, 3)
    numbers = triples @ np.array([16, 4, 1], np.uint8)  # 4 * 21 = 84 at most: no overflow
    return np.where((triples == DNA.missing).any(axis=1), np.uint8(_AMBIGUOUS), numbers)


def _whole(sequence: Codes) -> int:
    if len(sequence) % 3:
        raise DataError(f"{len(sequence)} bases are not whole codons; cut them to a multiple of three")
    return len(sequence)


def _only_atg(amino_acids: str) -> str:
    """Marks of a code that starts with ATG alone."""
    atg = 35
    return "".join("M" if i == atg else "*" if a == "*" else "-" for i, a in enumerate(amino_acids))


def _check(what: str, text: str, allowed: str) -> None:
    if len(text) != 64 or not set(text) <= set(allowed):
        raise DataError(f"{what} is {text!r} ({len(text)} letters); expected 64 of {allowed} in NCBI's order")


# fmt: off
_TABLES: dict[int, tuple[str, str, str]] = {  # NCBI gc.prt 4.4; checked against Biopython in the tests
    1: ("Standard",
        "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        "---M------**--*----M---------------M----------------------------"),
    2: ("Vertebrate Mitochondrial",
        "FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIMMTTTTNNKKSS**VVVVAAAADDEEGGGG",
        "----------**--------------------MMMM----------**---M------------"),
    3: ("Yeast Mitochondrial",
        "FFLLSSSSYY**CCWWTTTTPPPPHHQQRRRRIIMMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        "----------**----------------------MM---------------M------------"),
    4: ("Mold Mitochondrial",
        "FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        "--MM------**-------M------------MMMM---------------M------------"),
    5: ("Invertebrate Mitochondrial",
        "FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIMMTTTTNNKKSSSSVVVVAAAADDEEGGGG",
        "---M------**--------------------MMMM---------------M------------"),
    6: ("Ciliate Nuclear",
        "FFLLSSSSYYQQCC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        "--------------*--------------------M----------------------------"),
    9: ("Echinoderm Mitochondrial",
        "FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIIMTTTTNNNKSSSSVVVVAAAADDEEGGGG",
        "----------**-----------------------M---------------M------------"),
    10: ("Euplotid Nuclear",
        "FFLLSSSSYY**CCCWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        "----------**-----------------------M----------------------------"),
    11: ("Bacterial",
        "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        "---M------**--*----M------------MMMM---------------M------------"),
    12: ("Alternative Yeast Nuclear",
        "FFLLSSSSYY**CC*WLLLSPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        "----------**--*----M---------------M----------------------------"),
    13: ("Ascidian Mitochondrial",
        "FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIMMTTTTNNKKSSGGVVVVAAAADDEEGGGG",
        "---M------**----------------------MM---------------M------------"),
    14: ("Alternative Flatworm Mitochondrial",
        "FFLLSSSSYYY*CCWWLLLLPPPPHHQQRRRRIIIMTTTTNNNKSSSSVVVVAAAADDEEGGGG",
        "-----------*-----------------------M----------------------------"),
    15: ("Blepharisma Macronuclear",
        "FFLLSSSSYY*QCC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        "----------*---*--------------------M----------------------------"),
    16: ("Chlorophycean Mitochondrial",
        "FFLLSSSSYY*LCC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        "----------*---*--------------------M----------------------------"),
    21: ("Trematode Mitochondrial",
        "FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIMMTTTTNNNKSSSSVVVVAAAADDEEGGGG",
        "----------**-----------------------M---------------M------------"),
    22: ("Scenedesmus obliquus Mitochondrial",
        "FFLLSS*SYY*LCC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        "------*---*---*--------------------M----------------------------"),
    23: ("Thraustochytrium Mitochondrial",
        "FF*LSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        "--*-------**--*-----------------M--M---------------M------------"),
    24: ("Pterobranchia Mitochondrial",
        "FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSSKVVVVAAAADDEEGGGG",
        "---M------**-------M---------------M---------------M------------"),
    25: ("Candidate Division SR1",
        "FFLLSSSSYY**CCGWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        "---M------**-----------------------M---------------M------------"),
    26: ("Pachysolen tannophilus Nuclear",
        "FFLLSSSSYY**CC*WLLLAPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        "----------**--*----M---------------M----------------------------"),
    27: ("Karyorelict Nuclear",
        "FFLLSSSSYYQQCCWWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        "--------------*--------------------M----------------------------"),
    28: ("Condylostoma Nuclear",
        "FFLLSSSSYYQQCCWWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        "----------**--*--------------------M----------------------------"),
    29: ("Mesodinium Nuclear",
        "FFLLSSSSYYYYCC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        "--------------*--------------------M----------------------------"),
    30: ("Peritrich Nuclear",
        "FFLLSSSSYYEECC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        "--------------*--------------------M----------------------------"),
    31: ("Blastocrithidia Nuclear",
        "FFLLSSSSYYEECCWWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        "----------**-----------------------M----------------------------"),
    32: ("Balanophoraceae Plastid",
        "FFLLSSSSYY*WCC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        "---M------*---*----M------------MMMM---------------M------------"),
    33: ("Cephalodiscidae Mitochondrial",
        "FFLLSSSSYYY*CCWWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSSKVVVVAAAADDEEGGGG",
        "---M-------*-------M---------------M---------------M------------"),
}
# fmt: on
