"""Which published verdicts have changed, and when: from the git history of `results/`.

Of results in older forms no more is read than each claim's verdict, in the words of its time. A verdict that was taken
back and published again is compared with the one before.
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from seelike.results import robustness
from seelike.results.claims import CLAIMS
from seelike.system.history import Commit, is_cut_short, read_history
from seelike.system.paths import REPOSITORY

FOLDER = "results"
NO_HISTORY = "This copy of the book has no git history, so that changes of verdicts cannot be listed."


@dataclass(frozen=True)
class Change:
    """A claim's verdict in a run that a commit changed."""

    commit: Commit
    run: str
    claim: str
    before: str
    after: str


@dataclass(frozen=True)
class Changes:
    """All of them, oldest first, and a sentence on what could not be read, "" where all could."""

    changes: tuple[Change, ...]
    lacks: str = ""


def read_changes(repository: Path | None = REPOSITORY) -> Changes:
    """The changes in a clone's history; none, with a sentence, where it has no history."""
    try:
        if not repository or not (repository / ".git").exists():
            return Changes((), NO_HISTORY)
        found = tuple(find_changes(read_history(repository, FOLDER)))
        return Changes(found, _tell_lack(repository))
    except (OSError, subprocess.CalledProcessError):
        return Changes((), NO_HISTORY)


def find_changes(commits: Iterator[Commit]) -> Iterator[Change]:
    """What each commit changes of the verdicts that the ones before it have published."""
    known: dict[tuple[str, str], str] = {}
    for commit in commits:
        for (run, claim), verdict in _read_verdicts(commit.files):
            before = known.get((run, claim), verdict)
            known[run, claim] = verdict
            if before != verdict:
                yield Change(commit, run, claim, before, verdict)


def _read_verdicts(files: dict[str, str]) -> Iterator[tuple[tuple[str, str], str]]:
    """(run, claim) and verdict, as far as files of results tell; of claims that there still are."""
    for path, text in files.items():
        places = path.split("/")
        if len(places) != 3 or places[-1] == f"{robustness.NAME}.json":
            continue
        for claim, entry in _read_claims(text).items():
            if claim in CLAIMS and isinstance(entry, dict) and isinstance(entry.get("verdict"), str):
                yield (places[1], claim), entry["verdict"]


def _read_claims(text: str) -> dict:
    try:
        claims = json.loads(text)["claims"]
    except (ValueError, KeyError, TypeError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _tell_lack(repository: Path) -> str:
    if not is_cut_short(repository):
        return ""
    return "This copy of the book is a shallow clone: what changed before its oldest commit is not listed."
