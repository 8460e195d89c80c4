"""What every chapter does besides measuring: check the parameters, load, record."""

import math
import os
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Protocol

import torch
from torch import nn

from seelike.activations.layers import LAYER_SETS
from seelike.images import datasets
from seelike.measures.intervals import Estimate, combine
from seelike.models import loading as models
from seelike.models.names import check_weights
from seelike.models.recipes import find_runs
from seelike.results import reuse
from seelike.results.claims import CLAIMS, judge
from seelike.results.results import Result, read_published, trace
from seelike.system import processes
from seelike.system.device import choose_device
from seelike.system.errors import InputError, nearest
from seelike.system.writable import is_writable

MOST_PIXELS = 4096  # a side
DRY_RUN = "SEELIKE_DRY_RUN"  # in the environment: the file to say in what a run would take, and stop
MODELS = ("vit", "cnn")  # the parameters that name models in most chapters


class Measured(Protocol):
    """What a chapter found on one set of models."""

    def arrays(self) -> dict[str, dict[str, dict]]:
        """Measure → model (or pair) → labelled array."""

    def estimates(self, seed: int) -> dict[str, Estimate]:
        """Claim id → its effect, with an interval over images drawn with `seed`."""


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
    from_result: str = ""  # a result file that was measured before, to be taken instead of measuring

    def load_models(self) -> Iterator[dict[str, nn.Module]]:
        """The trained models, {"vit": …, "cnn": …}, by the parameter that names them, once for each training run.

        First those that the parameters name; then, up to `n_runs` times, each bundled one that was also trained
        from another seed gives way to its next twin. The others stay, the very same modules.

        Before any weights are fetched the chapter is rehearsed; a model that does not suit it raises InputError.
        """
        from seelike.chapters import rehearsal  # it imports the chapters, and they this module

        rehearsal.check(self)
        yield from self._load_trained()

    def _load_trained(self) -> Iterator[dict[str, nn.Module]]:
        known: dict[tuple[str, str], nn.Module] = {}
        for number, names in enumerate(self._runs()):
            for which, name in names.items():
                checkpoint = self._checkpoint(which)
                load = partial(models.load_model, which, name, checkpoint, *self._where())
                if (which, name) not in known:
                    known[which, name] = processes.in_turn(load)
                self.described[_key(which, number)] = models.describe(known[which, name], name, checkpoint)
            yield {which: known[which, name] for which, name in names.items()}

    def load_controls(self) -> Iterator[dict[str, nn.Module]]:
        """The same architectures with random weights, of bundled models those that each run started from."""
        known: dict[tuple[str, str], nn.Module] = {}
        for number, names in enumerate(self._runs()):
            fresh = {which: name for which, name in names.items() if (which, name) not in known}
            known |= {(which, fresh[which]): model for which, model in self._load_random(fresh).items()}
            for which, name in names.items():
                key = f"{_key(which, number)}_random"
                self.described[key] = models.describe(known[which, name], name, initial=True)
            yield {which: known[which, name] for which, name in names.items()}

    def load_first_random(self) -> dict[str, nn.Module]:
        """The models of the first run with random weights, for a rehearsal."""
        return self._load_random(self._runs()[0])

    @property
    def n_runs(self) -> int:
        """How many trainings are measured."""
        return len(self._runs())

    def minibatches(self, pair: dict[str, nn.Module]) -> Iterator[dict[str, torch.Tensor]]:
        """The chosen images as each of the models wants them, batch by batch."""
        size = self.parameters["image_size"]
        transforms = {which: models.transform_of(model, size) for which, model in pair.items()}
        return datasets.load_minibatches(self.images, transforms, self.parameters["batch_size"], self.device)

    def describe_images(self, key: str, name: str, split: str, chosen: datasets.Chosen) -> None:
        """Note other images than the chapter's own for the result's provenance."""
        self.other_images[key] = chosen.describe(name, split)

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
        seed = self.parameters["seed"]
        found, untrained = (_gather(runs, seed) for runs in (trained, control))
        left_over = len(self.images) % self.parameters["batch_size"]
        dataset = self.images.describe(self.parameters["dataset"], self.parameters["split"])
        dataset |= {"images": len(self.images) - left_over, "left_over": left_over}
        provenance = trace(self.started, self.described, dataset, self.device) | self.other_images
        claims = {claim: _judge(claim, runs, untrained[claim]) for claim, runs in found.items()}
        parameters = self._portable_parameters()
        return Result(self.chapter, parameters.pop("profile"), parameters, provenance, measures, claims)

    def _read_stored(self) -> Result:
        images = {"dataset": {"sha256": self.images.sha256}} | self.other_images
        result = reuse.read(self.from_result, self.chapter, self._portable_parameters(), images)
        controlled = any(which.endswith("_random") for which in result.provenance["models"])
        for _ in chain(self._load_trained(), self.load_controls() if controlled else ()):
            pass  # what is loaded is described
        reuse.check_models(self.from_result, result, self.described)
        return result

    def __str__(self) -> str:
        batch_size = self.parameters["batch_size"]
        batches, left_over = divmod(len(self.images), batch_size)
        dropped = f"; {left_over} left over and not used" if left_over else ""
        said = f"{batches * batch_size} images in {batches} minibatches of {batch_size}{dropped}"
        passed_over = [datasets.say_skipped(self.images.skipped)]
        for key, images in self.other_images.items():
            passed_over.append(datasets.say_skipped(images.get("skipped", []), f" of {key}"))
        return "; ".join([said, *filter(None, passed_over)])

    def _portable_parameters(self) -> dict:
        return {name: _without_folder(name, value) for name, value in self.parameters.items()}

    def _load_random(self, names: dict[str, str]) -> dict[str, nn.Module]:
        seed = self.parameters["seed"]
        return {which: models.load_random(which, name, *self._where(), seed) for which, name in names.items()}

    def _runs(self) -> list[dict[str, str]]:
        """The models' names of each run: one, unless "vit" and "cnn" are both bundled models with twins.

        A model from a checkpoint of the user's has none.
        """
        twins = {
            which: [name] if self._checkpoint(which) else find_runs(name)
            for which, name in ((which, self.parameters[which]) for which in self.models)
        }
        n_runs = min(self.parameters.get("n_runs", 1), *(len(twins[which]) for which in MODELS if which in twins))
        return [{which: names[min(i, len(names) - 1)] for which, names in twins.items()} for i in range(n_runs)]

    def _checkpoint(self, which: str) -> str:
        return self.parameters.get(f"{which}_checkpoint", "")

    def _where(self) -> tuple[int, str]:
        return self.parameters["image_size"], self.device


