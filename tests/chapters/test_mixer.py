"""M1 and M2 on matrices whose answer is known by hand, by loops, and on real small models."""

import numpy as np
import pytest
import timm
import torch

from seelike.chapters import mixer
from seelike.chapters.mixer import best_match
from seelike.measures.lag_contrast import best_split_contrast, find_split
from seelike.system.errors import InputError


def test_the_best_match_is_of_each_mixer_block():
    assert best_match(np.array([[0.1, 0.8, 0.2], [0.6, 0.1, 0.1]])) == pytest.approx(0.7)
    assert best_match(np.array([[0.3, 0.1], [0.2, 0.5]])) == pytest.approx(0.4)


def minibatches(models, n=5):
    generator = torch.Generator().manual_seed(0)
    for _ in range(n):
        yield dict.fromkeys(models, torch.randn(6, 3, 16, 16, generator=generator))


def create(seed=0, **names) -> dict:
    default = {"mixer": "mixer_pocket_patch8_56", "vit": "vit_pocket_patch8_56", "cnn": "resnet_pocket"}
    sizes = {"mixer": {"img_size": 16}, "vit": {"img_size": 16}, "cnn": {}}
    models = {role: timm.create_model(name, **sizes[role]).eval() for role, name in (default | names).items()}
    generator = torch.Generator().manual_seed(seed)
    for parameter in (each for model in models.values() for each in model.parameters()):
        parameter.data += 0.05 * torch.randn(parameter.shape, generator=generator)
    return models


def test_measures_three_models_on_the_same_images():
    models = create()
    found = next(mixer.measure_runs([models], minibatches))
    arrays = found.arrays()["cka"]
    assert set(arrays) == {"mixer", "vit", "cnn", "mixer_vit", "mixer_cnn"}
    assert arrays["mixer_cnn"].values.shape == (8, 10)
    assert list(arrays["mixer_cnn"].axes) == ["mixer_layer", "cnn_layer"]
    assert arrays["mixer"].boundaries == [find_split(arrays["mixer"].values)]
    terms = found.terms()
    assert {part: set(of) for part, of in terms.items()} == {
        "M1a": {("mixer",)},
        "M1b": {("mixer",), ("vit",)},
        "M2": {("mixer",), ("vit",), ("cnn",)},
    }
    assert all(len(replicates) == 6 for of in terms.values() for replicates in of.values())
    assert terms["M1a"]["mixer",][0] == pytest.approx(best_split_contrast(arrays["mixer"].values))
    assert terms["M1b"]["vit",][0] == pytest.approx(-best_split_contrast(arrays["vit"].values))
    matches = found.arrays()["best_match"]
    scores = {other: matches[f"mixer_{other}"].values for other in ("vit", "cnn")}
    for other, (best, chance, calibrated) in scores.items():
        assert best == pytest.approx(arrays[f"mixer_{other}"].values.max(1))
        assert calibrated == pytest.approx((best - chance) / (1 - chance))
    assert sum(terms["M2"].values())[0] == pytest.approx(scores["vit"][2].mean() - scores["cnn"][2].mean())


def test_of_several_trainings_each_mixer_meets_each_of_the_others():
    first, second = create(), create(seed=1)
    second["mixer"] = first["mixer"]  # trained once
    both = list(mixer.measure_runs([first, second], minibatches))
    total = np.mean([sum(found.terms()["M2"].values()) for found in both], axis=0)
    pairs = [first | {"vit": one["vit"], "cnn": other["cnn"]} for one in (first, second) for other in (first, second)]
    each = [next(mixer.measure_runs([models], minibatches)).terms()["M2"] for models in pairs]
    np.testing.assert_allclose(total, np.mean([sum(terms.values()) for terms in each], axis=0), atol=1e-6)
    np.testing.assert_allclose(*(found.terms()["M2"]["mixer",] for found in both))


def test_a_mixer_is_most_like_itself_and_swapping_flips_the_sign():
    models = create(vit="mixer_pocket_patch8_56")
    models["vit"].load_state_dict(models["mixer"].state_dict())
    found = next(mixer.measure_runs([models], minibatches))
    assert np.diag(found.arrays()["cka"]["mixer_vit"].values) == pytest.approx(np.ones(8))
    assert sum(found.terms()["M1b"].values()) == pytest.approx(np.zeros(6))
    assert min(sum(found.terms()["M2"].values())) > 0
    swapped = {"mixer": models["mixer"], "vit": models["cnn"], "cnn": models["vit"]}
    other = next(mixer.measure_runs([swapped], minibatches))
    assert sum(other.terms()["M2"].values()) == pytest.approx(-sum(found.terms()["M2"].values()), abs=1e-6)


def test_refuses_a_model_of_two_blocks_and_no_image():
    models = create() | {"mixer": timm.create_model("mixer_pocket_patch8_56", img_size=16, num_blocks=2)}
    with pytest.raises(InputError, match="mixer must have at least 3 blocks to compare, not 2"):
        next(mixer.measure_runs([models], minibatches))
    with pytest.raises(InputError, match="at least one full minibatch"):
        next(mixer.measure_runs([models], lambda _: []))
