"""Skip ablation: what it parts by hand and by loops, accuracy by hand, models that cannot be compared."""

import numpy as np
import pytest
import timm
import torch
from together import measure_together

from seelike.measures.similarities.all_pairs import Similarity
from seelike.measures.skip_ablation import Ablations, SkipAblation, cka_lost_across, placebo_gap
from seelike.system.errors import InputError


def parted(n: int, at: int) -> np.ndarray:
    """CKA of two groups of blocks that have nothing in common."""
    after = np.arange(n) >= at
    return np.where(after[:, None] == after[None, :], 0.9, 0.2)


def test_split_by_hand():
    intact = np.full((6, 6), 0.9)
    assert cka_lost_across(intact, parted(6, 2), 2) == pytest.approx(0.7)
    assert cka_lost_across(parted(6, 2), intact, 2) == pytest.approx(-0.7)
    assert cka_lost_across(intact, np.full((6, 6), 0.5), 2) == pytest.approx(0)  # lost everywhere alike
    assert cka_lost_across(intact, parted(6, 2), 4) < 0.1  # another block


def test_split_agrees_with_loops():
    intact, changed = (np.random.default_rng(seed).random((7, 7)) for seed in (0, 1))
    intact, changed = intact + intact.T, changed + changed.T
    across, other = [], []
    for i in range(7):
        for j in range(i):
            (across if j < 3 <= i else other).append(intact[i, j] - changed[i, j])
    assert cka_lost_across(intact, changed, 3) == pytest.approx(np.mean(across) - np.mean(other))


def test_a_placebo_gap_by_hand_and_by_loops():
    intact = np.full((6, 6), 0.9)
    others = [cka_lost_across(intact, parted(6, 2), at) for at in (1, 3, 4, 5)]
    assert placebo_gap(intact, parted(6, 2), 2) == pytest.approx(0.7 - np.mean(others))
    assert placebo_gap(intact, parted(6, 2), 4) < 0 < placebo_gap(intact, parted(6, 2), 2)
    assert placebo_gap(intact, intact, 3) == 0
    three = placebo_gap(np.full((3, 3), 0.9), parted(3, 1), 1)
    assert three == pytest.approx(0.7 - (0.35 - 0.7))  # one placebo: half of its pairs across are parted, the other is


def test_similarity_that_only_decays_with_distance_has_a_loss_but_no_placebo_gap_in_the_mean():
    depth = np.arange(8)
    decayed = 1 - abs(depth[:, None] - depth) / 8
    losses = [cka_lost_across(np.ones((8, 8)), decayed, at) for at in range(1, 8)]
    gaps = [placebo_gap(np.ones((8, 8)), decayed, at) for at in range(1, 8)]
    assert min(losses) > 0.1 and np.mean(gaps) == pytest.approx(0)


def ablation(matrices: dict[str, np.ndarray], at: dict[str, int], accuracy=None) -> SkipAblation:
    n = 6
    whole = np.eye(n * len(matrices))
    for i, matrix in enumerate(matrices.values()):
        whole[i * n : (i + 1) * n, i * n : (i + 1) * n] = matrix
    whole[np.diag_indices_from(whole)] = 1
    similarity = Similarity((), np.repeat(whole[None], 10, 0))
    return SkipAblation(tuple(matrices), tuple(f"blocks.{i}" for i in range(n)), at, similarity, accuracy)


def test_claims_by_hand():
    matrices = {
        "vit": np.full((6, 6), 0.9),
        "vit_noskip_early": parted(6, 1),
        "vit_noskip_middle": np.full((6, 6), 0.9),
    }
    accuracy = np.repeat([[0.9, 0.5, 0.7]], 10, 0) + np.linspace(-0.09, 0.09, 10)[:, None] * [1, 1, 0]
    found = ablation(matrices, {"vit_noskip_early": 1, "vit_noskip_middle": 3}, accuracy)
    terms = found.terms()
    assert list(terms) == ["S3a", "S3b", "S4"]
    assert terms["S3a"][tuple(matrices)] == pytest.approx([0.35] * 11)
    expected = placebo_gap(matrices["vit"], parted(6, 1), 1) / 2
    assert terms["S3b"][tuple(matrices)] == pytest.approx([expected] * 11)
    lost = terms["S4"]["vit", "vit_noskip_middle"]
    assert lost[0] == pytest.approx(0.2) and lost[1] == pytest.approx(0.21)  # without the first minibatch
    arrays = found.arrays()
    assert arrays["accuracy"]["vit"].values == pytest.approx([0.9, 0.5, 0.7])
    low, high = arrays["accuracy_interval"]["vit"].values.T
    assert (high - low)[0] == pytest.approx((high - low)[1]) and low[2] == high[2] == pytest.approx(0.7)
    error = (accuracy[:, 0].var(ddof=1) / 10) ** 0.5
    assert high[1] - 0.5 == pytest.approx(2.2622 * error, rel=1e-4)  # Student's t of 9 degrees
    assert arrays["cka"]["vit_noskip_early"].boundaries == [1] and arrays["cka"]["vit"].boundaries is None
    np.testing.assert_allclose(arrays["cka"]["vit_noskip_early"].values, np.where(np.eye(6) > 0, 1, parted(6, 1)))


