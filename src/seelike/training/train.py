"""Train the bundled models, so that a run can be stopped at any time.

A run writes a checkpoint as it goes and continues from it when started again; on one processor the same seed gives
the same run. When a run ends, its weights go to `weights/` in half precision, and its card into the manifest.
Runs are independent but for fine-tuning, which starts from what another run has made: one process a core, or all
together on a GPU, where each run's step is one CUDA graph on a stream of its own.
"""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

import timm
import torch
from torch import nn

from seelike.models.bundled import NAMES
from seelike.models.recipe_kinds import Recipe
from seelike.models.recipes import RECIPES, kept_steps
from seelike.models.wired import find_wired
from seelike.system.errors import InputError
from seelike.system.files import write_text, written_whole
from seelike.training import cards
from seelike.training.graph import Graph
from seelike.training.objectives import OBJECTIVES, Source
from seelike.training.optimizers import make_optimizers
from seelike.training.tasks import load_pixels, prepare_images

N_VALIDATION = 1000  # of the learning curve
REPORT_EVERY = 250  # steps
MOST_REPORTS = 25


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
        self.rate = torch.tensor(recipe.rate, device=device)  # of the step at hand
        self.released = [attention.q_norm.share for attention in find_wired(self.model)]
        self.optimizers = make_optimizers(self.model, recipe, self.rate)
        self.step = 0
        self.curve: dict[str, list] = {}
        if self.state.is_file():
            self._resume()

    @property
    def state(self) -> Path:
        """The checkpoint."""
        return self.runs / f"{self.name}.pt"

    @property
    def is_done(self) -> bool:
        """Whether the recipe's last step is behind it."""
        return self.step == self.recipe.steps

    def run(self, minutes: float = float("inf")) -> bool:
        """Train until the recipe's last step, or a little longer than `minutes`; says whether it is done."""
        run_together([self], minutes)
        return self.is_done

    def advance(self) -> Iterator[None]:
        """Train a step at a time until the next report, then report and save."""
        begin, clock = self.step, time.monotonic()
        self.model.train()
        while self.step < self._next_report(begin):
            self._learn()
            self.step += 1
            if self.step in self.keep:
                _replace(self.runs / f"{self.keep[self.step]}.pt", self._snapshot())
            yield
        self._wait()
        loss = self.losses[begin : self.step].mean().item()
        self._report({"loss": loss} | self.objective.score(self.model), time.monotonic() - clock, begin)
        self._save()

    def open(self) -> None:
        """Load what the coming steps need: the images, and which of them each step sees and how."""
        source = Source(self.runs, self.model.default_cfg["input_size"][-1], self.data_dir, self.device)
        self.objective = OBJECTIVES[self.recipe.objective](self.recipe, source, N_VALIDATION)
        self.plan = [table.to(self.device) for table in self.objective.plan]
        shares = [self.recipe.release_at(step) for step in range(self.recipe.steps)]
        self.shares = torch.tensor(shares, device=self.device)
        self.losses, self.gradients = (torch.zeros(self.recipe.steps, device=self.device) for _ in range(2))
        self.at = torch.tensor([self.step], device=self.device)
        self._learn = Graph(self._learn_once) if self.rate.is_cuda else self._learn_once

    def _start(self) -> nn.Module:
        if not self.recipe.start:
            return timm.create_model(self.name, pretrained=False, seed=self.recipe.seed)
        start = self.recipe.start
        check_start(self.name, start, self.runs)
        trained = self.runs / f"{start}.pt"
        model = timm.create_model(start, pretrained=not trained.is_file())
        if trained.is_file():
            model.load_state_dict(_read(trained, "cpu")["model"])
        nn.init.zeros_(model.get_classifier().weight)  # its classes are others
        nn.init.zeros_(model.get_classifier().bias)
        return model

    def _learn_once(self) -> None:
        """The step that `at` says, which it counts on; all of it on the device, so that a graph can hold it."""
        *seen, rate = (table.index_select(0, self.at)[0] for table in self.plan)
        self.rate.copy_(rate)
        self._release()
        with torch.autocast("cuda", torch.bfloat16, enabled=self.rate.is_cuda):
            loss = self.objective.loss(self.model, *seen)
        self.model.zero_grad(set_to_none=True)
        loss.backward()
        if self.recipe.notes_gradients:
            self._note_gradient()
        for optimizer in self.optimizers:
            optimizer.step()
        self.losses.index_copy_(0, self.at, loss.detach()[None])
        self.at += 1

    def _release(self) -> None:
        """Set the share of hard-wired attention that the step at hand has released."""
        for share in self.released:
            share.copy_(self.shares.index_select(0, self.at)[0])

    def _next_report(self, step: int) -> int:
        every = max(REPORT_EVERY, self.recipe.steps // MOST_REPORTS)
        return min(step - step % every + every, self.recipe.steps)

    def _note_gradient(self) -> None:
        """Keep the norm of the gradient at hand."""
        norm = nn.utils.get_total_norm([p.grad for p in self.model.parameters() if p.grad is not None])
        self.gradients.index_copy_(0, self.at, norm[None])

    def _report(self, found: dict[str, float], seconds: float, begin: int) -> None:
        seen = self.step * self.recipe.batch_size
        for key, value in ({"images_seen": seen} | found).items():
            self.curve.setdefault(key, []).append(round(value, 4))
        if self.recipe.notes_gradients:
            norms = self.gradients[begin : self.step].tolist()
            self.curve.setdefault("gradient", []).extend(float(f"{norm:.3g}") for norm in norms)
        rate = (self.step - begin) / seconds
        print(
            f"{self.name}: {seen:,} images seen, {', '.join(f'{key} {value:.3f}' for key, value in found.items())}, "
            f"{rate * self.recipe.batch_size:.0f}/s, {(self.recipe.steps - self.step) / rate / 60:.1f} min left",
            flush=True,
        )

    def _wait(self) -> None:
        """Until a GPU has done what it was given."""
        if self.rate.is_cuda:
            torch.cuda.synchronize()

    def _snapshot(self) -> dict:
        self._wait()
        return {
            "model": self.model.state_dict(),
            "step": self.step,
            "curve": self.curve,
            "recipe": _text(self.recipe),
            "device": torch.cuda.get_device_name() if self.rate.is_cuda else "CPU",
        }

    def _save(self) -> None:
        going = {} if self.is_done else {"optimizers": [optimizer.state_dict() for optimizer in self.optimizers]}
        _replace(self.state, self._snapshot() | going)
        write_text(self.state.with_suffix(".json"), json.dumps(self.curve, indent=1) + "\n")

    def _resume(self) -> None:
        check_state(self.state, self.recipe)
        saved = _read(self.state, self.device)
        self.model.load_state_dict(saved["model"])
        self.step, self.curve = saved["step"], saved["curve"]
        for optimizer, state in zip(self.optimizers, saved.get("optimizers", ()), strict=not self.is_done):
            optimizer.load_state_dict(state)
            for group in optimizer.param_groups:
                group["lr"] = self.rate


def run_together(trainings: list[Training], minutes: float = float("inf")) -> None:
    """Train several, a step of each in turn, until all are done or a little longer than `minutes`."""
    deadline = time.monotonic() + 60 * minutes
    going = [training for training in trainings if not training.is_done]
    for training in going:
        training.open()
    while going and time.monotonic() < deadline:
        turns = [training.advance() for training in going]
        while turns:
            turns = [turn for turn in turns if next(turn, turn) is None]
        going = [training for training in going if not training.is_done]


def is_done(name: str, runs: Path) -> bool:
    """Whether a run has come to its end, by its checkpoint."""
    state = runs / f"{name}.pt"
    return state.is_file() and (saved := _read(state, "cpu"))["step"] == json.loads(saved["recipe"])["steps"]


def check_start(name: str, start: str, runs: Path) -> None:
    """Raises InputError unless what a model starts from is trained: in `runs`, else it must be shipped."""
    begun = (runs / f"{start}.pt").is_file()
    if not (is_done(start, runs) if begun else start in NAMES):
        raise InputError(f"{name} starts from {start}: train that to its end first")


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
    with written_whole(file) as beside:
        torch.save(content, beside)


def _text(recipe: Recipe) -> str:
    return json.dumps(asdict(recipe))


def _train_some(names: list[str], runs: Path, device: str, minutes: float, data_dir: str) -> list[str]:
    """Train models together; those that are done."""
    torch.set_num_threads(1)  # what a run of one process a core leaves
    trainings = [Training(name, RECIPES[name], runs, device, kept_steps(name), data_dir) for name in names]
    run_together(trainings, minutes)
    return [training.name for training in trainings if training.is_done]


def train(
    names: list[str],
    runs: Path,
    device: str,
    minutes: float,
    processes: int,
    data_dir: str = "",
    publish: bool = True,
) -> None:
    """Train models, those that others start from first; publish each that is done, unless that is for another time.

    On a CPU several processes train a model each; on a GPU one trains all.

    Raises InputError if a run cannot go on from its checkpoint, the model that it starts from is missing, or the
    photographs that it learns from are.
    """
    for name in names:
        recipe = RECIPES[name]
        if (runs / f"{name}.pt").is_file():
            check_state(runs / f"{name}.pt", recipe)
        if recipe.start and recipe.start not in names:
            check_start(name, recipe.start, runs)
    for name in names:
        recipe = RECIPES[name]
        prepare_images(recipe.task, recipe.images, runs, data_dir, processes)
        if recipe.objective == "pixels":
            load_pixels(recipe.task, recipe.images, runs, processes)
    alone = torch.device(device).type == "cpu"
    with ProcessPoolExecutor(processes if alone else 1, mp_context=get_context("spawn")) as pool:
        for tuned in (False, True):
            wave = [name for name in names if bool(RECIPES[name].start) == tuned]
            waits = {name for name in wave if RECIPES[name].start in names}
            ready = [name for name in wave if name not in waits or is_done(RECIPES[name].start, runs)]
            groups = [[name] for name in ready] if alone else [ready]
            jobs = [pool.submit(_train_some, group, runs, device, minutes, data_dir) for group in groups if group]
            for job in as_completed(jobs):
                for name in job.result() if publish else ():
                    for done in (name, *kept_steps(name).values()):
                        cards.publish(done, runs, data_dir)
