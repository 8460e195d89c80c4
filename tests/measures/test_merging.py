"""Shards of minibatches, measured apart and merged, give what one pass over all gives; results ask no other process."""

import pickle

import pytest
import timm
import torch

from seelike.activations.architecture import Architecture
from seelike.activations.flattened import Outputs
from seelike.activations.forward import read_once
from seelike.measures.attention_distance import Distances
from seelike.measures.cka import CKA, gram
from seelike.measures.features import Features
from seelike.measures.head_cka import HeadGrams
from seelike.measures.layer_cka import JointCKA
from seelike.measures.norm_ratio import Ratios
from seelike.measures.token_kinds import TokenKinds
from seelike.measures.token_patch_cka import Products
from seelike.system import processes

VIT, CNN = "vit_pocket_patch8_56", "resnet_pocket"


class One:
    """How an accumulator that reads one model is made, fed with images and asked for its values."""

    models = (VIT,)

    def __init__(self, make, name=""):
        self.make, self.name = make, name or make.__name__

    def open(self, models):
        return self.make(Architecture.of(models[0], torch.zeros(1, 3, 56, 56)))

    def feed(self, accumulator, models, images):
        accumulator.update(read_once(models[0], images, accumulator.read.reading(models[0], images))[0])

    def values(self, accumulator):
        return vars(accumulator.result())


class Kept(One):
    def values(self, accumulator):
        return {name: of[: sum(accumulator.sizes)] for name, of in accumulator.result().items()}


class Similarities(One):
    models = ()

    def open(self, models):
        return self.make()

    def feed(self, accumulator, models, images):
        accumulator.update({"pixels": gram(images.flatten(1)), "mean": gram(images.mean((2, 3)))})

    def values(self, accumulator):
        found = accumulator.result()
        return {"layers": found.layers, "products": found.products}


class Joint(Similarities):
    models = (VIT, CNN)

    def open(self, models):
        return self.make({"vit": HeadGrams(("blocks.0.attn",)), "cnn": Outputs(("stem.conv",), gram)})

    def feed(self, accumulator, models, images):
        found = {}
        for model, (role, read) in zip(models, accumulator.reads.items(), strict=True):
            (found[role],) = read_once(model, images, read.reading(model, images))
        accumulator.update(found)


KINDS = [
    One(Distances),
    One(Ratios),
    One(Products),
    Kept(lambda own: Features(TokenKinds(own.blocks()), 25), "Features"),
    Similarities(CKA),
    Joint(JointCKA),
]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
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
