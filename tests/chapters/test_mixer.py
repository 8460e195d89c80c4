"""M1 and M2 on matrices whose answer is known by hand, by loops, and on real small models."""

import numpy as np
import pytest
import timm
import torch

from seelike.chapters import mixer
from seelike.chapters.mixer import best_contrast, best_match_gap, find_split, split_contrast_gap
from seelike.system.errors import InputError


def parted(n: int, at: int, inside=0.9, between=0.2) -> np.ndarray:
    late = np.arange(n) >= at
    cka = np.where(late[:, None] == late[None, :], inside, between)
    cka[np.diag_indices(n)] = 1
    return cka


def test_the_best_split_is_found_and_measured():
    for at in (1, 2, 4):
        assert find_split(parted(8, at)) == at
        assert best_contrast(parted(8, at)) == pytest.approx(0.7)
    assert best_contrast(parted(8, 6)) < 0.35  # the early part is to be the small one
    assert best_contrast(np.full((8, 8), 0.6)) == pytest.approx(0)


def test_best_contrast_agrees_with_loops():
    cka = np.random.default_rng(0).random((7, 7))
    cka = (cka + cka.T) / 2
    contrasts = []
    for k in (1, 2, 3):
        inside = [cka[i, j] for i in range(7) for j in range(7) if i != j and (i < k) == (j < k)]
        between = [cka[i, j] for i in range(7) for j in range(7) if (i < k) != (j < k)]
        contrasts.append(np.mean(inside) - np.mean(between))
    assert best_contrast(cka) == pytest.approx(max(contrasts))
    assert find_split(cka) == np.argmax(contrasts) + 1


def test_claims_compare_and_swapping_flips_their_sign():
    uniform = np.full((8, 8), 0.6)
    assert split_contrast_gap({("mixer", "mixer"): parted(8, 2), ("vit", "vit"): uniform}) == pytest.approx(0.7)
    assert split_contrast_gap({("mixer", "mixer"): uniform, ("vit", "vit"): parted(8, 2)}) == pytest.approx(-0.7)
    near, far = np.array([[0.1, 0.8, 0.2], [0.6, 0.1, 0.1]]), np.array([[0.3, 0.1], [0.2, 0.5]])
    assert best_match_gap({("mixer", "vit"): near, ("mixer", "cnn"): far}) == pytest.approx(0.7 - 0.4)
    assert best_match_gap({("mixer", "vit"): far, ("mixer", "cnn"): near}) == pytest.approx(0.4 - 0.7)


def minibatches(models, n=5):
    generator = torch.Generator().manual_seed(0)
    for _ in range(n):
        yield dict.fromkeys(models, torch.randn(8, 3, 56, 56, generator=generator))


def create(**names) -> dict:
    default = {"mixer": "mixer_pocket_patch8_56", "vit": "vit_pocket_patch8_56", "cnn": "resnet_pocket"}
    return {role: timm.create_model(name).eval() for role, name in (default | names).items()}


def test_measures_three_models_on_the_same_images():
    models = create()
    found = next(mixer.measure_runs([models], minibatches))
    arrays = found.arrays()["cka"]
    assert set(arrays) == {"mixer", "vit", "cnn", "mixer_vit", "mixer_cnn"}
    assert arrays["mixer_cnn"].values.shape == (8, 10)
    assert list(arrays["mixer_cnn"].axes) == ["mixer_layer", "cnn_layer"]
    assert arrays["mixer"].boundaries == [find_split(arrays["mixer"].values)]
    estimates = found.estimates(0)
    assert list(estimates) == ["M1", "M2"] and all(e.low <= e.effect <= e.high for e in estimates.values())
    expected = arrays["mixer_vit"].values.max(1).mean() - arrays["mixer_cnn"].values.max(1).mean()
    assert estimates["M2"].effect == pytest.approx(expected)


def test_a_mixer_is_most_like_itself():
    models = create(vit="mixer_pocket_patch8_56")
    found = next(mixer.measure_runs([models], minibatches))
    assert np.diag(found.arrays()["cka"]["mixer_vit"].values) == pytest.approx(np.ones(8))
    assert found.estimates(0)["M1"].effect == pytest.approx(0)
    swapped = {"mixer": models["mixer"], "vit": models["cnn"], "cnn": models["vit"]}
    other = next(mixer.measure_runs([swapped], minibatches))
    assert other.estimates(0)["M2"].effect == pytest.approx(-found.estimates(0)["M2"].effect)


def test_refuses_a_model_of_two_blocks_and_no_image():
    models = create() | {"mixer": timm.create_model("mixer_pocket_patch8_56", num_blocks=2)}
    with pytest.raises(InputError, match="mixer must have at least 3 blocks to compare, not 2"):
        next(mixer.measure_runs([models], minibatches))
    with pytest.raises(InputError, match="at least one full minibatch"):
        next(mixer.measure_runs([models], lambda _: []))
