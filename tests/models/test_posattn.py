"""Attention that does not look at the tokens."""

import pytest
import timm
import torch

from seelike.activations.attention import read_maps
from seelike.models.posattn import PositionAttention, UniformAttention
from seelike.models.recipes import SHAPES


@pytest.fixture
def attention(generator):
    made = PositionAttention(8, 2, 5)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, generator=generator)
    return made


def test_weights_come_from_positions_alone_and_values_from_tokens(attention, generator):
    """Slow: head by head, query by query."""
    x = torch.randn(3, 5, 8, generator=generator)
    positions = attention.norm(attention.pos_embed[0])
    weight, bias = attention.qk.weight, attention.qk.bias
    mixed = torch.zeros(3, 5, 8)
    for head in (slice(0, 4), slice(4, 8)):
        queries = positions @ weight[:8][head].T + bias[:8][head]
        keys = positions @ weight[8:][head].T + bias[8:][head]
        for query in range(5):
            shares = (keys @ queries[query] / 2).softmax(0)
            mixed[:, query, head] = torch.einsum("k,nkd->nd", shares, attention.v(x)[..., head])
    torch.testing.assert_close(attention(x), attention.proj(mixed))


def test_it_is_linear_in_the_tokens_as_no_attention_that_looks_at_them_is(attention, generator):
    one, other = torch.randn(2, 1, 5, 8, generator=generator)
    origin = attention(torch.zeros(1, 5, 8))
    torch.testing.assert_close(attention(one + other) + origin, attention(one) + attention(other))
    usual = timm.models.vision_transformer.Attention(8, 2)
    assert not torch.allclose(usual(one + other) + usual(torch.zeros(1, 5, 8)), usual(one) + usual(other), atol=1e-3)


def test_uniform_attention_gives_every_token_the_mean(generator):
    attention, x = UniformAttention(8, 2), torch.randn(3, 5, 8, generator=generator)
    mean = attention.proj(attention.v(x).mean(1, keepdim=True))
    torch.testing.assert_close(attention(x), mean.expand(-1, 5, -1))


def test_maps_of_a_model_are_read_as_any_other_vits_and_are_those_of_every_image(generator):
    images = torch.randn(2, 3, SHAPES.image_size, SHAPES.image_size, generator=generator)
    tokens = 1 + (SHAPES.image_size // SHAPES.patch_size) ** 2
    maps = {
        design: read_maps(timm.create_model(SHAPES.name(design)).eval(), images) for design in ("posattn", "uniform")
    }
    for found in maps.values():
        assert len(found) == 8
        for each in found.values():
            assert each.shape == (2, 4, tokens, tokens) and torch.equal(each[0], each[1])
    assert all((each == 1 / tokens).all() for each in maps["uniform"].values())
    assert not any(torch.allclose(each, torch.full_like(each, 1 / tokens)) for each in maps["posattn"].values())


def test_all_but_attention_is_the_vits():
    vit, posattn, uniform = (timm.create_model(SHAPES.name(design)) for design in ("vit", "posattn", "uniform"))
    kept = {key: value.shape for key, value in vit.state_dict().items() if ".attn." not in key}
    for model in (posattn, uniform):
        assert {key: value.shape for key, value in model.state_dict().items() if ".attn." not in key} == kept
