"""Images by timm data set name, and `shapes`; the same images for every model, in one order."""

import hashlib
import os
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import timm.data
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision.datasets import DatasetFolder

from seelike.hub import columns as hub_images
from seelike.images.decoding import Unreadable
from seelike.images.folders import clean_image_folder, open_folder
from seelike.images.hidden import say_hidden
from seelike.images.other_cues import Grounded, Untextured
from seelike.images.photographs import Photographs
from seelike.images.picture_set import PictureSet
from seelike.images.shapes import Regrouped, Shapes
from seelike.images.strokes import Strokes
from seelike.system import processes
from seelike.system.errors import InputError, nearest
from seelike.system.progress import tell, track

DRAWN = {images.name: images for images in (Shapes, Regrouped, Strokes, Untextured, Grounded)}
TORCH = ("cifar10", "cifar100", "mnist", "kmnist", "fashion_mnist", "qmnist", "imagenet", "inaturalist", "places365")
NAMED = 5  # of the pictures passed over, in a sentence
MOST_KEPT = 64 * 2**20  # bytes: so many pictures are decoded once, and transformed once, others whenever they are seen
PIXEL = 4  # bytes that Pillow keeps of one, in RGB too


def open_images(dataset: str, data_dir: str = "", split: str = "validation") -> Dataset:
    """A dataset of (image, label), by name.

    Args:
        dataset: a name in `DRAWN` for the project's drawings, "cifar10" for the photographs of the bundled models,
            "" or "folder" for a folder or .tar of pictures, or a data set that timm knows:
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


Item = tuple[Image.Image, Any]  # a picture and its label


class Chosen(Subset):
    """Images of a data set that can be read, each once, in the order drawn.

    `sha256` is that of their files' bytes (of drawings: of their pixels), in order. Passed over were, of the pictures
    drawn before them: `skipped`, which could not be read, {"file", "reason"} each; `copies`, which show the very pixels
    of one that is in use, {"file", "of"} each. `hidden` is what was passed over of the whole set, see
    `seelike.images.hidden`.
    """

    def __init__(
        self,
        images: Dataset,
        indices: list[int],
        sha256: str,
        skipped: list[dict],
        copies: list[dict],
        kept: dict[int, Item] | None = None,
    ):
        super().__init__(images, indices)
        self.sha256, self.skipped, self.copies, self.kept = sha256, skipped, copies, kept or {}
        self.hidden = getattr(images, "hidden", [])
        self._views: dict[tuple[Callable, int], torch.Tensor] = {}
        self._room = MOST_KEPT

    def __getitem__(self, number: int) -> Item:
        index = self.indices[number]
        return self.kept[index] if index in self.kept else self.dataset[index]

    def __getitems__(self, numbers: list[int]) -> list[Item]:
        return [self[number] for number in numbers]

    def view(self, number: int, transform: Callable) -> torch.Tensor:
        """An image as a transform shows it; of all that are asked for, the first are kept for models that follow."""
        asked = transform, self.indices[number]
        if asked in self._views:
            return self._views[asked]
        view = transform(self[number][0])
        self._room -= view.nbytes
        if self._room >= 0:
            self._views[asked] = view
        return view

    def describe(self, name: str, split: str) -> dict:
        """For the provenance of a result."""
        known = {"name": name, "split": split, "images": len(self), "sha256": self.sha256}
        passed_over = {"skipped": self.skipped, "copies": self.copies, "hidden": self.hidden}
        return known | {kind: found for kind, found in passed_over.items() if found}


def choose(
    images: Dataset,
    n_images: int,
    seed: int,
    parameter: str = "n_images",
    n_used: int | None = None,
    without: Collection[int] = (),
) -> Chosen:
    """`n_images` of a data set, without replacement and in an order drawn from `seed`; each is read once.

    The order is that of `torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))`. A picture that
    cannot be read is passed over, and the next in the order takes its place; so is one that, decoded, is pixel for
    pixel one that was drawn before, in whatever format or under whatever name: two rows of one image in a minibatch
    break the unbiased estimate of CKA, and a probe must not be tested on what it learned from.

    Args:
        n_used: how many of the `n_images` are to be used; the others are not read.
        without: indices that are passed over, of images that are in use elsewhere.

    Raises InputError, which names `parameter`, if there are not so many.
    """
    others = set(without)
    order = [i for i in draw(images, n_images + len(others), seed, parameter).indices if i not in others]
    n_used = n_images if n_used is None else n_used
    kept: dict[int, Item] = {}  # by the process that looks
    what = "check " + parameter.removeprefix("n_").replace("_", " ")
    found = processes.once(lambda: _check(images, order, n_used, kept, what))
    if len(found[0]) < n_used:
        raise _refuse_number(len(found[0]), n_images, parameter, *found[2:])
    return Chosen(images, *found, kept)


def choose_first(images: Dataset, n_images: int, parameter: str) -> Chosen:
    """The first images of a data set, in its own order; else as `choose`."""
    if n_images > len(images):
        raise InputError(f"{parameter} must be at most {len(images)}, the size of this data set, not {n_images}")
    kept: dict[int, Item] = {}
    found = processes.once(lambda: _check(images, list(range(n_images)), n_images, kept, parameter))
    return Chosen(images, *found, kept)


def _check(
    images: Dataset, order: list[int], n_images: int, kept: dict[int, Item], what: str
) -> tuple[list[int], str, list[dict], list[dict]]:
    """The first `n_images` of an order that can be used, or all of them, their hash, and what was passed over.

    The first that `MOST_KEPT` has room for are put into `kept`, by their index. Drawings, and photographs that lie in
    memory anyhow, are not: their sets keep them. `what` the progress bar is called.
    """
    digest, indices, skipped, copies = hashlib.sha256(), [], [], []
    room = MOST_KEPT if isinstance(images, PictureSet) else 0
    different = islice(_find_different(images, order, skipped, copies), n_images)
    for index, content, item in track(different, what, n_images):
        digest.update(content)
        indices.append(index)
        room -= PIXEL * item[0].width * item[0].height
        if room >= 0:
            kept[index] = item
    if len(indices) == n_images and (skipped or copies):
        tell(_say_of_drawn(skipped, copies))
    return indices, digest.hexdigest(), skipped, copies


def _refuse_number(found: int, n_images: int, parameter: str, skipped: list[dict], copies: list[dict]) -> InputError:
    """The refusal of more pictures than there are."""
    can = "different pictures" if copies else "pictures"
    return InputError(
        f"{parameter} must be at most {found}, the {can} of this data set that can be read, not {n_images}; "
        f"{_say_of_drawn(skipped, copies)}"
    )


def draw(images: Dataset, n_images: int, seed: int, parameter: str = "n_images") -> Subset:
    """All images in the order of `choose`, none of them read. Raises InputError for fewer than `n_images`."""
    if n_images > len(images):
        raise InputError(f"{parameter} must be at most {len(images)}, the size of this data set, not {n_images}")
    return Subset(images, torch.randperm(len(images), generator=torch.Generator().manual_seed(seed)).tolist())


def say_passed_over(described: dict, whose: str = "") -> list[str]:
    """Of images as `Chosen.describe` puts them, a part of a sentence for each kind that was passed over."""
    said = {"skipped": say_skipped, "copies": say_copies, "hidden": say_hidden}
    return [say(described[kind], whose) for kind, say in said.items() if kind in described]


def _say_of_drawn(skipped: list[dict], copies: list[dict]) -> str:
    return "; ".join(filter(None, (say_skipped(skipped), say_copies(copies))))


def say_skipped(skipped: list[dict], whose: str = "") -> str:
    """The part of a sentence that owns up to what could not be read; "" where there is nothing."""
    names = [f"{each['file']} ({each['reason']})" for each in skipped]
    were = "were" if len(names) > 1 else "was"
    return (
        f"{_count(names, 'picture')}{whose} could not be read and {were} passed over: {_first(names)}" if names else ""
    )


def say_copies(copies: list[dict], whose: str = "") -> str:
    """The part of a sentence that owns up to pictures that were there before; "" where there are none."""
    names = [f"{each['file']} (as {each['of']})" for each in copies]
    repeat = "repeat others pixel for pixel and were" if len(names) > 1 else "repeats another pixel for pixel and was"
    return f"{_count(names, 'picture')}{whose} {repeat} passed over: {_first(names)}" if names else ""


def _count(names: list[str], what: str) -> str:
    return f"{len(names)} {what}{'s' * (len(names) > 1)}"


def _first(names: list[str]) -> str:
    more = [f"and {len(names) - NAMED} more"] if len(names) > NAMED else []
    return ", ".join(names[:NAMED] + more)


def read_labels(chosen: Subset) -> torch.Tensor:
    """The labels (n,) of chosen images, in their order; pictures in files are not decoded.

    Raises InputError, which names dataset, if they are no whole numbers, and data_dir, if its folders tell no classes.
    """
    images = chosen.dataset
    unclear = getattr(images, "unclear", ())
    if unclear:
        raise InputError(
            f"data_dir must hold a folder for each class, or a folder of one and the same name within each; "
            f"whether {unclear[0]!r} and {unclear[1]!r} are one class cannot be told"
        )
    label = images.label if isinstance(images, PictureSet) else lambda index: images[index][1]
    labels = [label(index) for index in chosen.indices]
    try:
        return torch.tensor([int(each) for each in labels])
    except (TypeError, ValueError):
        raise InputError(f"dataset must have whole numbers for classes, not such as {labels[0]!r}"[:300]) from None


def count_classes(chosen: Subset) -> int | None:
    """How many classes the whole data set tells apart; None where it does not say."""
    names = name_classes(chosen)
    return len(names) if names else None


def name_classes(chosen: Subset) -> tuple[str, ...] | None:
    """The names of all classes of the data set, in the order of their labels; None where it does not say."""
    if getattr(chosen.dataset, "unclear", ()):
        return None
    source = getattr(chosen.dataset, "source", chosen.dataset)
    names = ("classes", "class_to_idx", "class_name_to_idx")
    known = next((classes for name in names if (classes := getattr(source, name, None))), None)
    return tuple(sorted(known, key=known.get) if isinstance(known, dict) else known) if known else None


def load_minibatches(
    chosen: Subset,
    transforms: dict,
    batch_size: int,
    device: str,
    drop_last: bool = True,
    what: str = "measure",
) -> Iterator[dict[str, torch.Tensor]]:
    """Yield {model: (batch_size, 3, h, w)}, each picture seen through each model's own transform.

    Models of the same transform share one view. A short last minibatch is dropped, unless `drop_last` is False. Where
    several processes share the work, only this one's minibatches are read. `what` is the name of a progress bar that
    counts images; "" for none.
    """
    views = {model: id(transform) for model, transform in transforms.items()}
    distinct = {id(transform): transform for transform in transforms.values()}
    ends = range(batch_size, len(chosen) + (1 if drop_last else batch_size), batch_size)
    minibatches = processes.share([range(end - batch_size, min(end, len(chosen))) for end in ends])
    loader = DataLoader(_Views(chosen, distinct), batch_sampler=minibatches)
    for seen in track(loader, what, sum(map(len, minibatches)), _count_images) if what else loader:
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
    source = timm.data.create_dataset(dataset, root=root, split=split, download=not data_dir)
    if isinstance(source, DatasetFolder):
        clean_image_folder(source)
    return source


def _find_different(
    images: Dataset, order: list[int], skipped: list[dict], copies: list[dict]
) -> Iterator[tuple[int, bytes, Item]]:
    """Each image that can be read and was not there before: its index, the bytes that its hash is of, it and its label.

    The others are noted.

    Two are the same if they are of one size and show the same RGB pixels once decoded, as they are handed on to models.
    """
    first: dict[bytes, str] = {}
    for index in order:
        name = images.name(index) if isinstance(images, PictureSet) else f"number {index}"
        try:
            picture, content, label = _read(images, index)
        except Unreadable as reason:
            skipped.append({"file": name, "reason": str(reason)})
            continue
        pixels = hashlib.sha256(repr(picture.size).encode() + picture.tobytes()).digest()
        if pixels in first:
            copies.append({"file": name, "of": first[pixels]})
        else:
            first[pixels] = name
            yield index, content, (picture, label)


def _read(images: Dataset, index: int) -> tuple[Image.Image, bytes, Any]:
    """An image as models get it, the bytes that its hash is of, and its label. Raises Unreadable."""
    if isinstance(images, PictureSet):
        return images.read(index)
    picture, label = images[index]
    return picture, picture.tobytes(), label


def _count_images(seen: dict[int, torch.Tensor]) -> int:
    return len(next(iter(seen.values())))


class _Views(Dataset):
    def __init__(self, images: Subset, transforms: dict):
        self.images, self.transforms = images, transforms
        self.view = images.view if isinstance(images, Chosen) else lambda number, show: show(images[number][0])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        return {view: self.view(number, transform) for view, transform in self.transforms.items()}
