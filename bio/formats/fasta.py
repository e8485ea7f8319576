"""A strict FASTA reader: what it does not refuse, it has understood."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple, NoReturn

from hmmseq.errors import DataError
from hmmseq.files import BLOCK, MAX_RATIO, Source, read_text, source_name

from ..alphabet import DNA, Alphabet, Codes

Duplicates = Literal["error", "rename", "keep"]

_ANY_LETTER = bytes(range(ord("A"), ord("Z") + 1)) + bytes(range(ord("a"), ord("z") + 1))
_BLANKS_AND_DIGITS = b" \t\v\f0123456789"


class FastaRecord(NamedTuple):
    """One sequence of a FASTA file: `id` is the first word of its header, `description` the rest."""

    id: str
    description: str
    sequence: bytes

    def encode(self, alphabet: Alphabet = DNA) -> Codes:
        """Codes (length,) of the sequence; DataError, naming the record, at an illegal letter."""
        return alphabet.encode(self.sequence, name=f"record {self.id!r}")


def checked(records: Iterable[FastaRecord]) -> Iterator[FastaRecord]:
    """The records; TypeError where there is something else, such as the letters of a path."""
    for record in records:
        if not isinstance(record, FastaRecord):
            raise TypeError(f"{record!r} is no FastaRecord; hmmseq.bio.read_sequences reads those of a file")
        yield record


def read_fasta(
    source: Source,
    *,
    alphabet: Alphabet | None = None,
    lenient: bool = False,
    duplicates: Duplicates = "error",
    max_sequence_length: int = 10**9,
    max_ratio: float = MAX_RATIO,
) -> Iterator[FastaRecord]:
    """Iterate over the records of a FASTA file, one sequence in memory at a time.

    source               a path, "-" for standard input, or a binary file; gzip and bgzip are known by content
    alphabet             refuse letters outside it (DNA, PROTEIN); None accepts every letter A-Z
    lenient              drop blanks and digits inside sequences instead of refusing them
    duplicates           an id that comes twice: "error", "rename" (id_2, id_3, ...) or "keep"
    max_sequence_length  refuse longer sequences
    max_ratio            refuse gzip data that unpack to more than this many times their size

    Case is kept. A final "*" of a protein is accepted and dropped; gaps are always refused. A sequence may be
    empty, a file without any record may not. All of this raises DataError, with the line or the position.
    """
    if duplicates not in ("error", "rename", "keep"):
        raise ValueError(f'duplicates is {duplicates!r}; choose "error", "rename" or "keep"')
    parser = _Parser(source_name(source), alphabet, lenient, duplicates, max_sequence_length)
    return parser.records(read_text(source, max_ratio=max_ratio))


class _Parser:
    """The record being read, and the rules it must keep."""

    def __init__(
        self, name: str, alphabet: Alphabet | None, lenient: bool, duplicates: Duplicates, max_length: int
    ) -> None:
        self.name = name
        self.alphabet = alphabet
        self.legal = (alphabet.letters if alphabet else _ANY_LETTER) + (b"" if alphabet is DNA else b"*")
        self.dropped = b"\n" + (_BLANKS_AND_DIGITS if lenient else b"")
        self.duplicates = duplicates
        self.max_length = max_length
        self.line = 0  # newlines passed so far, counting one before the first line
        self.first_line: dict[str, int] = {}  # of each id
        self.header: tuple[str, str] | None = None  # id and description
        self.header_line = 0
        self.parts: list[bytes] = []
        self.length = 0

    def records(self, blocks: Iterable[bytes]) -> Iterator[FastaRecord]:
        for text in self.uncut_headers(blocks):
            rest, *entries = text.split(b"\n>")
            self.extend(rest)
            for entry in entries:
                if self.header:
                    yield self.finish()
                header, newline, body = entry.partition(b"\n")
                self.begin(header)
                self.extend(newline + body)
        if not self.header:
            raise DataError(f'{self.name}: empty; expected FASTA, a line ">name" followed by a sequence')
        yield self.finish()

    def uncut_headers(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """The text, cut anywhere but in a header or just before it; a newline comes before the first line."""
        held = b"\n"
        for block in blocks:
            text = held + block
            last = text.rfind(b"\n")
            cut = last if last >= 0 and text[last + 1 : last + 2] in (b"", b">") else len(text)
            yield text[:cut]
            held = text[cut:]
            if len(held) > BLOCK:
                self.fail(f"a header longer than {BLOCK} bytes; is a line end missing?", self.line + 1)
        yield held

    def begin(self, header: bytes) -> None:
        self.line += 1
        words = header.decode(errors="replace").split(None, 1)
        if not words:
            self.fail('a header without a name; write ">name"')
        self.header = self.unique(words[0]), words[1].rstrip() if len(words) > 1 else ""
        self.header_line = self.line
        self.parts, self.length = [], 0

    def unique(self, id: str) -> str:
        """The id, renamed if it came before and the rules want that."""
        if self.duplicates == "keep":
            return id
        if id in self.first_line and self.duplicates == "error":
            self.fail(
                f"id {id!r} again, as on line {self.first_line[id]}; rename one (read_fasta(duplicates=) does it for you)"
            )
        renamed, copy = id, 1
        while renamed in self.first_line:
            copy += 1
            renamed = f"{id}_{copy}"
        self.first_line[renamed] = self.line
        return renamed

    def extend(self, text: bytes) -> None:
        if not self.header:
            self.expect_blank(text)
        letters = text.translate(None, self.dropped)
        illegal = letters.translate(None, self.legal)
        if self.header and illegal:
            line = self.line + text.count(b"\n", 0, text.find(illegal[:1]))
            self.refuse(illegal[:1], self.length + letters.find(illegal[:1]), line)
        self.length += len(letters)
        if self.length > self.max_length:
            self.fail(f"{self.where()} is longer than max_sequence_length={self.max_length}")
        self.parts.append(letters)
        self.line += text.count(b"\n")

    def finish(self) -> FastaRecord:
        assert self.header is not None
        parts, self.parts = self.parts, []
        sequence = b"".join(parts)
        del parts  # never more than two copies of a sequence
        if b"*" in sequence:
            sequence = sequence.removesuffix(b"*")
            if b"*" in sequence:
                self.refuse(b"*", sequence.find(b"*"), self.header_line)
        return FastaRecord(*self.header, sequence)

    def expect_blank(self, text: bytes) -> None:
        found = text.strip()
        if found:
            line = self.line + text.count(b"\n", 0, text.find(found[:1]))
            shown = found[:20].split(b"\n")[0].decode("latin-1")
            self.fail(f'no header; a FASTA file starts with ">name", this one with {shown!r}', line)

    def refuse(self, letter: bytes, position: int, line: int) -> NoReturn:
        found = f"{self.where()} has {letter.decode('latin-1')!r} at position {position + 1}"
        if letter in _BLANKS_AND_DIGITS:
            self.fail(
                f"{found}; expected letters only; remove blanks and digits (read_fasta(lenient=True) drops them)", line
            )
        if letter in b"-.~":
            self.fail(f"{found}; gaps mean aligned sequences, remove them first", line)
        if letter == b"*":
            self.fail(f"{found}; a stop may only end a protein", line)
        if self.alphabet and letter.isalpha():
            self.fail(self.alphabet.complaint(letter, position, self.where()), line)
        self.fail(f"{found}; expected letters only", line)

    def where(self) -> str:
        return f"record {self.header[0]!r}" if self.header else "text"

    def fail(self, message: str, line: int | None = None) -> NoReturn:
        raise DataError(f"{self.name}, line {self.line if line is None else line}: {message}")
