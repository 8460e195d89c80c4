"""Section 6 of the paper: how much of a residual sum z + f(z) is the skip, and how much the branch?

The norm ratio is ‖z‖₂ / ‖f(z)‖₂ of one token, its channels as the vector (Figs 7, E.1); beside it stands the cosine of
z and f(z) (Fig. E.2). f is what is really added, see `seelike.activations.residuals`. Every position of a CNN's map is
a token. Of the prefix tokens only CLS is kept, the first in a model that has one; registers and distillation tokens
are left out.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.activations.forward import Reading
from seelike.activations.residuals import reading_sums
from seelike.activations.tokens import find_channels
from seelike.measures.intervals import Estimate, bootstrap
from seelike.measures.runner import feed_one
from seelike.results.labelled_array import LabelledArray
from seelike.system import processes
from seelike.system.errors import THE_MODEL, InputError

CLS, SPATIAL = "CLS", "spatial"


def compare_tokens(z: torch.Tensor, f: torch.Tensor, channel: int = -1) -> tuple[torch.Tensor, torch.Tensor]:
    """Norm ratio and cosine of each token, both (images, tokens) float64.

    Args:
        z: what the skip carries, (images, …, channels, …).
        f: what the branch adds, of the same shape.
        channel: which axis the channels lie on.

    Both are NaN for a token whose f is exactly 0; the cosine also where z is.
    """
    sums = []
    for x, y in zip(z.split(1), f.split(1), strict=True):  # one image at a time stays in the cache
        x, y = x.double(), y.double()
        sums.append(torch.stack([(one * other).sum(channel).flatten(1) for one, other in ((x, x), (y, y), (x, y))]))
    squares, others, product = torch.cat(sums, 1)
    skip, branch = squares.sqrt(), others.sqrt()
    ratio = torch.where(branch > 0, skip / branch, math.nan)
    return ratio, product / (skip * branch)  # 0/0 is NaN


@dataclass(frozen=True)
class Kinds:
    """Which tokens of a model are which: whether the first is CLS, and how many precede the patches."""

    has_cls: bool
    n_prefix: int

    @classmethod
    def of(cls, architecture: Architecture) -> "Kinds":
        """Those of all blocks' outputs. Raises InputError where blocks differ in them."""
        return cls(architecture.has_cls, architecture.n_prefix)

    @property
    def names(self) -> tuple[str, ...]:
        """The kinds that a model has: "CLS" and "spatial", or "spatial" alone."""
        return (CLS, SPATIAL) if self.has_cls else (SPATIAL,)

    def split(self, tokens: torch.Tensor) -> list[torch.Tensor]:
        """(images, tokens) → (images, 1) of CLS, if there is one, and (images, patches)."""
        return [tokens[:, :1]] * self.has_cls + [tokens[:, self.n_prefix :]]


def measure_ratios(model: nn.Module, minibatches: Iterable[torch.Tensor]) -> "NormRatios":
    """Pass the images once through a model and compare skip and branch in every residual sum.

    Raises InputError for a model that is not made of residual sums, and for a branch that adds exactly 0 to all tokens
    of a kind.
    """
    return feed_one(model, minibatches, Ratios)


@dataclass(frozen=True)
class Sums:
    """Reads ratio and cosine of each residual sum of some blocks, by kinds of tokens."""

    kinds: Kinds
    blocks: tuple[str, ...]

    def reading(self, model: nn.Module, images: torch.Tensor) -> Reading:
        """{sublayer: its tokens}."""

        def reduce(z: torch.Tensor, f: torch.Tensor) -> Tokens:
            channel = find_channels(model, "a branch", f, images)
            return Tokens.of(self.kinds, *compare_tokens(z, f, channel))

        return reading_sums(model, self.blocks, reduce)


class Ratios:
    """Accumulator of norm ratios and cosines, their means over a minibatch.

    Raises InputError for a model whose blocks or tokens are not known.
    """

    def __init__(self, architecture: Architecture):
        self.read = Sums(Kinds.of(architecture), architecture.names())
        self.minibatches: list[dict[str, Tokens]] = []

    def update(self, found: dict[str, "Tokens"]) -> None:
        """Add one minibatch."""
        for sublayer, tokens in found.items():
            if np.isnan(tokens.ratio).any():
                raise InputError(
                    f"{THE_MODEL} must be a model whose branches add something, such as a ViT or a ResNet; "
                    f"{sublayer} adds 0"
                )
        self.minibatches.append(found)

    def merge(self, *others: "Ratios") -> None:
        """Add the minibatches of other ranks or shards, which took them in turn with this one."""
        self.minibatches = processes.interleave(self.minibatches, *(other.minibatches for other in others))

    def result(self) -> "NormRatios":
        """Of every sublayer; raises InputError before the first minibatch."""
        if not self.minibatches:
            raise InputError("norm ratios need at least one full minibatch of images")
        return NormRatios.gather(self.read.kinds, self.minibatches)


