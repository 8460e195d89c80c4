"""Numbers, marks and lists in tables."""

import pytest

from seelike.results.claims import VERDICTS
from seelike.tables.markdown import JOINER, NO_BREAK, join, mark, mark_entry, number


@pytest.mark.parametrize(
    ("effect", "low", "high", "text"),
    [
        (0.3284, 0.3221, 0.3399, "0.33 [0.32, 0.34]"),
        (-0.5, -0.61, -0.42, "−0.50 [−0.61, −0.42]"),
        (0.0011, 0.0003, 0.0021, "0.001 [0.000, 0.002]"),
        (0.05, 0.004, 0.1, "0.050 [0.004, 0.100]"),
        (0.0, 0.0, 0.0, "0.000 [0.000, 0.000]"),
        (-0.0001, None, None, "0.00"),
        (None, None, None, "not defined"),
    ],
)
def test_numbers_show_their_sign(effect, low, high, text):
    for kind, interval in (("effect", "interval"), ("training", "training_interval")):
        assert number({kind: effect, interval: [low, high]}, kind).replace(NO_BREAK, " ") == text


def test_numbers_show_on_which_side_of_a_limit_they_lie():
    part = {"effect": 0.0316, "interval": [0.0181, 0.045]}
    assert number(part).replace(NO_BREAK, " ") == "0.03 [0.02, 0.04]"
    assert number(part, limits=(0, 0.019)).replace(NO_BREAK, " ") == "0.032 [0.018, 0.045]"


def test_every_verdict_has_a_mark_and_a_word_of_its_own():
    told = {verdict: mark(verdict).split(NO_BREAK, 1) for verdict in VERDICTS}
    assert all(word.replace(NO_BREAK, " ") == verdict for verdict, (_, word) in told.items())
    assert len({sign for sign, _ in told.values()}) == len(VERDICTS)
    assert mark_entry({"verdict": "holds"}, marginal=True) == f"✓{JOINER}†{NO_BREAK}holds, marginal"


def test_lists_read_as_prose():
    assert [join(words) for words in ([], ["A3"], ["A3", "S4"], ["A3", "S4", "L2"])] == [
        "", "A3", "A3 and S4", "A3, S4 and L2"]  # fmt: skip
