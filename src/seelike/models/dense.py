"""What labels every pixel of an image: one small decoder for a pyramid and for a plain ViT, and the ViT that has it.

As MLA, a decoder of Zhang et al. (2024, arXiv 2207.09339), it reads several levels of a network and sums them: the
stages of HLG, or the blocks at the ends of thirds of the ViT's depth.
"""

from collections.abc import Sequence
from functools import partial

import torch
from timm.layers import LayerNorm2d
from timm.models import build_model_with_cfg, register_model
from timm.models.vision_transformer import VisionTransformer, checkpoint_filter_fn
from torch import nn
from torch.nn.functional import gelu, interpolate

from seelike.models.bundled import build
from seelike.models.bundled import default_cfgs as default_cfgs  # where timm looks for them

N_LABELS = 6  # ground, or one of the five outlines of drawings
WIDTH = 64  # in which levels are summed
N_LEVELS = 3


class Decoder(nn.Module):
    """Each level normed and projected to one width, resized to the finest and summed; then a linear classifier.

    Args:
        widths: of the levels.
    """

    def __init__(self, widths: Sequence[int]):
        super().__init__()
        self.projections = nn.ModuleList(nn.Sequential(LayerNorm2d(each), nn.Conv2d(each, WIDTH, 1)) for each in widths)
        self.classifier = nn.Conv2d(WIDTH, N_LABELS, 1)

    def forward(self, levels: Sequence[torch.Tensor], size: tuple[int, int]) -> torch.Tensor:
        """Scores (n, labels, *size) from maps (n, width, rows, columns), of any number of rows and columns each."""
        finest = max(tuple(level.shape[-2:]) for level in levels)
        projected = (project(level) for project, level in zip(self.projections, levels, strict=True))
        return _resize(self.classifier(gelu(sum(_resize(each, finest) for each in projected))), size)


class DenseViT(VisionTransformer):
    """timm's ViT with the decoder on the blocks at the ends of thirds of its depth."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.levels = [len(self.blocks) * third // N_LEVELS - 1 for third in range(1, N_LEVELS + 1)]
        self.decoder = Decoder([self.embed_dim] * N_LEVELS)

    def forward_both(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Scores of classes (n, classes), and of the labels of all pixels (n, labels, rows, columns)."""
        features, levels = self.forward_intermediates(images, indices=self.levels)
        return self.forward_head(features), self.decoder(levels, images.shape[-2:])


def _resize(maps: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Maps (n, width, rows, columns) at another size, bilinear between the middles of their cells."""
    return maps if tuple(maps.shape[-2:]) == tuple(size) else interpolate(maps, tuple(size), mode="bilinear")


@register_model
def vit_pocket_dense_56(pretrained: bool = False, seed: int | None = None, **kwargs) -> DenseViT:
    """The pocket ViT without a CLS token, 8 blocks of width 64 and 7×7 patches of 8 px, with a decoder of pixels."""
    shape = dict(img_size=56, patch_size=8, embed_dim=64, depth=8, num_heads=4)
    shape |= dict(class_token=False, global_pool="avg", fc_norm=False)
    load = partial(build_model_with_cfg, DenseViT, pretrained_filter_fn=checkpoint_filter_fn)
    return build(load, "vit_pocket_dense_56", pretrained, seed, gain=0.8, **(shape | kwargs))
