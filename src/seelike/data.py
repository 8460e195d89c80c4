"""Images by timm data set name, and `shapes`; the same images for every model, in one order."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import timm.data
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset

from seelike.errors import InputError
from seelike.progress import track
from seelike.shapes import Regrouped, Shapes
from seelike.strokes import Strokes

DRAWN = {images.name: images for images in (Shapes, Regrouped, Strokes)}


def open_images(dataset: str, data_dir: str = "", split: str = "validation") -> Dataset:
    """A dataset of (image, label), by name.

    Args:
        dataset: "shapes", "regrouped" or "strokes" for the project's drawings, "" or "folder" for a folder or
            .tar of pictures, or whatever `timm.data.create_dataset` knows: "torch/cifar10", "hfds/…".
        data_dir: where the pictures lie; not needed for drawings. Without it torchvision's data sets are
            downloaded into torch's hub folder.
        split: "train", "validation", …

    Raises InputError if there is no such data set, place or picture.
    """
    if dataset in DRAWN:
        return DRAWN[dataset](split)
    if dataset in ("", "folder"):
        if not data_dir or not Path(data_dir).exists():
            raise InputError(f"data_dir={data_dir!r} is not there: give a folder or a .tar file of pictures")
        if Path(data_dir).is_file() and Path(data_dir).suffix != ".tar":
            raise InputError(f"data_dir={data_dir!r} is neither a folder nor a .tar file")
    elif "/" not in dataset:
        raise InputError(
            f"dataset={dataset!r} is not known: use {', '.join(DRAWN)}, folder, or a timm name such as torch/cifar10"
        )
    name = "" if dataset == "folder" else dataset
    root = data_dir or (str(Path(torch.hub.get_dir()) / "datasets") if dataset.startswith("torch/") else None)
    try:
        images = timm.data.create_dataset(name, root=root, split=split, download=not data_dir)
    except Exception as error:  # each library raises its own
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"dataset={dataset!r} with data_dir={data_dir!r} cannot be read: {reason}") from None
    if not name and Path(data_dir).is_dir() and images.reader.root == data_dir:
        _check_split(Path(data_dir), split)
    if isinstance(images, IterableDataset):
        raise InputError(f"dataset={dataset!r} can only be streamed, so no images can be chosen: use hfds/ or a folder")
    return images


def choose(images: Dataset, n_images: int, seed: int, parameter: str = "n_images") -> Subset:
    """`n_images` of a data set, without replacement and in an order drawn from `seed`.

    The order is that of `torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))`.
    Raises InputError, which names `parameter`, if there are not so many.
    """
    if n_images > len(images):
        raise InputError(f"{parameter} must be at most {len(images)}, the size of this data set, not {n_images}")
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    return Subset(images, order[:n_images].tolist())


def read_labels(chosen: Subset) -> torch.Tensor:
    """The labels (n,) of chosen images, in their order; pictures in a folder or tar are not decoded."""
    reader = getattr(chosen.dataset, "reader", None)
    source = chosen.dataset if reader is None else reader
    return torch.tensor([int(source[index][1]) for index in chosen.indices])


def check_images(chosen: Subset) -> str:
    """Read every chosen picture once, before any work rests on it; returns their SHA-256 in order.

    timm puts the next picture in the place of one it cannot decode, with no more than a warning. Of pictures
    in a folder or tar the file's bytes are hashed, of others the pixels. Raises InputError that names the file.
    """
    digest = hashlib.sha256()
    reader = getattr(chosen.dataset, "reader", None)
    for index in track(chosen.indices, "check images"):
        if reader is None:
            digest.update(chosen.dataset[index][0].tobytes())
            continue
        try:
            content = reader[index][0].read()
            digest.update(content)
            with Image.open(io.BytesIO(content)) as picture:
                picture.draft("RGB", (64, 64))  # a JPEG is read to its end, but only a thumbnail is computed
                picture.load()
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            reason = str(error).partition(" <")[0]
            raise InputError(f"the picture {reader.filename(index)} in data_dir cannot be read: {reason}") from None
    return digest.hexdigest()


def count_classes(chosen: Subset) -> int | None:
    """How many classes the whole data set tells apart; None where it does not say."""
    reader = getattr(chosen.dataset, "reader", None)
    names = ((chosen.dataset, "classes"), (reader, "class_to_idx"), (reader, "class_name_to_idx"))
    known = [classes for source, name in names if (classes := getattr(source, name, None))]
    return len(known[0]) if known else None


def load_minibatches(
    chosen: Subset, transforms: dict, batch_size: int, device: str, drop_last: bool = True
) -> Iterator[dict[str, torch.Tensor]]:
    """Yield {model: (batch_size, 3, h, w)}, each picture seen through each model's own transform.

    Models of the same transform share one view. A short last minibatch is dropped, unless `drop_last` is False.
    """
    views = {model: id(transform) for model, transform in transforms.items()}
    distinct = {id(transform): transform for transform in transforms.values()}
    for seen in track(DataLoader(_Views(chosen, distinct), batch_size, drop_last=drop_last), "measure"):
        moved = {view: images.to(device) for view, images in seen.items()}
        yield {model: moved[view] for model, view in views.items()}


def _check_split(folder: Path, split: str) -> None:
    """timm takes all of a folder whose parts bear other names than the split asked for; that mixes the parts."""
    parts = sorted(
        {"train", "val", "validation", "test"} & {child.name for child in folder.iterdir() if child.is_dir()}
    )
    if parts:
        raise InputError(f"split must be one of the parts of data_dir, {', '.join(parts)}, not {split!r}")


class _Views(Dataset):
    def __init__(self, images: Dataset, transforms: dict):
        self.images, self.transforms = images, transforms

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        image = self.images[index][0].convert("RGB")  # torchvision gives some data sets in grey
        return {view: transform(image) for view, transform in self.transforms.items()}
