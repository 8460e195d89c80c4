"""Section 6 of the paper: what happens to a ViT that is trained without the two skips of one block?

The outputs of all blocks are compared by CKA, in the intact model and in each model with a skip ablation (Fig. 8): to
ablate the skips of block c parts the blocks before c from c and those after it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from seelike.activations.flattened import reading
from seelike.activations.forward import Reading, read_once
from seelike.activations.layers import find_layers
from seelike.activations.residuals import find_skipless
from seelike.measures.cka import CKA, Similarity, contrast, multiply
from seelike.measures.intervals import Estimate, bootstrap
from seelike.results.labelled_array import LabelledArray, Measures
from seelike.system import processes
from seelike.system.errors import InputError

MIDDLE = "vit_noskip_middle"
ANSWER = ""  # the module name of a model itself, which returns the logits


def compare_ablated(
    models: dict[str, nn.Module], minibatches: Iterable[dict[str, torch.Tensor]], labels: torch.Tensor | None = None
) -> "SkipAblation":
    """Pass the images once through the intact model and those with a skip ablation.

    Args:
        models: {"vit": …} and any of {"vit_noskip_early": …, "vit_noskip_middle": …, "vit_noskip_late": …}.
        minibatches: of the same images for all.
        labels: the classes of these images in order, (images,); without them no accuracy is measured.

    Raises InputError, which names the parameter, if a model has all its skips or has not as many blocks as "vit".
    """
    compared, n_seen = Comparison(models), 0
    for images in minibatches:
        seen = {
            role: read_once(model, images[role], *compared.readings(role, images)) for role, model in models.items()
        }
        own = slice(n_seen, n_seen := n_seen + len(images["vit"]))
        compared.update(seen, None if labels is None else labels[own])
    return compared.result()


class Comparison:
    """Accumulator of HSIC₁ between the blocks of an intact model and of ablated ones, and of their accuracies."""

    def __init__(self, models: dict[str, nn.Module]):
        self.models = models
        self.cka = CKA()
        self.blocks: dict[str, list[str]] = {}
        self.ablated: dict[str, int] = {}
        self.hits: list[list[float]] = []

    def readings(self, role: str, images: dict[str, torch.Tensor]) -> list[Reading]:
        """Gram matrices of a model's blocks, and the class that it takes each image for."""
        if not self.blocks:
            self.blocks, self.ablated = _find(self.models, images)
        model, n = self.models[role], len(images[role])
        return [
            reading(model, self.blocks[role], n, multiply),
            reading(model, [ANSWER], n, lambda logits: logits.argmax(1)),
        ]

    def update(self, seen: dict[str, list[dict[str, torch.Tensor]]], labels: torch.Tensor | None) -> None:
        """Add one minibatch: for each model what its two readings found, and the images' classes, if known."""
        if labels is not None:
            self.hits.append([(answer[ANSWER].cpu() == labels).double().mean().item() for _, answer in seen.values()])
        self.cka.update({f"{role}/{name}": k for role, (grams, _) in seen.items() for name, k in grams.items()})

    def merge(self, *others: "Comparison") -> None:
        """Add the minibatches of other ranks or shards, which took them in turn with this one."""
        seen = next((each for each in (self, *others) if each.blocks), self)
        self.blocks, self.ablated = seen.blocks, seen.ablated
        self.cka.merge(*(other.cka for other in others))
        self.hits = processes.interleave(self.hits, *(other.hits for other in others))

    def __getstate__(self) -> dict:
        """What other processes must know: the models' names, and not their weights."""
        return self.__dict__ | {"models": dict.fromkeys(self.models)}

    def result(self) -> "SkipAblation":
        """Raises InputError before the first minibatch."""
        similarity = self.cka.result()
        accuracy = np.array(self.hits) if self.hits else None
        return SkipAblation(tuple(self.models), tuple(self.blocks["vit"]), self.ablated, similarity, accuracy)


@dataclass(frozen=True)
class SkipAblation:
    """What it does to lose the skips of one block.

    `models` are the parameters, "vit" first; `ablated` maps the others to the block without skips, from 0; `similarity`
    is of the blocks of all models, one model after the other; `accuracy` is (minibatches, models), shares, or None.
    """

    models: tuple[str, ...]
    blocks: tuple[str, ...]
    ablated: dict[str, int]
    similarity: Similarity
    accuracy: np.ndarray | None

    def arrays(self) -> Measures:
        """Labelled arrays for a result file: CKA of each model's blocks, the ablated one being marked; accuracies."""
        axes = {"layer": self.blocks, "other": self.blocks}
        ends = {role: [block] for role, block in self.ablated.items()}
        matrices = self._split(self.similarity.values)
        found = {"cka": {role: LabelledArray(axes, own, boundaries=ends.get(role)) for role, own in matrices.items()}}
        if self.accuracy is not None:
            found["accuracy"] = {"vit": LabelledArray({"model": self.models}, self.accuracy.mean(0))}
        return found

    def estimates(self, seed: int) -> dict[str, Estimate]:
        """S3 if there is an ablated model; S4 if accuracies are known, one of them of a middle block ablated."""
        found = {}
        if self.ablated:
            found["S3"] = self.similarity.estimate(lambda cka: self._mean_loss(self._split(cka)), seed)
        if self.accuracy is not None and MIDDLE in self.ablated:
            lost = self.accuracy[:, 0] - self.accuracy[:, self.models.index(MIDDLE)]
            found["S4"] = bootstrap(lost, lambda chosen: float(chosen.mean()), seed)
        return found

    def _split(self, cka: np.ndarray) -> dict[str, np.ndarray]:
        """The matrix of all models' blocks → that of each alone."""
        n = len(self.blocks)
        return {role: cka[i * n : (i + 1) * n, i * n : (i + 1) * n] for i, role in enumerate(self.models)}

    def _mean_loss(self, cka: dict[str, np.ndarray]) -> float:
        return float(np.mean([cka_lost_across(cka["vit"], cka[role], block) for role, block in self.ablated.items()]))


def cka_lost_across(intact: np.ndarray, ablated: np.ndarray, block: int) -> float:
    """S3 of one ablated model: CKA lost (intact − ablated) in pairs of blocks across the ablated one − in other pairs.

    Args:
        intact: (blocks, blocks) CKA.
        ablated: the same of the model whose `block`, from 0, has no skips; it counts to the later part.

    Both means are over unordered pairs of different blocks.
    """
    return -contrast(intact - ablated, np.arange(len(intact)) >= block)


def _find(models: dict[str, nn.Module], images: dict[str, torch.Tensor]) -> tuple[dict[str, list[str]], dict[str, int]]:
    """The names of each model's blocks, and which one each ablated model has without skips."""
    blocks = {
        role: [layer.name for layer in find_layers(role, model, "blocks", images[role][:1])]
        for role, model in models.items()
    }
    for role, names in blocks.items():
        if len(names) != len(blocks["vit"]) or len(names) < 3:
            raise InputError(
                f"{role} must have as many blocks as vit, {len(blocks['vit'])} (3 or more), not {len(names)}"
            )
    return blocks, {role: find_skipless(role, m, images[role][:1]) for role, m in models.items() if role != "vit"}
