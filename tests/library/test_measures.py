"""The other calls: what they give is what the measures give, on timm's, torchvision's and hand-written modules."""

import json

import numpy as np
import pytest
import timm
import torch
import torchvision
from torch import nn

import seelike as sl
from seelike.measures import attention_distance, norm_ratio, receptive_field, token_patch_cka
from seelike.measures.probes import choose_folds, measure_accuracy
from seelike.system.errors import InputError


@pytest.fixture
def minibatches(generator):
    return [torch.randn(6, 3, 56, 56, generator=generator) for _ in range(8)]


@pytest.fixture
def vit():
    return timm.create_model("vit_pocket_patch8_56.shapes", pretrained=True)


def test_attention_distance_is_that_of_the_measure_in_pixels(vit, minibatches):
    found, expected = sl.attention_distance(vit, minibatches), attention_distance.measure_distances(vit, minibatches)
    np.testing.assert_array_equal(found.values, expected.values)
    assert json.loads(found.to_json())["units"] == "px"
    assert json.loads(found.to_json())["uniform"] == pytest.approx(expected.uniform, abs=1e-6)
    lowest = found.estimate(np.min)
    assert lowest.low <= lowest.effect == found.values.min() <= lowest.high


def test_token_patch_cka_has_the_scores_of_the_measure(vit, minibatches):
    found, expected = sl.token_patch_cka(vit, minibatches), token_patch_cka.compare_with_patches(vit, minibatches)
    np.testing.assert_array_equal(found.values, expected.cka())
    np.testing.assert_array_equal(found.localization_score, expected.scores())
    assert found.axes["patch"][8] == "1,1" and found.edge_score.axes["layer"][0] == "pixels"


def test_norm_ratio_is_that_of_the_measure_by_kind(vit, minibatches):
    found, expected = sl.norm_ratio(vit, minibatches), norm_ratio.measure_ratios(vit, minibatches).arrays()
    np.testing.assert_array_equal(found.by_kind, expected["norm_ratio"].values)
    np.testing.assert_array_equal(found.cosine, expected["skip_cosine"].values)
    np.testing.assert_array_equal(found.by_token, expected["norm_ratio_tokens"].values)
    np.testing.assert_array_equal(found.identity_skip, expected["identity_skip"].values)
    assert found.by_kind.axes == found.axes == expected["norm_ratio"].axes


def test_receptive_field_of_images_or_of_a_loader(minibatches):
    resnet = torchvision.models.resnet18()
    found = sl.receptive_field(resnet, torch.cat(minibatches), layers=["layer1", "layer4"])
    expected = receptive_field.estimate_fields(resnet, [torch.cat(minibatches)], ["layer1", "layer4"])
    np.testing.assert_allclose(found.values, expected.radii())
    np.testing.assert_allclose(found.maps, expected.raster())
    assert found.values[0] < found.values[1] and found.own_share.values[0] > 0
    again = sl.receptive_field(resnet, iter(minibatches), layers=["layer1", "layer4"])
    assert again.n_draws == 48 and again.values == pytest.approx(found.values, rel=0.2)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_receptive_field_in_whatever_mode_the_caller_is(vit, minibatches, mode):
    expected = sl.receptive_field(vit, minibatches).values
    with mode():
        found = sl.receptive_field(vit, [images * 1 for images in minibatches])
        assert torch.is_inference_mode_enabled() == (mode is torch.inference_mode) and not torch.is_grad_enabled()
    np.testing.assert_array_equal(found.values, expected)


def test_a_model_that_cannot_be_differentiated_is_refused(minibatches):
    with torch.inference_mode():
        resnet = torchvision.models.resnet18()
    with pytest.raises(InputError, match="model must not .*inference_mode"):
        sl.receptive_field(resnet, minibatches, layers=["layer1"])


@pytest.mark.parametrize("call", [sl.cka, sl.receptive_field])
def test_a_layer_that_runs_twice_is_refused(call, minibatches):
    with pytest.raises(InputError, match=r"layer layer1\.0\.relu runs more than once"):
        call(torchvision.models.resnet18(), minibatches, layers=["layer1.0.relu"])


def test_probe_is_that_of_the_measure(generator):
    labels = torch.arange(300) % 3
    features = torch.randn(300, 5, generator=generator) + 2 * nn.functional.one_hot(labels, 5)
    found = sl.probe({"a": features, "b": features[:, None].numpy()}, labels.numpy(), shots=5)
    expected = measure_accuracy({"a": features}, labels, choose_folds(labels, shots=5))
    np.testing.assert_array_equal(found.draws, np.repeat(expected, 2, 1))
    assert found.estimate(lambda accuracy: accuracy[0]).effect == pytest.approx(expected.mean())


@pytest.mark.parametrize(
    "features, labels, named",
    [
        (torch.ones(30, 2), torch.arange(30) % 2, "labels must give two classes"),
        (torch.ones(30, 2), torch.ones(30), "labels must be whole numbers"),
        (torch.ones(29, 2), torch.arange(30) % 2, "n = 30"),
        (torch.ones(30), torch.arange(30) % 2, "features must have shape"),
        ({}, torch.arange(30) % 2, "at least one layer"),
        (torch.full((400, 2), torch.nan), torch.arange(400) % 2, "features must be finite"),
        ([["a"]] * 30, torch.arange(30) % 2, "features must be an array of numbers"),
    ],
)
def test_probe_refuses_what_it_cannot_read(features, labels, named):
    with pytest.raises(InputError, match=named):
        sl.probe(features, labels)


@pytest.mark.parametrize("call", [sl.attention_distance, sl.token_patch_cka, sl.norm_ratio])
def test_a_model_of_another_kind_is_refused(call, minibatches):
    with pytest.raises(InputError, match="vit must be|vit .*has none"):
        call(nn.Sequential(nn.Conv2d(3, 4, 3)), minibatches)
    with pytest.raises(InputError, match="vit must be a torch.nn.Module"):
        call(None, minibatches)


def test_a_result_is_saved_as_it_is_loaded(vit, minibatches, tmp_path):
    found = sl.norm_ratio(vit, minibatches[:1])
    table = found.to_dataframe()
    assert table.loc["blocks.0.attn", "CLS"] == found.values[0, 0]
    saved = json.loads(found.save(tmp_path / "ratio.json").read_text())
    assert saved["axes"] == found.axes and np.array(saved["values"]) == pytest.approx(found.values, abs=1e-6)
