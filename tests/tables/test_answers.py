"""The tables of single answers show the cards' own."""

import pytest

from seelike.system.errors import InputError
from seelike.tables.answers import first_answers, shared_errors

CARDS = {"ViT": {"classes": "012", "answers": "002"}, "CNN": {"classes": "012", "answers": "022"}}
NAMES = ("cat", "dog", "owl")


def test_first_answers_name_the_wrong_ones():
    rows = [row.strip("| ").split(" | ") for row in first_answers(CARDS, NAMES, 2).splitlines()]
    assert rows[0] == ["Image", "Class", "ViT", "CNN"]
    assert rows[2:] == [["0", "cat", "✓", "✓"], ["1", "dog", "cat", "owl"]]


def test_shared_errors_have_a_row_a_model():
    rows = shared_errors(CARDS).splitlines()
    assert len(rows) == 4 and rows[2].startswith("| ViT | – | 100% (0% alike)")


@pytest.mark.parametrize("n_shown", [0, -1, 4, 2.5])
def test_more_images_than_there_are_answers_are_refused(n_shown):
    with pytest.raises(InputError, match=r"^n_shown must be 1 to 3, not "):
        first_answers(CARDS, NAMES, n_shown)
