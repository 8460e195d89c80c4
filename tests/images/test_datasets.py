"""Images by name: the order, the checks, the minibatches."""

import hashlib
import tarfile
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset
from torchvision.transforms import ToTensor
from torchvision.transforms.functional import to_tensor

from seelike.images import datasets
from seelike.images.datasets import (
    choose,
    choose_first,
    count_classes,
    load_minibatches,
    open_images,
    read_labels,
    say_copies,
    say_skipped,
)
from seelike.images.picture_set import PictureSet
from seelike.measures.cka import gram
from seelike.system.errors import InputError


def test_a_folder_and_its_tar_hold_the_same_pictures(pictures, tmp_path):
    with tarfile.open(tmp_path / "pictures.tar", "w") as archive:
        archive.add(pictures, "pictures")
    folder, tar = open_images("folder", str(pictures)), open_images("", str(tmp_path / "pictures.tar"))
    assert len(folder) == len(tar) == 12
    assert all(torch.equal(to_tensor(folder[i][0]), to_tensor(tar[i][0])) for i in range(12))
    assert choose(folder, 12, 0).sha256 == choose(tar, 12, 0).sha256


def test_the_choice_is_a_permutation_drawn_from_the_seed(pictures):
    images = open_images("folder", str(pictures))
    order = torch.randperm(12, generator=torch.Generator().manual_seed(3)).tolist()
    assert choose(images, 12, 3).indices == order
    assert choose(images, 5, 3).indices == order[:5]
    assert choose(images, 12, 4).indices != order


def test_every_model_sees_the_same_pictures_and_a_short_last_minibatch_is_dropped(pictures):
    chosen = choose(open_images("folder", str(pictures)), 11, 0)
    batches = list(load_minibatches(chosen, {"vit": to_tensor, "cnn": lambda p: 2 * to_tensor(p)}, 4, "cpu"))
    assert [len(batch["vit"]) for batch in batches] == [4, 4]
    for batch in batches:
        torch.testing.assert_close(batch["cnn"], 2 * batch["vit"])
    torch.testing.assert_close(batches[0]["vit"][0], to_tensor(chosen[0][0]))


def test_models_of_one_transform_share_its_view(pictures):
    shared = ToTensor()
    chosen = choose(open_images("folder", str(pictures)), 4, 0)
    transforms = {"vit": shared, "cnn": shared, "gap": ToTensor()}
    (batch,) = load_minibatches(chosen, transforms, 4, "cpu")
    assert batch["vit"] is batch["cnn"] is not batch["gap"]
    torch.testing.assert_close(batch["vit"], batch["gap"])


def test_the_hash_is_that_of_the_files_in_their_order_and_of_the_pixels_of_drawings(pictures):
    chosen = choose(open_images("folder", str(pictures)), 5, 1)
    files = sorted(pictures.rglob("*.png"))
    content = b"".join(files[index].read_bytes() for index in chosen.indices)
    assert chosen.sha256 == hashlib.sha256(content).hexdigest()
    drawn = choose(open_images("shapes"), 3, 0)
    content = b"".join(drawn[i][0].tobytes() for i in range(3))
    assert drawn.sha256 == hashlib.sha256(content).hexdigest() and drawn.skipped == []


def test_torchvisions_pictures_become_rgb():
    """MNIST, say, is grey; models want three channels."""
    grey = PictureSet([(Image.new("L", (8, 8), 100 + i), 7) for i in range(4)])
    chosen = choose(grey, 4, 0)
    (batch,) = load_minibatches(chosen, {"vit": to_tensor}, 4, "cpu")
    assert batch["vit"].shape == (4, 3, 8, 8)
    assert read_labels(chosen).tolist() == [7] * 4


def test_torchvisions_folders_are_read_in_the_same_way(pictures):
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(pictures / "class1" / "clear.png")
    (pictures / "class1" / "broken.png").write_bytes(b"")
    chosen = choose(open_images("torch/image_folder", str(pictures)), 13, 0)
    assert chosen.skipped == [{"file": "class1/broken.png", "reason": "empty file"}]
    assert (255, 255, 255) in {chosen[i][0].getpixel((0, 0)) for i in range(13)}
    assert count_classes(chosen) == 2 and sorted(read_labels(chosen).tolist()) == [0] * 6 + [1] * 7


def test_torchvision_data_sets_come_by_timm_name(tmp_path):
    with pytest.raises(InputError, match=r"dataset='torch/cifar10' with data_dir='.*' and split=.* cannot be read: .*"):
        open_images("torch/cifar10", str(tmp_path))


