"""Memory: how much of it is free and used, and what it looks like when there is no more."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from seelike.system.errors import InputError

LESS = "lower batch_size, n_images or image_size, take layers=blocks where a chapter has it, or choose smaller models"
KINDS = ("MemoryError", "_ArrayMemoryError", "OutOfMemoryError")  # of Python, numpy, torch on a GPU
TORCH = r"DefaultCPUAllocator|out of memory|allocate memory|bad_alloc|ALLOC_FAILED"  # RuntimeErrors of torch
MIB = 2**20


def ran_out(kind: str, text: str) -> bool:
    """Whether an exception, by the name of its class and its text, says that memory could not be had."""
    return kind in KINDS or (kind == "RuntimeError" and re.search(TORCH, text) is not None)


def refuse(what: str) -> InputError:
    """The sentence for it."""
    return InputError(f"{what} needs more memory than there is: {LESS}")


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Context in which that sentence is raised where memory could not be had."""
    try:
        yield
    except Exception as error:
        if ran_out(type(error).__name__, str(error)):
            raise refuse(what) from None
        raise


def find_free(device: str = "cpu") -> int | None:
    """MiB that can still be had on a device: of the machine, its container and this process's own limit the least.

    None where the system does not tell.
    """
    if device.startswith("cuda"):
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # by torch, for what comes next
        return (torch.cuda.mem_get_info(device)[0] + kept) // MIB
    known = [free for free in (_free_of_machine(), _free_of_container(), _free_of_process()) if free is not None]
    return max(0, min(known)) // MIB if known else None


def find_used(device: str = "cpu") -> int | None:
    """MiB that this process uses now; None where the system does not tell."""
    if device.startswith("cuda"):
        return torch.cuda.memory_allocated(device) // MIB
    used = _read_status("VmRSS")
    return used // MIB if used is not None else None


def find_peak(device: str = "cpu") -> int | None:
    """The most MiB that this process has used, since `reset_peak` if possible; None where the system does not tell."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated(device) // MIB
    peak = _read_status("VmHWM")
    return peak // MIB if peak is not None else None


def reset_peak(device: str = "cpu") -> None:
    """Forget what was used before, where the system can."""
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
        return
    with suppress(OSError):  # only Linux has it, and not every container
        Path("/proc/self/clear_refs").write_text("5")


def _free_of_machine() -> int | None:
    return _read_kib(Path("/proc/meminfo"), "MemAvailable")


def _free_of_container(folder: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Files read before and kept in memory are given up when there is need, so they count as free."""
    try:
        most, used = ((folder / name).read_text().strip() for name in ("memory.max", "memory.current"))
        kept = re.search(r"^inactive_file (\d+)$", (folder / "memory.stat").read_text(), re.MULTILINE)
        return None if most == "max" else int(most) - int(used) + int(kept[1] if kept else 0)
    except (OSError, ValueError):
        return None


def _free_of_process() -> int | None:
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    most, used = resource.getrlimit(resource.RLIMIT_AS)[0], _read_status("VmSize")
    return None if most == resource.RLIM_INFINITY or used is None else most - used


def _read_status(name: str) -> int | None:
    return _read_kib(Path("/proc/self/status"), name)


def _read_kib(file: Path, name: str) -> int | None:
    """Bytes, of a file of the system with lines such as `VmRSS:  1234 kB`."""
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", file.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 2**10 if found else None