def prepare(
    chapter: str,
    results_dir: str,
    required: tuple[str, ...] = MODELS,
    optional: tuple[str, ...] = (),
    from_result: str = "",
    **parameters,
) -> Run:
    """Check every parameter of a chapter, and every image, before any long work starts.

    `required` and `optional` are the parameters that name models; an optional one may be empty, and is left out then.
    `from_result` is a result file of these very parameters, to be taken instead of measuring; "" for none.

    Raises InputError: one sentence that names the parameter and says what is allowed.
    """
    started = time.monotonic()
    check_parameters(parameters | {"from_result": from_result})
    check_results_dir(results_dir)
    named = (*required, *(which for which in optional if parameters[which]))
    for which in named:
        models.check_model(which, parameters[which], parameters.get(f"{which}_checkpoint", ""))
    device = choose_device(parameters["device"])
    images = datasets.open_images(parameters["dataset"], parameters["data_dir"], parameters["split"])
    for which in named:
        if not find_dry_run() and not parameters.get(f"{which}_checkpoint"):
            check_weights(which, parameters[which])
    chosen = datasets.choose(images, parameters["n_images"], parameters["seed"])
    read_published(chapter, results_dir)  # a damaged file there would be noticed only at the end
    run = Run(chapter, parameters, chosen, device, started, named, from_result=from_result)
    if from_result:
        reuse.read(from_result, chapter, run._portable_parameters(), {"dataset": {"sha256": chosen.sha256}})
    return run


