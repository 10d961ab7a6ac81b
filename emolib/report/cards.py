"""Cards: a figure or table as HTML, with caption, formats and data below it."""

import json
import numbers
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from io import BytesIO, StringIO
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.etree.ElementTree import Element, fromstring

import numpy as np
import pandas as pd
from IPython.display import display
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from emolib.figures.style import Picture

# The MIME type by which published results travel inside an executed notebook, and the name of the
# metadata by which the build knows a card.
RESULTS, CARD = "application/vnd.emolib.results+json", "emolib"
# The file, in a chapter's own folder, by which the build hands it what others have published.
PUBLISHED = "published.json"
# Stands between the kind and the id of a card whose number only the whole report knows.
UNNUMBERED = "\N{NO-BREAK SPACE}"
# What cannot stand in a data URI as it is: the signs that end it or an attribute, and those that
# URIs read otherwise.
_ESCAPED = re.compile(r'[\0-\x1f\x7f"#%&<\\]')


def _uri(content: str, mime: str) -> Markup:
    return Markup(f"data:{mime};charset=utf-8,") + Markup(
        _ESCAPED.sub(lambda sign: quote(sign[0]), content)
    )


templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)
templates.filters["uri"] = _uri


def macro(template: str, name: str, *arguments: Any, **options: Any) -> str:
    """HTML made by a macro of one of the templates beside this file."""
    return str(
        getattr(templates.get_template(template).module, name)(*arguments, **options)
    ).strip()


def figure(id: str, picture: "Picture", caption: str, *, folded: bool = False) -> None:
    """Shows a picture as a card with its alt text, its data (CSV) and itself (SVG) to download.

    The same picture and id give the same bytes.

    Args:
        id: gives the number: ``fig-6a`` is Figure 6a of the paper; any other id is numbered by the
            build.
        picture: what to show; its figure is closed afterwards.
        caption: follows the number.
        folded: shows the caption, and the picture where a reader opens it.

    Raises:
        ValueError: the picture has no alt text or no data, or there is no caption.
    """
    _show("figure", id, caption, picture.data, states=[as_svg(picture, folded)], folded=folded)


def slider(
    id: str, states: Mapping[float, "Picture"], caption: str, *, label: str, unit: str = ""
) -> None:
    """Shows pictures of one thing at several settings: on the page a slider moves between them.

    Where no script runs, and on paper, all states stand side by side.

    Args:
        id: as for :func:`figure`.
        states: the picture at each setting, in rising order of the setting.
        caption: follows the number.
        label: what the slider sets, such as ``"minimal angle"``.
        unit: follows each setting, such as ``"°"``.

    Raises:
        ValueError: there is no state, or one lacks its alt text or its numbers.
    """
    if not states:
        raise ValueError(f"slider {id} has no state")
    data = pd.concat(
        [picture.data.assign(**{label: value}) for value, picture in states.items()],
        ignore_index=True,
    )
    drawn = [as_svg(picture) | {"value": f"{value:g}{unit}"} for value, picture in states.items()]
    _show("slider", id, caption, data, states=drawn, label=label)


def table(
    id: str,
    frame: pd.DataFrame,
    caption: str,
    formats: str | dict[Any, str] | None = None,
    *,
    folded: bool = False,
) -> None:
    """Shows a frame as an accessible table with its data (CSV) to download.

    A plain row number is not shown, any other index is.

    Args:
        id: gives the number: ``table-3`` is Table 3 of the paper; any other id is numbered by the
            build.
        frame: what to show.
        caption: follows the number.
        formats: one format string such as ``"{:.1%}"`` for every number, or one for each column
            named; other fractions get two decimals, and what is missing is a dash.
        folded: shows the caption, and the table where a reader opens it.

    Raises:
        ValueError: the frame is empty, or there is no caption.
    """
    _show("table", id, caption, frame, grid=grid(frame, formats), folded=folded)


