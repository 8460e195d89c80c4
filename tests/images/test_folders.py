"""Folders and archives as they lie about: what is found in them, and what is refused."""

import io
import os
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from seelike.images.datasets import choose, count_classes, open_images, read_labels
from seelike.system.errors import InputError


def names(images) -> set[str]:
    return {images.name(i) for i in range(len(images))}


def pack(folder: Path, archive: Path, mode: str = "w", prefix: str = "") -> str:
    with tarfile.open(archive, mode) as tar:
        for file in sorted(folder.rglob("*")):
            tar.add(file, prefix + str(file.relative_to(folder)), recursive=False)
    return str(archive)


def test_pictures_of_all_types_are_found_and_other_files_are_not(tmp_path):
    kinds = ["a.JPG", "b.jpeg", "c.PNG", "d.webp", "e.tif", "f.tiff", "g.bmp", "h.gif", "ü ñ 猫.png", ".hidden.png"]
    for name in kinds:
        Image.new("RGB", (8, 8), "teal").save(tmp_path / name)
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
    for place in ("cats/black", "cats/white", "dogs"):
        (tmp_path / place).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / place / "a.png")
    chosen = choose(open_images("folder", str(tmp_path)), 3, 0)
    labels = dict(zip([chosen.dataset.name(i) for i in chosen.indices], read_labels(chosen).tolist(), strict=True))
    assert labels == {"cats/black/a.png": 0, "dogs/a.png": 1, "cats/white/a.png": 2}


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
