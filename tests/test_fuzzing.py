"""Made-up files and parameters at the doors: each gives a result or one clear sentence. No
traceback, no hang.

``HYPOTHESIS_PROFILE=many`` tries thousands. What they found stands at the end, each as a case of
its own.
"""

import csv
import datetime
import io
import itertools
import signal
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from openpyxl.utils.exceptions import IllegalCharacterError

from emolib import __main__ as command
from emolib import by_emotion, scale, sweep, train
from emolib.data import INCOMPLETE, load
from emolib.folds import PROTOCOLS, make_folds
from emolib.paper import EMOTIONS
from emolib.report.plan import BOUNDS, PROFILES, check, declared
from emolib.utils import LENGTH, one_line

NOTEBOOKS = sorted((command.ROOT / "notebooks").glob("[0-9]*.ipynb"))
SECONDS = 60  # of computing, after which an example counts as hanging; all take a fraction of it


@contextmanager
def no_hang():
    def stop(*_):
        raise AssertionError(f"it computes for longer than {SECONDS} s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def told(error: Exception, names: str) -> None:
    """Asserts that a refusal is one sentence of this library's own: it names what is at fault, and
    is short.
    """
    sentence = str(error)
    assert names in sentence and "\n" not in sentence.strip() and len(sentence) < LENGTH, sentence


def used(data, trains: bool) -> None:
    """Does with data what the chapters do with them, in small."""
    features = list(data.features.values())
    assert len(data) and all(values.dtype == np.float32 for values in features)
    assert all(np.isfinite(values).all() for values in features)
    assert len(data.resampling_units) == len(data.names) == len(data.labels)
    assert np.isin(data.labels, range(len(EMOTIONS))).all()
    for protocol in PROTOCOLS:
        training, _ = make_folds(data, protocol, 0, 2)[0]
        for modality in data.modalities:
            scaled = scale(data, modality, training)[training]
            assert scaled.min() >= -1e-6 and scaled.max() <= 1 + 1e-6  # neither holds of NaN
    if trains:
        choices = {"hidden": 2, "folds": 2, "max_epochs": 1, "protocol": PROTOCOLS}
        trained = train(data, sweep(modality=data.modalities[0], **choices), jobs=1)
        assert all(np.isfinite(result.scores).all() for result in trained.results)
        by_emotion(trained, ("recall",))


# Tables: a good one, with some of it changed.

WORDS = "NA nan inf -inf 1e400 1_000 1,5 ٣ 0x10 1+2j True #DIV/0! #N/A =1+1 =A1 label + A+B"
odd_text = st.one_of(
    st.sampled_from(["", " ", *WORDS.split()]),
    st.text(max_size=12),
    st.text("ab ", min_size=300, max_size=300).map(lambda text: text * 100),
)
LARGE = [1e308, -1e308, 3.5e38, 5e-324, 1e-40, 10**400, -(10**30), 0.0, -0.0, 2**63, 8, 0, 1.5]
odd_number = st.floats() | st.integers() | st.sampled_from(LARGE)
moments = st.datetimes() | st.dates() | st.times() | st.timedeltas()
odd_cell = st.none() | odd_text | odd_number | st.booleans() | moments
TITLES = ["LPQ", "PHOG", "LPQ1", "PHOG2", "First (LPQ) features", "HOG", "LPQ\nx", None, " "]
TITLES += ["label", "Label ", "A+B"]
headers = st.lists(st.sampled_from(TITLES) | odd_text | odd_number, max_size=12)
CHANGES = ["cell", "column", "twice", "constant", "header", "blank", "row", "less", "wider"]


@st.composite
def tables(draw) -> list[list]:
    """Rows of cells, header included."""
    people, each = draw(st.sampled_from([1, 2, 3, 3, 5, 6])), draw(st.integers(1, 3))
    width = draw(st.integers(1, 5))
    wide = draw(st.sampled_from([1e-16, 0.1, 1.0, 1e30]))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    numbered = [f"{modality}{k}" for modality in ("LPQ", "PHOG") for k in range(1, width + 1)]
    rows = [[None, "label", *numbered]]
    for label in range(1, draw(st.sampled_from([1, 2, 7, 7, 7])) + 1):
        for person, k in itertools.product(range(people), range(each)):
            name = f"Film{chr(97 + person)}_{label:03d}{k:06d}"
            rows.append([name, label, *random.normal(0, wide, 2 * width).tolist()])
    places = st.tuples(st.integers(0, len(rows) - 1), st.integers(0, 1 + 2 * width))
    most = draw(st.sampled_from([0, 1, 1, 1, 2, 4]))
    changes = draw(st.lists(st.sampled_from(CHANGES), max_size=most))
    for change in changes:
        row, column = draw(places)
        row = min(row, len(rows) - 1)
        if change == "cell":
            rows[row] = [*rows[row][:column], draw(odd_cell), *rows[row][column + 1 :]]
        elif change in ("column", "constant"):
            value = draw(odd_cell if change == "column" else st.sampled_from([0.0, 0.7, 3, True]))
            changed = [[*cells[:column], value, *cells[column + 1 :]] for cells in rows[1:]]
            rows = [rows[0], *changed]
        elif change == "twice":
            rows = [[*cells, *cells[column : column + 1]] for cells in rows]
        elif change == "header":
            rows[0] = draw(headers)
        elif change == "blank":
            rows.insert(row, [])
        elif change == "row":
            rows.insert(row, draw(st.lists(odd_cell, max_size=14)))
        elif change == "less":
            rows = rows[: row + 1]
        elif change == "wider":
            rows[row] = [*rows[row], *draw(st.lists(odd_cell, min_size=1, max_size=40))]
    return rows


@st.composite
def workbooks(draw) -> bytes:
    book, rows = openpyxl.Workbook(), draw(tables())
    if draw(st.booleans()):
        book.create_sheet("another")
    for place, row in enumerate(rows, 1):
        for column, cell in enumerate(row, 1):
            try:
                book.active.cell(place, column, cell)
            except (ValueError, IllegalCharacterError):  # no program could have written it
                book.active.cell(place, column, "?")
    if draw(st.integers(0, 3)) == 0:
        top, left, down, right = (draw(st.integers(1, 8)) for _ in range(4))
        corners = {"end_row": top + down, "end_column": left + right}
        book.active.merge_cells(start_row=top, start_column=left, **corners)
    content = io.BytesIO()
    try:
        book.save(content)
    except (ValueError, OverflowError, IllegalCharacterError):
        return b"PK"
    damage = draw(st.sampled_from(["none"] * 9 + ["cut", "bit", "text"]))
    return bent(draw, content.getvalue(), damage)


XML = [
    *((f't="{old}"', f't="{new}"') for old, new in ("sn", "ns", "nb", "nd", "ne")),
    *(('t="n"', 't="inlineStr"'), ("<v>", "<w>"), ("<v>", "<v>9"), ('r="A', 'r="ZZZZ')),
    *(('r="B', 'r="XFD'), ("<row", "<col"), ("sheetData", "data"), ("1", "-1")),
    *(('count="', 'count="9999999'), ('s="', 's="99')),
]


def bent(draw, content: bytes, damage: str) -> bytes:
    """Content cut short, with some bits turned, or with some of its XML replaced."""
    # a share, because a workbook holds the time, and so has not always one length
    place = int(draw(st.floats(0, 0.999)) * len(content))
    if damage == "cut":
        return content[:place]
    if damage == "bit":
        turned = bytes([content[place] ^ 1 << draw(st.integers(0, 7))])
        return content[:place] + turned + content[place + 1 :]
    if damage == "text":
        old, new = draw(st.sampled_from(XML))
        fresh, count = io.BytesIO(), draw(st.sampled_from([1, -1]))
        with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(fresh, "w") as copy:
            for name in archive.namelist():
                text = archive.read(name).decode()
                copy.writestr(name, text.replace(old, new, count) if "worksheets" in name else text)
        return fresh.getvalue()
    return content


ENCODINGS = ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "shift-jis"]
QUOTING = [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]


