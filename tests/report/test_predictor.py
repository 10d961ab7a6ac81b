"""The report's model on faces: the same scores as its networks gave, kept without pickle, with an
honest calibration.
"""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from emolib import scale, sweep, train
from emolib.__main__ import main
from emolib.data.drawn import draw_faces
from emolib.data.images import Settings
from emolib.folds import make_folds
from emolib.report import model_file
from emolib.report.commands import keep_model
from emolib.report.predictor import Predictor, calibrate, fit
from emolib.training import sweeps


@pytest.fixture(scope="module")
def short(own_cache):
    """Two epochs: what the networks learn does not matter here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(
            sweeps.RECIPES, ("cnn", "converged"), sweeps.Recipe(epochs=2, learning_rate=1e-3)
        )
        yield


@pytest.fixture(scope="module")
def model(short, drawn):
    return fit(drawn, Settings(), seeds=1, folds=2, report="a digest")


def test_a_face_gets_the_mean_of_what_the_report_s_networks_say(model, drawn):
    faces = draw_faces()
    table = sweep(
        network="cnn",
        modality="LPQ+PHOG",
        recipe="converged",
        protocol="person-independent",
        folds=2,
    )
    trained = train(drawn, table)
    expected = 0
    for position, row in enumerate(table.itertuples()):
        rows, _ = make_folds(drawn, row.protocol, row.seed, 2)[row.fold]
        inputs = np.stack([scale(drawn, modality, rows) for modality in ("LPQ", "PHOG")], axis=1)
        with torch.no_grad():
            expected = expected + trained.member(position)(torch.from_numpy(inputs)).numpy() / 2
    assert np.abs(model.scores(faces.images[:40]) - expected[:40]).max() < 1e-5


def test_saved_and_loaded_it_is_the_same_and_no_pickle(model, tmp_path):
    model.save(tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz", allow_pickle=False) as kept:
        assert all(kept[name].dtype != object for name in kept)
    again = Predictor.load(tmp_path / "model.npz")
    face = np.random.default_rng(0).integers(0, 256, (2, 96, 96), dtype=np.uint8)
    assert again.about == model.about and np.array_equal(again.scores(face), model.scores(face))


def archive(**arrays):
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a model",
        b"PK\x03\x04 damaged",
        archive(),
        archive(about=np.array("{}")),
        archive(about=np.array("{}"), digest=np.array("0")),
    ],
)
def test_what_is_no_model_is_refused(tmp_path, content):
    (tmp_path / "model.npz").write_bytes(content)
    with pytest.raises(ValueError, match="no model that a report left"):
        Predictor.load(tmp_path / "model.npz")


def test_a_pickle_in_its_place_is_not_run(tmp_path):
    np.savez(tmp_path / "model.npz", about=np.array({"evil": print}, dtype=object))
    with pytest.raises(ValueError, match="no model"):
        Predictor.load(tmp_path / "model.npz")


def test_a_model_that_unpacks_to_too_much_is_not_unpacked(model, tmp_path, monkeypatch):
    model.save(tmp_path / "model.npz")
    monkeypatch.setattr(model_file, "LARGEST", 1000)
    with pytest.raises(ValueError, match="no model"):
        Predictor.load(tmp_path / "model.npz")


def test_any_bit_of_a_model_turned_is_told(model, tmp_path):
    path, random = tmp_path / "model.npz", np.random.default_rng(4)
    Predictor({name: values[:1] for name, values in model.arrays.items()}, model.about).save(path)
    whole, harmless = path.read_bytes(), 0
    before = Predictor.load(path)
    for place in [
        *range(40),
        *random.integers(0, len(whole), 40),
        *range(len(whole) - 40, len(whole)),
    ]:
        path.write_bytes(
            whole[:place] + bytes([whole[place] ^ 1 << random.integers(8)]) + whole[place + 1 :]
        )
        try:
            after = Predictor.load(path)
        except ValueError as error:
            assert "no model that a report left, or it is damaged" in str(error)
        else:  # a bit of the archive that says nothing, such as a member's date
            harmless += 1
            assert after.about == before.about and all(
                np.array_equal(after.arrays[name], before.arrays[name]) for name in before.arrays
            )
    assert harmless < 90


def test_calibration_counts_each_row_once_and_knows_a_perfect_ranking(model, drawn):
    assert model.arrays["rows"].sum() == model.arrays["named"].sum() == len(drawn)
    rng = np.random.default_rng(3)
    sure = rng.uniform(0.2, 1, 1000)
    labels = rng.integers(0, 3, 1000)
    right = rng.uniform(size=1000) < sure  # the highest score is the chance of being right
    scores = np.zeros((1000, 3))
    scores[np.arange(1000), np.where(right, labels, (labels + 1) % 3)] = sure
    found = calibrate(scores, labels)
    middles = (found["edges"][1:] + found["edges"][:-1]) / 2
    assert (found["rows"] == 200).all() and np.abs(
        found["right"] / found["rows"] - middles
    ).max() < 0.1
    assert found["named right"].sum() == right.sum()
    for score, place in ((0.0, 0), (found["edges"][1], 1), (2.0, 4)):
        assert Predictor(found, {}).calibration(score) == (
            found["right"][place],
            found["rows"][place],
        )


def test_a_spreadsheet_leaves_no_model(tiny):
    with pytest.raises(ValueError, match="there are no images"):
        fit(tiny, Settings())


def test_the_command_line_reads_faces(short, tmp_path, capsys):
    reports = tmp_path / "reports"
    reports.mkdir()
    image = Image.fromarray(draw_faces().images[0])
    image.save(tmp_path / "Zoë.png")
    (tmp_path / "broken.png").write_bytes(b"")
    faces = [str(tmp_path / name) for name in ("Zoë.png", "broken.png", "gone.png")]

    assert main(["predict", *faces, "--reports", str(reports)]) == 2
    assert "build a report of drawn faces" in capsys.readouterr().err

    (reports / "results.json").write_text(json.dumps({"of": "a test"}))
    keep_model("", {"seeds": 1, "folds": 2}, reports)
    stamp = (reports / "model.npz").stat().st_mtime_ns
    keep_model("", {"seeds": 1, "folds": 2}, reports)
    assert (reports / "model.npz").stat().st_mtime_ns == stamp

    assert main(["predict", *faces, "--reports", str(reports)]) == 0
    said = capsys.readouterr()
    assert "Angry" in said.out and "Zoë.png" in said.out and "person-independent folds" in said.out
    assert '--set "crop=True" cuts the face out first' in said.out
    assert "broken.png: the file is empty" in said.err and "gone.png: No such file" in said.err

    (reports / "results.json").write_text(json.dumps({"of": "another report"}))
    assert main(["predict", faces[0], "--reports", str(reports)]) == 2
    assert (
        "is of another report than the one beside it; build the report anew"
        in capsys.readouterr().err
    )
    (reports / "results.json").unlink()  # a model that was handed on alone

    assert main(["predict", faces[1], "--reports", str(reports)]) == 2
    assert "none of the images can be read" in capsys.readouterr().err
    assert main(["predict", faces[0], "--reports", str(reports), "--set", "corp=True"]) == 2
    assert "corp says nothing" in capsys.readouterr().err
    assert main(["predict", faces[0], "--reports", str(reports), "--set", "size=48"]) == 2
    assert "size cannot be another than that of the report" in capsys.readouterr().err
