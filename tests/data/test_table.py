"""Spreadsheets: what is read from a good one, and the one sentence that each bad one gets."""

import csv
import re
import subprocess
import sys
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pytest

from emolib.__main__ import main
from emolib.data import load
from emolib.paper import EMOTIONS

PLAIN = (
    None,
    "label",
    *(f"{modality}{number}" for modality in ("LPQ", "PHOG") for number in range(1, 6)),
)
MERGED = (
    *(None, "label"),
    *(
        "First 5 Principal Components of Phase (LPQ) features\nPhase (LPQ) features",
        None,
        None,
        None,
        None,
    ),
    *("First 5 Principal Components of Pyramid (PHOG) features", None, None, None, None),
)
TITLES = ("Alpha", "Beta_Two", "Gamma", "Delta", "Epsilon", "Zeta", "Eta")
BOTH = pytest.mark.parametrize("suffix", [".xlsx", ".csv"])


def name(title, number, joint="_"):
    """An invented row's name in the pattern of SFEW's."""
    return f"{title}{joint}{number:09d}_{number + 7:08d}.mat"


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


def test_a_workbook_and_a_csv_of_the_same_table_have_one_digest(tmp_path):
    rows = sheet_rows(TITLES * 100, list(range(1, 8)) * 100)
    digests = {
        load(write(tmp_path / f"faces{suffix}", rows, header)).digest
        for suffix in (".xlsx", ".csv")
        for header in (MERGED, PLAIN)
    }
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [(0, 0, name("Theta", 0)), (1, 1, 3), (2, 5, 0.25)],
    ids=["title", "label", "feature"],
)
def test_another_value_gives_another_digest(tmp_path, row, column, value):
    rows = sheet_rows()
    before = load(write(tmp_path / "faces.csv", rows)).digest
    rows[row][column] = value
    assert load(write(tmp_path / "faces.csv", rows)).digest != before


@pytest.mark.parametrize(
    ("row_name", "group"),
    [
        (name("HarryPotter_Invented_Sequel", 1), "HarryPotter"),
        (name("HarryPotter_Another_One_2", 1), "HarryPotter"),
        (name("OceansFourteen", 1), "Oceans"),
        (name("Oceans_99", 1), "Oceans"),
        (name("Hyphened", 1, joint="-"), "Hyphened"),
        (name("7", 1), "7"),
        (name("60_40", 1), "60_40"),
        (name("Two_Words", 1), "Two_Words"),
    ],
)
def test_a_title_is_the_group_and_a_series_is_one(tmp_path, row_name, group):
    rows = sheet_rows()
    rows[4][0] = row_name
    assert load(write(tmp_path / "faces.xlsx", rows)).groups[4] == group


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
        assert data.labels.tolist() == [0, 1, 2, 6] and data.groups.tolist() == [
            "Alpha",
            "Beta_Two",
            "Gamma",
            "Eta",
        ]
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

    def test_are_refused_by_row(self, path):
        assert "row 5" in complaint(path, incomplete="error")


@pytest.mark.parametrize(
    ("label", "found"),
    [(5, "same features under two labels"), (3, "same features and label twice")],
)
def test_a_frame_that_stands_twice_is_kept_and_told(tmp_path, label, found):
    rows = sheet_rows()
    rows.append([name("Alpha", 99), label, *rows[2][2:]])  # row 2 has label 3
    data = load(write(tmp_path / "faces.xlsx", rows))
    assert len(data) == 8
    assert data.repairs[["found", "rows"]].values.tolist() == [[found, 2]]


@BOTH
@pytest.mark.parametrize(
    ("column", "value", "place"),
    [
        pytest.param(1, 0, "row 5, column label", id="label 0"),
        pytest.param(1, 8, "row 5, column label", id="label 8"),
        pytest.param(1, 1.5, "row 5, column label", id="label 1.5"),
        pytest.param(1, "Glad", "row 5, column label", id="label text"),
        pytest.param(1, None, "row 5, column label", id="label blank"),
        pytest.param(4, "wide", "row 5, column 5", id="feature text"),
        pytest.param(11, "inf", "row 5, column 12", id="feature infinite"),
    ],
)
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
    assert data.repairs.values.tolist() == [
        [
            "only 6 of 7 file names say who is who, as in SFEW",
            7,
            "persons unknown: no person-independent folds",
        ]
    ]


