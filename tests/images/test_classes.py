"""Classes by folders: numbers that depend on the names alone."""

import os
import subprocess
import sys

import pytest

from seelike.images.classes import number_classes


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
