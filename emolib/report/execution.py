"""Runs one chapter by papermill, and shows in the terminal how far it has come."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from time import perf_counter
from typing import Any

from nbformat import NotebookNode
from papermill import PapermillExecutionError, execute_notebook
from tqdm import tqdm

from emolib.progress import INTERVAL, VARIABLE
from emolib.report.errors import BuildError


def execute(notebook: Path, parameters: dict[str, Any]) -> NotebookNode:
    """Runs a notebook in an empty folder.

    Args:
        notebook: the file; it stays as it is.
        parameters: what the notebook is given, by name.

    Returns:
        The notebook with its outputs.

    Raises:
        BuildError: a cell failed, the kernel died or the notebook stopped before its end; the cause holds the
            traceback.
    """
    with TemporaryDirectory(prefix="emolib-") as folder:
        state = Path(folder, "progress.json")
        # a fixed hash seed: sets print in the same order in every run
        with _environment({VARIABLE: str(state), "PYTHONHASHSEED": "0"}), _shown(notebook.stem, state):
            try:
                executed = execute_notebook(
                    notebook,
                    Path(folder, notebook.name),
                    parameters,
                    kernel_name="python3",
                    request_save_on_cell_execute=False,
                    progress_bar=False,
                    cwd=folder,
                    # the kernel mentions its unencrypted local port and each shutdown, which say nothing about the report
                    extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
                )
            except PapermillExecutionError as error:
                raise _failure(notebook, error.ename, error.evalue) from error
            except Exception as error:  # a dead kernel, a timeout, a broken file: they have no common type
                raise _failure(notebook, type(error).__name__, str(error)) from error
    # papermill takes sys.exit() for success, so only the counts tell that every cell has run
    code = [cell for cell in executed.cells if cell.cell_type == "code" and cell.source.strip()]
    if any(cell.execution_count is None for cell in code):
        raise BuildError(f"chapter {notebook.stem}: stopped before its last cell")
    return executed


def _failure(notebook: Path, name: str, message: str) -> BuildError:
    return BuildError(f"chapter {notebook.stem}: {name}: {message}".rstrip(": \n").splitlines()[0])


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _shown(chapter: str, state: Path) -> Iterator[None]:
    """Says on stderr when the chapter starts and ends; in a terminal, a moving line says what it is doing."""
    start, over = perf_counter(), Event()
    # papermill keeps the main thread, so that Ctrl-C reaches it and it stops the kernel
    bar = Thread(target=_draw, args=(chapter, state, over), daemon=True)
    if sys.stderr.isatty():
        bar.start()
    else:
        print(f"{chapter} …", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        over.set()
        if bar.is_alive():
            bar.join()
    print(f"{chapter}: {perf_counter() - start:.0f} s", file=sys.stderr, flush=True)


def _draw(chapter: str, state: Path, over: Event) -> None:
    label = None
    with tqdm(desc=chapter, leave=False, bar_format="{desc} {percentage:3.0f} % {bar} {remaining} left") as bar:
        while not over.wait(INTERVAL):
            if not state.exists():
                continue
            step = json.loads(state.read_text())
            if step["label"] != label or step["done"] < bar.n:
                label = step["label"]
                bar.reset(step["total"])
                bar.set_description_str(f"{chapter}: {label}", refresh=False)
            bar.update(step["done"] - bar.n)
            bar.refresh()
