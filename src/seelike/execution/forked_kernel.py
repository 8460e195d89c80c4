"""A notebook's kernel that is forked from this process, and need not import again what this one has imported."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context

import matplotlib
from ipykernel.kernelapp import IPKernelApp
from jupyter_client import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner

INLINE = "module://matplotlib_inline.backend_inline"  # as `IPKernelApp` would have it, were matplotlib not imported yet


class Forked(get_context("fork").Process):
    """A process, with what jupyter_client asks of a `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        return self.exitcode

    def wait(self, timeout: float | None = None) -> int | None:
        """The same, once it has ended."""
        self.join(timeout)
        return self.exitcode

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)


@contextmanager
def started() -> Iterator[AsyncKernelManager]:
    """A running kernel, which ends with the block."""
    manager = AsyncKernelManager(kernel_name="python3")
    manager.write_connection_file()
    kernel = Forked(target=_serve, args=(manager.connection_file,))
    kernel.start()
    manager.provisioner = LocalProvisioner(parent=manager)
    manager.provisioner.process = kernel
    try:
        yield manager
    finally:
        kernel.kill()
        kernel.join()
        manager.cleanup_connection_file()


def _serve(connection_file: str) -> None:
    os.environ["JPY_PARENT_PID"] = str(os.getppid())  # it ends when that process does
    matplotlib.rcParams["backend"] = INLINE
    IPKernelApp.launch_instance(argv=["-f", connection_file, "--HistoryManager.hist_file=:memory:"])
