"""The network of the lessons, in a browser: equal to the library's training, and usable by all.

Needs Chromium; where there is none these tests skip.
"""

import inspect
import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat import v4

import emolib
from emolib.metrics import accuracy, predict
from emolib.training import sweeps
from emolib.training.stack import NetworkStack
from emolib.walkthroughs.build import handout, page
from emolib.walkthroughs.network import allowed, network, slim

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
LESSONS = Path(emolib.__file__).parents[1] / "notebooks" / "walkthroughs"
WITH_NETWORK = ("2_distinctiveness", "4_thousand", "5_testset")
BYTES = 12_000
# Trains a network of the page on the library's rows, weights and batches; its state at some epochs.
TRAIN = """given => {
  const [options, train, weights, orders, epochs] = JSON.parse(given);
  const { network, scaled, features, labels } = document.querySelector(".network").network;
  const net = network(scaled(features, train), labels, train, 7, options, weights), losses = [];
  return JSON.stringify(epochs.map(last => {
    while (net.epochs < last) losses.push(net.epoch(orders[net.epochs]));
    const scores = labels.map((_, row) => [...net.forward(row)]);
    return [[...net.w], [...losses], [...net.alive], scores, net.recall(train)];
  }));
}"""


def tags(cell):
    return cell.metadata.get("tags", [])


@pytest.fixture(scope="module")
def html():
    return network().data


@pytest.fixture(scope="module")
def bare(browser, html):
    """A page that holds the network and nothing else."""
    opened = browser.new_page()
    opened.set_content(html)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def lesson(html, tmp_path_factory):
    """A page of a lesson, as it is built."""
    shown = v4.new_output("display_data", {"text/html": html})
    code = v4.new_code_cell("network()", outputs=[shown], execution_count=1)
    built = page(v4.new_notebook(cells=[v4.new_markdown_cell("# One"), code]), "1_one")
    path = tmp_path_factory.mktemp("network") / "1_one.html"
    path.write_text(built, encoding="utf-8")
    return path


@pytest.fixture
def visit(browser, lesson):
    """Opens the lesson; options are those of a browser context."""
    contexts = []

    def opened(width=1280, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        here = contexts[-1].new_page()
        here.faults = []
        here.on("pageerror", lambda error: here.faults.append(str(error)))
        here.on("console", lambda message: here.faults.append(message.text))
        here.on("request", lambda request: here.faults.append(request.url))
        here.goto(lesson.as_uri())
        here.faults = [fault for fault in here.faults if not fault.startswith(("file:", "data:"))]
        return here

    yield opened
    for context in contexts:
        context.close()


def press(here, name="Train", until="Trained"):
    """Presses a button; the sentence on the network, when it begins with a word."""
    here.get_by_role("button", name=name).click()
    said = here.locator(".network [role=status]")
    said.filter(has_text=until).wait_for()
    return said.inner_text().replace("\N{NO-BREAK SPACE}", " ")


def differences(here, drawn, epochs, **settings):
    """Largest differences between the page's network and the library's after each of some epochs:
    of weights, losses and scores; infinite where other units are left.
    """
    data = drawn.as_distributed()
    table = sweeps.sweep(modality="PHOG", max_epochs=max(epochs), **settings)
    row = sweeps.check(table, data)[0]
    stack = NetworkStack(data, [row], precision="float64")
    (train, _), weights = stack.material.pairs[0], stack.weights[0].tolist()
    orders, losses, ours = [], [], []
    while stack.training.any():
        losses.append(stack.epoch()[0])
        orders.append(stack.material.order[0].tolist())
        if stack.epochs in epochs:
            ours.append((stack.result(0).weights, np.array(losses), stack.alive[0].numpy().copy()))
            predicted = predict(stack.engine.scores(0)[train])
            ours[-1] += (stack.engine.scores(0), accuracy(data.labels[train], predicted))
    options = {name: row[name] for name in ("hidden", "learning_rate", "angle", "merge_weights")}
    options |= {"activation_shift": row["activation_shift"], "schedule": row["schedule"] == "every"}
    given = json.dumps([options, train.tolist(), weights, orders, epochs])
    found = json.loads(here.evaluate(TRAIN, given))
    largest = []
    for (w, loss, alive, scores, right), (own, own_losses, left, own_scores, own_right) in zip(
        found, ours, strict=True
    ):
        if not np.array_equal(np.array(alive, bool), left):
            largest.append(np.inf)
            continue
        kept = np.concatenate([np.repeat(left, 5), left, np.tile(left, 7), np.ones(7, bool)])
        pairs = [(np.array(w)[kept], own), (loss, own_losses), (scores, own_scores)]
        pairs.append((right[-1], own_right))
        largest.append(max(np.abs(np.subtract(*pair)).max() for pair in pairs))
    return largest, int(left.sum())


@pytest.mark.parametrize(
    "settings",
    [
        {"angle": 0.0},
        {"angle": 15.0, "activation_shift": 0.0},
        {"angle": 60.0},
        {"angle": 20.0, "merge_weights": True, "hidden": 50},
        {"angle": 15.0, "schedule": "every", "protocol": "person-independent"},
    ],
    ids=str,
)
def test_the_page_trains_as_the_library_does(bare, drawn, settings):
    found, left = differences(bare, drawn, (1, 10, 200), learning_rate=0.01, **settings)
    print(f"{settings}, epochs 1, 10, 200: {', '.join(f'{value:.1e}' for value in found)}")
    assert max(found) < 1e-5
    assert (left < settings.get("hidden", 16)) == (settings["angle"] > 0)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("BETA2=0.999", "BETA2=0.99"),
        ("EPSILON=1e-8", "EPSILON=1e-4"),
        ("BATCH=10", "BATCH=11"),
        ("slope/2", "slope/3"),
        ("fround((x[i]-low)/span)", "fround(x[i]-low)"),
        ("goes(j)", "goes(i)"),
        ("-activation_shift", "-0"),
        ("w[to]+=w[from[c]]", "w[to]+=0"),
    ],
)
def test_a_fault_in_the_script_is_found(browser, drawn, html, right, wrong):
    assert html.count(right) >= 1
    here = browser.new_page()
    here.set_content(html.replace(right, wrong))
    (found,), _ = differences(
        here, drawn, (10,), learning_rate=0.01, angle=30.0, merge_weights=True
    )
    here.close()
    assert found > 1e-5


