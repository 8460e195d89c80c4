"""Files: written whole or not at all, and hashed once."""

import hashlib
import os

import pytest

from seelike.system import files
from seelike.system.files import sha256, write_text, written_whole


def test_a_file_appears_whole_and_alone_in_a_folder_that_is_made(tmp_path):
    path = write_text(tmp_path / "a" / "b.json", "é")
    assert path.read_text(encoding="utf-8") == "é" and list(path.parent.iterdir()) == [path]


def test_a_write_that_breaks_off_leaves_what_was_there(tmp_path):
    path = write_text(tmp_path / "a.png", "before")
    with pytest.raises(KeyboardInterrupt), written_whole(path) as beside:
        beside.write_text("half")
        assert beside.suffix == ".png"
        raise KeyboardInterrupt
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_a_file_is_hashed_once_until_it_changes(tmp_path, monkeypatch):
    path, read = write_text(tmp_path / "a", "one"), []
    digest = hashlib.file_digest
    monkeypatch.setattr(files.hashlib, "file_digest", lambda *of: read.append(of) or digest(*of))
    assert sha256(path) == sha256(str(path)) == hashlib.sha256(b"one").hexdigest() and len(read) == 1
    write_text(path, "two")
    assert sha256(path) == hashlib.sha256(b"two").hexdigest()


def test_a_file_changed_in_place_is_hashed_anew_though_its_size_and_time_stay(tmp_path):
    path = write_text(tmp_path / "a", "one")
    first, then = sha256(path), path.stat()
    path.write_text("two")
    os.utime(path, ns=(then.st_atime_ns, then.st_mtime_ns))
    assert sha256(path) != first
