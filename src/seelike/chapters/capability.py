"""What a model can do, told beside its name: how often it is right about labelled images, before any claim is read.

It is the accuracy of the model's own head where that head tells apart the classes of the images; otherwise that of
nearest neighbours among the pooled features (`measures.nearest_neighbours`). At most `MOST_IMAGES` are looked at.
"""

import hashlib
import inspect
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import Subset

from seelike.activations.flattened import Outputs
from seelike.images import datasets
from seelike.images.photographs import CLASSES
from seelike.measures import nearest_neighbours
from seelike.measures.answering import ANSWER, Pooled, choose_class
from seelike.measures.features import Features
from seelike.measures.runner import Cast, feed
from seelike.models.loading import hash_state
from seelike.models.recipes import find_recipe
from seelike.system import processes, shared_findings

MOST_IMAGES = 256
TOP_1, NEIGHBOURS, NOTHING = "top-1", "nearest neighbours", "nothing"
IMAGENET = 1000  # classes; other data sets of as many classes have them in another order
WORDNET = re.compile(r"n\d{8}")  # a class of ImageNet, as its folder is called

Minibatches = Iterable[dict[str, torch.Tensor]]


@dataclass(frozen=True, eq=False)
class Labelled:
    """The first images of a data set, their labels (n,), and the names of all its classes, if it has any."""

    dataset: str  # the parameter that names it
    name: str  # of a folder or an archive its own
    images: Subset
    labels: torch.Tensor
    classes: tuple[str, ...] | None

    @classmethod
    def first(cls, dataset: str, data_dir: str, chosen: Subset) -> "Labelled":
        """Raises InputError for labels that are no whole numbers."""
        few = Subset(chosen.dataset, chosen.indices[:MOST_IMAGES])
        name = Path(data_dir).name if dataset in ("", "folder") else dataset
        return cls(dataset, name, few, datasets.read_labels(few), datasets.name_classes(chosen))

    def has_neighbours(self) -> bool:
        """Whether of several classes most images have another of theirs, so that the nearest can be right, or wrong."""
        return len(self.labels.unique()) > 1 and bool(nearest_neighbours.are_asked(self.labels).float().mean() > 0.5)


@dataclass(frozen=True)
class Plan:
    """How one model is to be judged: `measure` on `on`; for `NOTHING` the `reason`."""

    measure: str
    on: Labelled | None = None
    reason: str = ""
    classes: int = 0  # that the head tells apart, for TOP_1


def plan(model: nn.Module, known: dict, sets: list[Labelled]) -> Plan:
    """The best that the sets allow: on the first of them that the model's head fits, or that has neighbours.

    Args:
        known: what is known of the model, from `loading.describe`.
    """
    for each in sets:
        if fits(model.num_classes, known, each):
            return Plan(TOP_1, each, classes=model.num_classes)
        if each.has_neighbours() and _has_pooled_features(model):
            return Plan(NEIGHBOURS, each)
    if sets and not _has_pooled_features(model):
        return Plan(NOTHING, reason="timm knows no pooled features of it")
    return Plan(NOTHING, reason=_say_unfit(sets[0].labels) if sets else "no labels")


def _say_unfit(labels: torch.Tensor) -> str:
    if len(labels.unique()) == 1:
        return "all images are of one class"
    return f"most of the first {len(labels)} images are alone in their class"


def plan_control(model: nn.Module, trained: Plan) -> Plan:
    """The same for a control as for its trained model, if its head allows it."""
    if trained.measure == TOP_1 and model.num_classes != trained.classes:
        return Plan(NOTHING, reason=f"the untrained head tells {model.num_classes} classes apart")
    return trained


@dataclass
class Examination:
    """Tells once for each model that the parameters name what it can do, and of its control the same.

    `load` takes models and images to minibatches of all of these, as each of the models wants them.
    """

    sets: list[Labelled]
    load: Callable[[dict[str, nn.Module], Subset], Minibatches]
    plans: dict[str, Plan] = field(default_factory=dict)
    found: dict[tuple, dict] = field(default_factory=dict)  # by a model's architecture, state and plan

    def examine(self, models: dict[str, nn.Module], described: dict[str, dict]) -> None:
        """Note the `capability` of trained models in what is known of them, by the same names."""
        plans = {role: plan(models[role], known, self.sets) for role, known in described.items()}
        self.plans = plans | self.plans
        self._note(models, described, plans)

    def examine_controls(self, models: dict[str, nn.Module], described: dict[str, dict]) -> None:
        """The same for controls, each as the trained model of its name."""
        plans = {role: self.plans.get(role) or plan(models[role], described[role], self.sets) for role in described}
        self._note(models, described, {role: plan_control(models[role], own) for role, own in plans.items()})

    def _note(self, models: dict[str, nn.Module], described: dict[str, dict], plans: dict[str, Plan]) -> None:
        """Models of several roles are looked at once."""
        states = {role: (name_architecture(models[role]), known["state_sha256"]) for role, known in described.items()}
        keys = {role: (*state, plans[role]) for role, state in states.items()}
        fresh = {key: role for role, key in keys.items() if key not in self.found}
        found = _measure({role: models[role] for role in fresh.values()}, plans, self.load)
        self.found |= {key: found[role] for key, role in fresh.items()}
        for role, known in described.items():
            known["capability"] = self.found[keys[role]]


