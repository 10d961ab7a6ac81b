"""Jupyter kernels of chapters, in a folder of their own and with nothing of the user's settings."""

import asyncio
import sys
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from emolib.report import forks


class ForkedKernel(LocalProvisioner):
    """The process of a kernel, forked from the server of :mod:`emolib.report.forks`."""

    process: Any

    async def launch_kernel(  # type: ignore[override]
        self, cmd: list[str], *, cwd: str, **options: Any
    ) -> KernelConnectionInfo:
        """Forks it, with the arguments that follow the name of the module in ``cmd``."""
        self.process = forks.fork(cmd[cmd.index("-f") :], cwd)
        self.pid = self.pgid = self.process.pid
        return self.connection_info

    async def poll(self) -> int | None:
        """None while it runs."""
        return None if self.process and self.process.is_running() else 0

    async def wait(self) -> int | None:
        """Waits for its end."""
        await asyncio.to_thread(self.process.wait)
        self.process = None
        return 0


class ChapterKernel(AsyncKernelManager):
    """Kernel of this Python in a folder of its own, with nothing of the user's settings."""

    async def start_kernel(  # type: ignore[override]  # as AsyncKernelManager does
        self, *, cwd: str, **options: Any
    ) -> None:
        """Starts the kernel in an empty folder, which holds its settings and sockets as well."""
        self.kernel_spec_manager = KernelSpecManager(kernel_dirs=[])  # whatever is installed
        self.connection_file = str(Path(cwd, "kernel.json"))
        # ports of kernels that start side by side can clash; sockets in this folder cannot
        if sys.platform == "linux" and len(cwd) < 90:  # of the 107 that a socket's name may have
            self.transport, self.ip = "ipc", str(Path(cwd, "kernel"))
        if forks.FORKS:
            self.provisioner = ForkedKernel(kernel_spec=self.kernel_spec, parent=self)
        await super().start_kernel(
            cwd=cwd, env=forks.environment(cwd), stdout=DEVNULL, stderr=DEVNULL, **options
        )
