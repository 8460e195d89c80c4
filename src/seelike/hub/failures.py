"""Why the hub gave no file, in words that say what would help."""

import errno
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import URLError

from huggingface_hub import constants
from huggingface_hub.errors import (
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from seelike.system.errors import InputError

PASSING = (408, 429, 500, 502, 503, 504)  # answers worth another try
FULL, FORBIDDEN = (errno.ENOSPC, errno.EDQUOT), (errno.EACCES, errno.EROFS, errno.EPERM)
NETWORK = (ConnectionError, TimeoutError, socket.gaierror, URLError)
CLIENTS = ("httpx", "httpx2", "requests", "urllib3")  # what huggingface_hub speaks through, by its version


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Context in which whatever a download of `what` raises becomes an InputError that says what would help."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # the libraries raise dozens of kinds, from three layers
        raise InputError(_explain(what, error)) from None


@contextmanager
def retried_later() -> Iterator[None]:
    """Context of a first question to the hub, in which an answer that passes is none."""
    try:
        yield
    except HfHubHTTPError as error:
        if error.response.status_code not in PASSING:
            raise


def _explain(what: str, error: Exception) -> str:
    """Why a download failed and what would help."""
    error = next((cause for cause in _causes(error) if _tells(cause)), error.__cause__ or error)
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else getattr(error, "code", None)
    if getattr(error, "errno", None) in FULL:
        return (
            f"the disk is full where the cache is, {constants.HF_HUB_CACHE}: make room, or set HF_HOME to another place"
        )
    if getattr(error, "errno", None) in FORBIDDEN:
        return f"the cache {constants.HF_HUB_CACHE} cannot be written to: set HF_HOME to another place"
    if isinstance(error, RevisionNotFoundError):
        return f"the hub's repository {what} has no such revision"
    if status == 403 or type(error).__name__ == "GatedRepoError":
        return f"{what} is gated: ask for access on its page at the hub, then log in by `hf auth login` or set HF_TOKEN"
    if isinstance(error, RepositoryNotFoundError) or status in (401, 404):
        return f"the hub has no repository {what}, or it is private: then log in by `hf auth login` or set HF_TOKEN"
    if status == 429:
        return "the hub keeps answering 429, too many requests: try again in some minutes, or log in by `hf auth login`"
    if status:
        return f"the hub answers with the error {status}: try again later"
    if isinstance(error, OfflineModeIsEnabled):
        return "it is not in the cache, and HF_HUB_OFFLINE forbids the network"
    if re.search("Consistency check|peer closed|incomplete|retrieval incomplete|IncompleteRead", str(error)):
        return "the download broke off before its end: run it again"
    if "invalid hash value" in str(error):
        return "the file came with a wrong hash and was not kept: run it again"
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    if _is_of_network(error):
        return f"it is not in the cache, and the hub at {constants.ENDPOINT} cannot be reached ({reason})"
    return f"it could not be fetched ({reason})"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, then what it was raised for, and so on."""
    while error:
        yield error
        error = error.__cause__ or error.__context__


def _tells(error: BaseException) -> bool:
    """Whether an error is the one that says what went wrong, not one that wraps it."""
    answered = isinstance(error, HfHubHTTPError) and error.response is not None
    return answered or isinstance(error, OfflineModeIsEnabled) or _is_of_network(error) or _is_of_disk(error)


def _is_of_network(error: BaseException) -> bool:
    return isinstance(error, NETWORK) or type(error).__module__.partition(".")[0] in CLIENTS


def _is_of_disk(error: BaseException) -> bool:
    return getattr(error, "errno", None) in (*FULL, *FORBIDDEN)
