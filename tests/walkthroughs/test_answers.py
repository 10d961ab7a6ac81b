"""The page of a lesson in a browser: it judges answers as the lesson's own checks do."""

import numpy as np
from answers import RIGHT, WRONG
from nbformat import v4

from emolib.walkthroughs import distinctiveness, thousand
from emolib.walkthroughs.build import page

# Wrong answers of another kind than numbers, or of another count: the page has words of its own.
KINDS = ("one number", "shape", "above 1", "0 to 255", "reach", "output 3", "five")
SET = (distinctiveness.units_that_stay, thousand.coupled)
OPTIONS = {*range(1, 7), *thousand.COUPLING}
ANSWERED = [judge for judge in RIGHT if not callable(RIGHT[judge][0])]


def checks() -> str:
    """A page with the exercises whose answers are numbers or options, in the order of ANSWERED."""
    cells = [v4.new_markdown_cell("# One")]
    for judge in ANSWERED:
        shown = judge(RIGHT[judge][0])._repr_mimebundle_()
        cells += [v4.new_code_cell("...", metadata={"tags": [tag]}) for tag in ("answer", "check")]
        output = v4.new_output("display_data", shown | {"text/plain": "Right"})
        cells.append(v4.new_code_cell("", metadata={"tags": ["solution"]}, outputs=[output]))
    return page(v4.new_notebook(cells=cells, metadata={"code": "open"}), "1_one")


def test_a_page_says_to_an_answer_what_the_check_says(browser, tmp_path):
    (tmp_path / "page.html").write_text(checks())
    opened = browser.new_page()
    opened.goto((tmp_path / "page.html").as_uri())
    forms = opened.locator(".exercise")
    assert forms.count() == len(ANSWERED) == 8
    said = []
    for number, judge in enumerate(ANSWERED):
        form = forms.nth(number)
        given = [
            *RIGHT[judge],
            *(WRONG[judge][words] for words in WRONG[judge] if words not in KINDS),
        ]
        for answer in given:
            if judge in SET:
                if not isinstance(answer, set) or not answer <= OPTIONS:
                    continue  # the page does not offer it
                for box in form.get_by_role("checkbox").all():
                    label = box.locator("xpath=..").inner_text().strip()
                    box.set_checked(label in {str(one) for one in answer})
            else:
                text = ", ".join(repr(float(one)) for one in np.ravel(answer))
                form.get_by_label("Your answer").fill(text)
            form.get_by_role("button").click()
            verdict = judge(answer)
            word = "✓ Right" if verdict.right else "✗ Not yet"
            said.append((form.locator("output").inner_text(), f"{word}: {verdict.sentence}"))
    assert len(said) >= 60
    assert [page for page, check in said if page != check] == ["Nothing is ticked yet."]
