"""Folders of images: the same features as in memory, every bad file listed, every doubtful folder
refused in a sentence.
"""

import os
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from emolib.data import folder as folders
from emolib.data import load
from emolib.data.drawn import write_faces
from emolib.data.table import export
from emolib.paper import EMOTIONS


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
            path = root / emotion / f"person{number % 3}_{number:09d}.png"
            Image.fromarray(face(10 * label + number)).save(path)
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
    said = ["file names as in SFEW", 675, "read as 58 persons"]
    assert data.repairs.values.tolist() == [said] and len(data.left_out) == 0


def test_a_folder_is_described_once_and_again_when_a_file_changes(folder, monkeypatch):
    first = load(folder)
    monkeypatch.setattr(folders, "read_grey", lambda path: pytest.fail("read again"))
    assert load(folder).digest == first.digest
    monkeypatch.undo()
    Image.fromarray(face(99)).save(folder / "Happy" / "person0_000000000.png")
    changed = load(folder)
    assert changed.digest != first.digest
    other = load(folder, preset="dhall", size=48)
    assert other.descriptors["PHOG"].shape[1] == 5456
    assert other.source == "8 images of the folder faces (size 48, preset dhall)"
    on_edges = load(folder, edges="canny")
    assert on_edges.source == "8 images of the folder faces (edges canny)"
    assert np.array_equal(on_edges.descriptors["LPQ"], changed.descriptors["LPQ"])
    assert not np.array_equal(on_edges.descriptors["PHOG"], changed.descriptors["PHOG"])


def test_batches_do_not_show(folder, monkeypatch):
    whole = load(folder, size=32)
    monkeypatch.setattr(folders, "BATCH", 3)
    os.utime(folder / "Sad" / "person0_000000000.png")  # so it is described again
    assert load(folder, size=32).digest == whole.digest


