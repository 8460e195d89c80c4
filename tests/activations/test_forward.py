"""One pass: every chapter shows each model every image once; several readings of one pass find what each alone does."""

import numpy as np
import pytest
import timm
import torch

from seelike.activations.attention import read_heads, read_maps, reading_maps
from seelike.activations.flattened import reading, stream
from seelike.activations.forward import feed, read_once
from seelike.activations.residuals import find_blocks, read_sums, reading_sums
from seelike.chapters import rehearsal, skip_connections
from seelike.chapters.prepare import prepare
from seelike.chapters.registry import CHAPTERS
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.measures import attention_distance, head_cka, norm_ratio
from seelike.measures.cka import CKA, gram, normalize
from seelike.system.errors import Degenerate

BATCH, BATCHES = 8, 2
FEW = {"n_images": BATCH * BATCHES, "batch_size": BATCH, "n_field_images": 1, "n_probe_images": 0, "n_attributed": 0}


def make_run(chapter: str, n_seeds: int = 1):
    defaults = read_parameters(find_chapter(chapter))
    changed = {
        name: value for name, value in (FEW | {"n_seeds": n_seeds, "layers": "blocks"}).items() if name in defaults
    }
    return prepare(CHAPTERS[chapter], **defaults | changed)


def test_every_chapter_passes_all_images_once_through_each_model(monkeypatch):
    monkeypatch.setattr(rehearsal, "check", lambda chapter, run: None)
    for chapter in CHAPTERS:
        run, seen = make_run(chapter), {}
        models = next(run.load_models())
        for role, model in models.items():
            seen[role] = []
            model.register_forward_pre_hook(lambda _, inputs, sizes=seen[role]: sizes.append(len(inputs[0])))
        next(iter(CHAPTERS[chapter].measure([models], run)))
        for role in models:
            assert [n for n in seen[role] if n > 2] == [BATCH] * BATCHES, (chapter, role)  # one or two: a first look


@pytest.mark.parametrize("chapter", ["uniformity", "attention_distance", "skip_connections", "mixer"])
def test_a_model_without_twins_sees_all_images_once_though_several_trainings_are_measured(chapter, monkeypatch):
    """And what is found of each training is what is found of it alone."""
    monkeypatch.setattr(rehearsal, "check", lambda chapter, run: None)
    run, seen = make_run(chapter, n_seeds=2), {}
    loaded = list(run.load_models())
    for model in {model for models in loaded for model in models.values()}:
        model.register_forward_pre_hook(lambda module, inputs: seen.setdefault(module, []).append(len(inputs[0])))
    shared = [role for role in loaded[0] if loaded[0][role] is loaded[1][role]]
    assert shared and not {"vit", "cnn"} & set(shared) and len(seen) == 0
    found = list(CHAPTERS[chapter].measure(loaded, run))
    for sizes in seen.values():
        assert [n for n in sizes if n > 2] == [BATCH] * BATCHES
    assert len(seen) == 2 * len(loaded[0]) - len(shared)
    for models, each in zip(loaded, found, strict=True):
        (alone,) = CHAPTERS[chapter].measure([models], run)
        effects = {claim: estimate.effect for claim, estimate in alone.estimates(seed=0).items()}
        assert {claim: estimate.effect for claim, estimate in each.estimates(seed=0).items()} == pytest.approx(
            effects, abs=1e-9, nan_ok=True
        )


def test_one_model_in_two_parts_is_read_as_each_part_is(monkeypatch):
    monkeypatch.setattr(rehearsal, "check", lambda chapter, run: None)
    run = make_run("skip_connections")
    models = next(run.load_models())
    apart = next(skip_connections.measure_runs([models], run))
    same = next(skip_connections.measure_runs([models | {"cnn": models["vit"]}], run))
    np.testing.assert_array_equal(same.ratios["cnn"].ratio, apart.ratios["vit"].ratio)
    np.testing.assert_array_equal(same.ablation.accuracy, apart.ablation.accuracy)