def claim_list(id: str, frame: pd.DataFrame, caption: str) -> None:
    """Shows claims by topic, a row each with its verdict and intervals; a row opens to its parts.

    Args:
        id: as for :func:`figure`.
        frame: of :func:`emolib.analysis.verdicts.evaluate_claims`, with the columns ``decides``
            (the rule in words) and ``shown`` (id of the card that shows the evidence) as well.
        caption: of the data.

    Raises:
        ValueError: there is no claim, or no caption.
    """
    topics = [
        _with_marks(str(topic), own.to_dict("records", into=dict[str, Any]()))
        for topic, own in frame.groupby("topic", sort=False)
    ]
    _show(
        "claims",
        id,
        caption,
        frame.drop(columns=["parts", "evidence", "decides", "shown"]),
        topics=topics,
        counts=frame["verdict"].value_counts().to_dict(),
    )


def publish(name: str, records: Any) -> None:
    """Hands results to the build, which gathers them in ``results.json``.

    Args:
        name: the results' name there.
        records: numbers, text, lists and dicts.

    Raises:
        TypeError: a value is none of these.
    """

    def simple(item: Any) -> Any:
        if isinstance(item, np.ndarray | np.generic):
            return item.tolist()
        raise TypeError(f"results are numbers, text, lists and dicts, not {type(item).__name__}")

    # numbers that JSON lacks (NaN, infinity) become null
    strict = json.loads(json.dumps(records, default=simple), parse_constant=lambda name: None)
    display({RESULTS: {name: strict}, "text/plain": f"published: {name}"}, raw=True)


def published() -> dict[str, Any]:
    """Results by name that the chapters in this notebook's list ``needs`` have published; none
    where the notebook is run by hand.
    """
    file = Path(PUBLISHED)
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}


def plain(text: Any) -> str:
    """``text`` for use inside Markdown, where it then stands as it is, whatever signs it holds.

    Example:
        >>> plain("a_b <c>")
        'a\\\\_b \\\\<c\\\\>'
    """
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", str(text))


def _show(kind: str, id: str, caption: str, data: pd.DataFrame, **parts: Any) -> None:
    states = parts.get("states", [])
    forbidden = "chapter-|(?:contents|content|verdict|reading|register|provenance|code-switch)$"
    for right, fault in (
        (
            re.fullmatch(rf"(?!{forbidden})[a-z][a-z0-9-]*", id),
            f"the id {id!r} is not lower-case letters, digits and hyphens, or is the page's",
        ),
        (caption.strip(), f"{kind} {id} has no caption"),
        (not data.empty, f"{kind} {id} has no data behind it"),
        (all(state["alt"].strip() for state in states), f"{kind} {id} has no alt text"),
    ):
        if not right:
            raise ValueError(fault)
    called = number("Table" if kind in ("table", "claims") else "Figure", id)
    html = macro("cards.html", kind, id=id, number=called, caption=caption, csv=csv(data), **parts)
    display(
        {"text/html": html, "text/plain": states[0]["alt"] if states else data.to_string()},
        raw=True,
        metadata={CARD: {"id": id, "number": called, "caption": caption}},
    )


def _with_marks(topic: str, claims: list[dict[str, Any]]) -> dict[str, Any]:
    """A topic's claims, with the marks of their parts in percent of the length of an axis. Parts
    with the same reference share an axis; the ticks are those of the first claim's.
    """
    from matplotlib.ticker import MaxNLocator

    limits = ("estimate", "low", "high")
    for claim in claims:  # the caller publishes its own, without the places of marks
        claim["parts"] = [dict(part) for part in claim["parts"]]
        counted = [part for part in claim["parts"] if part["counted"]]
        claim["decisive"] = min(counted, key=lambda part: part["verdict"] != claim["verdict"])
    parts = [part for claim in claims for part in claim["parts"]]
    ends: dict[float, list[float]] = {}
    for part in parts:
        shown = [own[limit] for own in part["measured"] for limit in limits]
        ends.setdefault(part["reference"], [part["reference"]]).extend(
            [*shown, part["figure"]] if shown else []
        )

    def place(value: float, reference: float) -> float:
        low, high = np.nanmin(ends[reference]), np.nanmax(ends[reference])
        return round(float(3 + 94 * (value - low) / (high - low or 1)), 1)

    for part in parts:
        reference, figure = part["reference"], part["figure"]
        part |= {
            "marks": [
                {"protocol": own["protocol"]}
                | {name: place(own[name], reference) for name in limits}
                for own in part["measured"]
                if np.isfinite([own[name] for name in limits]).all()
            ],
            "zero": place(reference, reference),
            "printed": None if np.isnan(figure) else place(figure, reference),
        }
    first = claims[0]["decisive"]["reference"]
    low, high = 100 * np.nanmin(ends[first]), 100 * np.nanmax(ends[first])
    ticks = MaxNLocator(4).tick_values(low, high) if low < high else []
    return {
        "name": topic,
        "claims": claims,
        "ticks": [(f"{tick:g}", place(tick / 100, first)) for tick in ticks if low <= tick <= high],
        "unit": "%" if first else "points",
    }


