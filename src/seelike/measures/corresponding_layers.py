"""Section 8 of the paper: which blocks are those of another model of the same architecture, on the same images?

Block i of one model is compared with block i of the other, its counterpart, by CKA (Figs 12, G.1): a model trained
on little data with one trained on all of it, a fine-tuned model with the one that it started from.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from seelike.activations.architecture import Architecture
from seelike.measures.cka import Similarity
from seelike.measures.intervals import Estimate
from seelike.measures.layer_cka import JointCKA, label
from seelike.measures.runner import Cast, Found
from seelike.system.errors import InputError

DECIMALS = 12  # of CKA: beyond them lies rounding, which would tell a model from itself


class Pairing:
    """What is asked of models that are compared block by block; two names may be one model.

    Args:
        cast: of at least the models of `pairs`; nothing is asked of others.
        pairs: a model → the model that it is compared with.

    Raises InputError, which names the model, if the two of a pair have other blocks, or fewer than three.
    """

    def __init__(self, cast: Cast, pairs: dict[str, str]):
        roles = [role for role in cast.models if role in pairs or role in pairs.values()]
        self.pairs, self.blocks = pairs, {role: cast.ask(role, Architecture.names) for role in roles}
        _check_blocks(self.blocks, pairs)
        self.cka = cast.compare(JointCKA.of(self.blocks))

    def gather(self, found: Found) -> "Counterparts":
        """What all minibatches told."""
        return Counterparts(self.pairs, self.blocks, found[self.cka])


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
                [cka[index[label(one, name)], index[label(other, name)]] for name in self.blocks[one]], DECIMALS
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


def _check_blocks(found: dict[str, tuple[str, ...]], pairs: dict[str, str]) -> None:
    for one, other in pairs.items():
        if found[one] != found[other]:
            raise InputError(
                f"{one} must have the blocks of {other}, with which it is compared: "
                f"it has {len(found[one])} ({found[one][0]} …), not {len(found[other])} ({found[other][0]} …)"
            )
        if len(found[one]) < 3:
            raise InputError(f"{one} must have at least 3 blocks to compare, not {len(found[one])}")
