"""Progress on the terminal, none in the pages.

A notebook's output is stored, so a bar must not be printed there. `relay()` in the process that executes
notebooks names a file in the environment; `track` in the notebook writes its bar into it; `relay` copies
it to the terminal.
"""

import os
import sys
import tempfile
import threading
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

VARIABLE = "SEELIKE_PROGRESS"


def track(items: Iterable, what: str, total: int | None = None) -> Iterable:
    """Iterate with a bar and an estimate of the time left, where there is a terminal to show it."""
    channel = os.environ.get(VARIABLE)
    if not channel and not sys.stderr.isatty():
        return items
    stream = Path(channel).open("a", encoding="utf-8") if channel else sys.stderr  # noqa: SIM115, open while in use
    return tqdm(items, what, total, file=stream, mininterval=1, ncols=80, leave=True)


@contextmanager
def relay():
    """While inside, bars of child processes appear on this process's stderr."""
    done = threading.Event()
    with tempfile.TemporaryDirectory() as folder:
        channel = Path(folder) / "progress"
        channel.touch()
        os.environ[VARIABLE] = str(channel)
        copier = threading.Thread(target=_copy, args=(channel, done))
        copier.start()
        try:
            yield
        finally:
            del os.environ[VARIABLE]
            done.set()
            copier.join()


def _copy(channel: Path, done: threading.Event) -> None:
    with channel.open(encoding="utf-8") as written:
        last = False
        while not last:
            last = done.wait(0.5)
            sys.stderr.write(written.read())
            sys.stderr.flush()
