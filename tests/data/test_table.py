"""Spreadsheets: what is read from a good one, and the one sentence that each bad one gets."""

import csv
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from emolib.__main__ import main
from emolib.data import load
from emolib.paper import EMOTIONS

NUMBERED = [f"{modality}{number}" for modality in ("LPQ", "PHOG") for number in range(1, 6)]
PLAIN = (None, "label", *NUMBERED)
FIRST = "First 5 Principal Components of Phase (LPQ) features\nPhase (LPQ) features"
SECOND = "First 5 Principal Components of Pyramid (PHOG) features"
MERGED = (None, "label", FIRST, None, None, None, None, SECOND, None, None, None, None)
TITLES = ("Alpha", "Beta_Two", "Gamma", "Delta", "Epsilon", "Zeta", "Eta")
BOTH = pytest.mark.parametrize("suffix", [".xlsx", ".csv"])


def name(title, number):
    """An invented row's name in the pattern of SFEW's."""
    return f"{title}_{number:09d}_{number + 7:08d}.mat"


def sheet_rows(titles=TITLES, labels=range(1, 8)):
    """Rows as lists of cells: name, label, ten features."""
    values = np.random.default_rng(2011).normal(0, 0.1, (len(titles), 10))
    return [
        [name(title, row), label, *values[row].tolist()]
        for row, (title, label) in enumerate(zip(titles, labels, strict=True))
    ]


def write(path, rows, header=MERGED):
    """A table in SFEW's layout, as workbook or CSV by the path's suffix."""
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *rows])
        return path
    book = openpyxl.Workbook()
    book.active.title = "SFEW.csv"
    for row in [header, *rows]:
        book.active.append(row)
    if header is MERGED:
        book.active.merge_cells("C1:G1")
    book.save(path)
    return path


def complaint(path, **options):
    """The message about a bad file: one sentence that names the file."""
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        load(path, **options)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message and not re.search(r"[.!?] [A-Z]", message)
    return message


@BOTH
@pytest.mark.parametrize("header", [MERGED, PLAIN], ids=["merged", "plain"])
def test_every_cell_arrives(tmp_path, suffix, header):
    rows = sheet_rows()
    data = load(write(tmp_path / f"faces{suffix}", rows, header))
    assert data.modalities == ("LPQ", "PHOG")
    cells = np.array([row[2:] for row in rows], np.float32)
    np.testing.assert_array_equal(np.hstack(list(data.features.values())), cells)
    assert all(values.dtype == np.float32 for values in data.features.values())
    assert data.labels.tolist() == [0, 1, 2, 3, 4, 5, 6] and data.classes == EMOTIONS
    assert data.names.tolist() == [row[0] for row in rows]
    assert data.groups.tolist() == list(TITLES)
    assert data.source == f"faces{suffix}" and not data.drawn and data.repairs.empty


@pytest.mark.parametrize("row, column, value", [(0, 0, name("Theta", 0)), (1, 1, 3), (2, 5, 0.25)])
def test_another_value_gives_another_digest(tmp_path, row, column, value):
    rows = sheet_rows()
    before = load(write(tmp_path / "faces.csv", rows)).digest
    rows[row][column] = value
    assert load(write(tmp_path / "faces.csv", rows)).digest != before


@BOTH
class TestIncompleteRows:
    @pytest.fixture
    def path(self, tmp_path, suffix):
        """Rows 4 and 6 are one frame that lacks its eighth feature and has a wild third one; row 5
        lacks its third.
        """
        rows = sheet_rows()
        rows[3][4], rows[3][9], rows[4][4] = 50.0, None, None
        rows[5][2:] = rows[3][2:]
        return write(tmp_path / f"faces{suffix}", rows)

    def test_are_dropped_unless_asked_otherwise(self, path):
        data = load(path)
        assert data.labels.tolist() == [0, 1, 2, 6]
        assert data.groups.tolist() == ["Alpha", "Beta_Two", "Gamma", "Eta"]
        assert data.names.tolist() == [row[0] for row in sheet_rows() if row[1] not in (4, 5, 6)]
        assert [len(values) for values in data.features.values()] == [4, 4]
        assert data.repairs.values.tolist() == [["row lacks one feature or more", 3, "dropped"]]

    def test_are_filled_with_the_mean_over_complete_rows(self, path):
        data, rows = load(path, incomplete="mean"), sheet_rows()
        means = np.mean([rows[row][2:] for row in (0, 1, 2, 6)], axis=0)
        assert len(data) == 7
        assert data.features["LPQ"][3:6, 2] == pytest.approx([50, means[2], 50])
        assert data.features["PHOG"][3:6, 2] == pytest.approx([means[7], rows[4][9], means[7]])
        assert data.repairs[["found", "rows"]].values.tolist() == [
            ["row lacks one feature or more", 3],
            ["same features under two labels", 2],
        ]
        assert "mean" in data.repairs["done"][0]