@dataclass(frozen=True)
class Tokens:
    """One sublayer in one minibatch: means of each kind (kinds,), and of each token over the images (tokens,)."""

    ratio: np.ndarray
    cosine: np.ndarray
    tokens: np.ndarray

    @classmethod
    def of(cls, kinds: Kinds, ratio: torch.Tensor, cosine: torch.Tensor) -> "Tokens":
        """From ratio and cosine of every token, both (images, tokens); tokens that have none do not count."""
        means = [np.array([part.nanmean().item() for part in kinds.split(x)]) for x in (ratio, cosine)]
        return cls(*means, torch.cat([part.nanmean(0) for part in kinds.split(ratio)]).cpu().numpy())


@dataclass(frozen=True)
class NormRatios:
    """Norm ratio and cosine of skip and branch.

    `ratio` and `cosine` are (minibatches, sublayers, kinds), each the arithmetic mean over all images and tokens of a
    kind in a minibatch; `tokens` is (sublayers, tokens), the ratio of every token, CLS first, averaged over images, or
    None where sublayers differ in their number of tokens.
    """

    sublayers: tuple[str, ...]
    kinds: Kinds
    ratio: np.ndarray
    cosine: np.ndarray
    tokens: np.ndarray | None

    @classmethod
    def gather(cls, kinds: Kinds, minibatches: list[dict[str, Tokens]]) -> "NormRatios":
        """From what `Ratios` found in each minibatch."""
        names = tuple(minibatches[0])
        ratio, cosine = (
            np.array([[getattr(batch[name], part) for name in names] for batch in minibatches])
            for part in ("ratio", "cosine")
        )
        even = len({len(tokens.tokens) for tokens in minibatches[0].values()}) == 1
        tokens = np.mean([[batch[name].tokens for name in names] for batch in minibatches], 0) if even else None
        return cls(names, kinds, ratio, cosine, tokens)

    def arrays(self) -> dict[str, LabelledArray]:
        """Labelled arrays for a result file; those of single tokens only where every sublayer has the same ones."""
        axes = {"sublayer": list(self.sublayers), "kind": list(self.kinds.names)}
        found = {
            "norm_ratio": LabelledArray(axes, self.ratio.mean(0)),
            "skip_cosine": LabelledArray(axes, self.cosine.mean(0)),
        }
        if self.tokens is not None:
            n_patches = self.tokens.shape[1] - self.kinds.has_cls
            labels = [CLS] * self.kinds.has_cls + [f"patch {i}" for i in range(n_patches)]
            axes = {"sublayer": list(self.sublayers), "token": labels}
            found["norm_ratio_tokens"] = LabelledArray(axes, self.tokens)
        return found


def compare(vit: NormRatios, cnn: NormRatios, seed: int) -> dict[str, Estimate]:
    """S1, S2 and S5 with intervals over minibatches, the same for both; S2 alone for a ViT without CLS token."""
    effects = {"S2": lambda chosen: log_ratio_gap(vit.ratio[chosen].mean(0)[:, -1], cnn.ratio[chosen].mean(0)[:, -1])}
    if vit.kinds.has_cls:
        effects["S1"] = lambda chosen: cls_spatial_crossover(vit.ratio[chosen].mean(0))
        effects["S5"] = lambda chosen: cosine_crossover(vit.cosine[chosen].mean(0))
    numbers = np.arange(len(vit.ratio))
    return {claim: bootstrap(numbers, effects[claim], seed) for claim in sorted(effects)}


def cls_spatial_crossover(ratio: np.ndarray) -> float:
    """S1 from the mean ratio (sublayers, [CLS, spatial]).

    With d = log ratio of CLS − log ratio of spatial tokens, the smaller of d's mean over the first half of sublayers
    and −d's mean over the second; of an odd number the middle one is left out.
    """
    d = np.log(ratio[:, 0]) - np.log(ratio[:, 1])
    first, second = _halves(d)
    return float(min(first, -second))


def log_ratio_gap(vit: np.ndarray, cnn: np.ndarray) -> float:
    """S2 from the mean ratio of spatial tokens, both (sublayers,): the mean of its log over sublayers, ViT − CNN."""
    return float(np.log(vit).mean() - np.log(cnn).mean())


def cosine_crossover(cosine: np.ndarray) -> float:
    """S5 from the mean cosine (sublayers, [CLS, spatial]): what spatial tokens gain, or CLS loses if that is less.

    Both from the mean over the first half of sublayers to that over the second, halves as in `cls_spatial_crossover`.
    """
    (cls_first, first), (cls_second, second) = _halves(cosine)
    return float(min(second - first, cls_first - cls_second))


def _halves(sublayers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means over the first and the second half of sublayers, of (sublayers, …)."""
    half = len(sublayers) // 2
    return sublayers[:half].mean(0), sublayers[-half:].mean(0)
