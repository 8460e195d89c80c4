"""The figure of best matches: a line a score, and none for what is not known."""

from seelike.figures.best_matches import best_matches
from seelike.results.labelled_array import LabelledArray


def test_a_line_a_score_and_none_for_classes_that_are_unknown():
    scores = {"best": [0.5, 0.6], "chance": [0.02, 0.03], "class": [0.2, 0.3], "calibrated": [0.49, 0.59]}
    for known in (scores, {name: values for name, values in scores.items() if name != "class"}):
        ax = best_matches(LabelledArray({"score": known, "vit_layer": ["a", "b"]}, [*known.values()]))
        lines = {line.get_label(): list(line.get_ydata()) for line in ax.get_lines()}
        assert lines.pop("as the images are") == [0.5, 0.6] and lines.pop("shuffled, upper tail") == [0.02, 0.03]
        assert list(lines.values()) == ([[0.2, 0.3]] if "class" in known else [])
