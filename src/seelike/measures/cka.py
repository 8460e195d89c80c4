"""Linear CKA between all pairs of layers, estimated without bias from minibatches.

Notation: a layer's activations X for the n images of a minibatch have shape (n, features). Its Gram matrix
is K = X Xᵀ (paper, section 3). Song et al. (2012) estimate HSIC without bias by setting the diagonals of
K and L to zero and taking

    HSIC₁(K, L) = 1/(n(n−3)) · [ tr(KL) + (1ᵀK1)(1ᵀL1)/((n−1)(n−2)) − 2/(n−2) · 1ᵀKL1 ].

The same number is an inner product: with each Gram matrix centred alone,

    K̃ᵢⱼ = Kᵢⱼ − rᵢ/(n−2) − rⱼ/(n−2) + s/((n−1)(n−2)) for i ≠ j,   K̃ᵢᵢ = 0,   rᵢ = Σⱼ Kᵢⱼ,   s = Σᵢ rᵢ,

HSIC₁(K, L) = Σᵢⱼ K̃ᵢⱼ L̃ᵢⱼ / (n(n−3)) (Székely & Rizzo 2014). So all pairs of layers are one product of a
(layers, n²) matrix with its transpose. Minibatch CKA (Nguyen, Raghu & Kornblith 2021) sums HSIC₁ over
minibatches and divides once:

    CKA = Σ HSIC₁(K, L) / √( Σ HSIC₁(K, K) · Σ HSIC₁(L, L) ).
"""

import torch

from seelike.measures.similarities.all_pairs import AllPairs, check_values
from seelike.system.errors import InputError

MIN_IMAGES = 4
HALVES = (torch.float16, torch.bfloat16)
PARTS = 128  # of the features of a layer, whose products a GPU computes at once
FEATURES = 1024  # whose products are summed in float32, on a CPU
LEAST_SHARE = 0.1  # of the squared activations about their mean: below it, the mean is taken away before the product
TINY = 1e-300  # added to all of a product, for one of zeros to differ from what `center` made of it; else no change
PIECE = 2**20  # elements that are centred and multiplied at a time, on a CPU few enough to stay in its cache


def gram(activations: torch.Tensor) -> torch.Tensor:
    """The Gram matrix of a minibatch, centred as above, in float64.

    Args:
        activations: (n, features), n ≥ 4. Half precision is raised to float32 before the product.

    Returns:
        (n, n) float64 with zero diagonal.

    Raises:
        InputError: fewer than four images, NaN or infinity, or the same activations for every image.
    """
    k = multiply(activations)
    if k.is_cuda:
        check_values(k[None])
    return center(k)


