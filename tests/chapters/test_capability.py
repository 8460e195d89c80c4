"""What a model can do: by its head where that fits the labels, else by neighbours, else not at all, with the reason."""

from pathlib import Path

import pytest
import timm
import torch
from ranks import finish, start
from torch import nn
from torch.utils.data import Dataset, Subset

from seelike.chapters import capability
from seelike.chapters.capability import NEIGHBOURS, NOTHING, TOP_1, Examination, Labelled, plan, plan_control
from seelike.images import datasets
from seelike.models.loading import hash_state
from seelike.system import shared_findings

CLASSES = ("a", "b", "c")
IMAGENET = tuple(f"n{i:08d}" for i in range(1000))


class Pictures(Dataset):
    """Pictures that are their own features: the class by sign and position."""

    def __init__(self, labels: list[int], classes: tuple[str, ...] | None = CLASSES):
        self.labels, self.classes = labels, classes

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return torch.eye(3)[self.labels[index] % 3], self.labels[index]


class Model(nn.Module):
    """Answers the class one further than shown; its pooled features are what it is shown."""

    def __init__(self, num_classes: int = 3):
        super().__init__()
        self.num_classes = num_classes
        self.register_buffer("state", torch.tensor(num_classes))

    def forward(self, x):
        return x.roll(1, dims=1)

    def forward_features(self, x):
        return x

    def forward_head(self, x, pre_logits: bool = False):
        assert pre_logits
        return x


class Headless(nn.Module):
    num_classes = 0


def label(labels, classes=CLASSES, dataset="folder") -> Labelled:
    images = Pictures(labels, classes)
    return Labelled.first(dataset, "some/where/mine", Subset(images, range(len(images))))


def known(name="resnet50", origin="file") -> dict:
    return {"name": name, "origin": origin, "state_sha256": name}


MANY = [0, 1, 2] * 4


@pytest.mark.parametrize(
    ("n_classes", "about", "on", "measure"),
    [
        (3, known(), label(MANY), TOP_1),
        (1000, known(), label(MANY), NEIGHBOURS),
        (0, known(), label(MANY), NEIGHBOURS),
        (3, known(), label(MANY, dataset="shapes"), NEIGHBOURS),  # another's classes are not the drawings'
        (3, known(), label(MANY, None), NEIGHBOURS),
        (1000, known(), label([0, 1, 2], IMAGENET), TOP_1),
        (1000, known(), label([0, 1, 2], tuple(map(str, range(1000)))), NOTHING),
        (0, known(), label([0, 1, 2]), NOTHING),
        (10, known("vit_pocket_patch8_56.shapes", "bundled"), label(MANY, tuple("abcdefghij"), "shapes"), TOP_1),
        (10, known("vit_pocket_patch8_56.shapes", "bundled"), label(MANY, tuple("abcdefghij"), "strokes"), NEIGHBOURS),
        (10, known("vit_pocket_patch8_56.shapes", "bundled"), label(MANY, tuple("abcdefghij")), NEIGHBOURS),
        (
            10,
            known("vtcc_pocket_56.unlabelled_strokes", "bundled"),
            label(MANY, tuple("0123456789"), "strokes"),
            NEIGHBOURS,
        ),
    ],
)
def test_the_measure_follows_from_head_and_labels(n_classes, about, on, measure):
    assert plan(Model(n_classes), about, [on]).measure == measure


def test_the_first_images_on_which_anything_can_be_measured_are_taken():
    alone, many = label([0, 1, 2]), label(MANY)
    assert plan(Model(0), known(), [alone, many]).on is many
    assert "3 images are alone in their class" in plan(Model(0), known(), [alone]).reason
    assert "no labels" in plan(Model(0), known(), []).reason
    assert "pooled features" in plan(Headless(), known(), [many]).reason


def load(models, images):
    yield {role: torch.stack([images[i][0] for i in range(len(images))]) for role in models}


def test_numbers_and_what_they_are_of():
    examined = Examination([label(MANY)], load)
    models = {"vit": Model(), "cnn": Model(0)}
    described = {"vit": known("v"), "cnn": known("c")}
    examined.examine(models, described)
    common = {"dataset": "mine", "images": 12, "classes": 3}
    assert described["vit"]["capability"] == common | {"measure": TOP_1, "accuracy": 0, "chance": 1 / 3}
    found = described["cnn"]["capability"]
    assert found == common | {"measure": NEIGHBOURS, "accuracy": 1, "chance": pytest.approx(3 / 11)}


def test_a_control_is_measured_as_its_model_or_not_at_all():
    trained = plan(Model(), known(), [label(MANY)])
    assert plan_control(Model(), trained) is trained
    assert plan_control(Model(1000), trained).measure == NOTHING
    neighbours = plan(Model(0), known(), [label(MANY)])
    assert plan_control(Model(1000), neighbours) is neighbours