@st.composite
def csvs(draw) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(
        text,
        delimiter=draw(st.sampled_from("," * 10 + ";\t")),
        lineterminator=draw(st.sampled_from(["\n", "\r\n", "\r"])),
        quoting=draw(st.sampled_from(QUOTING)),
    )
    writer.writerows(draw(tables()))
    encoding = draw(st.sampled_from(["utf-8"] * 16 + ENCODINGS))
    content = text.getvalue().encode(encoding, errors="replace")
    damage = draw(st.sampled_from(["none"] * 9 + ["cut", "bit", "bytes"]))
    if damage == "bytes" or not content:
        return draw(st.binary(max_size=200))
    return bent(draw, content, damage)


def at_the_door(path, content: bytes, incomplete: str, trains: bool) -> None:
    path.write_bytes(content)
    with no_hang():
        try:
            used(load(path, incomplete=incomplete), trains)
            event("read")
        except ValueError as error:
            told(error, path.name)
            event("refused")


trained = st.sampled_from([True] + [False] * 4)


@given(workbooks(), st.sampled_from(INCOMPLETE), trained)
def test_any_workbook_is_read_or_refused(tmp_path, content, incomplete, trains):
    at_the_door(tmp_path / "faces.xlsx", content, incomplete, trains)


@given(csvs(), st.sampled_from(INCOMPLETE), trained)
def test_any_csv_is_read_or_refused(tmp_path, content, incomplete, trains):
    at_the_door(tmp_path / "faces.csv", content, incomplete, trains)


