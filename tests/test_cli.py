"""The command line: what goes to which stream, and what is left behind when something is wrong."""

import gzip
import io
import os
import subprocess
import sys

import numpy as np
import pytest

import hmmseq
from hmmseq.bio import read_gff3
from hmmseq.cli import main

CONTIG = b">c1 a contig\n" + b"ATG" + b"GCTGAAAAAGCTCTGGAA" * 20 + b"TAACGTATATTATACGCGTATT\n"


@pytest.fixture
def fasta(tmp_path):
    path = tmp_path / "genome.fna"
    path.write_bytes(CONTIG)
    return path


def run(arguments, capfd):
    """Exit status, standard output, lines of standard error."""
    status = main([str(argument) for argument in arguments])
    out, err = capfd.readouterr()
    return status, out, err.splitlines()


def test_genes_are_written_as_gff3(fasta, tmp_path, capfd):
    target = tmp_path / "genes.gff3"
    status, out, err = run(["genes", fasta, "-o", target, "--quiet"], capfd)
    assert status == 0 and out == ""
    assert len(err) == 1 and "too few to train on" in err[0]
    text = target.read_text()
    assert text.startswith("##gff-version 3\n") and "##sequence-region c1 1 " in text
    read_gff3(target)


def test_results_go_to_standard_output_and_progress_to_standard_error(fasta, capfd):
    status, out, err = run(["genes", fasta], capfd)
    assert status == 0 and out.startswith("##gff-version 3\n")
    assert err[-1].startswith("hmmseq: ") and "bases" in err[-1]


def test_packed_input_is_known_by_its_content(fasta, tmp_path, capfd):
    packed = tmp_path / "no-suffix"
    packed.write_bytes(gzip.compress(CONTIG))
    plain = run(["genes", fasta, "--quiet"], capfd)
    assert run(["genes", packed, "--quiet"], capfd) == plain


def test_a_dash_is_standard_input(fasta, monkeypatch, capfd):
    plain = run(["genes", fasta, "--quiet"], capfd)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CONTIG)))
    assert run(["genes", "-", "--quiet"], capfd) == plain


