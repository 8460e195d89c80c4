"""Section 8 of the paper: which blocks are those of another model of the same architecture, on the same images?

Block i of one model is compared with block i of the other, its counterpart, by CKA (Figs 12, G.1): a model trained
on little data with one trained on all of it, a fine-tuned model with the one that it started from.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from seelike.activations.flattened import reading_as
from seelike.activations.forward import Reading, read_once
from seelike.activations.layers import find_layers
from seelike.measures.cka import CKA, Similarity, multiply
from seelike.measures.intervals import Estimate
from seelike.system.errors import InputError

Seen = dict[nn.Module, dict[str, torch.Tensor]]  # model → block → Gram matrix

DECIMALS = 12  # of CKA: beyond them lies rounding, which would tell a model from itself


def compare_blocks(
    models: dict[str, nn.Module], minibatches: Iterable[dict[str, torch.Tensor]], pairs: dict[str, str]
) -> "Counterparts":
    """Pass the images once through all models and compare the blocks of each pair.

    Args:
        models: by name, at least those of `pairs`; others are not passed through, nor one of two names twice.
        minibatches: of the same images for all, {name: (n, 3, h, w)}.
        pairs: a model → the model that it is compared with.

    Raises InputError, which names the model, if the two of a pair have other blocks, or fewer than three.
    """
    pairing = Pairing(models, pairs)
    for images in minibatches:
        seen: Seen = {}
        for role, model in pairing.models.items():
            if model not in seen:
                (seen[model],) = read_once(model, images[role], pairing.reading(role, images))
        pairing.update(seen)
    return pairing.result()


class Pairing:
    """Accumulator of HSIC₁ between the blocks of all models that are compared; two names may be one model."""

    def __init__(self, models: dict[str, nn.Module], pairs: dict[str, str]):
        self.pairs, self.cka = pairs, CKA()
        self.models = {role: model for role, model in models.items() if role in pairs or role in pairs.values()}
        self.blocks: dict[str, tuple[str, ...]] = {}

    def reading(self, role: str, images: dict[str, torch.Tensor]) -> Reading:
        """Gram matrices of a model's blocks in a pass of its images."""
        self.blocks = self.blocks or _find_blocks(self.models, images, self.pairs)
        return reading_as(role, self.models[role], list(self.blocks[role]), len(images[role]), multiply)

    def update(self, seen: "Seen") -> None:
        """Add one minibatch, as read of every model."""
        each = ((role, name) for role, names in self.blocks.items() for name in names)
        self.cka.update({_label(role, name): seen[self.models[role]][name] for role, name in each})

    def merge(self, *others: "Pairing") -> None:
        """Add the minibatches of other ranks or shards, which took them in turn with this one."""
        self.blocks = next((each.blocks for each in (self, *others) if each.blocks), {})
        self.cka.merge(*(other.cka for other in others))

    def __getstate__(self) -> dict:
        """What other processes must know: the models' names, and not their weights."""
        return self.__dict__ | {"models": dict.fromkeys(self.models)}

    def result(self) -> "Counterparts":
        """Raises InputError before the first minibatch."""
        return Counterparts(self.pairs, self.blocks, self.cka.result())


@dataclass(frozen=True)
class Counterparts:
    """CKA of each block with its counterpart; `pairs` and `blocks` tell which layers of `similarity` these are."""

    pairs: dict[str, str]
    blocks: dict[str, tuple[str, ...]]
    similarity: Similarity

    @property
    def values(self) -> dict[str, np.ndarray]:
        """Model → (blocks,) CKA with the model it is compared with, from input to output."""
        return self._choose(self.similarity.values)

    def estimates(self, seed: int) -> dict[str, Estimate]:
        """D1, D2 and D6, as far as their models are there, with intervals over minibatches, the same for all models."""
        return {
            claim: self.similarity.estimate(lambda cka, effect=effect: effect(self._choose(cka)), seed)
            for claim, (needed, effect) in EFFECTS.items()
            if all(role in self.pairs for role in needed)
        }

    def _choose(self, cka: np.ndarray) -> dict[str, np.ndarray]:
        """Of all pairs of layers those that are counterparts."""
        index = {layer: i for i, layer in enumerate(self.similarity.layers)}
        return {
            one: np.round(
                [cka[index[_label(one, name)], index[_label(other, name)]] for name in self.blocks[one]], DECIMALS
            )
            for one, other in self.pairs.items()
        }


def low_high_cka_gap(cka: np.ndarray) -> float:
    """D1: mean CKA of the lowest − of the highest third of blocks, of (blocks,); thirds are rounded down."""
    third = len(cka) // 3
    return float(cka[:third].mean() - cka[-third:].mean())


def fine_tuning_gap(near: np.ndarray, far: np.ndarray) -> float:
    """D6: the smaller of two differences of CKA before and after fine-tuning, of (blocks,) each.

    One is the lower half of blocks − the highest third, averaged over the two tasks; the other, in the highest
    third, the near − the far task. Halves and thirds are rounded down.
    """
    both, third = (near + far) / 2, len(near) // 3
    kept = both[: len(both) // 2].mean() - both[-third:].mean()
    return float(min(kept, near[-third:].mean() - far[-third:].mean()))


# Claim → the models it needs beside those they are compared with, and its effect from {model: (blocks,) CKA}.
EFFECTS: dict[str, tuple[tuple[str, ...], Callable[[dict[str, np.ndarray]], float]]] = {
    "D1": (("vit_3pct",), lambda cka: low_high_cka_gap(cka["vit_3pct"])),
    "D2": (
        ("vit_3pct", "vit_small_3pct"),
        lambda cka: low_high_cka_gap(cka["vit_3pct"]) - low_high_cka_gap(cka["vit_small_3pct"]),
    ),
    "D6": (("vit_near", "vit_far"), lambda cka: fine_tuning_gap(cka["vit_near"], cka["vit_far"])),
}


def _find_blocks(
    models: dict[str, nn.Module], images: dict[str, torch.Tensor], pairs: dict[str, str]
) -> dict[str, tuple[str, ...]]:
    """Model → names of its blocks."""
    found = {
        role: tuple(layer.name for layer in find_layers(role, model, "blocks", images[role][:1]))
        for role, model in models.items()
    }
    for one, other in pairs.items():
        if found[one] != found[other]:
            raise InputError(
                f"{one} must have the blocks of {other}, with which it is compared: "
                f"it has {len(found[one])} ({found[one][0]} …), not {len(found[other])} ({found[other][0]} …)"
            )
        if len(found[one]) < 3:
            raise InputError(f"{one} must have at least 3 blocks to compare, not {len(found[one])}")
    return found


def _label(role: str, block: str) -> str:
    return f"{role}/{block}"
