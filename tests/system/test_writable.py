"""Places for results: asked about, and left as they were."""

from pathlib import Path

import pytest

from seelike.system.writable import is_writable


def test_a_folder_that_is_there_or_could_be_made(tmp_path):
    assert is_writable(tmp_path) and is_writable(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["file", "file/under", "a" * 300, "a/" * 3000, "nul\0"])
def test_a_file_and_names_that_the_system_does_not_take(tmp_path, place):
    (tmp_path / "file").touch()
    assert not is_writable(tmp_path / place)


def test_a_folder_that_the_system_keeps_to_itself():
    if not Path("/proc/self").is_dir():
        pytest.skip("this system has no /proc")
    assert not is_writable(Path("/proc/self"))
