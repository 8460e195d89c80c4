"""Data sets of the Hugging Face hub, `hfds/…`: which columns hold the pictures and the classes."""

import timm.data
from timm.data.readers.reader import Reader

from seelike.hub import datasets as hub_datasets
from seelike.system.errors import InputError


def open_hub_set(dataset: str, data_dir: str, split: str) -> Reader:
    """timm's reader of (file, label) for "hfds/NAME"; NAME may be a local folder, data_dir is the cache.

    Pictures are the column `image`, or else the first of type Image; classes `label`, or else the first ClassLabel.
    Raises InputError, which names dataset and lists the columns, where there are none such.
    """
    reader = _read(dataset, data_dir, split)
    if not len(reader):
        raise InputError(f"dataset={dataset!r} holds no pictures in split={split!r}")
    keys = _find_image(reader, dataset), _find_label(reader, dataset)
    if keys != (reader.image_key, reader.label_key):
        reader = _read(dataset, data_dir, split, input_key=keys[0], target_key=keys[1])
    return reader


def _read(dataset: str, data_dir: str, split: str, **keys) -> Reader:
    prefix, _, name = dataset.partition("/")
    if not name.strip("/"):
        raise InputError(
            f"dataset={dataset!r} must name a data set of the hub, such as hfds/johnowhitaker/imagenette2-320"
        )
    known = {"root": data_dir or None, "split": split, **keys}
    return hub_datasets.fetch(dataset, lambda: timm.data.create_dataset(f"{prefix.lower()}/{name}", **known)).reader


def _find_image(reader: Reader, dataset: str) -> str:
    """timm casts its `image` column to pictures; where there was none, all that it gets is nothing, row by row."""
    import datasets

    pictures = [name for name, kind in reader.dataset.features.items() if isinstance(kind, datasets.Image)]
    found = [name for name in pictures if reader.dataset.data.column(name).null_count < len(reader)]
    if not found:
        raise InputError(f"dataset={dataset!r} has no column of pictures; its columns are {_list_columns(reader)}")
    return reader.image_key if reader.image_key in found else found[0]


def _find_label(reader: Reader, dataset: str) -> str:
    import datasets

    features = reader.dataset.features
    found = [name for name, kind in features.items() if isinstance(kind, datasets.ClassLabel)]
    if reader.label_key not in features and not found:
        raise InputError(f"dataset={dataset!r} has no column of classes; its columns are {_list_columns(reader)}")
    return reader.label_key if reader.label_key in features else found[0]


def _list_columns(reader: Reader) -> str:
    """Their names; the column that timm added where there was no `image` is not one of them."""
    table = reader.dataset.data
    return ", ".join(name for name in table.column_names if table.column(name).null_count < len(reader))
