"""CIFAR-10, from wherever a user keeps it, in one order: what the family of photographs is trained and measured on.

A folder is looked through for each split: a part of that name (`train`, `test`), an archive of it (`train.tar`,
`cifar10-train.tar`), or the original files of torchvision (`cifar-10-batches-py`). An archive alone will do for
the split that is asked for.
"""

import hashlib
import os
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

from seelike.images.folders import open_folder
from seelike.images.picture_set import PictureSet
from seelike.system.errors import InputError

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
PAIRS = (0, 1, 2, 0, 1, 3, 4, 2, 3, 4)  # the near task: airplane or cat, automobile or deer, bird or horse, …
SIZE = 32  # pixels a side
ENVIRONMENT = "SEELIKE_CIFAR10"  # the folder, where no parameter names it
SPLITS = ("train", "validation", "test")
N_VALIDATION = 5_000  # held out of the 50,000 of training


def find_folder(data_dir: str = "") -> str:
    """The folder of CIFAR-10 that a parameter or else the environment names; "" if neither does."""
    return data_dir or os.environ.get(ENVIRONMENT, "")


def read(split: str, data_dir: str) -> tuple[np.ndarray, np.ndarray, list[dict]]:
    """All pictures of a split, (n, 32, 32, 3) uint8, and their classes (n,), in an order drawn once for all.

    Then what was passed over where they lie, see `seelike.images.hidden`.

    Args:
        split: train (45,000 of the pictures for training), validation (the other 5,000) or test.
        data_dir: the folder; see above.

    Raises InputError, which names data_dir, if the pictures are not there or are no CIFAR-10.
    """
    images, labels, hidden = _read(*_find("test" if split == "test" else "train", data_dir))
    if split == "test":
        return images, labels, hidden
    part = slice(None, -N_VALIDATION) if split == "train" else slice(-N_VALIDATION, None)
    return images[part], labels[part], hidden


def check_folder(split: str, data_dir: str = "") -> None:
    """Raises InputError, which names data_dir, if the photographs of a split lie nowhere."""
    folder = find_folder(data_dir)
    if not folder:
        raise InputError(f"data_dir must name the folder of {Photographs.name}; or set {ENVIRONMENT} to it")
    _find("test" if split == "test" else "train", folder)


def _find(part: str, data_dir: str) -> tuple[str, str]:
    """Where a part lies, and how it is read: a folder or an archive, or torchvision's files."""
    folder = Path(data_dir).expanduser()
    if folder.suffix == ".tar" and folder.is_file():
        return str(folder), part
    for name in (part, f"{part}.tar", f"cifar10-{part}.tar"):
        if (folder / name).exists():
            return str(folder / name), part
    if (folder / "cifar-10-batches-py").is_dir():
        return str(folder), f"torch/{part}"
    raise InputError(
        f"data_dir={data_dir!r} must be an archive of CIFAR-10's photographs, or a folder that holds {part}, "
        f"{part}.tar, cifar10-{part}.tar or cifar-10-batches-py"
    )


@lru_cache(2)
def _read(place: str, part: str) -> tuple[np.ndarray, np.ndarray, list[dict]]:
    if part.startswith("torch/"):
        from torchvision.datasets import CIFAR10

        source = PictureSet(CIFAR10(place, train=part == "torch/train"))
    else:
        source = PictureSet(open_folder(place, part))
        _check_classes(place, source)
    pictures = [source[index] for index in np.random.default_rng(0).permutation(len(source))]
    wrong = next((picture.size for picture, _ in pictures if picture.size != (SIZE, SIZE)), None)
    if wrong:
        raise InputError(f"data_dir={place!r} must hold pictures of {SIZE}×{SIZE} pixels, not of {wrong[0]}×{wrong[1]}")
    images, labels = zip(*pictures, strict=True)
    return np.stack([np.asarray(picture) for picture in images]), np.array(labels), source.hidden


def _check_classes(place: str, source: PictureSet) -> None:
    reader = source.source
    classes = getattr(reader, "class_to_idx", None) or getattr(reader, "class_name_to_idx", {})
    if sorted(classes, key=classes.get) != list(CLASSES):
        raise InputError(f"data_dir={place!r} must hold a folder for each of {', '.join(CLASSES)}")


class Photographs(Dataset):
    """A split of CIFAR-10 as a PyTorch dataset of (PIL image, label); `hidden` was passed over in its folder.

    Args:
        split: train, validation or test.
        data_dir: where it lies; "" for the folder that the environment names.
        pairs: join the classes two by two.

    Raises InputError, which names split or data_dir.
    """

    name, classes = "cifar10", CLASSES

    def __init__(self, split: str, data_dir: str = "", pairs: bool = False):
        if split not in SPLITS:
            raise InputError(f"split must be one of {', '.join(SPLITS)} for {self.name}, not {split!r}")
        check_folder(split, data_dir)
        self.images, labels, self.hidden = read(split, find_folder(data_dir))
        self.labels = np.array(PAIRS)[labels] if pairs else labels
        self.split = split

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        return Image.fromarray(self.images[index]), int(self.labels[index])

    def __len__(self) -> int:
        return len(self.images)

    @property
    def sha256(self) -> str:
        """Of all pixels, in order."""
        return hashlib.sha256(self.images.tobytes()).hexdigest()

    def stack(self, n_images: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The first pictures: (n, 3, 32, 32) uint8, and labels (n,) int64.

        Raises InputError if there are not so many.
        """
        if n_images not in range(1, len(self) + 1):
            raise InputError(f"n_images must be 1 to {len(self)} for {self.name}/{self.split}, not {n_images!r}")
        images = torch.from_numpy(self.images[:n_images]).permute(0, 3, 1, 2).contiguous()
        return images, torch.from_numpy(self.labels[:n_images])
