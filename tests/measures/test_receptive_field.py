"""Receptive fields: one convolution's is its kernel; a branch, a sum; shares and radii by hand."""

import numpy as np
import pytest
import timm
import torch
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.measures import receptive_field
from seelike.measures.intervals import combine
from seelike.measures.receptive_field import (
    Branches,
    ReceptiveFields,
    Window,
    effective_radius,
    find_terms,
    late_mlp_share_lead,
    lowest_third_radius,
    middle_third_radius,
    own_share,
)
from seelike.system.errors import InputError


def images(n=3, side=16):
    return torch.randn(n, 3, side, side, generator=torch.Generator().manual_seed(0))


def test_one_convolutions_field_is_its_kernel():
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1))
    fields = receptive_field.average_fields(model, [images()], ["0"])
    kernel = model[0].weight.detach().abs().sum(1).mean(0).double().numpy()
    expected = np.zeros((16, 16))
    expected[7:10, 7:10] = kernel / kernel.sum()
    np.testing.assert_allclose(fields.values[0] / fields.values[0].sum(), expected, rtol=1e-5)
    assert fields.windows["0"] == Window(8, 9, 8, 9)
    assert fields.shares()[0] == pytest.approx(kernel[1, 1] / kernel.sum())


def test_a_deeper_layer_sees_more_and_a_copy_as_much():
    model = nn.Sequential(*(nn.Conv2d(3, 3, 3, padding=1) for _ in range(3)), nn.Identity())
    radii = receptive_field.average_fields(model, [images()], ["0", "1", "2", "3"]).radii()
    assert radii[0] < radii[1] < radii[2] == radii[3]


