"""A convolution as one layer of multi-head attention over patches."""

from torch import nn

from seelike.measures.conv_attention import ConvAttention


def conv_attention(conv: nn.Conv2d, patch_size: int, sharpness: float = 20.0) -> ConvAttention:
    """The attention layer that computes what a convolution computes (chapter "Convolution as attention").

    It takes images, cuts them into patches, lets them attend, and joins what they return: (n, channels, height, width)
    like the convolution, and for sides that are multiples of the patch size.

    Args:
        conv: any Conv2d with padding by zeros whose output has the sides of its input, divided by its stride.
        patch_size: side of a patch in pixels, a multiple of the stride.
        sharpness: the bias of each head for the patch that it is to look at; the larger, the nearer its softmax is to
            looking there alone.

    Raises InputError for another convolution, size or sharpness.

    >>> import torch, seelike as sl
    >>> conv = torch.nn.Conv2d(3, 8, kernel_size=9, padding=4, dtype=torch.float64)
    >>> layer = sl.conv_attention(conv, patch_size=8)
    >>> images = torch.rand(2, 3, 56, 56, dtype=torch.float64)
    >>> len(layer.offsets), torch.allclose(layer(images), conv(images), atol=1e-5)
    (9, True)
    """
    return ConvAttention(conv, patch_size, sharpness)