def as_text(cell):
    """A number as text with a decimal comma."""
    if isinstance(cell, str):
        return cell
    return None if cell != cell else str(cell).replace(".", ",")


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
    "emotions in words": lambda frame, path: frame.assign(
        label=frame["label"].map(dict(enumerate(EMOTIONS, 1))).str.upper()
    ).to_csv(path),
    "workbook": lambda frame, path: frame.to_excel(path.with_suffix(".xlsx"), index=False),
    "workbook, index": lambda frame, path: frame.to_excel(path.with_suffix(".xlsx")),
    "workbook of text": lambda frame, path: frame.map(as_text).to_excel(path.with_suffix(".xlsx")),
    "index twice": lambda frame, path: frame.reset_index().to_csv(path),
}
HEADERS = {
    "as distributed": None,
    "plain": "name label LPQ1 LPQ2 LPQ3 LPQ4 LPQ5 PHOG1 PHOG2 PHOG3 PHOG4 PHOG5",
    "lower case": "file label lpq1 lpq2 lpq3 lpq4 lpq5 phog1 phog2 phog3 phog4 phog5",
    "components": "- Label " + " ".join(f"{m}_PC{k}" for m in ("LPQ", "PHOG") for k in range(1, 6)),
    "features": "- label "
    + " ".join(f"{m}~feature~{k}" for m in ("LPQ", "PHOG") for k in range(1, 6)),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("header", HEADERS)
def test_every_spelling_of_a_table_has_one_digest(tmp_path, monkeypatch, spelling, header):
    rows = sheet_rows(TITLES * 3, list(range(1, 8)) * 3)
    rows[4][7] = None
    expected = load(write(tmp_path / "faces.xlsx", rows))
    frame = pd.read_excel(tmp_path / "faces.xlsx")
    if HEADERS[header]:
        frame.columns = [
            "" if title == "-" else title.replace("~", " ") for title in HEADERS[header].split()
        ]
        if "Label" in frame:
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


def test_rows_are_counted_as_a_spreadsheet_program_counts_them(tmp_path):
    rows = [*sheet_rows(), [], [name("Alpha", 9), 8, *range(10)]]
    for suffix in (".xlsx", ".csv"):
        assert "row 10," in complaint(write(tmp_path / f"faces{suffix}", rows))


def changed(column, title):
    return (*PLAIN[:column], title, *PLAIN[column + 1 :])


def without_features(rows):
    return [[*row[:5], None, *row[6:]] for row in rows]


@BOTH
@pytest.mark.parametrize(
    ("header", "edit", "words"),
    [
        pytest.param(changed(1, "emotion"), list, ["label"], id="no label column"),
        pytest.param(changed(2, None), list, ["column 3"], id="first feature unnamed"),
        pytest.param(
            changed(7, "LPQ6"), list, ["LPQ 6", "PHOG 4"], id="modalities of unequal width"
        ),
        pytest.param(
            PLAIN[:2], lambda rows: [row[:2] for row in rows], ["feature"], id="no feature column"
        ),
        pytest.param(PLAIN, lambda rows: [], ["no rows"], id="header only"),
        pytest.param(PLAIN, without_features, ["every row"], id="all rows incomplete"),
    ],
)
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


@pytest.mark.parametrize(
    ("file", "make", "words"),
    [
        pytest.param("gone.xlsx", lambda path: None, "no such file", id="missing"),
        pytest.param(
            "gone.xlsx",
            lambda path: path.mkdir(),
            "no sub-folder named after an emotion",
            id="folder",
        ),
        pytest.param(
            "notes.xlsx",
            lambda path: path.write_text("a few words"),
            "not an Excel workbook",
            id="text as .xlsx",
        ),
        pytest.param(
            "notes.xlsx",
            lambda path: zipped(path, text="words"),
            "not an Excel workbook",
            id="zip as .xlsx",
        ),
        pytest.param("notes.xlsx", cut_short, "workbook", id="workbook cut short"),
        pytest.param(
            "notes.xlsx", lambda path: path.touch(), "not an Excel workbook", id="empty .xlsx"
        ),
        pytest.param(
            "notes.xlsx", lambda path: openpyxl.Workbook().save(path), "label", id="empty sheet"
        ),
        pytest.param("notes.csv", lambda path: path.touch(), "CSV", id="empty .csv"),
        pytest.param(
            "notes.csv", lambda path: path.write_bytes(b"\xff\xfe\x00"), "CSV", id="bytes as .csv"
        ),
        pytest.param(
            "notes.csv",
            lambda path: path.write_text(",label,A\nb,1,2\nc,1,2,3\n"),
            "CSV",
            id="ragged .csv",
        ),
        pytest.param(
            "notes.md",
            lambda path: path.write_text("a few words"),
            ".xlsx, .csv",
            id="wrong suffix",
        ),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, file, make, words):
    make(tmp_path / file)
    assert words in complaint(tmp_path / file)


def test_an_unknown_way_with_incomplete_rows_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'x'.*'drop', 'mean', 'error'"):
        load(write(tmp_path / "faces.csv", sheet_rows()), incomplete="x")


@pytest.mark.parametrize("text", [None, "a few words"], ids=["missing", "text as .xlsx"])
def test_the_command_line_says_it_in_one_line_and_keeps_the_old_report(tmp_path, text):
    bad, old = tmp_path / "bad.xlsx", tmp_path / "out" / "report.html"
    old.parent.mkdir()
    old.write_text("an earlier report")
    if text:
        bad.write_text(text)
    command = [
        sys.executable,
        "-m",
        "emolib",
        "report",
        "--data",
        str(bad),
        "--out",
        str(old.parent),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert re.search(r"\nemolib: error: .*bad\.xlsx.*\n$", done.stderr) and not done.stdout
    assert old.read_text() == "an earlier report" and {
        path.name for path in old.parent.iterdir()
    } <= {old.name, ".build.lock"}


@pytest.mark.parametrize(
    "header, labels, missing",
    [
        ("HOG", range(1, 8), "LPQ"),
        ("LPQ", range(1, 8), "PHOG"),
        ("LPQ,PHOG", range(1, 7), "Surprise"),
    ],
)
def test_data_that_the_chapters_cannot_do_with_stop_before_any_chapter_runs(
    tmp_path, capsys, header, labels, missing
):
    names = header.split(",")
    rows = [f"Film_{label:09d},{label}" + f",0.{label}" * len(names) for label in labels]
    (tmp_path / "own.csv").write_text("\n".join([f",label,{header}", *rows]))
    assert (
        main(["report", "--data", str(tmp_path / "own.csv"), "--out", str(tmp_path / "out")]) == 2
    )
    assert f"own.csv: there is no {missing};" in capsys.readouterr().err
    assert {path.name for path in (tmp_path / "out").iterdir()} <= {
        ".build.lock"
    }  # no page, no results


@pytest.fixture(scope="module")
def real(sfew):
    return load(sfew)


class TestTheRealSpreadsheet:
    def test_has_674_complete_rows_of_seven_emotions(self, real):
        assert {name: values.shape for name, values in real.features.items()} == {
            "LPQ": (674, 5),
            "PHOG": (674, 5),
        }
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
