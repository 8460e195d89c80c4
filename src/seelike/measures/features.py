"""What is kept of every image, whole: features for probes, layers that are compared in many ways, answers."""

import torch

from seelike.measures.runner import Read
from seelike.system import processes


class Features:
    """Accumulator of what is read of `n_images`, {name: (n, …)} on the CPU, floating-point numbers as float32.

    Each array is made whole at the first minibatch: small pieces kept of every one would lie scattered among what a
    pass frees, and the process would grow.
    """

    def __init__(self, read: Read, n_images: int):
        self.read, self.n_images = read, n_images
        self.kept: dict[str, torch.Tensor] = {}
        self.sizes: list[int] = []  # of the minibatches

    def update(self, found: dict[str, torch.Tensor]) -> None:
        """Add one minibatch."""
        start = sum(self.sizes)
        for name, part in found.items():
            if name not in self.kept:
                kind = torch.float32 if part.is_floating_point() else part.dtype
                self.kept[name] = torch.empty(self.n_images, *part.shape[1:], dtype=kind)
            self.kept[name][start : start + len(part)] = part
        self.sizes.append(len(part))

    def merge(self, *others: "Features") -> None:
        """Add the minibatches of other ranks or shards, which took them in turn with this one."""
        shares = [each for each in (self, *others) if each.sizes]
        names = shares[0].kept if shares else ()
        kept = {name: torch.cat(processes.interleave(*(each._part(name) for each in shares))) for name in names}
        self.kept, self.sizes = kept, processes.interleave(self.sizes, *(other.sizes for other in others))

    def result(self) -> dict[str, torch.Tensor]:
        """Of all images, in their order."""
        return self.kept

    def _part(self, name: str) -> list[torch.Tensor]:
        """By minibatch."""
        return list(self.kept[name][: sum(self.sizes)].split(self.sizes))
