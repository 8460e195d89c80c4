"""How often intervals hold the truth, told from a file of simulations alone."""

import pytest

from seelike.results.claims import CLAIMS, OF_PAPER
from seelike.system.errors import InputError
from seelike.tables import coverage as tables

SPREADS = ("0", "4")


def known(share: float, *simulated: float, half_width: float = 2.0) -> dict:
    with_trainings = dict(zip(SPREADS, simulated, strict=True))
    return {"spread": 1.0, "half_width": half_width, "images": share, "images_and_trainings": with_trainings}


FOUND = {
    "sets": 96,
    "minibatches": 8,
    "minibatch": 16,
    "trainings": 3,
    "spreads": [0, 4],
    "chapters": {
        "uniformity": {"commit": "0123456789", "parts": {"U1": known(0.9, 0.96, 0.97), "U2a": known(1, 0.98, 0.91)}},
        "localization": {"commit": "abcdefghij", "parts": {"L5a": known(0.94, 0.95, 0.93, half_width=5.0)}},
    },
}


def test_a_row_is_what_intervals_draw_anew_and_a_cell_the_mean_the_least_and_the_most():
    lines = tables.coverage(FOUND).splitlines()
    assert [line.strip("| ").split(" | ") for line in lines[2:]] == [
        [CLAIMS["U1"].covers, "2", "95% (90% to 100%)", "97% (96% to 98%)", "94% (91% to 97%)"],
        [CLAIMS["L5"].covers, "1", "94% (94% to 94%)", "95% (95% to 95%)", "93% (93% to 93%)"],
    ]
    assert len({line.count("|") for line in lines}) == 1


def test_prose_names_the_part_whose_intervals_hold_the_truth_least_often():
    said = tables.phrases(FOUND)
    assert (said["coverage_least"], said["coverage_least_share"]) == ("U1", "90%")
    assert (said["coverage_sets"], said["coverage_error"]) == ("96", "4 points")
    assert said["coverage_parts"] == f"3 of {sum(len(claim.parts) for claim in OF_PAPER.values())}"


def test_every_kind_of_interval_that_was_simulated_holds_the_truth_about_as_often_as_it_says():
    found = tables.read()
    assert found["sets"] >= 96 and len(tables.kinds(found)) > 1
    for shares in tables.kinds(found).values():
        assert all(0.9 <= sum(each.values()) / len(each) <= 0.98 for each in shares.values())


@pytest.mark.parametrize("content", ["", "[]", "{}"])
def test_what_is_no_file_of_the_simulations_is_refused(content, tmp_path):
    (tmp_path / "coverage.json").write_text(content)
    with pytest.raises(InputError, match="coverage.json"):
        tables.read(tmp_path / "coverage.json")
