"""VTCC: two stems, fixed places, and as many answers as clusters."""

import pytest
import timm
import torch


@pytest.mark.parametrize("backbone", ["", "patchstem_", "resnet_"])
def test_images_become_vectors_and_scores_of_clusters(backbone):
    model = timm.create_model(f"vtcc_pocket_{backbone}56.unlabelled_strokes").eval()
    vectors, scores = model.forward_both(torch.zeros(2, 3, 56, 56))
    assert vectors.shape == (2, 128) and scores.shape == (2, 10)
    assert torch.equal(model(torch.zeros(2, 3, 56, 56)), scores)


def test_five_clusters_for_five_cues():
    assert timm.create_model("vtcc_pocket_56.unlabelled_shapes")(torch.zeros(1, 3, 56, 56)).shape == (1, 5)


def test_both_stems_give_the_same_grid_and_places_do_not_learn():
    models = [timm.create_model(f"vtcc_pocket_{stem}56", seed=1) for stem in ("", "patchstem_")]
    assert [model.patch_embed(torch.zeros(1, 3, 56, 56)).shape for model in models] == [(1, 49, 64)] * 2
    for model in models:
        assert "pos_embed" in model.state_dict() and "pos_embed" not in dict(model.named_parameters())
        assert (model.pos_embed[0, 0] == 0).all() and len(model.pos_embed[0].unique(dim=0)) == 50
