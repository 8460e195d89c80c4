"""Results by hand, that tests of several rooms share."""

import numpy as np

from seelike.results import robustness
from seelike.results.claims import CLAIMS, worst
from seelike.results.covers import IMAGES, TRAININGS
from seelike.results.labelled_array import LabelledArray
from seelike.results.results import Result, trace
from seelike.results.robustness import Outcome, Robust


def part(effect: float | None = 0.5, verdict: str = "holds", control_verdict: str = "inconclusive", **more) -> dict:
    """A part's entry, its interval a tenth to both sides, its control 0."""
    interval = [None, None] if effect is None else [effect - 0.1, effect + 0.1]
    training = {"training": effect, "training_interval": interval}
    return {
        "effect": effect, "interval": interval, "verdict": verdict, "control": 0.0, "control_interval": [-0.1, 0.1],
        "control_verdict": control_verdict, **training, "p": 0.001, "p_sign": 0.001,
    } | more  # fmt: skip


def claim(id: str, *parts: dict, trainings: int = 1) -> dict:
    """A claim's entry from those of its parts; one stands for all if it is alone."""
    parts = parts if len(parts) > 1 else [*parts] * len(CLAIMS[id].parts)
    named = {known.id: dict(entry) for known, entry in zip(CLAIMS[id].parts, parts, strict=True)}
    verdicts = {kind: worst(entry[kind] for entry in parts) for kind in ("verdict", "control_verdict")}
    covers = TRAININGS if trainings > 1 else IMAGES
    return verdicts | {"covers": covers, "trainings": {"vit": trainings, "cnn": trainings}, "parts": named}


def result(effect: float | None = 0.5, chapter: str = "uniformity", profile: str = "pocket", **claims: dict) -> Result:
    """A result of one array and some claims, U1 and U3 unless others are given."""
    able = {"measure": "top-1", "dataset": "shapes", "accuracy": 0.9, "chance": 0.1, "images": 100, "classes": 10}
    about = {"origin": "hub", "parameters": 1, "state_sha256": "0", "capability": able}
    models = {role: {"name": role[0], **about} for role in ("vit", "cnn")}
    dataset = {"name": "shapes", "split": "validation", "images": 2048, "sha256": "0"}
    claims = claims or {"U1": claim("U1", part(effect), trainings=3), "U3": claim("U3", part(effect), part(0.3))}
    parameters = {"vit": "v", "cnn": "c", "batch_size": 64}
    measures = {"cka": {role: _similarity("layer", "other") for role in ("vit", "cnn")}}
    measures["cka"]["vit_cnn"] = _similarity("vit_layer", "cnn_layer")
    return Result(chapter, profile, parameters, trace(0.0, models, dataset, "cpu"), measures, claims)


def _similarity(*axes: str) -> LabelledArray:
    return LabelledArray({axis: ["a", "b"] for axis in axes}, np.array([[1, 0.25], [0.25, 1]]))


FOUND = {
    "pocket": {
        "U1": claim("U1", part(0.5, "holds", "holds"), trainings=3),
        "A3": claim("A3", part(0.3, "reversed", p=1, p_sign=0.999)),
        "S1": claim("S1", part(0.2, "weak", p=0.2), part(0.3, "holds"), trainings=2),
    },
    "pretrained": {
        "U1": claim("U1", part(-0.5, "reversed", "holds", p=1, p_sign=0.999)),
        "S6": claim("S6", part(0.0, "not applicable", "not applicable")),
        "U4": claim("U4", part(None, "inconclusive", p=None, p_sign=None)),
    },
}


def universe(
    verdict: str = "holds", effect: float | None = 0.5, alone: tuple = ("holds", "weak"), **options
) -> Outcome:
    """U1 in the published universe, or with other options."""
    low, high = (None, None) if effect is None else (round(effect - 0.1, 6), round(effect + 0.1, 6))
    return Outcome(CLAIMS["U1"].choices | options, verdict, alone, {"U1": (effect, low, high, verdict)})


# U1 of a result, in three universes: another measure makes it weak, other images do not.
ROBUST = Robust(
    CLAIMS["U1"].choices,
    (universe(), universe("weak", 0.1, measure="rsa"), universe("holds", 0.4, images="second")),
)


def save_robustness(folder, profile: str = "pocket", **claims: Robust):
    """A robustness file, of that unless others are given."""
    about = {
        "version": "0",
        "commit": None,
        "python": "3",
        "libraries": {},
        "seconds": 1,
        "peak_mib": 1,
        "chapters": {},
    }
    return robustness.write(folder, profile, claims or {"U1": ROBUST}, about)
