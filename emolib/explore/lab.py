"""Opens the explorers in JupyterLab, on this machine only."""

import os
import subprocess
import sys
from pathlib import Path

from emolib.data import load

# Asks the network for nothing, neither updates nor news, and nobody whether it may.
QUIET = (
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.news_url=None",
    f"--LabApp.app_settings_dir={Path(__file__).with_name('settings')}",
)
# The environment variable by which the notebook learns of the data.
VARIABLE = "EMOLIB_DATA"


def open_lab(notebook: Path, data: str = "", options: tuple[str, ...] = ()) -> int:
    """Runs JupyterLab on a notebook until it is shut down, and returns its exit code.

    The server listens on this machine alone, and asks for the token that its address carries.

    Args:
        notebook: what to open.
        data: the file that the explorers read; the drawn faces if empty.
        options: further options of JupyterLab.

    Raises:
        ValueError, OSError: the file is no such table; one sentence says why.
    """
    source = str(Path(data).expanduser().resolve()) if data else ""
    load(source or None)  # told here, and not in a cell
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        str(notebook),
        "--ServerApp.ip=127.0.0.1",
        *QUIET,
        *options,
    ]
    return subprocess.run(command, env=os.environ | {VARIABLE: source}).returncode
