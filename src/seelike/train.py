"""Train a bundled model: `python -m seelike.train MODEL …`, or without a name all of them.

One recipe for all models, on CPU or GPU. A run writes a checkpoint as it goes and continues from it when
started again; on one machine the same seed gives the same run. When a run ends, its weights go to
`weights/` in half precision, and its card into the manifest.
"""

import argparse
import hashlib
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import timm
import torch
from safetensors.torch import save
from torch import nn
from torch.nn.functional import cross_entropy

from seelike import shapes, zoo
from seelike.errors import InputError

N_VALIDATION = 1000  # of the learning curve
N_TEST = 2000  # of the card


@dataclass(frozen=True)
class Recipe:
    """How a model is trained, on any machine: AdamW, cosine cycles, no augmentation."""

    images: int = 100_000  # distinct ones
    cycles: tuple[tuple[int, float], ...] = ((24_000, 1e-3),)  # steps and highest learning rate of each
    batch_size: int = 16
    weight_decay: float = 0.05
    betas: tuple[float, float] = (0.9, 0.98)
    warmup: int = 500  # steps, of every cycle
    seed: int = 0

    @property
    def steps(self) -> int:
        """Of all cycles."""
        return sum(steps for steps, _ in self.cycles)

    def rate(self, step: int) -> float:
        """Learning rate: in every cycle a linear warm-up, then a cosine down to zero."""
        for steps, highest in self.cycles:
            if step < steps:
                warm = min(1.0, (step + 1) / self.warmup)
                progress = max(0, step - self.warmup) / max(1, steps - self.warmup)
                return highest * warm * (1 + float(np.cos(np.pi * progress))) / 2
            step -= steps
        raise ValueError(f"the recipe ends before step {step}")

    def choose_batch(self, step: int) -> torch.Tensor:
        """Which images a step sees: every image once an epoch, a function of seed and step alone."""
        epoch, position = divmod(step, self.images // self.batch_size)
        order = np.random.default_rng([self.seed, epoch]).permutation(self.images)
        return torch.from_numpy(order[position * self.batch_size :][: self.batch_size])


# The ResNet learns this task far faster: budgets are set so that the two end within ten points of each other.
RECIPES = {
    "vit_pocket_patch8_56.shapes": Recipe(cycles=((24_000, 1e-3), (12_000, 5e-4))),
    "resnet_pocket.shapes": Recipe(cycles=((2_500, 1e-3),)),
}


class Training:
    """One run: the model, its optimiser, the step reached, and the learning curve so far."""

    def __init__(self, name: str, recipe: Recipe, state: Path, device: str):
        self.name, self.recipe, self.state, self.device = name, recipe, state, device
        self.model = timm.create_model(name, pretrained=False, seed=recipe.seed).to(device)
        weights = [p for p in self.model.parameters() if p.ndim > 1]
        others = [p for p in self.model.parameters() if p.ndim <= 1]
        groups = [{"params": weights, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=recipe.rate(0), betas=recipe.betas)
        self.step = 0
        self.curve: dict[str, list] = {"images_seen": [], "loss": [], "accuracy": []}
        if state.is_file():
            self._resume()

    def run(self, report_every: int = 500) -> None:
        """Train until the recipe's last step."""
        print(f"{self.name}: drawing {self.recipe.images:,} images", flush=True)
        images, labels = (t.to(self.device) for t in draw_split("train", self.recipe.images))
        held_out = draw_split("validation", N_VALIDATION)
        losses, clock = [], time.monotonic()
        while self.step < self.recipe.steps:
            chosen = self.recipe.choose_batch(self.step).to(self.device)
            losses.append(self._learn(images[chosen], labels[chosen]))
            self.step += 1
            if self.step % report_every == 0 or self.step == self.recipe.steps:
                self._report(losses, measure_accuracy(self.model, *held_out), time.monotonic() - clock)
                self._save()
                losses, clock = [], time.monotonic()

    def _learn(self, images: torch.Tensor, labels: torch.Tensor) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.rate(self.step)
        self.model.train()
        loss = cross_entropy(self.model(normalize(images)), labels)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
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

    def _save(self) -> None:
        state = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "step": self.step}
        temporary = self.state.with_suffix(".tmp")
        self.state.parent.mkdir(parents=True, exist_ok=True)
        torch.save({**state, "curve": self.curve, "recipe": json.dumps(asdict(self.recipe))}, temporary)
        os.replace(temporary, self.state)

    def _resume(self) -> None:
        saved = torch.load(self.state, map_location=self.device, weights_only=True)
        if saved["recipe"] != json.dumps(asdict(self.recipe)):
            raise InputError(f"{self.state} comes from another recipe: remove it, or give another --runs folder")
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.step, self.curve = saved["step"], saved["curve"]


def draw_split(split: str, n_images: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The first drawings of a split: (n, 3, 56, 56) uint8 and labels (n,) int64.

    Raises InputError if there are not so many.
    """
    if n_images not in range(1, shapes.SPLITS[split] + 1):
        raise InputError(f"n_images must be 1 to {shapes.SPLITS[split]} for shapes/{split}, not {n_images!r}")
    images = np.empty((n_images, shapes.IMAGE_SIZE, shapes.IMAGE_SIZE, 3), np.uint8)
    labels = np.empty(n_images, np.int64)
    for i in range(n_images):
        drawing = shapes.draw(i, split)
        images[i], labels[i] = drawing.image, drawing.label
    return torch.from_numpy(images).permute(0, 3, 1, 2), torch.from_numpy(labels)


def normalize(images: torch.Tensor) -> torch.Tensor:
    """What timm's transform does for the bundled models: 0…255 to −1…1."""
    return images.float() / 127.5 - 1


@torch.inference_mode()
def measure_accuracy(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    """Share of right answers to (n, 3, 56, 56) uint8 images, in evaluation mode."""
    device = next(model.parameters()).device
    model.eval()
    answers = [model(normalize(part.to(device))).argmax(1).cpu() for part in images.split(250)]
    return float((torch.cat(answers) == labels).float().mean())


def publish(training: Training) -> None:
    """Write a finished run's weights and card: the accuracy is that of the weights as shipped, in half precision."""
    half = {key: value.half().cpu().contiguous() for key, value in training.model.state_dict().items()}
    training.model.load_state_dict(half)
    accuracy = measure_accuracy(training.model, *draw_split("test", N_TEST))
    content = save(half)
    card = {
        "file": f"{training.name}.safetensors",
        "sha256": hashlib.sha256(content).hexdigest(),
        "parameters": sum(p.numel() for p in training.model.parameters()),
        "seed": training.recipe.seed,
        "recipe": asdict(training.recipe),
        "images_seen": training.step * training.recipe.batch_size,
        "test_accuracy": round(accuracy, 4),
        "curve": training.curve,
    }
    zoo.WEIGHTS.mkdir(exist_ok=True)
    manifest = zoo.read_manifest() if zoo.MANIFEST.is_file() else {}
    manifest = dict(sorted((manifest | {training.name: card}).items()))
    (zoo.WEIGHTS / card["file"]).write_bytes(content)
    zoo.MANIFEST.write_text(json.dumps(manifest, indent=1) + "\n")
    print(f"{training.name}: {accuracy:.1%} of {N_TEST:,} test drawings right; wrote {card['file']}")


def main() -> int:
    """The command line; returns 0, or 2 after one sentence for input that cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m seelike.train", description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"{', '.join(RECIPES)} (default: all)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where checkpoints go (default: runs)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1; runs are one a core)")
    chosen = parser.parse_args()
    unknown = set(chosen.models) - set(RECIPES)
    if unknown:
        parser.error(f"MODEL must be one of {', '.join(RECIPES)}, not {unknown.pop()}")
    torch.set_num_threads(chosen.threads)
    try:
        for name in chosen.models or RECIPES:
            training = Training(name, RECIPES[name], chosen.runs / f"{name}.pt", chosen.device)
            training.run()
            publish(training)
    except InputError as error:
        print(f"seelike.train: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
