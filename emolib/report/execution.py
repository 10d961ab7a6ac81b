"""Chapter execution by papermill, side by side, with a progress line."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from subprocess import DEVNULL
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any

import joblib
import nbformat
import papermill
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop, run_sync
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbconvert.preprocessors import ClearOutputPreprocessor
from nbformat import NotebookNode, v4
from tqdm import tqdm

from emolib.report import ChapterError
from emolib.utils.console import NAME

DIED = "Kernel died: the process that ran the cells has ended: killed, or out of memory"
GUESS = 30.0  # seconds for a chapter that has not run yet
# Outputs depend on nothing of the user's: not the hash seed, time zone, locale or size of the
# terminal, nor the settings of IPython, Jupyter and Matplotlib, whose folders are empty ones.
# A matrix product has one thread: chapters side by side use all cores already, and threads that
# wait for one another cost a product of 600 rows twenty times its time there.
FIXED = {
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "COLUMNS": "80",
    "LINES": "24",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "TQDM_DISABLE": "1",
}
FOLDERS = (
    "IPYTHONDIR",
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "MPLCONFIGDIR",
)
DROPPED = ("MATPLOTLIBRC", "PYTHONSTARTUP", "PYTHONWARNINGS")


logging.getLogger("papermill").addHandler(logging.NullHandler())  # a fault is told once, by run


class ChapterKernel(AsyncKernelManager):
    """Kernel of this Python, whatever others are installed; knows its client, to close it."""

    connected: Any = None

    def client(self, **options: Any) -> Any:
        """The client, which has to be closed before the kernel."""
        self.connected = super().client(**options)
        return self.connected


@dataclass
class Task:
    """A chapter, and how far it is.

    Attributes:
        notebook: its file.
        parameters: of the chapter.
        needs: names of the chapters that it runs after.
        why: the reason for its run.
        expected: seconds that it took the last time; None if unknown.
        node: the notebook with the outputs of the cells that ran; None before the run.
        fault: one sentence that says why it did not reach its end; None if it did.
        begun: the clock at its start; None before it.
        cells: those that have begun.
    """

    notebook: Path
    parameters: dict[str, Any]
    needs: tuple[str, ...]
    why: str = ""
    expected: float | None = None
    node: Any = None
    fault: str | None = None
    begun: float | None = None
    cells: list[NotebookNode] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Seconds since the start; 0 before it."""
        return 0.0 if self.begun is None else monotonic() - self.begun

    @property
    def left(self) -> float:
        """Seconds that it may still take: by the last run, or else by its cells."""
        whole = self.notebook.read_text(encoding="utf-8").count('"cell_type": ')
        by_cells = self.seconds * whole / max(len(self.cells), 1)
        return max((self.expected or max(GUESS, by_cells)) - self.seconds, 0.0)

    @property
    def stderr(self) -> str:
        """What the chapter wrote to stderr, and the trace of its fault."""
        cells = self.node.cells if self.node else []
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        return "".join(
            "\n".join([*output.traceback, ""]) if output.output_type == "error" else output.text
            for output in outputs
            if output.output_type == "error" or output.get("name") == "stderr"
        )


def run(tasks: dict[str, Task], timeout: float | None, done: Callable[[str], object]) -> None:
    """Runs tasks on as many cores as there are, and fills in their ``node`` or ``fault``.

    Args:
        tasks: by name, in the order in which they start where there is a choice, those that others
            need first. One whose needs failed is not run, and has a fault that names them.
        timeout: seconds that a cell may take.
        done: is handed the name of each task as it ends.

    Raises:
        KeyboardInterrupt: Ctrl-C; no kernel is left, and the message says how many tasks are done.
    """
    order = TopologicalSorter({name: set(task.needs) & set(tasks) for name, task in tasks.items()})
    order.prepare()
    needed = {need for task in tasks.values() for need in task.needs}
    ready: list[str] = []
    running: dict[Future[None], str] = {}
    kernels: list[ChapterKernel] = []

    def work(name: str) -> None:
        task = tasks[name]
        if broken := [need for need in task.needs if need in tasks and tasks[need].fault]:
            needs = " and ".join(broken)
            task.fault = f"not run: it needs chapter {needs}, which did not reach its end"
            task.node = blank(task.notebook)
            return
        tell(f"{name} … ({task.why})")
        task.begun = monotonic()
        try:
            task.node = execute(task.notebook, task.parameters, timeout, task.cells, kernels)
        except ChapterError as error:
            task.node, task.fault = error.notebook, str(error)

    with _bar(len(tasks)) as bar, ThreadPoolExecutor(joblib.cpu_count()) as pool:
        try:
            while order.is_active():
                ready = sorted([*ready, *order.get_ready()], key=lambda name: name not in needed)
                while ready and len(running) < joblib.cpu_count():
                    name = ready.pop(0)
                    running[pool.submit(work, name)] = name
                _show(bar, tasks)
                for future in wait(running, timeout=0.5, return_when=FIRST_COMPLETED).done:
                    name = running.pop(future)
                    future.result()
                    done(name)
                    tell(f"{name}: {tasks[name].fault or f'{tasks[name].seconds:.0f} s'}")
                    said = tasks[name].stderr.splitlines()  # by the library, to whom it may concern
                    tell(*(line for line in said if line.startswith(f"{NAME}: ")))
                    order.done(name)
        except BaseException as error:  # Ctrl-C above all: no kernel outlives the build
            while not all(future.done() for future in running):
                for kernel in kernels:
                    with suppress(Exception):  # it has not begun yet, or has ended meanwhile
                        run_sync(kernel.signal_kernel)(signal.SIGKILL)
                sleep(0.1)
            if isinstance(error, KeyboardInterrupt):
                count = sum(task.node is not None and task.fault is None for task in tasks.values())
                raise KeyboardInterrupt(
                    f"stopped: {count} of {len(tasks)} chapters are done and kept, and so are the "
                    "networks trained so far; the next build goes on from there"
                ) from error
            raise


