"""The walkthroughs: every check refuses the usual mistakes with a sentence that helps, and every
lesson runs to its end.
"""

import json
import re
from html import unescape
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from answers import RIGHT, WRONG
from nbformat import v4

from emolib.figures import wildness_curves
from emolib.folds import make_folds
from emolib.models import FeatureNet
from emolib.report import ChapterError
from emolib.walkthroughs import distinctiveness, faces, testset, thousand
from emolib.walkthroughs.build import build_walkthroughs, handout, page, run
from emolib.walkthroughs.lesson import COLOURS, show
from emolib.walkthroughs.testset import accuracy_by_wildness
from notebooks import write

FOLDER = Path(__file__).parents[2] / "notebooks" / "walkthroughs"
LESSONS = sorted(FOLDER.glob("[1-9]_*.ipynb"))


@pytest.mark.parametrize("judge", WRONG, ids=lambda judge: judge.__qualname__)
def test_a_check_accepts_what_is_right_and_says_what_is_wrong(judge):
    assert all(judge(answer).right for answer in RIGHT[judge])
    for words, answer in (WRONG[judge] | {"no answer yet": ...}).items():
        verdict = judge(answer)
        assert not verdict.right and words in verdict.sentence, verdict


def test_a_check_survives_an_answer_that_breaks():
    verdict = faces.min_max(lambda values, train: values.nonsense)
    assert not verdict.right and "AttributeError" in verdict.sentence
    html = distinctiveness.angle_of_3_and_4(lambda: "<script>")._repr_html_()
    assert "<" not in re.sub(r"</?p[^>]*>", "", html)


def test_who_is_on_both_sides_is_counted_by_person(drawn):
    train, test = make_folds(drawn, "random", 0)[0]
    judge = testset.shared_groups(drawn, train, test)
    both = set(drawn.groups[train]) & set(drawn.groups[test])
    rows = int(np.isin(drawn.groups[test], list(both)).sum())
    assert judge(len(both)).right
    everybody = len(set(drawn.groups))
    wrong = {"not groups": rows, "all groups": everybody, "len(": both, "whose": 0, "both": 1}
    for words, answer in wrong.items():
        assert words in judge(answer).sentence and not judge(answer).right
    few = train[:300]  # rows stand by person: not everybody trains
    judge = testset.shared_groups(drawn, few, test)
    assert "training set" in judge(len(set(drawn.groups[few]))).sentence


def test_what_lies_between_groups_is_their_share_of_the_variance():
    # variance 5, of which 4 between the means 1 and 5
    values = np.array([[0.0], [2.0], [4.0], [6.0]])
    assert faces.share_between(values, np.array(["a", "a", "b", "b"])) == pytest.approx(0.8)
    assert faces.share_between(values, np.array(["a", "b", "b", "a"])) == pytest.approx(0)
    assert faces.share_between(values, np.arange(4)) == pytest.approx(1)


def test_the_units_of_table_1_are_pruned_as_by_hand():
    left = {angle: distinctiveness.units_left(angle, 0.0) for angle in (0, 15, 60)}
    assert left == {0: set(range(1, 7)), 15: {1, 2, 3}, 60: {1}}


def test_the_stack_ends_where_the_loop_does():
    def networks():
        made = []
        for seed in range(3):
            torch.manual_seed(seed)
            made.append(thousand.ShallowNet(hidden=4))
        return made

    generator = torch.Generator().manual_seed(0)
    x, target = torch.rand(30, 5, generator=generator), torch.eye(7)[torch.arange(30) % 7]
    batches = torch.randint(30, (20, 10), generator=generator)
    alone = networks()
    thousand.one_by_one(alone, x, target, batches, 0.01)
    together = thousand.all_at_once(networks(), x, target, batches, 0.01)
    for k, net in enumerate(alone):
        for name, parameter in net.named_parameters():
            torch.testing.assert_close(together[name][k], parameter.detach(), rtol=0, atol=1e-5)
            assert (parameter - networks()[k].get_parameter(name)).abs().max() > 0.05


def test_source_is_the_library_s_own_with_its_symbols_in_colour():
    html = show(FeatureNet, pool="blue", h="red").data
    assert (
        f'<b style="color: var(--blue, {COLOURS["blue"]})">pool</b>' in html
        and "emolib/models.py" in html
    )
    assert "[B, D]" not in html and "convolutions" in html
    with pytest.raises(ValueError, match="holds no nonsense"):
        show(FeatureNet, nonsense="blue")
    with pytest.raises(ValueError, match="colour is 'pink'"):
        show(FeatureNet, h="pink")


