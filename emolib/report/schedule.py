"""Chapters side by side: each begins when those that it needs have ended, and a line in the
terminal shows which are at work and about how long the build still takes.
"""

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from subprocess import Popen
from threading import Event
from time import monotonic
from typing import Any

import joblib
from tqdm import tqdm

from emolib.report import ChapterError
from emolib.report.execution import blank, execute, stop
from emolib.utils.console import NAME

GUESS = 30.0  # seconds for a chapter that has not run yet


@dataclass
class Task:
    """A chapter, and how far it is.

    Attributes:
        notebook: its file.
        parameters: of the chapter.
        needs: names of the chapters that it runs after.
        key: of everything that its outputs depend on, see :mod:`emolib.report.keys`.
        why: the reason for its run.
        expected: seconds that it took the last time; None if unknown.
        node: the notebook with the outputs of the cells that ran; None before the run.
        fault: one sentence that says why it did not reach its end; None if it did.
        begun: the clock at its start; None before it.
        cells: a line for each code cell that has begun.
    """

    notebook: Path
    parameters: dict[str, Any]
    needs: tuple[str, ...]
    key: dict[str, Any] = field(default_factory=dict)
    why: str = ""
    expected: float | None = None
    node: Any = None
    fault: str | None = None
    begun: float | None = None
    cells: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Seconds since the start; 0 before it."""
        return 0.0 if self.begun is None else monotonic() - self.begun

    @property
    def left(self) -> float:
        """Seconds that it may still take: by the last run, or else by its cells."""
        whole = self.notebook.read_text(encoding="utf-8").count('"cell_type": "code"')
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
        tasks: by name, in the order in which they start where there is a choice. One whose needs
            failed is not run, and has a fault that names them.
        timeout: seconds that a cell may take.
        done: is handed the name of each task as it ends.

    Raises:
        KeyboardInterrupt: Ctrl-C; no kernel is left, and the message says how many tasks are done.
    """
    order = TopologicalSorter({name: set(task.needs) & set(tasks) for name, task in tasks.items()})
    order.prepare()
    waiting: list[str] = []
    running: dict[Future[None], str] = {}
    processes: list[Popen[str]] = []
    stopped = Event()

    def started(process: Popen[str]) -> None:
        processes.append(process)
        if stopped.is_set():  # the interrupt came before the process
            stop(process)

    def work(task: Task) -> None:
        try:
            task.node = execute(
                task.notebook,
                task.parameters,
                timeout=timeout,
                cell_begins=task.cells.append,
                started=started,
            )
        except ChapterError as error:
            task.node, task.fault = error.notebook, str(error)

    def end(name: str) -> None:
        done(name)
        tell(f"{name}: {tasks[name].fault or f'{tasks[name].seconds:.0f} s'}")
        # said by the library, to whom it may concern
        tell(*(line for line in tasks[name].stderr.splitlines() if line.startswith(f"{NAME}: ")))
        order.done(name)

    with _bar(len(tasks)) as bar, ThreadPoolExecutor(joblib.cpu_count()) as pool:
        try:
            while order.is_active():
                ready = {*waiting, *order.get_ready()}
                waiting = [name for name in tasks if name in ready]
                while waiting and len(running) < joblib.cpu_count():
                    name = waiting.pop(0)
                    task = tasks[name]
                    if broken := [need for need in task.needs if tasks.get(need, task).fault]:
                        needed = " and ".join(broken)
                        task.fault = (
                            f"not run: it needs chapter {needed}, which did not reach its end"
                        )
                        task.node = blank(task.notebook)
                        end(name)
                        continue
                    tell(f"{name} … ({task.why})")
                    task.begun = monotonic()
                    running[pool.submit(work, task)] = name
                _show(bar, tasks, list(running.values()))
                for future in wait(running, timeout=0.5, return_when=FIRST_COMPLETED).done:
                    name = running.pop(future)
                    future.result()
                    end(name)
        except BaseException as error:  # Ctrl-C above all: no kernel outlives the build
            stopped.set()
            for process in list(processes):
                stop(process)
            if isinstance(error, KeyboardInterrupt):
                count = sum(task.node is not None and task.fault is None for task in tasks.values())
                raise KeyboardInterrupt(
                    f"stopped: {count} of {len(tasks)} chapters are done and kept, and so are the "
                    "networks trained so far; the next build goes on from there"
                ) from error
            raise


def tell(*lines: str) -> None:
    """Prints lines above the bar."""
    for line in lines:
        tqdm.write(line, file=sys.stderr)
    sys.stderr.flush()


def _bar(total: int) -> "tqdm[Any]":
    """A bar for a terminal; a log has none."""
    return tqdm(
        total=total,
        bar_format="{desc} {bar} {n_fmt} of {total_fmt} chapters{postfix}",
        leave=False,
        dynamic_ncols=True,
        disable=not sys.stderr.isatty(),
    )


def _show(bar: "tqdm[Any]", tasks: dict[str, Task], running: Sequence[str]) -> None:
    """The chapters at work, how many are done, and the time left on the cores there are."""
    left = [task.left for task in tasks.values() if task.node is None] or [0.0]
    seconds = max(sum(left) / joblib.cpu_count(), *left)
    bar.n = len(tasks) - len(left)
    bar.set_postfix_str(f"about {tqdm.format_interval(seconds)} left", refresh=False)
    more = f" and {len(running) - 2} more" if len(running) > 2 else ""
    bar.set_description_str(", ".join(running[:2]) + more)
