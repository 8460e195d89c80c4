"""How an effect of pairs is shared out among their models, and which models meet which."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from seelike.measures.intervals import combine, share_out
from seelike.measures.layer_cka import compare_runs


def test_shares_of_pairs_by_hand():
    """Rows have means 2 and 6, columns 3 and 5, all have 4: half of it is each side's."""
    first, second = share_out(np.array([[1.0, 3.0], [5.0, 7.0]])[:, :, None])
    assert first.ravel() == pytest.approx([0, 4])
    assert second.ravel() == pytest.approx([1, 3])


@pytest.mark.parametrize("shape", [(3,), (2, 3), (1, 4), (2, 3, 4)])
def test_shares_add_up_to_the_mean_of_all_and_agree_with_loops(shape):
    crossed = np.random.default_rng(0).random((*shape, 9))
    shares = share_out(crossed)
    assert [share.shape for share in shares] == [(n, 9) for n in shape]
    np.testing.assert_allclose(sum(share.mean(0) for share in shares), crossed.reshape(-1, 9).mean(0))
    everything = list(product(*(range(n) for n in shape)))
    for role, share in enumerate(shares):
        for model in range(shape[role]):
            own = np.mean([crossed[each] for each in everything if each[role] == model], axis=0)
            grand = np.mean([crossed[each] for each in everything], axis=0)
            np.testing.assert_allclose(share[model], own - grand * (len(shape) - 1) / len(shape))


def test_shares_of_an_effect_that_separates_vary_as_its_terms():
    """A sum of a ViT's and a CNN's number: whether it is shared out or known by model, the interval is one."""
    rng = np.random.default_rng(0)
    vit, cnn = rng.random((3, 9)), rng.random((2, 9))
    shared = dict(zip(("vit", "cnn"), share_out(vit[:, None] + cnn), strict=True))
    found, expected = (
        combine({(role,): of for role, of in each.items()}) for each in (shared, {"vit": vit, "cnn": cnn})
    )
    assert (found.effect, found.low, found.high) == pytest.approx((expected.effect, expected.low, expected.high))


class Two(nn.Module):
    """Two layers, called as timm groups blocks."""

    def __init__(self, seed: int):
        super().__init__()
        torch.manual_seed(seed)
        self.blocks = nn.ModuleList(nn.Conv2d(3, 3, 1) for _ in range(2))

    def group_matcher(self, coarse):
        return {"blocks": r"^blocks\.(\d+)"}

    def forward(self, x):
        return self.blocks[1](self.blocks[0](x).relu())


def compare(*runs, **matched):
    def minibatches(models):
        generator = torch.Generator().manual_seed(0)
        return [dict.fromkeys(models, torch.randn(5, 3, 4, 4, generator=generator)) for _ in range(3)]

    def name(cast):
        return {role: cast.ask(role, lambda own: own.names()) for role in cast.models}

    return [similarity for _, similarity in compare_runs(runs, minibatches, name, dict, **matched)]


def test_every_model_meets_every_other_and_a_shared_one_counts_once():
    first, second, third = Two(0), Two(1), Two(2)
    runs = compare({"vit": first, "cnn": third}, {"vit": second, "cnn": third})
    crossed = runs[0].cross("vit", "cnn", np.mean)
    assert crossed.shape == (2, 1, 4)
    for i, vit in enumerate((first, second)):
        (alone,) = compare({"vit": vit, "cnn": third})
        np.testing.assert_allclose(crossed[i, 0], alone.cross("vit", "cnn", np.mean)[0, 0])
        assert runs[i].values("vit", "cnn") == pytest.approx(alone.values("vit", "cnn"))
        assert runs[i].alone("vit", np.mean)[0] == pytest.approx(alone.values("vit", "vit").mean())
        assert runs[i].share_out(crossed, "vit", "cnn").keys() == {("vit",), ("cnn",)}


def test_one_model_in_two_roles_is_alike_in_both():
    model = Two(0)
    (found,) = compare({"vit": model, "cnn": model})
    assert found.values("vit", "cnn") == pytest.approx(found.values("vit", "vit"))
    assert np.diag(found.values("vit", "cnn")) == pytest.approx(np.ones(2))


def test_best_matches_are_held_against_the_null_of_their_own_pair():
    runs = {"vit": Two(0), "cnn": Two(2)}, {"vit": Two(1), "cnn": Two(2)}
    first, _ = compare(*runs, matched={"vit": ("cnn",)})
    best = lambda cka: cka.max(1).mean()  # noqa: E731
    raw, calibrated = first.cross("vit", "cnn", best), first.cross_matches("vit", "cnn", best)
    assert calibrated.shape == raw.shape and (calibrated < raw).all()
    scores = first.score_matches("vit", "cnn")
    assert list(scores) == ["best", "chance", "calibrated"]
    assert scores["best"] == pytest.approx(first.values("vit", "cnn").max(1))
    assert scores["calibrated"] == pytest.approx((scores["best"] - scores["chance"]) / (1 - scores["chance"]))
    assert scores["calibrated"].mean() == pytest.approx(calibrated[0, 0, 0])
    tail = first.nulls["vit", "cnn"].choose([1], [0]).tail_of_best()[0]
    few = first.cross_matches("vit", "cnn", best, [1], [0])[0, 0, 0]
    assert few == pytest.approx((first.values("vit", "cnn")[1, 0] - tail) / (1 - tail))


def test_without_a_null_best_matches_are_raw_and_with_classes_there_are_two_nulls():
    models = {"vit": Two(0), "cnn": Two(2)}
    (raw,) = compare(models)
    np.testing.assert_array_equal(raw.cross_matches("vit", "cnn", np.max), raw.cross("vit", "cnn", np.max))
    (both,) = compare(models, matched={"vit": ("cnn",)}, classes=[torch.tensor([0, 0, 0, 1, 1])] * 3)
    assert list(both.score_matches("vit", "cnn")) == ["best", "chance", "class", "calibrated"]