@pytest.fixture
def hub_set(tmp_path, monkeypatch):
    """A function that writes a data set as the hub keeps them; returns its timm name and a folder for the cache."""
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True, raising=False)

    def write(pictures: str = "image", labels: str = "label", names=("cat", "dog")) -> tuple[str, str]:
        rows = {"id": list(range(6)), pictures: [Image.new("L", (8, 8), 40 * i) for i in range(6)], labels: [0, 1] * 3}
        kinds = {
            "id": datasets.Value("int64"),
            pictures: datasets.Image(),
            labels: datasets.ClassLabel(names=list(names)) if names else datasets.Value("int64"),
        }
        folder = tmp_path / "animals" / "data"
        folder.mkdir(parents=True)
        table = datasets.Dataset.from_dict(rows, features=datasets.Features(kinds))
        table.to_parquet(str(folder / "validation-00000-of-00001.parquet"))
        return f"hfds/{folder.parent}", str(tmp_path / "cache")

    return write


@pytest.mark.parametrize("columns", [{}, {"pictures": "img", "labels": "fine_label"}, {"pictures": "photo"}])
def test_data_sets_of_the_hub_by_whatever_name_of_columns(hub_set, columns):
    chosen = choose(open_images(*hub_set(**columns)), 6, 0)
    shades = [chosen[i][0].getpixel((0, 0)) for i in range(6)]
    assert shades == [(40 * index,) * 3 for index in chosen.indices]
    assert read_labels(chosen).tolist() == [index % 2 for index in chosen.indices]
    assert count_classes(chosen) in ((2, None) if "labels" in columns else (2,))  # timm 1.0.20 counts only `label`s
    assert chosen.dataset.name(3) == "row 3"


def test_a_data_set_of_the_hub_without_classes_or_pictures_is_refused_with_its_columns(hub_set):
    with pytest.raises(InputError, match=r"dataset='hfds/.*' has no column of classes; its columns are id, img, kind"):
        open_images(*hub_set(pictures="img", labels="kind", names=()))


@pytest.mark.parametrize(
    ("dataset", "data_dir", "complaint"),
    [
        ("folder", "nowhere", "data_dir='nowhere' is not there"),
        ("folder", "", "data_dir='' is not there"),
        (
            "shapez",
            "",
            "dataset='shapez' is not known: use shapes, .*, cifar10, folder.*; did you mean shapes?",
        ),
        ("torch/nonsense", "", "dataset='torch/nonsense' is not known: torch/ has cifar10, "),
        ("torch/cifar", "", "did you mean torch/cifar10?"),
        ("hdfs/imagenette", "", "dataset='hdfs/imagenette' is not known"),
        ("hfds/", "", "dataset='hfds/' must name a data set of the hub"),
        ("wds/x", "", "dataset='wds/x' can only be streamed"),
        ("folder", "a" * 300, "data_dir='a*' is not there"),
    ],
)
def test_refuses(dataset, data_dir, complaint):
    with pytest.raises(InputError, match=complaint):
        open_images(dataset, data_dir)


def test_pictures_of_the_same_pixels_are_used_once_in_whatever_format_and_under_whatever_name(pictures):
    """And a picture that differs in one pixel, or only in its shape, is another one."""
    original = Image.open(pictures / "class0" / "00.png")
    original.save(pictures / "class1" / "20.bmp")
    original.save(pictures / "class1" / "21.webp", lossless=True)
    original.convert("RGBA").save(pictures / "class1" / "22.png")
    changed = original.copy()
    changed.putpixel((39, 29), tuple(255 - value for value in changed.getpixel((39, 29))))
    changed.save(pictures / "class1" / "23.png")
    Image.frombytes("RGB", (30, 40), original.tobytes()).save(pictures / "class1" / "24.png")
    chosen = choose(open_images("folder", str(pictures)), 14, 0)
    same = {"class0/00.png", "class1/20.bmp", "class1/21.webp", "class1/22.png"}
    assert len({chosen.dataset.name(i) for i in chosen.indices} & same) == 1
    assert {name for each in chosen.copies for name in each.values()} <= same
    with pytest.raises(
        InputError, match="at most 14, the different pictures .*, not 15; 3 pictures repeat others pixel"
    ):
        choose(chosen.dataset, 15, 0)


def test_copies_are_named_with_what_they_repeat():
    copies = [{"file": f"{i}.png", "of": "a.png"} for i in range(7)]
    assert say_copies(copies[:1], " of probe_dataset") == (
        "1 picture of probe_dataset repeats another pixel for pixel and was passed over: 0.png (as a.png)"
    )
    said = say_copies(copies)
    assert said.startswith("7 pictures repeat others pixel for pixel and were passed over: 0.png (as a.png), 1.png")
    assert said.endswith("4.png (as a.png), and 2 more")


