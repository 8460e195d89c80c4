"""Progress on the terminal, none in the pages.

A notebook's output is stored, so a bar must not be printed there. `relay()` in the process that executes
notebooks names a file in the environment; `track` in the notebook writes its bar into it; `relay` copies
it to the terminal.
"""

import io
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import TextIO, TypeVar

from tqdm import tqdm

from seelike.system import processes

T = TypeVar("T")
VARIABLE = "SEELIKE_PROGRESS"
SMOOTHING = 0.02  # of the pace: nearly its mean so far, so that a moment's interruption counts little


def track(
    items: Iterable[T], what: str, total: int | None = None, size: Callable[[T], int] | None = None
) -> Iterable[T]:
    """Iterate with a bar and an estimate of the time left, where there is a terminal to show it.

    Args:
        total: of all items; their number, if they have one.
        size: what an item counts for, where not all take the same time, such as the images of a minibatch.
    """
    stream = _find_terminal()
    if stream is None:
        return items
    bar = tqdm(items, what, total, file=stream, mininterval=1, ncols=80, leave=True, smoothing=SMOOTHING)
    return _count_up(bar, size) if size else bar


def _count_up(bar: tqdm, size: Callable[[T], int]) -> Iterator[T]:
    with bar:
        for item in bar.iterable:
            yield item
            bar.update(size(item))


def tell(sentence: str) -> None:
    """A line on the terminal, where there is one."""
    print(sentence, file=_find_terminal() or io.StringIO(), flush=True)


@contextmanager
def libraries_on_terminal(*names: str) -> Iterator[None]:
    """While inside, the bars and log lines of libraries go to the terminal, or nowhere; never into a notebook."""
    stream = _find_terminal() or io.StringIO()
    handlers = [handler for name in names for handler in logging.getLogger(name).handlers]
    before = [(h, h.setStream(stream)) for h in handlers if isinstance(h, logging.StreamHandler)]
    try:
        with redirect_stderr(stream):
            yield
    finally:
        for handler, own in before:
            handler.setStream(own or sys.stderr)


def _find_terminal() -> TextIO | None:
    """Where a user sees what is written: the channel of `relay`, else stderr if that is a terminal."""
    if not processes.is_first():
        return None
    channel = os.environ.get(VARIABLE)
    if channel:
        return _Channel(Path(channel).open("ab", buffering=0), encoding="utf-8", write_through=True)
    return sys.stderr if sys.stderr.isatty() else None


class _Channel(io.TextIOWrapper):
    """It ends on a terminal, and says so to libraries that show a bar nowhere else."""

    def isatty(self) -> bool:
        return True


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
