"""The table of mIoU, and what prose cites of it."""

import numpy as np

from seelike.results.labelled_array import LabelledArray
from seelike.tables.dense_prediction import designs, phrases, scores

BLOCKS = ["stages.0.blocks.0", "stages.0.blocks.1", "stages.1.blocks.0"]


def make_measures(cnn=BLOCKS) -> dict:
    curves = {
        "vit": LabelledArray({"block": ["blocks.0", "blocks.1"]}, [0.2, 0.4]),
        "cnn": LabelledArray({"block": cnn}, [0.1, 0.5, 0.3]),
    }
    control = {role: LabelledArray(array.axes, array.values / 2) for role, array in curves.items()}
    together = {"vit": LabelledArray({"blocks": ["four together"]}, [0.44])}
    floor = LabelledArray({"answer": ["raw patches", "ground everywhere"]}, [0.17, 0.15])
    measures = {"miou": curves, "miou_random": control, "miou_floor": {"patches": floor}}
    return measures | {"miou_together": together, "miou_together_random": together}


def test_rows_are_what_was_read_and_floors_have_no_random_weights():
    assert scores(make_measures()).splitlines() == [
        "| What the probe reads | mIoU | random weights |",
        "| --- | --- | --- |",
        "| ViT with a CLS token, first block | 0.20 | 0.10 |",
        "| ViT with a CLS token, last block | 0.40 | 0.20 |",
        "| CNN, first block | 0.10 | 0.05 |",
        "| CNN, last block | 0.30 | 0.15 |",
        "| CNN, last block of the stage before, pooled to the same grid | 0.50 | 0.25 |",
        "| ViT with a CLS token, four blocks together | 0.44 | 0.44 |",
        "| raw patches | 0.17 | – |",
        "| ground everywhere | 0.15 | – |",
    ]


def test_prose_cites_last_blocks_the_stage_before_and_floors():
    cited = {"miou_vit": "0.40", "miou_cnn": "0.30", "miou_stage": "0.50", "miou_raw": "0.17", "miou_ground": "0.15"}
    assert phrases(make_measures()) == cited
    assert phrases({}) == {}


def make_designs() -> LabelledArray:
    names = ["local and global", "local alone", "global alone", "random windows", "plain ViT"]
    patches = [[0.8, 0.9], [0.5, 0.5], [0.4, 0.4], [0.3, 0.3], [0.2, np.nan]]
    pixels = [[0.7, 0.7], [0.5, 0.5], [0.6, 0.6], [0.3, 0.3], [0.1, np.nan]]
    axes = {"labels": ["patches", "pixels"], "design": names, "training": [1, 2]}
    return LabelledArray(axes, [patches, pixels])


def test_designs_have_a_row_each_of_means_over_trainings():
    lines = designs(make_designs()).splitlines()
    assert lines[0] == "| Design | mIoU of patches | mIoU of pixels | Trainings |"
    assert lines[2:4] == ["| local and global | 0.85 | 0.70 | 2 |", "| local alone | 0.50 | 0.50 | 2 |"]
    assert len(lines) == 7 and lines[-1] == "| plain ViT | 0.20 | 0.10 | 1 |"


def test_prose_cites_designs_and_the_better_alone():
    grid = LabelledArray({"side": [7, 28]}, [0.8, 0.95])
    control = LabelledArray({"number": ["difference", "low", "high"]}, [0.1, -0.02, 0.2])
    measures = {"trained_labels": {"shapes": make_designs()}, "miou_of_grid": {"truth": grid}}
    cited = phrases(measures | {"random_windows": {"patches": control}})
    expected = {
        "patches_both": "0.85", "patches_random": "0.30", "patches_vit": "0.20", "patches_better": "0.50",
        "patches_better_name": "local", "pixels_better": "0.60", "pixels_better_name": "global", "pixels_vit": "0.10",
        "random_windows": "0.10 [−0.02, 0.20]", "grid_coarse": "0.80", "grid_fine": "0.95",
    }  # fmt: skip
    assert expected.items() <= cited.items()


def test_a_cnn_without_stages_has_no_stage_before():
    plain = make_measures(["blocks.0", "blocks.1", "blocks.2"])
    assert "miou_stage" not in phrases(plain) and "stage before" not in scores(plain)
