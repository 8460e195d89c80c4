"""What prose cites of the corner token and of the grid."""

import numpy as np

from seelike.results.labelled_array import LabelledArray
from seelike.tables.localization import phrases


def maps(last: np.ndarray) -> LabelledArray:
    """Of two blocks, the tokens of the first resembling nothing, the corner token of the last as given."""
    values = np.zeros((2, 3, *last.shape))
    values[1, 0] = last
    axes = {"layer": ["a", "b"], "token": ["0,0", "0,2", "1,1"]}
    return LabelledArray(axes | {"y": range(last.shape[0]), "x": range(last.shape[1])}, values)


def test_the_corner_and_the_patch_that_it_resembles_most():
    last = np.full((4, 5), 0.1)
    last[0, 0], last[2, 3], last[3, 4] = 0.25, 0.5, np.nan
    occlusion = {"vit": LabelledArray({"image": range(3), "y": range(4), "x": range(5)}, np.zeros((3, 4, 5)))}
    found = phrases({"token_patch_cka": {"vit": maps(last), "cnn": maps(last)}, "occlusion": occlusion})
    assert (found["tokens"], found["edge_tokens"], found["occluded"]) == ("20", "14", "3")
    assert (found["corner_own"], found["corner_most"]) == ("0.250", "0.500")
    assert (found["corner_row"], found["corner_column"]) == ("2", "3")


def test_a_corner_that_resembles_its_own_patch_most_and_no_occlusion():
    last = np.zeros((3, 4))
    last[0, 0] = 0.7
    found = phrases({"token_patch_cka": {"vit": maps(last)}})
    assert found["corner_own"] == found["corner_most"] == "0.700"
    assert (found["corner_row"], found["corner_column"], found["occluded"]) == ("0", "0", "0")
