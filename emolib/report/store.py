"""Outputs of chapters, kept on disk under the key of what made them."""

import json

from nbformat import NotebookNode, from_dict

from emolib.utils import storage

# Of each chapter so many runs are kept: going back to earlier data or parameters runs nothing
# again.
KEPT = 8


def keep(chapter: str, key: str, node: NotebookNode) -> None:
    """Keeps the outputs of an executed notebook; a reader finds all of them, or none."""
    outputs = {
        cell.id: [cell.execution_count, cell.outputs]
        for cell in node.cells
        if cell.cell_type == "code"
    }
    storage.keep(_name(chapter, key), json.dumps(outputs).encode())
    fresh = storage.cache_folder() / _name(chapter, key)
    # the one just kept stays, whatever the clock says: it may have been set back
    others = sorted(
        set(fresh.parent.glob(f"{chapter}-*.json")) - {fresh},
        key=lambda file: file.stat().st_mtime,
        reverse=True,
    )
    for file in others[KEPT - 1 :]:
        file.unlink(missing_ok=True)


def fetch(chapter: str, key: str, node: NotebookNode) -> bool:
    """Puts kept outputs into a prepared notebook; false if there are none, or they are damaged."""
    content = storage.fetch(_name(chapter, key))
    if content is None:
        return False
    outputs = json.loads(content)
    for cell in node.cells:
        if cell.cell_type == "code":
            cell.execution_count, shown = outputs[cell.id]
            cell.outputs = [from_dict(output) for output in shown]
    return True


def _name(chapter: str, key: str) -> str:
    return f"chapters/{chapter}-{key}.json"
