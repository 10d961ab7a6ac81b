"""Chapter execution by papermill, side by side, with a progress line."""

import json
import logging
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any

import joblib
import nbformat
import papermill
import psutil
from jupyter_core.utils import ensure_event_loop
from nbclient.exceptions import DeadKernelError
from nbconvert.preprocessors import ClearOutputPreprocessor
from nbformat import NotebookNode
from tqdm import tqdm

from emolib.report import ChapterError
from emolib.report.cards import PUBLISHED, RESULTS
from emolib.report.kernels import ChapterKernel
from emolib.report.plan import Task
from emolib.utils import NAME

TIMEOUT = 12 * 3600  # seconds per cell; the longest of PROFILE=full takes a fraction of it
KEPT = 100  # executed notebooks: going back to earlier data or parameters runs nothing again

logging.getLogger("papermill").addHandler(logging.NullHandler())  # a fault is told once, by run


def run(tasks: Mapping[str, Task], folder: Path) -> None:
    """Runs tasks on as many cores as there are, and fills in their ``node`` and ``fault``.

    Args:
        tasks: by name, each after those that it needs, which is the order in which they start. One
            whose needs failed is not run, and has a fault that names them.
        folder: keeps executed notebooks under their keys; a task that is there is not run again.

    Raises:
        KeyboardInterrupt: Ctrl-C; no kernel is left, and the message says how many tasks are done.
    """
    memory = joblib.Memory(folder, verbose=0, compress=True)
    chapter = memory.cache(_chapter, ignore=["task", "given", "bar"])
    futures: dict[str, Future[list[str]]] = {}

    def work(name: str) -> list[str]:
        task = tasks[name]
        wait(futures[need] for need in task.needs)
        if broken := [need for need in task.needs if tasks[need].fault]:
            task.fault = (
                f"not run: it needs chapter {' and '.join(broken)}, which did not reach its end"
            )
        else:
            if task.why:
                tqdm.write(f"{name} … ({task.why})", file=sys.stderr)
            given = {
                key: results
                for need in task.needs
                for key, results in published(tasks[need].node).items()
            }
            task.seconds -= monotonic()
            try:
                ran = chapter(task.key, task, given, bar)
            except ChapterError as error:
                ran, task.fault = error.notebook, str(error)
            task.seconds += monotonic()
            code = (cell for cell in ran.cells if cell.cell_type == "code")
            task.node.cells = [
                next(code, cell) if cell.cell_type == "code" else cell for cell in task.node.cells
            ]
        # by the library, to whom it may concern
        said = re.findall(rf"^{NAME}: .*", stderr(task.node), flags=re.M)
        return [f"{name}: {task.fault or f'{task.seconds:.0f} s'}", *said] if task.why else []

    for task in tasks.values():
        task.node, _ = ClearOutputPreprocessor().preprocess(
            papermill.execute_notebook(task.notebook, None, task.parameters, prepare_only=True), {}
        )
        if chapter.check_call_in_cache(task.key, task, {}, None):
            task.why = ""
    with (
        warnings.catch_warnings(action="ignore"),  # of joblib: a damaged entry, a full disk
        tqdm(
            total=sum(len(task.node.cells) for task in tasks.values() if task.why),
            # back to the start of the line, or the echo of Ctrl-C wraps it and the bar stays
            bar_format="{desc} {bar} about {remaining} left\r",
            smoothing=0,
            leave=False,
            dynamic_ncols=True,
            disable=not sys.stderr.isatty(),  # a log has none
        ) as bar,
        ThreadPoolExecutor(joblib.cpu_count()) as pool,
    ):
        try:
            for name in tasks:
                futures[name] = pool.submit(work, name)
            pending = set(futures.values())
            while pending:
                at_work = [name for name, task in tasks.items() if task.seconds < 0]
                count = f"{len(tasks) - len(pending)} of {len(tasks)} chapters done"
                bar.set_description_str(", ".join([count, *at_work[:2]]))
                done, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
                for line in [line for future in done for line in future.result()]:
                    tqdm.write(line, file=sys.stderr)
        except KeyboardInterrupt:
            whole = sum(future.done() and not tasks[name].fault for name, future in futures.items())
            pool.shutdown(wait=False, cancel_futures=True)
            while not all(future.done() for future in futures.values()):
                for child in psutil.Process().children(recursive=True):
                    with suppress(psutil.NoSuchProcess):
                        child.kill()
                sleep(0.1)
            raise KeyboardInterrupt(
                f"stopped: {whole} of {len(tasks)} chapters are done and kept, and so are the "
                "networks trained so far; the next build goes on from there"
            ) from None
    memory.reduce_size(items_limit=KEPT)


