"""The book in one file to keep, for a DOI say: sources, results, the built site, and the hash of each file.

The same commit and site give the same archive, byte for byte: files are in order, as old as the commit and nobody's.
"""

import gzip
import hashlib
import io
import subprocess
import tarfile
from pathlib import Path

from seelike.system.errors import InputError
from seelike.system.files import written_whole
from seelike.system.paths import REPOSITORY, describe_head
from seelike.system.version import __version__

SITE = Path("_build", "html")
SUMS = "SHA256SUMS"  # as `sha256sum --check` reads it


def write_archive(target: Path | None = None, root: Path | None = REPOSITORY) -> Path:
    """Write it, whole or not at all, and return its path.

    Args:
        target: the file; by default `_build/seelike-VERSION-COMMIT.tar.gz` of the clone.
        root: the clone, whose site is in `_build/html`.

    Raises InputError outside of a clone, where files differ from its commit, and where its site is not built.
    """
    commit = root and describe_head(root)
    if not commit:
        raise InputError("an archive can only be made of a git clone of the book")
    if _ask(root, "status", "--porcelain"):
        raise InputError(
            f"an archive is of one commit, but files differ from {commit[:7]}: commit or remove them first"
        )
    if not (root / SITE / "index.html").is_file():
        raise InputError(f"an archive holds the site, but {SITE.as_posix()} has none: run `make book` first")
    name = f"seelike-{__version__}-{commit[:7]}"
    target = target or root / SITE.parent / f"{name}.tar.gz"
    when = int(_ask(root, "show", "--no-patch", "--format=%ct", "HEAD"))
    with (
        written_whole(target) as beside,
        beside.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=when) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        _fill(tar, name, _list_files(root), when)
    return target


def _list_files(root: Path) -> dict[str, Path]:
    """Place in the archive → file, of all sources that git knows and of the site, in order."""
    sources = {name: root / name for name in _ask(root, "ls-files", "-z").split("\0") if name}
    pages = [path for path in (root / SITE).rglob("*") if path.is_file()]
    site = {f"site/{path.relative_to(root / SITE).as_posix()}": path for path in pages}
    return dict(sorted((sources | site).items()))


def _fill(tar: tarfile.TarFile, name: str, files: dict[str, Path], when: int) -> None:
    """Add the files, and last of all their hashes, below one folder."""
    sums = []
    for place, path in files.items():
        content = path.read_bytes()
        sums.append(f"{hashlib.sha256(content).hexdigest()}  {place}\n")
        _add(tar, f"{name}/{place}", content, when)
    _add(tar, f"{name}/{SUMS}", "".join(sums).encode(), when)


def _add(tar: tarfile.TarFile, place: str, content: bytes, when: int) -> None:
    entry = tarfile.TarInfo(place)
    entry.size, entry.mtime, entry.mode = len(content), when, 0o644
    tar.addfile(entry, io.BytesIO(content))


def _ask(root: Path, *words: str) -> str:
    asked = ["git", "-C", str(root), *words]
    return subprocess.run(asked, capture_output=True, check=True, encoding="utf-8").stdout
