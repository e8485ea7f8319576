"""Every module imports, and every example in a docstring prints what it says.

Modules are found by their installed names: a run over paths would import hybrid/ and bio/ a second time.
"""

import doctest
import importlib
import pkgutil
from importlib.util import find_spec

import pytest


def modules(package):
    """Names of a package and of all modules in it, without importing those modules."""
    yield package
    for info in pkgutil.iter_modules(find_spec(package).submodule_search_locations, package + "."):
        if info.ispkg:
            yield from modules(info.name)
        else:
            yield info.name


# In an installed wheel the walk over hmmseq meets the two parts as well; in a checkout it does not.
NAMES = sorted({name for part in ("hmmseq", "hmmseq.hybrid", "hmmseq.bio") for name in modules(part)})


@pytest.mark.parametrize("name", NAMES)
def test_examples(name):
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert failed == 0, f"{failed} examples of {name} print something else; the output above shows them"
