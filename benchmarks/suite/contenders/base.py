"""What a library has to bring to be measured."""

from typing import Any

import numpy as np


class Contender:
    """One library with one instance. Making it, `reset` and `plain` are not timed; the questions are.

    Of the questions (`score`, `decode`, `posteriors`, `iterate`, `gradient`) it has those that the library has.
    """

    tolerance = 1e-7  # how far answers may differ from hmmseq's, relative and absolute
    tolerances: dict[str, float] = {}  # the same for single questions

    def reset(self) -> None:
        """Undo what the last call changed."""

    def plain(self, work: str, answer: Any) -> Any:
        """The answer in common terms: a number, an array over all steps, or a dict of arrays."""
        return answer


def joined(parts: Any) -> np.ndarray:
    """One array over all steps, of one or of many."""
    return np.concatenate(parts) if isinstance(parts, list) else np.asarray(parts)
