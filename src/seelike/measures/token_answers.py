"""A ViT's own classifier, where it was not meant to be: on every token of the last block, and with CLS kept to itself.

Ghiasi et al. (2022), Fig. 5 and Table 1. The classifier is the model's own, unchanged. **Isolated** in the first k
blocks, CLS attends to itself alone and patches to patches alone; from then on all attend to all.
"""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.activations.attention import Grid
from seelike.activations.flattened import reading
from seelike.activations.forward import Reading
from seelike.measures.answering import share_right
from seelike.measures.kept import INTACT, Condition
from seelike.results.labelled_array import LabelledArray
from seelike.system.errors import THE_MODEL, InputError

TOKEN: Condition = ("patch token", 1.0)
BEST_TOKEN: Condition = ("best patch token", 1.0)
WORST_TOKEN: Condition = ("worst patch token", 1.0)
TOKENS = {"mean": TOKEN, "worst": WORST_TOKEN}
READ_FROM = {"own answer": INTACT, "patch token, mean": TOKEN, "patch token, best": BEST_TOKEN}
ISOLATED = "CLS isolated"  # in all blocks but so many, the last ones
BUT_LAST: Condition = (ISOLATED, 1)
CLS_BUT_LAST: Condition = ("CLS isolated, patches not", 1)
APART = {"both": BUT_LAST, "CLS": CLS_BUT_LAST}
LAST = "norm"  # what the last block's tokens pass through before the classifier


@dataclass(frozen=True)
class TokenClasses:
    """Reads which class a model's classifier takes every token of the last block for."""

    def reading(self, model: nn.Module, images: torch.Tensor) -> Reading:
        """{LAST: (n, tokens)}."""
        return reading(model, [LAST], len(images), torch.clone, lambda _, tokens: _classify(model, tokens))


def _classify(model: nn.Module, tokens: torch.Tensor) -> torch.Tensor:
    return model.head(model.fc_norm(tokens)).argmax(-1)


@dataclass(frozen=True)
class TokenAccuracy:
    """How often the classifier is right about each patch token, by draw of images: (draws, rows, columns)."""

    values: np.ndarray

    @classmethod
    def of(cls, found: dict[str, torch.Tensor], grid: Grid, labels: torch.Tensor, n_draws: int) -> "TokenAccuracy":
        """From what was read of all images, and their classes (n,)."""
        right = share_right(found[LAST][:, grid.n_prefix :], labels, n_draws)
        return cls(right.unflatten(1, (grid.rows, grid.columns)).numpy())

    def conditions(self) -> dict[Condition, np.ndarray]:
        """Accuracy by draw, (draws,): of a token, the mean over positions, and of the best and the worst position."""
        flat = self.values.reshape(len(self.values), -1)
        best, worst = flat.mean(0).argmax(), flat.mean(0).argmin()
        return {TOKEN: flat.mean(1), BEST_TOKEN: flat[:, best], WORST_TOKEN: flat[:, worst]}

    def array(self) -> LabelledArray:
        """The labelled array for a result file."""
        rows, columns = self.values.shape[1:]
        return LabelledArray({"y": range(rows), "x": range(columns)}, self.values.mean(0))


class Isolated(nn.Module):
    """A model the CLS token of which is isolated in the attentions of these names.

    Where `both` is False the patches attend to it none the less.
    """

    def __init__(self, model: nn.Module, attentions: Sequence[str], n_prefix: int, both: bool = True):
        super().__init__()
        self.model, self.attentions, self.n_prefix, self.both = model, tuple(attentions), n_prefix, both

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        with _isolating(self.model, self.attentions, self.n_prefix, self.both):
            return self.model(images)


@contextmanager
def _isolating(model: nn.Module, attentions: Sequence[str], n_prefix: int, both: bool) -> Iterator[None]:
    """Context in which tokens before the patches do not attend to patches, nor, if `both`, patches to them."""

    def mask(_: nn.Module, given: tuple, named: dict) -> tuple[tuple, dict]:
        patch = torch.arange(given[0].shape[1], device=given[0].device) >= n_prefix
        unseen = patch[:, None] != patch if both else ~patch[:, None] & patch
        apart = given[0].new_zeros(len(patch), len(patch)).masked_fill_(unseen, -torch.inf)
        return given[:1], named | {"attn_mask": apart}

    with ExitStack() as entered:
        for name in attentions:
            hook = model.get_submodule(name).register_forward_pre_hook(mask, with_kwargs=True)
            entered.callback(hook.remove)
        yield


def check_plain(model: nn.Module, architecture: Architecture) -> None:
    """Raises InputError for what is not a plain ViT of timm's, with a CLS token, or a classifier after pooling."""
    inner = dict(model.named_modules())
    parts = [f"{block}.{part}" for block in architecture.names() for part in ("mlp.act", "attn.qkv")]
    masked = ("attn_mask" in inspect.signature(inner[name].forward).parameters for name in architecture.attentions)
    plain = {*parts, LAST, "fc_norm", "head"} <= inner.keys() and all(masked) and not getattr(model, "attn_pool", None)
    if not plain:
        raise InputError(
            f"{THE_MODEL} must be a plain ViT, such as DeiT: queries, keys and values of one layer, attention "
            f"that can be masked, a classifier for single tokens; {architecture.family} is none"
        )
    _ = architecture.grid  # refused where attention is not among all patches
