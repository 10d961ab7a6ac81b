"""Runs chapters side by side within the cores; a chapter that needs others waits for them, and for
nobody else.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import NoReturn

import joblib
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient
from tqdm import tqdm

from emolib.report.execution import Run, execute, kill
from emolib.training import cores
from emolib.utils.console import NAME
from emolib.utils.progress import INTERVAL
from emolib.utils.progress import VARIABLE as PROGRESS


@dataclass(frozen=True)
class Task:
    """A chapter to run.

    Attributes:
        name: of the chapter.
        node: the prepared notebook; a run fills in its outputs.
        needs: names of the chapters that it runs after.
        why: the reason, for the person who waits.
    """

    name: str
    node: NotebookNode
    needs: tuple[str, ...] = ()
    why: str = ""


def run(
    tasks: Sequence[Task],
    *,
    ready: Iterable[str] = (),
    timeout: float | None = None,
    done: Callable[[Task, Run], object] = lambda task, run: None,
) -> dict[str, Run]:
    """Runs every task, or says why it could not.

    Args:
        tasks: in the order in which they start where there is a choice.
        ready: names of chapters that need no run.
        timeout: seconds that a cell may take.
        done: is told of each task as it ends.

    Returns:
        A run for each task, by name. A task whose needs failed has a fault that names them.
    """
    runs: dict[str, Run] = {}
    waiting, finished = list(tasks), set(ready)
    clients: dict[str, PapermillNotebookClient] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="emolib-")))
        shown = stack.enter_context(_shown(folder))
        environment = cores.share_out(folder / "cores")
        pool = stack.enter_context(ThreadPoolExecutor(max(joblib.cpu_count(), 1)))
        running: dict[Future[Run], Task] = {}

        def work(task: Task) -> Run:
            start = perf_counter()
            own = environment | {PROGRESS: str(folder / f"{task.name}.json")}
            fault = execute(
                task.node,
                environment=own,
                timeout=timeout,
                started=lambda client: clients.update({task.name: client}),
            )
            return Run(task.node, fault, _log(task.node), perf_counter() - start)

        def settle(task: Task, run: Run) -> None:
            runs[task.name] = run
            shown.end(task.name, run)
            if run.fault is None:
                finished.add(task.name)
            done(task, run)

        try:
            while waiting or running:
                for task in list(waiting):
                    broken = [
                        name for name in task.needs if name in runs and runs[name].fault is not None
                    ]
                    if broken:
                        waiting.remove(task)
                        settle(
                            task,
                            Run(
                                task.node,
                                f"not run: it needs chapter {' and '.join(broken)}, which did not reach its end",
                            ),
                        )
                    elif finished.issuperset(task.needs) and len(running) < joblib.cpu_count():
                        waiting.remove(task)
                        shown.start(task)
                        running[pool.submit(work, task)] = task
                ended, _ = wait(running, timeout=INTERVAL, return_when=FIRST_COMPLETED)
                shown.refresh()
                for future in ended:
                    settle(running.pop(future), future.result())
        except BaseException:  # Ctrl-C above all: no kernel outlives the build
            while wait(
                running, timeout=INTERVAL
            ).not_done:  # a kernel may be on its way when it is told to end
                for client in list(clients.values()):
                    kill(client)
            raise
    return runs


def _log(node: NotebookNode) -> str:
    said = []
    for cell in node.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                said.append(output.text)
            elif output.output_type == "error":
                said.append("\n".join(output.traceback) + "\n")
    return "".join(said)


class _Screen:
    """Says on stderr when a chapter starts and ends; in a terminal, a bar for each shows what it is
    doing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bars: dict[str, tqdm[NoReturn]] = {}
        self.moving = sys.stderr.isatty()

    def start(self, task: Task) -> None:
        print(
            f"{task.name} … {f'({task.why})' if task.why else ''}".rstrip(),
            file=sys.stderr,
            flush=True,
        )
        if self.moving:
            self.bars[task.name] = tqdm(
                desc=task.name,
                leave=False,
                bar_format="{desc} {percentage:3.0f} % {bar} {remaining} left",
            )

    def refresh(self) -> None:
        for chapter, bar in self.bars.items():
            try:
                step = json.loads((self.folder / f"{chapter}.json").read_text())
            except (OSError, ValueError):
                continue
            description = f"{chapter}: {step['label']}"
            if bar.desc != description or step["done"] < bar.n:
                bar.reset(step["total"])
                bar.set_description_str(description, refresh=False)
            bar.update(step["done"] - bar.n)
            bar.refresh()

    def end(self, chapter: str, run: Run) -> None:
        if chapter in self.bars:
            self.bars.pop(chapter).close()
        said = f"{run.seconds:.0f} s" if run.fault is None else run.fault
        print(f"{chapter}: {said}", file=sys.stderr, flush=True)
        for line in run.log.splitlines():
            if line.startswith(f"{NAME}: "):  # said by the library, to whom it may concern
                print(line, file=sys.stderr, flush=True)


@contextmanager
def _shown(folder: Path) -> Iterator[_Screen]:
    screen = _Screen(folder)
    try:
        yield screen
    finally:
        for bar in screen.bars.values():
            bar.close()
