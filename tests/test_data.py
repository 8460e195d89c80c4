"""Images by name: the order, the checks, the minibatches."""

import tarfile

import pytest
import torch
from PIL import Image
from torch.utils.data import Subset
from torchvision.transforms import ToTensor
from torchvision.transforms.functional import to_tensor

from seelike.data import check_images, choose, load_minibatches, open_images
from seelike.errors import InputError


def test_a_folder_and_its_tar_hold_the_same_pictures(pictures, tmp_path):
    with tarfile.open(tmp_path / "pictures.tar", "w") as archive:
        archive.add(pictures, "pictures")
    folder, tar = open_images("folder", str(pictures)), open_images("", str(tmp_path / "pictures.tar"))
    assert len(folder) == len(tar) == 12
    assert all(torch.equal(to_tensor(folder[i][0]), to_tensor(tar[i][0])) for i in range(12))
    assert check_images(choose(folder, 12, 0)) == check_images(choose(tar, 12, 0))


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


def test_grey_pictures_become_rgb():
    """torchvision gives MNIST, say, in grey; models want three channels."""
    grey = Subset([(Image.new("L", (8, 8), 100), 0)] * 4, range(4))
    (batch,) = load_minibatches(grey, {"vit": to_tensor}, 4, "cpu")
    assert batch["vit"].shape == (4, 3, 8, 8)


def test_torchvision_data_sets_come_by_timm_name(tmp_path):
    with pytest.raises(InputError, match=r"dataset='torch/cifar10' with data_dir='.*' cannot be read: .*not found"):
        open_images("torch/cifar10", str(tmp_path))


@pytest.mark.parametrize(
    ("dataset", "data_dir", "complaint"),
    [
        ("folder", "nowhere", "data_dir='nowhere' is not there"),
        ("folder", "", "data_dir='' is not there"),
        ("shapez", "", "dataset='shapez' is not known: use shapes, regrouped, strokes, folder"),
        ("torch/nonsense", "", "dataset='torch/nonsense' .* cannot be read: Unknown torchvision dataset"),
    ],
)
def test_refuses(dataset, data_dir, complaint):
    with pytest.raises(InputError, match=complaint):
        open_images(dataset, data_dir)


def test_refuses_an_empty_folder_a_file_and_an_unknown_split(tmp_path):
    with pytest.raises(InputError, match="Found 0 images"):
        open_images("folder", str(tmp_path))
    (tmp_path / "list.txt").write_text("a")
    with pytest.raises(InputError, match=r"neither a folder nor a \.tar"):
        open_images("folder", str(tmp_path / "list.txt"))
    with pytest.raises(InputError, match="split must be one of train, validation, test"):
        open_images("shapes", split="dev")


def test_refuses_more_images_than_there_are(pictures):
    with pytest.raises(InputError, match="n_images must be at most 12"):
        choose(open_images("folder", str(pictures)), 13, 0)


def test_a_split_that_the_folder_lacks_is_refused_not_taken_as_all(pictures, tmp_path):
    pictures.rename(tmp_path / "val")
    (tmp_path / "train").mkdir()
    assert len(open_images("folder", str(tmp_path), "validation")) == 12
    with pytest.raises(InputError, match="split must be one of the parts of data_dir, train, val, not 'tset'"):
        open_images("folder", str(tmp_path), "tset")


def test_a_picture_that_vanished_is_named(pictures):
    images = open_images("folder", str(pictures))
    (pictures / "class0" / "00.png").unlink()
    with pytest.raises(InputError, match=r"the picture class0/00\.png in data_dir cannot be read"):
        check_images(choose(images, 12, 0))


@pytest.mark.parametrize("damage", ["truncated", "empty", "text"])
def test_a_corrupt_picture_is_named_not_skipped(pictures, damage):
    victim = pictures / "class1" / "05.jpg"
    Image.effect_noise((200, 200), 60).convert("RGB").save(victim)
    content = victim.read_bytes()
    victim.write_bytes({"truncated": content[: len(content) // 2], "empty": b"", "text": b"no picture"}[damage])
    with pytest.raises(InputError, match=r"the picture class1/05\.jpg in data_dir cannot be read"):
        check_images(choose(open_images("folder", str(pictures)), 13, 0))
