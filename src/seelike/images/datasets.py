"""Images by timm data set name, and `shapes`; the same images for every model, in one order."""

import hashlib
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import timm.data
import torch
from torch.utils.data import DataLoader, Dataset, Subset

from seelike.hub import columns as hub_images
from seelike.images.decoding import Unreadable
from seelike.images.folders import open_folder
from seelike.images.photographs import Photographs
from seelike.images.picture_set import PictureSet
from seelike.images.shapes import Regrouped, Shapes
from seelike.images.strokes import Strokes
from seelike.system import processes
from seelike.system.errors import InputError, nearest
from seelike.system.progress import tell, track

DRAWN = {images.name: images for images in (Shapes, Regrouped, Strokes)}
TORCH = ("cifar10", "cifar100", "mnist", "kmnist", "fashion_mnist", "qmnist", "imagenet", "inaturalist", "places365")
THUMBNAIL = 64  # pixels: a JPEG is read to its end when it is checked, but no more is computed
NAMED = 5  # of the pictures passed over, in a sentence


def open_images(dataset: str, data_dir: str = "", split: str = "validation") -> Dataset:
    """A dataset of (image, label), by name.

    Args:
        dataset: "shapes", "regrouped" or "strokes" for the project's drawings, "cifar10" for the photographs of the
            bundled models, "" or "folder" for a folder or .tar of pictures, or a data set that timm knows:
            "torch/cifar10", "hfds/…".
        data_dir: where the pictures lie; not needed for drawings. Without it torchvision's data sets are
            downloaded into torch's hub folder.
        split: "train", "validation", …

    Raises InputError if there is no such data set, place or picture.
    """
    data_dir = os.path.expanduser(data_dir)
    if dataset in DRAWN:
        return DRAWN[dataset](split)
    if dataset == Photographs.name:
        return Photographs(split, data_dir)
    if dataset in ("", "folder"):
        return PictureSet(open_folder(data_dir, split), data_dir)
    _check_name(dataset)
    try:
        fetch = hub_images.open_hub_set if dataset.lower().startswith("hfds/") else _open_torch
        return PictureSet(processes.in_turn(lambda: fetch(dataset, data_dir, split)), data_dir)
    except InputError:
        raise
    except Exception as error:  # each library raises its own
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        place = f" with data_dir={data_dir!r}" if data_dir else ""
        raise InputError(f"dataset={dataset!r}{place} and split={split!r} cannot be read: {reason}") from None


class Chosen(Subset):
    """Images of a data set that can be read, in the order drawn.

    `sha256` is that of their files' bytes (of drawings: of their pixels), in order; `skipped` lists the pictures
    drawn before them that could not be read: {"file", "reason"} each.
    """

    def __init__(self, images: Dataset, indices: list[int], sha256: str, skipped: list[dict[str, str]]):
        super().__init__(images, indices)
        self.sha256, self.skipped = sha256, skipped

    def describe(self, name: str, split: str) -> dict:
        """For the provenance of a result."""
        known = {"name": name, "split": split, "images": len(self), "sha256": self.sha256}
        return known | ({"skipped": self.skipped} if self.skipped else {})


def choose(images: Dataset, n_images: int, seed: int, parameter: str = "n_images") -> Chosen:
    """`n_images` of a data set, without replacement and in an order drawn from `seed`; each is read once.

    The order is that of `torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))`. A picture
    that cannot be read is passed over, and the next in the order takes its place.
    Raises InputError, which names `parameter`, if there are not so many that can be read.
    """
    order = draw(images, n_images, seed, parameter).indices
    return Chosen(images, *processes.once(lambda: _check(images, order, n_images, parameter)))


def _check(
    images: Dataset, order: list[int], n_images: int, parameter: str
) -> tuple[list[int], str, list[dict[str, str]]]:
    """The first `n_images` of an order that can be read, their hash, and what was passed over."""
    digest, indices, skipped = hashlib.sha256(), [], []
    readable = islice(_find_readable(images, order, skipped), n_images)
    for index, content in track(readable, "check images", n_images):
        digest.update(content)
        indices.append(index)
    if len(indices) < n_images:
        raise InputError(
            f"{parameter} must be at most {len(indices)}, the pictures of this data set that can be read, "
            f"not {n_images}; {len(skipped)} cannot: {name_skipped(skipped)}"
        )
    if skipped:
        tell(say_skipped(skipped))
    return indices, digest.hexdigest(), skipped


def draw(images: Dataset, n_images: int, seed: int, parameter: str = "n_images") -> Subset:
    """All images in the order of `choose`, none of them read. Raises InputError for fewer than `n_images`."""
    if n_images > len(images):
        raise InputError(f"{parameter} must be at most {len(images)}, the size of this data set, not {n_images}")
    return Subset(images, torch.randperm(len(images), generator=torch.Generator().manual_seed(seed)).tolist())


