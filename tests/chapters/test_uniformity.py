"""Effects U1–U5 on similarity matrices whose answer is known by hand, and on real small models."""

import math

import numpy as np
import pytest
import timm
import torch

from seelike.activations.layers import Layer
from seelike.chapters import uniformity
from seelike.chapters.uniformity import (
    Axes,
    best_match_rise,
    corner_cka,
    high_best_match,
    high_half_over_high,
    high_half_over_low,
    low_half_gap,
    middle_match_depth,
)
from seelike.chapters.verdicts import weigh
from seelike.measures.intervals import estimate
from seelike.measures.lag_contrast import boundary_contrast
from seelike.results.claims import CLAIMS
from seelike.system.errors import InputError

PARTS = [part.id for claim in ("U1", "U2", "U3", "U4", "U5") for part in CLAIMS[claim].parts]


def axes(n_vit: int, stages_of_cnn: str) -> Axes:
    vit = tuple(Layer(f"blocks.{i}", "") for i in range(n_vit))
    cnn = tuple(Layer(f"stages.{s}.{i}", s) for i, s in enumerate(stages_of_cnn))
    return Axes(vit, cnn, {"vit": list(range(n_vit)), "cnn": list(range(len(cnn)))})


def banded(shape: tuple[int, int], rows: slice, columns: slice, high=0.8, low=0.1) -> np.ndarray:
    cka = np.full(shape, low)
    cka[rows, columns] = high
    return cka


def test_reach_is_of_the_corners():
    dark = banded((7, 7), slice(2), slice(5, 7), high=0.1, low=0.5)
    assert corner_cka(dark) == pytest.approx(0.1)
    assert corner_cka(banded((7, 7), slice(2, 5), slice(2, 5))) == pytest.approx(0.1)  # the middle does not count


def test_boundaries_of_a_vit_lie_at_the_fractions_of_the_cnn():
    assert axes(8, "aabbcccddd").find_boundaries() == {"vit": (2, 3, 6), "cnn": (2, 4, 7)}
    assert axes(5, "aabbb").find_boundaries() == {"vit": (2,), "cnn": (2,)}
    assert axes(5, "aaaaa").find_boundaries() == {"vit": (), "cnn": ()}
    assert axes(3, "abcdefgh").find_boundaries()["vit"] == (1, 2)  # fewer blocks than stages


def test_layers_within_blocks_bear_their_number_and_stem_and_head_are_left_out():
    names = ["stem", "a.0.conv", "a.0", "a.1.conv", "a.1", "b.0.norm", "b.0.conv", "b.0", "norm"]
    cnn = tuple(Layer(name, name[0] if "." in name else None) for name in names)
    places, blocks = Axes(cnn, cnn, {"cnn": [2, 4, 7]}).within_blocks("cnn")
    assert places == [1, 2, 3, 4, 5, 6, 7]
    assert blocks.tolist() == [0, 0, 1, 1, 2, 2, 2]


def test_lower_half_of_the_cnn_looks_low():
    low = banded((7, 9), slice(2), slice(4))
    assert low_half_gap(low) == pytest.approx(0.7)
    assert low_half_gap(low[::-1]) == pytest.approx(-0.7)
    assert low_half_gap(low[:, ::-1]) == pytest.approx(0)  # the middle column is in neither half


def test_match_of_middle_is_the_depth_of_the_best_match():
    assert middle_match_depth(np.eye(11)) == pytest.approx(0.5)  # like against like
    assert middle_match_depth(banded((11, 11), slice(2, 3), slice(11))) == pytest.approx(0.2)
    even = banded((11, 4), slice(3, 4), slice(4))  # no layer lies between 0.4 and 0.6: the two nearest to it are taken
    assert middle_match_depth(even) == pytest.approx(0.3)


def test_match_at_top_is_best_match_high_minus_low_and_itself():
    across = np.full((6, 5), 0.1)
    across[:2, 3] = 0.8
    across[4:, 1] = 0.3
    assert best_match_rise(across) == pytest.approx(-0.5)
    assert best_match_rise(across[::-1]) == pytest.approx(0.5)
    assert high_best_match(across) == pytest.approx(0.3)


