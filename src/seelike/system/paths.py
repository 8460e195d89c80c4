"""Where the book and its published results lie: in the clone that the package runs from, else in the package."""

import json
import subprocess
from importlib import metadata
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
REPOSITORY = PACKAGE.parents[1] if (PACKAGE.parents[1] / "_toc.yml").is_file() else None  # None: no clone
BOOK = REPOSITORY / "book" if REPOSITORY else PACKAGE / "book"
RESULTS = REPOSITORY / "results" if REPOSITORY else PACKAGE / "published"


def read_commit() -> str | None:
    """The commit of this package: of the clone, with "+" where tracked files differ from it, or as pip noted it.

    None where neither git nor pip tells.
    """
    return describe_head(REPOSITORY) if REPOSITORY else _read_installed_commit()


def describe_head(repository: Path) -> str | None:
    """The commit of a clone, with "+" where tracked files differ from it; None if `repository` is the root of none."""
    git = ["git", "-C", str(repository)]
    describe = ["describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"]
    try:
        top, commit = (
            subprocess.run(git + ask, capture_output=True, text=True, check=True).stdout.strip()
            for ask in (["rev-parse", "--show-toplevel"], describe)
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit if Path(top) == repository.resolve() else None


def _read_installed_commit() -> str | None:
    try:
        source = metadata.distribution("seelike").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return None
    return json.loads(source or "{}").get("vcs_info", {}).get("commit_id")
