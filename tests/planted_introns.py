"""Random genomes with planted genes that have introns."""

import numpy as np

from hmmseq.bio import DNA, FastaRecord, Gene, reverse_complement

STOPS = ("TAA", "TAG", "TGA")
DONOR, ACCEPTOR = "GTAAGT", "TTTCTTTTCCTTTACAG"


def plant(n_genes, seed=0, seqid="c", gap=(300, 900)):
    """A genome (record) and its genes: 1 to 4 exons, introns of 60 to 200 bases, codons of a taste of their own."""
    rng = np.random.default_rng(seed)
    usage = _usage()
    parts, genes, length = [], [], 0
    for number in range(n_genes):
        parts.append(rng.integers(4, size=rng.integers(*gap)).astype(np.uint8))
        length += len(parts[-1])
        codes, pieces = _gene(rng, usage)
        strand = "+-"[rng.integers(2)]
        if strand == "-":
            codes, pieces = reverse_complement(codes), [(len(codes) - b, len(codes) - a) for a, b in pieces[::-1]]
        placed = [(length + a + 1, length + b) for a, b in pieces]
        genes.append(Gene.of_pieces(seqid, placed, strand, name=f"{seqid}{number}"))
        parts.append(codes)
        length += len(codes)
    parts.append(rng.integers(4, size=500).astype(np.uint8))
    return FastaRecord(seqid, "", DNA.decode(np.concatenate(parts)).encode()), genes


def _usage():
    """(64,) probability of codons: the same in all genomes, stops left out."""
    usage = np.random.default_rng(99).gamma(0.5, size=64)
    usage[[_number(stop) for stop in STOPS]] = 0.0
    return usage / usage.sum()


def _gene(rng, usage):
    body = rng.choice(64, size=rng.integers(60, 250), p=usage)
    coding = np.concatenate(
        [_codes("ATG"), np.stack([body // 16, body // 4 % 4, body % 4], 1).ravel(), _codes(STOPS[rng.integers(3)])]
    ).astype(np.uint8)
    n = int(rng.integers(1, 5))
    cuts = np.sort(rng.choice(np.arange(30, len(coding) - 30, 25), n - 1, replace=False) + rng.integers(0, 20, n - 1))
    parts, pieces, length = [], [], 0
    for exon in np.split(coding, cuts):
        if pieces:
            parts.append(_intron(rng))
            length += len(parts[-1])
        pieces.append((length, length + len(exon)))
        parts.append(exon)
        length += len(exon)
    return np.concatenate(parts), pieces


def _intron(rng):
    inside = rng.integers(4, size=rng.integers(40, 180)).astype(np.uint8)
    return np.concatenate([_codes(DONOR), inside, _codes(ACCEPTOR)])


def _codes(text):
    return DNA.encode(text)


def _number(codon):
    return int(_codes(codon) @ np.array([16, 4, 1], np.uint8))
