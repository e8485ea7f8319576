"""Words on standard error: one line each, beginning with the program's name."""

import sys


def say(message: str) -> None:
    """Print a message, whatever its line ends, as one line."""
    print("hmmseq:", " ".join(message.split()), file=sys.stderr)
