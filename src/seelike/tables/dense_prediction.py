"""mIoU of all that was read as a table, and the numbers that the prose of that chapter may cite."""

import numpy as np

from seelike.results.labelled_array import LabelledArray, Measures
from seelike.tables.markdown import signed, table

SCORES = {"patches": "mIoU of patches", "pixels": "mIoU of pixels", "classes": "accuracy of classes"}
ALONE = ("local alone", "global alone")
CITED = {"both": "local and global", "random": "random windows", "vit": "plain ViT"}  # how prose cites designs
ROLES = {"vit": "ViT with a CLS token", "vit_gap": "ViT with average pooling", "cnn": "CNN"}


def scores(measures: Measures) -> str:
    """A row for each thing that a probe read: its mIoU, trained and with random weights."""
    lines = [["What the probe reads", "mIoU", "random weights"], ["---"] * 3]
    for name, (kind, role, index) in _list_read(measures).items():
        found = (measures[f"{kind}{random}"][role].values[index] for random in ("", "_random"))
        lines.append([name, *map(signed, found)])
    answers = measures["miou_floor"]["patches"]
    lines += [[name, signed(value), "–"] for name, value in zip(answers.axes["answer"], answers.values, strict=True)]
    return table(lines)


def designs(found: LabelledArray) -> str:
    """A row for each design that was trained to label pixels: its scores, means over trainings.

    Args:
        found: (kinds of labels, designs, trainings), NaN where there is no training.
    """
    kinds, names, _ = found.axes.values()
    lines = [["Design", *(SCORES[kind] for kind in kinds), "Trainings"], ["---"] * (len(kinds) + 2)]
    for name, values in zip(names, found.values.swapaxes(0, 1), strict=True):
        known = values[:, np.isfinite(values[0])]
        lines.append([name, *map(signed, known.mean(1)), str(known.shape[1])])
    return table(lines)


def _list_read(measures: Measures) -> dict[str, tuple[str, str, int]]:
    """What is read → its measure, its role and where it stands."""
    read: dict[str, tuple[str, str, int]] = {}
    for role, name in ROLES.items():
        if role in measures["miou"]:
            read[f"{name}, first block"] = "miou", role, 0
            read[f"{name}, last block"] = "miou", role, -1
    before = _find_stage_before(measures["miou"]["cnn"])
    if before is not None:
        read["CNN, last block of the stage before, pooled to the same grid"] = "miou", "cnn", before
    return read | {"ViT with a CLS token, four blocks together": ("miou_together", "vit", 0)}


def _find_stage_before(blocks: LabelledArray) -> int | None:
    """Where the last block of the last stage but one stands; None for a model without stages."""
    stages = [block.rpartition(".")[0] for block in blocks.axes["block"]]
    before = [index for index, stage in enumerate(stages) if stage != stages[-1]]
    return before[-1] if before else None


def _cite_designs(found: LabelledArray) -> dict[str, str]:
    """`patches_both` and so on, and of the better kind of attention alone its name and score, where both are known."""
    kinds, names, _ = found.axes.values()
    cited = {}
    for kind, means in zip(kinds, np.nanmean(found.values, 2), strict=True):
        of_designs = dict(zip(names, means, strict=True))
        cited |= {f"{kind}_{word}": signed(of_designs[name]) for word, name in CITED.items() if name in of_designs}
        if of_designs.keys() >= {*ALONE}:
            better = max(ALONE, key=of_designs.get)
            cited |= {
                f"{kind}_better": signed(of_designs[better]),
                f"{kind}_better_name": better.removesuffix(" alone"),
            }
    return cited


def phrases(measures: Measures) -> dict[str, str]:
    """Numbers that prose may cite beside the claims' own, as far as they are there.

    `miou_vit`, `miou_cnn` and so on: of the last block; `miou_stage`: of the CNN's stage before; `miou_raw`,
    `miou_ground`: of raw patches, and if all is called ground. `patches_both`, `pixels_vit`, `classes_better` and so
    on: of designs that were trained to label pixels; `random_windows`: neighbours − windows drawn at random, with its
    interval; `grid_coarse`, `grid_fine`: of the truth on their grids.
    """
    found = {}
    for array in measures.get("trained_labels", {}).values():
        found |= _cite_designs(array)
    for array in measures.get("random_windows", {}).values():
        effect, low, high = map(signed, array.values)
        found["random_windows"] = f"{effect} [{low}, {high}]"
    for array in measures.get("miou_of_grid", {}).values():
        found |= dict(zip(("grid_coarse", "grid_fine"), map(signed, array.values), strict=True))
    if "miou" in measures:
        found |= {f"miou_{role}": signed(array.values[-1]) for role, array in measures["miou"].items()}
        before = _find_stage_before(measures["miou"]["cnn"])
        found |= {} if before is None else {"miou_stage": signed(measures["miou"]["cnn"].values[before])}
        answers = map(signed, measures["miou_floor"]["patches"].values)
        found |= dict(zip(("miou_raw", "miou_ground"), answers, strict=True))
    return found
