"""Importing this draws the images that most pages look at: what is forked from a process that did has them drawn."""

from seelike.images.datasets import draw
from seelike.images.shapes import Shapes

SEED = 0  # of their choice, as in all chapters
MOST = {"validation": 1024, "test": 2000}  # images that a chapter chooses of a split

for split, n_images in MOST.items():
    images = Shapes(split)
    for index in draw(images, n_images, SEED).indices[:n_images]:
        images.drawing(index)
