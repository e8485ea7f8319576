"""Pictures of genes: arrows where genes are, pale where they are doubtful, and one HTML file that needs nothing else."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("matplotlib")
import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.colors import to_rgb

from hmmseq.bio import Gene, write_genes
from hmmseq.bio.browser import Stretch, read_curve
from hmmseq.bio.plot import FORWARD_COLOUR, REVERSE_COLOUR, plot_genes, posterior_curve
from hmmseq.cli import main
from hmmseq.errors import DataError

SPLICED = Gene.of_pieces("c", [(101, 300), (401, 500)], "+", name="<abc>", piece_posteriors=(1.0, 0.0), posterior=0.75)
REVERSE = Gene("c", 600, 900, "-", posterior=0.5)
CUT = Gene("c", 950, 1000, "+", partial_right=True)


@pytest.fixture(autouse=True)
def closed():
    yield
    pyplot.close("all")


def arrows(ax):
    """Ends, number of corners, colour of each drawn piece, by height from the top."""
    found = [(patch.get_xy()[:-1], patch.get_facecolor()[:3]) for patch in ax.patches]
    return [(xy[:, 0].min() + 0.5, xy[:, 0].max() - 0.5, len(xy), xy[:, 1].mean(), colour) for xy, colour in found]


def test_pieces_lie_where_genes_are_and_point_where_they_go():
    ax = plot_genes({"found": [SPLICED, REVERSE, CUT]}, 1, 1000)
    first, second, reverse, cut = sorted(arrows(ax))
    assert [piece[:2] for piece in (first, second, reverse, cut)] == [(101, 300), (401, 500), (600, 900), (950, 1000)]
    assert [piece[2] for piece in (first, second, reverse, cut)] == [4, 5, 5, 4]  # only complete ends have a head
    assert first[3] == pytest.approx(second[3]) and first[3] > reverse[3]
    assert first[4] == pytest.approx(to_rgb(FORWARD_COLOUR))
    assert min(second[4]) > 0.8  # a piece of probability 0 is nearly white
    assert reverse[4] == pytest.approx([1 - (1 - part) * 0.575 for part in to_rgb(REVERSE_COLOUR)])
    lines = [list(line.get_xdata()) for line in ax.lines]
    assert [301, 400] in lines  # the intron


def test_isoforms_lie_in_rows_of_their_own_and_neighbours_share_one():
    a, b = Gene("c", 100, 500, "+"), Gene("c", 200, 500, "+")
    c = Gene("c", 500, 700, "+")  # overlaps a by one base, as bacterial genes do
    heights = {piece[:2]: piece[3] for piece in arrows(plot_genes({"t": [a, b, c]}, 1, 1000))}
    assert heights[100, 500] == pytest.approx(heights[500, 700]) and heights[200, 500] > heights[100, 500]


def test_tracks_stand_one_below_the_other_with_their_names():
    ax = plot_genes({"annotated": [REVERSE], "found": [REVERSE]}, 1, 1000, coding=np.full((1000, 2), 0.5))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["annotated", "found", "coding\nprobability"]
    upper, lower = arrows(ax)
    assert upper[3] > lower[3] and ax.get_xlim() == (1, 1000)


def texts(ax):
    return {text.get_text(): text.get_position() for text in ax.texts if text.get_text()}


def test_names_are_written_in_arrows_or_beside_them():
    long, short = Gene("c", 100, 600, "+", name="longGene", posterior=0.5), Gene("c", 700, 720, "+", name="dnaA")
    reverse = Gene("c", 800, 830, "-", posterior=0.25)
    ax = plot_genes({"t": [long, short, reverse]}, 1, 1000)
    found = texts(ax)
    assert found.keys() == {"longGene 0.50", "dnaA", "0.25"}
    line = next(line.get_ydata()[0] for line in ax.lines if len(set(line.get_ydata())) == 1)
    (_, inside), (at, above), (_, below) = (found[name] for name in ("longGene 0.50", "dnaA", "0.25"))
    assert at == pytest.approx(710) and below < line < inside < above


def test_a_name_that_could_be_anothers_is_not_written():
    crowd = [Gene("c", 100 + 20 * k, 118 + 20 * k, "+", name=f"a_longer_name{k}") for k in range(20)]
    assert not texts(plot_genes({"t": crowd}, 1, 1000))
    apart = [Gene("c", 100 + 90 * k, 118 + 90 * k, "+", name=f"gene{k}") for k in range(9)]
    assert len(texts(plot_genes({"t": apart}, 1, 1000))) == 9
    isoforms = [Gene("c", 300, 330, "-", name="outer"), Gene("c", 300, 332, "-", name="inner"), apart[0]]
    assert texts(plot_genes({"t": isoforms}, 1, 1000)).keys() == {"outer", "gene0"}


def test_names_of_neighbours_do_not_touch():
    rng = np.random.default_rng(0)
    starts = np.sort(rng.integers(1, 20_000, 60))
    genes = [Gene("c", int(a), int(a) + 150, "+", name=f"gene{k:02d}") for k, a in enumerate(starts)]
    ax = plot_genes({"t": genes}, 1, 20_000)
    ax.figure.canvas.draw()
    boxes = sorted((text.get_window_extent() for text in ax.texts if text.get_text()), key=lambda box: box.x0)
    assert len(boxes) > 5 and all(a.x1 <= b.x0 for a, b in pairwise(boxes))


def test_scales_go_from_nought_to_one():
    curve = {"CpG": (np.array([1, 500]), np.array([0.0, 1.0]))}
    ax = plot_genes({"t": [REVERSE]}, 1, 1000, coding=np.full((1000, 2), 0.5), curves=curve)
    assert [label.get_text() for label in ax.get_yticklabels(minor=True)] == ["1", "1", "0", "1"]


def test_genes_of_other_stretches_are_left_out():
    assert len(arrows(plot_genes({"t": [SPLICED, REVERSE, CUT]}, 700, 800))) == 1


def test_the_posterior_at_each_base_is_that_of_its_best_piece():
    other = Gene("c", 250, 420, "-", posterior=0.4)
    begins, heights = posterior_curve([SPLICED, other], 50, 450)
    at = np.arange(50, 451)
    found = heights[np.searchsorted(begins, at, side="right") - 1]
    expected = np.zeros(len(at))
    expected[(at >= 250) & (at <= 420)] = 0.4
    expected[(at >= 101) & (at <= 300)] = 1.0
    assert np.array_equal(found, expected)


@pytest.fixture
def files(tmp_path):
    write_genes([SPLICED, REVERSE], tmp_path / "truth.gff3")
    write_genes([REVERSE, CUT], tmp_path / "found.gtf", "gtf")
    (tmp_path / "p.bedgraph").write_text("track type=bedGraph\nc\t0\t600\t0.25\nc\t600\t900\t1\nd\t0\t9\t7\n")
    return tmp_path


def run(capfd, *arguments):
    status = main([str(argument) for argument in arguments])
    out, err = capfd.readouterr()
    return status, out, err.splitlines()


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.ids, self.titles, self.links, self._open = [], [], [], ""

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given[key] for key in ("src", "href", "xlink:href") if key in given and given[key][:1] != "#"]
        self._open = tag

    def handle_data(self, data):
        if self._open == "title" and data.strip():
            self.titles.append(data)


def test_one_html_file_holds_everything(files, capfd):
    target = files / "out.html"
    tracks = [f"annotated={files / 'truth.gff3'}", files / "found.gtf"]
    options = ["--region", "c:1-1,000", "--bedgraph", f"CpG={files / 'p.bedgraph'}", "-o", target]
    assert run(capfd, "plot", "genes", *tracks, *options) == (0, "", [])
    text = target.read_text()
    page = Page()
    page.feed(text)
    assert not page.links and len(page.ids) == len(set(page.ids))  # nothing is fetched
    assert any(
        "<abc> (annotated)\nc:101-500 (+)\n2 pieces, 300 coding bases\nposterior 0.750" in t for t in page.titles
    )
    assert "<abc>" not in text and ">CpG<" in text
    first = text
    assert run(capfd, "plot", "genes", *tracks, *options)[0] == 0 and target.read_text() == first


def test_files_of_one_name_are_tracks_of_their_own(files, capfd, monkeypatch):
    monkeypatch.chdir(files)
    (files / "other").mkdir()
    (files / "other" / "truth.gff3").write_bytes((files / "truth.gff3").read_bytes())
    assert run(capfd, "plot", "genes", "truth.gff3", "other/truth.gff3", "-o", "out.html") == (0, "", [])
    text = (files / "out.html").read_text()
    assert ">truth.gff3<" in text and ">other/truth.gff3<" in text


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_script_of_the_page_is_javascript(files, capfd, tmp_path):
    run(capfd, "plot", "genes", files / "truth.gff3", "-o", files / "out.html")
    (tmp_path / "s.js").write_text(re.search(r"<script>(.*)</script>", (files / "out.html").read_text(), re.DOTALL)[1])
    assert subprocess.run(["node", "--check", tmp_path / "s.js"], capture_output=True).returncode == 0


@pytest.mark.parametrize(("ending", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_picture_files(ending, magic, files, capfd):
    target = files / f"out.{ending}"
    assert run(capfd, "plot", "genes", files / "truth.gff3", "-o", target) == (0, "", [])
    assert target.read_bytes().startswith(magic)


def test_genes_are_found_in_a_genome(files, capfd):
    (files / "g.fna").write_text(
        ">c\n" + "TTATAATAACGTTAATTAATTAAG" + "ATG" + "GCTGAAAAAGCTCTGGAAGGTAAA" * 20 + "TAACGTATA\n"
    )
    target = files / "out.svg"
    status, _, err = run(capfd, "plot", "genes", "--genome", files / "g.fna", "-o", target)
    assert status == 0 and all("warning" in line for line in err)
    assert "coding" in target.read_text() or "found" in target.read_text()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["truth.gff3", "-o", "x.gif"], 2, "expected .png"),
        ([], 2, "nothing to draw"),
        (["truth.gff3", "--region", "d:1-100"], 1, "no genes on 'd'; they lie on 'c'"),
        (["truth.gff3", "--region", "c:1-9000000"], 1, "longer than 5000000 bases"),
        (["none.gff3"], 1, "none.gff3"),
        (["truth.gff3", "--bedgraph", "truth.gff3"], 1, "expected bedGraph"),
        (["truth.gff3", "--genome", "other.fna"], 1, "genes lie on 'c', sequences are 'chr1'"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_line(arguments, status, said, files, capfd, monkeypatch):
    monkeypatch.chdir(files)
    (files / "other.fna").write_text(">chr1\nACGTACGTAC\n")
    found, out, err = run(capfd, "plot", "genes", *arguments)
    assert (found, out, len(err)) == (status, "", 1) and said in err[0]
    assert not list(files.glob("*.png"))


@pytest.mark.parametrize("region", ["c", "c:1", "c:9-5", "c:0-5", ":1-5"])
def test_a_region_that_is_none_is_wrong_usage(region, capfd):
    assert run(capfd, "plot", "genes", "x.gff3", "--region", region)[0] == 2


def test_curves_outside_zero_to_one_are_refused(tmp_path):
    (tmp_path / "x").write_text("c 0 9 2.5\n")
    with pytest.raises(DataError, match=r"values from 0 to 2.5; expected probabilities"):
        read_curve(tmp_path / "x", Stretch("c", 1, 100))
