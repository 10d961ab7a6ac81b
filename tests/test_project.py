"""What the repository promises of itself: the lock, the environment, the doors."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCK = dict(line.split("==") for line in (ROOT / "requirements.lock").read_text().split())


def declared():
    text = (ROOT / "pyproject.toml").read_text()
    return re.findall(r'^    "([\w-]+)(?:<\d+)?",\s*# .+$', text, flags=re.M)


def test_each_dependency_gives_its_reason_and_is_locked():
    lines = re.findall(
        r'^    "[\w-]+(?:<\d+)?".*$', (ROOT / "pyproject.toml").read_text(), flags=re.M
    )
    assert len(lines) == len(declared()) > 10
    names = {name.lower().replace("_", "-") for name in LOCK}
    assert {name.lower() for name in declared()} - {
        "jax",
        "mutmut",
        "scikit-image",
    } <= names  # used where they are, installed by nobody's lock


def test_what_is_imported_is_declared():
    imported = set()
    for path in (ROOT / "emolib").rglob("*.py"):
        imported |= set(re.findall(r"^\s*(?:from|import) (\w+)", path.read_text(), flags=re.M))
    names = {
        "PIL": "pillow",
        "sklearn": "scikit-learn",
        "IPython": "ipykernel",
        "traitlets": "nbconvert",
        "cv2": "opencv-python-headless",
    }
    third = {
        names.get(name, name.replace("_", "-"))
        for name in imported - set(sys.stdlib_module_names) - {"emolib"}
    }
    assert third <= set(declared())


def test_the_lock_is_exact_and_of_no_particular_build():
    assert all(re.fullmatch(r"[\w.]+", version) for version in LOCK.values())
    assert LOCK["torch"] == "2.13.0"


def test_conda_users_get_the_same_versions():
    text = (ROOT / "environment.yml").read_text()
    assert "--requirement requirements.lock" in text and "--editable ." in text
    python = tuple(map(int, re.search(r"- python=(\d+)\.(\d+)", text).groups()))
    required = re.search(
        r'requires-python = ">=(\d+)\.(\d+)"', (ROOT / "pyproject.toml").read_text()
    )
    assert python >= tuple(map(int, required.groups()))


def test_ci_calls_the_readme_s_test_command():
    assert "make test" in (ROOT / "README.md").read_text()
    assert "\nmake test\n" in (ROOT / ".ci/run").read_text()


@pytest.mark.parametrize("door", ["report", "test", "explore", "walkthroughs", "help"])
def test_help_lists_the_doors(door):
    shown = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert f"make {door}" in shown


def test_the_code_keeps_its_conventions():
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "emolib", "tests"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_the_code_keeps_to_the_types_that_it_states():
    # what it finds out about other libraries is kept in the environment, as by `make lint`
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(Path(sys.prefix) / "mypy")]
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
