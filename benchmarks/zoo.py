"""How long loading takes: seconds for each bundled architecture, its hash checked, and beside a forward pass.

`make bench`. A chapter should have a model in less than a second.
"""

import time

import timm
import torch

from seelike import zoo


def main() -> None:
    torch.set_num_threads(1)
    images = torch.zeros(100, 3, 56, 56)
    for name in zoo.ARCHITECTURES:
        start = time.perf_counter()
        model = timm.create_model(name, pretrained=True).eval()
        loading = time.perf_counter() - start
        with torch.inference_mode():
            start = time.perf_counter()
            model(images)
        forward = time.perf_counter() - start
        print(f"{name}: loaded in {loading:.2f} s, {loading / forward:.2f} of a forward pass of 100 images")


if __name__ == "__main__":
    main()
