"""`sl.compare`: several measures from one pass, each what it is alone, and names that are none."""

import numpy as np
import pytest
import timm
import torch

import seelike as sl
from seelike.measures.similarities.choices import MEASURES
from seelike.system.errors import InputError


@pytest.fixture
def vit():
    return timm.create_model("vit_pocket_patch8_56.shapes", pretrained=True)


@pytest.fixture
def minibatches(generator):
    return list(torch.randn(40, 3, 56, 56, generator=generator).split(10))


def test_several_measures_come_from_one_pass_and_are_what_each_is_alone(vit, minibatches):
    passed = []
    vit.register_forward_hook(lambda *_: passed.append(1))
    found = sl.compare(vit, minibatches, measure=tuple(MEASURES))
    assert list(found) == list(MEASURES)
    n_passed = len(passed)
    sl.compare(vit, minibatches)
    assert len(passed) == 2 * n_passed
    for measure, each in found.items():
        assert each.values.shape == (8, 8) and each.measure == measure
        assert np.diag(each.values) == pytest.approx(np.ones(8))
        np.testing.assert_array_equal(each.values, sl.compare(vit, minibatches, measure=measure).values)
    assert len({float(each.values[0, 5]) for each in found.values()}) == len(MEASURES)


def test_cka_is_the_measure_where_none_is_named(vit, minibatches):
    np.testing.assert_array_equal(sl.compare(vit, minibatches).values, sl.cka(vit, minibatches).values)


def test_intervals_and_parts_of_two_models_keep_the_measure(vit, minibatches):
    cnn = timm.create_model("resnet_pocket.shapes", pretrained=True)
    sim = sl.compare(vit, cnn, [*minibatches, *minibatches[::-1]], measure="procrustes", names=("vit", "cnn"))
    whole = sim.estimate(np.mean)
    assert whole.low < whole.effect < whole.high
    assert [within.measure for within in sim.within] == ["procrustes", "procrustes"]
    assert sim.within[0].values == pytest.approx(sl.compare(vit, minibatches, measure="procrustes").values)


@pytest.mark.parametrize(
    ("measure", "said"),
    [("cca", "'cca'"), (("cka", "cca"), "'cca'"), ((), r"\(\)"), (3, "3"), ([["cka"]], r"\['cka'\]")],
)
def test_another_measure_is_refused_before_anything_is_passed(vit, measure, said):
    with pytest.raises(InputError, match=f"measure must be one of cka, rsa, knn, procrustes, rbf_cka, not {said}"):
        sl.compare(vit, ["no minibatch"], measure=measure)