def multiply(activations: torch.Tensor) -> torch.Tensor:
    """The Gram matrix of a minibatch, up to what `center` takes away; for `CKA.update`, which centres it.

    On a GPU no value is looked at, so that no layer waits for the one before: `CKA.update` refuses for all at once.

    Args:
        activations: (n, features), n ≥ 4. Half precision is raised to float32 before the product; on a GPU it is
            multiplied as it is, and the products are summed in float32.

    Returns:
        (n, n) float64; on a GPU the same number everywhere if the activations are the same for every image.

    Raises:
        InputError: as `gram`.
    """
    if activations.ndim != 2:
        raise InputError(f"activations must have shape (images, features), not {tuple(activations.shape)}")
    if not activations.is_floating_point() or not activations.numel():
        raise InputError("activations must be floating-point numbers, at least one an image")
    n = len(activations)
    if n < MIN_IMAGES:
        raise InputError(f"the unbiased HSIC needs at least {MIN_IMAGES} images in a minibatch, not {n}")
    x = activations
    if x.is_cuda and torch.version.cuda and x.dtype in HALVES:  # AMD's count as cuda, too
        width = max(64, 16 * n, -(-x.shape[1] // PARTS // 8) * 8)  # products take an eighth of what X does, or less
        return _multiply_parts(x, width, torch.float32).add_(TINY)
    x = x.float() if x.dtype in HALVES else x
    if x.is_cuda:
        return _multiply_centred(x).add_(TINY)
    k = _multiply_parts(x, max(FEATURES, 4 * n))
    if not _find_share(k) > LEAST_SHARE:  # also where it is no number, as where any in X is none
        k = _multiply_centred(x).add_(TINY)
        check_values(k[None])
    return k


def _multiply_parts(x: torch.Tensor, width: int, out_dtype: torch.dtype | None = None) -> torch.Tensor:
    """X Xᵀ from products of so many features each, which are computed at once and summed in float64: X is read once."""
    n_whole, to = x.shape[1] // width, {"out_dtype": out_dtype} if out_dtype else {}
    if n_whole < 4:
        return torch.mm(x, x.T, **to).double()
    x = x.contiguous()
    parts = x.as_strided((n_whole, len(x), width), (width, x.shape[1], 1))
    k = torch.bmm(parts, parts.mT, **to).sum(0, dtype=torch.float64)
    if n_whole * width == x.shape[1]:
        return k
    rest = x[:, n_whole * width :]
    return k + torch.mm(rest, rest.T, **to)


def _multiply_centred(x: torch.Tensor) -> torch.Tensor:
    """The same with the mean taken away first, piece by piece; zeros where it leaves nothing but rounding.

    That leaves K̃ as it is, and spares float32 the cancellation.
    """
    n = len(x)
    k, offset = x.new_zeros(n, n, dtype=torch.float64), 0.0
    for piece in x.split(_count_features(x), 1):
        mean = piece.mean(0)
        centred = piece - mean
        k += centred @ centred.T
        offset += mean.double().square().sum()
    return k.mul_(k.trace() > n * (32 * torch.finfo(x.dtype).eps) ** 2 * offset)


def _find_share(k: torch.Tensor) -> float:
    """Which share of the squared activations is about their mean over the images, from K = X Xᵀ."""
    trace, total = float(k.trace()), float(k.sum())
    return (trace - total / len(k)) / trace if trace else 0.0


def _count_features(activations: torch.Tensor) -> int:
    """How many features (n, features) make a piece: so many that adding its (n, n) product costs little beside it."""
    n = len(activations)
    return max(PIECE // n, 4 * n) if activations.device.type == "cpu" else activations.shape[1]


def token_grams(x: torch.Tensor) -> torch.Tensor:
    """The centred Gram matrix of every token, as `gram` defines it: (tokens, n, channels) → (tokens, n²) float64.

    A token whose activations are the same for all images (within 32 units of rounding) has zeros.
    Raises InputError for fewer than four images, NaN or infinity.
    """
    n = x.shape[1]
    if n < MIN_IMAGES:
        raise InputError(f"the unbiased HSIC needs at least {MIN_IMAGES} images in a minibatch, not {n}")
    x = x.float() if x.dtype in HALVES else x
    mean = x.mean(1, keepdim=True)
    k = ((x - mean) @ (x - mean).mT).double()
    if not torch.isfinite(k).all():
        raise InputError("activations must be finite: there are NaN or infinite values")
    least = n * (32 * torch.finfo(x.dtype).eps) ** 2 * mean.double().square().sum((1, 2))
    varies = k.diagonal(dim1=1, dim2=2).sum(1) > least
    return (center(k) * varies[:, None, None]).flatten(1)


def center(grams: torch.Tensor) -> torch.Tensor:
    """K̃ of Gram matrices (…, n, n), each by itself, in place."""
    n, diagonals = grams.shape[-1], grams.diagonal(dim1=-2, dim2=-1)
    diagonals.zero_()
    rows = grams.sum(-2) / (n - 2)
    grams += (rows.sum(-1) / (n - 1))[..., None, None] - rows[..., :, None] - rows[..., None, :]
    diagonals.zero_()
    return grams


def hsic(grams: torch.Tensor) -> torch.Tensor:
    """HSIC₁ of all pairs of layers: Gram matrices (layers, n, n), which are centred in place → (layers, layers)."""
    n = grams.shape[-1]
    flat = center(grams).flatten(1)  # what is centred already stays as it is
    products = flat @ flat.T
    return (products + products.T) / (2 * n * (n - 3))  # the same both ways


class CKA(AllPairs):
    """Accumulator of minibatch HSIC₁ sums between all layers it is shown."""

    def __init__(self):
        super().__init__(hsic)
