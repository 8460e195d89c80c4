"""Folders and archives as they lie about: what is found in them, and what is refused."""

import io
import os
import tarfile
from pathlib import Path

import pytest
from PIL import Image
from torchvision.datasets import ImageFolder

from seelike.images.datasets import choose, count_classes, open_images, read_labels
from seelike.images.folders import clean_image_folder
from seelike.images.hidden import say_hidden
from seelike.system.errors import InputError


def names(images) -> set[str]:
    return {images.name(i) for i in range(len(images))}


def pack(folder: Path, archive: Path, mode: str = "w", prefix: str = "") -> str:
    with tarfile.open(archive, mode) as tar:
        for file in sorted(folder.rglob("*")):
            tar.add(file, prefix + str(file.relative_to(folder)), recursive=False)
    return str(archive)


def draw_into(folder: Path, *places: str) -> None:
    """A small picture of its own in each of the folders, or under the name given."""
    for number, place in enumerate(places):
        file = folder / (place if place.endswith(".png") else f"{place}/a.png")
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (10 * number, 99, 0)).save(file)


def test_pictures_of_all_types_are_found_and_other_files_are_not(tmp_path):
    kinds = ["a.JPG", "b.jpeg", "c.PNG", "d.webp", "e.tif", "f.tiff", "g.bmp", "h.gif", "ü ñ 猫.png"]
    for shade, name in enumerate(kinds):
        Image.new("RGB", (8, 8), (20 * shade, 0, 0)).save(tmp_path / name)
    for name in ("README.txt", ".DS_Store", "Thumbs.db", "labels.csv", "movie.mp4"):
        (tmp_path / name).write_text("no picture")
    images = open_images("folder", str(tmp_path))
    assert names(images) == set(kinds)
    chosen = choose(images, len(kinds), 0)
    assert chosen.skipped == [] and count_classes(chosen) == 1 and set(read_labels(chosen).tolist()) == {0}


def test_timms_own_list_of_types_is_left_as_it_was(pictures):
    from timm.data.readers import get_img_extensions

    before = get_img_extensions()
    open_images("folder", str(pictures))
    assert get_img_extensions() == before


def test_nested_folders_are_classes_by_their_last_name(tmp_path):
    draw_into(tmp_path, "pets/black", "pets/white")
    chosen = choose(open_images("folder", str(tmp_path)), 2, 0)
    labels = dict(zip([chosen.dataset.name(i) for i in chosen.indices], read_labels(chosen).tolist(), strict=True))
    assert labels == {"pets/black/a.png": 0, "pets/white/a.png": 1}


HIDDEN = (".ipynb_checkpoints", "class1/.thumbnails", "class1/@eaDir/01.png", "__MACOSX/class0", "Thumbs", ".git/a/b")


def test_hidden_files_and_folders_are_passed_over_counted_and_named(pictures, tmp_path):
    """In a folder, in an archive, and through torchvision; names that only resemble them are classes."""
    draw_into(pictures, *HIDDEN, "thumbs_up", "macosx")
    for name in ("class0/._00.png", "class1/.DS_Store.jpg"):
        (pictures / name).write_bytes(b"no picture")
    archive = pack(pictures, tmp_path / "a.tar", prefix="./")
    for images in (
        open_images("folder", str(pictures)),
        open_images("folder", archive),
        open_images("torch/image_folder", str(pictures)),
    ):
        assert {each["place"]: each["pictures"] for each in images.hidden} == {
            ".ipynb_checkpoints": 1, "class1/.thumbnails": 1, "class1/@eaDir": 1, "__MACOSX": 1, "Thumbs": 1, ".git": 1,
            "class0/._00.png": 1, "class1/.DS_Store.jpg": 1,
        }  # fmt: skip
        chosen = choose(images, 14, 0)
        assert chosen.skipped == chosen.copies == [] and chosen.describe("folder", "")["hidden"] == images.hidden
        assert count_classes(chosen) == 4 and len(images) == 14
        labels = {images.name(i).removeprefix("./").split("/")[0]: images.label(i) for i in range(14)}
        assert labels == {"class0": 0, "class1": 1, "macosx": 2, "thumbs_up": 3}
        assert say_hidden(chosen.hidden).startswith("8 hidden pictures were passed over: .git, .ipynb_checkpoints, ")
        assert say_hidden(chosen.hidden).endswith(", and 3 places more")


