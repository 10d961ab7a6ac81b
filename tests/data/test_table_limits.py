"""Files that are made to do harm, or are merely too large: refused at the door, in one sentence,
and nothing is fetched or run.
"""

import io
import re
import struct
import zipfile

import numpy as np
import openpyxl
import pytest
from data.test_table import complaint, sheet_rows, write
from openpyxl.utils import get_column_letter
from PIL import Image

from emolib.data import table as cells
from emolib.data.table import read_cells

SHEET = "xl/worksheets/sheet1.xml"
FILE = 'SYSTEM "file:///etc/hostname"'
LAUGHS = "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True)
)
ENTITIES = {
    "billion laughs": f'<!ENTITY a "ha">{LAUGHS}',
    "quadratic blowup": f'<!ENTITY j "{"ha" * 100_000}">',
    "external file": f"<!ENTITY j {FILE}>",
    "external address": '<!ENTITY j SYSTEM "http://127.0.0.1:9/">',
    "parameter entity": f'<!ENTITY % p {FILE}> %p; <!ENTITY j "x">',
}


def altered(path, change, member=SHEET):
    """A good workbook in which one member's text has been changed."""
    write(path, sheet_rows())
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (members | {member: change(members[member].decode())}).items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "member", [SHEET, "xl/styles.xml", "xl/workbook.xml", "[Content_Types].xml"]
)
@pytest.mark.parametrize("entities", ENTITIES.values(), ids=ENTITIES)
def test_entities_are_not_expanded(tmp_path, member, entities):
    def change(text):
        text = text if text.startswith("<?xml") else f"<?xml version='1.0'?>{text}"
        return re.sub(r"(<\?xml[^>]*\?>)", rf"\1<!DOCTYPE d [{entities}]>", text).replace(
            "</", "<x>&j;</x></", 1
        )

    assert "workbook" in complaint(altered(tmp_path / "faces.xlsx", change, member))


def test_without_defusedxml_nothing_is_read(tmp_path, monkeypatch):
    path = write(tmp_path / "faces.xlsx", sheet_rows())
    monkeypatch.setattr(cells, "DEFUSEDXML", False)
    with pytest.raises(ValueError, match="read through defusedxml alone"):
        read_cells(path)


def swollen(text):
    return text.replace("</sheetData>", "</sheetData>" + " " * (cells.BYTES + 1))


class TestBombs:
    def test_an_archive_that_says_it_unpacks_to_too_much(self, tmp_path):
        path = altered(tmp_path / "faces.xlsx", swollen)
        assert path.stat().st_size < 200_000
        assert "unpacks to more than 64 MiB" in complaint(path)

    def test_an_archive_that_lies_about_what_it_unpacks_to(self, tmp_path):
        path = altered(tmp_path / "faces.xlsx", swollen)
        content = bytearray(path.read_bytes())
        real = struct.pack("<L", zipfile.ZipFile(path).getinfo(SHEET).file_size)
        assert content.count(real) == 2  # before the member, and in the directory at the end
        path.write_bytes(content.replace(real, struct.pack("<L", 9999)))
        assert "damaged" in complaint(path)

    def test_large_members_that_no_one_needs(self, tmp_path):
        path = write(tmp_path / "faces.xlsx", sheet_rows())
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("xl/media/image1.png", bytes(cells.BYTES))
        assert "unpacks to more than 64 MiB" in complaint(path)

    def test_a_large_file(self, tmp_path):
        for name in ("faces.csv", "faces.xlsx"):
            with (tmp_path / name).open("wb") as file:
                file.truncate(cells.BYTES + 1)  # takes no room on disk
            assert "more than 64 MiB" in complaint(tmp_path / name)

    def test_a_deep_tree(self, tmp_path):
        deep = "<a>" * 200_000 + "</a>" * 200_000
        path = altered(
            tmp_path / "faces.xlsx",
            lambda text: text.replace("<sheetData>", f"<sheetData><row>{deep}</row>"),
        )
        assert read_cells(path).shape[1] == 12  # what is no cell is none, however deep


