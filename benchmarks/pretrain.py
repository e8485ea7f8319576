"""Make the gene models that come with the package: each learned from the sequence of one genome, without annotation.

    python -m benchmarks.pretrain [--data DIR] [--output bio/data/prokaryotes.safetensors]

The genomes are public records of INSDC and RefSeq, which those archives distribute without restriction: E. coli K-12
MG1655 (NC_000913), B. subtilis BEST7003 (AP012496), P. fluorescens UK4 (CP008896), C. trachomatis D/UW-3 (AE001273),
M. genitalium G37 (L43967), S. pyogenes M1 (NC_002737), S. agalactiae NEM316 (NC_004368), S. epidermidis ATCC 12228
(NC_004461).
"""

import argparse
import gzip
import os
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from hmmseq.bio import GeneticCode, read_fasta
from hmmseq.bio.prokaryotes.candidates import Genome
from hmmseq.bio.prokaryotes.pretrained import FILE, Pretrained
from hmmseq.bio.prokaryotes.scores import Weights
from hmmseq.bio.prokaryotes.training import decode, learn_content, responsibilities, train

GENOMES = {
    "prokaryotes/ecoli_k12_mg1655.fna.gz": 11,
    "prokaryotes/bacillus_subtilis_best7003.fna.gz": 11,
    "prokaryotes/pseudomonas_fluorescens_uk4.fna.gz": 11,
    "prokaryotes/chlamydia_trachomatis_duw3.fna.gz": 11,
    "prokaryotes/mycoplasma_genitalium_g37.fna.gz": 4,
    "bacteria_ncr/genome1.fa.gz": 11,
    "bacteria_ncr/genome2.fa.gz": 11,
    "bacteria_ncr/genome3.fa.gz": 11,
}
NAMES = {
    "genome1": "streptococcus_pyogenes",
    "genome2": "streptococcus_agalactiae",
    "genome3": "staphylococcus_epidermidis",
}


def sequences(path: Path) -> list[np.ndarray]:
    """Codes of each record; a first line that begins with ";" is a remark."""
    if path.name.endswith(".fna.gz"):
        return [record.encode() for record in read_fasta(path)]
    from hmmseq.bio import DNA

    lines = gzip.decompress(path.read_bytes()).split(b"\n")
    return [DNA.encode(b"".join(line.strip() for line in lines if line[:1] not in (b";", b">")), name=path.name)]


def summarise(path: Path, table: int) -> Pretrained:
    weights = Weights()
    genome = Genome(sequences(path), GeneticCode.from_table(table), 90)
    model, _ = train(genome, weights, 5, lambda line: None)
    _, _, chosen, _ = decode(genome, model, weights)
    share = responsibilities(genome, model, chosen)
    _, outside, inside = learn_content(genome, chosen, chosen, share, model, weights, 3)
    three = outside.reshape(64, 64).sum(0) + 1e-3
    stops = np.zeros(64)
    codons = list(genome.code.stops)
    stops[codons] = np.exp(model.stop) * (three / three.sum())[codons]
    name = path.name.partition(".")[0]
    return Pretrained(NAMES.get(name, name), inside, outside, model.sites, 1000.0 * stops, model.gaps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("HMMSEQ_DATA", "../shared/data")))
    parser.add_argument("--output", type=Path, default=FILE)
    arguments = parser.parse_args()
    arrays: dict[str, np.ndarray] = {}
    for name, table in GENOMES.items():
        found = summarise(arguments.data / name, table)
        arrays |= found.arrays()
        print(found.name, flush=True)
    save_file(arrays, arguments.output, metadata={"format": "hmmseq/genes-1"})


if __name__ == "__main__":
    main()
