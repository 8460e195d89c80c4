"""Probes on several blocks together: by hand, and on a model whose last block forgets."""

import numpy as np
import pytest
import timm
import torch

from seelike.measures import block_ensembles
from seelike.measures.block_ensembles import Ensembles, probe_ensembles, vary_ensembles
from seelike.measures.probes import choose_folds


def test_the_gain_is_of_the_last_half_over_the_last_block():
    found = Ensembles(np.array([[0.5, 0.6, 0.7], [0.4, 0.4, 0.4], [0.1, 0.3, 0.4]]))
    assert list(found.sizes) == [1, 2, 3]
    assert found.gains() == pytest.approx([0.5 / 3, 0.15, 0.25, 0.1])
    assert found.array().values == pytest.approx([1 / 3, 1.3 / 3, 0.5])


def test_what_the_last_block_forgets_is_found_in_the_ones_before():
    model = timm.create_model("vit_pocket_patch8_56", img_size=16).eval()
    model.blocks[-1].attn.proj.weight.data.zero_()
    labels = torch.arange(60) % 2
    images = torch.randn(60, 3, 16, 16, generator=torch.Generator().manual_seed(0)) + 2.0 * labels[:, None, None, None]
    folds = choose_folds(labels, n_draws=2, shots=5)
    before = probe_ensembles(model, images.split(20), labels, folds)
    model.blocks[-1].register_forward_hook(lambda module, inputs, output: torch.zeros_like(output))
    after = probe_ensembles(model, images.split(20), labels, folds)
    assert before.accuracy.shape == (2, 4)
    assert after.accuracy[:, 0].mean() < 0.7 < after.accuracy[:, 1].mean()
    assert after.gains()[0] > 0.2 > abs(before.gains()[0])


def test_the_probes_see_the_cls_tokens_side_by_side(monkeypatch):
    widths = {}
    monkeypatch.setattr(
        block_ensembles,
        "measure_accuracy",
        lambda features, labels, folds: (
            widths.update({size: x.shape for size, x in features.items()}) or np.zeros((1, 4))
        ),
    )
    model = timm.create_model("vit_pocket_patch8_56", img_size=16).eval()
    probe_ensembles(model, torch.randn(2, 6, 3, 16, 16), torch.arange(12) % 2, [])
    assert widths == {size: (12, 64 * size) for size in range(1, 5)}


def test_the_published_way_is_one_of_all():
    model = timm.create_model("vit_pocket_patch8_56", img_size=16).eval()
    labels = torch.arange(60) % 2
    images = torch.randn(60, 3, 16, 16, generator=torch.Generator().manual_seed(0)) + labels[:, None, None, None]
    folds = {"ten": choose_folds(labels, n_draws=2, shots=5), "five": choose_folds(labels, n_draws=2, shots=3)}
    found = list(vary_ensembles(model, images.split(20), labels, folds))
    options = {name: {choices[name] for choices, _ in found} for name in ("readout", "depth", "shots")}
    assert options == {"readout": {"CLS", "pooled"}, "depth": {"halves", "thirds"}, "shots": {"ten", "five"}}
    own = {"readout": "CLS", "shots": "ten", "depth": "halves"}
    (published,) = [each for choices, each in found if choices == own]
    expected = probe_ensembles(model, images.split(20), labels, folds["ten"])
    np.testing.assert_allclose(published.accuracy, expected.accuracy[:, [0, -1]])
    assert len({tuple(each.accuracy.flatten()) for _, each in found}) > 2


def test_without_cls_pooled_tokens_stand_for_it():
    model = timm.create_model("vit_pocket_patch8_gap_56", img_size=16).eval()
    labels = torch.arange(24) % 2
    images = torch.randn(24, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    found = list(vary_ensembles(model, [images], labels, {"ten": choose_folds(labels, n_draws=2, shots=2)}))
    (cls, _, pooled, _) = (each.accuracy for _, each in found)
    np.testing.assert_array_equal(cls, pooled)
