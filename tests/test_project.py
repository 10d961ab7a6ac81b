"""What the repository promises of itself: the lock, the environment, the doors."""

import re
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LINES = [Requirement(line) for line in (ROOT / "requirements.lock").read_text().splitlines()]
LOCK = {canonicalize_name(line.name): str(line.specifier) for line in LINES}
# Used where they are installed, and in no lock.
UNLOCKED = {"mutmut"}
# The lock is for PyTorch's CPU build: these come with the CUDA build alone.
CUDA = re.compile(r"(nvidia|cuda)-.*|triton")


def declared():
    text = (ROOT / "pyproject.toml").read_text()
    return re.findall(r'^    "([\w-]+)(?:<\d+)?",\s*# .+$', text, flags=re.M)


def test_each_dependency_gives_its_reason_and_is_locked():
    project = (ROOT / "pyproject.toml").read_text()
    lines = re.findall(r'^    "[\w-]+(?:<\d+)?".*$', project, flags=re.M)
    assert len(lines) == len(declared()) > 10
    assert {name.lower() for name in declared()} - UNLOCKED <= LOCK.keys()


def test_what_is_imported_is_declared():
    imported = set()
    for path in (ROOT / "emolib").rglob("*.py"):
        imported |= set(re.findall(r"^\s*(?:from|import) (\w+)", path.read_text(), flags=re.M))
    names = {
        "PIL": "pillow",
        "sklearn": "scikit-learn",
        "IPython": "ipykernel",
        "traitlets": "nbconvert",
        "bs4": "nbconvert",
        "jupyter_client": "nbclient",
        "jupyter_core": "nbclient",
        "cv2": "opencv-python-headless",
    }
    third = {
        names.get(name, name.replace("_", "-"))
        for name in imported - set(sys.stdlib_module_names) - {"emolib"}
    }
    assert third <= set(declared())


def test_the_lock_is_exact_and_of_no_particular_build():
    assert all(re.fullmatch(r"==[\w.]+", version) for version in LOCK.values())
    assert LOCK["torch"] == "==2.13.0"


@pytest.mark.parametrize("python", ["3.11.0", "3.11.9", "3.12.3", "3.13.0", "3.14.0"])
def test_the_lock_holds_for_every_python(python):
    """Whatever a locked library requires on a Python is locked for that Python, once."""
    minor = ".".join(python.split(".")[:2])
    on = default_environment() | {"python_version": minor, "python_full_version": python}
    active = [line for line in LINES if line.marker is None or line.marker.evaluate(on)]
    names = [canonicalize_name(line.name) for line in active]
    assert len(names) == len(set(names))
    wanted = set(map(canonicalize_name, declared())) - UNLOCKED
    for name in names:
        with suppress(PackageNotFoundError):  # locked for another Python than this
            needed = [Requirement(text) for text in requires(name) or []]
            wanted |= {
                canonicalize_name(need.name)
                for need in needed
                if need.marker is None or need.marker.evaluate(on | {"extra": ""})
            }
    assert {name for name in wanted if not CUDA.fullmatch(name)} <= set(names)


def test_conda_users_and_ci_get_the_same_versions_and_tests():
    text, project, readme, ci = (
        (ROOT / name).read_text()
        for name in ("environment.yml", "pyproject.toml", "README.md", ".ci/run")
    )
    assert "--requirement requirements.lock" in text and "--editable ." in text
    python = int(re.search(r"- python=3\.(\d+)", text)[1])
    assert python >= int(re.search(r'requires-python = ">=3\.(\d+)"', project)[1])
    assert "make test" in readme and "\nmake test\n" in ci


def test_help_lists_the_doors():
    make = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for door in ("report", "test", "explore", "walkthroughs", "help"):
        assert f"make {door}" in make.stdout


# mypy's knowledge of other libraries is kept in the environment, as by `make lint`
RUFF = ["ruff", "check", "--no-cache", "emolib", "tests"]
MYPY = ["mypy", "--cache-dir", str(Path(sys.prefix) / "mypy")]


@pytest.mark.parametrize("tool", [RUFF, MYPY], ids=["ruff", "mypy"])
def test_the_code_keeps_its_conventions_and_types(tool):
    command = [sys.executable, "-m", *tool]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_type_error_is_given_its_reason_and_its_code():
    code = "\n".join(file.read_text() for file in (ROOT / "emolib").rglob("*.py"))
    ignored = re.findall(r".*type: ignore.*", code)
    assert all(re.search(r"# type: ignore\[[a-z-]+\]  # \w+", line) for line in ignored)
