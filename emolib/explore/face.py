"""Face maker: effect of a muscle, a head turn or bad light on features and scores."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import ipywidgets as widgets
import numpy as np
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline, make_union

from emolib import FusionCNNClassifier, figures, load, make_folds
from emolib.data.descriptors import lpq_codes, phog
from emolib.data.drawn import CLASSES, draw_faces, film_stills, scene
from emolib.data.faces import PROTOTYPES, UNITS, Identity, View, draw_face
from emolib.estimators import LPQ, PHOG
from emolib.explore.live import Canvas, choice, laid_out, slider
from emolib.training.scaling import min_max

SHOWN_PERSONS = ("Ada", "Ben", "Cleo", "Finn", "Kim", "Mae", "Otis", "Zoe")
BINS, LEVELS = 8, 3

COLUMNS = {"LPQ": slice(5), "PHOG": slice(5, 10), "LPQ+PHOG": slice(10)}  # of the ten numbers

default_faces = cache(draw_faces)


class FaceReader:
    """Descriptors, principal components and the paper's three CNNs as scikit-learn objects, for any
    picture of a face; trained on four fifths of the drawn faces.

    Attributes:
        components: pictures ``[N, H, W]`` to five components of LPQ and five of PHOG, ``[N, 10]``.
        models: classifiers of these ten numbers, by the modalities that they use.
        accuracy: of each model on the test rows of random folds, which hold persons of the training
            rows.
    """

    def __init__(self) -> None:
        images, labels = default_faces().images, default_faces().labels
        train, test = make_folds(load(), "random", seed=0)[0]
        self.components = make_union(
            *(make_pipeline(kind(), PCA(5, svd_solver="full")) for kind in (LPQ, PHOG))
        ).fit(images[train])
        ten = self.components.transform(images)
        self.models = {
            name: FusionCNNClassifier(len(name.split("+")), random_state=0).fit(
                ten[train][:, own], labels[train]
            )
            for name, own in COLUMNS.items()
        }
        self.accuracy = {
            name: model.score(ten[test][:, COLUMNS[name]], labels[test])
            for name, model in self.models.items()
        }

    def read(self, image: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Scaled components by modality, and scores ``[C]`` by model, of one picture ``[H, W]``."""
        ten, fusion = self.components.transform(image[None]), self.models["LPQ+PHOG"]
        numbers = np.split(min_max(ten, fusion.low_, fusion.span_)[0], 2)
        scores = {
            name: model.decision_function(ten[:, COLUMNS[name]])[0]
            for name, model in self.models.items()
        }
        return dict(zip(("LPQ", "PHOG"), numbers, strict=True)), scores


face_reader = cache(FaceReader)  # trained when first asked for


def face_maker() -> widgets.VBox:
    """Action units, pose, light and wildness of a drawn face, which the paper's three CNNs read."""
    people = {"nobody in particular": Identity()} | {
        still.person: still.identity for still in film_stills() if still.person in SHOWN_PERSONS
    }
    reader, canvas = face_reader(), Canvas(64)
    emotion = choice("emotion", CLASSES, value="Happy")
    person = choice("person", list(people), value="Ben")  # all three models read this face
    units = {
        number: slider(f"AU {number}: {name}", 0.0, 0.0, 1.0, 0.05)
        for number, name in UNITS.items()
    }
    scenery = {
        "yaw": slider("turned / degrees", 0, -45, 45, 1),
        "roll": slider("tilted / degrees", 0, -30, 30, 1),
        "pitch": slider("chin up / degrees", 0, -20, 20, 1),
        "light": slider("lamp / degrees", -35, -90, 90, 5),
        "exposure": slider("exposure", 1.0, 0.3, 1.3, 0.05),
        "blur": slider("blur / pixels", 0.0, 0.0, 3.0, 0.1),
        "wildness": slider("wildness", 0.5, 0.0, 1.0, 0.05),
        "take": slider("take (scene)", 1, 1, 20, 1),
        "level": slider("PHOG level", 2, 0, LEVELS, 1),
    }

    def pictures() -> Iterator[figures.Picture]:
        identity, at = people[person.value], {name: own.value for name, own in scenery.items()}
        # a film's own share: stray movements, another view, things in the way
        stray, view = scene(
            np.random.default_rng(at["take"]), "Neutral", identity, at["wildness"] ** 2
        )
        shown = {
            number: min(1.0, control.value + stray.get(number, 0.0))
            for number, control in units.items()
        }
        view = replace(
            view,
            light=view.light + at["light"] - View.light,
            exposure=view.exposure * at["exposure"],
            **{name: getattr(view, name) + at[name] for name in ("yaw", "roll", "pitch", "blur")},
        )
        image = draw_face(shown, identity, view)
        first, count = BINS * (4 ** at["level"] - 1) // 3, BINS * 4 ** at["level"]
        cells = phog(image[None], BINS, LEVELS)[0, first : first + count]
        yield figures.face_reading(
            image, lpq_codes(image[None])[0], cells, *reader.read(image), CLASSES
        )

    own, others = widgets.VBox(), widgets.VBox()
    folded = widgets.Accordion(
        [others, widgets.VBox(list(scenery.values()))],
        titles=("other action units", "pose, light, wildness"),
    )

    def begin(_: object = None) -> None:
        """The emotion's units, raised, and the others, folded unless it has none of its own."""
        chosen = PROTOTYPES[emotion.value]
        for number, control in units.items():
            control.value = float(chosen.get(number, 0.0))
        own.children = [units[number] for number in chosen]
        others.children = [units[number] for number in sorted(units.keys() - chosen)]
        folded.selected_index = None if chosen else 0

    emotion.observe(begin, "value")
    begin()
    canvas.follow([*units.values(), *scenery.values(), person], pictures, canvas.draw)
    reached = ", ".join(f"{name} {share:.0%}" for name, share in reader.accuracy.items())
    return laid_out(
        "Move one muscle, an action unit (AU). Do the ten numbers move? The grey band is the range "
        "of the training rows. Do the models still agree with you? A triangle marks the emotion "
        "with the highest score of each model. In each PHOG cell a line is long where brightness "
        f"changes in its direction. Accuracy of the models on test faces of random folds: "
        f"{reached}; guessing {1 / len(CLASSES):.0%}.",
        "drawn faces and networks trained on them, whatever the other explorers use; a table has "
        "no pictures",
        [emotion, person, own, folded],
        canvas,
    )
