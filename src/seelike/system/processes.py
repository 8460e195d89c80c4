"""Several processes at one chapter: each does its share, and all know all that was found.

Work comes in pieces: minibatches, or models. Of N processes the one of rank r does the pieces r, r + N, r + 2N, …, and
what every piece gave is gathered in the order of the pieces, so that sums, their order and every bootstrap are those of
a single process. Without `torchrun`, and inside `alone`, all pieces are one's own and nothing is exchanged.

A process that fails says so at the next exchange, where the others wait for it, and all end: the first process speaks.
One that is killed can say nothing; its broken connection ends the others.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, TypeVar

import torch
from torch import distributed

from seelike.system.errors import InputError

T, U = TypeVar("T"), TypeVar("U")
M = TypeVar("M", bound="Mergeable")
PATIENCE = timedelta(hours=2)  # for the slowest process; the connection to one that is killed breaks at once
REFUSED, FAILED, TOLD = 2, 3, 143  # exit codes: input that cannot be used, anything else, ended by a signal
_alone = 0  # how many `alone` are entered


class Lost(RuntimeError):
    """Another process ended without a word."""


class Mergeable(Protocol):
    """What accumulates over minibatches, some of them its own and the rest other processes'."""

    def merge(self: M, *others: M) -> None:
        """Add what others have, whose minibatches were taken in turn with its own."""


@dataclass(frozen=True)
class Failure:
    """What a process that cannot go on tells the others."""

    sentence: str
    exit_code: int


class Stopped(Exception):
    """Some process, perhaps this one, cannot go on, and all know it."""

    def __init__(self, failure: Failure):
        super().__init__(failure.sentence)
        self.failure = failure


def count() -> int:
    """How many processes share the work that is being done now."""
    return distributed.get_world_size() if distributed.is_initialized() and not _alone else 1


def is_first() -> bool:
    """Whether this is the process that speaks and writes."""
    return not distributed.is_initialized() or distributed.get_rank() == 0


def share(pieces: Sequence[T]) -> list[T]:
    """Of all pieces those that are this process's own."""
    return list(pieces[distributed.get_rank() :: count()] if count() > 1 else pieces)


def gather(own: list[T]) -> list[T]:
    """What each process found for its own pieces → the same for all pieces, in their order, on every process."""
    if count() == 1:
        return own
    return interleave(*_exchange(own))


def interleave(*shares: Sequence[T]) -> list[T]:
    """What each process found for its own pieces, by rank → the same for all pieces, in their order."""
    return [share[turn] for turn in range(max(map(len, shares))) for share in shares if turn < len(share)]


def merge(own: M) -> M:
    """An accumulator of this process's own minibatches → one of all, known to every process."""
    if count() == 1:
        return own
    first, *others = _exchange(own)
    first.merge(*others)
    return first


def spread(pieces: Sequence[T], work: Callable[[T], U]) -> list[U]:
    """`work` of every piece, each done by one process alone."""
    mine = share(pieces)
    with alone():
        found = [work(piece) for piece in mine]
    return gather(found)


def once(work: Callable[[], U]) -> U:
    """What `work` gives, done by the first process alone and known to all."""
    return spread([None], lambda _: work())[0]


def in_turn(work: Callable[[], U]) -> U:
    """`work` on every process, the first before all others: what it fetches is fetched once."""
    if count() == 1:
        return work()
    if is_first():
        found = work()
        _exchange(None)
    else:
        _exchange(None)
        found = work()
    return found


@contextmanager
def alone() -> Iterator[None]:
    """Context in which this process does everything itself."""
    global _alone
    _alone += 1
    try:
        yield
    finally:
        _alone -= 1


@contextmanager
def joined() -> Iterator[None]:
    """Context in which the processes that `torchrun` started share their work; nothing where it started none.

    Of what is refused or fails in it the first process says one sentence, and all end with one exit code.
    """
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        yield
        return
    before = signal.signal(signal.SIGTERM, _end)
    _connect()
    try:
        yield
        _exchange(None)  # nobody leaves before all are done
    except Stopped as stopped:
        _leave(stopped.failure)
    except Lost as lost:
        print(f"seelike: {lost}", file=sys.stderr, flush=True)
        sys.exit(FAILED)
    except Exception as error:
        _leave(_tell(error))
    finally:
        signal.signal(signal.SIGTERM, before)
        distributed.destroy_process_group()


def _connect() -> None:
    """NCCL where every process of this machine has a GPU of its own, gloo elsewhere."""
    own_gpu = (
        torch.cuda.device_count() >= int(os.environ.get("LOCAL_WORLD_SIZE", 1)) and distributed.is_nccl_available()
    )
    if own_gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
    try:
        distributed.init_process_group("nccl" if own_gpu else "gloo", timeout=PATIENCE)
    except (RuntimeError, ValueError) as error:
        raise InputError(f"the processes cannot reach one another: {error}") from None


def _exchange(own: Any) -> list[Any]:
    """What every process has to say, by rank. Raises Stopped if one has failed, Lost if one has ended."""
    everyone = [None] * distributed.get_world_size()
    try:
        distributed.all_gather_object(everyone, own)
    except RuntimeError:
        raise Lost(
            f"another of {len(everyone)} processes has ended; process {distributed.get_rank()} ends too, "
            "and nothing is left half-written"
        ) from None
    failures = [each for each in everyone if isinstance(each, Failure)]
    if failures:
        raise Stopped(failures[0])
    return everyone


def _tell(error: Exception) -> Failure:
    """Let the others know why this process cannot go on; what nobody foresaw is shown here in full."""
    if isinstance(error, InputError):
        failure = Failure(str(error), REFUSED)
    else:
        traceback.print_exception(error)
        failure = Failure(f"process {distributed.get_rank()} failed: {type(error).__name__}: {error}", FAILED)
    try:
        _exchange(failure)
    except Stopped as stopped:
        return stopped.failure
    except Lost:
        pass
    return failure


def _leave(failure: Failure) -> None:
    """Once the first process has spoken all end: the first to end would have the others ended at once."""
    if is_first():
        print(f"seelike: {failure.sentence}", file=sys.stderr, flush=True)
    with suppress(Stopped, Lost):
        _exchange(None)
    sys.exit(failure.exit_code)


def _end(*_) -> None:
    rank = distributed.get_rank() if distributed.is_initialized() else os.environ.get("RANK")
    print(
        f"seelike: process {rank} was told to end, as when another has failed; nothing is left half-written",
        file=sys.stderr,
        flush=True,
    )
    sys.exit(TOLD)
