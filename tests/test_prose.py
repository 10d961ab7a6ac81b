"""Numbers in prose come from results or from what the paper prints, never from a keyboard."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

CHAPTERS = sorted(Path(__file__).parents[1].glob("notebooks/[0-9]*.ipynb"))
# What stands for a place or a name and not for a number: references, years of citations, code,
# formulas, terms of the field.
NAMES = re.compile(
    r"`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)"
    r"|\b(?:[Ff]igures?|[Tt]ables?|[Ee]quations?|[Ss]ections?|[Aa]lgorithm|[Cc]hapters?)"
    r" \d+[a-z]?(?:\.\d+)*(?:(?:, | and | to )\d+[a-z]?(?:\.\d+)*)*"
    r"|\b(?:19|20)\d\d\b|\b[A-Za-z]+\d+\b|\b95 % (?:confidence )?intervals?"
    r"|\b5 %|\b80/20\b|\b(?:above|below|as) 0\b",
    re.DOTALL,
)
WORDS = (
    r"eleven|twelve|\w+teen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
    r"|hundreds?|thousands?|\w+ieth|\w+ths?\b(?<=thousandth)"
)
TYPED = re.compile(rf"[\d½¼¾]+(?:[.,]\d+)?|\b(?:{WORDS})\b", re.IGNORECASE)
SPEAKERS = {"Markdown": 0, "figure": 2, "table": 2, "slider": 2}  # where each takes its words


def prose(notebook: nbformat.NotebookNode) -> list[str]:
    """Markdown cells, and what code cells say of themselves in words; values that are filled in are
    left out.
    """
    said = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    for node in (node for source in code for node in ast.walk(ast.parse(source))):
        place = SPEAKERS.get(getattr(getattr(node, "func", None), "id", None))
        if place is not None:
            said += [_words(argument) for argument in node.args[place : place + 1]]
    return said


def _words(node: ast.AST) -> str:
    match node:
        case ast.Constant(value=str()):
            return node.value
        case ast.JoinedStr():
            return "".join(map(_words, node.values))
        case ast.BinOp():
            return _words(node.left) + _words(node.right)
    return "…"


def typed(text: str) -> list[str]:
    return TYPED.findall(NAMES.sub(" ", text))


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_no_number_is_typed(path):
    said = prose(nbformat.read(path, as_version=4))
    found = {text[:60]: typed(text) for text in said if typed(text)}
    assert found == {}


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("recall rises to 31 %", ["31"]),
        ("about 0.5 more", ["0.5"]),
        ("at 60° two units stay", ["60"]),
        ("Thirty epochs, a hundred at most", ["Thirty", "hundred"]),
        ("[Figure 6a](#fig-6a) and Figures 6a, 9 and 10, equation 2, section 3.1, Algorithm 1", []),
        ("each with its 95 % interval, above 0; a test at 5 %; 80/20 splits", []),
        ("Gedeon and Harris 1991 take $x_1 = 0.5$ and `seeds = 3`; smooth L1", []),
    ],
)
def test_what_counts_as_typed(text, numbers):
    assert typed(text) == numbers


def test_words_in_code_are_found_and_values_are_not():
    source = 'Markdown(f"of {n:.2f} about 12 " + "and " + f(3))\ntable("a", b, f"16 {c}")'
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    assert [typed(text) for text in prose(node)] == [["12"], ["16"]]
