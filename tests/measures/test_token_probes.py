"""Probes by block and kind of token: agreement with the parts, effects by hand, what training adds."""

import numpy as np
import pytest
import timm
import torch

from seelike.images.shapes import Shapes
from seelike.measures import token_probes
from seelike.measures.features import Features
from seelike.measures.probes import choose_folds, measure_accuracy, measure_r2
from seelike.measures.runner import feed_one
from seelike.measures.token_probes import Readout, TokenKinds, compare
from seelike.training.accuracy import normalize


@pytest.fixture(scope="module")
def drawings():
    images, labels = Shapes("test").stack(240)
    centers = torch.tensor([Shapes("test").drawing(i).center for i in range(240)])
    return normalize(images), labels, centers, choose_folds(labels, n_draws=2)


def test_every_block_and_kind_is_probed_as_it_would_be_alone(drawings):
    images, labels, centers, folds = drawings
    model = timm.create_model("resnet_pocket", pretrained=True).eval()
    found = token_probes.probe_tokens(model, images.split(100), labels, folds, centers)
    read = lambda own: Features(TokenKinds(own.blocks()), 240)  # noqa: E731
    features = feed_one(model, images.split(60), read)
    assert list(found.accuracy) == ["single", "pooled"] and len(found.blocks) == 10
    last = {"last": features["single", found.blocks[-1]]}
    np.testing.assert_allclose(found.accuracy["single"][:, -1:], measure_accuracy(last, labels, folds))
    np.testing.assert_allclose(found.r2["single"][:, -1:], measure_r2(last, centers, folds), rtol=1e-3, atol=1e-4)
    beside = {"last": last["last"].reshape(240, -1)}
    np.testing.assert_allclose(
        found.r2["side by side"][:, -1:], measure_r2(beside, centers, folds), rtol=1e-3, atol=1e-4
    )
    alone = token_probes.probe_tokens(model, images.split(100), labels, folds, None, last_only=True)
    np.testing.assert_allclose(alone.accuracy["pooled"], found.accuracy["pooled"][:, -1:])
    assert alone.blocks == found.blocks[-1:] and alone.r2 == {}


def test_what_can_be_read_off_is_learned(drawings):
    images, labels, _, folds = drawings
    accuracy = {}
    for role, name in (("vit", "vit_pocket_patch8_56"), ("vit_gap", "vit_pocket_patch8_gap_56")):
        for pretrained in (True, False):
            model = timm.create_model(name, pretrained=pretrained).eval()
            found = token_probes.probe_tokens(model, [images], labels, folds, last_only=True).accuracy
            accuracy[role, pretrained] = {kind: float(draws.mean()) for kind, draws in found.items()}
    assert accuracy["vit", True]["CLS"] > accuracy["vit", False]["CLS"] + 0.3
    gain = {
        trained: accuracy["vit_gap", trained]["single"] - accuracy["vit", trained]["single"]
        for trained in (True, False)
    }
    assert gain[True] > 0.2 > 0.1 > abs(gain[False])  # L5 is learned


def by_hand(**last: float) -> Readout:
    """Two blocks, six draws that agree; the first block's numbers do not matter."""
    return Readout(("a", "b"), {kind: np.tile([0.9, value], (6, 1)) for kind, value in last.items()}, {})


def test_effects_compare_the_last_blocks():
    cls, gap = by_hand(single=0.2, CLS=0.8, pooled=0.5), by_hand(single=0.6, pooled=0.7)
    found = compare({"vit": cls, "vit_gap": gap, "cnn": gap}, 0)
    assert found["L5"].effect == pytest.approx(0.4)
    assert found["L6"].effect == pytest.approx((0.8 - 0.5) - (0.7 - 0.6))
    turned = compare({"vit": gap, "vit_gap": cls}, 0)
    assert turned["L5"].effect == pytest.approx(-0.4)
    assert "L6" not in turned  # no CLS token to read
    assert compare({"vit": cls}, 0) == compare({}, 0) == {}


def test_intervals_are_over_draws():
    vit, gap = by_hand(single=0.2, CLS=0.8, pooled=0.5), by_hand(single=0.6, pooled=0.7)
    gap.accuracy["single"][:, 1] += np.linspace(-0.1, 0.1, 6)
    found = compare({"vit": vit, "vit_gap": gap}, 0)
    assert found["L5"].low < 0.38 < 0.42 < found["L5"].high


def test_arrays_are_means_over_draws_by_kind_and_layer():
    found = by_hand(single=0.2, pooled=0.5)
    found.accuracy["single"][0, 1] = 0.8
    arrays = token_probes.arrays({"cnn": found})
    assert list(arrays) == ["probe_accuracy"]  # no positions were known
    array = arrays["probe_accuracy"]["cnn"]
    assert array.axes == {"kind": ["single", "pooled"], "layer": ["a", "b"]}
    np.testing.assert_allclose(array.values, [[0.9, 0.3], [0.9, 0.5]])
