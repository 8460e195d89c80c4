"""Recompute *Do Vision Transformers See Like Convolutional Neural Networks?* on any model and images.

What a researcher calls is here, each made in a file of its name in `seelike.library`, imported where it is first used:

    import seelike as sl
    sim = sl.cka(model_a, model_b, loader, layers="blocks")

Beside `import timm`, in either order, it makes the bundled models known to timm.
"""

import os
import warnings
from importlib import import_module

import wrapt

from seelike.system.version import __version__ as __version__

MEASURES = (
    "compare",
    "cka",
    "cka_of",
    "attention_distance",
    "token_patch_cka",
    "norm_ratio",
    "receptive_field",
    "probe",
)
__all__ = [*MEASURES, "conv_attention", "plot"]  # found by `__getattr__`

warnings.filterwarnings("ignore", message="IProgress not found")  # the hub's progress bars; no widgets are wanted

# Torch reads this before its first tensor: large tensors then lie in huge pages, where Linux offers them, and a forward
# pass on a CPU spends less time on the kernel's clearing of small ones.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")


def __getattr__(name: str):
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.library.{name}")
    globals()[name] = module if name == "plot" else getattr(module, name)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


@wrapt.when_imported("timm")
def _register_bundled(_) -> None:
    import_module(f"{__name__}.models.bundled")
