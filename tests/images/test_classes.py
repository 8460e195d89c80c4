"""Classes by folders: what can be told and what not; numbers that depend on the names alone."""

import os
import subprocess
import sys

import pytest

from seelike.images.classes import name_classes, number_classes


@pytest.mark.parametrize(
    "folders, classes",
    [
        ("cat dog", "cat dog"),
        ("cat/images dog/images", "cat dog"),
        ("test/cat test/dog", "cat dog"),
        ("cat/video1 dog/video3", "video1 video3"),
    ],
)
def test_the_class_is_the_last_folder_in_which_they_differ(folders, classes):
    assert name_classes(folders.split()) == (classes.split(), ())


@pytest.mark.parametrize(
    "folders, twins",
    [
        ("cat/video1 cat/video2 dog/video3", "cat/video1 cat/video2"),
        ("cat/a/1 cat/b/2 dog/c/3", "cat/a/1 cat/b/2"),
        ("set/cat/black set/cat/white set/dog", "set/cat/black set/cat/white"),
        ("cat/black dog/black dog/white", "cat/black dog/black"),
        ("part1/cat part1/dog part2/cat", "part1/cat part2/cat"),
        ("cat/day cat/night dog/day dog/night", "cat/day dog/day"),  # classes by their parents, or of two parts
        ("p/cat/1 p/cat/2 p/dog/3 q/cat/1 q/cat/2 q/dog/3", "p/cat/1 q/cat/1"),
    ],
)
def test_where_folders_may_be_one_class_or_two_both_are_given(folders, twins):
    assert name_classes(folders.split())[1] == tuple(twins.split())


def test_numbers_go_by_the_value_of_digits():
    assert number_classes(["c10", "c9", "b", "c10"]) == {"b": 0, "c9": 1, "c10": 2}


@pytest.mark.parametrize("seed", ["1", "2", "3", "4"])
def test_names_that_timm_orders_alike_have_the_same_numbers_in_every_process(seed):
    """The order of a set of strings changes with Python's hash seed."""
    code = (
        "from seelike.images.classes import number_classes; print(list(number_classes(['a', '1', 'A', '01', '001'])))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "['001', '01', '1', 'A', 'a']"
