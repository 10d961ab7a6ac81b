"""Face maker: what a muscle, a turn of the head or bad light does to ten numbers, and to what the
models say.
"""

from dataclasses import replace

import ipywidgets as widgets
import numpy as np

from emolib import figures
from emolib.data.descriptors import lpq_codes, phog
from emolib.data.drawn import CLASSES, film_stills, scene
from emolib.data.faces import PROTOTYPES, UNITS, Identity, View, draw_face
from emolib.explore.canvas import NARROW, Canvas, Redraw, choice, laid_out, slider
from emolib.explore.reading import reader

SHOWN_PERSONS = ("Ada", "Ben", "Cleo", "Finn", "Kim", "Mae", "Otis", "Zoe")
BINS, LEVELS = 8, 3


def face_maker() -> widgets.VBox:
    """Action units, pose, light and wildness, and the face that follows from them, read by the
    paper's three CNNs.
    """
    cast = {still.person: still.identity for still in film_stills()}
    people = {"nobody in particular": Identity()} | {name: cast[name] for name in SHOWN_PERSONS}
    models, canvas = reader(), Canvas()

    emotion = choice("emotion to begin with", CLASSES, "Happy")
    person = choice("person", list(people))
    units = {
        number: slider(f"AU {number}: {what}", 0.0, 0.0, 1.0, 0.05, NARROW)
        for number, what in UNITS.items()
    }
    pose = {
        "yaw": slider("turned / degrees", 0, -45, 45, 1),
        "roll": slider("tilted / degrees", 0, -30, 30, 1),
        "pitch": slider("chin up / degrees", 0, -20, 20, 1),
    }
    light = slider("lamp / degrees", -35, -90, 90, 5)
    exposure = slider("exposure", 1.0, 0.3, 1.3, 0.05)
    blur = slider("blur / pixels", 0.0, 0.0, 3.0, 0.1)
    wildness = slider("wildness", 0.5, 0.0, 1.0, 0.05)
    take = slider("take (which scene)", 1, 1, 20, 1)
    level = slider("PHOG level", 2, 0, LEVELS, 1)

    def draw() -> None:
        who = people[person.value]
        # what a film brings of itself: stray movements, another view, things in the way
        stray, view = scene(np.random.default_rng(take.value), "Neutral", who, wildness.value**2)
        shown = {
            number: min(1.0, control.value + stray.get(number, 0.0))
            for number, control in units.items()
        }
        view = replace(
            view,
            light=view.light + (light.value - View.light),
            exposure=view.exposure * exposure.value,
            blur=view.blur + blur.value,
            **{name: getattr(view, name) + control.value for name, control in pose.items()},
        )
        image = draw_face(shown, who, view)
        numbers, scores = models.read(image)
        first = BINS * (4**level.value - 1) // 3
        cells = phog(image[None], BINS, LEVELS)[0, first : first + BINS * 4**level.value]
        canvas.draw(
            figures.face_reading(image, lpq_codes(image[None])[0], cells, numbers, scores, CLASSES)
        )

    redraw = Redraw(
        [*units.values(), *pose.values(), light, exposure, blur, wildness, take, level, person],
        draw,
        canvas,
    )

    def begin(_: object = None) -> None:
        redraw.set(
            {
                control: float(PROTOTYPES[emotion.value].get(number, 0.0))
                for number, control in units.items()
            }
        )

    emotion.observe(begin, "value")
    begin()
    scenery = [*pose.values(), light, exposure, blur, wildness, take, level]
    tabs = widgets.Tab(
        [
            widgets.Box(box, layout={"flex_flow": "row wrap", "grid_gap": "0 0.4em"})
            for box in (list(units.values()), scenery)
        ]
    )
    tabs.titles = ("Action units", "Pose, light")
    worth = ", ".join(f"{name} {share:.0%}" for name, share in models.accuracy.items())
    return laid_out(
        "Move one muscle, an action unit (AU). Do the ten numbers move? The grey band is where faces of the training rows lie. Do the models still say "
        "what you see? A triangle marks the emotion that each names. In each PHOG cell a line is long where brightness changes in its direction. "
        f"Of test faces, people on both sides, the models name right: {worth}; guessing would {1 / len(CLASSES):.0%}.",
        "drawn faces and networks trained on them, whatever the other explorers use; a spreadsheet has no pictures",
        [emotion, person],
        tabs,
        canvas,
    )
