"""The walkthroughs: every check refuses the usual mistakes with a sentence that helps, and every
lesson runs to its end.
"""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from nbformat import v4

from emolib import paper
from emolib.data.descriptors import lpq_codes, phog
from emolib.figures import wildness_curves
from emolib.folds import make_folds
from emolib.models import FeatureNet
from emolib.report import ChapterError
from emolib.walkthroughs import convolution, distinctiveness, faces, testset, thousand
from emolib.walkthroughs.build import build_walkthroughs, handout, page, run
from emolib.walkthroughs.lesson import COLOURS, show
from emolib.walkthroughs.testset import accuracy_by_wildness
from notebooks import write

FOLDER = Path(__file__).parents[2] / "notebooks" / "walkthroughs"
LESSONS = sorted(FOLDER.glob("[1-9]_*.ipynb"))

A = np.array(paper.TABLE_1)
X, W, BIAS = map(np.array, (convolution.NUMBERS, convolution.KERNEL, convolution.BIAS))
CONVOLVED = np.array([np.pad(X, 1)[i : i + 3] @ W for i in range(5)]) + BIAS
PATCH = np.random.default_rng(9).uniform(0, 255, (7, 7))
CODE = int(lpq_codes(PATCH[None])[0, 0, 0])
SIGNS = faces.phase_parts(PATCH) >= 0
COUNTS = np.array([[6, 3, 1], [2, 5, 3], [4, 1, 15]])
SHUFFLED = np.linspace(0.05, 0.249, 200)
OBSERVED = 0.2


def degrees(a, b):
    return np.degrees(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))


def columnwise(low, high):
    return lambda values, train: (
        (values - low(values, train)) / (high(values, train) - low(values, train))
    )


def handed(stays, goes=0.0):
    def merge(outgoing, s, g):
        a, b = outgoing[:, s].copy(), outgoing[:, g].copy()
        outgoing = outgoing.copy()
        outgoing[:, s], outgoing[:, g] = stays(a, b), b * goes
        return outgoing

    return merge


def in_place(outgoing, s, g):
    outgoing[:, s] += outgoing[:, g]
    outgoing[:, g] = 0
    return outgoing


def neighbours(choose):
    return lambda h: np.array([choose(h[max(i - 1, 0) : i + 2]) for i in range(5)])


def branches(small, large, size=np.abs):
    return lambda x: np.where(size(x) <= 1, small(x), large(x))


def layer(x, weight, bias):
    return x @ weight.transpose(1, 2) + bias.unsqueeze(1)


