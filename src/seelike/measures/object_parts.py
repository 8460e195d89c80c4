"""Foreground and background apart: Ghiasi et al. (2022), Fig. 7 and Table 2.

With the *foreground* alone all outside the box around the object is painted black, with the *background* alone the box:
a hole of the object's own outline would still show it. The control paints as many pixels elsewhere: the box is moved
by half of the image, down and to the right, and what leaves it comes in at the other side. Then the window shows
another place, and the hole leaves most of the object alone.
"""

from collections.abc import Sequence
from functools import partial

import torch

from seelike.measures.kept import Condition
from seelike.measures.perturbations import Change, paint

FOREGROUND, BACKGROUND = "foreground", "background"
MOVED = ", box moved"
PARTS: dict[str, Condition] = {
    name: (name, 1.0) for name in (FOREGROUND, BACKGROUND, FOREGROUND + MOVED, BACKGROUND + MOVED)
}
CLAIMED = {"W6a": PARTS[FOREGROUND], "W6b": PARTS[BACKGROUND]}  # part of the claim → its condition


def hide_parts(masks: torch.Tensor) -> dict[str, torch.Tensor]:
    """What is painted black in each of `PARTS`, (n, height, width) bool, as `masks`, the pixels of the object, are."""
    boxes = find_boxes(masks)
    moved = boxes.roll((masks.shape[1] // 2, masks.shape[2] // 2), (1, 2))
    return dict(zip(PARTS, (~boxes, boxes, ~moved, moved), strict=True))


def find_boxes(masks: torch.Tensor) -> torch.Tensor:
    """The smallest upright box around the pixels of each mask, (n, height, width) bool; none around none."""
    rows, columns = (masks.any(axis, keepdim=True) for axis in (2, 1))
    return _fill(rows, 1) & _fill(columns, 2)


def _fill(there: torch.Tensor, axis: int) -> torch.Tensor:
    """From the first to the last along an axis."""
    from_first, from_last = (each.int().cummax(axis).values.bool() for each in (there, there.flip(axis)))
    return from_first & from_last.flip(axis)


def list_parts(masks: torch.Tensor, black: torch.Tensor) -> dict[Condition, Change]:
    """Condition → change of images in which a colour (3,) is black."""
    return {PARTS[name]: partial(_hide, hidden=hidden, black=black) for name, hidden in hide_parts(masks).items()}


def _hide(images: torch.Tensor, numbers: Sequence[int], hidden: torch.Tensor, black: torch.Tensor) -> torch.Tensor:
    return paint(images, hidden[list(numbers)], black)
