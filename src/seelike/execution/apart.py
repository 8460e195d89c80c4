"""Execute a notebook in a process that does nothing else, and tell the most memory that its kernel took.

It imports next to nothing of this package, which would take seconds and memory of its own.
"""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import papermill

# What papermill is to be told: a notebook is written when it has run, not after each of its cells.
WRITTEN_ONCE = {"kernel_name": "python3", "progress_bar": False, "request_save_on_cell_execute": False}


def execute(notebook: Path, target: Path, parameters: dict[str, str], fork: bool) -> int | None:
    """Execute a notebook into `target`; its kernel's peak, see `measure_peak`. What is printed beside is not shown.

    Args:
        fork: whether the kernel is forked from this process, so that it has imported what this one has.

    Raises RuntimeError, with the end of what was said, where a cell fails.
    """
    _hush()
    try:
        with _start_kernel(fork) as own:
            papermill.execute_notebook(notebook, target, parameters, **WRITTEN_ONCE, **own)
    except Exception:
        raise RuntimeError(f"{notebook.stem} could not be executed:\n{traceback.format_exc()[-3000:]}") from None
    return measure_peak()


def _hush() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for shown in (1, 2):
        os.dup2(nowhere, shown)


@contextmanager
def _start_kernel(fork: bool) -> Iterator[dict]:
    """What papermill is to be told of the kernel; nothing where it starts one itself."""
    if not fork:
        yield {}
        return
    from seelike.execution import forked_kernel

    with forked_kernel.started() as kernel:
        yield {"km": kernel}


def measure_peak() -> int | None:
    """The largest resident memory of any process that this one began and that has ended, in MiB."""
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // unit
