"""One small part of the results on photographs, recomputed where they lie, by a formula of its own.

The photographs do not come with the project: the folder is `SEELIKE_CIFAR10`, or `shared/data` beside the checkout.
"""

import os

import numpy as np
import pytest
import timm
import torch

import seelike.models  # noqa: F401
from seelike.images.photographs import ENVIRONMENT, Photographs
from seelike.results.results import Result
from seelike.system.paths import REPOSITORY, RESULTS

FOLDER = os.environ.get(ENVIRONMENT) or str(REPOSITORY.parent / "shared" / "data")
PUBLISHED = RESULTS / "cifar10" / "uniformity.json"
BLOCKS = ("blocks.1", "blocks.6")


def hsic(x, y):
    """HSIC₁ of Song et al. (2012), written out."""
    n = len(x)
    k, m = x @ x.T, y @ y.T
    np.fill_diagonal(k, 0)
    np.fill_diagonal(m, 0)
    total = np.trace(k @ m) + k.sum() * m.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (k @ m).sum()
    return total / (n * (n - 3))


def read_blocks(name, images):
    """The flattened outputs of two blocks, by hooks on timm's own model."""
    model, kept = timm.create_model(name, pretrained=True).eval(), {}
    for block in BLOCKS:
        keep = lambda module, _, output, block=block: kept.update({block: output.flatten(1).double().numpy()})  # noqa: E731
        model.get_submodule(block).register_forward_hook(keep)
    with torch.inference_mode():
        model(images.float() / 127.5 - 1)
    return [kept[block] for block in BLOCKS]


@pytest.mark.skipif(
    not os.path.exists(os.path.join(FOLDER, "cifar10-test.tar")), reason=f"no photographs of CIFAR-10 in {FOLDER}"
)
@pytest.mark.skipif(not PUBLISHED.is_file(), reason="results/cifar10 is not published yet")
def test_published_cka_of_two_blocks_is_that_of_a_slow_formula():
    result = Result.load(PUBLISHED)
    n_images, size = result.provenance["dataset"]["images"], result.parameters["batch_size"]
    source = Photographs(result.parameters["split"], FOLDER)
    order = torch.randperm(len(source), generator=torch.Generator().manual_seed(result.parameters["seed"]))
    images = torch.from_numpy(source.images[order[:n_images].numpy()]).permute(0, 3, 1, 2)
    sums = np.zeros(3)
    for batch in images.split(size):
        x, y = read_blocks(result.parameters["vit"], batch)
        sums += hsic(x, y), hsic(x, x), hsic(y, y)
    published = result.measures["cka"]["vit"]
    low, high = (published.axes["layer"].index(block) for block in BLOCKS)
    assert published.values[low][high] == pytest.approx(sums[0] / np.sqrt(sums[1] * sums[2]), abs=1e-5)
    assert 0.05 < published.values[low][high] < 0.95
