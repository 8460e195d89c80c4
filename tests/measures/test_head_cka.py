"""Heads against low CNN layers: a trend by hand, single heads against a slow oracle, all pairs of models."""

import numpy as np
import pytest
import timm
import torch

from seelike.activations.attention import read_heads
from seelike.activations.flattened import stream
from seelike.measures.attention_distance import Distances
from seelike.measures.cka import CKA, gram
from seelike.measures.head_cka import Heads, distance_trend
from seelike.measures.runner import assemble, feed, name_all
from seelike.system.errors import Degenerate

LOW = ["stages.0.blocks.0", "stages.0.blocks.1", "stages.1.blocks.0"]


def compare_heads(runs, minibatches):
    """Heads of the runs' ViTs against the layers of their CNNs, and each run's names."""
    everyone, names = name_all(runs)
    (cast,), shown = assemble([everyone], [dict.fromkeys(everyone, images) for images in minibatches])
    vits, cnns = (list(dict.fromkeys(own[role] for own in names)) for role in ("vit", "cnn"))
    distances = {name: cast.measure(name, Distances) for name in vits}
    heads = Heads(cast, vits, cnns)
    found = feed(shown, cast)
    return heads.gather(found, {name: found[each] for name, each in distances.items()}), names


def images(n: int = 6) -> torch.Tensor:
    return torch.randn(n, 3, 56, 56, generator=torch.Generator().manual_seed(0))


def make(name: str, seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    return timm.create_model(name).eval()


def pair(seed: int = 0) -> dict[str, torch.nn.Module]:
    return {"vit": make("vit_pocket_patch8_56", seed), "cnn": make("resnet_pocket", seed)}


def test_trend_by_hand():
    distances = np.array([0.2, 0.6, 1.0])
    falling = np.array([[0.9, 0.7], [0.7, 0.5], [0.5, 0.3]])
    assert distance_trend(distances, falling) == pytest.approx(-0.4)
    assert distance_trend(distances, falling[::-1]) == pytest.approx(0.4)
    assert distance_trend(distances, np.ones((3, 1))) == pytest.approx(0)
    bent = np.array([[0.0], [0.0], [0.8]])
    assert distance_trend(distances, bent) == pytest.approx(0.8 * np.polyfit(distances, bent[:, 0], 1)[0])


def test_trend_takes_no_notice_of_order_level_or_unit():
    rng = np.random.default_rng(0)
    distances, cka, order = rng.random(8), rng.random((8, 3)), rng.permutation(8)
    trend = distance_trend(distances, cka)
    assert distance_trend(distances[order], cka[order] + 0.1) == pytest.approx(trend)
    assert distance_trend(2 * distances, cka) == pytest.approx(trend)


def test_heads_that_are_equally_far_have_no_trend():
    assert np.isnan(distance_trend(np.full(4, 0.9), np.random.default_rng(0).random((4, 2))))
    assert np.isnan(distance_trend(0.9 + 1e-8 * np.arange(4), np.random.default_rng(0).random((4, 2))))
    assert np.isnan(distance_trend(np.array([0.5]), np.array([[0.5]])))


def test_single_heads_of_the_lowest_third_agree_with_whole_activations():
    """Oracle: each head's output flattened, its CKA with each low layer the slow way."""
    models, x = pair(), images(12)
    found, _ = compare_heads([models], [x])
    slow = CKA()
    (low,) = stream(models["cnn"], [x], LOW, gram)
    heads = {
        f"blocks.{block} head {i}": gram(read_heads(models["vit"], x, f"blocks.{block}.attn")[:, i].flatten(1))
        for block in range(2)
        for i in range(4)
    }
    slow.update(heads | low)
    np.testing.assert_allclose(found.values()["vit", "cnn"], slow.result().values[:8, 8:], atol=1e-5)
    arrays = found.arrays()
    assert arrays["head_cka"]["vit_cnn"].axes == {"vit": ["vit"], "head": list(heads), "cnn_layer": LOW}
    assert arrays["head_distance"]["vit"].values.shape == (1, 8)


def test_replicates_measure_distance_and_cka_without_each_minibatch():
    models, batches = pair(), images(20).split(5)
    trends = compare_heads([models], batches)[0].trends()
    assert trends.shape == (1, 1, 5)
    for left_out in range(4):
        rest, _ = compare_heads([models], [batch for i, batch in enumerate(batches) if i != left_out])
        assert trends[0, 0, 1 + left_out] == pytest.approx(rest.trends()[0, 0, 0])


def test_all_pairs_of_models_are_compared_and_their_terms_add_up_to_the_mean():
    one, other = pair(), pair(1)
    found, names = compare_heads([one, other], images(12).split(6))
    assert names == [{"vit": "vit", "cnn": "cnn"}, {"vit": "vit_run2", "cnn": "cnn_run2"}]
    trends = found.trends()
    crossed, _ = compare_heads([{"vit": one["vit"], "cnn": other["cnn"]}], images(12).split(6))
    np.testing.assert_allclose(trends[0, 1], crossed.trends()[0, 0])
    terms = [found.terms(own["vit"], own["cnn"])["A3"] for own in names]
    total = sum(np.mean([each[role,] for each in terms], 0) for role in ("vit", "cnn"))
    np.testing.assert_allclose(total, trends.mean((0, 1)))
    np.testing.assert_allclose(terms[0]["vit",] - terms[1]["vit",], trends[0].mean(0) - trends[1].mean(0))
    assert found.arrays()["head_cka"]["vit_cnn"].axes["vit"] == ["vit", "vit_run2"]
    np.testing.assert_allclose(
        found.arrays()["head_cka"]["vit_cnn"].values[1],
        (found.values()["vit_run2", "cnn"] + found.values()["vit_run2", "cnn_run2"]) / 2,
    )


def test_heads_that_are_the_same_for_every_image_are_refused():
    models = pair()
    models["vit"].blocks[1].attn.proj.register_forward_pre_hook(
        lambda _, inputs: torch.ones_like(inputs[0]), prepend=True
    )
    with pytest.raises(Degenerate, match="heads of the lowest blocks are the same for every image"):
        compare_heads([models], [images()])