# Parameters: what a person may write after SET=, and what the chapters then get.

OTHERS = ["incomplete", "every_reading", "source", "size", "crop", "folds ", "", "import os"]
names = st.sampled_from([*BOUNDS, *BOUNDS, *OTHERS]) | st.text(max_size=8)
numbers = st.integers(-2, 12) | st.sampled_from([0, 1, 2, 16, 100, 181, 1024, 1025, 10**6, 10**30])
VALUES = ["True", "False", "None", "drop", "mean", "error", "[0, 15, 30]", "[]", "[[6]]", "(6, 11)"]
VALUES += ["{6}", "{[]: 1}", "1_0", "0b11", "'5'", "…", "5 6", "=", "5;exit", "[" * 300, "9" * 9000]
VALUES += ["(" * 9000 + ")" * 9000, "-" * 9000 + "1", "[" * 90 + "]" * 90, "1e999", "[1e999]"]
VALUES += ["b'x'", "1j", "x" * 9000, "\x1b[2J"]
literals = numbers.map(str) | st.lists(numbers, max_size=5).map(str) | st.floats().map(str)
literals |= st.sampled_from(VALUES) | st.text(max_size=12)
good = st.sampled_from(list(BOUNDS)).flatmap(
    lambda name: st.lists(st.integers(*BOUNDS[name]), min_size=1, max_size=4).map(
        lambda found: f"{name}={found if name in ('widths', 'angles') else found[0]}"
    )
) | st.sampled_from(["incomplete=mean", "every_reading=True"])
odd = st.tuples(names, literals).map("=".join)
settings = st.lists(good, max_size=3, unique_by=lambda text: text.split("=")[0])
settings_texts = (settings | st.lists(good | odd, max_size=4)).map(" ".join) | st.text(max_size=20)


def accepted(text: str, profile: str, out) -> dict | None:
    """The parameters that the report's door makes of a text; None if it refuses them, in a
    sentence.
    """
    chosen: list[dict] = []
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "build", lambda _, made, *__, **___: chosen.append(made) or Path())
        (out / "results.json").write_text("{}")
        patch.setattr("sys.stderr", said)
        patch.setattr("sys.stdout", io.StringIO())
        code = command.main(["report", "--profile", profile, f"--set={text}", f"--out={out}"])
    if code == 0:
        return chosen[0]
    (line,) = said.getvalue().splitlines()
    assert code == 2 and line.startswith("emolib: error: "), line
    assert line == f"emolib: {one_line(line[8:])}"
    event("refused")
    return None