def test_a_model_of_two_roles_sees_the_images_once(monkeypatch):
    asked = []
    count = lambda models, *_: asked.append(len(models)) or {role: {} for role in models}  # noqa: E731
    monkeypatch.setattr(capability, "_measure", count)
    same = Model()
    Examination([label(MANY)], load).examine({"vit": same, "cnn": same}, {"vit": known("x"), "cnn": known("x")})
    assert asked == [1]


class Turned(Model):
    """The same state, another design: it answers with what it is shown."""

    def forward(self, x):
        return x


def test_models_of_one_state_and_two_designs_are_not_taken_for_one():
    models, described = {"vit": Model(), "cnn": Turned()}, {"vit": known("x"), "cnn": known("x")}
    Examination([label(MANY)], load).examine(models, described)
    assert [each["capability"]["accuracy"] for each in described.values()] == [0, 1]
    begun = timm.create_model("vit_pocket_patch8_56.shapes"), timm.create_model("vit_pocket_noskip4_patch8_56.shapes")
    assert len(set(map(hash_state, begun))) == 1 and len(set(map(capability.name_architecture, begun))) == 2


def test_pages_of_one_build_find_each_model_once_and_nothing_in_place_of_another(monkeypatch, tmp_path):
    looked, look = [], capability._look
    monkeypatch.setattr(capability, "_look", lambda models, *rest: looked.append(list(models)) or look(models, *rest))

    def examine_page(on=MANY, show=load, **models: Model) -> list[dict]:
        looked.clear()
        described = {role: known(role) for role in models}
        Examination([label(on)], show).examine(models, described)
        return [each["capability"] for each in described.values()]

    shifted = lambda models, images: ({r: x + 1 for r, x in each.items()} for each in load(models, images))  # noqa: E731
    with shared_findings.kept_in(tmp_path):
        first = examine_page(vit=Model())
        again = examine_page(a=Model(), b=Turned())
        assert again[0] == first[0] and again[1]["accuracy"] == 1 and looked == [["b"]]
        for changed in ({"on": MANY[::-1]}, {"show": shifted}, {"on": MANY[:-3]}):
            examine_page(**changed, vit=Model())
            assert looked == [["vit"]]
        examine_page(vit=Model(4))
        assert looked == [["vit"]]
    assert examine_page(vit=Model()) == first and looked == [["vit"]]


def examine(*names: str) -> tuple[list[str], dict]:
    """Which models were shown the images in this process, and what is known of all."""
    seen, described = [], {name: known(name) for name in names}

    def show(models, images):
        seen.extend(models)
        return load(models, images)

    models = {name: Model(3 * (number % 2)) for number, name in enumerate(names)}
    Examination([label(MANY)], show).examine(models, described)
    return seen, described


@pytest.mark.processes
def test_of_several_processes_each_looks_at_its_own_models_and_all_know_of_all():
    work = """
    sys.path.append("..")
    from test_capability import examine
    print(examine(*"abc"), examine("d"))
    """
    (seen, described), (_, one) = examine(*"abc"), examine("d")
    assert seen == ["a", "b", "c"] and len({str(each["capability"]) for each in described.values()}) == 2
    first, second = finish(start(2, work, Path(__file__).parent))
    assert first == (0, f"{(['a', 'c'], described)} {(['d'], one)}\n", "")
    assert second == (0, f"{(['b'], described)} {([], one)}\n", "")  # of one model it saw nothing


def test_at_most_so_many_images_are_looked_at():
    assert len(label([0] * 1000).labels) == capability.MOST_IMAGES


def test_bundled_models_do_what_their_cards_say():
    """Through the chapter's own loading: the pocket models on drawings, far above their controls."""
    from seelike.chapters import uniformity
    from seelike.chapters.prepare import open_run
    from seelike.execution.notebook import find_chapter, read_parameters

    given = read_parameters(find_chapter("uniformity")) | {"n_images": 64, "n_seeds": 1, "vit_small": ""}
    run = open_run(uniformity.CHAPTER, **given)
    list(run.load_models()), list(run.load_controls())
    for role in ("vit", "cnn"):
        can, untrained = (run.described[f"{role}{kind}"]["capability"] for kind in ("", "_random"))
        assert can["measure"] == untrained["measure"] == TOP_1 and can["images"] == 64
        assert can["accuracy"] > 0.7 > 0.3 > untrained["accuracy"]
    assert datasets.name_classes(run.images) == run.images.dataset.classes


def test_images_of_one_class_say_nothing():
    found = plan(timm.create_model("resnet18", num_classes=7), known(), [label([3] * 20)])
    assert found.measure == NOTHING and "one class" in found.reason
