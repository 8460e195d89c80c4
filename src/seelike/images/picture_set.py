"""Data sets of pictures, wherever timm finds them, all decoded in one way."""

import os
from pathlib import Path

from PIL import Image
from torch.utils.data import Dataset

from seelike.images.decoding import UNREAD_TYPES, Unreadable, decode, explain, to_rgb
from seelike.system.errors import InputError


class PictureSet(Dataset):
    """Pictures from wherever timm finds them, all decoded in one way: (RGB picture, label).

    `source` is a timm reader, of files, or a torchvision data set, of files or pictures; `root` their folder, if any.
    `hidden` and `unclear` are as in `seelike.images.folders`.
    """

    def __init__(self, source, root: str = ""):
        self.source, self.root = source, root
        self.hidden, self.unclear = getattr(source, "hidden", []), getattr(source, "unclear", ())
        if hasattr(source, "loader"):  # torchvision's own would turn its files into RGB in its own way
            source.loader = lambda path: open(path, "rb")  # noqa: SIM115, read() closes it

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        try:
            picture, _, label = self.read(index)
        except Unreadable as reason:  # it could be read when it was chosen
            raise InputError(f"the picture {self.name(index)} in data_dir cannot be read: {reason}") from None
        return picture, label

    def read(self, index: int) -> tuple[Image.Image, bytes, int]:
        """The picture, the bytes that its hash is of, and its label. Raises Unreadable."""
        if Path(self.name(index)).suffix.lower() in UNREAD_TYPES:
            raise Unreadable("a type that is not read")
        try:
            content, label = self.source[index]
            if isinstance(content, Image.Image):
                return to_rgb(content), content.tobytes(), label
            with content:
                content = content.read()
        except Unreadable:
            raise
        except Exception as error:  # a file that is gone or locked, a damaged archive, a row without a picture
            raise Unreadable(explain(error)) from None
        return decode(content), content, label

    def label(self, index: int):
        """The label alone; where they are listed, no file is opened."""
        if hasattr(self.source, "targets"):
            return self.source.targets[index]
        if hasattr(self.source, "samples"):
            return self.source.samples[index][1]
        content, label = self.source[index]
        content.close()
        return label

    def name(self, index: int) -> str:
        """How the picture is called within the data set, in printable characters."""
        if hasattr(self.source, "dataset"):  # of the hub: paths there are those of a cache
            return f"row {index}"
        if hasattr(self.source, "filename"):
            name = self.source.filename(index, absolute=True)
        elif hasattr(self.source, "samples"):
            name = self.source.samples[index][0]
        else:
            return f"picture {index}"
        name = os.path.relpath(name, self.root) if os.path.isdir(self.root) else name  # within an archive it is so
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name.lstrip("/"))
