"""The command line: `python -m emolib report` re-runs the paper; `explore` and `walkthroughs` open
its doors to a class.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import emolib
from emolib.report.build import build
from emolib.report.commands import draw, keep_model, predict, read_images, write_table
from emolib.report.errors import BuildError, ChapterError
from emolib.report.parameters import check, parse
from emolib.report.profiles import PROFILES
from emolib.report.provenance import commit, versions
from emolib.utils.console import say

ROOT = Path(emolib.__file__).parent.parent
BANNER = "These are drawn faces, not SFEW: the numbers show that the method runs, not how well it reads people."
TITLE = "End-to-End Multimodal Emotion Recognition by Using Deep Neural Networks, re-run"
REQUIRED = (
    *(
        "fig-1",
        "fig-2",
        "fig-3",
        "fig-4",
        "fig-5",
        "fig-6a",
        "fig-6b",
        "fig-7",
        "fig-8",
        "fig-9",
        "fig-10",
    ),
    *("table-1", "table-2", "table-3", "claims"),
)
PERSONS = (
    6  # two halves, of which one is cut into three inner folds by the chapter on other classifiers
)
TIMEOUT = 2 * 3600  # seconds a cell; the longest of PROFILE=full takes a fraction of it


def report(
    data: str, profile: str, settings: str, out: Path, timeout: float = TIMEOUT, publish: str = ""
) -> Path:
    """Builds the report and returns its path.

    Args:
        data: the file to read; the drawn faces if empty.
        profile: a name in :data:`emolib.report.profiles.PROFILES`.
        settings: parameters that are added to the profile's or replace them, see
            :func:`emolib.report.parameters.parse`.
        out: the folder that the report goes to.
        timeout: seconds that a cell may take.
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
    chosen = PROFILES[profile] | parse(settings)
    if not timeout > 0:
        raise ValueError(f"timeout is {timeout}; a cell may take some seconds, more than 0")
    if "source" in chosen:
        raise ValueError("the data are given with --data, not as the setting source")
    source = str(Path(data).expanduser().resolve()) if data else ""
    if source and Path(source).is_dir():
        source = read_images(source, chosen)
    check(chosen | {"source": source}, notebooks)
    stamp = {
        "profile": profile,
        "parameters": chosen,
        "commit": commit(ROOT),
        "versions": versions(),
    }

    def provenance() -> dict[str, Any]:
        return _loaded(source, chosen) | stamp

    def review(page: str) -> None:
        if publish:
            from emolib.data import load
            from emolib.report.publication import check_aggregates

            check_aggregates(
                page, load(source or None, incomplete=chosen.get("incomplete", "drop"))
            )

    path = build(
        notebooks,
        chosen | {"source": source},
        out,
        name=publish or "report",
        title=TITLE,
        provenance=provenance,
        stamp=stamp | {"file": Path(source).name},
        required=REQUIRED,
        timeout=timeout,
        review=review,
    )
    if publish:
        from emolib.report.publication import write_pictures

        write_pictures(path)
    else:
        keep_model(source, chosen, out)
    return path


def _loaded(source: str, chosen: dict[str, Any]) -> dict[str, Any]:
    """What the report says of its data; data that the chapters cannot work on stop here, before any
    has taken its time.
    """
    from emolib.data import (
        load,
    )  # a build that has nothing to do does without the libraries that read data
    from emolib.folds import PROTOCOLS, make_folds

    loaded = load(source or None, incomplete=chosen.get("incomplete", "drop"))
    absent = [modality for modality in ("LPQ", "PHOG") if modality not in loaded.modalities]
    absent += [
        emotion for label, emotion in enumerate(loaded.classes) if label not in loaded.labels
    ]
    if absent:
        raise ValueError(
            f"{loaded.source}: there is no {absent[0]}; the report needs LPQ, PHOG and all {len(loaded.classes)} emotions"
        )
    for protocol in PROTOCOLS:
        make_folds(loaded, protocol, 0, chosen.get("folds", 5))
    if len(set(loaded.groups)) < PERSONS:
        raise ValueError(
            f"{loaded.source}: {len(set(loaded.groups))} groups are too few; the report needs {PERSONS}, because a half of them is split again"
        )
    facts: dict[str, Any] = {"data_source": loaded.source, "data_digest": loaded.digest[:16]}
    return facts | ({"banner": BANNER} if loaded.drawn else {})


def explore(data: str) -> str:
    """Opens the explorers, and returns when JupyterLab was shut down."""
    from emolib.explore.lab import open_lab  # here, because a report needs no widgets

    open_lab(ROOT / "notebooks" / "explore.ipynb", data)
    return "JupyterLab has ended"


