"""Processes of their own for chapters: forked, where a system can do that, from one that has imported what all need."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.context import BaseContext
from threading import Thread
from typing import TypeVar

T = TypeVar("T")
AT_ONCE = min(2, os.cpu_count() or 1)  # chapters, each of which may need 1.5 GB
THREADS = max(1, (os.cpu_count() or 1) // AT_ONCE)  # a chapter's share of the cores
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "16777216", "MALLOC_TRIM_THRESHOLD_": "67108864"}  # of glibc, in bytes
CAN_FORK = "forkserver" in get_all_start_methods()
OF_PAGES = (  # what kernels of pages import
    "ipykernel.debugger",
    "seelike.chapters.registry",
    "seelike.execution.apart",
    "seelike.execution.drawn",
    "seelike.execution.forked_kernel",
    "seelike.figures.labelled",
    "seelike.figures.effects",
    "seelike.tables.hand_out",
    "seelike.tables.verdicts",
)


def open_pool(imported: Sequence[str], processes: int = AT_ONCE) -> ProcessPoolExecutor:
    """Processes that do one task each, on their share of the cores.

    Args:
        imported: modules that they have from the start, as far as those can be imported; of all pools that fork the
            first decides. Without any, processes are not forked.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(THREADS))  # torch and NumPy read it when they are imported
    for name, value in MALLOC.items():  # as it is, a pass returns each activation's memory and asks for it again
        os.environ.setdefault(name, value)
    return ProcessPoolExecutor(processes, _choose_context(imported), max_tasks_per_child=1)


def begin() -> None:
    """Import what pages need in the process that they are forked from, while this one goes on."""
    Thread(target=do_apart, args=(os.getpid,), daemon=True).start()


def do_apart(task: Callable[..., T], *arguments, fork: bool = True) -> T:
    """What a task gives in a process of its own, in this environment; what it raises is raised here."""
    with open_pool(OF_PAGES if fork else (), 1) as pool:
        return pool.submit(_do, dict(os.environ), task, *arguments).result()


def _do(environment: dict[str, str], task: Callable[..., T], *arguments) -> T:
    os.environ |= environment  # a forked process has that of the process that it is forked from
    return task(*arguments)


def _choose_context(imported: Sequence[str]) -> BaseContext:
    if not (imported and CAN_FORK):
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload([*imported])
    return context