def test_agrees_with_differences():
    """Oracle: change one pixel a little and see what the centre does."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 2, 5, padding=2, stride=2), nn.Tanh(), nn.Conv2d(2, 2, 3, padding=1)).double()
    x = images(1, 8).double()
    fields = receptive_field.average_fields(model, [x], ["2"]).values[0]
    slow = np.zeros((8, 8))
    for row in range(8):
        for column in range(8):
            for colour in range(3):
                step = torch.zeros_like(x)
                step[0, colour, row, column] = 1e-5
                with torch.no_grad():
                    slope = ((model(x + step) - model(x - step)) / 2e-5)[0, :, 2, 2]
                slow[row, column] += slope.abs().mean().item()
    np.testing.assert_allclose(fields, slow, atol=1e-8)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_the_callers_mode_changes_nothing(mode):
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Tanh())
    expected = receptive_field.estimate_fields(model, [images()], ["0", "1"]).values
    with mode():
        np.testing.assert_array_equal(receptive_field.estimate_fields(model, [images()], ["0", "1"]).values, expected)


def test_a_layer_that_runs_twice_is_refused_and_its_twin_not():
    again, once = nn.Tanh(), nn.Tanh()
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), again, again, once)
    with pytest.raises(InputError, match="layer 1 runs more than once"):
        receptive_field.estimate_fields(model, [images()], ["1"])
    assert receptive_field.estimate_fields(model, [images()], ["3"]).radii() > 0


def test_inplace_operations_later_on_change_nothing():
    torch.manual_seed(0)
    convolution = nn.Conv2d(3, 4, 3, padding=1)
    plain = receptive_field.estimate_fields(nn.Sequential(convolution), [images()], ["0"]).values
    followed = receptive_field.estimate_fields(
        nn.Sequential(convolution, nn.ReLU(inplace=True)), [images()], ["0"]
    ).values
    np.testing.assert_array_equal(plain, followed)


@pytest.mark.parametrize("team", [1, 2])
def test_minibatches_do_not_matter_and_images_and_seeds_do(team):
    model, names = timm.create_model("resnet_pocket").eval(), ["stages.0.blocks.0", "stages.3.blocks.2"]
    whole = receptive_field.estimate_fields(model, [images(4, 56)], names, team)
    parts = receptive_field.estimate_fields(model, images(4, 56).split(team), names, team)
    np.testing.assert_allclose(whole.values, parts.values, rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(whole.sums, parts.sums, rtol=1e-4)
    assert not np.allclose(whole.sums[0], whole.sums[1])
    assert not np.allclose(
        whole.sums, receptive_field.estimate_fields(model, [images(4, 56)], names, team, seed=1).sums
    )


def test_sums_give_the_radius_and_the_share_of_the_mean_field():
    model = timm.create_model("resnet_pocket").eval()
    fields = receptive_field.average_fields(model, [images(4, 56)], ["stem"])
    window = fields.windows["stem"]
    assert fields.radii()[0] == pytest.approx(effective_radius(fields.values[0], window))
    assert fields.shares()[0] == pytest.approx(own_share(fields.values[0], window))
    one = receptive_field.average_fields(model, [images(4, 56)[2:3]], ["stem"])
    assert fields.radii(np.array([2]))[0] == pytest.approx(one.radii()[0])


@pytest.mark.parametrize(("n", "team"), [(7, 3), (2, 3), (6, 3), (5, 8), (1, 1)])
def test_every_layer_is_differentiated_at_one_image_of_every_team(n, team):
    """Oracle: a layer of one channel has nothing to draw, so each team's mass is that of one of its images."""
    model = nn.Sequential(*(nn.Sequential(nn.Conv2d(3 if i == 0 else 1, 1, 3, padding=1), nn.Tanh()) for i in range(4)))
    x, names = images(n), ["0", "1", "2", "3"]
    exact = receptive_field.average_fields(model, [x], names).sums
    fields = receptive_field.estimate_fields(model, [x], names, team)
    teams = np.array_split(np.arange(n), -(-n // team))
    assert len(fields.sums) == len(teams)
    for of_team, members in zip(fields.sums, teams, strict=True):
        chosen = [exact[members[index % len(members)], index] for index in range(4)]
        np.testing.assert_allclose(of_team, chosen, rtol=1e-4)


def test_few_layers_fall_to_an_image():
    passes = []
    model = timm.create_model("vit_pocket_patch8_56").eval()
    model.register_forward_pre_hook(lambda *_: passes.append(0))
    names, differentiated = [f"blocks.{i}" for i in range(8)], []
    team = receptive_field.choose_team(len(names), 3)
    grad = torch.autograd.grad
    with pytest.MonkeyPatch.context() as patched:
        count = lambda y, x, **options: differentiated.append(len(x)) or grad(y, x, **options)  # noqa: E731
        patched.setattr(torch.autograd, "grad", count)
        receptive_field.estimate_fields(model, [images(8, 56)], names, team)
    assert sum(differentiated) == 8 * len(names) / team <= 8 * receptive_field.LAYERS_AN_IMAGE
    assert len(passes) == team


class _Toy(nn.Sequential):
    """Channels of very different gradients, and gradients that hang on the image."""

    def __init__(self, seed: int = 0):
        torch.manual_seed(seed)
        super().__init__(nn.Conv2d(3, 6, 3, padding=1), nn.Tanh(), nn.Conv2d(6, 5, 3, padding=1), nn.ReLU())
        with torch.no_grad():
            self[0].weight *= torch.linspace(0.1, 3, 6).reshape(6, 1, 1, 1)
            self[2].weight *= torch.linspace(0.1, 2, 5).reshape(5, 1, 1, 1)


LAYERS = ["0", "1", "2", "3"]


def draw(seed: int, n: int = 48) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 3, 8, 8, generator=generator) * torch.rand(n, 1, 1, 1, generator=generator) * 3


def test_samples_agree_with_all_channels_of_many_images_within_their_standard_error():
    """Oracle: the exact form, on images of the same kind; samples are of other images each, two to a team."""
    model = _Toy()
    exact = receptive_field.average_fields(model, [draw(1000, 4000)], LAYERS)
    samples = [receptive_field.estimate_fields(model, [draw(seed)], LAYERS, 2, seed) for seed in range(200)]
    values = np.stack([each.values for each in samples])
    off = (values.mean(0) - exact.values) / np.maximum(values.std(0, ddof=1) / len(samples) ** 0.5, 1e-12)
    assert np.abs(off).max() < 5 and off.std() < 1.5
    for part, radii in enumerate((ReceptiveFields.radii, ReceptiveFields.shares)):
        found, truth = np.stack([radii(each) for each in samples]), radii(exact)
        errors = np.stack([each.errors()[part] for each in samples])
        np.testing.assert_allclose(found.mean(0), truth, atol=1e-9 + 0.4 * errors.mean(0).max())
        spread = found.std(0, ddof=1)
        np.testing.assert_allclose((errors**2).mean(0) ** 0.5, spread, rtol=0.3, atol=1e-9)
    assert np.isnan(receptive_field.estimate_fields(model, [draw(0, 2)], LAYERS, 2).errors()).all()


def add_up(terms) -> dict:
    return {part: combine({roles: [each] for roles, each in own.items()}) for part, own in terms.items()}


def test_intervals_cover_what_all_channels_of_many_images_give():
    vit, cnn = _Toy(), _Toy(1)
    effect = lambda *fields: add_up(find_terms(*fields, Branches(("2",), ("3",), ("1",), ("0",))))  # noqa: E731
    exact = [receptive_field.average_fields(model, [draw(1000, 4000)], LAYERS) for model in (vit, cnn)]
    truth = {claim: found.effect for claim, found in effect(*exact).items()}
    covered = {claim: 0 for claim in truth}
    for seed in range(60):
        sample = [receptive_field.estimate_fields(model, [draw(seed)], LAYERS, 2, seed) for model in (vit, cnn)]
        for claim, found in effect(*sample).items():
            covered[claim] += found.low <= truth[claim] <= found.high
    assert all(n >= 52 for n in covered.values()), covered  # of 60; 95 % are 57, and fewer than 52 one case in 100


def test_radius_and_share_by_hand():
    window = Window(8, 16, 8, 16)
    even, own = np.ones((24, 24)), np.zeros((24, 24))
    own[8:16, 8:16] = 1
    assert effective_radius(even, window) == pytest.approx(1)
    assert own_share(even, window) == pytest.approx(1 / 9)
    assert own_share(own, window) == 1 and effective_radius(own, window) < 0.5
    corner = np.zeros((24, 24))
    corner[0, 0] = 5
    y, x = np.indices((24, 24)) + 0.5
    assert effective_radius(corner, window) == pytest.approx(11.5 * 2**0.5 / np.hypot(y - 12, x - 12).mean())
    assert effective_radius(7 * even, window) == pytest.approx(effective_radius(even, window))


def test_the_window_of_a_token_is_its_patch():
    model = timm.create_model("vit_pocket_patch8_56", pretrained=True).eval()
    fields = receptive_field.estimate_fields(model, [images(2, 56)], ["patch_embed", "blocks.0", "blocks.7"])
    assert fields.windows["blocks.0"] == Window(24, 32, 24, 32)
    assert fields.shares()[0] == 1 and fields.shares()[2] < fields.shares()[1] < 1


def test_branches_are_paired_with_their_sums():
    model = timm.create_model("vit_pocket_patch8_56").eval()
    found = receptive_field.find_branches(Architecture.of(model, images(1, 56)), model)
    pairs = [found.attention, found.attention_sums, found.mlp, found.mlp_sums]
    assert [names[3] for names in pairs] == ["blocks.3.attn", "blocks.3.norm2:input", "blocks.3.mlp", "blocks.3"]
    assert {len(names) for names in pairs} == {8} and len(found.inside) == 24
    cnn = timm.create_model("resnet_pocket").eval()
    assert not receptive_field.find_branches(Architecture.of(cnn, images(1, 56)), cnn).inside


def test_a_branch_and_its_sum_differ_by_the_skip():
    """Oracle: what a block returns has the gradient of its skip and of its MLP branch, added up."""
    model = timm.create_model("vit_pocket_patch8_56", pretrained=False).eval()
    names = ["blocks.0.norm2:input", "blocks.0.mlp", "blocks.0"]
    x = images(1, 56).requires_grad_()
    kept = receptive_field._keep(model, x, names)
    total, branch, block = (torch.autograd.grad(kept[name][0, 20, 3], x, retain_graph=True)[0] for name in names)
    torch.testing.assert_close(total + branch, block)
    assert not torch.allclose(branch, block)


def test_effects_by_hand():
    of = lambda *sums: np.repeat(np.array([sums], float), 8, 0)  # noqa: E731
    inside = Branches(("b.attn",), ("b.norm2:input",), ("b.mlp",), ("b",))
    sums = of((2, 1.8, 1), (2, 2, 0.2), (4, 1, 3), (4, 4, 2))
    vit = ReceptiveFields(("b", "b.attn", "b.norm2:input", "b.mlp"), {}, None, sums)
    cnn = ReceptiveFields(("a",), {}, None, of((5, 1, 5)))
    terms = find_terms(vit, cnn, inside)
    assert {part: sorted(own) for part, own in terms.items()} == {
        "A4a": [("cnn",), ("vit",)], "A4b": [("cnn",)], "A4c": [("vit",)], "A5a": [("vit",)], "A5b": [("vit",)]
    }  # fmt: skip
    found = {part: estimate.effect for part, estimate in add_up(terms).items()}
    assert found == pytest.approx({"A4a": 0.7, "A4b": 0.2, "A4c": 0.9, "A5a": 0.65, "A5b": 0.4})
    alone = find_terms(vit, cnn, Branches((), (), (), ()))
    assert sorted(alone) == ["A4a", "A4b", "A4c"]


def test_replicates_leave_out_one_team_each():
    vit = receptive_field.estimate_fields(_Toy(), [draw(0, 9)], LAYERS)
    found = vit.replicates(lambda radii, shares: radii[3] - shares[0])
    expected = [vit.radii(np.delete(np.arange(9), i))[3] - vit.shares(np.delete(np.arange(9), i))[0] for i in range(9)]
    np.testing.assert_allclose(found, [vit.radii()[3] - vit.shares()[0], *expected])


def test_thirds_and_halves_of_the_blocks():
    assert lowest_third_radius(np.array([1.0, 2, 9, 9, 9, 9, 9])) == 1.5
    assert lowest_third_radius(np.array([3.0, 9])) == 3
    assert middle_third_radius(np.array([9.0, 9, 1, 3, 9, 9])) == 2
    assert middle_third_radius(np.array([9.0, 9, 9, 1, 3, 9, 9, 9])) == 2
    assert middle_third_radius(np.array([9.0, 9, 9, 1, 2, 3, 9, 9, 9, 9])) == 2
    assert middle_third_radius(np.array([5.0])) == 5
    assert late_mlp_share_lead(np.array([0.9, 0.1, 0.2]), np.array([0.0, 0.3, 0.6])) == pytest.approx(0.3)


def test_arrays_are_relative_to_the_largest_cell():
    fields = receptive_field.estimate_fields(timm.create_model("resnet_pocket").eval(), [images(2, 56)], ["stem"], 2)
    found = receptive_field.arrays({"cnn": fields})
    assert found["receptive_field"]["cnn"].values.shape == (1, 28, 28)
    assert found["receptive_field"]["cnn"].values.max() == 1
    assert found["own_share"]["cnn"].axes == {"layer": ["stem"]}
    assert found["own_share_error"]["cnn"].values.shape == (1,)


def test_layers_without_positions_and_no_images_are_refused():
    model = timm.create_model("resnet_pocket").eval()
    with pytest.raises(InputError, match="layer head.fc has no positions"):
        receptive_field.estimate_fields(_Flat(), [images()], ["head.fc"])
    with pytest.raises(InputError, match="at least one image"):
        receptive_field.estimate_fields(model, [], ["stem"])


class _Flat(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.ModuleDict({"fc": nn.Linear(3, 2)})

    def forward(self, x):
        return self.head["fc"](x.mean((2, 3)))


def test_another_position_than_the_centre_has_its_own_field():
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1))
    found = receptive_field.map_fields(model, images(), ["0"], np.array([[0.5 / 16, 15.5 / 16]]))
    seen = np.zeros((16, 16), bool)
    seen[:2, 14:] = True
    assert ((found[0, 0] > 0) == seen).all()
    assert receptive_field.raster(found, 4).shape == (1, 1, 4, 4)


def test_fields_of_many_positions_at_once_are_those_of_each_alone():
    model, names = timm.create_model("vit_pocket_patch8_56").eval(), ["patch_embed", "blocks.3"]
    points = np.array([[0.5, 0.5], [0.1, 0.9], [0.6, 0.2]])
    x = images(3, 56)
    found = receptive_field.map_fields(model, x, names, points, seed=4)
    alone = [receptive_field.map_fields(model, x, names, points[[i]], seed=4)[0] for i in range(3)]
    np.testing.assert_allclose(found, alone, rtol=1e-4, atol=1e-9)
    centre = receptive_field.estimate_fields(model, [x], names, seed=4).values
    np.testing.assert_allclose(found[0], centre, rtol=1e-4, atol=1e-9)
    assert not np.allclose(found[1], found[2], rtol=0.1)
