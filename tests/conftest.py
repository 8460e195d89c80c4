"""Fixtures: small images and models, and the real weights and pictures where they are at hand."""

from pathlib import Path

import pytest
import torch
from PIL import Image

import seelike.models  # noqa: F401, so that every test finds the bundled models in timm

pytest_plugins = ["one_kernel", "site_browser"]
SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def pictures(tmp_path):
    """A folder of twelve small pictures in two classes."""
    for i in range(12):
        folder = tmp_path / "pictures" / f"class{i % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((40, 30), 40 + i).convert("RGB").save(folder / f"{i:02d}.png")
    return tmp_path / "pictures"


@pytest.fixture
def shared():
    """The folder of real weights and photographs; tests that need it skip where it is absent."""
    if not (SHARED / "weights").is_dir():
        pytest.skip("needs the real weights and photographs of a folder `shared` beside the repository")
    return SHARED
