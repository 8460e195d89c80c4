"""Tokens against patches: the batched Gram against the plain one, slow loops, maps known by hand, what is refused."""

import numpy as np
import pytest
import timm
import torch
from torch import nn

from seelike.activations.tokens import Blocks
from seelike.images.shapes import Shapes
from seelike.measures import token_patch_cka
from seelike.measures.cka import CKA, gram
from seelike.measures.intervals import estimate
from seelike.measures.runner import feed_one
from seelike.measures.token_patch_cka import (
    Comparison,
    Products,
    TokenPatch,
    edge_excess,
    edge_score,
    find_common_grid,
    find_edge,
    last_score,
    localization_score,
    patch_grams,
    pixel_share,
    token_grams,
)
from seelike.system.errors import InputError
from seelike.training.accuracy import normalize


def images(n=12, side=56, seed=0):
    return torch.randn(n, 3, side, side, generator=torch.Generator().manual_seed(seed))


def test_the_batched_gram_is_the_plain_one(generator):
    x = 5 + torch.randn(7, 10, 4, generator=generator)
    for position, found in zip(x, token_grams(x), strict=True):
        torch.testing.assert_close(found.view(10, 10), gram(position), rtol=1e-6, atol=1e-6)


def test_what_does_not_vary_has_zeros_and_the_rest_is_as_before(generator):
    x = torch.randn(3, 8, 4, generator=generator)
    x[1] = torch.tensor([0.1, 1e3, -7, 0.3])
    found = token_grams(x)
    assert not found[1].any() and found[0].any()
    assert torch.equal(found[2], token_grams(x[2:])[0])


def test_bad_activations_are_refused(generator):
    with pytest.raises(InputError, match="needs at least 4 images in a minibatch, not 3"):
        token_grams(torch.zeros(2, 3, 5))
    with pytest.raises(InputError, match="must be finite"):
        token_grams(torch.full((2, 5, 5), float("nan")))


def test_patches_are_windows_row_by_row():
    x = images(5, 12).double()
    found = patch_grams(x[..., :8], 3, 2)
    assert found.shape == (6, 25)
    torch.testing.assert_close(found[3].view(5, 5), gram(x[:, :, 4:8, 4:8].flatten(1)))
    uneven = patch_grams(x[..., :10, :], 3, 3)  # rows 0-3, 3-6, 6-9: a line is in both
    torch.testing.assert_close(uneven[3].view(5, 5), gram(x[:, :, 3:7, 0:4].flatten(1)))
    torch.testing.assert_close(uneven[6].view(5, 5), gram(x[:, :, 6:10, 0:4].flatten(1)))


def test_agrees_with_one_cka_for_every_pair():
    """Oracle: each token and each patch a layer of its own in the CKA of the other chapters."""
    model, x = timm.create_model("vit_pocket_patch8_56", pretrained=True).eval(), images()
    found = token_patch_cka.compare_with_patches(model, x.split(6))
    slow = CKA()
    for part in x.split(6):
        with torch.no_grad():
            tokens = model.forward_intermediates(part, indices=[3], norm=False, output_fmt="NLC")[1][0]
        grams = {f"token {i}": gram(tokens[:, i]) for i in (0, 8, 48)}
        cells = part.unfold(2, 8, 8).unfold(3, 8, 8).permute(0, 2, 3, 1, 4, 5).reshape(6, 49, -1)
        slow.update(grams | {f"patch {i}": gram(cells[:, i]) for i in range(49)})
    np.testing.assert_allclose(found.cka()[3][[0, 8, 48]], slow.result().values[:3, 3:], atol=1e-6)
    np.testing.assert_array_equal(found.cka(block=3), found.cka()[3])


class Windows(nn.Module):
    """A CNN of one block that averages windows, so that a position knows its own patch and nothing else."""

    def __init__(self, side: int = 8):
        super().__init__()
        self.blocks = nn.Sequential(nn.Conv2d(3, 24, side, stride=side, bias=False))

    def group_matcher(self, coarse: bool = False):
        return {"blocks": r"^blocks\.(\d+)"}

    def forward(self, x):
        return self.blocks(x)


