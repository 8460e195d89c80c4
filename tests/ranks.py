"""Processes as torchrun starts them, with what it puts into the environment of each, so that tests can start some."""

import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

PATIENCE = 600  # seconds after which processes hang, rather than work on a machine with much to do

# Every process runs this; `{work}` is its part in the test.
SCRIPT = """
import os, signal, sys, time
from seelike.system import processes as sharing
from seelike.system.errors import InputError
with sharing.joined():
    rank = int(os.environ["RANK"])
{work}
"""


def environments(n: int) -> list[dict[str, str]]:
    """Of n processes of this machine, by rank, one thread each."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": n, "LOCAL_WORLD_SIZE": n, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "LOCAL_RANK": 0}
    shared |= {"OMP_NUM_THREADS": 1, "CUDA_VISIBLE_DEVICES": ""}
    return [os.environ | {name: str(value) for name, value in (shared | {"RANK": rank}).items()} for rank in range(n)]


def start(n: int, work: str, folder: Path) -> list[subprocess.Popen]:
    """As torchrun would: n processes of one script that know their rank and where to meet."""
    script = SCRIPT.format(work=textwrap.indent(textwrap.dedent(work), "    "))
    command, pipes = [sys.executable, "-c", script], {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return [subprocess.Popen(command, cwd=folder, text=True, env=env, **pipes) for env in environments(n)]


def finish(processes: list[subprocess.Popen]) -> list[tuple[int, str, str]]:
    """Exit code, stdout and stderr of each."""
    said = [process.communicate(timeout=PATIENCE) for process in processes]
    return [(process.returncode, *each) for process, each in zip(processes, said, strict=True)]