@given(settings_texts, st.sampled_from(list(PROFILES)))
def test_any_setting_is_taken_or_refused(tmp_path, text, profile):
    with no_hang():
        chosen = accepted(text, profile, tmp_path)
        if chosen is None:
            return
        check(chosen, NOTEBOOKS)
        for name, (low, high) in BOUNDS.items():
            assert all(low <= value <= high for value in np.ravel(chosen.get(name, low)))
        try:  # the largest table of the chapters
            widths, folds = sorted(set(chosen["widths"])), chosen.get("folds", 5)
            seeds = min(chosen.get("seeds", 1), 100)
            choices = {"modality": ["LPQ", "PHOG"], "recipe": ["printed", "converged"]}
            choices |= {"protocol": PROTOCOLS, "max_epochs": chosen.get("epochs", 0)}
            table = sweep(hidden=widths, folds=folds, seed=range(seeds), **choices)
            assert len(table) == 8 * len(widths) * folds * seeds
        except ValueError as error:
            told(error, "a sweep has at most")
    event("taken")


columns = {
    "network": st.sampled_from(["shallow", "cnn", "cnn 2-D", "x"]),
    "modality": st.sampled_from(["LPQ", "PHOG", "LPQ+PHOG", "HOG", "", "+"]),
    "hidden": numbers,
    "angle": numbers | st.floats(),
    "activation_shift": st.sampled_from([0.0, 0.5, 2, np.nan]),
    "schedule": st.sampled_from(["first", "every", "x"]),
    "merge_weights": st.booleans() | st.sampled_from(["False", 1, None]),
    "recipe": st.sampled_from(["printed", "converged", "x"]),
    "max_epochs": st.integers(-1, 2) | st.sampled_from([0.5, 2.0, "2", None, True, np.nan]),
    "protocol": st.sampled_from([*PROTOCOLS, "single split", "x"]),
    "learning_rate": st.sampled_from([0.0, 1e-2, 10.0, -1.0, np.nan, np.inf, 1e30]),
    "optimiser": st.sampled_from(["Adam", "SGD", "x"]),
    "loss": st.sampled_from(["smooth L1", "cross-entropy", "x"]),
    "folds": st.integers(-1, 4) | st.just(61),
    "seed": st.integers(-1, 3) | st.just(10**30),
    "scaling": st.sampled_from(["training rows", "all rows", "x"]),
}


@given(st.fixed_dictionaries({"max_epochs": columns.pop("max_epochs")}, optional=columns))
def test_any_sweep_is_trained_or_refused(tiny, choices):
    with no_hang():
        try:
            table = sweep(**choices)
            if (table["hidden"] > 100).any() or not (table["max_epochs"] > 0).all():
                return  # right, and long
            trained = train(tiny, table, jobs=1)
        except ValueError as error:
            return told(error, "")
    assert all(np.isfinite(result.scores).all() for result in trained.results)
    event("trained")


def test_every_number_of_the_chapters_has_bounds_and_every_profile_keeps_them():
    defaults = {name: value for notebook in NOTEBOOKS for name, value in declared(notebook).items()}
    counted = {name for name, value in defaults.items() if type(value) in (int, float, list)}
    assert counted == set(BOUNDS)
    for profile in PROFILES.values():
        check(defaults | profile, NOTEBOOKS)


# Cases of their own: what such files and settings led to before, or nearly.

DAY = datetime.datetime(2020, 1, 2)
FOUND_IN_TABLES = {
    "a feature too large for single precision": (
        {"feature": 3.5e38},
        "is not a finite number, or is larger than 3.4e+38",
    ),
    "a truth value as label": ({"label": True}, "True is no emotion"),
    "a truth value as feature": ({"feature": True}, "True is not a finite number"),
    "a date as feature": ({"feature": DAY}, "'2020-01-02 00:00:00' is not a finite number"),
    "a date as label": ({"label": DAY}, "'2020-01-02 00:00:00' is no emotion"),
    "digits apart": ({"feature": "1_000"}, "'1_000' is not a finite number"),
    "a very long cell": ({"feature": "x" * 30_000}, "xxx' is not a finite number"),
    "a plus in a modality": ({"header": "A+B"}, "names a modality 'A+B'"),
}