@pytest.mark.parametrize("label, found", [(5, "under two labels"), (3, "and label twice")])
def test_a_frame_that_stands_twice_is_kept_and_told(tmp_path, label, found):
    rows = sheet_rows()
    rows.append([name("Alpha", 99), label, *rows[2][2:]])  # row 2 has label 3
    data = load(write(tmp_path / "faces.xlsx", rows))
    assert len(data) == 8
    assert data.repairs[["found", "rows"]].values.tolist() == [[f"same features {found}", 2]]


BAD_CELLS = {
    "label 0": (1, 0, "row 5, column label"),
    "label 8": (1, 8, "row 5, column label"),
    "label 1.5": (1, 1.5, "row 5, column label"),
    "label text": (1, "Glad", "row 5, column label: 'Glad' is no emotion"),
    "label blank": (1, None, "row 5, column label: a blank cell is no emotion"),
    "feature text": (4, "wide", "row 5, column 5: 'wide' is not a finite number"),
    "feature infinite": (11, "inf", "row 5, column 12"),
}


@BOTH
@pytest.mark.parametrize(("column", "value", "place"), BAD_CELLS.values(), ids=BAD_CELLS)
def test_a_bad_cell_is_named_by_row_and_column(tmp_path, suffix, column, value, place):
    rows = sheet_rows()
    rows[3][column] = value
    assert place in complaint(write(tmp_path / f"faces{suffix}", rows))


@BOTH
@pytest.mark.parametrize("value", ["Digitless", None, "IMG_2031.jpg"])
def test_one_name_that_tells_nobody_makes_the_persons_unknown(tmp_path, suffix, value):
    rows = sheet_rows()
    rows[3][0] = value
    data = load(write(tmp_path / f"faces{suffix}", rows))
    assert data.groups is None and data.names[3] == (value or "")
    found, rows, done = data.repairs.values.tolist()[0]
    assert found == "only 6 of 7 file names say who is who, as in SFEW" and rows == 7
    assert done == "persons unknown: no person-independent folds"


def as_text(cell):
    """A number as text with a decimal comma."""
    if isinstance(cell, str):
        return cell
    return None if cell != cell else str(cell).replace(".", ",")


def in_words(frame, path):
    words = frame["label"].map(dict(enumerate(EMOTIONS, 1))).str.upper()
    frame.assign(label=words).to_csv(path)