def tags(cell) -> list[str]:
    return cell.metadata.get("tags", [])


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_is_committed_clean_and_asks_before_it_tells(path):
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert all("..." in cell.source for cell in code if "answer" in tags(cell))
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for part in ("**Aim.**", "**Time:**", "**Predict.**", "## What to read next"):
        assert part in text
    used = set(re.findall(r"\\textcolor\{(.*?)\}", text))
    assert used and used <= set(COLOURS.values())

    order = []  # of exercises, answers, checks and solutions
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            order += re.findall(r"^### Exercise (\d):", cell.source, re.MULTILINE)
        else:
            order += [tag for tag in tags(cell) if tag in ("answer", "check", "solution")]
    exercises = len(order) // 4
    assert exercises in (2, 3) and order == [
        part for n in range(exercises) for part in (str(n + 1), "answer", "check", "solution")
    ]

    given = handout(path, notebook)
    assert "pip install" in nbformat.reads(given, 4).cells[1].source
    kept = [tag for cell in nbformat.reads(given, 4).cells for tag in tags(cell)]
    assert "answer" in kept and "check" in kept and "solution" not in kept
    assert not any(cell.source in given for cell in code if "solution" in tags(cell))


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_runs_and_accepts_its_own_solutions(path):
    executed = run(path)
    said = {"check": [], "solution": []}
    for cell in executed.cells:
        for tag in set(tags(cell)) & set(said):
            bundles = [output.get("data", {}) for output in cell.get("outputs", [])]
            said[tag] += [bundle["text/html"] for bundle in bundles if "text/html" in bundle]
    assert len(said["check"]) == len(said["solution"]) >= 2
    assert all("no answer yet" in html for html in said["check"])
    assert all("Right: " in html for html in said["solution"])

    predicted = sum(
        "predicted" in tags(cell) and cell.cell_type == "code" for cell in executed.cells
    )
    html = page(executed, path.stem)
    assert html.count("<h1") == 1 and not re.search("run (the|that|all) cell", html, re.IGNORECASE)
    assert html.count('class="elsewhere"') == len(said["solution"])
    seen = re.sub("<(details|form|figure).*?</\\1>", "", html, flags=re.DOTALL)
    for rules in map(json.loads, map(unescape, re.findall('data-rules="(.*?)"', html))):
        (answer, *_), *_ = rules["rules"]
        if len(answer) == 1 and answer[0] > 1:  # no answer in sight of its question
            assert not re.search(rf"(?<![\d.]){answer[0]:.3g}", seen), answer
    assert html.count("<summary>Solution</summary>") == len(said["solution"])
    assert html.count("What came out</summary>") == predicted >= 1
    assert "Traceback" not in html and "no answer yet" not in html
    assert not re.search(r"\d+%\|", html)  # nor a bar
    assert "Walkthroughs</p>" in html and "byte for byte" not in html


def test_pages_and_hand_outs_are_built_all_or_none(tmp_path):
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    write(notebooks / "0_teacher.ipynb", ("# For teachers",))
    write(
        notebooks / "1_one.ipynb",
        ("# One",),
        ("print(1 + 1)", "code"),
        ("...", "check"),
        ("print('told')", "solution"),
    )
    first = build_walkthroughs(notebooks, tmp_path / "out")
    assert first.name == "index.html" and 'href="1_one.html">One</a>' in first.read_text()
    assert "For teachers" in first.with_name("0_teacher.html").read_text()
    lesson = tmp_path / "out" / "1_one.html"
    assert "Walkthrough 1 of 1" in lesson.read_text()
    assert ">2\n</pre>" in lesson.read_text() and ">told\n</pre>" in lesson.read_text()
    assert "told" not in (tmp_path / "out" / "handout" / "1_one.ipynb").read_text()
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")}
    assert len(before) == 4
    write(notebooks / "2_two.ipynb", ("# Two",), ("1 / 0", "code"))
    with pytest.raises(ChapterError, match="walkthrough 2_two: ZeroDivisionError"):
        build_walkthroughs(notebooks, tmp_path / "out")
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")} == before


def test_a_page_has_no_progress_bar():
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}
    bars = [
        v4.new_output("display_data", widget | {"text/plain": "training: 35%|###5      | 7/20"}),
        v4.new_output("stream", name="stderr", text="training: 36%|###6      | 7/20"),
        v4.new_output("stream", text="trained\n"),
    ]
    cell = v4.new_code_cell("1", outputs=bars, execution_count=1)
    html = page(v4.new_notebook(cells=[v4.new_markdown_cell("# One"), cell]), "1_one")
    assert "trained" in html and "7/20" not in html


def test_the_teacher_s_page_speaks_of_every_lesson():
    text = "\n".join(cell.source for cell in nbformat.read(FOLDER / "0_teacher.ipynb", 4).cells)
    for path in LESSONS:
        title = nbformat.read(path, 4).cells[0].source.splitlines()[0].removeprefix("# ")
        assert text.count(title) >= 2, title


def test_wild_faces_are_harder_than_laboratory_ones():
    summary = accuracy_by_wildness((0, 1), seeds=1, modality=("PHOG",))
    assert list(summary["wildness"]) == [0, 0, 1, 1]
    by = summary.set_index(["protocol", "wildness"])["mean"]
    assert by["random", 0] > by["random", 1] + 0.1 and ("person-independent", 0) in by.index
    assert "86.38 % on JAFFE" in wildness_curves(summary, 1 / 7).alt
