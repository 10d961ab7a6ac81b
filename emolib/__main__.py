"""The command line: `python -m emolib report` re-runs the paper; `explore` and `walkthroughs` open its doors to a class."""

import argparse
import sys
from pathlib import Path
from typing import Any

import emolib
from emolib.data import load
from emolib.report.build import build
from emolib.report.errors import BuildError
from emolib.report.parameters import check, parse
from emolib.report.profiles import PROFILES
from emolib.report.provenance import commit, versions

ROOT = Path(emolib.__file__).parent.parent
BANNER = "These are drawn faces, not SFEW: the numbers show that the method runs, not how well it reads people."
TITLE = "End-to-End Multimodal Emotion Recognition by Using Deep Neural Networks, re-run"
REQUIRED = (
    *("fig-1", "fig-2", "fig-3", "fig-4", "fig-5", "fig-6a", "fig-6b", "fig-7", "fig-8", "fig-9", "fig-10"),
    *("table-1", "table-2", "table-3", "claims"),
)


def report(data: str, profile: str, settings: str, out: Path) -> Path:
    """Builds the report and returns its path.

    Args:
        data: the file to read; the drawn faces if empty.
        profile: a name in :data:`emolib.report.profiles.PROFILES`.
        settings: parameters that are added to the profile's or replace them, see
            :func:`emolib.report.parameters.parse`.
        out: the folder that the report goes to.

    Raises:
        ValueError, OSError, BuildError: one sentence for the person who asked.
    """
    notebooks = sorted((ROOT / "notebooks").glob("[1-4]_*.ipynb"))
    if not notebooks:
        raise BuildError("there are no chapters: the folder notebooks is not beside the package")
    chosen = PROFILES[profile] | parse(settings)
    if "source" in chosen:
        raise ValueError("the data are given with --data, not as the setting source")
    source = str(Path(data).expanduser().resolve()) if data else ""
    check(chosen | {"source": source}, notebooks)
    # a file that cannot be read stops here, before any chapter has taken its time
    loaded = load(source or None, incomplete=chosen.get("incomplete", "drop"))
    absent = [modality for modality in ("LPQ", "PHOG") if modality not in loaded.modalities]
    absent += [emotion for label, emotion in enumerate(loaded.classes) if label not in loaded.labels]
    if absent:
        raise ValueError(f"{loaded.source}: there is no {absent[0]}; the report needs LPQ, PHOG and all {len(loaded.classes)} emotions")
    provenance: dict[str, Any] = {
        "data_source": loaded.source,
        "data_digest": loaded.digest[:16],
        "profile": profile,
        "parameters": chosen,
        "commit": commit(ROOT),
        "versions": versions(),
    }
    if loaded.drawn:
        provenance["banner"] = BANNER
    return build(notebooks, chosen | {"source": source}, out, title=TITLE, provenance=provenance, required=REQUIRED)


def explore(data: str) -> str:
    """Opens the explorers, and returns when JupyterLab was shut down."""
    from emolib.explore.lab import open_lab  # here, because a report needs no widgets

    open_lab(ROOT / "notebooks" / "explore.ipynb", data)
    return "JupyterLab has ended"


def walkthroughs(out: Path) -> Path:
    """Builds the walkthroughs and returns the path of their first page."""
    from emolib.walkthroughs.build import build_walkthroughs

    return build_walkthroughs(ROOT / "notebooks" / "walkthroughs", out)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns its exit code: 0, 2 after an error in one sentence, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="emolib", description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("report", help="build the report")
    command.set_defaults(run=report)
    command.add_argument(
        "--data", default="", metavar="PATH", help="the SFEW spreadsheet, or a CSV of its shape (default: drawn faces)"
    )
    command.add_argument("--profile", default="quick", choices=PROFILES, help="how much work to do (default: quick)")
    command.add_argument(
        "--set", default="", dest="settings", metavar='"NAME=VALUE …"', help="parameters of the chapters"
    )
    command.add_argument(
        "--out", default="reports", type=Path, metavar="FOLDER", help="where the report goes (default: reports)"
    )
    command = commands.add_parser("explore", help="open the explorers in JupyterLab")
    command.set_defaults(run=explore)
    command.add_argument("--data", default="", metavar="PATH", help="as for the report")
    command = commands.add_parser("walkthroughs", help="build the walkthroughs' pages and hand-outs")
    command.set_defaults(run=walkthroughs)
    command.add_argument(
        "--out", default="reports/walkthroughs", type=Path, metavar="FOLDER", help="where they go (default: reports/walkthroughs)"
    )
    given = vars(parser.parse_args(arguments))
    try:
        done = given.pop("run")(**given)
    except (ValueError, OSError, BuildError) as error:
        print("emolib: error:", " ".join(str(error).split()), file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # 130 is what a shell makes of Ctrl-C
        print("emolib: stopped", file=sys.stderr)
        return 130
    print(done)
    return 0


if __name__ == "__main__":
    sys.exit(main())