SPELLINGS = {
    "pandas": lambda frame, path: frame.to_csv(path, index=False),
    "pandas, index": lambda frame, path: frame.to_csv(path),
    "semicolons, decimal comma": lambda frame, path: frame.to_csv(path, sep=";", decimal=","),
    "tabs": lambda frame, path: frame.to_csv(path, sep="\t", index=False),
    "tabs, decimal comma": lambda frame, path: frame.to_csv(path, sep="\t", decimal=","),
    "commas, decimal comma": lambda frame, path: frame.to_csv(path, index=False, decimal=","),
    "UTF-16": lambda frame, path: frame.to_csv(path, encoding="utf-16"),
    "missing": lambda frame, path: frame.to_csv(path, na_rep="#N/A"),
    "float labels": lambda frame, path: frame.astype({"label": float}).to_csv(path),
    "emotions in words": in_words,
    "workbook": lambda frame, path: frame.to_excel(path.with_suffix(".xlsx"), index=False),
    "workbook, index": lambda frame, path: frame.to_excel(path.with_suffix(".xlsx")),
    "workbook of text": lambda frame, path: frame.map(as_text).to_excel(path.with_suffix(".xlsx")),
    "index twice": lambda frame, path: frame.reset_index().to_csv(path),
}
HEADERS = {
    "as distributed": None,
    "plain": ["name", "label", *NUMBERED],
    "lower case": ["file", "label", *map(str.lower, NUMBERED)],
    "components": ["", "Label", *(f"{title[:-1]}_PC{title[-1]}" for title in NUMBERED)],
    "features": ["", "label", *(f"{title[:-1]} feature {title[-1]}" for title in NUMBERED)],
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("header", HEADERS)
def test_every_spelling_of_a_table_has_one_digest(tmp_path, monkeypatch, spelling, header):
    rows = sheet_rows(TITLES * 3, list(range(1, 8)) * 3)
    rows[4][7] = None
    expected = load(write(tmp_path / "faces.xlsx", rows))
    frame = pd.read_excel(tmp_path / "faces.xlsx")
    if HEADERS[header]:
        frame.columns = HEADERS[header]
        frame = frame.rename(columns={"Label": "label"})
        shuffled = np.random.default_rng(3).permutation(len(frame.columns))
        frame = frame.iloc[:, shuffled] if "" not in frame else frame
    monkeypatch.setenv("HOME", str(tmp_path))
    SPELLINGS[spelling](frame, tmp_path / "own.csv")
    suffix = "xlsx" if spelling.startswith("workbook") else "csv"
    found = load(f"~/own.{suffix}")
    assert found.digest == expected.digest and np.array_equal(found.names, expected.names)
    assert len(found) == 20 and len(set(found.groups)) == 7


@pytest.mark.parametrize("numbers", [("1,001", "2,002"), ("1,5", "0.5"), ("1.000,5", "2.000,5")])
def test_commas_that_may_part_thousands_are_refused(tmp_path, numbers):
    rows = [[name("Alpha", at), 1 + at, *numbers] for at in range(3)]
    path = write(tmp_path / "faces.xlsx", rows, [None, "label", "LPQ", "PHOG"])
    assert "is not a finite number" in complaint(path)


@pytest.mark.parametrize("names", [["NA"] * 7, [None] * 7, range(7), ["a", "b"] * 3 + ["c"]])
def test_a_table_whose_names_tell_nothing_is_read_with_persons_unknown(tmp_path, names):
    rows = [[name, *row[1:]] for name, row in zip(names, sheet_rows(), strict=True)]
    data = load(write(tmp_path / "faces.csv", rows, ("name", *PLAIN[1:])))
    assert data.groups is None and len(data) == 7 and data.modalities == ("LPQ", "PHOG")
    assert "persons unknown" in data.repairs["done"][0]
    rows = [row[1:] for row in rows]
    assert len(load(write(tmp_path / "nameless.csv", rows, PLAIN[1:]))) == 7


@pytest.mark.parametrize("source", [3, np.zeros(3), b"x", ["a"]])
def test_a_source_that_is_no_path_is_refused(source):
    with pytest.raises(ValueError, match="source is a .*; it must be the path of a file or folder"):
        load(source)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"labels": np.arange(60) % 3 + 0.0}, "labels must be whole numbers .N. from 0 to 2"),
        ({"labels": np.arange(60) % 4}, r"from 0 to 2, one per row, not \[0, 1, 2, 3\]"),
        ({"groups": np.array([None] * 60)}, "groups must hold a name for each row, or be None"),
        ({"names": np.arange(59)}, "names has 59 rows, labels has 60"),
        ({"descriptors": {"LPQ": np.zeros((9, 9))}}, "LPQ has 9 rows, labels has 60"),
        ({"features": {"LPQ": np.full((60, 5), np.nan)}}, "LPQ must be an array of finite numbers"),
    ],
)
def test_parts_that_do_not_fit_each_other_are_refused(tiny, change, sentence):
    with pytest.raises(ValueError, match=f"^60 random rows: .*{sentence}"):
        replace(tiny, **change)


