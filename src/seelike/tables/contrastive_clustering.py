"""Scores of clusters as a table, and the numbers that the prose of that chapter may cite."""

import numpy as np

from seelike.results.labelled_array import LabelledArray, Measures
from seelike.tables.markdown import signed, table

WORDS = {"views of other colours": "changed", "views of the same colours": "kept"}


def scores(found: LabelledArray) -> str:
    """A row for each way to find clusters: its scores, means over trainings, and how many trainings there are."""
    kinds, names, _ = found.axes.values()
    lines = [["Clusters", *names, "Trainings"], ["---"] * (len(names) + 2)]
    for kind, values in zip(kinds, found.values, strict=True):
        known = values[:, np.isfinite(values[0])]
        lines.append([kind, *map(signed, known.mean(1)), str(known.shape[1])])
    return table(lines)


def phrases(measures: Measures) -> dict[str, str]:
    """Numbers that prose may cite beside the claims' own, as far as they are there.

    `outline_changed`, `hue_kept` and so on: what clusters of drawings tell of a cue, learned from views whose colours
    change or are kept; `found_again`: the share of drawings that are in the same cluster as on the card.
    """
    found = {}
    for array in measures.get("information_by_cue", {}).values():
        kinds, cues = array.axes.values()
        for kind in WORDS.keys() & set(kinds):
            values = array.values[kinds.index(kind)]
            found |= {f"{cue}_{WORDS[kind]}": f"{value:.2f}" for cue, value in zip(cues, values, strict=True)}
    for array in measures.get("found_again", {}).values():
        found["found_again"] = f"{array.values[0]:.2%}".replace("%", "\N{NO-BREAK SPACE}%")
    return found