def test_script_and_style_take_12_kilobytes(html):
    parts = slim()
    assert sum(len(part.encode()) for part in parts) <= BYTES
    assert all(part in html for part in parts)
    assert not re.search(r"https?:|fetch|import|eval|Worker", parts[0])


@pytest.mark.parametrize("protocol", emolib.PROTOCOLS)
def test_a_fifth_is_tested_and_persons_stay_on_one_side(bare, drawn, protocol):
    deals = bare.evaluate(
        """protocol => {
          const { deal, labels, people } = document.querySelector(".network").network;
          const draws = [0.1, 0.7, 0.3, 0.9, 0.5, 0.2];
          const draw = k => () => draws[k = (k + 1) % 6];
          return [0, 0, 3].map(k => deal(protocol, labels, people, draw(k)));
        }""",
        protocol,
    )
    assert deals[0] == deals[1] != deals[2]
    for train, test in deals:
        assert sorted(train + test) == list(range(len(drawn)))
        counts = np.bincount(drawn.labels[test], minlength=7) / np.bincount(drawn.labels)
        if protocol == "random":
            np.testing.assert_allclose(counts, 0.2, atol=0.01)
        else:
            assert not set(drawn.groups[train]) & set(drawn.groups[test])
            assert counts.max() < 0.5


def test_one_seed_is_one_run_and_the_next_is_another(visit):
    here = visit()
    here.get_by_label("epochs").fill("6")
    weights = "[...document.querySelector('.network').network.trained.w]"
    runs = []
    for name in ("Train", "Train", "Again"):
        runs.append((press(here, name, "Trained, epoch 6"), here.evaluate(weights)))
        here.evaluate("document.querySelector('.network [role=status]').textContent = ''")
    assert runs[0] == runs[1] and runs[0][1] != runs[2][1]
    assert here.get_by_label("seed").input_value() == "1"
    assert "3 runs" in here.locator(".runs").inner_text()
    assert here.locator(".runs i").count() == 3
    assert here.faults == []


def test_units_that_go_are_struck_out(visit):
    here = visit()
    here.get_by_label("minimal angle").fill("60")
    here.get_by_label("epochs").fill("3")
    sentence = press(here)
    left = int(re.search(r"(\d+) of 16 units left", sentence)[1])
    gone = here.locator(".units .gone").all_inner_texts()
    assert 1 <= left < 16 and len(gone) == 16 - left
    label = here.locator(".units").get_attribute("aria-label")
    assert label == f"Hidden units, {left} of 16 units left; struck out: {','.join(gone)}"


