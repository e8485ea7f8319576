"""scikit-learn's base classes without SciPy's statistics, which take as long to import as all the rest together.

scikit-learn imports them for one function, which looks them up again when it is called (`python -m pytest
benchmarks/suite/test_speed.py -k cold` prints how long imports take). So while scikit-learn is imported, something stands in
for them that loads them when anything is asked of it; afterwards nothing does.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

STATISTICS = "scipy.stats"


class _Later(ModuleType):
    """Stands for a module until something is asked of it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # the import system asks, and can do without
        _leave(self)
        return getattr(import_module(self.__name__), name)


def _leave(stand_in: _Later) -> None:
    if sys.modules.get(stand_in.__name__) is stand_in:
        del sys.modules[stand_in.__name__]


@contextmanager
def later(name: str) -> Iterator[None]:
    """Imports of a module, within, wait until something is asked of it. A module that is there already stays."""
    if name in sys.modules:
        yield
        return
    stand_in = sys.modules[name] = _Later(name)
    try:
        yield
    finally:
        _leave(stand_in)


def import_scikit_learn() -> None:
    """What estimators need of it."""
    try:
        with later(STATISTICS):
            import_module("sklearn.base")
            import_module("sklearn.utils.metaestimators")
    except ImportError:  # another version needs more of them
        import_module("sklearn.base")


import_scikit_learn()
