"""The parts of `gpu.py`, in one process: a line of JSON for the start and one for each part, to standard output.

All times are of the device: events around the work, after a turn that does not count; what is compared takes turns.
"""

import copy
import io
import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from clock import describe_machine
from PIL import Image
from torch import distributed, nn
from torch.utils.data import DataLoader, Dataset

from seelike.activations.architecture import Architecture
from seelike.activations.flattened import stream
from seelike.images import datasets
from seelike.measures.cka import CKA, multiply
from seelike.measures.similarities.all_pairs import Similarity
from seelike.models import loading
from seelike.system.memory import find_peak, reset_peak

ROLE = "vit"
FEW = 2  # minibatches that are compared with the truth
CHUNKS = 8  # of a minibatch, each decoded by one process
PHOTOGRAPH = (500, 375)  # pixels, as most of ImageNet's
Minibatches = list[torch.Tensor]


class Case:
    """A large model of random weights, in bfloat16 and in float32, its layers, and images that lie on the device."""

    def __init__(self, given: dict):
        self.device, self.n_images, self.batch = given["device"], given["images"], given["batch"]
        self.thorough = given["seconds"] >= 2 * 75
        with torch.device(self.device):
            self.single = loading.load_random(ROLE, given["model"], device=self.device).requires_grad_(False)
        self.half = copy.deepcopy(self.single).bfloat16()
        self.images = self.draw(self.n_images)
        architecture = Architecture.of(self.single, self.images[:1].float())
        self.layers = {layers: [*architecture.names(layers)] for layers in ("blocks", "all")}

    def draw(self, n_images: int) -> torch.Tensor:
        """(n, 3, h, w) bfloat16: noise of several scales, so that images differ in more than their grain."""
        size = loading.transform_of(self.single)(Image.new("RGB", PHOTOGRAPH)).shape[-2:]
        generator = torch.Generator(self.device).manual_seed(0)
        images = torch.zeros(n_images, 3, *size, device=self.device)
        for side in (2, 7, 28, size[0]):
            noise = torch.randn(n_images, 3, side, side, generator=generator, device=self.device)
            images += nn.functional.interpolate(noise, size, mode="bilinear")
        return images.bfloat16()

    def minibatches(self, size: int = 0, n_images: int = 0) -> Minibatches:
        return list(self.images[: n_images or None].split(size or self.batch))

    def forward(self, model: nn.Module, minibatches: Minibatches) -> None:
        with torch.inference_mode():
            for images in minibatches:
                model(images)

    def compare(
        self, model: nn.Module, minibatches: Iterable[torch.Tensor], names: list[str], reduce=multiply
    ) -> Similarity:
        cka = CKA()
        for images in minibatches:
            cka.update(next(stream(model, [images], names, reduce)))
        return cka.result()

    def multiply_only(self, model: nn.Module, minibatches: Minibatches, names: list[str]) -> None:
        """All of `compare` but what is left when a minibatch has passed."""
        for images in minibatches:
            next(stream(model, [images], names, multiply))

    def time(self, *works: Callable[[], object]) -> list[float]:
        """Seconds of each work, the least of its turns, the first of which does not count."""
        turns = [[self.clock(work) for work in works] for _ in range(8 if self.thorough else 4)]
        return np.min(turns[1:], 0).tolist()

    def clock(self, work: Callable[[], object]) -> float:
        if self.device != "cuda":
            start = time.perf_counter()
            work()
            return time.perf_counter() - start
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize()
        start.record()
        work()
        end.record()
        torch.cuda.synchronize()
        return start.elapsed_time(end) / 1e3

    def peak(self, work: Callable[[], object]) -> int | None:
        """The most MiB on the device during some work, models and images included."""
        reset_peak(self.device)
        work()
        return find_peak(self.device)


def overhead(case: Case) -> dict:
    """CKA of all pairs of all layers and of blocks over passes alone, in bfloat16; where the rest of the time goes."""
    batches, model = case.minibatches(), case.half
    works = {
        "forward": lambda: case.forward(model, batches),
        "cka": lambda: case.compare(model, batches, case.layers["all"]),
        "products": lambda: case.multiply_only(model, batches, case.layers["all"]),
        "blocks": lambda: case.compare(model, batches, case.layers["blocks"]),
    }
    seconds = dict(zip(works, case.time(*works.values()), strict=True))
    start = time.perf_counter()
    case.multiply_only(model, batches[:1], case.layers["all"])  # no value is looked at: it only has kernels launched
    launching = time.perf_counter() - start
    return {
        "cka_over_forward": seconds["cka"] / seconds["forward"],
        "blocks_over_forward": seconds["blocks"] / seconds["forward"],
        "products_over_forward": seconds["products"] / seconds["forward"],
        "images_per_second_forward": case.n_images / seconds["forward"],
        "images_per_second_cka": case.n_images / seconds["cka"],
        "launching_over_minibatch": launching / (seconds["products"] / len(batches)),
        "layers": len(case.layers["all"]),
        "blocks": len(case.layers["blocks"]),
        **{f"peak_mib_{name}": case.peak(works[name]) for name in ("forward", "cka")},
    }


