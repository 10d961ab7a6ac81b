"""What `python -m emolib` does with faces beside the report."""

import sys
from pathlib import Path

from emolib.data import EmotionData, load


def tell_left_out(data: EmotionData) -> None:
    """Names the files that gave no row, which the report may not: on stderr, for the person at the keyboard."""
    for file, reason in data.left_out.itertuples(index=False):
        print(f"emolib: left out: {file}: {reason}", file=sys.stderr)
    if len(data.left_out):
        print(f"emolib: {len(data.left_out)} left out, {len(data)} read", file=sys.stderr)


def write_table(source: str, path: Path, settings: dict) -> Path:
    """The ten numbers of any data source as a table in the spreadsheet's layout; returns its path."""
    from emolib.data.export import export

    data = load(source or None, **settings)
    tell_left_out(data)
    return export(data, path)