def test_the_classes_of_torchvisions_imagenet_lie_in_the_folder_of_its_split(tmp_path):
    class ImageNet(ImageFolder):  # torchvision's own asks for the archives of its development kit
        def __init__(self, root: str, split: str):
            self.split_folder = f"{root}/{split}"
            super().__init__(self.split_folder)
            self.root = root

    draw_into(tmp_path / "val", "n01", "n02", "n02/.thumbnails")
    source = ImageNet(str(tmp_path), "val")
    clean_image_folder(source)
    assert source.class_to_idx == {"n01": 0, "n02": 1} and source.targets == [0, 1]
    assert source.hidden == [{"place": "n02/.thumbnails", "pictures": 1}]


def test_a_folder_of_hidden_pictures_alone_is_refused(tmp_path):
    draw_into(tmp_path, ".thumbnails", "__MACOSX")
    with pytest.raises(
        InputError, match="data_dir='.*' holds no pictures to use: 2 hidden pictures were passed over: .t"
    ):
        open_images("folder", str(tmp_path))


def test_where_pictures_lie_in_a_folder_of_one_name_in_each_class_the_class_is_the_folder_above(tmp_path):
    draw_into(tmp_path / "train", "cat/a/images", "dog/b/images", "eel/c/images")
    pack(tmp_path, tmp_path / "all.tar")
    for images in (open_images("folder", str(tmp_path), "train"), open_images("folder", str(tmp_path / "all.tar"))):
        labels = {images.name(i).split("/")[-3]: images.label(i) for i in range(3)}
        assert labels == {"a": 0, "b": 1, "c": 2} and count_classes(choose(images, 3, 0)) == 3
    draw_into(tmp_path / "flat", "cat/images", "dog/images")
    images = open_images("folder", str(tmp_path / "flat"))
    assert images.source.class_to_idx == {"cat": 0, "dog": 1}


def test_folders_that_leave_the_class_unclear_are_refused_under_data_dir_where_labels_are_wanted(tmp_path):
    draw_into(tmp_path / "shared", "cat/black", "dog/black", "dog/white")
    draw_into(tmp_path / "several", "cat/video1", "cat/video2", "dog/video3")
    for name, twins in (("shared", "'cat/black' and 'dog/black'"), ("several", "'cat/video1' and 'cat/video2'")):
        chosen = choose(open_images("folder", str(tmp_path / name)), 3, 0)
        assert count_classes(chosen) is None
        with pytest.raises(InputError, match=f"data_dir must hold a folder for each class.*{twins} are one class"):
            read_labels(chosen)


def test_names_are_relative_to_data_dir_and_printable(tmp_path):
    (tmp_path / "val").mkdir()
    for name in (b"a\nb.png", b"\xff.png"):
        (tmp_path / "val" / os.fsdecode(name)).write_bytes(b"")
    assert names(open_images("folder", str(tmp_path))) == {"val/a\\nb.png", "val/\\udcff.png"}


def test_the_home_folder_may_be_written_as_a_tilde(pictures, monkeypatch):
    monkeypatch.setenv("HOME", str(pictures.parent))
    assert len(open_images("folder", "~/pictures")) == 12


def test_symbolic_links_are_followed_but_not_in_a_circle(pictures, tmp_path):
    (tmp_path / "linked").symlink_to(pictures, target_is_directory=True)
    assert len(open_images("folder", str(tmp_path / "linked"))) == 12
    (pictures / "class0" / "again").symlink_to(pictures, target_is_directory=True)
    with pytest.raises(InputError, match="data_dir='.*' holds one folder twice, by a symbolic link: 'class0"):
        open_images("folder", str(pictures))