def published(notebook: NotebookNode) -> dict[str, Any]:
    """Results that an executed notebook published, by name."""
    return {
        name: result
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        for name, result in output.get("data", {}).get(RESULTS, {}).items()
    }


def stderr(notebook: NotebookNode) -> str:
    """What an executed notebook wrote to stderr, and the trace of its fault."""
    return "".join(
        "\n".join([*output.traceback, ""]) if output.output_type == "error" else output.text
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "error" or output.get("name") == "stderr"
    )


def _chapter(
    key: dict[str, str], task: Task, given: dict[str, Any], bar: "tqdm[Any]"
) -> NotebookNode:
    """An executed chapter, which joblib keeps under its key."""
    return execute(task.notebook, task.parameters, TIMEOUT, lambda **_: bar.update(), given=given)


def execute(
    notebook: Path,
    parameters: Mapping[str, Any],
    timeout: float | None = None,
    begin: Callable[..., object] | None = None,
    given: Mapping[str, Any] | None = None,
) -> NotebookNode:
    """Runs a notebook in a folder of its own and returns it with its outputs.

    Args:
        notebook: the file, which is left as it is.
        parameters: replace those in the cell tagged ``parameters``.
        timeout: seconds that a cell may take; any time if None.
        begin: is handed each ``cell`` and its ``cell_index`` as it begins.
        given: results of other notebooks, see :func:`emolib.report.cards.published`.

    Raises:
        ChapterError: the notebook did not reach its end; one sentence, and the notebook as far as
            it came.
    """
    seen, fault = [nbformat.read(notebook, 4)], ""
    with TemporaryDirectory(prefix="emolib-", ignore_cleanup_errors=True) as folder:
        Path(folder, PUBLISHED).write_text(json.dumps(given or {}), encoding="utf-8")
        try:
            papermill.execute_notebook(
                notebook,
                None,
                dict(parameters),
                kernel_name="python3",
                request_save_on_cell_execute=False,
                progress_bar=False,
                execution_timeout=timeout,
                kernel_manager_class=ChapterKernel,
                # the kernel mentions its local port, which says nothing about the report
                extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
                shutdown_kernel="immediate",
                store_widget_state=False,  # of bars that no page shows, under random ids
                resources={"metadata": {"path": folder}},
                on_notebook_start=lambda notebook: seen.append(notebook),
                on_cell_start=begin,
            )
        except papermill.PapermillExecutionError as error:
            fault = f"{error.ename}: {error.evalue}"
        except DeadKernelError:
            fault = (
                "Kernel died: the process that ran the cells has ended: killed, or out of memory"
            )
        # a cell that takes too long, a kernel that does not start: they have no common type
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
        finally:
            ensure_event_loop().close()  # in which this thread has waited for the kernel
    node: NotebookNode = seen[-1]
    # an exit in the midst of a notebook is no error to the kernel
    if not fault and any(
        cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None
        for cell in node.cells
    ):
        fault = "it stopped before its last cell"
    if fault:
        raise ChapterError(fault.rstrip(": \n").splitlines()[0], node)
    return node
