"""Results of a benchmark as files."""

import json
from pathlib import Path


def write(folder: Path | None, name: str, rows: list[dict], lines: list[str]) -> None:
    """`name`.json with the rows and `name`.md with the table, if a folder is given."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(rows, indent=1) + "\n")
    (folder / f"{name}.md").write_text("\n".join(lines) + "\n")