def test_rows_are_counted_as_a_spreadsheet_program_counts_them(tmp_path):
    rows = [*sheet_rows(), [], [name("Alpha", 9), 8, *range(10)]]
    for suffix in (".xlsx", ".csv"):
        assert "row 10," in complaint(write(tmp_path / f"faces{suffix}", rows))


def test_of_several_sheets_the_one_with_a_label_is_read(tmp_path):
    expected = load(write(tmp_path / "one.xlsx", sheet_rows())).digest
    book = openpyxl.load_workbook(write(tmp_path / "faces.xlsx", sheet_rows()))
    book.create_sheet("Notes", 0).append(["these are notes"])
    book.save(tmp_path / "faces.xlsx")
    assert load(tmp_path / "faces.xlsx").digest == expected


def test_the_home_of_nobody_is_no_place(tmp_path):
    with pytest.raises(FileNotFoundError, match="~nobody-here/faces.csv: there is no such file"):
        load("~nobody-here/faces.csv")


def changed(column, title):
    return (*PLAIN[:column], title, *PLAIN[column + 1 :])


def without_features(rows):
    return [[*row[:5], None, *row[6:]] for row in rows]


SHAPES = {
    "no label column": (changed(1, "emotion"), list, ["no cell 'label' but", "'emotion'"]),
    "first feature unnamed": (changed(2, None), list, ["column 3 names a modality ''"]),
    "unequal width": (changed(7, "LPQ6"), list, ["LPQ 6", "PHOG 4"]),
    "no feature column": (PLAIN[:2], lambda rows: [row[:2] for row in rows], ["none beside"]),
    "one name in two spellings": (
        (None, "label", "A 1", *["A"] * 9),
        list,
        ["'A' and 'A 1' would be read as one modality A"],
    ),
    "two networks of one family": (
        (None, "label", "VGG16", *[None] * 4, "VGG19", *[None] * 4),
        list,
        ["'VGG16' and 'VGG19' would be read as one modality VGG"],
    ),
    "header only": (PLAIN, lambda rows: [], ["no row that has all features"]),
    "all rows incomplete": (PLAIN, without_features, ["no row that has all features"]),
}


@BOTH
@pytest.mark.parametrize(("header", "edit", "words"), SHAPES.values(), ids=SHAPES)
def test_a_table_of_another_shape_is_refused(tmp_path, suffix, header, edit, words):
    message = complaint(write(tmp_path / f"faces{suffix}", edit(sheet_rows()), header))
    assert all(word in message for word in words)


def zipped(path, **members):
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in members.items():
            archive.writestr(member, text)


def cut_short(path):
    """A workbook whose sheet ends in the middle."""
    write(path, sheet_rows())
    with zipfile.ZipFile(path) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    zipped(path, **members | {sheet: members[sheet][:500]})


NO_TABLES = {
    "missing": ("gone.xlsx", lambda path: None, "no such file"),
    "folder": ("gone.xlsx", Path.mkdir, "two sub-folders named after emotions are needed"),
    "text as .xlsx": ("a.xlsx", lambda path: path.write_text("words"), "not an Excel workbook"),
    "zip as .xlsx": ("a.xlsx", lambda path: zipped(path, text="words"), "not an Excel workbook"),
    "workbook cut short": ("a.xlsx", cut_short, "workbook"),
    "empty .xlsx": ("a.xlsx", Path.touch, "not an Excel workbook"),
    "empty sheet": ("a.xlsx", lambda path: openpyxl.Workbook().save(path), "label"),
    "empty .csv": ("a.csv", Path.touch, "no cell 'label' but blank cells"),
    "bytes as .csv": ("a.csv", lambda path: path.write_bytes(b"\xff\xfe\x00"), "CSV"),
    "ragged .csv": ("a.csv", lambda path: path.write_text(",label,A\nb,1,2\nc,1,2,3\n"), "CSV"),
    "wrong suffix": ("a.md", lambda path: path.write_text("a few words"), ".xlsx, .csv"),
}


@pytest.mark.parametrize(("file", "make", "words"), NO_TABLES.values(), ids=NO_TABLES)
def test_what_is_no_table_is_refused(tmp_path, file, make, words):
    make(tmp_path / file)
    assert words in complaint(tmp_path / file)


