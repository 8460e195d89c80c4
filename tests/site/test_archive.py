"""The archive of the book: the same bytes for the same commit and site, every file with its hash."""

import hashlib
import os
import tarfile

import pytest
from git_clone import git

from seelike.site.archive import SUMS, write_archive
from seelike.system.errors import InputError


@pytest.fixture
def clone(tmp_path):
    """A clone of three files, one of a name that is not ASCII, with a site of one page."""
    root = tmp_path / "clone"
    for name, text in {"README.md": "book", "results/a.json": "{}", "größe.txt": "1", ".gitignore": "_build/"}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message=book")
    (root / "_build" / "html").mkdir(parents=True)
    (root / "_build" / "html" / "index.html").write_text("<p>site</p>")
    return root


def test_it_holds_sources_site_and_the_hash_of_every_file(clone):
    with tarfile.open(write_archive(root=clone)) as tar:
        contents = {entry.name.partition("/")[2]: tar.extractfile(entry).read() for entry in tar}
        assert {entry.name.partition("/")[0] for entry in tar} == {tar.getnames()[0].partition("/")[0]}
    sums = contents.pop(SUMS).decode().splitlines()
    assert contents.keys() == {"README.md", "results/a.json", "größe.txt", ".gitignore", "site/index.html"}
    assert sums == [f"{hashlib.sha256(content).hexdigest()}  {place}" for place, content in sorted(contents.items())]


def test_it_is_the_same_bytes_whenever_and_by_whomever_it_is_made(clone, tmp_path):
    one = write_archive(tmp_path / "one.tar.gz", clone)
    for path in clone.rglob("*.*"):
        os.utime(path, (0, 0))
    (clone / "README.md").chmod(0o600)
    other = write_archive(tmp_path / "other.tar.gz", clone)
    assert one.read_bytes() == other.read_bytes()
    (clone / "_build" / "html" / "index.html").write_text("<p>another</p>")
    assert write_archive(tmp_path / "third.tar.gz", clone).read_bytes() != one.read_bytes()


@pytest.mark.parametrize("name", ["README.md", "new.txt"])
def test_files_that_are_not_of_the_commit_are_refused_and_nothing_is_left(clone, name):
    (clone / name).write_text("changed")
    with pytest.raises(InputError, match="files differ from"):
        write_archive(root=clone)
    assert not list((clone / "_build").glob("*.gz"))


def test_without_a_site_or_a_clone_it_is_refused(clone, tmp_path):
    (clone / "_build" / "html" / "index.html").unlink()
    with pytest.raises(InputError, match="make book"):
        write_archive(root=clone)
    for root in (tmp_path, None):
        with pytest.raises(InputError, match="git clone"):
            write_archive(root=root)
