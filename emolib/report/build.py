"""Report build: runs the chapters that are not up to date and binds them into one HTML."""

import gzip
import json
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

KEPT = 100  # executed notebooks: going back to earlier data or parameters runs nothing again


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
        keys = _keys(notebooks, parameters)
        shell = sorted(file for file in Path(__file__).parent.iterdir() if file.is_file())
        page = [title, dict(stamp or {}), list(required), files_digest([*shell, *notebooks])]
        inputs = json.loads(json.dumps({"page": page, "keys": keys}))
        before = _state(record)
        if before.get("inputs") == inputs and before.get("files") == files_digest(
            [report, results]
        ):
            say(f"nothing to do: {report} is up to date")
            return report
        facts = provenance()
        # the libraries that run and convert notebooks take seconds to load
        from emolib.report.execution import Task, run
        from emolib.report.page import assemble

        # in the cache, or beside the report without one
        folder = (cache_folder() or output) / "chapters"
        places = {
            stem: folder / f"{stem}-{digest(key)[:32]}.ipynb.gz" for stem, key in keys.items()
        }
        seconds = before.get("seconds", {})
        tasks: dict[str, Task] = {}
        ran = before.get("inputs", {}).get("keys", {})
        for notebook in notebooks:
            stem, known = notebook.stem, declared(notebook)
            tasks[stem] = Task(
                notebook,
                {name: value for name, value in parameters.items() if name in known},
                _needs(notebook),
                why=changes(ran.get(stem), keys[stem]) or "its outputs are no longer kept",
                expected=seconds.get(json.dumps([stem, keys[stem]["parameters"]])),
                node=_kept(places[stem], notebook),
            )
        log = [f"{stem}: kept\n" for stem, task in tasks.items() if task.node is not None]

        def done(stem: str) -> None:
            task = tasks[stem]
            log.append(f"{stem}: {task.seconds:.1f} s, run because {task.why}\n{task.stderr}")
            if task.fault is None:
                _keep(places[stem], task.node)
                seconds[json.dumps([stem, keys[stem]["parameters"]])] = round(task.seconds, 1)
            else:
                log.append(f"{stem}: {task.fault}\n")
            write(output / "build.log", "".join(log))

        run({stem: task for stem, task in tasks.items() if task.node is None}, timeout, done)
        faults = {
            stem: f"chapter {stem}: {task.fault}" for stem, task in tasks.items() if task.fault
        }
        html, found = assemble(tasks, title, facts, list(faults.values()), required)
        review(html)
        inputs["keys"] = {stem: key for stem, key in keys.items() if stem not in faults}
        state = {"inputs": inputs, "seconds": seconds}
        if faults:
            write(failed, html)
            write(record, json.dumps(state))
            kept = f", {report.name} is the last good one" if report.exists() else ""
            raise ChapterError(
                f"{next(iter(faults.values()))} ({failed} shows how far it came{kept})"
            )
        write(report, html)
        write(results, json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
        write(record, json.dumps(state | {"files": files_digest([report, results])}))
        failed.unlink(missing_ok=True)
    return report


def _keys(notebooks: Sequence[Path], parameters: Mapping[str, Any]) -> dict[str, Key]:
    """The key of each chapter, by name.

    Raises:
        BuildError: a chapter needs one that is not there, or some wait for one another.
    """
    files = {notebook.stem: notebook for notebook in notebooks}
    needs = {stem: _needs(notebook) for stem, notebook in files.items()}
    for stem, needed in needs.items():
        if unknown := set(needed) - files.keys():
            raise BuildError(f"chapter {stem} needs {min(unknown)}, which is no chapter")
    try:
        order = list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        circle = ", ".join(sorted(set(error.args[1])))
        raise BuildError(f"chapters {circle} wait for one another") from error
    data = data_digest(parameters.get("source", ""))
    environment = environment_digest(notebooks[0].parents[1])
    keys: dict[str, Key] = {}
    for stem in order:
        known = declared(files[stem])
        own = {
            name: parameters[name] for name in sorted(known.keys() & parameters.keys() - {"source"})
        }
        uses = data if "source" in known else ""
        needed_keys = {name: keys[name] for name in needs[stem]}
        keys[stem] = chapter_key(files[stem], own, uses, environment, needed_keys)
    return keys


def _needs(notebook: Path) -> tuple[str, ...]:
    metadata = json.loads(notebook.read_text(encoding="utf-8"))["metadata"]
    return tuple(metadata.get("emolib", {}).get("needs", ()))


def _keep(place: Path, node: "NotebookNode") -> None:
    """Keeps an executed notebook; where no more can be written, the build goes on without."""
    try:
        place.parent.mkdir(exist_ok=True)
        write(place, gzip.compress(json.dumps(node).encode(), mtime=0))
        by_age = sorted(place.parent.iterdir(), key=lambda file: file.stat().st_mtime)
        for old in by_age[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError as error:
        say(f"{place.parent} takes nothing more ({error.strerror}); the chapters will run again")


def _kept(place: Path, notebook: Path) -> "NotebookNode | None":
    """A kept executed notebook with its prose as it is now; None where it is gone or damaged."""
    import nbformat

    if not place.exists():
        return None
    try:  # the checksum of gzip finds every damage
        node: NotebookNode = nbformat.from_dict(json.loads(gzip.decompress(place.read_bytes())))
    except (OSError, EOFError, ValueError, zlib.error):
        say(f"{place} is damaged; the chapter runs again")
        return None
    ran = [cell for cell in node.cells if cell.cell_type == "code"]
    node.cells = []
    for cell in nbformat.read(notebook, 4).cells:
        node.cells.append(ran.pop(0) if cell.cell_type == "code" else cell)
        while ran and "injected-parameters" in ran[0].metadata.get("tags", []):
            node.cells.append(ran.pop(0))
    return node


def _state(record: Path) -> dict[str, Any]:
    """What the last build made and from what; empty if there is no record that can be read."""
    try:
        return dict(json.loads(record.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


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
