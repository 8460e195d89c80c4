"""Shards of minibatches, measured apart and merged, give what one pass over all gives; results ask no other process."""

import pickle

import pytest
import timm
import torch

from seelike.activations.forward import feed, read_once
from seelike.measures.attention_distance import Distances
from seelike.measures.cka import CKA, gram
from seelike.measures.corresponding_layers import Pairing
from seelike.measures.head_cka import Heads
from seelike.measures.norm_ratio import Ratios
from seelike.measures.skip_ablation import Comparison
from seelike.measures.token_patch_cka import Products
from seelike.system import processes

VIT, GAP, NOSKIP, CNN = (
    "vit_pocket_patch8_56",
    "vit_pocket_patch8_gap_56",
    "vit_pocket_noskip4_patch8_56",
    "resnet_pocket",
)


class One:
    """How an accumulator that reads one model is made, fed with images and asked for its values."""

    models = (VIT,)

    def __init__(self, make):
        self.make = make

    def open(self, models):
        return self.make("vit")

    def feed(self, accumulator, models, images):
        feed(models[0], images, accumulator)

    def values(self, accumulator):
        return vars(accumulator.result())


class Similarities(One):
    models = ()

    def open(self, models):
        return self.make()

    def feed(self, accumulator, models, images):
        accumulator.update({"pixels": gram(images.flatten(1)), "mean": gram(images.mean((2, 3)))})


class OfHeads(One):
    models = (VIT, CNN)

    def open(self, models):
        return self.make()

    def feed(self, accumulator, models, images):
        (heads,) = read_once(models[0], images, accumulator.reading(models[0]))
        accumulator.update(heads, accumulator.read_low(models[1], images))

    def values(self, accumulator):
        n_heads = len(accumulator.cka.layers) - len(accumulator.low)
        return vars(accumulator.result(torch.arange(n_heads).double().numpy()).similarity)


class SkipAblation(One):
    models = (VIT, NOSKIP)

    def open(self, models):
        return self.make(dict(zip(("vit", "vit_noskip_middle"), models, strict=True)))

    def feed(self, accumulator, models, images):
        each, names = {role: images for role in accumulator.models}, accumulator.models.items()
        seen = {role: read_once(model, images, *accumulator.readings(role, each)) for role, model in names}
        accumulator.update(seen, torch.arange(len(images)))


class Pairs(One):
    models = (VIT, GAP)

    def open(self, models):
        return self.make(dict(zip(("vit", "vit_3pct"), models, strict=True)), {"vit_3pct": "vit"})

    def feed(self, accumulator, models, images):
        each, seen = {role: images for role in accumulator.models}, {}
        for role, model in accumulator.models.items():
            (seen[model],) = read_once(model, images, accumulator.reading(role, each))
        accumulator.update(seen)


KINDS = [
    One(Distances),
    One(Ratios),
    One(Products),
    Similarities(CKA),
    OfHeads(Heads),
    SkipAblation(Comparison),
    Pairs(Pairing),
]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.make.__name__)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def minibatches():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(5, 3, 56, 56, generator=generator) for _ in range(5)]


def accumulate(kind, minibatches):
    models = [timm.create_model(name, pretrained=True).eval() for name in kind.models]
    accumulator = kind.open(models)
    for images in minibatches:
        kind.feed(accumulator, models, images)
    return accumulator


def show(kind, accumulator) -> dict[str, str]:
    """All that a result tells, to the last digit."""
    return {
        key: repr(part.tolist() if hasattr(part, "tolist") else part) for key, part in kind.values(accumulator).items()
    }


@pytest.mark.parametrize("n_shards", [2, 7])
def test_shards_give_the_result_of_one_pass(kind, minibatches, n_shards):
    """Sent as `processes.merge` sends them, without weights; two of seven have no images."""
    shards = [pickle.dumps(accumulate(kind, minibatches[rank::n_shards])) for rank in range(n_shards)]
    assert max(map(len, shards)) < 2**20
    first, *others = map(pickle.loads, shards)
    first.merge(*others)
    assert show(kind, first) == show(kind, accumulate(kind, minibatches))


def test_what_is_known_by_the_second_shard_alone_is_kept(kind, minibatches):
    first = accumulate(kind, [])
    first.merge(accumulate(kind, minibatches))
    assert show(kind, first) == show(kind, accumulate(kind, minibatches))
    assert show(kind, first) != show(kind, accumulate(kind, minibatches[:3]))


def test_a_result_asks_no_other_process(kind, minibatches, monkeypatch):
    """In a script of several processes each may look at what it has."""
    accumulator = accumulate(kind, minibatches[:2])

    def wait(own):
        raise AssertionError("it would wait for the others")

    monkeypatch.setattr(processes, "_exchange", wait)
    monkeypatch.setattr(processes, "count", lambda: 2)
    assert kind.values(accumulator)
    with pytest.raises(AssertionError, match="wait for the others"):
        processes.merge(accumulator)
