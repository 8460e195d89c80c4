"""What torchrun puts into the environment of each process, so that tests can start some themselves."""

import os
import socket

PATIENCE = 600  # seconds after which processes hang, rather than work on a machine with much to do


def environments(n: int) -> list[dict[str, str]]:
    """Of n processes of this machine, by rank, one thread each."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": n, "LOCAL_WORLD_SIZE": n, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "LOCAL_RANK": 0}
    shared |= {"OMP_NUM_THREADS": 1, "CUDA_VISIBLE_DEVICES": ""}
    return [os.environ | {name: str(value) for name, value in (shared | {"RANK": rank}).items()} for rank in range(n)]
