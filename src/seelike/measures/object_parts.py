"""Foreground and background apart: Ghiasi et al. (2022), Fig. 7 and Table 2.

With the *foreground* alone all but the object is painted black, with the *background* alone the object. The control
paints as many pixels of the same outline elsewhere: the mask is moved by half of the image, down and to the right, and
what leaves it comes in at the other side. Then the window shows another place, and the hole leaves the object alone.
"""

import torch

from seelike.measures.kept import Condition
from seelike.measures.perturbations import paint

FOREGROUND, BACKGROUND = "foreground", "background"
MOVED = ", mask moved"
PARTS: dict[str, Condition] = {
    name: (name, 1.0) for name in (FOREGROUND, BACKGROUND, FOREGROUND + MOVED, BACKGROUND + MOVED)
}
CLAIMED = {"W6a": PARTS[FOREGROUND], "W6b": PARTS[BACKGROUND]}  # part of the claim → its condition


def show_parts(images: torch.Tensor, masks: torch.Tensor) -> dict[str, torch.Tensor]:
    """Images (n, 3, height, width) from 0, which is black, on: what `PARTS` names of them.

    Args:
        masks: the pixels of the object, (n, height, width) bool.
    """
    moved = masks.roll((masks.shape[1] // 2, masks.shape[2] // 2), (1, 2))
    hidden = (~masks, masks, ~moved, moved)
    return {name: paint(images, each, torch.zeros(3)) for name, each in zip(PARTS, hidden, strict=True)}
