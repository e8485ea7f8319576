"""Words on standard error: one line each, beginning with the program's name."""

import sys


def say(message: str) -> None:
    """One line on standard error."""
    print("hmmseq:", " ".join(message.split()), file=sys.stderr)
