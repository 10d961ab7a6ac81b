"""The files of the library that a notebook's code can reach: read off the import statements,
nothing is run.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent.parent


def reached(sources: Iterable[str]) -> list[Path]:
    """Files of this library that code can reach through imports, however deep, in alphabetical
    order.

    Args:
        sources: Python code, such as the cells of a notebook.

    A name that loads when first used leads to the module that defines it, and only to that.
    """
    found: set[Path] = set()
    waiting = [file for source in sources for file in _files(source)]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += _of_file(file)
    return sorted(found)


@cache
def _of_file(file: Path) -> tuple[Path, ...]:
    if file.suffix != ".py":
        return ()
    source = file.read_text(encoding="utf-8")
    words = [
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    # a file beside the module that its code names, such as one to be compiled, is code as well
    named = [
        file.parent / word
        for word in words
        if re.fullmatch(r"[\w-]+\.\w+", word) and (file.parent / word).is_file()
    ]
    return (*_files(source), *named)


def _files(source: str) -> Iterator[Path]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _resolve(alias.name.split("."))
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from _resolve(node.module.split("."))
            for alias in node.names:
                yield from _resolve([*node.module.split("."), alias.name])
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield from _resolve([node.value.id, node.attr])


def _resolve(names: list[str]) -> Iterator[Path]:
    """The files that a dotted name stands for, the packages on the way included; none if it is not
    of this library.
    """
    if names[0] != PACKAGE.name:
        return
    place = PACKAGE
    yield place / "__init__.py"
    for name in names[1:]:
        lazy = _lazy(place).get(name)
        if lazy is not None:
            yield from _resolve([PACKAGE.name, *place.relative_to(PACKAGE).parts, lazy])
        if (place / f"{name}.py").is_file():
            yield place / f"{name}.py"
            return
        place = place / name
        if not place.is_dir():
            return
        yield place / "__init__.py"


@cache
def _lazy(package: Path) -> dict[str, str]:
    """The module of each name that a package loads when it is first used: those in the stub beside
    it.
    """
    stub = (package / "__init__.py").with_suffix(".pyi")
    nodes = ast.walk(ast.parse(stub.read_text(encoding="utf-8"))) if stub.is_file() else ()
    return {
        alias.name: node.module
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
