"""The numbers of figures that no result file has, handed to the page by the cell that draws them.

A cell shows them as tabular data resource, the form that Jupyter has for tables; the built book puts them beside
the figure, as it does with the numbers of results.
"""

import json
from collections.abc import Iterable

import numpy as np
import pandas as pd
from IPython.display import display

from seelike.images.drawings import Drawings
from seelike.images.shapes import CUES
from seelike.results.answers import count_answers
from seelike.results.claims import CLAIMS
from seelike.results.robustness import Found, choose_judged
from seelike.tables.speed import GROWTHS

MIME = "application/vnd.dataresource+json"


def hand_out(table: pd.DataFrame) -> None:
    """Show a table as data, in a notebook."""
    described = json.loads(table.to_json(orient="table", index=False))
    display({MIME: described, "text/plain": ""}, raw=True)


def drawings(images: Drawings, n_each: int) -> pd.DataFrame:
    """One row a drawing, of the first `n_each` of every class: its number, its class and the cues drawn in it."""
    found = [images.drawing(number) for number in range(n_each * len(images.classes))]
    table = pd.DataFrame({"drawing": range(len(found)), "class": [images.classes[each.label] for each in found]})
    for cue, values in CUES.items():
        if hasattr(found[0], cue):
            table[cue] = [values[getattr(each, cue)] for each in found]
    return table


def learning_curves(manifest: dict[str, dict], names: Iterable[str]) -> pd.DataFrame:
    """One row a model and time: the drawings seen until then, and the accuracy on drawings held out."""
    curves = [pd.DataFrame({"model": name, **manifest[name]["curve"]}) for name in names]
    return pd.concat(curves)[["model", "images_seen", "accuracy"]]


def answers(images: Drawings, chosen: dict[str, list[int]], given: dict[str, list[int]]) -> pd.DataFrame:
    """One row a drawing: its number, the group it was chosen for, its class, and each model's answer."""
    rows = []
    for group, numbers in chosen.items():
        for number in numbers:
            answered = {model: images.classes[answer[number]] for model, answer in given.items()}
            rows.append(
                {"group": group, "drawing": number, "class": images.classes[images.drawing(number).label], **answered}
            )
    return pd.DataFrame(rows)


def confusion(cards: dict[str, dict], names: tuple[str, ...]) -> pd.DataFrame:
    """One row a model, class and answer: how many of the class's test images were taken for it."""
    rows = []
    for label, card in cards.items():
        counts = count_answers(card, len(names))
        rows += [(label, one, other, counts[i, j]) for i, one in enumerate(names) for j, other in enumerate(names)]
    return pd.DataFrame(rows, columns=["model", "class", "answer", "images"])


def universes(found: dict[str, Found], chapter: str) -> pd.DataFrame:
    """One row a run, a part of a claim of the chapter and a universe: effect, interval, verdicts, and each choice.

    Of claims that apply, which alone are drawn.
    """
    rows = []
    for run, robust in found.items():
        for claim, judged in choose_judged(robust).items():
            for each in judged.outcomes if CLAIMS[claim].chapter == chapter else ():
                for part, values in each.parts.items():
                    told = zip(("effect", "low", "high", "verdict"), values, strict=True)
                    rows.append({"run": run, "part": part, **dict(told), "claim_verdict": each.verdict, **each.choices})
    return pd.DataFrame(rows)


def maximized(labels: Iterable[str], before: np.ndarray, after: np.ndarray) -> pd.DataFrame:
    """One row a feature: its activation for a grey picture, and for the one that makes it as active as can be."""
    return pd.DataFrame({"feature": list(labels), "grey picture": before, "maximised picture": after})


def growth(found: dict) -> pd.DataFrame:
    """One row a run of the benchmark: what was varied, images, layers and minibatch, seconds and peak memory."""
    runs = [{"varied": name.removeprefix("by_"), **run} for name in GROWTHS for run in found[name]]
    return pd.DataFrame(runs)
