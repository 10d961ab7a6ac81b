"""Command line ``python -m emolib``: report, explore, walkthroughs, export and draw."""

import argparse
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import emolib
from emolib.report import BuildError, ChapterError
from emolib.report.build import build, write_pictures
from emolib.report.plan import LOADING, PROFILES, check, commit, parse, versions
from emolib.utils import one_of, say

ROOT = Path(emolib.__file__).parent.parent
DRAWN = (
    "These are drawn faces, not SFEW: the numbers show that the method runs, not how well it reads "
    "people."
)
NOBODY_KNOWN = (
    "The data do not say who is who: folds are random, intervals resample rows, labels are "
    "exchanged among all rows, and everything person-independent is not judged."
)
# Two halves, of which one is cut into three inner folds by the chapter on other classifiers.
PERSONS = 6


def report(data: str, profile: str, settings: str, out: Path, publish: str) -> str:
    """Builds the report and returns its answer and path, a line each.

    Args:
        data: the file or folder to read; the drawn faces if empty.
        profile: a name in :data:`emolib.report.plan.PROFILES`.
        settings: ``name=value …``: parameters of the chapters, in place of the profile's, and
            settings of :func:`emolib.load`.
        out: the folder that the report goes to.
        publish: name of a report of licensed data that others may see: the build then refuses a
            page with anything of a single row, and writes the README's figures as well.

    Raises:
        ValueError, OSError, BuildError: one sentence for the person who asked.
    """
    # every notebook with a leading number is a chapter, in the order of the numbers
    notebooks = sorted(
        (ROOT / "notebooks").glob("[0-9]*_*.ipynb"),
        key=lambda path: (int(path.stem.split("_")[0]), path.stem),
    )
    if not notebooks:
        raise BuildError("there are no chapters: the folder notebooks is not beside the package")
    own = parse(settings)
    if reserved := {"source", "loading"} & own.keys():
        raise ValueError(
            f"{min(reserved)} is not set by name: the data are given with --data, and how they are "
            "loaded by settings such as incomplete=mean"
        )
    loading = {name: own.pop(name) for name in LOADING if name in own}
    given = check(PROFILES[profile] | own, notebooks)
    source = os.path.realpath(os.path.expanduser(data)) if data else ""
    load = partial(emolib.load, source or None, **loading)

    path = build(
        notebooks,
        given | {"source": source} | ({"loading": loading} if loading else {}),
        out,
        name=publish or "report",
        title="End-to-End Multimodal Emotion Recognition by Using Deep Neural Networks, re-run",
        provenance=lambda: _facts(load(), given),
        stamp={
            "profile": profile,
            "parameters": given | loading,
            "commit": commit(ROOT),
            "versions": versions(),
        },
        required=(
            *(
                f"fig-{number}"
                for number in ["1", "2", "3", "4", "5", "6a", "6b", "7", "8", "9", "10"]
            ),
            *("table-1", "table-2", "table-3", "claims"),
        ),
        licensed=load if publish else None,
    )
    if publish:
        write_pictures(path)
    results = json.loads((out / f"{publish or 'results'}.json").read_text(encoding="utf-8"))
    return "\n".join([*filter(None, [results.get("answer", {}).get("headline")]), str(path)])


def _facts(data: "emolib.EmotionData", chosen: dict[str, Any]) -> dict[str, Any]:
    """What the report says of its data. Data that the chapters cannot work on stop here, before any
    has taken its time.
    """
    _tell(data)
    held = {*data.modalities, *(data.classes[label] for label in data.labels)}
    absent = [needed for needed in ("LPQ", "PHOG", *data.classes) if needed not in held]
    if absent:
        raise ValueError(
            f"{data.source}: there is no {absent[0]}; the report needs LPQ, PHOG and all emotions"
        )
    if data.groups is not None and (persons := len(set(data.groups))) < PERSONS:
        raise ValueError(
            f"{data.source}: {persons} groups are too few; the report needs {PERSONS}, because a "
            "half of them is split again"
        )
    for protocol in emolib.protocols(data):
        emolib.make_folds(data, protocol, 0, chosen.get("folds", 5))
    banner = NOBODY_KNOWN if data.groups is None else DRAWN if data.drawn else ""
    return {"data_source": data.source, "data_digest": data.digest[:16]} | (
        {"banner": banner} if banner else {}
    )


def _tell(data: "emolib.EmotionData") -> None:
    """Says what loading found, and names the files that gave no row, which a report may not."""
    for file, reason in data.left_out.head(20).itertuples(index=False):
        say(f"left out: {file}: {reason}")
    for found, rows, done in data.repairs.query("done != 'left out'").itertuples(index=False):
        say(f"{found}{f' ({rows})' if rows else ''}: {done}")
    if len(data.left_out):
        say(f"{len(data.left_out)} left out, {len(data)} read")


