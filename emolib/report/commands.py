"""What `python -m emolib` does with faces beside the report. What takes long to load is loaded when
it is needed.
"""

import hashlib
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emolib.utils.console import say

if TYPE_CHECKING:
    import numpy as np

    from emolib.data import EmotionData
    from emolib.report.predictor import Predictor

MODEL, RESULTS = "model.npz", "results.json"  # beside the report that they are of


def tell(data: "EmotionData") -> None:
    """Says what loading found, and names the files that gave no row, which the report may not, to
    the person at the keyboard.
    """
    for file, reason in data.left_out.itertuples(index=False):
        say(f"left out: {file}: {reason}")
    for found, rows, done in data.repairs.itertuples(index=False):
        if done != "left out":
            say(f"{found}{f' ({rows})' if rows else ''}: {done}")
    if len(data.left_out):
        say(f"{len(data.left_out)} left out, {len(data)} read")


def read_images(source: str, parameters: dict[str, Any]) -> str:
    """Reads a folder of images once, for all chapters; returns where they find what was kept.

    Takes the settings of images out of ``parameters``, which are for the chapters.

    Raises:
        ValueError: no report can be built of the folder.
    """
    from emolib.data import load
    from emolib.data.folder import Settings

    reading = {
        field.name: parameters.pop(field.name)
        for field in fields(Settings)
        if field.name in parameters
    }
    tell(load(source, **reading))
    return source


def write_table(source: str, path: Path, settings: dict[str, Any]) -> Path:
    """The ten numbers of any data source as a table in the spreadsheet's layout; returns its path."""
    from emolib.data import load
    from emolib.data.export import export

    data = load(source or None, **settings)
    tell(data)
    return export(data, path)


def draw(folder: Path, wildness: float) -> Path:
    """The drawn faces as a folder of images, to look at and to try out what a folder of one's own
    may be; returns it.
    """
    from emolib.data.drawn import write_faces

    return write_faces(folder, wildness)


def _digest(reports: Path) -> str:
    return hashlib.sha256((reports / RESULTS).read_bytes()).hexdigest()


def keep_model(source: str, parameters: dict[str, Any], out: Path) -> None:
    """Puts the fusion model of the report in ``out`` beside it, or takes an older one away where
    the data hold no images.

    The networks are those that the chapters have trained, out of the cache. A model of the same
    results stays as it is.
    """
    path = out / MODEL
    if source and not Path(source).is_dir():
        path.unlink(missing_ok=True)
        return
    report = _digest(out)
    if _report_of(path) == report:
        return
    from emolib.data import load
    from emolib.data.folder import Settings
    from emolib.report.predictor import fit
    from emolib.training.cache import Cache

    chosen = {name: parameters[name] for name in ("seeds", "folds") if name in parameters}
    fit(load(source or None), Settings(), **chosen, cache=Cache(), report=report).save(
        path
    )


def _report_of(path: Path) -> str | None:
    """The report that a model is of, without the libraries that the model itself needs; None if
    there is no whole model.
    """
    from emolib.report.model_file import load

    with suppress(ValueError):
        return str(load(path)[1]["report"])
    return None


def predict(faces: list[Path], reports: Path, settings: dict[str, Any]) -> str:
    """Scores of the report's fusion model for some images, a table and how to read it, as text.

    Raises:
        ValueError: there is no model, or none of the images can be read.
    """
    import numpy as np

    from emolib.data.folder import Settings
    from emolib.data.images import Unreadable, read_grey
    from emolib.report.predictor import Predictor

    path = reports / MODEL
    if not path.is_file():
        raise ValueError(
            f"there is no {path}: build a report of drawn faces or of a folder of images first; a spreadsheet holds no image to learn from"
        )
    model = Predictor.load(path)
    if (reports / RESULTS).is_file() and model.about["report"] != _digest(reports):
        raise ValueError(
            f"{path} is of another report than the one beside it; build the report anew"
        )
    how = replace(Settings(**model.about["settings"]), **settings)
    if fixed := settings.keys() - {"crop"}:
        raise ValueError(
            f"{min(fixed)} cannot be another than that of the report, whose faces the model has learnt from; only crop can"
        )
    read, squares = [], []
    for face in faces:
        try:
            squares.append(how.face(read_grey(face)))
            read.append(face.name)
        except (Unreadable, OSError) as reason:
            say(f"left out: {face}: {reason.strerror if isinstance(reason, OSError) else reason}")
    if not read:
        raise ValueError("none of the images can be read")
    cut = (
        "The largest face of each picture was cut out."
        if how.crop
        else 'Each picture was taken for a face; --set "crop=True" cuts the face out first.'
    )
    return f"{reading(model, read, model.scores(np.stack(squares)))}\n{cut}"


def reading(model: "Predictor", names: list[str], scores: "np.ndarray") -> str:
    """The scores ``[N, C]`` as text, with what they are worth."""
    classes, a = model.about["classes"], model.arrays
    width = max(map(len, names))
    lines = [" " * width + "".join(f"{emotion:>10}" for emotion in classes)]
    for name, row in zip(names, scores, strict=True):
        right, rows = model.calibration(row.max())
        named = int(row.argmax())
        lines.append(f"{name:<{width}}" + "".join(f"{score:10.2f}" for score in row))
        lines.append(
            f"  {classes[named]}. Of {rows} faces of its own data with about as high a score, the model named {right} right ({right / max(rows, 1):.0%});"
        )
        lines.append(
            f"  of {a['named'][named]} that it called {classes[named]}, {a['named right'][named]} were."
        )
    lines.append(
        f"Scores are 1 for a sure emotion and 0 for none; guessing is right once in {len(classes)}. The model learnt from {model.about['source']}, "
        f"and was tried on faces that it had not seen ({model.about['protocol']} folds). Other faces than such may be read worse."
    )
    return "\n".join(lines)
