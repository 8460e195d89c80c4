"""Trainings on a frozen backbone: what their cards say of test drawings, by what a design changes in DuoFormer."""

import re

import numpy as np

from seelike.chapters.answered import find_accuracies, find_twins
from seelike.chapters.run import Run
from seelike.measures.intervals import combine
from seelike.models import bundled
from seelike.results.labelled_array import LabelledArray, Measures
from seelike.system.errors import InputError, nearest

ROLE = "duoformer"
NAME = re.compile(r"duoformer_pocket_(\w+_)?56(\..+)?")
FULL, ONE_SCALE, NOISE, MEAN = "DuoFormer", "one scale", "noise as fine tokens", "mean of a patch's tokens"
SCALE_ONLY, PATCH_ONLY = "scale attention alone", "patch attention alone"
LEARNED, NEW_HEAD = "learned scale token", "backbone with a new head"
KINDS = {  # what is compared → how names differ from that of the first
    FULL: "",
    "three scales": "threescales_",
    ONE_SCALE: "onescale_",
    MEAN: "mean_",
    SCALE_ONLY: "scaleonly_",
    PATCH_ONLY: "patchonly_",
    LEARNED: "freetoken_",
    NEW_HEAD: "newhead_",
    "fine tokens of another patch": "moved_",
    NOISE: "noise_",
    "untrained backbone": "untrained_",
}
TASKS = ("strokes", "regrouped")  # the far one, and the near one, of which there are fewer trainings

Accuracies = dict[str, np.ndarray]  # kind → replicates (trainings, draws + 1)


def check_parameters(run: Run) -> None:
    """Raises InputError unless the model in the role, if any, is a DuoFormer of this book's and the task one of two."""
    name, task = run.parameters[ROLE], run.parameters["new_task"]
    if task not in TASKS:
        raise InputError(f"new_task must be one of {', '.join(TASKS)}, not {task!r}{nearest(task, TASKS)}")
    if name and not NAME.fullmatch(name):
        raise InputError(f"{ROLE} must be a DuoFormer of this book's, such as duoformer_pocket_56, not {name!r}")


def read_accuracies(run: Run, task: str, scale: str = "points") -> Accuracies:
    """Of every kind that has answers in cards; none without a DuoFormer, or where its weights are from a file.

    Args:
        task: one of `TASKS`.
        scale: one of `answered.SCALES`.
    """
    cards, n_drawings = bundled.read_manifest(), run.parameters["n_drawings"]
    known = {kind: find_accuracies(cards, name, scale, n_drawings) for kind, name in _name_all(run, task).items()}
    return {kind: each[: run.parameters["n_seeds"]] for kind, each in known.items() if each is not None}


def label_accuracies(run: Run) -> Measures:
    """Accuracies of every training, their mean with its interval, and the sizes of models; nothing without cards."""
    found: Measures = {}
    for task in TASKS:
        accuracies = read_accuracies(run, task)
        if accuracies:
            found.setdefault("accuracy", {})[task] = _label_trainings(accuracies)
            found.setdefault("accuracy_interval", {})[task] = _label_intervals(accuracies)
    if found:
        cards = bundled.read_manifest()
        sizes = {kind: find_twins(cards, name) for kind, name in _name_all(run, TASKS[0]).items()}
        sizes = {kind: twins[0]["parameters"] for kind, twins in sizes.items() if twins}
        found["trained_parameters"] = {ROLE: LabelledArray({"design": sizes}, list(sizes.values()))}
    return found


def read_own_answers(run: Run) -> str | None:
    """The answers of the model in the role, a digit a test drawing; None if no card has them."""
    own = bundled.read_manifest().get(run.parameters[ROLE], {})
    return None if run.parameters[f"{ROLE}_checkpoint"] else own.get("answers")


def _name_all(run: Run, task: str) -> dict[str, str]:
    """Kind → the name of its training of seed 0."""
    name = run.parameters[ROLE]
    if not name or run.parameters[f"{ROLE}_checkpoint"]:
        return {}
    tag = name.partition(".")[2].replace(TASKS[0], task)
    return {kind: f"duoformer_pocket_{design}56.{tag}" for kind, design in KINDS.items()}


def _label_trainings(accuracies: Accuracies) -> LabelledArray:
    most = max(map(len, accuracies.values()))
    values = [np.pad(each[:, 0], (0, most - len(each)), constant_values=np.nan) for each in accuracies.values()]
    return LabelledArray({"design": accuracies, "training": range(1, 1 + most)}, values)


def _label_intervals(accuracies: Accuracies) -> LabelledArray:
    """Over groups of test drawings and trainings."""
    estimates = [combine({(kind,): each}) for kind, each in accuracies.items()]
    values = [(each.effect, each.low, each.high) for each in estimates]
    return LabelledArray({"design": accuracies, "number": ["mean", "low", "high"]}, values)
