"""From chapters to a page: runs those whose outputs are not kept, numbers what they show, and
composes the rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from emolib.report import store
from emolib.report.chapter import convert_chapter, tidy
from emolib.report.errors import BuildError
from emolib.report.execution import Run, prepare
from emolib.report.keys import Key, changes, digest
from emolib.report.markup import Card, numbers, render
from emolib.report.opening import CARDS, in_order, link, opening
from emolib.report.page import check_page, compose
from emolib.report.parameters import declared, needs
from emolib.report.provenance import origin
from emolib.report.schedule import Task, run
from emolib.report.state import last_key


@dataclass(frozen=True)
class Made:
    """A composed report.

    Attributes:
        page: the HTML.
        results: what the chapters published, and the provenance.
        faults: one sentence for each chapter that did not reach its end, by chapter; for the page
            as a whole under ``""``.
    """

    page: str
    results: dict[str, Any]
    faults: dict[str, str]


def assemble(
    notebooks: Sequence[Path],
    given: Mapping[str, dict[str, Any]],
    keys: Mapping[str, Key],
    before: dict[str, Any],
    *,
    title: str,
    provenance: dict[str, Any],
    required: Sequence[str],
    timeout: float | None,
    log: TextIO,
) -> Made:
    """Runs what must run and composes the page, whole or as far as it came.

    Args:
        notebooks: the chapters, in the order of the page.
        given: parameters for each chapter, by its name.
        keys: of each chapter, under which its outputs are kept.
        before: the state of the last build, which says why a chapter runs again.
        title, provenance, required, timeout: see :func:`emolib.report.build.build`.
        log: is told why each chapter ran, how long it took and what it said.

    Raises:
        BuildError: what the chapters show cannot be put on one page; the message says what and
            where.
    """
    runs = _runs(notebooks, given, keys, before, timeout, log)
    faults = {
        name: f"chapter {name}: {run.fault}" for name, run in runs.items() if run.fault is not None
    }
    cards: list[Card] = []
    results: dict[str, Any] = {}
    origins: dict[str, dict[str, str]] = {}
    for notebook in notebooks:
        stem = notebook.stem
        shown, published = tidy(runs[stem].notebook, stem, given[stem])
        if twice := published.keys() & results.keys():
            raise BuildError(f"more than one chapter publishes {', '.join(sorted(twice))}")
        cards += shown
        results |= published
        own = origin(provenance, declared(notebook) | given[stem])
        origins |= {card["id"]: own for card in shown}

    cards = in_order(cards)
    called = numbers(cards)

    def show(card: Card) -> str:
        return render(card, called[card["id"]], origins[card["id"]])

    def show_in_chapter(card: Card) -> str:
        return link(card, called[card["id"]]) if card["id"] in CARDS else show(card)

    chapters = opening(cards, called, results, show)
    chapters += [
        convert_chapter(runs[notebook.stem].notebook, notebook.stem, show_in_chapter)
        for notebook in notebooks
    ]
    page = compose(title, chapters, provenance, called, list(faults.values()))
    if not faults:
        check_page(page, required)
    return Made(page, results | {"provenance": provenance}, faults)


def _runs(
    notebooks: Sequence[Path],
    given: Mapping[str, dict[str, Any]],
    keys: Mapping[str, Key],
    before: dict[str, Any],
    timeout: float | None,
    log: TextIO,
) -> dict[str, Run]:
    """A run of every chapter, kept or fresh."""
    runs: dict[str, Run] = {}
    tasks = []
    for notebook in notebooks:
        stem = notebook.stem
        node = prepare(notebook, given[stem])
        if store.fetch(stem, digest(keys[stem]), node):
            runs[stem] = Run(node)
            log.write(f"{stem}: kept\n")
        else:
            why = changes(last_key(before, stem), keys[stem]) or "its outputs are no longer kept"
            tasks.append(Task(stem, node, needs(notebook), why))

    def done(task: Task, run: Run) -> None:
        log.write(f"{task.name}: {run.seconds:.1f} s, run because {task.why}\n{run.log}")
        if run.fault is None:
            store.keep(task.name, digest(keys[task.name]), run.notebook)
        else:
            log.write(f"{task.name}: {run.fault}\n")
        log.flush()

    return runs | run(tasks, ready=runs, timeout=timeout, done=done)
