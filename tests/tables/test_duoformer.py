"""The table of designs, and what prose cites of them, known or not."""

import numpy as np

from seelike.results.labelled_array import LabelledArray
from seelike.tables.duoformer import designs, phrases

KNOWN = {
    "accuracy": {
        "strokes": LabelledArray(
            {"design": ["DuoFormer", "three scales", "untrained backbone"], "training": [1, 2]},
            [[0.9, 0.8], [0.84, np.nan], [0.5, 0.7]],
        ),
        "regrouped": LabelledArray({"design": ["DuoFormer"], "training": [1, 2]}, [[0.6, 0.7]]),
    },
    "trained_parameters": {
        "duoformer": LabelledArray({"design": ["DuoFormer", "three scales", "untrained backbone"]}, [1000, 2000, 1000])
    },
}


def test_a_row_has_means_over_the_trainings_that_there_are():
    assert designs(KNOWN).splitlines() == [
        "| Design | Parameters | strokes | regrouped | Trainings |",
        "| --- | --- | --- | --- | --- |",
        "| DuoFormer | 1,000 | 0.850 | 0.650 | 2 |",
        "| three scales | 2,000 | 0.840 | – | 1 |",
        "| untrained backbone | 1,000 | 0.600 | – | 2 |",
    ]


def test_prose_cites_differences_attention_and_shares():
    axes = {"block": [1, 2], "head": [1], "patch": ["with ink", "without"], "scale": ["scale token", "1", "4"]}
    shares = np.array([[[[0.3, 0.3, 0.4]] * 2], [[[0.1, 0.25, 0.65], [0.2, 0.2, 0.6]]]])
    found = phrases(
        KNOWN
        | {
            "scale_attention": {"duoformer": LabelledArray(axes, shares)},
            "found_again": {"duoformer": LabelledArray({"share": ["same"]}, [0.9987])},
            "probe_accuracy": {"cnn": LabelledArray({"last stages": [1, 2]}, [0.7, 0.68])},
        }
    )
    assert found["three_more"] == "−0.010" and found["of_untrained"] == "0.250"
    assert found["near_gain"] == found["of_moved"] == "not measured"
    assert [found[f"attends_{name}"] for name in ("itself", "coarse", "fine")] == ["0.10", "0.25", "0.65"]
    assert found["found_again"] == "99.87\N{NO-BREAK SPACE}%" and found["probe_gain"] == "−0.020"


def test_what_is_not_there_is_said_not_to_be_measured():
    found = phrases({})
    assert set(found.values()) == {"not measured", "is not measured"}
    assert {name for name, text in found.items() if text.startswith("is")} == {
        f"pocket_F{i}_verdict" for i in range(1, 6)
    }
