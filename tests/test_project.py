"""What the repository promises of itself: the lock, the environment, the doors."""

import re
import subprocess
import sys
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
UNLOCKED = {"jax", "mutmut"}
# The lock is for PyTorch's CPU build: these come with the CUDA build alone.
CUDA = re.compile(r"(nvidia|cuda)-.*|triton")


def declared():
    text = (ROOT / "pyproject.toml").read_text()
    return re.findall(r'^    "([\w-]+)(?:<\d+)?",\s*# .+$', text, flags=re.M)


def test_each_dependency_gives_its_reason_and_is_locked():
    lines = re.findall(
        r'^    "[\w-]+(?:<\d+)?".*$', (ROOT / "pyproject.toml").read_text(), flags=re.M
    )
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
        try:
            needed = [Requirement(text) for text in requires(name) or []]
        except PackageNotFoundError:  # locked for another Python than this
            continue
        wanted |= {
            canonicalize_name(need.name)
            for need in needed
            if need.marker is None or need.marker.evaluate(on | {"extra": ""})
        }
    assert {name for name in wanted if not CUDA.fullmatch(name)} <= set(names)


def test_conda_users_get_the_same_versions():
    text, project = (ROOT / "environment.yml").read_text(), (ROOT / "pyproject.toml").read_text()
    assert "--requirement requirements.lock" in text and "--editable ." in text
    python = int(re.search(r"- python=3\.(\d+)", text)[1])
    assert python >= int(re.search(r'requires-python = ">=3\.(\d+)"', project)[1])


def test_ci_calls_the_readme_s_test_command():
    assert "make test" in (ROOT / "README.md").read_text()
    assert "\nmake test\n" in (ROOT / ".ci/run").read_text()


def test_help_lists_the_doors():
    make = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for door in ("report", "test", "explore", "walkthroughs", "help"):
        assert f"make {door}" in make.stdout


@pytest.mark.parametrize(
    "tool",
    [
        ["ruff", "check", "--no-cache", "emolib", "tests"],
        # what it finds out about other libraries is kept in the environment, as by `make lint`
        ["mypy", "--cache-dir", str(Path(sys.prefix) / "mypy")],
    ],
    ids=["ruff", "mypy"],
)
def test_the_code_keeps_its_conventions_and_types(tool):
    command = [sys.executable, "-m", *tool]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_type_error_is_given_its_reason_and_its_code():
    lines = [
        line
        for file in (ROOT / "emolib").rglob("*.py")
        for line in file.read_text().splitlines()
        if "type: ignore" in line
    ]
    assert all(re.search(r"# type: ignore\[[a-z-]+\]  # \w+", line) for line in lines)