def test_a_position_that_sees_its_own_patch_alone_scores_it_and_a_shuffled_one_does_not():
    torch.manual_seed(0)
    model = Windows()
    found = token_patch_cka.compare_with_patches(model, images(96, 40).split(16))
    cka = found.cka(block=0)
    assert cka.shape == (25, 25)
    assert np.diag(cka).min() > 0.2 and abs(cka[~np.eye(25, dtype=bool)].mean()) < 0.02
    interior = np.ix_(*[~find_edge(5, 5)] * 2)
    assert found.scores(block=-1) == pytest.approx((np.diag(cka[interior]) - _others(cka[interior])).mean())
    model.blocks.append(nn.Identity())
    model.blocks[1].forward = lambda x: x.flatten(2).roll(7, 2).view(x.shape)
    moved = token_patch_cka.compare_with_patches(model, images(96, 40).split(16))
    assert moved.scores()[0] > 0.2 and moved.scores()[1] < 0.03


def _others(cka):
    return np.array([np.delete(row, position).mean() for position, row in enumerate(cka)])


def test_scale_of_tokens_and_of_pixels_change_nothing_and_noise_does():
    torch.manual_seed(0)
    model, x = Windows(), images(24, 40)
    plain = token_patch_cka.compare_with_patches(model, x.split(8)).cka()
    np.testing.assert_allclose(
        token_patch_cka.compare_with_patches(model, (3 * x).split(8)).cka(), plain, rtol=1e-3, atol=1e-6
    )
    noisy = (x + images(24, 40, seed=1)).split(8)
    tokens = token_patch_cka.compare_with_patches(model, noisy)
    assert np.abs(tokens.cka() - plain).max() > 0.05


def test_a_patch_that_never_changes_has_no_cka_and_leaves_the_rest():
    torch.manual_seed(0)
    x = images(24, 40)
    plain = token_patch_cka.compare_with_patches(Windows(), x.split(8))
    x[:, :, 16:24, 8:16] = 0.5
    torch.manual_seed(0)
    found = token_patch_cka.compare_with_patches(Windows(), x.split(8))
    cka, position = found.cka(block=0), 2 * 5 + 1
    assert np.isnan(cka[:, position]).all() and np.isnan(cka[position]).all()
    assert np.isnan(cka).sum() == 25 + 24
    kept = np.delete(np.arange(25), position)
    np.testing.assert_allclose(cka[np.ix_(kept, kept)], plain.cka(block=0)[np.ix_(kept, kept)])
    assert np.isfinite(found.scores()).all() and found.array().values.shape == (1, 3, 5, 5)
    x[:8], one = images(8, 40), found.patches
    again = token_patch_cka.compare_with_patches(Windows(), x.split(8))
    assert np.isfinite(again.cka()).all() and not one[:, position].any()


def test_tokens_that_are_the_pixels_give_the_cka_of_the_patches():
    x = images(24, 40)
    x[:, :, :, :8] = x[:, :, :1, :8]  # patches of the left edge are alike
    x[:, :, :, 32:] = x[:, :, :1, :8]
    found = token_patch_cka.compare_with_patches(copy_pixels(), x.split(8))
    np.testing.assert_allclose(found.pixel_cka(), found.cka(block=0), atol=1e-6)
    array = found.edge_array()
    assert array.axes["layer"] == ["pixels", "blocks.0"]
    np.testing.assert_allclose(array.values, edge_score(found.pixel_cka(), 5, 5), atol=1e-6)
    assert array.values[0] > 0.2
    np.testing.assert_allclose(found.replicates(edge_excess), 0, atol=1e-6)
    np.testing.assert_allclose(found.replicates(pixel_share), 1, atol=1e-6)


def copy_pixels() -> Windows:
    model = Windows()
    model.blocks[0] = nn.PixelUnshuffle(8)
    return model


def test_what_edge_tokens_share_beyond_their_pixels_is_their_excess():
    model, x = copy_pixels(), images(24, 40)
    edge = torch.as_tensor(find_edge(5, 5)).view(5, 5)
    model.blocks.append(nn.Identity())
    model.blocks[1].forward = lambda t: torch.where(edge, t.where(edge, 0).mean((2, 3), keepdim=True), t)
    found = token_patch_cka.compare_with_patches(model, x.split(8))
    plain = token_patch_cka.compare_with_patches(copy_pixels(), x.split(8))
    assert found.replicates(edge_excess)[0] > 0.02 > 1e-6 > abs(plain.replicates(edge_excess)[0])
    assert edge_score(found.pixel_cka(), 5, 5) == edge_score(plain.pixel_cka(), 5, 5)


def test_patches_that_are_all_alike_leave_nothing_to_share():
    x = images(24, 40)
    x[:] = x[:, :, :8, :8].repeat(1, 1, 5, 5)
    found = token_patch_cka.compare_with_patches(Windows(), x.split(8))
    assert found.replicates(last_score)[0] == pytest.approx(0, abs=1e-6)
    assert np.isnan(pixel_share(found, np.arange(3)))
    constant = token_patch_cka.compare_with_patches(Windows(), torch.ones(24, 3, 40, 40).split(8))
    assert np.isnan(constant.replicates(pixel_share)).all()


