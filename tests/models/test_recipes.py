"""Recipes: their schedule and order, and that the table holds every intervention of the paper."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from seelike.images.drawings import SPLITS
from seelike.models.recipe_kinds import ALL_IMAGES, ALL_PHOTOGRAPHS, FrozenRecipe, Recipe
from seelike.models.recipes import (
    CIFAR10,
    COMPARED,
    DENSE,
    EARLY,
    FAMILIES,
    FROZEN,
    NO_SKIP_BLOCKS,
    RECIPES,
    RESNET,
    SHAPES,
    SYSTEMS,
    UNLABELLED,
    VIT,
    WITHOUT_WEIGHTS,
    find_family,
    find_runs,
    find_seeds,
    kept_steps,
)
from seelike.training.tasks import TASKS, needs_photographs

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


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_interventions_change_one_thing_and_nothing_else(family):
    def recipe(design: str, change: str = ""):
        return RECIPES[f"{family.name(design)}.{family.tag}{change}"]

    full, everything = recipe("vit"), family.vit.images
    for percent in (3, 10, 30):
        assert recipe("vit", f"_{percent}pct") == replace(full, images=everything * percent // 100)
    for block in NO_SKIP_BLOCKS:
        assert recipe(f"noskip{block}") == full
    for seed in (1, 2):
        assert recipe("vit", f"_seed{seed}") == replace(full, seed=seed)
    assert recipe("gap") == replace(full, rate=recipe("gap").rate) and recipe("gap").rate < full.rate
    for design in ("small", "resnet"):
        assert recipe(design, "_3pct") == replace(recipe(design), images=everything * 3 // 100)
    assert recipe("resnet", "_3pct").steps == recipe("resnet").steps
    for task in (family.near.task, family.far.task):
        assert recipe("vit", f"_to_{task}").start == f"{family.name('vit')}.{family.tag}"


def test_every_name_belongs_to_one_family():
    names = [name for family in (*FAMILIES.values(), *SYSTEMS.values()) for name in family.recipes()] + list(EARLY)
    assert len(set(names)) == len(names) == len(RECIPES) + len(EARLY)
    assert all(name in (family := find_family(name)).recipes() or name in family.early() for name in names)
    assert RECIPES[f"{VIT}.shapes"].images == ALL_IMAGES


def test_recipes_can_be_followed():
    for name, recipe in RECIPES.items():
        assert recipe.task in TASKS
        assert recipe.images <= (ALL_PHOTOGRAPHS if needs_photographs(recipe.task) else SPLITS["train"])
        assert not recipe.start or (recipe.start in RECIPES and not RECIPES[recipe.start].start)
        kept = [f"{family.name(design)}.{family.tag}" for family in FAMILIES.values() for design in ("vit", "resnet")]
        assert len(kept_steps(name)) == (3 if name in kept else 0)
    for name, (run, percent) in EARLY.items():
        (step,) = [step for step, kept in kept_steps(run).items() if kept == name]
        assert step == pytest.approx(RECIPES[run].steps * percent / 100, abs=1)


def test_runs_differ_in_their_seed_alone():
    assert find_runs(f"{VIT}.shapes") == [f"{VIT}.shapes", f"{VIT}.shapes_seed1", f"{VIT}.shapes_seed2"]
    assert find_runs(f"{RESNET}.shapes_seed1") == [
        f"{RESNET}.shapes_seed1",
        f"{RESNET}.shapes",
        f"{RESNET}.shapes_seed2",
    ]
    mixers = [f"{CIFAR10.name('mixer')}.cifar10{twin}" for twin in ("", "_seed1", "_seed2")]
    assert find_runs(mixers[0]) == mixers
    tuned = [f"{VIT}.shapes_to_strokes{twin}" for twin in ("", "_seed1", "_seed2")]
    assert find_runs(tuned[0]) == tuned and RECIPES[tuned[2]].start == f"{VIT}.shapes_seed2"
    assert len(find_runs(f"{CIFAR10.name('noskip4')}.cifar10")) == 2
    for alone in (f"{VIT}.shapes_10pct", f"{RESNET}.shapes_3pct", f"{VIT}.shapes_after1pct", "resnet50.a1_in1k"):
        assert find_runs(alone) == [alone]


def test_what_chapters_around_the_paper_compare_has_three_seeds_each():
    for family in FAMILIES.values():
        for design, change, recipe in family.around:
            name = f"{family.name(design)}.{family.tag}{change}"
            seeds = [RECIPES[each] for each in find_seeds(name)]
            assert seeds == [replace(recipe, seed=seed) for seed in range(3)]


def test_of_what_is_compared_seed_0_of_few_has_weights():
    """And only what has them is loaded beside a model as a run of another seed."""
    rows = {f"{family.name(d)}.{family.tag}{change}" for family in FAMILIES.values() for d, change, _ in family.around}
    shipped = {f"{SHAPES.name('posattn')}.shapes"}
    shipped |= {f"{design}.shapes_{task}" for design in (VIT, RESNET) for task in ("untextured", "grounded")}
    seeds = {name for name in RECIPES if any(name in find_seeds(row) for row in rows)}
    assert seeds - WITHOUT_WEIGHTS == shipped < rows and seeds > WITHOUT_WEIGHTS - find_systems()
    for name in shipped:
        assert find_runs(name) == [name] and len(find_seeds(name)) == 3
    for name in (f"{VIT}.shapes", "resnet50.a1_in1k"):
        assert find_seeds(name) == find_runs(name)


def find_systems() -> set[str]:
    return {name for system in SYSTEMS.values() for name in system.recipes()}


def test_what_is_compared_has_its_answers_in_cards():
    """All that has no weights, what has some of the same rows, and the usual ViT and ResNet, of every seed."""
    assert WITHOUT_WEIGHTS - UNLABELLED.recipes().keys() <= COMPARED and FROZEN.recipes().keys() < COMPARED
    families = FAMILIES.values()
    usual = {each for f in families for d in ("vit", "resnet") for each in find_seeds(f"{f.name(d)}.{f.tag}")}
    rows = {each for f in families for d, tag, _ in f.around for each in find_seeds(f"{f.name(d)}.{f.tag}{tag}")}
    systems = FROZEN.recipes().keys() | DENSE.recipes().keys()
    assert usual | rows == COMPARED - systems and not usual & rows


def test_other_cues_and_other_attention_change_nothing_else():
    for task in ("untextured", "grounded"):
        for design in ("vit", "resnet"):
            assert RECIPES[f"{SHAPES.name(design)}.shapes_{task}"] == replace(SHAPES.recipe(design), task=task)
    for design in ("posattn", "uniform"):
        assert RECIPES[f"{SHAPES.name(design)}.shapes"] == SHAPES.vit
        photographs = [RECIPES[f"{CIFAR10.name(each)}.cifar10_brief"] for each in ("vit", design)]
        assert photographs[0] == photographs[1] and photographs[0].task == "cifar10"


def test_clusters_are_learned_in_equal_steps_from_three_seeds_and_one_change_each():
    name = "vtcc_pocket_56.unlabelled_"
    assert len({recipe.steps for recipe in UNLABELLED.recipes().values()}) == 1
    for each in UNLABELLED.runs:
        assert [RECIPES[seed].seed for seed in find_seeds(each)] == [0, 1, 2]
    assert set(UNLABELLED.shipped) == UNLABELLED.recipes().keys() - WITHOUT_WEIGHTS == {f"{name}strokes"}
    assert find_runs(f"{name}strokes") == [f"{name}strokes"]
    both, instance, cluster = (RECIPES[f"{name}strokes{loss}"] for loss in ("", "_instance", "_cluster"))
    assert both == replace(instance, columns=both.columns) == replace(cluster, instances=both.instances)
    colored, changed = (RECIPES[f"{name}shapes{tag}"] for tag in ("_colored", ""))
    assert replace(colored, views=changed.views) == changed and colored.views.jitter == colored.views.grey == 0


def test_pixels_are_learned_alike_by_all_pyramids_and_for_longer_by_the_vit_from_three_seeds():
    recipes = {name: RECIPES[name] for name in DENSE.recipes()}
    assert len(recipes) == 15 and recipes.keys() - WITHOUT_WEIGHTS == {"hlg_pocket_56.dense_shapes"}
    assert all([RECIPES[seed].seed for seed in find_seeds(name)] == [0, 1, 2] for name in DENSE.runs)
    pyramid, vit = DENSE.runs["hlg_pocket_56.dense_shapes"], DENSE.runs["vit_pocket_dense_56.dense_shapes"]
    assert all(recipe in (pyramid, vit) for recipe in DENSE.runs.values())
    assert replace(vit, images=pyramid.images, steps=pyramid.steps) == pyramid
    assert all(recipe.images == recipe.steps * recipe.batch_size for recipe in recipes.values())


def test_on_a_frozen_backbone_designs_differ_and_how_they_learn_does_not():
    """But for the linear classifier, whose rate is its own; three seeds each, and weights of seed 0 of one."""
    recipes = {name: recipe for name, recipe in FROZEN.runs.items() if "newhead" not in name}
    assert {replace(recipe, task="") for recipe in recipes.values()} == {replace(FrozenRecipe(), task="")}
    for name, recipe in FROZEN.runs.items():
        assert replace(recipe, rate=1) == replace(FrozenRecipe(), task=name.rpartition("_")[2], rate=1)
        assert [RECIPES[seed].seed for seed in find_seeds(name)] == [0, 1, 2] and find_family(name) is FROZEN
    assert set(FROZEN.shipped) == FROZEN.recipes().keys() - WITHOUT_WEIGHTS == {"duoformer_pocket_56.frozen_strokes"}
