"""Recompute *Do Vision Transformers See Like Convolutional Neural Networks?* on any model and images."""

import warnings

__version__ = "0.1.0"

warnings.filterwarnings("ignore", message="IProgress not found")  # the hub's progress bars; no widgets are wanted

from seelike import zoo as zoo  # noqa: E402, registers the bundled models with timm
