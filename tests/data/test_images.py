"""Folders of images: the same features as in memory, every bad file listed, every doubtful folder
refused in a sentence.
"""

import os
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emolib.__main__ import main
from emolib.data import embedded, features, images, load
from emolib.data.drawn import CLASSES, write_faces
from emolib.data.export import export
from emolib.data.folder import Settings
from emolib.data.images import Unreadable, crop_face, read_grey, square
from emolib.folds import make_folds
from emolib.paper import EMOTIONS
from emolib.utils.imports import reached


def face(seed, shape=(40, 40)):
    """A grey picture that no other seed gives."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Four images of each of two emotions, of three people."""
    root = tmp_path / "faces"
    for label, emotion in enumerate(("Happy", "Sad")):
        (root / emotion).mkdir(parents=True)
        for number in range(4):
            Image.fromarray(face(10 * label + number)).save(
                root / emotion / f"person{number % 3}_{number:09d}.png"
            )
    return root


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The drawn faces as files."""
    return write_faces(tmp_path_factory.mktemp("written") / "faces")


def test_drawn_faces_written_out_and_read_are_the_drawn_faces(written, drawn):
    data = load(written)
    assert data.modalities == ("LPQ", "PHOG", "image") and len(data) == len(drawn) == 675
    ours, theirs = np.argsort(data.names), np.argsort(drawn.names)
    for part in ("names", "groups", "labels"):
        assert np.array_equal(getattr(data, part)[ours], getattr(drawn, part)[theirs])
    for modality in drawn.modalities:
        assert np.abs(data.features[modality][ours] - drawn.features[modality][theirs]).max() < 1e-6
        assert np.array_equal(data.descriptors[modality][ours], drawn.descriptors[modality][theirs])
    assert len(data.repairs) == len(data.left_out) == 0


def test_a_folder_is_described_once_and_again_when_a_file_changes(folder, monkeypatch):
    first = load(folder)
    monkeypatch.setattr(images, "read_grey", lambda path: pytest.fail("read again"))
    assert load(folder).digest == first.digest
    monkeypatch.undo()
    Image.fromarray(face(99)).save(folder / "Happy" / "person0_000000000.png")
    assert load(folder).digest != first.digest
    other = load(folder, preset="dhall", size=48)
    assert (
        other.descriptors["PHOG"].shape[1] == 5456
        and other.source == "8 images of the folder faces (size 48, preset dhall)"
    )


@pytest.mark.parametrize("module", [images, embedded])
def test_what_is_kept_is_kept_by_all_the_code_that_describes(module):
    needed = {
        Path(file).stem
        for file in reached([Path(features.__file__).read_text()])
        if Path(file).parent == Path(features.__file__).parent
    }
    arithmetic = {
        name
        for name in needed
        if "@compiled" in (Path(features.__file__).parent / f"{name}.py").read_text()
    }
    assert arithmetic == {"gradients", "phase"}
    assert arithmetic | {"features", "components"} <= set(module.SOURCES)


def test_batches_do_not_show(folder, monkeypatch):
    whole = load(folder, size=32)
    monkeypatch.setattr(images, "BATCH", 3)
    assert (
        load(images.keep(folder, Settings(size=33))).descriptors["LPQ"].shape
        == whole.descriptors["LPQ"].shape
    )
    monkeypatch.setattr(images, "SOURCES", ())  # another key
    assert load(folder, size=32).digest == whole.digest


BAD = {
    "truncated.png": (lambda path: whole_png(path, 0.5), "damaged"),
    "text.jpg": (lambda path: path.write_text("This is no picture."), "no image"),
    "bomb.png": (lambda path: path.write_bytes(png_header(30_000, 30_000)), "megapixels"),
    "empty.bmp": (lambda path: path.write_bytes(b""), "empty"),
    "float.tif": (
        lambda path: Image.fromarray(np.zeros((20, 20), np.float32)).save(path),
        "floating-point",
    ),
    "tiny.png": (lambda path: Image.fromarray(face(0, (3, 30))).save(path), "smaller than 8"),
    "postscript.jpg": (
        lambda path: path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n"),
        "no image",
    ),
    "notes.txt": (lambda path: path.write_text("x"), "does not end in .png"),
}


def whole_png(path, share):
    Image.fromarray(face(1)).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def png_header(width, height):
    def chunk(kind, body):
        return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)

    head = width.to_bytes(4) + height.to_bytes(4) + bytes([8, 0, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 99))
        + chunk(b"IEND", b"")
    )


def test_bad_files_among_good_ones_are_listed_skipped_and_counted(folder):
    good = load(folder)
    for name, (make, _) in BAD.items():
        make(folder / "Sad" / name)
    data = load(folder)
    assert np.array_equal(data.features["LPQ"], good.features["LPQ"]) and list(data.names) == list(
        good.names
    )
    reasons = dict(data.left_out.itertuples(index=False))
    assert set(reasons) == {f"Sad/{name}" for name in BAD}
    for name, (_, reason) in BAD.items():
        assert reason in reasons[f"Sad/{name}"]
    counted = data.repairs[data.repairs["done"] == "left out"]
    assert counted["rows"].sum() == len(BAD) and counted["found"].str.contains("damaged").sum() == 1
    assert not counted["found"].str.contains("truncated|text.jpg").any()  # names may be licensed
    assert (
        not data.repairs["found"].str.contains("no person").any()
    )  # what is not read is not counted twice


def test_links_out_of_the_folder_are_not_followed(folder, tmp_path):
    Image.fromarray(face(50)).save(tmp_path / "outside.png")
    (folder / "Sad" / "link.png").symlink_to(tmp_path / "outside.png")
    (folder / "Sad" / "gone.png").symlink_to(folder / "nowhere.png")
    (folder / "Sad" / "inside.png").symlink_to(folder / "Happy" / "person0_000000000.png")
    data = load(folder)
    reasons = dict(data.left_out.itertuples(index=False))
    assert "out of the folder" in reasons["Sad/link.png"] and "nowhere" in reasons["Sad/gone.png"]
    assert len(data) == 9 and ("same features under two labels", 2) in list(
        zip(data.repairs["found"], data.repairs["rows"], strict=True)
    )


def test_a_sub_folder_that_is_a_link_out_of_the_folder_is_not_followed(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    Image.fromarray(face(50)).save(tmp_path / "elsewhere" / "a_000000000.png")
    (folder / "Fear").symlink_to(tmp_path / "elsewhere")
    data = load(folder)
    assert len(data) == 8 and "out of the folder" in data.left_out["reason"].iloc[0]


def test_kinds_of_pixels_come_out_alike(tmp_path):
    grey = face(7, (30, 30))
    deep = (grey.astype(np.uint16) << 8) + 77
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(deep).save(tmp_path / "deep.png")
    Image.fromarray(deep).save(tmp_path / "deep.tif")
    Image.fromarray(grey).save(tmp_path / "grey.bmp")
    Image.fromarray(np.stack([grey] * 3, axis=2)).save(tmp_path / "colour.png")
    palette = Image.fromarray(grey).convert("P")
    palette.putpalette([value for level in range(256) for value in (level, level, level)])
    palette.save(tmp_path / "palette.png")
    for path in tmp_path.iterdir():
        assert np.array_equal(read_grey(path), grey), path.name


def test_transparent_pixels_lie_on_white(tmp_path):
    pixels = np.full((10, 10, 4), (10, 10, 10, 255), np.uint8)
    pixels[:5, :, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "alpha.png")
    grey = read_grey(tmp_path / "alpha.png")
    assert (grey[:5] == 255).all() and (grey[5:] == 10).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_camera_gives_an_upright_face(tmp_path, orientation):
    upright = np.add.outer(np.arange(0, 200, 10), np.arange(30)).astype(np.uint8)  # 20 × 30
    turned = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: np.transpose,
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).T,
        8: lambda a: np.rot90(a, -1),
    }
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(np.ascontiguousarray(turned[orientation](upright))).save(
        tmp_path / "turned.png", exif=exif
    )
    assert np.array_equal(read_grey(tmp_path / "turned.png"), upright)


def test_the_middle_square_is_the_face():
    wide = face(3, (20, 50))
    assert np.array_equal(square(wide, 20), wide[:, 15:35])
    assert square(wide, 64).shape == (64, 64)


def test_cropping_finds_the_face_in_a_larger_picture(written):
    portrait = np.array(Image.open(sorted((written / "Happy").iterdir())[0]))
    picture = np.full((300, 400), 120, np.uint8)
    picture[100:196, 250:346] = portrait
    found = crop_face(picture)
    assert 40 <= found.shape[0] <= 96 and np.abs(found.mean() - portrait[20:80, 20:80].mean()) < 25
    with pytest.raises(Unreadable, match="no face"):
        crop_face(np.full((90, 90), 7, np.uint8))


def test_pictures_without_a_face_are_listed_when_cropping(folder, written):
    for number, path in enumerate(
        [*sorted((written / "Happy").iterdir())[:9], *sorted((written / "Sad").iterdir())[:9]]
    ):
        (folder / path.parent.name / f"drawn_{number:09d}.png").write_bytes(path.read_bytes())
    data = load(folder, crop=True)
    assert len(data) + len(data.left_out) == 8 + 18 and len(data) >= 9
    assert (data.left_out["reason"] == "no face was found in it").sum() >= 8


@pytest.mark.parametrize(
    ("names", "first", "expected"),
    [
        (["HAPPY", "sad"], None, [3, 5]),
        (["happiness", "sadness"], None, [3, 5]),
        (["0", "6"], None, [0, 6]),
        (["1", "7"], None, [0, 6]),
        (["3", "4"], 0, [3, 4]),
        (["3", "4"], 1, [2, 3]),
    ],
)
def test_emotions_by_name_or_number(folder, names, first, expected):
    for old, new in zip(("Happy", "Sad"), names, strict=True):
        (folder / old).rename(folder / new)
    data = load(folder, first=first)
    assert sorted(set(data.labels)) == expected
    assert (data.repairs["found"] == "sub-folders have numbers").any() == names[0].isdecimal()


@pytest.mark.parametrize(
    ("order", "names", "first", "expected"),
    [
        ("sfew", ("0", "4", "6"), None, ["Neutral"] * 4 + ["Surprise"] * 4),
        ("fer", ("0", "4", "6"), None, ["Neutral"] * 4 + ["Sad"] * 4),
        ("fer", ("2", "5", "6"), 1, ["Sad"] * 4 + ["Surprise"] * 4),
    ],
)
def test_numbers_may_be_those_of_fer(folder, order, names, first, expected):
    (folder / names[0]).mkdir()
    (folder / "Happy").rename(folder / names[1])
    (folder / "Sad").rename(folder / names[2])
    data = load(folder, order=order, first=first)
    assert sorted(data.classes[label] for label in data.labels) == expected
    assert f"order={'fer' if order == 'sfew' else 'sfew'}" in data.repairs["done"].iloc[0]


@pytest.mark.parametrize(
    ("spoil", "settings", "sentence"),
    [
        pytest.param(
            lambda root: rename(root, "3", "4"), {}, "say first=0 or first=1", id="doubtful numbers"
        ),
        pytest.param(
            lambda root: rename(root, "0", "6"),
            {"first": 1},
            "begin with 0",
            id="first contradicted",
        ),
        pytest.param(lambda root: rename(root, "0", "7"), {}, "0 to 6 or 1 to 7", id="both ends"),
        pytest.param(
            lambda root: rename(root, "Hapy", "Sad"), {}, "did you mean Happy", id="misspelt"
        ),
        pytest.param(
            lambda root: rename(root, "cats", "dogs"),
            {},
            "no sub-folder named after an emotion",
            id="no emotion",
        ),
        pytest.param(
            lambda root: (empty(root, "Sad"), (root / "Sad").rmdir()),
            {},
            "all images show Happy",
            id="one class",
        ),
        pytest.param(
            lambda root: empty(root, "Sad"), {}, "all images show Happy", id="empty class"
        ),
        pytest.param(
            lambda root: empty(root, "Happy", "Sad"), {}, "no image can be read", id="nothing"
        ),
        pytest.param(
            lambda root: None, {"corp": True}, "there are size, crop", id="unknown setting"
        ),
        pytest.param(
            lambda root: None, {"size": "large"}, "size is 'large'", id="setting of another kind"
        ),
        pytest.param(lambda root: None, {"size": 7}, "between 24 and 1024", id="too small"),
        pytest.param(lambda root: None, {"order": "ferr"}, "one of sfew, fer", id="unknown order"),
        pytest.param(
            lambda root: None, {"preset": "dahl"}, "one of wang, dhall", id="unknown preset"
        ),
        pytest.param(
            lambda root: (root / "groups.csv").write_text("a,b\n1,2\n"),
            {},
            "name and group are needed",
            id="columns",
        ),
        pytest.param(
            lambda root: (root / "groups.csv").write_text("name,group\nx,y\n"),
            {},
            "no group for Happy/",
            id="group missing",
        ),
        pytest.param(
            lambda root: (root / "groups.csv").write_bytes(b"\xff\xfe\x00"),
            {},
            "no CSV table",
            id="no table",
        ),
        pytest.param(
            lambda root: (root / "groups.csv").write_text("name,group\nx,y\nx,z\n"),
            {},
            "x has two groups",
            id="two groups",
        ),
    ],
)
def test_a_doubtful_folder_is_refused_in_one_sentence(folder, spoil, settings, sentence):
    spoil(folder)
    with pytest.raises(ValueError, match=sentence) as error:
        load(folder, **settings)
    assert "\n" not in str(error.value)


def rename(root, *names):
    for old, new in zip(("Happy", "Sad"), names, strict=True):
        (root / old).rename(root / new)


def empty(root, *emotions):
    for emotion in emotions:
        for path in (root / emotion).iterdir():
            path.unlink()


def test_an_empty_class_beside_others_is_told(folder):
    (folder / "Fear").mkdir()
    (folder / "Neutral").mkdir()
    (folder / "contempt").mkdir()
    Image.fromarray(face(1)).save(folder / "stray.png")
    data = load(folder)
    assert list(data.repairs["found"]).count("sub-folder without an image (Fear)") == 1
    assert list(data.left_out["file"]) == ["stray.png", "contempt"]


def test_people_come_from_the_title_from_the_table_or_from_nowhere(folder):
    assert set(load(folder).groups) == {"person0", "person1", "person2"}
    rows = [
        f"{path.relative_to(folder)},{'ab'[number % 2]}"
        for number, path in enumerate(sorted(folder.rglob("*.png")))
    ]
    (folder / "groups.csv").write_text("\n".join(["name,group", *rows]))
    assert sorted(load(folder).groups) == ["a"] * 4 + ["b"] * 4
    (folder / "groups.csv").unlink()
    for number, path in enumerate(sorted(folder.rglob("*.png"))):
        path.rename(path.with_name(f"face{number}.png"))
    data = load(folder)
    assert len(set(data.groups)) == len(data)
    assert "no person-independent folds" in data.repairs["done"].iloc[-1]
    make_folds(data, "random", 0, 2)
    with pytest.raises(ValueError, match="group of its own"):
        make_folds(data, "person-independent", 0, 2)


def test_names_of_any_bytes(folder):
    for name in ("Zoë_000000001.png", "笑顔 (1).PNG", "=1+1.png"):
        Image.fromarray(face(len(name))).save(folder / "Happy" / name)
    with open(os.fsencode(folder / "Happy") + b"/caf\xe9.png", "wb") as file:  # Latin-1, no UTF-8
        file.write((folder / "Happy" / "person0_000000000.png").read_bytes())
    data = load(folder)
    assert len(data) == 12 and "Zoë" in data.groups
    assert len(data.digest) == 64


def test_export_is_read_back_as_it_was(written, folder, tmp_path):
    data = load(written)
    for name in ("faces.xlsx", "faces.csv"):
        back = load(export(data, tmp_path / name))
        for modality in ("LPQ", "PHOG"):
            assert np.array_equal(back.features[modality], data.features[modality])
        assert np.array_equal(back.labels, data.labels) and np.array_equal(back.groups, data.groups)
        assert np.array_equal(back.names, data.names)
    Image.fromarray(face(5)).save(folder / "Happy" / "=SUM(A1).png")
    back = load(export(load(folder), tmp_path / "odd.xlsx"))
    assert len(back) == 9 and len(set(back.groups)) == 4
    with pytest.raises(ValueError, match=".xlsx or .csv"):
        export(data, tmp_path / "faces.txt")


def test_settings_are_for_folders_alone(tmp_path):
    with pytest.raises(ValueError, match="crop says how a folder"):
        load(crop=True)


def test_emotions_have_the_order_of_the_paper():
    assert tuple(EMOTIONS) == tuple(CLASSES)


def test_the_command_line_names_what_was_left_out_and_writes_the_table(folder, tmp_path):
    (folder / "Sad" / "text.png").write_text("no picture")
    command = [sys.executable, "-m", "emolib", "export", str(folder), str(tmp_path / "faces.xlsx")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "left out: Sad/text.png: no image" in done.stderr and "1 left out, 8 read" in done.stderr
    assert len(load(tmp_path / "faces.xlsx")) == 8


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            lambda root: fill(root, lambda emotion, number: f"p{number}_{number:09d}.png", each=4),
            "Angry has 4 rows, fewer than the 5 folds",
        ),
        (
            lambda root: (
                fill(root, lambda emotion, number: f"p{number}_{number:09d}.png"),
                empty(root, "Angry"),
            ),
            "there is no Angry",
        ),
        (
            lambda root: fill(root, lambda emotion, number: f"face{emotion}{number}.png"),
            "group of its own",
        ),
        (
            lambda root: fill(root, lambda emotion, number: f"p{number % 2}_{number:09d}.png"),
            "2 groups cannot fill 5 folds",
        ),
        (lambda root: (root / "Sad").rename(root / "Sda"), "did you mean Sad"),
    ],
    ids=["few images", "emotion missing", "nobody known", "few people", "misspelt"],
)
def test_a_folder_that_no_report_can_be_built_of_stops_before_anything_runs(
    folder, tmp_path, capsys, spoil, sentence
):
    spoil(folder)
    assert main(["report", "--data", str(folder), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("emolib: error: ") and sentence in said
    assert not (tmp_path / "out" / "report.html").exists()


def fill(root, name, each=6):
    for label, emotion in enumerate(EMOTIONS):
        (root / emotion).mkdir(exist_ok=True)
        for number in range(each):
            Image.fromarray(face(100 * label + number)).save(root / emotion / name(emotion, number))
    for path in root.rglob("person*"):
        path.unlink()
