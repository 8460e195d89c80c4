"""The area under the share of accuracy kept over the cut-off."""

import numpy as np
import pytest
import torch

from seelike.measures import fine_detail
from seelike.measures.fine_detail import CUTOFFS, FILTERED, list_filters
from seelike.measures.kept import INTACT, Kept


def make(*shares: float) -> Kept:
    accuracy = {each: np.full(8, 0.1 + 0.8 * share) for each, share in zip(FILTERED, shares, strict=True)}
    return Kept({INTACT: np.full(8, 0.9), **accuracy}, 0.1)


def test_the_area_is_the_integral_of_a_straight_line():
    vit, cnn = make(*CUTOFFS), make(*[1.0] * 5)  # a diagonal, and a model that needs no detail
    terms = fine_detail.compare_areas(vit, cnn)
    assert terms["vit",] == pytest.approx([0.5] * 9) and terms["cnn",] == pytest.approx([-1.0] * 9)
    assert fine_detail.array(vit).axes == {"cut-off": list(CUTOFFS)}
    assert fine_detail.array(vit).values == pytest.approx(CUTOFFS)


def test_more_passes_a_higher_cutoff():
    images = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    energy = [float(change(images, range(2)).square().sum()) for change in list_filters().values()]
    assert energy == sorted(energy) and energy[0] < energy[-1] < float(images.square().sum())