def execute(
    notebook: Path,
    parameters: Mapping[str, Any],
    timeout: float | None = None,
    cells: list[NotebookNode] | None = None,
    kernels: list[ChapterKernel] | None = None,
) -> NotebookNode:
    """Runs a notebook in an empty folder and returns it with its outputs.

    Args:
        notebook: the file, which is left as it is.
        parameters: replace those in the cell tagged ``parameters``.
        timeout: seconds that a cell may take; any time if None.
        cells: gets each cell as it begins.
        kernels: gets the kernel before it starts, for whoever may have to end it.

    Raises:
        ChapterError: the notebook did not reach its end; one sentence, and the notebook as far as
            it came.
    """
    begun: list[NotebookNode] = [] if cells is None else cells
    seen, fault = [blank(notebook)], ""
    with TemporaryDirectory(prefix="emolib-", ignore_cleanup_errors=True) as folder:
        kernel = ChapterKernel(
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
            connection_file=str(Path(folder, "kernel.json")),
        )
        # ports of kernels that start side by side can clash; sockets in this folder cannot
        if sys.platform == "linux" and len(folder) < 90:  # of the 107 that a socket's name may have
            kernel.transport, kernel.ip = "ipc", str(Path(folder, "kernel"))
        if kernels is not None:
            kernels.append(kernel)
        try:
            run_sync(kernel.start_kernel)(
                # the kernel mentions its local port, which says nothing about the report
                extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
                cwd=folder,
                env=_environment(folder),
                stdout=DEVNULL,
                stderr=DEVNULL,
            )
            papermill.execute_notebook(
                notebook,
                None,
                dict(parameters),
                kernel_name="python3",
                request_save_on_cell_execute=False,
                progress_bar=False,
                execution_timeout=timeout,
                km=kernel,
                on_notebook_start=lambda notebook: seen.append(notebook),
                on_cell_start=lambda cell, cell_index: begun.append(cell),
            )
        except papermill.PapermillExecutionError as error:
            fault = f"{error.ename}: {error.evalue}"
        except CellTimeoutError:
            fault = f"Timeout: a cell took longer than the {timeout:g} s that it has"
        except DeadKernelError:
            fault = DIED
        # a kernel that does not start, a full disk: they have no common type
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
        finally:
            if kernel.connected:
                kernel.connected.stop_channels()
            run_sync(kernel.shutdown_kernel)(now=True)
            ensure_event_loop().close()  # in which this thread has waited for the kernel
    node = seen[-1]
    for part in (node, *node.cells):  # times and paths, which differ between runs
        part.metadata.pop("papermill", None)
    node.cells = [
        cell
        for cell in node.cells
        if "papermill-error-cell-tag" not in cell.metadata.get("tags", [])
    ]
    code = [cell for cell in node.cells if cell.cell_type == "code" and cell.source.strip()]
    # an exit in the midst of a notebook is no error to the kernel
    if not fault and any(cell.execution_count is None for cell in code):
        raise ChapterError("it stopped before its last cell", node)
    if fault:
        sentence = fault.rstrip(": \n").splitlines()[0]
        shown = begun[-1].get("outputs", []) if begun else []
        if not any(output.output_type == "error" for output in shown):
            name, _, message = fault.partition(": ")
            shown.append(v4.new_output("error", ename=name, evalue=message, traceback=[sentence]))
        raise ChapterError(sentence, node)
    return node


def blank(notebook: Path) -> NotebookNode:
    """A notebook without outputs, as before its run."""
    node: NotebookNode = ClearOutputPreprocessor().preprocess(nbformat.read(notebook, 4), {})[0]
    return node


def tell(*lines: str) -> None:
    """Prints lines above the bar."""
    for line in lines:
        tqdm.write(line, file=sys.stderr)


def _environment(folder: str) -> dict[str, str]:
    """The variables of a kernel that keeps its settings in ``folder``."""
    own = {name: str(Path(folder, name)) for name in FOLDERS}
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    users = {name: os.environ[name] for name in os.environ.keys() - set(DROPPED)}
    return users | FIXED | own | {"PYTHONPATH": path.rstrip(os.pathsep)}


def _bar(total: int) -> "tqdm[Any]":
    """A bar for a terminal; a log has none."""
    return tqdm(
        total=total,
        bar_format="{desc} {bar} {n_fmt} of {total_fmt} chapters{postfix}",
        leave=False,
        dynamic_ncols=True,
        disable=not sys.stderr.isatty(),
    )


def _show(bar: "tqdm[Any]", tasks: dict[str, Task]) -> None:
    """The chapters at work, how many are done, and the time left on the cores there are."""
    ahead = {name: task for name, task in tasks.items() if task.node is None}
    at_work = [name for name, task in ahead.items() if task.begun]
    left = [task.left for task in ahead.values()] or [0.0]
    seconds = max(sum(left) / joblib.cpu_count(), *left)
    bar.n = len(tasks) - len(ahead)
    bar.set_postfix_str(f"about {tqdm.format_interval(seconds)} left", refresh=False)
    more = f" and {len(at_work) - 2} more" if len(at_work) > 2 else ""
    bar.set_description_str(", ".join(at_work[:2]) + more)
