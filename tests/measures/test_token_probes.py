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
from seelike.measures.token_kinds import TokenKinds
from seelike.measures.token_probes import Readout, find_terms
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
    ends = token_probes.probe_tokens(model, images.split(100), labels, folds, None, most_blocks=2)
    np.testing.assert_allclose(ends.accuracy["pooled"], found.accuracy["pooled"][:, [0, -1]])
    assert ends.blocks == (found.blocks[0], found.blocks[-1]) and ends.r2 == {}
    assert ends.n_classes == found.n_classes == 10


def test_what_can_be_read_off_is_learned(drawings):
    images, labels, _, folds = drawings
    accuracy = {}
    for role, name in (("vit", "vit_pocket_patch8_56"), ("vit_gap", "vit_pocket_patch8_gap_56")):
        for pretrained in (True, False):
            model = timm.create_model(name, pretrained=pretrained).eval()
            found = token_probes.probe_tokens(model, [images], labels, folds, most_blocks=2)
            accuracy[role, pretrained] = {kind: found.replicates(kind)[0] for kind in found.accuracy}
    assert accuracy["vit", True]["CLS"] > accuracy["vit", False]["CLS"] + 0.3
    gain = {
        trained: accuracy["vit_gap", trained]["single"] - accuracy["vit", trained]["single"]
        for trained in (True, False)
    }
    assert gain[True] > 0.2 > 0.1 > abs(gain[False])  # L5 is learned


def by_hand(n_blocks: int = 3, n_classes: int = 5, **last: float) -> Readout:
    """Some blocks, eight draws that agree; single tokens of the first block have 0.3, all others but the last 0.9."""
    accuracy = {kind: np.tile([0.3 if kind == "single" else 0.9, 0.9, value], (8, 1)) for kind, value in last.items()}
    kept = {kind: draws[:, -n_blocks:] for kind, draws in accuracy.items()}
    return Readout(("a", "b", "c")[-n_blocks:], kept, {}, n_classes)


def weigh(**found: Readout) -> dict[str, dict]:
    """Part → roles → its value from all draws."""
    return {part: {roles: float(each[0]) for roles, each in of.items()} for part, of in find_terms(found).items()}


def test_effects_are_sums_of_a_term_for_each_model():
    cls, gap = by_hand(single=0.25, CLS=0.8, pooled=0.5), by_hand(single=0.6, pooled=0.75)
    found = weigh(vit=cls, vit_gap=gap, cnn=gap)
    expected = {
        "L5a": {("vit_gap",): 0.6, ("vit",): -0.25},
        "L5b": {("vit",): 0.25 - 0.2},
        "L6a": {("vit",): 0.8 - 0.5},
        "L6b": {("vit_gap",): 0.75 - 0.6},
        "L8a": {("vit",): 0.8, ("vit_gap",): -0.75},
        "L8b": {("vit",): 0.8, ("vit_gap",): -0.75},
        "L9a": {("vit_gap",): 0.6 - 0.3},
        "L9b": {("vit_gap",): 0.75 - 0.6},
        "L9c": {("vit_gap",): 0.3 - 1 / 5},
    }
    assert found == {part: pytest.approx(terms) for part, terms in expected.items()}


def test_only_first_and_last_block_matter():
    every, ends = by_hand(single=0.25, CLS=0.8, pooled=0.5), by_hand(single=0.25, CLS=0.8, pooled=0.5)
    every.accuracy["single"][:, 1] = 0
    assert weigh(vit=every, vit_gap=every) == weigh(vit=ends, vit_gap=ends)
    every.accuracy["single"][:, 0] = 0
    assert weigh(vit=every, vit_gap=every)["L9a"] != weigh(vit=ends, vit_gap=ends)["L9a"]


def test_chance_is_that_of_the_probed_classes():
    gap = by_hand(single=0.6, pooled=0.7)
    found = [weigh(vit=by_hand(n_classes=n, single=0.5), vit_gap=gap) for n in (2, 10)]
    assert [terms["L5b"] for terms in found] == [{("vit",): pytest.approx(0)}, {("vit",): pytest.approx(0.4)}]


def test_claims_without_their_models_or_blocks_are_left_out():
    gap = by_hand(single=0.6, pooled=0.7)
    assert find_terms({"vit": gap}) == find_terms({}) == {}
    assert sorted(weigh(vit=gap, vit_gap=gap)) == ["L5a", "L5b", "L9a", "L9b", "L9c"]  # no CLS token to read
    assert sorted(weigh(vit=gap, vit_gap=by_hand(n_blocks=1, single=0.6, pooled=0.7))) == ["L5a", "L5b"]


def test_replicates_leave_out_a_draw_each():
    gap = by_hand(single=0.6, pooled=0.7)
    gap.accuracy["single"][:, -1] = np.arange(8) / 10
    expected = [0.35, *((2.8 - draw / 10) / 7 for draw in range(8))]
    np.testing.assert_allclose(find_terms({"vit": gap, "vit_gap": gap})["L5a"]["vit_gap",], expected)


def test_arrays_are_means_over_draws_by_kind_and_layer():
    found = by_hand(n_blocks=2, single=0.2, pooled=0.5)
    found.accuracy["single"][0, 1] = 1.0
    arrays = token_probes.arrays({"cnn": found})
    assert list(arrays) == ["probe_accuracy"]  # no positions were known
    array = arrays["probe_accuracy"]["cnn"]
    assert array.axes == {"kind": ["single", "pooled"], "layer": ["b", "c"]}
    np.testing.assert_allclose(array.values, [[0.9, 0.3], [0.9, 0.5]])
