"""The README's Python examples print what the README says they print, and the demo finds what it says."""

import doctest
import re
from pathlib import Path

import pytest

from hmmseq.bio import GeneFinder, evaluate, read_cds_table, read_fasta

README = Path(__file__).resolve().parent.parent / "README.md"


def test_examples_in_the_readme():
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 5
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "README", str(README), 0)
    results = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test)
    assert results.attempted > 20 and results.failed == 0


@pytest.mark.slow
def test_figures_of_the_demo():
    """Within half a point: arithmetic of another machine may move a gene across the least posterior."""
    data = README.parent / "examples" / "data"
    [genome] = read_fasta(data / "mycoplasma_genitalium_g37.fna.gz")
    annotated = read_cds_table(data / "mycoplasma_genitalium_g37.cds.tsv.gz")
    ends = evaluate(GeneFinder(table=4, n_jobs=2).find([genome]), annotated).ends
    rows = re.findall(r"^(3' end.*?)  +([\d.]+)% +([\d.]+)% +([\d.]+)%$", README.read_text(), re.MULTILINE)
    said = {name: [float(share) for share in shares] for name, *shares in rows}
    assert said["3' end"] == pytest.approx([100 * x for x in (ends.recall, ends.precision, ends.f1)], abs=0.5)
    exact = (ends.exact_recall, ends.exact_precision, ends.exact_f1)
    assert said["3' end and start"] == pytest.approx([100 * x for x in exact], abs=0.5)
