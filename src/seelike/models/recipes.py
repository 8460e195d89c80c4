"""How every bundled model is trained: one recipe, and what each model changes in it.

Models are named as timm names them, `architecture.tag`; the tag says what the weights learned from. This table is
the only list of them: `bundled` registers what stands here, `train` trains it.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

ALL_IMAGES = 100_000  # distinct training drawings: "100 %"


@dataclass(frozen=True)
class Recipe:
    """Muon for the weight matrices of transformer and Mixer blocks, AdamW for all else, at one learning rate.

    It rises for `warmup` steps and falls to zero as a cosine. No augmentation. The same on any machine.
    """

    task: str = "shapes"  # the drawings: shapes, regrouped or strokes
    start: str = ""  # the bundled model to fine-tune; "": drawn from the seed
    images: int = ALL_IMAGES  # distinct ones, in a new order every epoch
    steps: int = 6_000
    rate: float = 2e-3  # the highest learning rate
    batch_size: int = 32
    weight_decay: float = 0.05  # of weights of two or more dimensions
    betas: tuple[float, float] = (0.9, 0.98)  # of AdamW; Muon's momentum is torch's default
    warmup: int = 200  # steps
    seed: int = 0  # of the initial state and of the order of images

    def rate_at(self, step: int) -> float:
        """Learning rate of a step, 0 to `steps` − 1."""
        if step not in range(self.steps):
            raise ValueError(f"the recipe has steps 0 to {self.steps - 1}, not {step}")
        warm = min(1.0, (step + 1) / self.warmup)
        progress = max(0, step - self.warmup) / max(1, self.steps - self.warmup)
        return self.rate * warm * (1 + float(np.cos(np.pi * progress))) / 2

    def choose_batch(self, step: int) -> np.ndarray:
        """Which images a step sees: every image once an epoch, a function of seed and step alone."""
        epoch, position = divmod(step, self.images // self.batch_size)
        return _order(self.seed, epoch, self.images)[position * self.batch_size :][: self.batch_size]


@lru_cache(maxsize=1)
def _order(seed: int, epoch: int, images: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(images)


VIT, GAP, SMALL = "vit_pocket_patch8_56", "vit_pocket_patch8_gap_56", "vit_smallpocket_patch8_56"
RESNET, MIXER = "resnet_pocket", "mixer_pocket_patch8_56"
NO_SKIP = {block: f"vit_pocket_noskip{block}_patch8_56" for block in (1, 4, 6)}  # early, middle, late

FULL = Recipe()
LOWER = replace(FULL, rate=FULL.rate * 0.6)  # lower for GAP, as in the paper (3e-4, and 1e-3 for CLS)
FAST = replace(FULL, steps=1_500)  # the ResNet learns this task far faster than the others
TUNED = replace(FULL, start=f"{VIT}.shapes", images=20_000, steps=1_000, rate=FULL.rate * 0.3)

RECIPES = {
    f"{VIT}.shapes": FULL,
    f"{VIT}.shapes_seed1": replace(FULL, seed=1),
    f"{VIT}.shapes_seed2": replace(FULL, seed=2),
    f"{GAP}.shapes": LOWER,
    f"{GAP}.shapes_seed1": replace(LOWER, seed=1),
    f"{GAP}.shapes_seed2": replace(LOWER, seed=2),
    f"{RESNET}.shapes": FAST,
    f"{RESNET}.shapes_seed1": replace(FAST, seed=1),
    f"{RESNET}.shapes_seed2": replace(FAST, seed=2),
    f"{MIXER}.shapes": FULL,
    **{f"{name}.shapes": FULL for name in NO_SKIP.values()},
    f"{VIT}.shapes_3pct": replace(FULL, images=ALL_IMAGES * 3 // 100),
    f"{VIT}.shapes_10pct": replace(FULL, images=ALL_IMAGES * 10 // 100),
    f"{VIT}.shapes_30pct": replace(FULL, images=ALL_IMAGES * 30 // 100),
    f"{SMALL}.shapes": FULL,
    f"{SMALL}.shapes_3pct": replace(FULL, images=ALL_IMAGES * 3 // 100),
    f"{RESNET}.shapes_3pct": replace(FAST, images=ALL_IMAGES * 3 // 100),
    f"{VIT}.shapes_to_regrouped": replace(TUNED, task="regrouped"),
    f"{VIT}.shapes_to_strokes": replace(TUNED, task="strokes"),
}

# Early states that are shipped too, so that a chapter can show when a property appears: name → run, share of its steps.
EARLY = {
    f"{run}_after{percent}pct": (run, percent)
    for run in (f"{VIT}.shapes", f"{RESNET}.shapes")
    for percent in (1, 3, 10)
}


def find_recipe(name: str) -> Recipe:
    """How a bundled model was trained; of an early state, the recipe of its run."""
    return RECIPES[EARLY[name][0] if name in EARLY else name]


def find_runs(name: str) -> list[str]:
    """A model, then the bundled ones that were trained likewise from other seeds; of any other model itself alone."""
    if name not in RECIPES:
        return [name]
    architecture, recipe = name.partition(".")[0], RECIPES[name]
    twins = [other for other, its in RECIPES.items() if replace(its, seed=recipe.seed) == recipe and other != name]
    return [name, *(other for other in twins if other.partition(".")[0] == architecture)]


def kept_steps(run: str) -> dict[int, str]:
    """The steps of a run after which its state is shipped under a name of its own."""
    return {RECIPES[run].steps * percent // 100: name for name, (of, percent) in EARLY.items() if of == run}