def test_an_unknown_way_with_incomplete_rows_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'x'.*'drop', 'mean'"):
        load(write(tmp_path / "faces.csv", sheet_rows()), incomplete="x")


@pytest.mark.parametrize("text", [None, "a few words"], ids=["missing", "text as .xlsx"])
def test_the_command_line_says_it_in_one_line_and_keeps_the_old_report(tmp_path, text):
    bad, old = tmp_path / "bad.xlsx", tmp_path / "out" / "report.html"
    old.parent.mkdir()
    old.write_text("an earlier report")
    if text:
        bad.write_text(text)
    command = [sys.executable, "-m", "emolib", "report", "--data", bad, "--out", old.parent]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert re.search(r"\nemolib: error: .*bad\.xlsx.*\n$", done.stderr) and not done.stdout
    assert old.read_text() == "an earlier report"
    assert {path.name for path in old.parent.iterdir()} <= {old.name, ".build.lock"}


@pytest.mark.parametrize(
    "header, last, words",
    [
        ("HOG", 7, "there is no LPQ;"),
        ("LPQ", 7, "there is no PHOG;"),
        ("LPQ,PHOG", 6, "there is no Surprise;"),
        ("LPQ,PHOG", 7, "Angry has 1 rows, fewer than the 3 folds"),
    ],
)
def test_data_that_the_chapters_cannot_do_with_stop_before_any_chapter_runs(
    tmp_path, capsys, header, last, words
):
    features = len(header.split(","))
    rows = [f"Film_{label:09d},{label}" + f",0.{label}" * features for label in range(1, last + 1)]
    (tmp_path / "own.csv").write_text("\n".join([f",label,{header}", *rows]))
    out = tmp_path / "out"
    assert main(["report", "--data", str(tmp_path / "own.csv"), "--out", str(out)]) == 2
    assert f"own.csv: {words}" in capsys.readouterr().err
    assert {path.name for path in out.iterdir()} <= {".build.lock"}  # no page, no results


@pytest.fixture(scope="module")
def real(sfew):
    return load(sfew)


class TestTheRealSpreadsheet:
    def test_has_674_complete_rows_of_seven_emotions(self, real):
        shapes = {name: values.shape for name, values in real.features.items()}
        assert shapes == {"LPQ": (674, 5), "PHOG": (674, 5)}
        assert all(np.isfinite(values).all() for values in real.features.values())
        counts = np.bincount(real.labels)
        whole = np.array([100, 75, 100, 100, 100, 100, 100])
        assert len(real) == counts.sum() == 674 and sorted(whole - counts) == [0, 0, 0, 0, 0, 0, 1]

    def test_stands_for_people_by_50_groups_of_unequal_size(self, real):
        groups, sizes = np.unique(real.groups, return_counts=True)
        assert len(groups) == 50 and sizes.max() == 91 and groups[sizes.argmax()] == "HarryPotter"
        assert {"21", "50_50", "Oceans"} <= set(groups)
        assert 674**2 / (sizes**2).sum() == pytest.approx(18, abs=0.6)  # inverse Simpson

    def test_is_repaired_as_known(self, real):
        assert real.repairs.values.tolist() == [
            ["row lacks one feature or more", 1, "dropped"],
            ["same features under two labels", 2, "kept, under both labels"],
        ]

    def test_without_the_corrupted_row_has_the_papers_centres(self, real):
        lpq = real.features["LPQ"]
        centres = ((lpq - lpq.min(0)) / (lpq.max(0) - lpq.min(0))).mean(0)
        assert centres.round(2).tolist() == pytest.approx([0.05, 0.44, 0.37, 0.37, 0.50])

    def test_keeps_the_corrupted_row_when_asked_to(self, sfew):
        filled = load(sfew, incomplete="mean")
        counts = np.bincount(filled.labels).tolist()
        assert len(filled) == 675 and counts == [100, 75, 100, 100, 100, 100, 100]
        assert filled.features["LPQ"][:, 0].max() > 0.9  # the next largest is 0.165