class TestLimits:
    @pytest.fixture(autouse=True)
    def small(self, monkeypatch):
        for name, value in {"ROWS": 20, "COLUMNS": 30, "CELLS": 200}.items():
            monkeypatch.setattr(cells, name, value)

    @pytest.mark.parametrize("suffix", [".xlsx", ".csv"])
    @pytest.mark.parametrize(
        ("rows", "columns", "words"),
        [
            (20, 10, None),
            (21, 1, "at row 21, more than 20 rows"),
            (1, 30, None),
            (2, 31, "at row 1, more than .* 30 columns"),
            (19, 11, "at row 19, more than .* 200 cells"),
        ],
    )
    def test_hold_to_the_cell(self, tmp_path, suffix, rows, columns, words):
        path = write(tmp_path / f"t{suffix}", [[1] * columns] * (rows - 1), [1] * columns)
        if words is None:
            assert read_cells(path).shape == (rows, columns)
        else:
            words = rf"^t\{suffix}: .*{words}.*, which is more than this program reads$"
            with pytest.raises(ValueError, match=words):
                read_cells(path)

    def test_blank_cells_do_not_count(self, tmp_path):
        book = openpyxl.Workbook()
        book.active["B2"] = 1
        for place in ("A1048576", "XFD3", f"{get_column_letter(500)}9"):
            book.active[place].number_format = "0.00"  # a format, and no value
        book.save(tmp_path / "t.xlsx")
        assert read_cells(tmp_path / "t.xlsx").values.tolist() == [[None, None], [None, 1]]
        (tmp_path / "t.csv").write_text(f"{',' * 99}\n ,1{',' * 98}\n{',' * 99}\n" * 1)
        assert read_cells(tmp_path / "t.csv").values.tolist() == [[None, None], [None, "1"]]

    @pytest.mark.parametrize("row, place", [(1048576, "A1048576"), (99, "XFD99")])
    def test_one_cell_at_the_far_end(self, tmp_path, row, place):
        cell = f'<row r="{row}"><c r="{place}"><v>1</v></c></row>'
        path = altered(
            tmp_path / "t.xlsx", lambda text: text.replace("</sheetData>", f"{cell}</sheetData>")
        )
        with pytest.raises(ValueError, match="more than this program reads"):
            read_cells(path)

    @pytest.mark.parametrize("dimension", ["A1:XFD1048576", "A1:A1", "nonsense", "ZZZZ1:A1"])
    def test_what_a_sheet_says_of_its_size_is_not_believed(self, tmp_path, dimension):
        path = altered(
            tmp_path / "t.xlsx",
            lambda text: re.sub(r'<dimension ref="[^"]*"', f'<dimension ref="{dimension}"', text),
        )
        try:
            assert read_cells(path).shape == (8, 12)
        except ValueError as error:
            assert "damaged" in str(error) and dimension in ("nonsense", "ZZZZ1:A1")

    @pytest.mark.parametrize("row", [f'<row r="{r}">' for r in ("99999999999", "-5", "1e9", "x")])
    def test_rows_and_columns_that_no_sheet_has(self, tmp_path, row):
        path = altered(
            tmp_path / "t.xlsx",
            lambda text: text.replace("</sheetData>", f"{row}<c><v>1</v></c></row></sheetData>"),
        )
        try:
            assert len(read_cells(path)) <= 8  # beyond any sheet
        except ValueError as error:
            assert str(error).startswith("t.xlsx: ")


OTHER_CSVS = {
    "zero byte": (b",label,A\nb\0,1,2\n", "zero bytes"),
    "UTF-16": (",label,A\nb,1,2\n".encode("utf-16-le"), "zero bytes"),
    "Latin-1": (",label,A\nAmélie_000000001,1,2\n".encode("latin-1"), "UTF-8"),
    "open quote": (b',label,A\n"b,1,2\n', "unexpected end"),
    "long cell": (b',label,A\nb,1,"' + b"x" * 200_000 + b'"\n', "field larger"),
    "pipes": (b"|label|A\nb|1|2\n", "no cell 'label' but '|label|A'"),
}


@pytest.mark.parametrize(("content", "words"), OTHER_CSVS.values(), ids=OTHER_CSVS)
def test_a_csv_of_another_kind_is_refused(tmp_path, content, words):
    (tmp_path / "t.csv").write_bytes(content)
    assert words in complaint(tmp_path / "t.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("first", ["", "sep={}\r\n"])
def test_encodings_and_separators_that_show_themselves(tmp_path, encoding, separator, first):
    text = first.format(separator) + 'name,label,"A, B; C"\r\nAmélie_000000001,1,2\r\n'
    text = text.replace(",label,", f"{separator}label{separator}")
    text = text.replace(",1,", f"{separator}1{separator}")
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    assert read_cells(tmp_path / "t.csv").values.tolist() == [
        ["name", "label", "A, B; C"],
        ["Amélie_000000001", "1", "2"],
    ]


def picture(kind):
    content = io.BytesIO()
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(content, format=kind)
    return content.getvalue()


OTHER_KINDS = {
    "pixels": (b"emotion,pixels,Usage\n0,70 80,Training\n", "from a folder with a sub-folder"),
    "pixels last": (b"emotion, Usage, pixels\n", "as FER-2013 is distributed"),
    "page": (b"\r\n<!DOCTYPE html><title>faces</title>", "a web page, not a table"),
    "old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "save it as .xlsx"),
    **{kind: (picture(kind), "a picture, not a table") for kind in ("PNG", "JPEG", "GIF")},
}


@pytest.mark.parametrize(("content", "words"), OTHER_KINDS.values(), ids=OTHER_KINDS)
@pytest.mark.parametrize("name", ["t.csv", "t.xlsx", "t.html"])
def test_a_file_of_another_kind_is_told_by_its_kind(tmp_path, content, words, name):
    with (tmp_path / name).open("wb") as file:
        file.write(content)
    assert re.search(words, complaint(tmp_path / name))
    with (tmp_path / name).open("ab") as file:
        file.truncate(cells.BYTES + 1)  # however large it is
    assert re.search(words, complaint(tmp_path / name))


def test_a_workbook_under_another_name_is_read(tmp_path):
    path = write(tmp_path / "faces.xlsx", sheet_rows())
    (tmp_path / "faces.csv").write_bytes(path.read_bytes())
    assert read_cells(tmp_path / "faces.csv").equals(read_cells(path))