@pytest.mark.parametrize(("change", "words"), FOUND_IN_TABLES.values(), ids=FOUND_IN_TABLES)
@pytest.mark.parametrize("whole_column", [True, False], ids=["column", "cell"])
def test_found_in_tables(tmp_path, change, words, whole_column):
    book = openpyxl.Workbook()
    book.active.append([None, "label", change.get("header", "LPQ"), "PHOG"])
    for row in range(4):
        own = change if whole_column or row == 2 else {}
        label, feature = own.get("label", 1 + row), own.get("feature", row / 3)
        book.active.append([f"Film_{row:09d}", label, feature, row / 2])
    book.save(tmp_path / "faces.xlsx")
    with pytest.raises(ValueError) as error:
        load(tmp_path / "faces.xlsx")
    assert words in str(error.value)
    told(error.value, "faces.xlsx")


def test_a_feature_that_hardly_varies_is_no_leak(tmp_path):
    """Scikit-learn leaves a span of 1e-15 unscaled, which the check of the scaling took for rows
    that it should not have seen.
    """
    rows = [f"Film{row % 3}_{row:09d},{1 + row % 2},{row * 1e-17},{row}" for row in range(12)]
    (tmp_path / "faces.csv").write_text("\n".join([",label,LPQ,PHOG", *rows]))
    used(load(tmp_path / "faces.csv"), trains=True)


def test_an_emotion_of_one_person_is_refused_by_the_name_of_the_file(tmp_path):
    people = ["a" if row % 2 else "bcd"[row % 3] for row in range(12)]
    rows = [f"Film{who}_{row:09d},{1 + row % 2},{row},{row}" for row, who in enumerate(people)]
    (tmp_path / "faces.csv").write_text("\n".join([",label,LPQ,PHOG", *rows]))
    said = "^faces.csv: fold . has no Disgust to train on; use fewer folds, or rows of more people$"
    with pytest.raises(ValueError, match=said):
        used(load(tmp_path / "faces.csv"), trains=False)


@pytest.mark.parametrize("learning_rate", [1e30, np.inf, 11])
def test_a_rate_at_which_weights_leave_single_precision_is_refused(tiny, learning_rate):
    with pytest.raises(ValueError, match="learning_rate is .*; it must be a number from 0 to 10"):
        train(tiny, sweep(modality="LPQ", folds=2, learning_rate=learning_rate))


WHOLE = "it must be a whole number of at least"
FOUND_IN_SETTINGS = [
    ("seeds=0", f"parameter seeds is 0; {WHOLE} 1 and at most 1000"),
    ("folds=1", f"parameter folds is 1; {WHOLE} 2 and at most 100"),
    ("widths=[]", "parameter widths is []; it must be a list such as [6, 11, 16]"),
    ("angles=[0,181]", f"parameter angles is 181; {WHOLE} 0 and at most 180"),
    ("epochs=-1", "parameter epochs is -1; it must be a whole number"),
    ("widths=" + "[" * 9000, "it must be a list such as [6, 11, 16]"),
    ("seeds={[]:1}", "parameter seeds is '{[]:1}'; it must be a whole number"),
    ("seeds=" + "(" * 9000 + ")" * 9000, f"{WHOLE} 1"),
    ("seeds=\x1b[2J", "parameter seeds is '\\x1b[2J'; it must be a whole number"),
]


@pytest.mark.parametrize(("text", "words"), FOUND_IN_SETTINGS, ids=range(9))
def test_found_in_settings(capsys, text, words):
    assert command.main(["report", "--set", text]) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1 and len(said) < 200