def walkthroughs(out: Path) -> Path:
    """Builds the walkthroughs and returns the path of their first page."""
    from emolib.walkthroughs.build import build_walkthroughs

    return build_walkthroughs(ROOT / "notebooks" / "walkthroughs", out)


def _settings(text: str) -> dict[str, Any]:
    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            str(error)
        ) from error  # of another error argparse would say that the value is invalid, and not why


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns its exit code, after one sentence if it is not 0.

    1: a chapter failed; 2: what was asked for cannot be done; 130: Ctrl-C.
    """
    parser = argparse.ArgumentParser(prog="emolib", description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("report", help="build the report")
    command.set_defaults(run=report)
    command.add_argument(
        "--data",
        default="",
        metavar="PATH",
        help="the SFEW spreadsheet, a CSV of its shape, or a folder of images, a sub-folder an emotion (default: drawn faces)",
    )
    command.add_argument(
        "--profile", default="quick", choices=PROFILES, help="how much work to do (default: quick)"
    )
    command.add_argument(
        "--set",
        default="",
        dest="settings",
        metavar='"NAME=VALUE …"',
        help="parameters of the chapters",
    )
    command.add_argument(
        "--out",
        default="reports",
        type=Path,
        metavar="FOLDER",
        help="where the report goes (default: reports)",
    )
    command.add_argument(
        "--timeout",
        default=TIMEOUT,
        type=float,
        metavar="SECONDS",
        help="how long a cell may take (default: %(default)s)",
    )
    command.add_argument(
        "--publish",
        default="",
        metavar="NAME",
        help="build NAME.html for others to see: refused if it holds anything of a single row",
    )
    command = commands.add_parser(
        "export", help="write ten numbers a face in the spreadsheet's layout"
    )
    command.set_defaults(run=write_table)
    command.add_argument(
        "source", metavar="FOLDER", help="a folder of images, a sub-folder an emotion"
    )
    command.add_argument(
        "path", type=Path, metavar="FILE", help="the table to write, .xlsx or .csv"
    )
    command.add_argument(
        "--set",
        default={},
        type=_settings,
        dest="settings",
        metavar='"NAME=VALUE …"',
        help="how images are read: size, crop, preset …",
    )
    command = commands.add_parser("draw", help="write the drawn faces as a folder of images")
    command.set_defaults(run=draw)
    command.add_argument(
        "folder",
        type=Path,
        metavar="FOLDER",
        help="a new folder; it gets a sub-folder for each emotion",
    )
    command.add_argument(
        "--wildness",
        default=0.5,
        type=float,
        metavar="0…1",
        help="from laboratory pictures to film stills (default: %(default)s, as in the report)",
    )
    command = commands.add_parser(
        "predict", help="read the emotion of faces with the last report's model"
    )
    command.set_defaults(run=predict)
    command.add_argument("faces", nargs="+", type=Path, metavar="FACE", help="images of faces")
    command.add_argument(
        "--reports",
        default="reports",
        type=Path,
        metavar="FOLDER",
        help="where the report is (default: reports)",
    )
    command.add_argument(
        "--set",
        default={},
        type=_settings,
        dest="settings",
        metavar='"NAME=VALUE …"',
        help='"crop=True" cuts the faces out first',
    )
    command = commands.add_parser("explore", help="open the explorers in JupyterLab")
    command.set_defaults(run=explore)
    command.add_argument("--data", default="", metavar="PATH", help="as for the report")
    command = commands.add_parser(
        "walkthroughs", help="build the walkthroughs' pages and hand-outs"
    )
    command.set_defaults(run=walkthroughs)
    command.add_argument(
        "--out",
        default="reports/walkthroughs",
        type=Path,
        metavar="FOLDER",
        help="where they go (default: reports/walkthroughs)",
    )
    try:
        given = vars(parser.parse_args(arguments))
        done = given.pop("run")(**given)
    except (ValueError, OSError, BuildError) as error:
        # of the system's own errors the file and the reason; all others are sentences
        reason = (
            f"{error.filename}: {error.strerror}"
            if isinstance(error, OSError) and error.filename
            else error
        )
        say(f"error: {reason}")
        return 1 if isinstance(error, ChapterError) else 2
    except KeyboardInterrupt:  # 130 is what a shell makes of Ctrl-C
        say("stopped")
        return 130
    print(str(done).encode(errors="replace").decode())  # a path may hold any bytes
    return 0


if __name__ == "__main__":
    sys.exit(main())
