"""Times that bear comparison: what is compared takes turns, and the best of several turns counts."""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

TURNS = 3


def take_turns(*works: Callable[[], object], turns: int = TURNS) -> list[float]:
    """Seconds of each work, the least of its turns; other load on the machine hits all alike."""
    seconds = [[] for _ in works]
    for _ in range(turns):
        for work, taken in zip(works, seconds, strict=True):
            start = time.perf_counter()
            work()
            taken.append(time.perf_counter() - start)
    return [min(taken) for taken in seconds]


def run_apart(script: str, *words: str) -> str:
    """What a script of this folder prints in a process of its own."""
    command = [sys.executable, str(Path(__file__).with_name(script)), *words]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def describe_machine() -> dict:
    """Processor, cores, memory and versions."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        processor = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (OSError, StopIteration, ValueError):
        processor, memory = platform.processor() or platform.machine(), None
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_gib": memory and round(memory, 1),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
