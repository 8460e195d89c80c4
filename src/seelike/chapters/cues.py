"""The cues that tell the classes of drawings, where a run's images are drawings."""

import torch

from seelike.chapters.run import Run
from seelike.images.shapes import CUES, Shapes


def read_cues(run: Run) -> torch.Tensor | None:
    """The cues of every image, (n, cues), as drawn; None for images whose cues nobody knows."""
    images = run.images.dataset
    if not isinstance(images, Shapes):
        return None
    drawings = [images.drawing(index) for index in run.images.indices]
    return torch.tensor([[getattr(drawing, cue) for cue in CUES] for drawing in drawings])
