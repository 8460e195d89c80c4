"""What is shipped of a training run: its weights in half precision, and a card in the manifest.

Photographs are not bundled, so what a page shows of a model's answers to them is shipped as well: the answers to the
test images, a digit each. So it is of trainings that chapters around the paper compare, with what else these ask of
them; of most of them, and of most that learn clusters, answers are all that is shipped.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import timm
import torch
from safetensors.torch import save
from torch import nn

from seelike.images.photographs import find_folder
from seelike.measures.clusters import count_pairs, find_means, mutual_information
from seelike.models import bundled
from seelike.models.recipe_kinds import Clusters
from seelike.models.recipes import COMPARED, WITHOUT_WEIGHTS, find_family, find_recipe
from seelike.models.vtcc import read_pooled
from seelike.results.answers import write_digits
from seelike.system.files import write_text, written_whole
from seelike.training.accuracy import N_TEST, answer, measure_accuracy, measure_baselines, pass_in_parts
from seelike.training.asked import ask
from seelike.training.tasks import load_task, needs_photographs

Shown = Callable[..., tuple[torch.Tensor, torch.Tensor]]  # a split → images and labels


def publish(name: str, runs: Path, data_dir: str = "") -> None:
    """Write a finished run's weights and card: what it says is of the weights in half precision, as shipped.

    Of `WITHOUT_WEIGHTS` the card alone, which says so and has the answers.
    """
    recipe, saved = find_recipe(name), torch.load(runs / f"{name}.pt", map_location="cpu", weights_only=True)
    model = timm.create_model(name, pretrained=False)
    shown = partial(load_task, recipe.task, n_images=N_TEST, size=find_family(name).image_size, data_dir=data_dir)
    half = {key: value.half().contiguous() for key, value in saved["model"].items()}
    model.load_state_dict(half)
    bundled.WEIGHTS.mkdir(exist_ok=True)
    card = _ship(name, half) | {
        "parameters": sum(p.numel() for p in model.parameters()),
        "recipe": asdict(recipe),
        "steps": saved["step"],
        "images_seen": saved["step"] * recipe.batch_size,
        "device": saved["device"],
    }
    judge = partial(_judge_clusters, recipe) if isinstance(recipe, Clusters) else partial(_judge_classes, name)
    card |= judge(model, shown) | {"curve": saved["curve"]}
    manifest = bundled.read_manifest() if bundled.MANIFEST.is_file() else {}
    write_text(bundled.MANIFEST, _compact(dict(sorted((manifest | {name: card}).items()))))
    found = ", ".join(f"{key} {value:.3f}" for key, value in card.items() if isinstance(value, float))
    print(f"{name}: {found} on {N_TEST:,} images; wrote {card.get('file', 'its card alone')}", flush=True)


def _judge_classes(name: str, model: nn.Module, shown: Shown) -> dict[str, float | str]:
    """Accuracies on images that the model has not learned from, and that of its initial state; answers to some."""
    validation, test, initial = shown(split="validation"), shown(split="test"), timm.create_model(name)
    task = find_recipe(name).task
    answered = needs_photographs(task) or name in COMPARED
    return (
        {
            "validation_accuracy": round(measure_accuracy(model, *validation), 4),
            "test_accuracy": round(measure_accuracy(model, *test), 4),
            "initial_accuracy": round(measure_accuracy(initial, *test), 4),
        }
        | (_note_answers(model, *test) if answered else {})
        | (ask(name, model, N_TEST) if name in COMPARED else {})
    )


def _judge_clusters(recipe: Clusters, model: nn.Module, shown: Shown) -> dict[str, float | str]:
    """Clusters by the head, and by k-means on what it reads: without the contrast of clusters there are no others."""
    images, labels = shown(split="test")
    features = pass_in_parts(model, partial(read_pooled, model), images)
    found = {"answers": answer(model, images), "means": find_means(features, recipe.clusters, recipe.seed)}
    information = {
        f"{kind}_information": round(mutual_information(count_pairs(clusters, labels)), 4)
        for kind, clusters in found.items()
    }
    return information | {kind: write_digits(clusters) for kind, clusters in found.items()}


def _ship(name: str, state: dict[str, torch.Tensor]) -> dict[str, str | None]:
    """Write the weights of a model that has a file; what its card says of them."""
    if name in WITHOUT_WEIGHTS:
        return {"weights": None}
    content, file = save(state), f"{name}.safetensors"
    with written_whole(bundled.WEIGHTS / file) as beside:
        beside.write_bytes(content)
    return {"file": file, "sha256": hashlib.sha256(content).hexdigest()}


def _note_answers(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> dict[str, str]:
    """What a card says of single test images: the model's answers and the classes, a digit an image."""
    return {"answers": write_digits(answer(model, images)), "classes": write_digits(labels)}


def list_models(data_dir: str = "") -> str:
    """Every bundled model with the accuracy of its shipped and of its initial weights, recomputed on test images.

    Without the photographs of CIFAR-10 the columns of what learned from them say so; so do those of clusters.
    """
    manifest, width = bundled.read_manifest(), max(map(len, bundled.NAMES))
    lines = [f"{'model':{width}}  parameters  images seen  distinct  trained  random"]
    for name in bundled.NAMES:
        card, recipe = manifest[name], manifest[name]["recipe"]
        distinct = min(card["images_seen"], recipe["images"])
        right, chance = _recompute(name, recipe["task"], data_dir)
        seen = f"{card['parameters']:10,}  {card['images_seen']:11,}  {distinct:8,}"
        lines.append(f"{name:{width}}  {seen}  {right:>7}  {chance:>6}")
    lines += ["", f"What the task takes, on the same {N_TEST:,} test drawings of shapes:"]
    lines += [f"{what:{width}}  {share:.1%}" for what, share in measure_baselines().items()]
    return "\n".join(lines)


def _recompute(name: str, task: str, data_dir: str) -> tuple[str, str]:
    """The accuracy of the shipped and of the initial weights, as text."""
    if find_recipe(name).objective == "clusters":
        return "clusters", "-"
    if needs_photographs(task) and not find_folder(data_dir):
        return "no data", "no data"
    images, labels = load_task(task, "test", N_TEST, find_family(name).image_size, data_dir)
    models = (timm.create_model(name, pretrained=pretrained) for pretrained in (True, False))
    trained, initial = (f"{measure_accuracy(model, images, labels):.1%}" for model in models)
    return trained, initial


def _compact(manifest: dict) -> str:
    """JSON with a line a field, so that a learning curve does not fill a page."""
    models = []
    for name, card in manifest.items():
        fields = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in card.items())
        models.append(f" {json.dumps(name)}: {{\n{fields}\n }}")
    return "{\n" + ",\n".join(models) + "\n}\n"
