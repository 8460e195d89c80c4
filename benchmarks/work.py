"""The pieces of work that are timed: forward passes alone, and what measures make of them."""

import torch
from cases import Case

from seelike.measures import attention_distance, block_probes, norm_ratio, receptive_field
from seelike.measures.layer_cka import JointCKA, JointSimilarities, read_layers
from seelike.measures.probes import choose_folds
from seelike.measures.runner import Cast, feed
from seelike.measures.similarities.all_pairs import Similarity
from seelike.measures.similarities.choices import MEASURES

Batches = list[dict[str, torch.Tensor]]


def forward(case: Case, batches: Batches, role: tuple[str, ...] = ("vit", "cnn")) -> None:
    """Every image through the models, nothing else."""
    with torch.inference_mode():
        for images in batches:
            for one in role:
                case.models[one](images[one])


def compare(case: Case, batches: Batches, names: dict[str, list[str]]) -> Similarity:
    """CKA of all pairs of layers, within and across the models."""
    cast = Cast(case.models)
    cka = cast.compare(JointCKA.of(names))
    return feed(batches, cast)[cka]


def compare_by_all(case: Case, batches: Batches, names: dict[str, list[str]]) -> dict[str, Similarity]:
    """All pairs of layers by every measure, from one pass."""
    cast = Cast(case.models)
    joint = cast.compare(JointSimilarities(read_layers(names), MEASURES))
    return feed(batches, cast)[joint]


def look(case: Case, batches: Batches) -> None:
    """The attention distance of every head of the ViT."""
    attention_distance.measure_distances(case.models["vit"], (images["vit"] for images in batches))


def weigh(case: Case, batches: Batches) -> None:
    """Norm ratio and cosine of every residual sum of the ViT."""
    norm_ratio.measure_ratios(case.models["vit"], (images["vit"] for images in batches))


def probe(case: Case, batches: Batches) -> None:
    """Probes of all blocks of the ViT, for two classes that are nothing but even and odd."""
    labels = torch.arange(sum(len(images["vit"]) for images in batches)) % 2
    folds = choose_folds(labels, n_draws=10, shots=max(1, len(labels) // 20 - 1))
    block_probes.probe_blocks({"vit": case.models["vit"]}, batches, labels, folds)


def differentiate(case: Case, batches: Batches, names: list[str]) -> None:
    """Receptive fields of the ViT, estimated as the chapter does."""
    team = receptive_field.choose_team(len(names))
    receptive_field.estimate_fields(case.models["vit"], (images["vit"] for images in batches), names, team)