LPQ_CODE = faces.lpq_code(PATCH)
RECALLS = testset.recalls(COUNTS)
P_VALUE = testset.p_value(OBSERVED, SHUFFLED)
RIGHT = {
    LPQ_CODE: [CODE, int((SIGNS * 2 ** np.arange(8)).sum())],
    faces.phog_length: [168, phog(np.eye(96)[None], 8, 2).shape[1]],
    faces.min_max: [columnwise(lambda v, t: v[t].min(0), lambda v, t: v[t].max(0))],
    distinctiveness.angle_of_3_and_4: [8.1, degrees(A[:, 2], A[:, 3])],
    distinctiveness.units_that_stay: [{1, 2, 3}, [3, 2, 1]],
    distinctiveness.hand_over: [handed(lambda s, g: s + g)],
    convolution.convolved: [CONVOLVED, list(CONVOLVED)],
    convolution.pooled: [
        neighbours(max),
        lambda h: F.max_pool1d(torch.tensor(h)[None], 3, 1, 1)[0],
    ],
    convolution.smooth_l1: [branches(lambda x: 0.5 * x**2, lambda x: abs(x) - 0.5)],
    thousand.hidden_layers: [layer, lambda x, w, b: torch.einsum("bd,khd->kbh", x, w) + b[:, None]],
    thousand.one_number: [lambda l: l.mean(1).sum(), lambda l: l.sum() / l.shape[1]],
    thousand.coupled: [{habit for habit, couples in thousand.COUPLING.items() if couples}],
    RECALLS: [COUNTS.diagonal() / COUNTS.sum(1)],
    P_VALUE: [((SHUFFLED >= OBSERVED).sum() + 1) / 201],
}
# wrong answers to each check, by words that its sentence must hold
WRONG = {
    LPQ_CODE: {
        "wrong way round": 255 - CODE,
        "other end": int((SIGNS * 2 ** np.arange(7, -1, -1)).sum()),
        "counted": int(SIGNS.sum()),
        "twice": 2 * CODE,
        "0 to 255": 300.5,
        "one number": SIGNS,
        "two things": int((~SIGNS * 2 ** np.arange(7, -1, -1)).sum()),
        "that of part 3": CODE ^ 8,
    },
    faces.phog_length: {
        "4^l": 56,
        "finest": 128,
        "number of cells": 21,
        "level 3": 680,
        "level 2": 40,
        "level 0": 672,
        "count the cells": 5,
        "one number": "168",
    },
    faces.min_max: {
        "over all rows": columnwise(lambda v, t: v.min(0), lambda v, t: v.max(0)),
        "each column": columnwise(lambda v, t: v[t].min(), lambda v, t: v[t].max()),
        "subtract": lambda v, t: v / v[t].max(0),
        "by the range": lambda v, t: (v - v[t].min(0)) / v[t].max(0),
        "standardising": lambda v, t: (v - v[t].mean(0)) / v[t].std(0),
        "clip": lambda v, t: np.clip((v - v[t].min(0)) / (v[t].max(0) - v[t].min(0)), 0, 1),
        "training rows came back": lambda v, t: (v[t] - v[t].min(0)) / np.ptp(v[t], 0),
        "mean off": lambda v, t: (v - v[t].mean(0)) / np.ptp(v[t], 0),
        "-1 to 1": lambda v, t: 2 * (v - v[t].min(0)) / np.ptp(v[t], 0) - 1,
        "shape": lambda v, t: v[0],
        "do not fit": lambda v, t: v - v[t].min(1),
        "nothing was scaled": lambda v, t: v,
        "two things": lambda v, t: (v - v.min()) / (v.max() - v.min()),
        "return": lambda v, t: None,
        "function": 3,
    },
    distinctiveness.angle_of_3_and_4: {
        "cosine": 0.9901,
        "radians": np.radians(8.06),
        "dot product": A[:, 2] @ A[:, 3],
        "took 0.5 off": 39.3,
        "rows 3 and 4": degrees(A[2], A[3]),
        "units 4 and 5": 11.8,
        "arc cosine": 12.9,
        "one number": None,
        "above 1": float("nan"),
        "180° less": 180 - degrees(A[:, 2], A[:, 3]),
        "distance": np.linalg.norm(A[:, 2] - A[:, 3]),
    },
    distinctiveness.units_that_stay: {
        "their number": 3,
        "that go": {4, 5, 6},
        "from 1": {0, 1, 2},
        "closest pair": {1, 2, 3, 5, 6},
        "not both": {1, 2},
        "later unit": {1, 2, 4},
        "10.5": {1, 2, 3, 6},
        "smallest angle on": {2, 3},
        "8.9": {1, 2, 3, 5, 6},
        "unit 4 alone": {1, 3},
        "unit numbers": "1, 2, 3",
        "set of unit numbers": np.array([True, True, True, False, False, False]),
    },
    distinctiveness.hand_over: {
        "mean": handed(lambda s, g: (s + g) / 2),
        "still has": handed(lambda s, g: s + g, 1.0),
        "lost": handed(lambda s, g: s),
        "changes": in_place,
        "returns nothing": lambda o, s, g: None,
        "sum of both": handed(lambda s, g: s - g),
        "took the column out": lambda o, s, g: np.delete(o, g, 1),
        "one column": lambda o, s, g: o[:, s] + o[:, g],
        "swapped": lambda o, s, g: handed(lambda s, g: s + g)(o, g, s),
    },
    convolution.convolved: {
        "bias": CONVOLVED - BIAS,
        "turned": np.convolve(X, W, "same") + BIAS,
        "five": CONVOLVED[1:4],
        "ring": [np.pad(X, 1, "wrap")[i : i + 3] @ W + BIAS for i in range(5)],
        "repeated": [np.pad(X, 1, "edge")[i : i + 3] @ W + BIAS for i in range(5)],
        "ReLU": np.maximum(CONVOLVED, 0),
        "two things": np.convolve(X, W, "same"),
        "one place off": [np.pad(X, (0, 2))[i : i + 3] @ W + BIAS for i in range(5)],
        "output 3": np.where(np.arange(5) == 2, 9, CONVOLVED),
    },
    convolution.pooled: {
        "not overlap": lambda h: np.array([h[:3].max(), h[3:].max()]),
        "ends are missing": lambda h: np.array([h[i : i + 3].max() for i in range(3)]),
        "minus infinity": lambda h: np.array([max(np.pad(h, 1)[i : i + 3]) for i in range(5)]),
        "mean": neighbours(np.mean),
        "smallest": neighbours(min),
        "one side": lambda h: np.array([max(h[i : i + 3]) for i in range(5)]),
        "all five": lambda h: max(h),
        "h[-1]": lambda h: [max(h[i - 1 : i + 2]) for i in range(5)],
        "ring": lambda h: [max(h[i - 1], h[i], h[(i + 1) % 5]) for i in range(5)],
        "cut off": lambda h: np.maximum(neighbours(max)(h), 0),
    },
    convolution.smooth_l1: {
        "half the square everywhere": lambda x: 0.5 * x**2,
        "straight everywhere": abs,
        "do not meet": branches(lambda x: 0.5 * x**2, abs),
        "swapped": branches(lambda x: abs(x) - 0.5, lambda x: 0.5 * x**2),
        "|x|": branches(lambda x: 0.5 * x**2, lambda x: x - 0.5, lambda x: x),
        "factor of 0.5": branches(lambda x: x**2, lambda x: abs(x) - 0.5),
        "before any sum": lambda x: (0.5 * x**2).sum(),
        "if asks": lambda x: 0.5 * x**2 if abs(x) <= 1 else abs(x) - 0.5,
        "negative error": branches(lambda x: 0.5 * x**2, lambda x: x - 0.5),
        "squared": branches(lambda x: 0.5 * abs(x), lambda x: abs(x) - 0.5),
    },
    thousand.hidden_layers: {
        "bias is missing": lambda x, w, b: x @ w.transpose(1, 2),
        "[B, K, H]": lambda x, w, b: layer(x, w, b).transpose(0, 1),
        "transpose": lambda x, w, b: layer(x, w, b).transpose(1, 2),
        "one network": lambda x, w, b: layer(x, w, b).sum(0),
        "unsqueeze": lambda x, w, b: x @ w.transpose(1, 2) + b,
        "sigmoid": lambda x, w, b: torch.sigmoid(layer(x, w, b)),
        "the first": lambda x, w, b: layer(x, w, b)[:1].expand(3, -1, -1),
    },
    thousand.one_number: {
        "mean of everything": lambda l: l.mean(),
        "sum of everything": lambda l: l.sum(),
        "other way round": lambda l: l.mean(0).sum(),
        "shape": lambda l: l.mean(1),
        "tensor": lambda l: l.sum().item(),
        "only some": lambda l: l.mean(1).max(),
    },
    thousand.coupled: {
        "one more": {"clipping the norm of all gradients together"},
        "does no harm": set(thousand.COUPLING),
        "none of the five": {"dropout"},
        "more than one": set(),
        "strings themselves": {1, "3"},
    },
    RECALLS: {
        "precision": COUNTS.diagonal() / COUNTS.sum(0),
        "accuracy": 26 / 40,
        "mean": (0.6 + 0.5 + 0.75) / 3,
        "all rows": COUNTS.diagonal() / 40,
        "missed": 1 - COUNTS.diagonal() / COUNTS.sum(1),
        "counts": COUNTS.diagonal(),
        "shape": [0.6, 0.5],
    },
    P_VALUE: {
        "almost": (SHUFFLED >= OBSERVED).mean(),
        "does worse": (SHUFFLED < OBSERVED).mean(),
        "one side": 2 * ((SHUFFLED >= OBSERVED).sum() + 1) / 201,
        "count": int((SHUFFLED >= OBSERVED).sum()),
        "standard deviations": (OBSERVED - SHUFFLED.mean()) / SHUFFLED.std(),
        "reach": 0.5,
    },
}


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
    assert f'<b style="color: {COLOURS["blue"]}">pool</b>' in html and "emolib/models.py" in html
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
    for part in ("**Aim.**", "**Time:**", "Predict, then run", "## What to read next"):
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

    given = handout(path)
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

    html = page(executed, path.stem)
    predicted = sum("predicted" in tags(cell) for cell in executed.cells)
    assert html.count("<summary>Solution</summary>") == len(said["solution"])
    assert html.count("What came out</summary>") == predicted >= 1
    assert "Traceback" not in html and "no answer yet" not in html
    assert not re.search(r"\d+%\|", html)  # nor a bar
    assert ">Walkthrough<" in html and "byte for byte" not in html


def test_pages_and_hand_outs_are_built_all_or_none(tmp_path):
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    write(notebooks / "0_teacher.ipynb", ("# For teachers",))
    write(
        notebooks / "1_one.ipynb",
        ("# One",),
        ("print(1 + 1)", "code"),
        ("print('told')", "solution"),
    )
    first = build_walkthroughs(notebooks, tmp_path / "out")
    assert first.name == "0_teacher.html" and "For teachers" in first.read_text()
    lesson = tmp_path / "out" / "1_one.html"
    assert ">2\n</pre>" in lesson.read_text() and ">told\n</pre>" in lesson.read_text()
    assert "told" not in (tmp_path / "out" / "handout" / "1_one.ipynb").read_text()
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")}
    assert len(before) == 3
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
