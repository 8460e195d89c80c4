"""Train the bundled models, so that a run can be stopped at any time.

A run writes a checkpoint as it goes and continues from it when started again; on one machine the same seed gives
the same run. When a run ends, its weights go to `weights/` in half precision, and its card into the manifest.
Runs are independent but for fine-tuning, which starts from what another run has made: one process a core.
"""

import json
import os
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import timm
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from seelike.images.drawings import IMAGE_SIZE
from seelike.models.recipes import RECIPES, Recipe, find_family, kept_steps
from seelike.system.errors import InputError
from seelike.training import cards
from seelike.training.accuracy import measure_accuracy, normalize
from seelike.training.augmentation import augment
from seelike.training.optimizers import make_optimizers
from seelike.training.tasks import load_drawings, load_images, load_task, needs_photographs

N_VALIDATION = 1000  # of the learning curve
REPORT_EVERY = 250  # steps


class Training:
    """One run: the model, its optimisers, the step reached, and the learning curve so far.

    Args:
        name: of the model.
        recipe: how it is trained.
        runs: the folder of checkpoints.
        keep: step → name under which the state after that step is kept as well.
        data_dir: the folder of CIFAR-10, for models that learn from photographs.

    Raises InputError if the checkpoint of another recipe is in the way, or the model to start from is not trained.
    """

    def __init__(
        self,
        name: str,
        recipe: Recipe,
        runs: Path,
        device: str = "cpu",
        keep: dict[int, str] | None = None,
        data_dir: str = "",
    ):
        self.name, self.recipe, self.runs, self.device, self.keep = name, recipe, runs, device, keep or {}
        self.data_dir = data_dir
        self.model = self._start().to(device)
        self.optimizers = make_optimizers(self.model, recipe)
        self.step = 0
        self.curve: dict[str, list] = {"images_seen": [], "loss": [], "accuracy": []}
        if self.state.is_file():
            self._resume()

    @property
    def state(self) -> Path:
        """The checkpoint."""
        return self.runs / f"{self.name}.pt"

    def run(self, minutes: float = float("inf")) -> bool:
        """Train until the recipe's last step, or a little longer than `minutes`; says whether it is done."""
        size = self.model.default_cfg["input_size"][-1]
        images, labels = load_images(self.recipe.task, self.recipe.images, self.runs, size, self.data_dir)
        held_out = load_task(self.recipe.task, "validation", N_VALIDATION, size, self.data_dir)
        deadline = time.monotonic() + 60 * minutes
        while self.step < self.recipe.steps and time.monotonic() < deadline:
            start, clock, losses = self.step, time.monotonic(), []
            for step in range(start, min(start + REPORT_EVERY, self.recipe.steps)):
                chosen = np.sort(self.recipe.choose_batch(step))
                shown = augment(images[chosen], self.recipe.seed, step) if self.recipe.augment else images[chosen]
                losses.append(self._learn(step, *map(torch.from_numpy, (shown, labels[chosen]))))
            self._report(losses, measure_accuracy(self.model, *held_out), time.monotonic() - clock)
            self._save()
        return self.step == self.recipe.steps

    def _start(self) -> nn.Module:
        if not self.recipe.start:
            return timm.create_model(self.name, pretrained=False, seed=self.recipe.seed)
        if not is_done(self.recipe.start, self.runs):
            raise InputError(f"{self.name} starts from {self.recipe.start}: train that to its end first")
        model = timm.create_model(self.recipe.start, pretrained=False)
        model.load_state_dict(_read(self.runs / f"{self.recipe.start}.pt", "cpu")["model"])
        nn.init.zeros_(model.get_classifier().weight)  # its classes are others
        nn.init.zeros_(model.get_classifier().bias)
        return model

    def _learn(self, step: int, images: torch.Tensor, labels: torch.Tensor) -> float:
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.recipe.rate_at(step)
        self.model.train()
        answers = self.model(normalize(images.to(self.device)))
        loss = cross_entropy(answers, labels.to(self.device))
        self.model.zero_grad(set_to_none=True)
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
        self.step = step + 1
        if self.step in self.keep:
            _replace(self.runs / f"{self.keep[self.step]}.pt", self._snapshot())
        return loss.item()

    def _report(self, losses: list[float], accuracy: float, seconds: float) -> None:
        seen = self.step * self.recipe.batch_size
        for key, value in {"images_seen": seen, "loss": float(np.mean(losses)), "accuracy": accuracy}.items():
            self.curve[key].append(round(value, 4))
        rate = len(losses) / seconds
        print(
            f"{self.name}: {seen:,} images seen, loss {np.mean(losses):.3f}, held-out {accuracy:.1%}, "
            f"{rate * self.recipe.batch_size:.0f}/s, {(self.recipe.steps - self.step) / rate / 60:.0f} min left",
            flush=True,
        )

    def _snapshot(self) -> dict:
        return {"model": self.model.state_dict(), "step": self.step, "curve": self.curve, "recipe": _text(self.recipe)}

    def _save(self) -> None:
        _replace(self.state, self._snapshot() | {"optimizers": [o.state_dict() for o in self.optimizers]})
        self.state.with_suffix(".json").write_text(json.dumps(self.curve, indent=1) + "\n")

    def _resume(self) -> None:
        check_state(self.state, self.recipe)
        saved = _read(self.state, self.device)
        self.model.load_state_dict(saved["model"])
        for optimizer, state in zip(self.optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        self.step, self.curve = saved["step"], saved["curve"]


def is_done(name: str, runs: Path) -> bool:
    """Whether a run has come to its end, by its checkpoint."""
    state = runs / f"{name}.pt"
    return state.is_file() and (saved := _read(state, "cpu"))["step"] == json.loads(saved["recipe"])["steps"]


def check_state(state: Path, recipe: Recipe) -> None:
    """Raises InputError if a checkpoint is damaged or comes from another recipe."""
    try:
        other = _read(state, "cpu")["recipe"] != _text(recipe)
    except Exception as error:  # torch raises many kinds
        raise InputError(f"{state} cannot be read ({type(error).__name__}): remove it and train again") from None
    if other:
        raise InputError(f"{state} comes from another recipe: remove it, or give another --runs folder")


def _read(state: Path, device: str) -> dict:
    return torch.load(state, map_location=device, weights_only=True)


def _replace(file: Path, content: dict) -> None:
    """Write a checkpoint whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(".tmp")
    torch.save(content, temporary)
    os.replace(temporary, file)


def _text(recipe: Recipe) -> str:
    return json.dumps(asdict(recipe))


def _train_one(name: str, runs: Path, device: str, minutes: float, data_dir: str) -> bool:
    torch.set_num_threads(1)
    return Training(name, RECIPES[name], runs, device, kept_steps(name), data_dir).run(minutes)


def train(names: list[str], runs: Path, device: str, minutes: float, processes: int, data_dir: str = "") -> None:
    """Train models, several at a time, those that others start from first; publish each that is done.

    Raises InputError if a run cannot go on from its checkpoint, the model that it starts from is missing, or the
    photographs that it learns from are.
    """
    for name in names:
        recipe = RECIPES[name]
        if (runs / f"{name}.pt").is_file():
            check_state(runs / f"{name}.pt", recipe)
        if recipe.start and recipe.start not in names and not is_done(recipe.start, runs):
            raise InputError(f"{name} starts from {recipe.start}: train that to its end first")
    for name in names:
        if needs_photographs(RECIPES[name].task):
            load_images(RECIPES[name].task, 1, runs, find_family(name).image_size, data_dir)
        elif find_family(name).image_size == IMAGE_SIZE:
            load_drawings(RECIPES[name].task, RECIPES[name].images, runs, processes)
    torch.set_num_threads(1)  # what a run of one process a core leaves
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for tuned in (False, True):
            wave = [name for name in names if bool(RECIPES[name].start) == tuned]
            ready = [name for name in wave if not tuned or is_done(RECIPES[name].start, runs)]
            jobs = {pool.submit(_train_one, name, runs, device, minutes, data_dir): name for name in ready}
            for job in as_completed(jobs):
                if job.result():
                    for done in (jobs[job], *kept_steps(jobs[job]).values()):
                        cards.publish(done, runs, data_dir)
