"""Runs one chapter by papermill, in a kernel of its own, and says honestly how far it came."""

import asyncio
import atexit
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode, v4
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, NotebookExecutionManager
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook


@dataclass(frozen=True)
class Run:
    """A chapter after its run.

    Attributes:
        notebook: with the outputs of the cells that ran; a cell that never ran has no execution
            count.
        fault: one sentence that says why the chapter did not reach its end; None if it did.
        log: what the chapter wrote to stderr, and the trace of its fault.
        seconds: how long it took; 0 if nothing was run.
    """

    notebook: NotebookNode
    fault: str | None = None
    log: str = ""
    seconds: float = 0.0


def prepare(notebook: Path, parameters: dict[str, Any]) -> NotebookNode:
    """The notebook as it will run: without outputs, and with a cell after its parameters that sets
    the given ones.
    """
    node: NotebookNode = load_notebook_node(str(notebook))
    for cell in node.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    if parameters:
        node = parameterize_notebook(node, parameters, kernel_name="python3", language="python")
        given = next(
            cell for cell in node.cells if "injected-parameters" in cell.metadata.get("tags", [])
        )
        given.id = "given-parameters"  # papermill draws one, and two runs would differ in it
    return node


class _Kernel(Engine):
    """papermill's own engine takes no environment and no folder for one kernel among several."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        *,
        begun: list[NotebookNode],
        started: Callable[[PapermillNotebookClient], object],
        timeout: float | None,
        folder: str,
        environment: dict[str, str],
        log_output: bool,
    ) -> None:
        client = PapermillNotebookClient(
            nb_man,
            on_cell_start=lambda cell, cell_index: begun.append(cell),
            timeout=timeout,
            kernel_name=kernel_name,
            shutdown_kernel="immediate",
            # the kernel mentions its unencrypted local port, which says nothing about the report
            extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
        )
        started(client)
        try:
            asyncio.run(client.async_execute(cwd=folder, env=environment))
        finally:
            atexit.unregister(
                client._cleanup_kernel
            )  # left registered where a kernel ended before it was ready, with an error of its own


def execute(
    node: NotebookNode,
    *,
    environment: dict[str, str] | None = None,
    timeout: float | None = None,
    started: Callable[[PapermillNotebookClient], object] = lambda client: None,
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
        # a fixed hash seed: sets print in the same order in every run; and nobody's own IPython
        # settings
        own = {"PYTHONHASHSEED": "0", "IPYTHONDIR": str(Path(folder, "ipython"))}
        try:
            _Kernel.execute_notebook(
                node,
                "python3",
                progress_bar=False,
                begun=begun,
                started=started,
                timeout=timeout,
                folder=folder,
                environment=os.environ | own | (environment or {}),
            )
        except CellExecutionError as error:
            return f"{error.ename}: {error.evalue}".rstrip(": \n").splitlines()[0]
        except CellTimeoutError:
            return _blame(
                begun, "Timeout", f"a cell took longer than the {timeout:g} s that it has"
            )
        except DeadKernelError:
            return _blame(
                begun,
                "Kernel died",
                "the process that ran the cells has ended: killed, or out of memory",
            )
        except (
            Exception
        ) as error:  # a kernel that does not start, a full disk: they have no common type
            return _blame(begun, type(error).__name__, str(error))
        finally:
            _forget(node)
    # an exit in the midst of a notebook is no error to the kernel, so only the counts tell that
    # every cell has run
    if any(
        cell.execution_count is None
        for cell in node.cells
        if cell.cell_type == "code" and cell.source.strip()
    ):
        return "it stopped before its last cell"
    return None


def _forget(node: NotebookNode) -> None:
    """Takes out what papermill notes of its run: times, which differ from run to run."""
    for part in (node, *node.cells):
        part.metadata.pop("papermill", None)


def kill(client: PapermillNotebookClient) -> None:
    """Ends a running kernel and all processes that it started."""
    provisioner = getattr(client.km, "provisioner", None)
    if provisioner is not None and provisioner.pid:
        with suppress(ProcessLookupError):
            os.killpg(provisioner.pid, signal.SIGKILL)  # a kernel leads a process group of its own


def _blame(begun: list[NotebookNode], name: str, message: str) -> str:
    """Writes a fault that left no trace into the cell that was running, and returns it as one
    sentence.
    """
    sentence = f"{name}: {message}".rstrip(": \n").splitlines()[0]
    if begun:
        begun[-1].outputs.append(
            v4.new_output("error", ename=name, evalue=message, traceback=[sentence])
        )
    return sentence
