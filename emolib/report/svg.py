"""A Matplotlib figure as a small SVG: text stays text, coordinates have the precision that an eye
has.
"""

import re
from io import StringIO

import matplotlib
from matplotlib.figure import Figure

# In an attribute that holds coordinates, two decimals are a hundredth of a point.
_COORDINATES = re.compile(r' (?:d|x|y|points|transform)="[^"]*"')
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_UNUSED_ID = re.compile(
    r' id="\w[\w.]*_\d+"'
)  # names of artists; what is referred to has a hash for a name
_FONT = re.compile(r" ?font-family: ([^;\"]*);?")


def svg(figure: Figure, salt: str) -> str:
    """The figure as one line of SVG; the same figure and salt give the same text.

    Args:
        figure: what to draw; it is left as it is.
        salt: makes the ids inside the drawing, so that those of two drawings differ.
    """
    file = StringIO()
    # ids inside an SVG are random and its date is now, unless told otherwise
    with matplotlib.rc_context({"svg.hashsalt": salt, "svg.fonttype": "none"}):
        figure.savefig(
            file, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type"))
        )
    drawn = file.getvalue()
    drawn = re.sub(r"\s*\n\s*", " ", drawn[drawn.index("<svg") :]).strip().replace("> <", "><")
    drawn = _COORDINATES.sub(lambda found: _LONG_NUMBER.sub(_rounded, found[0]), drawn)
    drawn = re.sub(r"<g(?: clip-path=\"[^\"]*\")?/>", "", _UNUSED_ID.sub("", drawn))
    # Matplotlib names every font it knows at every text; once, at the root, is enough
    if _FONT.search(drawn):
        drawn = _FONT.sub("", drawn).replace(
            "<svg ", '<svg font-family="DejaVu Sans, Verdana, sans-serif" ', 1
        )
    return drawn


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")
