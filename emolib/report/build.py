"""Notebooks in, one HTML out: runs the chapters that are not up to date, and replaces the report
only by a whole one.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from emolib.report import state
from emolib.report.errors import BuildError, ChapterError
from emolib.report.keys import Key, chapter_key, data_digest, environment_digest, files_digest
from emolib.report.parameters import check, declared, needs
from emolib.utils.storage import cache_folder, sweep, write

HERE = Path(__file__).parent


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
    check(parameters, notebooks)
    output.mkdir(parents=True, exist_ok=True)
    report, failed = output / f"{name}.html", output / f"{name}.failed.html"
    results = output / ("results.json" if name == "report" else f"{name}.json")
    record = output / state.NAME.format(name)
    with _alone(output):
        given = {
            notebook.stem: {p: parameters[p] for p in declared(notebook) if p in parameters}
            for notebook in notebooks
        }
        inputs = _inputs(
            notebooks,
            given,
            {"title": title, "stamp": dict(stamp or {}), "required": list(required)},
        )
        before = state.last(output, name)
        if state.is_current(before, inputs, [report, results]):
            print(f"nothing to do: {report} is up to date", file=sys.stderr)
            return report
        facts = provenance()
        # the libraries that run and convert notebooks take seconds to load
        from emolib.report.assembly import assemble
        from emolib.report.index import index

        with (output / "build.log").open("w", encoding="utf-8") as log:
            try:
                made = assemble(
                    notebooks,
                    given,
                    inputs["chapters"],
                    before,
                    title=title,
                    provenance=facts,
                    required=required,
                    timeout=timeout,
                    log=log,
                )
                review(made.page)
            except BuildError as error:
                log.write(f"{error}\n")
                raise
        if made.faults:
            finished = {
                stem: key for stem, key in inputs["chapters"].items() if stem not in made.faults
            }
            write(
                {
                    failed: made.page,
                    record: state.written(name, inputs | {"chapters": finished}, []),
                }
            )
            write({output / "index.html": index(output)})
            kept = f", {report.name} is the last good one" if report.exists() else ""
            raise ChapterError(
                f"{next(iter(made.faults.values()))} ({failed} shows how far it came{kept})"
            )
        write(
            {
                report: made.page,
                results: json.dumps(made.results, indent=1, ensure_ascii=False, allow_nan=False)
                + "\n",
            }
        )
        write({record: state.written(name, inputs, [report, results])})
        failed.unlink(missing_ok=True)
        write({output / "index.html": index(output)})
    return report


def _inputs(
    notebooks: Sequence[Path], given: Mapping[str, dict[str, Any]], page: dict[str, Any]
) -> dict[str, Any]:
    """All that the build depends on: a key for each chapter, and what the page adds to them."""
    environment = environment_digest(notebooks[0].parents[1])
    waiting = {notebook: needs(notebook) for notebook in notebooks}
    keys: dict[str, Key] = {}
    while waiting:
        ready = [notebook for notebook, wanted in waiting.items() if keys.keys() >= set(wanted)]
        if not ready:
            raise BuildError(_entangled(waiting, [notebook.stem for notebook in notebooks]))
        for notebook in ready:
            own = dict(given[notebook.stem])
            data = data_digest(own.pop("source", ""))
            keys[notebook.stem] = chapter_key(
                notebook,
                own,
                data,
                environment,
                {name: keys[name] for name in waiting.pop(notebook)},
            )
    shell = sorted(file for file in HERE.iterdir() if file.is_file())
    page = page | {"shell": files_digest(shell), "notebooks": files_digest(list(notebooks))}
    return {"chapters": keys, "page": json.loads(json.dumps(page))}


def _entangled(waiting: Mapping[Path, Sequence[str]], there: Sequence[str]) -> str:
    for notebook, wanted in waiting.items():
        if unknown := sorted(set(wanted) - set(there)):
            return f"chapter {notebook.stem} needs {unknown[0]}, which is no chapter"
    return f"chapters {', '.join(notebook.stem for notebook in waiting)} wait for one another"


@contextmanager
def _alone(output: Path) -> Iterator[None]:
    """Refuses to work in a folder in which another build is at work; a build that was killed holds
    nothing back.
    """
    lock = FileLock(output / ".build.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BuildError(
            f"another build is writing to {output}; let it end, or name another folder with --out"
        ) from None
    try:
        sweep(output, age=0)
        for folder in ("", "chapters", "computed"):
            sweep(cache_folder() / folder)
        yield
    finally:
        lock.release()
