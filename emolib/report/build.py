"""Notebooks in, one HTML out: runs the chapters, composes the page, and publishes it only when it is whole."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, TextIO

from emolib.report.chapter import Chapter, convert_chapter
from emolib.report.errors import BuildError
from emolib.report.execution import execute
from emolib.report.page import check_ids, compose
from emolib.report.parameters import check, declared


def build(
    notebooks: Sequence[Path],
    parameters: dict[str, Any],
    output: Path,
    *,
    title: str,
    provenance: dict[str, Any],
    name: str = "report",
    required: Sequence[str] = (),
) -> Path:
    """Runs notebooks in order and writes ``<name>.html`` and ``results.json`` into one folder.

    The same inputs give the same bytes; a build that fails leaves what was there untouched. Durations, what the
    chapters wrote to stderr, and the traceback of a failure go to ``build.log``.

    Args:
        notebooks: the chapters, in the order of the page.
        parameters: each notebook gets those that it declares.
        output: the folder, made when missing.
        title: of the page.
        provenance: shown as the last section; in it ``data_source`` (str) is the subtitle and ``banner`` (str), if
            there, stands above everything.
        name: of the HTML file, without its suffix.
        required: ids that must be on the page, every one.

    Returns:
        The path of the HTML file.

    Raises:
        BuildError: one sentence that says which chapter or parameter is at fault.
    """
    check(parameters, notebooks)
    output.mkdir(parents=True, exist_ok=True)
    with (output / "build.log").open("w", encoding="utf-8") as log:
        try:
            chapters = [_chapter(notebook, parameters, log) for notebook in notebooks]
            page = compose(title, chapters, provenance)
            check_ids(page, required)
            results = _gather(chapters) | {"provenance": provenance}
        except BuildError as error:
            log.write(f"{error}\n{error.__cause__ or ''}\n")
            raise
    report = output / f"{name}.html"
    _publish({
        report: page,
        output / "results.json": json.dumps(results, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
    })  # fmt: skip
    return report


def _chapter(notebook: Path, parameters: dict[str, Any], log: TextIO) -> Chapter:
    given = {name: parameters[name] for name in declared(notebook) if name in parameters}
    start = perf_counter()
    executed = execute(notebook, given)
    log.write(f"{notebook.stem}: {perf_counter() - start:.1f} s\n")
    log.writelines(
        output.text
        for cell in executed.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream" and output.name == "stderr"
    )
    return convert_chapter(executed, notebook.stem, given)


def _gather(chapters: Sequence[Chapter]) -> dict[str, Any]:
    results: dict[str, Any] = {}
    for chapter in chapters:
        if twice := chapter.results.keys() & results.keys():
            raise BuildError(f"more than one chapter publishes {', '.join(sorted(twice))}")
        results |= chapter.results
    return results


def _publish(files: dict[Path, str]) -> None:
    """Puts all ``files`` in place, each in one move, after every one of them has been written."""
    fresh = {file: file.with_name(f".{file.name}.tmp") for file in files}
    try:
        for file, content in files.items():
            fresh[file].write_text(content, encoding="utf-8")
        for file in files:
            os.replace(fresh[file], file)
    finally:
        for leftover in fresh.values():
            leftover.unlink(missing_ok=True)