def test_a_split_that_the_folder_lacks_is_refused_not_taken_as_all(pictures, tmp_path):
    pictures.rename(tmp_path / "val")
    (tmp_path / "train").mkdir()
    assert len(open_images("folder", str(tmp_path), "validation")) == 12
    with pytest.raises(InputError, match="parts of data_dir, train, val, not 'trian'; did you mean train?"):
        open_images("folder", str(tmp_path), "trian")
    with pytest.raises(InputError, match="data_dir='.*' holds no pictures, files that end in .jpg"):
        open_images("folder", str(tmp_path), "train")


@pytest.mark.parametrize("split", ["", ".", "..", "../pictures", "/", "train[:10%]", ".hidden", "a\0"])
def test_a_split_is_a_plain_name(pictures, split):
    with pytest.raises(InputError, match="split must be the plain name of a part"):
        open_images("folder", str(pictures), split)


def test_tars_with_any_prefix_and_a_tar_of_tars(pictures, tmp_path):
    plain, dotted = (pack(pictures, tmp_path / f"{i}.tar", prefix=prefix) for i, prefix in enumerate(("", "./")))
    for archive in (plain, dotted):
        chosen = choose(open_images("folder", archive), 12, 0)
        assert sorted(read_labels(chosen).tolist()) == [0] * 6 + [1] * 6 and count_classes(chosen) == 2
    (tmp_path / "tars").mkdir()
    for name in ("class0", "class1"):
        pack(pictures / name, tmp_path / "tars" / f"{name}.tar")
    chosen = choose(open_images("folder", pack(tmp_path / "tars", tmp_path / "both.tar")), 12, 0)
    assert sorted(read_labels(chosen).tolist()) == [0] * 6 + [1] * 6


@pytest.mark.parametrize("mode", ["gz", "bz2", "xz"])
def test_a_compressed_tar_is_refused(pictures, tmp_path, mode):
    with pytest.raises(InputError, match="data_dir='.*' is compressed: unpack it"):
        open_images("folder", pack(pictures, tmp_path / f"a.tar.{mode}", f"w:{mode}"))
    with pytest.raises(InputError, match="data_dir='.*' is no plain .tar file, or a damaged one"):
        open_images("folder", pack(pictures, tmp_path / "a.tar", f"w:{mode}"))


def test_a_tar_cut_short_is_refused(pictures, tmp_path):
    content = Path(pack(pictures, tmp_path / "whole.tar")).read_bytes()
    cut = tmp_path / "cut.tar"
    last_picture = content.rstrip(b"\0")
    for size in (0, 700, 1024, 4096, 5000, len(content) // 2, len(last_picture) // 512 * 512, len(last_picture)):
        cut.write_bytes(content[:size])
        with pytest.raises(InputError, match="data_dir='.*' is no plain .tar file, or a damaged one"):
            open_images("folder", str(cut))


def test_archives_and_files_without_pictures_are_refused(tmp_path):
    with tarfile.open(tmp_path / "empty.tar", "w"):
        pass
    with tarfile.open(tmp_path / "words.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("README.txt"), io.BytesIO())
    for name in ("empty.tar", "words.tar"):
        with pytest.raises(InputError, match=f"data_dir='.*{name}' holds no pictures"):
            open_images("folder", str(tmp_path / name))
    (tmp_path / "zero.tar").touch()
    (tmp_path / "text.tar").write_text("no archive " * 100)
    for name in ("zero.tar", "text.tar"):
        with pytest.raises(InputError, match=f"data_dir='.*{name}' is no plain .tar file"):
            open_images("folder", str(tmp_path / name))
    (tmp_path / "picture.jpg").touch()
    with pytest.raises(InputError, match="data_dir='.*picture.jpg' is neither a folder nor a .tar file"):
        open_images("folder", str(tmp_path / "picture.jpg"))
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError, match="data_dir='.*nothing' holds no pictures"):
        open_images("folder", str(tmp_path / "nothing"))