POSTSCRIPT = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n"
FRACTIONS = Image.fromarray(np.zeros((20, 20), np.float32))
BAD = {
    "truncated.png": (lambda path: whole_png(path, 0.5), "damaged"),
    "text.jpg": (lambda path: path.write_text("This is no picture."), "no image"),
    "bomb.png": (lambda path: path.write_bytes(png_header(30_000, 30_000)), "megapixels"),
    "empty.bmp": (lambda path: path.write_bytes(b""), "no image"),
    "float.tif": (FRACTIONS.save, "floating-point"),
    "tiny.png": (lambda path: Image.fromarray(face(0, (3, 30))).save(path), "smaller than 8"),
    "postscript.jpg": (lambda path: path.write_text(POSTSCRIPT), "no image"),
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
    chunks = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(b"\0" * 99)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_bad_files_among_good_ones_are_listed_skipped_and_counted(folder):
    good = load(folder)
    for name, (make, _) in BAD.items():
        make(folder / "Sad" / name)
    data = load(folder)
    assert np.array_equal(data.features["LPQ"], good.features["LPQ"])
    assert data.names.tolist() == good.names.tolist()
    reasons = dict(data.left_out.itertuples(index=False))
    assert set(reasons) == {f"Sad/{name}" for name in BAD}
    for name, (_, reason) in BAD.items():
        assert reason in reasons[f"Sad/{name}"]
    counted = data.repairs[data.repairs["done"] == "left out"]
    assert counted["rows"].sum() == len(BAD) and counted["found"].str.contains("damaged").sum() == 1
    assert not counted["found"].str.contains("truncated|text.jpg").any()  # names may be licensed


def test_links_out_of_the_folder_are_not_followed(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    outside = tmp_path / "elsewhere" / "outside_000000000.png"
    Image.fromarray(face(50)).save(outside)
    (folder / "Sad" / "link.png").symlink_to(outside)
    (folder / "Sad" / "gone.png").symlink_to(folder / "nowhere.png")
    (folder / "Fear").symlink_to(tmp_path / "elsewhere")
    (folder / "Sad" / "inside.png").symlink_to(folder / "Happy" / "person0_000000000.png")
    data = load(folder)
    assert set(data.left_out["file"]) == {"Fear", "Sad/link.png", "Sad/gone.png"}
    assert data.left_out["reason"].str.contains("out of the folder, to another folder or no").all()
    found = list(zip(data.repairs["found"], data.repairs["rows"], strict=True))
    assert len(data) == 9 and ("same features under two labels", 2) in found


def test_pictures_without_a_face_are_listed_when_cropping(folder, written):
    happy, sad = (sorted((written / emotion).iterdir())[:9] for emotion in ("Happy", "Sad"))
    for number, path in enumerate(happy + sad):
        (folder / path.parent.name / f"drawn_{number:09d}.png").write_bytes(path.read_bytes())
    data = load(folder, crop=True)
    assert len(data) + len(data.left_out) == 8 + 18 and len(data) >= 9
    assert (data.left_out["reason"] == "no face was found in it").sum() >= 8


@pytest.mark.parametrize(
    "names", [("HAPPY", "sad"), ("happiness", "sadness"), ("3_Happy", "05 - Sad"), ("joy", "Sad ")]
)
def test_emotions_by_name(folder, names):
    for old, new in zip(("Happy", "Sad"), names, strict=True):
        (folder / old).rename(folder / new)
    assert sorted(set(load(folder).labels)) == [3, 5]


ORDERS = {  # as the databases' own documents have them
    "sfew": "- Angry Disgust Fear Happy Neutral Sad Surprise",
    "fer": "Angry Disgust Fear Happy Sad Surprise Neutral",
    "rafdb": "- Surprise Fear Disgust Happy Sad Angry Neutral",
    "affectnet": "Neutral Happy Sad Surprise Fear Disgust Angry contempt",
}


@pytest.mark.parametrize("order", ORDERS)
def test_numbers_are_read_in_the_order_that_is_given(tmp_path, order):
    for number, emotion in enumerate(ORDERS[order].split()):
        if emotion != "-":
            (tmp_path / str(number)).mkdir()
            Image.fromarray(face(number)).save(tmp_path / str(number) / f"{emotion}.png")
    data = load(tmp_path, order=order)
    assert [data.classes[label] for label in data.labels] == data.names.tolist() == list(EMOTIONS)
    said = dict(zip(data.repairs["found"], data.repairs["done"], strict=True))
    assert "Angry" in said["sub-folders have numbers"]
    assert ("folder named contempt" in said) == (order == "affectnet")


def renamed(*names):
    return lambda root: rename(root, *names)


def with_groups(text):
    return lambda root: (root / "groups.csv").write_text(f"name,group\n{text}\n")


ONE, ALSO = "Happy/person1_000000001", "person1_000000001"
DOUBTFUL = {
    "numbers": (
        renamed("3", "7"),
        {},
        r"\[3, 7\], .* order: 'sfew' .*, 'rafdb' .*, 'affectnet' .*",
    ),
    "order contradicted": (
        renamed("0", "6"),
        {"order": "rafdb"},
        r"numbered \[0, 6\], and order is 'rafdb'; .* give order: 'fer' \(0 Angry, 1 Disgust",
    ),
    "numbers and names": (renamed("Happy", "3"), {}, "some are numbered; name all"),
    "misspelt": (renamed("Hapy", "Sad"), {}, "did you mean Happy"),
    "no emotion": (
        renamed("cats", "dogs"),
        {},
        r"no image can be read \(8 left out; .* such as faces/Happy",
    ),
    "one class": (
        lambda root: (empty(root, "Sad"), (root / "Sad").rmdir()),
        {},
        "all images show Happy; at least two sub-folders named after emotions",
    ),
    "empty class": (lambda root: empty(root, "Sad"), {}, "all images show Happy"),
    "nothing": (lambda root: empty(root, "Happy", "Sad"), {}, "no image can be read"),
    "unknown setting": (lambda root: None, {"corp": True}, "must be one of 'size', 'crop'"),
    "another kind": (lambda root: None, {"size": "large"}, "size is 'large'"),
    "too small": (lambda root: None, {"size": 7}, "at least 24 and at most 1024"),
    "unknown order": (lambda root: None, {"order": "ferr"}, "'sfew', 'fer', 'rafdb', 'affectnet'"),
    "unknown edges": (lambda root: None, {"edges": "sobel"}, "one of 'all', 'canny'"),
    "unknown preset": (lambda root: None, {"preset": "dahl"}, "one of 'wang', 'dhall'"),
    "columns": (
        lambda root: (root / "groups.csv").write_text("a,b\n1,2\n"),
        {},
        "name and group are needed",
    ),
    "group missing": (with_groups("x,y"), {}, "no group for Happy/"),
    "no table": (
        lambda root: (root / "groups.csv").write_bytes(b"\xff\xfe\x00"),
        {},
        "not a CSV table",
    ),
    "two tables": (
        lambda root: [(root / name).touch() for name in ("groups.csv", "Groups.tsv")],
        {},
        "there are Groups.tsv and groups.csv; keep one",
    ),
    "name of two images": (
        with_groups(f"{ALSO},y\nperson2_000000002.png,z"),
        {},
        rf"{ALSO} may be {ONE}.png or Sad/.* with its folder",
    ),
    "two groups": (with_groups(f"{ONE},y\n{ONE}.png,z"), {}, f"{ALSO}.png has two groups"),
}


@pytest.mark.parametrize(("spoil", "settings", "sentence"), DOUBTFUL.values(), ids=DOUBTFUL)
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


def test_contempt_and_pictures_of_no_emotion_are_told(folder):
    (folder / "Contempt").mkdir()
    for at in range(3):
        Image.fromarray(face(at)).save(folder / "Contempt" / f"person0_{at:09d}.png")
    Image.fromarray(face(1)).save(folder / "stray.png")
    (folder / "other" / "deep").mkdir(parents=True)
    Image.fromarray(face(1)).save(folder / "other" / "deep" / "stray.png")
    (folder / "Happy" / "more").mkdir()
    data = load(folder)
    assert len(data) == 8 and data.left_out["file"].tolist() == [
        "Happy/more",
        "other/deep/stray.png",
        "stray.png",
    ]
    said = ["folder named contempt", 3, "left out: contempt is none of the seven emotions"]
    assert data.repairs.values.tolist()[0] == said


def test_a_groups_table_goes_before_the_names(folder):
    assert set(load(folder).groups) == {"person0", "person1", "person2"}
    files = sorted(folder.rglob("*.png"))
    rows = [f"{file.relative_to(folder)},{'ab'[at % 2]}" for at, file in enumerate(files)]
    (folder / "groups.csv").write_text("\n".join(["name,group", *rows]))
    data = load(folder)
    assert sorted(data.groups) == ["a"] * 4 + ["b"] * 4
    said = ["groups.csv names the person of every image", 8, "read as 2 persons"]
    assert data.repairs.values.tolist()[0] == said
    (folder / "groups.csv").unlink()
    for at, file in enumerate(files):
        file.rename(file.with_name(f"face{at}.png"))
    assert load(folder).groups is None


ROWS = ["{file};{person};", " {file} ; {person} ;x", "./{file};{person};", "{stem};{person};"]
ROWS += ["faces//{file};{person};", "{backslashes};{person};"]


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize(
    ("header", "table"), [("name;group;", "groups.csv"), ("NAME ; Group; note", "GROUPS.CSV")]
)
def test_a_groups_table_may_be_spelt_in_many_ways(folder, row, header, table):
    words = ["NA", "None", "null"]  # names of persons, though of no numbers
    lines = []
    for at, path in enumerate(sorted(folder.rglob("*.png"))):
        file = path.relative_to(folder).as_posix()
        backslashes, stem = file.replace("/", "\\"), file.removesuffix(".png")
        person = words[at % 3]
        lines.append(row.format(file=file, person=person, backslashes=backslashes, stem=stem))
    (folder / table).write_text("\n".join([header, *lines]))
    assert load(folder).groups.tolist() == [words[at % 3] for at in range(8)]


def scattered(root, pattern, parts=("",), above=True, emotions=EMOTIONS):
    """Noise: six images of each emotion, dealt to the parts of a split in turn."""
    for label, emotion in enumerate(emotions):
        for at in range(6):
            part = parts[at % len(parts)]
            place = root / part / emotion if above else root / emotion / part
            place.mkdir(parents=True, exist_ok=True)
            film, number, word = at % 3, 9 * label + at, WORDS[label]
            own = {
                "initials": ("KA", "NA")[at % 2],
                "session": "AB"[at % 2],
                "sex": "FM"[label % 2],
            }
            name = pattern.format(film=film, number=number, word=word, half=at // 2 + 1, **own)
            Image.fromarray(face(100 * label + at)).save(place / name)
    return root


WORDS = ["AN", "DI", "FE", "HA", "NE", "SA", "SU"]
TESTED = {"train and test": (21, 21)}
CK = ("anger", "disgust", "fear", "happy", "neutral", "sadness", "surprise")
LAYOUTS = {  # file names, folders, persons, splits
    "SFEW": (
        "Film{film}_{number:09d}_00000001.png",
        {"parts": ("Train", "Val", "Test")},
        3,
        {"train and test": (14, 14), "train and val": (14, 14)},
    ),
    "CK+": ("S{film:03d}_001_{number:08d}.png", {"emotions": CK}, 3, {}),
    "JAFFE": ("{initials}.{word}1.{number}.tiff", {}, 2, {}),
    # A and B are two sessions of one person
    "KDEF": ("{session}{sex}{half:02d}{word}S.JPG", {}, 6, {}),
    "FER-2013": ("Training_10{number:06d}.jpg", {"parts": ("train", "test")}, None, TESTED),
    "RAF-DB": (
        "train_{number:05d}_aligned.jpg",
        {"parts": ("DATASET/train", "DATASET/test"), "emotions": "6324751"},
        None,
        TESTED,
    ),
    "AffectNet": (
        "image{number:07d}.jpg",
        {"parts": ("Train_Set", "val"), "emotions": "6541023"},
        None,
        {"train and val": (21, 21)},
    ),
    "own": ("{half}.bmp", {"parts": ("training", "testing"), "above": False}, None, TESTED),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_data_sets_of_the_field_in_their_own_layout(tmp_path, layout):
    name, how, people, splits = LAYOUTS[layout]
    root = scattered(tmp_path / "faces", name, **how)
    order = {"RAF-DB": "rafdb", "AffectNet": "affectnet"}.get(layout)
    data = load(root, order=order, size=32)
    assert np.bincount(data.labels).tolist() == [6] * 7 and len(set(data.names)) == 42
    assert (data.groups if people is None else len(set(data.groups))) == people
    assert {split: (len(a), len(b)) for split, (a, b) in data.splits.items()} == splits
    said = dict(zip(data.repairs["found"], data.repairs["done"], strict=True))
    if people:
        assert said[f"file names as in {layout}"] == f"read as {people} persons"
        assert np.array_equal(data.resampling_units, data.groups)
    else:
        assert "persons unknown" in said["file names do not say who is who"]
        assert np.array_equal(data.resampling_units, np.arange(42))


def test_the_rows_of_a_split_are_those_of_its_folders(tmp_path):
    root = scattered(tmp_path / "faces", "{initials}.png", ("train", "test", "val"))
    for part in ("test", "train"):  # what cannot be read shifts no row
        (root / part / "Fear" / "-1.png").write_text("no picture")
    data = load(root, size=32)
    parts = np.array([name.split("/")[0] for name in data.names])
    assert len(data) == 42 and list(data.splits) == ["train and test", "train and val"]
    for split, (train, test) in data.splits.items():
        assert np.array_equal(train, np.flatnonzero(parts == "train"))
        assert np.array_equal(test, np.flatnonzero(parts == split.split()[-1]))


def test_names_of_any_bytes(folder):
    for name in ("Zoë_000000001.png", "笑顔 (1).PNG", "=1+1.png"):
        Image.fromarray(face(len(name))).save(folder / "Happy" / name)
    with open(os.fsencode(folder / "Happy") + b"/caf\xe9.png", "wb") as file:  # Latin-1, no UTF-8
        file.write((folder / "Happy" / "person0_000000000.png").read_bytes())
    data = load(folder)
    assert len(data) == 12 and data.groups is None
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
    assert len(back) == 9 and back.groups is None
    (folder / "Happy" / "=SUM(A1).png").unlink()
    groups = load(folder).groups
    assert np.array_equal(load(export(load(folder), tmp_path / "known.csv")).groups, groups)
    with pytest.raises(ValueError, match=".xlsx or .csv"):
        export(data, tmp_path / "faces.txt")


def test_settings_are_for_folders_alone(tmp_path):
    with pytest.raises(ValueError, match="crop is an option of image folders"):
        load(crop=True)


def test_the_command_line_names_what_was_left_out_and_writes_the_table(folder, tmp_path):
    (folder / "Sad" / "text.png").write_text("no picture")
    command = [sys.executable, "-m", "emolib", "export", str(folder), str(tmp_path / "faces.xlsx")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "left out: Sad/text.png: no image" in done.stderr and "1 left out, 8 read" in done.stderr
    assert len(load(tmp_path / "faces.xlsx")) == 8
