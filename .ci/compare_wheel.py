"""Does the wheel hold exactly the sources of the checkout, each at its installed place?

usage: compare_wheel.py WHEEL
"""

import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {"hmmseq": "hmmseq", "hybrid": "hmmseq/hybrid", "bio": "hmmseq/bio"}


def in_tree() -> set[str]:
    """Installed places of every module, of bio/data and of the mark that types are included."""
    names = {"hmmseq/py.typed"}
    for folder, place in FOLDERS.items():
        here = ROOT / folder
        files = [*here.rglob("*.py"), *(path for path in here.glob("data/**/*") if path.is_file())]
        names |= {f"{place}/{path.relative_to(here).as_posix()}" for path in files}
    return names


def in_wheel(path: str) -> set[str]:
    with zipfile.ZipFile(path) as wheel:
        return {name for name in wheel.namelist() if ".dist-info/" not in name}


tree, wheel = in_tree(), in_wheel(sys.argv[1])
for name in sorted(tree - wheel):
    print(f"missing from the wheel: {name} (is its package named in pyproject.toml?)")
for name in sorted(wheel - tree):
    print(f"in the wheel, not in the checkout: {name}")
if tree != wheel:
    sys.exit(1)
print(f"the wheel holds the {len(wheel)} files of the checkout")