def name_skipped(skipped: list[dict[str, str]]) -> str:
    """The first pictures that could not be read, with their reasons, and how many more there are."""
    named = [f"{each['file']} ({each['reason']})" for each in skipped[:NAMED]]
    more = [f"and {len(skipped) - NAMED} more"] if len(skipped) > NAMED else []
    return ", ".join(named + more)


def say_skipped(skipped: list[dict[str, str]], whose: str = "") -> str:
    """The part of a sentence that owns up to them; "" where there are none."""
    if not skipped:
        return ""
    count = f"{len(skipped)} picture{'s' * (len(skipped) > 1)}"
    were = "were" if len(skipped) > 1 else "was"
    return f"{count}{whose} could not be read and {were} passed over: {name_skipped(skipped)}"


def read_labels(chosen: Subset) -> torch.Tensor:
    """The labels (n,) of chosen images, in their order; pictures in files are not decoded.

    Raises InputError, which names dataset, if they are no whole numbers.
    """
    images = chosen.dataset
    label = images.label if isinstance(images, PictureSet) else lambda index: images[index][1]
    labels = [label(index) for index in chosen.indices]
    try:
        return torch.tensor([int(each) for each in labels])
    except (TypeError, ValueError):
        raise InputError(f"dataset must have whole numbers for classes, not such as {labels[0]!r}"[:300]) from None


def count_classes(chosen: Subset) -> int | None:
    """How many classes the whole data set tells apart; None where it does not say."""
    source = getattr(chosen.dataset, "source", chosen.dataset)
    names = ("classes", "class_to_idx", "class_name_to_idx")
    known = [classes for name in names if (classes := getattr(source, name, None))]
    return len(known[0]) if known else None


def load_minibatches(
    chosen: Subset, transforms: dict, batch_size: int, device: str, drop_last: bool = True
) -> Iterator[dict[str, torch.Tensor]]:
    """Yield {model: (batch_size, 3, h, w)}, each picture seen through each model's own transform.

    Models of the same transform share one view. A short last minibatch is dropped, unless `drop_last` is False. Where
    several processes share the work, only this one's minibatches are read.
    """
    views = {model: id(transform) for model, transform in transforms.items()}
    distinct = {id(transform): transform for transform in transforms.values()}
    ends = range(batch_size, len(chosen) + (1 if drop_last else batch_size), batch_size)
    minibatches = processes.share([range(end - batch_size, min(end, len(chosen))) for end in ends])
    for seen in track(DataLoader(_Views(chosen, distinct), batch_sampler=minibatches), "measure"):
        moved = {view: images.to(device) for view, images in seen.items()}
        yield {model: moved[view] for model, view in views.items()}


def _check_name(dataset: str) -> None:
    """Refuse what is no data set of torchvision or of the hub, before a library is asked."""
    prefix, slash, name = dataset.partition("/")
    known = [*DRAWN, Photographs.name, "folder", *(f"torch/{one}" for one in TORCH)]
    if not slash or prefix.lower() not in ("torch", "hfds", "hfids", "tfds", "wds"):
        raise InputError(
            f"dataset={dataset!r} is not known: use {', '.join(DRAWN)}, {Photographs.name}, folder, or a timm name "
            f"such as torch/cifar10 or hfds/…{nearest(dataset, known)}"
        )
    if prefix.lower() in ("hfids", "tfds", "wds"):
        raise InputError(f"dataset={dataset!r} can only be streamed, so no images can be chosen: use hfds/ or a folder")
    if prefix.lower() == "torch" and name.lower() not in (*TORCH, "inat", "image_folder", "folder"):
        raise InputError(f"dataset={dataset!r} is not known: torch/ has {', '.join(TORCH)}{nearest(dataset, known)}")


def _open_torch(dataset: str, data_dir: str, split: str) -> Dataset:
    """A data set of torchvision; without a place for it it is downloaded."""
    root = data_dir or str(Path(torch.hub.get_dir()) / "datasets")
    return timm.data.create_dataset(dataset, root=root, split=split, download=not data_dir)


def _find_readable(images: Dataset, order: list[int], skipped: list[dict[str, str]]) -> Iterator[tuple[int, bytes]]:
    """Each image that can be read, with the bytes that its hash is of; the others are noted in `skipped`."""
    for index in order:
        if not isinstance(images, PictureSet):
            yield index, images[index][0].tobytes()
            continue
        try:
            yield index, images.read(index, THUMBNAIL)[1]
        except Unreadable as reason:
            skipped.append({"file": images.name(index), "reason": str(reason)})


class _Views(Dataset):
    def __init__(self, images: Dataset, transforms: dict):
        self.images, self.transforms = images, transforms

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        image = self.images[index][0]
        return {view: transform(image) for view, transform in self.transforms.items()}
