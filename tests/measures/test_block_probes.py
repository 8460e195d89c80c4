"""Probes by depth: a toy read off by design, a slow way to the same features, and effects known by hand."""

import numpy as np
import pytest
import timm
import torch

from seelike.activations.flattened import stream
from seelike.measures import block_probes, intervals
from seelike.measures.block_probes import ProbeCurve, depth_averaged_accuracy, early_share, middle_third_accuracy
from seelike.measures.probes import choose_folds, measure_accuracy
from seelike.system.errors import InputError

LABELS = torch.arange(150) % 10
FOLDS = choose_folds(LABELS, n_draws=5, shots=2)


def curve(pooled, cls=None, folds: int = 6) -> ProbeCurve:
    """The same accuracies in every fold."""
    readouts = {"pooled": pooled} | ({} if cls is None else {"CLS": cls})
    blocks = tuple(f"blocks.{i}" for i in range(len(pooled)))
    return ProbeCurve(blocks, {kind: np.tile(of, (folds, 1)) for kind, of in readouts.items()})


def images(n: int = 150, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, 3, 56, 56, generator=torch.Generator().manual_seed(seed))


class Teller(torch.nn.Module):
    """Block 0 returns maps of noise, block 1 maps whose mean over positions alone tells the class, read off a pixel.

    Another pixel holds the image's number, from which its noise is drawn.
    """

    def __init__(self):
        super().__init__()
        self.blocks = torch.nn.ModuleList([torch.nn.Identity(), torch.nn.Identity()])

    def group_matcher(self, coarse):
        return {"blocks": r"^blocks\.(\d+)"}

    def forward(self, x):
        label = x[:, 0, 0, 0].long()
        generators = [torch.Generator().manual_seed(int(number)) for number in x[:, 1, 0, 0]]
        noise = torch.stack([torch.randn(10, 2, 2, generator=each) for each in generators])
        self.blocks[0](noise)
        noise = 5 * (noise - noise.mean((2, 3), keepdim=True))
        return self.blocks[1](noise + torch.nn.functional.one_hot(label, 10)[:, :, None, None])


def test_a_block_whose_mean_tells_the_class_is_read_and_noise_is_not():
    pictures = torch.zeros(150, 3, 4, 4)
    pictures[:, 0, 0, 0], pictures[:, 1, 0, 0] = LABELS, torch.arange(150)
    found = block_probes.probe_blocks({"toy": Teller()}, [{"toy": part} for part in pictures.split(40)], LABELS, FOLDS)
    assert found["toy"].blocks == ("blocks.0", "blocks.1") and found["toy"].readouts.keys() == {"pooled"}
    assert found["toy"].readouts["pooled"].shape == (5, 2)
    assert found["toy"].values()[1] == 1
    assert found["toy"].values()[0] < 0.35


def test_agrees_with_features_gathered_one_block_at_a_time():
    vit, cnn = timm.create_model("vit_pocket_patch8_56").eval(), timm.create_model("resnet_pocket").eval()
    x = images()
    found = block_probes.probe_blocks({"vit": vit, "cnn": cnn}, [{"vit": x, "cnn": x}], LABELS, FOLDS)
    tokens = next(stream(vit, [x], ["blocks.2"]))["blocks.2"].reshape(150, 50, 64)
    expected = measure_accuracy({"": tokens[:, 1:].mean(1)}, LABELS, FOLDS)[:, 0]  # without CLS
    np.testing.assert_allclose(found["vit"].readouts["pooled"][:, 2], expected)
    expected = measure_accuracy({"": tokens[:, 0]}, LABELS, FOLDS)[:, 0]
    np.testing.assert_allclose(found["vit"].readouts["CLS"][:, 2], expected)
    maps = next(stream(cnn, [x], ["stages.0.blocks.0"]))["stages.0.blocks.0"].reshape(150, 16, 56 * 56)
    expected = measure_accuracy({"": maps.mean(2)}, LABELS, FOLDS)[:, 0]
    np.testing.assert_allclose(
        found["cnn"].readouts["pooled"][:, 0], expected, atol=0.05
    )  # a tie may fall the other way


@pytest.mark.parametrize(("token", "same"), [(0, {"pooled"}), (1, {"CLS"})])
def test_each_readout_sees_its_own_tokens_alone(token, same):
    vit, x = timm.create_model("vit_pocket_patch8_56").eval(), images()
    plain = block_probes.probe_blocks({"vit": vit}, [{"vit": x}], LABELS, FOLDS)["vit"].readouts

    def disturb(_, inputs, output):
        output[:, token] = 1000 * torch.sin(1e4 * output[:, token])  # as good as noise, and the image's own

    vit.blocks[-1].register_forward_hook(disturb)
    disturbed = block_probes.probe_blocks({"vit": vit}, [{"vit": x}], LABELS, FOLDS)["vit"].readouts
    assert {kind for kind in plain if np.array_equal(disturbed[kind][:, -1], plain[kind][:, -1])} == same


