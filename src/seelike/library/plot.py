"""Pictures of results."""

from matplotlib.axes import Axes

from seelike.figures import labelled
from seelike.library.compare import LayerSimilarity
from seelike.library.measured import Measured
from seelike.results.labelled_array import LabelledArray
from seelike.system.errors import InputError


def heatmap(result: Measured | LabelledArray, title: str = "", ax: Axes | None = None) -> Axes:
    """A heatmap of a result of two axes: the first axis upwards for layers, as in the book, downwards for all others.

    How alike layers are is drawn from 0 to 1, any other quantity over its own range.

    Args:
        result: what `sl.compare` or another call gave, or one of its arrays, such as `sl.norm_ratio(…).by_token`.
        ax: where to draw; a new figure if None.

    Raises InputError for anything else, and for a result of fewer or more axes.

    >>> import timm, seelike as sl
    >>> from seelike.images.datasets import DRAWN
    >>> vit = timm.create_model("vit_pocket_patch8_56.shapes", pretrained=True)
    >>> images = DRAWN["shapes"]("validation").stack(16)[0] / 127.5 - 1
    >>> sl.plot.heatmap(sl.cka(vit, images.split(8)), "ViT").get_title()
    'ViT'
    """
    if not isinstance(result, Measured | LabelledArray):
        raise InputError(
            f"result must be what a call such as sl.cka gave, or one of its arrays, not {type(result).__name__}"
        )
    if isinstance(result, LayerSimilarity):
        return labelled.layers(result.array(), title, ax, result.measure)
    return labelled.heatmap(result.array() if isinstance(result, Measured) else result, title, ax)