def test_it_is_worked_by_keyboard_and_says_where_it_is(visit):
    here = visit()
    here.get_by_label("epochs").fill("1000")
    here.get_by_label("seed").focus()
    here.keyboard.press("Tab")
    assert here.evaluate("document.activeElement.textContent") == "Train"
    here.keyboard.press("Enter")
    said = here.locator(".network [role=status]")
    said.filter(has_text="Training, epoch").wait_for()
    here.keyboard.press("Tab")
    here.keyboard.press("Tab")
    assert here.evaluate("document.activeElement.textContent") == "Stop"
    here.keyboard.press("Space")
    said.filter(has_text="Stopped").wait_for()
    assert re.fullmatch(
        r"Stopped, epoch \d+ of 1000: test accuracy \d+\s%, 16 of 16 units left\.",
        said.inner_text(),
    )
    assert here.locator(".runs i").count() == 0  # not to its end
    for picture in here.locator(".network form [role=img]").all():
        assert re.search(r"\d", picture.get_attribute("aria-label"))
    emotions = here.locator(".recall").get_attribute("aria-label")
    assert all(name in emotions for name in emolib.paper.EMOTIONS)


def test_a_value_out_of_range_trains_nothing(visit):
    here = visit()
    here.get_by_label("hidden units").fill("51")
    here.get_by_role("button", name="Train").click()
    assert here.locator(".network [role=status]").inner_text() == "Not trained yet."
    assert here.evaluate("document.activeElement.name") == "hidden"


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_rule_of_wcag_is_broken(visit, scheme, width):
    here = visit(width, color_scheme=scheme)
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
    assert axe.Axe().run(here, options=rules).response["violations"] == []
    here.get_by_label("minimal angle").fill("60")
    here.get_by_label("epochs").fill("3")
    press(here)
    assert axe.Axe().run(here, options=rules).response["violations"] == []
    assert here.evaluate("document.documentElement.scrollWidth") <= width


def test_without_script_a_picture_of_one_run_stands_there(visit):
    here = visit(java_script_enabled=False)
    picture = here.locator(".network img")
    assert picture.is_visible() and "Learning curves" in picture.get_attribute("alt")
    said = here.locator(".still").inner_text()
    assert "test accuracy" in said and "left" not in said  # which a lesson asks
    assert here.locator(".network form").count() == 0
    here = visit()
    assert here.locator(".network form").is_visible() and here.locator(".still img").is_visible()
    here.get_by_label("epochs").fill("1")
    press(here)
    assert not here.locator(".still img").is_visible()


def test_only_a_page_with_a_network_runs_its_script(lesson):
    policy = "<meta content=\"script-src 'sha256-page'\">"
    assert allowed(policy) == policy
    assert lesson.read_text().count("'sha256-") == 2


def test_a_preset_is_what_a_sweep_can_have():
    with pytest.raises(ValueError, match="hidden is -1"):
        network(hidden=-1)
    with pytest.raises(ValueError, match="protocol is 'by name'"):
        network(protocol="by name")


@pytest.mark.parametrize("name", WITH_NETWORK)
def test_each_lesson_asks_and_presets_what_it_is_about(name):
    notebook = nbformat.read(LESSONS / f"{name}.ipynb", 4)
    (place,) = [k for k, cell in enumerate(notebook.cells) if "network" in tags(cell)]
    question, cell = notebook.cells[place - 1 : place + 1]
    assert "**Predict, then train.**" in question.source and "?" in question.source
    seen = []
    code = cell.source.replace("from emolib.walkthroughs.network import network", "")
    exec(code, {"network": lambda **preset: seen.append(preset)})
    about = {WITH_NETWORK[0]: "angle", WITH_NETWORK[1]: "seed", WITH_NETWORK[2]: "protocol"}
    assert about[name] in seen[0] and seen[0].keys() <= inspect.signature(network).parameters.keys()

    shown = v4.new_output("display_data", {"text/html": "<p>the picture</p>"})
    executed = nbformat.read(LESSONS / f"{name}.ipynb", 4)
    executed.cells[place].outputs = [shown]
    given = nbformat.reads(handout(LESSONS / f"{name}.ipynb", executed), 4)
    kept = [cell for cell in given.cells if cell.get("outputs")]
    assert [cell.id for cell in kept] == ["network"] and kept[0].outputs == [shown]


def test_the_page_begins_with_its_preset(browser):
    here = browser.new_page()
    here.set_content(
        network(modality="LPQ", angle=15, activation_shift=0.0, merge_weights=True).data
    )
    values = here.evaluate("[...new FormData(document.querySelector('form'))]")
    here.close()
    given = {"angle": "15", "activation_shift": "0", "merge_weights": "1", "seed": "0"}
    assert {name: value for name, value in values if name in given} == given
    assert {name for name, _ in values} < inspect.signature(network).parameters.keys()
