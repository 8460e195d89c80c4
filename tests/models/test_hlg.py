"""HLG: what attention reaches in each design, a layer against a slow one, the same parameters, sizes refused."""

from math import sqrt

import pytest
import timm
import torch
from torch.nn.functional import gelu

from seelike.models import hlg, windows
from seelike.models.dense import N_LABELS
from seelike.models.hlg import DESIGNS, FULL, GLOBAL, LOCAL, RANDOM, attend, load_untrained
from seelike.system.errors import InputError

FIRST = "stages.0.blocks.0"


@pytest.fixture(scope="module")
def images():
    return torch.randn(2, 3, 56, 56, generator=torch.Generator().manual_seed(0))


def test_attention_by_hand():
    q, k = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [1.0]])
    v = torch.tensor([[0.0], [1.0]])
    bias = torch.tensor([[[0.0, 0.0], [0.0, -1.0]]])
    assert attend(q, k, v, 1).flatten().tolist() == pytest.approx([0.5, 1 / (1 + 1 / torch.e)])
    assert attend(q, k, v, 1, bias).flatten().tolist() == pytest.approx([0.5, 0.5])


def test_grids_and_widths_are_those_of_a_pyramid(images):
    model = load_untrained(FULL, 0)
    x, shapes = model.stem(images), []
    for stage in model.stages:
        x = stage(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes == [(32, 28, 28), (64, 14, 14), (96, 7, 7)]
    assert model(images).shape == (2, 10) and len(hlg.list_layers()) == 6
    assert model.get_submodule(hlg.end_of_first_stage()) is model.stages[0].blocks[-1]


@pytest.mark.parametrize("name", [FULL, LOCAL, GLOBAL, RANDOM])
def test_a_layer_is_what_a_slow_one_computes(name):
    """Token by token, from the layer's own parts, in the second layer of the second stage."""
    layer, design = load_untrained(name, 0).stages[1].blocks[1], DESIGNS[name]
    x = torch.randn(1, 64, 14, 14, generator=torch.Generator().manual_seed(1))
    members = windows.draw(14, seed=3) if design.random else windows.cut(14, dilated=True)
    with torch.inference_mode():
        torch.testing.assert_close(layer(x)[0], compute_slowly(layer, x, members, design), atol=1e-4, rtol=1e-4)


def compute_slowly(layer, x, members, design) -> torch.Tensor:
    heads, width, side = 4, 16, 14
    x = layer.shortcut(x) + layer.norm(layer.mlp(x))
    tokens = gelu(x + layer.bottleneck(x))[0].flatten(1).T
    first, second = layer.first, layer.second
    query, value = (part(first.norm(tokens)) for part in (first.query, first.value))
    home = {int(token): number for number, window in enumerate(members) for token in window}
    at = torch.stack([torch.arange(196) // side, torch.arange(196) % side], 1).float()
    middles = torch.stack([at[window].mean(0) for window in members])
    inside = max((at[window][:, None] - at[window]).abs().max() for window in members)
    to_middles = (middles[None] - at[:, None]).abs().max()

    def weigh(token, head, keys, values, bias):
        own = slice(width * head, width * (head + 1))
        logits = keys[:, own] @ token[own] / sqrt(width) + bias
        return logits.softmax(0) @ values[:, own]

    def look(queries, keys, values, across, biased):
        rows = []
        for token in range(196):
            window = members[home[token]]
            seen = slice(None) if across else window
            offsets = (middles - at[token]) / to_middles if across else (at[window] - at[token]) / inside
            bias = first.bias.out(first.bias.hidden(offsets).relu()) if biased else torch.zeros(len(offsets), heads)
            parts = [weigh(queries[token], h, keys[seen], values[seen], bias[:, h]) for h in range(heads)]
            rows.append(torch.cat(parts))
        return torch.stack(rows)

    def mean(of):
        return torch.stack([of[window].mean(0) for window in members])

    across = design.first_across
    found = look(query, mean(query) if across else query, mean(value) if across else value, across, True)
    tokens = tokens + found
    query = query + second.near(second.norm_found(found).T.view(1, 64, side, side))[0].flatten(1).T
    seen = second.norm(mean(tokens) if design.second_across else tokens)
    tokens = tokens + look(query, second.key(seen), second.value(seen), design.second_across, False)
    return tokens.T.view(64, side, side)


def test_designs_have_the_same_parameters_from_the_same_seed():
    states = {name: dict(load_untrained(name, 0).named_parameters()) for name in DESIGNS}
    full = states[FULL]
    for name, state in states.items():
        assert {key: value.shape for key, value in state.items()} == {key: v.shape for key, v in full.items()}, name
        assert all(torch.equal(value, full[key]) for key, value in state.items())
    assert not torch.equal(load_untrained(FULL, 1).head.weight, full["head.weight"])


@pytest.mark.parametrize("name", DESIGNS)
def test_every_parameter_is_used(name, images):
    model = load_untrained(name, 0)
    sum(scores.square().mean() for scores in model.forward_both(images)).backward()
    unused = {key for key, value in model.named_parameters() if value.grad is None}
    assert not unused


def test_only_attention_across_windows_takes_the_first_layer_beyond_its_own(images):
    """A pixel of the upper left corner changes the lower right one, if and only if attention goes across."""
    for name, reaches in {FULL: True, GLOBAL: True, LOCAL: False}.items():
        attended = load_untrained(name, 0).stages[0].blocks[0]
        tokens = torch.randn(1, 784, 32, generator=torch.Generator().manual_seed(2)).requires_grad_()
        found, query = attended.first(tokens)
        (attended.second(tokens + found, query, found) + found)[0, -1].sum().backward()
        assert bool(tokens.grad[0, 0].abs().sum() > 0) == reaches, name


def test_other_sizes_are_multiples_of_56_and_others_are_refused(images):
    large = timm.create_model(FULL, img_size=112).eval()
    assert large(torch.zeros(1, 3, 112, 112)).shape == (1, 10)
    with pytest.raises(InputError, match="img_size must be a multiple of 56 pixels.*not 64"):
        timm.create_model(FULL, img_size=64)
    with pytest.raises(InputError, match="images must be 112 pixels a side.*not 56×56"):
        large(images)


def test_classes_and_pixels_are_scored_in_one_pass(images):
    model = load_untrained(FULL, 0)
    classes, pixels = model.forward_both(images)
    torch.testing.assert_close(classes, model(images))
    assert pixels.shape == (2, N_LABELS, 56, 56)
    levels = model.forward_levels(images)
    torch.testing.assert_close(model.norm(levels[-1]), model.forward_features(images))
    torch.testing.assert_close(pixels, model.decoder(levels, (56, 56)))


@pytest.mark.parametrize("name", DESIGNS)
def test_designs_adapt_as_any_other_model(name):
    assert timm.create_model(name, num_classes=0).eval()(torch.zeros(1, 3, 56, 56)).shape == (1, 96)
    assert timm.create_model(name, num_classes=3, in_chans=1)(torch.zeros(2, 1, 56, 56)).shape == (2, 3)