def _measure(models: dict[str, nn.Module], plans: dict[str, Plan], load: Callable) -> dict[str, dict]:
    """Model → what it can do. Of several processes each looks at models of its own, and all know what was found."""
    mine = processes.share(list(models))
    with processes.alone():
        found = _measure_alone({role: models[role] for role in mine}, plans, load)
    return dict(zip(models, processes.gather([found[role] for role in mine]), strict=True))


def _measure_alone(models: dict[str, nn.Module], plans: dict[str, Plan], load: Callable) -> dict[str, dict]:
    """Models that see the same images are shown them together."""
    chosen = {role: plans[role] for role in models}
    found = {role: {"measure": NOTHING, "reason": own.reason} for role, own in chosen.items() if own.on is None}
    for on in dict.fromkeys(own.on for own in chosen.values() if own.on):
        there = {role: models[role] for role, own in chosen.items() if own.on is on}
        look = _look_once if shared_findings.are_kept() else _look
        found |= look(there, plans, load(there, on.images))
    return found


def _look_once(models: dict[str, nn.Module], plans: dict[str, Plan], minibatches: Minibatches) -> dict[str, dict]:
    """As `_look`, but that what another page of the same build has found is not found again."""
    shown = list(minibatches)
    keys = {role: _hash_all(model, plans[role], (images[role] for images in shown)) for role, model in models.items()}
    known = {role: shared_findings.recall(key) for role, key in keys.items()}
    fresh = {role: model for role, model in models.items() if known[role] is None}
    found = _look(fresh, plans, ({role: images[role] for role in fresh} for images in shown)) if fresh else {}
    for role, own in found.items():
        shared_findings.keep(keys[role], own)
    return known | found


def _hash_all(model: nn.Module, plan: Plan, images: Iterable[torch.Tensor]) -> str:
    """A hash of all that a finding depends on: weights, design, every pixel, labels, and how it is judged."""
    asked = name_architecture(model), hash_state(model), plan.measure, plan.classes, plan.on.name
    digest = hashlib.sha256(json.dumps([*asked, plan.on.labels.tolist()]).encode())
    for each in images:
        digest.update(each.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def name_architecture(model: nn.Module) -> str:
    """timm's name of a design, which two models of one state need not share; of any other module that of its type."""
    card = getattr(model, "pretrained_cfg", None) or {}
    return card.get("architecture") or type(model).__qualname__


def fits(n_classes: int, known: dict, on: Labelled) -> bool:
    """Whether a head's answers are the classes of a data set, in its order, as far as can be known."""
    if not on.classes or len(on.classes) != n_classes:
        return False
    if known["origin"] == "bundled":
        recipe = find_recipe(known["name"])
        same = on.dataset == recipe.task or (recipe.task == "cifar10" and on.classes == CLASSES)
        return same and recipe.objective == "classes"  # clusters are no classes
    wordnet = all(map(WORDNET.fullmatch, on.classes))
    return on.dataset not in datasets.DRAWN and (wordnet or n_classes != IMAGENET)


def _has_pooled_features(model: nn.Module) -> bool:
    head = getattr(model, "forward_head", None)
    return head is not None and "pre_logits" in inspect.signature(head).parameters


def _look(models: dict[str, nn.Module], plans: dict[str, Plan], minibatches: Minibatches) -> dict[str, dict]:
    """Show images to models, and judge what each makes of them."""
    outputs = _read(models, plans, minibatches)
    return {role: _judge(plans[role], outputs[role]) for role in models}


def _read(models: dict[str, nn.Module], plans: dict[str, Plan], minibatches: Minibatches) -> dict[str, torch.Tensor]:
    """Of every image each model's answer (n,), or its pooled features (n, d)."""
    pools = {role for role in models if plans[role].measure == NEIGHBOURS}
    cast = Cast({role: Pooled(model) if role in pools else model for role, model in models.items()})
    reads = {role: Outputs((ANSWER,), torch.clone if role in pools else choose_class) for role in models}
    kept = {role: cast.add(role, Features(reads[role], len(plans[role].on.labels))) for role in models}
    found = feed(minibatches, cast)
    return {role: found[each][ANSWER] for role, each in kept.items()}


def _judge(plan: Plan, output: torch.Tensor) -> dict:
    labels = plan.on.labels
    if plan.measure == TOP_1:
        found = {"accuracy": float((output == labels).double().mean()), "chance": 1 / plan.classes}
        asked = {"images": len(labels), "classes": plan.classes}
    else:
        right, chance = nearest_neighbours.accuracy(output, labels), nearest_neighbours.chance(labels)
        found = {"accuracy": right, "chance": chance}
        asked = {"images": int(nearest_neighbours.are_asked(labels).sum()), "classes": len(labels.unique())}
    return {"measure": plan.measure, "dataset": plan.on.name} | found | asked