def test_replicates_are_what_the_other_minibatches_give():
    """Oracle: the images of all minibatches but one, measured anew."""
    torch.manual_seed(0)
    model, parts = Windows(), images(32, 40).split(8)
    found = token_patch_cka.compare_with_patches(model, parts)
    for effect in (last_score, pixel_share, edge_excess):
        slow = [parts, *(parts[:left_out] + parts[left_out + 1 :] for left_out in range(4))]
        anew = [effect(token_patch_cka.compare_with_patches(model, some), slice(None)) for some in slow]
        np.testing.assert_allclose(found.replicates(effect), anew, rtol=1e-9)


def test_common_windows_are_the_coarser_ones_and_undo_a_finer_grid():
    torch.manual_seed(0)
    coarse, x = Windows(), images(48, 40)
    fine = Windows()
    fine.load_state_dict(coarse.state_dict())
    fine.blocks.append(nn.Upsample(scale_factor=2))
    of_fine, of_coarse = (token_patch_cka.compare_with_patches(model, x.split(16)) for model in (fine, coarse))
    grid = find_common_grid([of_fine.blocks, of_coarse.blocks])
    assert grid == of_coarse.blocks.grid == (5, 5) and of_fine.blocks.grid == (10, 10)
    common = feed_one(fine, x.split(16), lambda own: Products(own, grid))
    for effect in (last_score, pixel_share):
        np.testing.assert_allclose(common.replicates(effect), of_coarse.replicates(effect), atol=1e-6)
        assert of_fine.replicates(effect)[0] < of_coarse.replicates(effect)[0] - 0.05


def test_parts_of_a_minibatch_are_minibatches_and_what_is_left_over_is_dropped():
    torch.manual_seed(0)
    model, x = Windows(), images(26, 40)
    halves = feed_one(model, x.split(13), lambda own: Products(own, n_parts=2))
    small = token_patch_cka.compare_with_patches(model, torch.cat([x[:12], x[13:25]]).split(6))
    assert len(halves.cross) == 4
    for part in ("cross", "tokens", "patches"):
        np.testing.assert_allclose(getattr(halves, part), getattr(small, part), rtol=1e-4, atol=1e-6)


def test_the_common_grid_has_the_fewest_rows_and_columns():
    blocks = [Blocks(("a",), rows, columns, (0,), False) for rows, columns in ((7, 5), (16, 12), (8, 4))]
    assert find_common_grid(blocks) == (7, 4)


def test_scores_by_hand():
    edge = find_edge(3, 4)
    assert edge.sum() == 10 and not edge[[5, 6]].any()
    cka = np.full((12, 12), 0.1)
    cka[5, 5], cka[6, 6] = 0.5, 0.7
    assert localization_score(cka, 3, 4) == pytest.approx(0.5)
    assert edge_score(cka, 3, 4) == pytest.approx(0)
    cka[np.ix_(edge, edge)] = 0.4
    assert edge_score(cka, 3, 4) == pytest.approx(0.3)
    cka[edge, edge] = 9.0  # a token's own patch does not count
    assert edge_score(cka, 3, 4) == pytest.approx(0.3)
    cka[~edge] += np.where(edge, 0.3, 0)  # nor do patches of the edge where an interior token is compared
    assert localization_score(cka, 3, 4) == pytest.approx(0.5)
    np.testing.assert_allclose(localization_score(np.stack([cka, 2 * cka]), 3, 4), [0.5, 1.0])
    cka[5] = np.nan
    assert localization_score(cka, 3, 4) == pytest.approx(0.6)


def test_tokens_that_are_all_alike_score_nothing_whatever_they_resemble(generator):
    resembled = torch.rand(30, generator=generator).numpy() + 5 * ~find_edge(5, 6)
    assert localization_score(np.tile(resembled, (30, 1)), 5, 6) == pytest.approx(0, abs=1e-12)
    assert localization_score(np.tile(resembled, (30, 1)) + np.eye(30), 5, 6) == pytest.approx(1)


def fake(*scores: float) -> TokenPatch:
    """A model whose blocks score so, on a grid of 3 × 4, in eight minibatches that agree."""
    cross = np.zeros((8, len(scores), 12, 12))
    cross[:, :, 5, 5] = cross[:, :, 6, 6] = scores
    blocks = Blocks(tuple(f"blocks.{i}" for i in range(len(scores))), 3, 4, (0,) * len(scores), False)
    return TokenPatch(blocks, cross, np.ones((8, len(scores), 12)), np.tile(np.eye(12), (8, 1, 1)))


