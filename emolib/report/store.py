"""Outputs of chapters, kept on disk under the key of what made them."""

import hashlib
import json
import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from nbformat import NotebookNode, from_dict

from emolib.storage import cache_folder

# Of each chapter so many runs are kept: going back to earlier data or parameters runs nothing again.
KEPT = 8


def keep(chapter: str, key: str, node: NotebookNode) -> None:
    """Keeps the outputs of an executed notebook; a reader finds all of them, or none."""
    outputs = {cell.id: [cell.execution_count, cell.outputs] for cell in node.cells if cell.cell_type == "code"}
    text = json.dumps(outputs)
    folder = cache_folder() / "chapters"
    folder.mkdir(exist_ok=True)
    with NamedTemporaryFile("w", dir=folder, suffix=".tmp", delete=False, encoding="utf-8") as aside:
        aside.write(f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}")
    os.replace(aside.name, folder / f"{chapter}-{key}.json")
    newest_first = sorted(folder.glob(f"{chapter}-*.json"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in newest_first[KEPT:]:
        file.unlink(missing_ok=True)


def fetch(chapter: str, key: str, node: NotebookNode) -> bool:
    """Puts kept outputs into a prepared notebook; false if there are none, or they are damaged."""
    path = cache_folder() / "chapters" / f"{chapter}-{key}.json"
    try:
        checksum, text = path.read_text(encoding="utf-8").split("\n", 1)
    except (OSError, ValueError):
        return False
    if hashlib.sha256(text.encode()).hexdigest() != checksum:
        return False
    outputs = json.loads(text)
    for cell in node.cells:
        if cell.cell_type == "code":
            cell.execution_count, shown = outputs[cell.id]
            cell.outputs = [from_dict(output) for output in shown]
    return True
