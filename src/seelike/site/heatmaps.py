"""Heatmaps of CKA that a reader can point at: labels and values of all panels of one figure in a script.

A script, not JSON, so that a page read from disk may load it too. `book/_static/heatmaps.js` draws the panels.
"""

import json
import re
from pathlib import Path

import matplotlib
import numpy as np

from seelike.figures.hybrids import name_pair
from seelike.figures.palette import MAP
from seelike.figures.skip_connections import ABLATIONS
from seelike.figures.style import LABELS
from seelike.site.numbers import Array

MEASURES = ("cka", "cka_random")
DECIMALS = 3  # that a reader is shown
SHADES = 64  # of the colour map


def is_heatmap(array: Array) -> bool:
    """Whether an array holds the CKA of layers with layers."""
    return array.measure in MEASURES


def write(arrays: list[Array], label: str, path: Path) -> None:
    """Write the script that hands the panels of the figure called `label` to the page."""
    told = {"colours": list_colours(), "panels": [describe(array) for array in arrays]}
    path.parent.mkdir(parents=True, exist_ok=True)
    script = json.dumps(told, separators=(",", ":"), ensure_ascii=False)
    path.write_text(f"(window.seelikeHeatmaps ??= {{}})[{json.dumps(label)}] = {script};\n", encoding="utf-8")


def describe(array: Array) -> dict:
    """One panel: the first axis upwards, the second to the right, as in `heatmaps.similarity`."""
    up, right = (list(map(str, labels)) for labels in array.labelled.axes.values())
    rounded = np.round(array.labelled.values, DECIMALS)
    values = np.where(np.isnan(rounded), None, rounded).tolist()
    ends = list(array.labelled.boundaries or [])
    return {"title": title_of(array), "up": up, "right": right, "values": values, "boundaries": ends}


def list_colours() -> list[list[int]]:
    """Red, green and blue, to 255, for CKA from 0 to 1."""
    shades = matplotlib.colormaps[MAP](np.linspace(0, 1, SHADES))
    return np.rint(255 * shades[:, :3]).astype(int).tolist()


def title_of(array: Array) -> str:
    """What a panel is called: the model, or both models of a pair."""
    if array.chapter == "skip_connections":
        title = ABLATIONS[array.model]
    elif array.chapter == "hybrids":
        title = name_pair(array.model)
    else:
        title = " against ".join(LABELS[part] for part in re.findall("vit_small|vit|cnn|mixer", array.model))
    return f"{title}, random weights" if array.measure.endswith("_random") else title
