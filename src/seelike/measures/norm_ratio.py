"""Section 6 of the paper: how much of a residual sum z + f(z) is the skip, and how much the branch?

The norm ratio is ‖z‖₂ / ‖f(z)‖₂ of one token, its channels as the vector (Figs 7, E.1); beside it stands the cosine of
z and f(z) (Fig. E.2). f is what is really added, see `seelike.activations.residuals`. Every position of a CNN's map is
a token. Of the prefix tokens only CLS is kept, the first in a model that has one; registers and distillation tokens
are left out.

Ratios of many tokens are averaged as logarithms, that is, by their geometric mean: an arithmetic mean hangs on the few
tokens whose branch is nearly 0, whose ratio may be ten thousand. Log ratios are natural logarithms.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.activations.forward import Reading
from seelike.activations.residuals import Branch, reading_sums
from seelike.activations.tokens import find_channels
from seelike.measures.intervals import jackknife
from seelike.measures.runner import feed_one
from seelike.results.labelled_array import LabelledArray
from seelike.system import processes
from seelike.system.errors import THE_MODEL, InputError

CLS, SPATIAL = "CLS", "spatial"
Average = Callable[[np.ndarray], float]
ATTENTION, MLP = "attn", "mlp"  # in the names of a transformer's sublayers


def compare_tokens(z: torch.Tensor, f: torch.Tensor, channel: int = -1) -> tuple[torch.Tensor, torch.Tensor]:
    """Norm ratio and cosine of each token, both (images, tokens) float64.

    Args:
        z: what the skip carries, (images, …, channels, …).
        f: what the branch adds, of the same shape.
        channel: which axis the channels lie on.

    Both are NaN for a token whose f is exactly 0; the cosine also where z is.
    """
    return compare_norms(z, f, channel)[:2]


def compare_norms(
    z: torch.Tensor, f: torch.Tensor, channel: int = -1
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The same, and the norm of each token's z."""
    sums = []
    for x, y in zip(z.split(1), f.split(1), strict=True):  # one image at a time stays in the cache
        x, y = x.double(), y.double()
        sums.append(torch.stack([(one * other).sum(channel).flatten(1) for one, other in ((x, x), (y, y), (x, y))]))
    squares, others, product = torch.cat(sums, 1)
    skip, branch = squares.sqrt(), others.sqrt()
    ratio = torch.where(branch > 0, skip / branch, math.nan)
    return ratio, product / (skip * branch), skip  # 0/0 is NaN


@dataclass(frozen=True)
class Kinds:
    """Which tokens of a model are which: whether the first is CLS, and how many precede the patches."""

    has_cls: bool
    n_prefix: int

    @classmethod
    def of(cls, architecture: Architecture) -> "Kinds":
        """Those of all blocks' outputs; CLS counts where no block returns a map, without any.

        Raises InputError where lists of tokens differ in them.
        """
        return cls(architecture.has_cls and not architecture.returns_maps, architecture.n_prefix)

    @property
    def names(self) -> tuple[str, ...]:
        """The kinds that a model has: "CLS" and "spatial", or "spatial" alone."""
        return (CLS, SPATIAL) if self.has_cls else (SPATIAL,)

    def of_maps(self) -> "Kinds":
        """The same of a map, whose tokens have a place all."""
        return replace(self, n_prefix=0)

    def split(self, tokens: torch.Tensor) -> list[torch.Tensor]:
        """(images, tokens) → (images, 1) of CLS, if there is one, and (images, patches)."""
        return [tokens[:, :1]] * self.has_cls + [tokens[:, self.n_prefix :]]


def measure_ratios(model: nn.Module, minibatches: Iterable[torch.Tensor]) -> "NormRatios":
    """Pass the images once through a model and compare skip and branch in every residual sum.

    Raises InputError for a model that is not made of residual sums, and for one in which a skip or a branch is exactly
    0 for all tokens of a kind.
    """
    return feed_one(model, minibatches, Ratios)


@dataclass(frozen=True)
class Sums:
    """Reads ratio and cosine of each residual sum of some blocks, by kinds of tokens."""

    kinds: Kinds
    blocks: tuple[str, ...]

    def reading(self, model: nn.Module, images: torch.Tensor) -> Reading:
        """{sublayer: its tokens}."""

        def reduce(branch: Branch) -> Tokens:
            channel = find_channels(model, "a branch", branch.f, images)
            ratio, cosine, skip = compare_norms(branch.z, branch.f, channel)
            kinds = self.kinds.of_maps() if branch.f.ndim == 4 else self.kinds
            return Tokens.of(kinds, ratio, cosine, branch.identity, skip)

        return reading_sums(model, self.blocks, reduce)


