"""Report build: runs the chapters that are not up to date and binds them into one HTML, which holds
aggregates alone where it is to be published.
"""

import json
import re
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import emolib
from emolib.report import BuildError, ChapterError
from emolib.report.plan import changes, digest, files_digest, plan
from emolib.utils import cache_folder, say, write

# The figures of the published report that the README shows.
PICTURES = ("levels", "fig-6b")
RULE = "a report of licensed data shows aggregates alone"


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
    licensed: Callable[[], "emolib.EmotionData"] | None = None,
) -> Path:
    """Runs notebooks and writes ``<name>.html`` and its results into one folder.

    The same inputs give the same bytes. A chapter whose key (:func:`emolib.report.plan.plan`) has
    not changed is not run; if nothing has changed, nothing is done. If a chapter fails, the page
    that says so is ``<name>.failed.html``, and the last good report stays as it was. Durations,
    reasons and what the chapters wrote to stderr go to ``build.log``.

    Args:
        notebooks: the chapters, in the order of the page. A list ``needs`` under ``emolib`` in a
            notebook's metadata names the chapters that it runs after; all others run side by side.
        parameters: each notebook gets those that it declares; ``source``, if there, is the path of
            the data.
        output: the folder, made when missing.
        title: of the page.
        provenance: called if there is anything to do, before any chapter runs; gives
            ``data_source``, ``data_digest``, and ``banner`` if something should stand above
            everything.
        stamp: what else the page shows, known beforehand: ``commit``, ``versions`` and more.
        name: of the HTML file, without its suffix; the results of ``report`` are ``results.json``.
        required: ids that must be on the page, every one.
        licensed: gives the data of which the page may show aggregates alone
            (:func:`check_aggregates`).

    Returns:
        The path of the HTML file.

    Raises:
        ChapterError: a chapter failed, in one sentence.
        BuildError: one sentence that says which chapter is at fault, or that another build is at
            work.
    """
    output.mkdir(parents=True, exist_ok=True)
    report, failed = output / f"{name}.html", output / f"{name}.failed.html"
    results = output / ("results.json" if name == "report" else f"{name}.json")
    record = output / f".{name}.state.json"
    with _alone(output):
        say(f"building {report}: looking for what has changed")
        tasks = plan(notebooks, parameters)
        keys = {stem: task.key for stem, task in tasks.items()}
        shown = [title, stamp, required, Path(parameters.get("source", "")).name]
        shell = files_digest(*sorted(Path(__file__).parent.glob("*.*")), *notebooks)
        inputs = digest([shown, shell, keys])
        before: dict[str, Any] = {}
        with suppress(OSError, ValueError):  # none yet, or damaged
            before = json.loads(record.read_text(encoding="utf-8"))
        if before.get("inputs") == inputs and before["files"] == files_digest(report, results):
            say(f"nothing to do: {report} is up to date")
            return report
        facts = provenance() | dict(stamp or {})
        # The libraries that run and convert notebooks take a second to load, and jsonschema among
        # them another two for a grammar of web addresses that it can do without: None hides it.
        sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # Python takes it
        from emolib.report.execution import run, stderr
        from emolib.report.page import assemble

        for stem, task in tasks.items():
            task.why = changes(before.get("keys", {}).get(stem), task.key)
        # in the cache, or beside the report without one
        run(tasks, (cache_folder() or output) / "chapters")
        log = "".join(
            f"{stem}: {task.seconds:.1f} s, {task.why or 'its outputs are kept'}\n"
            f"{stderr(task.node)}{task.fault}\n"
            for stem, task in tasks.items()
        )
        write(output / "build.log", log)
        chapters = [tasks[notebook.stem] for notebook in notebooks]
        faults = [f"chapter {task.notebook.stem}: {task.fault}" for task in chapters if task.fault]
        html, found = assemble(chapters, title, facts, faults, required)
        if licensed:
            check_aggregates(html, licensed())
        done = {stem: key for stem, key in keys.items() if not tasks[stem].fault}
        if faults:
            write(failed, html)
            write(record, json.dumps({"keys": done}))
            kept = f", {report.name} is the last good one" if report.exists() else ""
            raise ChapterError(f"{faults[0]} ({failed} shows how far it came{kept})")
        write(report, html)
        write(results, json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
        files = files_digest(report, results)
        write(record, json.dumps({"keys": done, "inputs": inputs, "files": files}))
        failed.unlink(missing_ok=True)
    return report


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
            raise BuildError(
                f"{output} is in use by another build, or cannot be written ({error}); let it end, "
                "or name another folder with --out"
            ) from error
        for leftover in output.glob(".*.tmp"):  # of a build that was killed
            leftover.unlink(missing_ok=True)
        yield


def check_aggregates(page: str, data: "emolib.EmotionData") -> None:
    """Refuses a page that holds the name of a row, a title that stands for a person, or the
    features of a row.

    Raises:
        BuildError: one sentence that says what was found; it does not repeat it.
    """
    text = unescape(unquote(page))
    names = {*map(str, data.names), *map(str, () if data.groups is None else data.groups)}
    # a title of digits alone would be found in any number, and one such as NA in any word
    found = [name for name in names if name in text and re.search(r"[^\W\d]", name)]
    if any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) for name in found):
        raise BuildError(f"the page holds the name of a row or the title of a group; {RULE}")
    rows = [
        {f"{value:.6g}" for part in parts for value in part}
        for parts in zip(*data.features.values(), strict=True)
    ]
    known = set().union(*rows)
    for line in text.splitlines():
        fields = known.intersection(line.split(","))
        if any(len(fields & row) > 1 for row in rows if len(fields) > 1):
            raise BuildError(f"the page holds features of a single row; {RULE}")


def write_pictures(report: Path) -> None:
    """Writes the SVG of each of :data:`PICTURES` beside a published report.

    Raises:
        BuildError: the page has no such figure.
    """
    page = report.read_text(encoding="utf-8")
    for id in PICTURES:
        match = re.search(
            rf'<figure id="{id}" class="card">(?:(?!</figure>).)*?'
            r'<img src="data:image/svg\+xml;charset=utf-8,([^"]*)"',
            page,
            re.DOTALL,
        )
        if match is None:
            raise BuildError(f"the README shows the figure {id}, which the report does not have")
        write(report.parent / f"{id}.svg", unquote(unescape(match[1])) + "\n")
