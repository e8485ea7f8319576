"""The two errors that hmmseq raises on purpose; both are ValueErrors."""

from __future__ import annotations


class DataError(ValueError):
    """Bad input data. The message says where, what arrived, what was expected and what to do."""


class ImpossibleSequenceError(ValueError):
    """No path through the model can produce a sequence.

    `sequence` is its index; `step` is the first step that no path reaches with a probability above zero.
    """

    def __init__(self, sequence: int, step: int) -> None:
        super().__init__(sequence, step)  # these are what pickle hands back to __init__
        self.sequence = sequence
        self.step = step

    def __str__(self) -> str:
        return (
            f"sequence {self.sequence} is impossible under the model from step {self.step} on: every path "
            "has probability zero there; allow the transition or emission it needs, or leave the sequence out"
        )


def some(names: set[str]) -> str:
    """The first three of them, for messages."""
    first = sorted(names)[:3]
    return ", ".join(map(repr, first)) + (", ..." if len(names) > 3 else "")