class Ratios:
    """Accumulator of log norm ratios and cosines, their means over a minibatch.

    Raises InputError for a model whose blocks or tokens are not known.
    """

    def __init__(self, architecture: Architecture):
        self.read = Sums(Kinds.of(architecture), architecture.names())
        self.minibatches: list[dict[str, Tokens]] = []

    def update(self, found: dict[str, "Tokens"]) -> None:
        """Add one minibatch."""
        for sublayer, tokens in found.items():
            if np.isnan(tokens.log_ratio).any():
                raise InputError(
                    f"{THE_MODEL} must be a model whose branches add something, such as a ViT or a ResNet; "
                    f"{sublayer} adds 0, or to 0"
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
    """One sublayer in one minibatch: means of each kind (kinds,).

    `tokens` (tokens,) is the mean log ratio of each token over the images, and `identity` tells of the skip.
    `log_mean` is the logarithm of the plain mean of ratios, `log_norms` that of the ratio of mean norms, of each kind.
    """

    log_ratio: np.ndarray
    cosine: np.ndarray
    tokens: np.ndarray
    identity: bool
    log_mean: np.ndarray
    log_norms: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        kinds: Kinds,
        ratio: torch.Tensor,
        cosine: torch.Tensor,
        identity: bool,
        skip: torch.Tensor | None = None,
    ) -> "Tokens":
        """From ratio and cosine of every token, (images, tokens); those whose skip or branch is exactly 0 do not count.

        `skip` are the norms of what the skip carries. The mean of none is NaN.
        """

        def average(x: torch.Tensor) -> np.ndarray:
            return np.array([part.nanmean().item() for part in kinds.split(x)])

        known = torch.where(ratio > 0, ratio, math.nan)
        tokens = torch.cat([part.nanmean(0) for part in kinds.split(known.log())])
        norms = None if skip is None else np.log(average(skip + 0 * known) / average(skip / known))
        means = average(known.log()), average(cosine), np.log(average(known))
        return cls(*means[:2], tokens.cpu().numpy(), identity, means[2], norms)


@dataclass(frozen=True)
class NormRatios:
    """Log norm ratio and cosine of skip and branch.

    `log_ratio` and `cosine` are (minibatches, sublayers, kinds), each the mean over all images and tokens of a kind in
    a minibatch; `tokens` is (sublayers, tokens), the mean log ratio of every token over images, CLS first, or None
    where sublayers differ in their number of tokens. `identity` (sublayers,) tells which skips are the identity.
    `log_mean` is as `log_ratio`, of the plain mean of ratios, `log_norms` of the ratio of mean norms.
    """

    sublayers: tuple[str, ...]
    kinds: Kinds
    log_ratio: np.ndarray
    cosine: np.ndarray
    tokens: np.ndarray | None
    identity: np.ndarray
    log_mean: np.ndarray | None = None
    log_norms: np.ndarray | None = None

    @classmethod
    def gather(cls, kinds: Kinds, minibatches: list[dict[str, Tokens]]) -> "NormRatios":
        """From what `Ratios` found in each minibatch."""
        first = minibatches[0]
        log_ratio, cosine, *others = (
            np.array([[getattr(batch[name], part) for name in first] for batch in minibatches])
            for part in ("log_ratio", "cosine", "log_mean", "log_norms")
        )
        even = len({len(tokens.tokens) for tokens in first.values()}) == 1
        tokens = np.mean([[batch[name].tokens for name in first] for batch in minibatches], 0) if even else None
        identity = np.array([tokens.identity for tokens in first.values()])
        return cls(tuple(first), kinds, log_ratio, cosine, tokens, identity, *others)

    def average_plainly(self) -> "NormRatios":
        """The same with the logarithm of the mean ratio of a minibatch in place of the mean log ratio."""
        return replace(self, log_ratio=self.log_mean)

    def average_norms(self) -> "NormRatios":
        """The same with the logarithm of the ratio of mean norms."""
        return replace(self, log_ratio=self.log_norms)

    def count_all(self) -> "NormRatios":
        """The same with every skip counted as one that is the identity."""
        return replace(self, identity=np.ones_like(self.identity))

    def arrays(self) -> dict[str, LabelledArray]:
        """Labelled arrays for a result file; those of single tokens only where every sublayer has the same ones.

        Norm ratios are geometric means, and `identity_skip` is 1 where the skip is the identity, else 0.
        """
        sublayers = {"sublayer": list(self.sublayers)}
        axes = sublayers | {"kind": list(self.kinds.names)}
        found = {
            "norm_ratio": LabelledArray(axes, np.exp(self.log_ratio.mean(0))),
            "skip_cosine": LabelledArray(axes, self.cosine.mean(0)),
            "identity_skip": LabelledArray(sublayers, self.identity),
        }
        if self.tokens is not None:
            n_patches = self.tokens.shape[1] - self.kinds.has_cls
            labels = [CLS] * self.kinds.has_cls + [f"patch {i}" for i in range(n_patches)]
            found["norm_ratio_tokens"] = LabelledArray(sublayers | {"token": labels}, np.exp(self.tokens))
        return found

    def crossovers(self, parts: int = 2, average: Average = np.median) -> dict[str, np.ndarray]:
        """The replicates of S1's, S5's and S6's parts, all of this model alone; none for a model without CLS token.

        S6 is left out where the sublayers' names do not tell attention from MLP.

        Args:
            parts: 2 for the first and the second half, 3 for the first and the last third, …
            average: of S1's sublayers.
        """
        if not self.kinds.has_cls:
            return {}
        surplus = self._replicate(self.log_ratio, lambda mean: cls_surplus(mean, parts, average))
        rise = self._replicate(self.cosine, lambda mean: late_rise(mean, parts))
        found = {"S1a": surplus[:, 0], "S1b": -surplus[:, 1], "S5a": rise[:, 1], "S5b": -rise[:, 0]}
        pairs = pair_sublayers(self.sublayers)
        if len(pairs):
            found["S6"] = self._replicate(self.log_ratio, lambda mean: late_attention_surplus(mean[:, 0], pairs, parts))
        return found

    def levels(self) -> np.ndarray:
        """The replicates of S2a's mean log ratio of spatial tokens, over identity skips."""
        return self._replicate(self.log_ratio, lambda mean: mean[self.identity, -1].mean())

    def levels_by_third(self, parts: int = 3) -> np.ndarray:
        """The same in each third of depth, or other part, for S2b: (minibatches + 1, parts)."""
        return self._replicate(self.log_ratio, lambda mean: mean_by_third(mean[:, -1], self.identity, parts))

    @staticmethod
    def _replicate(minibatches: np.ndarray, effect: Callable[[np.ndarray], float | np.ndarray]) -> np.ndarray:
        """Those of an effect of the mean over minibatches."""
        return jackknife(len(minibatches), lambda chosen: effect(minibatches[chosen].mean(0)))


