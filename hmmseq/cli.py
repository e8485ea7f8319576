"""The command line: `hmmseq genes`, `hmmseq bench taggers`, `hmmseq info`.

Results go to standard output, everything else to standard error. Exit status: 0 all well, 1 bad data or a file that
cannot be read or written, 2 wrong usage, 130 interrupted. Each command imports what it needs only when it runs.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from hmmseq.errors import DataError

OK, BAD_DATA, USAGE, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. `argv` is without the program's name; default: sys.argv."""
    parser = _parser(sys.argv[1:] if argv is None else list(argv))
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as stop:  # argparse has said why
        return int(stop.code or 0)
    if arguments.run is None:
        arguments.parser.print_help(sys.stderr)
        return USAGE
    try:
        return _guarded(arguments)
    finally:
        _forget_closed_pipe()


def _guarded(arguments: argparse.Namespace) -> int:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default", UserWarning)
            warnings.showwarning = _show_warning  # type: ignore[assignment]  # one line, without a place in our sources
            status = arguments.run(arguments) or OK
            sys.stdout.flush()
            return int(status)
    except BrokenPipeError:
        return OK  # the reader, `head` perhaps, has enough
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except OSError as error:
        _say(f"{error.filename or 'input or output'}: {error.strerror or error}")
        return BAD_DATA
    except (DataError, ImportError) as error:
        _say(str(error))
        return BAD_DATA


def _show_warning(message: Warning | str, *_: Any) -> None:
    _say(f"warning: {message}")


def _say(message: str) -> None:
    print("hmmseq:", " ".join(message.split()), file=sys.stderr)


def _forget_closed_pipe() -> None:
    """Where standard output is a closed pipe, keep Python from failing on it again at exit."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser(argv: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("hmmseq", description="Hidden Markov models and their relatives for sequences.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    parser.set_defaults(run=None, parser=parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_genes(commands)
    _add_info(commands)
    _add_bench(commands, filled="bench" in argv[:1])
    return parser


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from hmmseq import __version__

        print(f"hmmseq {__version__}")
        parser.exit()


def _add_genes(commands: Any) -> None:
    parser = commands.add_parser("genes", help="find the genes of a bacterial or archaeal genome")
    parser.description = "Find protein-coding genes. The model trains itself on the genome; no annotation is needed."
    parser.add_argument("genome", metavar="GENOME.fna", help="FASTA, also gzipped; - for standard input")
    parser.add_argument("-o", "--output", metavar="GENES.gff3", default="-", help="default: standard output")
    parser.add_argument("--table", type=_table, default=11, metavar="N", help="NCBI genetic code (default 11)")
    parser.add_argument("--min-posterior", type=_probability, default=0.5, metavar="P", help="default 0.5")
    parser.add_argument("--min-length", type=_positive, default=90, metavar="BASES", help="default 90")
    parser.add_argument("--threads", type=_positive, default=1, metavar="N", help="default 1")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress on standard error")
    parser.set_defaults(run=_genes)


def _genes(arguments: argparse.Namespace) -> None:
    _check_writable(arguments.output)
    from hmmseq.bio import DNA, read_fasta, write_gff3
    from hmmseq.bio.genes import GeneFinder

    records = list(read_fasta(arguments.genome, alphabet=DNA))
    finder = GeneFinder(
        arguments.table,
        min_length=arguments.min_length,
        min_posterior=arguments.min_posterior,
        n_jobs=arguments.threads,
        verbose=not arguments.quiet,
    )
    genes = finder.find(records)
    write_gff3(genes, arguments.output, sequence_lengths={record.id: len(record.sequence) for record in records})
    if not arguments.quiet:
        _say(f"{len(genes)} genes in {sum(len(record.sequence) for record in records)} bases")


def _add_info(commands: Any) -> None:
    parser = commands.add_parser("info", help="say what a model file holds")
    parser.add_argument("model", metavar="MODEL.safetensors", help="a file that `save` wrote")
    parser.set_defaults(run=_info)


def _info(arguments: argparse.Namespace) -> None:
    from hmmseq import load

    model = load(arguments.model)
    graph = model.graph_
    print(f"model\t{type(model).__name__}")
    print(f"emission\t{model.emission_}")
    print(f"states\t{graph.n_states}")
    print(f"edges\t{graph.n_edges}")
    print(f"iterations\t{model.n_iter_}")
    print(f"converged\t{'yes' if model.converged_ else 'no'}")


def _add_bench(commands: Any, filled: bool) -> None:
    """`filled`: load the benchmarks, which bring their own arguments and are slow to import."""
    parser = commands.add_parser("bench", help="compare models on the same data")
    parser.set_defaults(parser=parser)
    inner = parser.add_subparsers(title="benchmarks", metavar="BENCHMARK")
    taggers = inner.add_parser("taggers", help="an HMM beside neural taggers on membrane topology")
    if filled:
        from hmmseq.bio import taggers as benchmark

        benchmark.add_arguments(taggers)
        taggers.set_defaults(run=benchmark.run)


def _table(text: str) -> int:
    from hmmseq.bio.genetic_code import GeneticCode

    try:
        return GeneticCode.from_table(int(text)).table or 0
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _checked(kind: Callable[[str], Any], allowed: Callable[[Any], bool], expected: str) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not allowed(value):
            raise argparse.ArgumentTypeError(f"got {text!r}, expected {expected}")
        return value

    return parse


_positive = _checked(int, lambda n: n >= 1, "a whole number, 1 or more")
_probability = _checked(float, lambda p: 0 <= p <= 1, "a probability, 0 to 1")


def _check_writable(path: str) -> None:
    """Find out now, not after a long run, that a folder is missing or cannot be written."""
    if path == "-" or (os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)):
        return
    if os.path.isdir(path):
        raise IsADirectoryError(21, "is a folder; name a file", path)
    try:
        with tempfile.TemporaryFile(dir=os.path.dirname(os.path.realpath(path))):
            pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None


if __name__ == "__main__":
    sys.exit(main())
