"""The list of built pages, ``index.html``: reports, reports that failed, walkthroughs."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

from emolib.report.markup import templates

HEAD = 65536  # characters of a page in which its title and description stand


def index(folder: Path) -> str:
    """The page that lists the pages of ``folder`` by what they call themselves."""
    found = sorted(file for file in folder.glob("*.html") if file.name != "index.html")
    failed = [file for file in found if file.name.endswith(".failed.html")]
    groups = [
        ("Built", [file for file in found if file not in failed]),
        ("Not whole", failed),
        ("Walkthroughs", sorted(folder.glob("walkthroughs/*.html"))),
    ]
    listed = [(heading, [_entry(folder, file) for file in files]) for heading, files in groups]
    return templates.get_template("index.html").render(groups=listed)


def _entry(folder: Path, file: Path) -> tuple[str, str, str]:
    head = _Head()
    with file.open(encoding="utf-8", errors="replace") as page:
        head.feed(page.read(HEAD))
    path = file.relative_to(folder).as_posix()
    return quote(path), head.title.strip() or path, head.description


class _Head(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.title = self.description = ""
        self.open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.open = tag == "title" and not self.title
        if tag == "meta" and given.get("name") == "description":
            self.description = given.get("content") or ""

    def handle_endtag(self, tag: str) -> None:
        self.open = False

    def handle_data(self, data: str) -> None:
        if self.open:
            self.title += data
