"""Jupyter kernels of the chapters, on Linux forked from one process with the libraries loaded.

A kernel of its own takes 5 s of CPU to start, of which imports are more than 4; a fork takes 0.2.
The fork server has no threads, so that it can be forked safely, and ends with the process that
started it.
"""

import asyncio
import json
import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from threading import Lock
from typing import Any

import psutil
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

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
# Whatever else a chapter needs it imports itself; no module may start a thread when imported.
PRELOADED = (
    *("emolib.report.cards", "emolib.figures", "emolib.bench"),
    *("emolib.analysis.baselines", "emolib.analysis.robustness", "emolib.analysis.verdicts"),
)


class ChapterKernel(AsyncKernelManager):
    """Kernel of this Python in a folder of its own, with nothing of the user's settings."""

    async def start_kernel(  # type: ignore[override]  # as AsyncKernelManager does
        self, *, cwd: str, **options: Any
    ) -> None:
        """Starts the kernel in an empty folder, which holds its settings and sockets as well."""
        self.kernel_spec_manager = KernelSpecManager(kernel_dirs=[])  # whatever is installed
        self.connection_file = str(Path(cwd, "kernel.json"))
        # macOS's own libraries do not stand a fork; a socket's name may have 107 characters
        if sys.platform == "linux" and len(cwd) < 90:
            self.provisioner = ForkedKernel(kernel_spec=self.kernel_spec, parent=self)
            # ports of kernels that start side by side can clash; sockets in this folder cannot
            self.transport, self.ip = "ipc", str(Path(cwd, "kernel"))
        path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
        await super().start_kernel(
            cwd=cwd,
            env=os.environ | FIXED | dict.fromkeys(FOLDERS, cwd) | {"PYTHONPATH": path},
            stdout=DEVNULL,
            stderr=DEVNULL,
            **options,
        )


class ForkedKernel(LocalProvisioner):
    """The process of a kernel, forked from a server that starts with the first one."""

    process: Any
    server: Any = None
    lock = Lock()

    async def launch_kernel(  # type: ignore[override]  # all that is handed over
        self, cmd: list[str], *, cwd: str, env: dict[str, str], **options: Any
    ) -> Any:
        """Forks it, with the arguments that follow the name of the module in ``cmd``."""
        with self.lock:
            if self.server and self.server.poll() is not None:  # it was killed
                self.server.communicate()
            if not self.server or self.server.returncode is not None:
                ForkedKernel.server = Popen(
                    [sys.executable, "-c", "from emolib.report import kernels; kernels.serve()"],
                    stdin=PIPE,
                    stdout=PIPE,
                    stderr=DEVNULL,  # what its imports have to say, the build says
                    env=env,
                    text=True,
                    start_new_session=True,  # Ctrl-C is for the build
                )
            print(
                json.dumps([cmd[cmd.index("-f") :], cwd, env]), file=self.server.stdin, flush=True
            )
            self.process = psutil.Process(int(self.server.stdout.readline()))
        self.pid = self.pgid = self.process.pid
        return self.connection_info

    async def poll(self) -> int | None:
        """None while it runs."""
        return None if self.process.is_running() else 0

    async def wait(self) -> None:
        """Waits for its end."""
        await asyncio.to_thread(self.process.wait)


def serve() -> None:
    """Forks kernels: a request per line of the standard input, the number of the process per line
    of the output. A kernel ends when the server does.
    """
    from ipykernel.kernelapp import IPKernelApp

    for module in PRELOADED:
        import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no process waits for those that have ended
    for request in sys.stdin:
        if process := os.fork():
            print(process, flush=True)
            continue
        arguments, folder, environment = json.loads(request)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()  # its own processes end with it
        for stream in range(3):
            os.dup2(os.open(os.devnull, os.O_RDWR), stream)
        os.chdir(folder)
        os.environ.update(environment)
        # after which its standard input, and so the loop, is at its end
        IPKernelApp.launch_instance([*arguments, f"--IPKernelApp.parent_handle={os.getppid()}"])
