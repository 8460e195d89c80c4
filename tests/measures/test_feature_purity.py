"""Purity by hand and by loops; what is read of a model; effects of features that go by a known cue."""

import numpy as np
import pytest
import timm
import torch

from seelike.activations.architecture import Architecture
from seelike.activations.flattened import stream
from seelike.measures.feature_purity import KINDS, MLP, QKV, Purity, measure_purity, read_features
from seelike.measures.runner import Cast, feed

CUES = ("outline", "texture", "hue")


def test_the_share_of_the_most_frequent_value_among_the_most_activating():
    activations = torch.tensor([[5.0, 0], [4, 1], [3, 2], [2, 3], [1, 4]])
    cues = torch.tensor([[0, 2], [0, 1], [1, 0], [1, 1], [1, 1]])
    assert measure_purity(activations, cues, most=3) == pytest.approx(np.array([[2 / 3, 1 / 3], [1, 2 / 3]]))


def test_purity_agrees_with_counting_one_by_one():
    generator = torch.Generator().manual_seed(0)
    activations, cues = torch.randn(40, 7, generator=generator), torch.randint(5, (40, 3), generator=generator)
    for feature, found in enumerate(measure_purity(activations, cues)):
        top = sorted(range(40), key=lambda i: -activations[i, feature])[:16]
        expected = [max(sum(int(cues[i, cue] == value) for i in top) for value in range(5)) / 16 for cue in range(3)]
        assert found == pytest.approx(expected)


def test_to_rename_the_values_of_a_cue_changes_nothing_but_to_shuffle_them_does():
    generator = torch.Generator().manual_seed(0)
    cues = torch.randint(5, (200, 1), generator=generator)
    activations = (cues == 2).float() + 0.1 * torch.randn(200, 4, generator=generator)
    assert measure_purity(activations, cues) == pytest.approx(np.ones((4, 1)))
    assert measure_purity(activations, (cues + 1) % 5) == pytest.approx(np.ones((4, 1)))
    assert measure_purity(activations, cues[torch.randperm(200, generator=generator)]).max() < 0.8


def make(n=160) -> Purity:
    """Two features a block and kind; MLP features go by texture in the first block, by outline in the last."""
    generator = torch.Generator().manual_seed(0)
    cues = torch.randint(5, (n, 3), generator=generator)
    noise = 0.1 * torch.randn(2, n, 3, 2, generator=generator)
    noise[0, :, 0] += (cues[:, 1] == 0).float()[:, None]
    noise[0, :, 2] += (cues[:, 0] == 0).float()[:, None]
    return Purity(("a", "b", "c"), dict(zip(KINDS, noise, strict=True)), cues, CUES, 8)


def test_effects_of_features_that_go_by_a_known_cue():
    found = make()
    assert found.array().axes == {"features": list(KINDS.values()), "block": ["a", "b", "c"], "cue": list(CUES)}
    assert found.array().values[0, 0, 1] == found.array().values[0, 2, 0] == 1
    assert found.kinds_apart()[0] > 0.2 and len(found.kinds_apart()) == 9
    rise = found.cues_by_depth("outline", "texture")
    assert rise[0] > 0.8
    assert found.cues_by_depth("texture", "outline") == pytest.approx(-rise)
    assert abs(found.cues_by_depth("hue", "hue")).max() == 0


def test_the_most_activating_images_are_shown_best_first():
    found = make()
    shown = found.shown_array()
    assert shown.values.shape == (12, 8)
    feature = found.features[MLP][:, 2, 0]
    assert feature[shown.values[8].astype(int)].tolist() == feature.sort(descending=True)[0][:8].tolist()


def test_features_are_means_over_the_patch_tokens_alone():
    model = timm.create_model("vit_pocket_patch8_56", img_size=16).eval()
    images = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    read = read_features(Architecture.of(model, images), 4)
    cast = Cast({"vit": model})
    cast.add("vit", read)
    found = feed([{"vit": images}], cast)[read]
    assert len(found) == 16
    (raw,) = stream(model, [images], [f"blocks.3.{MLP}", f"blocks.3.{QKV}"])
    for kind, width in ((MLP, 256), (QKV, 192)):
        tokens = raw[f"blocks.3.{kind}"].view(4, 5, width)
        torch.testing.assert_close(found[f"blocks.3.{kind}"], tokens[:, 1:].mean(1))
