"""Recompute *Do Vision Transformers See Like Convolutional Neural Networks?* on any model and images."""

import os
import warnings

__version__ = "0.1.0"

warnings.filterwarnings("ignore", message="IProgress not found")  # the hub's progress bars; no widgets are wanted

# Torch reads this before its first tensor: large tensors then lie in huge pages, where Linux offers them, and a forward
# pass on a CPU spends less time on the kernel's clearing of small ones.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

from seelike.models import bundled as bundled  # noqa: E402, registers the bundled models with timm
