"""The look of all figures, and how one is written to a file."""

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from seelike.figures.forms import hand_out_narrow
from seelike.figures.palette import PAPER
from seelike.system.errors import InputError
from seelike.system.files import written_whole

STYLE = str(Path(__file__).with_name("seelike.mplstyle"))
PICTURES = (".png", ".svg", ".pdf")
BEHIND = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.8, "alpha": 0.8}  # letters across which a line may run
LABELS = {"vit": "ViT", "vit_gap": "ViT, GAP", "vit_small": "small ViT", "cnn": "CNN", "mixer": "Mixer"}


def use_style() -> None:
    """Make the book's look the default of this process; a notebook shows its figures as SVG, in both forms."""
    plt.style.use(STYLE)
    if "inline" in matplotlib.get_backend():
        from IPython import get_ipython
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg")
        plt.uninstall_repl_displayhook()  # it would draw each figure once more after its cell, for a window
        get_ipython().display_formatter.mimebundle_formatter.for_type(Figure, hand_out_narrow)


def save(figure: Figure, picture: Path) -> None:
    """Write a figure, whole or not at all. Raises InputError for a kind of file or a place that will not do."""
    if picture.suffix not in PICTURES or not picture.absolute().parent.is_dir():
        raise InputError(f"PICTURE must be a {', '.join(PICTURES)} in a folder that is there, not {str(picture)!r}")
    try:
        with written_whole(picture) as beside:
            figure.savefig(beside, dpi=150, bbox_inches="tight")
    except OSError as error:
        raise InputError(f"PICTURE {str(picture)!r} cannot be written: {error.strerror}") from None