def export(source: str, path: Path, settings: str) -> Path:
    """Writes ten features per face of any data source as a table in the spreadsheet's layout."""
    from emolib.data.table import export as write_table

    options = parse(settings)
    for name in options:
        one_of("a setting of export", name, LOADING)
    data = emolib.load(source or None, **options)
    _tell(data)
    return write_table(data, path)


def draw(folder: Path, wildness: float) -> Path:
    """Writes the drawn faces as a folder of images and returns it."""
    from emolib.data.drawn import write_faces

    return write_faces(folder, wildness)


def explore(data: str) -> str:
    """Opens the explorers in JupyterLab, and returns when it was shut down.

    Raises:
        OSError: JupyterLab did not open, after its own words about the reason.
    """
    from emolib.explore.lab import open_lab  # here, because a report needs no widgets

    open_lab(ROOT / "notebooks" / "explore.ipynb", data)
    return "JupyterLab has ended"


def walkthroughs(out: Path) -> Path:
    """Builds the walkthroughs and returns the path of their first page."""
    from emolib.walkthroughs.build import build_walkthroughs

    return build_walkthroughs(ROOT / "notebooks" / "walkthroughs", out)


# Options of each command: name, and the keywords of argparse.
SET = {"default": "", "dest": "settings", "metavar": '"NAME=VALUE …"'}
COMMANDS: dict[Any, dict[str, dict[str, Any]]] = {
    report: {
        "--data": {
            "default": "",
            "metavar": "PATH",
            "help": "the SFEW spreadsheet, a table of its shape, or a folder of images with a "
            "sub-folder per emotion (default: drawn faces)",
        },
        "--profile": {
            "default": "quick",
            "choices": PROFILES,
            "help": "how much work to do (default: quick)",
        },
        "--set": SET
        | {
            "help": "parameters of the chapters, and how data are loaded: incomplete, size, order …"
        },
        "--out": {
            "default": "reports",
            "type": Path,
            "metavar": "FOLDER",
            "help": "where the report goes (default: reports)",
        },
        "--publish": {
            "default": "",
            "metavar": "NAME",
            "help": "build NAME.html for others to see: refused if it holds anything of a single "
            "row",
        },
    },
    export: {
        "source": {"metavar": "FOLDER", "help": "a folder of images, a sub-folder per emotion"},
        "path": {"type": Path, "metavar": "FILE", "help": "the table to write, .xlsx or .csv"},
        "--set": SET | {"help": "how images are read: size, crop, preset …"},
    },
    draw: {
        "folder": {
            "type": Path,
            "metavar": "FOLDER",
            "help": "a new folder; it gets a sub-folder per emotion",
        },
        "--wildness": {
            "default": 0.5,
            "type": float,
            "metavar": "0…1",
            "help": "from laboratory pictures to film stills (default: %(default)s, as in the "
            "report)",
        },
    },
    explore: {"--data": {"default": "", "metavar": "PATH", "help": "as for the report"}},
    walkthroughs: {
        "--out": {
            "default": "reports/walkthroughs",
            "type": Path,
            "metavar": "FOLDER",
            "help": "where they go (default: reports/walkthroughs)",
        },
    },
}


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns its exit code, after one sentence if it is not 0.

    1: a chapter failed; 2: what was asked for cannot be done; 130: Ctrl-C.
    """
    parser = argparse.ArgumentParser(prog="emolib", description=__doc__)
    parser.add_argument("--version", action="version", version=f"emolib {emolib.__version__}")
    commands = parser.add_subparsers(required=True)
    for run, options in COMMANDS.items():
        words = run.__doc__.splitlines()[0]
        command = commands.add_parser(run.__name__, help=words, description=words)
        command.set_defaults(run=run)
        for name, keywords in options.items():
            command.add_argument(name, **keywords)
    try:
        given = vars(parser.parse_args(arguments))
        done = given.pop("run")(**given)
    except (ValueError, OSError, BuildError) as error:
        # of the system's own errors the file and the reason; all others are sentences
        file, reason = (getattr(error, name, None) for name in ("filename", "strerror"))
        say(f"error: {file}: {reason}" if file else f"error: {error}")
        return 1 if isinstance(error, ChapterError) else 2
    except KeyboardInterrupt as interrupt:  # 130 is what a shell makes of Ctrl-C
        say(str(interrupt) or "stopped")
        return 130
    print(str(done).encode(errors="replace").decode())  # a path may hold any bytes
    return 0


if __name__ == "__main__":
    sys.exit(main())
