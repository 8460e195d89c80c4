"""Images for probes: labels and positions in the images' own order, refusals that name the parameter."""

import pytest
import torch
from PIL import Image

from seelike.chapters.prepare import open_run
from seelike.chapters.probe_images import open_probe_images
from seelike.chapters.uniformity import CHAPTER
from seelike.execution.notebook import find_chapter, read_parameters
from seelike.images.shapes import Shapes
from seelike.models import loading
from seelike.system.errors import InputError


def make_run(**changed):
    own = {"probe_dataset": "shapes", "probe_data_dir": "", "probe_split": "test", "n_probe_images": 1400, "seed": 1}
    parameters = read_parameters(find_chapter("uniformity")) | {"n_images": 8, "batch_size": 4} | own | changed
    return open_run(CHAPTER, parameters.pop("results_dir"), **parameters)


def test_labels_and_centers_belong_to_the_images():
    run = make_run()
    probed = open_probe_images(run)
    drawing = Shapes("test").drawing(probed.images.indices[77])
    assert probed.labels[77] == drawing.label and tuple(probed.centers[77].tolist()) == pytest.approx(drawing.center)
    assert len(probed.folds) == 10
    loaded = {"vit": loading.load_random("vit", "vit_pocket_patch8_56.shapes")}
    batches = list(probed.minibatches(loaded, run))
    assert sum(len(batch["vit"]) for batch in batches) == 1400
    seen = loading.transform_of(loaded["vit"])(probed.images.dataset[probed.images.indices[5]][0])
    assert torch.equal(batches[1]["vit"][1], seen)
    assert run.other_images["probe_dataset"]["images"] == 1400


def test_the_seed_draws_images_and_folds():
    one, again, other = (open_probe_images(make_run(seed=seed)) for seed in (1, 1, 2))
    assert one.images.indices == again.images.indices != other.images.indices
    assert torch.equal(one.folds[3].test, again.folds[3].test)


def test_no_images_mean_no_probes():
    assert open_probe_images(make_run(n_probe_images=0)) is None


def test_pictures_of_a_folder_have_labels_and_no_centers(tmp_path):
    for i in range(220):
        folder = tmp_path / "pictures" / f"class{i % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (255 * (i % 2), i, 0)).save(folder / f"{i:03d}.png")
    run = make_run(probe_dataset="folder", probe_data_dir=str(tmp_path / "pictures"), n_probe_images=220)
    probed = open_probe_images(run)
    reds = [probed.images.dataset[index][0].getpixel((0, 0))[0] for index in probed.images.indices]
    assert [red // 255 for red in reds] == probed.labels.tolist()
    assert probed.centers is None


def test_unreadable_pictures_give_way_to_others_with_their_labels(tmp_path):
    for i in range(242):
        folder = tmp_path / "pictures" / f"class{i % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (255 * (i % 2), i, 0)).save(folder / f"{i:03d}.png")
    for i in (100, 201):
        (tmp_path / "pictures" / f"class{i % 2}" / f"{i}.png").write_bytes(b"")
    run = make_run(probe_dataset="folder", probe_data_dir=str(tmp_path / "pictures"), n_probe_images=240)
    probed = open_probe_images(run)
    reds = [probed.images[i][0].getpixel((0, 0))[0] for i in range(240)]
    assert [red // 255 for red in reds] == probed.labels.tolist()
    assert "2 pictures of probe_dataset could not be read and were passed over" in str(run)
    assert len(run.other_images["probe_dataset"]["skipped"]) == 2


def test_pictures_of_one_folder_tell_no_classes_and_that_is_said_of_the_folder(pictures):
    place = str(pictures / "class0")
    with pytest.raises(
        InputError, match="^probe_data_dir='.*class0' must tell classes apart, .*: all 6 pictures are of"
    ):
        open_probe_images(make_run(probe_dataset="folder", probe_data_dir=place, n_probe_images=6))


def test_folders_that_leave_the_class_unclear_are_refused_by_their_parameter(pictures):
    (pictures / "class2").mkdir()
    for name in ("class0", "class1"):
        (pictures / name).rename(pictures / "class2" / name)
    (pictures / "class3").mkdir()
    (pictures / "class2" / "class0" / "00.png").rename(pictures / "class3" / "00.png")
    (pictures / "class3" / "class0").mkdir()
    (pictures / "class3" / "00.png").rename(pictures / "class3" / "class0" / "00.png")
    with pytest.raises(InputError, match="^probe_data_dir must hold a folder for each class.*class2/class0"):
        open_probe_images(make_run(probe_dataset="folder", probe_data_dir=str(pictures), n_probe_images=12))


def test_strokes_have_no_centers():
    assert open_probe_images(make_run(probe_dataset="strokes")).centers is None


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"n_probe_images": 300}, "n_probe_images must give two classes or more, and each at least 110 images"),
        ({"n_probe_images": 10**6}, "n_probe_images must be at most 10000"),
        ({"n_probe_images": -1}, "n_probe_images must be 0 or more, not -1"),
        ({"n_probe_images": "many"}, "n_probe_images must be a whole number"),
        ({"probe_dataset": "folder", "probe_data_dir": "gone"}, "probe_data_dir='gone' is not there"),
        ({"probe_dataset": "shape"}, "probe_dataset='shape' is not known"),
        ({"probe_split": "dev"}, "probe_split must be one of"),
    ],
)
def test_refuses(changed, complaint):
    with pytest.raises(InputError, match=f"^{complaint}"):
        open_probe_images(make_run(**changed))
