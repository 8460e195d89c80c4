"""What measuring costs beside the forward pass itself: ratios, all taken in one run on one machine.

`make bench`. Times are the best of three; each pass sees the same 256 drawings in minibatches of 64.
"""

import time

import numpy as np
import timm
import torch

import seelike
from seelike.activations import stream
from seelike.cka import CKA, gram
from seelike.layers import find_layers

assert seelike.zoo.NAMES  # importing seelike registers its models


def best_of_three(work) -> float:
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def forward(model, batches) -> None:
    with torch.inference_mode():
        for images in batches:
            model(images)


def measure(model, batches, names) -> None:
    cka = CKA()
    for grams in stream(model, batches, names, gram):
        cka.update(grams)
    cka.result()


def pairs_one_by_one(grams: list[torch.Tensor]) -> np.ndarray:
    return np.array([[float((a * b).sum()) for b in grams] for a in grams])


def main() -> None:
    batches = list(torch.randn(4, 64, 3, 56, 56, generator=torch.Generator().manual_seed(0)))
    print(f"{'model':24}{'layers':>8}{'measured / forward alone':>28}")
    for name in ("vit_pocket_patch8_56", "resnet_pocket"):
        model = timm.create_model(name).eval()
        for layers in ("blocks", "all"):
            names = [layer.name for layer in find_layers("vit", model, layers, batches[0][:1])]
            alone = best_of_three(lambda model=model: forward(model, batches))
            both = best_of_three(lambda model=model, names=names: measure(model, batches, names))
            print(f"{name:24}{len(names):8}{both / alone:28.2f}")
    grams = [gram(torch.randn(64, 500)) for _ in range(100)]
    flat = torch.stack([g.flatten() for g in grams])
    ratio = best_of_three(lambda: pairs_one_by_one(grams)) / best_of_three(lambda: flat @ flat.T)
    print(f"all pairs of 100 layers: one by one / one matrix product = {ratio:.0f}")


if __name__ == "__main__":
    main()
