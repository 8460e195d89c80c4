"""VTCC made small: a ViT that is trained to cluster images, without labels (Ling et al. 2022, arXiv 2206.12925).

A convolutional stem instead of one large patch convolution, positions that are sines and cosines, and two small
networks on what the backbone returns: `projector`, for the contrast of images, and `head`, for that of clusters.
Norms of groups and layers stand for the authors' batch norms. With a ResNet as its backbone it is Contrastive
Clustering (Li et al. 2021, arXiv 2009.09687).

`timm.create_model("vtcc_pocket_56.unlabelled_strokes", pretrained=True)` loads what is shipped; of the other trainings
only what they answer is, and training makes the weights.
"""

from functools import partial
from math import sqrt

import timm
import torch
from timm.layers import build_sincos2d_pos_embed
from timm.models import build_model_with_cfg, register_model
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from seelike.models.bundled import build
from seelike.models.bundled import default_cfgs as default_cfgs  # where timm looks for them
from seelike.models.recipes import RESNET

TAKEN = ("img_size", "in_chans", "global_pool")  # by timm's own models; the CNN has one size
PROJECTED = 128  # the width in which images are contrasted
HIDDEN = 256  # of projectors


class VTCC(VisionTransformer):
    """timm's ViT with fixed positions, whose classifier says the cluster.

    Args:
        conv_stem: three convolutions of stride 2 and one of 1×1 instead of one of the patches' size.
    """

    def __init__(self, conv_stem: bool = True, **kwargs):
        super().__init__(**kwargs)
        if conv_stem:
            self.patch_embed.proj = make_stem(self.embed_dim)
        del self.pos_embed
        self.register_buffer("pos_embed", _find_places(self.patch_embed.grid_size, self.embed_dim))
        self.projector = make_projector(self.embed_dim, PROJECTED)
        self.head = make_projector(self.embed_dim, self.num_classes) if self.num_classes else nn.Identity()

    def forward_both(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """For the losses: images as vectors (n, 128), and scores of clusters (n, clusters)."""
        return _answer_twice(self, images)


class ClusteringCNN(nn.Module):
    """The same on a CNN's features."""

    def __init__(self, backbone: nn.Module, num_classes: int):
        super().__init__()
        self.backbone, self.num_classes, width = backbone, num_classes, backbone.num_features
        self.projector = make_projector(width, PROJECTED)
        self.head = make_projector(width, num_classes) if num_classes else nn.Identity()

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        """The last map, normed."""
        return self.backbone.forward_features(images)

    def forward_head(self, features: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        """Scores of clusters, or what they are made of."""
        pooled = features.mean((2, 3))
        return pooled if pre_logits else self.head(pooled)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.forward_head(self.forward_features(images))

    def forward_both(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """For the losses: images as vectors (n, 128), and scores of clusters (n, clusters)."""
        return _answer_twice(self, images)

    def get_classifier(self) -> nn.Module:
        return self.head

    def group_matcher(self, coarse: bool = False) -> dict:
        return {"stem": r"^backbone\.stem", "blocks": [(r"^backbone\.stages\.(\d+)\.blocks\.(\d+)", None)]}


def read_pooled(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """What the projectors read of each image: (n, width)."""
    return model.forward_head(model.forward_features(images), pre_logits=True)


def _answer_twice(model: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    pooled = read_pooled(model, images)
    return model.projector(pooled), model.head(pooled)


def make_stem(width: int) -> nn.Sequential:
    """Three convolutions of stride 2, of a quarter, half and all of the width, and one of 1×1: patches of 8 pixels."""
    layers, inputs = [], 3
    for outputs in (width // 4, width // 2, width):
        layers += [nn.Conv2d(inputs, outputs, 3, 2, 1), nn.GroupNorm(outputs // 8, outputs), nn.ReLU()]
        inputs = outputs
    return nn.Sequential(*layers, nn.Conv2d(width, width, 1))


def make_projector(width: int, outputs: int) -> nn.Sequential:
    """Three linear layers, normed between."""
    layers, inputs = [], width
    for _ in range(2):
        layers += [nn.Linear(inputs, HIDDEN), nn.LayerNorm(HIDDEN), nn.ReLU()]
        inputs = HIDDEN
    return nn.Sequential(*layers, nn.Linear(HIDDEN, outputs))


def _find_places(grid: tuple[int, int], width: int) -> torch.Tensor:
    """Sines and cosines of each patch's place, zeros for CLS: (1, 1 + patches, width)."""
    places = build_sincos2d_pos_embed(list(grid), width)
    return torch.cat([torch.zeros(1, width), places])[None]


def _cluster_by_vit(conv_stem: bool, **kwargs) -> VTCC:
    shape = dict(img_size=56, patch_size=8, embed_dim=64, depth=4, num_heads=4)
    return VTCC(conv_stem, **(shape | kwargs))


def _cluster_by_cnn(num_classes: int = 10) -> ClusteringCNN:
    return ClusteringCNN(timm.create_model(RESNET, num_classes=0), num_classes)


@register_model
def vtcc_pocket_56(pretrained: bool = False, seed: int | None = None, **kwargs) -> VTCC:
    """VTCC made small: 4 blocks of width 64, a stem of three convolutions, 7×7 patches of 8 px."""
    load = partial(build_model_with_cfg, partial(_cluster_by_vit, True))
    return build(load, "vtcc_pocket_56", pretrained, seed, gain=0.8, **kwargs)


@register_model
def vtcc_pocket_patchstem_56(pretrained: bool = False, seed: int | None = None, **kwargs) -> VTCC:
    """The same with one convolution of the patches' size instead of the stem."""
    load = partial(build_model_with_cfg, partial(_cluster_by_vit, False))
    return build(load, "vtcc_pocket_patchstem_56", pretrained, seed, gain=0.8, **kwargs)


@register_model
def vtcc_pocket_resnet_56(pretrained: bool = False, seed: int | None = None, **kwargs) -> ClusteringCNN:
    """The same losses on the pocket ResNet: Contrastive Clustering made small."""
    load = partial(build_model_with_cfg, _cluster_by_cnn, kwargs_filter=TAKEN)
    return build(load, "vtcc_pocket_resnet_56", pretrained, seed, gain=sqrt(2), **kwargs)
