"""Designs and their accuracies as a table, and the numbers that the prose of that chapter may cite."""

import numpy as np

from seelike.results.labelled_array import LabelledArray, Measures
from seelike.tables.markdown import table

UNKNOWN = "–"


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
    """Numbers that prose may cite beside the claims' own, as far as they are there.

    `near_gain`: DuoFormer − the backbone with a new head on the near task; `of_moved` and so on: DuoFormer − a control;
    `attends_coarse` and so on: attention of scale tokens in the last block, mean over heads, where patches show ink;
    `found_again`: the share of drawings with the same answer as on the card; `probe_gain`: two stages − the last one.
    """
    found = {}
    accuracy = measures.get("accuracy", {})
    for task, other, name in (
        ("regrouped", "backbone with a new head", "near_gain"),
        ("strokes", "fine tokens of another patch", "of_moved"),
        ("strokes", "untrained backbone", "of_untrained"),
        ("strokes", "three scales", "of_three"),
    ):
        first, second = (_find_known(accuracy[task], each) if task in accuracy else () for each in ("DuoFormer", other))
        if len(first) and len(second):
            found[name] = f"{first.mean() - second.mean():+.3f}".replace("-", "\N{MINUS SIGN}")
    for array in measures.get("scale_attention", {}).values():
        shares = array.values[-1, :, 0].mean(0)
        names = ("itself", "coarse", "fine")
        found |= {f"attends_{name}": f"{share:.2f}" for name, share in zip(names, shares, strict=False)}
    for array in measures.get("found_again", {}).values():
        found["found_again"] = f"{array.values[0]:.2%}".replace("%", "\N{NO-BREAK SPACE}%")
    for array in measures.get("probe_accuracy", {}).values():
        if len(array.values) > 1:
            gain = array.values[1] - array.values[0]
            found["probe_gain"] = f"{gain:+.3f}".replace("-", "\N{MINUS SIGN}")
    return found


def _find_known(array: LabelledArray, design: str) -> np.ndarray:
    """The accuracies of all trainings of a design; none of one that is not there."""
    names = array.axes["design"]
    values = array.values[names.index(design)] if design in names else np.array([])
    return values[np.isfinite(values)]
