"""Data sets from the hub by way of `datasets`: its cache first, without a look at the network, and then the hub.

Left to itself `datasets` asks the hub each time, and for minutes where there is no network.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import HfApi, constants
from huggingface_hub.file_download import repo_folder_name
from timm.data import ImageDataset

from seelike.hub import files as hub
from seelike.hub.failures import explained, retried_later
from seelike.system.errors import InputError
from seelike.system.progress import libraries_on_terminal


def fetch(dataset: str, open_it: Callable[[], ImageDataset]) -> ImageDataset:
    """What `open_it` gives, which lets `datasets` open `hfds/owner/name`; bars on the terminal.

    Raises InputError, which names `dataset`, if it is not in the cache and cannot be had from the hub.
    """
    name = dataset.partition("/")[2]
    with libraries_on_terminal(*hub.LIBRARIES):
        try:
            with _offline():
                return open_it()
        except ConnectionError:  # it is not in the cache
            pass
        with _blamed(dataset), explained(name), retried_later():
            HfApi().dataset_info(name, timeout=hub.SECONDS)
        return _open(dataset, name, open_it)


def _open(dataset: str, name: str, open_it: Callable[[], ImageDataset]) -> ImageDataset:
    """From the hub; whatever came with a wrong hash is removed, and so is what was made of it."""
    opened = None
    with _blamed(dataset):
        try:
            opened = open_it()
        except ValueError:  # about what was asked for: a split or configuration that is not there
            raise
        except Exception as error:
            if _have_their_hashes(name):
                with explained(name):
                    raise error
        if not opened or not _have_their_hashes(name):
            for file in opened.reader.dataset.cache_files if opened else []:
                shutil.rmtree(Path(file["filename"]).parent, ignore_errors=True)
            raise InputError("a file came with a wrong hash, not the hub's SHA-256, and was removed: run it again")
    return opened


def _have_their_hashes(name: str) -> bool:
    files = Path(constants.HF_HUB_CACHE, repo_folder_name(repo_id=name, repo_type="dataset"), "snapshots").rglob("*")
    return all([hub.has_its_hash(file) for file in files if file.is_file()])  # a list, so that all are looked at


@contextmanager
def _offline() -> Iterator[None]:
    """Context in which `datasets` looks into its cache alone, without remarks that it does."""
    from datasets import config, logging  # takes a second to import: only where it is needed

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    before, config.HF_HUB_OFFLINE = config.HF_HUB_OFFLINE, True
    try:
        yield
    finally:
        config.HF_HUB_OFFLINE = before
        logging.set_verbosity(verbosity)


@contextmanager
def _blamed(dataset: str) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        raise InputError(f"dataset={dataset!r} cannot be had: {error}") from None
