"""What changes if models learn from outlines alone, as a table beside what is published."""

from collections.abc import Mapping

import numpy as np

from seelike.results.labelled_array import Arrays
from seelike.tables.markdown import NO_BREAK, signed, table

NAMES = {"vit": "ViT", "cnn": "ResNet"}
PUBLISHED = {  # Naseer et al. 2021, of DeiT trained on Stylized ImageNet; of its shape bias before there is a drawing
    "shape bias": "after training: DeiT-T 0.87, DeiT-S 0.93",
    "Jaccard index": "DeiT-T 0.322 → 0.294, DeiT-S 0.292 → 0.375",
    "accuracy": "after training: DeiT-T 0.405, DeiT-S 0.525 of ImageNet",
}


def changes(arrays: Arrays, least: Mapping[str, float]) -> str:
    """A row for each quantity: its mean over trainings before and after for each model, and what is published.

    Args:
        arrays: role → (learned from, compared, trainings).
        least: quantity → the smallest change that counts; less is called none.
    """
    shown = [role for role in NAMES if role in arrays]
    lines = [
        ["", "A change counts from", *(NAMES[role] for role in shown), "In {cite:t}`naseer2021intriguing`"],
        ["---"] * (len(shown) + 3),
    ]
    for number, (quantity, smallest) in enumerate(least.items()):
        cells = [_tell(*arrays[role].values[:, number], smallest) for role in shown]
        lines.append([f"**{quantity}**", signed(smallest), *cells, PUBLISHED[quantity]])
    return table(lines)


def _tell(before: np.ndarray, after: np.ndarray, least: float) -> str:
    """`0.43 → 0.95, rises`, of means over trainings (n,); or `rises in 2 of 3 trainings`, where not all do."""
    change = (after - before).mean()
    if np.isnan(change):
        return "–"
    told = "hardly changes" if abs(change) < least else "rises" if change > 0 else "falls"
    agree = int((np.sign(after - before) == np.sign(change)).sum())
    apart = f" in {agree} of {len(after)} trainings" if abs(change) >= least and agree < len(after) else ""
    return f"{signed(before.mean())}{NO_BREAK}→{NO_BREAK}{signed(after.mean())}, {told}{apart}"