BAD = {
    "empty": (b"", "empty"),
    "no header": (b"ACGT\n", "no header"),
    "NUL": (b">c\nAC\0GT\n", "NUL byte"),
    "duplicate": (b">c\nACGT\n>c\nACGT\n", "again"),
    "truncated": (gzip.compress(CONTIG)[:-20], "truncated"),
    "protein": (b">p\nMKVLAAGELLQRSTPW\n", "DNA"),
    "no base": (b">c\nNNNN\n", "not one known base"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_one_line_and_no_output(what, tmp_path, capfd):
    content, said = BAD[what]
    source, target = tmp_path / "bad.fna", tmp_path / "out.gff3"
    source.write_bytes(content)
    status, out, err = run(["genes", source, "-o", target], capfd)
    assert status == 1 and out == "" and len(err) == 1
    assert err[0].startswith("hmmseq: ") and said in err[0]
    assert os.listdir(tmp_path) == ["bad.fna"]


def test_a_missing_file_is_named(tmp_path, capfd):
    status, _, err = run(["genes", tmp_path / "none.fna"], capfd)
    assert status == 1 and len(err) == 1 and "none.fna" in err[0]


@pytest.mark.parametrize("target", ["no/such/folder/out.gff3", "."])
def test_an_unwritable_output_is_found_before_the_input_is_read(target, tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, err = run(["genes", "never-read.fna", "-o", target], capfd)
    assert status == 1 and len(err) == 1 and target in err[0] and "never-read" not in err[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["genes", "genome.fna", "-o", "genome.fna"], "is an input, too"),
        (["genes", "genome.fna", "-o", "link.fna"], "is an input, too"),
        (["genes", "genome.fna", "-o", "x", "--faa", "./x"], "is another output, too"),
        (["genes", "genome.fna", "--faa", "-"], "two results would go to standard output"),
        (["islands", "genome.fna", "--bedgraph", "-"], "two results would go to standard output"),
        (["train-genes", "genome.fna", "truth.gff3", "-o", "truth.gff3"], "is an input, too"),
        (["evaluate", "-", "-"], "can be read once"),
        (["plot", "genes", "-", "--genome", "-"], "can be read once"),
        (["plot", "genes", "a=genome.fna", "a=truth.gff3"], "two tracks are called 'a'"),
    ],
)
def test_a_file_has_one_part_to_play(arguments, said, fasta, capfd, monkeypatch):
    monkeypatch.chdir(fasta.parent)
    os.symlink("genome.fna", "link.fna")
    (fasta.parent / "truth.gff3").write_text("##gff-version 3\n")
    status, out, err = run(arguments, capfd)
    assert status == 2 and out == "" and len(err) == 1 and said in err[0]
    assert fasta.read_bytes() == CONTIG and sorted(os.listdir()) == ["genome.fna", "link.fna", "truth.gff3"]


def test_a_device_can_take_several_outputs(fasta, capfd):
    status, _, err = run(["genes", fasta, "-o", os.devnull, "--faa", os.devnull, "--quiet"], capfd)
    assert status == 0 and len(err) == 1


def shell(command):
    """Standard output, standard error and exit status of a command line in which "hmmseq" is ours."""
    ours = f"{sys.executable} -m hmmseq.cli"
    done = subprocess.run(command.replace("hmmseq", ours), shell=True, capture_output=True, text=True)
    return done.stdout, done.stderr.splitlines(), done.returncode


@pytest.mark.skipif(os.name != "posix", reason="a POSIX shell")
def test_streams_that_are_closed_or_named(fasta):
    plain = shell(f"hmmseq genes {fasta} --quiet")[0]
    assert plain.startswith("##gff-version 3")
    assert shell(f"hmmseq genes {fasta} -o /dev/stdout | cat")[0] == plain
    assert shell(f"hmmseq genes {fasta} 2>&-") == (plain, [], 0)
    assert shell("hmmseq genes - <&-") == ("", ["hmmseq: standard input is closed; name a file"], 1)
    _, err, status = shell(f"hmmseq genes {fasta} --quiet >&-")
    assert status == 1 and err[-1] == "hmmseq: standard output is closed; name a file to write"


def test_an_interruption_while_arguments_are_read_is_no_traceback(capfd, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("argparse.ArgumentParser.parse_args", interrupt)
    assert run(["genes", "x.fna"], capfd) == (130, "", ["hmmseq: interrupted"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["genes"],
        ["genes", "x.fna", "--table", "7"],
        ["genes", "x.fna", "--table", "x"],
        ["genes", "x.fna", "--min-posterior", "1.5"],
        ["genes", "x.fna", "--threads", "0"],
        ["genes", "x.fna", "--frameshifts", "0.5"],
        ["nonsense"],
    ],
)
def test_wrong_usage_is_status_2_and_one_line(arguments, capfd):
    status, out, err = run(arguments, capfd)
    assert status == 2 and out == "" and len(err) == 1 and err[0].startswith("hmmseq")


@pytest.mark.parametrize("arguments", [[], ["bench"]])
def test_without_a_command_help_is_shown(arguments, capfd):
    status, out, err = run(arguments, capfd)
    assert status == 2 and out == "" and any("--help" in line for line in err)


def test_version_and_help(capfd):
    assert run(["--version"], capfd) == (0, f"hmmseq {hmmseq.__version__}\n", [])
    status, out, _ = run(["genes", "--help"], capfd)
    assert status == 0 and "GENOME.fna" in out


def test_info_describes_a_model(tmp_path, capfd):
    model = hmmseq.CategoricalHMM(n_components=2, n_iter=2, random_state=0).fit(np.array([[0], [1], [1], [0], [1]]))
    model.save(tmp_path / "m.safetensors")
    status, out, err = run(["info", tmp_path / "m.safetensors"], capfd)
    assert status == 0 and not err and "states\t2\n" in out
    (tmp_path / "x").write_bytes(b"no model")
    status, out, err = run(["info", tmp_path / "x"], capfd)
    assert status == 1 and out == "" and len(err) == 1


def test_interrupted_is_status_130(fasta, capfd, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("hmmseq.bio.prokaryotes.finder.GeneFinder.find", interrupt)
    status, out, err = run(["genes", fasta], capfd)
    assert (status, out, err) == (130, "", ["hmmseq: interrupted"])


def test_a_closed_pipe_is_quiet(fasta):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "hmmseq.cli", "genes", str(fasta), "--quiet"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert done.returncode == 0 and "Error" not in done.stderr and "Traceback" not in done.stderr


def test_importing_the_command_line_is_light():
    code = "import sys, hmmseq.cli; print(*(n for n in ('hmmseq.bio', 'torch', 'matplotlib') if n in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


WITHOUT_TORCH = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name=name)
sys.meta_path.insert(0, Missing())
from hmmseq.cli import main
sys.exit(main(["bench", "taggers"]))
"""


def test_taggers_without_torch_say_what_to_install_before_any_work():
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.splitlines() == ["hmmseq: hmmseq.hybrid needs torch: pip install 'hmmseq[hybrid]'"]
