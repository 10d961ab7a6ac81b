"""Notebooks in, one HTML out: runs the chapters that are not up to date, side by side, and replaces
the report only by a whole one.
"""

import gzip
import json
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from emolib.report import BuildError, ChapterError
from emolib.report.keys import (
    Key,
    changes,
    chapter_key,
    data_digest,
    digest,
    environment_digest,
    files_digest,
)
from emolib.report.parameters import check, declared
from emolib.utils.cache import cache_folder, write
from emolib.utils.console import say

if TYPE_CHECKING:
    from nbformat import NotebookNode

HERE = Path(__file__).parent
KEPT = 100  # executed notebooks: going back to earlier data or parameters runs nothing again


@dataclass(frozen=True)
class Plan:
    """A chapter before its run.

    Attributes:
        notebook: its file.
        given: its parameters.
        needs: names of the chapters that it runs after.
        key: under which its executed notebook is kept.
        place: the file of that.
    """

    notebook: Path
    given: dict[str, Any]
    needs: tuple[str, ...]
    key: Key
    place: Path


def build(
    notebooks: Sequence[Path],
    parameters: dict[str, Any],
    output: Path,
    *,
    title: str,
    provenance: Callable[[], dict[str, Any]],
    stamp: Mapping[str, Any] | None = None,
    name: str = "report",
    required: Sequence[str] = (),
    timeout: float | None = None,
    review: Callable[[str], None] = lambda page: None,
) -> Path:
    """Runs notebooks and writes ``<name>.html`` and its results into one folder.

    The same inputs give the same bytes. A chapter whose key has not changed is not run
    (:mod:`emolib.report.keys`); if nothing has changed, nothing is done. If a chapter fails, the
    page that says so is ``<name>.failed.html``, and the last good report stays as it was.
    Durations, reasons and what the chapters wrote to stderr go to ``build.log``.

    Args:
        notebooks: the chapters, in the order of the page. A list ``needs`` under ``emolib`` in a
            notebook's metadata names the chapters that it runs after; all others run side by side.
        parameters: each notebook gets those that it declares; ``source``, if there, is the path of
            the data.
        output: the folder, made when missing.
        title: of the page.
        provenance: called if there is anything to do, before any chapter runs; gives
            ``data_source``, ``data_digest``, ``commit``, ``versions``, and ``banner`` if something
            should stand above everything.
        stamp: what else the page shows and may change, such as the commit.
        name: of the HTML file, without its suffix; the results of ``report`` are ``results.json``.
        required: ids that must be on the page, every one.
        timeout: seconds that a cell may take.
        review: is shown the finished page, and raises BuildError if it may not be published.

    Returns:
        The path of the HTML file.

    Raises:
        ChapterError: a chapter failed, in one sentence.
        BuildError: one sentence that says which chapter or parameter is at fault, or that another
            build is at work.
    """
    parameters = check(parameters, notebooks)
    output.mkdir(parents=True, exist_ok=True)
    report, failed = output / f"{name}.html", output / f"{name}.failed.html"
    results = output / ("results.json" if name == "report" else f"{name}.json")
    record = output / f".{name}.state.json"
    with _alone(output):
        say(f"building {report}: looking for what has changed")
        plans = _plans(notebooks, parameters, (cache_folder() or output) / "chapters")
        shell = sorted(file for file in HERE.iterdir() if file.is_file())
        page = [title, dict(stamp or {}), list(required), files_digest([*shell, *notebooks])]
        inputs = {"page": page, "keys": {stem: plan.key for stem, plan in plans.items()}}
        inputs = json.loads(json.dumps(inputs))
        before = _state(record)
        if before.get("inputs") == inputs and before.get("files") == files_digest(
            [report, results]
        ):
            say(f"nothing to do: {report} is up to date")
            return report
        facts = provenance()
        seconds = dict(before.get("seconds", {}))
        with (output / "build.log").open("w", encoding="utf-8") as log:
            nodes, faults = _executed(plans, before, seconds, timeout, log)
            # the libraries that convert notebooks take seconds to load
            from emolib.report.page import assemble

            try:
                given = {stem: declared(plan.notebook) | plan.given for stem, plan in plans.items()}
                html, found = assemble(nodes, given, title, facts, list(faults.values()), required)
                review(html)
            except BuildError as error:
                log.write(f"{error}\n")
                raise
        keys = {stem: key for stem, key in inputs["keys"].items() if stem not in faults}
        state = {"inputs": inputs | {"keys": keys}, "seconds": seconds}
        if faults:
            write(failed, html)
            write(record, json.dumps(state))
            kept = f", {report.name} is the last good one" if report.exists() else ""
            first = next(iter(faults.values()))
            raise ChapterError(f"{first} ({failed} shows how far it came{kept})")
        write(report, html)
        write(results, json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
        write(record, json.dumps(state | {"files": files_digest([report, results])}))
        failed.unlink(missing_ok=True)
    return report


def _plans(
    notebooks: Sequence[Path], parameters: Mapping[str, Any], folder: Path
) -> dict[str, Plan]:
    """The chapters in the order of the page, each with its key."""
    files = {notebook.stem: notebook for notebook in notebooks}
    needs = {stem: _needs(notebook) for stem, notebook in files.items()}
    for stem, wanted in needs.items():
        if unknown := sorted(set(wanted) - set(files)):
            raise BuildError(f"chapter {stem} needs {unknown[0]}, which is no chapter")
    try:
        order = list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        circle = ", ".join(sorted(set(error.args[1])))
        raise BuildError(f"chapters {circle} wait for one another") from error
    data = data_digest(parameters.get("source", ""))
    environment = environment_digest(notebooks[0].parents[1])
    plans: dict[str, Plan] = {}
    for stem in order:
        known = declared(files[stem])
        given = {name: value for name, value in parameters.items() if name in known}
        own = {name: value for name, value in given.items() if name != "source"}
        needed = {name: plans[name].key for name in needs[stem]}
        uses = data if "source" in known else ""
        key = chapter_key(files[stem], own, uses, environment, needed)
        place = folder / f"{stem}-{digest(key)}.ipynb.gz"
        plans[stem] = Plan(files[stem], given, needs[stem], key, place)
    return {stem: plans[stem] for stem in files}


def _needs(notebook: Path) -> tuple[str, ...]:
    metadata = json.loads(notebook.read_text(encoding="utf-8"))["metadata"]
    return tuple(metadata.get("emolib", {}).get("needs", ()))


def _executed(
    plans: Mapping[str, Plan],
    before: Mapping[str, Any],
    seconds: dict[str, float],
    timeout: float | None,
    log: TextIO,
) -> tuple[dict[str, "NotebookNode"], dict[str, str]]:
    """The executed notebook of every chapter, kept or run now, and a sentence for each that failed.

    Args:
        plans: of all chapters.
        before: the record of the last build, which says why a chapter runs again.
        seconds: how long each chapter took the last time; brought up to date.
        timeout: see :func:`build`.
        log: gets the reason, duration and stderr of each chapter.
    """
    from emolib.report.schedule import Run, Task, run

    nodes: dict[str, NotebookNode] = {}
    faults: dict[str, str] = {}
    tasks: dict[str, Task] = {}
    for stem, plan in plans.items():
        node = _kept(plan)
        if node is None:
            last = before.get("inputs", {}).get("keys", {}).get(stem)
            why = changes(last, plan.key) or "its outputs are no longer kept"
            same = last is not None and last["parameters"] == plan.key["parameters"]
            expected = seconds.get(stem) if same else None
            cells = len(plan.notebook.read_text(encoding="utf-8").split('"cell_type": "code"')) - 1
            tasks[stem] = Task(plan.notebook, plan.given, plan.needs, why, expected, cells)
        else:
            nodes[stem] = node
            log.write(f"{stem}: kept\n")

    def done(stem: str, result: Run) -> None:
        nodes[stem] = result.notebook
        log.write(f"{stem}: {result.seconds:.1f} s, run because {tasks[stem].why}\n{result.stderr}")
        if result.fault is None:
            seconds[stem] = result.seconds
            _keep(plans[stem], result.notebook)
        else:
            faults[stem] = f"chapter {stem}: {result.fault}"
            log.write(f"{stem}: {result.fault}\n")
        log.flush()

    run(tasks, timeout, done)
    return {stem: nodes[stem] for stem in plans}, faults


def _keep(plan: Plan, node: "NotebookNode") -> None:
    """Keeps an executed notebook; where no more can be written, the build goes on without."""
    folder = plan.place.parent
    try:
        folder.mkdir(exist_ok=True)
        write(plan.place, gzip.compress(json.dumps(node).encode(), mtime=0))
        by_age = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime)
        for old in by_age[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError as error:
        say(f"{folder} takes nothing more ({error.strerror}); the chapters will run again")


def _kept(plan: Plan) -> "NotebookNode | None":
    """A kept executed notebook with its prose as it is now; None if there is none or it is damaged."""
    import nbformat

    try:  # the checksum of gzip finds every damage
        text = gzip.decompress(plan.place.read_bytes()).decode()
    except FileNotFoundError:
        return None
    except (OSError, EOFError, ValueError, zlib.error):
        say(f"{plan.place} is damaged; the chapter runs again")
        return None
    node = nbformat.from_dict(json.loads(text))
    runs: list[list[NotebookNode]] = []  # each code cell with the parameters set after it, if any
    for cell in node.cells:
        if cell.cell_type == "code":
            given = "injected-parameters" in cell.metadata.get("tags", [])
            runs[-1].append(cell) if given else runs.append([cell])
    now = nbformat.read(plan.notebook, 4)
    code = iter(runs)
    node.cells = [
        part for cell in now.cells for part in (next(code) if cell.cell_type == "code" else [cell])
    ]
    return node


def _state(record: Path) -> dict[str, Any]:
    """What the last build made and from what; empty if there is no record that can be read."""
    try:
        state = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


@contextmanager
def _alone(output: Path) -> Iterator[None]:
    """Refuses to work in a folder in which another build is at work; a build that was killed holds
    nothing back.
    """
    # a lock of SQLite works on every system, and the system opens it when a process ends
    with closing(sqlite3.connect(output / ".build.lock", timeout=0)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise BuildError(
                    f"another build is writing to {output}; let it end, or name another folder "
                    "with --out"
                ) from None
            raise BuildError(f"{output}: no file can be written here ({error})") from error
        for leftover in output.glob(".*.tmp"):  # of a build that was killed
            leftover.unlink(missing_ok=True)
        yield
