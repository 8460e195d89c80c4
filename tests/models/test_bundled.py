"""The bundled models: registered with timm, hashed, as good as their cards say."""

import hashlib
import json
import re
import shutil
from dataclasses import asdict

import pytest
import timm
import torch
from conftest import SHARED
from safetensors.torch import load_file

from seelike.images.photographs import ENVIRONMENT, find_folder
from seelike.images.shapes import Shapes, best_accuracy
from seelike.measures.clusters import count_pairs, mutual_information
from seelike.models import bundled
from seelike.models.loading import check_model, load_model
from seelike.models.recipes import (
    CIFAR10,
    COMPARED,
    DENSE,
    EARLY,
    FAMILIES,
    GAP,
    MIXER,
    NO_SKIP,
    RESNET,
    SHAPES,
    SMALL,
    UNLABELLED,
    VIT,
    WITHOUT_WEIGHTS,
    find_family,
    find_recipe,
)
from seelike.results.answers import read_digits, write_digits
from seelike.system.errors import InputError
from seelike.training.accuracy import answer, label, measure_accuracy
from seelike.training.asked import ask
from seelike.training.tasks import load_task, needs_photographs


def load_few(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Test images of what a model has learned; skips where they are photographs that are not at hand."""
    task = find_recipe(name).task
    folder = find_folder() or (str(SHARED / "data") if (SHARED / "data").is_dir() else "")
    if needs_photographs(task) and not folder:
        pytest.skip(f"needs the photographs of CIFAR-10, in the folder that {ENVIRONMENT} names")
    return load_task(task, "test", 500, find_family(name).image_size, folder)


@pytest.mark.parametrize("name", bundled.NAMES)
def test_timm_loads_exactly_the_shipped_weights(name):
    model = timm.create_model(name, pretrained=True)
    shipped = load_file(bundled.WEIGHTS / f"{name}.safetensors")
    assert model.state_dict().keys() == shipped.keys()
    for key, value in model.state_dict().items():
        assert shipped[key].dtype == torch.float16
        assert torch.equal(value, shipped[key].float())
    assert name in timm.list_models(name, pretrained=True)


@pytest.mark.parametrize("name", bundled.NAMES)
def test_manifest_tells_the_truth(name):
    card = bundled.read_manifest()[name]
    file = bundled.WEIGHTS / card["file"]
    assert hashlib.sha256(file.read_bytes()).hexdigest() == card["sha256"]
    model = timm.create_model(name, pretrained=True)
    assert sum(p.numel() for p in model.parameters()) == card["parameters"]
    assert card["parameters"] <= 1_200_000
    recipe = find_recipe(name)
    assert card["images_seen"] == card["steps"] * recipe.batch_size
    assert card["steps"] <= recipe.steps and (name in EARLY) == (card["steps"] < recipe.steps)
    if recipe.objective == "clusters":  # see `test_a_card_of_clusters_…`
        return
    images, labels = load_few(name)
    assert measure_accuracy(model, images, labels) == pytest.approx(card["test_accuracy"], abs=0.06)
    assert measure_accuracy(timm.create_model(name), images, labels) < 2 / len(labels.unique())


def test_manifest_and_weights_are_those_of_the_recipes_and_no_more():
    manifest = bundled.read_manifest()
    alone = {name for name, card in manifest.items() if "file" not in card}
    assert manifest.keys() - alone == set(bundled.NAMES) and alone <= WITHOUT_WEIGHTS
    files = {file.name for file in bundled.WEIGHTS.glob("*.safetensors")}
    assert files == {f"{name}.safetensors" for name in bundled.NAMES}
    for family, most in {"shapes": 40, "cifar10": 24, "unlabelled": 1, "dense": 1, "frozen": 0.5}.items():
        assert sum(file.stat().st_size for file in bundled.WEIGHTS.glob(f"*.{family}*")) <= most * 2**20


def test_the_models_are_good_enough_to_mean_something():
    """The figures of the cards, which the test above holds to the weights."""
    accuracy = {name: card["test_accuracy"] for name, card in bundled.read_manifest(SHAPES).items()}
    full = [name for name in accuracy if name.partition(".")[0] in (VIT, GAP, RESNET) and _is_full(name)]
    assert len(full) == 9
    assert all(accuracy[name] >= 0.8 for name in full)
    assert max(map(accuracy.get, full)) - min(map(accuracy.get, full)) <= 0.1
    assert accuracy[f"{MIXER}.shapes"] >= 0.75
    assert accuracy[f"{VIT}.shapes"] > best_accuracy(("texture", "hue")) + 0.1  # the outline is seen
    by_data = [accuracy[f"{VIT}.shapes{tag}"] for tag in ("_3pct", "_10pct", "_30pct", "")]
    assert by_data == sorted(by_data) and by_data[-1] - by_data[0] >= 0.15
    early = [accuracy[f"{VIT}.shapes_after{percent}pct"] for percent in (1, 3, 10)]
    assert early == sorted(early)


def test_the_family_of_photographs_is_good_enough_to_mean_something():
    accuracy = {name: card["test_accuracy"] for name, card in bundled.read_manifest(CIFAR10).items()}

    def each(design: str, change: str = "") -> list[float]:
        name = f"{CIFAR10.name(design)}.cifar10{change}"
        return [share for known, share in accuracy.items() if re.fullmatch(rf"{re.escape(name)}(_seed\d)?", known)]

    assert min(each("vit") + each("gap")) >= 0.70 and min(each("mixer")) >= 0.65
    assert min(each("resnet")) >= 0.76 and max(each("resnet")) - min(each("vit") + each("gap")) <= 0.1
    assert min(each("vit")) - max(each("vit", "_3pct")) >= 0.15


def _is_full(name: str) -> bool:
    return name.partition(".")[2] in ("shapes", "shapes_seed1", "shapes_seed2")


def test_initial_state_is_drawn_from_the_seed():
    one, same, other = (timm.create_model(VIT, seed=s) for s in (0, 0, 1))
    torch.testing.assert_close(one.state_dict(), same.state_dict(), rtol=0, atol=0)
    weight, another = one.blocks[3].mlp.fc1.weight, other.blocks[3].mlp.fc1.weight
    assert not torch.equal(weight, another)
    assert weight.std().item() == pytest.approx(0.8 / 64**0.5, rel=0.03)
    assert (one.norm.weight == 1).all() and (one.norm.bias == 0).all() and (one.head.bias == 0).all()


def test_initial_state_of_a_name_is_that_of_its_seed():
    states = {tag: timm.create_model(f"{VIT}.{tag}").state_dict() for tag in ("shapes", "shapes_seed1", "shapes_3pct")}
    torch.testing.assert_close(states["shapes_seed1"], timm.create_model(VIT, seed=1).state_dict(), rtol=0, atol=0)
    torch.testing.assert_close(states["shapes_3pct"], states["shapes"], rtol=0, atol=0)
    torch.testing.assert_close(timm.create_model(f"{VIT}.shapes_seed1", seed=0).state_dict(), states["shapes"])
    assert not torch.equal(states["shapes"]["head.weight"], states["shapes_seed1"]["head.weight"])


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_the_families_share_their_designs(family):
    vit, gap, resnet, mixer, small = (
        timm.create_model(family.name(design)).eval() for design in ("vit", "gap", "resnet", "mixer", "small")
    )
    side = family.image_size // family.patch_size
    for model in (vit, gap, small):
        assert model.patch_embed.grid_size == (side, side)
    assert (len(vit.blocks), vit.embed_dim, vit.cls_token is None) == (8, 64, False) and gap.cls_token is None
    assert len(mixer.blocks) == 8 and mixer.stem.num_patches == side**2
    count = [sum(p.numel() for p in model.parameters()) for model in (small, vit)]
    assert count[0] < 0.8 * count[1]
    maps = resnet.forward_intermediates(
        torch.zeros(1, 3, family.image_size, family.image_size), intermediates_only=True
    )
    assert [len(stage.blocks) for stage in resnet.stages] == [2, 2, 3, 3] and maps[-1].shape[-1] >= 7


def test_the_resnet_of_photographs_keeps_an_interior_in_its_last_stage():
    model = timm.create_model(CIFAR10.name("resnet")).eval()
    maps = model.forward_intermediates(torch.zeros(1, 3, 32, 32), intermediates_only=True)
    assert [m.shape[-1] for m in maps] == [32, 32, 16, 8, 8]


def test_architectures_are_the_papers_made_small():
    vit, gap, resnet, mixer, small = (timm.create_model(name).eval() for name in (VIT, GAP, RESNET, MIXER, SMALL))
    assert len(vit.blocks) >= 8 and vit.cls_token is not None and vit.global_pool == "token"
    assert gap.cls_token is None and gap.global_pool == "avg" and len(gap.blocks) == len(vit.blocks)
    assert len(mixer.blocks) == len(vit.blocks) > len(small.blocks)
    maps = resnet.forward_intermediates(torch.zeros(1, 3, 56, 56), intermediates_only=True)
    assert [m.shape[-1] for m in maps] == [56, 56, 28, 14, 7]
    assert vit.patch_embed.grid_size == gap.patch_embed.grid_size == (7, 7)


@pytest.mark.parametrize("block", NO_SKIP)
def test_a_block_without_skips_passes_on_its_branches_alone(block, generator):
    """By hand: with branches that return nothing an intact block is the identity, and this one returns zero."""
    model = timm.create_model(NO_SKIP[block]).eval()
    x = torch.randn(2, 50, 64, generator=generator)
    for index, each in enumerate(model.blocks):
        torch.nn.init.zeros_(each.mlp.fc2.weight)
        torch.nn.init.zeros_(each.attn.proj.weight)
        assert torch.equal(each(x), torch.zeros_like(x) if index == block else x)


def test_without_skips_nothing_else_differs():
    intact, ablated = timm.create_model(VIT).eval(), timm.create_model(NO_SKIP[4]).eval()
    assert all(torch.equal(ablated.state_dict()[key], value) for key, value in intact.state_dict().items())
    x = torch.randn(2, 3, 56, 56, generator=torch.Generator().manual_seed(0))
    assert not torch.equal(intact(x), ablated(x))
    tokens = intact.blocks[:4](intact._pos_embed(intact.patch_embed(x)))
    torch.testing.assert_close(ablated.blocks[:4](ablated._pos_embed(ablated.patch_embed(x))), tokens)
    block = intact.blocks[4]
    attended = block.attn(block.norm1(tokens))
    torch.testing.assert_close(ablated.blocks[4](tokens), block.mlp(block.norm2(attended)))


def test_timm_adapts_them_as_any_other_model():
    for name, width in ((VIT, 64), (GAP, 64), (MIXER, 64), (RESNET, 160)):
        headless = timm.create_model(name, pretrained=True, num_classes=0)
        assert headless(torch.zeros(1, 3, 56, 56)).shape == (1, width)
        three = timm.create_model(name, pretrained=True, num_classes=3, in_chans=1)
        assert three(torch.zeros(1, 1, 56, 56)).shape == (1, 3)
    for classes, width in ((0, 64), (3, 3)):
        clustering = timm.create_model(UNLABELLED.shipped[0], pretrained=True, num_classes=classes)
        assert clustering(torch.zeros(1, 3, 56, 56)).shape == (1, width)


def test_a_gpu_loads_the_same_bits():
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    model = timm.create_model(f"{VIT}.shapes", pretrained=True).cuda()
    for key, value in load_file(bundled.WEIGHTS / f"{VIT}.shapes.safetensors").items():
        assert torch.equal(model.state_dict()[key].cpu(), value.float())


@pytest.mark.parametrize("damage", ["missing", "truncated", "flipped"])
def test_damaged_weights_are_refused(damage, tmp_path):
    shutil.copytree(bundled.WEIGHTS, tmp_path / "weights")
    file = tmp_path / "weights" / "resnet_pocket.shapes.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.unlink() if damage == "missing" else file.write_bytes(content if damage == "flipped" else content[:1000])
    state = "missing" if damage == "missing" else "damaged"
    restore = rf"restore them with `git -C {file.parent} checkout -- {file.name}`"
    with pytest.raises(InputError, match=rf"the bundled weights {file.name} are {state}: {restore}"):
        bundled.check_weights(file)


def test_weights_that_are_still_to_be_trained_are_refused(monkeypatch):
    name = f"{RESNET}.shapes"
    monkeypatch.setattr(bundled, "read_manifest", dict)
    with pytest.raises(InputError, match=f"{name} is not trained yet: .*python -m seelike.training {name}"):
        timm.create_model(name, pretrained=True)


@pytest.mark.parametrize(
    "name", sorted((WITHOUT_WEIGHTS & bundled.read_manifest().keys()) - UNLABELLED.recipes().keys())
)
def test_a_card_without_weights_tells_the_answers_that_its_accuracy_counts(name):
    card, recipe = bundled.read_manifest()[name], asdict(find_recipe(name))
    assert card["weights"] is None and not {"file", "sha256"} & card.keys()
    assert card["recipe"] == recipe | {"betas": [*recipe["betas"]]} and card["steps"] == recipe["steps"]
    answers, classes = read_digits(card["answers"]), read_digits(card["classes"])
    assert (answers == classes).mean() == pytest.approx(card["test_accuracy"], abs=1e-4)
    untrained = timm.create_model(name)
    assert card["parameters"] == sum(p.numel() for p in untrained.parameters())
    images, labels = load_few(name)
    assert labels.tolist() == classes[: len(labels)].tolist()
    assert measure_accuracy(untrained, images, labels) == pytest.approx(card["initial_accuracy"], abs=0.06)


@pytest.mark.parametrize("name", sorted(COMPARED & set(bundled.NAMES)))
def test_a_card_tells_what_the_shipped_weights_answer(name):
    """To a few images: the card's may have been found on another machine."""
    card, model = bundled.read_manifest()[name], timm.create_model(name, pretrained=True)
    images, labels = load_few(name)
    told = ask(name, model, len(images))
    found = {"answers": write_digits(answer(model, images)), **told.get("asked", {})}
    for shown, digits in found.items():
        own = card["answers"] if shown == "answers" else card["asked"][shown]
        assert (read_digits(own)[: len(digits)] == read_digits(digits)).mean() > 0.98
    assert card["classes"][: len(labels)] == write_digits(labels) and ("asked" in card) == ("asked" in told)
    assert card.get("jaccard") == (pytest.approx(told["jaccard"], abs=0.05) if "jaccard" in told else None)


@pytest.mark.parametrize("name", UNLABELLED.recipes())
def test_a_card_of_clusters_tells_them_and_the_recipe_of_today(name):
    card, recipe = bundled.read_manifest()[name], find_recipe(name)
    assert card["recipe"] == json.loads(json.dumps(asdict(recipe))) and card["steps"] == recipe.steps
    assert ("file" in card) == (name in UNLABELLED.shipped) == (card.get("weights", "") is not None)
    assert card["parameters"] == sum(p.numel() for p in timm.create_model(name).parameters())
    labels = torch.arange(len(card["answers"])) % 10
    for kind in ("answers", "means"):
        found = torch.from_numpy(read_digits(card[kind]))
        assert found.max() < recipe.clusters
        assert mutual_information(count_pairs(found, labels)) == pytest.approx(card[f"{kind}_information"], abs=1e-4)
    assert len(card["curve"]["gradient"]) == recipe.steps


def test_the_shipped_clusters_are_those_of_the_card():
    """To a few images: the card's were found on a GPU."""
    name = UNLABELLED.shipped[0]
    found = answer(timm.create_model(name, pretrained=True), load_few(name)[0])
    told = torch.from_numpy(read_digits(bundled.read_manifest()[name]["answers"]))[: len(found)]
    assert (found == told).double().mean() > 0.98


@pytest.mark.parametrize("name", sorted(set(DENSE.shipped) & set(bundled.NAMES)))
def test_the_shipped_pyramid_labels_pixels_as_its_card_says(name):
    model, card = timm.create_model(name, pretrained=True), bundled.read_manifest()[name]
    images = Shapes("test").stack(1 + max(map(int, card["shown"])))[0]
    for index, digits in card["shown"].items():
        told = torch.from_numpy(read_digits(digits)).view(56, 56)
        assert (label(model, images[int(index), None])[0] == told).double().mean() > 0.98


@pytest.mark.parametrize("tag", ["", ".shapes", ".shapes_twophase_3pct_seed2"])
def test_what_has_no_weights_is_refused_in_a_sentence_and_known_to_timm_untrained(tag):
    name = SHAPES.name("wired") + tag
    whole = bundled.complete(name)
    for refused in (
        lambda: timm.create_model(name, pretrained=True),
        lambda: check_model("vit", name),
        lambda: load_model("vit", name),
    ):
        with pytest.raises(InputError, match=f"{whole} has no weights: .*answers.*python -m seelike.training {whole}"):
            refused()
    assert timm.create_model(name).num_classes == 10
    assert whole not in timm.list_pretrained() and whole not in bundled.NAMES


def test_create_model_refuses_damaged_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(bundled, "WEIGHTS", tmp_path)
    with pytest.raises(InputError, match="resnet_pocket.shapes_seed1.safetensors are missing"):
        timm.create_model("resnet_pocket.shapes_seed1", pretrained=True)
    monkeypatch.setattr(bundled, "MANIFEST", tmp_path / "manifest.json")
    with pytest.raises(InputError, match="manifest.json, are missing: restore them with"):
        bundled.read_manifest()
    bundled.MANIFEST.write_text("{")
    with pytest.raises(InputError, match="manifest.json, are damaged: restore them with"):
        bundled.read_manifest()


def test_a_name_without_a_tag_is_that_of_its_first_weights():
    assert bundled.complete(VIT) == f"{VIT}.shapes"
    assert bundled.complete(f"{VIT}.shapes_3pct") == f"{VIT}.shapes_3pct"
    assert bundled.complete("resnet18") == "resnet18"
