"""What cards tell beside answers to test images, against asking the model by hand."""

import numpy as np
import pytest
import timm
import torch

from seelike.images.other_cues import Grounded
from seelike.images.shapes import Conflicts, Shapes, label_pixels
from seelike.measures.attention_segments import choose_patches, jaccard
from seelike.measures.object_parts import FOREGROUND, PARTS
from seelike.measures.segmentation import mean_iou
from seelike.models.recipes import RESNET, SHAPES, VIT
from seelike.results.answers import read_digits
from seelike.training import asked
from seelike.training.accuracy import answer, normalize
from seelike.training.asked import ask

N = 12


def test_models_of_grounded_drawings_are_asked_about_parts_of_them():
    model = timm.create_model(f"{RESNET}.shapes", pretrained=True).eval()
    found = ask(f"{RESNET}.shapes_grounded_seed1", model, N)
    assert list(found) == ["asked"] and list(found["asked"]) == list(PARTS)
    drawings = [Grounded("test").drawing(index) for index in range(N)]
    alone = torch.zeros(N, 3, 56, 56, dtype=torch.uint8)
    for place, each in zip(alone, drawings, strict=True):
        rows, columns = (slice(found.min(), found.max() + 1) for found in each.mask.nonzero())
        place[:, rows, columns] = torch.tensor(each.image).permute(2, 0, 1)[:, rows, columns]
    assert read_digits(found["asked"][FOREGROUND]).tolist() == answer(model, alone).tolist()


@pytest.mark.parametrize("tag", ["shapes", "shapes_seed2", "shapes_untextured"])
def test_models_of_outlines_and_ordinary_ones_are_asked_about_the_same_drawings(tag):
    vit, cnn = (timm.create_model(f"{name}.shapes", pretrained=True).eval() for name in (VIT, RESNET))
    of_vit, of_cnn = ask(f"{VIT}.{tag}", vit, N), ask(f"{RESNET}.{tag}", cnn, N)
    for model, found in ((vit, of_vit), (cnn, of_cnn)):
        for drawn in (Shapes, Conflicts):
            own = answer(model, drawn("test").stack(N)[0])
            assert read_digits(found["asked"][drawn.name]).tolist() == own.tolist()
    assert 0 < of_vit["jaccard"] < 1 and "jaccard" not in of_cnn


def test_the_index_of_the_best_head_is_one_of_its_heads_and_no_better_than_the_best():
    """Slow: the last attention by its queries and keys, head by head."""
    vit = timm.create_model(f"{VIT}.shapes", pretrained=True).eval()
    images, _ = Shapes("test").stack(N)
    masks = torch.stack([torch.from_numpy(Shapes("test").drawing(index).mask) for index in range(N)])
    kept = []
    hook = vit.blocks[-1].attn.qkv.register_forward_hook(lambda _, __, out: kept.append(out))
    with torch.inference_mode():
        vit(normalize(images))
    hook.remove()
    queries, keys, _ = kept[0].unflatten(-1, (3, 4, 16)).permute(2, 0, 3, 1, 4)
    attention = (queries[:, :, :1] @ keys.mT / 4).softmax(-1)[:, :, 0, 1:]
    heads = jaccard(choose_patches(attention / attention.sum(-1, keepdim=True)).unflatten(2, (7, 7)), masks).mean(0)
    assert heads.min() - 0.1 < ask(f"{VIT}.shapes", vit, N)["jaccard"] <= heads.max() + 1e-4


def test_labels_of_patches_and_pixels_are_counted_by_group_of_drawings(monkeypatch):
    monkeypatch.setattr(asked, "GROUPS", 4)
    name = "vit_pocket_dense_56.dense_shapes"
    model, drawings = timm.create_model(name).eval(), [Shapes("test").drawing(index) for index in range(N)]
    found = ask(name, model, N)
    with torch.inference_mode():
        shares = model.forward_both(normalize(Shapes("test").stack(N)[0]))[1].softmax(1)
    pixels, patches = shares.argmax(1), shares.unfold(2, 8, 8).unfold(3, 8, 8).mean((4, 5)).argmax(1)
    truth = torch.stack([torch.from_numpy(label_pixels(each)) for each in drawings])
    shown = torch.stack([torch.from_numpy(each.mask) for each in drawings]).float().unfold(1, 8, 8).unfold(2, 8, 8)
    objects = torch.tensor([1 + each.outline for each in drawings])[:, None, None] * (shown.mean((3, 4)) >= 0.5)
    for what, labels, answers in (("pixels", truth, pixels), ("patches", objects, patches)):
        tables = np.array(found[what])
        assert tables.shape == (4, 6, 6) and tables.sum() == answers.numel()
        for table, own, given in zip(tables, labels.tensor_split(4), answers.tensor_split(4), strict=True):
            assert [[((own == i) & (given == j)).sum() for j in range(6)] for i in range(6)] == table.tolist()
        assert found[f"miou_of_{what}"] == pytest.approx(mean_iou(tables.sum(0)), abs=1e-4)
    outlines = [each.outline for each in drawings]
    assert [int(index) for index in found["shown"]] == [outlines.index(each) for each in sorted(set(outlines))]
    for index, digits in found["shown"].items():
        assert read_digits(digits).reshape(56, 56).tolist() == pixels[int(index)].tolist()


@pytest.mark.parametrize("design", ["posattn", "uniform", "wired"])
def test_of_others_no_more_is_asked_than_test_images(design):
    assert ask(f"{SHAPES.name(design)}.shapes", torch.nn.Identity(), N) == {}
