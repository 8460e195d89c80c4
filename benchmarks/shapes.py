"""How long drawing takes: seconds for a thousand images on one core, and beside a forward pass of the pocket ViT.

`make bench`. Ten thousand images should take less than 30 s on two cores.
"""

import time

import timm
import torch

import seelike
from seelike.accuracy import normalize
from seelike.shapes import Shapes

assert seelike.zoo.NAMES  # importing seelike registers its models


def main() -> None:
    torch.set_num_threads(1)
    model = timm.create_model("vit_pocket_patch8_56").eval()
    start = time.perf_counter()
    images, _ = Shapes("test").stack(1000)
    drawing = time.perf_counter() - start
    with torch.inference_mode():
        start = time.perf_counter()
        for part in images.split(100):
            model(normalize(part))
    forward = time.perf_counter() - start
    print(f"1,000 drawings: {drawing:.1f} s on one core, {drawing / forward:.2f} of a forward pass of the pocket ViT")


if __name__ == "__main__":
    main()
