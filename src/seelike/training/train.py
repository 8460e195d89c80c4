"""Train the bundled models: `python -m seelike.training [MODEL …]`; `--list` shows how good the shipped ones are.

A run writes a checkpoint as it goes and continues from it when started again; on one machine the same seed gives
the same run. When a run ends, its weights go to `weights/` in half precision, and its card into the manifest.
Runs are independent but for fine-tuning, which starts from what another run has made: one process a core.
"""

import argparse
import hashlib
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import timm
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from seelike.images.datasets import DRAWN
from seelike.images.drawings import IMAGE_SIZE
from seelike.images.photographs import find_folder
from seelike.models.recipes import RECIPES, Recipe, find_family, kept_steps
from seelike.system.device import choose_device
from seelike.system.errors import InputError
from seelike.system.progress import track
from seelike.training import cards
from seelike.training.accuracy import measure_accuracy, normalize
from seelike.training.tasks import load_task, needs_photographs

N_VALIDATION = 1000  # of the learning curve
REPORT_EVERY = 250  # steps
BORDER = 4  # pixels
PART = 500  # images that a process draws at a time


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
        self.optimizers = _make_optimizers(self.model, recipe)
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


def augment(images: np.ndarray, seed: int, step: int) -> np.ndarray:
    """Images (n, 3, h, w), half of them flipped left to right, each cropped from a border of zeros 4 pixels wide.

    A function of seed and step alone, so that a run resumed is a run uninterrupted.
    """
    rng = np.random.default_rng([seed, step, 1])
    flipped = np.where(rng.random(len(images))[:, None, None, None] < 0.5, images[..., ::-1], images)
    padded = np.pad(flipped, ((0, 0), (0, 0), (BORDER, BORDER), (BORDER, BORDER)))
    height, width = images.shape[2:]
    corners = rng.integers(0, 2 * BORDER + 1, (len(images), 2))
    crops = [one[:, y : y + height, x : x + width] for one, (y, x) in zip(padded, corners, strict=True)]
    return np.stack(crops)


def load_images(task: str, n_images: int, runs: Path, size: int, data_dir: str = "") -> tuple[np.ndarray, np.ndarray]:
    """The first training images of a task: (n, 3, size, size) uint8 and labels (n,)."""
    if needs_photographs(task) or size != IMAGE_SIZE:
        return tuple(tensor.numpy() for tensor in load_task(task, "train", n_images, size, data_dir))
    return load_drawings(task, n_images, runs)


def load_drawings(task: str, n_images: int, runs: Path, processes: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The first training drawings of a task, drawn once and kept in `runs`: (n, 3, 56, 56) uint8 and labels (n,).

    The file's name bears a hash of the first ten, so that drawings of other code are not taken for these.
    """
    first = DRAWN[task]("train").stack(10)[0].numpy()
    file = runs / f"{task}-{hashlib.sha256(first.tobytes()).hexdigest()[:12]}.npy"
    if not file.is_file() or len(np.load(file, mmap_mode="r")) < n_images:
        runs.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(f".{os.getpid()}.npy")
        drawn = np.lib.format.open_memmap(temporary, "w+", np.uint8, (n_images, *first.shape[1:]))
        starts = range(0, n_images, PART)
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            apply = pool.map if processes > 1 else map
            parts = apply(_draw, repeat(task), starts, (min(start + PART, n_images) for start in starts))
            for start, part in track(zip(starts, parts, strict=True), f"draw {n_images:,} {task}", len(starts)):
                drawn[start : start + len(part)] = part
        drawn.flush()
        os.replace(temporary, file)
    return np.load(file, mmap_mode="r"), np.arange(n_images) % 10


def _draw(task: str, start: int, end: int) -> np.ndarray:
    images = DRAWN[task]("train")
    return np.stack([images.drawing(index).image for index in range(start, end)]).transpose(0, 3, 1, 2)


def _make_optimizers(model: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    matrices, weights, others = [], [], []
    for name, parameter in model.named_parameters():
        in_block = name.startswith("blocks.") and parameter.ndim == 2
        (matrices if in_block else weights if parameter.ndim > 1 else others).append(parameter)
    groups = [{"params": weights, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimizers = [torch.optim.AdamW(groups, lr=recipe.rate, betas=recipe.betas, fused=True)]
    if matrices:
        optimizers.append(torch.optim.Muon(matrices, lr=recipe.rate, weight_decay=recipe.weight_decay))
    return optimizers


def _read(state: Path, device: str) -> dict:
    return torch.load(state, map_location=device, weights_only=True)


def may_train(recipe: Recipe, data_dir: str) -> bool:
    """Whether what a recipe needs is at hand: of photographs, their folder."""
    tasks = (recipe.task, RECIPES[recipe.start].task if recipe.start else recipe.task)
    return bool(find_folder(data_dir)) or not any(map(needs_photographs, tasks))


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


def main() -> int:
    """The command line; returns 0, or 2 after one sentence for input that cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m seelike.training", description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help="a name that --list shows (default: all)")
    parser.add_argument("--list", action="store_true", help="show the shipped models, their accuracy recomputed")
    parser.add_argument("--data-dir", default="", help="the folder of CIFAR-10 (default: $SEELIKE_CIFAR10)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where checkpoints go (default: runs)")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop each run after so long; it resumes")
    parser.add_argument("--device", default="auto", help="auto (default: a GPU if there is one), cpu, cuda, …")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="runs at a time (default: one a core)")
    chosen = parser.parse_args()
    unknown = sorted(set(chosen.models) - set(RECIPES))
    if unknown:
        parser.error(f"MODEL must be one of {', '.join(RECIPES)}, not {unknown[0]}")
    for option in ("minutes", "processes"):
        if not getattr(chosen, option) > 0:
            parser.error(f"--{option} must be more than 0, not {getattr(chosen, option)}")
    try:
        if chosen.list:
            print(cards.list_models(chosen.data_dir))
        else:
            device = choose_device(chosen.device)
            names = chosen.models or [name for name, recipe in RECIPES.items() if may_train(recipe, chosen.data_dir)]
            train(names, chosen.runs, device, chosen.minutes, chosen.processes, chosen.data_dir)
    except InputError as error:
        print(f"seelike.training: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("seelike.training: stopped; the same command goes on from the last checkpoints", file=sys.stderr)
        return 130
    return 0