def test_drawings_that_repeat_are_used_once():
    class Twice(Dataset):
        def __len__(self):
            return 8

        def __getitem__(self, index):
            return Image.new("RGB", (8, 8), (index // 2, 0, 0)), 0

    chosen = choose(Twice(), 4, 0)
    assert sorted(index // 2 for index in chosen.indices) == [0, 1, 2, 3]
    assert all(each["file"].startswith("number ") for each in chosen.copies)
    with pytest.raises(InputError, match="n_images must be at most 4, the different pictures"):
        choose(Twice(), 5, 0)
    assert choose(open_images("shapes"), 200, 0).copies == []


def test_cka_of_a_folder_with_every_picture_twice_is_that_of_each_once(pictures, tmp_path):
    """Two layers that have nothing to do with each other; with the copies in, they would seem to be alike."""
    for file in pictures.rglob("*.png"):
        Image.open(file).save(tmp_path / f"{file.stem}.png")
        Image.open(file).save(tmp_path / f"{file.stem}_copy.bmp")
    once = choose(open_images("folder", str(pictures)), 12, 0)
    twice = choose(open_images("folder", str(tmp_path)), 12, 0)
    assert len(twice.dataset) == 36  # the folder of the fixture lies within

    def cka(pixels: list[torch.Tensor]) -> float:
        layer = {tuple(x.flatten()[:64].tolist()): x.flatten()[:64] for x in pixels}
        independent = torch.Generator().manual_seed(0)
        other = {key: torch.randn(32, generator=independent) for key in sorted(layer)}
        grams = [
            gram(torch.stack([known[tuple(x.flatten()[:64].tolist())] for x in pixels])) for known in (layer, other)
        ]
        return float(torch.sum(grams[0] * grams[1]) / (grams[0].norm() * grams[1].norm()))

    views = [[to_tensor(chosen[i][0]) for i in range(12)] for chosen in (once, twice)]
    assert cka(views[0]) == pytest.approx(cka(views[1]), abs=1e-6)
    assert cka(views[0] * 2) > cka(views[0]) + 0.2


def test_the_hash_and_the_checks_are_of_what_is_used(pictures):
    images = open_images("folder", str(pictures))
    few = choose(images, 11, 1, n_used=8)
    assert few.indices == choose(images, 11, 1).indices[:8]
    assert few.sha256 == choose(images, 8, 1).sha256 != choose(images, 11, 1).sha256
    with pytest.raises(InputError, match="n_images must be at most 12, the size of this data set, not 13"):
        choose(images, 13, 1, n_used=8)


def test_the_first_are_taken_in_the_order_of_the_set(pictures):
    images = open_images("folder", str(pictures))
    first = choose_first(images, 5, "n_drawings")
    assert first.indices == [0, 1, 2, 3, 4] and first.sha256 != choose_first(images, 4, "n_drawings").sha256
    with pytest.raises(InputError, match="n_drawings must be at most 12, the size of this data set, not 13"):
        choose_first(images, 13, "n_drawings")


def test_refuses_more_images_than_there_are(pictures):
    with pytest.raises(InputError, match="n_images must be at most 12, the size of this data set, not 13"):
        choose(open_images("folder", str(pictures)), 13, 0)


BROKEN = {"truncated": ("05.jpg", "truncated"), "empty": ("05.jpg", "empty file"), "text": ("05.jpg", "no picture of"),
          "type": ("05.heic", "a type that is not read"), "gone": ("05.jpg", "no such file or directory")}  # fmt: skip


def spoil(folder: Path, damage: str) -> str:
    """Put a picture that cannot be read into the folder; returns its name."""
    victim = folder / BROKEN[damage][0]
    Image.effect_noise((200, 200), 60).convert("RGB").save(victim, "JPEG")
    content = victim.read_bytes()
    victim.write_bytes({"truncated": content[: len(content) // 2], "empty": b"", "text": b"a"}.get(damage, content))
    if damage == "gone":
        victim.unlink()
        victim.symlink_to("nowhere.jpg")
    return victim.name


@pytest.mark.parametrize("damage", BROKEN)
def test_a_picture_that_cannot_be_read_is_passed_over_by_name_and_the_next_takes_its_place(pictures, damage):
    name = spoil(pictures / "class1", damage)
    images = open_images("folder", str(pictures))
    chosen = choose(images, 12, 0)
    (skipped,) = chosen.skipped
    assert skipped["file"] == f"class1/{name}" and skipped["reason"].startswith(BROKEN[damage][1])
    order = torch.randperm(13, generator=torch.Generator().manual_seed(0)).tolist()
    bad = next(i for i in range(13) if images.name(i) == f"class1/{name}")
    assert chosen.indices == [index for index in order if index != bad]
    with pytest.raises(
        InputError, match="n_images must be at most 12, .* can be read, not 13; 1 picture could not be .*: class1/05"
    ):
        choose(images, 13, 0)


def test_pictures_beyond_those_needed_are_not_read(pictures):
    """A damaged picture late in the order is no one's concern."""
    images = open_images("folder", str(pictures))
    last = choose(images, 12, 0).indices[-1]
    (pictures / images.name(last)).write_bytes(b"")
    assert choose(images, 11, 0).skipped == []
    assert choose(images, 11, 0).describe("folder", "validation").keys() == {"name", "split", "images", "sha256"}


def test_a_picture_that_goes_while_the_chapter_runs_is_named(pictures, monkeypatch):
    monkeypatch.setattr(datasets, "MOST_KEPT", 0)
    chosen = choose(open_images("folder", str(pictures)), 12, 0)
    (pictures / "class0" / "00.png").unlink()
    with pytest.raises(InputError, match=r"the picture class0/00\.png in data_dir cannot be read: no such file"):
        list(load_minibatches(chosen, {"vit": to_tensor}, 4, "cpu"))


def test_five_are_named_and_the_others_counted():
    skipped = [{"file": f"{i}.jpg", "reason": "truncated"} for i in range(7)]
    assert say_skipped([]) == ""
    assert say_skipped(skipped[:1]) == "1 picture could not be read and was passed over: 0.jpg (truncated)"
    assert say_skipped(skipped, " of probe_dataset").startswith(
        "7 pictures of probe_dataset could not be read and were"
    )
    assert say_skipped(skipped).endswith("4.jpg (truncated), and 2 more")


def test_a_file_that_may_not_be_read_is_passed_over(pictures, monkeypatch):
    def refuse(path, mode):
        if path.endswith("00.png"):  # as the system does for any user but root
            raise PermissionError(13, "Permission denied", path)
        return open(path, mode)

    monkeypatch.setattr("timm.data.readers.reader_image_folder.open", refuse, raising=False)
    chosen = choose(open_images("folder", str(pictures)), 11, 0)
    assert chosen.skipped == [{"file": "class0/00.png", "reason": "permission denied"}]


def test_what_is_passed_over_is_said_on_the_terminal_too(pictures, tmp_path, monkeypatch):
    monkeypatch.setenv("SEELIKE_PROGRESS", str(tmp_path / "progress"))
    spoil(pictures / "class1", "empty")
    choose(open_images("folder", str(pictures)), 12, 0)
    assert "1 picture could not be read and was passed over: class1/05.jpg" in (tmp_path / "progress").read_text()


class Counted(Dataset):
    """Pictures of one colour each that count how often they are made."""

    def __init__(self, n_images):
        self.made = [0] * n_images

    def __len__(self):
        return len(self.made)

    def __getitem__(self, index):
        self.made[index] += 1
        return Image.new("RGB", (4, 4), (index, 0, 0)), index


@pytest.mark.parametrize("n_kept", [8, 3])
def test_pictures_are_decoded_once_while_there_is_room_for_them(monkeypatch, n_kept):
    monkeypatch.setattr(datasets, "MOST_KEPT", n_kept * 4 * 4 * 4)
    source = Counted(8)
    chosen = choose(PictureSet(source), 8, seed=0)
    for _ in range(2):
        batches = [batch["vit"] for batch in load_minibatches(chosen, {"vit": ToTensor()}, 4, "cpu")]
        assert (torch.cat(batches)[:, 0, 0, 0] * 255).round().int().tolist() == chosen.indices
    assert [source.made[index] for index in chosen.indices] == [1] * n_kept + [3] * (8 - n_kept)


@pytest.mark.parametrize("n_kept", [8, 3])
def test_pictures_are_transformed_once_for_all_models_of_one_transform_while_there_is_room(monkeypatch, n_kept):
    monkeypatch.setattr(datasets, "MOST_KEPT", n_kept * 3 * 4 * 4 * 4)
    chosen, shown = choose(Counted(8), 8, seed=0), []

    def transform(picture):
        shown.append(picture)
        return to_tensor(picture)

    first, again = (
        torch.cat([batch["vit"] for batch in load_minibatches(chosen, {"vit": transform}, 4, "cpu")]) for _ in range(2)
    )
    assert torch.equal(first, again) and len(shown) == 8 + 8 - n_kept
    (other,) = load_minibatches(chosen, {"vit": lambda picture: 1 - to_tensor(picture)}, 8, "cpu")
    assert torch.equal(other["vit"], 1 - first)
