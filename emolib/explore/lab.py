"""JupyterLab with the explorers, on this machine only."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from emolib.data import load

SETTINGS = Path(__file__).with_name("settings")
# On this machine alone, without requests to the network for updates and news, and no question
# whether they may be made.
QUIET = (
    "--ServerApp.ip=127.0.0.1",
    "--allow-root",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.news_url=None",
    f"--LabApp.app_settings_dir={SETTINGS}",
    f"--LabApp.extra_labextensions_path={SETTINGS}",
)


def open_lab(notebook: Path, data: str = "") -> None:
    """Runs JupyterLab on a notebook until it is shut down.

    The server listens on this machine alone, and asks for the token that its address carries.

    Args:
        notebook: what to open.
        data: the file that the explorers read; the drawn faces if empty.

    Raises:
        ValueError: the file is not a table or folder of faces.
        OSError: there is no such file or notebook, or JupyterLab ended with an error.
    """
    source = os.path.realpath(os.path.expanduser(data)) if data else ""
    load(source or None)  # an error in the data is raised here, and not in a cell
    if not notebook.is_file():
        raise FileNotFoundError(f"there is no notebook {notebook}")
    # the address of a single document: no file pane beside it
    command = [
        *(sys.executable, "-m", "jupyterlab", *QUIET, f"--ServerApp.root_dir={notebook.parent}"),
        f"--LabApp.default_url=/doc/tree/{notebook.name}",
    ]
    with TemporaryDirectory(prefix="emolib-") as folder:
        home = {} if os.access(os.path.expanduser("~"), os.W_OK) else {"HOME": folder}
        code = subprocess.run(command, env=os.environ | {"EMOLIB_DATA": source} | home).returncode
    if code:
        raise OSError(f"JupyterLab ended with exit code {code}; the reason stands above")
