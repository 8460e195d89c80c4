"""`sl.cka`: any module, as it was afterwards; representations against a slow oracle; the chapter's own arrays."""

import json
from dataclasses import astuple
from itertools import islice

import numpy as np
import pytest
import timm
import torch
import torchvision
from torch import nn

import seelike as sl
from seelike.chapters import uniformity
from seelike.images.datasets import DRAWN
from seelike.measures.intervals import estimate
from seelike.results import json_text
from seelike.results.results import Result
from seelike.system.errors import InputError
from seelike.system.paths import RESULTS

VIT, CNN = "vit_pocket_patch8_56.shapes", "resnet_pocket.shapes"


class HandWritten(nn.Module):
    """Two convolutions, and layers that return what is no single tensor."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, stride=2), nn.Conv2d(4, 6, 3, stride=2)
        self.norm, self.pair, self.answer, self.turned = nn.BatchNorm2d(4), Pair(), Answer(), Turned()
        self.nothing, self.never = Nothing(), nn.Identity()

    def forward(self, images):
        x = self.norm(self.first(images)).relu_()
        self.pair(x), self.answer(x), self.turned(x), self.nothing(x)
        return self.second(x).mean((2, 3))


class Pair(nn.Module):
    def forward(self, x):
        return x, x + 1


class Answer(nn.Module):
    def forward(self, x):
        return {"last_hidden_state": x, "attentions": None}


class Nothing(nn.Module):
    def forward(self, x):
        return None


class Turned(nn.Module):
    """A sequence before the images, as recurrent layers have it."""

    def forward(self, x):
        return x.flatten(2).permute(2, 0, 1)


@pytest.fixture
def minibatches(generator):
    return [torch.randn(6, 3, 56, 56, generator=generator) for _ in range(8)]


@pytest.fixture
def vit():
    return timm.create_model(VIT, pretrained=True)


def oracle(models: dict[str, tuple[nn.Module, list[str]]], minibatches, reduce) -> np.ndarray:
    """CKA of all layers, by plain hooks and the formula."""
    hsic = 0
    for images in minibatches:
        flat = [reduce(x).flatten(1).double() for model, names in models.values() for x in look(model, names, images)]
        hsic = hsic + np.array([[unbiased(x, y) for y in flat] for x in flat])
    return hsic / np.sqrt(np.outer(np.diag(hsic), np.diag(hsic)))


def look(model: nn.Module, names: list[str], images: torch.Tensor) -> list[torch.Tensor]:
    seen, modules = {}, dict(model.named_modules())
    keep = lambda name: lambda _, inputs, output: seen.update({name: output.clone()})  # noqa: E731
    hooks = [modules[name].register_forward_hook(keep(name)) for name in names]
    with torch.no_grad():
        model.eval()(images)
    for hook in hooks:
        hook.remove()
    return [seen[name] for name in names]


def unbiased(x: torch.Tensor, y: torch.Tensor) -> float:
    """HSIC₁ of Song et al. (2012), eq. 5."""
    n, one = len(x), torch.ones(len(x), dtype=torch.float64)
    k, m = ((z - z.mean(0)) @ (z - z.mean(0)).T for z in (x, y))
    k, m = k - torch.diag(k.diag()), m - torch.diag(m.diag())
    total = (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
    return float(((k @ m).trace() + total - 2 / (n - 2) * one @ k @ m @ one) / (n * (n - 3)))


def test_a_vit_of_timm(vit, minibatches):
    sim = sl.cka(vit, minibatches)
    assert sim.axes == {name: [f"blocks.{i}" for i in range(8)] for name in ("layer", "other")}
    names = sim.axes["layer"]
    assert sim.values == pytest.approx(oracle({"vit": (vit, names)}, minibatches, lambda x: x), abs=1e-4)
    assert sim.array().boundaries is None


def test_a_resnet_of_torchvision_by_layer_names(minibatches):
    resnet = torchvision.models.resnet18()
    names = ["layer1", "layer2", "layer3.0.conv1", "avgpool"]
    sim = sl.cka(resnet, minibatches, layers=names)
    assert sim.axes["layer"] == names
    assert sim.values == pytest.approx(oracle({"cnn": (resnet, names)}, minibatches, lambda x: x), abs=1e-4)


def test_two_models_and_each_within_itself(vit, minibatches):
    own = HandWritten()
    sim = sl.cka(vit, own, minibatches, layers=("blocks", ["first", "second"]), names=("vit", "own"))
    assert sim.values.shape == (8, 2) and list(sim.axes) == ["vit_layer", "own_layer"]
    whole = oracle({"a": (vit, sim.axes["vit_layer"]), "b": (own, ["first", "second"])}, minibatches, lambda x: x)
    assert sim.values == pytest.approx(whole[:8, 8:], abs=1e-4)
    first, second = sim.within
    np.testing.assert_allclose(first.values, sl.cka(vit, minibatches).values, atol=1e-12)
    np.testing.assert_allclose(second.values, sl.cka(own, minibatches, layers=["first", "second"]).values, atol=1e-12)


def test_a_loader_by_name_and_one_shot(vit, minibatches):
    again = sl.cka(vit, loader=({"pixel_values": images} for images in minibatches))
    np.testing.assert_array_equal(again.values, sl.cka(vit, minibatches).values)


def test_mean_leaves_out_cls_and_cls_is_the_first_token(vit, minibatches):
    for representation, reduce in (("mean", lambda x: x[:, 1:].mean(1)), ("cls", lambda x: x[:, 0])):
        sim = sl.cka(vit, minibatches, representation=representation)
        expected = oracle({"vit": (vit, sim.axes["layer"])}, minibatches, reduce)
        assert sim.values == pytest.approx(expected, abs=1e-3)


def test_mean_of_a_map_is_over_its_positions(minibatches):
    own, names = HandWritten(), ["first", "second"]
    sim = sl.cka(own, minibatches, layers=names, representation="mean")
    assert sim.values == pytest.approx(oracle({"own": (own, names)}, minibatches, lambda x: x.mean((2, 3))), abs=1e-4)


def test_mean_forgets_where_and_flat_does_not(minibatches):
    """A twin that shifts every image by another number of pixels differs in its positions, and not in their mean."""

    class Twin(nn.Module):
        def __init__(self, shifts: bool):
            super().__init__()
            self.shifts, self.seen = shifts, nn.Identity()

        def forward(self, images):
            moved = [image.roll(5 * i * self.shifts, -1) for i, image in enumerate(images)]
            return self.seen(torch.stack(moved))

    for representation, alike in (("mean", True), ("flat", False)):
        sim = sl.cka(Twin(False), Twin(True), minibatches, layers=["seen"], representation=representation)
        assert (sim.values[0, 0] > 0.999) == alike


def test_a_model_is_left_as_it_was(minibatches):
    own = HandWritten()
    own.first.weight.requires_grad_(False)
    own.second(torch.ones(1, 4, 5, 5)).sum().backward()
    own.train()
    own.norm.eval()
    state = {key: value.clone() for key, value in own.state_dict().items()}
    gradient = own.second.weight.grad.clone()
    sl.cka(own, minibatches, layers=["first", "second"])
    sl.receptive_field(own, minibatches[0], layers=["first"])
    assert all(torch.equal(value, state[key]) for key, value in own.state_dict().items())
    assert torch.equal(own.second.weight.grad, gradient) and own.first.weight.grad is None
    assert own.training and own.first.training and not own.norm.training
    assert not own.first.weight.requires_grad and own.second.weight.requires_grad
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in own.modules())


def test_estimate_bounds_an_effect_over_minibatches(vit, minibatches):
    sim = sl.cka(vit, minibatches)
    found = sim.estimate(lambda cka: cka[0, -1])
    assert astuple(found) == pytest.approx(
        astuple(estimate(sim.similarity.replicates(lambda cka: cka[0, -1]))), rel=1e-13
    )
    assert found.low < found.effect < found.high
    assert np.isnan(sl.cka(vit, minibatches[:4]).estimate(np.mean).low)  # too few to tell


@pytest.mark.parametrize(
    "arguments, named",
    [
        (dict(layers="block"), "layers.*'blocks' or 'all'"),
        (dict(layers="blocks"), r"layers='blocks'.*HandWritten.*layers=\[names\].*named_modules"),
        (dict(layers=["frist"]), "'frist'; did you mean first"),
        (dict(layers=["first", "first"]), "layers"),
        (dict(layers=[]), "layers"),
        (dict(layers=["never"]), "never did not run"),
        (dict(layers=["pair"]), "model_a .*layer pair returns 2 tensors in a tuple"),
        (dict(layers=["nothing"]), "layer nothing returns 0 tensors in a NoneType"),
        (dict(layers=["turned"]), "layer turned.*part for each image"),
        (dict(layers=["first"], representation="max"), "representation.*flat, mean, cls"),
        (dict(layers=["first"], representation="cls"), "representation='cls'"),
        (dict(layers=["first"], loader=[torch.ones(3, 3, 56, 56)]), "at least 4 images"),
        (dict(layers=["first"], loader=[torch.ones(8, 3, 56, 56)]), "layer first.*the same for every image"),
    ],
)
def test_what_cannot_be_compared_is_refused(minibatches, arguments, named):
    with pytest.raises(InputError, match=named):
        sl.cka(HandWritten(), **(dict(loader=minibatches) | arguments))


def test_the_only_tensor_in_a_dictionary_is_the_output(minibatches):
    sim = sl.cka(HandWritten(), minibatches, layers=["norm", "answer"])
    assert 0.3 < sim.values[0, 1] < 1  # of one tensor, before its negative values are cut off and after


@pytest.mark.parametrize("names", [("vit", "vit"), ("vit",), ("vit", "cnn", "mixer"), "ab", ("vit", ""), ("vit", 2)])
def test_names_that_do_not_tell_two_models_apart_are_refused_first(names):
    with pytest.raises(InputError, match="names must be two different words"):
        sl.cka(None, None, None, names=names)


def test_images_twice_are_warned_of_and_distinct_ones_not(minibatches, vit, recwarn):
    own, twice = HandWritten(), [torch.cat([images] * 2) for images in minibatches]
    sl.cka(own, minibatches, layers=["first"])
    assert not recwarn
    with pytest.warns(UserWarning, match="loader repeats images .* 48 in all"):
        sl.cka(own, twice, layers=["first"])
    with pytest.warns(UserWarning, match="loader repeats images .* 48 in all"):
        sl.token_patch_cka(vit, twice)


@pytest.mark.parametrize("shape", [(6, 3, 64, 64), (6, 4, 56, 56)])
def test_images_that_a_model_cannot_take_are_refused(vit, shape):
    images = torch.rand(shape)
    for call in (sl.cka, sl.attention_distance, sl.norm_ratio, sl.token_patch_cka):
        with pytest.raises(InputError, match=r"^(vit|model_a) \(PocketViT\) cannot take what loader"):
            call(vit, [images])
    with pytest.raises(InputError, match="^model_b .* loader"):
        sl.cka(nn.Sequential(nn.Identity()), vit, [images], layers=(["0"], "blocks"))
    with pytest.raises(InputError, match=r"^model \(PocketViT\) cannot take what images gives"):
        sl.receptive_field(vit, images)


def test_a_missing_loader_and_what_is_no_model_are_refused(vit):
    with pytest.raises(InputError, match="loader"):
        sl.cka(vit)
    with pytest.raises(InputError, match="model_a"):
        sl.cka("vit_pocket_patch8_56", [])


def test_it_gives_the_arrays_of_the_uniformity_chapter():
    """A few of the chapter's images through its own code, and through these calls."""
    vit, cnn = (timm.create_model(name, pretrained=True) for name in (VIT, CNN))
    images = (DRAWN["shapes"]("validation").stack(64)[0] / 255 - 0.5) / 0.5
    pairs = ({"vit": batch, "cnn": batch} for batch in images.split(16))
    chapter = next(uniformity.measure_runs([{"vit": vit, "cnn": cnn}], lambda _: pairs, "all")).arrays()["cka"]
    sim = sl.cka(vit, cnn, images.split(16), layers="all", names=("vit", "cnn"))
    for own, array in zip((sim, *sim.within), (chapter["vit_cnn"], chapter["vit"], chapter["cnn"]), strict=True):
        np.testing.assert_allclose(own.values, array.values, atol=1e-6)
        assert own.axes == array.axes and own.array().boundaries == array.boundaries


def test_the_published_array_has_these_axes(vit, minibatches):
    published = Result.load(RESULTS / "pocket" / "uniformity.json").measures["cka"]["vit"]
    sim = sl.cka(vit, islice(minibatches, 2), layers="all")
    saved = json.loads(sim.to_json())
    assert saved.keys() == {"axes", "values"} and saved["axes"] == published.axes
    assert saved["values"] == json_text.plain(sim.values)