def as_svg(picture: "Picture", folded: bool = False) -> dict[str, Any]:
    """The picture's words and SVG; of one that is not folded, also as drawn for a phone."""
    state: dict[str, Any] = {"alt": picture.alt, "narrow": None} | _sized(picture.figure)
    narrow = _sized(picture.narrow().figure) if picture.narrow and not folded else state
    # one that is as wide on a phone would be there twice
    return state | {"narrow": narrow} if narrow["width"] < state["width"] else state


def _sized(figure: "Figure") -> dict[str, Any]:
    from matplotlib import pyplot  # the build needs no drawing library

    width, height = (round(inches * 96) for inches in figure.get_size_inches())
    drawn = {"svg": svg(figure), "width": width, "height": height}
    pyplot.close(figure)
    return drawn


def number(kind: str, id: str) -> str:
    """ "Figure 6a" for ``fig-6a``, as in the paper; an id of another form is numbered by the build,
    and until then follows the kind after :data:`UNNUMBERED`.
    """
    known = re.fullmatch(r"(?:fig|table)-(\w+)", id)
    return f"{kind} {known[1]}" if known else f"{kind}{UNNUMBERED}{id}"


def svg(figure: "Figure") -> str:
    """The figure as one line of SVG with a dark side; the same figure gives the same text.

    Args:
        figure: what to draw; its canvas and resolution are those of the drawing afterwards.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    from emolib.figures.style import KEPT, dark

    file = StringIO()
    with rc_context({"svg.fonttype": "none"}):
        # savefig would draw the figure twice
        FigureCanvasSVG(figure).print_svg(file)  # type: ignore[no-untyped-call]  # yet public
    # Matplotlib gives every mark a long name or its whole style: these stand once, and have short
    # names in the order in which they come
    ids: dict[str, str] = {}
    classes: dict[tuple[str, bool], str] = {}

    def written(element: Element, kept: bool = False) -> str:
        name = element.tag.rpartition("}")[2]
        has = {key.rpartition("}")[2]: value for key, value in element.items()}
        id, style = has.pop("id", ""), has.pop("style", "")
        kept |= id == KEPT
        inside = str(escape((element.text or "").strip()))
        inside += "".join(written(child, kept) for child in element)
        if name in ("metadata", "style") or (name in ("g", "defs") and not inside):
            return ""
        if name in ("path", "clipPath") and id:
            has["id"] = ids.setdefault(id, f"i{len(ids)}")
        if style := re.sub(r"font-family: [^;]*(; )?|(?<=[:;]) ", "", style):
            has["class"] = classes.setdefault((style, kept), f"c{len(classes)}")
        if name == "image":
            has["href"] = _smaller(has["href"])
        elif re.fullmatch("[^CQz]*z? ?", has.get("d", "C")):  # one piece, no curve
            has["d"] = _lines(has["d"])
        else:
            has = {
                key: re.sub(r"-?\d+\.\d+", lambda n: f"{round(float(n[0]), 2) + 0:g}", value)
                for key, value in has.items()
            }
        if name == "g" and not has:
            return inside
        tag = name + "".join(f" {key}='{value}'" for key, value in has.items())
        return f"<{tag}>{inside}</{name}>" if inside else f"<{tag}/>"

    def shaded(style: str) -> str:
        return ";".join(
            f"{part}:{dark(colour)}"
            for part, colour in re.findall(r"(fill|stroke):(#\w{6})", style)
        )

    plain = re.sub(r' transform="rotate\(-0 [^"]*"', "", file.getvalue())  # not turned at all
    start, rest = written(fromstring(plain)).split(">", 1)
    rules = "".join(f".{name}{{{style}}}" for (style, _), name in classes.items())
    night = "".join(
        f".{name}{{{shaded(style)}}}" for (style, kept), name in classes.items() if not kept
    )
    drawn = (
        f"<svg xmlns='http://www.w3.org/2000/svg' font-family='DejaVu Sans,Verdana,sans-serif'"
        f"{start[4:]}><style>*{{stroke-linejoin:round}}{rules}@media(prefers-color-scheme:dark)"
        f"{{svg{{fill:{dark('#000000')}}}{night}}}</style>{rest}"
    )
    return re.sub(r"\w{9,}", lambda word: ids.get(word[0], word[0]), drawn)


def _lines(path: str) -> str:
    """A path of straight lines in tenths of a point, each from where the last one ended."""
    found = re.findall(r"([ML]) (\S+) (\S+)", path)
    points = np.array([point for _, *point in found], float).round(1)
    steps = zip(found, np.diff(points, axis=0, prepend=0), strict=True)
    drawn = [f"{letter.lower()}{x:.5g},{y:.5g}" for (letter, *_), (x, y) in steps]
    return "".join(drawn) + ("z" if "z" in path else "")


def _smaller(uri: str) -> str:
    """A picture as WebP, which takes a third of the room of PNG."""
    from PIL import Image

    file = BytesIO()
    Image.open(BytesIO(b64decode(uri.partition(",")[2]))).save(file, "webp", quality=90)
    return f"data:image/webp;base64,{b64encode(file.getvalue()).decode()}"


def csv(frame: pd.DataFrame) -> str:
    """The frame as CSV with six significant digits, more than any figure shows."""
    return frame.to_csv(index=_is_named(frame.index), float_format="%.6g", lineterminator="\n")


def grid(frame: pd.DataFrame, formats: str | dict[Any, str] | None = None) -> dict[str, Any]:
    """The cells of an accessible table, for the template.

    Args:
        frame: a plain row number is left out, any other index is kept.
        formats: see :func:`table`.

    Returns:
        ``header``: runs ``[position, label, length]`` per level of the columns; ``names`` of the
        index levels; ``rows`` of ``heads`` (runs that begin here) and ``cells`` ``[text, whether a
        number]``; ``numeric``: whether each column is, as numbers or as text without a letter.
    """
    heads = _runs(frame.index) if _is_named(frame.index) else []
    forms: dict[Any, Any] = (
        formats if isinstance(formats, dict) else dict.fromkeys(frame.columns, formats)
    )
    columns = [
        [_text(value, forms.get(name)) for value in column] for name, column in frame.items()
    ]
    numeric = [
        bool(pd.api.types.is_numeric_dtype(dtype)) or not re.search(r"[^\W\d_]", "".join(texts))
        for dtype, texts in zip(frame.dtypes, columns, strict=True)
    ]
    return {
        "header": _runs(frame.columns),
        "names": ["" if name is None else str(name) for name in frame.index.names] if heads else [],
        "rows": [
            {
                "heads": [run for level in heads for run in level if run[0] == place],
                "cells": list(zip(texts, numeric, strict=True)),
            }
            for place, texts in enumerate(zip(*columns, strict=True))
        ],
        "numeric": numeric,
    }


def _is_named(index: pd.Index) -> bool:
    return not isinstance(index, pd.RangeIndex) or index.name is not None


def _runs(index: pd.Index) -> list[list[list[Any]]]:
    """Runs of equal labels per level, ``[position, label, length]``; innermost ones never join."""
    keys = [key if isinstance(key, tuple) else (key,) for key in index]
    levels = []
    for level in range(index.nlevels - 1):
        runs = [list(run) for _, run in groupby(enumerate(keys), lambda at: at[1][: level + 1])]
        levels.append([[run[0][0], str(run[0][1][level]), len(run)] for run in runs])
    return [*levels, [[place, str(key[-1]), 1] for place, key in enumerate(keys)]]


def _text(value: Any, form: str | None) -> str:
    """The text of a cell: by its format, a dash for what is missing, two decimals of a fraction. A
    number that shows as zero has no sign.
    """
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return "–"
    if isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool):
        whole = isinstance(value, numbers.Integral)
        text = (form or ("{}" if whole else "{:.2f}")).format(value)
        return text[1:] if re.fullmatch(r"[-+]0[0.,]*\D*", text) else text
    return str(value)