def test_the_cls_token_is_kept_from_what_follows_in_place():
    vit, x = timm.create_model("vit_pocket_patch8_56").eval(), images()
    plain = block_probes.probe_blocks({"vit": vit}, [{"vit": x}], LABELS, FOLDS)["vit"].readouts["CLS"]
    vit.norm.register_forward_pre_hook(lambda _, inputs: (inputs[0].zero_(),))
    found = block_probes.probe_blocks({"vit": vit}, [{"vit": x}], LABELS, FOLDS)["vit"].readouts["CLS"]
    np.testing.assert_array_equal(found, plain)


def test_the_middle_third_of_blocks():
    for n, middle in ((8, (3, 4)), (12, (4, 5, 6, 7)), (7, (2, 3)), (6, (2, 3)), (10, (3, 4, 5)), (3, (1,)), (2, (0,))):
        accuracy = np.zeros(n)
        accuracy[list(middle)] = 1
        assert middle_third_accuracy(accuracy) == 1 and middle_third_accuracy(1 - accuracy) == 0


def test_the_average_over_depth_is_the_area_under_the_curve():
    assert depth_averaged_accuracy(np.array([0.0, 1])) == pytest.approx(0.5)
    assert depth_averaged_accuracy(np.array([0.2, 0.8, 0.4])) == pytest.approx((0.5 + 0.6) / 2)
    assert depth_averaged_accuracy(np.full(7, 0.3)) == pytest.approx(0.3)
    coarse, fine = np.array([0.0, 1, 1]), np.array([0.0, 0.5, 1, 1, 1])  # one curve, told at three and at five depths
    assert depth_averaged_accuracy(coarse) == pytest.approx(depth_averaged_accuracy(fine))
    assert coarse.mean() != pytest.approx(fine.mean())


def test_the_best_readout_is_chosen_by_the_average_over_depth():
    rises, falls = (0.1, 0.2, 0.9), (0.5, 0.5, 0.3)  # on average over the depth 0.35 and 0.45
    for one, other, best in ((rises, falls, "CLS"), (falls, rises, "pooled")):
        found = curve(one, other)
        assert found.find_best() == best
        assert found.average_depth() == pytest.approx(np.full(7, 0.45))
        assert found.average_middle() == pytest.approx(np.full(7, one[1]))  # of pooled tokens, whichever is best
    assert curve(rises).find_best() == "pooled" and curve(rises).average_depth()[0] == pytest.approx(0.35)


def test_replicates_leave_out_one_fold_each_by_the_readout_that_is_best_of_all():
    pooled, cls = np.array([[0.2, 0.2], [0.4, 0.4], [0.9, 0.9]]), np.array([[0.6, 0.6], [0.6, 0.6], [0.2, 0.2]])
    found = ProbeCurve(("a", "b"), {"pooled": pooled, "CLS": cls})
    assert found.find_best() == "pooled"  # by 0.5 against 0.47, though not without the last fold
    assert found.average_depth() == pytest.approx([0.5, 0.65, 0.55, 0.3])


def test_what_is_luck_for_both_models_leaves_their_difference_alone():
    luck = np.random.default_rng(0).normal(0, 0.1, (10, 1))
    one, other = (ProbeCurve(("a", "b", "c"), {"pooled": level + np.tile(luck, 3)}) for level in (0.6, 0.5))
    estimate = intervals.estimate(one.average_middle() - other.average_middle())
    assert estimate.low == pytest.approx(0.1) and estimate.high == pytest.approx(0.1)
    shuffled = ProbeCurve(other.blocks, {"pooled": other.readouts["pooled"][::-1]})
    mixed = intervals.estimate(one.average_middle() - shuffled.average_middle())
    assert mixed.high - mixed.low > 0.05


def test_a_model_without_positions_is_refused_by_its_name():
    class Flat(Teller):
        def forward(self, x):
            return self.blocks[1](self.blocks[0](x.flatten(1)))

    with pytest.raises(InputError, match=r"^cnn \(Flat\): layer blocks.0 has no positions"):
        block_probes.probe_blocks({"cnn": Flat()}, [{"cnn": torch.zeros(8, 3, 4, 4)}], LABELS[:8], FOLDS)


def test_early_is_the_share_of_the_best_that_is_told_on_average():
    assert early_share(np.array([0.1, 0.5, 0.9]), 0.1) == pytest.approx(0.5)
    assert early_share(np.array([0.9, 0.9, 0.9]), 0.1) == pytest.approx(1)
    assert early_share(np.array([0.1, 0.9, 0.1]), 0.1) == pytest.approx(0.5)


def test_early_does_not_hang_on_how_much_is_told_but_on_the_order_of_blocks():
    accuracy = np.array([0.2, 0.3, 0.8, 0.7])
    assert early_share(0.1 + (accuracy - 0.1) / 3, 0.1) == pytest.approx(early_share(accuracy, 0.1))
    assert early_share(accuracy[[2, 3, 1, 0]], 0.1) != pytest.approx(early_share(accuracy, 0.1))


def test_where_no_block_tells_more_than_chance_nothing_is_early():
    assert np.isnan(early_share(np.array([0.1, 0.08, 0.05]), 0.1))


def test_earliness_is_of_the_readout_that_tells_most():
    found = curve([0.1, 0.1, 0.2], cls=[0.9, 0.9, 0.9])
    assert found.find_earliness(0.1).shape == (7,) and found.find_earliness(0.1) == pytest.approx(np.ones(7))
