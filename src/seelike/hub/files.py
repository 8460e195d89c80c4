"""Files from the hub (huggingface.co, or what HF_ENDPOINT names): fetched once, checked, then read without a network.

A file in the cache is used as it is, with no look at the network; to take a newer one, remove it from the cache.
Whether the hub answers at all is asked once before huggingface_hub begins its retries, which take minutes where
there is no network. Answers that pass (429, 5xx) are left to those retries, which wait as long as the hub asks.
"""

import errno
import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import torch
from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

from seelike.hub.failures import explained, retried_later
from seelike.system.errors import InputError
from seelike.system.files import sha256
from seelike.system.progress import libraries_on_terminal, tell

SECONDS = 10  # for the hub to answer at all
T = TypeVar("T")
LIBRARIES = ("huggingface_hub", "datasets")


@dataclass(frozen=True)
class Repository:
    """A repository of models on the hub: `owner/name`, at a branch, tag or commit."""

    name: str
    revision: str = constants.DEFAULT_REVISION

    @classmethod
    def parse(cls, text: str) -> "Repository":
        """From "owner/name" or "owner/name@revision"."""
        name, _, revision = text.partition("@")
        return cls(name, revision or constants.DEFAULT_REVISION)


def fetch(repository: Repository, files: tuple[str, ...]) -> Path:
    """The first of `files` that the repository holds, from the cache or else from the hub, with a bar on the terminal.

    Raises InputError, whose text says why it cannot be had and is meant to be the end of a sentence.
    """
    path = _find_cached(repository, files) or _download(repository, files)
    if not has_its_hash(path):
        raise InputError(f"{path.name} came with a wrong hash, not the hub's SHA-256, and was removed: run it again")
    return path


def check(repository: Repository, files: tuple[str, ...]) -> None:
    """Raises InputError as `fetch` does, where none of `files` is in the cache or on the hub; downloads nothing."""
    if not _find_cached(repository, files):
        _first(repository, files, lambda file: _ask(repository, file))


def find_origin(path: str | Path) -> dict:
    """Repository and commit of a file that came from the hub; {} for any other."""
    match = re.search(r"models--(.+)[/\\]snapshots[/\\]([0-9a-f]{40})[/\\]", str(path))
    return {"repository": match[1].replace("--", "/", 1), "commit": match[2]} if match else {}


def fetch_address(address: str) -> Path:
    """A file from an address of its own, as timm has for some models; kept where torch keeps such files.

    Raises InputError as `fetch` does.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlsplit(address).path).name
    if not path.is_file():
        prefix = torch.hub.HASH_REGEX.search(path.name)
        tell(f"fetching {address}")
        with explained(urlsplit(address).netloc), _timeout():
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(address, str(path), prefix and prefix[1], progress=False)
    return path


def has_its_hash(path: Path) -> bool:
    """Large files are kept under their SHA-256, as the hub gives it; one that differs is removed from the cache.

    Small files have another kind of name, and on systems without links the name is not kept: these go unchecked.
    """
    blob = path.parent / os.readlink(path) if path.is_symlink() else path
    if not re.fullmatch("[0-9a-f]{64}", blob.name):
        return True
    if sha256(path) == blob.name:
        return True
    for copy in (path.resolve(), blob, path):
        copy.unlink(missing_ok=True)
    return False


def _find_cached(repository: Repository, files: tuple[str, ...]) -> Path | None:
    found = (try_to_load_from_cache(repository.name, file, revision=repository.revision) for file in files)
    return next((Path(path) for path in found if isinstance(path, str)), None)


def _download(repository: Repository, files: tuple[str, ...]) -> Path:
    def fetch_one(file: str) -> Path:
        _ask(repository, file)
        return Path(hf_hub_download(repository.name, file, revision=repository.revision))

    return _first(repository, files, fetch_one)


def _first(repository: Repository, files: tuple[str, ...], act: Callable[[str], T]) -> T:
    """What `act` makes of the first of `files` that the repository holds."""
    with libraries_on_terminal(*LIBRARIES), explained(repository.name):
        for file in files:
            try:
                return act(file)
            except EntryNotFoundError as error:
                if isinstance(error, LocalEntryNotFoundError):  # what is raised when the hub gave no usable answer
                    raise
    raise InputError(f"the hub's repository {repository.name} holds no file {' or '.join(files)}")


def _ask(repository: Repository, file: str) -> None:
    """Once, whether the hub is there and has the file, and whether the disk has room for it."""
    address = hf_hub_url(repository.name, file, revision=repository.revision)
    with retried_later():
        _check_room(get_hf_file_metadata(address, timeout=SECONDS).size or 0)


def _check_room(size: int) -> None:
    """Raises OSError where the disk of the cache has no room for `size` bytes."""
    place = Path(constants.HF_HUB_CACHE)
    there = next(folder for folder in (place, *place.parents) if folder.is_dir())
    if shutil.disk_usage(there).free < size:
        raise OSError(errno.ENOSPC, "disk full")


@contextmanager
def _timeout() -> Iterator[None]:
    """Context in which a server that does not answer is given up after a while."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