def weigh(own: dict[str, TokenPatch], n_units: int, common: dict[str, TokenPatch] | None = None) -> dict[str, dict]:
    """Part → roles → its value from all minibatches; all replicates are the same."""
    terms = Comparison(own, common or own, n_units).terms()
    for replicates in (each for roles in terms.values() for each in roles.values()):
        assert replicates == pytest.approx(np.full(9, replicates[0]))
    return {part: {roles: pytest.approx(each[0]) for roles, each in of.items()} for part, of in terms.items()}


def test_effects_are_sums_of_a_term_for_each_model():
    vit, cnn, gap = fake(0.2, 0.7, 0.6), fake(0.9, 0.5, 0.3, 0.1), fake(0.8, 0.05)
    assert weigh({"vit": vit, "cnn": cnn, "vit_gap": gap}, n_units=3) == {
        "L1a": {("vit",): 0.6},
        "L1b": {("vit",): 0.6, ("cnn",): -0.1},  # pixels that have nothing in common score 1
        "L2": {("vit",): 0},
        "L3": {("vit",): 0.6, ("vit_gap",): -0.05},
        "L4a": {("cnn",): 0.4 - 0.1},  # the first block is of an earlier stage
        "L4b": {("vit",): 0.6, ("cnn",): -0.4},
        "L7a": {("vit",): 0.7},
        "L7b": {("vit",): 0.1},
    }


def test_models_are_compared_on_common_windows_and_blocks_of_one_model_on_its_own():
    own = {"vit": fake(0.2, 0.7), "cnn": fake(0.5, 0.1), "vit_gap": fake(0.8, 0.05)}
    common = {"vit": fake(0.2, 0.4), "cnn": fake(0.3, 0.2), "vit_gap": fake(0.8, 0.1)}
    here, there = weigh(own, 2), weigh(own, 2, common)
    assert {part for part in here if here[part] != there[part]} == {"L1b", "L3", "L4b"}
    assert there["L4b"] == {("vit",): 0.4, ("cnn",): -0.3}


@pytest.mark.parametrize("n_units", [0, 1])
def test_parts_without_their_models_or_blocks_are_left_out(n_units):
    found = weigh({"vit": fake(0.5), "cnn": fake(0.4, 0.1)}, n_units)
    assert sorted(found) == ["L1a", "L1b", "L2"]


def test_the_share_of_the_pixels_score_is_not_that_of_the_tokens():
    alike = np.full((12, 12), 0.2) + 0.8 * np.eye(12)
    plain = fake(0.6)
    found = TokenPatch(plain.blocks, plain.cross, plain.tokens, np.tile(alike, (8, 1, 1)))
    assert last_score(found, np.arange(8)) == pytest.approx(0.6)
    assert pixel_share(found, np.arange(8)) == pytest.approx(0.6 / 0.8)


def test_training_makes_the_cls_model_localize_and_the_gap_model_not():
    drawings = normalize(Shapes("validation").stack(128)[0]).split(16)

    def compare(pretrained):
        names = {"vit": "vit_pocket_patch8_56", "vit_gap": "vit_pocket_patch8_gap_56", "cnn": "resnet_pocket"}
        models = {role: timm.create_model(name, pretrained=pretrained).eval() for role, name in names.items()}
        found = {role: token_patch_cka.compare_with_patches(model, drawings) for role, model in models.items()}
        terms = Comparison(found, found, n_units=3).terms()
        return {part: estimate(sum(terms[part].values())) for part in ("L1b", "L3")}

    trained, untrained = compare(True), compare(False)
    assert trained["L1b"].low > 0.05
    assert trained["L3"].low > 0.05 > untrained["L3"].high  # L3 is learned


def test_the_only_interior_token_is_held_against_the_edge():
    cka = np.full((9, 9), 0.3)
    cka[4] = [0.1, 0.2, 0.1, 0.2, 0.9, 0.2, 0.1, 0.2, 0.1]
    assert localization_score(cka, 3, 3) == pytest.approx(0.9 - 0.15)


def test_a_grid_without_an_interior_and_no_images_are_refused():
    with pytest.raises(InputError, match=r"^the model must have 3×3 positions or more .*, not 2×2: .* larger image"):
        token_patch_cka.compare_with_patches(Windows(), [images(4, 16)])
    with pytest.raises(InputError, match="at least one full minibatch"):
        token_patch_cka.compare_with_patches(Windows(), [])