def test_upper_half_of_the_cnn_looks_at_the_middle_third():
    across = banded((7, 9), slice(2, 5), slice(5, 9))  # of seven layers the middle third has three
    across[:2, 5:] = 0.3
    assert high_half_over_low(across) == pytest.approx(0.5)
    assert high_half_over_high(across) == pytest.approx(0.7)
    assert high_half_over_low(across[::-1]) == pytest.approx(0.7)
    assert high_half_over_low(across[:, ::-1]) == pytest.approx(0)


def minibatches(models, n=8):
    generator = torch.Generator().manual_seed(0)
    for _ in range(n):
        yield dict.fromkeys(models, torch.randn(6, 3, 16, 16, generator=generator))


def create(seed: int) -> dict[str, torch.nn.Module]:
    models = {"vit": timm.create_model("vit_pocket_patch8_56", img_size=16), "cnn": timm.create_model("resnet_pocket")}
    generator = torch.Generator().manual_seed(seed)
    for model in models.values():
        for parameter in model.eval().parameters():
            parameter.data += 0.05 * torch.randn(parameter.shape, generator=generator)
    return models


def measure(*runs, layers="blocks") -> list[uniformity.Uniformity]:
    return list(uniformity.measure_runs(runs, minibatches, layers))


def test_measures_both_models_on_the_same_images():
    (found,) = measure(create(0))
    arrays = found.arrays()["cka"]
    assert arrays["vit"].values.shape == (8, 8)
    assert arrays["cnn"].values.shape == (10, 10)
    assert arrays["vit_cnn"].values.shape == (8, 10)
    assert arrays["cnn"].boundaries == [2, 4, 7]
    assert np.diag(arrays["vit"].values) == pytest.approx(np.ones(8))
    terms = found.terms()
    assert list(terms) == PARTS
    assert terms["U2a"].keys() == {("cnn",)}
    assert all(terms[part].keys() == {("vit",), ("cnn",)} for part in PARTS if part != "U2a")
    for part in PARTS:
        total = estimate(sum(terms[part].values()))
        assert total.low < total.effect < total.high or part == "U3b"
    own = {part: sum(of.values())[0] for part, of in terms.items()}
    across, cnn = arrays["vit_cnn"].values, arrays["cnn"].values
    assert own["U1"] == pytest.approx(corner_cka(arrays["vit"].values) - corner_cka(cnn))
    assert own["U2a"] == pytest.approx(boundary_contrast(cnn, np.arange(10), (2, 4, 7)))
    matches = found.arrays()["best_match"]["vit_cnn"]
    assert matches.axes == {"score": ["best", "chance", "calibrated"], "vit_layer": arrays["vit"].axes["layer"]}
    best, chance, calibrated = matches.values
    assert best == pytest.approx(across.max(1)) and calibrated == pytest.approx((best - chance) / (1 - chance))
    assert own["U4a"] == pytest.approx(own["U4b"]) == pytest.approx(best_match_rise(calibrated[:, None]))
    assert own["U4c"] == pytest.approx(high_best_match(calibrated[:, None]))
    assert own["U4c"] < high_best_match(across)
    assert own["U5b"] == pytest.approx(high_half_over_high(across))


def test_of_several_trainings_each_vit_meets_each_cnn():
    first, second = create(0), create(1)
    both = measure(first, second)
    pairs = [measure({"vit": a["vit"], "cnn": b["cnn"]})[0] for a in (first, second) for b in (first, second)]
    for part in PARTS:
        mean = np.mean([sum(found.terms()[part].values()) for found in pairs], axis=0)
        total = np.mean([sum(found.terms()[part].values()) for found in both], axis=0)
        np.testing.assert_allclose(total, mean, atol=1e-6, err_msg=part)  # shuffled images are in float32
    for found, alone in zip(both, (pairs[0], pairs[3]), strict=True):
        np.testing.assert_allclose(found.arrays()["cka"]["vit_cnn"].values, alone.arrays()["cka"]["vit_cnn"].values)
        np.testing.assert_allclose(found.terms()["U1"]["vit",], alone.terms()["U1"]["vit",])


