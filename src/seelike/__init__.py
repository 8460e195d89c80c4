"""Recompute *Do Vision Transformers See Like Convolutional Neural Networks?* on any model and images."""

import os
import warnings

from seelike.system.version import __version__ as __version__

warnings.filterwarnings("ignore", message="IProgress not found")  # the hub's progress bars; no widgets are wanted

# Torch reads this before its first tensor: large tensors then lie in huge pages, where Linux offers them, and a forward
# pass on a CPU spends less time on the kernel's clearing of small ones.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
