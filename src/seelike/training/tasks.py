"""What bundled models learn, by name: each a set of labelled images for every split, of any size."""

import hashlib
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from seelike.images.datasets import DRAWN
from seelike.images.drawings import IMAGE_SIZE
from seelike.images.photographs import SIZE, Photographs, check_folder
from seelike.images.shapes import label_pixels
from seelike.system.errors import InputError
from seelike.system.files import written_whole
from seelike.system.progress import track

PHOTOGRAPHED = ("cifar10", "pairs")
TASKS = (*DRAWN, *PHOTOGRAPHED)
PIXELS = "-pixels"  # in the name of the file of what they show
PART = 500  # images that a process draws at a time


def needs_photographs(task: str) -> bool:
    """Whether a task is of photographs, which are not bundled."""
    return task in PHOTOGRAPHED


@lru_cache(16)
def load_task(task: str, split: str, n_images: int, size: int = IMAGE_SIZE, data_dir: str = "") -> tuple:
    """The first images of a task: (n, 3, size, size) uint8, and labels (n,) int64.

    Args:
        task: one of `TASKS`.
        split: train, validation or test.
        size: pixels a side; drawings of another size are resized as timm's transform does.
        data_dir: where the photographs lie; else the environment's `SEELIKE_CIFAR10` says it.

    Raises InputError if a task of photographs has none, or there are not so many images.
    """
    if not needs_photographs(task):
        images, labels = DRAWN[task](split).stack(n_images)
        return (images if size == IMAGE_SIZE else resize(images, size)), labels
    if size != SIZE:
        raise InputError(f"size must be {SIZE} pixels for {task}, not {size}")
    return Photographs(split, data_dir, pairs=task == "pairs").stack(n_images)


def resize(images: torch.Tensor, size: int) -> torch.Tensor:
    """Images (n, 3, h, w) uint8 at another size, by Pillow's bicubic filter, the bundled models' own."""
    drawn = images.permute(0, 2, 3, 1).numpy()
    resized = [np.asarray(Image.fromarray(one).resize((size, size), Image.Resampling.BICUBIC)) for one in drawn]
    return torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2).contiguous()


@lru_cache(16)
def label_first_pixels(task: str, split: str, n_images: int) -> torch.Tensor:
    """What the pixels of the first drawings of a split show, (n, 56, 56) uint8, see `shapes.label_pixels`."""
    drawings = DRAWN[task](split)
    return torch.from_numpy(np.stack([label_pixels(drawings.drawing(index)) for index in range(n_images)]))


def prepare_images(task: str, n_images: int, runs: Path, data_dir: str, processes: int) -> None:
    """Draw the training images of a task by several processes, or see that its photographs are there.

    Raises InputError if they are not.
    """
    if needs_photographs(task):
        check_folder("train", data_dir)
    else:
        load_drawings(task, n_images, runs, processes)


def load_images(task: str, n_images: int, runs: Path, size: int, data_dir: str = "") -> tuple[np.ndarray, np.ndarray]:
    """The first training images of a task: (n, 3, size, size) uint8 and labels (n,)."""
    if needs_photographs(task):
        return tuple(tensor.numpy() for tensor in load_task(task, "train", n_images, size, data_dir))
    images, labels = load_drawings(task, n_images, runs)
    return (images if size == IMAGE_SIZE else resize(torch.from_numpy(images), size).numpy()), labels


def load_drawings(task: str, n_images: int, runs: Path, processes: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The first training drawings of a task, drawn once and kept in `runs`: (n, 3, 56, 56) uint8 and labels (n,)."""
    return _load_kept(task, "", n_images, runs, processes), np.arange(n_images) % len(DRAWN[task].classes)


def load_pixels(task: str, n_images: int, runs: Path, processes: int = 1) -> np.ndarray:
    """What the pixels of the same drawings show, kept likewise: (n, 56, 56) uint8, see `shapes.label_pixels`."""
    return _load_kept(task, PIXELS, n_images, runs, processes)


def _load_kept(task: str, what: str, n_images: int, runs: Path, processes: int) -> np.ndarray:
    """What one of `KEPT` takes from the first training drawings of a task.

    The file's name bears a hash of the first ten, so that drawings of other code are not taken for these.
    """
    first = _draw(task, what, 0, 10)
    file = runs / f"{task}{what}-{hashlib.sha256(first.tobytes()).hexdigest()[:12]}.npy"
    if not file.is_file() or len(np.load(file, mmap_mode="r")) < n_images:
        with written_whole(file) as beside:
            drawn = np.lib.format.open_memmap(beside, "w+", np.uint8, (n_images, *first.shape[1:]))
            _draw_into(drawn, task, what, processes)
            drawn.flush()
    return np.load(file, mmap_mode="c")[:n_images]


def _draw_into(drawn: np.ndarray, task: str, what: str, processes: int) -> None:
    """The first drawings of a task, part by part."""
    n_images = len(drawn)
    starts = range(0, n_images, PART)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        apply = pool.map if processes > 1 else map
        ends = (min(start + PART, n_images) for start in starts)
        parts = apply(_draw, repeat(task), repeat(what), starts, ends)
        for start, part in track(zip(starts, parts, strict=True), f"draw {n_images:,} {task}{what}", len(starts)):
            drawn[start : start + len(part)] = part


def _draw(task: str, what: str, start: int, end: int) -> np.ndarray:
    images = DRAWN[task]("train")
    return np.stack([KEPT[what](images.drawing(index)) for index in range(start, end)])


KEPT = {"": lambda drawing: drawing.image.transpose(2, 0, 1), PIXELS: label_pixels}
