"""The table of scores, and what prose cites of clusters."""

import numpy as np

from seelike.results.labelled_array import LabelledArray
from seelike.tables.contrastive_clustering import phrases, scores


def test_scores_are_means_over_the_trainings_that_there_are():
    values = np.array([[[0.2, 0.4], [0.5, 0.7]], [[0.1, np.nan], [0.3, np.nan]]])
    axes = {"clusters": ["both losses", "pixels"], "score": ["NMI", "ACC"], "training": [0, 1]}
    assert scores(LabelledArray(axes, values)).splitlines() == [
        "| Clusters | NMI | ACC | Trainings |",
        "| --- | --- | --- | --- |",
        "| both losses | 0.30 | 0.60 | 2 |",
        "| pixels | 0.10 | 0.30 | 1 |",
    ]


def test_prose_cites_the_cues_of_both_kinds_of_views_and_what_was_found_again():
    axes = {"clusters": ["vit", "views of the same colours"], "cue": ["outline", "hue"]}
    measures = {
        "information_by_cue": {"shapes": LabelledArray(axes, [[0.1, 0.2], [0.3, 0.456]])},
        "found_again": {"vit_unlabelled": LabelledArray({"share": ["same"]}, [0.9987])},
    }
    assert phrases(measures) == {"outline_kept": "0.30", "hue_kept": "0.46", "found_again": "99.87\N{NO-BREAK SPACE}%"}
    assert phrases({}) == {}
