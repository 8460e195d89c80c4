"""How a bundled model can be trained: the kinds of recipe, each with what is learned by it and how."""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

ALL_IMAGES = 100_000  # distinct training drawings: "100 %"
ALL_PHOTOGRAPHS = 45_000  # of CIFAR-10's 50,000; the others are held out for the learning curve


@dataclass(frozen=True)
class Recipe:
    """Muon for the weight matrices of transformer and Mixer blocks, AdamW for all else, at one learning rate.

    It rises for `warmup` steps and falls to zero as a cosine. The same on any machine, but that a GPU passes images
    through a model in bfloat16.
    """

    task: str = "shapes"  # what is learned: a name in `tasks`
    start: str = ""  # the bundled model to fine-tune; "": drawn from the seed
    images: int = ALL_IMAGES  # distinct ones, in a new order every epoch
    steps: int = 6_000
    rate: float = 2e-3  # the highest learning rate
    batch_size: int = 32
    weight_decay: float = 0.05  # of weights of two or more dimensions
    betas: tuple[float, float] = (0.9, 0.98)  # of AdamW; Muon's momentum is torch's default
    warmup: int = 200  # steps
    seed: int = 0  # of the initial state, of the order of images and of their augmentation
    augment: bool = False  # flip left and right, and crop from a border of zeros, 4 pixels wide

    objective: ClassVar[str] = "classes"  # what is learned of the images: a name in `objectives`
    muon: ClassVar[bool] = True  # of the matrices of blocks; else AdamW has them, too
    notes_gradients: ClassVar[bool] = False  # whether the learning curve has the norm of every step's gradient

    @property
    def n_outputs(self) -> int:
        """What the model's head tells apart."""
        return 10

    def rate_at(self, step: int) -> float:
        """Learning rate of a step, 0 to `steps` − 1."""
        if step not in range(self.steps):
            raise ValueError(f"the recipe has steps 0 to {self.steps - 1}, not {step}")
        warm = min(1.0, (step + 1) / self.warmup)
        progress = max(0, step - self.warmup) / max(1, self.steps - self.warmup)
        return self.rate * warm * (1 + float(np.cos(np.pi * progress))) / 2

    def release_at(self, step: int) -> float:
        """The share of hard-wired attention that a step has released."""
        return 1.0

    def choose_batch(self, step: int) -> np.ndarray:
        """Which images a step sees: every image once an epoch, a function of seed and step alone."""
        epoch, position = divmod(step, self.images // self.batch_size)
        return _order(self.seed, epoch, self.images)[position * self.batch_size :][: self.batch_size]


@dataclass(frozen=True)
class WiredRecipe(Recipe):
    """Two phases: heads are `held` where they are wired to look, then released within as many steps as the warm-up."""

    wiring: str = "free"  # see `wired`; "free": released from the start
    held: float = 1 / 3  # of all steps

    def release_at(self, step: int) -> float:
        """The share of its attention that a step has released, 0 to 1."""
        if self.wiring == "free":
            return 1.0
        return min(1.0, max(0.0, (step - int(self.held * self.steps)) / self.warmup))


@dataclass(frozen=True)
class Views:
    """How two views of an image are made; the second may be solarised as well (Ling et al. 2022, their code).

    Attributes:
        crop: least and largest share of the image's area that a view shows.
        flip: how often it is flipped left to right.
        jitter: how often colours are changed, and by `brightness`, `contrast`, `saturation` (factors of 1 ± each) and
            `hue` (of a turn) at most.
        grey: how often colours are taken away.
        blur: least and largest width of the blur, in pixels; 0 and 0 for none.
        solarize: how often values above the half are inverted in the second view.
    """

    crop: tuple[float, float] = (0.4, 1.0)
    flip: float = 0.5
    jitter: float = 0.8
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.2
    hue: float = 0.1
    grey: float = 0.2
    blur: tuple[float, float] = (0.1, 2.0)
    solarize: float = 0.2


DIGITS = Views(flip=0.0)  # 2 and 5 would be alike
COLORED = Views(jitter=0.0, grey=0.0, solarize=0.0)  # without any change of colours


@dataclass(frozen=True)
class Clusters(Recipe):
    """Clusters of images, learned from the contrast of their views by AdamW alone; labels are not read."""

    task: str = "strokes"
    images: int = 20_000
    steps: int = 1_000
    rate: float = 1e-3
    batch_size: int = 128  # images, twice as many views
    weight_decay: float = 0.0
    clusters: int = 10
    instances: float = 1.0  # weight of the contrast of images …
    columns: float = 1.0  # … and of that of clusters
    views: Views = DIGITS

    objective: ClassVar[str] = "clusters"
    muon: ClassVar[bool] = False
    notes_gradients: ClassVar[bool] = True

    @property
    def n_outputs(self) -> int:
        """One a cluster."""
        return self.clusters


@dataclass(frozen=True)
class Dense(Recipe):
    """The class of an image and what each of its pixels shows, learned together, by AdamW alone for all designs."""

    images: int = 12_800  # each is seen once
    steps: int = 400
    pixels: float = 1.0  # weight of the loss of pixels; that of classes has 1

    objective: ClassVar[str] = "pixels"
    muon: ClassVar[bool] = False  # most weights of a pyramid's layers are those of convolutions


@dataclass(frozen=True)
class FrozenRecipe(Recipe):
    """A few drawings of another task, learned from what a frozen backbone makes of them, by AdamW alone."""

    task: str = "strokes"
    images: int = 3_000
    steps: int = 1_000
    rate: float = 1e-3
    warmup: int = 100

    objective: ClassVar[str] = "tokens"
    muon: ClassVar[bool] = False


@lru_cache(maxsize=1)
def _order(seed: int, epoch: int, images: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(images)
