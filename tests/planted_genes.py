"""Random genomes whose genes are known because they were planted."""

import numpy as np

from hmmseq.bio import DNA, FastaRecord, Gene, GeneticCode, reverse_complement
from hmmseq.bio.prokaryotes.average_protein import codon_usage

STANDARD, MYCOPLASMA = GeneticCode.from_table(11), GeneticCode.from_table(4)


def codon(text):
    return int(DNA.encode(text) @ np.array([16, 4, 1], np.uint8))


def spelled(codons):
    return np.stack([codons // 16, codons // 4 % 4, codons % 4], axis=1).ravel().astype(np.uint8)


def plant(n_genes, code=STANDARD, seed=0, seqid="c"):
    """A random genome (codes) with genes on both strands, and the genes. Gaps have 30 to 200 bases."""
    rng = np.random.default_rng(seed)
    usage = codon_usage(code, np.full(4, 0.25)) * rng.gamma(2.0, size=64)  # proteins, with a taste of their own
    usage /= usage.sum()
    parts, genes, length = [], [], 0
    for _ in range(n_genes):
        parts.append(rng.integers(4, size=rng.integers(30, 200)).astype(np.uint8))
        length += len(parts[-1])
        body = rng.choice(64, size=rng.integers(60, 400), p=usage)
        gene = spelled(np.concatenate([[codon("ATG")], body, [rng.choice(code.stops)]]))
        strand = "+-"[rng.integers(2)]
        parts.append(gene if strand == "+" else reverse_complement(gene))
        genes.append(Gene(seqid, length + 1, length + len(gene), strand))
        length += len(gene)
    return np.concatenate([*parts, rng.integers(4, size=100).astype(np.uint8)]), genes


def record(codes, seqid="c"):
    return FastaRecord(seqid, "", DNA.decode(codes).encode())


def places(genes):
    return {(gene.start, gene.end, gene.strand) for gene in genes}
