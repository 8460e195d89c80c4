"""Section 6 of the paper: what happens to a ViT that is trained without the two skips of one block?

The outputs of all blocks are compared by CKA, in the intact model and in each model with a skip ablation (Fig. 8): to
ablate the skips of block c parts the blocks before c from c and those after it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import torch

from seelike.activations.architecture import Architecture
from seelike.activations.residuals import find_skipless
from seelike.measures.answering import ANSWER, read_answers, share_right
from seelike.measures.features import Features
from seelike.measures.intervals import Terms, estimate, jackknife
from seelike.measures.layer_cka import JointCKA, split_by_model
from seelike.measures.runner import Cast, Found
from seelike.measures.similarities.all_pairs import Similarity
from seelike.results.labelled_array import LabelledArray, Measures
from seelike.system.errors import InputError

MIDDLE = "vit_noskip_middle"


class Ablations:
    """What is asked of an intact model and of those with a skip ablation: CKA of their blocks, and accuracies.

    Args:
        cast: of {"vit": …} and any of {"vit_noskip_early": …, "vit_noskip_middle": …, "vit_noskip_late": …}.
        roles: of these, "vit" first.
        labels: the classes of all images in order, (images,); without them no accuracy is measured.

    Raises InputError, which names the parameter, if a model has all its skips or has not as many blocks as "vit".
    """

    def __init__(self, cast: Cast, roles: Sequence[str], labels: torch.Tensor | None):
        self.cast, self.blocks = cast, {role: cast.ask(role, Architecture.names) for role in roles}
        _check_depth(self.blocks)
        ablated = {role: own for role, own in self.blocks.items() if role != "vit"}
        self.ablated = {role: cast.look(role, partial(find_skipless, names=own)) for role, own in ablated.items()}
        self.labels = labels
        self.cka = cast.compare(JointCKA.of(self.blocks))
        self.answers: dict[str, Features] = {}
        if labels is not None:
            self.answers = {role: cast.add(role, read_answers(len(labels))) for role in roles}

    def gather(self, found: Found) -> "SkipAblation":
        """What all minibatches told."""
        accuracy, n_minibatches = None, len(found[self.cka].minibatches)
        if self.answers:
            given = (found[each][ANSWER] for each in self.answers.values())
            accuracy = torch.stack([share_right(each, self.labels, n_minibatches) for each in given], 1).numpy()
        return SkipAblation(tuple(self.blocks), self.blocks["vit"], self.ablated, found[self.cka], accuracy)


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
        """Labelled arrays for a result file: CKA of each model's blocks, the ablated one being marked; accuracies.

        Each accuracy has its interval over the choice of images, where there are minibatches enough.
        """
        axes = {"layer": self.blocks, "other": self.blocks}
        ends = {role: [block] for role, block in self.ablated.items()}
        matrices = self._split(self.similarity.values)
        found = {"cka": {role: LabelledArray(axes, own, boundaries=ends.get(role)) for role, own in matrices.items()}}
        if self.accuracy is not None:
            axes = {"model": self.models}
            intervals = [estimate(_replicate_mean(each)).within(0, 1) for each in self.accuracy.T]
            bounds = np.array([(each.low, each.high) for each in intervals])
            found["accuracy"] = {"vit": LabelledArray(axes, self.accuracy.mean(0))}
            found["accuracy_interval"] = {"vit": LabelledArray(axes | {"bound": ["low", "high"]}, bounds)}
        return found

    def terms(self) -> dict[str, Terms]:
        """S3 if there is an ablated model; S4 if accuracies are known, one of them of a middle block ablated.

        Each is of the intact model and the ablated ones together, as they answered to the same images.
        """
        found: dict[str, Terms] = {}
        if self.ablated:
            effects = {"S3a": cka_lost_across, "S3b": placebo_gap}
            found = {part: {self.models: self._average(effect)} for part, effect in effects.items()}
        if self.accuracy is not None and MIDDLE in self.ablated:
            lost = self.accuracy[:, 0] - self.accuracy[:, self.models.index(MIDDLE)]
            found["S4"] = {("vit", MIDDLE): _replicate_mean(lost)}
        return found

    def _split(self, cka: np.ndarray) -> dict[str, np.ndarray]:
        """The matrix of all models' blocks → that of each alone."""
        parts = split_by_model(cka, dict.fromkeys(self.models, len(self.blocks)))
        return {role: parts[role, role] for role in self.models}

    def _average(self, effect: Callable[[np.ndarray, np.ndarray, int], float]) -> np.ndarray:
        """The replicates of an effect of the intact and an ablated model, averaged over the ablated ones."""

        def average(cka: np.ndarray) -> float:
            own = self._split(cka)
            return float(np.mean([effect(own["vit"], own[role], block) for role, block in self.ablated.items()]))

        return self.similarity.replicates(average)


def cka_lost_across(intact: np.ndarray, ablated: np.ndarray, block: int) -> float:
    """S3a of one ablated model: CKA lost (intact − ablated) in pairs of blocks across the ablated one − in other pairs.

    Args:
        intact: (blocks, blocks) CKA.
        ablated: the same of the model whose `block`, from 0, has no skips; it counts to the later part.

    Both means are over unordered pairs of different blocks.
    """
    return float(_lose_across(intact, ablated)[block - 1])


def placebo_gap(intact: np.ndarray, ablated: np.ndarray, block: int) -> float:
    """S3b of one ablated model: S3a − its mean over all other positions at which the blocks could be parted.

    These placebos are all blocks but the first, as if each had been the ablated one. Arguments as of S3a.
    """
    lost = _lose_across(intact, ablated)
    return float(lost[block - 1] - np.delete(lost, block - 1).mean())


def _lose_across(intact: np.ndarray, ablated: np.ndarray) -> np.ndarray:
    """(blocks − 1,), as if each block but the first had been the ablated one."""
    return np.tensordot(_weigh_pairs(len(intact)), intact - ablated)


@lru_cache(maxsize=16)
def _weigh_pairs(n_blocks: int) -> np.ndarray:
    """For each block but the first, the weight of every pair: 1/n of n pairs across it, −1/m of m other pairs."""
    blocks = np.arange(n_blocks)
    later = blocks >= blocks[1:, None]
    across = later[:, :, None] != later[:, None, :]
    other = ~across & ~np.eye(n_blocks, dtype=bool)
    return across / across.sum((1, 2), keepdims=True) - other / other.sum((1, 2), keepdims=True)


def _replicate_mean(minibatches: np.ndarray) -> np.ndarray:
    """The replicates of a mean over (minibatches,) of equal size."""
    return jackknife(len(minibatches), lambda chosen: minibatches[chosen].mean())


def _check_depth(blocks: dict[str, tuple[str, ...]]) -> None:
    for role, names in blocks.items():
        if len(names) != len(blocks["vit"]) or len(names) < 3:
            raise InputError(
                f"{role} must have as many blocks as vit, {len(blocks['vit'])} (3 or more), not {len(names)}"
            )
