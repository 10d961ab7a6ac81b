"""Chapter execution by papermill, each in a process of its own that ends with the build.

``python -m emolib.report.execution`` is that process: it reads one line of JSON (what to run), runs
it, and prints a line per cell and one at the end. When its stdin closes, because the build was
interrupted or killed, it ends its kernel and itself.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from time import sleep
from typing import Any

import nbformat
from nbformat import NotebookNode, v4

from emolib.report import ChapterError

DIED = "Kernel died: the process that ran the cells has ended: killed, or out of memory"
# Outputs depend on nothing of the user's: not the hash seed, time zone, locale or size of the
# terminal, nor the settings of IPython, Jupyter and Matplotlib, whose folders are empty ones.
FIXED = {
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
PATIENCE = 5  # seconds that a process has to end its kernel


def execute(
    notebook: Path,
    parameters: Mapping[str, Any],
    *,
    timeout: float | None = None,
    cell_begins: Callable[[str], object] = len,
    started: Callable[["subprocess.Popen[str]"], object] = id,
) -> NotebookNode:
    """Runs a notebook in an empty folder and returns it with its outputs.

    Args:
        notebook: the file, which is left as it is.
        parameters: replace those in the cell tagged ``parameters``.
        timeout: seconds that a cell may take; any time if None.
        cell_begins: is handed a line at the start of each code cell.
        started: is handed the process, for :func:`stop`.

    Raises:
        ChapterError: the notebook did not reach its end; one sentence, and the notebook as far as
            it came.
    """
    with TemporaryDirectory(prefix="emolib-") as folder:
        own = {name: str(Path(folder, name)) for name in FOLDERS}
        path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
        environment = {name: os.environ[name] for name in os.environ.keys() - set(DROPPED)}
        environment |= FIXED | own | {"PYTHONPATH": path.rstrip(os.pathsep)}
        out, errors = Path(folder, "executed.ipynb"), Path(folder, "stderr")
        with (
            errors.open("wb") as stderr,
            subprocess.Popen(
                [sys.executable, "-m", "emolib.report.execution"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                encoding="utf-8",
                errors="replace",
                cwd=folder,
                env=environment,
                start_new_session=True,  # Ctrl-C reaches the build alone, which ends this process
            ) as process,
        ):
            try:
                started(process)
                fault = _follow(
                    process, [str(notebook.resolve()), dict(parameters), timeout], cell_begins
                )
            finally:
                stop(process)
        node = nbformat.read(out, 4) if out.exists() else blank(notebook)
        if fault == DIED and not out.exists():
            last = errors.read_text(errors="replace").splitlines()[-1:]
            fault = f"{fault} ({last[0]})" if last else fault
    for part in (node, *node.cells):  # times and paths, which differ between runs
        part.metadata.pop("papermill", None)
    node.cells = [
        cell
        for cell in node.cells
        if "papermill-error-cell-tag" not in cell.metadata.get("tags", [])
    ]
    code = [cell for cell in node.cells if cell.cell_type == "code" and cell.source.strip()]
    # an exit in the midst of a notebook is no error to the kernel
    if fault is None and any(cell.execution_count is None for cell in code):
        fault = "it stopped before its last cell"
    if fault is not None:
        raise ChapterError(fault, node)
    return node


def blank(notebook: Path) -> NotebookNode:
    """A notebook without outputs, as before its run."""
    node: NotebookNode = nbformat.read(notebook, 4)
    for cell in node.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return node


def stop(process: "subprocess.Popen[str]") -> None:
    """Ends a process of :func:`execute` and its kernel, or waits for its end."""
    assert process.stdin
    process.stdin.close()
    try:
        process.wait(2 * PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()


def _follow(
    process: "subprocess.Popen[str]", task: list[Any], cell_begins: Callable[[str], object]
) -> str | None:
    """Hands the task over and reads lines until the last one, which says the fault, if any."""
    assert process.stdin and process.stdout
    with suppress(BrokenPipeError):  # it has ended already
        process.stdin.write(json.dumps(task) + "\n")
        process.stdin.flush()
        for line in process.stdout:
            if line == "cell\n":
                cell_begins(line)
            elif line.startswith('{"fault": '):
                fault: str | None = json.loads(line)["fault"]
                return fault
    return DIED


def _end_with_build() -> None:
    """Ends this process when the build closes its stdin or is gone."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)  # on which nbclient ends the kernel
    sleep(PATIENCE)
    os.kill(os.getpid(), signal.SIGKILL)


def _run(
    notebook: str, parameters: dict[str, Any], timeout: float | None
) -> tuple[NotebookNode, str | None]:
    """The notebook as far as it came, and one sentence where it did not reach its end."""
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from traitlets.config import Config

    seen: list[NotebookNode] = []
    begun: list[NotebookNode] = []

    def cell_starts(cell: NotebookNode, cell_index: int) -> None:
        if cell.cell_type == "code":
            begun.append(cell)
            print("cell", flush=True)

    try:
        node = papermill.execute_notebook(
            notebook,
            None,
            parameters,
            kernel_name="python3",
            request_save_on_cell_execute=False,
            progress_bar=False,
            execution_timeout=timeout,
            shutdown_kernel="immediate",
            on_notebook_start=lambda notebook: seen.append(notebook),
            on_cell_start=cell_starts,
            # the kernel mentions its local port, which says nothing about the report
            extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
            # ports of kernels that start side by side can clash; sockets in this folder cannot
            config=Config(
                {"KernelManager": {"transport": "ipc", "ip": "kernel"}}
                if sys.platform == "linux"
                else {}
            ),
        )
        return node, None
    except papermill.PapermillExecutionError as error:
        fault = f"{error.ename}: {error.evalue}"
    except CellTimeoutError:
        fault = f"Timeout: a cell took longer than the {timeout:g} s that it has"
    except DeadKernelError:
        fault = DIED
    # a kernel that does not start, a full disk: they have no common type
    except Exception as error:
        fault = f"{type(error).__name__}: {error}"
    sentence = fault.rstrip(": \n").splitlines()[0]
    if begun and not any(output.output_type == "error" for output in begun[-1].get("outputs", [])):
        name, _, message = fault.partition(": ")
        output = v4.new_output("error", ename=name, evalue=message, traceback=[sentence])
        begun[-1].outputs.append(output)
    return seen[-1] if seen else blank(Path(notebook)), sentence


if __name__ == "__main__":
    given = json.loads(sys.stdin.readline())
    Thread(target=_end_with_build, daemon=True).start()
    executed, sentence = _run(*given)
    nbformat.write(executed, "executed.ipynb")
    print(json.dumps({"fault": sentence}), flush=True)
