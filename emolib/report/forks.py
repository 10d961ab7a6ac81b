"""Fork server of Jupyter kernels: the libraries of the chapters are imported once per build.

A kernel of its own takes 5 s of CPU to start, of which imports are more than 4; a fork takes 0.2.
The server has no threads, so that it can be forked safely, and ends with the process that asked for
it.
"""

import atexit
import json
import os
import signal
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from tempfile import TemporaryDirectory
from threading import Lock

import psutil

# Outputs depend on nothing of the user's: not the hash seed, time zone, locale or size of the
# terminal, nor the settings of Python, IPython, Jupyter and Matplotlib, whose folders are empty.
# A matrix product has one thread: chapters side by side use all cores already, and threads that
# wait for one another cost a product of 600 rows twenty times its time there.
FIXED = {
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "PYTHONSTARTUP": "",
    "PYTHONWARNINGS": "",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "COLUMNS": "80",
    "LINES": "24",
    "MATPLOTLIBRC": "",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "TQDM_DISABLE": "1",
}
FOLDERS = (
    "IPYTHONDIR",
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "MPLCONFIGDIR",
)
FORKS = sys.platform == "linux"  # macOS's own libraries do not stand a fork, Windows has none
# Whatever else a chapter needs it imports itself; no module may start a thread when imported.
PRELOADED = (
    *("ipykernel.kernelapp", "emolib.report.cards", "emolib.figures", "emolib.bench"),
    *("emolib.analysis.baselines", "emolib.analysis.robustness", "emolib.analysis.verdicts"),
)

_lock = Lock()


def environment(folder: str) -> dict[str, str]:
    """Environment of a kernel whose settings are in ``folder``."""
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    own = {name: str(Path(folder, name)) for name in FOLDERS}
    return os.environ | FIXED | own | {"PYTHONPATH": path}


@cache
def start() -> "Popen[str]":
    """Starts the server, one per process; it imports while others work."""
    server = Popen(
        [sys.executable, "-c", "from emolib.report import forks; forks.main()"],
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,  # what its imports have to say, the build says
        env=environment(os.curdir),
        text=True,
        start_new_session=True,  # Ctrl-C is for the build
    )
    atexit.register(server.communicate)  # ends its input, and with it the server
    return server


def fork(arguments: list[str], folder: str) -> psutil.Process:
    """A new kernel.

    Args:
        arguments: its command line.
        folder: where it works and has its settings.
    """
    request = json.dumps([arguments, folder, environment(folder)])
    with _lock:
        if start().poll() is not None:  # it was killed, for want of memory
            start.cache_clear()
        server = start()
        print(request, file=server.stdin, flush=True)
        return psutil.Process(int(server.stdout.readline()))  # type: ignore[union-attr]  # a pipe


def main() -> None:
    """Serves: a request per line of the standard input, the number of the process per line of the
    output.
    """
    with TemporaryDirectory(prefix="emolib-") as folder:
        os.environ["MPLCONFIGDIR"] = folder
        for module in PRELOADED:
            import_module(module)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no process waits for those that have ended
        for request in sys.stdin:
            if process := os.fork():
                print(process, flush=True)
            else:
                _become(*json.loads(request))


def _become(arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    """Turns this process into a kernel, which ends when the server does."""
    from ipykernel.kernelapp import IPKernelApp

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()  # its own processes end with it
    for stream in range(3):
        os.dup2(os.open(os.devnull, os.O_RDWR), stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    try:
        IPKernelApp.launch_instance([*arguments, f"--IPKernelApp.parent_handle={os.getppid()}"])
    finally:  # nothing of the server's may run on in it
        signal.raise_signal(signal.SIGKILL)