def find_dry_run() -> str:
    """The file in which to say what a run would take, where the environment asks for no more; "" otherwise."""
    return os.environ.get(DRY_RUN, "")


def check_parameters(parameters: dict) -> None:
    """Types and ranges of the parameters that all chapters share."""
    whole = {"image_size": 0, "n_images": 4, "batch_size": 4, "seed": 0, "n_field_images": 1, "n_runs": 1}
    whole |= {"n_probe_images": 0, "n_attributed": 0}
    for name, value in parameters.items():
        kind = int if name in whole else str
        if type(value) is not kind:
            raise InputError(f"{name} must be {'a whole number' if kind is int else 'text'}, not {value!r}")
    for name, least in whole.items():
        if name in parameters and parameters[name] < least:
            raise InputError(f"{name} must be {least} or more, not {parameters[name]}")
    if parameters.get("image_size", 0) > MOST_PIXELS:
        raise InputError(f"image_size must be at most {MOST_PIXELS}, not {parameters['image_size']}")
    if parameters["seed"] >= 2**63:
        raise InputError(f"seed must be below 2**63, not {parameters['seed']}")
    if parameters["batch_size"] > parameters["n_images"]:
        raise InputError(
            f"batch_size must be at most n_images, {parameters['n_images']}, not {parameters['batch_size']}"
        )
    for name in ("n_field_images", "n_attributed"):
        if parameters.get(name, 0) > parameters["n_images"]:
            raise InputError(f"{name} must be at most n_images, {parameters['n_images']}, not {parameters[name]}")
    if parameters.get("layers", "all") not in LAYER_SETS:
        guess = nearest(parameters["layers"], LAYER_SETS)
        raise InputError(f"layers must be one of {', '.join(LAYER_SETS)}, not {parameters['layers']!r}{guess}")
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,99}", parameters["profile"]):
        raise InputError(f"profile must be a plain name, such as pocket or mine, not {parameters['profile']!r}")


def check_results_dir(results_dir: str) -> None:
    """Refuse a place where no file could be written at the end; creates nothing."""
    if not isinstance(results_dir, str) or not results_dir:
        raise InputError(f"results_dir must be the name of a folder, not {results_dir!r}")
    if not is_writable(Path(results_dir)):
        raise InputError(f"results_dir must be a folder that can be written to, not {results_dir!r}")
    if results_dir.startswith("~"):
        raise InputError(f"results_dir must be written out, without a ~, not {results_dir!r}")


def _without_folder(name: str, value):
    """A file's name belongs in a result; where it lay on one machine does not."""
    return Path(value).name if name.endswith(("data_dir", "_checkpoint")) else value


def _key(which: str, number: int) -> str:
    """How a model of a run is called in the provenance: `vit`, `vit_run2`, …"""
    return f"{which}_run{number + 1}" if number else which


def _gather(runs: list[Measured], seed: int) -> dict[str, list[Estimate]]:
    """Claim id → its estimate in every run."""
    found: dict[str, list[Estimate]] = {}
    for run in runs:
        for claim, estimate in run.estimates(seed).items():
            found.setdefault(claim, []).append(estimate)
    return found


def _judge(claim: str, runs: list[Estimate], untrained: list[Estimate]) -> dict:
    trained, control = (combine(estimates).within(*CLAIMS[claim].bounds) for estimates in (runs, untrained))
    return {
        "runs": len(runs),
        "effect": _known(trained.effect),
        "interval": [_known(trained.low), _known(trained.high)],
        "control": _known(control.effect),
        "control_interval": [_known(control.low), _known(control.high)],
        "verdict": judge(CLAIMS[claim], trained),
        "control_verdict": judge(CLAIMS[claim], control),
    }


def _known(number: float) -> float | None:
    """A number, or None where it is not defined, as in a result file."""
    return number if math.isfinite(number) else None
