"""The smallest chapter: does what a block returns grow with depth, in a ViT and in a ResNet?"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from torch import nn

from seelike.chapters.chapter import Chapter
from seelike.chapters.run import Run
from seelike.measures import block_norm
from seelike.measures.block_norm import BlockNorms, Norms
from seelike.measures.intervals import Terms
from seelike.measures.runner import assemble, feed
from seelike.results.labelled_array import Measures


def measure_runs(loaded: Iterable[dict[str, nn.Module]], run: Run) -> Iterator["Growth"]:
    """Pass the run's images through the {"vit": …, "cnn": …} of every run."""
    runs = list(loaded)
    casts, minibatches = assemble(runs, run.minibatches(runs[0]))
    norms = [{role: cast.measure(role, Norms) for role in cast.models} for cast in casts]
    found = feed(minibatches, *casts)
    yield from (Growth({role: found[each] for role, each in own.items()}) for own in norms)


@dataclass(frozen=True)
class Growth:
    """The norms of a ViT's and a CNN's blocks."""

    norms: dict[str, BlockNorms]

    def arrays(self) -> Measures:
        """Labelled arrays for a result file, by measure."""
        return {"block_norm": {role: each.array() for role, each in self.norms.items()}}

    def terms(self) -> dict[str, Terms]:
        """Part of a claim → its terms."""
        return block_norm.compare(self.norms["vit"], self.norms["cnn"])


CHAPTER = Chapter("block_norm", measure_runs)