def images(n: int = 6) -> torch.Tensor:
    return torch.randn(n, 3, 56, 56, generator=torch.Generator().manual_seed(0))


def test_readings_of_one_pass_find_what_each_alone_does():
    model, x = timm.create_model("vit_pocket_patch8_56").eval(), images()
    blocks, names = find_blocks("vit", model, x), ["blocks.0", "blocks.7"]
    norms = lambda z, f: (z.norm(), f.norm())  # noqa: E731
    maps, sums, grams = read_once(
        model, x, reading_maps(model, torch.clone), reading_sums("vit", model, blocks, norms),
        reading(model, names, len(x), gram),
    )  # fmt: skip
    for name, attention in read_maps(model, x).items():
        assert torch.equal(maps[name], attention)
    for name, (z, f) in read_sums("vit", model, x, blocks, norms).items():
        torch.testing.assert_close(sums[name], (z, f), rtol=1e-5, atol=0)  # attention was fused here
    (alone,) = stream(model, [x], names, gram)
    assert list(grams) == names
    for name in names:
        torch.testing.assert_close(grams[name], alone[name], rtol=1e-4, atol=1e-5)


def test_the_model_is_left_as_it_was_also_where_a_reading_refuses():
    model = timm.create_model("vit_pocket_patch8_56").train()
    fused = [block.attn.fused_attn for block in model.blocks]
    feed(model, images(), attention_distance.Distances("vit"), norm_ratio.Ratios("vit"))
    with pytest.raises(ZeroDivisionError):
        read_once(model, images(), reading_maps(model, torch.clone), reading(model, ["blocks.0"], 6, lambda x: 1 / 0))
    assert model.training and [block.attn.fused_attn for block in model.blocks] == fused
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_subsets_of_heads_are_sums_of_their_heads():
    """HSIC₁ of two heads side by side, from single heads, against the Gram matrix of both outputs in one."""
    vit = timm.create_model(
        "vit_tiny_patch16_224", img_size=56, patch_size=8, embed_dim=24, num_heads=6, depth=2
    ).eval()
    models, x = {"vit": vit, "cnn": timm.create_model("resnet_pocket").eval()}, images(12)
    found = head_cka.compare_heads(models, [{"vit": x, "cnn": x}], np.arange(6.0))
    assert found.similarity.layers[:2] == ("heads 0+1", "heads 1+2")
    slow, outputs = CKA(), read_heads(vit, x, "blocks.0.attn")
    (low,) = stream(models["cnn"], [x], list(found.similarity.layers[5:]), gram)
    slow.update({f"heads {i}+{i + 1}": gram(outputs[:, [i, i + 1]].flatten(1)) for i in range(5)} | low)
    assert found.similarity.layers == slow.layers
    np.testing.assert_allclose(normalize(found.similarity.hsic[0]), slow.result().values, atol=1e-5)


def test_heads_that_are_the_same_for_every_image_are_refused():
    vit = timm.create_model("vit_pocket_patch8_56").eval()
    vit.blocks[0].attn.proj.register_forward_pre_hook(lambda _, inputs: torch.ones_like(inputs[0]), prepend=True)
    models = {"vit": vit, "cnn": timm.create_model("resnet_pocket").eval()}
    with pytest.raises(Degenerate, match="heads of the first block are the same for every image"):
        head_cka.compare_heads(models, [{"vit": images(), "cnn": images()}], np.ones(4))


def test_what_a_model_keeps_from_a_pass_can_be_differentiated():
    """ConViT keeps the offsets of its patches, of which a pass in inference mode would make no use with a gradient."""
    model = timm.create_model("convit_tiny", img_size=48).eval()
    read_once(model, torch.zeros(1, 3, 48, 48))
    x = torch.zeros(1, 3, 48, 48, requires_grad=True)
    model(x).sum().backward()
    assert x.grad.abs().sum() > 0