def truth(case: Case) -> dict:
    """How far CKA is from the same in float64: by its products, by its passes in bfloat16, and in float32."""
    half, names = case.minibatches()[:FEW], case.layers["all"]
    single = [images.float() for images in half]
    exact = case.compare(case.half, half, names, _multiply_exactly).values
    exact_single = case.compare(case.single, single, names, _multiply_exactly).values
    ours = case.compare(case.half, half, names).values
    return {
        "images": sum(map(len, half)),
        "difference_sums": _differ(ours, exact),
        "difference_passes": _differ(exact, exact_single),
        "difference_float32": _differ(case.compare(case.single, single, names).values, exact_single),
        "mean_difference_sums": float(np.abs(ours - exact).mean()),
        "least_cka": float(exact.min()),
    }


def peer(case: Case) -> dict:
    """pytorch-cka on the same passes and layers, but for sums in mid-block: they are no module's output."""
    try:
        from cka import compute_cka
    except ImportError as error:
        return {"skipped": f"pytorch-cka cannot be imported ($PEER may name its folder or wheel): {error}"}
    names, few = [name for name in case.layers["all"] if ":" not in name], case.minibatches()[:FEW]

    def ask(batches: Minibatches) -> np.ndarray:
        found = compute_cka(case.half, case.half, [batches], layers=names, device=case.device, progress=False)
        return found[0].float().cpu().numpy()

    batches = case.minibatches()
    forward, ours, theirs = case.time(
        lambda: case.forward(case.half, batches),
        lambda: case.compare(case.half, batches, names),
        lambda: ask(batches),
    )
    exact = case.compare(case.half, few, names, _multiply_exactly).values
    return {
        "layers": len(names),
        "peer_over_ours": theirs / ours,
        "peer_over_forward": theirs / forward,
        "ours_over_forward": ours / forward,
        "difference_peer": _differ(ask(few), exact),
        "difference_ours": _differ(case.compare(case.half, few, names).values, exact),
        "peak_mib_peer": case.peak(lambda: ask(few)),
        "peak_mib_ours": case.peak(lambda: case.compare(case.half, few, names)),
    }


