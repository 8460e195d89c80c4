"""One chapter's measuring in a process of its own: `chapters.py uniformity --images 128 --side 56 --depth 8`.

All that is measured is bundled but for the ViT (and the Mixer) of another depth, whose weights are random: what a
chapter costs does not depend on what its models have learned. Optional models are left out.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import timm
from safetensors.torch import save_file

from seelike.chapters.prepare import prepare
from seelike.chapters.registry import CHAPTERS
from seelike.execution import notebook
from seelike.results.model_names import SEVERAL
from seelike.system.memory import find_peak, find_used, reset_peak

DEEP = {"vit": ("vit_pocket_patch8_56", "depth"), "mixer": ("mixer_pocket_patch8_56", "num_blocks")}
SYSTEMS = "vtcc_pocket_56=random"  # at any size
N_PROBE_IMAGES = 11  # for each other image: with 128 of those, hardly more than the fewest that probes can do with


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chapter", choices=CHAPTERS)
    parser.add_argument("--images", type=int, required=True)
    parser.add_argument("--side", type=int, required=True, help="pixels, a multiple of 8")
    parser.add_argument("--depth", type=int, required=True, help="blocks")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(given.chapter, given.images, given.side, given.depth, Path(folder))))


def measure(name: str, n_images: int, side: int, depth: int, folder: Path) -> dict:
    """Seconds of all that a chapter measures, and the most MiB beside those that it began with."""
    chapter = CHAPTERS[name]
    sizes = {"n_images": n_images, "batch_size": 32, "image_size": side, "n_seeds": 1}
    sizes |= {"n_probe_images": round(N_PROBE_IMAGES * n_images), "n_field_images": n_images // 2}
    parameters = notebook.read_parameters(notebook.find_chapter(name))
    parameters |= {key: value for key, value in sizes.items() if key in parameters}
    parameters |= dict.fromkeys(chapter.optional, "") | {"results_dir": str(folder)}
    parameters |= {SEVERAL: SYSTEMS} if SEVERAL in parameters else {}
    for role in set(chapter.required) & set(DEEP):
        parameters |= {role: DEEP[role][0], f"{role}_checkpoint": _deepen(*DEEP[role], depth, folder)}
    run = prepare(chapter, **parameters)
    reset_peak()
    before, start = find_used(), time.perf_counter()
    chapter.measure_all(run)
    return {"seconds": time.perf_counter() - start, "peak_mib": find_peak(), "before_mib": before}


def _deepen(architecture: str, argument: str, depth: int, folder: Path) -> str:
    """Let timm build an architecture with so many blocks from now on; a file of random weights for it."""
    build = timm.models.model_entrypoint(architecture)

    def create(pretrained: bool = False, **kwargs):
        return build(pretrained, **{argument: depth}, **kwargs)

    create.__name__, create.__module__ = architecture, build.__module__
    timm.models.register_model(create)
    file = folder / f"{architecture}.safetensors"
    save_file(timm.create_model(architecture).state_dict(), file)
    return str(file)


if __name__ == "__main__":
    main()
