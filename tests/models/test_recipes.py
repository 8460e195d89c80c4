"""Recipes: their schedule and order, and that the table holds every intervention of the paper."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from seelike.images.datasets import DRAWN
from seelike.images.drawings import SPLITS
from seelike.models.recipes import (
    ALL_IMAGES,
    EARLY,
    GAP,
    NO_SKIP,
    RECIPES,
    RESNET,
    SMALL,
    VIT,
    Recipe,
    find_runs,
    kept_steps,
)

TINY = Recipe(images=40, steps=10, batch_size=8, warmup=2)


def test_learning_rate_warms_up_then_falls_to_zero():
    recipe = Recipe(steps=100, rate=1.0, warmup=10)
    rates = [recipe.rate_at(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == rates[10] == pytest.approx(1.0)
    assert rates[55] == pytest.approx(0.5)
    assert rates[99] < 0.001
    assert rates[10:] == sorted(rates[10:], reverse=True)
    for outside in (-1, 100):
        with pytest.raises(ValueError, match="0 to 99"):
            recipe.rate_at(outside)


def test_every_image_comes_once_an_epoch_in_an_order_of_its_own():
    epochs = [[TINY.choose_batch(5 * epoch + step) for step in range(5)] for epoch in range(2)]
    for epoch in epochs:
        assert Counter(np.concatenate(epoch).tolist()) == Counter(range(40))
    assert not np.array_equal(epochs[0][0], epochs[1][0])
    np.testing.assert_array_equal(TINY.choose_batch(3), TINY.choose_batch(3))
    assert not np.array_equal(TINY.choose_batch(3), replace(TINY, seed=1).choose_batch(3))


def test_interventions_change_one_thing_and_nothing_else():
    full = RECIPES[f"{VIT}.shapes"]
    for percent in (3, 10, 30):
        assert RECIPES[f"{VIT}.shapes_{percent}pct"] == replace(full, images=ALL_IMAGES * percent // 100)
    for name in NO_SKIP.values():
        assert RECIPES[f"{name}.shapes"] == full
    for seed in (1, 2):
        assert RECIPES[f"{VIT}.shapes_seed{seed}"] == replace(full, seed=seed)
    gap = RECIPES[f"{GAP}.shapes"]
    assert gap == replace(full, rate=gap.rate) and gap.rate < full.rate
    for small in (SMALL, RESNET):
        whole = RECIPES[f"{small}.shapes"]
        assert RECIPES[f"{small}.shapes_3pct"] == replace(whole, images=ALL_IMAGES * 3 // 100)


def test_recipes_can_be_followed():
    for name, recipe in RECIPES.items():
        assert recipe.images <= SPLITS["train"] and recipe.task in DRAWN
        assert not recipe.start or (recipe.start in RECIPES and not RECIPES[recipe.start].start)
        assert len(kept_steps(name)) == (3 if name in (f"{VIT}.shapes", f"{RESNET}.shapes") else 0)
    for name, (run, percent) in EARLY.items():
        (step,) = [step for step, kept in kept_steps(run).items() if kept == name]
        assert step == pytest.approx(RECIPES[run].steps * percent / 100)


def test_runs_differ_in_their_seed_alone():
    assert find_runs(f"{VIT}.shapes") == [f"{VIT}.shapes", f"{VIT}.shapes_seed1", f"{VIT}.shapes_seed2"]
    assert find_runs(f"{RESNET}.shapes_seed1") == [
        f"{RESNET}.shapes_seed1",
        f"{RESNET}.shapes",
        f"{RESNET}.shapes_seed2",
    ]
    for alone in (f"{VIT}.shapes_3pct", f"{NO_SKIP[4]}.shapes", f"{VIT}.shapes_after1pct", "resnet50.a1_in1k"):
        assert find_runs(alone) == [alone]
