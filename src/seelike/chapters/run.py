"""What every chapter does besides measuring: load models and images, record what was found."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import torch
from timm.models import PretrainedCfg
from torch import nn
from torch.utils.data import Subset

from seelike.chapters import capability
from seelike.chapters.verdicts import Measured, weigh
from seelike.images import datasets
from seelike.models import loading as models
from seelike.models.identity import is_resnet
from seelike.models.listed import Listed, read_listed
from seelike.models.names import find_blueprint
from seelike.models.recipes import find_runs
from seelike.results import reuse
from seelike.results.model_names import SEVERAL
from seelike.results.results import Result, trace
from seelike.system import processes
from seelike.system.errors import InputError
from seelike.system.progress import tell

MODELS = ("vit", "cnn")  # the parameters that name models in most chapters
OWN = "own"  # the geometry where each model has its own
MOST_KEPT = 2**24  # parameters of random models, all together


@dataclass
class Run:
    """One run of a chapter: its parameters, checked, and its images, chosen."""

    chapter: str
    parameters: dict
    images: datasets.Chosen
    device: str
    started: float
    models: tuple[str, ...] = MODELS
    described: dict = field(default_factory=dict)
    other_images: dict = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)  # names of models that timm has changed → as they are now
    labelled: list[capability.Labelled] = field(default_factory=list)  # of the other images
    examined: bool = True  # whether it is found out what the models can do
    from_result: str = ""  # a result file that was measured before, to be taken instead of measuring
    built: dict[tuple[str, str], nn.Module] = field(default_factory=dict)  # by parameter and name, with random weights
    alike: WeakValueDictionary[tuple, nn.Module] = field(default_factory=WeakValueDictionary)  # those, by what they are
    opened: Any = None  # what the chapter opened beside its images, perhaps images for probes
    has_resnet: bool = False  # whether the CNN, once loaded, is one
    systems: dict[str, Listed] = field(default_factory=dict)  # by their roles, of the models that one parameter names

    def load_models(self) -> Iterator[dict[str, nn.Module]]:
        """The trained models, {"vit": …, "cnn": …}, by the parameter that names them, once for each training run.

        First those that the parameters name; then, up to `n_seeds` times, each bundled one that was also trained
        from another seed gives way to its next twin. The others stay, the very same modules.
        """
        tell(f"{self.chapter}: trained models")
        known: dict[tuple[str, str], nn.Module] = {}
        for number, names in enumerate(self._runs()):
            for role, name in names.items():
                if (role, name) not in known:
                    known[role, name] = processes.in_turn(partial(self._load, role, name))
            loaded = {role: known[role, name] for role, name in names.items()}
            described = {
                role: models.describe(loaded[role], name, *self._own(role), initial=self._is_random(role))
                for role, name in names.items()
            }
            self.has_resnet = "cnn" in loaded and is_resnet(loaded["cnn"])
            if number == 0 and self.examined and not self.from_result:
                self._examination.examine(loaded, described)
            self.described |= {_key(role, number): each for role, each in described.items()}
            yield loaded

    def load_controls(self) -> Iterator[dict[str, nn.Module]]:
        """The same architectures with random weights, of bundled models those that each run started from."""
        tell(f"{self.chapter}: controls, the same with random weights")
        known: dict[tuple[str, str], nn.Module] = {}
        for number, names in enumerate(self._runs()):
            fresh = {role: name for role, name in names.items() if (role, name) not in known}
            known |= {(role, fresh[role]): model for role, model in self._load_random(fresh).items()}
            loaded = {role: known[role, name] for role, name in names.items()}
            described = {
                role: models.describe(loaded[role], name, *self._own(role), initial=True)
                for role, name in names.items()
            }
            if number == 0 and self.examined and not self.from_result:
                self._examination.examine_controls(loaded, described)
            self.described |= {f"{_key(role, number)}_random": each for role, each in described.items()}
            yield loaded

    def load_first_random(self) -> dict[str, nn.Module]:
        """The models of the first run with random weights, for a rehearsal."""
        return self._load_random(self._runs()[0])

    @property
    def names(self) -> list[dict[str, str]]:
        """The models of each run, by the parameter that names them."""
        return self._runs()

    @property
    def n_seeds(self) -> int:
        """How many trainings are measured."""
        return len(self._runs())

    def minibatches(self, pair: dict[str, nn.Module]) -> Iterator[dict[str, torch.Tensor]]:
        """The chosen images as each of the models wants them, batch by batch."""
        return datasets.load_minibatches(self.images, self.transforms(pair), self.batch_size, self.device)

    def transforms(self, loaded: dict[str, nn.Module]) -> dict[str, Callable]:
        """How each of the models is shown an image: resized and cropped as `geometry` says, in its own colours."""
        size = self.parameters["image_size"]
        return {role: models.transform_of(model, size, self._geometry) for role, model in loaded.items()}

    @cached_property
    def _geometry(self) -> PretrainedCfg | None:
        """The card of the model whose resizing and crop all share; None where each has its own."""
        role = self.parameters["geometry"]
        return None if role == OWN else find_blueprint(role, self.parameters[role]).card

    @property
    def batch_size(self) -> int:
        """Images a minibatch; no more than there are."""
        return min(self.parameters["batch_size"], len(self.images))

    @property
    def left_over(self) -> int:
        """How many of the images asked for are not used."""
        return self.parameters["n_images"] - len(self.images)

    @cached_property
    def _examination(self) -> capability.Examination:
        own = self._label_images(self.parameters["dataset"], self.parameters["data_dir"], self.images)
        return capability.Examination([*own, *self.labelled], partial(self.load_images, what="examine models"))

    def _label_images(self, name: str, place: str, chosen: datasets.Chosen) -> list[capability.Labelled]:
        """As images on which models can be examined, if their labels are known."""
        with suppress(InputError):
            return [capability.Labelled.first(name, place, chosen)]
        return []

    def read_labels(self, loaded: dict[str, nn.Module]) -> torch.Tensor | None:
        """The classes of all images, if they are those that the heads of all models tell apart, as far as is known."""
        if not loaded.keys() <= self.described.keys():  # a rehearsal
            return None
        own = self._label_images(self.parameters["dataset"], self.parameters["data_dir"], self.images)
        suited = (capability.fits(model.num_classes, self.described[role], own[0]) for role, model in loaded.items())
        return datasets.read_labels(self.images) if own and all(suited) else None

    def read_labels_of_each(
        self, models: dict[str, nn.Module], labels: torch.Tensor | None = None
    ) -> dict[str, torch.Tensor]:
        """`read_labels` of every model alone, those left out whose heads do not tell the classes apart.

        Args:
            labels: the classes of all images, if every model is taken to know them.
        """
        known = {name: self.read_labels({name: each}) if labels is None else labels for name, each in models.items()}
        return {name: own for name, own in known.items() if own is not None}

    def read_classes(self) -> list[torch.Tensor] | None:
        """The classes of the images of every minibatch, (n,); None where their data set tells none."""
        with suppress(InputError):
            labels, n_used = datasets.read_labels(self.images), len(self.images) // self.batch_size * self.batch_size
            return list(labels[:n_used].split(self.batch_size))
        return None

    def load_images(
        self, loaded: dict[str, nn.Module], images: Subset, what: str = ""
    ) -> Iterator[dict[str, torch.Tensor]]:
        """All of some images, none dropped, as the models see the chapter's own. `what` a progress bar is called."""
        transforms, size = self.transforms(loaded), self.batch_size
        return datasets.load_minibatches(images, transforms, size, self.device, drop_last=False, what=what)

    def describe_images(self, key: str, name: str, place: str, split: str, chosen: datasets.Chosen) -> None:
        """Note other images than the chapter's own, and where they lie, for the result's provenance."""
        self.other_images[key] = chosen.describe(name, split)
        self.labelled += self._label_images(name, place, chosen)

    def record(self, trained: Iterable[Measured], control: Iterable[Measured]) -> Result:
        """The result: arrays of the first run, and a verdict for every claim from all runs, trained and untrained.

        A chapter that tests no claim may go without a control. With `from_result` nothing is asked of either, so that
        generators measure nothing, and that file is the result; InputError if it is not of this very run.
        """
        if self.from_result:
            return self._read_stored()
        trained, control = list(trained), list(control)
        measures = trained[0].arrays()
        for untrained in control[:1]:
            measures |= {f"{name}_random": entry for name, entry in untrained.arrays().items()}
        dataset = self._describe_images() | {"left_over": self.left_over}
        provenance = trace(self.started, self.described, dataset, self.device) | self.other_images
        claims = weigh(trained, control, self._runs(), self.has_resnet) if control else {}
        parameters = self.portable_parameters()
        return Result(self.chapter, parameters.pop("profile"), parameters, provenance, measures, claims)

    def portable_parameters(self) -> dict:
        """The parameters as a result file keeps them, without the folders of this machine."""
        return {name: _without_folder(name, value) for name, value in self.parameters.items()}

    def _describe_images(self) -> dict:
        return self.images.describe(self.parameters["dataset"], self.parameters["split"])

    def hash_images(self) -> dict[str, str]:
        """The hash of the chapter's own images, and of others, by what a result's provenance calls them."""
        described = {"dataset": self._describe_images()} | self.other_images
        return {name: each["sha256"] for name, each in described.items()}

    def _read_stored(self) -> Result:
        images = {"dataset": {"sha256": self.images.sha256}} | self.other_images
        result = reuse.read(self.from_result, self.chapter, self.portable_parameters(), images)
        controlled = any(role.endswith("_random") for role in result.provenance["models"])
        for _ in chain(self.load_models(), self.load_controls() if controlled else ()):
            pass  # what is loaded is described
        reuse.check_models(self.from_result, result, self.described)
        return result

    def __str__(self) -> str:
        left_over, batches = self.left_over, len(self.images) // self.batch_size
        dropped = f"; {left_over} left over and not used" if left_over else ""
        said = f"{len(self.images)} images in {batches} minibatches of {self.batch_size}{dropped}"
        role = self.parameters["geometry"]
        crop = "each model has its own crop" if role == OWN else f"all models see the crop that {role} has"
        passed_over = datasets.say_passed_over(self._describe_images())
        for key, images in self.other_images.items():
            passed_over += datasets.say_passed_over(images, f" of {key}")
        renamed = [f"timm calls {before} {now} today" for before, now in self.renamed.items()]
        return "; ".join([said, crop, *renamed, *passed_over])

    def _load(self, role: str, name: str) -> nn.Module:
        if self._is_random(role):
            return self._load_random({role: name})[role]
        return models.load_model(self._find_parameter(role), name, self._checkpoint(role), *self._where())

    def _load_random(self, names: dict[str, str]) -> dict[str, nn.Module]:
        return {role: self.built.get((role, name)) or self._build(role, name) for role, name in names.items()}

    def _build(self, role: str, name: str) -> nn.Module:
        """A model with random weights, one module for all that start alike, so that images pass through it once.

        Kept for the controls where a rehearsal builds it and there is room.
        """
        fresh = models.load_random(self._find_parameter(role), name, *self._where(), self.parameters["seed"])
        model = self.alike.setdefault(models.tell_alike(fresh), fresh)
        if sum(p.numel() for each in {model, *self.built.values()} for p in each.parameters()) <= MOST_KEPT:
            self.built[role, name] = model
        return model

    def _runs(self) -> list[dict[str, str]]:
        """The models' names of each run: one, unless "vit" and "cnn" are both bundled models with twins.

        A model from a checkpoint of the user's has none.
        """
        twins = {
            role: [name] if self._checkpoint(role) or self._is_random(role) else find_runs(name)
            for role, name in ((role, self._find_name(role)) for role in self.models)
        }
        n_seeds = min(self.parameters.get("n_seeds", 1), *(len(twins[role]) for role in MODELS if role in twins))
        return [{role: names[min(i, len(names) - 1)] for role, names in twins.items()} for i in range(n_seeds)]

    def _find_name(self, role: str) -> str:
        return self.systems[role].name if role in self.systems else self.parameters[role]

    def _find_parameter(self, role: str) -> str:
        """The parameter that names a model."""
        return SEVERAL if role in self.systems else role

    def _is_random(self, role: str) -> bool:
        """Whether a model is asked for with random weights, without others."""
        return role in self.systems and self.systems[role].is_random

    def _checkpoint(self, role: str) -> str:
        return self.systems[role].file if role in self.systems else self.parameters.get(f"{role}_checkpoint", "")

    def _own(self, role: str) -> tuple[str, str]:
        """The user's file of weights and what it is called, each perhaps ""."""
        return self._checkpoint(role), self.parameters.get(f"{role}_label", "")

    def _where(self) -> tuple[int, str]:
        return self.parameters["image_size"], self.device


def _without_folder(name: str, value):
    """A file's name belongs in a result; where it lay on one machine does not."""
    if name == SEVERAL:
        return " ".join(read_listed(value))
    return Path(value).name if name.endswith(("data_dir", "_checkpoint", "_classes")) else value


def _key(role: str, number: int) -> str:
    """How a model of a run is called in the provenance: `vit`, `vit_run2`, …"""
    return f"{role}_run{number + 1}" if number else role
