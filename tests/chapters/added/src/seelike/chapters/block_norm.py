"""The smallest chapter: does what a block returns grow with depth, in a ViT and in a ResNet?"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from torch import nn

from seelike.activations.forward import feed
from seelike.chapters.chapter import Chapter
from seelike.chapters.run import Run
from seelike.measures import block_norm
from seelike.measures.block_norm import BlockNorms, Norms
from seelike.measures.intervals import Estimate
from seelike.results.labelled_array import Measures
from seelike.system import processes


def measure_runs(loaded: Iterable[dict[str, nn.Module]], run: Run) -> Iterator["Growth"]:
    """Pass the run's images through the {"vit": …, "cnn": …} of every run."""
    for models in loaded:
        norms = {role: Norms(role) for role in models}
        for images in run.minibatches(models):
            for role, model in models.items():
                feed(model, images[role], norms[role])
        yield Growth({role: processes.merge(each).result() for role, each in norms.items()})


@dataclass(frozen=True)
class Growth:
    """The norms of a ViT's and a CNN's blocks."""

    norms: dict[str, BlockNorms]

    def arrays(self) -> Measures:
        """Labelled arrays for a result file, by measure."""
        return {"block_norm": {role: each.array() for role, each in self.norms.items()}}

    def estimates(self, seed: int) -> dict[str, Estimate]:
        """Claim id → its effect with an interval over minibatches."""
        return block_norm.compare(self.norms["vit"], self.norms["cnn"], seed)


CHAPTER = Chapter("block_norm", measure_runs)
