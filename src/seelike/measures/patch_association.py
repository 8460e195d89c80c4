"""Attention over positions alone, trained on images whose patches belong together in sets (Jelassi et al. 2022).

The data: an image is D patches of dimension d. Its positions are parted once, at random, into L sets. One set bears the
label y = ±1: each of its patches is y·w plus noise. Every other patch is w or −w plus noise, with probability q/2 each,
or noise alone. The noise is normal, σ in every dimension.

The network: Σᵢ σ(Σⱼ Sᵢⱼ ⟨v, Xⱼ⟩) with σ(z) = z⁵ + 0.03 z and S the softmax of the rows of A, D×D, which stands for the
products of position embeddings. A's diagonal is held at ln ln d, where it starts; A's other entries and v start near 0
and follow the gradient of the logistic loss over all images.

The paper proves that then the largest entries of row i of A are those of the set of i. Exponents, rates and starts are
those of code that goes back to its first author.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch.nn import functional

LEAK, POWER, RATE, START = 0.03, 5, 0.1, 1e-3


@dataclass(frozen=True)
class Layout:
    """What all images of a data set share: `sets` (sets, positions of each) and `feature` w.

    `busy` is q, how often a patch of no set bears w or −w; `noise` the standard deviation of each dimension's noise.
    """

    sets: torch.Tensor
    feature: torch.Tensor
    busy: float
    noise: float

    @classmethod
    def draw(
        cls, n_patches: int, n_sets: int, dimension: int, busy: float, noise: float, generator: torch.Generator
    ) -> "Layout":
        """A random partition, and a random feature of unit norm."""
        order = torch.randperm(n_patches, generator=generator)
        return cls(order.reshape(n_sets, -1), _unit(dimension, generator), busy, noise)

    def with_feature(self, generator: torch.Generator) -> "Layout":
        """The same sets, with another feature."""
        return replace(self, feature=_unit(len(self.feature), generator))

    @property
    def together(self) -> torch.Tensor:
        """(positions, positions): whether they are of one set."""
        return self.set_of[:, None] == self.set_of

    @property
    def set_of(self) -> torch.Tensor:
        """(positions,): the set of each."""
        found = torch.empty(self.sets.numel(), dtype=torch.long)
        found[self.sets] = torch.arange(len(self.sets))[:, None]
        return found

    def images(self, n: int, generator: torch.Generator, shuffled: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, positions, dimension) and labels (n,), ±1; `shuffled`: with positions permuted anew in every image."""
        labels = torch.randint(2, (n,), generator=generator) * 2.0 - 1
        bearer = torch.randint(len(self.sets), (n, 1), generator=generator)
        chance = torch.rand(n, self.sets.numel(), generator=generator)
        signs = (chance < self.busy / 2).float() - (chance > 1 - self.busy / 2).float()
        signs = torch.where(self.set_of == bearer, labels[:, None], signs)
        if shuffled:
            signs = signs.gather(1, torch.rand(signs.shape, generator=generator).argsort(1))
        noise = self.noise * torch.randn(*signs.shape, len(self.feature), generator=generator)
        return signs[..., None] * self.feature + noise, labels


@dataclass(frozen=True)
class Network:
    """`scores` A (positions, positions) and `value` v (dimension,)."""

    scores: torch.Tensor
    value: torch.Tensor

    @classmethod
    def start(cls, n_patches: int, dimension: int, generator: torch.Generator) -> "Network":
        """Before training."""
        noise = START * torch.randn(n_patches, n_patches, generator=generator)
        noise.fill_diagonal_(math.log(math.log(dimension)))
        return cls(noise, START * torch.randn(dimension, generator=generator))

    def attention(self) -> torch.Tensor:
        """S (positions, positions), rows that sum to 1."""
        return self.scores.softmax(1)

    def answer(self, images: torch.Tensor) -> torch.Tensor:
        """(n, positions, dimension) → (n,), whose signs are the labels that it gives."""
        mixed = (images @ self.value) @ self.attention().T
        return (mixed**POWER + LEAK * mixed).sum(1)

    def train(self, images: torch.Tensor, labels: torch.Tensor, steps: int, hold: bool = False) -> "Network":
        """After so many steps of gradient descent; `hold`: with attention held where it is."""
        scores, value, diagonal = self.scores.clone(), self.value.clone(), self.scores.diagonal().clone()
        learned = [value.requires_grad_()] if hold else [value.requires_grad_(), scores.requires_grad_()]
        for _ in range(steps):
            loss = functional.softplus(-labels * Network(scores, value).answer(images)).mean()
            gradients = torch.autograd.grad(loss, learned)
            with torch.no_grad():
                for tensor, gradient in zip(learned, gradients, strict=True):
                    tensor -= RATE * gradient
                scores.diagonal().copy_(diagonal)
        return Network(scores.detach(), value.detach())


def associate(scores: torch.Tensor, together: torch.Tensor) -> torch.Tensor:
    """P1, P6: of each position's best others, as many as belong to it, the share that do, less chance: (positions,).

    Args:
        scores: (positions, positions), larger for positions that belong together; a position's own does not count.
        together: (positions, positions), whether the second belongs to the first.
    """
    others = together & ~torch.eye(len(scores), dtype=torch.bool)
    ranked = scores.clone().fill_diagonal_(-math.inf).argsort(1, descending=True)
    n_others = others.sum(1)
    best = torch.arange(len(scores)) < n_others[:, None]
    return (others.gather(1, ranked) & best).sum(1) / n_others.double() - n_others / (len(scores) - 1)


def weigh_association(scores: torch.Tensor, together: torch.Tensor) -> torch.Tensor:
    """P1 otherwise: of each position's attention to others, the share for those that belong to it, less chance.

    Args as of `associate`, scores being those of the softmax.
    """
    others = together & ~torch.eye(len(scores), dtype=torch.bool)
    attention = scores.clone().fill_diagonal_(-math.inf).softmax(1)
    return (attention * others).sum(1).double() - others.sum(1) / (len(scores) - 1)


def alignment(network: Network, layout: Layout) -> float:
    """P3: cosine of the value vector with the feature."""
    return float(functional.cosine_similarity(network.value, layout.feature, dim=0))


def error(network: Network, images: torch.Tensor, labels: torch.Tensor) -> float:
    """P2, P4: the share of images whose label is not the sign of the answer."""
    return float((network.answer(images).sign() != labels).double().mean())


def _unit(dimension: int, generator: torch.Generator) -> torch.Tensor:
    return functional.normalize(torch.randn(dimension, generator=generator), dim=0)
