"""The command line: one module a command, each with `add` (its arguments) and `run`.

Results go to standard output, everything else to standard error. Exit status: 0 all well, 1 bad data or a file that
cannot be read or written, 2 wrong usage, 130 interrupted. Each command imports what it needs only when it runs.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any, NoReturn

from hmmseq.cli import bench, evaluate, genes, info, islands, plot, train_genes
from hmmseq.cli.messages import say
from hmmseq.errors import DataError

OK, BAD_DATA, USAGE, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. `argv` is without the program's name; default: sys.argv."""
    if sys.stderr is None:  # closed by who called us: print would take standard output instead
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  # as long as the process
    try:
        return _guarded(sys.argv[1:] if argv is None else list(argv), alone=argv is None)
    finally:
        _forget_closed_pipe()


def _guarded(argv: list[str], alone: bool) -> int:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default", UserWarning)
            warnings.showwarning = _show_warning  # type: ignore[assignment]  # one line, without a place in our sources
            status = _run(argv, alone)
            if sys.stdout is not None:  # closed by who called us
                sys.stdout.flush()
            return status
    except SystemExit as stop:  # argparse has said why
        return int(stop.code or 0)
    except BrokenPipeError:
        return OK  # the reader, `head` perhaps, has enough
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except OSError as error:
        say(f"{error.filename or 'input or output'}: {error.strerror or error}")
        return BAD_DATA
    except argparse.ArgumentTypeError as error:  # arguments that do not go together
        say(str(error))
        return USAGE
    except (DataError, ImportError) as error:
        say(str(error))
        return BAD_DATA


def _run(argv: list[str], alone: bool) -> int:
    """alone: whether the process is there for this command only"""
    arguments = _parser(argv).parse_args(argv)
    arguments.alone = alone
    if arguments.run is None:
        arguments.parser.print_help(sys.stderr)
        return USAGE
    return int(arguments.run(arguments) or OK)


def _show_warning(message: Warning | str, *_: Any) -> None:
    say(f"warning: {message}")


def _forget_closed_pipe() -> None:
    """Where standard output is a closed pipe, keep Python from failing on it again at exit."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser(argv: list[str]) -> argparse.ArgumentParser:
    parser = _Parser("hmmseq", description="Hidden Markov models and their relatives for sequences.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    parser.set_defaults(run=None, parser=parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in (genes, train_genes, evaluate, islands, plot, info):
        command.add(commands)
    bench.add(commands, filled="bench" in argv[:1])
    return parser


class _Parser(argparse.ArgumentParser):
    """Wrong usage is one line, like all other errors."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}; {self.prog} --help lists what there is\n")


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from hmmseq import __version__

        print(f"hmmseq {__version__}")
        parser.exit()
