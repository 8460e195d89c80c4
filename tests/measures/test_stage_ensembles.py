"""Probes on several stages together: which blocks end stages, what probes see, what an earlier stage adds."""

import pytest
import timm
import torch

from seelike.measures import stage_ensembles
from seelike.measures.probes import Fold, choose_folds
from seelike.measures.stage_ensembles import find_ends, probe_stages

LABELS = torch.arange(60) % 2


def draw_images() -> torch.Tensor:
    """Dark ones and light ones."""
    noise = torch.rand(60, 3, 16, 16, generator=torch.Generator().manual_seed(0)) / 5
    return noise + 0.6 * LABELS[:, None, None, None] - 0.3


def test_the_last_block_of_each_stage_ends_it():
    assert find_ends({"a.0": "a", "a.1": "a", "b.0": "b"}) == ("a.1", "b.0")
    assert find_ends({"blocks.0": "", "blocks.1": ""}) == ("blocks.1",)


def test_probes_see_pooled_channels_of_the_last_stages_side_by_side(monkeypatch):
    widths = {}

    def measure(features, labels, folds):
        widths.update({size: x.shape for size, x in features.items()})
        return torch.zeros(1, len(features)).numpy()

    monkeypatch.setattr(stage_ensembles, "measure_accuracy", measure)
    found = probe_stages(timm.create_model("resnet_pocket").eval(), torch.randn(2, 6, 3, 16, 16), LABELS[:12], [])
    assert widths == {"1": (12, 160), "2": (12, 224), "3": (12, 256), "4": (12, 272)}
    assert found.axes == {"last stages": [1, 2, 3, 4]} and found.values.shape == (4,)


def test_what_the_last_stage_forgets_is_found_in_the_one_before():
    model = timm.create_model("resnet_pocket.shapes", pretrained=True).eval()
    folds = choose_folds(LABELS, n_draws=2, shots=5)
    before = probe_stages(model, draw_images().split(20), LABELS, folds).values
    model.stages[-1].blocks[-1].register_forward_hook(lambda module, inputs, output: torch.zeros_like(output))
    after = probe_stages(model, draw_images().split(20), LABELS, folds).values
    assert before[0] > 0.8 and after[0] < 0.7 < after[1]


def test_a_model_without_stages_has_one():
    model = timm.create_model("vit_pocket_patch8_56", img_size=16).eval()
    found = probe_stages(model, draw_images().split(20), LABELS, choose_folds(LABELS, n_draws=2, shots=5))
    assert found.values.shape == (1,) and found.values[0] > 0.6


def test_images_in_another_order_with_their_labels_change_nothing_but_the_folds():
    model = timm.create_model("resnet_pocket").eval()
    folds, order = choose_folds(LABELS, n_draws=2, shots=5), torch.arange(60).roll(10)
    moved = [Fold((fold.train + 10) % 60, (fold.test + 10) % 60, fold.n_held_out) for fold in folds]
    one = probe_stages(model, draw_images().split(20), LABELS, folds)
    other = probe_stages(model, draw_images()[order].split(20), LABELS[order], moved)
    assert other.values == pytest.approx(one.values)
