"""The images that probes learn from and are tested on: with labels, in folds, and where the object is, if known."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.data import Subset

from seelike.chapters.run import Run
from seelike.images import datasets
from seelike.images.drawings import Drawings
from seelike.measures.probes import DRAWS, Fold, choose_folds
from seelike.system.errors import InputError

SOURCE = ("dataset", "data_dir", "split")  # what says where images come from


@dataclass(frozen=True)
class ProbeImages:
    """`images` in their order, `labels` (n,), `folds` of them; `centers` (n, 2): x and y of the object in pixels."""

    images: Subset
    labels: torch.Tensor
    folds: list[Fold]
    centers: torch.Tensor | None

    def minibatches(self, loaded: dict[str, nn.Module], run: Run) -> Iterator[dict[str, torch.Tensor]]:
        """All images, none dropped, as each of the models wants them, {role: (n, 3, h, w)}."""
        size, what = run.parameters["batch_size"], f"pass probe images through {', '.join(loaded)}"
        transforms = run.transforms(loaded)
        return datasets.load_minibatches(self.images, transforms, size, run.device, drop_last=False, what=what)

    def deal_anew(self, shots: dict[str, int], seed: int) -> dict[str, list[Fold]]:
        """The folds for other numbers of training images a class, of those for which there are images enough."""
        least = int(self.labels.unique(return_counts=True)[1].min())
        known = {name: n for name, n in shots.items() if least >= DRAWS * (n + 1)}
        return {name: choose_folds(self.labels, shots=n, seed=seed) for name, n in known.items()}


def name_parameters(*kinds: str) -> tuple[str, ...]:
    """The parameters that `open_probe_images` reads for these kinds of probes."""
    return (*(f"{kind}_{part}" for kind in kinds for part in SOURCE), "n_probe_images")


def open_probe_images(run: Run, kind: str = "probe") -> ProbeImages | None:
    """What the parameters probe_dataset, probe_data_dir, probe_split and n_probe_images ask for; None for 0 images.

    The first three begin with `kind`. Where the data set is the chapter's own and no place is given, it lies where
    that does. Every picture is read once.

    Raises InputError, which names the parameter, for what cannot be read, or if a class has too few images.
    """
    n_images, seed = run.parameters["n_probe_images"], run.parameters["seed"]
    if not n_images:
        return None
    name, place, split = (run.parameters[f"{kind}_{part}"] for part in SOURCE)
    if name == run.parameters["dataset"]:
        place = place or run.parameters["data_dir"]
    try:
        images = datasets.open_images(name, place, split)
        first = Subset(images, datasets.draw(images, n_images, seed, "n_probe_images").indices[:n_images])
        labels = datasets.read_labels(first)
        _check_classes(labels, name, place)
        choose_folds(labels, seed=seed)  # too few of a class are noticed before pictures are read
        chosen = datasets.choose(images, n_images, seed, "n_probe_images")
        labels = datasets.read_labels(chosen)
    except InputError as error:  # it begins with the name of the parameter
        own = "" if str(error).startswith("n_probe_images") else f"{kind}_"
        raise InputError(f"{own}{error}") from None
    folds = choose_folds(labels, seed=seed)
    run.describe_images(f"{kind}_dataset", name, place, split, chosen)
    return ProbeImages(chosen, labels, folds, _find_centers(chosen))


def even_and_odd(run: Run) -> ProbeImages:
    """The images of a rehearsal as probes want them, in two classes that are nothing but even and odd."""
    numbers = torch.arange(len(run.images))
    half = len(numbers) // 2
    return ProbeImages(run.images, numbers % 2, [Fold(numbers[:half], numbers[half:], n_held_out=half // 2)], None)


def _check_classes(labels: torch.Tensor, name: str, place: str) -> None:
    if len(labels.unique()) < 2:
        wrong = f"data_dir={place!r}" if place else f"dataset={name!r}"
        raise InputError(
            f"{wrong} must tell classes apart, as a folder for each does: all {len(labels)} pictures are of one"
        )


def _find_centers(chosen: Subset) -> torch.Tensor | None:
    if not isinstance(chosen.dataset, Drawings):
        return None
    drawings = [chosen.dataset.drawing(index) for index in chosen.indices]
    return torch.tensor([drawing.center for drawing in drawings]) if hasattr(drawings[0], "center") else None
