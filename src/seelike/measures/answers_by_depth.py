"""What would a model answer at every depth? Its own classifier, on every token of every block ("logit lens").

After nostalgebraist (2020), who reads language models so. A block's output passes through the model's last norm and its
classifier, both unchanged, as the last block's does. The classifier was trained on that alone: that it finds no class
in an earlier block does not show that none is there (`seelike.measures.block_probes` fits a classifier for each block).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.activations.forward import read_once
from seelike.activations.layers import hooked
from seelike.activations.tokens import split
from seelike.system.errors import THE_MODEL, InputError

Classify = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class AnswersByDepth:
    """Probabilities of classes: `values` is (images, blocks, 1 + positions, classes).

    The first is read from what the model itself answers from, CLS or the mean over all positions; then come single
    positions, row by row. Blocks whose tokens are not as wide as what the classifier reads are left out.
    """

    blocks: tuple[str, ...]
    values: torch.Tensor


def answer_by_depth(model: nn.Module, images: torch.Tensor) -> AnswersByDepth:
    """Pass images (n, 3, height, width) once through a model, and classify every token of its blocks.

    Raises InputError for a model that does not answer by one linear layer, from CLS or the mean of normed tokens.
    """
    blocks = Architecture.of(model, images).names()
    classifier, norm = getattr(model, "get_classifier", nn.Identity)(), getattr(model, "norm", None)
    if not (isinstance(classifier, nn.Linear | nn.Conv2d) and isinstance(norm, nn.Module)):
        raise _refuse(model)
    weight = classifier.weight.flatten(1)  # of a ResNetV2 it is a convolution of one pixel
    classify = partial(nn.functional.linear, weight=weight, bias=classifier.bias)
    with torch.no_grad():
        (found,) = read_once(model, images, _reading(model, images, blocks, classify, weight.shape[1]))
        right = model(images).softmax(-1)
    if blocks[-1] not in found or not torch.allclose(found[blocks[-1]][:, 0], right, atol=1e-4):
        raise _refuse(model)
    return AnswersByDepth(tuple(found), torch.stack(list(found.values()), 1))


@contextmanager
def _reading(
    model: nn.Module, images: torch.Tensor, blocks: tuple[str, ...], classify: Classify, width: int
) -> Iterator[dict[str, torch.Tensor]]:
    """{block: (n, 1 + positions, classes)}."""
    found: dict[str, torch.Tensor] = {}

    def see(name: str, output: torch.Tensor) -> None:
        if split(model, name, output, images).grid.shape[-1] == width:
            found[name] = classify(_tokens(model, name, output, images)).softmax(-1)

    with hooked(model, blocks, see):
        yield found


def _tokens(model: nn.Module, name: str, output: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """What the classifier reads, and after it single positions, (n, 1 + positions, channels), after the last norm."""
    tokens = split(model, name, model.norm(output), images)
    positions = tokens.grid.flatten(1, 2)
    from_cls = getattr(model, "global_pool", "") == "token"
    whole = tokens.prefix[:, :1] if from_cls else positions.mean(1, keepdim=True)
    return getattr(model, "fc_norm", nn.Identity())(torch.cat([whole, positions], 1))


def _refuse(model: nn.Module) -> InputError:
    return InputError(
        f"{THE_MODEL} must answer by one linear layer, from CLS or the mean of its normed tokens, such as a plain ViT, "
        f"a Mixer or a ResNetV2; {type(model).__name__} does not"
    )