def decoding(case: Case) -> dict:
    """Photographs decoded ahead, by a process a core, while the device measures; against images that are there."""
    with tempfile.TemporaryDirectory() as folder:
        size = _write_photographs(Path(folder), case.n_images)
        images = Decoded(folder, loading.transform_of(case.single))
        options = {"batch_size": max(1, case.batch // CHUNKS), "num_workers": os.cpu_count()}
        options |= {"pin_memory": case.device == "cuda"}

        def read() -> int:
            return sum(len(chunk) for chunk in DataLoader(images, **options))

        def measure() -> None:
            ahead = (read.bfloat16() for read in _group(DataLoader(images, **options), case.batch, case.device))
            case.compare(case.half, ahead, case.layers["all"])

        batches = case.minibatches()
        ready = min(case.clock(lambda: case.compare(case.half, batches, case.layers["all"])) for _ in range(2))
        reading, measuring = case.clock(read), case.clock(measure)
    return {
        "workers": options["num_workers"],
        "kib_a_photograph": size / case.n_images / 2**10,
        "images_per_second_decoding": case.n_images / reading,
        "images_per_second_decoding_and_cka": case.n_images / measuring,
        "measuring_over_decoding": measuring / reading,
        "measuring_over_images_ready": measuring / ready,
    }


def nccl(case: Case) -> dict:
    """A group of one process: it starts, sums, and hands an accumulator to all."""
    backend = "nccl" if case.device == "cuda" else "gloo"
    cka = CKA()
    cka.update(next(stream(case.half, [case.minibatches()[0]], case.layers["blocks"], multiply)))
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        distributed.init_process_group(backend, init_method=f"file://{folder}/store", rank=0, world_size=1)
        everyone, ones = [None], torch.ones(2**20, device=case.device)
        distributed.all_gather_object(everyone, cka)
        distributed.all_reduce(ones)
        total, seconds = float(ones.sum()), time.perf_counter() - start
        exchange = min(case.clock(lambda: distributed.all_gather_object([None], cka)) for _ in range(5))
        distributed.destroy_process_group()
    same = np.array_equal(everyone[0].result().values, cka.result().values) and total == len(ones)
    if not same:
        return {"failed": "what was handed round is not what was sent"}
    return {"backend": backend, "seconds_start": seconds, "seconds_exchange": exchange}


def float32(case: Case) -> dict:
    """The same overhead where passes and products are in float32."""
    batches = [images.float() for images in case.minibatches(n_images=FEW * case.batch)]
    forward, ours = case.time(
        lambda: case.forward(case.single, batches), lambda: case.compare(case.single, batches, case.layers["all"])
    )
    return {"cka_over_forward": ours / forward, "images_per_second_forward": FEW * case.batch / forward}


def sizes(case: Case) -> dict:
    """The overhead at other sizes of a minibatch."""
    found = {}
    for size in sorted({max(4, case.batch // 4), case.batch // 2, 2 * case.batch}):
        batches = case.minibatches(size)
        forward, ours = case.time(
            lambda batches=batches: case.forward(case.half, batches),
            lambda batches=batches: case.compare(case.half, batches, case.layers["all"]),
        )
        found[f"cka_over_forward_of_{size}"] = ours / forward
    return found


PARTS = {part.__name__: part for part in (overhead, truth, peer, decoding, nccl, float32, sizes)}


class Decoded(Dataset):
    """The photographs of a folder, as the model is to see them."""

    def __init__(self, folder: str, transform: Callable):
        self.images, self.transform = datasets.open_images("folder", folder), transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> torch.Tensor:
        torch.set_num_threads(1)
        return self.transform(self.images[index][0])


def _group(chunks: Iterable[torch.Tensor], size: int, device: str) -> Iterator[torch.Tensor]:
    """Minibatches on the device, of chunks that several processes have decoded; a short last one is left out."""
    moved: list[torch.Tensor] = []
    for chunk in chunks:
        moved.append(chunk.to(device, non_blocking=True))
        if sum(map(len, moved)) >= size:
            yield torch.cat(moved)
            moved.clear()


def _write_photographs(folder: Path, n_images: int) -> int:
    """JPEGs of noise, as large as photographs, all in one class; how many bytes they have together."""
    (folder / "noise").mkdir()

    def write(index: int) -> int:
        noise = np.random.default_rng(index)
        coarse = Image.fromarray(noise.integers(0, 256, (30, 40, 3), dtype=np.uint8)).resize(PHOTOGRAPH, Image.BICUBIC)
        grain = noise.integers(-12, 13, (PHOTOGRAPH[1], PHOTOGRAPH[0], 3))
        pixels, content = np.clip(np.asarray(coarse) + grain, 0, 255).astype(np.uint8), io.BytesIO()
        Image.fromarray(pixels).save(content, "JPEG", quality=85)
        return (folder / "noise" / f"{index:05}.jpg").write_bytes(content.getvalue())

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return sum(pool.map(write, range(n_images)))


def _multiply_exactly(x: torch.Tensor) -> torch.Tensor:
    return x.double() @ x.double().T


def _differ(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).max())


def _describe(case: Case) -> dict:
    card = torch.cuda.get_device_name() if case.device == "cuda" else None
    n_parameters = sum(p.numel() for p in case.single.parameters())
    return {"machine": describe_machine() | {"card": card}, "million_parameters": n_parameters / 1e6}


def _attempt(name: str, work: Callable[[], dict]) -> None:
    """Say what was found, or why nothing was; end where the device may be of no use after it."""
    start = time.perf_counter()
    try:
        found = work() | {"seconds": time.perf_counter() - start}
    except Exception as error:
        traceback.print_exc()
        out_of_memory = isinstance(error, torch.OutOfMemoryError)
        found = {"failed": f"{type(error).__name__}: {str(error)[:300]}", "seconds": time.perf_counter() - start}
        found |= {"ended": True} if name == "start" or ("CUDA" in str(error) and not out_of_memory) else {}
    print(json.dumps(found), flush=True)
    if found.get("ended"):
        sys.exit(1)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def main() -> None:
    given, built = json.loads(sys.argv[1]), []
    _attempt("start", lambda: built.append(Case(given)) or _describe(built[0]))
    for name in given["parts"]:
        _attempt(name, lambda name=name: PARTS[name](built[0]))


if __name__ == "__main__":
    main()
