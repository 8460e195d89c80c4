"""CKA of the layers of one model, or of two."""

from collections.abc import Iterable
from typing import Any

from torch import nn

from seelike.library.compare import LayerSimilarity, compare
from seelike.library.layers import Layers


def cka(
    model_a: nn.Module,
    model_b: nn.Module | Iterable[Any] | None = None,
    loader: Iterable[Any] | None = None,
    *,
    layers: Layers | tuple[Layers, Layers] = "blocks",
    representation: str = "flat",
    names: tuple[str, str] = ("a", "b"),
) -> LayerSimilarity:
    """Linear minibatch CKA (unbiased) of all layers of a model with one another, or with those of a second model.

    The arguments are those of `compare`, which has other measures beside it.

    >>> import timm, seelike as sl
    >>> from seelike.images.datasets import DRAWN
    >>> vit = timm.create_model("vit_pocket_patch8_56.shapes", pretrained=True)
    >>> images = DRAWN["shapes"]("validation").stack(40)[0] / 127.5 - 1
    >>> within = sl.cka(vit, images.split(5))
    >>> within.values.shape
    (8, 8)
    >>> resnet = timm.create_model("resnet_pocket.shapes", pretrained=True)
    >>> across = sl.cka(vit, resnet, images.split(5), representation="mean", names=("vit", "resnet"))
    >>> across.to_dataframe().shape, list(across.axes)
    ((8, 10), ['vit_layer', 'resnet_layer'])
    >>> mean = across.estimate(lambda cka: cka.mean())
    >>> mean.low < mean.effect < mean.high
    True
    """
    return compare(model_a, model_b, loader, layers=layers, representation=representation, names=names)
