"""Runs one chapter in a kernel of its own, and says honestly how far it came."""

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode, v4


@dataclass(frozen=True)
class Run:
    """A chapter after its run.

    Attributes:
        notebook: with the outputs of the cells that ran; a cell that never ran has no execution count.
        fault: one sentence that says why the chapter did not reach its end; None if it did.
        log: what the chapter wrote to stderr, and the trace of its fault.
        seconds: how long it took; 0 if nothing was run.
    """

    notebook: NotebookNode
    fault: str | None = None
    log: str = ""
    seconds: float = 0.0


def prepare(notebook: Path, parameters: dict[str, Any]) -> NotebookNode:
    """The notebook as it will run: without outputs, and with a cell after its parameters that sets the given ones."""
    node = nbformat.read(notebook, as_version=4)
    for cell in node.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    if parameters:
        given = v4.new_code_cell("\n".join(f"{name} = {value!r}" for name, value in parameters.items()))
        given.id = "given-parameters"
        tags = [cell.metadata.get("tags", []) for cell in node.cells]
        node.cells.insert(next(k for k, tag in enumerate(tags, 1) if "parameters" in tag), given)
    return node


def execute(
    node: NotebookNode,
    *,
    environment: dict[str, str] | None = None,
    timeout: float | None = None,
    started: Callable[[NotebookClient], object] = lambda client: None,
) -> str | None:
    """Runs a notebook, in place, in an empty folder.

    Args:
        node: from :func:`prepare`.
        environment: variables that the kernel gets besides those of this process.
        timeout: seconds that a cell may take; any time if None.
        started: is handed the client, which :func:`kill` takes.

    Returns:
        None if every cell has run to its end, or one sentence that says what happened.
    """
    with TemporaryDirectory(prefix="emolib-") as folder:
        begun: list[NotebookNode] = []
        client = NotebookClient(
            node,
            on_cell_start=lambda cell, cell_index: begun.append(cell),
            timeout=timeout,
            kernel_name="python3",
            shutdown_kernel="immediate",
            # the kernel mentions its unencrypted local port, which says nothing about the report
            extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
        )
        started(client)
        # a fixed hash seed: sets print in the same order in every run; and nobody's own IPython settings
        own = {"PYTHONHASHSEED": "0", "IPYTHONDIR": str(Path(folder, "ipython"))}
        try:
            asyncio.run(client.async_execute(cwd=folder, env=os.environ | own | (environment or {})))
        except CellExecutionError as error:
            return f"{error.ename}: {error.evalue}".rstrip(": \n").splitlines()[0]
        except CellTimeoutError:
            return _blame(begun, "Timeout", f"a cell took longer than the {timeout:g} s that it has")
        except DeadKernelError:
            return _blame(begun, "Kernel died", "the process that ran the cells has ended: killed, or out of memory")
        except Exception as error:  # a kernel that does not start, a full disk: they have no common type
            return _blame(begun, type(error).__name__, str(error))
    # an exit in the midst of a notebook is no error to the kernel, so only the counts tell that every cell has run
    if any(cell.execution_count is None for cell in node.cells if cell.cell_type == "code" and cell.source.strip()):
        return "it stopped before its last cell"
    return None


def kill(client: NotebookClient) -> None:
    """Ends a running kernel and all processes that it started."""
    provisioner = getattr(client.km, "provisioner", None)
    if provisioner is not None and provisioner.pid:
        try:
            os.killpg(provisioner.pid, signal.SIGKILL)  # a kernel leads a process group of its own
        except ProcessLookupError:
            pass


def _blame(begun: list[NotebookNode], name: str, message: str) -> str:
    """Writes a fault that left no trace into the cell that was running, and returns it as one sentence."""
    sentence = f"{name}: {message}".rstrip(": \n").splitlines()[0]
    if begun:
        begun[-1].outputs.append(v4.new_output("error", ename=name, evalue=message, traceback=[sentence]))
    return sentence