def test_s4_is_paired_by_image():
    matrices = {role: np.full((6, 6), 0.9) for role in ("vit", "vit_noskip_middle")}
    drift = np.linspace(0.5, 0.9, 10)
    found = ablation(matrices, {"vit_noskip_middle": 3}, np.stack([drift + 0.05, drift], 1)).terms()["S4"]
    np.testing.assert_allclose(found["vit", "vit_noskip_middle"], 0.05)  # how hard the images are cancels
    apart = ablation(matrices, {"vit_noskip_middle": 3}, np.stack([drift + 0.05, drift[::-1]], 1)).terms()["S4"]
    assert apart["vit", "vit_noskip_middle"].std() > 0.01


def test_s4_needs_accuracies_and_the_cut_in_the_middle():
    matrices = {"vit": np.full((6, 6), 0.9), "vit_noskip_early": parted(6, 1)}
    assert list(ablation(matrices, {"vit_noskip_early": 1}, np.ones((10, 2))).terms()) == ["S3a", "S3b"]
    matrices["vit_noskip_middle"] = matrices.pop("vit_noskip_early")
    assert list(ablation(matrices, {"vit_noskip_middle": 1}).terms()) == ["S3a", "S3b"]
    assert "accuracy" not in ablation(matrices, {"vit_noskip_middle": 1}).arrays()


def test_few_minibatches_give_accuracies_without_interval():
    matrices = {role: np.full((6, 6), 0.9) for role in ("vit", "vit_noskip_middle")}
    arrays = ablation(matrices, {"vit_noskip_middle": 3}, np.full((5, 2), 0.5)).arrays()
    assert arrays["accuracy"]["vit"].values.tolist() == [0.5, 0.5]
    assert np.isnan(arrays["accuracy_interval"]["vit"].values).all()


def compare_ablated(models, minibatches, labels=None):
    return measure_together(models, minibatches, Ablations, list(models), labels)


def minibatches(models, n=5):
    generator = torch.Generator().manual_seed(0)
    for _ in range(n):
        yield dict.fromkeys(models, torch.randn(8, 3, 56, 56, generator=generator))


def test_measures_models_and_finds_their_cuts():
    models = {
        "vit": timm.create_model("vit_pocket_patch8_56", pretrained=True).eval(),
        "vit_noskip_middle": timm.create_model("vit_pocket_noskip4_patch8_56", pretrained=True).eval(),
    }
    with torch.no_grad():
        answers = torch.cat([models["vit"](batch["vit"]).argmax(1) for batch in minibatches(models)])
        others = torch.cat([models["vit_noskip_middle"](batch["vit"]).argmax(1) for batch in minibatches(models)])
    found = compare_ablated(models, minibatches(models), answers)
    assert found.ablated == {"vit_noskip_middle": 4} and found.similarity.products.shape == (5, 16, 16)
    shares = found.arrays()["accuracy"]["vit"].values
    assert shares == pytest.approx([1, (answers == others).double().mean().item()])
    terms = found.terms()
    assert terms["S4"][tuple(models)][0] == pytest.approx(shares[0] - shares[1])
    matrices = [found.arrays()["cka"][role].values for role in models]
    assert terms["S3a"][tuple(models)][0] == pytest.approx(cka_lost_across(*matrices, 4))
    assert terms["S3b"][tuple(models)][0] == pytest.approx(placebo_gap(*matrices, 4))


def test_what_is_not_a_cut_of_the_model_is_refused():
    vit = timm.create_model("vit_pocket_patch8_56").eval()
    small = timm.create_model("vit_smallpocket_patch8_56", skipless=3).eval()
    for other, complaint in (
        (small, "^vit_noskip_early must have as many blocks as vit, 8 .* not 6"),
        (vit, "^vit_noskip_early must be a model with one block without skips"),
    ):
        models = {"vit": vit, "vit_noskip_early": other}
        with pytest.raises(InputError, match=complaint):
            compare_ablated(models, minibatches(models))
    with pytest.raises(InputError, match="at least one full minibatch"):
        compare_ablated({"vit": vit}, [])
