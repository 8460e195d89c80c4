"""Designs and their accuracies as a table, and the numbers that the prose of that chapter may cite."""

import numpy as np

from seelike.results.claims import CLAIMS
from seelike.results.labelled_array import LabelledArray, Measures
from seelike.tables.markdown import NO_BREAK, signed, table

UNKNOWN, NOT_MEASURED = "–", "not measured"
DIFFERENCES = {  # name → task, and the designs whose accuracies are subtracted
    "near_gain": ("regrouped", "DuoFormer", "backbone with a new head"),
    "of_moved": ("strokes", "DuoFormer", "fine tokens of another patch"),
    "of_untrained": ("strokes", "DuoFormer", "untrained backbone"),
    "three_more": ("strokes", "three scales", "DuoFormer"),
}


def designs(measures: Measures) -> str:
    """A row a design: parameters that learn, trainings, mean accuracy on each task."""
    accuracy, (sizes,) = measures["accuracy"], measures["trained_parameters"].values()
    lines = [["Design", "Parameters", *accuracy, "Trainings"], ["---"] * (3 + len(accuracy))]
    for design, size in zip(sizes.axes["design"], sizes.values, strict=True):
        of_tasks = {task: _find_known(array, design) for task, array in accuracy.items()}
        means = [f"{known.mean():.3f}" if len(known) else UNKNOWN for known in of_tasks.values()]
        lines.append([design, f"{size:,.0f}", *means, str(max(map(len, of_tasks.values())))])
    return table(lines)


def phrases(measures: Measures) -> dict[str, str]:
    """Numbers that prose may cite beside the claims' own; those that are not there are said not to be measured.

    `near_gain`: DuoFormer − the backbone with a new head on the near task; `of_moved`, `of_untrained`: DuoFormer − that
    control; `three_more`: three scales − DuoFormer; `attends_itself`, `attends_coarse`, `attends_fine`: attention of
    scale tokens in the last block, mean over heads, where patches show ink; `found_again`: the share of drawings with
    the same answer as on the card; `probe_gain`: two stages − the last one; and verdicts on claims.
    """
    claims = [claim.id for claim in CLAIMS.values() if claim.chapter == "duoformer"]
    verdicts = {f"pocket_{id}_verdict": f"is {NOT_MEASURED}" for id in claims}
    return verdicts | _compare(measures) | _tell_attention(measures) | _tell_shares(measures)


def _compare(measures: Measures) -> dict[str, str]:
    accuracy, found = measures.get("accuracy", {}), {}
    for name, (task, first, second) in DIFFERENCES.items():
        known = [_find_known(accuracy[task], each) if task in accuracy else [] for each in (first, second)]
        found[name] = signed(known[0].mean() - known[1].mean(), 3) if all(map(len, known)) else NOT_MEASURED
    return found


def _tell_attention(measures: Measures) -> dict[str, str]:
    names = ("attends_itself", "attends_coarse", "attends_fine")
    found = dict.fromkeys(names, NOT_MEASURED)
    for array in measures.get("scale_attention", {}).values():
        shares = array.values[-1, :, 0].mean(0)
        found |= {name: f"{share:.2f}" for name, share in zip(names, shares, strict=False)}
    return found


def _tell_shares(measures: Measures) -> dict[str, str]:
    found = dict.fromkeys(("found_again", "probe_gain"), NOT_MEASURED)
    for array in measures.get("found_again", {}).values():
        found["found_again"] = f"{array.values[0]:.2%}".replace("%", f"{NO_BREAK}%")
    for array in measures.get("probe_accuracy", {}).values():
        if len(array.values) > 1:
            found["probe_gain"] = signed(array.values[1] - array.values[0], 3)
    return found


def _find_known(array: LabelledArray, design: str) -> np.ndarray:
    """The accuracies of all trainings of a design; none of one that is not there."""
    names = array.axes["design"]
    values = array.values[names.index(design)] if design in names else np.array([])
    return values[np.isfinite(values)]
