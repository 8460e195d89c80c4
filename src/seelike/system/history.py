"""What a clone's git history holds of some files, oldest commit first."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Commit:
    """A commit with the files that it changed: path → text; of those that it removed there is none."""

    hash: str
    date: str
    subject: str
    files: dict[str, str]


def read_history(repository: Path, folder: str) -> Iterator[Commit]:
    """The commits of the main line that changed JSON files below a folder, oldest first.

    Raises OSError without git, subprocess.CalledProcessError where there is no history.
    """
    form = "--format=%x00%H%x1f%cs%x1f%s"
    asked = ["log", "-m", "--first-parent", "--reverse", "--name-only", form, "--", f"{folder}/*.json"]
    for entry in _ask(repository, *asked).split("\0")[1:]:
        about, *paths = entry.split("\n")
        hash, date, subject = about.split("\x1f")
        yield Commit(hash, date, subject, _read_files(repository, hash, [path for path in paths if path]))


def is_cut_short(repository: Path) -> bool:
    """Whether a clone is shallow: it lacks its oldest commits."""
    return _ask(repository, "rev-parse", "--is-shallow-repository").strip() == "true"


def _read_files(repository: Path, commit: str, paths: list[str]) -> dict[str, str]:
    there = _ask(repository, "ls-tree", "--name-only", "-r", commit, "--", *paths).splitlines() if paths else []
    return {path: _ask(repository, "show", f"{commit}:{path}") for path in there}


def _ask(repository: Path, *words: str) -> str:
    git = ["git", "-C", str(repository), "-c", "core.quotepath=off", *words]
    return subprocess.run(git, capture_output=True, check=True, encoding="utf-8", errors="replace").stdout
