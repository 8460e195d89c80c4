"""What is streamed is what a plain forward pass computes, and the model is left as it was."""

import pytest
import timm
import torch
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.activations.flattened import stream
from seelike.system.errors import InputError


def count_hooks(model: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


def test_agrees_with_timm_own_intermediates(generator):
    model = timm.create_model("vit_pocket_patch8_56").eval()
    images = torch.randn(3, 3, 56, 56, generator=generator)
    (seen,) = stream(model, [images], [f"blocks.{i}" for i in range(8)])
    with torch.inference_mode():
        expected = model.forward_intermediates(images, intermediates_only=True, output_fmt="NLC", norm=False)
    for i, tokens in enumerate(expected):
        spatial = seen[f"blocks.{i}"].reshape(3, 50, 64)[:, 1:]
        torch.testing.assert_close(spatial, tokens)


def test_in_place_activations_do_not_change_what_was_seen(generator):
    """ResNet's bn1 is followed by an in-place ReLU; what is streamed must still hold negative values."""
    model = timm.create_model("resnet18").eval()
    (seen,) = stream(model, [torch.randn(2, 3, 64, 64, generator=generator)], ["bn1", "layer1.0"])
    assert (seen["bn1"] < 0).any()
    assert (seen["layer1.0"] >= 0).all()


class Passing(nn.Module):
    """Layers that hand on the very tensor that they are given, the last of them changed in place."""

    def __init__(self, change: nn.Module):
        super().__init__()
        self.born, self.passed, self.dropped, self.changed = nn.Linear(4, 4), nn.Identity(), nn.Dropout(), change

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.changed(self.dropped(self.passed(self.born(x))))


@pytest.mark.parametrize("change, n_reduced", [(nn.ReLU(inplace=True), 2), (nn.ReLU(), 2), (nn.Identity(), 1)])
@pytest.mark.parametrize("inference", [False, True])
def test_a_tensor_that_is_handed_on_is_reduced_once_unless_it_was_changed(change, n_reduced, inference, generator):
    names, reduced = ["born", "passed", "dropped", "changed"], []
    model, images = Passing(change).eval(), torch.randn(5, 4, generator=generator)
    with torch.inference_mode(inference):
        (seen,) = stream(model, [images], names, lambda x: reduced.append(1) or x.clone())
        expected = model.born(images)
    assert list(seen) == names
    assert len(reduced) == (4 if inference else n_reduced)  # in inference mode torch counts no changes
    for name in names[:3]:
        torch.testing.assert_close(seen[name], expected)
    torch.testing.assert_close(seen["changed"], expected if n_reduced == 1 else expected.relu())


def test_windowed_attention_keeps_images_apart(generator):
    """Swin's attention sees (windows · images) rows; changing one image must change one row alone."""
    model = timm.create_model("swin_tiny_patch4_window7_224").eval()
    images = torch.randn(3, 3, 224, 224, generator=generator)
    changed = images.clone()
    changed[1] += 1
    (one,), (other,) = (stream(model, [x], ["layers.0.blocks.1.attn"]) for x in (images, changed))
    moved = (one["layers.0.blocks.1.attn"] != other["layers.0.blocks.1.attn"]).any(1)
    assert moved.tolist() == [False, True, False]


@pytest.mark.parametrize("training", [True, False])
def test_leaves_no_trace_even_when_interrupted(training, generator):
    """resnet18 has batch norms, whose running statistics a pass in training mode would change."""
    model = timm.create_model("resnet18").train(training)
    model.layer1.train(not training)
    modes = [module.training for module in model.modules()]
    state = {key: value.clone() for key, value in model.state_dict().items()}

    names = Architecture.of(model, torch.randn(1, 3, 56, 56, generator=generator)).names("all")

    def fail(activation):
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        list(stream(model, [torch.randn(2, 3, 56, 56, generator=generator)], names, fail))
    list(stream(model, [torch.randn(2, 3, 56, 56, generator=generator)], names))
    assert count_hooks(model) == 0
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


def test_refuses_a_layer_that_runs_twice_or_not_at_all():
    layer = nn.Linear(4, 4)
    with pytest.raises(InputError, match="layer 0 runs more than once"):
        list(stream(nn.Sequential(layer, layer), [torch.zeros(2, 4)], ["0"]))

    class Skips(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = layer

        def forward(self, x):
            return x

    with pytest.raises(InputError, match="Linear has no layer 'gone'"):
        list(stream(layer, [torch.zeros(2, 4)], ["gone"]))
    with pytest.raises(InputError, match="inner did not run"):
        list(stream(Skips(), [torch.zeros(2, 4)], ["inner"]))


def test_names_the_layer_that_is_refused():
    def refuse(activation):
        raise InputError("is constant")

    with pytest.raises(InputError, match="layer 0: is constant"):
        list(stream(nn.Sequential(nn.Linear(4, 4)), [torch.zeros(2, 4)], ["0"], refuse))
