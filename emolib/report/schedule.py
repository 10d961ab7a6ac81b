"""Chapters side by side: each begins when those that it needs have ended, and a line in the
terminal shows which are at work and about how long the build still takes.
"""

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from subprocess import Popen
from time import monotonic
from typing import Any

import joblib
from nbformat import NotebookNode
from tqdm import tqdm

from emolib.report import ChapterError
from emolib.report.execution import blank, execute, stop
from emolib.utils.console import NAME

GUESS = 30.0  # seconds for a chapter that has not run yet


@dataclass
class Task:
    """A chapter to run, and how far it is.

    Attributes:
        notebook: its file.
        parameters: of the chapter.
        needs: names of the chapters that it runs after.
        why: the reason for the run.
        expected: seconds that it took the last time; None if unknown.
        cells: code cells that it has.
        reached: code cells that have begun.
        begun: the clock at its start.
    """

    notebook: Path
    parameters: dict[str, Any]
    needs: tuple[str, ...]
    why: str
    expected: float | None = None
    cells: int = 1
    reached: int = 0
    begun: float | None = None

    def next_cell(self) -> None:
        """Counts a cell that begins."""
        self.reached += 1

    @property
    def took(self) -> float:
        """Seconds since the start; 0 before it."""
        return 0.0 if self.begun is None else monotonic() - self.begun

    @property
    def left(self) -> float:
        """Seconds that it may still take: by the last run, or else by its cells."""
        by_cells = self.took * (self.cells - self.reached) / max(self.reached, 1)
        expected = self.expected or max(GUESS, self.took + by_cells)
        return max(expected - self.took, 0.0)


@dataclass(frozen=True)
class Run:
    """A chapter after its run.

    Attributes:
        notebook: with the outputs of the cells that ran.
        fault: one sentence that says why it did not reach its end; None if it did.
        seconds: its duration.
    """

    notebook: NotebookNode
    fault: str | None
    seconds: float

    @property
    def stderr(self) -> str:
        """What the chapter wrote to stderr, and the trace of its fault."""
        said = []
        for cell in self.notebook.cells:
            for output in cell.get("outputs", []):
                if output.output_type == "stream" and output.name == "stderr":
                    said.append(output.text)
                elif output.output_type == "error":
                    said.append("\n".join(output.traceback) + "\n")
        return "".join(said)


def run(
    tasks: dict[str, Task], timeout: float | None, done: Callable[[str, Run], object]
) -> dict[str, Run]:
    """Runs every task on as many cores as there are, or says why it could not.

    Args:
        tasks: by name, in the order in which they start where there is a choice.
        timeout: seconds that a cell may take.
        done: is handed each task as it ends.

    Returns:
        A run for each task, by name. A task whose needs failed has a fault that names them.

    Raises:
        KeyboardInterrupt: Ctrl-C; no kernel is left, and the message says how many tasks are done.
    """
    order = TopologicalSorter({name: set(task.needs) & set(tasks) for name, task in tasks.items()})
    order.prepare()
    runs: dict[str, Run] = {}
    waiting: list[str] = []
    running: dict[Future[NotebookNode], str] = {}
    processes: list[Popen[str]] = []
    stopped = False

    def started(process: Popen[str]) -> None:
        processes.append(process)
        if stopped:  # the interrupt came between the start of the thread and that of the process
            stop(process)

    def end(name: str, result: Run) -> None:
        runs[name] = result
        done(name, result)
        said = result.fault or f"{result.seconds:.0f} s"
        _tell(f"{name}: {said}")
        for line in result.stderr.splitlines():
            if line.startswith(f"{NAME}: "):  # said by the library, to whom it may concern
                _tell(line)
        order.done(name)

    with _bar(len(tasks)) as bar, ThreadPoolExecutor(joblib.cpu_count()) as pool:
        try:
            while order.is_active():
                ready = {*waiting, *order.get_ready()}
                waiting = [name for name in tasks if name in ready]
                while waiting and len(running) < joblib.cpu_count():
                    name = waiting.pop(0)
                    task = tasks[name]
                    if broken := [need for need in task.needs if need in runs and runs[need].fault]:
                        needed = " and ".join(broken)
                        fault = f"not run: it needs chapter {needed}, which did not reach its end"
                        end(name, Run(blank(task.notebook), fault, 0.0))
                        continue
                    _tell(f"{name} … ({task.why})")
                    task.begun = monotonic()
                    future = pool.submit(
                        execute,
                        task.notebook,
                        task.parameters,
                        timeout=timeout,
                        cell_begins=task.next_cell,
                        started=started,
                    )
                    running[future] = name
                _show(bar, tasks, runs, list(running.values()))
                for future in wait(running, timeout=0.5, return_when=FIRST_COMPLETED).done:
                    name = running.pop(future)
                    try:
                        result = Run(future.result(), None, tasks[name].took)
                    except ChapterError as error:
                        result = Run(
                            error.notebook or blank(tasks[name].notebook),
                            str(error),
                            tasks[name].took,
                        )
                    end(name, result)
        except BaseException as error:  # Ctrl-C above all: no kernel outlives the build
            stopped = True
            for process in list(processes):
                stop(process)
            if isinstance(error, KeyboardInterrupt):
                raise KeyboardInterrupt(
                    f"stopped: {len(runs)} of {len(tasks)} chapters are done and kept, and so are "
                    "the networks trained so far; the next build goes on from there"
                ) from error
            raise
    return runs


def _tell(line: str) -> None:
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


def _show(
    bar: "tqdm[Any]", tasks: dict[str, Task], runs: dict[str, Run], running: Sequence[str]
) -> None:
    """The chapters at work, how many are done, and the time left on the cores there are."""
    left = [task.left for name, task in tasks.items() if name not in runs] or [0.0]
    seconds = max(sum(left) / joblib.cpu_count(), *left)
    bar.n = len(runs)
    bar.set_postfix_str(f"about {tqdm.format_interval(seconds)} left", refresh=False)
    more = f" and {len(running) - 2} more" if len(running) > 2 else ""
    bar.set_description_str(", ".join(running[:2]) + more)