def cls_surplus(log_ratio: np.ndarray, parts: int = 2, average: Average = np.median) -> np.ndarray:
    """S1 from the mean log ratio (sublayers, [CLS, spatial]): medians of CLS − spatial, (first half, second half).

    The halves, or other parts, are of the number of sublayers; of an odd number the middle one is left out.
    """
    first, second = _take_ends(log_ratio[:, 0] - log_ratio[:, 1], parts)
    return np.array([average(first), average(second)])


def late_rise(cosine: np.ndarray, parts: int = 2) -> np.ndarray:
    """S5 from the mean cosine (sublayers, kinds): its mean over the second half − over the first, (kinds,).

    Halves are those of S1.
    """
    first, second = _take_ends(cosine, parts)
    return second.mean(0) - first.mean(0)


def late_attention_surplus(log_ratio: np.ndarray, pairs: np.ndarray, parts: int = 2) -> float:
    """S6 from the mean log ratio of CLS (sublayers,): attention − MLP, the mean over the second half of blocks.

    Args:
        pairs: (blocks, 2), the numbers of each block's attention and MLP sublayer. Of an odd number of blocks the
            middle one is left out.
    """
    _, late = _take_ends(log_ratio[pairs], parts)
    return float((late[:, 0] - late[:, 1]).mean())


def pair_sublayers(sublayers: Iterable[str]) -> np.ndarray:
    """(blocks, 2): which sublayers are the attention and the MLP of each block, by their names.

    Empty where some block's names do not tell one of each, and nothing else.
    """
    blocks: dict[str, list[tuple[str, int]]] = {}
    for i, name in enumerate(sublayers):
        block, _, part = name.rpartition(".")
        kind = next((kind for kind in (ATTENTION, MLP) if kind in part), "")
        blocks.setdefault(block, []).append((kind, i))
    told = all(sorted(kind for kind, _ in parts) == [ATTENTION, MLP] for parts in blocks.values())
    return np.array([[i for _, i in sorted(parts)] for parts in blocks.values()] if told and len(blocks) > 1 else [])


def mean_by_third(log_ratio: np.ndarray, identity: np.ndarray, parts: int = 3) -> np.ndarray:
    """The mean over the identity skips of each third of depth, (3,), NaN where there are none, of (sublayers,) both.

    Sublayer i of n, from 0, lies at the depth (i + ½)/n.
    """
    third = parts * (2 * np.arange(len(identity)) + 1) // (2 * len(identity))
    split = [log_ratio[identity & (third == k)] for k in range(parts)]
    return np.array([part.mean() if len(part) else np.nan for part in split])


def smallest_gaps(ones: Iterable[NormRatios], others: Iterable[NormRatios], parts: int = 3) -> np.ndarray:
    """S2b of every pair: one's − the other's mean log ratio in that third of depth where it is smallest.

    (ones, others, minibatches + 1), replicates; a third in which one of a pair has no identity skip does not count.
    """
    levels, lower = (np.array([each.levels_by_third(parts) for each in models]) for models in (ones, others))
    return np.fmin.reduce(levels[:, None] - lower[None], -1)  # passes over NaN


def _take_ends(sublayers: np.ndarray, parts: int) -> tuple[np.ndarray, np.ndarray]:
    """The first and the last of so many parts of (sublayers, …); of two, an odd number's middle one is left out."""
    size = len(sublayers) // parts
    return sublayers[:size], sublayers[-size:]
