"""One Jupyter kernel for many small notebooks, which takes seconds to start: a fixture that executes them all in it."""

import os

import pytest

FORGET = "import os; os.chdir({!r}); get_ipython().reset(new_session=False)"


@pytest.fixture(scope="session")
def kernel():
    from jupyter_client.manager import AsyncKernelManager
    from jupyter_core.utils import run_sync

    manager = AsyncKernelManager(kernel_name="python3")
    run_sync(manager.start_kernel)()
    yield manager
    run_sync(manager.shutdown_kernel)(now=True)


@pytest.fixture
def one_kernel(kernel, monkeypatch):
    """Papermill executes notebooks in one kernel, which forgets the last and works in this process's folder."""
    from papermill.clientwrap import PapermillNotebookClient

    class Client(PapermillNotebookClient):
        def __init__(self, notebook, **options):
            super().__init__(notebook, km=kernel, **options)

        def papermill_execute_cells(self):
            self.kc.execute(FORGET.format(os.getcwd()), silent=True)
            super().papermill_execute_cells()

    monkeypatch.setattr("papermill.engines.PapermillNotebookClient", Client)