def test_a_model_that_runs_share_has_one_term():
    first, second = create(0), create(1)
    shared = measure(first, second | {"cnn": first["cnn"]})
    assert shared[0].similarity.models == {"vit": ("vit", "vit_run2"), "cnn": ("cnn",)}
    for terms in zip(*(found.terms()["U4a"].items() for found in shared), strict=True):
        (role, one), (_, other) = terms
        assert np.allclose(one, other, atol=1e-6) == (role == ("cnn",))


def test_every_claim_is_weighed_over_trainings():
    first, second = create(0), create(1)
    found = measure(first, second | {"cnn": first["cnn"]})
    names = [{"vit": "vit", "cnn": "cnn"}, {"vit": "vit-seed1", "cnn": "cnn"}]
    claims = weigh(found, found, names, has_resnet=True)
    assert list(claims) == ["U1", "U2", "U3", "U4", "U5"]
    assert claims["U4"]["trainings"] == {"vit": 2, "cnn": 1} and claims["U4"]["covers"] == "images"
    pairs = found[0].similarity.cross_matches("vit", "cnn", best_match_rise)
    assert claims["U4"]["parts"]["U4a"]["effect"] == pytest.approx(pairs[:, :, 0].mean())
    assert claims["U4"]["parts"]["U4a"]["training"] == pytest.approx(0)


def test_blocks_alone_are_taken_from_all_layers():
    models = create(0)
    (blocks,), (every,) = measure(models), measure(models, layers="all")
    assert every.arrays()["cka"]["vit"].values.shape == (50, 50)
    for role in (("vit",), ("cnn",)):
        np.testing.assert_allclose(every.terms()["U4b"][role], blocks.terms()["U4b"][role], atol=1e-6)
    assert every.terms()["U4a"]["vit",][0] != pytest.approx(blocks.terms()["U4a"]["vit",][0])


def test_a_model_against_itself_lies_on_the_diagonal_and_swapping_flips_the_sign():
    vit, cnn = create(0).values()
    (same,) = measure({"vit": cnn, "cnn": cnn})
    assert np.diag(same.arrays()["cka"]["vit_cnn"].values) == pytest.approx(np.ones(10))
    for part in ("U1", "U2b"):
        assert sum(same.terms()[part].values()) == pytest.approx(np.zeros(9))
    one, other = (measure({"vit": a, "cnn": b})[0].terms()["U1"] for a, b in ((vit, cnn), (cnn, vit)))
    assert one["vit",] == pytest.approx(-other["cnn",]) and one["cnn",] == pytest.approx(-other["vit",])


def test_where_classes_are_known_images_are_shuffled_within_them_too():
    classes = [torch.tensor([0, 0, 0, 1, 1, 1])] * 8
    runs = [create(0), create(1)]
    first, second = uniformity.measure_runs(runs, minibatches, "blocks", classes)
    arrays = [found.arrays()["best_match"]["vit_cnn"] for found in (first, second)]
    assert arrays[0].axes["score"] == ["best", "chance", "class", "calibrated"]
    assert arrays[1].axes["score"] == ["best", "chance", "calibrated"]  # of the first run alone, as its arrays are
    alone = measure(*runs)[0]
    np.testing.assert_array_equal(first.terms()["U4a"]["vit",], alone.terms()["U4a"]["vit",])


def test_a_cnn_of_one_stage_has_no_contrast():
    vit = create(0)["vit"]
    (found,) = measure({"vit": vit, "cnn": vit})
    for part in ("U2a", "U2b"):
        assert all(math.isnan(each) for of in found.terms()[part].values() for each in of)


def test_names_the_model_and_the_layer_that_cannot_be_compared():
    """resnet18 as timm initialises it has constant branches: its last norms are zero."""
    models = create(0) | {"cnn": timm.create_model("resnet18")}
    with pytest.raises(InputError, match=r"cnn \(ResNet\): layer layer1\.0\.bn2: activations are the same"):
        measure(models, layers="all")


def test_refuses_a_model_of_two_layers():
    class Shallow(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = torch.nn.ModuleList(torch.nn.Conv2d(3, 3, 1) for _ in range(2))

        def group_matcher(self, coarse):
            return {"blocks": r"^blocks\.(\d+)"}

        def forward(self, x):
            return self.blocks[1](self.blocks[0](x))

    with pytest.raises(InputError, match="vit must have at least 3 layers"):
        measure(create(0) | {"vit": Shallow()})
