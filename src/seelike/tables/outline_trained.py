"""What changes if models learn from outlines alone, as a table beside what is published."""

from collections.abc import Mapping

import numpy as np

from seelike.results.labelled_array import Arrays
from seelike.tables.markdown import NO_BREAK, signed, table

NAMES = {"vit": "ViT", "cnn": "ResNet"}
PUBLISHED = {  # Naseer et al. 2021, of DeiT trained on Stylized ImageNet; of its shape bias before there is a drawing
    "shape bias": "DeiT-T … → 0.87, DeiT-S … → 0.93",
    "Jaccard index": "DeiT-T 0.322 → 0.294, DeiT-S 0.292 → 0.375",
    "accuracy": "DeiT-T … → 0.405, DeiT-S … → 0.525 of ImageNet",
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
        means = [arrays[role].values[:, number].mean(1) for role in shown]
        cells = [_tell(*each, smallest) for each in means]
        lines.append([f"**{quantity}**", signed(smallest), *cells, PUBLISHED[quantity]])
    return table(lines)


def _tell(before: float, after: float, least: float) -> str:
    """`0.43 → 0.95, rises`."""
    if np.isnan(after - before):
        return "–"
    change = "hardly changes" if abs(after - before) < least else "rises" if after > before else "falls"
    return f"{signed(before)}{NO_BREAK}→{NO_BREAK}{signed(after)}, {change}"
