"""mypy over the checkout, seen as it installs: hybrid/ and bio/ lie below hmmseq in a folder of links.

mypy does not follow the mapping of an editable install.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VIEW = ROOT / "build" / "typed"


def make_view() -> None:
    package = VIEW / "hmmseq"
    package.mkdir(parents=True, exist_ok=True)
    for old in package.iterdir():
        old.unlink()
    for source in [*(ROOT / "hmmseq").iterdir(), ROOT / "hybrid", ROOT / "bio"]:
        (package / source.name).symlink_to(source)


make_view()
options = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(ROOT / ".mypy_cache")]
sys.exit(subprocess.run([sys.executable, "-m", "mypy", *options, "-p", "hmmseq"], cwd=VIEW).returncode)
